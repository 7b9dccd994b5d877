// Original file: sluice/v1/agent.proto

export const ObservedState = {
  OBSERVED_STATE_UNSPECIFIED: 'OBSERVED_STATE_UNSPECIFIED',
  /**
   * Accepted; the process is about to start.
   */
  OBSERVED_STATE_STARTING: 'OBSERVED_STATE_STARTING',
  OBSERVED_STATE_RUNNING: 'OBSERVED_STATE_RUNNING',
  OBSERVED_STATE_STOPPING: 'OBSERVED_STATE_STOPPING',
  /**
   * The process ended, its GPUs are not confirmed clean.
   */
  OBSERVED_STATE_EXITED: 'OBSERVED_STATE_EXITED',
  /**
   * Ended, no process left, GPUs clean. Kept until the scheduler no longer asks for it.
   */
  OBSERVED_STATE_RELEASED: 'OBSERVED_STATE_RELEASED',
  /**
   * Everything is prepared, and the process waits for the order that lets it start (see TaskLaunch.hold).
   */
  OBSERVED_STATE_READY: 'OBSERVED_STATE_READY',
} as const;

export type ObservedState =
  | 'OBSERVED_STATE_UNSPECIFIED'
  | 0
  /**
   * Accepted; the process is about to start.
   */
  | 'OBSERVED_STATE_STARTING'
  | 1
  | 'OBSERVED_STATE_RUNNING'
  | 2
  | 'OBSERVED_STATE_STOPPING'
  | 3
  /**
   * The process ended, its GPUs are not confirmed clean.
   */
  | 'OBSERVED_STATE_EXITED'
  | 4
  /**
   * Ended, no process left, GPUs clean. Kept until the scheduler no longer asks for it.
   */
  | 'OBSERVED_STATE_RELEASED'
  | 5
  /**
   * Everything is prepared, and the process waits for the order that lets it start (see TaskLaunch.hold).
   */
  | 'OBSERVED_STATE_READY'
  | 6

export type ObservedState__Output = typeof ObservedState[keyof typeof ObservedState]

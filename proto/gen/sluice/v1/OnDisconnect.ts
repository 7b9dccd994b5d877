// Original file: sluice/v1/workload.proto

/**
 * What becomes of tasks whose node has no contact with the scheduler.
 */
export const OnDisconnect = {
  ON_DISCONNECT_UNSPECIFIED: 'ON_DISCONNECT_UNSPECIFIED',
  /**
   * They stop as soon as the lease of their node is over.
   */
  ON_DISCONNECT_STOP: 'ON_DISCONNECT_STOP',
  /**
   * They go on for 15 minutes, then stop.
   */
  ON_DISCONNECT_LINGER: 'ON_DISCONNECT_LINGER',
  /**
   * They go on without end, and are not started elsewhere before their end is proven. For administrators.
   */
  ON_DISCONNECT_KEEP: 'ON_DISCONNECT_KEEP',
} as const;

/**
 * What becomes of tasks whose node has no contact with the scheduler.
 */
export type OnDisconnect =
  | 'ON_DISCONNECT_UNSPECIFIED'
  | 0
  /**
   * They stop as soon as the lease of their node is over.
   */
  | 'ON_DISCONNECT_STOP'
  | 1
  /**
   * They go on for 15 minutes, then stop.
   */
  | 'ON_DISCONNECT_LINGER'
  | 2
  /**
   * They go on without end, and are not started elsewhere before their end is proven. For administrators.
   */
  | 'ON_DISCONNECT_KEEP'
  | 3

/**
 * What becomes of tasks whose node has no contact with the scheduler.
 */
export type OnDisconnect__Output = typeof OnDisconnect[keyof typeof OnDisconnect]

// Original file: sluice/v1/workload.proto

/**
 * Where one task's allocation is in its life.
 */
export const AllocationState = {
  ALLOCATION_STATE_UNSPECIFIED: 'ALLOCATION_STATE_UNSPECIFIED',
  /**
   * Ordered; the agent has not confirmed the process yet.
   */
  ALLOCATION_STATE_PLACED: 'ALLOCATION_STATE_PLACED',
  ALLOCATION_STATE_RUNNING: 'ALLOCATION_STATE_RUNNING',
  /**
   * Told to stop; inside its grace.
   */
  ALLOCATION_STATE_STOPPING: 'ALLOCATION_STATE_STOPPING',
  /**
   * The process ended; its GPUs are not confirmed clean yet.
   */
  ALLOCATION_STATE_EXITED: 'ALLOCATION_STATE_EXITED',
  /**
   * Its GPUs are free again.
   */
  ALLOCATION_STATE_RELEASED: 'ALLOCATION_STATE_RELEASED',
} as const;

/**
 * Where one task's allocation is in its life.
 */
export type AllocationState =
  | 'ALLOCATION_STATE_UNSPECIFIED'
  | 0
  /**
   * Ordered; the agent has not confirmed the process yet.
   */
  | 'ALLOCATION_STATE_PLACED'
  | 1
  | 'ALLOCATION_STATE_RUNNING'
  | 2
  /**
   * Told to stop; inside its grace.
   */
  | 'ALLOCATION_STATE_STOPPING'
  | 3
  /**
   * The process ended; its GPUs are not confirmed clean yet.
   */
  | 'ALLOCATION_STATE_EXITED'
  | 4
  /**
   * Its GPUs are free again.
   */
  | 'ALLOCATION_STATE_RELEASED'
  | 5

/**
 * Where one task's allocation is in its life.
 */
export type AllocationState__Output = typeof AllocationState[keyof typeof AllocationState]

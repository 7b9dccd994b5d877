// Original file: sluice/v1/workload.proto

/**
 * Where a workload is in its life.
 */
export const WorkloadState = {
  WORKLOAD_STATE_UNSPECIFIED: 'WORKLOAD_STATE_UNSPECIFIED',
  /**
   * Waits for GPUs.
   */
  WORKLOAD_STATE_PENDING: 'WORKLOAD_STATE_PENDING',
  /**
   * Has its GPUs; not every task runs yet.
   */
  WORKLOAD_STATE_STARTING: 'WORKLOAD_STATE_STARTING',
  /**
   * Every task runs.
   */
  WORKLOAD_STATE_RUNNING: 'WORKLOAD_STATE_RUNNING',
  /**
   * Was told to stop; it may come back as pending.
   */
  WORKLOAD_STATE_STOPPING: 'WORKLOAD_STATE_STOPPING',
  WORKLOAD_STATE_SUCCEEDED: 'WORKLOAD_STATE_SUCCEEDED',
  WORKLOAD_STATE_FAILED: 'WORKLOAD_STATE_FAILED',
  WORKLOAD_STATE_CANCELLED: 'WORKLOAD_STATE_CANCELLED',
} as const;

/**
 * Where a workload is in its life.
 */
export type WorkloadState =
  | 'WORKLOAD_STATE_UNSPECIFIED'
  | 0
  /**
   * Waits for GPUs.
   */
  | 'WORKLOAD_STATE_PENDING'
  | 1
  /**
   * Has its GPUs; not every task runs yet.
   */
  | 'WORKLOAD_STATE_STARTING'
  | 2
  /**
   * Every task runs.
   */
  | 'WORKLOAD_STATE_RUNNING'
  | 3
  /**
   * Was told to stop; it may come back as pending.
   */
  | 'WORKLOAD_STATE_STOPPING'
  | 4
  | 'WORKLOAD_STATE_SUCCEEDED'
  | 5
  | 'WORKLOAD_STATE_FAILED'
  | 6
  | 'WORKLOAD_STATE_CANCELLED'
  | 7

/**
 * Where a workload is in its life.
 */
export type WorkloadState__Output = typeof WorkloadState[keyof typeof WorkloadState]

// Original file: sluice/v1/workload.proto

export const NotifyOn = {
  NOTIFY_ON_UNSPECIFIED: 'NOTIFY_ON_UNSPECIFIED',
  /**
   * It runs.
   */
  NOTIFY_ON_START: 'NOTIFY_ON_START',
  /**
   * It has ended, however.
   */
  NOTIFY_ON_END: 'NOTIFY_ON_END',
  /**
   * It has failed.
   */
  NOTIFY_ON_FAIL: 'NOTIFY_ON_FAIL',
  /**
   * It lost its GPUs, or is tried again, and is back in its queue.
   */
  NOTIFY_ON_REQUEUE: 'NOTIFY_ON_REQUEUE',
  /**
   * Its GPUs have been idle for so long that its queue warns.
   */
  NOTIFY_ON_IDLE: 'NOTIFY_ON_IDLE',
} as const;

export type NotifyOn =
  | 'NOTIFY_ON_UNSPECIFIED'
  | 0
  /**
   * It runs.
   */
  | 'NOTIFY_ON_START'
  | 1
  /**
   * It has ended, however.
   */
  | 'NOTIFY_ON_END'
  | 2
  /**
   * It has failed.
   */
  | 'NOTIFY_ON_FAIL'
  | 3
  /**
   * It lost its GPUs, or is tried again, and is back in its queue.
   */
  | 'NOTIFY_ON_REQUEUE'
  | 4
  /**
   * Its GPUs have been idle for so long that its queue warns.
   */
  | 'NOTIFY_ON_IDLE'
  | 5

export type NotifyOn__Output = typeof NotifyOn[keyof typeof NotifyOn]

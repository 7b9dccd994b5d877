// Original file: sluice/v1/workload.proto

/**
 * Why a task was told to stop.
 */
export const StopReason = {
  STOP_REASON_UNSPECIFIED: 'STOP_REASON_UNSPECIFIED',
  /**
   * Another queue took back what it is guaranteed.
   */
  STOP_REASON_RECLAIMED: 'STOP_REASON_RECLAIMED',
  /**
   * Higher priority work of the same queue needed the GPUs.
   */
  STOP_REASON_PREEMPTED: 'STOP_REASON_PREEMPTED',
  STOP_REASON_CANCELLED: 'STOP_REASON_CANCELLED',
  /**
   * Another task of the same gang ended.
   */
  STOP_REASON_GANG_ENDED: 'STOP_REASON_GANG_ENDED',
  /**
   * The node was not heard of until its fence time had passed.
   */
  STOP_REASON_NODE_LOST: 'STOP_REASON_NODE_LOST',
  /**
   * It was moved to other GPUs, so that larger work fits where it was.
   */
  STOP_REASON_MOVED: 'STOP_REASON_MOVED',
  /**
   * Its time limit passed.
   */
  STOP_REASON_TIME_LIMIT: 'STOP_REASON_TIME_LIMIT',
  /**
   * A maintenance of its node begins.
   */
  STOP_REASON_MAINTENANCE: 'STOP_REASON_MAINTENANCE',
  /**
   * A user asked for it to be requeued.
   */
  STOP_REASON_REQUEUED: 'STOP_REASON_REQUEUED',
  /**
   * Its node is drained, and the deadline passed.
   */
  STOP_REASON_DRAIN: 'STOP_REASON_DRAIN',
  /**
   * The task leaves and the others of its workload go on. Told to the task alone; to others the reason is why it had to leave.
   */
  STOP_REASON_RESIZE: 'STOP_REASON_RESIZE',
  /**
   * A GPU that it holds failed.
   */
  STOP_REASON_GPU_FAULT: 'STOP_REASON_GPU_FAULT',
  /**
   * Its GPUs were idle for longer than its queue allows.
   */
  STOP_REASON_IDLE: 'STOP_REASON_IDLE',
} as const;

/**
 * Why a task was told to stop.
 */
export type StopReason =
  | 'STOP_REASON_UNSPECIFIED'
  | 0
  /**
   * Another queue took back what it is guaranteed.
   */
  | 'STOP_REASON_RECLAIMED'
  | 1
  /**
   * Higher priority work of the same queue needed the GPUs.
   */
  | 'STOP_REASON_PREEMPTED'
  | 2
  | 'STOP_REASON_CANCELLED'
  | 3
  /**
   * Another task of the same gang ended.
   */
  | 'STOP_REASON_GANG_ENDED'
  | 4
  /**
   * The node was not heard of until its fence time had passed.
   */
  | 'STOP_REASON_NODE_LOST'
  | 5
  /**
   * It was moved to other GPUs, so that larger work fits where it was.
   */
  | 'STOP_REASON_MOVED'
  | 6
  /**
   * Its time limit passed.
   */
  | 'STOP_REASON_TIME_LIMIT'
  | 7
  /**
   * A maintenance of its node begins.
   */
  | 'STOP_REASON_MAINTENANCE'
  | 8
  /**
   * A user asked for it to be requeued.
   */
  | 'STOP_REASON_REQUEUED'
  | 9
  /**
   * Its node is drained, and the deadline passed.
   */
  | 'STOP_REASON_DRAIN'
  | 10
  /**
   * The task leaves and the others of its workload go on. Told to the task alone; to others the reason is why it had to leave.
   */
  | 'STOP_REASON_RESIZE'
  | 11
  /**
   * A GPU that it holds failed.
   */
  | 'STOP_REASON_GPU_FAULT'
  | 20
  /**
   * Its GPUs were idle for longer than its queue allows.
   */
  | 'STOP_REASON_IDLE'
  | 21

/**
 * Why a task was told to stop.
 */
export type StopReason__Output = typeof StopReason[keyof typeof StopReason]

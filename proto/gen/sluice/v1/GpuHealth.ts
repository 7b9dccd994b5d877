// Original file: sluice/v1/node.proto

export const GpuHealth = {
  GPU_HEALTH_UNSPECIFIED: 'GPU_HEALTH_UNSPECIFIED',
  GPU_HEALTH_HEALTHY: 'GPU_HEALTH_HEALTHY',
  /**
   * The driver answers for it with an error, or it is gone from the inventory.
   */
  GPU_HEALTH_LOST: 'GPU_HEALTH_LOST',
  /**
   * Not to be used until something is done: its memory did not return to the baseline after a task, a process that is not
   * ours uses it, its hardware failed, or a person said so.
   */
  GPU_HEALTH_QUARANTINED: 'GPU_HEALTH_QUARANTINED',
  /**
   * Something of it was seen that may be the beginning of worse. Takes nothing new for a while.
   */
  GPU_HEALTH_SUSPECT: 'GPU_HEALTH_SUSPECT',
  /**
   * Takes nothing new; what runs on it goes on to its end.
   */
  GPU_HEALTH_DRAINING: 'GPU_HEALTH_DRAINING',
} as const;

export type GpuHealth =
  | 'GPU_HEALTH_UNSPECIFIED'
  | 0
  | 'GPU_HEALTH_HEALTHY'
  | 1
  /**
   * The driver answers for it with an error, or it is gone from the inventory.
   */
  | 'GPU_HEALTH_LOST'
  | 2
  /**
   * Not to be used until something is done: its memory did not return to the baseline after a task, a process that is not
   * ours uses it, its hardware failed, or a person said so.
   */
  | 'GPU_HEALTH_QUARANTINED'
  | 3
  /**
   * Something of it was seen that may be the beginning of worse. Takes nothing new for a while.
   */
  | 'GPU_HEALTH_SUSPECT'
  | 4
  /**
   * Takes nothing new; what runs on it goes on to its end.
   */
  | 'GPU_HEALTH_DRAINING'
  | 5

export type GpuHealth__Output = typeof GpuHealth[keyof typeof GpuHealth]

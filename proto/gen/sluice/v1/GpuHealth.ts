// Original file: sluice/v1/node.proto

export const GpuHealth = {
  GPU_HEALTH_UNSPECIFIED: 'GPU_HEALTH_UNSPECIFIED',
  GPU_HEALTH_HEALTHY: 'GPU_HEALTH_HEALTHY',
  /**
   * The driver answers for it with an error, or it is gone from the inventory.
   */
  GPU_HEALTH_LOST: 'GPU_HEALTH_LOST',
  /**
   * Its memory did not return to the baseline after a task, or a process that is not ours uses it.
   */
  GPU_HEALTH_QUARANTINED: 'GPU_HEALTH_QUARANTINED',
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
   * Its memory did not return to the baseline after a task, or a process that is not ours uses it.
   */
  | 'GPU_HEALTH_QUARANTINED'
  | 3

export type GpuHealth__Output = typeof GpuHealth[keyof typeof GpuHealth]

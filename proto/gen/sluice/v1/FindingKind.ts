// Original file: sluice/v1/stats.proto

/**
 * What can be told of a use.
 */
export const FindingKind = {
  FINDING_KIND_UNSPECIFIED: 'FINDING_KIND_UNSPECIFIED',
  /**
   * Some of the GPUs were never used.
   */
  FINDING_KIND_GPUS_UNUSED: 'FINDING_KIND_GPUS_UNUSED',
  /**
   * GPUs of a running task do nothing now, and have not for a while.
   */
  FINDING_KIND_GPUS_IDLE: 'FINDING_KIND_GPUS_IDLE',
  /**
   * GPUs worked, but little.
   */
  FINDING_KIND_GPUS_BARELY_USED: 'FINDING_KIND_GPUS_BARELY_USED',
  /**
   * A part of one GPU would do.
   */
  FINDING_KIND_GPU_SHARE: 'FINDING_KIND_GPU_SHARE',
  /**
   * Far more memory was asked for than used.
   */
  FINDING_KIND_MEMORY_EXCESS: 'FINDING_KIND_MEMORY_EXCESS',
  /**
   * Far more CPU was asked for than used.
   */
  FINDING_KIND_CPU_EXCESS: 'FINDING_KIND_CPU_EXCESS',
  /**
   * More CPU was used than asked for: on a full node there will be less.
   */
  FINDING_KIND_CPU_SHORT: 'FINDING_KIND_CPU_SHORT',
  /**
   * The time limit was far longer than the work.
   */
  FINDING_KIND_TIME_LIMIT: 'FINDING_KIND_TIME_LIMIT',
} as const;

/**
 * What can be told of a use.
 */
export type FindingKind =
  | 'FINDING_KIND_UNSPECIFIED'
  | 0
  /**
   * Some of the GPUs were never used.
   */
  | 'FINDING_KIND_GPUS_UNUSED'
  | 1
  /**
   * GPUs of a running task do nothing now, and have not for a while.
   */
  | 'FINDING_KIND_GPUS_IDLE'
  | 2
  /**
   * GPUs worked, but little.
   */
  | 'FINDING_KIND_GPUS_BARELY_USED'
  | 3
  /**
   * A part of one GPU would do.
   */
  | 'FINDING_KIND_GPU_SHARE'
  | 4
  /**
   * Far more memory was asked for than used.
   */
  | 'FINDING_KIND_MEMORY_EXCESS'
  | 5
  /**
   * Far more CPU was asked for than used.
   */
  | 'FINDING_KIND_CPU_EXCESS'
  | 6
  /**
   * More CPU was used than asked for: on a full node there will be less.
   */
  | 'FINDING_KIND_CPU_SHORT'
  | 7
  /**
   * The time limit was far longer than the work.
   */
  | 'FINDING_KIND_TIME_LIMIT'
  | 8

/**
 * What can be told of a use.
 */
export type FindingKind__Output = typeof FindingKind[keyof typeof FindingKind]

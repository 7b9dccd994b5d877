// Original file: sluice/v1/workload.proto

/**
 * What must have become of another workload.
 */
export const DependencyCondition = {
  /**
   * As succeeded.
   */
  DEPENDENCY_CONDITION_UNSPECIFIED: 'DEPENDENCY_CONDITION_UNSPECIFIED',
  /**
   * It succeeded; if it ends otherwise, the one that waits is cancelled.
   */
  DEPENDENCY_CONDITION_SUCCEEDED: 'DEPENDENCY_CONDITION_SUCCEEDED',
  /**
   * It ended, however it ended.
   */
  DEPENDENCY_CONDITION_ENDED: 'DEPENDENCY_CONDITION_ENDED',
  /**
   * It failed; if it ends otherwise, the one that waits is cancelled.
   */
  DEPENDENCY_CONDITION_FAILED: 'DEPENDENCY_CONDITION_FAILED',
  /**
   * It runs, or has run.
   */
  DEPENDENCY_CONDITION_STARTED: 'DEPENDENCY_CONDITION_STARTED',
} as const;

/**
 * What must have become of another workload.
 */
export type DependencyCondition =
  /**
   * As succeeded.
   */
  | 'DEPENDENCY_CONDITION_UNSPECIFIED'
  | 0
  /**
   * It succeeded; if it ends otherwise, the one that waits is cancelled.
   */
  | 'DEPENDENCY_CONDITION_SUCCEEDED'
  | 1
  /**
   * It ended, however it ended.
   */
  | 'DEPENDENCY_CONDITION_ENDED'
  | 2
  /**
   * It failed; if it ends otherwise, the one that waits is cancelled.
   */
  | 'DEPENDENCY_CONDITION_FAILED'
  | 3
  /**
   * It runs, or has run.
   */
  | 'DEPENDENCY_CONDITION_STARTED'
  | 4

/**
 * What must have become of another workload.
 */
export type DependencyCondition__Output = typeof DependencyCondition[keyof typeof DependencyCondition]

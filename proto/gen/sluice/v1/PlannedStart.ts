// Original file: sluice/v1/plan.proto

/**
 * When a workload would start.
 */
export const PlannedStart = {
  PLANNED_START_UNSPECIFIED: 'PLANNED_START_UNSPECIFIED',
  /**
   * At once, on free GPUs.
   */
  PLANNED_START_NOW: 'PLANNED_START_NOW',
  /**
   * As soon as the displaced workloads have left, at the latest after their grace.
   */
  PLANNED_START_AFTER_VICTIMS: 'PLANNED_START_AFTER_VICTIMS',
  /**
   * Once running work has ended: at the latest at the time given, if nothing else is submitted.
   */
  PLANNED_START_LATER: 'PLANNED_START_LATER',
  /**
   * Nobody can tell: what it waits for has no time limit, or is not a matter of time.
   */
  PLANNED_START_UNKNOWN: 'PLANNED_START_UNKNOWN',
  /**
   * Never with the nodes that are known.
   */
  PLANNED_START_NEVER: 'PLANNED_START_NEVER',
  /**
   * The search was longer than a what-if may take.
   */
  PLANNED_START_NOT_FOUND: 'PLANNED_START_NOT_FOUND',
} as const;

/**
 * When a workload would start.
 */
export type PlannedStart =
  | 'PLANNED_START_UNSPECIFIED'
  | 0
  /**
   * At once, on free GPUs.
   */
  | 'PLANNED_START_NOW'
  | 1
  /**
   * As soon as the displaced workloads have left, at the latest after their grace.
   */
  | 'PLANNED_START_AFTER_VICTIMS'
  | 2
  /**
   * Once running work has ended: at the latest at the time given, if nothing else is submitted.
   */
  | 'PLANNED_START_LATER'
  | 3
  /**
   * Nobody can tell: what it waits for has no time limit, or is not a matter of time.
   */
  | 'PLANNED_START_UNKNOWN'
  | 4
  /**
   * Never with the nodes that are known.
   */
  | 'PLANNED_START_NEVER'
  | 5
  /**
   * The search was longer than a what-if may take.
   */
  | 'PLANNED_START_NOT_FOUND'
  | 6

/**
 * When a workload would start.
 */
export type PlannedStart__Output = typeof PlannedStart[keyof typeof PlannedStart]

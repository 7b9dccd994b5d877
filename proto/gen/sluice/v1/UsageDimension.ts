// Original file: sluice/v1/usage.proto

/**
 * What the rows of a report are by.
 */
export const UsageDimension = {
  USAGE_DIMENSION_UNSPECIFIED: 'USAGE_DIMENSION_UNSPECIFIED',
  USAGE_DIMENSION_DAY: 'USAGE_DIMENSION_DAY',
  USAGE_DIMENSION_QUEUE: 'USAGE_DIMENSION_QUEUE',
  USAGE_DIMENSION_USER: 'USAGE_DIMENSION_USER',
  USAGE_DIMENSION_POOL: 'USAGE_DIMENSION_POOL',
  USAGE_DIMENSION_MODEL: 'USAGE_DIMENSION_MODEL',
  USAGE_DIMENSION_MONTH: 'USAGE_DIMENSION_MONTH',
  /**
   * As long as finished workloads are kept; the rest is one row without a workload.
   */
  USAGE_DIMENSION_WORKLOAD: 'USAGE_DIMENSION_WORKLOAD',
} as const;

/**
 * What the rows of a report are by.
 */
export type UsageDimension =
  | 'USAGE_DIMENSION_UNSPECIFIED'
  | 0
  | 'USAGE_DIMENSION_DAY'
  | 1
  | 'USAGE_DIMENSION_QUEUE'
  | 2
  | 'USAGE_DIMENSION_USER'
  | 3
  | 'USAGE_DIMENSION_POOL'
  | 4
  | 'USAGE_DIMENSION_MODEL'
  | 5
  | 'USAGE_DIMENSION_MONTH'
  | 6
  /**
   * As long as finished workloads are kept; the rest is one row without a workload.
   */
  | 'USAGE_DIMENSION_WORKLOAD'
  | 7

/**
 * What the rows of a report are by.
 */
export type UsageDimension__Output = typeof UsageDimension[keyof typeof UsageDimension]

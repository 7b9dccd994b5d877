// Original file: sluice/v1/queue.proto

export const BudgetUnit = {
  /**
   * GPU hours.
   */
  BUDGET_UNIT_UNSPECIFIED: 'BUDGET_UNIT_UNSPECIFIED',
  /**
   * GPU time that was charged, in hours of one GPU.
   */
  BUDGET_UNIT_GPU_HOURS: 'BUDGET_UNIT_GPU_HOURS',
  /**
   * What that costs by the cluster's prices, in its currency. What has no price costs nothing.
   */
  BUDGET_UNIT_COST: 'BUDGET_UNIT_COST',
} as const;

export type BudgetUnit =
  /**
   * GPU hours.
   */
  | 'BUDGET_UNIT_UNSPECIFIED'
  | 0
  /**
   * GPU time that was charged, in hours of one GPU.
   */
  | 'BUDGET_UNIT_GPU_HOURS'
  | 1
  /**
   * What that costs by the cluster's prices, in its currency. What has no price costs nothing.
   */
  | 'BUDGET_UNIT_COST'
  | 2

export type BudgetUnit__Output = typeof BudgetUnit[keyof typeof BudgetUnit]

// Original file: sluice/v1/queue.proto

/**
 * Of UTC. The amount is there anew in each.
 */
export const BudgetPeriod = {
  /**
   * None: from first_day to last_day, once.
   */
  BUDGET_PERIOD_UNSPECIFIED: 'BUDGET_PERIOD_UNSPECIFIED',
  BUDGET_PERIOD_MONTH: 'BUDGET_PERIOD_MONTH',
  BUDGET_PERIOD_QUARTER: 'BUDGET_PERIOD_QUARTER',
  BUDGET_PERIOD_YEAR: 'BUDGET_PERIOD_YEAR',
} as const;

/**
 * Of UTC. The amount is there anew in each.
 */
export type BudgetPeriod =
  /**
   * None: from first_day to last_day, once.
   */
  | 'BUDGET_PERIOD_UNSPECIFIED'
  | 0
  | 'BUDGET_PERIOD_MONTH'
  | 1
  | 'BUDGET_PERIOD_QUARTER'
  | 2
  | 'BUDGET_PERIOD_YEAR'
  | 3

/**
 * Of UTC. The amount is there anew in each.
 */
export type BudgetPeriod__Output = typeof BudgetPeriod[keyof typeof BudgetPeriod]

// Original file: sluice/v1/queue.proto

/**
 * What follows when all of a budget is used, beside warnings.
 */
export const BudgetAction = {
  /**
   * Nothing.
   */
  BUDGET_ACTION_UNSPECIFIED: 'BUDGET_ACTION_UNSPECIFIED',
  BUDGET_ACTION_WARN: 'BUDGET_ACTION_WARN',
  /**
   * Until the period ends the queue gets nothing above its guarantee; what it has borrowed goes on and may be reclaimed.
   */
  BUDGET_ACTION_STOP_BORROWING: 'BUDGET_ACTION_STOP_BORROWING',
  /**
   * That, and what it has borrowed goes back to its queue at once, with its grace.
   */
  BUDGET_ACTION_END_BORROWED: 'BUDGET_ACTION_END_BORROWED',
} as const;

/**
 * What follows when all of a budget is used, beside warnings.
 */
export type BudgetAction =
  /**
   * Nothing.
   */
  | 'BUDGET_ACTION_UNSPECIFIED'
  | 0
  | 'BUDGET_ACTION_WARN'
  | 1
  /**
   * Until the period ends the queue gets nothing above its guarantee; what it has borrowed goes on and may be reclaimed.
   */
  | 'BUDGET_ACTION_STOP_BORROWING'
  | 2
  /**
   * That, and what it has borrowed goes back to its queue at once, with its grace.
   */
  | 'BUDGET_ACTION_END_BORROWED'
  | 3

/**
 * What follows when all of a budget is used, beside warnings.
 */
export type BudgetAction__Output = typeof BudgetAction[keyof typeof BudgetAction]

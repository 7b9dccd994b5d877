// Original file: sluice/v1/queue.proto

import type { BudgetUnit as _sluice_v1_BudgetUnit, BudgetUnit__Output as _sluice_v1_BudgetUnit__Output } from '../../sluice/v1/BudgetUnit.js';
import type { BudgetPeriod as _sluice_v1_BudgetPeriod, BudgetPeriod__Output as _sluice_v1_BudgetPeriod__Output } from '../../sluice/v1/BudgetPeriod.js';
import type { BudgetAction as _sluice_v1_BudgetAction, BudgetAction__Output as _sluice_v1_BudgetAction__Output } from '../../sluice/v1/BudgetAction.js';

/**
 * What a queue, with all below it, may use in a period.
 */
export interface QueueBudget {
  /**
   * Above 0.
   */
  'amount'?: (number | string);
  'unit'?: (_sluice_v1_BudgetUnit);
  'period'?: (_sluice_v1_BudgetPeriod);
  /**
   * Days of UTC, "2026-11-22", both included. Only without a period.
   */
  'firstDay'?: (string);
  'lastDay'?: (string);
  /**
   * Parts of the amount at which people are warned, ascending, at most 10. Empty = 0.8 and 1.
   */
  'warnAt'?: (number | string)[];
  'whenSpent'?: (_sluice_v1_BudgetAction);
  /**
   * E-mail addresses and webhooks that are told, at most 8.
   */
  'notify'?: (string)[];
}

/**
 * What a queue, with all below it, may use in a period.
 */
export interface QueueBudget__Output {
  /**
   * Above 0.
   */
  'amount': (number);
  'unit': (_sluice_v1_BudgetUnit__Output);
  'period': (_sluice_v1_BudgetPeriod__Output);
  /**
   * Days of UTC, "2026-11-22", both included. Only without a period.
   */
  'firstDay': (string);
  'lastDay': (string);
  /**
   * Parts of the amount at which people are warned, ascending, at most 10. Empty = 0.8 and 1.
   */
  'warnAt': (number)[];
  'whenSpent': (_sluice_v1_BudgetAction__Output);
  /**
   * E-mail addresses and webhooks that are told, at most 8.
   */
  'notify': (string)[];
}

// The budget of a queue as a request says it → as it is kept, and back.
import { toTimestamp } from '../../common/units.js';
import type { BudgetUse as BudgetUseMessage } from '../../proto/gen/sluice/v1/BudgetUse.js';
import type { QueueBudget__Output, QueueBudget as BudgetMessage } from '../../proto/gen/sluice/v1/QueueBudget.js';
import { type BudgetUse, isIn, startOf, USUAL_WARNINGS } from '../model/budgets.js';
import type { Prices } from '../model/prices.js';
import type { Queue, QueueBudget } from '../model/records.js';
import { Complaints, shown } from './complaints.js';
import { LIMITS } from './limits.js';

/** What of the cluster a budget depends on. */
export interface BudgetSurroundings {
  /** Why nothing may be sent there, in words that go behind its name; null = it may. */
  readonly whyNotTold: (to: string) => string | null;
  readonly hasPrices: boolean;
}

/** Those of this cluster: what may be asked for is the same for a change and for the plan of one. */
export function budgetSurroundings(
  notices: { readonly whyNot: (to: string) => string | null },
  { ofModels }: Pick<Prices, 'ofModels'>,
): BudgetSurroundings {
  return { whyNotTold: (to) => notices.whyNot(to), hasPrices: ofModels.length > 0 };
}

/** Of a cluster that sends no notices and has no prices. */
export const NO_SURROUNDINGS: BudgetSurroundings = {
  whyNotTold: () => 'cannot be used: this cluster sends no notices',
  hasPrices: false,
};

const UNITS = {
  BUDGET_UNIT_UNSPECIFIED: 'gpu_hours',
  BUDGET_UNIT_GPU_HOURS: 'gpu_hours',
  BUDGET_UNIT_COST: 'cost',
} as const;
const PERIODS = {
  BUDGET_PERIOD_UNSPECIFIED: null,
  BUDGET_PERIOD_MONTH: 'month',
  BUDGET_PERIOD_QUARTER: 'quarter',
  BUDGET_PERIOD_YEAR: 'year',
} as const;
const ACTIONS = {
  BUDGET_ACTION_UNSPECIFIED: 'warn',
  BUDGET_ACTION_WARN: 'warn',
  BUDGET_ACTION_STOP_BORROWING: 'stop_borrowing',
  BUDGET_ACTION_END_BORROWED: 'end_borrowed',
} as const;

const UNITS_TO_PROTO = { gpu_hours: 'BUDGET_UNIT_GPU_HOURS', cost: 'BUDGET_UNIT_COST' } as const;
const PERIODS_TO_PROTO = {
  month: 'BUDGET_PERIOD_MONTH',
  quarter: 'BUDGET_PERIOD_QUARTER',
  year: 'BUDGET_PERIOD_YEAR',
} as const;
const ACTIONS_TO_PROTO = {
  warn: 'BUDGET_ACTION_WARN',
  stop_borrowing: 'BUDGET_ACTION_STOP_BORROWING',
  end_borrowed: 'BUDGET_ACTION_END_BORROWED',
} as const;

/** Parses a budget; null = there is none. */
export function parseBudget(
  budget: QueueBudget__Output | null,
  complaints: Complaints,
  { whyNotTold, hasPrices }: BudgetSurroundings,
): QueueBudget | null {
  if (budget === null) return null;
  const path = 'queue.budget';
  const unit = UNITS[budget.unit] ?? 'gpu_hours';
  complaints.range(`${path}.amount`, budget.amount, LIMITS.leastBudget, LIMITS.budget);
  if (unit === 'cost' && !hasPrices) {
    complaints.add(`${path}.unit`, 'is cost, and this cluster has no prices; set usage.prices, or count GPU hours');
  }
  complaints.count(`${path}.warn_at`, budget.warnAt.length, LIMITS.budgetWarnings);
  budget.warnAt.forEach((part, index) => {
    complaints.range(`${path}.warn_at[${index}]`, part, LIMITS.leastBudgetPart, LIMITS.budgetPart);
  });
  complaints.count(`${path}.notify`, budget.notify.length, LIMITS.notifyRules);
  budget.notify.slice(0, LIMITS.notifyRules).forEach((to, index) => {
    const why = whyNotTold(to);
    if (why !== null) complaints.add(`${path}.notify[${index}]`, why);
  });
  return {
    amount: budget.amount,
    unit,
    period: parsePeriod(budget, path, complaints),
    warnAt: budget.warnAt.length === 0 ? USUAL_WARNINGS : [...new Set(budget.warnAt)].toSorted((a, b) => a - b),
    whenSpent: ACTIONS[budget.whenSpent] ?? 'warn',
    notify: [...new Set(budget.notify)],
  };
}

function parsePeriod(
  { period, firstDay, lastDay }: QueueBudget__Output,
  path: string,
  complaints: Complaints,
): QueueBudget['period'] {
  const each = PERIODS[period] ?? null;
  if (each !== null) {
    if (firstDay !== '' || lastDay !== '') {
      complaints.add(`${path}.first_day`, `is for a budget without a period; this one is there anew each ${each}`);
    }
    return each;
  }
  if (firstDay === '' && lastDay === '') {
    complaints.add(`${path}.period`, 'is required: a month, a quarter or a year, or a first and a last day');
    return 'month';
  }
  const days = { first_day: firstDay, last_day: lastDay };
  for (const [field, day] of Object.entries(days)) {
    if (!/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(startOf(day))) {
      complaints.add(`${path}.${field}`, `"${shown(day)}" is no day; write it as 2026-11-22`);
    }
  }
  if (startOf(firstDay) > startOf(lastDay)) complaints.add(`${path}.last_day`, `${lastDay} is before ${firstDay}`);
  return { firstDay, lastDay };
}

/** The budget of a queue for the protocol. */
export function budgetToProto({ budget }: Pick<Queue, 'budget'>): BudgetMessage | null {
  if (budget === undefined || budget === null) return null;
  const { amount, unit, period, warnAt, whenSpent, notify } = budget;
  return {
    amount,
    unit: UNITS_TO_PROTO[unit],
    ...(typeof period === 'object' ? period : { period: PERIODS_TO_PROTO[period] }),
    warnAt: [...warnAt],
    whenSpent: ACTIONS_TO_PROTO[whenSpent],
    notify: [...notify],
  };
}

/** How it stands. @param currency of the cluster's prices */
export function budgetUseToProto(
  { budget, budgetStanding }: Queue,
  use: BudgetUse | undefined,
  currency: string,
  nowMs: number,
): BudgetUseMessage | null {
  if (budget === undefined || budget === null || use === undefined) return null;
  const { used, fromMs, untilMs } = use;
  return {
    used,
    startTime: toTimestamp(fromMs),
    endTime: toTimestamp(untilMs),
    isSpent: budgetStanding?.isSpent === true && isIn(use, nowMs),
    currency: budget.unit === 'cost' ? currency : '',
  };
}

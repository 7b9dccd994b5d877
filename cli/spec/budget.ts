// The budget of a queue as people write it, and as it is shown: `5000,per=month,then=stop-borrowing`.
import { fromTimestamp, plural } from '../../common/units.js';
import type { BudgetUse__Output } from '../../proto/gen/sluice/v1/BudgetUse.js';
import type { QueueBudget, QueueBudget__Output } from '../../proto/gen/sluice/v1/QueueBudget.js';

export const BUDGET_WORDS =
  'budget such as 5000,per=month or 800,of=cost,from=2026-10-01,to=2026-12-31,warn=80,then=stop-borrowing';

const UNITS = { 'gpu-hours': 'BUDGET_UNIT_GPU_HOURS', cost: 'BUDGET_UNIT_COST' } as const;
const PERIODS = {
  month: 'BUDGET_PERIOD_MONTH',
  quarter: 'BUDGET_PERIOD_QUARTER',
  year: 'BUDGET_PERIOD_YEAR',
} as const;
const ACTIONS = {
  warn: 'BUDGET_ACTION_WARN',
  'stop-borrowing': 'BUDGET_ACTION_STOP_BORROWING',
  'end-borrowed': 'BUDGET_ACTION_END_BORROWED',
} as const;
/** What may be said more than once. */
const LISTS = ['warn', 'tell'];
const WORDS = ['of', 'per', 'from', 'to', 'then', ...LISTS];

/** @returns why it cannot be read, in words that go behind it; what it says is checked by the scheduler */
export function parseBudget(text: string): QueueBudget | string {
  const [first = '', ...rest] = text.split(',').map((part) => part.trim());
  if (!/^\d{1,13}(\.\d{1,3})?$/.test(first)) return `begins with "${first}", which is no amount such as 5000 or 0.5`;
  const said = new Map<string, string[]>();
  for (const part of rest) {
    const equals = part.indexOf('=');
    const [word, value] = [part.slice(0, Math.max(0, equals)), part.slice(equals + 1)];
    if (!WORDS.includes(word) || value === '') return `says "${part}"; there are ${WORDS.join('=, ')}=`;
    const before = said.get(word);
    if (before !== undefined && !LISTS.includes(word)) return `says ${word}= more than once`;
    said.set(word, [...(before ?? []), value]);
  }
  const one = (word: string): string | undefined => said.get(word)?.[0];
  for (const [word, values] of [
    ['of', UNITS],
    ['per', PERIODS],
    ['then', ACTIONS],
  ] as const) {
    const value = one(word);
    if (value === undefined || Object.hasOwn(values, value)) continue;
    return `says ${word}=${value}; there are ${Object.keys(values).join(', ')}`;
  }
  const percents = (said.get('warn') ?? []).map(Number);
  if (percents.some(Number.isNaN)) return 'says warn= with what is no percentage such as 80';
  const period = PERIODS[one('per') as keyof typeof PERIODS];
  return {
    amount: Number(first),
    unit: UNITS[(one('of') ?? 'gpu-hours') as keyof typeof UNITS],
    ...(period === undefined ? {} : { period }),
    firstDay: one('from') ?? '',
    lastDay: one('to') ?? '',
    warnAt: percents.map((percent) => percent / 100),
    whenSpent: ACTIONS[(one('then') ?? 'warn') as keyof typeof ACTIONS],
    notify: said.get('tell') ?? [],
  };
}

/** `3120.5 of 5000 GPU-hours`, `812.00 of 1000 EUR` */
export function budgetText(budget: QueueBudget__Output, use: BudgetUse__Output): string {
  if (budget.unit === 'BUDGET_UNIT_COST') {
    return `${cut(use.used, 2, budget.amount).toFixed(2)} of ${budget.amount} ${use.currency || 'in cost'}`;
  }
  return `${cut(use.used, digitsOf(budget), budget.amount)} of ${plural(budget.amount, 'GPU-hour')}`;
}

/** Decimal places of figures beside an amount. */
export function digitsOf({ amount, unit }: Pick<QueueBudget__Output, 'amount' | 'unit'>): number {
  if (unit === 'BUDGET_UNIT_COST') return 2;
  return amount < 10 ? 4 : 1;
}

/** `62 %`, never all of it before it is. */
export function budgetPart({ amount }: Pick<QueueBudget__Output, 'amount'>, { used }: BudgetUse__Output): string {
  return `${Math.floor((used / amount) * 100 + 1e-9)} %`;
}

/** `each month`, `from 2026-10-15 to 2027-03-31` */
export function periodText({ period, firstDay, lastDay }: QueueBudget__Output): string {
  const each = Object.entries(PERIODS).find(([, value]) => value === period)?.[0];
  return each === undefined ? `from ${firstDay} to ${lastDay}` : `each ${each}`;
}

/** The present period: `2026-11-01 to 2026-11-30`. */
export function presentPeriod({ startTime, endTime }: BudgetUse__Output): string {
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 'YYYY-MM-DD'.length);
  return `${day(fromTimestamp(startTime) ?? 0)} to ${day((fromTimestamp(endTime) ?? 1) - 1)}`;
}

/** What follows when it is spent. */
export function actionWord({ whenSpent }: Pick<QueueBudget__Output, 'whenSpent'>): keyof typeof ACTIONS {
  if (whenSpent === ACTIONS['stop-borrowing']) return 'stop-borrowing';
  return whenSpent === ACTIONS['end-borrowed'] ? 'end-borrowed' : 'warn';
}

function cut(used: number, digits: number, amount: number): number {
  const scale = 10 ** digits;
  return (used < amount ? Math.floor(used * scale) : Math.round(used * scale)) / scale;
}

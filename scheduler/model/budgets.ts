// Budgets of queues: which period counts, how a budget stands, and what there is to tell of it. Pure.
import { plural } from '../../common/units.js';
import type { QueueName } from '../../common/ids.js';
import { dayText } from './days.js';
import type { BudgetNoticeType, BudgetStanding, Queue, QueueBudget } from './records.js';

/** Parts of the amount at which people are warned unless the budget says others. */
export const USUAL_WARNINGS: readonly number[] = [0.8, 1];
/** While a budget is spent, what was used is written down anew when it grew by this part of the amount. */
const NOTED_PART = 0.01;
/**
 * What was used becomes less when the end of a task is heard later than it ended, since it counted until then. A fall below what was
 * told by less than this part of the amount is no news: the same would be told again in a moment.
 */
const SLACK_PART = 0.01;
/** GPU hours of amounts below this are shown with more places. */
const SMALL_AMOUNT = 10;
const QUARTER_MONTHS = 3;
const YEAR_MONTHS = 12;

/** From the first, to before the second; milliseconds since 1970. */
export interface BudgetPeriod {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What a queue, with all below it, has used in the present period, in the unit of its budget. */
export interface BudgetUse extends BudgetPeriod {
  readonly budget: QueueBudget;
  readonly used: number;
}

/** The present period of a budget; of one for certain days: those, whenever it is. */
export function periodOf({ period }: Pick<QueueBudget, 'period'>, nowMs: number): BudgetPeriod {
  if (typeof period === 'object') {
    return { fromMs: startOf(period.firstDay), untilMs: startOf(period.lastDay, 1) };
  }
  const months = { month: 1, quarter: QUARTER_MONTHS, year: YEAR_MONTHS }[period];
  const [year, month] = yearAndMonth(nowMs);
  const first = month - (month % months);
  return { fromMs: monthStart(year, first), untilMs: monthStart(year, first + months) };
}

// Times that are given have one date; no clock is read in what follows.
/* oxlint-disable no-restricted-globals */

function yearAndMonth(ms: number): readonly [year: number, month: number] {
  const date = new Date(ms);
  return [date.getUTCFullYear(), date.getUTCMonth()];
}

function monthStart(year: number, month: number): number {
  return Date.UTC(year, month, 1);
}

/** The start of a day ("2026-11-22"), or of one that comes so many days later; NaN = there is no such day. */
export function startOf(day: string, later = 0): number {
  const [year = NaN, month = NaN, dayOfMonth = NaN] = day.split('-').map(Number);
  const ms = Date.UTC(year, month - 1, dayOfMonth);
  if (!(new Date(ms).toJSON() ?? '').startsWith(day)) return NaN;
  return Date.UTC(year, month - 1, dayOfMonth + later);
}

/* oxlint-enable no-restricted-globals */

/** Whether the time lies in the period. */
export function isIn({ fromMs, untilMs }: BudgetPeriod, nowMs: number): boolean {
  return nowMs >= fromMs && nowMs < untilMs;
}

/** What is to be written down, and told, of a budget by now. */
export interface BudgetFinding {
  /** Undefined = nothing of this period is worth writing down. */
  readonly standing: BudgetStanding | undefined;
  readonly tells: BudgetNoticeType | null;
  /** In words, with the numbers; empty = nothing is told. */
  readonly message: string;
}

/**
 * How a budget stands by now.
 * @returns null = as it is written down
 */
export function findBudget(queue: Queue, use: BudgetUse, nowMs: number): BudgetFinding | null {
  const { budget, budgetStanding: written } = queue;
  // Of another budget than the present one nothing is known: it was changed while this was looked at.
  if (budget === undefined || budget === null || budget !== use.budget) return null;
  const wasSpent = written?.isSpent === true;
  const known = written?.fromMs === use.fromMs && written.untilMs === use.untilMs ? written : null;
  const isOn = isIn(use, nowMs);
  const part = isOn ? use.used / budget.amount : 0;
  const held = isOn && known !== null && isOfBudget(known, budget) ? known : null;
  const isSpent = part >= 1 || (held?.isSpent === true && part > 1 - SLACK_PART);
  const heldPart = held === null ? 0 : held.toldPart;
  const toldPart = Math.max(
    0,
    ...budget.warnAt.filter((at) => at <= part || (at <= heldPart && at - SLACK_PART < part)),
  );
  const { fromMs, untilMs, used } = use;
  const { amount, unit } = budget;
  const standing =
    toldPart > 0 || isSpent ? { fromMs, untilMs, toldPart, isSpent, used, of: { amount, unit } } : undefined;
  const finding = (tells: BudgetNoticeType | null, what: string): BudgetFinding => ({
    standing,
    tells,
    message: tells === null ? '' : `the budget of queue ${queue.name} ${what}`,
  });
  const of = usedText(budget, used);
  const until = `until ${dayText(untilMs)}`;
  if (isSpent && known?.isSpent !== true)
    return finding('budget_spent', `is spent: ${of}, ${until}; ${consequence(budget)}`);
  if (toldPart > (known?.toldPart ?? 0)) {
    return finding('budget_warned', `is used to ${percent(part)}: ${of}, ${until}`);
  }
  if (wasSpent && !isSpent) {
    const why = isOn ? `${of}, ${until}` : `its days are over`;
    return finding('budget_renewed', `is not spent any more: ${why}`);
  }
  if (standing === undefined) return written === undefined ? null : finding(null, '');
  const hasMoved = held === null || held.toldPart !== toldPart || held.isSpent !== isSpent;
  const hasGrown = isSpent && Math.abs(used - (known?.used ?? 0)) >= NOTED_PART * budget.amount;
  return hasMoved || hasGrown ? finding(null, '') : null;
}

/** Whether it was of as much, and of the same, that this was told. */
function isOfBudget({ of }: BudgetStanding, { amount, unit }: QueueBudget): boolean {
  return of === undefined || (of.amount === amount && of.unit === unit);
}

function consequence({ whenSpent }: QueueBudget): string {
  return {
    warn: 'nothing follows',
    stop_borrowing: 'borrowing stops, what runs goes on',
    end_borrowed: 'borrowing stops, and what it has borrowed goes back to its queue',
  }[whenSpent];
}

/** Whether the queue gets nothing above its guarantee just now. */
export function stopsBorrowing({ budget, budgetStanding }: Queue): boolean {
  return budgetStanding?.isSpent === true && budget !== null && budget !== undefined && budget.whenSpent !== 'warn';
}

/** `104.5 of 100 GPU-hours`, `1204.50 of 1000 in cost` */
export function usedText({ amount, unit }: Pick<QueueBudget, 'amount' | 'unit'>, used: number): string {
  const digits = unit === 'cost' ? 2 : amount < SMALL_AMOUNT ? 4 : 1;
  // Never shown as all of it before it is.
  const scale = 10 ** digits;
  const shown = used < amount ? Math.floor(used * scale) / scale : Math.round(used * scale) / scale;
  return unit === 'cost'
    ? `${shown.toFixed(digits)} of ${amount} in cost`
    : `${shown} of ${plural(amount, 'GPU-hour')}`;
}

/** Of the part that is used, never shown as all of it before it is. */
export function percent(part: number): string {
  return `${Math.floor(part * 100 + 1e-9)} %`;
}

/** The least part at which somebody is warned; null = nobody is. */
export function firstWarning({ warnAt }: Pick<QueueBudget, 'warnAt'>): number | null {
  return warnAt[0] ?? null;
}

/** The months ("2026-11") that budgets still need, told apart as they are. */
export interface NeededUsage {
  /** Nothing of this month or a later one may be let go; null = anything may. */
  readonly firstMonth: string | null;
  /** Months of which the days are needed: a budget begins or ends within them. */
  readonly byDay: ReadonlySet<string>;
}

function monthOf(ms: number): string {
  return dayText(ms).slice(0, 'YYYY-MM'.length);
}

/** What budgets need of the history of usage. Cost: one pass over the queues. */
export function neededUsage(queues: Iterable<Queue>, nowMs: number): NeededUsage {
  let firstMonth: string | null = null;
  const byDay = new Set<string>();
  for (const { budget } of queues) {
    if (budget === undefined || budget === null) continue;
    const period = periodOf(budget, nowMs);
    if (!isIn(period, nowMs)) continue;
    const [month, lastMonth] = [monthOf(period.fromMs), monthOf(period.untilMs - 1)];
    if (firstMonth === null || month < firstMonth) firstMonth = month;
    if (!dayText(period.fromMs).endsWith('-01')) byDay.add(month);
    if (!dayText(period.untilMs).endsWith('-01')) byDay.add(lastMonth);
  }
  return { firstMonth, byDay };
}

/** Names whose use counts for a queue: its own, those below it, and those that were below it and are gone. */
export function* countedIn(
  queueOf: (name: QueueName) => Queue | undefined,
  childrenOf: (name: QueueName) => readonly Queue[],
  name: QueueName,
): Generator<QueueName> {
  yield name;
  const queue = queueOf(name);
  for (const child of childrenOf(name)) yield* countedIn(queueOf, childrenOf, child.name);
  // One that was made again elsewhere counts there.
  for (const former of queue?.formerQueues ?? []) if (queueOf(former) === undefined) yield former;
}

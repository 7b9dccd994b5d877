// The history of usage stays small: days are folded into months after a while, months into one record of all that was before,
// and both earlier when there are too many. Folding moves sums and loses none: the sum of all records stays what it was. Pure.
import { neededUsage } from './budgets.js';
import type { ReadableState } from './cluster-state.js';
import type { Draft } from './draft.js';
import type { UsageRecord } from './records.js';
import { dayText } from './days.js';
import { USAGE_TOTAL, usageKey } from './usage.js';
import { addUsage, sumsOf, usageRecord, type UsageKey } from './usage-sums.js';

/** The period of all that was folded away. */
export const BEFORE = 'before';
/** Records of usage beyond which the oldest are folded before their time. Each takes some 700 bytes of memory. */
export const MAX_USAGE_RECORDS = 200_000;

export interface UsageRetention {
  /** How long days are told apart, and how long months. */
  readonly daysMs: number;
  readonly monthsMs: number;
}

/** Nothing is folded but what is too much. */
export const KEEPS_ALL: UsageRetention = { daysMs: Infinity, monthsMs: Infinity };

/** Keys of records to be folded, the oldest first; what a budget still counts stays told apart as it is. Cost: one pass over all records, and sorting what is to go. */
export function foldable(
  state: Pick<ReadableState, 'usage' | 'queues'>,
  { daysMs, monthsMs }: UsageRetention,
  nowMs: number,
  most = MAX_USAGE_RECORDS,
): readonly string[] {
  const firstDay = dayText(Math.max(0, nowMs - daysMs));
  const firstMonth = dayText(Math.max(0, nowMs - monthsMs)).slice(0, 'YYYY-MM'.length);
  const isOld = ({ period }: UsageRecord): boolean => period < (isDay(period) ? firstDay : firstMonth);
  const { firstMonth: firstNeeded, byDay } = neededUsage(state.queues.values(), nowMs);
  const isNeeded = ({ period }: UsageRecord): boolean =>
    isDay(period) ? byDay.has(period.slice(0, 'YYYY-MM'.length)) : firstNeeded !== null && period >= firstNeeded;
  const others = [...state.usage].filter(([key, { period }]) => key !== USAGE_TOTAL && period !== BEFORE);
  const free = others.filter(([, record]) => !isNeeded(record));
  const old = free.filter(([, record]) => isOld(record));
  const surplus = others.length - old.length - most;
  const byAge = ([, a]: Entry, [, b]: Entry): number => (a.period < b.period ? -1 : 1);
  const early =
    surplus <= 0
      ? []
      : free
          .filter(([, record]) => !isOld(record))
          .toSorted(byAge)
          .slice(0, surplus);
  return [...old, ...early].map(([key]) => key);
}

type Entry = readonly [string, UsageRecord];

function isDay(period: string): boolean {
  return period.length === 'YYYY-MM-DD'.length;
}

/** Folds these records, as far as they are still there. */
export function fold(draft: Pick<Draft, 'get' | 'put' | 'delete'>, keys: readonly string[]): void {
  for (const key of keys) {
    const record = draft.get('usage', key);
    if (record === undefined) continue;
    const into = isDay(record.period) ? { ...record, period: record.period.slice(0, 'YYYY-MM'.length) } : ALL_BEFORE;
    const target = usageKey(into);
    draft.put('usage', target, usageRecord(into, addUsage(sumsOf(draft.get('usage', target)), sumsOf(record))));
    draft.delete('usage', key);
  }
}

const ALL_BEFORE: UsageKey = { period: BEFORE, queue: '' as UsageKey['queue'], user: '', pool: '', model: '' };

// Adds up usage for a report: what is counted, and what is open up to now. Pure. Cost: the records of usage and what runs.
import type { ReadableState } from './cluster-state.js';
import { costOf, NO_PRICES, type Prices } from './prices.js';
import { addUsage, dayText, NO_USAGE, openUsage, USAGE_TOTAL, type UsageKey, type UsageSums } from './usage.js';

export const USAGE_DIMENSIONS = ['period', 'month', 'queue', 'user', 'pool', 'model'] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

export interface UsageQuery {
  /** In the first and the last day, both included; null = from the first known. */
  readonly fromMs: number | null;
  readonly toMs: number;
  readonly by: readonly UsageDimension[];
  /** With those below it; empty = all. */
  readonly queue: string;
  readonly user: string;
}

/** Sums with what they cost; null = a part of it has no price. */
export type PricedSums = UsageSums & { readonly cost: number | null };

/** Fields that the rows are not by are empty. The month is as "2026-11". */
export type UsageRow = UsageKey & { readonly month: string } & PricedSums;

export interface UsageReport {
  readonly rows: readonly UsageRow[];
  readonly total: PricedSums;
}

const NOTHING: PricedSums = { ...NO_USAGE, cost: 0 };

export function usageReport(
  state: ReadableState,
  query: UsageQuery,
  nowMs: number,
  prices: Prices = NO_PRICES,
): UsageReport {
  const first = query.fromMs === null ? '' : dayText(query.fromMs);
  const last = dayText(query.toMs);
  const queues = query.queue === '' ? null : subtree(state, query.queue);
  const rows = new Map<string, UsageRow>();
  let total = NOTHING;
  const add = (of: UsageKey, sums: UsageSums): void => {
    const isMeant =
      of.period >= first &&
      of.period <= last &&
      (queues === null || queues.has(of.queue)) &&
      (query.user === '' || of.user === query.user);
    if (!isMeant) return;
    const priced = { ...sums, cost: costOf(prices, of.model, sums.charged) };
    const whole = { ...of, month: of.period.slice(0, 'YYYY-MM'.length) };
    const shown = (dimension: UsageDimension): string => (query.by.includes(dimension) ? whole[dimension] : '');
    const row = Object.fromEntries(USAGE_DIMENSIONS.map((one) => [one, shown(one)])) as unknown as UsageRow;
    const key = USAGE_DIMENSIONS.map(shown).join('\n');
    rows.set(key, { ...row, ...addPriced(rows.get(key) ?? NOTHING, priced) });
    total = addPriced(total, priced);
  };
  for (const [key, record] of state.usage) if (key !== USAGE_TOTAL) add(record, record);
  for (const [key, sums] of openUsage(state, nowMs)) add(key, sums);
  const sorted = [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return { rows: sorted, total };
}

function addPriced(a: PricedSums, b: PricedSums): PricedSums {
  return { ...addUsage(a, b), cost: a.cost === null || b.cost === null ? null : a.cost + b.cost };
}

/** A queue that is gone has used what it has used. */
function subtree(state: ReadableState, name: string): ReadonlySet<string> {
  const names = new Set<string>([name]);
  for (const one of names) {
    const queue = state.queue(one);
    if (queue !== undefined) for (const child of state.childrenOf(queue.name)) names.add(child.name);
  }
  return names;
}

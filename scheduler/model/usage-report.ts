// Adds up usage for a report: what is counted, and what is open up to now. Pure. Cost: the records of usage and what runs.
import type { ReadableState } from './cluster-state.js';
import { addUsage, dayText, NO_USAGE, openUsage, USAGE_TOTAL, type UsageKey, type UsageSums } from './usage.js';

export const USAGE_DIMENSIONS = [
  'period',
  'queue',
  'user',
  'pool',
  'model',
] as const satisfies readonly (keyof UsageKey)[];
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

/** Fields that the rows are not by are empty. */
export type UsageRow = UsageKey & UsageSums;

export interface UsageReport {
  readonly rows: readonly UsageRow[];
  readonly total: UsageSums;
}

export function usageReport(state: ReadableState, query: UsageQuery, nowMs: number): UsageReport {
  const first = query.fromMs === null ? '' : dayText(query.fromMs);
  const last = dayText(query.toMs);
  const queues = query.queue === '' ? null : subtree(state, query.queue);
  const rows = new Map<string, UsageRow>();
  let total = NO_USAGE;
  const add = (of: UsageKey, sums: UsageSums): void => {
    const isMeant =
      of.period >= first &&
      of.period <= last &&
      (queues === null || queues.has(of.queue)) &&
      (query.user === '' || of.user === query.user);
    if (!isMeant) return;
    const shown = (dimension: UsageDimension): string => (query.by.includes(dimension) ? of[dimension] : '');
    const row = Object.fromEntries(USAGE_DIMENSIONS.map((one) => [one, shown(one)])) as unknown as UsageKey;
    const key = USAGE_DIMENSIONS.map(shown).join('\n');
    rows.set(key, { ...row, ...addUsage(rows.get(key) ?? NO_USAGE, sums) });
    total = addUsage(total, sums);
  };
  for (const [key, record] of state.usage) if (key !== USAGE_TOTAL) add(record, record);
  for (const [key, sums] of openUsage(state, nowMs)) add(key, sums);
  const sorted = [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return { rows: sorted, total };
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

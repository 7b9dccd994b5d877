// Adds up usage for a report: what is counted, and what is open up to now. Pure. Cost: the records of usage and what runs; by
// workload, all allocations that are kept.
import { addGpuTime, isShorter, NO_GPU_TIME, subtractGpuTime, type GpuTime } from './gpu-time.js';
import type { ReadableState } from './cluster-state.js';
import { costOf, NO_PRICES, type Prices } from './prices.js';
import { dayText } from './days.js';
import { openUsage, USAGE_TOTAL } from './usage.js';
import { BEFORE } from './usage-history.js';
import { addUsage, NO_USAGE, sumsOf, type UsageKey, type UsageSums } from './usage-sums.js';
import { workloadUsage } from './workload-usage.js';

export const USAGE_DIMENSIONS = ['period', 'month', 'queue', 'user', 'pool', 'model', 'workload'] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

export interface UsageQuery {
  /** In the first and the last day, both included; null = from the first known. Of old usage whole months count. */
  readonly fromMs: number | null;
  readonly toMs: number;
  readonly by: readonly UsageDimension[];
  /** With those below it; empty = all. */
  readonly queue: string;
  readonly user: string;
}

/** Sums with what they cost; null = a part of it has no price. */
export type PricedSums = UsageSums & { readonly cost: number | null; readonly wastedCost: number | null };

/** Fields that the rows are not by are empty. The month is as "2026-11", the workload its number. */
export type UsageRow = UsageKey & { readonly month: string; readonly workload: string } & PricedSums;

export interface UsageReport {
  readonly rows: readonly UsageRow[];
  readonly total: PricedSums;
}

const NOTHING: PricedSums = { ...NO_USAGE, cost: 0, wastedCost: 0 };

export function usageReport(
  state: ReadableState,
  query: UsageQuery,
  nowMs: number,
  prices: Prices = NO_PRICES,
): UsageReport {
  const isMeant = meantBy(state, query);
  const rows = new Map<string, UsageRow>();
  let total = NOTHING;
  const price = (of: UsageKey, sums: UsageSums): PricedSums => ({
    ...sums,
    cost: costOf(prices, of.model, sums.charged),
    wastedCost: costOf(prices, of.model, wastedOf(sums)),
  });
  const addRow = (of: UsageKey, workload: string, sums: PricedSums): void => {
    const whole = { ...of, month: of.period === BEFORE ? BEFORE : of.period.slice(0, 'YYYY-MM'.length), workload };
    const shown = (dimension: UsageDimension): string => (query.by.includes(dimension) ? whole[dimension] : '');
    const row = Object.fromEntries(USAGE_DIMENSIONS.map((one) => [one, shown(one)])) as unknown as UsageRow;
    const key = USAGE_DIMENSIONS.map((one) => (one === 'workload' ? shown(one).padStart(12, '0') : shown(one)));
    const name = key.join('\n');
    rows.set(name, { ...row, ...addPriced(rows.get(name) ?? NOTHING, sums) });
  };
  const byWorkload = query.by.includes('workload');
  const gone = new Map<string, { readonly of: UsageKey; readonly sums: UsageSums }>();
  const add = (of: UsageKey, sums: UsageSums): void => {
    if (!isMeant(of)) return;
    const priced = price(of, sums);
    total = addPriced(total, priced);
    if (!byWorkload) addRow(of, '', priced);
    else note(gone, of, sums);
  };
  for (const [key, record] of state.usage) if (key !== USAGE_TOTAL) add(record, sumsOf(record));
  for (const [key, sums] of openUsage(state, nowMs)) add(key, sums);
  if (byWorkload) {
    for (const [of, workload, sums] of workloadUsage(state, nowMs)) {
      if (!isMeant(of)) continue;
      addRow(of, String(workload), price(of, sums));
      note(gone, of, sums, -1);
    }
    // What no kept workload accounts for: those whose records are gone.
    for (const { of, sums } of gone.values()) if (sums.grants > 0 || sums.held.ms > 0) addRow(of, '', price(of, sums));
  }
  const sorted = [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  return { rows: sorted, total };
}

function note(
  rest: Map<string, { readonly of: UsageKey; readonly sums: UsageSums }>,
  of: UsageKey,
  sums: UsageSums,
  sign: 1 | -1 = 1,
): void {
  // A month holds all its days.
  const month = of.period === BEFORE ? BEFORE : of.period.slice(0, 'YYYY-MM'.length);
  const key = [month, of.queue, of.user, of.pool, of.model].join('\n');
  const known = rest.get(key)?.sums ?? NO_USAGE;
  rest.set(key, { of, sums: sign > 0 ? addUsage(known, sums) : withoutUsage(known, sums) });
}

/** Waits are left out: what is gone is not asked how long it waited. */
function withoutUsage(a: UsageSums, b: UsageSums): UsageSums {
  const less = (x: GpuTime, y: GpuTime): GpuTime => (isShorter(x, y) ? NO_GPU_TIME : subtractGpuTime(x, y));
  return {
    grants: Math.max(0, a.grants - b.grants),
    held: less(a.held, b.held),
    charged: less(a.charged, b.charged),
    ran: less(a.ran, b.ran),
    borrowed: less(a.borrowed, b.borrowed),
    idle: less(a.idle, b.idle),
    lost: less(a.lost, b.lost),
    failed: less(a.failed, b.failed),
    waits: null,
  };
}

/** What was idle, lost or failed; at most what was held, since what was idle may have been lost as well. */
export function wastedOf({ held, idle, lost, failed }: UsageSums): GpuTime {
  const all = addGpuTime(idle, addGpuTime(lost, failed));
  return isShorter(held, all) ? held : all;
}

/** The rest of what was held. */
export function guaranteedOf({ held, borrowed }: UsageSums): GpuTime {
  return isShorter(held, borrowed) ? NO_GPU_TIME : subtractGpuTime(held, borrowed);
}

function meantBy(state: ReadableState, query: UsageQuery): (of: UsageKey) => boolean {
  const first = query.fromMs === null ? '' : dayText(query.fromMs);
  const last = dayText(query.toMs);
  const queues = query.queue === '' ? null : subtree(state, query.queue);
  return ({ period, queue, user }) => {
    const isInTime =
      period === BEFORE
        ? query.fromMs === null
        : period >= first.slice(0, period.length) && period <= last.slice(0, period.length);
    return isInTime && (queues === null || queues.has(queue)) && (query.user === '' || user === query.user);
  };
}

function addPriced(a: PricedSums, b: PricedSums): PricedSums {
  const sum = (x: number | null, y: number | null): number | null => (x === null || y === null ? null : x + y);
  return { ...addUsage(a, b), cost: sum(a.cost, b.cost), wastedCost: sum(a.wastedCost, b.wastedCost) };
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

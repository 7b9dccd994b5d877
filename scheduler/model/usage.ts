// What was used, from who owned what: a grant opens an interval of ownership, its release closes it, and in the same commit
// what it comes to is added to the sums of its days. The allocation's record is the open interval, so nothing else has to be
// kept while it lasts, and a crash at any point leaves each interval either open or counted. Pure.
//
//   held     from the grant until the GPUs were proven free: nobody else could have them. The sum of all is what was owned.
//   charged  from the grant until its process had ended: by the agent's record of it, else when it was proven to be over. What
//            follows (is the memory clean, is a silent node's fence time over) is not the user's.
//   ran      from the start of the program to its end
import type { AllocationId } from '../../common/ids.js';
import type { ReadableState } from './cluster-state.js';
import { addGpuTime, gpuTimeOf, NO_GPU_TIME, type GpuTime } from './gpu-time.js';
import { workloadKey, type Allocation, type RecordChange, type UsageRecord, type Workload } from './records.js';

const DAY_MS = 24 * 3_600_000;
/** One allocation adds to the sums of at most so many days. */
export const MAX_DAYS = 400;
/** The key of the sum over all records of usage, kept beside them so that a loss of one is noticed. */
export const USAGE_TOTAL = 'total';

/** The three spans of an allocation, as far as they have come. */
export interface UsageSpans {
  readonly heldMs: Span;
  readonly chargedMs: Span;
  readonly ranMs: Span | null;
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What of an allocation counts. @param nowMs where what is not over yet ends for now */
export function spansOf(allocation: Allocation, nowMs: number): UsageSpans {
  const { placedMs: fromMs, startedMs, endedMs, release } = allocation;
  const upTo = (toMs: number): number => Math.max(fromMs, toMs);
  const endMs = upTo(endedMs ?? nowMs);
  return {
    heldMs: { fromMs, toMs: upTo(release?.timeMs ?? (allocation.state === 'released' ? endMs : nowMs)) },
    chargedMs: { fromMs, toMs: endMs },
    ranMs: startedMs === null ? null : { fromMs: startedMs, toMs: Math.max(startedMs, endMs) },
  };
}

/** What an allocation was charged for. Exact; the same for its workload, its user and its queue. */
export function chargeOf(allocation: Allocation, nowMs: number): GpuTime {
  const { fromMs, toMs } = spansOf(allocation, nowMs).chargedMs;
  return timeOn(allocation.gpus, toMs - fromMs);
}

function timeOn(gpus: Allocation['gpus'], spanMs: number): GpuTime {
  return gpus.reduce((sum, { parts }) => addGpuTime(sum, gpuTimeOf(parts, spanMs)), NO_GPU_TIME);
}

/** The sums of one period, without their key. */
export type UsageSums = Pick<UsageRecord, 'grants' | 'held' | 'charged' | 'ran'>;

export const NO_USAGE: UsageSums = { grants: 0, held: NO_GPU_TIME, charged: NO_GPU_TIME, ran: NO_GPU_TIME };

export function addUsage(a: UsageSums, b: UsageSums): UsageSums {
  return {
    grants: a.grants + b.grants,
    held: addGpuTime(a.held, b.held),
    charged: addGpuTime(a.charged, b.charged),
    ran: addGpuTime(a.ran, b.ran),
  };
}

/** Who is charged, and for what. */
export type UsageKey = Pick<UsageRecord, 'period' | 'queue' | 'user' | 'pool' | 'model'>;

/**
 * What an allocation adds to each day and model of GPU. Days are those of UTC. A grant counts on the day of its beginning.
 * Cost: the days it lasted, times the models it has GPUs of.
 */
export function* usageOf(
  state: ReadableState,
  allocation: Allocation,
  { spec, owner }: Pick<Workload, 'spec' | 'owner'>,
  nowMs: number,
): Generator<readonly [UsageKey, UsageSums]> {
  const { heldMs, chargedMs, ranMs } = spansOf(allocation, nowMs);
  const pool = allocation.pool ?? state.node(allocation.node)?.pool ?? '';
  const lastDayMs = startOfDay(Math.max(heldMs.toMs, chargedMs.toMs, ranMs?.toMs ?? 0));
  const models = [...new Set(allocation.gpus.map(({ model }) => model))];
  let fromMs = startOfDay(heldMs.fromMs);
  for (let grants = 1; fromMs <= lastDayMs; grants = 0) {
    // A clock that was set by years must not make years of records: what is beyond counts on the first day.
    const toMs = Math.max(fromMs + DAY_MS, lastDayMs - (MAX_DAYS - 2) * DAY_MS);
    const period = dayText(fromMs);
    for (const [at, model] of models.entries()) {
      const gpus = models.length === 1 ? allocation.gpus : allocation.gpus.filter((gpu) => gpu.model === model);
      const sum = (span: Span | null): GpuTime => timeOn(gpus, span === null ? 0 : within(span, fromMs, toMs));
      const key = { period, queue: spec.queue, user: owner, pool, model };
      // Of a grant with GPUs of two models the first one counts it.
      yield [key, { grants: at === 0 ? grants : 0, held: sum(heldMs), charged: sum(chargedMs), ran: sum(ranMs) }];
    }
    fromMs = toMs;
  }
}

/** How much of a span lies between two times. */
function within(span: Span, fromMs: number, toMs: number): number {
  return Math.max(0, Math.min(span.toMs, toMs) - Math.max(span.fromMs, fromMs));
}

export function startOfDay(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS;
}

/** "2026-11-22" */
export function dayText(ms: number): string {
  // A time that is given has one date; no clock is read.
  // oxlint-disable-next-line no-restricted-globals
  return new Date(ms).toISOString().slice(0, 'YYYY-MM-DD'.length);
}

export function usageKey({ period, queue, user, pool, model }: UsageKey): string {
  return [period, queue, user, pool, model].map(encodeURIComponent).join('/');
}

/**
 * The changes, and what follows from them for the sums of usage: each release in them closes its interval once.
 * @param state as it is before them
 */
export function accounted(state: ReadableState, changes: readonly RecordChange[]): readonly RecordChange[] {
  const closed: Allocation[] = [];
  for (const change of changes) {
    if (change.collection !== 'allocations' || change.after?.state !== 'released') continue;
    if (change.before?.state !== 'released' && change.after.gpus.length > 0) closed.push(change.after);
  }
  return closed.length === 0 ? changes : [...changes, ...closing(state, changes, closed)];
}

function closing(
  state: ReadableState,
  changes: readonly RecordChange[],
  closed: readonly Allocation[],
): readonly RecordChange[] {
  const sums = new Map<string, UsageRecord>();
  const add = (key: string, of: UsageKey, more: UsageSums): void => {
    const before = sums.get(key) ?? state.usage.get(key);
    sums.set(key, { ...of, ...addUsage(before ?? NO_USAGE, more) });
  };
  for (const allocation of closed) {
    const workload = ownerOf(state, changes, allocation.workload);
    if (workload === undefined) continue;
    for (const [key, more] of usageOf(state, allocation, workload, allocation.release?.timeMs ?? 0)) {
      add(usageKey(key), key, more);
      add(USAGE_TOTAL, ALL, more);
    }
  }
  return [...sums].map(([key, after]) => ({ collection: 'usage', key, before: state.usage.get(key) ?? null, after }));
}

const ALL: UsageKey = { period: '', queue: '' as UsageKey['queue'], user: '', pool: '', model: '' };

/** It may be new in the same changes, when it was taken over from an agent. */
function ownerOf(
  state: ReadableState,
  changes: readonly RecordChange[],
  number: Workload['number'],
): Workload | undefined {
  const known = state.workload(number);
  if (known !== undefined) return known;
  const key = workloadKey(number);
  const made = changes.find((change) => change.collection === 'workloads' && change.key === key);
  return made?.collection === 'workloads' ? (made.after ?? undefined) : undefined;
}

/** Allocations that hold GPUs, with what they come to until now; for reports. */
export function* openUsage(
  state: ReadableState,
  nowMs: number,
): Generator<readonly [UsageKey, UsageSums, AllocationId]> {
  for (const node of state.nodes.values()) {
    for (const allocation of state.heldOn(node.id)) {
      const workload = state.workload(allocation.workload);
      if (workload === undefined) continue;
      for (const [key, sums] of usageOf(state, allocation, workload, nowMs)) yield [key, sums, allocation.id];
    }
  }
}

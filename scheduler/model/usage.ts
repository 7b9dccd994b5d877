// What was used, from who owned what: a grant opens an interval of ownership, its release closes it, and in the same commit
// what it comes to is added to the sums of its days. The allocation's record is the open interval, so nothing else has to be
// kept while it lasts, and a crash at any point leaves each interval either open or counted. Pure.
//
//   held     from the grant until the GPUs were proven free: nobody else could have them. The sum of all is what was owned.
//   charged  from the grant until its process had ended: by the agent's record of it, else when it was proven to be over. What
//            follows (is the memory clean, is a silent node's fence time over) is not the user's.
//   ran      from the start of the program to its end
//   borrowed what of `held` was above the guarantee of its queue: quota-split.ts
//   idle     what of it GPUs did nothing, by what agents measured
//   lost, failed  what of it was done in vain: waste.ts
//   waits    of work that started for the first time: from its submission to its start
import type { AllocationId } from '../../common/ids.js';
import type { ReadableState } from './cluster-state.js';
import { ChangedRecords } from './changed-records.js';
import { DAY_MS, dayText, startOfDay } from './days.js';
import { addGpuTime, gpuTimeOf, NO_GPU_TIME, subtractGpuTime, type GpuTime } from './gpu-time.js';
import { heldParts } from './quota-use.js';
import { divide, touchesQuota, type BorrowedSpan } from './quota-split.js';
import { workloadKey, type Allocation, type RecordChange, type UsageRecord, type Workload } from './records.js';
import { addUsage, NO_USAGE, sumsOf, usageRecord, type UsageKey, type UsageSums } from './usage-sums.js';
import { oneWait } from './waits.js';
import { vainEnd, waste, type WastedSpan } from './waste.js';

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
  const { pool, queue } = placeOf(state, allocation, spec);
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
      const key = { period, queue, user: owner, pool, model };
      // Of a grant with GPUs of two models the first one counts it.
      const times = { held: sum(heldMs), charged: sum(chargedMs), ran: sum(ranMs) };
      yield [key, { ...NO_USAGE, ...times, grants: at === 0 ? grants : 0 }];
    }
    fromMs = toMs;
  }
}

/** How much of a span lies between two times. */
function within(span: Span, fromMs: number, toMs: number): number {
  return Math.max(0, Math.min(span.toMs, toMs) - Math.max(span.fromMs, fromMs));
}

export function usageKey({ period, queue, user, pool, model }: UsageKey): string {
  return [period, queue, user, pool, model].map(encodeURIComponent).join('/');
}

/** Where usage of a grant counts. */
function placeOf(
  state: ReadableState,
  { pool, node, queue }: Allocation,
  spec: Pick<Workload['spec'], 'queue'>,
): Pick<UsageKey, 'pool' | 'queue'> {
  return { pool: pool ?? state.node(node)?.pool ?? '', queue: queue ?? spec.queue };
}

/** What of an allocation is borrowed and not in the sums yet, by day and model. */
export function* borrowedOf(
  state: ReadableState,
  allocation: Allocation,
  { spec, owner }: Pick<Workload, 'spec' | 'owner'>,
  { parts, fromMs, toMs }: Pick<BorrowedSpan, 'parts' | 'fromMs' | 'toMs'>,
): Generator<readonly [UsageKey, UsageSums]> {
  const place = placeOf(state, allocation, spec);
  for (const [period, spanMs] of daysOf(fromMs, toMs)) {
    for (const [model, some] of partsByModel(allocation.gpus, parts)) {
      yield [
        { period, user: owner, model, ...place },
        { ...NO_USAGE, borrowed: gpuTimeOf(some, spanMs) },
      ];
    }
  }
}

/** A span, day by day. */
function* daysOf(fromMs: number, toMs: number): Generator<readonly [period: string, spanMs: number]> {
  const lastMs = startOfDay(toMs);
  let atMs = fromMs;
  for (let dayMs = startOfDay(fromMs); dayMs <= lastMs && atMs < toMs;) {
    const endMs = Math.min(toMs, Math.max(dayMs + DAY_MS, lastMs - (MAX_DAYS - 2) * DAY_MS));
    if (endMs > atMs) yield [dayText(dayMs), endMs - atMs];
    atMs = endMs;
    dayMs = startOfDay(endMs);
  }
}

/** Where only a part of a grant is meant, it is the GPUs at its end. */
function partsByModel(gpus: Allocation['gpus'], parts: number): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  let left = parts;
  for (const gpu of gpus.toReversed()) {
    const some = Math.min(left, gpu.parts);
    left -= some;
    if (some > 0) found.set(gpu.model, (found.get(gpu.model) ?? 0) + some);
  }
  return found;
}

/**
 * The changes, and what follows from them for who borrows, for what was in vain, and for the sums of usage: each release in
 * them closes its interval once.
 * @param state as it is before them
 */
export function accounted(
  state: ReadableState,
  changes: readonly RecordChange[],
  nowMs: number,
): readonly RecordChange[] {
  if (!changes.some(countsForUsage)) return changes;
  const records = new ChangedRecords(state, changes);
  const sums = new Sums(state, records);
  for (const span of divide(state, records, nowMs)) sums.addBorrowed(span);
  for (const change of changes) {
    const end = vainEnd(change);
    if (end !== null) for (const span of waste(records, end)) sums.addWasted(span);
    const idle = moreIdle(change);
    if (idle !== null) sums.addIdle(idle.allocation, idle.more, nowMs);
    const started = firstStart(change);
    if (started !== null) sums.addWait(started);
    if (closes(change)) sums.addWhole(records.allocation(change.key as AllocationId));
  }
  sums.put();
  return records.changes();
}

/** Most changes are none of this. */
function countsForUsage(change: RecordChange): boolean {
  return (
    touchesQuota(change) ||
    closes(change) ||
    firstStart(change) !== null ||
    vainEnd(change) !== null ||
    moreIdle(change) !== null
  );
}

function closes({ collection, before, after }: RecordChange): boolean {
  if (collection !== 'allocations' || after?.state !== 'released') return false;
  return before?.state !== 'released' && after.gpus.length > 0;
}

function firstStart({ collection, before, after }: RecordChange): Workload | null {
  if (collection !== 'workloads' || after === null || after.startedMs === null) return null;
  return before !== null && before.startedMs === null ? after : null;
}

function moreIdle({ collection, before, after }: RecordChange): { allocation: Allocation; more: GpuTime } | null {
  if (collection !== 'allocations' || after?.idle === undefined || after.idle === before?.idle) return null;
  return { allocation: after, more: subtractGpuTime(after.idle, before?.idle ?? NO_GPU_TIME) };
}

/** The sums of usage, as they move. */
class Sums {
  readonly #state: ReadableState;
  readonly #records: ChangedRecords;
  readonly #moved = new Map<string, UsageRecord>();

  constructor(state: ReadableState, records: ChangedRecords) {
    this.#state = state;
    this.#records = records;
  }

  addWhole(allocation: Allocation): void {
    const workload = this.#ownerOf(allocation);
    if (workload === undefined) return;
    for (const [key, more] of usageOf(this.#state, allocation, workload, allocation.release?.timeMs ?? 0)) {
      this.#add(key, more);
    }
  }

  addBorrowed({ allocation, ...span }: BorrowedSpan): void {
    const workload = this.#ownerOf(allocation);
    if (workload === undefined) return;
    for (const [key, more] of borrowedOf(this.#state, allocation, workload, span)) this.#add(key, more);
  }

  addWasted({ allocation, kind, fromMs, toMs }: WastedSpan): void {
    for (const [period, spanMs] of daysOf(fromMs, toMs)) {
      this.#addTimes(allocation, period, (parts) => ({ ...NO_USAGE, [kind]: gpuTimeOf(parts, spanMs) }));
    }
  }

  /** GPUs of one task are of one model, but for rare nodes: the first counts. */
  addIdle(allocation: Allocation, idle: GpuTime, nowMs: number): void {
    const workload = this.#ownerOf(allocation);
    if (workload === undefined) return;
    const place = placeOf(this.#state, allocation, workload.spec);
    const model = allocation.gpus[0]?.model ?? '';
    this.#add({ period: dayText(nowMs), user: workload.owner, model, ...place }, { ...NO_USAGE, idle });
  }

  addWait({ allocations: [first], startedMs, submittedMs, spec, owner }: Workload): void {
    const allocation = first === undefined ? undefined : this.#records.get('allocations', first);
    const pool = allocation === undefined ? '' : placeOf(this.#state, allocation, spec).pool;
    const model = allocation?.gpus[0]?.model ?? '';
    const beganMs = startedMs ?? submittedMs;
    const key = { period: dayText(beganMs), queue: spec.queue, user: owner, pool, model };
    this.#move(usageKey(key), key, { ...NO_USAGE, waits: oneWait(beganMs - submittedMs) });
  }

  put(): void {
    for (const [key, record] of this.#moved) this.#records.put('usage', key, record);
  }

  #addTimes(allocation: Allocation, period: string, of: (parts: number) => UsageSums): void {
    const workload = this.#ownerOf(allocation);
    if (workload === undefined) return;
    const place = placeOf(this.#state, allocation, workload.spec);
    for (const [model, parts] of partsByModel(allocation.gpus, heldParts(allocation.gpus))) {
      this.#add({ period, user: workload.owner, model, ...place }, of(parts));
    }
  }

  #add(of: UsageKey, more: UsageSums): void {
    this.#move(usageKey(of), of, more);
    this.#move(USAGE_TOTAL, ALL, more);
  }

  #move(key: string, of: UsageKey, more: UsageSums): void {
    const before = this.#moved.get(key) ?? this.#state.usage.get(key);
    this.#moved.set(key, usageRecord(of, addUsage(sumsOf(before), more)));
  }

  /** It may be new in the same changes, when it was taken over from an agent. */
  #ownerOf({ workload }: Allocation): Workload | undefined {
    return this.#records.get('workloads', workloadKey(workload)) ?? this.#state.workload(workload);
  }
}

const ALL: UsageKey = { period: '', queue: '' as UsageKey['queue'], user: '', pool: '', model: '' };

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
      const { lent } = allocation;
      if (lent === undefined || lent.parts === 0 || lent.sinceMs >= nowMs) continue;
      const span = { parts: lent.parts, fromMs: lent.sinceMs, toMs: nowMs };
      for (const [key, sums] of borrowedOf(state, allocation, workload, span)) yield [key, sums, allocation.id];
    }
  }
}

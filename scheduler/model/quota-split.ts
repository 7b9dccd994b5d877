// What of the GPUs that a queue holds is within its guarantee and what is borrowed: at every moment the smaller of both is
// guaranteed. Who among its work borrows is decided by who came last: a grant takes what is left of the guarantee, and when
// some of that comes free, or the guarantee grows, the one that has borrowed longest has it; when it shrinks, who came last
// borrows first. Where a queue is guaranteed GPUs of parts of the cluster, what lies in those is guaranteed before what lies elsewhere
// (quota-parts.ts), and among either it is the same. The division is part of the allocation's record, and what was borrowed is added to the sums of usage in the
// commit that changes it: so a crash loses nothing and counts nothing twice. Pure.
import type { AllocationId, QueueName } from '../../common/ids.js';
import { addGpuTime, gpuTimeOf, NO_GPU_TIME } from './gpu-time.js';
import type { ReadableState } from './cluster-state.js';
import type { ChangedRecords } from './changed-records.js';
import { KindShift } from './kind-shift.js';
import { hasGuaranteedParts, owedOf, talliesOf } from './quota-parts.js';
import { heldParts } from './quota-use.js';
import type { Allocation, Queue, RecordChange } from './records.js';
import { toParts } from './requests.js';

/** What of a grant was borrowed from one time to another. */
export interface BorrowedSpan {
  readonly allocation: Allocation;
  readonly parts: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Whether the division may change by this: a grant, a release, another guarantee. */
export function touchesQuota({ collection, before, after }: RecordChange): boolean {
  if (collection === 'allocations') {
    if (after === null || after.gpus.length === 0) return false;
    return before === null ? after.state !== 'released' : after.state === 'released' && before.state !== 'released';
  }
  if (collection !== 'queues' || after === null) return false;
  return before?.guaranteeGpus !== after.guaranteeGpus || before.scopes !== after.scopes;
}

/**
 * Brings the division up to what the changes make of it: writes it into the records of allocations.
 * @param state as it is before the changes
 * @returns what was borrowed until now by those whose part changes or ends
 */
export function divide(state: ReadableState, records: ChangedRecords, nowMs: number): readonly BorrowedSpan[] {
  const division = new Division(state, records, nowMs);
  const touching = records.changes().filter(touchesQuota);
  const grants: Allocation[] = [];
  for (const change of touching) {
    if (change.collection === 'queues') division.touch(change.key as QueueName);
    else if (change.collection === 'allocations' && change.before !== null)
      division.release(change.key as AllocationId);
    else if (change.collection === 'allocations' && change.after !== null) grants.push(change.after);
  }
  division.settle();
  for (const grant of grants) division.grant(grant);
  division.settleByParts();
  return division.spans;
}

/** A grant of a queue that is guaranteed GPUs of parts of the cluster. */
interface Come {
  readonly allocation: Allocation;
  borrowed: number;
}

/** The division in the making. */
class Division {
  readonly spans: BorrowedSpan[] = [];
  readonly #state: ReadableState;
  readonly #records: ChangedRecords;
  readonly #nowMs: number;
  /** Held within the guarantee, where that is another than in the state. */
  readonly #guaranteed = new Map<QueueName, number>();
  /** Queues that are guaranteed GPUs of parts of the cluster. They are divided when all that comes and goes is known. */
  readonly #byParts = new Map<QueueName, { readonly left: Allocation[]; readonly come: Map<AllocationId, Come> }>();

  constructor(state: ReadableState, records: ChangedRecords, nowMs: number) {
    this.#state = state;
    this.#records = records;
    this.#nowMs = nowMs;
  }

  touch(queue: QueueName): void {
    if (this.#ofParts(queue) !== null) return;
    if (!this.#guaranteed.has(queue)) this.#guaranteed.set(queue, this.#state.quotaOf(queue).guaranteedParts);
  }

  release(id: AllocationId): void {
    const allocation = this.#records.allocation(id);
    const { queue, lent, gpus, release } = allocation;
    if (queue === undefined) return;
    const byParts = this.#ofParts(queue);
    byParts?.left.push(allocation);
    if (byParts === null) {
      this.touch(queue);
      this.#add(queue, (lent?.parts ?? 0) - heldParts(gpus));
    }
    if (lent !== undefined) this.#records.putAllocation(this.#closed(allocation, lent.parts, release?.timeMs ?? 0));
  }

  /** Gives what is free of guarantees to those who have borrowed longest, and takes what is too much from those who came last. */
  settle(): void {
    for (const queue of this.#guaranteed.keys()) {
      const record = this.#records.queue(queue) ?? null;
      // Of a queue that is gone the rest leaves as it was divided.
      if (record === null) continue;
      const free = guaranteeOf(record) - this.#of(queue);
      if (free > 0) this.#promote(queue, free);
      else if (free < 0) this.#demote(queue, -free);
    }
  }

  grant(allocation: Allocation): void {
    const { queue, gpus, placedMs } = allocation;
    if (queue === undefined) return;
    const byParts = this.#ofParts(queue);
    if (byParts !== null) {
      byParts.come.set(allocation.id, { allocation, borrowed: heldParts(gpus) });
      return;
    }
    const record = this.#records.queue(queue) ?? null;
    const room = record === null ? 0 : Math.max(0, guaranteeOf(record) - this.#of(queue));
    const held = heldParts(gpus);
    const within = Math.min(room, held);
    this.#add(queue, within);
    if (within === held) return;
    const lent = { parts: held - within, sinceMs: placedMs, time: NO_GPU_TIME };
    this.#records.putAllocation({ ...allocation, lent });
  }

  /** Divides the queues that are guaranteed GPUs of parts of the cluster. Cost: what changes hands, and the kinds of GPUs they hold. */
  settleByParts(): void {
    for (const [queue, { left, come }] of this.#byParts) {
      const record = this.#records.queue(queue);
      const kinds = this.#state.quotaKindsOf(queue);
      if (record !== undefined) {
        const tallies = talliesOf(
          kinds,
          left,
          [...come.values()].map(({ allocation }) => allocation),
        );
        const owed = owedOf(record, tallies, () => this.#state.kindsOfNodes(false));
        new KindShift(kinds, tallies, owed, {
          come: [...come.values()].map(({ allocation }) => allocation),
          borrowedBy: (id) => come.get(id)?.borrowed ?? this.#borrowedBy(id),
          put: (id, borrowed) => {
            const one = come.get(id);
            if (one === undefined) this.#putLent(this.#records.allocation(id), borrowed);
            else one.borrowed = borrowed;
          },
          heldBy: (id) => heldParts(this.#records.allocation(id).gpus),
        }).run();
      }
      for (const { allocation, borrowed } of come.values()) {
        if (borrowed === 0) continue;
        const lent = { parts: borrowed, sinceMs: allocation.placedMs, time: NO_GPU_TIME };
        this.#records.putAllocation({ ...allocation, lent });
      }
    }
  }

  /** Null = the queue is guaranteed GPUs of the whole cluster only, or gone. */
  #ofParts(queue: QueueName): { readonly left: Allocation[]; readonly come: Map<AllocationId, Come> } | null {
    if (this.#guaranteed.has(queue)) return null;
    const known = this.#byParts.get(queue);
    if (known !== undefined) return known;
    const record = this.#records.queue(queue);
    if (record === undefined || !hasGuaranteedParts(record)) return null;
    const made = { left: [], come: new Map<AllocationId, Come>() };
    this.#byParts.set(queue, made);
    return made;
  }

  /** Of one that was there before; null = it has left. */
  #borrowedBy(id: AllocationId): number | null {
    const { state, lent } = this.#records.allocation(id);
    return state === 'released' ? null : (lent?.parts ?? 0);
  }

  #promote(queue: QueueName, parts: number): void {
    let left = parts;
    for (const id of this.#state.quotaOf(queue).borrowing) {
      if (left <= 0) return;
      const allocation = this.#records.allocation(id);
      const borrowed = allocation.lent?.parts ?? 0;
      if (allocation.state === 'released' || borrowed === 0) continue;
      const more = Math.min(left, borrowed);
      left -= more;
      this.#put(queue, allocation, borrowed - more);
    }
  }

  /** Walks all that is held: a guarantee is lowered rarely. */
  #demote(queue: QueueName, parts: number): void {
    const held: AllocationId[] = [];
    for (const { id } of this.#state.nodes.values()) {
      for (const one of this.#state.heldOn(id)) if (one.queue === queue) held.push(one.id);
    }
    let left = parts;
    for (const id of held.toSorted().toReversed()) {
      if (left <= 0) return;
      const allocation = this.#records.allocation(id);
      if (allocation.state === 'released') continue;
      const borrowed = allocation.lent?.parts ?? 0;
      const less = Math.min(left, heldParts(allocation.gpus) - borrowed);
      left -= less;
      if (less > 0) this.#put(queue, allocation, borrowed + less);
    }
  }

  #put(queue: QueueName, allocation: Allocation, borrowed: number): void {
    this.#add(queue, (allocation.lent?.parts ?? 0) - borrowed);
    this.#putLent(allocation, borrowed);
  }

  #putLent(allocation: Allocation, borrowed: number): void {
    this.#records.putAllocation(this.#closed(allocation, borrowed, this.#nowMs));
  }

  /** What was borrowed until now is counted; from now on it borrows so much. */
  #closed(allocation: Allocation, borrowed: number, nowMs: number): Allocation {
    const { lent, placedMs } = allocation;
    const sinceMs = lent?.sinceMs ?? placedMs;
    const toMs = Math.max(sinceMs, nowMs);
    const parts = lent?.parts ?? 0;
    if (parts > 0 && toMs > sinceMs) {
      this.spans.push({ allocation, parts, fromMs: sinceMs, toMs });
    }
    const time = addGpuTime(lent?.time ?? NO_GPU_TIME, gpuTimeOf(parts, toMs - sinceMs));
    return { ...allocation, lent: { parts: borrowed, sinceMs: toMs, time } };
  }

  #of(queue: QueueName): number {
    return this.#guaranteed.get(queue) ?? this.#state.quotaOf(queue).guaranteedParts;
  }

  #add(queue: QueueName, parts: number): void {
    this.#guaranteed.set(queue, this.#of(queue) + parts);
  }
}

/** In parts of a GPU. */
function guaranteeOf({ guaranteeGpus }: Pick<Queue, 'guaranteeGpus'>): number {
  return toParts(guaranteeGpus);
}

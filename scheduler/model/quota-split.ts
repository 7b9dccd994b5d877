// What of the GPUs that a queue holds is within its guarantee and what is borrowed: at every moment the smaller of both is
// guaranteed. Who among its work borrows is decided by who came last: a grant takes what is left of the guarantee, and when
// some of that comes free, or the guarantee grows, the one that has borrowed longest has it; when it shrinks, who came last
// borrows first. The division is part of the allocation's record, and what was borrowed is added to the sums of usage in the
// commit that changes it: so a crash loses nothing and counts nothing twice. Pure.
import type { AllocationId, QueueName } from '../../common/ids.js';
import { addGpuTime, gpuTimeOf, NO_GPU_TIME } from './gpu-time.js';
import type { ReadableState } from './cluster-state.js';
import type { ChangedRecords } from './changed-records.js';
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
  return collection === 'queues' && after !== null && before?.guaranteeGpus !== after.guaranteeGpus;
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
  return division.spans;
}

/** The division in the making. */
class Division {
  readonly spans: BorrowedSpan[] = [];
  readonly #state: ReadableState;
  readonly #records: ChangedRecords;
  readonly #nowMs: number;
  /** Held within the guarantee, where that is another than in the state. */
  readonly #guaranteed = new Map<QueueName, number>();

  constructor(state: ReadableState, records: ChangedRecords, nowMs: number) {
    this.#state = state;
    this.#records = records;
    this.#nowMs = nowMs;
  }

  touch(queue: QueueName): void {
    if (!this.#guaranteed.has(queue)) this.#guaranteed.set(queue, this.#state.quotaOf(queue).guaranteedParts);
  }

  release(id: AllocationId): void {
    const allocation = this.#records.allocation(id);
    const { queue, lent, gpus, release } = allocation;
    if (queue === undefined) return;
    this.touch(queue);
    this.#add(queue, (lent?.parts ?? 0) - heldParts(gpus));
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
    const record = this.#records.queue(queue) ?? null;
    const room = record === null ? 0 : Math.max(0, guaranteeOf(record) - this.#of(queue));
    const held = heldParts(gpus);
    const within = Math.min(room, held);
    this.#add(queue, within);
    if (within === held) return;
    const lent = { parts: held - within, sinceMs: placedMs, time: NO_GPU_TIME };
    this.#records.putAllocation({ ...allocation, lent });
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

// What is kept of the past and what may be let go next: finished workloads by the time they ended, request ids by the time they
// were used. It follows every commit, so that a sweep costs what it removes and not what is there.
//
// What may not go yet although its time has come (its GPUs are not released, another workload waits for how it ended, a
// request's workload is still kept) is put aside under the one thing it waits for, and comes back when that has happened.
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import { isTerminal, type ReadableState } from '../model/cluster-state.js';
import type { Allocation, RecordChange, Workload } from '../model/records.js';
import { TimeHeap } from './time-heap.js';

/** Follows the state; answers what may go. */
export class Keeping {
  readonly #state: ReadableState;
  readonly #finished = new TimeHeap<WorkloadNumber>();
  readonly #requests = new TimeHeap<string>();
  #finishedCount = 0;
  /** How many pending workloads wait for how a workload ends. */
  readonly #awaiting = new Map<WorkloadNumber, number>();
  /** What comes back to its heap, by the thing it waits for. */
  readonly #aside = new Map<string, (() => void)[]>();

  /** Reads everything once. */
  constructor(state: ReadableState) {
    this.#state = state;
    for (const workload of state.workloads.values()) this.#noteWorkload(null, workload);
    for (const { key, timeMs } of state.requests.values()) this.#requests.add(timeMs, key);
  }

  /** Finished workloads whose records are kept. */
  get finishedCount(): number {
    return this.#finishedCount;
  }

  /** Follows a change that the state has taken. */
  note(change: RecordChange): void {
    if (change.collection === 'workloads') this.#noteWorkload(change.before, change.after);
    else if (change.collection === 'allocations') this.#noteAllocation(change.before, change.after);
    else if (change.collection === 'requests' && change.before === null && change.after !== null) {
      this.#requests.add(change.after.timeMs, change.after.key);
    }
  }

  /**
   * Takes the finished workload that ended first and may go, if it ended before that time; null = none did. What is taken must
   * be removed from the state.
   */
  takeFinished(endedBeforeMs: number): Workload | null {
    for (;;) {
      const firstMs = this.#finished.firstMs;
      if (firstMs === null || firstMs >= endedBeforeMs) return null;
      const first = this.#finished.take();
      const workload = first === null ? undefined : this.#state.workload(first.item);
      if (first === null || workload === undefined) continue;
      const awaited = this.#whatKeeps(workload);
      if (awaited === null) return workload;
      this.#putAside(awaited, () => this.#finished.add(first.timeMs, first.item));
    }
  }

  /** The same for request ids, the one used first. @param isKept whether a workload's record stays */
  takeRequest(usedBeforeMs: number, isKept: (number: WorkloadNumber) => boolean): string | null {
    for (;;) {
      const firstMs = this.#requests.firstMs;
      if (firstMs === null || firstMs >= usedBeforeMs) return null;
      const first = this.#requests.take();
      const request = first === null ? undefined : this.#state.requests.get(first.item);
      if (first === null || request === undefined) continue;
      const kept = request.workloads.find(isKept);
      if (kept === undefined) return request.key;
      this.#putAside(removalOf(kept), () => this.#requests.add(first.timeMs, first.item));
    }
  }

  #whatKeeps(workload: Workload): string | null {
    if (this.#awaiting.has(workload.number)) return endOfWaitingFor(workload.number);
    for (const ids of [workload.allocations, workload.pastAllocations]) {
      const held = ids.find((id) => isHeld(this.#state.allocation(id)));
      if (held !== undefined) return releaseOf(held);
    }
    return null;
  }

  #putAside(awaited: string, bringBack: () => void): void {
    const waiting = this.#aside.get(awaited);
    if (waiting === undefined) this.#aside.set(awaited, [bringBack]);
    else waiting.push(bringBack);
  }

  #bringBack(awaited: string): void {
    const waiting = this.#aside.get(awaited);
    if (waiting === undefined) return;
    this.#aside.delete(awaited);
    for (const bringBack of waiting) bringBack();
  }

  #noteWorkload(before: Workload | null, after: Workload | null): void {
    const hadEnded = before !== null && isTerminal(before.state);
    const hasEnded = after !== null && isTerminal(after.state);
    if (!hadEnded && hasEnded) this.#finished.add(after.endedMs ?? after.submittedMs, after.number);
    this.#finishedCount += Number(hasEnded) - Number(hadEnded);
    const waited = waitsForOthers(before);
    const waits = waitsForOthers(after);
    if (waited !== waits) {
      for (const { workload } of (after ?? before)?.spec.dependencies ?? [])
        this.#countAwaiting(workload, waits ? 1 : -1);
    }
    if (before !== null && after === null) this.#bringBack(removalOf(before.number));
  }

  #countAwaiting(awaited: WorkloadNumber, by: number): void {
    const count = (this.#awaiting.get(awaited) ?? 0) + by;
    if (count > 0) {
      this.#awaiting.set(awaited, count);
      return;
    }
    this.#awaiting.delete(awaited);
    this.#bringBack(endOfWaitingFor(awaited));
  }

  #noteAllocation(before: Allocation | null, after: Allocation | null): void {
    if (before !== null && isHeld(before) && !isHeld(after ?? undefined)) this.#bringBack(releaseOf(before.id));
  }
}

/** How it ended decides what becomes of those that wait for it and were never placed. */
function waitsForOthers(workload: Workload | null): boolean {
  return workload?.state === 'pending' && workload.attempt === 0 && workload.spec.dependencies.length > 0;
}

function isHeld(allocation: Allocation | undefined): boolean {
  return allocation !== undefined && allocation.state !== 'released';
}

function releaseOf(id: AllocationId): string {
  return `release/${id}`;
}

function removalOf(number: WorkloadNumber): string {
  return `removal/${number}`;
}

function endOfWaitingFor(number: WorkloadNumber): string {
  return `awaited/${number}`;
}

// When running work will have left, as far as its time limits and graces tell: what a look ahead goes by. The times are
// upper bounds: work may end sooner, and then everything that waits for it starts sooner.
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import type { Allocation, Workload } from '../model/records.js';

/** Allocations that will have left together. */
export interface Departure {
  readonly atMs: number;
  readonly allocations: readonly AllocationId[];
}

/** At first departures are looked at one by one, so that near times are exact. */
const ONE_BY_ONE = 16;
/** Later on up to so many are taken together, and of one moment so many: each look must stay short. */
const MAX_TOGETHER = 64;
const MAX_OF_ONE_MOMENT = 512;

/** The departures that are known of, in order of time. */
export class Departures {
  #latestFirst: Departure[] = [];
  readonly #endless = new Set<WorkloadNumber>();
  #taken = 0;

  /** Workloads that hold GPUs and have no time limit. */
  get endless(): number {
    return this.#endless.size;
  }

  /** Notes one allocation: it leaves at the end of its stop, or of the time limit of its workload, or never. */
  note(allocation: Allocation, workload: Workload, nowMs: number): void {
    const atMs = departureMs(allocation, workload, nowMs);
    if (atMs === null) this.#endless.add(workload.number);
    else this.#latestFirst.push({ atMs, allocations: [allocation.id] });
  }

  /** Sorts what was noted. Once, before the first is taken. */
  sort(): void {
    this.#latestFirst.sort((a, b) => b.atMs - a.atMs);
  }

  /** Adds a departure in its place. */
  add(departure: Departure): void {
    let low = 0;
    let high = this.#latestFirst.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#latestFirst[middle]?.atMs ?? 0) > departure.atMs) low = middle + 1;
      else high = middle;
    }
    this.#latestFirst.splice(low, 0, departure);
  }

  /** One more workload that never leaves by itself. */
  addEndless(workload: WorkloadNumber): void {
    this.#endless.add(workload);
  }

  /**
   * The next departures: those of the next moment, and after the first few, so that thousands of them cost few looks, some
   * moments together. @returns null when there are no more
   */
  next(): Departure | null {
    const first = this.#latestFirst.pop();
    if (first === undefined) return null;
    const allocations = [...first.allocations];
    let { atMs } = first;
    const wanted = this.#taken < ONE_BY_ONE ? 1 : Math.min(this.#taken, MAX_TOGETHER);
    for (let count = 1; ; count++) {
      const later = this.#latestFirst.at(-1);
      if (later === undefined || count >= MAX_OF_ONE_MOMENT || (count >= wanted && later.atMs > atMs)) break;
      atMs = later.atMs;
      allocations.push(...later.allocations);
      this.#latestFirst.pop();
    }
    this.#taken += allocations.length;
    return { atMs, allocations };
  }
}

/** When an allocation will have left at the latest; null = nobody knows. */
export function departureMs(allocation: Allocation, workload: Workload, nowMs: number): number | null {
  const { state, stop, startedMs, placedMs } = allocation;
  if (state === 'exited' || state === 'released') return nowMs;
  if (stop !== null) return Math.max(nowMs, stop.requestedMs + stop.graceMs);
  const { timeLimitMs, graceMs } = workload.spec;
  if (timeLimitMs === null) return null;
  return Math.max(nowMs, (startedMs ?? placedMs) + timeLimitMs) + graceMs;
}

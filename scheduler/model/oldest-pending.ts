// Since when the oldest of many wait, while they come and go in any order: a heap by time whose entries outlive those who
// left until they reach the top, so that coming and going costs a logarithm and asking nothing.
import type { WorkloadNumber } from '../../common/ids.js';

/** A heap with fewer entries is never cleared out. */
const LEAST_CLEARED = 64;

/** The pending workloads of one queue, and since when the oldest of them waits. */
export class OldestPending {
  readonly #members = new Set<WorkloadNumber>();
  /** Pairs of time and number: entry n at 2n and 2n + 1, its children are entries 2n + 1 and 2n + 2. */
  #heap: number[] = [];

  get members(): ReadonlySet<WorkloadNumber> {
    return this.#members;
  }

  /** How many are kept: those who wait, and those who left and are still in the way of nobody. */
  get entries(): number {
    return this.#heap.length / 2;
  }

  /** @param sinceMs when it was submitted; the same each time it comes back */
  add(number: WorkloadNumber, sinceMs: number): void {
    this.#members.add(number);
    this.#push(sinceMs, number);
  }

  delete(number: WorkloadNumber): void {
    this.#members.delete(number);
    if (this.entries > LEAST_CLEARED && this.entries > 2 * this.#members.size) this.#clearOut();
  }

  /** The earliest time of all members; null = there is none. */
  oldestMs(): number | null {
    for (;;) {
      const [sinceMs, number] = this.#heap;
      if (sinceMs === undefined || number === undefined) return null;
      if (this.#members.has(number as WorkloadNumber)) return sinceMs;
      this.#pop();
    }
  }

  /** Keeps one entry a member. A list in order is a heap. */
  #clearOut(): void {
    const sinceMs = new Map<number, number>();
    for (let entry = 0; 2 * entry < this.#heap.length; entry += 1) {
      const number = this.#heap[2 * entry + 1] ?? 0;
      if (this.#members.has(number as WorkloadNumber)) sinceMs.set(number, this.#ms(entry));
    }
    const entries = [...sinceMs].toSorted((a, b) => a[1] - b[1]);
    this.#heap = entries.flatMap(([number, since]) => [since, number]);
  }

  #push(sinceMs: number, number: number): void {
    const heap = this.#heap;
    let at = heap.length / 2;
    heap.push(sinceMs, number);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#ms(parent) <= sinceMs) break;
      this.#move(parent, at);
      at = parent;
    }
    heap[2 * at] = sinceMs;
    heap[2 * at + 1] = number;
  }

  #pop(): void {
    const heap = this.#heap;
    const number = heap.pop() ?? 0;
    const sinceMs = heap.pop() ?? 0;
    const entries = heap.length / 2;
    if (entries === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= entries) break;
      const least = left + 1 < entries && this.#ms(left + 1) < this.#ms(left) ? left + 1 : left;
      if (this.#ms(least) >= sinceMs) break;
      this.#move(least, at);
      at = least;
    }
    heap[2 * at] = sinceMs;
    heap[2 * at + 1] = number;
  }

  #ms(entry: number): number {
    return this.#heap[2 * entry] ?? 0;
  }

  #move(from: number, to: number): void {
    const heap = this.#heap;
    heap[2 * to] = heap[2 * from] ?? 0;
    heap[2 * to + 1] = heap[2 * from + 1] ?? 0;
  }
}

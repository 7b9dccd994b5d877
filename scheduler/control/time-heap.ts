// Things in the order of a time each has: a binary heap, in two plain lists because there may be millions. What has the same
// time comes in its own order. Cost: O(log n) in and out, O(1) to look; in the order of time itself, in costs O(1).

/** Numbers or words by time, the earliest first. */
export class TimeHeap<T extends number | string> {
  readonly #times: number[] = [];
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The earliest time; null = there is nothing. */
  get firstMs(): number | null {
    return this.#times[0] ?? null;
  }

  add(timeMs: number, item: T): void {
    let at = this.#items.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(timeMs, item, above)) break;
      this.#move(above, at);
      at = above;
    }
    this.#times[at] = timeMs;
    this.#items[at] = item;
  }

  /** Takes the earliest out. */
  take(): { readonly timeMs: number; readonly item: T } | null {
    const timeMs = this.#times[0];
    const item = this.#items[0];
    const lastMs = this.#times.pop();
    const last = this.#items.pop();
    if (timeMs === undefined || item === undefined || lastMs === undefined || last === undefined) return null;
    if (this.#items.length > 0) this.#sink(lastMs, last);
    return { timeMs, item };
  }

  #sink(timeMs: number, item: T): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#items.length) break;
      const below = left + 1 < this.#items.length && this.#isOrdered(left + 1, left) ? left + 1 : left;
      if (this.#isBefore(timeMs, item, below)) break;
      this.#move(below, at);
      at = below;
    }
    this.#times[at] = timeMs;
    this.#items[at] = item;
  }

  #isOrdered(a: number, b: number): boolean {
    const timeMs = this.#times[a];
    const item = this.#items[a];
    return timeMs !== undefined && item !== undefined && this.#isBefore(timeMs, item, b);
  }

  #isBefore(timeMs: number, item: T, at: number): boolean {
    const otherMs = this.#times[at] ?? Infinity;
    if (timeMs !== otherMs) return timeMs < otherMs;
    const other = this.#items[at];
    return other !== undefined && item < other;
  }

  #move(from: number, to: number): void {
    const timeMs = this.#times[from];
    const item = this.#items[from];
    if (timeMs === undefined || item === undefined) return;
    this.#times[to] = timeMs;
    this.#items[to] = item;
  }
}

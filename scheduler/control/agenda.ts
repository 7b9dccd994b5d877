// What is to be done at which time: one due time a key, ordered by time (a binary heap). A key that gets another time
// leaves its old entry behind, which is dropped when it comes up, or all at once when such entries are the most.
//
// Cost: O(log n) to set, O(1) to see the next. Nothing here knows of clocks or of what is to be done.
interface Entry {
  readonly key: string;
  readonly dueMs: number;
}

/** Due times by key. */
export class Agenda {
  readonly #due = new Map<string, number>();
  #heap: Entry[] = [];

  /** How many keys have a due time. */
  get size(): number {
    return this.#due.size;
  }

  /** Sets or, with null, removes the due time of a key. */
  set(key: string, dueMs: number | null): void {
    if ((this.#due.get(key) ?? null) === dueMs) return;
    if (dueMs === null) {
      this.#due.delete(key);
    } else {
      this.#due.set(key, dueMs);
      this.#push({ key, dueMs });
    }
    if (this.#heap.length > 2 * this.#due.size + 64) this.#rebuild();
  }

  /** The earliest due time; null = nothing is to be done. */
  nextMs(): number | null {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#due.get(first.key) === first.dueMs) return first.dueMs;
      this.#pop();
    }
    return null;
  }

  /** Takes the key that is due first, if its time has come; null = none is due. It is on the agenda no more. */
  takeDue(nowMs: number): string | null {
    const nextMs = this.nextMs();
    const first = this.#heap[0];
    if (nextMs === null || nextMs > nowMs || first === undefined) return null;
    this.#pop();
    this.#due.delete(first.key);
    return first.key;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.dueMs <= entry.dueMs) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const below = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left;
      if (below === undefined || below.dueMs >= last.dueMs) break;
      heap[at] = below;
      at = below === right ? 2 * at + 2 : 2 * at + 1;
    }
    heap[at] = last;
  }

  #rebuild(): void {
    this.#heap = [...this.#due].map(([key, dueMs]) => ({ key, dueMs })).toSorted((a, b) => a.dueMs - b.dueMs);
  }
}

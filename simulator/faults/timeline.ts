// The one clock of a simulated world: what is to happen, in the order of its time. Between two happenings every promise that can go
// on does so, as between two turns of an event loop. The same seed gives the same happenings in the same order, and a hash of
// all of them to prove it.
import { setImmediate } from 'node:timers';

/** A happening that can be called off. */
export interface Scheduled {
  cancel(): void;
}

interface Entry extends Scheduled {
  readonly timeMs: number;
  readonly order: number;
  readonly label: string;
  happen: (() => void) | null;
}

/** True time, in ms from the beginning of the world. */
export class Timeline {
  nowMs = 0;
  /** How many happenings there were. */
  happenings = 0;
  readonly #heap: Entry[] = [];
  readonly #labels = new Map<string, number>();
  #order = 0;
  #hashLow = 0x811c9dc5;
  #hashHigh = 0x9e3779b9;
  /** Set once the world is over: nothing happens any more. */
  #stopped = false;

  /** Lets something happen after a while; of what falls on one time, the first asked for is first. */
  after(delayMs: number, label: string, happen: () => void): Scheduled {
    return this.at(this.nowMs + Math.max(0, delayMs), label, happen);
  }

  /**
   * Lets something happen at a time. What has to follow something else at the same time has to name that time: a delay that is added
   * to the present again may come out before it, by rounding.
   */
  at(timeMs: number, label: string, happen: () => void): Scheduled {
    const entry: Entry = {
      timeMs: Math.max(this.nowMs, timeMs),
      order: this.#order,
      label,
      happen,
      cancel: () => (entry.happen = null),
    };
    this.#order += 1;
    this.#push(entry);
    return entry;
  }

  /** Lives until `endMs`, or until {@link stop}. */
  async run(endMs: number): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.timeMs <= endMs; next = this.#heap[0]) {
      this.#pop();
      if (next.happen === null) continue;
      this.nowMs = next.timeMs;
      this.happenings += 1;
      this.note(next.label, next.timeMs);
      next.happen();
      // Whatever waits for a promise goes on before this resolves.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#stopped) return;
    }
    this.nowMs = endMs;
  }

  /** Ends the run under way after the present happening. */
  stop(): void {
    this.#stopped = true;
  }

  /** Puts something into the hash: a word and a number. */
  note(word: string, number: number): void {
    let known = this.#labels.get(word);
    if (known === undefined) {
      known = hashOf(word);
      this.#labels.set(word, known);
    }
    // Thousandths of a ms tell apart what jitter tells apart.
    const digits = Math.round(number * 1000) | 0;
    this.#hashLow = Math.imul(this.#hashLow ^ known, 0x01000193) >>> 0;
    this.#hashLow = Math.imul(this.#hashLow ^ digits, 0x01000193) >>> 0;
    this.#hashHigh = (Math.imul(this.#hashHigh, 0x85ebca6b) ^ this.#hashLow) >>> 0;
  }

  /** Of everything that happened so far. */
  get hash(): string {
    return this.#hashHigh.toString(16).padStart(8, '0') + this.#hashLow.toString(16).padStart(8, '0');
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let below = heap[child];
      const right = heap[child + 1];
      if (right !== undefined && below !== undefined && isBefore(right, below)) {
        below = right;
        child += 1;
      }
      if (below === undefined || !isBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);
}

function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < word.length; at += 1) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

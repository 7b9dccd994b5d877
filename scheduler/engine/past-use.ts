// What queues held lately, as the division of the surplus counts it. Follows time from settle to settle, and is soft: after a
// restart nobody used anything. What counts is taken over only now and then, and only when it moved enough, so that shares do
// not flutter and nobody is evicted to and fro for the odd GPU between two equals.
import type { QueueName } from '../../common/ids.js';
import { at, GPU } from './amounts.js';
import type { QueueNode } from './queues.js';
import { UsageBook } from './usage.js';

/** Past use is looked at so often. */
export const LOOK_EVERY_MS = 60_000;
/** It is taken over when the use of a queue moved by this part of what is due to it by weight. */
const NOTICED_PART = 1 / 16;

/** Follows what queues hold. */
export class PastUse {
  /** How strongly it counts. */
  readonly weight: number;
  readonly #halfLifeMs: number;
  readonly #book: UsageBook;
  /** What was held, in GPU parts, since the last settle; inner queues with all below them. */
  #held = new Map<QueueName, number>();
  #capacityParts = 0;
  #sinceMs = -Infinity;
  /** Usage relative to the cluster's, as it counts. */
  #counted = new Map<QueueName, number>();
  #lookedMs = -Infinity;

  constructor(halfLifeMs: number, weight: number) {
    this.#halfLifeMs = halfLifeMs;
    this.#book = new UsageBook(halfLifeMs);
    this.weight = weight;
  }

  /** When it is to be looked at again. */
  get nextLookMs(): number {
    return this.#lookedMs + LOOK_EVERY_MS;
  }

  /** A queue's use as it counts: 1 = it had all GPUs all the time. */
  of(queue: QueueName): number {
    return this.#counted.get(queue) ?? 0;
  }

  /**
   * Counts what was held until now, and notes what is held from now on. Cost: one pass over the queues.
   * @returns whether what counts is another, so that shares are
   */
  settle(queues: ReadonlyMap<QueueName, QueueNode>, capacityParts: number, nowMs: number): boolean {
    if (nowMs > this.#sinceMs) this.#count(capacityParts, nowMs);
    this.#capacityParts = capacityParts;
    this.#held = new Map();
    for (const [name, { held }] of queues) if (at(held, GPU) > 0) this.#held.set(name, at(held, GPU));
    if (nowMs < this.nextLookMs) return false;
    this.#lookedMs = nowMs;
    return this.#look(queues, nowMs);
  }

  #count(capacityParts: number, nowMs: number): void {
    if (this.#capacityParts === 0) {
      // As if the GPUs had always been there and unused: else the first minutes would count as all that ever was.
      if (this.#halfLifeMs !== Infinity) this.#book.addCapacity(capacityParts, -Infinity, nowMs);
    } else {
      this.#book.addCapacity(this.#capacityParts, this.#sinceMs, nowMs);
      for (const [queue, parts] of this.#held) this.#book.addHeld(queue, parts, this.#sinceMs, nowMs);
    }
    this.#sinceMs = nowMs;
  }

  #look(queues: ReadonlyMap<QueueName, QueueNode>, nowMs: number): boolean {
    for (const name of this.#counted.keys()) if (!queues.has(name)) this.#book.remove(name);
    const found = new Map<QueueName, number>();
    let moved = false;
    for (const [name, queue] of queues) {
      const share = this.#book.share(name, nowMs);
      found.set(name, share);
      const step = NOTICED_PART * dueTo(queue);
      if (step > 0 && Math.abs(share - this.of(name)) > step) moved = true;
    }
    if (moved || this.#counted.size === 0) this.#counted = found;
    return moved;
  }
}

/** A queue's weight among its siblings. */
function dueTo({ parent, weight }: QueueNode): number {
  const total = parent?.children.reduce((sum, child) => sum + child.weight, 0) ?? 0;
  return total === 0 ? 0 : weight / total;
}

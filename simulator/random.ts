// Random numbers that come again with their seed: histories, faults, delays.
const GOLDEN = 0x9e3779b9;

/** A small generator (Mulberry32, 2^32 long): far more than a history needs, the same on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring numbers.
    this.#state = Math.imul(seed ^ GOLDEN, 0x85ebca6b) >>> 0;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  /** A whole number from `least` to `most`. */
  from(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True once in `times`, on average. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** A number from `least` to below `end`, with fractions. */
  between(least: number, end: number): number {
    return least + this.#next() * (end - least);
  }

  /** True with a probability. */
  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** From 0 to below 1. */
  fraction(): number {
    return this.#next();
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  /** One of some makers, in proportion to their weights. */
  weighted<T>(makers: readonly (readonly [weight: number, make: () => T])[]): T {
    let left = this.below(makers.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, make] of makers) {
      if (left < weight) return make();
      left -= weight;
    }
    throw new RangeError('nothing to choose from has a weight');
  }

  list<T>(count: number, make: (at: number) => T): T[] {
    return Array.from({ length: count }, (_, at) => make(at));
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

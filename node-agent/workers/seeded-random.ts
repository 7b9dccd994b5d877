// Random numbers that are the same on every machine and in every run: for the data order and for splitting data sets.
// Not for secrets.

/** Returns whole numbers from 0 to bound - 1. `bound` is from 1 to 2^32. */
export type SeededRandom = (bound: number) => number;

/** A generator for each pair of seeds: splitmix32 (additive step of the golden ratio, then two mixing rounds). */
export function seededRandom(seed: number, stream: number): SeededRandom {
  let state = mix(mix(seed >>> 0) ^ (stream >>> 0));
  return (bound) => {
    state = (state + 0x9e3779b9) >>> 0;
    return Math.floor((mix(state) / 2 ** 32) * bound);
  };
}

/** The numbers 0 to count - 1 in a random order (Fisher and Yates). */
export function permutation(count: number, random: SeededRandom): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = random(last + 1);
    const moved = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = moved;
  }
  return order;
}

function mix(value: number): number {
  const once = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  const twice = Math.imul(once ^ (once >>> 15), 0x735a2d97);
  return (twice ^ (twice >>> 15)) >>> 0;
}

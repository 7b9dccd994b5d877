// Amounts of the three resources that queues share: GPU parts, thousandths of a core, MiB of memory. Plain arrays of three
// numbers, since sums over a queue's path are made for every task that comes or goes.

/** GPU parts, CPU in thousandths of a core, memory in MiB: at the indexes `GPU`, `CPU`, `MEMORY`. */
export type Amounts = Float64Array;

export const GPU = 0;
export const CPU = 1;
export const MEMORY = 2;
export const RESOURCES = 3;

export function amounts(gpuParts = 0, cpuMilli = 0, memoryMib = 0): Amounts {
  return Float64Array.of(gpuParts, cpuMilli, memoryMib);
}

/** Amounts are shared and never changed, but for sums, which belong to one owner. */
export const NOTHING: Amounts = amounts();

const MAX_SHARED = 10_000;
const shared = new Map<number, Amounts[]>();
let sharedCount = 0;

/**
 * The amount as one that all who have the same share: most tasks ask for the same, and a million small arrays cost more
 * than all else the engine keeps of them.
 */
export function sharedAmounts(gpuParts: number, cpuMilli: number, memoryMib: number): Amounts {
  let found = shared.get(gpuParts);
  if (!found) shared.set(gpuParts, (found = []));
  for (const each of found) if (at(each, CPU) === cpuMilli && at(each, MEMORY) === memoryMib) return each;
  const made = amounts(gpuParts, cpuMilli, memoryMib);
  if (sharedCount++ < MAX_SHARED) found.push(made);
  return made;
}

/** Adds `sign` times the one to the other, in place. */
export function addTo(sum: Amounts, part: Amounts, sign: number): void {
  sum[GPU] = at(sum, GPU) + sign * at(part, GPU);
  sum[CPU] = at(sum, CPU) + sign * at(part, CPU);
  sum[MEMORY] = at(sum, MEMORY) + sign * at(part, MEMORY);
}

/** `count` times an amount. */
export function times(part: Amounts, count: number): Amounts {
  return amounts(at(part, GPU) * count, at(part, CPU) * count, at(part, MEMORY) * count);
}

export function sameAmounts(a: Amounts, b: Amounts): boolean {
  return at(a, GPU) === at(b, GPU) && at(a, CPU) === at(b, CPU) && at(a, MEMORY) === at(b, MEMORY);
}

export function isNothing(a: Amounts): boolean {
  return at(a, GPU) === 0 && at(a, CPU) === 0 && at(a, MEMORY) === 0;
}

/** One resource of an amount. */
export function at(of: Amounts, resource: number): number {
  return of[resource] ?? 0;
}

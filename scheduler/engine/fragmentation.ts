// Fragmentation: how much free GPU capacity is of no use to the requests that usually come, and how much more a placement
// would make so. Source: Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation
// Gradient Descent", USENIX ATC 2023. A free GPU counts as fragment in proportion to how much of the mix of requests could
// not use it there: F(node) = sum over kinds m of p(m) × F(node, m), where F(node, m) is all free capacity of the node if m
// cannot run there, else the free remainders of GPUs that are too small for m.
import { invariant } from '../../common/assert.js';
import { GPU_PARTS } from '../model/requests.js';

/** What requests of one kind have in common: what one task asks of its node. */
export interface RequestKind {
  /** GPUs of each of which it needs `parts`; 0 = none. */
  readonly gpus: number;
  readonly parts: number;
  readonly cpuMilli: number;
  readonly memoryMib: number;
}

/**
 * A request that may not use the GPUs a mix is about, because it asks for another model or pool. Observed as such it makes
 * all of their capacity useless to its share of the mix.
 */
export const ELSEWHERE: RequestKind = { gpus: Infinity, parts: GPU_PARTS, cpuMilli: 0, memoryMib: 0 };

/** What is free on a node. */
export interface FreeCapacity {
  /** GPUs nobody has a part of. */
  readonly wholeGpus: number;
  /** The free parts of the other GPUs, where there are any. */
  readonly partialParts: readonly number[];
  readonly cpuMilli: number;
  readonly memoryMib: number;
}

/** The most kinds that count: the most popular ones. In production traces 21 to 42 kinds make 95 % of the requests. */
export const MAX_KINDS = 64;

/** The most kinds remembered; beyond it the least popular half is forgotten. */
export const MAX_REMEMBERED_KINDS = 1_024;

/** After so many observed requests, all that were observed before count half. */
export const REQUESTS_PER_HALF_LIFE = 16_384;

/** A kind that counts for less than this, in requests, is forgotten. */
const FORGOTTEN_WEIGHT = 1 / 8;

/** The mix in use is brought up to date when this share of it is new: its tables are dear to compute for each request. */
const NEW_SHARE = 1 / 32;

interface Observed {
  readonly key: string;
  readonly kind: RequestKind;
  /** In requests. Halves and sums of halves of whole numbers, so that arithmetic on it is exact. */
  weight: number;
}

/** The mix as it is used: its most popular kinds in columns, and what was computed of them. */
interface MixTable {
  readonly count: number;
  readonly gpus: Float64Array;
  readonly parts: Float64Array;
  readonly cpuMilli: Float64Array;
  readonly memoryMib: Float64Array;
  readonly weight: Float64Array;
  readonly totalWeight: number;
  /** From here on CPU and memory bind no kind. */
  readonly ampleCpuMilli: number;
  readonly ampleMemoryMib: number;
  /** Whether whole GPUs are all that is asked for. */
  readonly isPlain: boolean;
  /** Weighted unusable parts of a node with so many whole free GPUs, no partly free ones, and ample CPU and memory. */
  readonly ofWhole: number[];
}

/**
 * Which requests come, by kind and popularity, lately: what came long ago counts less and less. Time is counted in
 * requests, not by a clock. What it is used as does not depend on the order of observations between two uses.
 * Cost: observing is O(1); the mix in use is sorted anew (n log n for n kinds) when enough is new.
 */
export class RequestMix {
  readonly #observed = new Map<string, Observed>();
  #sinceHalved = 0;
  #changed = 0;
  #stamp = 0;
  #table: MixTable = tableOf([]);

  /** Counts requests of a kind. Throws nothing; a weight of 0 or below counts nothing. */
  observe(kind: RequestKind, weight: number): void {
    if (weight <= 0) return;
    const key = `${kind.gpus}/${kind.parts}/${kind.cpuMilli}/${kind.memoryMib}`;
    const observed = this.#observed.get(key);
    if (observed) observed.weight += weight;
    else this.#observed.set(key, { key, kind, weight });
    this.#sinceHalved += weight;
    this.#changed += weight;
    if (this.#observed.size > MAX_REMEMBERED_KINDS) this.#keepMostPopular(MAX_REMEMBERED_KINDS / 2);
  }

  /** Takes back requests observed lately, as if they had not come. Of what has decayed meanwhile nothing more is taken. */
  forget(kind: RequestKind, weight: number): void {
    const key = `${kind.gpus}/${kind.parts}/${kind.cpuMilli}/${kind.memoryMib}`;
    const observed = this.#observed.get(key);
    if (!observed || weight <= 0) return;
    const taken = Math.min(observed.weight, weight);
    observed.weight -= taken;
    if (observed.weight < FORGOTTEN_WEIGHT) this.#observed.delete(key);
    this.#sinceHalved = Math.max(0, this.#sinceHalved - taken);
    this.#changed += taken;
  }

  /** Changes when the mix in use does: what was computed from another stamp is out of date. */
  get stamp(): number {
    this.table();
    return this.#stamp;
  }

  /** Whether all that is asked for, lately, are whole GPUs: their number then tells all of a node. */
  get isPlain(): boolean {
    return this.table().isPlain;
  }

  /** How many kinds are remembered. */
  get kinds(): number {
    return this.#observed.size;
  }

  /** The share of a kind in the mix in use, between 0 and 1. */
  share(kind: RequestKind): number {
    const table = this.table();
    for (let at = 0; at < table.count; at++) {
      const same =
        table.gpus[at] === kind.gpus &&
        table.parts[at] === kind.parts &&
        table.cpuMilli[at] === kind.cpuMilli &&
        table.memoryMib[at] === kind.memoryMib;
      if (same) return (table.weight[at] ?? 0) / table.totalWeight;
    }
    return 0;
  }

  /** The mix in use. For the functions of this file. */
  table(): MixTable {
    if (this.#changed > this.#table.totalWeight * NEW_SHARE) this.#renew();
    return this.#table;
  }

  #renew(): void {
    if (this.#sinceHalved >= REQUESTS_PER_HALF_LIFE) this.#halve();
    this.#table = tableOf(this.#mostPopular(MAX_KINDS));
    this.#changed = 0;
    this.#stamp++;
  }

  #halve(): void {
    for (const observed of this.#observed.values()) {
      observed.weight /= 2;
      if (observed.weight < FORGOTTEN_WEIGHT) this.#observed.delete(observed.key);
    }
    this.#sinceHalved = 0;
  }

  #mostPopular(count: number): Observed[] {
    const byWeight = (a: Observed, b: Observed) => b.weight - a.weight || (a.key < b.key ? -1 : 1);
    return [...this.#observed.values()].sort(byWeight).slice(0, count);
  }

  #keepMostPopular(count: number): void {
    const kept = this.#mostPopular(count);
    this.#observed.clear();
    for (const observed of kept) this.#observed.set(observed.key, observed);
  }
}

/**
 * Free GPU parts of a node that the mix cannot use, as expected for one request drawn from it: between 0 and all free parts.
 * Cost: one look-up where no GPU is partly free and CPU and memory are ample, else kinds × GPUs of the node.
 */
export function unusableParts(mix: RequestMix, free: FreeCapacity): number {
  const table = mix.table();
  if (table.totalWeight === 0) return 0;
  return weighted(table, free.wholeGpus, free.partialParts, free.cpuMilli, free.memoryMib) / table.totalWeight;
}

/**
 * By how many parts placing a request on a node increases what the mix cannot use of it. Below 0 where the placement takes
 * what was of little use, which is best; never below what the request takes away.
 * @param chosen for each GPU the request is to get, how many parts of it are free now; `GPU_PARTS` = a whole GPU
 */
export function gradient(mix: RequestMix, free: FreeCapacity, request: RequestKind, chosen: readonly number[]): number {
  const table = mix.table();
  if (table.totalWeight === 0) return 0;
  let wholeGpus = free.wholeGpus;
  let partialParts = free.partialParts;
  for (const freeParts of chosen) {
    if (freeParts === GPU_PARTS) wholeGpus--;
    else partialParts = without(partialParts, freeParts);
    if (freeParts > request.parts) partialParts = [...partialParts, freeParts - request.parts];
  }
  const before = weighted(table, free.wholeGpus, free.partialParts, free.cpuMilli, free.memoryMib);
  const cpuMilli = free.cpuMilli - request.cpuMilli;
  const memoryMib = free.memoryMib - request.memoryMib;
  return (weighted(table, wholeGpus, partialParts, cpuMilli, memoryMib) - before) / table.totalWeight;
}

/**
 * A gradient as a score to compare nodes by: 0 to 100, 50 = no change, higher is better. It is coarse on purpose: placements
 * that hardly differ are equal, and equals must go to the first node in an order that stays the same. That packs nodes one
 * after the other, which matters more than small differences: on the trace of the paper, ties broken at random cost 5 points
 * of the allocated share, exact scores about 1.
 */
export function fragmentationScore(gradientParts: number): number {
  return Math.trunc(100 / (1 + Math.exp(gradientParts / GPU_PARTS)));
}

function tableOf(observed: readonly Observed[]): MixTable {
  const column = (read: (each: Observed) => number) => Float64Array.from(observed, read);
  const cpuMilli = column(({ kind }) => kind.cpuMilli);
  const memoryMib = column(({ kind }) => kind.memoryMib);
  const weight = column((each) => each.weight);
  return {
    count: observed.length,
    gpus: column(({ kind }) => kind.gpus),
    parts: column(({ kind }) => kind.parts),
    cpuMilli,
    memoryMib,
    weight,
    totalWeight: weight.reduce((sum, each) => sum + each, 0),
    ampleCpuMilli: Math.max(0, ...cpuMilli),
    ampleMemoryMib: Math.max(0, ...memoryMib),
    isPlain: observed.every(({ kind }) => kind.cpuMilli + kind.memoryMib === 0 && kind.parts % GPU_PARTS === 0),
    ofWhole: [],
  };
}

/** The unusable parts times the weight of the whole mix: a whole number of eighths, hence exact. */
function weighted(
  table: MixTable,
  wholeGpus: number,
  partialParts: readonly number[],
  cpuMilli: number,
  memoryMib: number,
): number {
  const ample = cpuMilli >= table.ampleCpuMilli && memoryMib >= table.ampleMemoryMib;
  if (!ample || partialParts.length > 0) return sumOverKinds(table, wholeGpus, partialParts, cpuMilli, memoryMib);
  const known = table.ofWhole[wholeGpus];
  if (known !== undefined) return known;
  const sum = sumOverKinds(table, wholeGpus, partialParts, cpuMilli, memoryMib);
  table.ofWhole[wholeGpus] = sum;
  return sum;
}

function sumOverKinds(
  { count, gpus, parts, cpuMilli, memoryMib, weight }: MixTable,
  wholeGpus: number,
  partialParts: readonly number[],
  freeCpuMilli: number,
  freeMemoryMib: number,
): number {
  let allParts = wholeGpus * GPU_PARTS;
  for (const freeParts of partialParts) allParts += freeParts;
  let sum = 0;
  for (let at = 0; at < count; at++) {
    const wanted = gpus[at] as number;
    const each = parts[at] as number;
    let fitting = wholeGpus;
    let remainders = 0;
    for (const freeParts of partialParts) {
      if (freeParts >= each) fitting++;
      else remainders += freeParts;
    }
    const runs =
      wanted > 0 &&
      fitting >= wanted &&
      freeCpuMilli >= (cpuMilli[at] as number) &&
      freeMemoryMib >= (memoryMib[at] as number);
    sum += (weight[at] as number) * (runs ? remainders : allParts);
  }
  return sum;
}

/** A list without the first occurrence of a value. */
function without(list: readonly number[], value: number): number[] {
  const at = list.indexOf(value);
  invariant(at >= 0, 'a chosen GPU is one of the free ones', `${value} of ${list.join(', ')}`);
  return list.toSpliced(at, 1);
}

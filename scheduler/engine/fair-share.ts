// How the GPUs of a level are divided among its queues, in three phases: guarantees, then the surplus by priority and
// weight, then the remainders. Pure. Source of the rules: KAI Scheduler, plugins/proportion/resource_division.
import { surplusWeights } from './usage.js';

/** What counts against claimants in dealing the surplus: see `surplusWeights`. */
export interface Usages {
  /** Of each claimant, relative to all there was. */
  readonly of: readonly number[];
  /** How strongly it counts. */
  readonly weight: number;
}

/** A queue as the division sees it. */
export interface Claimant {
  readonly guarantee: number;
  /** The most it can use: what it holds and asks for, cut to its limit. */
  readonly requestable: number;
  /** 0 = nothing beyond the guarantee. */
  readonly weight: number;
  readonly priority: number;
  readonly createdMs: number;
  readonly name: string;
}

/**
 * Divides one resource among queues.
 *
 * Guarantees come first and are given in full even where they exceed the total (one without bound gets the total); then
 * each priority, highest first, deals what is left in proportion to weight, in whole units, until nobody asks for less
 * than his part; then one unit each by largest remainder (ties: older, then name).
 * @param total what there is to divide
 * @param unit what counts as a whole one: the parts of a GPU, a thousandth of a core, a MiB
 * @param usages past use, which lowers the weight of a claimant in each round; null = it does not count
 * @returns the share of each claimant, in the order given
 */
export function divide(
  total: number,
  claimants: readonly Claimant[],
  unit = 1,
  usages: Usages | null = null,
): number[] {
  const shares = claimants.map(({ guarantee, requestable }) =>
    Math.min(guarantee === Infinity ? total : guarantee, requestable),
  );
  let left = total - shares.reduce((sum, share) => sum + share, 0);
  const remainders: Remainder[][] = [];
  for (const bucket of byPriority(claimants)) {
    if (left <= 0) break;
    const dealt = dealSurplus(left, bucket, claimants, shares, unit, usages);
    left = dealt.left;
    remainders.push(dealt.remainders);
  }
  for (const ofBucket of remainders) left = dealRemainders(left, ofBucket, claimants, shares, unit);
  return shares;
}

/** What a queue would have got beyond whole units. */
interface Remainder {
  readonly at: number;
  readonly part: number;
}

/** Deals whole units to the queues of one priority. */
function dealSurplus(
  surplus: number,
  bucket: readonly number[],
  claimants: readonly Claimant[],
  shares: number[],
  unit: number,
  usages: Usages | null,
): { readonly left: number; readonly remainders: Remainder[] } {
  let left = surplus;
  let hungry = bucket.filter((at) => (claimants[at]?.weight ?? 0) > 0 && wants(claimants, shares, at) > 0);
  let remainders: Remainder[] = [];
  while (left > 0 && hungry.length > 0) {
    const amount = left;
    const weights = weightsOf(hungry, claimants, usages);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const still: number[] = [];
    remainders = [];
    for (const [turn, at] of hungry.entries()) {
      const part = (amount * (weights[turn] ?? 0)) / total;
      const want = wants(claimants, shares, at);
      const give = want <= part ? want : Math.floor(part / unit) * unit;
      shares[at] = (shares[at] ?? 0) + give;
      left -= give;
      if (want > part) {
        still.push(at);
        remainders.push({ at, part: part - give });
      }
    }
    if (still.length === hungry.length) break;
    hungry = still;
  }
  return { left, remainders };
}

/** Deals what is left, one unit each, to the queues of one priority; returns what they left. */
function dealRemainders(
  surplus: number,
  remainders: Remainder[],
  claimants: readonly Claimant[],
  shares: number[],
  unit: number,
): number {
  let left = surplus;
  remainders.sort((a, b) => b.part - a.part || compareAge(claimants[a.at], claimants[b.at]));
  for (const { at } of remainders) {
    if (left <= 0) break;
    const give = Math.min(unit, left);
    shares[at] = (shares[at] ?? 0) + give;
    left -= give;
  }
  return left;
}

function weightsOf(
  hungry: readonly number[],
  claimants: readonly Claimant[],
  usages: Usages | null,
): readonly number[] {
  const weights = hungry.map((at) => claimants[at]?.weight ?? 0);
  if (usages === null) return weights;
  return surplusWeights(
    weights,
    hungry.map((at) => usages.of[at] ?? 0),
    usages.weight,
  );
}

function wants(claimants: readonly Claimant[], shares: readonly number[], at: number): number {
  return (claimants[at]?.requestable ?? 0) - (shares[at] ?? 0);
}

function byPriority(claimants: readonly Claimant[]): number[][] {
  const buckets = new Map<number, number[]>();
  claimants.forEach(({ priority }, at) => {
    const bucket = buckets.get(priority);
    if (bucket) bucket.push(at);
    else buckets.set(priority, [at]);
  });
  return [...buckets].sort(([a], [b]) => b - a).map(([, bucket]) => bucket);
}

function compareAge(a: Claimant | undefined, b: Claimant | undefined): number {
  if (!a || !b) return 0;
  return a.createdMs - b.createdMs || (a.name < b.name ? -1 : 1);
}

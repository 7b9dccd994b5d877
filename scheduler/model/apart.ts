// Which of several parts of the cluster count together: what is guaranteed of parts that have GPUs in common is one guarantee,
// since one GPU meets both; so it is the parts that have none in common, and come to the most, that add up. Pure.

/** What a part comes to. */
export interface PartAmount {
  readonly index: number;
  readonly amount: number;
}

/** Parts with no GPU in common, and what they come to. */
export interface Apart {
  readonly sum: number;
  readonly indexes: readonly number[];
}

/** Parts that overlap are weighed against each other so many times in a row; beyond that the larger one is taken. */
const MAX_CHOICES = 10;

const NONE: Apart = { sum: 0, indexes: [] };

/**
 * The parts with no GPU in common that come to the most together.
 * @param amounts by the parts' indexes
 * @param overlap whether two parts have GPUs in common
 */
export function largestApart(amounts: readonly number[], overlap: (a: number, b: number) => boolean): Apart {
  const wanted = amounts.flatMap((amount, index) => (amount > 0 ? [{ amount, index }] : []));
  wanted.sort((a, b) => b.amount - a.amount || a.index - b.index);
  return largestOf(wanted, overlap, MAX_CHOICES);
}

function largestOf(wanted: readonly PartAmount[], overlap: (a: number, b: number) => boolean, choices: number): Apart {
  const [first, ...rest] = wanted;
  if (first === undefined) return NONE;
  const apart = rest.filter(({ index }) => !overlap(first.index, index));
  if (apart.length === rest.length || choices === 0) return withFirst(first, largestOf(apart, overlap, choices));
  const taken = withFirst(first, largestOf(apart, overlap, choices - 1));
  const left = largestOf(rest, overlap, choices - 1);
  return taken.sum >= left.sum ? taken : left;
}

function withFirst({ index, amount }: PartAmount, { sum, indexes }: Apart): Apart {
  return { sum: amount + sum, indexes: [index, ...indexes] };
}

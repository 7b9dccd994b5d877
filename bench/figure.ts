// What a benchmark reports: one number with its unit, the median of several runs.
import { invariant } from '../common/assert.js';

/** One line of the bench's output. */
export interface Figure {
  /** `part.what_unit`, for example `submit.unary_per_s`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Over how many runs `value` is the median. */
  readonly runs: number;
  /** The best figure known of another scheduler, in words, with its circumstances. */
  readonly peer?: string;
}

/** One run is an anecdote: fewer than this make no figure. */
export const LEAST_RUNS = 5;

/** A figure from what single runs gave. */
export function figure(name: string, unit: string, values: readonly number[], peer?: string): Figure {
  invariant(values.length >= LEAST_RUNS, 'a figure needs five runs', `${name} has ${values.length}`);
  const value = Number(median(values).toPrecision(4));
  return { name, value, unit, runs: values.length, ...(peer === undefined ? {} : { peer }) };
}

/** Repeats a measurement one after the other. */
export async function repeat(runs: number, measureOnce: () => Promise<number>): Promise<readonly number[]> {
  const values: number[] = [];
  for (let run = 0; run < runs; run++) values.push(await measureOnce());
  return values;
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  return (quantile(values, 0.5, Math.floor) + quantile(values, 0.5, Math.ceil)) / 2;
}

/** The value below which `share` (0 to 1) of the values lie, by nearest rank. */
export function quantile(values: readonly number[], share: number, round = Math.round): number {
  const sorted = Float64Array.from(values).toSorted();
  const value = sorted[round((sorted.length - 1) * share)];
  invariant(value !== undefined, 'a quantile needs values', `share ${share} of none`);
  return value;
}

/**
 * The exponent e of the power law y = c·x^e that fits the points best: least squares on the logarithms.
 * @param points at least two, with different x; all numbers above 0
 */
export function fitExponent(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length;
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length;
  const along = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const across = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const exponent = across / along;
  invariant(Number.isFinite(exponent), 'an exponent needs two points above zero', JSON.stringify(points));
  return exponent;
}

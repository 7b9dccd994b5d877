// Brings the columns of a table to comparable size before they reach the network, and is part of the exported model, so
// that whoever uses the model gives columns as they are. Pixels need none.
import type { Samples } from './dataset.js';

/** feature → (feature − offset) × factor, for each feature, in single precision. */
export interface Scaling {
  readonly offset: Float32Array;
  readonly factor: Float32Array;
}

/** A column that never changes carries no information and must not be divided by zero. */
const SMALLEST_DEVIATION = 1e-6;

/** Mean and standard deviation of each column of the training part; undefined for pixels. */
export function measureScaling(samples: Samples): Scaling | undefined {
  if (samples.features === 'pixels') return undefined;
  const width = samples.featureCount;
  const sums = new Float64Array(width);
  const squares = new Float64Array(width);
  const row = new Float32Array(width);
  const addUp = (into: Float64Array, term: (value: number, column: number) => number): void => {
    for (let sample = 0; sample < samples.count; sample++) {
      samples.gather([sample], row);
      row.forEach((value, column) => (into[column] = (into[column] ?? 0) + term(value, column)));
    }
  };
  const mean = (column: number): number => (sums[column] ?? 0) / samples.count;
  addUp(sums, (value) => value);
  addUp(squares, (value, column) => (value - mean(column)) ** 2);
  return {
    offset: Float32Array.from(sums, (_, column) => mean(column)),
    factor: Float32Array.from(squares, (square) => 1 / Math.max(Math.sqrt(square / samples.count), SMALLEST_DEVIATION)),
  };
}

/** Scales rows in place. Rounds after each of the two operations, exactly as the exported model does. */
export function scaleRows(rows: Float32Array, scaling: Scaling | undefined): void {
  if (scaling === undefined) return;
  const { offset, factor } = scaling;
  for (let index = 0; index < rows.length; index++) {
    const column = index % offset.length;
    rows[index] = Math.fround((rows[index] ?? 0) - (offset[column] ?? 0)) * (factor[column] ?? 1);
  }
}

// What a model got right and wrong, counted batch by batch. Pure: the report of the command `test` is made of this.
import { BadInput } from './bad-input.js';
import { bestClass } from './classifier.js';
import type { ScoredBatch } from './classifier.js';
import type { Samples } from './dataset.js';

/** A sample that the model got wrong. */
export interface Misclassified {
  /** Place in the data set, from 0. */
  readonly index: number;
  readonly expected: number;
  readonly predicted: number;
  /** How sure the model was of what it said. */
  readonly probability: number;
}

/** One class in numbers. */
export interface ClassResult {
  readonly class: number;
  /** Samples of this class. */
  readonly samples: number;
  /** Of the samples said to be of this class, the part that is; null when none was said to be. */
  readonly precision: number | null;
  /** Of the samples of this class, the part that was found; null when there is none. */
  readonly recall: number | null;
}

/** The result over all samples. */
export interface Evaluation {
  readonly samples: number;
  readonly correct: number;
  readonly accuracy: number;
  /** Row: the class that is right; column: the class the model said. */
  readonly confusion: readonly (readonly number[])[];
  readonly classes: readonly ClassResult[];
  /** All of them, in order of the data set. */
  readonly misclassified: readonly Misclassified[];
}

/** How far a row of probabilities may be from 1 in sum: outputs beyond are taken for logits. */
const PROBABILITY_TOLERANCE = 1e-3;

/** Counts the scores of a model. @throws BadInput when data set and model do not belong together. */
export async function evaluate(samples: Samples, batches: AsyncIterable<ScoredBatch>): Promise<Evaluation> {
  let counts: number[][] = [];
  const misclassified: Misclassified[] = [];
  for await (const batch of batches) {
    if (counts.length === 0) counts = emptyCounts(samples, batch.classes);
    const areProbabilities = rowsAreProbabilities(batch);
    batch.indices.forEach((index, row) => {
      const expected = samples.labels[index] ?? 0;
      const from = row * batch.classes;
      const predicted = bestClass(batch.scores, from, batch.classes);
      const score = batch.scores[from + predicted] ?? Number.NaN;
      if (!Number.isFinite(score)) throw new BadInput(`the model gives ${score} for sample ${index}: it is broken`);
      increment(counts, expected, predicted);
      if (expected === predicted) return;
      const probability = areProbabilities ? score : softmaxAt(batch.scores, from, batch.classes, score);
      misclassified.push({ index, expected, predicted, probability });
    });
  }
  return summarise(counts, misclassified);
}

/** The confusion matrix as a table for people: rows are what is right, columns what the model said. */
export function formatConfusion({ confusion }: Evaluation): string {
  const highest = Math.max(0, ...confusion.flat());
  const width = Math.max(String(highest).length, String(confusion.length).length) + 1;
  const line = (head: string, cells: readonly (number | string)[]): string =>
    `${head.padStart(9)} |${cells.map((cell) => String(cell).padStart(width)).join('')}`;
  return [
    line('expected', Object.keys(confusion)),
    `${'-'.repeat(10)}+${'-'.repeat(width * confusion.length)}`,
    ...confusion.map((row, expected) =>
      line(
        String(expected),
        row.map((count) => (count === 0 ? '·' : count)),
      ),
    ),
  ].join('\n');
}

function emptyCounts(samples: Samples, classes: number): number[][] {
  if (samples.classes > classes) {
    throw new BadInput(
      `the data set has the label ${samples.classes - 1}, the model knows the classes 0 to ${classes - 1}`,
    );
  }
  return Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
}

function increment(counts: number[][], expected: number, predicted: number): void {
  const row = counts[expected];
  if (row !== undefined) row[predicted] = (row[predicted] ?? 0) + 1;
}

function summarise(confusion: readonly (readonly number[])[], misclassified: readonly Misclassified[]): Evaluation {
  const count = (expected: number, predicted: number): number => confusion[expected]?.[predicted] ?? 0;
  const samples = sum(confusion.flat());
  const correct = samples - misclassified.length;
  const classes = confusion.map((row, index): ClassResult => {
    const present = sum(row);
    const said = sum(confusion.map((_, expected) => count(expected, index)));
    const found = count(index, index);
    return {
      class: index,
      samples: present,
      precision: said === 0 ? null : found / said,
      recall: present === 0 ? null : found / present,
    };
  });
  return { samples, correct, accuracy: samples === 0 ? 0 : correct / samples, confusion, classes, misclassified };
}

function rowsAreProbabilities({ indices, classes, scores }: ScoredBatch): boolean {
  return indices.every((_, row) => {
    const rowScores = scores.subarray(row * classes, (row + 1) * classes);
    const total = rowScores.reduce((partial, score) => partial + score, 0);
    return Math.abs(total - 1) <= PROBABILITY_TOLERANCE && rowScores.every((score) => score >= 0);
  });
}

function softmaxAt(scores: Float32Array, from: number, classes: number, highest: number): number {
  let total = 0;
  for (let index = 0; index < classes; index++) total += Math.exp((scores[from + index] ?? 0) - highest);
  return 1 / total;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

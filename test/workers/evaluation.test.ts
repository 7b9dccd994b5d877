import { describe, expect, it } from 'vitest';
import type { ScoredBatch } from '../../node-agent/workers/classifier.js';
import type { Samples } from '../../node-agent/workers/dataset.js';
import { evaluate, formatConfusion } from '../../node-agent/workers/evaluation.js';

function samplesOf(labels: readonly number[]): Samples {
  return {
    count: labels.length,
    sampleShape: [1],
    featureCount: 1,
    labels: Uint16Array.from(labels),
    classes: Math.max(...labels) + 1,
    features: 'columns',
    sha256: '',
    gather: () => undefined,
  };
}

async function* batches(...scores: readonly (readonly number[])[][]): AsyncGenerator<ScoredBatch> {
  let from = 0;
  for (const rows of scores) {
    const indices = rows.map((_, row) => from + row);
    from += rows.length;
    yield { indices, classes: rows[0]?.length ?? 0, scores: Float32Array.from(rows.flat()) };
  }
}

describe('an evaluation', () => {
  it('counts what is right and wrong, over all batches', async () => {
    const result = await evaluate(
      samplesOf([0, 1, 1, 2]),
      batches(
        [
          [0.75, 0.125, 0.125],
          [0.125, 0.75, 0.125],
        ],
        [
          [0.5, 0.25, 0.25],
          [0.625, 0.25, 0.125],
        ],
      ),
    );
    expect(result).toEqual({
      samples: 4,
      correct: 2,
      accuracy: 0.5,
      confusion: [
        [1, 0, 0],
        [1, 1, 0],
        [1, 0, 0],
      ],
      classes: [
        { class: 0, samples: 1, precision: 1 / 3, recall: 1 },
        { class: 1, samples: 2, precision: 1, recall: 0.5 },
        { class: 2, samples: 1, precision: null, recall: 0 },
      ],
      misclassified: [
        { index: 2, expected: 1, predicted: 0, probability: 0.5 },
        { index: 3, expected: 2, predicted: 0, probability: 0.625 },
      ],
    });
    expect(formatConfusion(result)).toBe(
      [' expected | 0 1 2', '----------+------', '        0 | 1 · ·', '        1 | 1 1 ·', '        2 | 1 · ·'].join(
        '\n',
      ),
    );
  });

  it('takes scores that are no probabilities for logits', async () => {
    const result = await evaluate(
      samplesOf([1, 0]),
      batches([
        [3, 1],
        [2, 2],
      ]),
    );
    expect(result.misclassified).toHaveLength(1);
    expect(result.misclassified[0]).toMatchObject({ index: 0, predicted: 0 });
    expect(result.misclassified[0]?.probability).toBeCloseTo(1 / (1 + Math.exp(-2)), 6);
  });

  it('refuses a data set with classes that the model does not know', async () => {
    await expect(evaluate(samplesOf([2]), batches([[0.5, 0.5]]))).rejects.toThrow(
      'the data set has the label 2, the model knows the classes 0 to 1',
    );
  });

  it('refuses a model that gives no numbers', async () => {
    await expect(evaluate(samplesOf([1]), batches([[Number.NaN, Number.NaN]]))).rejects.toThrow(
      'gives NaN for sample 0',
    );
  });
});

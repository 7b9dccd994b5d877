// A model that gives each sample one number per class, run over a data set batch by batch. For judging models; serving
// makes no such assumptions.
import { BadInput } from './bad-input.js';
import type { Samples } from './dataset.js';
import type { ModelSignature } from './inference-messages.js';
import type { InferenceSession } from './inference-session.js';
import { elementCount, floatsOf, formatShape } from './tensor.js';
import type { TensorSpec } from './tensor.js';

/** Samples in one run of a model that takes any number of them. */
const BATCH = 256;

/** The scores of a few samples. */
export interface ScoredBatch {
  /** Indices of the samples. */
  readonly indices: readonly number[];
  /** Classes the model knows. */
  readonly classes: number;
  /** What the model gave, sample after sample. */
  readonly scores: Float32Array;
}

interface ClassifierShape {
  readonly input: TensorSpec;
  readonly output: TensorSpec;
  /** Samples a run takes exactly; undefined for any number. */
  readonly fixedBatch: number | undefined;
}

/**
 * Runs the model over the samples with these indices, in order.
 * @throws BadInput when the model is no classifier of such samples.
 */
export async function* classify(
  session: InferenceSession,
  samples: Samples,
  indices: readonly number[],
): AsyncGenerator<ScoredBatch> {
  const { input, output, fixedBatch } = classifierShape(session.signature, samples);
  const batchSize = fixedBatch ?? BATCH;
  for (let from = 0; from < indices.length; from += batchSize) {
    const part = indices.slice(from, from + batchSize);
    const rows = fixedBatch ?? part.length;
    const features = new Float32Array(rows * samples.featureCount);
    // A model of a fixed batch gets zeros after the last sample.
    samples.gather(part, features.subarray(0, part.length * samples.featureCount));
    const bytes = new Uint8Array(features.buffer);
    const [scored] = await session.run(
      [{ name: input.name, datatype: 'FP32', shape: [rows, ...input.shape.slice(1)], bytes }],
      [output.name],
    );
    if (scored === undefined || scored.shape.length !== 2 || scored.shape[0] !== rows) {
      throw new BadInput(
        `the model's output ${output.name} has the shape ${formatShape(scored?.shape ?? [])}, expected ${rows} rows of classes`,
      );
    }
    const classes = scored.shape[1] ?? 0;
    yield { indices: part, classes, scores: floatsOf(scored).subarray(0, part.length * classes) };
  }
}

/** Index of the highest of the scores from `from` on. The first one wins a tie. */
export function bestClass(scores: Float32Array, from: number, classes: number): number {
  let best = 0;
  for (let index = 1; index < classes; index++) {
    if ((scores[from + index] ?? 0) > (scores[from + best] ?? 0)) best = index;
  }
  return best;
}

function classifierShape({ inputs, outputs }: ModelSignature, samples: Samples): ClassifierShape {
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1 || input.datatype !== 'FP32') {
    const found = inputs.map(({ name, datatype }) => `${name} (${datatype})`).join(', ');
    throw new BadInput(`the model takes ${found || 'nothing'}, expected one input of FP32`);
  }
  const [batch = 0, ...sampleShape] = input.shape;
  if (sampleShape.some((size) => size < 1) || elementCount(sampleShape) !== samples.featureCount) {
    throw new BadInput(
      `the model takes ${formatShape(input.shape)}, but a sample is ${samples.sampleShape.join(' × ')} = ${samples.featureCount} features`,
    );
  }
  const output = outputs.find(({ datatype, shape }) => datatype === 'FP32' && shape.length === 2);
  if (output === undefined) {
    const found = outputs.map(({ name, datatype, shape }) => `${name} (${datatype} ${formatShape(shape)})`).join(', ');
    throw new BadInput(`the model gives ${found}, expected an output of FP32 with one row of classes a sample`);
  }
  return { input, output, fixedBatch: batch > 0 ? batch : undefined };
}

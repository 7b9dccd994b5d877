// The network in this process, on WebAssembly: its optimizer against the library's own, its saved state, its export.
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { modelInMemory, openInferenceSession } from '../../node-agent/workers/inference-session.js';
import { createNetwork } from '../../node-agent/workers/network.js';
import type { Network } from '../../node-agent/workers/network.js';
import { exportOnnx } from '../../node-agent/workers/onnx-export.js';
import { readOnnxProperties } from '../../node-agent/workers/onnx-format.js';
import { scaleRows } from '../../node-agent/workers/scaling.js';
import { seededRandom } from '../../node-agent/workers/seeded-random.js';
import { floatsOf } from '../../node-agent/workers/tensor.js';
import { startTrainingBackend } from '../../node-agent/workers/training-backend.js';

const SHAPE = { inputs: 6, hidden: [8, 5], classes: 3, learningRate: 0.01, seed: 7 };
const NO_GPU = { kind: 'none', why: 'a test' } as const;

beforeAll(async () => {
  await startTrainingBackend(NO_GPU, 'auto');
});

function randomRows(rows: number, width: number, seed: number): Float32Array {
  const random = seededRandom(seed, 0);
  return Float32Array.from({ length: rows * width }, () => random(2001) / 1000 - 1);
}

function trainSome(network: Network, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    const labels = Array.from({ length: 4 }, (_, index) => (index + step) % SHAPE.classes);
    network.trainStep(randomRows(4, SHAPE.inputs, step), labels);
  }
}

describe('a network', () => {
  it('trains on WebAssembly, and says why, without a GPU', async () => {
    expect(await startTrainingBackend(NO_GPU, 'auto')).toEqual({ name: 'wasm', why: 'a test' });
    expect(tf.getBackend()).toBe('wasm');
  });

  it('refuses to train without a GPU when only a GPU will do', async () => {
    await expect(startTrainingBackend(NO_GPU, 'gpu')).rejects.toThrow('--device=gpu, but no GPU can be used: a test');
  });

  it('takes the same steps as the library with its own Adam', () => {
    const ours = createNetwork(SHAPE);
    const reference = createNetwork(SHAPE).model;
    const weights = reference.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const adam = tf.train.adam(SHAPE.learningRate, 0.9, 0.999, 1e-8);
    for (let step = 0; step < 20; step++) {
      const features = randomRows(8, SHAPE.inputs, step);
      const labels = Array.from({ length: 8 }, (_, index) => (index * step) % SHAPE.classes);
      ours.trainStep(features, labels);
      tf.tidy(() => {
        const x = tf.tensor2d(features, [8, SHAPE.inputs]);
        const truth = tf.oneHot(tf.tensor1d(labels, 'int32'), SHAPE.classes);
        const loss = (): tf.Scalar => {
          const logits = reference.layers
            .slice(0, -1)
            .reduce<tf.Tensor>((value, layer) => layer.apply(value) as tf.Tensor, x);
          return tf.reshape<tf.Rank.R0>(tf.losses.softmaxCrossEntropy(truth, logits), []);
        };
        adam.minimize(loss, false, weights);
      });
    }
    const rows = randomRows(50, SHAPE.inputs, 99);
    const expected = tf.tidy(() => (reference.predict(tf.tensor2d(rows, [50, SHAPE.inputs])) as tf.Tensor).dataSync());
    ours.predict(rows).forEach((value, index) => expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 4));
  });

  it('learns: the loss falls', () => {
    const network = createNetwork(SHAPE);
    const features = randomRows(16, SHAPE.inputs, 3);
    const labels = Array.from({ length: 16 }, (_, index) => index % SHAPE.classes);
    const first = network.trainStep(features, labels).loss;
    for (let step = 0; step < 200; step++) network.trainStep(features, labels);
    expect(network.trainStep(features, labels).loss).toBeLessThan(first / 4);
  });

  it('goes on from a saved state to the same bits, from any step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), (stopAt) => {
        const whole = createNetwork(SHAPE);
        trainSome(whole, 0, 12);
        const first = createNetwork(SHAPE);
        trainSome(first, 0, stopAt);
        const second = createNetwork({ ...SHAPE, seed: 1234 });
        second.restore(first.save());
        trainSome(second, stopAt, 12);
        expect(second.save()).toEqual(whole.save());
        expect(second.step()).toBe(12);
      }),
      { numRuns: 8 },
    );
  });

  it('keeps no tensors from step to step', () => {
    const network = createNetwork(SHAPE);
    trainSome(network, 0, 2);
    const before = tf.memory().numTensors;
    trainSome(network, 2, 10);
    network.predict(randomRows(2, SHAPE.inputs, 1));
    network.restore(network.save());
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses the state of another network', () => {
    const state = createNetwork({ ...SHAPE, hidden: [8, 4] }).save();
    expect(() => createNetwork(SHAPE).restore(state)).toThrow(
      'the state has layer1/kernel [8,4] where this network has layer1/kernel [8,5]',
    );
  });
});

async function runExported(content: Uint8Array, rows: Float32Array, width: number): Promise<Float32Array> {
  const session = await openInferenceSession(modelInMemory('exported', content), {
    gpus: NO_GPU,
    device: 'auto',
    maxQueued: 1,
  });
  const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
  const [output] = await session.run(
    [{ name: 'input', datatype: 'FP32', shape: [rows.length / width, width], bytes }],
    ['probabilities'],
  );
  await session.close();
  if (output === undefined) throw new Error('no output');
  return floatsOf(output);
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, index) => Math.abs(value - (b[index] ?? Number.NaN))));
}

describe('an exported model', () => {
  const ACTIVATIONS = ['relu', 'sigmoid', 'tanh', 'softmax', 'linear'] as const;

  it.each(ACTIVATIONS)('computes what its source computes with %s, with and without bias', async (activation) => {
    const model: LayersModel = sequential({
      layers: [
        layers.dense({ units: 7, activation, biasInitializer: 'ones', inputShape: [5] }),
        layers.dropout({ rate: 0.5 }),
        layers.dense({ units: 4, useBias: false }),
        layers.activation({ activation }),
      ],
    });
    const rows = randomRows(200, 5, 5);
    const expected = tf.tidy(() => (model.predict(tf.tensor2d(rows, [200, 5])) as tf.Tensor).dataSync());
    // A model that gives the same for every row would prove nothing.
    expect(new Set(expected).size).toBeGreaterThan(150);
    const found = await runExported(exportOnnx(model, { properties: {} }), rows, 5);
    expect(largestDifference(found, expected)).toBeLessThan(1e-5);
  });

  it('scales columns itself', async () => {
    const network = createNetwork({ ...SHAPE, inputs: 2 });
    const scaling = { offset: Float32Array.of(100, -3), factor: Float32Array.of(0.01, 2) };
    const rows = Float32Array.from(randomRows(50, 2, 1), (value, index) =>
      index % 2 === 0 ? 100 + 80 * value : value,
    );
    const scaled = Float32Array.from(rows);
    scaleRows(scaled, scaling);
    const content = exportOnnx(network.model, { scaling, properties: { greeting: 'hello' } });
    expect(largestDifference(await runExported(content, rows, 2), network.predict(scaled))).toBeLessThan(1e-5);
    expect(readOnnxProperties('x', content).get('greeting')).toBe('hello');
  });

  it('cannot be made of layers or activations without a counterpart', () => {
    const withElu = sequential({ layers: [layers.dense({ units: 2, activation: 'elu', inputShape: [2] })] });
    expect(() => exportOnnx(withElu, { properties: {} })).toThrow('activation elu cannot be exported');
    const withNorm = sequential({ layers: [layers.batchNormalization({ inputShape: [2] })] });
    expect(() => exportOnnx(withNorm, { properties: {} })).toThrow('of kind BatchNormalization cannot be exported');
  });

  it('is refused in words when it is no model', async () => {
    expect(() => modelInMemory('x.onnx', Buffer.from('this is no model'))).toThrow('x.onnx is not an ONNX model');
    const empty = modelInMemory('empty.onnx', new Uint8Array(0));
    await expect(openInferenceSession(empty, { gpus: NO_GPU, device: 'auto', maxQueued: 1 })).rejects.toThrow(
      'empty.onnx cannot be used',
    );
  });
});

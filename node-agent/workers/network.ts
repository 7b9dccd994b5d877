// A multilayer perceptron in TensorFlow.js that can be stopped between any two steps and continued in another process as
// if nothing had happened. Assumes a started backend (training-backend.ts).
import * as tf from '@tensorflow/tfjs-core';
import { initializers, layers, sequential } from '@tensorflow/tfjs-layers';
import type { LayersModel, Sequential } from '@tensorflow/tfjs-layers';

/** What the network looks like and how it learns. */
export interface NetworkOptions {
  readonly inputs: number;
  /** Units of the hidden layers, which use ReLU. */
  readonly hidden: readonly number[];
  readonly classes: number;
  readonly learningRate: number;
  /** Decides the initial weights. */
  readonly seed: number;
}

/** What one step says about its batch, before the weights changed. */
export interface StepResult {
  /** Mean cross-entropy, in nats. */
  readonly loss: number;
  /** Samples whose most probable class was the right one. */
  readonly correct: number;
}

/** An array with a name: a weight, or a moment of the optimizer that belongs to it. */
export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Everything that training changes. */
export interface NetworkState {
  /** Steps taken. */
  readonly step: number;
  readonly arrays: readonly NamedArray[];
}

/** A network in training. */
export interface Network {
  /** The model, ending in softmax. It follows the training. */
  readonly model: LayersModel;
  /** One step of Adam on a batch: features row by row, one label a row. */
  trainStep(features: Float32Array, labels: ArrayLike<number>): StepResult;
  /** Steps taken. */
  step(): number;
  /** Probabilities, row by row. */
  predict(features: Float32Array): Float32Array;
  /** A copy of all that training changes. */
  save(): NetworkState;
  /** Takes over a saved state. @throws Error when it is not one of a network of this shape. */
  restore(state: NetworkState): void;
}

/** The usual constants of Adam (Kingma and Ba 2015). */
const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

interface Parameter {
  readonly weight: tf.Variable;
  readonly mean: tf.Variable;
  readonly variance: tf.Variable;
}

/** Builds a network with seeded weights. */
export function createNetwork(options: NetworkOptions): Network {
  const model = buildModel(options);
  const parameters = model.trainableWeights.map((layerWeight): Parameter => {
    const weight = layerWeight.read();
    if (!(weight instanceof tf.Variable)) throw new Error(`weight ${layerWeight.name} is not a variable`);
    return {
      weight,
      mean: tf.variable(tf.zeros(weight.shape), false),
      variance: tf.variable(tf.zeros(weight.shape), false),
    };
  });
  let step = 0;

  return {
    model,
    step: () => step,
    trainStep: (features, labels) => {
      step += 1;
      return tf.tidy(() => {
        const x = tf.tensor2d(features, [labels.length, options.inputs]);
        const truth = tf.tensor1d(Int32Array.from(labels), 'int32');
        const { loss, logits, gradients } = backpropagate(model, parameters, x, truth, options.classes);
        parameters.forEach((parameter, index) => applyAdam(parameter, gradients[index], step, options.learningRate));
        const correct = tf.sum(tf.equal(tf.argMax(logits, 1), truth));
        return { loss: readScalar(loss), correct: readScalar(correct) };
      });
    },
    predict: (features) =>
      tf.tidy(() => {
        const rows = features.length / options.inputs;
        const output = model.apply(tf.tensor2d(features, [rows, options.inputs]));
        return Float32Array.from(asTensor(output).dataSync());
      }),
    save: () => ({ step, arrays: namedVariables(parameters).map(([name, variable]) => copyOut(name, variable)) }),
    restore: (state) => {
      const variables = namedVariables(parameters);
      if (state.arrays.length !== variables.length) {
        throw new Error(`the state has ${state.arrays.length} arrays, this network has ${variables.length}`);
      }
      variables.forEach(([name, variable], index) => copyIn(name, variable, state.arrays[index]));
      step = state.step;
    },
  };
}

function buildModel({ inputs, hidden, classes, seed }: NetworkOptions): Sequential {
  const model = sequential();
  [...hidden, classes].forEach((units, index) =>
    model.add(
      layers.dense({
        units,
        ...(index === 0 ? { inputShape: [inputs] } : {}),
        activation: index < hidden.length ? 'relu' : 'linear',
        kernelInitializer: initializers.glorotUniform({ seed: seed + index }),
      }),
    ),
  );
  // A layer of its own, since the loss is computed from what comes before it: exact where a probability rounds to 0 or 1.
  model.add(layers.activation({ activation: 'softmax' }));
  return model;
}

function backpropagate(
  model: Sequential,
  parameters: readonly Parameter[],
  x: tf.Tensor2D,
  truth: tf.Tensor1D,
  classes: number,
): { loss: tf.Scalar; logits: tf.Tensor; gradients: readonly (tf.Tensor | undefined)[] } {
  // The forward pass runs in an inner scope that disposes of what it does not return; a kept tensor outlives it.
  const kept: tf.Tensor[] = [];
  const { value: loss, grads } = tf.variableGrads(
    () => {
      const logits = model.layers.slice(0, -1).reduce<tf.Tensor>((value, layer) => asTensor(layer.apply(value)), x);
      kept.push(tf.keep(logits));
      return tf.reshape<tf.Rank.R0>(tf.losses.softmaxCrossEntropy(tf.oneHot(truth, classes), logits), []);
    },
    parameters.map(({ weight }) => weight),
  );
  const [logits] = kept.map((tensor) => tf.clone(tensor));
  kept.forEach((tensor) => tensor.dispose());
  if (logits === undefined) throw new Error('the forward pass did not run');
  return { loss, logits, gradients: parameters.map(({ weight }) => grads[weight.name]) };
}

/**
 * Adam on one weight. Written here because the library's own optimizer corrects bias by a running product that its saved
 * state leaves out and rebuilds by a power: a restored run would differ in the last bits.
 */
function applyAdam(parameter: Parameter, gradient: tf.Tensor | undefined, step: number, learningRate: number): void {
  if (gradient === undefined) throw new Error(`no gradient for ${parameter.weight.name}`);
  const { weight, mean, variance } = parameter;
  mean.assign(tf.add(tf.mul(mean, BETA1), tf.mul(gradient, 1 - BETA1)));
  variance.assign(tf.add(tf.mul(variance, BETA2), tf.mul(tf.square(gradient), 1 - BETA2)));
  const rate = learningRate / (1 - BETA1 ** step);
  const deviation = tf.add(tf.sqrt(tf.mul(variance, 1 / (1 - BETA2 ** step))), EPSILON);
  weight.assign(tf.sub(weight, tf.div(tf.mul(mean, rate), deviation)));
}

/** All that training changes, under names that do not depend on what else the process built before. */
function namedVariables(parameters: readonly Parameter[]): readonly (readonly [string, tf.Variable])[] {
  return parameters.flatMap(({ weight, mean, variance }, index) => {
    const name = `layer${Math.floor(index / 2)}/${index % 2 === 0 ? 'kernel' : 'bias'}`;
    return [
      [name, weight],
      [`${name}/adam-mean`, mean],
      [`${name}/adam-variance`, variance],
    ] as const;
  });
}

function copyOut(name: string, variable: tf.Variable): NamedArray {
  return { name, shape: variable.shape, values: Float32Array.from(variable.dataSync()) };
}

function copyIn(name: string, variable: tf.Variable, array: NamedArray | undefined): void {
  if (array?.name !== name || array.shape.join() !== variable.shape.join()) {
    const found = array === undefined ? 'nothing' : `${array.name} [${array.shape.join()}]`;
    throw new Error(`the state has ${found} where this network has ${name} [${variable.shape.join()}]`);
  }
  tf.tidy(() => variable.assign(tf.tensor(array.values, [...array.shape])));
}

function asTensor(value: unknown): tf.Tensor {
  if (!(value instanceof tf.Tensor)) throw new Error('a layer did not return a tensor');
  return value;
}

function readScalar(scalar: tf.Tensor): number {
  return scalar.dataSync()[0] ?? Number.NaN;
}

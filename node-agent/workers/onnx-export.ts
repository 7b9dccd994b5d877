// Turns a trained TensorFlow.js model of dense layers into an ONNX model with the same arithmetic, in single precision.
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { encodeOnnx } from './onnx-format.js';
import type { OnnxConstant, OnnxNode } from './onnx-format.js';
import type { Scaling } from './scaling.js';

/** What is written beside the layers. */
export interface ExportOptions {
  /** Put before the first layer, when given. */
  readonly scaling?: Scaling | undefined;
  /** Stored in the file as properties. */
  readonly properties: Readonly<Record<string, string>>;
}

/** Name of the exported model's input: rows of features. */
export const INPUT_NAME = 'input';
/** Name of the exported model's output: rows of class probabilities. */
export const OUTPUT_NAME = 'probabilities';

type Layer = LayersModel['layers'][number];

/** The parts of a graph that one layer becomes: it reads what `from` names and its last node writes the layer's result. */
interface Piece {
  readonly constants: readonly OnnxConstant[];
  readonly nodes: readonly OnnxNode[];
}

/**
 * Exports a model whose layers, one after the other, are Dense or Activation with relu, sigmoid, tanh, softmax or linear.
 * @returns the content of a .onnx file; the number of rows is free.
 * @throws Error for a layer or an activation that cannot be exported.
 */
export function exportOnnx(model: LayersModel, options: ExportOptions): Uint8Array {
  const width = model.inputs[0]?.shape[1];
  const classes = model.outputs[0]?.shape[1];
  if (typeof width !== 'number' || typeof classes !== 'number') throw new Error('a model of rows is expected');

  const pieces: Piece[] = [];
  let output = INPUT_NAME;
  const append = (piece: Piece): void => {
    pieces.push(piece);
    output = piece.nodes.at(-1)?.output ?? output;
  };
  if (options.scaling !== undefined) append(scalingPiece(options.scaling, output));
  for (const [index, layer] of model.layers.entries()) append(layerPiece(layer, `layer${index}`, output));
  append({ constants: [], nodes: [{ operator: 'Identity', inputs: [output], output: OUTPUT_NAME }] });

  return encodeOnnx({
    graphName: 'perceptron',
    producerVersion: PACKAGE_VERSION,
    input: { name: INPUT_NAME, width },
    output: { name: OUTPUT_NAME, width: classes },
    constants: pieces.flatMap(({ constants }) => constants),
    nodes: pieces.flatMap(({ nodes }) => nodes),
    properties: options.properties,
  });
}

function scalingPiece({ offset, factor }: Scaling, from: string): Piece {
  return {
    constants: [
      { name: 'scaling/offset', shape: [offset.length], values: offset },
      { name: 'scaling/factor', shape: [factor.length], values: factor },
    ],
    nodes: [
      { operator: 'Sub', inputs: [from, 'scaling/offset'], output: 'scaling/centred' },
      { operator: 'Mul', inputs: ['scaling/centred', 'scaling/factor'], output: 'scaling/scaled' },
    ],
  };
}

function layerPiece(layer: Layer, name: string, from: string): Piece {
  const kind = layer.getClassName();
  const activation = layer.getConfig()['activation'];
  switch (kind) {
    case 'InputLayer':
    case 'Dropout': // Does nothing outside training.
      return { constants: [], nodes: [] };
    case 'Activation':
      return { constants: [], nodes: activationNodes(activation, name, from) };
    case 'Dense': {
      const dense = densePiece(layer, name, from);
      const output = dense.nodes.at(-1)?.output ?? from;
      return { constants: dense.constants, nodes: [...dense.nodes, ...activationNodes(activation, name, output)] };
    }
    default:
      throw new Error(`layer ${layer.name} of kind ${kind} cannot be exported: only Dense, Activation and Dropout can`);
  }
}

function densePiece(layer: Layer, name: string, from: string): Piece {
  const arrays = layer.getWeights().map((tensor, index): OnnxConstant => ({
    name: `${name}/${index === 0 ? 'kernel' : 'bias'}`,
    shape: tensor.shape,
    values: Float32Array.from(tensor.dataSync()),
  }));
  // Gemm computes from × kernel + bias; without a bias it takes two inputs.
  return {
    constants: arrays,
    nodes: [{ operator: 'Gemm', inputs: [from, ...arrays.map((array) => array.name)], output: `${name}/sum` }],
  };
}

function activationNodes(activation: unknown, name: string, from: string): readonly OnnxNode[] {
  const output = `${name}/${String(activation)}`;
  switch (activation) {
    case 'linear':
      return [];
    case 'relu':
      return [{ operator: 'Relu', inputs: [from], output }];
    case 'sigmoid':
      return [{ operator: 'Sigmoid', inputs: [from], output }];
    case 'tanh':
      return [{ operator: 'Tanh', inputs: [from], output }];
    case 'softmax':
      return [{ operator: 'Softmax', inputs: [from], output, axis: -1 }];
    default:
      throw new Error(
        `activation ${String(activation)} cannot be exported: only relu, sigmoid, tanh, softmax and linear`,
      );
  }
}

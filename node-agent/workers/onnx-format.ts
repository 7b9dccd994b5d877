// The part of the ONNX file format that dense networks need. Field numbers are those of the public onnx.proto; a reader of
// ours skips what is not declared here.
import protobuf from 'protobufjs';
import { BadInput, messageOf } from './bad-input.js';

const SCHEMA = `
  syntax = "proto2";
  package onnx;
  message StringStringEntryProto { optional string key = 1; optional string value = 2; }
  message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
  message TensorShapeProto {
    message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
    repeated Dimension dim = 1;
  }
  message TypeProto {
    message Tensor { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
    oneof value { Tensor tensor_type = 1; }
  }
  message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
  message TensorProto {
    repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8; optional bytes raw_data = 9;
  }
  message AttributeProto { optional string name = 1; optional int64 i = 3; optional int32 type = 20; }
  message NodeProto {
    repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
    repeated AttributeProto attribute = 5;
  }
  message GraphProto {
    repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  }
  message ModelProto {
    optional int64 ir_version = 1; optional string producer_name = 2; optional string producer_version = 3;
    optional GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8;
    repeated StringStringEntryProto metadata_props = 14;
  }
  message ModelProperties { repeated StringStringEntryProto metadata_props = 14; }
`;

const { root } = protobuf.parse(SCHEMA, { keepCase: true });
const modelType = root.lookupType('onnx.ModelProto');
/** A ModelProto without its graph: reading the properties of a large model costs no copy of its weights. */
const propertiesType = root.lookupType('onnx.ModelProperties');

/** TensorProto.DataType.FLOAT. */
export const ELEMENT_FLOAT = 1;
/** AttributeProto.AttributeType.INT. */
const ATTRIBUTE_INT = 2;
/** Intermediate representation 8 and operator set 13 are of 2021 and 2020: every runtime in use reads them. */
const IR_VERSION = 8;
const OPERATOR_SET = 13;

/** A constant of a graph, in single precision. */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** An operation of a graph. */
export interface OnnxNode {
  readonly operator: 'Gemm' | 'Relu' | 'Sigmoid' | 'Tanh' | 'Softmax' | 'Sub' | 'Mul' | 'Identity';
  readonly inputs: readonly string[];
  readonly output: string;
  readonly axis?: number;
}

/** An input or output: rows of a fixed width, any number of rows. */
export interface OnnxRows {
  readonly name: string;
  readonly width: number;
}

/** A model of one input and one output. */
export interface OnnxModel {
  readonly graphName: string;
  readonly producerVersion: string;
  readonly input: OnnxRows;
  readonly output: OnnxRows;
  readonly constants: readonly OnnxConstant[];
  /** In the order of computation. */
  readonly nodes: readonly OnnxNode[];
  /** Free text by key, for whoever reads the file. */
  readonly properties: Readonly<Record<string, string>>;
}

/** Makes the content of a .onnx file. The same model gives the same bytes. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const message = {
    ir_version: IR_VERSION,
    producer_name: 'sluice',
    producer_version: model.producerVersion,
    opset_import: [{ domain: '', version: OPERATOR_SET }],
    graph: {
      name: model.graphName,
      node: model.nodes.map(toNode),
      initializer: model.constants.map(toTensor),
      input: [toValueInfo(model.input)],
      output: [toValueInfo(model.output)],
    },
    metadata_props: Object.entries(model.properties).map(([key, value]) => ({ key, value })),
  };
  return modelType.encode(modelType.fromObject(message)).finish();
}

/** Reads the properties of a .onnx file of anybody's. @throws BadInput when the content is not of this format. */
export function readOnnxProperties(file: string, content: Uint8Array): ReadonlyMap<string, string> {
  try {
    const { metadata_props: entries } = propertiesType.toObject(propertiesType.decode(content)) as {
      metadata_props?: readonly { readonly key?: string; readonly value?: string }[];
    };
    return new Map((entries ?? []).map(({ key, value }) => [key ?? '', value ?? '']));
  } catch (error) {
    throw new BadInput(`${file} is not an ONNX model: ${messageOf(error)}`);
  }
}

function toNode(node: OnnxNode): object {
  return {
    name: node.output,
    op_type: node.operator,
    input: [...node.inputs],
    output: [node.output],
    attribute: node.axis === undefined ? [] : [{ name: 'axis', i: node.axis, type: ATTRIBUTE_INT }],
  };
}

function toTensor({ name, shape, values }: OnnxConstant): object {
  const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return { name, dims: [...shape], data_type: ELEMENT_FLOAT, raw_data: raw };
}

function toValueInfo({ name, width }: OnnxRows): object {
  const shape = { dim: [{ dim_param: 'batch' }, { dim_value: width }] };
  return { name, type: { tensor_type: { elem_type: ELEMENT_FLOAT, shape } } };
}

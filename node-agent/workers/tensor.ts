// Tensors as they travel: a name, a datatype of the Open Inference Protocol, a shape, and the elements as raw little-endian
// bytes. Conversions from and to JSON values and protobuf numbers live here, and nowhere else. Assumes a little-endian
// machine, as every platform that Node 20 and the inference runtime support is.

/** A datatype of the protocol that we can compute with. */
export type Datatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'FP32'
  | 'FP64'
  | 'BYTES';

/** A tensor. BYTES elements are each preceded by their length as a 32-bit number. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** What a model says about an input or output; -1 in the shape is any size. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** One element, as JSON or a protobuf message gives it. */
export type Element = number | bigint | boolean | string | Uint8Array;

/** The most dimensions of a tensor. */
export const MAX_RANK = 16;

type NumberArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

interface NumberArrayConstructor {
  new (length: number): NumberArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumberArray;
}

interface Layout {
  /** Bytes an element takes. */
  readonly size: number;
  /** FP16 elements are kept as their 16 bits: this version of Node has no numbers of that kind. */
  readonly array: NumberArrayConstructor;
  /** Name of the type in the inference runtime. */
  readonly runtimeType: string;
  /** Bounds of whole numbers; undefined for the others. */
  readonly bounds?: readonly [min: bigint, max: bigint];
}

/** How the elements of each datatype lie in memory; BYTES elements have no fixed size. */
const LAYOUTS: Readonly<Record<Exclude<Datatype, 'BYTES'>, Layout>> = {
  BOOL: { size: 1, array: Uint8Array, runtimeType: 'bool' },
  UINT8: { size: 1, array: Uint8Array, runtimeType: 'uint8', bounds: [0n, 2n ** 8n - 1n] },
  UINT16: { size: 2, array: Uint16Array, runtimeType: 'uint16', bounds: [0n, 2n ** 16n - 1n] },
  UINT32: { size: 4, array: Uint32Array, runtimeType: 'uint32', bounds: [0n, 2n ** 32n - 1n] },
  UINT64: { size: 8, array: BigUint64Array, runtimeType: 'uint64', bounds: [0n, 2n ** 64n - 1n] },
  INT8: { size: 1, array: Int8Array, runtimeType: 'int8', bounds: [-(2n ** 7n), 2n ** 7n - 1n] },
  INT16: { size: 2, array: Int16Array, runtimeType: 'int16', bounds: [-(2n ** 15n), 2n ** 15n - 1n] },
  INT32: { size: 4, array: Int32Array, runtimeType: 'int32', bounds: [-(2n ** 31n), 2n ** 31n - 1n] },
  INT64: { size: 8, array: BigInt64Array, runtimeType: 'int64', bounds: [-(2n ** 63n), 2n ** 63n - 1n] },
  FP16: { size: 2, array: Uint16Array, runtimeType: 'float16' },
  FP32: { size: 4, array: Float32Array, runtimeType: 'float32' },
  FP64: { size: 8, array: Float64Array, runtimeType: 'float64' },
};

const LENGTH_BYTES = 4;
const RUNTIME_TEXT = 'string';

/** Whether a word of a request is a datatype of ours. */
export function isDatatype(word: string): word is Datatype {
  return word === 'BYTES' || word in LAYOUTS;
}

/** The datatype of a type of the inference runtime; undefined for types that the protocol has no name for. */
export function datatypeOf(runtimeType: string): Datatype | undefined {
  if (runtimeType === RUNTIME_TEXT) return 'BYTES';
  return Object.keys(LAYOUTS)
    .filter(isDatatype)
    .find((datatype) => datatype !== 'BYTES' && LAYOUTS[datatype].runtimeType === runtimeType);
}

/** Number of elements of a shape without free sizes. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A shape for people: `[-1, 784]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/**
 * Makes raw bytes of elements.
 * @throws Error that says which element does not fit the datatype.
 */
export function packElements(datatype: Datatype, elements: readonly Element[]): Uint8Array {
  if (datatype === 'BYTES') return packTexts(elements);
  if (datatype === 'FP16') throw new Error('FP16 elements can only be sent as raw bytes');
  const layout = LAYOUTS[datatype];
  const array = new layout.array(elements.length);
  elements.forEach((element, index) => {
    const number = toNumber(datatype, layout, element, index);
    // Each branch of the union takes exactly one of the two kinds of number; toNumber gave the right one.
    if (array instanceof BigInt64Array || array instanceof BigUint64Array) array[index] = BigInt(number);
    else array[index] = Number(number);
  });
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The elements of a tensor as JSON text: an array, in row order, without nesting. @throws Error for FP16. */
export function elementsAsJson(tensor: Tensor): string {
  if (tensor.datatype === 'BYTES') return JSON.stringify(unpackTexts(tensor.bytes));
  if (tensor.datatype === 'FP16') throw new Error('FP16 elements cannot be sent as JSON: ask for binary data');
  const array = asArray(tensor.datatype, tensor.bytes);
  // 64-bit numbers are written digit by digit: JSON itself sets no limit, only JavaScript's numbers do.
  if (array instanceof BigInt64Array || array instanceof BigUint64Array) return `[${array.join(',')}]`;
  const numbers = Array.from(array);
  return JSON.stringify(tensor.datatype === 'BOOL' ? numbers.map((value) => value !== 0) : numbers);
}

/** Checks that the bytes of a tensor are as many as its shape and datatype say. @throws Error that gives both numbers. */
export function checkLength({ datatype, shape, bytes }: Omit<Tensor, 'name'>): void {
  const count = elementCount(shape);
  if (datatype === 'BYTES') {
    const found = unpackTexts(bytes).length;
    if (found !== count) throw new Error(`shape ${formatShape(shape)} needs ${count} elements, the data has ${found}`);
    return;
  }
  const expected = count * LAYOUTS[datatype].size;
  if (bytes.length !== expected) {
    throw new Error(
      `shape ${formatShape(shape)} of ${datatype} needs ${expected} bytes of data, the request has ${bytes.length}`,
    );
  }
}

/** The arguments of a tensor of the inference runtime. */
export interface RuntimeTensor {
  readonly type: string;
  readonly data: NumberArray | string[];
  readonly dims: readonly number[];
}

/** A tensor as the inference runtime wants it. */
export function toRuntime({ datatype, shape, bytes }: Tensor): RuntimeTensor {
  if (datatype === 'BYTES') return { type: RUNTIME_TEXT, data: unpackTexts(bytes), dims: shape };
  return { type: LAYOUTS[datatype].runtimeType, data: asArray(datatype, bytes), dims: shape };
}

/** A tensor as it travels, with bytes of its own. @throws Error for a type that the protocol has no name for. */
export function fromRuntime(name: string, tensor: { type: string; data: unknown; dims: readonly number[] }): Tensor {
  const datatype = datatypeOf(tensor.type);
  if (datatype === undefined)
    throw new Error(`the model's output ${name} is of type ${tensor.type}, which cannot be sent`);
  if (Array.isArray(tensor.data)) {
    return { name, datatype, shape: tensor.dims, bytes: packTexts(tensor.data.map(String)) };
  }
  if (!ArrayBuffer.isView(tensor.data)) throw new Error(`the model's output ${name} holds no elements`);
  const { buffer, byteOffset, byteLength } = tensor.data;
  return { name, datatype, shape: tensor.dims, bytes: new Uint8Array(buffer, byteOffset, byteLength).slice() };
}

/** The elements of an FP32 tensor. */
export function floatsOf(tensor: Tensor): Float32Array {
  const array = tensor.datatype === 'FP32' ? asArray('FP32', tensor.bytes) : undefined;
  if (!(array instanceof Float32Array)) throw new Error(`${tensor.name} is ${tensor.datatype}, expected FP32`);
  return array;
}

function asArray(datatype: Exclude<Datatype, 'BYTES'>, bytes: Uint8Array): NumberArray {
  const { size, array } = LAYOUTS[datatype];
  // A view must begin at a multiple of the element's size; a copy always does.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new array(aligned.buffer, aligned.byteOffset, Math.floor(aligned.byteLength / size));
}

function toNumber(datatype: Datatype, layout: Layout, element: Element, index: number): number | bigint {
  const refuse = (expected: string): never => {
    throw new Error(`element ${index} is ${describeElement(element)}, expected ${expected}`);
  };
  if (datatype === 'BOOL') return typeof element === 'boolean' ? Number(element) : refuse('true or false');
  if (typeof element !== 'number' && typeof element !== 'bigint') return refuse('a number');
  if (layout.bounds === undefined) return Number(element);
  if (typeof element === 'number' && !Number.isInteger(element)) return refuse('a whole number');
  if (typeof element === 'number' && !Number.isSafeInteger(element)) {
    return refuse('a number below 2^53; send larger ones as raw bytes');
  }
  const [min, max] = layout.bounds;
  const whole = BigInt(element);
  return whole >= min && whole <= max ? whole : refuse(`${min} to ${max} (${datatype})`);
}

function describeElement(element: Element): string {
  const text =
    element instanceof Uint8Array ? 'bytes' : typeof element === 'string' ? JSON.stringify(element) : String(element);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function packTexts(elements: readonly Element[]): Uint8Array {
  const parts = elements.flatMap((element, index) => {
    if (typeof element !== 'string' && !(element instanceof Uint8Array)) {
      throw new Error(`element ${index} is ${describeElement(element)}, expected text`);
    }
    const content = Buffer.from(element);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(content.length);
    return [length, content];
  });
  return new Uint8Array(Buffer.concat(parts));
}

function unpackTexts(bytes: Uint8Array): string[] {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  for (let at = 0; at < content.length;) {
    const length = at + LENGTH_BYTES <= content.length ? content.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    const end = at + LENGTH_BYTES + length;
    if (end > content.length) throw new Error(`element ${texts.length} of BYTES ends beyond the data`);
    texts.push(content.toString('utf8', at + LENGTH_BYTES, end));
    at = end;
  }
  return texts;
}

// One model as both protocols see it: which requests are for it, what they may contain, and how they end. REST and gRPC
// only translate to and from this.
import type { InferenceSession, ModelFile } from './inference-session.js';
import { GaveUp, QueueFull } from './inference-session.js';
import { messageOf } from './bad-input.js';
import type { ModelSignature } from './inference-messages.js';
import type { Protocol, ServingMetrics } from './serve-metrics.js';
import { checkLength, elementCount, formatShape, isDatatype, MAX_RANK, packElements } from './tensor.js';
import type { Datatype, Element, Tensor, TensorSpec } from './tensor.js';

/** Why a request got no answer. */
export type RefusalKind =
  /** The request is wrong; sending it again changes nothing. */
  | 'invalid'
  /** The request has more bytes than the limit. */
  | 'too-large'
  /** There is no such model or version here. */
  | 'not-found'
  /** Too many requests wait; later it may work. */
  | 'overloaded'
  /** This server stops; another one may answer. */
  | 'stopping'
  /** The caller went away or its deadline passed. */
  | 'cancelled'
  /** The model did not compute. */
  | 'failed';

/** A request that gets no answer, in words for whoever sent it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A tensor as a request brings it: nothing is checked yet. */
export interface GivenTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly content:
    | { readonly kind: 'raw'; readonly bytes: Uint8Array }
    | { readonly kind: 'elements'; readonly elements: readonly Element[] };
}

/** A request of either protocol. */
export interface InferRequest {
  readonly inputs: readonly GivenTensor[];
  /** Names of the outputs asked for; empty for all. */
  readonly outputs: readonly string[];
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
}

/** What is served, and how it answers. */
export interface ServedModel {
  readonly name: string;
  readonly version: string;
  readonly signature: ModelSignature;
  /** Words about the model, for its metadata. */
  readonly properties: Readonly<Record<string, string>>;
  /** Whether new requests are taken. What was begun before is still answered. */
  ready(): boolean;
  /** From now on new requests are turned away. */
  stopTaking(): void;
  /** @throws Refusal 'not-found' unless this is the model, and the version (if one is named) is the one served. */
  find(name: string, version: string | undefined): void;
  /** Counts and times a request, whatever becomes of it. @throws what `handle` throws */
  measured<T>(protocol: Protocol, handle: () => Promise<T>): Promise<T>;
  /** @throws Refusal */
  infer(request: InferRequest): Promise<readonly Tensor[]>;
}

/** What a model is served under. */
export interface ServedAs {
  readonly name: string;
  readonly version: string;
}

/** Joins a loaded model and its name. */
export function serveModel(
  as: ServedAs,
  model: ModelFile,
  session: InferenceSession,
  metrics: ServingMetrics,
): ServedModel {
  const { signature, provider } = session;
  let taking = true;
  return {
    ...as,
    signature,
    properties: { sha256: model.sha256, provider: provider.name, ...Object.fromEntries(model.properties) },
    ready: () => taking,
    stopTaking: () => {
      taking = false;
    },
    find: (name, version) => {
      if (name !== as.name) throw new Refusal('not-found', `no model "${name}" here, this server has "${as.name}"`);
      if (version !== undefined && version !== '' && version !== as.version) {
        throw new Refusal('not-found', `model "${name}" has no version "${version}" here, only "${as.version}"`);
      }
    },
    measured: async (protocol, handle) => {
      const startedMs = performance.now();
      try {
        const result = await handle();
        metrics.finished(protocol, 'ok', (performance.now() - startedMs) / 1000);
        return result;
      } catch (error) {
        metrics.finished(
          protocol,
          error instanceof Refusal ? error.kind : 'failed',
          (performance.now() - startedMs) / 1000,
        );
        throw error;
      }
    },
    infer: async (request) => {
      const inputs = checkInputs(signature.inputs, request.inputs);
      const outputs = checkOutputs(signature.outputs, request.outputs);
      return await runModel(session, inputs, outputs, request.signal);
    },
  };
}

function checkInputs(specs: readonly TensorSpec[], given: readonly GivenTensor[]): readonly Tensor[] {
  const names = specs.map(({ name }) => `"${name}"`).join(', ');
  for (const { name } of given) {
    if (!specs.some((spec) => spec.name === name)) {
      throw new Refusal('invalid', `the model has no input "${name}", its inputs are ${names}`);
    }
  }
  return specs.map((spec) => {
    const [tensor, ...more] = given.filter(({ name }) => name === spec.name);
    if (tensor === undefined)
      throw new Refusal('invalid', `input "${spec.name}" is missing, the model's inputs are ${names}`);
    if (more.length > 0) throw new Refusal('invalid', `input "${spec.name}" is given ${more.length + 1} times`);
    return checkInput(spec, tensor);
  });
}

function checkInput(spec: TensorSpec, given: GivenTensor): Tensor {
  const refuse = (problem: string): Refusal => new Refusal('invalid', `input "${spec.name}": ${problem}`);
  if (!isDatatype(given.datatype))
    throw refuse(`unknown datatype "${given.datatype}", the model takes ${spec.datatype}`);
  if (given.datatype !== spec.datatype) throw refuse(`datatype ${given.datatype}, the model takes ${spec.datatype}`);
  checkShape(spec, given.shape, refuse);
  try {
    const bytes = bytesOf(given.datatype, given);
    checkLength({ datatype: given.datatype, shape: given.shape, bytes });
    return { name: spec.name, datatype: given.datatype, shape: given.shape, bytes };
  } catch (error) {
    throw refuse(messageOf(error));
  }
}

function checkShape(spec: TensorSpec, shape: readonly number[], refuse: (problem: string) => Refusal): void {
  if (shape.length > MAX_RANK) throw refuse(`${shape.length} dimensions, the most is ${MAX_RANK}`);
  if (shape.some((size) => !Number.isSafeInteger(size) || size < 1)) {
    throw refuse(`shape ${formatShape(shape)}, every size must be a whole number of at least 1`);
  }
  if (!Number.isSafeInteger(elementCount(shape))) throw refuse(`shape ${formatShape(shape)} has too many elements`);
  // The runtime gives an empty shape for a model that leaves even the number of dimensions open.
  if (spec.shape.length === 0) return;
  const fits = shape.length === spec.shape.length && spec.shape.every((size, at) => size === -1 || size === shape[at]);
  if (!fits) throw refuse(`shape ${formatShape(shape)}, the model takes ${formatShape(spec.shape)} (-1 is any size)`);
}

function bytesOf(datatype: Datatype, { content, shape }: GivenTensor): Uint8Array {
  if (content.kind === 'raw') return content.bytes;
  const count = elementCount(shape);
  if (content.elements.length !== count) {
    throw new Error(`shape ${formatShape(shape)} needs ${count} elements, the data has ${content.elements.length}`);
  }
  return packElements(datatype, content.elements);
}

function checkOutputs(specs: readonly TensorSpec[], asked: readonly string[]): readonly string[] {
  const names = specs.map(({ name }) => name);
  for (const [index, name] of asked.entries()) {
    if (!names.includes(name)) {
      throw new Refusal(
        'invalid',
        `the model has no output "${name}", its outputs are ${names.map((each) => `"${each}"`).join(', ')}`,
      );
    }
    if (asked.indexOf(name) !== index) throw new Refusal('invalid', `output "${name}" is asked for twice`);
  }
  return asked.length === 0 ? names : asked;
}

async function runModel(
  session: InferenceSession,
  inputs: readonly Tensor[],
  outputs: readonly string[],
  signal: AbortSignal,
): Promise<readonly Tensor[]> {
  try {
    return await session.run(inputs, outputs, signal);
  } catch (error) {
    if (error instanceof QueueFull) throw new Refusal('overloaded', error.message);
    if (error instanceof GaveUp) throw new Refusal('cancelled', error.message);
    throw new Refusal('failed', `the model did not compute: ${messageOf(error)}`);
  }
}

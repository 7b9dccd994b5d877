// The thread in which ONNX Runtime works: its run() blocks the loop of the thread that calls it. Loads one model, then
// answers one request at a time. Started by inference-session.ts, which limits how many requests wait.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { messageOf } from './bad-input.js';
import type {
  ModelSignature,
  ProviderChoice,
  ThreadOptions,
  ThreadReply,
  ThreadRequest,
} from './inference-messages.js';
import { datatypeOf, fromRuntime, toRuntime } from './tensor.js';
import type { Tensor, TensorSpec } from './tensor.js';

/** The provider's library: too large for the npm registry, its install script fetches it. */
const CUDA_LIBRARY = 'libonnxruntime_providers_cuda.so';

if (parentPort === null) throw new Error('inference-thread is no program of its own: inference-session starts it');
const port = parentPort;
const options = workerData as ThreadOptions;

const loaded = await load();
if (loaded !== undefined) {
  port.on('message', (request: ThreadRequest) => void answer(loaded, request));
}

async function load(): Promise<InferenceSession | undefined> {
  try {
    const { session, provider } = await createSession(options);
    reply({ kind: 'loaded', signature: signatureOf(session), provider });
    return session;
  } catch (error) {
    reply({ kind: 'refused', message: messageOf(error) });
    return undefined;
  }
}

async function createSession({
  model,
  gpus,
  device,
}: ThreadOptions): Promise<{ session: InferenceSession; provider: ProviderChoice }> {
  const obstacle = device === 'cpu' ? '--device=cpu' : gpus.kind === 'none' ? gpus.why : cudaObstacle();
  if (obstacle === undefined) {
    try {
      // CUDA numbers the visible devices from 0, so 0 is the first that was granted.
      const session = await InferenceSession.create(model, {
        executionProviders: [{ name: 'cuda', deviceId: 0 }, 'cpu'],
      });
      return { session, provider: { name: 'CUDA', why: gpus.why } };
    } catch (error) {
      const [reason = ''] = messageOf(error).split('\n');
      return await createCpuSession(model, device, `the CUDA provider did not load: ${reason}`);
    }
  }
  return await createCpuSession(model, device, obstacle);
}

async function createCpuSession(
  model: Uint8Array,
  device: ThreadOptions['device'],
  why: string,
): Promise<{ session: InferenceSession; provider: ProviderChoice }> {
  if (device === 'gpu') throw new Error(`--device=gpu, but no GPU can be used: ${why}`);
  const session = await InferenceSession.create(model, { executionProviders: ['cpu'] });
  return { session, provider: { name: 'CPU', why } };
}

/**
 * What stands in the way of CUDA without trying it: a failed attempt writes red lines to standard error past all options.
 * Looks for the file, since the runtime's own list of providers says what was built in, not what was installed since.
 */
function cudaObstacle(): string | undefined {
  const packageFolder = path.dirname(path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node')));
  const folder = path.join(packageFolder, 'bin/napi-v6', process.platform, process.arch);
  if (existsSync(path.join(folder, CUDA_LIBRARY))) return undefined;
  return `${CUDA_LIBRARY} is not installed (ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node)`;
}

function signatureOf(session: InferenceSession): ModelSignature {
  return { inputs: session.inputMetadata.map(specOf), outputs: session.outputMetadata.map(specOf) };
}

function specOf(metadata: InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor) throw new Error(`${metadata.name} of the model is no tensor`);
  const datatype = datatypeOf(metadata.type);
  if (datatype === undefined)
    throw new Error(`${metadata.name} of the model is of type ${metadata.type}, which cannot be sent`);
  return { name: metadata.name, datatype, shape: metadata.shape.map((size) => (typeof size === 'number' ? size : -1)) };
}

async function answer(session: InferenceSession, request: ThreadRequest): Promise<void> {
  if (request.kind === 'close') {
    port.close();
    await session.release();
    return;
  }
  const { id } = request;
  try {
    const feeds = Object.fromEntries(request.inputs.map((tensor) => [tensor.name, toOrtTensor(tensor)]));
    const results = await session.run(feeds, [...request.outputs]);
    const outputs = request.outputs.map((name) => {
      const result = results[name];
      if (result === undefined) throw new Error(`the model gave no output ${name}`);
      return fromRuntime(name, result);
    });
    reply(
      { kind: 'done', id, outputs },
      outputs.map(({ bytes }) => bytes.buffer as ArrayBuffer),
    );
  } catch (error) {
    reply({ kind: 'failed', id, message: messageOf(error) });
  }
}

function toOrtTensor(tensor: Tensor): RuntimeTensor {
  const { type, data, dims } = toRuntime(tensor);
  // The constructor is declared once for each pair of type and array; toRuntime keeps the pairs together.
  return new RuntimeTensor(type as 'float32', data as Float32Array, dims);
}

function reply(message: ThreadReply, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, [...transfer]);
}

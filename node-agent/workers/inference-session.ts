// A loaded ONNX model that answers without blocking this thread: it works in a thread of its own (inference-thread.ts).
// Requests wait here in a bounded queue, so that one whose caller gave up can still be dropped.
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { BadInput, isMissing } from './bad-input.js';
import type {
  ModelSignature,
  ProviderChoice,
  ThreadOptions,
  ThreadReply,
  ThreadRequest,
} from './inference-messages.js';
import { readOnnxProperties } from './onnx-format.js';
import type { DeviceWish, GpuGrant } from './task-environment.js';
import type { Tensor } from './tensor.js';

/** A model file in memory. */
export interface ModelFile {
  readonly file: string;
  readonly content: Uint8Array;
  /** In hex. */
  readonly sha256: string;
  /** Free text by key, written by whoever made the model. */
  readonly properties: ReadonlyMap<string, string>;
}

/** What protobuf allows for one message, and so for a model in one file. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** Requests in the thread: the one it works on and the next, so that it never waits for this thread. */
const MAX_IN_THREAD = 2;

/** The queue is full: trying again later may work. */
export class QueueFull extends Error {
  override readonly name = 'QueueFull';
}

/** The caller gave up before the request ran. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
}

/** A session's options. */
export interface SessionOptions {
  readonly gpus: GpuGrant;
  readonly device: DeviceWish;
  /** Requests that may wait. */
  readonly maxQueued: number;
}

/** A loaded model. */
export interface InferenceSession {
  readonly signature: ModelSignature;
  readonly provider: ProviderChoice;
  /** Requests that wait or run. */
  pending(): number;
  /**
   * Runs the model. Copies the inputs. Asks for the outputs with these names, in this order.
   * @throws QueueFull, GaveUp when `signal` aborts while the request waits, Error when the model refuses or the thread ended.
   */
  run(inputs: readonly Tensor[], outputs: readonly string[], signal?: AbortSignal): Promise<readonly Tensor[]>;
  /** Finishes what was asked, then ends the thread. */
  close(): Promise<void>;
  /** Resolves with the reason when the thread ended without being asked to. */
  readonly ended: Promise<string>;
}

/** Reads a model file. @throws BadInput when it is missing, too large or not an ONNX model. */
export async function readModelFile(file: string): Promise<ModelFile> {
  try {
    const { size } = await stat(file);
    if (size > MAX_MODEL_BYTES)
      throw new BadInput(`${file} has ${size} bytes, the most a model has is ${MAX_MODEL_BYTES}`);
    return modelInMemory(file, await readFile(file));
  } catch (error) {
    if (isMissing(error)) throw new BadInput(`there is no model file ${file}`);
    if (error instanceof Error && 'code' in error && error.code === 'EISDIR') {
      throw new BadInput(`${file} is a folder, expected a .onnx file`);
    }
    throw error;
  }
}

/** A model that is in memory already. @param file what to call it in messages. @throws BadInput when it is no ONNX model. */
export function modelInMemory(file: string, content: Uint8Array): ModelFile {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { file, content, sha256, properties: readOnnxProperties(file, content) };
}

interface Job {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[];
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: Error) => void;
}

/** Loads a model in a thread of its own. @throws BadInput when the runtime refuses the model or the device. */
export async function openInferenceSession(model: ModelFile, options: SessionOptions): Promise<InferenceSession> {
  const workerData: ThreadOptions = { model: model.content, gpus: options.gpus, device: options.device };
  // The compiled thread, also when this file runs from its source: a thread cannot load TypeScript.
  const worker = new Worker(path.join(PACKAGE_ROOT, 'dist/node-agent/workers/inference-thread.js'), { workerData });
  const { signature, provider } = await firstReply(worker, model.file);

  const waiting: Job[] = [];
  const inThread = new Map<number, Job>();
  let nextId = 1;
  let closing = false;
  let death: string | undefined;
  let reportEnd: (reason: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => (reportEnd = resolve));
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));

  const feedThread = (): void => {
    while (inThread.size < MAX_IN_THREAD) {
      const job = waiting.shift();
      if (job === undefined) break;
      const id = nextId++;
      inThread.set(id, job);
      postRun(worker, id, job);
    }
    if (closing && inThread.size === 0) worker.postMessage({ kind: 'close' } satisfies ThreadRequest);
  };
  const die = (reason: string): void => {
    death ??= reason;
    const error = new Error(`the inference thread ended: ${reason}`);
    for (const job of [...inThread.values(), ...waiting.splice(0)]) job.reject(error);
    inThread.clear();
    if (!closing) reportEnd(reason);
  };

  worker.on('message', (reply: ThreadReply) => {
    if (reply.kind !== 'done' && reply.kind !== 'failed') return;
    const job = inThread.get(reply.id);
    inThread.delete(reply.id);
    if (reply.kind === 'done') job?.resolve(reply.outputs);
    else job?.reject(new Error(reply.message));
    feedThread();
  });
  worker.on('error', (error) => die(error.message));
  worker.on('exit', (code) => die(`exit code ${code}`));

  return {
    signature,
    provider,
    ended,
    pending: () => waiting.length + inThread.size,
    run: async (inputs, outputs, signal) => {
      if (death !== undefined) throw new Error(`the inference thread ended: ${death}`);
      if (closing) throw new Error('the inference session is closed');
      if (waiting.length >= options.maxQueued && inThread.size >= MAX_IN_THREAD) {
        throw new QueueFull(`${waiting.length} requests wait already, which is the limit: try again later`);
      }
      if (signal?.aborted === true) throw new GaveUp('the caller gave up before the request ran');
      return await new Promise<readonly Tensor[]>((resolve, reject) => {
        const job: Job = { inputs, outputs, resolve, reject };
        const giveUp = (): void => {
          const place = waiting.indexOf(job);
          if (place < 0) return;
          waiting.splice(place, 1);
          reject(new GaveUp('the caller gave up before the request ran'));
        };
        signal?.addEventListener('abort', giveUp, { once: true });
        waiting.push(job);
        feedThread();
      });
    },
    close: async () => {
      closing = true;
      if (death === undefined) {
        feedThread();
        await exited;
      }
    },
  };
}

async function firstReply(
  worker: Worker,
  file: string,
): Promise<{ signature: ModelSignature; provider: ProviderChoice }> {
  return await new Promise((resolve, reject) => {
    worker.once('message', (reply: ThreadReply) => {
      if (reply.kind === 'loaded') resolve({ signature: reply.signature, provider: reply.provider });
      else reject(new BadInput(`${file} cannot be used: ${reply.kind === 'refused' ? reply.message : reply.kind}`));
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the inference thread ended with exit code ${code} while loading`)));
  });
}

/** Sends copies and hands them over: the caller's bytes may be a view of a larger buffer, which would go along whole. */
function postRun(worker: Worker, id: number, { inputs, outputs }: Job): void {
  const copies = inputs.map((tensor) => ({ ...tensor, bytes: new Uint8Array(tensor.bytes) }));
  const request: ThreadRequest = { kind: 'run', id, inputs: copies, outputs };
  worker.postMessage(
    request,
    copies.map(({ bytes }) => bytes.buffer),
  );
}

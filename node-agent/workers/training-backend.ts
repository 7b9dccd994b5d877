// Chooses what TensorFlow.js computes with: a granted GPU where one answers, else WebAssembly. Says which, and why.
import { createRequire } from 'node:module';
import path from 'node:path';
import util from 'node:util';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { BadInput, messageOf } from './bad-input.js';
import type { DeviceWish, GpuGrant } from './task-environment.js';

/** The backend in use. */
export interface TrainingBackend {
  readonly name: 'tensorflow-gpu' | 'wasm';
  /** Why this one: a sentence for the log. */
  readonly why: string;
}

/**
 * The optional package that trains on NVIDIA GPUs. Its install script fetches a library from the network; where that
 * fails, npm leaves the package out.
 */
const GPU_PACKAGE: string = '@tensorflow/tfjs-node-gpu';

/** Makes TensorFlow.js ready. @throws BadInput when only a GPU will do and none answers. */
export async function startTrainingBackend(gpus: GpuGrant, wish: DeviceWish): Promise<TrainingBackend> {
  const obstacle = wish === 'cpu' ? '--device=cpu' : gpus.kind === 'none' ? gpus.why : await startGpuBackend();
  if (obstacle === undefined) return { name: 'tensorflow-gpu', why: gpus.why };
  if (wish === 'gpu') throw new BadInput(`--device=gpu, but no GPU can be used: ${obstacle}`);
  await startWasmBackend();
  return { name: 'wasm', why: obstacle };
}

/** @returns what stands in the way, or undefined when the GPU is in use. */
async function startGpuBackend(): Promise<string | undefined> {
  // The package calls a function of node:util that Node 23 removed.
  if (!('isNullOrUndefined' in util)) {
    Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined });
  }
  try {
    await import(GPU_PACKAGE);
    await tf.ready();
  } catch (error) {
    const [reason = ''] = messageOf(error).split('\n');
    return `${GPU_PACKAGE} cannot be used: ${reason}`;
  }
  const backend: unknown = tf.backend();
  const usesGpu =
    typeof backend === 'object' &&
    backend !== null &&
    'isUsingGpuDevice' in backend &&
    backend.isUsingGpuDevice === true;
  return usesGpu ? undefined : `${GPU_PACKAGE} is installed, but no GPU answered (driver, CUDA 11.2 and cuDNN 8?)`;
}

async function startWasmBackend(): Promise<void> {
  const require = createRequire(import.meta.url);
  // The package's own files; by default it would look beside the main script.
  setWasmPaths(`${path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}${path.sep}`);
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend of TensorFlow.js did not start');
  await tf.ready();
}

// What passes between a program and its inference thread.
import type { DeviceWish, GpuGrant } from './task-environment.js';
import type { Tensor, TensorSpec } from './tensor.js';

/** What an inference thread is started with. */
export interface ThreadOptions {
  /** Content of the .onnx file. */
  readonly model: Uint8Array;
  readonly gpus: GpuGrant;
  readonly device: DeviceWish;
}

/** What computes. */
export interface ProviderChoice {
  readonly name: 'CUDA' | 'CPU';
  /** Why this one: a sentence for the log. */
  readonly why: string;
}

/** What a loaded model takes and gives. */
export interface ModelSignature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** To the thread. */
export type ThreadRequest =
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly inputs: readonly Tensor[];
      readonly outputs: readonly string[];
    }
  | { readonly kind: 'close' };

/** From the thread. */
export type ThreadReply =
  | { readonly kind: 'loaded'; readonly signature: ModelSignature; readonly provider: ProviderChoice }
  /** The model or the device asked for cannot be used. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'done'; readonly id: number; readonly outputs: readonly Tensor[] }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

// A node without GPUs: it runs work that asks for none.
import type { GpuProvider } from './provider.js';

/** Lists no GPU, and sees no problem in it. */
export function createNoGpuProvider(): GpuProvider {
  return {
    kind: 'none',
    inventory: () => Promise.resolve({ gpus: [], driverVersion: '', cudaVersion: '', problem: '' }),
    telemetry: () => Promise.resolve([]),
    checkClean: (uuids) =>
      Promise.resolve(
        uuids.length === 0
          ? { state: 'clean' }
          : { state: 'unknown', message: `this node has no GPUs, so not ${uuids.join(', ')}` },
      ),
    reset: () => Promise.resolve({ state: 'failed', message: 'this node has no GPUs' }),
    setBusy: () => undefined,
    close: () => Promise.resolve(),
  };
}

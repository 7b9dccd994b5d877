// What one workload was charged until now, and what that costs. Pure. Cost: its allocations.
import type { ReadableState } from './cluster-state.js';
import { addGpuTime, type GpuTime, isSameGpuTime, NO_GPU_TIME, toGpuMs } from './gpu-time.js';
import { hasEnded } from './lifecycle.js';
import { costOf, type Prices } from './prices.js';
import type { Workload } from './records.js';
import { chargeOf } from './usage.js';

/** What it comes to, over all attempts. */
export interface Charged {
  /** Milliseconds of one GPU. */
  readonly gpuMs: number;
  /** Null = a part of it has no price, or is no longer known by model: of very many attempts not all are kept. */
  readonly cost: number | null;
}

/** @param prices of GPU hours */
export function chargedTo(
  state: Pick<ReadableState, 'allocation'>,
  { gpuMs, gpuRestParts, allocations, pastAllocations }: Workload,
  prices: Prices,
  nowMs: number,
): Charged {
  // What has ended stands on the workload; what has not is to be added.
  const told: GpuTime = { ms: gpuMs, parts: gpuRestParts ?? 0 };
  let [ended, running] = [NO_GPU_TIME, NO_GPU_TIME];
  let cost: number | null = 0;
  for (const id of [...pastAllocations, ...allocations]) {
    const one = state.allocation(id);
    if (one === undefined || one.gpus.length === 0) continue;
    const charge = chargeOf(one, nowMs);
    if (hasEnded(one)) ended = addGpuTime(ended, charge);
    else running = addGpuTime(running, charge);
    // GPUs of one task are of one model, but for rare nodes: the first counts.
    const price: number | null = costOf(prices, one.gpus[0]?.model ?? '', charge);
    cost = cost === null || price === null ? null : cost + price;
  }
  return { gpuMs: toGpuMs(addGpuTime(told, running)), cost: isSameGpuTime(told, ended) ? cost : null };
}

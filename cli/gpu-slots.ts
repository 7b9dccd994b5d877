// How the parts of a GPU read for people: who holds which share, its MIG instances, its NVLink group. Pure.
import { GPU_PARTS } from '../common/gpu-parts.js';
import type { Gpu__Output } from '../proto/gen/sluice/v1/Gpu.js';
import type { GpuHolder__Output } from '../proto/gen/sluice/v1/GpuHolder.js';
import type { MigInstance__Output } from '../proto/gen/sluice/v1/MigInstance.js';
import { marked, modelWithMemory } from './presentation.js';

/** A GPU with its memory and marks: `H100-80GB`, `A100-80GB/MIG(SIMULATED)`. */
export function gpuName(gpu: Gpu__Output): string {
  return marked(modelWithMemory(gpu.model, gpu.memoryMib) + (gpu.migEnabled ? '/MIG' : ''), gpu.simulated);
}

/**
 * Who holds a GPU, with how much of it when that is not all: `1041`, `1041(0.5),1045(0.25)`; `-` = nobody. In MIG mode the
 * holders stand with the instances.
 */
export function gpuHolders(gpu: Gpu__Output): string {
  if (gpu.holders.length === 0) return gpu.workload === 0 ? '-' : String(gpu.workload);
  const whole = gpu.holders.filter(({ instance }) => instance === '');
  return whole.length === 0 ? '-' : whole.map(holderText).join(',');
}

function holderText({ workload, parts }: GpuHolder__Output): string {
  return parts === 0 || parts === GPU_PARTS ? String(workload) : `${workload}(${shareText(parts)})`;
}

/** Parts of a GPU as a fraction, to the thousandth. */
function shareText(parts: number): string {
  return String(Number((parts / GPU_PARTS).toFixed(3)));
}

/** An instance beside its GPU's row: its number there, profile, and holder. */
export interface InstanceRow {
  /** `2:0` = the first instance of GPU 2. */
  readonly index: string;
  readonly instance: MigInstance__Output;
  readonly holder: string;
}

/** The instances of a GPU, in the order of their numbers; none when it is not in MIG mode. */
export function instanceRows(gpu: Gpu__Output): readonly InstanceRow[] {
  return gpu.migInstances.map((instance, device) => {
    const holders = gpu.holders.filter((holder) => holder.instance === instance.uuid);
    const holder = holders.map(({ workload }) => workload).join(',') || '-';
    return { index: `${gpu.index}:${device}`, instance, holder };
  });
}

/** The number of the group of GPUs that reach each other over NVLink; `-` = none, or not known. */
export function nvlinkText(gpu: Gpu__Output): string {
  return gpu._nvlinkGroup === 'nvlinkGroup' ? String(gpu.nvlinkGroup) : '-';
}

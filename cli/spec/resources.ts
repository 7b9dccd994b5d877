// What one task needs, from the parts that flags and files say it in, in the API's form. What was not said stays unsaid.
import type { TaskResources } from '../../proto/gen/sluice/v1/TaskResources.js';
import type { GpuRequest } from './gpu-request.js';
import type { MigRequest } from './quantities.js';

/** The parts; absent = not said. */
export interface ResourceParts {
  readonly gpu?: GpuRequest | undefined;
  readonly gpuMemoryMib?: number | undefined;
  readonly mig?: MigRequest | undefined;
  readonly cpuMilli?: number | undefined;
  readonly memoryMib?: number | undefined;
  readonly pool?: string | undefined;
  readonly models?: readonly string[] | undefined;
  readonly minGpuMemoryMib?: number | undefined;
  readonly minDriver?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly nodes?: readonly string[] | undefined;
}

/** The parts together. A part of a GPU means that of one GPU when no number is said. */
export function toResources(parts: ResourceParts): TaskResources {
  const { gpu, gpuMemoryMib, mig, cpuMilli, memoryMib, minDriver, labels, nodes } = parts;
  const models = parts.models ?? gpu?.models ?? [];
  const minGpuMemoryMib = parts.minGpuMemoryMib ?? gpu?.minMemoryMib ?? 0;
  return {
    gpus: mig?.count ?? gpu?.count ?? (mig !== undefined || gpuMemoryMib !== undefined ? 1 : 0),
    gpuModel: models.length === 1 ? (models[0] ?? '') : '',
    pool: parts.pool ?? '',
    ...(models.length > 1 ? { gpuModels: [...models] } : {}),
    ...(gpu !== undefined && gpu.milli < 1_000 ? { gpuMilli: gpu.milli } : {}),
    ...(gpuMemoryMib === undefined ? {} : { gpuMemoryMib }),
    ...(mig === undefined ? {} : { migProfile: mig.profile }),
    ...(cpuMilli === undefined ? {} : { cpuMilli }),
    ...(memoryMib === undefined ? {} : { memoryMib }),
    ...(minGpuMemoryMib > 0 ? { minGpuMemoryMib } : {}),
    ...(minDriver === undefined ? {} : { minDriver }),
    ...(labels === undefined ? {} : { nodeLabels: { ...labels } }),
    ...(nodes === undefined ? {} : { nodes: [...nodes] }),
  };
}

/** Two parts that say the same thing differently, as the parts and what to do; empty = none. */
export function conflictsIn(
  parts: ResourceParts,
): readonly { readonly part: 'mig' | 'models' | 'minGpuMemoryMib'; readonly why: string }[] {
  const { gpu, mig, models, minGpuMemoryMib } = parts;
  const found: { part: 'mig' | 'models' | 'minGpuMemoryMib'; why: string }[] = [];
  // A bare model is one GPU of it, which says nothing of how many instances.
  if (gpu !== undefined && mig !== undefined && mig.count !== null && gpu.count !== 1 && gpu.count !== mig.count) {
    found.push({ part: 'mig', why: `says ${mig.count} instances and the GPUs say ${gpu.count}; say the number once` });
  }
  if (gpu !== undefined && gpu.models.length > 0 && models !== undefined) {
    found.push({ part: 'models', why: `and the GPUs (${gpu.models.join('|')}) both say the model; say it once` });
  }
  if (gpu !== undefined && gpu.minMemoryMib > 0 && minGpuMemoryMib !== undefined) {
    found.push({ part: 'minGpuMemoryMib', why: `and the GPUs (${gpu.minMemoryMib} MiB..) both say it; say it once` });
  }
  return found;
}

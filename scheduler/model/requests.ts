// What workloads ask for, in numbers: how much of a GPU, how many tasks, which role a task belongs to.
import { invariant } from '../../common/assert.js';
import { GPU_PARTS, PARTS_PER_MILLI } from '../../common/gpu-parts.js';
import type { PlacementRules, Queue, RetryPolicy, Role, TaskRequest, WorkloadSpec } from './records.js';

export { GPU_PARTS, PARTS_PER_MILLI };

/** Parts of one compute slice of MIG: a profile's number before the "g" counts slices. */
export const PARTS_PER_SLICE = 1_000;

/** Parts of a number of GPUs, to the nearest thousandth. */
export function toParts(gpus: number): number {
  return Math.round(gpus * 1_000) * PARTS_PER_MILLI;
}

/** GPUs of a number of parts. */
export function toGpus(parts: number): number {
  return parts / GPU_PARTS;
}

/**
 * Parts of a GPU that an instance of a MIG profile takes: sevenths by its number of compute slices.
 * @param profile for example "3g.20gb"; one that names no slices counts as a whole GPU
 */
export function migParts(profile: string): number {
  const slices = Number.parseInt(profile, 10);
  return Number.isNaN(slices) ? GPU_PARTS : Math.min(7, Math.max(1, slices)) * PARTS_PER_SLICE;
}

/** A share given as memory, in parts of a GPU of that much memory, rounded up to a hundredth; null = it has too little. */
export function memoryShareParts(shareMib: number, gpuMemoryMib: number): number | null {
  if (shareMib > gpuMemoryMib) return null;
  return Math.ceil((shareMib * 100) / gpuMemoryMib) * 10 * PARTS_PER_MILLI;
}

export const ANYWHERE: PlacementRules = {
  pool: '',
  models: [],
  minGpuMemoryMib: 0,
  minDriver: '',
  labels: {},
  nodes: [],
};

/** A request for whole GPUs and nothing else. */
export function wholeGpus(gpus: number): TaskRequest {
  return { gpus, gpuMilli: 1_000, gpuMemoryMib: 0, migProfile: '', cpuMilli: 0, memoryMib: 0 };
}

/** The only role of a workload whose tasks are all alike. */
export function oneRole(tasks: number, request: TaskRequest, rules: PlacementRules = ANYWHERE): readonly Role[] {
  return [{ name: '', minTasks: tasks, maxTasks: tasks, request, rules, topology: null, program: null }];
}

/** How many tasks must run together. */
export function minTasks(spec: Pick<WorkloadSpec, 'roles'>): number {
  return spec.roles.reduce((sum, role) => sum + role.minTasks, 0);
}

/** How many tasks it may have at most; tasks are numbered below it. */
export function maxTasks(spec: Pick<WorkloadSpec, 'roles'>): number {
  return spec.roles.reduce((sum, role) => sum + role.maxTasks, 0);
}

/** The role of a task, by its number. */
export function roleOf(spec: Pick<WorkloadSpec, 'roles'>, task: number): Role {
  let first = 0;
  for (const role of spec.roles) {
    if (task < first + role.maxTasks) return role;
    first += role.maxTasks;
  }
  invariant(false, 'tasks have a role', `${task}`);
}

/**
 * GPUs one task asks for, as far as that can be said before it has a place: a share given as memory counts as a whole
 * GPU divided by `gpuMemoryMib`, 0 = not known, which counts it whole.
 */
export function partsPerTask(request: TaskRequest, gpuMemoryMib = 0): number {
  if (request.migProfile !== '') return request.gpus * migParts(request.migProfile);
  if (request.gpuMemoryMib > 0) {
    const share = gpuMemoryMib > 0 ? memoryShareParts(request.gpuMemoryMib, gpuMemoryMib) : null;
    return request.gpus * (share ?? GPU_PARTS);
  }
  return request.gpus * request.gpuMilli * PARTS_PER_MILLI;
}

/** GPUs that the gang asks for before it can start; for people. */
export function gpusOfGang(spec: Pick<WorkloadSpec, 'roles'>): number {
  return toGpus(spec.roles.reduce((sum, role) => sum + role.minTasks * partsPerTask(role.request), 0));
}

/** A program that fails is not tried again. */
export const NO_RETRY: RetryPolicy = { max: 0, backoffMs: 0, maxBackoffMs: 0, codes: [], neverCodes: [] };

/** A queue of which nothing but its GPUs is ruled. */
export const ONLY_GPUS_COUNT: Pick<
  Queue,
  | 'guaranteeCpuMilli'
  | 'guaranteeMemoryMib'
  | 'limitCpuMilli'
  | 'limitMemoryMib'
  | 'scopes'
  | 'shapes'
  | 'userLimitGpus'
  | 'reclaimMinRuntimeMs'
  | 'preemptMinRuntimeMs'
  | 'maxGraceMs'
> = {
  guaranteeCpuMilli: null,
  guaranteeMemoryMib: null,
  limitCpuMilli: null,
  limitMemoryMib: null,
  scopes: [],
  shapes: [],
  userLimitGpus: null,
  reclaimMinRuntimeMs: null,
  preemptMinRuntimeMs: null,
  maxGraceMs: null,
};

// Schema 1 to 2. Under 1 records grew: requests became roles, GPUs got parts, and many fields came. Whatever of that a record
// lacks is filled in with what its absence meant. Steps like this are frozen: they name no constant that may change later.
import type { StoredRecord } from '../state-store.js';

/** Fields of a record as they may be. */
type Fields = Readonly<Record<string, unknown>>;

/** A whole GPU, in parts. */
const WHOLE = 7000;
const QUEUE = {
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
const GPU = { nvlinkGroup: null, mig: null };
const NODE = { maintenance: [] };
const SPEC = {
  topology: null,
  timeLimitMs: null,
  retry: { max: 0, backoffMs: 0, maxBackoffMs: 0, codes: [], neverCodes: [] },
  dependencies: [],
  array: null,
};
const WORKLOAD = {
  pastAllocations: [],
  retries: 0,
  hold: null,
  notBeforeMs: 0,
  gate: null,
  deadline: null,
  falseStarts: 0,
};
const GRANTED_GPU = { parts: WHOLE, instance: '' };
const PLACEMENT = { parts: WHOLE, instances: [] };
const ALLOCATION = { cpuMilli: 0, memoryMib: 0, resume: null };

/** The record with everything that schema 2 has. */
export function toSchema2(record: StoredRecord): StoredRecord {
  const value = filledIn(record.collection, record.value as unknown as Fields);
  return { ...record, value } as unknown as StoredRecord;
}

function filledIn(collection: StoredRecord['collection'], value: Fields): Fields {
  switch (collection) {
    case 'queues':
      return { ...QUEUE, ...value };
    case 'nodes':
      return { ...NODE, ...value, gpus: list(value['gpus']).map((gpu) => ({ ...GPU, ...gpu })) };
    case 'workloads':
      return {
        ...WORKLOAD,
        ...value,
        spec: { ...SPEC, ...withRoles(value['spec'] as Fields) },
        claim: withParts(value['claim'] as Fields | null),
      };
    case 'allocations':
      return { ...ALLOCATION, ...value, gpus: list(value['gpus']).map((gpu) => ({ ...GRANTED_GPU, ...gpu })) };
    default:
      return value;
  }
}

/** The first requests knew one kind of task, with whole GPUs. */
function withRoles(spec: Fields): Fields {
  if (spec['roles'] !== undefined) return spec;
  const { tasks, gpusPerTask, gpuModel, pool, ...rest } = spec;
  const request = { gpus: gpusPerTask, gpuMilli: 1000, gpuMemoryMib: 0, migProfile: '', cpuMilli: 0, memoryMib: 0 };
  const models = gpuModel === '' ? [] : [gpuModel];
  const rules = { pool, models, minGpuMemoryMib: 0, minDriver: '', labels: {}, nodes: [] };
  const role = { name: '', minTasks: tasks, maxTasks: tasks, request, rules, topology: null, program: null };
  return { ...rest, roles: [role] };
}

function withParts(claim: Fields | null): Fields | null {
  if (claim === null) return null;
  return { ...claim, placements: list(claim['placements']).map((placement) => ({ ...PLACEMENT, ...placement })) };
}

function list(value: unknown): readonly Fields[] {
  return value as readonly Fields[];
}

// Records of made-up clusters, as a daemon would hold them: what many workloads have in common they share, what each has for
// itself (name, uid, first event) each has for itself.
import type { NodeId, QueueName, WorkloadNumber } from '../common/ids.js';
import { withEvent } from '../scheduler/model/lifecycle.js';
import type { ClusterNode, Queue, Role, Workload, WorkloadSpec } from '../scheduler/model/records.js';
import { ANYWHERE, NO_RETRY, oneRole, ONLY_GPUS_COUNT, wholeGpus } from '../scheduler/model/requests.js';

export const GPUS_PER_NODE = 8;
export const NODE_CPU_MILLI = 64_000;
export const NODE_MEMORY_MIB = 1 << 20;

/** What one made-up workload asks for: equal tasks. */
export interface Ask {
  /** Default 1. */
  readonly tasks?: number;
  /** Whole GPUs a task, or GPUs of each of which it gets a share; default 1. */
  readonly gpus?: number;
  /** The share in thousandths; default 1,000. */
  readonly gpuMilli?: number;
  readonly cpuMilli?: number;
  readonly memoryMib?: number;
  /** Default: any. */
  readonly pool?: string;
}

const MODEL = 'NVIDIA H100 80GB HBM3';
const PROGRAM = { type: 'command', argv: ['true'] } as const;
const OWNER = 'bench';
const NO_LABELS = {};
const NOTHING: readonly never[] = [];

/** A ready node with eight H100. */
export function nodeRecord(name: string, pool: string): ClusterNode {
  return {
    id: name as NodeId,
    name,
    pool,
    labels: NO_LABELS,
    gpus: Array.from({ length: GPUS_PER_NODE }, (_, index) => ({
      uuid: `${name}-${index}`,
      index,
      model: MODEL,
      memoryMib: 81_920,
      simulated: true,
      health: 'healthy' as const,
      healthMessage: '',
      pciBusId: '',
      generation: 0,
      nvlinkGroup: null,
      mig: null,
    })),
    cpuCount: NODE_CPU_MILLI / 1_000,
    memoryMib: NODE_MEMORY_MIB,
    driverVersion: '',
    cudaVersion: '',
    gpuProblem: '',
    bootId: '',
    agentVersion: '',
    cordoned: false,
    cordonReason: '',
    maintenance: NOTHING,
    registeredMs: 0,
  };
}

/** A leaf below the root; only its GPUs are ruled. */
export function queueRecord(name: string, guaranteeGpus: number, weight: number): Queue {
  return {
    name: name as QueueName,
    parent: null,
    guaranteeGpus,
    limitGpus: null,
    weight,
    priority: 100,
    ...ONLY_GPUS_COUNT,
    createdMs: 0,
  };
}

/** Made once an ask, as workloads that come from one submission share their roles. */
const ROLES = new Map<string, readonly Role[]>();

function rolesOf({ tasks = 1, gpus = 1, gpuMilli = 1_000, cpuMilli = 0, memoryMib = 0, pool = '' }: Ask) {
  const key = `${tasks} ${gpus} ${gpuMilli} ${cpuMilli} ${memoryMib} ${pool}`;
  let roles = ROLES.get(key);
  if (!roles) {
    const request = { ...wholeGpus(gpus), gpuMilli, cpuMilli, memoryMib };
    ROLES.set(key, (roles = oneRole(tasks, request, { ...ANYWHERE, pool })));
  }
  return roles;
}

/** A pending workload, as the scheduler accepts it. */
export function workloadRecord(number: WorkloadNumber, uid: string, queue: string, ask: Ask, nowMs: number): Workload {
  const spec: WorkloadSpec = {
    name: `train-${number}`,
    kind: 'train',
    queue: queue as QueueName,
    priority: 50,
    preemptible: true,
    roles: rolesOf(ask),
    topology: null,
    timeLimitMs: null,
    retry: NO_RETRY,
    dependencies: NOTHING,
    array: null,
    program: PROGRAM,
    environment: NOTHING,
    workingDirectory: '',
    graceMs: 30_000,
    checkpointDirectory: '',
  };
  const workload: Workload = {
    number,
    uid,
    spec,
    owner: OWNER,
    state: 'pending',
    message: '',
    attempt: 0,
    allocations: NOTHING,
    pastAllocations: NOTHING,
    claim: null,
    checkpoint: null,
    afterStop: null,
    requeues: 0,
    retries: 0,
    hold: null,
    notBeforeMs: 0,
    gate: null,
    deadline: null,
    falseStarts: 0,
    lostGpuMs: 0,
    gpuMs: 0,
    submittedMs: nowMs,
    startedMs: null,
    endedMs: null,
    events: NOTHING,
  };
  return withEvent(workload, nowMs, 'submitted', `by ${OWNER} to queue ${queue}`);
}

// The packing experiment of packing-trace.ts played by the whole engine: every arrival is submitted, decided upon by steps,
// and bound as the one writer binds it. Nothing leaves, so what does not fit never will and waits on.
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import type { Bind } from '../../scheduler/engine/decisions.js';
import { step } from '../../scheduler/engine/engine.js';
import { DEFAULT_POLICY, type PlacementPolicy } from '../../scheduler/engine/policy.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import type { Allocation, ClusterNode, Role, Workload } from '../../scheduler/model/records.js';
import { workloadKey } from '../../scheduler/model/records.js';
import { ANYWHERE, GPU_PARTS, ONLY_GPUS_COUNT, oneRole, PARTS_PER_MILLI } from '../../scheduler/model/requests.js';
import { PLAIN_GPU, plainRequest } from '../plain-spec.js';
import type { Row, Trace } from './packing-trace.js';

const NOW_MS = 1_000_000;
const BUDGET = 1_000_000;

/** Thousandths of GPUs that are given in the end, and tasks placed. */
export interface Packed {
  readonly placed: number;
  readonly usedMilli: number;
}

export function replayByEngine(trace: Trace, placement: PlacementPolicy): Packed {
  const view = new ClusterView({ ...DEFAULT_POLICY, placement, actions: ['allocate'] });
  const after = { name: 'q' as QueueName, parent: null, guaranteeGpus: 0, limitGpus: null, weight: 1, priority: 100 };
  view.apply({ collection: 'queues', key: 'q', before: null, after: { ...after, ...ONLY_GPUS_COUNT, createdMs: 0 } });
  for (const node of trace.nodes) {
    const record = nodeRecord(node);
    view.apply({ collection: 'nodes', key: record.id, before: null, after: record });
    view.setLiveness(record.id, 'ready');
  }
  const roles = new Map<string, readonly Role[]>();
  let placed = 0;
  let usedParts = 0;
  trace.arrivals.forEach((arrival, at) => {
    const row = trace.rows[arrival] as Row;
    const key = JSON.stringify([row.kind, row.group]);
    const asked = roles.get(key) ?? rolesOf(row);
    roles.set(key, asked);
    const pending = workloadRecord((at + 1) as WorkloadNumber, asked);
    view.apply({ collection: 'workloads', key: workloadKey(pending.number), before: null, after: pending });
    for (;;) {
      const { decisions, complete } = step(view, NOW_MS, BUDGET);
      for (const decision of decisions) {
        if (decision.type !== 'bind') throw new Error(`only binds, not a ${decision.type}`);
        usedParts += bind(view, pending, decision);
        placed++;
      }
      if (complete && decisions.length === 0) break;
    }
  });
  return { placed, usedMilli: usedParts / PARTS_PER_MILLI };
}

function nodeRecord({ rank, model, freeParts, cpuMilli, memoryMib }: Trace['nodes'][number]): ClusterNode {
  const name = `n${String(rank).padStart(5, '0')}`;
  return {
    id: name as NodeId,
    name,
    pool: 'default',
    labels: {},
    gpus: freeParts.map((_, index) => ({
      uuid: `${name}-${index}`,
      index,
      model,
      memoryMib: 16_384,
      simulated: true,
      health: 'healthy' as const,
      healthMessage: '',
      pciBusId: '',
      generation: 0,
      ...PLAIN_GPU,
    })),
    cpuCount: cpuMilli / 1_000,
    memoryMib,
    driverVersion: '',
    cudaVersion: '',
    gpuProblem: '',
    bootId: '',
    agentVersion: '',
    cordoned: false,
    cordonReason: '',
    maintenance: [],
    registeredMs: 0,
  };
}

function rolesOf({ kind, models }: Row): readonly Role[] {
  const { gpus, parts, cpuMilli, memoryMib } = kind;
  const gpuMilli = gpus === 0 ? 1_000 : parts / PARTS_PER_MILLI;
  const request = { gpus, gpuMilli, gpuMemoryMib: 0, migProfile: '', cpuMilli, memoryMib };
  return oneRole(1, request, { ...ANYWHERE, models: [...(models ?? [])] });
}

function workloadRecord(number: WorkloadNumber, roles: readonly Role[]): Workload {
  return {
    number,
    uid: `uid-${number}`,
    spec: {
      name: `w${number}`,
      kind: 'train',
      queue: 'q' as QueueName,
      priority: 50,
      preemptible: true,
      ...plainRequest({}),
      roles,
      program: { type: 'command', argv: ['true'] },
      environment: [],
      workingDirectory: '',
      graceMs: 30_000,
      checkpointDirectory: '',
    },
    owner: 'test',
    state: 'pending',
    message: '',
    attempt: 0,
    allocations: [],
    pastAllocations: [],
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
    submittedMs: NOW_MS,
    startedMs: null,
    endedMs: null,
    events: [],
  };
}

/** @returns the GPU parts it holds from now on */
function bind(view: ClusterView, pending: Workload, { placements }: Bind): number {
  const allocations = placements.map(({ task, node, gpus, parts }): Allocation => {
    const { cpuMilli, memoryMib } = pending.spec.roles[0]?.request ?? { cpuMilli: 0, memoryMib: 0 };
    return {
      id: `a${pending.number}-${task}` as AllocationId,
      workload: pending.number,
      attempt: 1,
      task,
      node,
      gpus: gpus.map((index) => ({
        uuid: `${node}-${index}`,
        index,
        model: '',
        simulated: true,
        generation: 1,
        parts,
        instance: '',
      })),
      cpuMilli,
      memoryMib,
      state: 'running',
      resume: null,
      placedMs: NOW_MS,
      startedMs: NOW_MS,
      endedMs: null,
      stop: null,
      exit: null,
      endpoints: [],
    };
  });
  const running: Workload = { ...pending, state: 'running', attempt: 1, allocations: allocations.map(({ id }) => id) };
  const key = workloadKey(pending.number);
  for (const each of allocations) view.apply({ collection: 'allocations', key: each.id, before: null, after: each });
  view.apply({ collection: 'workloads', key, before: pending, after: running });
  return allocations.reduce(
    (sum, { gpus }) => sum + gpus.reduce((own, { parts }) => own + Math.min(parts, GPU_PARTS), 0),
    0,
  );
}

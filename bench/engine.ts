// The scheduling engine alone: what `step` and `apply` cost, without store, network and agents. Decisions are carried out
// as the one writer does; making the records is not counted.
import { invariant } from '../common/assert.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../common/ids.js';
import type { Decision, StepResult } from '../scheduler/engine/decisions.js';
import { step } from '../scheduler/engine/engine.js';
import { pendingReason } from '../scheduler/engine/explain.js';
import { ClusterView } from '../scheduler/engine/view.js';
import type { Allocation, ClusterNode, Queue, RecordChange, Role, Workload } from '../scheduler/model/records.js';
import { workloadKey } from '../scheduler/model/records.js';
import { type Figure, figure, LEAST_RUNS, quantile } from './figure.js';
import type { Bench } from './registry.js';
import { ANYWHERE, GPU_PARTS, NO_RETRY, oneRole, ONLY_GPUS_COUNT, wholeGpus } from '../scheduler/model/requests.js';

/** Measures those of the figures that are wanted. */
export const benchEngine: Bench = ({ wants }) => {
  const figures: Figure[] = [];
  const add = (name: string, unit: string, once: () => number, peer?: string) => {
    if (wants(name)) figures.push(figure(name, unit, Array.from({ length: LEAST_RUNS }, once), peer));
  };
  add('engine.fill_s', 's', fillMixed, 'Slurm fills 8,000 GPUs in 12 to 135 s');
  add('engine.fill_placements_per_s', '1/s', fillSingles, 'Armada about 25,000/s on 1,000 nodes');
  add('engine.reclaim_many_ms', 'ms', reclaimMany, 'KAI 196.8 s; 59.3 s in an open change');
  add('engine.reclaim_gang_ms', 'ms', reclaimGang, 'KAI 76.3 s for a gang five times smaller');
  add('engine.say_no_ms', 'ms', sayNo, 'KAI 249.5 s end to end for a 10-pod gang');
  add('engine.one_change_p99_ms', 'ms', () => oneChange(100_000), 'KAI 2.4 s a cycle at 4,000 nodes');
  add('engine.equal_pending_submit_us', 'us', equalPending);
  if (wants('engine.million_pending_cycle_ratio')) figures.push(millionPending());
  return Promise.resolve(figures);
};

// --- scenarios ---

/** 10,000 nodes × 8 GPUs, 100,000 pending gangs of 1 to 64 GPUs in 50 queues, until nothing more fits. */
function fillMixed(): number {
  const rig = new EngineRig().nodes(10_000).queues(50, 1600);
  const sizes = [...Array(40).fill(1), ...Array(20).fill(2), ...Array(15).fill(4), ...Array(15).fill(8)] as number[];
  sizes.push(...(Array(6).fill(16) as number[]), ...(Array(3).fill(32) as number[]), 64);
  for (let at = 0; at < 100_000; at++) {
    const gpus = sizes[(at * 37) % 100] ?? 1;
    rig.submit(`q${at % 50}`, { tasks: Math.ceil(gpus / 8), gpusPerTask: Math.min(gpus, 8) });
  }
  const ms = rig.settle();
  invariant(rig.heldGpus >= 79_990, 'the mixed fill fills the cluster', `${rig.heldGpus} of 80,000 GPUs`);
  rig.checkReasons();
  return ms / 1000;
}

/** The same nodes, 80,000 workloads of 1 GPU. */
function fillSingles(): number {
  const rig = new EngineRig().nodes(10_000).queues(50, 1600);
  for (let at = 0; at < 80_000; at++) rig.submit(`q${at % 50}`, {});
  const ms = rig.settle();
  invariant(rig.heldGpus === 80_000, 'singles fill the cluster', `${rig.heldGpus} GPUs`);
  return (80_000 / ms) * 1000;
}

/** 500 nodes full of 1-GPU work of a queue without guarantee; the owner has 4,000 of 1 GPU pending: evict and place all. */
function reclaimMany(): number {
  const rig = new EngineRig().nodes(500).queue('borrower', 0).queue('owner', 4000);
  for (let at = 0; at < 4000; at++) rig.submit('borrower', {});
  rig.settle();
  for (let at = 0; at < 4000; at++) rig.submit('owner', {});
  let ms = rig.settle();
  invariant(rig.stopping.size === 4000, 'everything lent is told to leave', `${rig.stopping.size}`);
  ms += rig.releaseStopping() + rig.settle();
  invariant(rig.heldBy('owner') === 4000, 'the owner gets all back', `${rig.heldBy('owner')}`);
  return ms;
}

/** 1,000 nodes the same, one gang of 500 × 8 GPUs: until all its victims are told to leave. */
function reclaimGang(): number {
  const rig = new EngineRig().nodes(1000).queue('borrower', 0).queue('owner', 8000);
  for (let at = 0; at < 8000; at++) rig.submit('borrower', {});
  rig.settle();
  rig.submit('owner', { tasks: 500, gpusPerTask: 8 });
  const ms = rig.settle();
  invariant(rig.stopping.size === 4000, 'as many victims as the gang needs', `${rig.stopping.size}`);
  return ms;
}

/** 500 nodes full; a gang of 10 × 8 GPUs is one GPU short of legal. */
function sayNo(): number {
  const rig = new EngineRig()
    .nodes(500)
    .queue('borrower', 4000 - 79)
    .queue('owner', 80);
  for (let at = 0; at < 4000; at++) rig.submit('borrower', {});
  rig.settle();
  rig.submit('owner', { tasks: 10, gpusPerTask: 8 });
  const ms = rig.settle();
  invariant(rig.stopping.size === 0, 'nobody is evicted in vain', `${rig.stopping.size}`);
  return ms;
}

/** 80,000 GPUs full, pending work in 1,000 shapes and 50 queues: one workload ends, and what it left is given away. */
function oneChange(pending: number): number {
  return quantile(changeTimes(manyShapes(pending)), 0.99);
}

function changeTimes(rig: EngineRig): number[] {
  const times: number[] = [];
  for (let at = 0; at < 1000; at++) times.push(at % 2 === 0 ? rig.finishOne() : rig.submitAndSettle(at));
  return times;
}

function manyShapes(pending: number): EngineRig {
  const rig = new EngineRig().nodes(10_000, 10).queues(50, 1600);
  for (let at = 0; at < 80_000; at++) rig.submit(`q${at % 50}`, { pool: `p${at % 10}` });
  rig.settle();
  for (let at = 0; at < pending; at++) rig.submitShape(at);
  rig.settle();
  return rig;
}

/** 1,000 nodes × 8 GPUs full, 100,000 equal workloads pending, one more comes: microseconds until the engine is at rest. */
function equalPending(): number {
  const rig = new EngineRig().nodes(1000).queue('q0', 8000);
  for (let at = 0; at < 108_000; at++) rig.submit('q0', {});
  rig.settle();
  const times: number[] = [];
  for (let at = 0; at < 1000; at++) {
    rig.submit('q0', {});
    times.push(rig.settle() * 1000);
  }
  return quantile(times, 0.5);
}

function millionPending(): Figure {
  const small = changeTimes(manyShapes(100_000));
  const rig = manyShapes(1_000_000);
  const ratios = Array.from({ length: LEAST_RUNS }, () => quantile(changeTimes(rig), 0.99) / quantile(small, 0.99));
  return figure('engine.million_pending_cycle_ratio', '1', ratios);
}

// --- the rig ---

interface Shape {
  readonly tasks?: number;
  readonly gpusPerTask?: number;
  readonly pool?: string;
  readonly priority?: number;
}

/** A view with its records, and a stopwatch on every call into the engine. */
class EngineRig {
  readonly stopping = new Set<WorkloadNumber>();
  heldGpus = 0;
  readonly #view = new ClusterView();
  readonly #workloads = new Map<WorkloadNumber, Workload>();
  readonly #allocations = new Map<AllocationId, Allocation>();
  readonly #running: WorkloadNumber[] = [];
  #last = 0;
  #lastAllocation = 0;
  #spentMs = 0;

  nodes(count: number, pools = 1): this {
    for (let at = 0; at < count; at++) {
      const name = `node-${String(at).padStart(5, '0')}`;
      this.#apply({ collection: 'nodes', key: name, before: null, after: nodeRecord(name, `p${at % pools}`) });
      this.#view.setLiveness(name as NodeId, 'ready');
    }
    return this;
  }

  queues(count: number, guaranteeGpus: number): this {
    for (let at = 0; at < count; at++) this.queue(`q${at}`, guaranteeGpus);
    return this;
  }

  queue(name: string, guaranteeGpus: number): this {
    const after: Queue = {
      name: name as QueueName,
      parent: null,
      guaranteeGpus,
      limitGpus: null,
      weight: 1,
      priority: 100,
      ...ONLY_GPUS_COUNT,
      createdMs: 0,
    };
    this.#apply({ collection: 'queues', key: name, before: null, after });
    return this;
  }

  submit(queue: string, shape: Shape): void {
    const number = ++this.#last as WorkloadNumber;
    this.#putWorkload(workloadRecord(number, queue as QueueName, shape));
  }

  /** One of 1,000 shapes: ten pools, four sizes, up to 25 tasks. */
  submitShape(at: number): void {
    const gpusPerTask = [1, 2, 4, 8][at % 4] ?? 1;
    this.submit(`q${at % 50}`, {
      tasks: 1 + (Math.floor(at / 40) % 25),
      gpusPerTask,
      pool: `p${Math.floor(at / 4) % 10}`,
    });
  }

  submitAndSettle(at: number): number {
    this.#spentMs = 0;
    this.submitShape(at);
    return this.#spentMs + this.settle();
  }

  finishOne(): number {
    const number = this.#running.shift();
    const workload = number === undefined ? undefined : this.#workloads.get(number);
    invariant(workload !== undefined, 'something runs', '');
    this.#spentMs = 0;
    for (const id of workload.allocations) this.#release(id);
    this.#putWorkload({ ...workload, state: 'succeeded' });
    return this.#spentMs + this.settle();
  }

  /** Steps until nothing is left to decide; returns the milliseconds spent in the engine, applying included. */
  settle(): number {
    const spentBefore = this.#spentMs;
    for (;;) {
      const { decisions, complete } = this.#step();
      for (const decision of decisions) this.#carryOut(decision);
      if (complete && decisions.length === 0) return this.#spentMs - spentBefore;
    }
  }

  releaseStopping(): number {
    const spentBefore = this.#spentMs;
    for (const number of this.stopping) {
      const workload = this.#workloads.get(number);
      if (!workload) continue;
      for (const id of workload.allocations) this.#release(id);
      this.#putWorkload({ ...workload, state: 'pending', afterStop: null, allocations: [] });
    }
    this.stopping.clear();
    return this.#spentMs - spentBefore;
  }

  heldBy(queue: string): number {
    let sum = 0;
    for (const { workload, gpus } of this.#allocations.values()) {
      if (this.#workloads.get(workload)?.spec.queue === queue) sum += gpus.length;
    }
    return sum;
  }

  /** Every workload that is left has its reason. */
  checkReasons(): void {
    for (const { number, state } of this.#workloads.values()) {
      const reason = pendingReason(this.#view, number);
      invariant((reason !== null) === (state === 'pending'), 'every pending workload has its reason', `${number}`);
    }
  }

  #step(): StepResult {
    const start = performance.now();
    const result = step(this.#view, 1_000_000, 100_000);
    this.#spentMs += performance.now() - start;
    return result;
  }

  #apply(change: RecordChange): void {
    const start = performance.now();
    this.#view.apply(change);
    this.#spentMs += performance.now() - start;
  }

  #carryOut(decision: Decision): void {
    const workload = this.#workloads.get(decision.workload);
    invariant(workload !== undefined, 'decisions are about workloads', `${decision.workload}`);
    switch (decision.type) {
      case 'bind': {
        const ids = decision.placements.map(({ task, node, gpus }) => {
          const id = `a${++this.#lastAllocation}` as AllocationId;
          const after = allocationRecord(id, workload.number, task, node, gpus);
          this.#allocations.set(id, after);
          this.heldGpus += gpus.length;
          this.#apply({ collection: 'allocations', key: id, before: null, after });
          return id;
        });
        this.#running.push(workload.number);
        return this.#putWorkload({ ...workload, state: 'starting', allocations: ids, claim: null });
      }
      case 'evict': {
        this.stopping.add(workload.number);
        for (const id of decision.allocations) {
          const before = this.#allocations.get(id);
          invariant(before !== undefined, 'allocations are known', id);
          const after: Allocation = { ...before, state: 'stopping' };
          this.#allocations.set(id, after);
          this.#apply({ collection: 'allocations', key: id, before, after });
        }
        return this.#putWorkload({ ...workload, state: 'stopping', afterStop: 'requeue' });
      }
      case 'claim':
        return this.#putWorkload({ ...workload, claim: { placements: decision.placements, sinceMs: 0 } });
      case 'drop_claim':
        return this.#putWorkload({ ...workload, claim: null });
    }
  }

  #release(id: AllocationId): void {
    const before = this.#allocations.get(id) ?? null;
    this.#allocations.delete(id);
    this.heldGpus -= before?.gpus.length ?? 0;
    this.#apply({ collection: 'allocations', key: id, before, after: null });
  }

  #putWorkload(after: Workload): void {
    const before = this.#workloads.get(after.number) ?? null;
    this.#workloads.set(after.number, after);
    this.#apply({ collection: 'workloads', key: workloadKey(after.number), before, after });
  }
}

const MODEL = 'NVIDIA H100 80GB HBM3';
const PROGRAM = { type: 'command', argv: ['true'] } as const;

function nodeRecord(name: string, pool: string): ClusterNode {
  return {
    id: name as NodeId,
    name,
    pool,
    labels: {},
    gpus: Array.from({ length: 8 }, (_, index) => ({
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
    cpuCount: 64,
    memoryMib: 1 << 20,
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

/** Made once a shape, as workloads that come from one submission share their roles. */
const ROLES = new Map<string, readonly Role[]>();

function rolesOf({ tasks = 1, gpusPerTask = 1, pool = '' }: Shape): readonly Role[] {
  const key = `${tasks} ${gpusPerTask} ${pool}`;
  let roles = ROLES.get(key);
  if (!roles) ROLES.set(key, (roles = oneRole(tasks, wholeGpus(gpusPerTask), { ...ANYWHERE, pool })));
  return roles;
}

function workloadRecord(number: WorkloadNumber, queue: QueueName, shape: Shape): Workload {
  return {
    number,
    uid: '',
    spec: {
      name: 'bench',
      kind: 'train',
      queue,
      priority: shape.priority ?? 50,
      preemptible: true,
      roles: rolesOf(shape),
      topology: null,
      timeLimitMs: null,
      retry: NO_RETRY,
      dependencies: [],
      array: null,
      program: PROGRAM,
      environment: [],
      workingDirectory: '',
      graceMs: 30_000,
      checkpointDirectory: '',
    },
    owner: '',
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
    submittedMs: number,
    startedMs: null,
    endedMs: null,
    events: [],
  };
}

function allocationRecord(
  id: AllocationId,
  workload: WorkloadNumber,
  task: number,
  node: NodeId,
  gpus: readonly number[],
): Allocation {
  return {
    id,
    workload,
    attempt: 1,
    task,
    node,
    gpus: gpus.map((index) => ({
      uuid: `${node}-${index}`,
      index,
      model: MODEL,
      simulated: true,
      generation: 1,
      parts: GPU_PARTS,
      instance: '',
    })),
    cpuMilli: 0,
    memoryMib: 0,
    state: 'placed',
    resume: null,
    placedMs: 1_000_000,
    startedMs: null,
    endedMs: null,
    stop: null,
    exit: null,
    endpoints: [],
  };
}

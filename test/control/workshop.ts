// A state with a clock of its own in which commands can be tried in a few lines.
import { createHash } from 'node:crypto';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import type { Command, CommandContext } from '../../scheduler/control/command.js';
import { carryOut } from '../../scheduler/control/commands/carry-out.js';
import { createQueue } from '../../scheduler/control/commands/queues.js';
import { registerNode } from '../../scheduler/control/commands/nodes.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { InvariantGuard } from '../../scheduler/control/invariants/guard.js';
import type { Violation } from '../../scheduler/control/invariants/violation.js';
import { checkInvariants } from '../../scheduler/control/recovery.js';
import { Upkeep } from '../../scheduler/control/upkeep.js';
import type { Decision } from '../../scheduler/engine/decisions.js';
import { ClusterState } from '../../scheduler/model/cluster-state.js';
import { Draft } from '../../scheduler/model/draft.js';
import { accounted } from '../../scheduler/model/usage.js';
import { place } from '../../scheduler/model/lifecycle.js';
import {
  META_KEY,
  type Allocation,
  type RecordChange,
  type Placement,
  type Queue,
  type Workload,
  type WorkloadSpec,
} from '../../scheduler/model/records.js';
import { GPU_PARTS, PARTS_PER_MILLI, minTasks, ONLY_GPUS_COUNT, roleOf } from '../../scheduler/model/requests.js';
import { PLAIN_GPU, plainRequest, type PlainRequest } from '../plain-spec.js';

export class Workshop {
  state = new ClusterState();
  /** What control owes by itself; it does so when told to, see {@link pass}. */
  upkeep = new Upkeep(this.state);
  guard: InvariantGuard;
  /** Gets every commit, as a log would. */
  onChanges: (changes: readonly RecordChange[]) => void = () => undefined;
  /** What the guard found that is no reason to stop. */
  readonly violations: Violation[] = [];
  nowMs = 1_000;
  #ulids = 0;

  constructor() {
    const after = { clusterId: 'test', lastWorkload: 0 };
    this.state.apply({ collection: 'meta', key: META_KEY, before: null, after });
    this.guard = new InvariantGuard(this.state);
  }

  /** Runs a command as the loop does: all of it or nothing, and every invariant holds afterwards. */
  run<T>(command: Command<T>): T {
    return this.change((draft, context) => command.run(draft, context));
  }

  change<T>(make: (draft: Draft, context: CommandContext) => T): T {
    const draft = new Draft(this.state);
    const value = make(draft, { nowMs: this.nowMs, newUlid: () => this.newUlid() });
    const changes = accounted(this.state, draft.changes(), this.nowMs);
    for (const change of changes) {
      this.state.apply(change);
      this.upkeep.note(change);
    }
    this.violations.push(...this.guard.check(changes));
    this.onChanges(changes);
    checkInvariants(this.state);
    return value;
  }

  /** The daemon dies and begins anew: all it knows comes from its records. */
  restart(): void {
    const old = this.state;
    this.state = new ClusterState();
    const { queues, nodes, workloads, allocations, requests, incidents, usage, notices } = old;
    const meta = new Map([[META_KEY, old.meta]]);
    const tables = { meta, queues, nodes, workloads, allocations, requests, incidents, usage, notices };
    for (const [collection, table] of Object.entries(tables)) {
      for (const [key, record] of table) {
        const after = JSON.parse(JSON.stringify(record)) as object;
        this.state.apply({ collection, key, before: null, after } as RecordChange);
      }
    }
    checkInvariants(this.state);
    this.guard = new InvariantGuard(this.state);
    this.upkeep = new Upkeep(this.state);
  }

  /** Carries out a decision as if the engine had made it. */
  decide(decision: Decision): void {
    this.change((draft, context) => carryOut(draft, decision, context));
  }

  /** Lets time pass, and control do all that is due then. @returns how many acts that took */
  pass(ms = 0): number {
    this.nowMs += ms;
    let acts = 0;
    while (this.upkeep.isDue(this.nowMs)) {
      for (const act of this.upkeep.take(this.nowMs)) {
        this.change((draft) => act(draft));
        acts += 1;
      }
    }
    return acts;
  }

  newUlid(): string {
    this.#ulids += 1;
    return `ULID${String(this.#ulids).padStart(22, '0')}`;
  }

  queue(name: string, fields: Partial<Omit<Queue, 'name' | 'createdMs'>> = {}): readonly string[] {
    const figures = { parent: null, guaranteeGpus: 0, limitGpus: null, weight: 1, priority: 100 };
    const queue = { ...figures, ...ONLY_GPUS_COUNT, ...fields };
    return this.run(createQueue({ ...queue, name: name as QueueName }, false)).warnings;
  }

  node(name: string, gpus: number, model = 'NVIDIA H100 80GB HBM3', bootId = 'boot-1'): NodeId {
    const id = `node-${name}` as NodeId;
    this.change((draft) => registerNode(draft, nodeReport(id, name, gpus, model, bootId), this.nowMs));
    return id;
  }

  submit(spec: SpecFields = {}): WorkloadNumber {
    const [workload] = this.run(submit(submission([spec])));
    if (workload === undefined) throw new Error('nothing was accepted');
    return workload.number;
  }

  /** Places a workload on the first free GPUs of a node. */
  place(number: WorkloadNumber, node: NodeId): readonly AllocationId[] {
    const { spec } = this.workload(number);
    const taken = this.state.heldOn(node).flatMap((allocation) => allocation.gpus.map(({ index }) => index));
    let next = Math.max(-1, ...taken) + 1;
    const placements = Array.from({ length: minTasks(spec) }, (_, task) => {
      const gpus = Array.from({ length: roleOf(spec, task).request.gpus }, () => next++);
      return { task, node, gpus, parts: GPU_PARTS, instances: [] };
    });
    this.change((draft, { nowMs, newUlid }) => place(draft, number, placements, nowMs, newUlid));
    return this.workload(number).allocations;
  }

  workload(number: WorkloadNumber): Workload {
    const workload = this.state.workload(number);
    if (workload === undefined) throw new Error(`no workload ${number}`);
    return workload;
  }

  allocation(id: AllocationId): Allocation {
    const allocation = this.state.allocation(id);
    if (allocation === undefined) throw new Error(`no allocation ${id}`);
    return allocation;
  }
}

/** A spec in full, or with its request in short form. */
export type SpecFields = Partial<WorkloadSpec> & PlainRequest;

export function submission(specs: readonly SpecFields[], requestKey: string | null = null) {
  const whole = specs.map(spec);
  const digest = createHash('sha256').update(JSON.stringify(whole)).digest('hex');
  return { requestKey, digest, owner: 'alice', specs: whole, validateOnly: false };
}

export function spec(fields: SpecFields = {}): WorkloadSpec {
  const { tasks, gpusPerTask, gpuModel, pool, request, ...rest } = fields;
  const short = { tasks, gpusPerTask, gpuModel, pool, request };
  return {
    name: 'work',
    kind: 'batch',
    queue: 'research' as QueueName,
    priority: 50,
    preemptible: true,
    ...plainRequest(JSON.parse(JSON.stringify(short)) as PlainRequest),
    program: { type: 'command', argv: ['true'] },
    environment: [],
    workingDirectory: '',
    graceMs: 30_000,
    checkpointDirectory: '',
    ...rest,
  };
}

export function nodeReport(id: NodeId, name: string, gpus: number, model = 'NVIDIA H100 80GB HBM3', bootId = 'boot-1') {
  return {
    id,
    name,
    pool: 'default',
    labels: {},
    bootId,
    agentVersion: 'test',
    inventory: {
      gpus: Array.from({ length: gpus }, (_, index) => ({
        uuid: `GPU-${name}-${index}`,
        model,
        memoryMib: 81_559,
        simulated: true,
        health: 'healthy' as const,
        healthMessage: '',
        pciBusId: '',
        ...PLAIN_GPU,
      })),
      cpuCount: 8,
      memoryMib: 64_000,
      driverVersion: '1',
      cudaVersion: '1',
      gpuProblem: '',
    },
  };
}

/** The first GPUs of a node of which so much is free; null = there are none. */
export function placeOf(state: ClusterState, node: NodeId, gpus: number, milli: number): Placement | null {
  const parts = milli * PARTS_PER_MILLI;
  const held = state.heldOn(node).flatMap((allocation) => allocation.gpus);
  const free = (state.node(node)?.gpus ?? []).filter(({ index }) => {
    const taken = held.filter((gpu) => gpu.index === index).reduce((sum, gpu) => sum + gpu.parts, 0);
    return taken + parts <= GPU_PARTS;
  });
  if (free.length < gpus) return null;
  return { task: 0, node, gpus: free.slice(0, gpus).map(({ index }) => index), parts, instances: [] };
}

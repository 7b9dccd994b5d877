// A cluster in a few lines for tests of the engine, and the driver that carries decisions out as the one writer does:
// decisions → record changes → the view. Evicted work leaves at once, or when the test says so.
import { ClusterView } from '../../scheduler/engine/view.js';
import { step } from '../../scheduler/engine/engine.js';
import { explain } from '../../scheduler/engine/explain.js';
import type { Decision, Explanation, NodeLiveness, PendingReason } from '../../scheduler/engine/decisions.js';
import type {
  Allocation,
  Checkpoint,
  Claim,
  ClusterNode,
  Collections,
  Gpu,
  Queue,
  RecordChange,
  Workload,
  WorkloadSpec,
} from '../../scheduler/model/records.js';
import { workloadKey } from '../../scheduler/model/records.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { GPU_PARTS, ONLY_GPUS_COUNT } from '../../scheduler/model/requests.js';
import { PLAIN_GPU, plainRequest } from '../plain-spec.js';

export interface NodeOptions {
  readonly gpus?: number;
  readonly model?: string;
  readonly pool?: string;
  readonly cordoned?: boolean;
  readonly liveness?: NodeLiveness;
  /** Indices of GPUs that are quarantined. */
  readonly unhealthy?: readonly number[];
}

export interface QueueOptions {
  readonly parent?: string;
  readonly guarantee?: number;
  readonly limit?: number;
  readonly weight?: number;
  readonly priority?: number;
}

export interface WorkloadOptions {
  readonly gpus?: number;
  readonly tasks?: number;
  readonly priority?: number;
  readonly preemptible?: boolean;
  readonly model?: string;
  readonly pool?: string;
  readonly submittedMs?: number;
  readonly graceMs?: number;
}

type Known = 'queues' | 'nodes' | 'workloads' | 'allocations';
type Records = { readonly [C in Known]: Map<string, Collections[C]> };

const UNBOUNDED = 1_000_000_000;

/** A cluster under test. All methods that make something return its number or the cluster itself. */
export class TestCluster {
  readonly view = new ClusterView();
  nowMs = 1_000_000;
  /** Every decision so far. */
  readonly decisions: Decision[] = [];
  /** Sees each decision just before it is carried out. */
  onDecision: ((decision: Decision) => void) | null = null;
  readonly #records: Records = { queues: new Map(), nodes: new Map(), workloads: new Map(), allocations: new Map() };
  readonly #liveness = new Map<NodeId, NodeLiveness>();
  #lastNumber = 0;
  #lastAllocation = 0;
  #age = 0;

  node(name: string, options: NodeOptions = {}): this {
    const { gpus = 8, model = 'NVIDIA H100 80GB HBM3', pool = 'default', cordoned = false } = options;
    this.#put('nodes', name, {
      id: name as NodeId,
      name,
      pool,
      labels: {},
      gpus: Array.from({ length: gpus }, (_, index): Gpu => ({
        uuid: `${name}-${index}`,
        index,
        model,
        memoryMib: 81_920,
        simulated: true,
        health: options.unhealthy?.includes(index) ? 'quarantined' : 'healthy',
        healthMessage: '',
        pciBusId: '',
        generation: 0,
        ...PLAIN_GPU,
      })),
      cpuCount: 64,
      memoryMib: 1 << 20,
      driverVersion: '',
      cudaVersion: '',
      gpuProblem: '',
      bootId: '',
      agentVersion: '',
      cordoned,
      cordonReason: cordoned ? 'test' : '',
      maintenance: [],
      registeredMs: 0,
    });
    return this.liveness(name, options.liveness ?? 'ready');
  }

  nodes(count: number, options: NodeOptions = {}): this {
    const width = String(count - 1).length;
    for (let at = 0; at < count; at++) this.node(`n${String(at).padStart(width, '0')}`, options);
    return this;
  }

  liveness(name: string, liveness: NodeLiveness): this {
    this.#liveness.set(name as NodeId, liveness);
    this.view.setLiveness(name as NodeId, liveness);
    return this;
  }

  cordon(name: string, cordoned = true): this {
    const node = this.#get('nodes', name);
    this.#put('nodes', name, { ...node, cordoned, cordonReason: cordoned ? 'test' : '' });
    return this;
  }

  removeNode(name: string): this {
    this.#delete('nodes', name);
    return this;
  }

  queue(name: string, options: QueueOptions = {}): this {
    this.#put('queues', name, {
      name: name as QueueName,
      parent: (options.parent ?? null) as QueueName | null,
      guaranteeGpus: options.guarantee ?? 0,
      limitGpus: options.limit ?? null,
      weight: options.weight ?? 1,
      priority: options.priority ?? 100,
      ...ONLY_GPUS_COUNT,
      createdMs: this.#records.queues.get(name)?.createdMs ?? ++this.#age,
    });
    return this;
  }

  /** Submits a workload. */
  submit(queue: string, options: WorkloadOptions = {}): WorkloadNumber {
    const number = ++this.#lastNumber as WorkloadNumber;
    const spec: WorkloadSpec = {
      name: `w${number}`,
      kind: 'train',
      queue: queue as QueueName,
      priority: options.priority ?? 50,
      preemptible: options.preemptible ?? true,
      ...plainRequest({
        tasks: options.tasks ?? 1,
        gpusPerTask: options.gpus ?? 1,
        gpuModel: options.model ?? '',
        pool: options.pool ?? '',
      }),
      program: { type: 'command', argv: ['true'] },
      environment: [],
      workingDirectory: '',
      graceMs: options.graceMs ?? 30_000,
      checkpointDirectory: '',
    };
    this.#put('workloads', workloadKey(number), {
      number,
      uid: `uid-${number}`,
      spec,
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
      submittedMs: options.submittedMs ?? this.nowMs,
      startedMs: null,
      endedMs: null,
      events: [],
    });
    return number;
  }

  submitMany(count: number, queue: string, options: WorkloadOptions = {}): WorkloadNumber[] {
    return Array.from({ length: count }, () => this.submit(queue, options));
  }

  /** Submits a workload and puts it on the given GPUs of a node, without asking the engine. */
  running(queue: string, node: string, gpus: readonly number[], options: WorkloadOptions = {}): WorkloadNumber {
    const number = this.submit(queue, { gpus: gpus.length, ...options });
    this.#bind(number, [{ task: 0, node: node as NodeId, gpus, parts: GPU_PARTS, instances: [] }]);
    this.#putWorkload(number, { state: 'running', startedMs: this.nowMs });
    return number;
  }

  checkpoint(number: WorkloadNumber, timeMs: number): this {
    const checkpoint: Checkpoint = { step: 1, timeMs, path: '/c' };
    this.#putWorkload(number, { checkpoint });
    return this;
  }

  /** Puts other fields into a workload's record. */
  replace(number: WorkloadNumber, change: Partial<Workload>): this {
    this.#putWorkload(number, change);
    return this;
  }

  /** Its tasks began to run at that time. */
  begin(number: WorkloadNumber, startedMs: number): this {
    for (const allocation of this.allocationsOf(number)) {
      this.#put('allocations', allocation.id, { ...allocation, state: 'running', startedMs });
    }
    return this;
  }

  /** The program ends by itself: GPUs free at once. */
  finish(number: WorkloadNumber): this {
    this.#putWorkload(number, { state: 'succeeded', endedMs: this.nowMs });
    for (const allocation of this.allocationsOf(number)) this.#delete('allocations', allocation.id);
    return this;
  }

  /** A user cancels; running work leaves with grace. */
  cancel(number: WorkloadNumber): this {
    if (this.workload(number).state === 'pending') {
      this.#putWorkload(number, { state: 'cancelled', claim: null });
      return this;
    }
    this.#stop(number, 'cancel', null, 'cancelled');
    return this;
  }

  /** What was told to stop is gone: all of it, or one workload. */
  release(only?: WorkloadNumber): this {
    for (const workload of this.workloads()) {
      if (workload.state !== 'stopping' || (only !== undefined && workload.number !== only)) continue;
      for (const allocation of this.allocationsOf(workload.number)) {
        this.#put('allocations', allocation.id, { ...allocation, state: 'released' });
        this.#delete('allocations', allocation.id);
      }
      const requeued = workload.afterStop === 'requeue';
      this.#putWorkload(workload.number, {
        state: requeued ? 'pending' : 'cancelled',
        allocations: [],
        afterStop: null,
        requeues: workload.requeues + Number(requeued),
      });
    }
    return this;
  }

  /** Steps until nothing more is decided; nothing leaves meanwhile. Returns the decisions. */
  settle(budget = UNBOUNDED): Decision[] {
    const made: Decision[] = [];
    for (let steps = 0; ; steps++) {
      if (steps > 100_000) throw new Error('the engine does not come to an end');
      const { decisions, complete } = step(this.view, this.nowMs, budget);
      for (const decision of decisions) this.carryOut(decision);
      made.push(...decisions);
      if (complete && decisions.length === 0) break;
    }
    return made;
  }

  /** A cycle: settle, then everything that was told to stop is gone, then settle again. */
  cycle(budget = UNBOUNDED): Decision[] {
    const made = this.settle(budget);
    this.nowMs += 1000;
    this.release();
    made.push(...this.settle(budget));
    return made;
  }

  carryOut(decision: Decision): void {
    this.onDecision?.(decision);
    this.decisions.push(decision);
    switch (decision.type) {
      case 'bind':
        return this.#bind(decision.workload, decision.placements);
      case 'evict':
        return this.#stop(decision.workload, 'requeue', decision.forWorkload, decision.message);
      case 'claim': {
        const claim: Claim = { placements: decision.placements, sinceMs: this.nowMs };
        return this.#putWorkload(decision.workload, { claim });
      }
      case 'drop_claim':
        return this.#putWorkload(decision.workload, { claim: null });
    }
  }

  /** A view made from the records alone, with no memory of what was tried. */
  freshView(): ClusterView {
    const view = new ClusterView();
    for (const collection of ['allocations', 'workloads', 'nodes', 'queues'] as const) {
      for (const [key, after] of this.#records[collection]) {
        view.apply({ collection, key, before: null, after } as RecordChange);
      }
    }
    for (const [node, liveness] of this.#liveness) view.setLiveness(node, liveness);
    return view;
  }

  workload(number: WorkloadNumber): Workload {
    return this.#get('workloads', workloadKey(number));
  }

  workloads(): Workload[] {
    return [...this.#records.workloads.values()];
  }

  allocations(): Allocation[] {
    return [...this.#records.allocations.values()];
  }

  livenessOf(node: NodeId): NodeLiveness {
    return this.#liveness.get(node) ?? 'unknown';
  }

  nodeRecords(): ClusterNode[] {
    return [...this.#records.nodes.values()];
  }

  queueRecords(): Queue[] {
    return [...this.#records.queues.values()];
  }

  allocationsOf(number: WorkloadNumber): Allocation[] {
    return this.workload(number).allocations.flatMap((id) => this.#records.allocations.get(id) ?? []);
  }

  /** `n0:0,1 n1:3` for what a workload holds, '' when it holds nothing. */
  where(number: WorkloadNumber): string {
    return this.allocationsOf(number)
      .map(({ node, gpus }) => `${node}:${gpus.map((gpu) => gpu.index).join(',')}`)
      .join(' ');
  }

  states(...numbers: WorkloadNumber[]): string[] {
    return numbers.map((number) => this.workload(number).state);
  }

  explain(number: WorkloadNumber): Explanation | null {
    return explain(this.view, number, this.nowMs);
  }

  reason(number: WorkloadNumber): PendingReason | null {
    return this.explain(number)?.reason ?? null;
  }

  /** GPUs a queue holds itself (not those below it). */
  held(queue: string): number {
    return this.allocations()
      .filter(({ workload }) => this.workload(workload).spec.queue === queue)
      .reduce((sum, { gpus }) => sum + gpus.length, 0);
  }

  #bind(number: WorkloadNumber, placements: Claim['placements']): void {
    const workload = this.workload(number);
    const ids = placements.map(({ task, node, gpus, parts }) => {
      const id = `a${++this.#lastAllocation}` as AllocationId;
      const inventory = this.#get('nodes', node).gpus;
      this.#put('allocations', id, {
        id,
        workload: number,
        attempt: workload.attempt + 1,
        task,
        node,
        gpus: gpus.map((index) => {
          const gpu = inventory.find((candidate) => candidate.index === index);
          if (!gpu) throw new Error(`node ${node} has no GPU ${index}`);
          return { uuid: gpu.uuid, index, model: gpu.model, simulated: true, generation: 1, parts, instance: '' };
        }),
        cpuMilli: 0,
        memoryMib: 0,
        state: 'placed',
        resume: null,
        placedMs: this.nowMs,
        startedMs: null,
        endedMs: null,
        stop: null,
        exit: null,
        endpoints: [],
      });
      return id;
    });
    this.#putWorkload(number, { state: 'starting', attempt: workload.attempt + 1, allocations: ids, claim: null });
  }

  #stop(
    number: WorkloadNumber,
    afterStop: 'requeue' | 'cancel',
    forWorkload: WorkloadNumber | null,
    message: string,
  ): void {
    for (const allocation of this.allocationsOf(number)) {
      this.#put('allocations', allocation.id, {
        ...allocation,
        state: 'stopping',
        stop: {
          reason: forWorkload === null ? 'cancelled' : 'reclaimed',
          requestedMs: this.nowMs,
          graceMs: this.workload(number).spec.graceMs,
          forWorkload,
          message,
        },
      });
    }
    this.#putWorkload(number, { state: 'stopping', afterStop });
  }

  #putWorkload(number: WorkloadNumber, change: Partial<Workload>): void {
    this.#put('workloads', workloadKey(number), { ...this.workload(number), ...change });
  }

  #get<C extends Known>(collection: C, key: string): Collections[C] {
    const found = this.#records[collection].get(key);
    if (!found) throw new Error(`no ${collection} ${key}`);
    return found;
  }

  #put<C extends Known>(collection: C, key: string, after: Collections[C]): void {
    const records: Map<string, Collections[C]> = this.#records[collection];
    const before = records.get(key) ?? null;
    records.set(key, after);
    this.view.apply({ collection, key, before, after } as RecordChange);
  }

  #delete<C extends Known>(collection: C, key: string): void {
    const records: Map<string, Collections[C]> = this.#records[collection];
    const before = records.get(key) ?? null;
    records.delete(key);
    this.view.apply({ collection, key, before, after: null } as RecordChange);
  }
}

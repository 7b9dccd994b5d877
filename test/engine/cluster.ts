// A cluster in a few lines for tests of the engine, and the driver that carries decisions out as the one writer does:
// decisions → record changes → the view. Evicted work leaves at once, or when the test says so.
import { ClusterView } from '../../scheduler/engine/view.js';
import { step } from '../../scheduler/engine/engine.js';
import { Briefs, explain, explainBriefly } from '../../scheduler/engine/explain.js';
import type { Decision, Explanation, NodeLiveness, PendingReason } from '../../scheduler/engine/decisions.js';
import { DEFAULT_POLICY, type EnginePolicy } from '../../scheduler/engine/policy.js';
import type {
  Allocation,
  Checkpoint,
  Claim,
  ClusterNode,
  Collections,
  Gpu,
  Maintenance,
  MigInstance,
  Placement,
  PlacementRules,
  Queue,
  RecordChange,
  Role,
  TaskRequest,
  TopologyRule,
  Workload,
  WorkloadSpec,
} from '../../scheduler/model/records.js';
import { workloadKey } from '../../scheduler/model/records.js';
import { staysWhole } from '../../scheduler/model/elastic.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import {
  ANYWHERE,
  GPU_PARTS,
  memoryShareParts,
  migParts,
  ONLY_GPUS_COUNT,
  PARTS_PER_MILLI,
  roleOf,
  toGpus,
  wholeGpus,
} from '../../scheduler/model/requests.js';
import { PLAIN_GPU, plainRequest } from '../plain-spec.js';

export interface NodeOptions {
  readonly gpus?: number;
  readonly model?: string;
  readonly pool?: string;
  readonly cordoned?: boolean;
  readonly liveness?: NodeLiveness;
  /** Indices of GPUs that are quarantined. */
  readonly unhealthy?: readonly number[];
  /** Models of single GPUs, by index, where they are not `model`. */
  readonly models?: Readonly<Record<number, string>>;
  /** Names of single GPUs, by index, where they are not `NODE-INDEX`. */
  readonly uuids?: Readonly<Record<number, string>>;
  /** Of each GPU. */
  readonly gpuMemoryMib?: number;
  /** The NVLink group of each GPU. */
  readonly nvlink?: readonly number[];
  /** GPUs in MIG mode, by index: the profiles of their instances, "3g.40gb". */
  readonly mig?: Readonly<Record<number, readonly string[]>>;
  readonly cpus?: number;
  readonly memoryMib?: number;
  readonly driver?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly rack?: string;
  readonly block?: string;
  readonly maintenance?: readonly Maintenance[];
}

export interface QueueOptions
  extends
    Partial<typeof ONLY_GPUS_COUNT>,
    Pick<Queue, 'lendMaxMinRuntimeMs' | 'lendMaxGraceMs' | 'budget' | 'budgetStanding'> {
  readonly parent?: string;
  readonly guarantee?: number;
  readonly limit?: number;
  readonly weight?: number;
  readonly priority?: number;
}

/** Equal tasks: of a role, or of a workload that has no roles. */
export interface TaskOptions {
  readonly gpus?: number;
  /** So many start together. */
  readonly tasks?: number;
  /** More than `tasks` = elastic. */
  readonly maxTasks?: number;
  /** A share of each GPU, in thousandths. */
  readonly milli?: number;
  /** Beside or instead of whole GPUs. */
  readonly request?: Partial<TaskRequest>;
  readonly rules?: Partial<PlacementRules>;
}

export interface RoleOptions extends TaskOptions {
  readonly name: string;
  readonly topology?: TopologyRule;
}

export interface WorkloadOptions extends TaskOptions {
  /** Instead of equal tasks. */
  readonly roles?: readonly RoleOptions[];
  readonly topology?: TopologyRule;
  readonly timeLimitMs?: number;
  readonly owner?: string;
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
  readonly policy: EnginePolicy;
  readonly view: ClusterView;
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

  constructor(policy: Partial<EnginePolicy> = {}) {
    this.policy = { ...DEFAULT_POLICY, ...policy };
    this.view = new ClusterView(this.policy);
  }

  node(name: string, options: NodeOptions = {}): this {
    const { gpus = 8, model = 'NVIDIA H100 80GB HBM3', pool = 'default', cordoned = false } = options;
    const { rack, block } = options;
    this.#put('nodes', name, {
      id: name as NodeId,
      name,
      pool,
      labels: {
        ...options.labels,
        ...(rack === undefined ? {} : { rack }),
        ...(block === undefined ? {} : { block }),
      },
      gpus: Array.from({ length: gpus }, (_, index): Gpu => ({
        uuid: options.uuids?.[index] ?? `${name}-${index}`,
        index,
        model: options.models?.[index] ?? model,
        memoryMib: options.gpuMemoryMib ?? 81_920,
        simulated: true,
        health: options.unhealthy?.includes(index) ? 'quarantined' : 'healthy',
        healthMessage: '',
        pciBusId: '',
        generation: 0,
        ...PLAIN_GPU,
        nvlinkGroup: options.nvlink?.[index] ?? null,
        mig: options.mig?.[index]?.map((profile, at) => migInstance(`${name}-${index}-${at}`, profile)) ?? null,
      })),
      cpuCount: options.cpus ?? 64,
      memoryMib: options.memoryMib ?? 1 << 20,
      driverVersion: options.driver ?? '',
      cudaVersion: '',
      gpuProblem: '',
      bootId: '',
      agentVersion: '',
      cordoned,
      cordonReason: cordoned ? 'test' : '',
      maintenance: options.maintenance ?? [],
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
    const { parent, guarantee, limit, weight, priority, ...rules } = options;
    this.#put('queues', name, {
      name: name as QueueName,
      parent: (parent ?? null) as QueueName | null,
      guaranteeGpus: guarantee ?? 0,
      limitGpus: limit ?? null,
      weight: weight ?? 1,
      priority: priority ?? 100,
      ...ONLY_GPUS_COUNT,
      ...rules,
      createdMs: this.#records.queues.get(name)?.createdMs ?? ++this.#age,
    });
    return this;
  }

  removeQueue(name: string): this {
    this.#delete('queues', name);
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
      ...plainRequest({}),
      roles: (options.roles ?? [{ name: '', ...options, topology: undefined }]).map((role) => newRole(role, options)),
      topology: options.topology ?? null,
      timeLimitMs: options.timeLimitMs ?? null,
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
      owner: options.owner ?? 'test',
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
    return this.placed(queue, `${node}:${gpus.join(',')}`, { gpus: gpus.length, ...options });
  }

  /**
   * Submits a workload and puts its tasks, the first ones, on GPUs as {@link where} names them: `n0:0,1 n1:3`. Without
   * asking the engine.
   */
  placed(queue: string, where: string, options: WorkloadOptions = {}): WorkloadNumber {
    const places = where.split(' ');
    const number = this.submit(queue, { tasks: places.length, ...options });
    this.#bind(
      number,
      places.map((place, task) => this.#placement(number, task, place)),
    );
    this.#putWorkload(number, { state: 'running', startedMs: this.nowMs });
    return number;
  }

  #placement(number: WorkloadNumber, task: number, place: string): Placement {
    const [node = '', list = ''] = place.split(':');
    const slots = list === '' ? [] : list.split(',').map((slot) => slot.split('/'));
    const gpus = slots.map(([index]) => Number(index));
    const { request } = roleOf(this.workload(number).spec, task);
    const { memoryMib = 0 } = this.#get('nodes', node).gpus[gpus[0] ?? 0] ?? {};
    return {
      task,
      node: node as NodeId,
      gpus,
      parts: partsOfEach(request, memoryMib),
      instances: slots.flatMap(([index, at]) => (at === undefined ? [] : [`${node}-${index}-${at}`])),
    };
  }

  /** A node just as somebody else made its record. */
  nodeRecord(record: ClusterNode): this {
    this.#put('nodes', record.id, record);
    return this.liveness(record.id, 'ready');
  }

  /** An allocation that nobody here decided, of whole GPUs, whether or not its node, its GPUs and its workload are known. */
  adopt(number: WorkloadNumber, node: string, gpus: readonly { uuid: string; index: number }[]): AllocationId {
    const id = `a${++this.#lastAllocation}` as AllocationId;
    this.#put('allocations', id, {
      id,
      workload: number,
      attempt: 1,
      task: 0,
      node: node as NodeId,
      gpus: gpus.map((gpu) => ({
        ...gpu,
        model: '',
        simulated: true,
        generation: 1,
        parts: GPU_PARTS,
        instance: '',
      })),
      cpuMilli: 0,
      memoryMib: 0,
      state: 'running',
      resume: null,
      placedMs: this.nowMs,
      startedMs: this.nowMs,
      endedMs: null,
      stop: null,
      exit: null,
      endpoints: [],
    });
    return id;
  }

  /** The record of an allocation is gone. */
  forget(id: AllocationId): this {
    this.#delete('allocations', id);
    return this;
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

  /** What was told to stop is gone: all of it, or that of one workload. */
  release(only?: WorkloadNumber): this {
    for (const { number } of this.workloads()) {
      if (only !== undefined && number !== only) continue;
      for (const allocation of this.allocationsOf(number)) {
        if (allocation.state === 'stopping') this.#free(allocation);
      }
      const workload = this.workload(number);
      if (workload.state !== 'stopping') continue;
      const requeued = workload.afterStop === 'requeue';
      this.#putWorkload(number, {
        state: requeued ? 'pending' : 'cancelled',
        allocations: [],
        afterStop: null,
        requeues: workload.requeues + Number(requeued),
      });
    }
    return this;
  }

  /** A task's program ends; its GPUs stay held. */
  exit(number: WorkloadNumber, task: number, code: number): this {
    for (const allocation of this.allocationsOf(number)) {
      if (allocation.task !== task) continue;
      const exit = { code, signal: '', message: '' };
      this.#put('allocations', allocation.id, { ...allocation, state: 'exited', exit, endedMs: this.nowMs });
    }
    return this;
  }

  /** A task is gone without anybody's doing, the others run on: for states that the model would not let last. */
  lose(number: WorkloadNumber, task: number): this {
    for (const allocation of this.allocationsOf(number)) if (allocation.task === task) this.#free(allocation);
    return this;
  }

  #free(allocation: Allocation): void {
    const { allocations } = this.workload(allocation.workload);
    this.#put('allocations', allocation.id, { ...allocation, state: 'released' });
    this.#delete('allocations', allocation.id);
    this.#putWorkload(allocation.workload, { allocations: allocations.filter((id) => id !== allocation.id) });
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

  /** When the engine wants to be called again though nothing happens. */
  wakeMs(): number | null {
    return step(this.view, this.nowMs, UNBOUNDED).wakeMs;
  }

  carryOut(decision: Decision): void {
    this.onDecision?.(decision);
    this.decisions.push(decision);
    switch (decision.type) {
      case 'bind':
        return this.#bind(decision.workload, decision.placements);
      case 'evict':
        return this.#evict(decision);
      case 'claim': {
        const claim: Claim = { placements: decision.placements, sinceMs: this.nowMs };
        return this.#putWorkload(decision.workload, { claim });
      }
      case 'drop_claim':
        return this.#putWorkload(decision.workload, { claim: null });
    }
  }

  /** A view made from the records alone, with no memory of what was tried. */
  freshView(heard: 'in order' | 'backwards' = 'in order'): ClusterView {
    const view = new ClusterView(this.policy);
    for (const collection of ['allocations', 'workloads', 'nodes', 'queues'] as const) {
      const records = [...this.#records[collection]];
      for (const [key, after] of heard === 'in order' ? records : records.toReversed()) {
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

  /** The MIG instances that a workload holds: `n0-0-1` = the second of GPU 0 of n0. */
  instances(number: WorkloadNumber): string[] {
    return this.allocationsOf(number).flatMap(({ gpus }) => gpus.map(({ instance }) => instance));
  }

  /** The tasks that a workload holds GPUs with, those that leave as well. */
  tasks(number: WorkloadNumber): number[] {
    return this.allocationsOf(number).map(({ task }) => task);
  }

  states(...numbers: WorkloadNumber[]): string[] {
    return numbers.map((number) => this.workload(number).state);
  }

  explain(number: WorkloadNumber): Explanation | null {
    const explanation = explain(this.view, number, this.nowMs);
    // What listings show is the same in brief, whoever asked before.
    const briefs = new Briefs();
    for (const _ of ['first', 'again']) {
      const brief = explainBriefly(this.view, number, this.nowMs, briefs);
      const { reason, summary } = explanation ?? {};
      if (brief?.reason !== reason || brief?.summary !== summary) throw new Error(`told as ${JSON.stringify(brief)}`);
    }
    return explanation;
  }

  reason(number: WorkloadNumber): PendingReason | null {
    return this.explain(number)?.reason ?? null;
  }

  /** GPUs a queue holds itself (not those below it). */
  held(queue: string): number {
    return this.allocations()
      .filter(({ workload }) => this.workload(workload).spec.queue === queue)
      .reduce((sum, { gpus }) => sum + toGpus(gpus.reduce((parts, gpu) => parts + gpu.parts, 0)), 0);
  }

  /** The gang of what waits, as a new attempt; or more tasks of what runs. */
  #bind(number: WorkloadNumber, placements: readonly Placement[]): void {
    const workload = this.workload(number);
    const grows = workload.state !== 'pending';
    const attempt = grows ? workload.attempt : workload.attempt + 1;
    const ids = placements.map(({ task, node, gpus, parts, instances }) => {
      const id = `a${++this.#lastAllocation}` as AllocationId;
      const { cpuMilli, memoryMib } = roleOf(workload.spec, task).request;
      const inventory = this.#get('nodes', node).gpus;
      this.#put('allocations', id, {
        id,
        workload: number,
        attempt,
        task,
        node,
        gpus: gpus.map((index, at) => {
          const gpu = inventory.find((candidate) => candidate.index === index);
          if (!gpu) throw new Error(`node ${node} has no GPU ${index}`);
          return {
            uuid: gpu.uuid,
            index,
            model: gpu.model,
            simulated: true,
            generation: 1,
            parts,
            instance: instances[at] ?? '',
          };
        }),
        cpuMilli,
        memoryMib,
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
    const allocations = grows ? this.#inTaskOrder([...workload.allocations, ...ids]) : ids;
    this.#putWorkload(number, { state: grows ? workload.state : 'starting', attempt, allocations, claim: null });
  }

  #inTaskOrder(ids: readonly AllocationId[]): AllocationId[] {
    return ids.toSorted((a, b) => this.#get('allocations', a).task - this.#get('allocations', b).task);
  }

  /** Tasks that the gang can do without go alone; else all of it is stopped. */
  #evict({ workload: number, allocations, forWorkload, message }: Extract<Decision, { type: 'evict' }>): void {
    const ids = new Set(allocations);
    if (staysWhole(this.workload(number).spec, this.allocationsOf(number), ids)) {
      return this.#stopAllocations(number, (id) => ids.has(id), forWorkload, message);
    }
    this.#stop(number, 'requeue', forWorkload, message);
  }

  #stop(
    number: WorkloadNumber,
    afterStop: 'requeue' | 'cancel',
    forWorkload: WorkloadNumber | null,
    message: string,
  ): void {
    this.#stopAllocations(number, () => true, forWorkload, message);
    this.#putWorkload(number, { state: 'stopping', afterStop, claim: null });
  }

  #stopAllocations(
    number: WorkloadNumber,
    which: (id: AllocationId) => boolean,
    forWorkload: WorkloadNumber | null,
    message: string,
  ): void {
    for (const allocation of this.allocationsOf(number)) {
      if (!which(allocation.id) || allocation.state === 'stopping') continue;
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

function newRole(role: RoleOptions, { model = '', pool = '' }: WorkloadOptions): Role {
  const { name, gpus = 1, tasks = 1, maxTasks = tasks, milli = 1_000, request = {}, rules = {}, topology } = role;
  return {
    name,
    minTasks: tasks,
    maxTasks,
    request: { ...wholeGpus(gpus), gpuMilli: milli, ...request },
    rules: { ...ANYWHERE, pool, models: model === '' ? [] : [model], ...rules },
    topology: topology ?? null,
    program: null,
  };
}

function migInstance(uuid: string, profile: string): MigInstance {
  return { uuid, profile, memoryMib: Number.parseInt(profile.split('.')[1] ?? '', 10) * 1_024 };
}

function partsOfEach({ migProfile, gpuMemoryMib, gpuMilli }: TaskRequest, ofMemoryMib: number): number {
  if (migProfile !== '') return migParts(migProfile);
  return gpuMemoryMib > 0 ? (memoryShareParts(gpuMemoryMib, ofMemoryMib) ?? GPU_PARTS) : gpuMilli * PARTS_PER_MILLI;
}

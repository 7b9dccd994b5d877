// A cluster of records in a few words, and one cycle of the reference on it told in words: `bind 2: n0`, `evict 1 for 2`.
import { DEFAULT_POLICY, type EnginePolicy } from '../../scheduler/engine/policy.js';
import type { Decision } from '../../scheduler/engine/decisions.js';
import type {
  Allocation,
  ClusterNode,
  Gate,
  Gpu,
  MigInstance,
  Placement,
  Queue,
  Role,
  TaskRequest,
  Workload,
} from '../../scheduler/model/records.js';
import { ANYWHERE, NO_RETRY, ONLY_GPUS_COUNT, partsPerTask, wholeGpus } from '../../scheduler/model/requests.js';
import { decide, type ReferenceInput } from '../../simulator/reference/reference.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { PLAIN_GPU } from '../plain-spec.js';

export const NOW_MS = 10_000_000;

export interface WorkloadWords {
  readonly gpus?: number;
  /** Instead of whole GPUs. */
  readonly request?: Partial<TaskRequest>;
  /** The gang, and with `max` more tasks on top. */
  readonly tasks?: number;
  readonly max?: number;
  readonly priority?: number;
  readonly preemptible?: boolean;
  /** Where its tasks run, in task order: `n0` takes the next free GPUs, `n0:1` that GPU (a share). */
  readonly on?: readonly string[];
  /** Tasks, by number, that were told to stop and have not left. */
  readonly leaving?: readonly number[];
  readonly claim?: readonly Placement[];
  readonly gate?: Gate;
  /** The pool that it names. */
  readonly pool?: string;
}

type QueueWords = Partial<Omit<Queue, 'name' | 'parent' | 'guaranteeGpus' | 'limitGpus'>> & {
  readonly parent?: string;
  readonly guarantee?: number;
  readonly limit?: number;
};

export const PACK: EnginePolicy = {
  ...DEFAULT_POLICY,
  placement: 'pack',
  reserveAfterMs: null,
  maxDisturbance: Infinity,
};

/** Methods that add return the cluster, but `submit`, which returns the number of the workload. */
export class SmallCluster {
  readonly #queues: Queue[] = [];
  readonly #nodes: ClusterNode[] = [];
  readonly #workloads: Workload[] = [];
  readonly #allocations: Allocation[] = [];

  node(
    name: string,
    gpus: number,
    words: Partial<ClusterNode> & { readonly mig?: readonly string[]; readonly sick?: readonly number[] } = {},
  ): this {
    const { mig, sick = [], ...record } = words;
    const instances = mig?.map((profile, at): MigInstance => ({
      uuid: `${name}/${profile}/${at}`,
      profile,
      memoryMib: 10_240,
    }));
    this.#nodes.push({
      id: name as NodeId,
      name,
      pool: 'default',
      labels: {},
      gpus: Array.from({ length: gpus }, (_, index): Gpu => ({
        uuid: `${name}-${index}`,
        index,
        model: 'NVIDIA H100 80GB HBM3',
        memoryMib: 1_000,
        simulated: true,
        health: sick.includes(index) ? 'quarantined' : 'healthy',
        healthMessage: '',
        pciBusId: '',
        generation: 0,
        ...PLAIN_GPU,
        mig: instances ?? null,
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
      ...record,
    });
    return this;
  }

  queue(name: string, { parent, guarantee, limit, ...words }: QueueWords = {}): this {
    this.#queues.push({
      ...ONLY_GPUS_COUNT,
      name: name as QueueName,
      parent: (parent ?? null) as QueueName | null,
      guaranteeGpus: guarantee ?? 0,
      limitGpus: limit ?? null,
      weight: 1,
      priority: 100,
      createdMs: this.#queues.length,
      ...words,
    });
    return this;
  }

  /** Workloads are numbered from 1 and each is a second younger than the one before. */
  submit(queue: string, words: WorkloadWords = {}): WorkloadNumber {
    const number = (this.#workloads.length + 1) as WorkloadNumber;
    const { tasks = 1, max = tasks, on = [], leaving = [], claim = null } = words;
    const request: TaskRequest = { ...wholeGpus(words.gpus ?? 1), ...words.request };
    const role: Role = {
      name: '',
      minTasks: tasks,
      maxTasks: max,
      request,
      rules: { ...ANYWHERE, pool: words.pool ?? '' },
      topology: null,
      program: null,
    };
    const submittedMs = number * 1_000;
    const allocations = on.map((where, task) => {
      const allocation = this.#allocation(number, task, where, request, leaving.includes(task));
      this.#allocations.push(allocation);
      return allocation;
    });
    const isRunning = allocations.some((each) => each.state === 'running');
    this.#workloads.push({
      number,
      uid: `w${number}`,
      spec: {
        name: `w${number}`,
        kind: 'train',
        queue: queue as QueueName,
        priority: words.priority ?? 50,
        preemptible: words.preemptible ?? true,
        roles: [role],
        topology: null,
        timeLimitMs: null,
        retry: NO_RETRY,
        dependencies: [],
        array: null,
        program: { type: 'command', argv: ['true'] },
        environment: [],
        workingDirectory: '',
        graceMs: 0,
        checkpointDirectory: '',
      },
      owner: 'test',
      state: isRunning ? 'running' : on.length > 0 ? 'stopping' : 'pending',
      message: '',
      attempt: on.length > 0 ? 1 : 0,
      allocations: allocations.map((each) => each.id),
      pastAllocations: [],
      claim: claim === null ? null : { placements: claim, sinceMs: 0 },
      checkpoint: null,
      afterStop: isRunning || on.length === 0 ? null : 'requeue',
      requeues: 0,
      retries: 0,
      hold: null,
      notBeforeMs: 0,
      gate: words.gate ?? null,
      deadline: null,
      falseStarts: 0,
      lostGpuMs: 0,
      gpuMs: 0,
      submittedMs,
      startedMs: on.length > 0 ? submittedMs : null,
      endedMs: null,
      events: [],
    });
    return number;
  }

  /** The records, with a policy of these actions. */
  input(actions: EnginePolicy['actions'] = PACK.actions, policy: Partial<EnginePolicy> = {}): ReferenceInput {
    return {
      queues: this.#queues,
      nodes: this.#nodes,
      workloads: this.#workloads,
      allocations: this.#allocations,
      policy: { ...PACK, ...policy, actions },
      nowMs: NOW_MS,
    };
  }

  /** One cycle, a line for each decision. */
  cycle(actions: EnginePolicy['actions'] = PACK.actions, policy: Partial<EnginePolicy> = {}): string[] {
    return decide(this.input(actions, policy)).map(inWords);
  }

  #allocation(
    workload: WorkloadNumber,
    task: number,
    where: string,
    request: TaskRequest,
    leaving: boolean,
  ): Allocation {
    const [node = '', gpu] = where.split(':');
    const taken = this.#allocations.filter((each) => each.node === node).flatMap((each) => each.gpus);
    const free = (this.#nodes.find((each) => each.name === node)?.gpus ?? [])
      .map((each) => each.index)
      .filter((index) => !taken.some((each) => each.index === index));
    const indices = gpu === undefined ? free.slice(0, request.gpus) : [Number(gpu)];
    return {
      id: `${workload}/${task}` as AllocationId,
      workload,
      attempt: 1,
      task,
      node: node as NodeId,
      gpus: indices.map((index) => ({
        uuid: `${node}-${index}`,
        index,
        model: '',
        simulated: true,
        generation: 1,
        parts: partsPerTask(request, 1_000) / request.gpus,
        instance: '',
      })),
      cpuMilli: request.cpuMilli,
      memoryMib: request.memoryMib,
      state: leaving ? 'stopping' : 'running',
      resume: null,
      placedMs: workload * 1_000,
      startedMs: workload * 1_000,
      endedMs: null,
      stop: null,
      exit: null,
      endpoints: [],
    };
  }
}

function inWords(decision: Decision): string {
  switch (decision.type) {
    case 'bind':
    case 'claim':
      return `${decision.type} ${decision.workload}: ${decision.placements.map(placeInWords).join(' ')}`;
    case 'evict':
      return `${decision.reason} ${decision.allocations.join(' ')} for ${decision.forWorkload ?? 'nobody'}`;
    case 'drop_claim':
      return `drop claim ${decision.workload}`;
  }
}

function placeInWords({ node, gpus, instances }: Placement): string {
  return `${node}[${(instances.length > 0 ? instances : gpus).join(',')}]`;
}

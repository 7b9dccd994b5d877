// A scenario in the words of our records: a job is a workload, a task's state is an allocation or a claim. The records of a
// cycle are made anew from how the tasks stand, so nothing of one cycle reaches the next but through them.
import type { NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import type {
  Allocation,
  Claim,
  ClusterNode,
  PlacementRules,
  Queue,
  Role,
  TaskRequest,
  Workload,
  WorkloadSpec,
} from '../../scheduler/model/records.js';
import { ANYWHERE, NO_RETRY, ONLY_GPUS_COUNT } from '../../scheduler/model/requests.js';
import { allocationId, placedAllocation } from './carry-out.js';
import type { ClusterRecords } from './engine-under-test.js';
import { CannotRepresent, GpuDesk, type Hold, migProfile, nodeRecord } from './hardware.js';
import { memoryUnits } from './memory-unit.js';
import { PENDING, type PlayedJob, type TaskStanding } from './standing.js';
import { type Scenario, type ScenarioJob, type ScenarioQueue, type ScenarioTask, taskName } from './scenario.js';

/** When every scenario begins, milliseconds since 1970. */
export const START_MS = 1_700_000_000_000;

/** A job with at least this priority is not preemptible, unless it says otherwise. */
const FIRST_PRIORITY_NOT_PREEMPTIBLE = 100;

const MINUTE_MS = 60_000;

/** The name of no node: what may only go there goes nowhere. */
const NOWHERE = 'no such node';

/** A scenario ready to be played. */
export interface TranslatedScenario {
  readonly queues: readonly Queue[];
  readonly nodes: ClusterRecords['nodes'];
  readonly specs: ReadonlyMap<WorkloadNumber, WorkloadSpec>;
  /** How its jobs stand at the start. */
  readonly jobs: readonly PlayedJob[];
}

/**
 * Translates a scenario.
 * @throws CannotRepresent when our records cannot say what it says
 */
export function translate(scenario: Scenario): TranslatedScenario {
  const toMemory = memoryUnits(scenario);
  const nodes = scenario.nodes.map((node) => nodeRecord(node, toMemory.have));
  const numbered = scenario.jobs.map((job, at) => ({
    job,
    number: (at + 1) as WorkloadNumber,
    ...numberTasks(
      job,
      (task) => requestOf(job, task, toMemory.need),
      (task) => rulesOf(scenario, job, task),
    ),
  }));
  return {
    queues: scenario.queues.map((queue, at) => queueRecord(queue, at, gpusIn(nodes), toMemory.need)),
    nodes,
    specs: new Map(numbered.map(({ job, number, roles }) => [number, specOf(job, roles)])),
    jobs: standAtStart(new GpuDesk(nodes), numbered),
  };
}

/** The records of a cluster in which the jobs stand as given. */
export function recordsOf({ queues, nodes, specs }: TranslatedScenario, jobs: readonly PlayedJob[]): ClusterRecords {
  const played = jobs.flatMap((job) => {
    const spec = specs.get(job.workload);
    return spec === undefined ? [] : [workloadRecord(job, spec)];
  });
  return {
    queues,
    nodes,
    workloads: played.map(({ workload }) => workload),
    allocations: played.flatMap(({ allocations }) => allocations),
  };
}

/** GPUs that can be granted, whole or in instances. */
function gpusIn(nodes: readonly ClusterNode[]): number {
  return nodes.flatMap(({ gpus }) => gpus).filter(({ mig }) => mig === null || mig.length > 0).length;
}

/**
 * A queue. Records hold a guarantee of GPUs as a number; a quota without bound becomes all GPUs there are, which is what
 * the peer measures such a queue against, in dividing and in the order of queues (plugins/proportion/resource_share).
 */
function queueRecord(queue: ScenarioQueue, place: number, allGpus: number, toMemory: (bytes: number) => number): Queue {
  const bound = (amount: number) => (amount === -1 ? null : amount);
  const memory = (bytes: number) => (bytes === -1 ? null : toMemory(bytes));
  return {
    ...ONLY_GPUS_COUNT,
    name: queue.name as QueueName,
    parent: (queue.parent ?? null) as QueueName | null,
    guaranteeGpus: bound(queue.quota_gpus) ?? allGpus,
    limitGpus: bound(queue.limit_gpus),
    guaranteeCpuMilli: bound(queue.quota_cpu_millis),
    limitCpuMilli: bound(queue.limit_cpu_millis),
    guaranteeMemoryMib: memory(queue.quota_memory_bytes),
    limitMemoryMib: memory(queue.limit_memory_bytes),
    weight: queue.over_quota_weight,
    priority: queue.priority,
    createdMs: place + 1,
  };
}

/** What one task asks for. */
function requestOf(job: ScenarioJob, task: ScenarioTask, toMemory: (bytes: number) => number): TaskRequest {
  if (job.best_effort) {
    return { gpus: 0, gpuMilli: 1_000, gpuMemoryMib: 0, migProfile: '', cpuMilli: 0, memoryMib: 0 };
  }
  const besides = { cpuMilli: Math.round(job.cpus_per_task * 1_000), memoryMib: toMemory(job.memory_bytes_per_task) };
  const [mig, ...more] = Object.entries(task.mig_instances ?? {}).filter(([, count]) => count > 0);
  if (more.length > 0) throw new CannotRepresent(`a task of job ${job.name} asks for several MIG profiles`);
  if (mig) {
    const [resource, gpus] = mig;
    return { gpus, gpuMilli: 1_000, gpuMemoryMib: 0, migProfile: migProfile(resource), ...besides };
  }
  const gpus = task.gpus ?? job.gpus_per_task;
  if (job.gpu_memory_mib_per_task > 0 && task.gpus === undefined) {
    const { fraction_devices_per_task: devices, gpu_memory_mib_per_task: gpuMemoryMib } = job;
    return { gpus: devices, gpuMilli: 1_000, gpuMemoryMib, migProfile: '', ...besides };
  }
  if (gpus > 0 && gpus < 1) {
    const gpuMilli = Math.round(gpus * 1_000);
    return { gpus: job.fraction_devices_per_task, gpuMilli, gpuMemoryMib: 0, migProfile: '', ...besides };
  }
  if (!Number.isInteger(gpus)) throw new CannotRepresent(`a task of job ${job.name} asks for ${gpus} GPUs`);
  return { gpus, gpuMilli: 1_000, gpuMemoryMib: 0, migProfile: '', ...besides };
}

/** Where a task may go: a share of a GPU never to a node whose MIG instances serve as whole GPUs. */
function rulesOf({ nodes }: Scenario, job: ScenarioJob, task: ScenarioTask): PlacementRules {
  const isShare = job.gpu_memory_mib_per_task > 0 || (task.gpus ?? job.gpus_per_task) % 1 > 0;
  const singles = isShare ? nodes.filter(({ mig_strategy: strategy }) => strategy === 'single') : [];
  if (task.allowed_nodes === undefined && singles.length === 0) return ANYWHERE;
  const allowed = (task.allowed_nodes ?? nodes.map(({ name }) => name)).filter(
    (name) => !singles.some((single) => single.name === name),
  );
  return { ...ANYWHERE, nodes: allowed.length === 0 ? [NOWHERE] : allowed };
}

/**
 * Numbers a job's tasks in the order in which they are placed, and makes a role of each run of equal ones. The gang is the
 * first `min_tasks` of them. Tasks that a gang lacks altogether go nowhere, so that it never is complete.
 */
function numberTasks(
  job: ScenarioJob,
  requestOfTask: (task: ScenarioTask) => TaskRequest,
  rulesOfTask: (task: ScenarioTask) => PlacementRules,
): { taskNumbers: number[]; roles: Role[]; requests: TaskRequest[] } {
  const requests = job.tasks.map(requestOfTask);
  const inOrder = job.tasks
    .map((task, index) => ({ index, order: task.order_priority, request: requests[index], rules: rulesOfTask(task) }))
    .sort((a, b) => b.order - a.order || a.index - b.index);
  const taskNumbers: number[] = [];
  inOrder.forEach(({ index }, number) => (taskNumbers[index] = number));

  const kinds: {
    count: number;
    readonly key: string;
    readonly request: TaskRequest;
    readonly rules: PlacementRules;
  }[] = [];
  const add = (count: number, request: TaskRequest, rules: PlacementRules) => {
    const key = JSON.stringify([request, rules]);
    const last = kinds.at(-1);
    if (last?.key === key) last.count += count;
    else kinds.push({ count, key, request, rules });
  };
  for (const { request, rules } of inOrder) if (request) add(1, request, rules);
  const [first] = kinds;
  const missing = job.min_tasks - job.tasks.length;
  if (missing > 0 && first) add(missing, first.request, { ...ANYWHERE, nodes: [NOWHERE] });

  let core = job.min_tasks;
  const roles = kinds.map(({ count, request, rules }, at): Role => {
    const minTasks = Math.min(core, count);
    core -= minTasks;
    const name = kinds.length === 1 ? '' : `role${at}`;
    return { name, minTasks, maxTasks: count, request, rules, topology: null, program: null };
  });
  return { taskNumbers, roles, requests };
}

function specOf(job: ScenarioJob, roles: readonly Role[]): WorkloadSpec {
  return {
    name: job.name,
    kind: 'train',
    queue: job.queue as QueueName,
    priority: job.priority,
    preemptible: job.preemptible ?? job.priority < FIRST_PRIORITY_NOT_PREEMPTIBLE,
    roles,
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
  };
}

interface NumberedJob {
  readonly job: ScenarioJob;
  readonly number: WorkloadNumber;
  readonly taskNumbers: readonly number[];
  readonly requests: readonly TaskRequest[];
}

/** How all jobs stand before the first cycle. Promises are given out when it is known what everybody holds. */
function standAtStart(desk: GpuDesk, numbered: readonly NumberedJob[]): PlayedJob[] {
  const standings = new Map<ScenarioTask, TaskStanding>();
  const grant = (wanted: (hold: Hold) => boolean) => {
    for (const { job, taskNumbers, requests } of numbered) {
      job.tasks.forEach((task, at) => {
        const { state, node, gpu_groups: groups = null } = task;
        const request = requests[at];
        if (state === 'pending' || node === undefined || !request || !wanted(state)) return;
        const granted = desk.grant(node, request, state, groups);
        const placement = { task: taskNumbers[at] ?? 0, node: node as NodeId, ...granted };
        standings.set(task, { status: state, placement, sinceMs: submittedMs(job) });
      });
    }
  };
  grant((hold) => hold !== 'pipelined');
  grant((hold) => hold === 'pipelined');
  return numbered.map(({ job, number, taskNumbers }) => ({
    job,
    workload: number,
    taskNumbers,
    tasks: job.tasks.map((task) => standings.get(task) ?? PENDING),
  }));
}

function submittedMs(job: ScenarioJob): number {
  return START_MS - Math.round(job.age_minutes * MINUTE_MS);
}

/** The workload that a job is, and its allocations. */
function workloadRecord(
  { job, workload: number, tasks }: PlayedJob,
  spec: WorkloadSpec,
): { workload: Workload; allocations: Allocation[] } {
  const sinceMs = Math.min(...tasks.map((standing) => standing.sinceMs || Infinity));
  const stopped = { reason: 'cancelled', requestedMs: START_MS, graceMs: 0, forWorkload: null, message: '' } as const;
  const holding = tasks.filter(({ status }) => status === 'running' || status === 'releasing');
  const promised = tasks.filter(({ status }) => status === 'pipelined').flatMap(({ placement }) => placement ?? []);
  const runs = holding.some(({ status }) => status === 'running');
  const claim: Claim | null = promised.length > 0 ? { placements: promised, sinceMs: START_MS } : null;
  const workload: Workload = {
    number,
    uid: taskName(job.name, number),
    spec,
    owner: 'conformance',
    state: runs ? 'running' : holding.length > 0 ? 'stopping' : 'pending',
    message: '',
    attempt: holding.length > 0 ? 1 : 0,
    allocations: holding.flatMap(({ placement }) => (placement ? [allocationId(number, placement.task)] : [])),
    pastAllocations: [],
    claim,
    checkpoint: null,
    afterStop: runs || holding.length === 0 ? null : job.deleted_when_evicted ? 'cancel' : 'requeue',
    requeues: 0,
    retries: 0,
    hold: null,
    gate: null,
    deadline: null,
    notBeforeMs: 0,
    falseStarts: 0,
    lostGpuMs: 0,
    gpuMs: 0,
    submittedMs: submittedMs(job),
    startedMs: holding.length > 0 ? sinceMs : null,
    endedMs: null,
    events: [],
  };
  const allocations = holding.flatMap(({ status, placement, sinceMs: startedMs }): Allocation[] => {
    if (placement === null) return [];
    const placed = { ...placedAllocation(workload, placement, 1, startedMs), startedMs };
    return [status === 'running' ? { ...placed, state: 'running' } : { ...placed, state: 'stopping', stop: stopped }];
  });
  return { workload, allocations };
}

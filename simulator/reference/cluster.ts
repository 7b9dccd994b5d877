// The cluster as the rules see it: queues, nodes and workloads as recorded, and one list of places, which says what every
// task holds, leaves or is promised. A state is that list; a decision makes a new list.
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { invariant } from '../../common/assert.js';
import type { EnginePolicy } from '../../scheduler/engine/policy.js';
import { mayGrow } from '../../scheduler/model/elastic.js';
import type { Allocation, ClusterNode, Gpu, Queue, Role, Workload } from '../../scheduler/model/records.js';
import { roleOf, toParts } from '../../scheduler/model/requests.js';
import { eachResource, sum, type Amounts } from './amounts.js';
import type { Parts } from './parts.js';

/** What the reference decides from. */
export interface ReferenceInput {
  readonly queues: readonly Queue[];
  /** All are ready, unless cordoned. */
  readonly nodes: readonly ClusterNode[];
  readonly workloads: readonly Workload[];
  readonly allocations: readonly Allocation[];
  readonly policy: EnginePolicy;
  readonly nowMs: number;
  /**
   * True: single tasks of a gang may move while the others run on, as with the peer whose scenarios we play. Otherwise a
   * gang of which a task moves begins again as a whole, as our attempts do.
   */
  readonly tasksMoveAlone?: boolean;
}

/**
 * `held`: it runs there; `bound`: this cycle put it there; `leaving`: told to stop, not gone; `promised`: it waits for it;
 * `withdrawn`: it waited for it, but in this trial no longer does.
 */
export type PlaceState = 'held' | 'bound' | 'leaving' | 'promised' | 'withdrawn';

/** What a task runs on or waits for; the rest is on its way out and counts for nobody. */
export function isLive(place: Place): boolean {
  return place.state !== 'leaving' && place.state !== 'withdrawn';
}

/** Something of one node that one task has, leaves or is promised. */
export interface Place {
  readonly workload: WorkloadNumber;
  readonly task: number;
  readonly node: NodeId;
  readonly state: PlaceState;
  readonly kind: 'no gpu' | 'whole' | 'share' | 'mig';
  /** GPUs or MIG instances. */
  readonly count: number;
  /** Of each of them. */
  readonly parts: number;
  /** Shares only: which GPUs, so that shares can meet; see `gpuKey`. One opened by this cycle has a key of its own. */
  readonly shared: readonly string[];
  readonly profile: string;
  readonly cpuMilli: number;
  readonly memoryMib: number;
  /** The GPUs by index; null = not chosen yet (which of equal GPUs is of no consequence until the decision is taken). */
  readonly gpus: readonly number[] | null;
  readonly instances: readonly string[];
  /** Null = new in this cycle, or a claim. */
  readonly allocation: AllocationId | null;
}

export interface Task {
  readonly workload: WorkloadNumber;
  readonly index: number;
  readonly role: Role;
}

export interface State {
  readonly cluster: Cluster;
  readonly places: readonly Place[];
}

/** What does not change within a cycle. */
export interface Cluster {
  readonly input: ReferenceInput;
  readonly queues: ReadonlyMap<QueueName, Queue>;
  readonly nodes: ReadonlyMap<NodeId, ClusterNode>;
  readonly workloads: ReadonlyMap<WorkloadNumber, Workload>;
  readonly total: Amounts;
  readonly fairShares: ReadonlyMap<string, Amounts>;
  /** The parts that queues name, and the fair share of each queue of each of them. */
  readonly parts: Parts;
  readonly partShares: ReadonlyMap<string, readonly number[]>;
  /** The memory of the smallest and of the largest GPU; 0 = there is none. */
  readonly smallestGpuMib: number;
  readonly largestGpuMib: number;
}

/** The key of a GPU that shares can meet on. */
export function gpuKey(index: number): string {
  return `gpu ${index}`;
}

/** A guarantee of so many GPUs means: as many as there are. */
const UNBOUNDED_GPUS = 1_000_000_000;

/** Infinity = as much as there is. */
export function guaranteeOf(queue: Queue): Amounts {
  return {
    cpuMilli: queue.guaranteeCpuMilli ?? Infinity,
    memoryMib: queue.guaranteeMemoryMib ?? Infinity,
    gpuParts: queue.guaranteeGpus >= UNBOUNDED_GPUS ? Infinity : toParts(queue.guaranteeGpus),
  };
}

/** Infinity = no limit. */
export function limitOf(queue: Queue): Amounts {
  return {
    cpuMilli: queue.limitCpuMilli ?? Infinity,
    memoryMib: queue.limitMemoryMib ?? Infinity,
    gpuParts: queue.limitGpus === null ? Infinity : toParts(queue.limitGpus),
  };
}

/** What a queue may hold for long: its guarantee or its fair share, whichever is more, cut to its limit. */
export function allocatableShare(cluster: Cluster, queue: Queue): Amounts {
  const guarantee = guaranteeOf(queue);
  const limit = limitOf(queue);
  const fair = fairShareOf(cluster, queue);
  return eachResource((resource) => Math.min(limit[resource], Math.max(guarantee[resource], fair[resource])));
}

export function fairShareOf(cluster: Cluster, queue: Queue): Amounts {
  const share = cluster.fairShares.get(queue.name);
  invariant(share !== undefined, 'every queue has a fair share', queue.name);
  return share;
}

/** The queue and those above it, the leaf first. */
export function pathToRoot(cluster: Cluster, leaf: QueueName): readonly Queue[] {
  const path: Queue[] = [];
  for (let name: QueueName | null = leaf; name !== null;) {
    const queue: Queue | undefined = cluster.queues.get(name);
    if (queue === undefined) break;
    path.push(queue);
    name = queue.parent;
  }
  return path;
}

export function isBelow(cluster: Cluster, leaf: QueueName, queue: QueueName): boolean {
  return pathToRoot(cluster, leaf).some((each) => each.name === queue);
}

/** What a queue holds or is promised; what leaves it no longer counts. */
export function allocatedTo(state: State, queue: QueueName, onlyNotPreemptible = false): Amounts {
  return sum(
    state.places
      .filter(isLive)
      .filter((place) => {
        const { spec } = workloadOf(state.cluster, place.workload);
        return isBelow(state.cluster, spec.queue, queue) && !(onlyNotPreemptible && spec.preemptible);
      })
      .map(amountsOf),
  );
}

export function amountsOf(place: Place): Amounts {
  return { cpuMilli: place.cpuMilli, memoryMib: place.memoryMib, gpuParts: place.count * place.parts };
}

export function workloadOf(cluster: Cluster, number: WorkloadNumber): Workload {
  const workload = cluster.workloads.get(number);
  invariant(workload !== undefined, 'places belong to workloads', `${number}`);
  return workload;
}

export function nodeOf(cluster: Cluster, id: NodeId): ClusterNode {
  const node = cluster.nodes.get(id);
  invariant(node !== undefined, 'work is placed on nodes', id);
  return node;
}

/** GPUs that work may be placed on. */
export function usableGpus(node: ClusterNode): readonly Gpu[] {
  return node.gpus.filter((gpu) => gpu.health === 'healthy' && gpu.quarantine === undefined);
}

/** Tasks that run, are bound or promised something. */
export function liveTasks(state: State, workload: Workload): readonly Place[] {
  return state.places.filter((place) => place.workload === workload.number && isLive(place));
}

/** Tasks that wait for a place, in task order. */
export function pendingTasks(state: State, workload: Workload): readonly Task[] {
  if (!takesTasks(state.cluster, workload)) return [];
  const placed = new Set(state.places.filter((place) => place.workload === workload.number).map((place) => place.task));
  return allTasks(workload).filter((task) => !placed.has(task.index));
}

/** Whether it may be given tasks now: all of them, or more of them. */
function takesTasks(cluster: Cluster, workload: Workload): boolean {
  if (workload.state === 'pending') return workload.gate === null;
  const ofAttempt = cluster.input.allocations.filter(
    (each) => each.workload === workload.number && each.attempt === workload.attempt,
  );
  return mayGrow(workload, ofAttempt);
}

export function allTasks(workload: Workload): readonly Task[] {
  const { roles } = workload.spec;
  const count = roles.reduce((all, role) => all + role.maxTasks, 0);
  return Array.from({ length: count }, (_, index) => ({
    workload: workload.number,
    index,
    role: roleOf(workload.spec, index),
  }));
}

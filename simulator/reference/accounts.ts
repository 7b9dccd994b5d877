// What is counted of queues: of the whole cluster, and of each part of it that queues name. Of a part GPUs are counted apart; CPU and
// memory are those of the whole. Every question is answered by counting again. What is in a part is told by the node, as GPUs of
// one node are alike. Known is what work asks for that names where it goes: of work that may go to several parts only
// its places are counted.
import type { Queue, QueueScope, Workload } from '../../scheduler/model/records.js';
import { toParts } from '../../scheduler/model/requests.js';
import { eachResource, NOTHING, plus, sum, within, type Amounts } from './amounts.js';
import { kindOf, pendingRequest } from './asked.js';
import {
  allocatableShare,
  allocatedTo,
  amountsOf,
  fairShareOf,
  guaranteeOf,
  isBelow,
  isLive,
  limitOf,
  pathToRoot,
  usableGpus,
  workloadOf,
  type Cluster,
  type Place,
  type State,
  type Task,
} from './cluster.js';
import { isAllowed } from './fitting.js';
import { isIn, isSame } from './parts.js';

/** Which part, as numbered in the cluster; null = the whole. */
export type Account = number | null;

/** What a queue, with all below it, holds or is promised. */
export function holdingOf(state: State, queue: Queue, account: Account, onlyNotPreemptible = false): Amounts {
  const whole = allocatedTo(state, queue.name, onlyNotPreemptible);
  if (account === null) return whole;
  const counts = ({ spec }: Workload): boolean => !(onlyNotPreemptible && spec.preemptible);
  const places = state.places
    .filter(isLive)
    .filter((place) => counts(workloadOf(state.cluster, place.workload)))
    .filter((place) => isBelow(state.cluster, workloadOf(state.cluster, place.workload).spec.queue, queue.name));
  return { ...whole, gpuParts: inAccount(state.cluster, places, account).gpuParts };
}

/** What places take: of GPUs only those of the part. */
export function inAccount(cluster: Cluster, places: readonly Place[], account: Account): Amounts {
  const all = sum(places.map(amountsOf));
  if (account === null) return all;
  return { ...all, gpuParts: sum(places.filter((place) => isOn(cluster, place, account)).map(amountsOf)).gpuParts };
}

/** Whether a place is on GPUs of a part. */
export function isOn(cluster: Cluster, place: Place, part: number): boolean {
  return partsAt(cluster, place.node).includes(part);
}

/** The parts that the GPUs of a node are in. */
export function partsAt(cluster: Cluster, id: Place['node']): readonly number[] {
  const node = cluster.nodes.get(id);
  const [gpu] = node === undefined ? [] : usableGpus(node);
  if (node === undefined || gpu === undefined) return [];
  return cluster.parts.all.flatMap((part, at) => (isIn(part, { pool: node.pool, model: gpu.model }) ? [at] : []));
}

export function guaranteeIn(cluster: Cluster, queue: Queue, account: Account): Amounts {
  if (account === null) return guaranteeOf(queue);
  return { ...guaranteeOf(queue), gpuParts: toParts(scopeOf(cluster, queue, account)?.guaranteeGpus ?? 0) };
}

export function limitIn(cluster: Cluster, queue: Queue, account: Account): Amounts {
  if (account === null) return limitOf(queue);
  const limit = scopeOf(cluster, queue, account)?.limitGpus ?? null;
  return { ...limitOf(queue), gpuParts: limit === null ? Infinity : toParts(limit) };
}

export function fairShareIn(cluster: Cluster, queue: Queue, account: Account): Amounts {
  const whole = fairShareOf(cluster, queue);
  return account === null ? whole : { ...whole, gpuParts: cluster.partShares.get(queue.name)?.[account] ?? 0 };
}

/** What a queue may hold for long: its guarantee or its fair share, whichever is more, cut to its limits. */
export function allocatableIn(cluster: Cluster, queue: Queue, account: Account): Amounts {
  const whole = allocatableShare(cluster, queue);
  if (account === null) return whole;
  const [guarantee, fair] = [guaranteeIn, fairShareIn].map((of) => of(cluster, queue, account).gpuParts);
  const limits = [limitOf(queue), limitIn(cluster, queue, account)].map(({ gpuParts }) => gpuParts);
  return { ...whole, gpuParts: Math.min(...limits, Math.max(guarantee ?? 0, fair ?? 0)) };
}

function scopeOf({ parts }: Cluster, queue: Queue, account: number): QueueScope | undefined {
  const part = parts.all[account];
  return part && queue.scopes.find((scope) => isSame(scope, part));
}

/** The parts that tasks can do nothing without, with what they ask for of them. */
export function boundTo(cluster: Cluster, tasks: readonly Task[]): readonly { part: number; parts: number }[] {
  return cluster.parts.all.flatMap((_, part) => {
    const bound = tasks.filter((task) => isBound(cluster, task, part));
    const parts = sum(bound.map((task) => pendingRequest(task, cluster.smallestGpuMib))).gpuParts;
    return parts === 0 ? [] : [{ part, parts }];
  });
}

/** The parts that tasks can do nothing without, those of a pool and a model before larger ones. */
export function partsBoundTo(cluster: Cluster, tasks: readonly Task[]): readonly number[] {
  const breadth = (part: number): number => {
    const { pool = '', model = '' } = cluster.parts.all[part] ?? {};
    return Number(pool === '') + Number(model === '');
  };
  return boundTo(cluster, tasks)
    .map(({ part }) => part)
    .toSorted((a, b) => breadth(a) - breadth(b) || a - b);
}

/** Whether all GPUs that would do for a task are of a part. */
function isBound(cluster: Cluster, { role }: Task, part: number): boolean {
  if (kindOf(role.request) === 'no gpu') return false;
  const nodes = cluster.input.nodes.filter((node) => node.gpus.length > 0 && isAllowed(node, role.rules));
  return nodes.length > 0 && nodes.every(({ id }) => partsAt(cluster, id).includes(part));
}

/** What tasks ask for, of an account: those that are bound to the part. */
export function askedOf(cluster: Cluster, tasks: readonly Task[], account: Account): Amounts {
  const of = (which: readonly Task[]): Amounts =>
    which.length === 0 ? NOTHING : sum(which.map((task) => pendingRequest(task, cluster.smallestGpuMib)));
  if (account === null) return of(tasks);
  return { ...of(tasks), gpuParts: of(tasks.filter((task) => isBound(cluster, task, account))).gpuParts };
}

/** Whether a queue stays within a figure of an account with so much more. */
export function staysWithin(state: State, queue: Queue, account: Account, more: Amounts, bound: Amounts): boolean {
  return within(plus(holdingOf(state, queue, account), more), bound);
}

/** GPUs that may be had of a part so that all who are guaranteed some can still have them, by work that stays for good. */
export function unpromisedOf(state: State, leaf: Queue['name'], part: number): number {
  const { cluster } = state;
  const roots = cluster.input.queues.filter(({ parent }) => parent === null);
  const guaranteed = (queue: Queue): number => guaranteeIn(cluster, queue, part).gpuParts;
  if (roots.every((queue) => guaranteed(queue) === 0)) return Infinity;
  const fixed = (queue: Queue): number => holdingOf(state, queue, part, true).gpuParts;
  const below = (queue: Queue): number =>
    cluster.input.queues
      .filter(({ parent }) => parent === queue.name)
      .reduce((needed, child) => needed + Math.max(guaranteed(child), below(child)) - fixed(child), fixed(queue));
  const needed = roots.reduce((all, queue) => all + Math.max(guaranteed(queue), below(queue)), 0);
  const slack = pathToRoot(cluster, leaf).reduce(
    (all, queue) => all + Math.max(0, guaranteed(queue) - below(queue)),
    0,
  );
  return slack + Math.max(0, (cluster.parts.totals[part] ?? 0) - needed);
}

/** Nothing but GPUs. */
export function onlyGpus(gpuParts: number): Amounts {
  return eachResource((resource) => (resource === 'gpuParts' ? gpuParts : 0));
}

// Who is next: the order of queues at one level of the tree, the order of workloads in a queue, and the walk from the root
// down to the next workload. Rules: kai-semantics 1.4.
import type { Queue, Workload } from '../../scheduler/model/records.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { NOTHING, RESOURCES, minus, plus, within, type Amounts, type Resource } from './amounts.js';
import { chunkRequest, gangStanding, nextChunk, type Evicted } from './chunk.js';
import { allocatableIn, boundTo, guaranteeIn, holdingOf } from './accounts.js';
import { allocatableShare, allocatedTo, fairShareOf, guaranteeOf, type State } from './cluster.js';

/** A queue that is not entitled to a resource at all and uses it counts as using it so many times over. */
const NO_SHARE_PENALTY = 1_000;

/** A queue in the comparison: what its next workload asks for, and what victims would give back. */
export interface Contender {
  readonly queue: Queue;
  readonly asked: Amounts;
  /** GPU parts of that which can only be of a part of the cluster. */
  readonly bound: readonly { readonly part: number; readonly parts: number }[];
  readonly givenBack: Amounts;
}

/** Negative: `left` is served before `right`. Never 0 for two queues. */
export function compareQueues(state: State, left: Contender, right: Contender): number {
  for (const rule of RULES) {
    const difference = rule(state, left) - rule(state, right);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
  }
  return weaker(state, left, right) || older(left.queue, right.queue);
}

type Rule = (state: State, contender: Contender) => number;

/** Each gives a number; the smaller one is served first, the first rule that differs decides. */
const RULES: readonly Rule[] = [
  (state, { queue }) => Number(isOverFairShare(state, queue)),
  (state, contender) => -urgencyOf(state, contender),
  (_, { queue }) => -queue.priority,
  (state, contender) => Number(usesWhatItHasNoShareOf(state, contender)),
  (state, { queue, asked, bound, givenBack }) =>
    Math.max(
      dominantShare(state, queue, minus(plus(allocatedTo(state, queue.name), asked), givenBack)),
      ...bound.map(({ part, parts }) => shareOfPart(state, queue, part, parts)),
    ),
  (state, { queue, bound }) =>
    Math.max(
      dominantShare(state, queue, allocatedTo(state, queue.name)),
      ...bound.map(({ part }) => shareOfPart(state, queue, part, 0)),
    ),
];

/** Above its fair share in every resource. */
function isOverFairShare(state: State, queue: Queue): boolean {
  const allocated = allocatedTo(state, queue.name);
  const fair = fairShareOf(state.cluster, queue);
  return RESOURCES.every((resource) => fair[resource] < allocated[resource]);
}

/** 2 = its next workload still fits what it is guaranteed of a part, 1 = of the whole. */
function urgencyOf(state: State, { queue, asked, bound }: Contender): 0 | 1 | 2 {
  const isOwed = bound.some(({ part, parts }) => {
    const { gpuParts } = guaranteeIn(state.cluster, queue, part);
    return gpuParts > 0 && holdingOf(state, queue, part).gpuParts + parts <= gpuParts;
  });
  return isOwed ? 2 : within(plus(allocatedTo(state, queue.name), asked), guaranteeOf(queue)) ? 1 : 0;
}

function usesWhatItHasNoShareOf(state: State, { queue, asked, bound }: Contender): boolean {
  const used = plus(allocatedTo(state, queue.name), asked);
  const share = allocatableShare(state.cluster, queue);
  return (
    RESOURCES.some((resource) => share[resource] === 0 && used[resource] > 0) ||
    bound.some(({ part }) => allocatableIn(state.cluster, queue, part).gpuParts === 0)
  );
}

/** The largest of what it uses of each resource, measured by what it may hold of it. */
function dominantShare(state: State, queue: Queue, used: Amounts): number {
  const share = allocatableShare(state.cluster, queue);
  const shares = RESOURCES.map((resource) => {
    const bound = share[resource] === Infinity ? state.cluster.total[resource] : share[resource];
    return bound === 0 ? inUnits(resource, used[resource]) * NO_SHARE_PENALTY : used[resource] / bound;
  });
  return Math.max(0, ...shares);
}

/** How much of what it may hold of a part it would use with so much more. */
function shareOfPart(state: State, queue: Queue, part: number, more: number): number {
  const used = holdingOf(state, queue, part).gpuParts + more;
  const bound = allocatableIn(state.cluster, queue, part).gpuParts;
  return bound === 0 ? inUnits('gpuParts', used) * NO_SHARE_PENALTY : used / bound;
}

function inUnits(resource: Resource, amount: number): number {
  return resource === 'gpuParts' ? amount / GPU_PARTS : amount;
}

/** The queue that may hold less comes first. */
function weaker(state: State, left: Contender, right: Contender): number {
  const leftShare = allocatableShare(state.cluster, left.queue);
  const rightShare = allocatableShare(state.cluster, right.queue);
  return Number(within(rightShare, leftShare)) - Number(within(leftShare, rightShare));
}

function older(left: Queue, right: Queue): number {
  return left.createdMs - right.createdMs || (left.name < right.name ? -1 : 1);
}

/**
 * Negative: `left` is served before `right`.
 * @param standingOf 0 = it lacks tasks of its gang, 1 = it has just the gang, 2 = it has more
 */
export function compareWorkloads(left: Workload, right: Workload, standingOf: (workload: Workload) => number): number {
  return (
    right.spec.priority - left.spec.priority ||
    standingOf(left) - standingOf(right) ||
    left.submittedMs - right.submittedMs ||
    left.number - right.number
  );
}

/**
 * The workload that is served next.
 * @param waiting those that take part
 * @returns undefined when nothing is waiting in a queue that exists
 */
export function nextWorkload(state: State, waiting: readonly Workload[], evicted?: Evicted): Workload | undefined {
  const standing = (workload: Workload): number => gangStanding(state, workload);
  return walk(state, waiting, (workloads, queue) => {
    const first = workloads.toSorted((a, b) => compareWorkloads(a, b, standing))[0];
    if (first === undefined) return undefined;
    const chunk = nextChunk(state, first, evicted);
    const contender = {
      queue,
      asked: chunkRequest(state, chunk),
      bound: boundTo(state.cluster, chunk),
      givenBack: NOTHING,
    };
    return { workload: first, contender };
  });
}

interface Candidate {
  readonly workload: Workload;
  readonly contender: Contender;
}

/**
 * From the root to the leaf: at each level the queue that comes first, with the best workload below it.
 * @param bestOf the best of a leaf's workloads
 * @param direction -1 = the last instead of the first, for victims
 */
export function walk(
  state: State,
  waiting: readonly Workload[],
  bestOf: (workloads: readonly Workload[], leaf: Queue) => Candidate | undefined,
  direction: 1 | -1 = 1,
): Workload | undefined {
  const { queues } = state.cluster.input;
  const bestBelow = (parent: string | null): Candidate | undefined =>
    queues
      .filter((queue) => queue.parent === parent)
      .flatMap((queue) => {
        const isLeaf = !queues.some((child) => child.parent === queue.name);
        const best = isLeaf
          ? bestOf(
              waiting.filter((workload) => workload.spec.queue === queue.name),
              queue,
            )
          : bestBelow(queue.name);
        return best === undefined ? [] : [{ ...best, contender: { ...best.contender, queue } }];
      })
      .toSorted((a, b) => direction * compareQueues(state, a.contender, b.contender))[0];
  return bestBelow(null)?.workload;
}

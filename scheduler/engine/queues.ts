// The queue tree as the engine sees it: the rules of each queue, what it holds, what waits in it. Sums are kept for the
// whole path up to the root, so a check reads one number a level. May assume that only leaves hold workloads, but does
// not break where an inner queue does.
import type { QueueName } from '../../common/ids.js';
import type { Queue } from '../model/records.js';
import { divide } from './fair-share.js';
import type { Group } from './shapes.js';
import type { RunningShelf } from './running.js';

/** A queue, or the root above all of them. All figures are GPUs and include the queues below. */
export interface QueueNode {
  readonly name: QueueName;
  /** Null while only workloads have named it: then it may hold nothing. */
  record: Queue | null;
  /** Null for the root and for what is not in the tree. */
  parent: QueueNode | null;
  readonly children: QueueNode[];
  guarantee: number;
  /** Infinity = none. */
  limit: number;
  weight: number;
  priority: number;
  createdMs: number;

  /** In allocations that are not released. */
  held: number;
  heldNotPreemptible: number;
  /** The part of `held` whose holders were told to stop or are over. */
  leaving: number;
  leavingNotPreemptible: number;
  /** Promised to pending workloads. */
  claimed: number;
  claimedNotPreemptible: number;
  /** Asked for by pending workloads. */
  pending: number;
  /** Asked for by everything that runs or wants to: what fair shares are cut to. */
  demand: number;
  /** The demand here and below, cut to the limits. */
  requestable: number;
  /** By the last division. */
  fairShare: number;
  /** min(limit, max(guarantee, fair share)): what nobody takes from it, unless to meet a guarantee. */
  allocatableShare: number;

  /** Pending groups of this queue itself, by key. */
  readonly groups: Map<string, Group>;
  /** Those to look at in the next step. */
  readonly active: Set<Group>;
  /** Those that did not fit but might by taking GPUs back, by GPUs asked for. */
  readonly stuck: Map<number, Set<Group>>;
  /** No stuck group has a higher priority. */
  stuckPriority: number;
  /** Groups of queues here or below that this queue's limit or guarantee stopped. */
  readonly stopped: Set<Group>;
  /** Preemptible running work of this queue itself. */
  readonly running: RunningShelf;
  /** How many workloads stand on the shelves here and below. */
  victims: number;

  /** Scratch of the walk in order: what is below and has work to try, best first. */
  turns: QueueNode[];
  turnGroups: Group[];
  /** What its next workload asks for. */
  nextRequest: number;
  /** Scratch of searches for victims, by number: which found nothing more here, was refused, has this on its path. */
  exhaustedBy: number;
  refusedBy: number;
  onPathOf: number;
}

/** What the queue is charged with: what it will hold when all that leaves has left and all promises are kept. */
export function charged(queue: QueueNode): number {
  return queue.held - queue.leaving + queue.claimed;
}

/** A queue about which nothing is known yet: it may hold nothing. */
export function newQueueNode(name: QueueName): QueueNode {
  return {
    name,
    record: null,
    parent: null,
    children: [],
    guarantee: 0,
    limit: 0,
    weight: 0,
    priority: 0,
    createdMs: 0,
    held: 0,
    heldNotPreemptible: 0,
    leaving: 0,
    leavingNotPreemptible: 0,
    claimed: 0,
    claimedNotPreemptible: 0,
    pending: 0,
    demand: 0,
    requestable: 0,
    fairShare: 0,
    allocatableShare: 0,
    groups: new Map(),
    active: new Set(),
    stuck: new Map(),
    stuckPriority: -Infinity,
    stopped: new Set(),
    running: [],
    victims: 0,
    turns: [],
    turnGroups: [],
    nextRequest: 0,
    exhaustedBy: 0,
    refusedBy: 0,
    onPathOf: 0,
  };
}

/** Adds to what a queue and all above it hold. */
export function addHeld(queue: QueueNode | null, gpus: number, preemptible: boolean): void {
  for (let at = queue; at !== null; at = at.parent) {
    at.held += gpus;
    if (!preemptible) at.heldNotPreemptible += gpus;
  }
}

/** Adds to the part of it that leaves. */
export function addLeaving(queue: QueueNode | null, gpus: number, preemptible: boolean): void {
  for (let at = queue; at !== null; at = at.parent) {
    at.leaving += gpus;
    if (!preemptible) at.leavingNotPreemptible += gpus;
  }
}

/** Adds to what is promised to a queue and all above it. */
export function addClaimed(queue: QueueNode | null, gpus: number, preemptible: boolean): void {
  for (let at = queue; at !== null; at = at.parent) {
    at.claimed += gpus;
    if (!preemptible) at.claimedNotPreemptible += gpus;
  }
}

/** Adds to what a queue and all above it ask for. */
export function addDemand(queue: QueueNode | null, demandGpus: number, pendingGpus: number): void {
  for (let at = queue; at !== null; at = at.parent) {
    at.demand += demandGpus;
    at.pending += pendingGpus;
  }
}

/** Hangs a queue under another parent (null = nowhere), with all its sums. */
export function graft(queue: QueueNode, parent: QueueNode | null): void {
  if (queue.parent === parent) return;
  if (queue.parent) {
    queue.parent.children.splice(queue.parent.children.indexOf(queue), 1);
    addSums(queue.parent, queue, -1);
  }
  queue.parent = parent;
  if (parent) {
    parent.children.push(queue);
    addSums(parent, queue, 1);
  }
}

function addSums(to: QueueNode, of: QueueNode, sign: 1 | -1): void {
  for (let at: QueueNode | null = to; at !== null; at = at.parent) {
    at.held += sign * of.held;
    at.heldNotPreemptible += sign * of.heldNotPreemptible;
    at.leaving += sign * of.leaving;
    at.leavingNotPreemptible += sign * of.leavingNotPreemptible;
    at.claimed += sign * of.claimed;
    at.claimedNotPreemptible += sign * of.claimedNotPreemptible;
    at.pending += sign * of.pending;
    at.demand += sign * of.demand;
    at.victims += sign * of.victims;
  }
}

/** Divides the GPUs of the cluster over the whole tree, top-down. Cost: one pass over the queues. */
export function divideTree(root: QueueNode, capacityGpus: number): boolean {
  root.children.forEach(sumRequestable);
  root.fairShare = capacityGpus;
  return divideBelow(root);
}

/** A queue can use what it and those below hold and ask for, each cut to its own limit. */
function sumRequestable(queue: QueueNode): void {
  let own = queue.demand;
  let below = 0;
  for (const child of queue.children) {
    sumRequestable(child);
    own -= child.demand;
    below += child.requestable;
  }
  queue.requestable = Math.min(queue.limit, own + below);
}

function divideBelow(queue: QueueNode): boolean {
  if (queue.children.length === 0) return false;
  const shares = divide(queue.fairShare, queue.children);
  let changed = false;
  queue.children.forEach((child, at) => {
    const share = shares[at] ?? 0;
    const allocatable = Math.min(child.limit, Math.max(child.guarantee, share));
    if (share !== child.fairShare || allocatable !== child.allocatableShare) changed = true;
    child.fairShare = share;
    child.allocatableShare = allocatable;
    if (divideBelow(child)) changed = true;
  });
  return changed;
}

/** What stops a request at a queue or one above it. */
export interface Stop {
  readonly kind: 'limit' | 'guarantee';
  readonly at: QueueNode;
}

/**
 * Checks limit and guarantee at a queue and all above it: held + request ≤ limit; not preemptible also
 * held not preemptible + request ≤ guarantee.
 * @param counting for a `bind`: with what still leaves, and with all promises; to bind what was `promised`: with what
 * still leaves, or with all promises, whichever is more; for a `promise`: as it will be when all has left
 * @returns the lowest queue that stops it, null = none does
 */
export function findStop(
  queue: QueueNode,
  requestGpus: number,
  preemptible: boolean,
  counting: 'bind' | 'promised' | 'promise',
): Stop | null {
  if (requestGpus === 0) return null;
  for (let at: QueueNode | null = queue; at !== null && at.parent !== null; at = at.parent) {
    if (count(at.held, at.leaving, at.claimed, counting) + requestGpus > at.limit) return { kind: 'limit', at };
    if (preemptible) continue;
    const fixed = count(at.heldNotPreemptible, at.leavingNotPreemptible, at.claimedNotPreemptible, counting);
    if (fixed + requestGpus > at.guarantee) return { kind: 'guarantee', at };
  }
  return null;
}

function count(held: number, leaving: number, claimed: number, counting: 'bind' | 'promised' | 'promise'): number {
  switch (counting) {
    case 'bind':
      return held + claimed;
    case 'promised':
      return Math.max(held, held - leaving + claimed);
    case 'promise':
      return held - leaving + claimed;
  }
}

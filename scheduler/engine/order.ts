// Whose turn it is: the order of queues, the order of work in a queue, and the walk over the tree that gives the next
// group to try. Source of the order: KAI Scheduler, plugins/proportion/queue_order, with GPUs as the only resource.
import { type Compare, heapify, removeFirst, siftFirst } from './heap.js';
import { compareNames } from './nodes.js';
import { charged, type QueueNode } from './queues.js';
import { type Group, isBefore, nextMember } from './shapes.js';

/**
 * The order in which sibling queues are served, each with its next workload: stays within its fair share; starved (still
 * within its guarantee with the next workload); higher priority; one that has a share at all; less of its share used,
 * then less with the next workload; smaller share; older; name.
 */
export const compareForService: Compare<QueueNode> = (a, b) => {
  const usedA = charged(a);
  const usedB = charged(b);
  const withA = usedA + a.nextRequest;
  const withB = usedB + b.nextRequest;
  return (
    Number(withA > a.fairShare) - Number(withB > b.fairShare) ||
    Number(withA > a.guarantee) - Number(withB > b.guarantee) ||
    b.priority - a.priority ||
    Number(a.allocatableShare === 0) - Number(b.allocatableShare === 0) ||
    compareRatios(usedA, a.allocatableShare, usedB, b.allocatableShare) ||
    compareRatios(withA, a.allocatableShare, withB, b.allocatableShare) ||
    a.allocatableShare - b.allocatableShare ||
    compareAge(a, b)
  );
};

/** The order in which sibling queues give, of those that may: the reverse, without a next workload. */
export const compareForGiving: Compare<QueueNode> = (a, b) => {
  const usedA = charged(a);
  const usedB = charged(b);
  return (
    a.priority - b.priority ||
    Number(b.allocatableShare === 0) - Number(a.allocatableShare === 0) ||
    compareRatios(usedB, b.allocatableShare, usedA, a.allocatableShare) ||
    b.allocatableShare - a.allocatableShare ||
    compareAge(b, a)
  );
};

/** Inside a queue: higher priority, then the older submission of the next in line, then the lower number. */
export const compareGroups: Compare<Group> = (a, b) => {
  if (a.priority !== b.priority) return b.priority - a.priority;
  const memberA = nextMember(a);
  const memberB = nextMember(b);
  if (memberA === null || memberB === null) return Number(memberA === null) - Number(memberB === null);
  return isBefore(memberA, memberB) ? -1 : 1;
};

/** Compares a/shareA with b/shareB; both shares zero: by use. */
function compareRatios(a: number, shareA: number, b: number, shareB: number): number {
  if (shareA === 0 || shareB === 0) return a - b;
  // Cross-multiplied; an infinite share (no limit, all the world guaranteed) counts as unused.
  if (shareA === Infinity || shareB === Infinity) return (shareA === Infinity ? 0 : a) - (shareB === Infinity ? 0 : b);
  return a * shareB - b * shareA;
}

function compareAge(a: QueueNode, b: QueueNode): number {
  return a.createdMs - b.createdMs || compareNames(a.name, b.name);
}

/**
 * Gives groups in order: down the tree by `compareForService`, in the queue by `compareGroups`. May assume that between
 * two calls only figures on the path of the last group changed; call `refresh` when others did.
 */
export class Walk {
  readonly #root: QueueNode;

  constructor(root: QueueNode, queues: Iterable<readonly [QueueNode, Group[]]>) {
    this.#root = root;
    root.turns = [];
    root.turnGroups = [];
    const seen = new Set<QueueNode>([root]);
    for (const [queue, groups] of queues) {
      this.#enter(queue, seen);
      queue.turnGroups = groups.filter((group) => nextMember(group) !== null);
      heapify(queue.turnGroups, compareGroups);
    }
    this.refresh();
  }

  /** The group whose turn it is, null at the end. */
  next(): Group | null {
    const [group] = this.#descend().turnGroups;
    return group ?? null;
  }

  /** To be called after the group that `next` gave was tried: does it stay, with its next member? */
  advance(stays: boolean): void {
    const queue = this.#descend();
    const [group] = queue.turnGroups;
    if (group === undefined) return;
    if (stays && nextMember(group) !== null) siftFirst(queue.turnGroups, compareGroups);
    else removeFirst(queue.turnGroups, compareGroups);
    this.#settleNext(queue);
    for (let at = queue; at.parent !== null; at = at.parent) {
      if (hasTurn(at)) siftFirst(at.parent.turns, compareForService);
      else removeFirst(at.parent.turns, compareForService);
      this.#settleNext(at.parent);
    }
  }

  /** Puts everything in order again. Cost: linear in the queues that have a turn. */
  refresh(): void {
    this.#refresh(this.#root);
  }

  #refresh(queue: QueueNode): void {
    for (const child of queue.turns) this.#refresh(child);
    queue.turns = queue.turns.filter(hasTurn);
    heapify(queue.turns, compareForService);
    this.#settleNext(queue);
  }

  #enter(queue: QueueNode, seen: Set<QueueNode>): void {
    const entered: QueueNode[] = [];
    for (let at: QueueNode | null = queue; at !== null && !seen.has(at); at = at.parent) {
      seen.add(at);
      at.turns = [];
      at.turnGroups = [];
      entered.push(at);
    }
    for (const at of entered) at.parent?.turns.push(at);
  }

  #descend(): QueueNode {
    let at = this.#root;
    while (at.turnGroups.length === 0) {
      const [first] = at.turns;
      if (first === undefined) break;
      at = first;
    }
    return at;
  }

  #settleNext(queue: QueueNode): void {
    queue.nextRequest = queue.turnGroups[0]?.shape.requestGpus ?? queue.turns[0]?.nextRequest ?? 0;
  }
}

function hasTurn(queue: QueueNode): boolean {
  return queue.turnGroups.length > 0 || queue.turns.length > 0;
}

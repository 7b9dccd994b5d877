// Whose turn it is: the order of queues, the order of work in a queue, and the walk over the tree that gives the next
// group to try. Source of the order: KAI Scheduler, plugins/proportion/queue_order.
import { type Amounts, at, NOTHING, RESOURCES, sameAmounts } from './amounts.js';
import { type Compare, heapify, removeFirst, siftFirst } from './heap.js';
import { compareNames } from './nodes.js';
import { dominantShare, isWithin, type QueueNode } from './queues.js';
import { type Group, isBefore, nextMember } from './shapes.js';

/**
 * The order in which sibling queues are served, each with its next workload: starved (still within its guarantee with
 * the next workload); higher priority; asks for nothing that it has no share of; smaller dominant
 * share with the next workload, then without; smaller share; older; name.
 */
export function compareForService(a: QueueNode, b: QueueNode): number {
  return (
    Number(b.isStarved) - Number(a.isStarved) ||
    b.priority - a.priority ||
    Number(a.usesWithoutShare) - Number(b.usesWithoutShare) ||
    a.shareWithNext - b.shareWithNext ||
    a.shareAlone - b.shareAlone ||
    compareShares(a, b) ||
    compareAge(a, b)
  );
}

/** Works out what the order of service looks at, for what a queue is charged with now and its next workload. */
export function rateForService(queue: QueueNode, next: Amounts, capacity: Amounts): void {
  queue.nextRequest = next;
  queue.isStarved = isWithin(queue, next, queue.guarantee);
  queue.usesWithoutShare = usesWithoutShare(queue, next);
  queue.shareWithNext = dominantShare(queue, next, capacity);
  queue.shareAlone = dominantShare(queue, NOTHING, capacity);
}

/** The order in which sibling queues give, of those that may: the reverse, without a next workload. */
export function compareForGiving(a: QueueNode, b: QueueNode, capacity: Amounts): number {
  return (
    a.priority - b.priority ||
    Number(usesWithoutShare(b, NOTHING)) - Number(usesWithoutShare(a, NOTHING)) ||
    dominantShare(b, NOTHING, capacity) - dominantShare(a, NOTHING, capacity) ||
    compareShares(b, a) ||
    compareAge(b, a)
  );
}

/**
 * Inside a queue: higher priority, with what was gained by waiting; gangs that wait, then workloads with just their core,
 * then those with more; then the older
 * submission of the next in line, then the lower number.
 */
export const compareGroups: Compare<Group> = (a, b) => {
  if (a.order !== b.order) return b.order - a.order;
  const byTier = tierOf(a) - tierOf(b);
  if (byTier !== 0) return byTier;
  const memberA = nextMember(a);
  const memberB = nextMember(b);
  if (memberA === null || memberB === null) return Number(memberA === null) - Number(memberB === null);
  if (memberA === memberB) return (a.surplus?.role ?? 0) - (b.surplus?.role ?? 0);
  return isBefore(memberA, memberB) ? -1 : 1;
};

function tierOf({ surplus, cursor }: Group): number {
  if (surplus === null || surplus.beyondCore < 0) return 0;
  return surplus.beyondCore + cursor === 0 ? 1 : 2;
}

function usesWithoutShare(queue: QueueNode, more: Amounts): boolean {
  for (let resource = 0; resource < RESOURCES; resource++) {
    if (at(queue.allocatableShare, resource) === 0 && at(queue.charged, resource) + at(more, resource) > 0) return true;
  }
  return false;
}

/** The one that may have less of something and more of nothing comes first. */
function compareShares(a: QueueNode, b: QueueNode): number {
  if (sameAmounts(a.allocatableShare, b.allocatableShare)) return 0;
  let less = false;
  let more = false;
  for (let resource = 0; resource < RESOURCES; resource++) {
    const difference = at(a.allocatableShare, resource) - at(b.allocatableShare, resource);
    if (difference < 0) less = true;
    if (difference > 0) more = true;
  }
  return less === more ? 0 : less ? -1 : 1;
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

  /**
   * To be called after the group that `next` gave was tried: does it stay, with its next member?
   * @param more groups of the same queue that have their turn from now on
   */
  advance(stays: boolean, more: readonly Group[] = []): void {
    const queue = this.#descend();
    const [group] = queue.turnGroups;
    if (group === undefined) return;
    if (stays && nextMember(group) !== null) siftFirst(queue.turnGroups, compareGroups);
    else removeFirst(queue.turnGroups, compareGroups);
    if (more.length > 0) {
      queue.turnGroups.push(...more.filter((each) => nextMember(each) !== null));
      heapify(queue.turnGroups, compareGroups);
    }
    this.#settleNext(queue);
    for (let each = queue; each.parent !== null; each = each.parent) {
      if (hasTurn(each)) siftFirst(each.parent.turns, compareForService);
      else removeFirst(each.parent.turns, compareForService);
      this.#settleNext(each.parent);
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
    for (let each: QueueNode | null = queue; each !== null && !seen.has(each); each = each.parent) {
      seen.add(each);
      each.turns = [];
      each.turnGroups = [];
      entered.push(each);
    }
    for (const each of entered) each.parent?.turns.push(each);
  }

  #descend(): QueueNode {
    let each = this.#root;
    while (each.turnGroups.length === 0) {
      const [first] = each.turns;
      if (first === undefined) break;
      each = first;
    }
    return each;
  }

  #settleNext(queue: QueueNode): void {
    const next = queue.turnGroups[0]?.shape.charge ?? queue.turns[0]?.nextRequest ?? NOTHING;
    if (queue.parent === null) queue.nextRequest = next;
    else rateForService(queue, next, this.#root.fairShare);
  }
}

function hasTurn(queue: QueueNode): boolean {
  return queue.turnGroups.length > 0 || queue.turns.length > 0;
}

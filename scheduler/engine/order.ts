// Whose turn it is: the order of queues, the order of work in a queue, and the walk over the tree that gives the next
// group to try. Source of the order: KAI Scheduler, plugins/proportion/queue_order.
import { type Amounts, at, NOTHING, RESOURCES, sameAmounts } from './amounts.js';
import { type Compare, heapify, removeFirst, siftFirst } from './heap.js';
import { compareNames } from './nodes.js';
import { dominantShare, isWithin, type QueueNode, shareOfScope } from './queues.js';
import { NO_SHAPE_WANTS, type Scope, type Scopes, type ShapeWant } from './scopes.js';
import { type Group, isBefore, nextMember } from './shapes.js';

/**
 * The order in which sibling queues are served, each with its next workload: starved (still within its guarantee with
 * the next workload, first of a part of the cluster, then of the whole); higher priority; asks for nothing that it has no share of; smaller dominant
 * share with the next workload, then without; smaller share; older; name.
 */
export function compareForService(a: QueueNode, b: QueueNode): number {
  return (
    b.urgency - a.urgency ||
    b.priority - a.priority ||
    Number(a.usesWithoutShare) - Number(b.usesWithoutShare) ||
    a.shareWithNext - b.shareWithNext ||
    a.shareAlone - b.shareAlone ||
    compareShares(a, b) ||
    compareAge(a, b)
  );
}

/**
 * Works out what the order of service looks at, for what a queue is charged with now and its next workload.
 * @param wants what that asks for of parts of the cluster; its share of those that it can do nothing without counts, too
 */
export function rateForService(
  queue: QueueNode,
  next: Amounts,
  capacity: Amounts,
  wants: readonly ShapeWant[] = NO_SHAPE_WANTS,
): void {
  queue.nextRequest = next;
  queue.nextWants = wants;
  queue.urgency = isWithin(queue, next, queue.guarantee) ? 1 : 0;
  queue.usesWithoutShare = usesWithoutShare(queue, next);
  queue.shareWithNext = dominantShare(queue, next, capacity);
  queue.shareAlone = dominantShare(queue, NOTHING, capacity);
  for (const { scope, parts, isBound } of wants) {
    const account = queue.scopes[scope.index];
    if (account === undefined) continue;
    if (account.guarantee > 0 && account.charged + parts <= account.guarantee) queue.urgency = 2;
    if (!isBound) continue;
    if (account.allocatableShare === 0) queue.usesWithoutShare = true;
    queue.shareWithNext = Math.max(queue.shareWithNext, shareOfScope(account, parts));
    queue.shareAlone = Math.max(queue.shareAlone, shareOfScope(account, 0));
  }
}

/**
 * The order in which sibling queues give, of those that may: the reverse, without a next workload.
 * @param scope the part of the cluster of which GPUs are taken; null = of the whole
 */
export function compareForGiving(a: QueueNode, b: QueueNode, capacity: Amounts, scope: Scope | null = null): number {
  return (
    a.priority - b.priority ||
    (scope === null ? 0 : shareOfPart(b, scope) - shareOfPart(a, scope)) ||
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

function shareOfPart({ scopes }: QueueNode, { index }: Scope): number {
  const account = scopes[index];
  return account === undefined ? 0 : shareOfScope(account, 0);
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
  readonly #scopes: Scopes;

  constructor(root: QueueNode, scopes: Scopes, queues: Iterable<readonly [QueueNode, Group[]]>) {
    this.#root = root;
    this.#scopes = scopes;
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
    else rateForService(queue, next, this.#root.fairShare, this.#nextWants(queue));
  }

  #nextWants({ turnGroups, turns }: QueueNode): readonly ShapeWant[] {
    if (this.#scopes.isNone) return NO_SHAPE_WANTS;
    const [group] = turnGroups;
    return group ? this.#scopes.wantsOfShape(group.shape) : (turns[0]?.nextWants ?? NO_SHAPE_WANTS);
  }
}

function hasTurn(queue: QueueNode): boolean {
  return queue.turnGroups.length > 0 || queue.turns.length > 0;
}

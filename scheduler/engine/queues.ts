// The queue tree as the engine sees it: the rules of each queue, what it holds, what waits in it. Sums are kept for the
// whole path up to the root, so a check reads one number a level. May assume that only leaves hold workloads, but does
// not break where an inner queue does.
import type { QueueName } from '../../common/ids.js';
import { stopsBorrowing } from '../model/budgets.js';
import type { Queue } from '../model/records.js';
import { GPU_PARTS, toParts } from '../model/requests.js';
import { addTo, type Amounts, amounts, at, CPU, GPU, isNothing, MEMORY, NOTHING, RESOURCES } from './amounts.js';
import { divide } from './fair-share.js';
import type { PastUse } from './past-use.js';
import { RoomWaits } from './room-waits.js';
import type { RunningShelf } from './running.js';
import { NO_SHAPE_WANTS, type Scope, type ScopeAccount, type ShapeWant } from './scopes.js';
import type { Group } from './shapes.js';
import { StuckShelf } from './stuck.js';

/** A queue, or the root above all of them. All amounts include the queues below. */
export interface QueueNode {
  readonly name: QueueName;
  /** Null while only workloads have named it: then it may hold nothing. */
  record: Queue | null;
  /** Null for the root and for what is not in the tree. */
  parent: QueueNode | null;
  readonly children: QueueNode[];
  /** Infinity = as much as there is. */
  readonly guarantee: Amounts;
  /** Infinity = none. */
  readonly limit: Amounts;
  /** Its budget is spent, and it may not borrow: its limit of GPUs is no higher than what it is guaranteed. */
  isHeldToGuarantee: boolean;
  weight: number;
  priority: number;
  createdMs: number;
  /** The most GPU parts one user may hold; Infinity = no limit. What each holds is counted only where there is one. */
  userLimit: number;
  readonly heldByUser: Map<string, number>;
  /** Who is charged here, as one object each. */
  readonly accounts: Map<string, Account>;

  /** In allocations that are not released. */
  readonly held: Amounts;
  readonly heldFixed: Amounts;
  /** The part of `held` whose holders were told to stop or are over. */
  readonly leaving: Amounts;
  readonly leavingFixed: Amounts;
  /** Promised to workloads. */
  readonly claimed: Amounts;
  readonly claimedFixed: Amounts;
  /** What it will hold when all that leaves has left and all promises are kept: held - leaving + claimed. */
  readonly charged: Amounts;
  /** Asked for by pending work. */
  readonly pending: Amounts;
  /** Asked for by everything that runs or wants to: what fair shares are cut to. */
  readonly demand: Amounts;
  /** The demand here and below, cut to the limits. */
  readonly requestable: Amounts;
  /** By the last division. */
  readonly fairShare: Amounts;
  /** min(limit, max(guarantee, fair share)): what nobody takes from it, unless to meet a guarantee. */
  readonly allocatableShare: Amounts;
  /** Its accounts of parts of the cluster, by their indexes (see `Scopes`); empty where no queue names a part. */
  scopes: readonly ScopeAccount[];
  /** GPU parts that it is guaranteed in all: of the whole, or of parts that have no GPU in common, whichever is more. */
  promised: number;
  /** Of what it is guaranteed of parts, what it asks for; and what it asks for there in vain, beyond a limit. */
  entitled: number;
  beyondLimits: number;
  /** When, by the view's clock of changes, it was last charged with less. */
  relievedAt: number;

  /** Pending groups of this queue itself, by key. */
  readonly groups: Map<string, Group>;
  /** Those to look at in the next step. */
  readonly active: Set<Group>;
  /** Those that did not fit but might by taking GPUs back. */
  readonly stuck: StuckShelf;
  /** Of these, who waits for GPUs and nothing else. */
  readonly roomWaits: RoomWaits;
  /** No stuck group has a higher priority. */
  stuckPriority: number;
  /** Groups of queues here or below that this queue's limit or guarantee stopped. */
  readonly stopped: Set<Group>;
  /** Preemptible running work of this queue itself. */
  readonly running: RunningShelf;
  /** How many units that may be taken stand on the shelves here and below. */
  victims: number;

  /** Scratch of the walk in order: what is below and has work to try, best first. */
  turns: QueueNode[];
  turnGroups: Group[];
  /** What its next workload asks for, of the whole and of parts of the cluster. */
  nextRequest: Amounts;
  nextWants: readonly ShapeWant[];
  /** Worked out from it once for many comparisons: see `rateForService`. 2 = within what it is guaranteed of a part, 1 = of the whole. */
  urgency: 0 | 1 | 2;
  usesWithoutShare: boolean;
  shareWithNext: number;
  shareAlone: number;
  /** Scratch of searches for victims, by number: which was refused, has this on its path. */
  refusedBy: number;
  onPathOf: number;
}

/** A queue about which nothing is known yet: it may hold nothing. */
export function newQueueNode(name: QueueName): QueueNode {
  return {
    name,
    record: null,
    parent: null,
    children: [],
    guarantee: amounts(),
    limit: amounts(),
    isHeldToGuarantee: false,
    weight: 0,
    priority: 0,
    createdMs: 0,
    userLimit: Infinity,
    heldByUser: new Map(),
    accounts: new Map(),
    held: amounts(),
    heldFixed: amounts(),
    leaving: amounts(),
    leavingFixed: amounts(),
    claimed: amounts(),
    claimedFixed: amounts(),
    charged: amounts(),
    pending: amounts(),
    demand: amounts(),
    requestable: amounts(),
    fairShare: amounts(),
    allocatableShare: amounts(),
    scopes: [],
    promised: 0,
    entitled: 0,
    beyondLimits: 0,
    relievedAt: 0,
    groups: new Map(),
    active: new Set(),
    stuck: new StuckShelf(),
    roomWaits: new RoomWaits(),
    stuckPriority: -Infinity,
    stopped: new Set(),
    running: [],
    victims: 0,
    turns: [],
    turnGroups: [],
    nextRequest: NOTHING,
    nextWants: NO_SHAPE_WANTS,
    urgency: 0,
    usesWithoutShare: false,
    shareWithNext: 0,
    shareAlone: 0,
    refusedBy: 0,
    onPathOf: 0,
  };
}

/** The rules of a queue's record; without one it may hold nothing. */
export function setRules(queue: QueueNode, record: Queue | null): void {
  queue.record = record;
  queue.weight = record?.weight ?? 0;
  queue.priority = record?.priority ?? 0;
  queue.createdMs = record?.createdMs ?? 0;
  queue.userLimit = record === null || record.userLimitGpus === null ? Infinity : toParts(record.userLimitGpus);
  setAll(queue.guarantee, guaranteeOf(record));
  queue.promised = at(queue.guarantee, GPU);
  setLimit(queue);
}

/** Its own limit; while its spent budget keeps it from borrowing, no more GPUs than it is guaranteed. */
export function setLimit(queue: QueueNode): void {
  setAll(queue.limit, limitOf(queue.record));
  queue.isHeldToGuarantee = queue.record !== null && stopsBorrowing(queue.record);
  if (queue.isHeldToGuarantee) queue.limit[GPU] = Math.min(at(queue.limit, GPU), queue.promised);
}

/** Whether it is guaranteed more of parts of the cluster than of the whole. */
export function isPromisedMore({ promised, guarantee }: QueueNode): boolean {
  return promised > at(guarantee, GPU);
}

function guaranteeOf(record: Queue | null): Amounts {
  if (record === null) return amounts();
  return amounts(
    boundedParts(record.guaranteeGpus),
    record.guaranteeCpuMilli ?? Infinity,
    record.guaranteeMemoryMib ?? Infinity,
  );
}

function limitOf(record: Queue | null): Amounts {
  if (record === null) return amounts();
  return amounts(
    record.limitGpus === null ? Infinity : boundedParts(record.limitGpus),
    record.limitCpuMilli ?? Infinity,
    record.limitMemoryMib ?? Infinity,
  );
}

function boundedParts(gpus: number): number {
  return Number.isFinite(gpus) ? toParts(gpus) : Infinity;
}

function setAll(to: Amounts, from: Amounts): void {
  for (let resource = 0; resource < RESOURCES; resource++) to[resource] = at(from, resource);
}

/** Who is charged: a queue, whether its work may be taken, and the user. */
export interface Account {
  readonly queue: QueueNode | null;
  readonly preemptible: boolean;
  readonly owner: string;
}

/** Adds to what a queue and all above it hold. */
export function addHeld({ queue, preemptible, owner }: Account, part: Amounts, sign: number): void {
  for (let each = queue; each !== null; each = each.parent) {
    addTo(each.held, part, sign);
    addTo(each.charged, part, sign);
    if (!preemptible) addTo(each.heldFixed, part, sign);
    if (each.userLimit !== Infinity) countUser(each, owner, part, sign);
  }
}

/** Adds to the part of it that leaves. */
export function addLeaving({ queue, preemptible }: Account, part: Amounts, sign: number): void {
  for (let each = queue; each !== null; each = each.parent) {
    addTo(each.leaving, part, sign);
    addTo(each.charged, part, -sign);
    if (!preemptible) addTo(each.leavingFixed, part, sign);
  }
}

/** Adds to what is promised to a queue and all above it. */
export function addClaimed({ queue, preemptible, owner }: Account, part: Amounts, sign: number): void {
  for (let each = queue; each !== null; each = each.parent) {
    addTo(each.claimed, part, sign);
    addTo(each.charged, part, sign);
    if (!preemptible) addTo(each.claimedFixed, part, sign);
    if (each.userLimit !== Infinity) countUser(each, owner, part, sign);
  }
}

function countUser(queue: QueueNode, owner: string, part: Amounts, sign: number): void {
  const parts = (queue.heldByUser.get(owner) ?? 0) + sign * at(part, GPU);
  if (parts === 0) queue.heldByUser.delete(owner);
  else queue.heldByUser.set(owner, parts);
}

/** Adds to what a queue and all above it ask for. */
export function addDemand(queue: QueueNode | null, demand: Amounts, pending: Amounts, sign: number): void {
  for (let each = queue; each !== null; each = each.parent) {
    addTo(each.demand, demand, sign);
    addTo(each.pending, pending, sign);
  }
}

/** A queue and those above it, the lowest first, up to the first that another one is, or is below. */
export function pathBeside(queue: QueueNode, other: QueueNode): readonly QueueNode[] {
  const above = new Set<QueueNode>();
  for (let each: QueueNode | null = other; each !== null; each = each.parent) above.add(each);
  const path: QueueNode[] = [];
  for (let each: QueueNode | null = queue; each !== null && !above.has(each); each = each.parent) path.push(each);
  return path;
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

const SUMS = [
  'held',
  'heldFixed',
  'leaving',
  'leavingFixed',
  'claimed',
  'claimedFixed',
  'charged',
  'pending',
  'demand',
] as const;

function addSums(to: QueueNode, of: QueueNode, sign: 1 | -1): void {
  for (let each: QueueNode | null = to; each !== null; each = each.parent) {
    for (const sum of SUMS) addTo(each[sum], of[sum], sign);
    each.victims += sign * of.victims;
    if (each.userLimit !== Infinity && of.userLimit !== Infinity) {
      for (const [owner, parts] of of.heldByUser) countUser(each, owner, amounts(parts), sign);
    }
  }
}

/** What the last division gave a queue, of the whole and of parts of the cluster. */
export interface Shares {
  readonly fairShare: Amounts;
  readonly allocatableShare: Amounts;
  readonly requestable: Amounts;
  readonly entitled: number;
  readonly beyondLimits: number;
  readonly ofParts: readonly Pick<ScopeAccount, (typeof SHARES_OF_PART)[number]>[];
}

const SHARES_OF_PART = ['fairShare', 'allocatableShare', 'requestable', 'boundRequestable'] as const;

/** Takes down what the last division gave it. */
export function sharesOf(queue: QueueNode): Shares {
  const { fairShare, allocatableShare, requestable, entitled, beyondLimits, scopes } = queue;
  return {
    fairShare: fairShare.slice(),
    allocatableShare: allocatableShare.slice(),
    requestable: requestable.slice(),
    entitled,
    beyondLimits,
    ofParts: scopes.map((account) => ({ ...account })),
  };
}

/** Gives it that again. May assume that the same parts are named. */
export function setShares(queue: QueueNode, shares: Shares): void {
  for (const share of ['fairShare', 'allocatableShare', 'requestable'] as const) setAll(queue[share], shares[share]);
  queue.entitled = shares.entitled;
  queue.beyondLimits = shares.beyondLimits;
  shares.ofParts.forEach((ofPart, index) => {
    const account = queue.scopes[index];
    for (const share of SHARES_OF_PART) if (account !== undefined) account[share] = ofPart[share];
  });
}

/** What counts as a whole one when surplus is dealt: a GPU, a thousandth of a core, a MiB. */
const UNITS = [GPU_PARTS, 1, 1] as const;

/**
 * Divides what there is over the whole tree, top-down, each resource by itself. A resource of which no queue rules
 * anything is not divided: everybody may have all of it. Cost: one pass over the queues.
 * @param pastUse what counts against queues in dealing surplus GPUs; null = nothing does
 * @returns whether any share changed
 */
export function divideTree(root: QueueNode, capacity: Amounts, pastUse: PastUse | null): boolean {
  for (const child of root.children) sumRequestable(child);
  setAll(root.fairShare, capacity);
  let changed = false;
  for (let resource = 0; resource < RESOURCES; resource++) {
    const isRuled = resource === GPU || root.children.some((child) => rules(child, resource));
    if (isRuled ? divideBelow(root, resource, pastUse) : leaveOpen(root, resource)) changed = true;
  }
  return changed;
}

/** A queue can use what it and those below hold and ask for, each cut to its own limit. */
function sumRequestable(queue: QueueNode): void {
  for (const child of queue.children) sumRequestable(child);
  for (let resource = 0; resource < RESOURCES; resource++) {
    let wanted = at(queue.demand, resource);
    for (const child of queue.children) wanted += at(child.requestable, resource) - at(child.demand, resource);
    if (resource === GPU) wanted -= queue.beyondLimits;
    queue.requestable[resource] = Math.min(at(queue.limit, resource), wanted);
  }
}

function rules(queue: QueueNode, resource: number): boolean {
  if (queue.record === null) return false;
  if (at(queue.guarantee, resource) !== Infinity || at(queue.limit, resource) !== Infinity) return true;
  return queue.children.some((child) => rules(child, resource));
}

function leaveOpen(queue: QueueNode, resource: number): boolean {
  let changed = false;
  for (const child of queue.children) {
    if (setShare(child, resource, Infinity)) changed = true;
    if (leaveOpen(child, resource)) changed = true;
  }
  return changed;
}

function divideBelow(queue: QueueNode, resource: number, pastUse: PastUse | null): boolean {
  const { children } = queue;
  if (children.length === 0) return false;
  const claimants = children.map((child) => ({
    guarantee: Math.max(at(child.guarantee, resource), resource === GPU ? child.entitled : 0),
    requestable: at(child.requestable, resource),
    weight: resource === GPU ? child.weight : 1,
    priority: child.priority,
    createdMs: child.createdMs,
    name: child.name,
  }));
  const counts = resource === GPU && pastUse !== null;
  const usages = counts ? { of: children.map(({ name }) => pastUse.of(name)), weight: pastUse.weight } : null;
  const shares = divide(at(queue.fairShare, resource), claimants, UNITS[resource], usages);
  let changed = false;
  children.forEach((child, index) => {
    if (setShare(child, resource, shares[index] ?? 0)) changed = true;
    if (divideBelow(child, resource, pastUse)) changed = true;
  });
  return changed;
}

function setShare(queue: QueueNode, resource: number, share: number): boolean {
  const most = Math.max(at(queue.guarantee, resource), share);
  const allocatable = Math.min(at(queue.limit, resource), most);
  const changed = share !== queue.fairShare[resource] || allocatable !== queue.allocatableShare[resource];
  queue.fairShare[resource] = share;
  queue.allocatableShare[resource] = allocatable;
  return changed;
}

/**
 * The largest part of a resource's share that a queue would use with `more`: what it is charged with, divided by its
 * allocatable share (by all there is, where that has no bound). Use without a share weighs a thousandfold.
 */
export function dominantShare(queue: QueueNode, more: Amounts, capacity: Amounts): number {
  let dominant = 0;
  for (let resource = 0; resource < RESOURCES; resource++) {
    const used = at(queue.charged, resource) + at(more, resource);
    if (used === 0) continue;
    const share = Math.min(at(queue.allocatableShare, resource), Number.MAX_VALUE);
    const whole = share === Number.MAX_VALUE ? at(capacity, resource) : share;
    if (whole === 0 && share === Number.MAX_VALUE) continue;
    const part = whole === 0 ? (used / (UNITS[resource] ?? 1)) * 1_000 : used / whole;
    if (part > dominant) dominant = part;
  }
  return dominant;
}

/** The same of a part of the cluster. */
export function shareOfScope({ charged, allocatableShare }: ScopeAccount, more: number): number {
  const used = charged + more;
  if (used === 0) return 0;
  return allocatableShare === 0 ? (used / GPU_PARTS) * 1_000 : used / allocatableShare;
}

/** Whether what a queue is charged with, and `more`, stays within an amount, resource by resource. */
export function isWithin(queue: QueueNode, more: Amounts, bound: Amounts): boolean {
  return (
    at(queue.charged, GPU) + at(more, GPU) <= at(bound, GPU) &&
    at(queue.charged, CPU) + at(more, CPU) <= at(bound, CPU) &&
    at(queue.charged, MEMORY) + at(more, MEMORY) <= at(bound, MEMORY)
  );
}

/** Whether a queue is charged with more than an amount in at least one resource. */
export function exceeds(queue: QueueNode, bound: Amounts): boolean {
  return !isWithin(queue, NOTHING, bound);
}

/** What stops a request at a queue or one above it. */
export interface Stop {
  readonly kind: 'limit' | 'guarantee' | 'user';
  readonly at: QueueNode;
  /** Of which resource. */
  readonly resource: number;
  /** Of which part of the cluster; null = of the whole. */
  readonly scope: Scope | null;
}

/** What others are guaranteed of a part comes free when they take it or others leave it, not by its own queue. */
export function endsAtQueue({ kind, scope }: Stop): boolean {
  return kind !== 'guarantee' || scope === null;
}

export type Counting = 'bind' | 'promised' | 'promise';

/**
 * Checks limit, guarantee and user's limit at a queue and all above it: held + request ≤ limit; not preemptible also
 * held not preemptible + request ≤ guarantee. A resource that is not asked for is not checked.
 * @param counting for a `bind`: with what still leaves, and with all promises; to bind what was `promised`: with what
 * still leaves, or with all promises, whichever is more; for a `promise`: as it will be when all has left
 * @returns the lowest queue that stops it, null = none does
 */
export function findStop({ queue, preemptible, owner }: Account, request: Amounts, counting: Counting): Stop | null {
  if (isNothing(request)) return null;
  for (let each = queue; each !== null && each.parent !== null; each = each.parent) {
    for (let resource = 0; resource < RESOURCES; resource++) {
      const asked = at(request, resource);
      if (asked === 0) continue;
      const limit = at(each.limit, resource);
      if (limit !== Infinity && count(each.held, each.leaving, each.claimed, resource, counting) + asked > limit) {
        return { kind: 'limit', at: each, resource, scope: null };
      }
      if (preemptible) continue;
      const fixed = count(each.heldFixed, each.leavingFixed, each.claimedFixed, resource, counting);
      const promised = resource === GPU ? each.promised : at(each.guarantee, resource);
      if (fixed + asked > promised) return { kind: 'guarantee', at: each, resource, scope: null };
    }
    if (each.userLimit !== Infinity && (each.heldByUser.get(owner) ?? 0) + at(request, GPU) > each.userLimit) {
      return { kind: 'user', at: each, resource: GPU, scope: null };
    }
  }
  return null;
}

/**
 * Whether limits may stop anybody of a queue who may be preempted and asks for so much or less.
 * @param most the most of each resource that any of them asks for
 */
export function mayStop(queue: QueueNode, most: Amounts): boolean {
  return limitsUsers(queue) || findStop({ queue, preemptible: true, owner: '' }, most, 'bind') !== null;
}

function count(held: Amounts, leaving: Amounts, claimed: Amounts, resource: number, counting: Counting): number {
  const now = at(held, resource);
  switch (counting) {
    case 'bind':
      return now + at(claimed, resource);
    case 'promised':
      return Math.max(now, now - at(leaving, resource) + at(claimed, resource));
    case 'promise':
      return now - at(leaving, resource) + at(claimed, resource);
  }
}

/** Whether a queue or one above it limits what one user may hold. */
export function limitsUsers(queue: QueueNode): boolean {
  for (let each: QueueNode | null = queue; each !== null; each = each.parent) {
    if (each.userLimit !== Infinity) return true;
  }
  return false;
}

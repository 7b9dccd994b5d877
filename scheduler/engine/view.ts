// The cluster as the engine sees it: the model's records, filed so that a step finds what it needs at once. Follows the
// model by record changes in any order and holds no truth of its own beyond a memo of what was tried in vain.
// After each `apply` all sums, indexes and lists are true; what a step tries out it takes back (see trial.ts).
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { stopsBorrowing } from '../model/budgets.js';
import { isDone, MAX_FALSE_STARTS } from '../model/elastic.js';
import type { Allocation, Claim, ClusterNode, Queue, QueueScope, RecordChange, Workload } from '../model/records.js';
import { GPU_PARTS, toGpus } from '../model/requests.js';
import {
  addTo,
  type Amounts,
  amounts,
  at,
  CPU,
  GPU,
  isNothing,
  MEMORY,
  NOTHING,
  sameAmounts,
  sharedAmounts,
  times,
} from './amounts.js';
import { AskTable } from './asks.js';
import { CellLedger, claimKey } from './cell-ledger.js';
import type { NodeLiveness, QueueShare, ResourceShare, ScopeShare, ShapeStanding } from './decisions.js';
import { type NodeEntry, NodeTable, sameHardware, type Slot } from './nodes.js';
import { PastUse } from './past-use.js';
import type { Reach } from './reach.js';
import { DEFAULT_POLICY, type EnginePolicy } from './policy.js';
import { RequestMixes } from './request-mixes.js';
import { Reservations } from './reservations.js';
import {
  type Account,
  addClaimed,
  addDemand,
  addHeld,
  addLeaving,
  type Counting,
  divideTree,
  endsAtQueue,
  exceeds,
  findStop,
  graft,
  pathBeside,
  limitsUsers,
  newQueueNode,
  type QueueNode,
  setLimit,
  setRules,
  type Stop,
} from './queues.js';
import { shelve, unshelve, type VictimUnit } from './running.js';
import { ScopeRoom } from './scope-room.js';
import { divideScopes } from './scope-shares.js';
import { isNamed, Scopes } from './scopes.js';
import {
  type Block,
  enterGroup,
  type Group,
  groupKey,
  leaveGroup,
  mayFit,
  newGroup,
  nextMember,
  settleShape,
  type Shape,
  ShapeTable,
  watch,
} from './shapes.js';
import {
  type AllocationEntry,
  hasTaskThatIsOver,
  type HeldClaim,
  isElastic,
  newPlace,
  recordedEndMs,
  type TaskPlace,
  UNKNOWN_MS,
  type WorkloadEntry,
} from './workloads.js';

/** What a view has yet to work out: see `unsettled`. */
export interface Unsettled {
  readonly sharesStale: boolean;
  readonly sharedCapacity: Amounts;
  readonly scopesStale: boolean;
  readonly demandStamp: number;
  readonly classesStamp: number;
}

const ROOT_NAME = '(root)' as QueueName;
const NO_ALLOCATIONS: readonly AllocationEntry[] = [];
const NO_UNITS: readonly VictimUnit[] = [];
const NO_STANDINGS: readonly ShapeStanding[] = [];
const NO_GROUPS: readonly Group[] = [];
const NO_QUEUES: readonly QueueNode[] = [];
/** What stops a group that found no room, and was not kept out of a reserved place. */
const FOR_ROOM: Block = { kind: 'room', reservedFor: null };

/** The engine's view of the cluster. Create one, feed it every record change, and hand it to `step` and `explain`. */
export class ClusterView {
  readonly policy: EnginePolicy;
  /** For the engine's own files. */
  readonly nodes = new NodeTable();
  readonly shapes = new ShapeTable(new AskTable());
  readonly scopes = new Scopes(this.nodes);
  readonly queues = new Map<QueueName, QueueNode>();
  readonly root: QueueNode = newQueueNode(ROOT_NAME);
  readonly workloads = new Map<WorkloadNumber, WorkloadEntry>();
  readonly allocations = new Map<AllocationId, AllocationEntry>();

  /** Queues with groups to try, and with groups that might take GPUs back. */
  readonly activeQueues = new Set<QueueNode>();
  readonly stuckQueues = new Set<QueueNode>();
  /** Workloads with a claim, and those of them to be looked at. */
  readonly claimers = new Set<WorkloadEntry>();
  readonly claimsToCheck = new Set<WorkloadEntry>();
  /** Claims whose GPUs are all free while their queue still waits for others to leave. */
  readonly claimsWaitingForRoom = new Set<WorkloadEntry>();
  /** Running gangs with fewer tasks than they need, and when a step first saw it; null = none has. */
  readonly broken = new Map<WorkloadEntry, number | null>();

  /** When, by the clock of changes, everybody may have come to be able to take more. */
  structureAt = 0;
  /** The clock of changes when taking back last found nothing more to do; -1 = somebody got stuck since. */
  restedAt = -1;
  /** Numbers the searches for victims. */
  searches = 0;
  readonly reservations = new Reservations();
  /** The present, as the last step was told, milliseconds since 1970. */
  nowMs = 0;
  /** When something changes by itself with time; Infinity = nothing does. */
  wakeMs = Infinity;

  /** True while changes are fed that are not real: nothing is learned from them. */
  supposing = false;

  /** Who holds which GPUs by right; null = no queue is promised shapes, or that has yet to be worked out: see `settle`. */
  cells: CellLedger | null = null;
  readonly #queuesWithShapes = new Set<QueueName>();
  /** Nodes, shapes or guarantees changed since the ledger was made. */
  #cellsStale = false;

  /** Null = no pool is filled by the mix of requests. */
  readonly #mixes: RequestMixes | null;
  /** Null = past use does not count. */
  readonly #pastUse: PastUse | null;
  /** Queues with more room in their limits than when somebody last looked. */
  readonly roomChanged = new Set<QueueNode>();
  readonly #toShelve = new Set<WorkloadEntry>();
  readonly #onNode = new Map<NodeEntry, Set<AllocationEntry>>();
  /** Parts of held GPUs that no node names any more. */
  #ghostParts = 0;
  /** Workloads of which some task asks for a share by its memory: what that counts for depends on the GPUs there are. */
  readonly #byMemory = new Set<WorkloadEntry>();
  /** What their demand was counted by. */
  #demandStamp = -1;
  #sharesStale = true;
  readonly #sharedCapacity = amounts();
  #classesStamp = -1;
  #classesOfCells = -1;

  constructor(policy: EnginePolicy = DEFAULT_POLICY) {
    this.policy = policy;
    const { usageHalfLifeMs, usageWeight } = policy;
    this.#pastUse = usageHalfLifeMs === null || usageWeight === 0 ? null : new PastUse(usageHalfLifeMs, usageWeight);
    const placements = [policy.placement, ...Object.values(policy.placementOf)];
    this.#mixes = placements.includes('fragmentation') ? new RequestMixes() : null;
    for (const bounds of [this.root.guarantee, this.root.limit, this.root.allocatableShare]) bounds.fill(Infinity);
  }

  /** Follows one change of a record; collections the engine does not know are ignored. */
  apply(change: RecordChange): void {
    switch (change.collection) {
      case 'queues':
        return this.#applyQueue(change.key as QueueName, change.after);
      case 'nodes':
        return this.#applyNode(change.key as NodeId, change.after);
      case 'workloads':
        return this.#applyWorkload(change.before, change.after);
      case 'allocations':
        return this.#applyAllocation(change.key as AllocationId, change.after);
      case 'requests':
      case 'incidents':
      case 'usage':
      case 'notices':
      case 'meta':
        return;
    }
  }

  /** Says how the fleet sees a node. Nodes are `unknown` until told otherwise; only `ready` ones get new work. */
  setLiveness(node: NodeId, liveness: NodeLiveness): void {
    if (this.nodes.setLiveness(this.nodes.entry(node), liveness)) this.#placementChanged();
  }

  /** Parts of a GPU that a queue is guaranteed: of the whole cluster or, where that is more, of parts of it together. */
  promisedParts(name: QueueName): number {
    if (this.scopes.needsRecount) this.#recountScopes();
    return this.queues.get(name)?.promised ?? 0;
  }

  /** What each queue holds and may expect, in order of name. Cost: one pass over the queues. */
  queueShares(): readonly QueueShare[] {
    this.#settleCells();
    this.#settleShares();
    return [...this.queues.values()]
      .filter((queue) => queue.record !== null)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((queue) => {
        const [held, guarantee] = [at(queue.held, GPU), at(queue.guarantee, GPU)];
        const ofParts = queue.scopes.map((part) => Math.min(part.held, part.guarantee));
        const own = Math.max(guarantee, this.scopes.sumApart(ofParts));
        return {
          queue: queue.name,
          allocatedGpus: toGpus(held),
          borrowedGpus: toGpus(Math.max(0, held - own)),
          pendingGpus: toGpus(at(queue.pending, GPU)),
          fairShareGpus: toGpus(at(queue.fairShare, GPU)),
          unmetGuaranteeGpus: toGpus(Math.max(0, Math.min(guarantee, at(queue.requestable, GPU)) - held)),
          scopes: queue.record?.scopes.flatMap((part) => scopeShareOf(queue, part) ?? []) ?? [],
          cpuMilli: shareOf(queue, CPU),
          memoryMib: shareOf(queue, MEMORY),
          shapes: this.cells?.standings(queue) ?? NO_STANDINGS,
        };
      });
  }

  /** Brings everything that is worked out late up to date, and wakes what may now fit. The first thing in a step. */
  settle(nowMs: number): void {
    this.moveTo(nowMs);
    this.nodes.settle();
    this.fileShelves();
    if (this.claimsToCheck.size > 0) this.retakeClaims(this.claimsToCheck);
    this.nowMs = nowMs;
    if (this.#pastUse !== null && !this.supposing) this.#followUse(this.#pastUse, nowMs);
    this.#settleCells();
    this.#settleShares();
    this.#wakeShapes();
    this.#wakeQueues();
  }

  /** Follows what came and went, or makes the ledger of cells anew. Nothing where no queue is promised shapes. */
  #settleCells(): void {
    if (this.#queuesWithShapes.size === 0 && this.cells === null) return;
    if (this.#classesOfCells !== this.nodes.classesStamp) this.#cellsStale = true;
    if (this.#queuesWithShapes.size === 0) {
      this.cells = null;
    } else if (this.cells === null || this.#cellsStale || !this.cells.settle()) {
      this.cells = new CellLedger(this, this.cells);
    }
    if (this.cells?.hearOfLoans()) this.structureAt = ++this.nodes.clock;
    this.#cellsStale = false;
    this.#classesOfCells = this.nodes.classesStamp;
  }

  /** What has yet to be worked out, and from what the shares were. */
  unsettled(): Unsettled {
    return {
      sharesStale: this.#sharesStale,
      sharedCapacity: this.#sharedCapacity.slice(),
      scopesStale: this.scopes.needsRecount,
      demandStamp: this.#demandStamp,
      classesStamp: this.#classesStamp,
    };
  }

  /** Makes it that again; may assume that all records are as they were. */
  unsettle({ sharesStale, sharedCapacity, scopesStale, demandStamp, classesStamp }: Unsettled): void {
    if (!scopesStale && this.scopes.needsRecount) this.#recountScopes();
    else if (scopesStale) this.scopes.isStale = true;
    this.#sharesStale = sharesStale;
    this.#sharedCapacity.set(sharedCapacity);
    this.#demandStamp = demandStamp;
    this.#classesStamp = classesStamp;
  }

  /** Goes on with a ledger of its own, for suppositions. @returns how to go back to the one there was */
  supposeCells(): () => void {
    if (this.cells === null) {
      return () => {
        this.cells = null;
      };
    }
    this.#settleCells();
    const real = this.cells;
    const queues = [...this.queues.values()];
    this.cells = new CellLedger(this, real);
    return () => {
      this.cells = real;
      // What was in vain by the supposed books need not be by the real ones.
      this.structureAt = ++this.nodes.clock;
      this.#cellsStale = queues.some((queue) => this.queues.get(queue.name) !== queue);
      this.#classesOfCells = this.nodes.classesStamp;
    };
  }

  /** What time itself changes. */
  moveTo(nowMs: number): void {
    if (nowMs >= this.wakeMs) {
      this.structureAt = ++this.nodes.clock;
      this.wakeMs = Infinity;
    }
    if (this.nodes.setTime(nowMs)) this.#placementChanged();
  }

  /** Files what may be taken of workloads that changed. */
  fileShelves(): void {
    for (const workload of this.#toShelve) this.#reshelve(workload);
    this.#toShelve.clear();
  }

  /** Learns what is asked for from what came since it last did. To be called when nothing is left to decide. */
  learn(): void {
    if (!this.supposing) this.#mixes?.learn(this.nodes, this.workloads.values());
  }

  /** When shares may come to be others by themselves, which matters while somebody waits; Infinity = they do not. */
  get lookMs(): number {
    return this.#pastUse !== null && this.stuckQueues.size > 0 ? this.#pastUse.nextLookMs : Infinity;
  }

  #followUse(pastUse: PastUse, nowMs: number): void {
    const { nodes, queues } = this;
    if (pastUse.settle(queues, nodes.capacityParts + this.#ghostParts, nowMs)) this.#sharesStale = true;
  }

  /** What reading needs: shares and indexes as they are, without waking anybody. */
  settleForReading(): void {
    this.nodes.settle();
    this.#settleCells();
    this.#settleShares();
  }

  /** Something will be otherwise at this time without any event. */
  wakeAt(timeMs: number): void {
    this.wakeMs = Math.min(this.wakeMs, timeMs);
  }

  /** What stops a shape at a queue or above it wherever it may go: see `findStop`; of the whole first, then of parts. */
  findStop(account: Account, shape: Shape, counting: Counting): Stop | null {
    return findStop(account, shape.charge, counting) ?? this.roomOf(account, counting)?.findStop(shape) ?? null;
  }

  /** What parts of the cluster leave to whoever places something; null = no queue names any. */
  roomOf(account: Account, counting: Counting): ScopeRoom | null {
    return this.scopes.isNone ? null : new ScopeRoom(this.scopes, this.root, account, counting);
  }

  /** How long work of a queue may not be taken after its start: its own rule, else that of the nearest queue above. */
  minRuntimeOf(queue: QueueNode, kind: 'reclaim' | 'preempt'): number {
    for (let each: QueueNode | null = queue; each !== null; each = each.parent) {
      const own = kind === 'reclaim' ? each.record?.reclaimMinRuntimeMs : each.record?.preemptMinRuntimeMs;
      if (own !== null && own !== undefined) return Math.min(own, this.policy.maxMinRuntimeMs);
    }
    return 0;
  }

  /** When, by the clock of changes, a group last may have come to be able to take more. */
  changedAt({ shape, queue }: Group): number {
    return this.changedFor(shape.reach, queue);
  }

  /** The same for all groups of a queue with one reach. */
  changedFor(reach: Reach, queue: QueueNode): number {
    let latest = Math.max(this.structureAt, reach.gainedAt);
    for (let each: QueueNode | null = queue; each !== null; each = each.parent) {
      latest = Math.max(latest, each.relievedAt);
    }
    return latest;
  }

  /** Notes what stopped a group, and where to hear of a change. */
  block(group: Group, block: Block): void {
    if (!group.isFiled) return;
    group.block = block;
    const { queue, shape } = group;
    queue.active.delete(group);
    if (queue.active.size === 0) this.activeQueues.delete(queue);
    if (block.kind === 'room') {
      this.#watchRoom(group);
      this.#waitsForRoom(group);
      queue.roomWaits.add(group);
    } else {
      const isOfParts = !this.scopes.isNone && findStop(group, shape.charge, 'bind') === null;
      // It may go to several parts, each of which another queue on the way may keep it from: one that has room again is enough.
      group.stoppedAt = isOfParts ? pathBeside(queue, this.root) : [block.at];
      for (const each of group.stoppedAt) each.stopped.add(group);
      group.roomSinceMs = Infinity;
      // Once what leaves its queue has left it may start: it could be promised what comes free until then.
      const leaves = this.nodes.leavingTasks > 0 && this.findStop(group, shape, 'promise') === null;
      if (leaves || isOfParts) this.#watchRoom(group);
    }
    queue.stuck.add(group);
    queue.stuckPriority = Math.max(queue.stuckPriority, group.priority);
    this.stuckQueues.add(queue);
    this.restedAt = -1;
  }

  #watchRoom(group: Group): void {
    const { shape } = group;
    shape.waiting.add(group);
    if (shape.waiting.size === 1) watch(shape);
  }

  /** Its queue's rules do not stop it: its waiting counts, from now on if they did. */
  #waitsForRoom(group: Group): void {
    const { reserveAfterMs } = this.policy;
    if (group.roomSinceMs === Infinity) group.roomSinceMs = this.nowMs;
    if (reserveAfterMs === null || group.surplus !== null) return;
    const sinceMs = Math.max(nextMember(group)?.submittedMs ?? Infinity, group.roomSinceMs);
    this.reservations.setDue(group.queue, sinceMs + reserveAfterMs);
  }

  /** Lets a group be tried again. */
  unblock(group: Group): void {
    this.#forgetBlock(group);
    group.queue.active.add(group);
    this.activeQueues.add(group.queue);
  }

  #forgetBlock(group: Group): void {
    const { block, queue, shape } = group;
    group.block = null;
    if (block === null) return;
    if (shape.waiting.delete(group) && shape.waiting.size === 0) watch(shape);
    if (block.kind === 'room') queue.roomWaits.delete(group);
    for (const each of group.stoppedAt) each.stopped.delete(group);
    group.stoppedAt = NO_QUEUES;
    queue.stuck.delete(group);
    if (queue.stuck.size > 0) return;
    queue.stuckPriority = -Infinity;
    this.stuckQueues.delete(queue);
  }

  // --- waking ---

  #settleShares(): void {
    this.#settleDemand();
    const { capacityParts, capacityCpuMilli, capacityMemoryMib } = this.nodes;
    const capacity = amounts(capacityParts + this.#ghostParts, capacityCpuMilli, capacityMemoryMib);
    if (this.scopes.needsRecount) this.#recountScopes();
    if (!this.#sharesStale && sameAmounts(capacity, this.#sharedCapacity) && !this.scopes.hasOtherCapacity(this.root))
      return;
    this.#sharesStale = false;
    this.#sharedCapacity.set(capacity);
    const changed = divideScopes(this.root, this.scopes, this.#pastUse);
    if (divideTree(this.root, capacity, this.#pastUse) || changed) this.structureAt = ++this.nodes.clock;
  }

  /** Shares given as memory count for another part of a GPU when other GPUs are there. Cost: nothing until then. */
  #settleDemand(): void {
    if (this.#demandStamp === this.nodes.classesStamp) return;
    this.#demandStamp = this.nodes.classesStamp;
    for (const workload of this.#byMemory) {
      if (workload.core) settleShape(workload.core, this.nodes);
      this.#fileDemand(workload);
    }
  }

  /** Groups that found no room are tried again when something came free for their shape and now all tasks may fit. */
  #wakeShapes(): void {
    const { nodes } = this;
    if (this.#classesStamp !== nodes.classesStamp) {
      this.#classesStamp = nodes.classesStamp;
      for (const shape of this.shapes.all.values()) settleShape(shape, nodes);
      for (const queue of this.stuckQueues) {
        queue.stuck.refile();
        queue.roomWaits.recount();
      }
      for (const { group, surplusGroups } of this.#byMemory) {
        for (const each of group ? [group] : surplusGroups) if (each.block !== null) this.unblock(each);
      }
      // There are other GPUs to go to than those that a limit kept it from.
      if (!this.scopes.isNone)
        for (const { stopped } of this.queues.values()) for (const each of stopped) this.unblock(each);
    }
    // Of copies, since who still waits comes back.
    for (const { watchers } of nodes.freed) for (const shape of Array.from(watchers)) this.#wakeShape(shape);
    nodes.freed.clear();
  }

  #wakeShape(shape: Shape): void {
    if (shape.waiting.size > 0) {
      const room = this.#roomFor(shape);
      if (room.now || room.later) for (const group of Array.from(shape.waiting)) this.#wake(group, room);
    }
    // With what each has been promised and is free already, claimers differ, so all are looked at.
    for (const claimer of shape.claimers) this.claimsToCheck.add(claimer);
  }

  #wakeQueues(): void {
    for (const queue of this.roomChanged) {
      // Of a copy, since some come back.
      for (const group of Array.from(queue.stopped)) {
        const mayBind = this.findStop(group, group.shape, 'bind')?.at !== queue;
        const mayPromise = this.nodes.leavingTasks > 0 && this.findStop(group, group.shape, 'promise')?.at !== queue;
        if (mayBind || mayPromise) this.#wake(group, this.#roomFor(group.shape));
      }
    }
    this.roomChanged.clear();
  }

  #roomFor(shape: Shape): { readonly now: boolean; readonly later: boolean } {
    const leaves = this.nodes.leavingTasks > 0;
    return { now: mayFit(shape, 'free'), later: leaves && mayFit(shape, 'potential') };
  }

  /**
   * Lets a group be tried again if neither room nor its queue's rules are known to stop it. Else only what it waits for
   * changes: whose turn it is must not depend on which of the two stopped it first.
   */
  #wake(group: Group, room: { readonly now: boolean; readonly later: boolean }): void {
    const stop = this.findStop(group, group.shape, 'bind');
    const isBindable = room.now && stop === null;
    if (isBindable || (room.later && this.findStop(group, group.shape, 'promise') === null)) {
      this.unblock(group);
      return;
    }
    const isForRoom = stop === null || !endsAtQueue(stop);
    if (isForRoom && group.block?.kind === 'room') {
      this.#waitsOnForRoom(group);
      return;
    }
    this.#forgetBlock(group);
    this.block(group, isForRoom ? FOR_ROOM : stop);
  }

  /** As if it were stopped anew, where that changes nothing but who is looked at again. */
  #waitsOnForRoom(group: Group): void {
    group.block = FOR_ROOM;
    this.#waitsForRoom(group);
    this.restedAt = -1;
  }

  /** What a queue on this path was stopped by may have gone. */
  #roomMayHaveGrown(queue: QueueNode | null): void {
    const now = ++this.nodes.clock;
    for (let each = queue; each !== null; each = each.parent) {
      each.relievedAt = now;
      if (each.stopped.size > 0) this.roomChanged.add(each);
    }
    for (const claimer of this.claimsWaitingForRoom) this.claimsToCheck.add(claimer);
    this.claimsWaitingForRoom.clear();
  }

  /** A queue came to be charged with more: if it borrows, others may take from it what they could not before. */
  #excessMayHaveGrown(queue: QueueNode | null, charge: Amounts): void {
    if (queue !== null && reachesShare(queue, at(charge, GPU))) {
      // Work of others may be kept from preempting beyond their share while this queue waits for its own.
      this.structureAt = ++this.nodes.clock;
      return;
    }
    for (let each = queue; each !== null && each.parent !== null; each = each.parent) {
      const borrows = exceeds(each, each.guarantee) || each.scopes.some((part) => part.charged > part.guarantee);
      if (!borrows) continue;
      this.structureAt = ++this.nodes.clock;
      return;
    }
  }

  #placementChanged(): void {
    this.#sharesStale = true;
    if (this.cells !== null) this.cells.healthChanged = true;
    this.structureAt = ++this.nodes.clock;
    for (const claimer of this.claimers) this.claimsToCheck.add(claimer);
  }

  // --- queues ---

  #queue(name: QueueName): QueueNode {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = newQueueNode(name);
      queue.scopes = this.scopes.accountsOf(null);
      graft(queue, this.root);
      this.queues.set(name, queue);
    }
    return queue;
  }

  #applyQueue(name: QueueName, after: Queue | null): void {
    const queue = this.#queue(name);
    if (after !== null && isSameButForFigures(queue.record, after)) {
      queue.record = after;
      return;
    }
    const countedUsers = queue.userLimit !== Infinity;
    setRules(queue, after);
    this.#cellsStale = true;
    if (after !== null && after.shapes.length > 0) this.#queuesWithShapes.add(name);
    else this.#queuesWithShapes.delete(name);
    if (!this.scopes.isNone || (after !== null && after.scopes.length > 0)) this.scopes.isStale = true;
    const parent = after?.parent ?? null;
    graft(queue, parent === null ? this.root : this.#queue(parent));
    if (after === null) this.#dropQueueIfUnused(queue);
    if (countedUsers !== (queue.userLimit !== Infinity)) this.#recountUsers();
    // Rare, so no finer: everything may fit or not fit now.
    for (const each of this.queues.values()) {
      for (const group of each.groups.values()) if (group.block !== null) this.unblock(group);
    }
    this.#placementChanged();
  }

  /** A queue began, or ceased, to limit users: what each of them holds is counted anew, and groups are made by user. */
  #recountUsers(): void {
    for (const queue of this.queues.values()) queue.heldByUser.clear();
    for (const workload of this.workloads.values()) {
      const { queue, owner } = workload.account;
      const parts = amounts(workload.claim ? at(workload.claim.charge, GPU) : 0);
      for (const { charge } of workload.allocations) addTo(parts, charge, 1);
      for (let each = queue; each !== null; each = each.parent) {
        if (each.userLimit !== Infinity && at(parts, GPU) > 0) {
          each.heldByUser.set(owner, (each.heldByUser.get(owner) ?? 0) + at(parts, GPU));
        }
      }
      this.#leaveGroups(workload);
      this.#fileGroup(workload, workload.record);
    }
  }

  #dropQueueIfUnused(queue: QueueNode): void {
    const used = queue.children.length + queue.groups.size + queue.running.length > 0;
    if (used || !isNothing(queue.demand) || !isNothing(queue.held) || queue.record !== null) return;
    graft(queue, null);
    this.queues.delete(queue.name);
  }

  // --- nodes ---

  #applyNode(id: NodeId, after: ClusterNode | null): void {
    const node = this.nodes.entry(id);
    const rebuilds = !sameHardware(node.record, after);
    if (rebuilds) this.#cellsStale = true;
    const claimers = rebuilds ? [...this.claimers].filter((claimer) => claimsNode(claimer, node)) : [];
    const allocations = rebuilds ? [...(this.#onNode.get(node) ?? [])] : [];
    for (const claimer of claimers) this.#releaseClaim(claimer);
    for (const allocation of allocations) this.#detachSlots(allocation);
    const changed = this.nodes.setRecord(node, after);
    for (const allocation of allocations) this.#attachSlots(allocation);
    for (const claimer of claimers) {
      this.#takeClaim(claimer, claimer.record?.claim ?? null);
      this.#fileDemand(claimer);
    }
    if (changed) this.#placementChanged();
    if (after === null && allocations.length === 0 && node.liveness === 'unknown') this.nodes.entries.delete(id);
  }

  // --- workloads ---

  #workload(number: WorkloadNumber): WorkloadEntry {
    let workload = this.workloads.get(number);
    if (!workload) {
      workload = {
        number,
        record: null,
        account: NOBODY,
        queue: null,
        core: null,
        isElastic: false,
        group: null,
        surplusGroups: NO_GROUPS,
        claim: null,
        demand: NOTHING,
        pending: NOTHING,
        allocations: NO_ALLOCATIONS,
        units: NO_UNITS,
        unsavedSinceMs: UNKNOWN_MS,
        submittedMs: 0,
        placedMs: 0,
      };
      this.workloads.set(number, workload);
    }
    return workload;
  }

  #applyWorkload(before: Workload | null, after: Workload | null): void {
    const number = after?.number ?? before?.number;
    if (number === undefined) return;
    const workload = this.#workload(number);
    const old = workload.record;
    const queue = after ? this.#queue(after.spec.queue) : null;
    const refiled =
      queue !== workload.queue || old?.spec.preemptible !== after?.spec.preemptible || old?.owner !== after?.owner;
    if (refiled) this.#unfile(workload);
    workload.record = after;
    if (after) {
      // Kept beyond the record's end: places that nobody waits at any more are still sorted by it.
      workload.submittedMs = after.submittedMs;
      if (after.spec !== old?.spec || !workload.core) {
        workload.core = this.shapes.core(after.spec);
        workload.isElastic = isElastic(after);
        if (asksByMemory(after)) this.#byMemory.add(workload);
        else this.#byMemory.delete(workload);
      }
      settleShape(workload.core, this.nodes);
    }
    if (workload.allocations.length > 0 && (old?.spec !== after?.spec || old?.deadline !== after?.deadline)) {
      for (const allocation of workload.allocations) this.#endChanged(allocation);
    }
    const givesSooner = old !== null && after !== null && after.spec.priority < old.spec.priority;
    // More to preempt for those beside it.
    if (givesSooner && queue !== null && workload.allocations.length > 0) queue.relievedAt = ++this.nodes.clock;
    if (old === null && after !== null) this.#mixes?.arrived(workload);
    if (after === null) this.#mixes?.gone(workload);
    if (refiled) this.#file(workload, queue);
    this.#fileClaim(workload);
    this.#fileDemand(workload);
    this.#fileGroup(workload, old);
    this.#toShelve.add(workload);
    this.#dropWorkloadIfUnused(workload);
  }

  /** Takes everything a workload is charged with off its queue. */
  #unfile(workload: WorkloadEntry): void {
    // What it holds counts for another queue from now on, or by another right.
    if (workload.allocations.length > 0) this.#cellsStale = true;
    this.#leaveGroups(workload);
    this.#releaseClaim(workload);
    this.#setDemand(workload, NOTHING, NOTHING);
    this.#unshelve(workload);
    for (const allocation of workload.allocations) {
      this.#charge(allocation, -1);
      this.#countInScopes(allocation, -1);
    }
    workload.queue = null;
    workload.account = NOBODY;
  }

  #file(workload: WorkloadEntry, queue: QueueNode | null): void {
    const { record } = workload;
    workload.queue = queue;
    workload.account = accountIn(queue, record);
    for (const allocation of workload.allocations) {
      this.#charge(allocation, 1);
      this.#countInScopes(allocation, 1);
    }
  }

  #fileDemand(workload: WorkloadEntry): void {
    const { record, core } = workload;
    if (!record || !core) return this.#setDemand(workload, NOTHING, NOTHING);
    const { state } = record;
    const comesBack = state === 'stopping' && record.afterStop === 'requeue';
    const isHeldBack = state === 'pending' && record.gate !== null;
    const wants = comesBack || state === 'pending' || state === 'starting' || state === 'running';
    if (!wants || isHeldBack) return this.#setDemand(workload, NOTHING, NOTHING);
    const whole = this.#wholeOf(record, core);
    if (state === 'pending') return this.#setDemand(workload, whole, whole);
    const missing = this.#missingOf(workload, record);
    this.#setDemand(workload, whole, state === 'stopping' ? NOTHING : missing);
  }

  /** What a workload asks for with all its tasks. */
  #wholeOf(record: Workload, core: Shape): Amounts {
    if (!isElastic(record)) return core.charge;
    const whole = amounts();
    addTo(whole, core.charge, 1);
    record.spec.roles.forEach(({ minTasks, maxTasks }, role) => {
      if (maxTasks > minTasks) addTo(whole, times(this.#surplusShape(record, role).charge, maxTasks - minTasks), 1);
    });
    return whole;
  }

  /** What tasks ask for that an elastic workload could still get. */
  #missingOf(workload: WorkloadEntry, record: Workload): Amounts {
    if (!isElastic(record)) return NOTHING;
    const missing = amounts();
    record.spec.roles.forEach(({ minTasks, maxTasks }, role) => {
      if (maxTasks === minTasks) return;
      const count = this.#freeTasks(workload, record, role).length;
      if (count > 0) addTo(missing, times(this.#surplusShape(record, role).charge, count), 1);
    });
    return missing;
  }

  #surplusShape(record: Workload, role: number): Shape {
    const shape = this.shapes.more(record.spec, role, 1);
    settleShape(shape, this.nodes);
    return shape;
  }

  /** The numbers of a role's tasks that nobody has: not running, not leaving, not promised. */
  #freeTasks(workload: WorkloadEntry, { spec }: Workload, role: number): number[] {
    const { from, to } = taskRange(spec.roles, role);
    const used = new Set(workload.allocations.map(({ task }) => task));
    for (const { task } of workload.claim?.places ?? []) used.add(task);
    return Array.from({ length: to - from }, (_, offset) => from + offset).filter((task) => !used.has(task));
  }

  #setDemand(workload: WorkloadEntry, demand: Amounts, pending: Amounts): void {
    if (!this.scopes.isNone) this.#setScopeDemand(workload, demand);
    const same = sameAmounts(workload.demand, demand);
    if (same && sameAmounts(workload.pending, pending)) return;
    addDemand(workload.queue, workload.demand, workload.pending, -1);
    addDemand(workload.queue, demand, pending, 1);
    if (!same) this.#sharesStale = true;
    workload.demand = demand;
    workload.pending = pending;
  }

  /** What it asks for of parts of the cluster, if it asks for anything. */
  #setScopeDemand(workload: WorkloadEntry, demand: Amounts): void {
    const { record, core, queue } = workload;
    const asks = isNothing(demand) || !record || !core ? [] : [...core.parts];
    if (record && asks.length > 0 && isElastic(record)) {
      record.spec.roles.forEach(({ minTasks, maxTasks }, role) => {
        const count = maxTasks - minTasks;
        if (count > 0) asks.push(...this.#surplusShape(record, role).parts.map((part) => ({ ...part, count })));
      });
    }
    this.scopes.setDemand(workload, queue, asks);
  }

  /** Queues name other parts of the cluster, or there are other GPUs: what is held, promised and asked for is counted anew. */
  #recountScopes(): void {
    this.scopes.reset(this.queues.values(), this.root);
    for (const queue of this.queues.values()) if (queue.isHeldToGuarantee) setLimit(queue);
    this.#sharesStale = true;
    if (this.scopes.isNone) return;
    for (const allocation of this.allocations.values()) this.#countInScopes(allocation, 1);
    for (const { account, claim } of this.claimers) {
      for (const place of claim?.places ?? []) this.scopes.count(account, place, 'claimed', 1);
    }
    for (const workload of this.workloads.values()) {
      if (workload.core) settleShape(workload.core, this.nodes);
      this.#setScopeDemand(workload, workload.demand);
    }
  }

  #countInScopes(allocation: AllocationEntry, sign: 1 | -1): void {
    const { account } = allocation.workload;
    this.scopes.count(account, allocation, 'held', sign);
    if (allocation.leaving) this.scopes.count(account, allocation, 'leaving', sign);
  }

  #fileClaim(workload: WorkloadEntry): void {
    const { record } = workload;
    const wanted = record && mayHaveClaim(record) ? record.claim : null;
    if (wanted === (workload.claim?.source ?? null)) {
      if (wanted !== null) this.claimsToCheck.add(workload);
      return;
    }
    this.#releaseClaim(workload);
    this.#takeClaim(workload, wanted);
  }

  #takeClaim(workload: WorkloadEntry, claim: Claim | null): void {
    const { record, core } = workload;
    if (!claim || !record || !core) return;
    workload.claim = this.#findPlaces(workload, record, claim);
    for (const place of workload.claim.places) {
      for (const slot of place.slots) this.nodes.claim(slot, place, 1);
      this.cells?.arrive(claimKey(place), place);
      this.nodes.count(place.node, 'claimed', place.cpuMilli, place.memoryMib, 1);
    }
    addClaimed(workload.account, workload.claim.charge, 1);
    for (const place of workload.claim.places) this.scopes.count(workload.account, place, 'claimed', 1);
    this.#excessMayHaveGrown(workload.queue, workload.claim.charge);
    this.claimers.add(workload);
    this.claimsToCheck.add(workload);
    this.shapes.use(core);
    core.claimers.add(workload);
    watch(core);
  }

  #findPlaces(workload: WorkloadEntry, { spec }: Workload, claim: Claim): HeldClaim {
    let broken: string | null = null;
    const charge = amounts();
    const places = claim.placements.map(({ task, node: id, gpus, parts, instances }): TaskPlace => {
      const node = this.nodes.entry(id);
      if (node.record === null) broken ??= `node ${node.name} is gone`;
      const slots: Slot[] = [];
      const ofSlot = instances.length > 0 ? GPU_PARTS : parts;
      gpus.forEach((index, at) => {
        const slot = findSlot(node, '', index, instances[at] ?? '');
        if (slot && GPU_PARTS - (slot.used - slot.leaving + slot.claimed) >= ofSlot) slots.push(slot);
        else if (slot && holdsForAnother(slot)) slots.push(slot);
        else broken ??= `GPU ${index} of node ${node.name} is ${slot ? 'promised to another workload' : 'gone'}`;
      });
      const { cpuMilli, memoryMib } = spec.roles[roleAt(spec.roles, task)]?.request ?? NO_REQUEST;
      const place = newPlace(workload, task, node, slots, ofSlot, { cpuMilli, memoryMib });
      addTo(charge, place.charge, 1);
      return place;
    });
    return { places, charge, source: claim, broken };
  }

  /** A claim that did not fit when it was heard of may have been heard of before what makes room for it. */
  retakeClaims(of: Iterable<WorkloadEntry>): void {
    const broken = [...of].filter(({ claim }) => claim !== null && claim.broken !== null);
    for (const workload of broken) {
      const source = workload.claim?.source ?? null;
      this.#releaseClaim(workload);
      this.#takeClaim(workload, source);
    }
  }

  #releaseClaim(workload: WorkloadEntry): void {
    const { claim, core } = workload;
    if (!claim) return;
    workload.claim = null;
    for (const place of claim.places) {
      for (const slot of place.slots) this.nodes.claim(slot, place, -1);
      this.cells?.depart(claimKey(place));
      this.nodes.count(place.node, 'claimed', place.cpuMilli, place.memoryMib, -1);
    }
    addClaimed(workload.account, claim.charge, -1);
    for (const place of claim.places) this.scopes.count(workload.account, place, 'claimed', -1);
    this.claimers.delete(workload);
    this.claimsToCheck.delete(workload);
    this.claimsWaitingForRoom.delete(workload);
    if (core) {
      core.claimers.delete(workload);
      watch(core);
      this.shapes.unuse(core);
    }
    this.#roomMayHaveGrown(workload.queue);
  }

  #fileGroup(workload: WorkloadEntry, old: Workload | null): void {
    const { record, queue, core } = workload;
    const waits =
      record !== null &&
      queue !== null &&
      record.state === 'pending' &&
      record.gate === null &&
      workload.claim === null;
    if (workload.group && (!waits || old?.spec !== record.spec)) this.#leaveGroups(workload);
    this.#fileSurplus(workload);
    // Another time may count for its waiting.
    if (workload.group) workload.group.queue.roomWaits.forget(workload.group);
    if (!waits || workload.group || !core) return;
    const byUser = limitsUsers(queue);
    const key = groupKey(record, core, byUser);
    let group = queue.groups.get(key);
    if (!group) {
      const { priority, preemptible } = record.spec;
      group = newGroup({ key, queue, shape: core, priority, preemptible, owner: byUser ? record.owner : '' });
      this.#addGroup(group);
    }
    enterGroup(group, workload);
  }

  #addGroup(group: Group): void {
    const { queue, shape, key } = group;
    settleShape(shape, this.nodes);
    this.shapes.use(shape);
    group.isFiled = true;
    queue.groups.set(key, group);
    queue.active.add(group);
    this.activeQueues.add(queue);
  }

  /** Where an elastic workload that runs waits for more tasks. */
  #fileSurplus(workload: WorkloadEntry): void {
    const { record } = workload;
    const grows = record !== null && (workload.isElastic || (this.broken.size > 0 && this.broken.has(workload)));
    if (!grows && workload.surplusGroups.length === 0) return;
    const wanted = grows ? this.surplusOf(workload, record) : NO_GROUPS;
    const same =
      wanted.length === workload.surplusGroups.length &&
      wanted.every((group, at) => sameSurplus(group, workload.surplusGroups[at]));
    if (same) return;
    for (const group of workload.surplusGroups) this.#dropGroup(group);
    workload.surplusGroups = wanted;
    for (const group of wanted) this.#addGroup(group);
  }

  /** The groups in which a workload waits for more tasks, one a role; none while it may not grow. */
  surplusOf(workload: WorkloadEntry, record: Workload, beyondCore?: number): readonly Group[] {
    const { queue, allocations } = workload;
    const isStarting = beyondCore !== undefined;
    const runs = record.state === 'starting' || record.state === 'running';
    if (!queue || (!isStarting && (!runs || workload.claim !== null))) return NO_GROUPS;
    if (!isStarting && !mayGrow(record, allocations)) return NO_GROUPS;
    const staying = allocations.filter(({ leaving }) => !leaving);
    const beyond = beyondCore ?? staying.length - coreTasks(record);
    return record.spec.roles.flatMap((_, role): Group[] => {
      const lacking = isStarting ? 0 : lacks(record, staying, role);
      // A gang that is broken gets what it lacks all at once, and before anything else.
      if (!isStarting && beyond < 0 && lacking === 0) return [];
      const freeTasks = isStarting
        ? surplusTasks(record, role)
        : this.#freeTasks(workload, record, role).slice(0, lacking > 0 ? lacking : undefined);
      return freeTasks.length < Math.max(1, lacking)
        ? []
        : [this.#moreOf(workload, record, role, freeTasks, lacking, beyond)];
    });
  }

  #moreOf(
    workload: WorkloadEntry,
    record: Workload,
    role: number,
    freeTasks: readonly number[],
    lacking: number,
    beyondCore: number,
  ): Group {
    const queue = this.#queue(record.spec.queue);
    const { priority, preemptible } = record.spec;
    const shape = this.shapes.more(record.spec, role, Math.max(1, lacking));
    settleShape(shape, this.nodes);
    const key = `more of ${workload.number} role ${role}`;
    const owner = limitsUsers(queue) ? record.owner : '';
    const group = newGroup({ key, queue, shape, priority, preemptible, owner });
    return { ...group, surplus: { workload, role, freeTasks, beyondCore }, waiting: freeTasks.length / shape.tasks };
  }

  #leaveGroups(workload: WorkloadEntry): void {
    const { group } = workload;
    if (group) {
      leaveGroup(group, workload);
      if (group.waiting === 0) this.#dropGroup(group);
    }
    for (const each of workload.surplusGroups) this.#dropGroup(each);
    workload.surplusGroups = NO_GROUPS;
  }

  #dropGroup(group: Group): void {
    const { queue } = group;
    group.isFiled = false;
    if (group.keepsOthersOut) this.structureAt = ++this.nodes.clock;
    group.keepsOthersOut = false;
    this.#forgetBlock(group);
    queue.active.delete(group);
    if (queue.active.size === 0) this.activeQueues.delete(queue);
    queue.groups.delete(group.key);
    this.shapes.unuse(group.shape);
  }

  /** Files what may be taken from a workload: its surplus task by task, then all of it. */
  #reshelve(workload: WorkloadEntry): void {
    const { record, queue } = workload;
    this.#unshelve(workload);
    const brokenMs = this.broken.size > 0 ? (this.broken.get(workload) ?? null) : null;
    if (this.broken.size > 0) this.broken.delete(workload);
    const runs = record?.state === 'starting' || record?.state === 'running';
    if (!queue || !runs) return;
    const staying = stayingOf(workload.allocations);
    if (staying.length === 0) return;
    const { core, surplus } = splitSurplus(record, staying);
    if (core.length + doneTasks(workload, record) < coreTasks(record)) this.broken.set(workload, brokenMs);
    this.#fileSurplus(workload);
    const isGoing = staying.length < workload.allocations.length && core.length < coreTasks(record);
    if (!record.spec.preemptible || isGoing) return;
    workload.placedMs = workload.allocations.reduce((first, { placedMs }) => Math.min(first, placedMs), Infinity);
    workload.unsavedSinceMs =
      record.checkpoint === null ? UNKNOWN_MS : Math.max(workload.placedMs, record.checkpoint.timeMs);
    const { priority } = record.spec;
    const units = surplus.map((one) => shelve(queue.running, workload, priority, true, [one]));
    units.push(shelve(queue.running, workload, priority, false, core));
    workload.units = units;
    for (let each: QueueNode | null = queue; each !== null; each = each.parent) each.victims += units.length;
  }

  #unshelve(workload: WorkloadEntry): void {
    const { queue, units } = workload;
    if (units.length === 0 || !queue) return;
    for (const unit of units) unshelve(queue.running, unit);
    for (let each: QueueNode | null = queue; each !== null; each = each.parent) each.victims -= units.length;
    workload.units = NO_UNITS;
  }

  #dropWorkloadIfUnused(workload: WorkloadEntry): void {
    if (workload.record !== null || workload.allocations.length > 0) return;
    this.#toShelve.delete(workload);
    this.broken.delete(workload);
    this.#unshelve(workload);
    this.#byMemory.delete(workload);
    this.workloads.delete(workload.number);
  }

  // --- allocations ---

  #applyAllocation(id: AllocationId, after: Allocation | null): void {
    const known = this.allocations.get(id);
    if (after === null || after.state === 'released') {
      if (known) this.#removeAllocation(known);
      return;
    }
    const leaving = after.stop !== null || after.state === 'stopping' || after.state === 'exited';
    if (!known) return this.#addAllocation(after, leaving);
    if (after.stop !== known.stop) {
      known.stop = after.stop;
      this.#endChanged(known);
    }
    if (isDone(after) && !known.isDone) {
      known.isDone = true;
      this.#allocationsChanged(known.workload);
    }
    if (known.leaving !== leaving) this.#setLeaving(known, leaving);
  }

  #addAllocation(record: Allocation, leaving: boolean): void {
    const workload = this.#workload(record.workload);
    const node = this.nodes.entry(record.node);
    const parts = record.gpus.reduce((sum, gpu) => sum + gpu.parts, 0);
    const [first] = record.gpus;
    const alone: AllocationEntry[] = [];
    const allocation: AllocationEntry = {
      alone,
      id: record.id,
      workload,
      task: record.task,
      node,
      slots: [],
      parts: first === undefined || first.instance !== '' ? GPU_PARTS : first.parts,
      charge: sharedAmounts(parts, record.cpuMilli, record.memoryMib),
      cpuMilli: record.cpuMilli,
      memoryMib: record.memoryMib,
      granted: record.gpus,
      leaving,
      placedMs: record.placedMs,
      endMs: Infinity,
      stop: record.stop,
      isDone: isDone(record),
    };
    alone.push(allocation);
    allocation.endMs = recordedEndMs(allocation);
    this.allocations.set(record.id, allocation);
    workload.allocations = withTask(workload.allocations, allocation);
    let onNode = this.#onNode.get(node);
    if (!onNode) this.#onNode.set(node, (onNode = new Set()));
    onNode.add(allocation);
    this.nodes.count(node, 'used', allocation.cpuMilli, allocation.memoryMib, 1);
    if (leaving) this.nodes.count(node, 'leaving', allocation.cpuMilli, allocation.memoryMib, 1);
    this.#attachSlots(allocation);
    this.#charge(allocation, 1);
    this.#excessMayHaveGrown(workload.queue, allocation.charge);
    // More to preempt for those of higher priority beside it.
    const { queue } = workload;
    if (queue && queue.stuckPriority > (workload.record?.spec.priority ?? Infinity)) {
      queue.relievedAt = ++this.nodes.clock;
    }
    this.#allocationsChanged(workload);
  }

  #removeAllocation(allocation: AllocationEntry): void {
    const { workload, node } = allocation;
    this.allocations.delete(allocation.id);
    // Before the list changes: what is shelved was sorted by it.
    this.#unshelve(workload);
    workload.allocations = workload.allocations.filter((other) => other !== allocation);
    const onNode = this.#onNode.get(node);
    onNode?.delete(allocation);
    if (onNode?.size === 0) this.#onNode.delete(node);
    this.#detachSlots(allocation);
    if (allocation.leaving) this.nodes.count(node, 'leaving', allocation.cpuMilli, allocation.memoryMib, -1);
    this.nodes.count(node, 'used', allocation.cpuMilli, allocation.memoryMib, -1);
    this.#charge(allocation, -1);
    this.#roomMayHaveGrown(workload.queue);
    this.#allocationsChanged(workload);
    this.#dropWorkloadIfUnused(workload);
  }

  #setLeaving(allocation: AllocationEntry, leaving: boolean): void {
    const { workload, node } = allocation;
    const sign = leaving ? 1 : -1;
    allocation.leaving = leaving;
    allocation.endMs = recordedEndMs(allocation);
    addLeaving(workload.account, allocation.charge, sign);
    this.scopes.count(workload.account, allocation, 'leaving', sign);
    for (const slot of allocation.slots) this.nodes.leave(slot, allocation, sign);
    if (leaving) this.cells?.depart(allocation.id);
    else this.cells?.arrive(allocation.id, allocation);
    this.nodes.count(node, 'leaving', allocation.cpuMilli, allocation.memoryMib, sign);
    if (leaving) this.#roomMayHaveGrown(workload.queue);
    this.#allocationsChanged(workload);
  }

  /** When it ends is told by its stop, and by its workload's record. */
  #endChanged(allocation: AllocationEntry): void {
    allocation.endMs = recordedEndMs(allocation);
    for (const { bank } of allocation.slots) this.nodes.touch(bank);
  }

  #allocationsChanged(workload: WorkloadEntry): void {
    this.#toShelve.add(workload);
    const { record } = workload;
    if (!record || !workload.isElastic) return;
    this.#fileDemand(workload);
    this.#fileSurplus(workload);
  }

  #charge({ workload, charge, leaving }: AllocationEntry, sign: 1 | -1): void {
    addHeld(workload.account, charge, sign);
    if (leaving) addLeaving(workload.account, charge, sign);
  }

  #attachSlots(allocation: AllocationEntry): void {
    const slots: Slot[] = [];
    for (const { uuid, index, instance } of allocation.granted) {
      const slot = findSlot(allocation.node, uuid, index, instance);
      // A GPU that changed its form under a task (MIG on, off, cut anew) is that task's in whatever form it has.
      for (const each of slot ? [slot] : slotsOfGpu(allocation.node, uuid, index)) {
        this.nodes.hold(each, allocation, 1);
        for (const { workload } of each.claims) this.claimsToCheck.add(workload);
        slots.push(each);
      }
    }
    allocation.slots = slots;
    if (!allocation.leaving) this.cells?.arrive(allocation.id, allocation);
    this.#countInScopes(allocation, 1);
    this.#ghostParts += this.#ghostsOf(allocation);
  }

  #detachSlots(allocation: AllocationEntry): void {
    this.#ghostParts -= this.#ghostsOf(allocation);
    this.cells?.depart(allocation.id);
    this.#countInScopes(allocation, -1);
    for (const slot of allocation.slots) {
      this.nodes.hold(slot, allocation, -1);
      for (const { workload } of slot.claims) this.claimsToCheck.add(workload);
    }
    allocation.slots = [];
  }

  #ghostsOf({ charge, granted, slots }: AllocationEntry): number {
    const missing = Math.max(0, granted.length - slots.length);
    return missing === 0 ? 0 : (at(charge, GPU) * missing) / granted.length;
  }
}

const NOBODY: Account = { queue: null, preemptible: true, owner: '' };

/** The account that all work of one user in a queue shares. */
function accountIn(queue: QueueNode | null, record: Workload | null): Account {
  if (queue === null || record === null) return NOBODY;
  const { owner, spec } = record;
  const key = spec.preemptible ? `preemptible ${owner}` : `fixed ${owner}`;
  let account = queue.accounts.get(key);
  if (!account) queue.accounts.set(key, (account = { queue, preemptible: spec.preemptible, owner }));
  return account;
}

function shareOf({ held, pending, fairShare }: QueueNode, resource: number): ResourceShare {
  return { allocated: at(held, resource), pending: at(pending, resource), fairShare: at(fairShare, resource) };
}

function scopeShareOf({ scopes }: QueueNode, { pool, model }: QueueScope): ScopeShare | null {
  const account = scopes.find(({ scope }) => isNamed(scope, pool, model));
  if (account === undefined) return null;
  const { held, guarantee, requestable, fairShare } = account;
  return {
    pool,
    model,
    allocatedGpus: toGpus(held),
    fairShareGpus: toGpus(fairShare),
    unmetGuaranteeGpus: toGpus(Math.max(0, Math.min(guarantee, requestable) - held)),
  };
}

const NO_REQUEST = { cpuMilli: 0, memoryMib: 0 };

/** Whether it was with the last parts it was charged with that a queue came to have its fair share. */
function reachesShare({ charged, fairShare }: QueueNode, parts: number): boolean {
  const [now, share] = [at(charged, GPU), at(fairShare, GPU)];
  return now >= share && now - parts < share;
}

function asksByMemory({ spec }: Workload): boolean {
  return spec.roles.some(({ request }) => request.gpuMemoryMib > 0);
}

function mayHaveClaim({ state, afterStop }: Workload): boolean {
  const isMoved = state === 'stopping' && afterStop === 'requeue';
  return state === 'pending' || isMoved || state === 'starting' || state === 'running';
}

/** Whether somebody who is not leaving holds it, so that the claim on it has to be looked at, not dropped here. */
function holdsForAnother(slot: Slot): boolean {
  return slot.claimed === 0 && slot.used > slot.leaving;
}

function taskRange(roles: Workload['spec']['roles'], role: number): { readonly from: number; readonly to: number } {
  let from = 0;
  for (let before = 0; before < role; before++) from += roles[before]?.maxTasks ?? 0;
  return { from, to: from + (roles[role]?.maxTasks ?? 0) };
}

function roleAt(roles: Workload['spec']['roles'], task: number): number {
  let role = 0;
  while (role < roles.length - 1 && task >= taskRange(roles, role).to) role++;
  return role;
}

function coreTasks({ spec }: Workload): number {
  return spec.roles.reduce((sum, { minTasks }) => sum + minTasks, 0);
}

/** Not once a task has ended, since the work is running out, nor when none could be started for long, nor after idle ones were taken back. */
function mayGrow(record: Workload, allocations: readonly AllocationEntry[]): boolean {
  if (record.afterStop !== null || record.falseStarts >= MAX_FALSE_STARTS || record.surplusIdle === true) return false;
  return !hasTaskThatIsOver(record, allocations);
}

/** How many tasks of a role its gang lacks. */
function lacks({ spec }: Workload, staying: readonly AllocationEntry[], role: number): number {
  const { from, to } = taskRange(spec.roles, role);
  const own = staying.filter(({ task }) => task >= from && task < to).length;
  return Math.max(0, (spec.roles[role]?.minTasks ?? 0) - own);
}

/** The tasks of a role that its gang starts without. */
function surplusTasks({ spec }: Workload, role: number): number[] {
  const { from, to } = taskRange(spec.roles, role);
  const first = from + (spec.roles[role]?.minTasks ?? 0);
  return Array.from({ length: Math.max(0, to - first) }, (_, offset) => first + offset);
}

/** Tasks of the attempt that are over while others run on. */
function doneTasks(workload: WorkloadEntry, record: Workload): number {
  return Math.max(0, record.allocations.length - workload.allocations.length);
}

/** In the order of tasks, whatever order they were heard of in. */
function withTask(allocations: readonly AllocationEntry[], allocation: AllocationEntry): readonly AllocationEntry[] {
  const last = allocations[allocations.length - 1];
  if (last === undefined) return [allocation];
  const all = [...allocations, allocation];
  return last.task < allocation.task ? all : all.sort((a, b) => a.task - b.task || (a.id < b.id ? -1 : 1));
}

/** Those that do not leave; the list itself when none does. */
function stayingOf(allocations: readonly AllocationEntry[]): readonly AllocationEntry[] {
  return allocations.some(({ leaving }) => leaving) ? allocations.filter(({ leaving }) => !leaving) : allocations;
}

/** Which of a workload's tasks it could do without: in each role those beyond the least number, the last ones. */
function splitSurplus(
  record: Workload,
  allocations: readonly AllocationEntry[],
): { readonly core: readonly AllocationEntry[]; readonly surplus: readonly AllocationEntry[] } {
  if (!isElastic(record)) return { core: allocations, surplus: NO_ALLOCATIONS };
  const core: AllocationEntry[] = [];
  const surplus: AllocationEntry[] = [];
  record.spec.roles.forEach(({ minTasks }, role) => {
    const { from, to } = taskRange(record.spec.roles, role);
    const own = allocations.filter(({ task }) => task >= from && task < to).sort((a, b) => a.task - b.task);
    core.push(...own.slice(0, minTasks));
    surplus.push(...own.slice(minTasks));
  });
  surplus.sort((a, b) => b.task - a.task);
  return { core, surplus };
}

function sameSurplus(a: Group, b: Group | undefined): boolean {
  if (!a.surplus || !b?.surplus || a.shape !== b.shape || a.priority !== b.priority) return false;
  if (a.preemptible !== b.preemptible || a.owner !== b.owner) return false;
  return a.surplus.beyondCore === b.surplus.beyondCore && a.surplus.freeTasks.join() === b.surplus.freeTasks.join();
}

/** A GPU's slot by its UUID, or by index when the UUID is empty; of a GPU in MIG mode that of the instance. */
function findSlot(node: NodeEntry, uuid: string, index: number, instance: string): Slot | null {
  for (const bank of node.banks) {
    for (const slot of bank.slots) {
      if (slot.instance !== instance) continue;
      if (uuid === '' ? slot.index === index : slot.uuid === uuid) return slot;
    }
  }
  return null;
}

function slotsOfGpu(node: NodeEntry, uuid: string, index: number): Slot[] {
  return node.banks.flatMap(({ slots }) =>
    slots.filter((slot) => (uuid === '' ? slot.index === index : slot.uuid === uuid)),
  );
}

function claimsNode(workload: WorkloadEntry, node: NodeEntry): boolean {
  return workload.claim?.places.some((place) => place.node === node) ?? false;
}

/** Whether all that decides is as it was: how far a budget is used is only shown. */
function isSameButForFigures(before: Queue | null, after: Queue): boolean {
  if (before === null || stopsBorrowing(before) !== stopsBorrowing(after)) return false;
  const { budget: _budget, budgetStanding: _standing, formerQueues: _former, ...rules } = after;
  return Object.entries(rules).every(([key, value]) => before[key as keyof Queue] === value);
}

// The cluster as the engine sees it: the model's records, filed so that a step finds what it needs at once. Follows the
// model by record changes in any order and holds no truth of its own beyond a memo of what was tried in vain.
// After each `apply` all sums, indexes and lists are true; what a step tries out it takes back (see trial.ts).
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import type { Allocation, Claim, ClusterNode, Queue, RecordChange, Workload } from '../model/records.js';
import type { NodeLiveness, QueueShare } from './decisions.js';
import { type NodeEntry, NodeTable, sameHardware, type Slot } from './nodes.js';
import {
  addClaimed,
  addDemand,
  addHeld,
  addLeaving,
  divideTree,
  findStop,
  graft,
  newQueueNode,
  type QueueNode,
} from './queues.js';
import { shelve, unshelve } from './running.js';
import {
  type Block,
  enterGroup,
  fits,
  type Group,
  leaveGroup,
  settleShape,
  type Shape,
  ShapeTable,
  watch,
} from './shapes.js';
import { type AllocationEntry, type HeldClaim, requestOf, type TaskPlace, type WorkloadEntry } from './workloads.js';
import { plainRequest } from './workloads.js';

const ROOT_NAME = '(root)' as QueueName;
const NO_ALLOCATIONS: readonly AllocationEntry[] = [];

/** The engine's view of the cluster. Create one, feed it every record change, and hand it to `step` and `explain`. */
export class ClusterView {
  /** For the engine's own files. */
  readonly nodes = new NodeTable();
  readonly shapes = new ShapeTable();
  readonly queues = new Map<QueueName, QueueNode>();
  readonly root: QueueNode = { ...newQueueNode(ROOT_NAME), guarantee: Infinity, limit: Infinity };
  readonly workloads = new Map<WorkloadNumber, WorkloadEntry>();
  readonly allocations = new Map<AllocationId, AllocationEntry>();

  /** Queues with groups to try, and with groups that might take GPUs back. */
  readonly activeQueues = new Set<QueueNode>();
  readonly stuckQueues = new Set<QueueNode>();
  /** Pending workloads with a claim, and those of them to be looked at. */
  readonly claimers = new Set<WorkloadEntry>();
  readonly claimsToCheck = new Set<WorkloadEntry>();
  /** Claims whose GPUs are all free while their queue still waits for others to leave. */
  readonly claimsWaitingForRoom = new Set<WorkloadEntry>();

  /** Goes up with every change that may let somebody take GPUs back. */
  stamp = 0;
  /** One round tries every stuck group once; it may take several steps. */
  round = 1;
  roundStamp = -1;
  roundOpen = false;
  /** A group got stuck since the round began. */
  newlyStuck = false;
  /** Numbers the searches for victims. */
  searches = 0;

  readonly #roomChanged = new Set<QueueNode>();
  readonly #toShelve = new Set<WorkloadEntry>();
  readonly #onNode = new Map<NodeEntry, Set<AllocationEntry>>();
  /** Held GPUs that no node names any more. */
  #ghostGpus = 0;
  #sharesStale = true;
  #sharedGpus = 0;
  #classesStamp = -1;

  constructor() {
    this.root.allocatableShare = Infinity;
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
      case 'meta':
        return;
    }
  }

  /** Says how the fleet sees a node. Nodes are `unknown` until told otherwise; only `ready` ones get new work. */
  setLiveness(node: NodeId, liveness: NodeLiveness): void {
    if (this.nodes.setLiveness(this.nodes.entry(node), liveness)) this.#placementChanged();
  }

  /** What each queue holds and may expect, in order of name. Cost: one pass over the queues. */
  queueShares(): readonly QueueShare[] {
    this.#settleShares();
    return [...this.queues.values()]
      .filter((queue) => queue.record !== null)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((queue) => ({
        queue: queue.name,
        allocatedGpus: queue.held,
        borrowedGpus: Math.max(0, queue.held - queue.guarantee),
        pendingGpus: queue.pending,
        fairShareGpus: queue.fairShare,
        unmetGuaranteeGpus: Math.max(0, Math.min(queue.guarantee, queue.demand) - queue.held),
      }));
  }

  /** Brings everything that is worked out late up to date, and wakes what may now fit. The first thing in a step. */
  settle(): void {
    for (const bankClass of this.nodes.classes) bankClass.settle();
    for (const workload of this.#toShelve) this.#reshelve(workload);
    this.#toShelve.clear();
    this.#settleShares();
    this.#wakeShapes();
    this.#wakeQueues();
  }

  /** Notes what stopped a group, and where to hear of a change. */
  block(group: Group, block: Block): void {
    group.block = block;
    const { queue, shape } = group;
    queue.active.delete(group);
    if (queue.active.size === 0) this.activeQueues.delete(queue);
    if (block.kind === 'room') {
      shape.waiting.add(group);
      if (shape.waiting.size === 1) watch(shape);
    } else {
      block.at.stopped.add(group);
    }
    if (shape.requestGpus === 0) return;
    const equals = queue.stuck.get(shape.requestGpus);
    if (equals) equals.add(group);
    else queue.stuck.set(shape.requestGpus, new Set([group]));
    queue.stuckPriority = Math.max(queue.stuckPriority, group.priority);
    this.stuckQueues.add(queue);
    this.newlyStuck = true;
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
    if (block.kind === 'room') {
      shape.waiting.delete(group);
      if (shape.waiting.size === 0) watch(shape);
    } else {
      block.at.stopped.delete(group);
    }
    const equals = queue.stuck.get(shape.requestGpus);
    equals?.delete(group);
    if (equals?.size === 0) queue.stuck.delete(shape.requestGpus);
    if (queue.stuck.size > 0) return;
    queue.stuckPriority = -Infinity;
    this.stuckQueues.delete(queue);
  }

  // --- waking ---

  #settleShares(): void {
    const capacityGpus = this.nodes.capacityGpus + this.#ghostGpus;
    if (!this.#sharesStale && capacityGpus === this.#sharedGpus) return;
    this.#sharesStale = false;
    this.#sharedGpus = capacityGpus;
    if (divideTree(this.root, capacityGpus)) this.stamp++;
  }

  /** Groups that found no room are tried again when something came free for their shape and now all tasks fit. */
  #wakeShapes(): void {
    const { nodes } = this;
    if (this.#classesStamp !== nodes.classesStamp) {
      this.#classesStamp = nodes.classesStamp;
      for (const shape of this.shapes.all.values()) settleShape(shape, nodes);
    }
    for (const room of nodes.freed) for (const shape of room.watchers) this.#wakeShape(shape);
    nodes.freed.clear();
  }

  #wakeShape(shape: Shape): void {
    if (shape.waiting.size > 0 && fits(shape, 'free')) for (const group of shape.waiting) this.unblock(group);
    // With what each has been promised and is free already, claimers differ, so all are looked at.
    for (const claimer of shape.claimers) this.claimsToCheck.add(claimer);
  }

  #wakeQueues(): void {
    for (const queue of this.#roomChanged) {
      for (const group of queue.stopped) {
        const stop = findStop(group.queue, group.shape.requestGpus, group.preemptible, 'bind');
        if (stop?.at !== queue) this.unblock(group);
      }
    }
    this.#roomChanged.clear();
  }

  /** What a queue on this path was stopped by may have gone. */
  #roomMayHaveGrown(queue: QueueNode | null): void {
    for (let at = queue; at !== null; at = at.parent) if (at.stopped.size > 0) this.#roomChanged.add(at);
    for (const claimer of this.claimsWaitingForRoom) this.claimsToCheck.add(claimer);
    this.claimsWaitingForRoom.clear();
  }

  #placementChanged(): void {
    this.#sharesStale = true;
    this.stamp++;
    for (const claimer of this.claimers) this.claimsToCheck.add(claimer);
  }

  // --- queues ---

  #queue(name: QueueName): QueueNode {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = newQueueNode(name);
      graft(queue, this.root);
      this.queues.set(name, queue);
    }
    return queue;
  }

  #applyQueue(name: QueueName, after: Queue | null): void {
    const queue = this.#queue(name);
    queue.record = after;
    queue.guarantee = after?.guaranteeGpus ?? 0;
    queue.limit = after ? (after.limitGpus ?? Infinity) : 0;
    queue.weight = after?.weight ?? 0;
    queue.priority = after?.priority ?? 0;
    queue.createdMs = after?.createdMs ?? 0;
    const parent = after?.parent ?? null;
    graft(queue, parent === null ? this.root : this.#queue(parent));
    if (after === null) this.#dropQueueIfUnused(queue);
    // Rare, so no finer: everything may fit or not fit now.
    for (const each of this.queues.values()) {
      for (const group of each.groups.values()) if (group.block !== null) this.unblock(group);
    }
    this.#placementChanged();
  }

  #dropQueueIfUnused(queue: QueueNode): void {
    const used = queue.children.length + queue.groups.size + queue.demand + queue.held + queue.running.length > 0;
    if (used || queue.record !== null) return;
    graft(queue, null);
    this.queues.delete(queue.name);
  }

  // --- nodes ---

  #applyNode(id: NodeId, after: ClusterNode | null): void {
    const node = this.nodes.entry(id);
    const rebuilds = !sameHardware(node.record, after);
    const claimers = rebuilds ? [...this.claimers].filter((claimer) => claimsNode(claimer, node)) : [];
    const allocations = rebuilds ? [...(this.#onNode.get(node) ?? [])] : [];
    for (const claimer of claimers) this.#releaseClaim(claimer);
    for (const allocation of allocations) this.#detachSlots(allocation);
    const changed = this.nodes.setRecord(node, after);
    for (const allocation of allocations) this.#attachSlots(allocation);
    for (const claimer of claimers) this.#takeClaim(claimer, claimer.record?.claim ?? null);
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
        queue: null,
        shape: null,
        group: null,
        claim: null,
        demand: 0,
        pending: 0,
        allocations: NO_ALLOCATIONS,
        leavingAllocations: 0,
        bucket: null,
        unsavedSinceMs: 0,
        placedMs: 0,
        evicting: false,
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
    const refiled = queue !== workload.queue || old?.spec.preemptible !== after?.spec.preemptible;
    if (refiled) this.#unfile(workload);
    workload.record = after;
    if (refiled) this.#file(workload, queue);
    this.#fileDemand(workload);
    this.#fileClaim(workload);
    this.#fileGroup(workload, old);
    this.#toShelve.add(workload);
    this.#dropWorkloadIfUnused(workload);
  }

  /** Takes everything a workload is charged with off its queue. */
  #unfile(workload: WorkloadEntry): void {
    this.#leaveGroup(workload);
    this.#releaseClaim(workload);
    this.#setDemand(workload, 0, 0);
    this.#unshelve(workload);
    for (const allocation of workload.allocations) this.#charge(allocation, -1);
    workload.queue = null;
  }

  #file(workload: WorkloadEntry, queue: QueueNode | null): void {
    workload.queue = queue;
    for (const allocation of workload.allocations) this.#charge(allocation, 1);
  }

  #fileDemand(workload: WorkloadEntry): void {
    const { record } = workload;
    if (!record) return this.#setDemand(workload, 0, 0);
    const { state } = record;
    const comesBack = state === 'stopping' && record.afterStop === 'requeue';
    const wants = comesBack || state === 'pending' || state === 'starting' || state === 'running';
    this.#setDemand(workload, wants ? requestOf(record) : 0, state === 'pending' ? requestOf(record) : 0);
  }

  #setDemand(workload: WorkloadEntry, demand: number, pending: number): void {
    if (workload.demand === demand && workload.pending === pending) return;
    addDemand(workload.queue, demand - workload.demand, pending - workload.pending);
    if (workload.demand !== demand) this.#sharesStale = true;
    workload.demand = demand;
    workload.pending = pending;
  }

  #fileClaim(workload: WorkloadEntry): void {
    const { record } = workload;
    const wanted = record?.state === 'pending' ? record.claim : null;
    if (wanted === (workload.claim?.source ?? null)) return;
    this.#releaseClaim(workload);
    this.#takeClaim(workload, wanted);
    this.stamp++;
  }

  #takeClaim(workload: WorkloadEntry, claim: Claim | null): void {
    const { record } = workload;
    if (!claim || !record) return;
    workload.claim = this.#findPlaces(claim);
    for (const place of workload.claim.places) {
      for (const slot of place.slots) this.nodes.setSlot(slot, slot.holder, slot.leaving, workload);
    }
    addClaimed(workload.queue, requestOf(record), record.spec.preemptible);
    this.claimers.add(workload);
    this.claimsToCheck.add(workload);
    const shape = this.#useShape(record);
    workload.shape = shape;
    shape.claimers.add(workload);
    watch(shape);
  }

  #findPlaces(claim: Claim): HeldClaim {
    let broken: string | null = null;
    const places: TaskPlace[] = claim.placements.map(({ task, node: id, gpus }) => {
      const node = this.nodes.entry(id);
      const slots: Slot[] = [];
      for (const index of gpus) {
        const slot = findSlot(node, '', index);
        if (slot && slot.claimer === null) slots.push(slot);
        else broken ??= `GPU ${index} of node ${node.name} is ${slot ? 'promised to another workload' : 'gone'}`;
      }
      return { task, node, slots };
    });
    return { places, source: claim, broken };
  }

  #releaseClaim(workload: WorkloadEntry): void {
    const { claim, record, shape } = workload;
    if (!claim) return;
    workload.claim = null;
    for (const place of claim.places) {
      for (const slot of place.slots) this.nodes.setSlot(slot, slot.holder, slot.leaving, null);
    }
    if (record) addClaimed(workload.queue, -requestOf(record), record.spec.preemptible);
    this.claimers.delete(workload);
    this.claimsToCheck.delete(workload);
    this.claimsWaitingForRoom.delete(workload);
    if (shape) {
      shape.claimers.delete(workload);
      watch(shape);
      this.shapes.unuse(shape);
      workload.shape = null;
    }
    this.#roomMayHaveGrown(workload.queue);
  }

  #fileGroup(workload: WorkloadEntry, old: Workload | null): void {
    const { record, queue } = workload;
    const waits = record !== null && queue !== null && record.state === 'pending' && workload.claim === null;
    if (workload.group && (!waits || old?.spec !== record.spec)) this.#leaveGroup(workload);
    if (!waits || workload.group) return;
    const shape = this.shapes.find(plainRequest(record));
    const { priority, preemptible } = record.spec;
    const key = `${priority} ${preemptible} ${shape.key}`;
    let group = queue.groups.get(key);
    if (!group) {
      settleShape(shape, this.nodes);
      group = newGroup(key, queue, shape, priority, preemptible);
      this.shapes.use(shape);
      queue.groups.set(key, group);
      queue.active.add(group);
      this.activeQueues.add(queue);
    }
    enterGroup(group, workload);
  }

  #leaveGroup(workload: WorkloadEntry): void {
    const { group } = workload;
    if (!group) return;
    leaveGroup(group, workload);
    if (group.waiting > 0) return;
    const { queue } = group;
    this.#forgetBlock(group);
    queue.active.delete(group);
    if (queue.active.size === 0) this.activeQueues.delete(queue);
    queue.groups.delete(group.key);
    this.shapes.unuse(group.shape);
  }

  #useShape(record: Workload): Shape {
    const shape = this.shapes.find(plainRequest(record));
    settleShape(shape, this.nodes);
    this.shapes.use(shape);
    return shape;
  }

  #reshelve(workload: WorkloadEntry): void {
    const { record, queue } = workload;
    this.#unshelve(workload);
    const runs = record?.state === 'starting' || record?.state === 'running';
    if (!queue || !runs || !record.spec.preemptible || workload.leavingAllocations > 0) return;
    if (requestOf(record) === 0 || workload.allocations.length === 0) return;
    workload.placedMs = workload.allocations.reduce((first, { placedMs }) => Math.min(first, placedMs), Infinity);
    workload.unsavedSinceMs = Math.max(workload.placedMs, record.checkpoint?.timeMs ?? 0);
    shelve(queue.running, workload, record.spec.priority);
    for (let at: QueueNode | null = queue; at !== null; at = at.parent) at.victims++;
  }

  #unshelve(workload: WorkloadEntry): void {
    const { queue } = workload;
    if (!workload.bucket || !queue) return;
    unshelve(queue.running, workload);
    for (let at: QueueNode | null = queue; at !== null; at = at.parent) at.victims--;
  }

  #dropWorkloadIfUnused(workload: WorkloadEntry): void {
    if (workload.record !== null || workload.allocations.length > 0) return;
    this.#toShelve.delete(workload);
    this.#unshelve(workload);
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
    known.stop = after.stop;
    if (known.leaving !== leaving) this.#setLeaving(known, leaving);
  }

  #addAllocation(record: Allocation, leaving: boolean): void {
    const workload = this.#workload(record.workload);
    const node = this.nodes.entry(record.node);
    const allocation: AllocationEntry = {
      id: record.id,
      workload,
      node,
      slots: [],
      gpus: record.gpus.length,
      granted: record.gpus,
      leaving,
      placedMs: record.placedMs,
      stop: record.stop,
    };
    this.allocations.set(record.id, allocation);
    workload.allocations = [...workload.allocations, allocation];
    if (leaving) workload.leavingAllocations++;
    let onNode = this.#onNode.get(node);
    if (!onNode) this.#onNode.set(node, (onNode = new Set()));
    onNode.add(allocation);
    this.nodes.addTasks(node, 1);
    this.#attachSlots(allocation);
    this.#charge(allocation, 1);
    this.#allocationChanged(allocation);
  }

  #removeAllocation(allocation: AllocationEntry): void {
    const { workload, node } = allocation;
    this.allocations.delete(allocation.id);
    workload.allocations = workload.allocations.filter((other) => other !== allocation);
    if (allocation.leaving) workload.leavingAllocations--;
    const onNode = this.#onNode.get(node);
    onNode?.delete(allocation);
    if (onNode?.size === 0) this.#onNode.delete(node);
    this.nodes.addTasks(node, -1);
    this.#detachSlots(allocation);
    this.#charge(allocation, -1);
    this.#roomMayHaveGrown(workload.queue);
    this.#allocationChanged(allocation);
    this.#dropWorkloadIfUnused(workload);
  }

  #setLeaving(allocation: AllocationEntry, leaving: boolean): void {
    const { workload } = allocation;
    const gpus = leaving ? allocation.gpus : -allocation.gpus;
    allocation.leaving = leaving;
    workload.leavingAllocations += leaving ? 1 : -1;
    addLeaving(workload.queue, gpus, workload.record?.spec.preemptible ?? true);
    for (const slot of allocation.slots) this.nodes.setSlot(slot, slot.holder, leaving, slot.claimer);
    this.#allocationChanged(allocation);
  }

  #allocationChanged({ workload }: AllocationEntry): void {
    this.#toShelve.add(workload);
    this.stamp++;
  }

  #charge(allocation: AllocationEntry, sign: 1 | -1): void {
    const { workload, gpus, leaving } = allocation;
    const preemptible = workload.record?.spec.preemptible ?? true;
    addHeld(workload.queue, sign * gpus, preemptible);
    if (leaving) addLeaving(workload.queue, sign * gpus, preemptible);
  }

  #attachSlots(allocation: AllocationEntry): void {
    const slots: Slot[] = [];
    for (const { uuid, index } of allocation.granted) {
      const slot = findSlot(allocation.node, uuid, index);
      if (!slot || slot.holder !== null) continue;
      this.nodes.setSlot(slot, allocation.workload, allocation.leaving, slot.claimer);
      if (slot.claimer) this.claimsToCheck.add(slot.claimer);
      slots.push(slot);
    }
    allocation.slots = slots;
    this.#ghostGpus += allocation.gpus - slots.length;
  }

  #detachSlots(allocation: AllocationEntry): void {
    for (const slot of allocation.slots) {
      this.nodes.setSlot(slot, null, false, slot.claimer);
      if (slot.claimer) this.claimsToCheck.add(slot.claimer);
    }
    this.#ghostGpus -= allocation.gpus - allocation.slots.length;
    allocation.slots = [];
  }
}

function newGroup(key: string, queue: QueueNode, shape: Shape, priority: number, preemptible: boolean): Group {
  return {
    key,
    queue,
    shape,
    priority,
    preemptible,
    members: [],
    head: 0,
    waiting: 0,
    cursor: 0,
    block: null,
    reclaimStamp: -1,
    reclaimRound: 0,
    preemptStamp: -1,
    preemptRound: 0,
  };
}

/** A GPU's slot by its UUID, or by index when the UUID is empty. */
function findSlot(node: NodeEntry, uuid: string, index: number): Slot | null {
  for (const bank of node.banks) {
    for (const slot of bank.slots) if (uuid === '' ? slot.index === index : slot.uuid === uuid) return slot;
  }
  return null;
}

function claimsNode(workload: WorkloadEntry, node: NodeEntry): boolean {
  return workload.claim?.places.some((place) => place.node === node) ?? false;
}

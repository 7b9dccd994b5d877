// The whole state of the cluster in memory: every record, and the indexes that follow from them. It changes only by
// record changes, applied in the order in which they were made, so that it always equals what the store holds plus the
// commit in flight.
import { invariant, present } from '../../common/assert.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import {
  META_KEY,
  workloadKey,
  type Allocation,
  type ClusterMeta,
  type ClusterNode,
  type CollectionName,
  type Collections,
  type Incident,
  type Notice,
  type Queue,
  type RecordChange,
  type RequestRecord,
  type UsageRecord,
  type Workload,
} from './records.js';
import { NodeKinds } from './node-kinds.js';
import { NumberList } from './number-list.js';
import { OldestPending } from './oldest-pending.js';
import { hasGuaranteedParts } from './quota-parts.js';
import { QuotaUse, type KindStanding, type QuotaStanding } from './quota-use.js';
import { WorkloadCounts } from './workload-counts.js';

type Tables = { readonly [C in CollectionName]: ReadonlyMap<string, Collections[C]> };

/** What anyone but the one writer may do with the state: read it. */
export interface ReadableState {
  readonly meta: ClusterMeta;
  readonly queues: ReadonlyMap<string, Queue>;
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly allocations: ReadonlyMap<string, Allocation>;
  readonly requests: ReadonlyMap<string, RequestRecord>;
  /** The oldest first. */
  readonly incidents: ReadonlyMap<string, Incident>;
  readonly usage: ReadonlyMap<string, UsageRecord>;
  /** The oldest first. */
  readonly notices: ReadonlyMap<string, Notice>;
  queue(name: string): Queue | undefined;
  node(id: NodeId): ClusterNode | undefined;
  nodeNamed(name: string): ClusterNode | undefined;
  workload(number: WorkloadNumber): Workload | undefined;
  /** By number ("1047") or by name; of several with the same name the newest. */
  findWorkload(word: string): Workload | undefined;
  /** Workloads with lower numbers, the highest first. Lazy: to be read before the state changes. */
  workloadsBelow(number: number): Iterable<Workload>;
  allocation(id: AllocationId): Allocation | undefined;
  /**
   * One node of each kind, the first that came, in order: what holds for all nodes of a kind is answered by it.
   * @param byLabels whether other labels make another kind
   */
  kindsOfNodes(byLabels: boolean): readonly ClusterNode[];
  /** The nodes that reported a GPU; more than one when a machine, a GPU or a lie moved. */
  nodesWithGpu(uuid: string): ReadonlySet<NodeId>;
  /** Allocations of a node that still hold its GPUs. */
  heldOn(node: NodeId): readonly Allocation[];
  childrenOf(queue: QueueName | null): readonly Queue[];
  /** Workloads of a queue that have not ended: how many run or wait. */
  unfinishedIn(queue: QueueName): number;
  /** The pending workloads of a queue. */
  pendingIn(queue: QueueName): ReadonlySet<WorkloadNumber>;
  /** How many workloads there are, kept as they change. */
  readonly workloadCounts: Pick<WorkloadCounts, 'byState' | 'gated'>;
  /** How what a queue holds divides into guaranteed and borrowed. */
  quotaOf(queue: QueueName): QuotaStanding;
  /**
   * The same by kind of GPU, for queues that are guaranteed GPUs of parts of the cluster. Costs a look at all that is held the
   * first time that a queue is asked for; from then on it is followed.
   */
  quotaKindsOf(queue: QueueName): ReadonlyMap<string, KindStanding>;
  /** Goes up when what holds GPUs of a node is no longer the same. */
  heldStampOf(node: NodeId): number;
  /** When the oldest of the pending workloads of a queue was submitted; null = none is pending. */
  oldestPendingMs(queue: QueueName): number | null;
  /** One record of any collection. */
  get<C extends CollectionName>(collection: C, key: string): Collections[C] | undefined;
}

/** The state itself. Owned by the control loop. */
export class ClusterState implements ReadableState {
  readonly #tables = {
    queues: new Map<string, Queue>(),
    nodes: new Map<string, ClusterNode>(),
    workloads: new Map<string, Workload>(),
    allocations: new Map<string, Allocation>(),
    requests: new Map<string, RequestRecord>(),
    incidents: new Map<string, Incident>(),
    usage: new Map<string, UsageRecord>(),
    notices: new Map<string, Notice>(),
    meta: new Map<string, ClusterMeta>(),
  };
  readonly #numbers = this.#numberList();
  readonly #numbersByName = new Map<string, NumberList>();
  readonly #nodeByName = new Map<string, NodeId>();
  readonly #nodesByGpu = new Map<string, Set<NodeId>>();
  readonly #childrenOf = new Map<QueueName | null, Map<QueueName, Queue>>();
  readonly #heldOn = new Map<NodeId, Set<AllocationId>>();
  readonly #unfinishedIn = new Map<QueueName, number>();
  readonly #pendingIn = new Map<QueueName, OldestPending>();
  readonly workloadCounts = new WorkloadCounts();
  readonly #quotaUse = new QuotaUse();
  readonly #heldStamps = new Map<NodeId, number>();
  readonly #nodeKinds = new NodeKinds(false);
  readonly #labelledNodeKinds = new NodeKinds(true);

  get meta(): ClusterMeta {
    return present(this.#tables.meta.get(META_KEY), 'meta record', 'the store has no cluster record');
  }
  get queues(): Tables['queues'] {
    return this.#tables.queues;
  }
  get nodes(): Tables['nodes'] {
    return this.#tables.nodes;
  }
  get workloads(): Tables['workloads'] {
    return this.#tables.workloads;
  }
  get allocations(): Tables['allocations'] {
    return this.#tables.allocations;
  }
  get requests(): Tables['requests'] {
    return this.#tables.requests;
  }
  get incidents(): Tables['incidents'] {
    return this.#tables.incidents;
  }
  get usage(): Tables['usage'] {
    return this.#tables.usage;
  }
  get notices(): Tables['notices'] {
    return this.#tables.notices;
  }

  queue(name: string): Queue | undefined {
    return this.#tables.queues.get(name);
  }
  node(id: NodeId): ClusterNode | undefined {
    return this.#tables.nodes.get(id);
  }
  nodeNamed(name: string): ClusterNode | undefined {
    const id = this.#nodeByName.get(name);
    return id === undefined ? undefined : this.#tables.nodes.get(id);
  }
  workload(number: WorkloadNumber): Workload | undefined {
    return this.#tables.workloads.get(workloadKey(number));
  }
  findWorkload(word: string): Workload | undefined {
    if (/^\d{1,12}$/.test(word)) return this.workload(Number(word) as WorkloadNumber);
    for (const newest of this.#numbersByName.get(word)?.newestFirst() ?? []) return this.workload(newest);
    return undefined;
  }
  *workloadsBelow(number: number): Generator<Workload, void> {
    for (const each of this.#numbers.newestFirst(number)) {
      const workload = this.workload(each);
      if (workload !== undefined) yield workload;
    }
  }
  allocation(id: AllocationId): Allocation | undefined {
    return this.#tables.allocations.get(id);
  }
  kindsOfNodes(byLabels: boolean): readonly ClusterNode[] {
    return (byLabels ? this.#labelledNodeKinds : this.#nodeKinds).firsts();
  }
  nodesWithGpu(uuid: string): ReadonlySet<NodeId> {
    return this.#nodesByGpu.get(uuid) ?? NO_NODES;
  }
  heldOn(node: NodeId): readonly Allocation[] {
    return [...(this.#heldOn.get(node) ?? [])].map((id) =>
      present(this.allocation(id), 'held allocation exists', `${id} on ${node}`),
    );
  }
  childrenOf(queue: QueueName | null): readonly Queue[] {
    return [...(this.#childrenOf.get(queue)?.values() ?? [])];
  }
  unfinishedIn(queue: QueueName): number {
    return this.#unfinishedIn.get(queue) ?? 0;
  }
  pendingIn(queue: QueueName): ReadonlySet<WorkloadNumber> {
    return this.#pendingIn.get(queue)?.members ?? NONE;
  }
  quotaOf(queue: QueueName): QuotaStanding {
    return this.#quotaUse.of(queue);
  }
  quotaKindsOf(queue: QueueName): ReadonlyMap<string, KindStanding> {
    return this.#quotaUse.kindsOf(queue, () => [...this.#heldOn.keys()].flatMap((node) => this.heldOn(node)));
  }
  heldStampOf(node: NodeId): number {
    return this.#heldStamps.get(node) ?? 0;
  }
  oldestPendingMs(queue: QueueName): number | null {
    return this.#pendingIn.get(queue)?.oldestMs() ?? null;
  }

  /** Reads one record of any collection. */
  get<C extends CollectionName>(collection: C, key: string): Collections[C] | undefined {
    return (this.#tables[collection] as Map<string, Collections[C]>).get(key);
  }

  /** Brings the state forward by one change. */
  apply(change: RecordChange): void {
    const table = this.#tables[change.collection] as Map<string, Collections[CollectionName]>;
    const isNext = (table.get(change.key) ?? null) === change.before;
    // The words are made where there is something to say: this is done for each of a million records at a start.
    invariant(isNext, 'changes follow the state', isNext ? '' : `${change.collection}/${change.key}`);
    if (change.after === null) table.delete(change.key);
    else table.set(change.key, change.after);
    if (change.collection === 'workloads') this.#indexWorkload(change.before, change.after);
    else if (change.collection === 'nodes') this.#indexNode(change.before, change.after);
    else if (change.collection === 'queues') this.#indexQueue(change.before, change.after);
    else if (change.collection === 'allocations') this.#indexAllocation(change.before, change.after);
  }

  #numberList(): NumberList {
    return new NumberList((number) => this.#tables.workloads.has(workloadKey(number)));
  }

  #indexQueue(before: Queue | null, after: Queue | null): void {
    if (before !== null && before.parent !== after?.parent) this.#childrenOf.get(before.parent)?.delete(before.name);
    if (before !== null && (after === null || !hasGuaranteedParts(after))) this.#quotaUse.forgetKinds(before.name);
    if (after === null) return;
    const children = this.#childrenOf.get(after.parent);
    if (children === undefined) this.#childrenOf.set(after.parent, new Map([[after.name, after]]));
    else children.set(after.name, after);
  }

  #indexWorkload(before: Workload | null, after: Workload | null): void {
    this.#indexPending(before, after);
    this.workloadCounts.note(before, after);
    if (before !== null && !isTerminal(before.state)) this.#countUnfinished(before.spec.queue, -1);
    if (after !== null && !isTerminal(after.state)) this.#countUnfinished(after.spec.queue, 1);
    if (before === null && after !== null) {
      this.#numbers.add(after.number);
      const namesakes = this.#numbersByName.get(after.spec.name) ?? this.#numberList();
      namesakes.add(after.number);
      this.#numbersByName.set(after.spec.name, namesakes);
    } else if (before !== null && after === null) {
      this.#numbers.forgetOne();
      const namesakes = this.#numbersByName.get(before.spec.name);
      namesakes?.forgetOne();
      if (namesakes?.isEmpty === true) this.#numbersByName.delete(before.spec.name);
    }
  }

  #indexPending(before: Workload | null, after: Workload | null): void {
    const left = before?.state === 'pending' ? before.spec.queue : null;
    const entered = after?.state === 'pending' ? after.spec.queue : null;
    if (left === entered) return;
    if (before !== null && left !== null) this.#pendingIn.get(left)?.delete(before.number);
    if (after === null || entered === null) return;
    const pending = this.#pendingIn.get(entered) ?? new OldestPending();
    this.#pendingIn.set(entered, pending);
    pending.add(after.number, after.submittedMs);
  }

  #countUnfinished(queue: QueueName, by: number): void {
    this.#unfinishedIn.set(queue, (this.#unfinishedIn.get(queue) ?? 0) + by);
  }

  #indexNode(before: ClusterNode | null, after: ClusterNode | null): void {
    if (before !== null && this.#nodeByName.get(before.name) === before.id) this.#nodeByName.delete(before.name);
    if (after !== null) this.#nodeByName.set(after.name, after.id);
    this.#nodeKinds.note(before, after);
    this.#labelledNodeKinds.note(before, after);
    // Most changes of a node only raise generations.
    const sameGpus =
      before?.gpus.length === after?.gpus.length &&
      before?.gpus.every(({ uuid }, at) => uuid === after?.gpus[at]?.uuid);
    if (sameGpus) return;
    for (const { uuid } of before?.gpus ?? []) if (before !== null) this.#nodesByGpu.get(uuid)?.delete(before.id);
    for (const { uuid } of after?.gpus ?? []) {
      if (after === null) continue;
      const nodes = this.#nodesByGpu.get(uuid);
      if (nodes === undefined) this.#nodesByGpu.set(uuid, new Set([after.id]));
      else nodes.add(after.id);
    }
  }

  #indexAllocation(before: Allocation | null, after: Allocation | null): void {
    this.#quotaUse.note(before, after);
    const holds = (one: Allocation | null): Allocation['gpus'] | null =>
      one === null || one.state === 'released' ? null : one.gpus;
    const node = (after ?? before)?.node;
    // Most changes of an allocation are steps of its life, and leave its GPUs alone.
    if (node !== undefined && holds(before) !== holds(after)) {
      this.#heldStamps.set(node, (this.#heldStamps.get(node) ?? 0) + 1);
    }
    if (before !== null && before.state !== 'released') this.#heldOn.get(before.node)?.delete(before.id);
    if (after === null || after.state === 'released') return;
    const held = this.#heldOn.get(after.node);
    if (held === undefined) this.#heldOn.set(after.node, new Set([after.id]));
    else held.add(after.id);
  }
}

const NONE: ReadonlySet<WorkloadNumber> = new Set();
const NO_NODES: ReadonlySet<NodeId> = new Set();

/** Whether a workload in this state is over for good. */
export function isTerminal(state: Workload['state']): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

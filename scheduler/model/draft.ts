// A set of changes in the making: reads see the state with the changes on top, and nothing reaches the state until the
// changes are taken. So a command either changes everything it means to, or nothing.
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import { present } from '../../common/assert.js';
import type { ReadableState } from './cluster-state.js';
import {
  META_KEY,
  workloadKey,
  type Allocation,
  type ClusterMeta,
  type ClusterNode,
  type CollectionName,
  type Collections,
  type RecordChange,
  type Workload,
} from './records.js';

/** Changes on top of a state. */
export class Draft {
  readonly #changes = new Map<string, RecordChange>();
  readonly #state: ReadableState;
  readonly #records: Pick<ReadableState, 'get'>;

  /** @param records where single records are read from, when that is not the state but changes on top of it */
  constructor(state: ReadableState, records: Pick<ReadableState, 'get'> = state) {
    this.#state = state;
    this.#records = records;
  }

  /** The state without this draft's changes, with its indexes. */
  get base(): ReadableState {
    return this.#state;
  }

  /** One record as it will be. */
  get<C extends CollectionName>(collection: C, key: string): Collections[C] | undefined {
    const change = this.#changes.get(`${collection}/${key}`);
    if (change === undefined) return this.#records.get(collection, key);
    return (change.after ?? undefined) as Collections[C] | undefined;
  }

  put<C extends CollectionName>(collection: C, key: string, after: Collections[C]): void {
    this.#change(collection, key, after);
  }

  delete(collection: CollectionName, key: string): void {
    this.#change(collection, key, null);
  }

  get meta(): ClusterMeta {
    return present(this.get('meta', META_KEY), 'meta record', 'the store has no cluster record');
  }
  workload(number: WorkloadNumber): Workload {
    return present(this.get('workloads', workloadKey(number)), 'workload exists', String(number));
  }
  allocation(id: AllocationId): Allocation {
    return present(this.get('allocations', id), 'allocation exists', id);
  }
  node(id: NodeId): ClusterNode {
    return present(this.get('nodes', id), 'node exists', id);
  }
  /** Every workload as it will be. Walks all of them: for what is rare. */
  workloads(): readonly Workload[] {
    const changed = this.#changedOf('workloads');
    const kept = [...this.#state.workloads.values()].filter((one) => !changed.has(workloadKey(one.number)));
    return [...kept, ...[...changed.values()].filter((one) => one !== null)];
  }

  /** Allocations that will hold GPUs of a node. */
  heldOn(node: NodeId): readonly Allocation[] {
    const changed = this.#changedOf('allocations');
    const kept = this.#state.heldOn(node).filter(({ id }) => !changed.has(id));
    const held = [...changed.values()].filter((one) => one !== null && one.node === node && one.state !== 'released');
    return [...kept, ...held.filter((one) => one !== null)];
  }

  putWorkload(workload: Workload): void {
    this.put('workloads', workloadKey(workload.number), workload);
  }
  putAllocation(allocation: Allocation): void {
    this.put('allocations', allocation.id, allocation);
  }
  putNode(node: ClusterNode): void {
    this.put('nodes', node.id, node);
  }

  /** The changes so far, in the order of first touch. */
  changes(): readonly RecordChange[] {
    return [...this.#changes.values()].filter((change) => change.before !== change.after);
  }

  #changedOf<C extends CollectionName>(collection: C): ReadonlyMap<string, Collections[C] | null> {
    const changes = [...this.#changes.values()].filter((change) => change.collection === collection);
    return new Map(changes.map(({ key, after }) => [key, after as Collections[C] | null]));
  }

  #change<C extends CollectionName>(collection: C, key: string, after: Collections[C] | null): void {
    const id = `${collection}/${key}`;
    const earlier = this.#changes.get(id);
    const before = earlier === undefined ? (this.#records.get(collection, key) ?? null) : earlier.before;
    this.#changes.set(id, { collection, key, before, after } as RecordChange);
  }
}

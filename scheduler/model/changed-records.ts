// Changes that are being completed: what follows from them for the same records is put into them, what follows for others is
// added behind. A look at a record sees it as it will be. Costs nothing until something is looked at.
import { present } from '../../common/assert.js';
import type { AllocationId, QueueName } from '../../common/ids.js';
import type { ReadableState } from './cluster-state.js';
import type { Allocation, CollectionName, Collections, RecordChange } from './records.js';

/** Changes on top of a state. */
export class ChangedRecords {
  readonly #state: ReadableState;
  readonly #changes: RecordChange[];
  /** Where the last change of each record is, by collection and key; null = nothing was looked at or put yet. */
  #places: Map<string, number> | null = null;

  /** @param state as it is before the changes */
  constructor(state: ReadableState, changes: readonly RecordChange[]) {
    this.#state = state;
    this.#changes = [...changes];
  }

  changes(): readonly RecordChange[] {
    return this.#changes;
  }

  /** As it will be; undefined = there will be none. */
  get<C extends CollectionName>(collection: C, key: string): Collections[C] | undefined {
    const change = this.#changeOf(collection, key);
    if (change === undefined) return this.#state.get(collection, key);
    return (change.after ?? undefined) as Collections[C] | undefined;
  }

  put<C extends CollectionName>(collection: C, key: string, after: Collections[C]): void {
    const known = this.#changeOf(collection, key);
    const before = known === undefined ? (this.#state.get(collection, key) ?? null) : known.before;
    const places = this.#index();
    const name = `${collection}/${key}`;
    const place = places.get(name) ?? this.#changes.length;
    this.#changes[place] = { collection, key, before, after } as RecordChange;
    places.set(name, place);
  }

  allocation(id: AllocationId): Allocation {
    return present(this.get('allocations', id), 'allocation exists', id);
  }
  queue(name: QueueName): Collections['queues'] | undefined {
    return this.get('queues', name);
  }
  putAllocation(allocation: Allocation): void {
    this.put('allocations', allocation.id, allocation);
  }

  #changeOf(collection: CollectionName, key: string): RecordChange | undefined {
    const place = this.#index().get(`${collection}/${key}`);
    return place === undefined ? undefined : this.#changes[place];
  }

  #index(): Map<string, number> {
    this.#places ??= new Map(this.#changes.map(({ collection, key }, place) => [`${collection}/${key}`, place]));
    return this.#places;
  }
}

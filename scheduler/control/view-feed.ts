// Tells the engine's view of all records that a daemon begins with, a slice a turn, so that reads and submissions need not wait for
// it: with 100,000 workloads that is a third of a start. Queues and nodes come first and at once, because what the fleet hears of nodes
// comes from then on. Changes made meanwhile are passed on where the view knows the record, and found by the feed where it does not.
//
// May assume that the state is read by nobody else through the iterators here, and hears of every change after the state took it.
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import type { ClusterView } from '../engine/view.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { CollectionName, Collections, RecordChange } from '../model/records.js';

/** Records between two looks at whether that is enough: about half a millisecond. */
const RECORDS_A_LOOK = 100;

/** Feeds a view that knows nothing yet. */
export class ViewFeed {
  readonly #view: ClusterView;
  readonly #state: ReadableState;
  /** Which records are being told of; null = all were. */
  #phase: 'workloads' | 'allocations' | null = 'workloads';
  /** What is left of them, in the order in which the state has them: what is added comes last. */
  #left: Iterator<void>;
  readonly #mostAtOnce: number;

  /** @param mostAtOnce records in one slice at most, for those whose clock stands still within a turn */
  constructor(view: ClusterView, state: ReadableState, mostAtOnce = Infinity) {
    this.#view = view;
    this.#state = state;
    this.#mostAtOnce = mostAtOnce;
    for (const _ of this.#tell('queues', state.queues));
    for (const _ of this.#tell('nodes', state.nodes));
    this.#left = this.#tell('workloads', state.workloads);
  }

  /** Whether the view knows everything. */
  get isDone(): boolean {
    return this.#phase === null;
  }

  /** Goes on, at least a little, until that is said to be enough. */
  feed(isEnough: () => boolean): void {
    let told = 0;
    while (this.#phase !== null && told < this.#mostAtOnce) {
      told += this.#feed(Math.min(RECORDS_A_LOOK, this.#mostAtOnce - told));
      if (isEnough()) return;
    }
  }

  /** Tells all that is left. */
  finish(): void {
    while (this.#phase !== null) this.#feed(RECORDS_A_LOOK);
  }

  /** Passes on a change that the state took. */
  note(change: RecordChange): void {
    if (this.#phase === null || this.#isKnown(change)) this.#view.apply(change);
  }

  #feed(most: number): number {
    for (let count = 0; count < most && this.#phase !== null; count += 1) {
      if (this.#left.next().done === true) this.#nextPhase();
    }
    // What may be taken of workloads is filed here, and not all of it in the engine's first step.
    this.#view.fileShelves();
    return most;
  }

  #isKnown({ collection, key, before, after }: RecordChange): boolean {
    if (collection === 'workloads') {
      // All of them were told of: one that the view does not know came since, and nobody comes by it again.
      if (this.#phase === 'allocations') return true;
      const number = (after ?? before)?.number;
      return number !== undefined && (this.#view.workloads.get(number as WorkloadNumber)?.record ?? null) !== null;
    }
    // One that was released is not kept by the view: to pass its changes on would do nothing.
    if (collection === 'allocations') return this.#view.allocations.has(key as AllocationId);
    return true;
  }

  #nextPhase(): void {
    if (this.#phase === 'workloads') {
      this.#phase = 'allocations';
      this.#left = this.#tell('allocations', this.#state.allocations);
    } else {
      this.#phase = null;
    }
  }

  *#tell<C extends CollectionName>(collection: C, records: ReadonlyMap<string, Collections[C]>): Generator<void, void> {
    for (const [key, after] of records) {
      this.#view.apply({ collection, key, before: null, after } as RecordChange);
      yield;
    }
  }
}

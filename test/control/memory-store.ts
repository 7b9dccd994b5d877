// A store in memory whose flushes the test holds in its hand.
import { deferred, type Deferred } from '../../common/deferred.js';
import type { Commit, NewTerm, SpaceState, StateStore, StoredRecord } from '../../scheduler/store/state-store.js';

export class MemoryStore implements StateStore {
  readonly commits: Commit[] = [];
  /** Commits that wait for the test when `isHeld`. */
  readonly held: Deferred<void>[] = [];
  isHeld = false;
  spaceLeft: SpaceState = 'ample';
  records: StoredRecord[] = [];

  #epoch = 0;
  #lineage = 'lineage';

  beginEpoch({ aboveEpoch = 0, lineage }: NewTerm = {}) {
    this.#epoch = Math.max(this.#epoch, aboveEpoch) + 1;
    this.#lineage = lineage ?? this.#lineage;
    return Promise.resolve({
      lineage: this.#lineage,
      epoch: this.#epoch,
      revision: this.commits.at(-1)?.revision ?? 0,
    });
  }
  async *load() {
    yield* this.records;
  }
  commit(commit: Commit): Promise<void> {
    this.commits.push(commit);
    if (!this.isHeld) return Promise.resolve();
    const flush = deferred();
    this.held.push(flush);
    return flush.promise;
  }
  space(): SpaceState {
    return this.spaceLeft;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

// A store in memory whose flushes the test holds in its hand.
import { deferred, type Deferred } from '../../common/deferred.js';
import type { Commit, SpaceState, StateStore, StoredRecord } from '../../scheduler/store/state-store.js';

export class MemoryStore implements StateStore {
  readonly commits: Commit[] = [];
  /** Commits that wait for the test when `isHeld`. */
  readonly held: Deferred<void>[] = [];
  isHeld = false;
  spaceLeft: SpaceState = 'ample';
  records: StoredRecord[] = [];

  beginEpoch() {
    return Promise.resolve({ lineage: 'lineage', epoch: 1, revision: 0 });
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

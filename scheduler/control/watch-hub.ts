// Hands committed changes to those who watch. Keeps the latest revisions, so that a watcher whose connection broke can
// go on where it was.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import type { Committed } from './loop.js';
import type { RecordChange } from '../model/records.js';

/** How many changes are kept for watchers that come back. */
export const KEPT_CHANGES = 100_000;

/** Called with every commit, in order. */
export type WatchListener = (revision: number, changes: readonly RecordChange[]) => void;

/** The last commits and those who watch. */
export class WatchHub {
  #kept: { readonly revision: number; readonly changes: readonly RecordChange[] }[] = [];
  #keptChanges = 0;
  /** The newest revision that is no longer kept. */
  #droppedUpTo: number;
  #latest: number;
  readonly #listeners = new Set<WatchListener>();

  constructor(revision: number) {
    this.#droppedUpTo = revision;
    this.#latest = revision;
  }

  get watchers(): number {
    return this.#listeners.size;
  }

  publish({ revision, changes }: Committed): void {
    this.#latest = revision;
    this.#kept.push({ revision, changes });
    this.#keptChanges += changes.length;
    while (this.#keptChanges > KEPT_CHANGES && this.#kept.length > 1) {
      const oldest = this.#kept.shift();
      this.#keptChanges -= oldest?.changes.length ?? 0;
      this.#droppedUpTo = oldest?.revision ?? this.#droppedUpTo;
    }
    for (const listener of this.#listeners) listener(revision, changes);
  }

  /**
   * Begins to watch; with `afterRevision` what was committed since is replayed first.
   * @throws ApiError WATCH_COMPACTED when that is no longer kept: read the list again
   * @returns ends the watch
   */
  watch(afterRevision: number | null, listener: WatchListener): () => void {
    if (afterRevision !== null) {
      // A revision that is still to come belongs to another history: one that a restored store does not have.
      if (afterRevision < this.#droppedUpTo || afterRevision > this.#latest)
        throw compacted(afterRevision, this.#droppedUpTo);
      for (const { revision, changes } of this.#kept) if (revision > afterRevision) listener(revision, changes);
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function compacted(asked: number, oldest: number): ApiError {
  return new ApiError({
    code: status.OUT_OF_RANGE,
    reason: 'WATCH_COMPACTED',
    message:
      `changes since revision ${asked} are not here; they are kept from revision ${oldest} on\n` +
      'Begin again without a revision: the present state is sent first.',
    metadata: { oldest: String(oldest) },
  });
}

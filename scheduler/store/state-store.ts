// What the one writer needs of durable storage. The embedded store is the first of its kind; the contract suite in
// test/store holds for every one.
import type { CollectionName, Collections } from '../model/records.js';

/** Where a history of commits stands. */
export interface StorePosition {
  /** One unbroken history; changes when a backup is restored. */
  readonly lineage: string;
  /** The leadership term that wrote last. */
  readonly epoch: number;
  /** The number of the last commit; 0 = none yet. */
  readonly revision: number;
}

export type StoredRecord = {
  [C in CollectionName]: { readonly collection: C; readonly key: string; readonly value: Collections[C] };
}[CollectionName];

/** One atomic change of the store. */
export interface Commit {
  readonly lineage: string;
  readonly epoch: number;
  /** Must be the stored revision + 1. */
  readonly revision: number;
  readonly puts: readonly StoredRecord[];
  readonly deletes: readonly { readonly collection: CollectionName; readonly key: string }[];
}

/** How much room is left, as the space guard sees it. */
export type SpaceState =
  /** Everything is taken. */
  | 'ample'
  /** Only what frees room is taken: completions, cancels. */
  | 'low'
  /** In addition nothing is placed. */
  | 'critical';

/** What a new term is to be, beyond the next one. */
export interface NewTerm {
  /** Its epoch is above this one, too: the highest that anybody has obeyed. */
  readonly aboveEpoch?: number;
  /** Begins another history, because part of the present one was lost. Revisions go on. */
  readonly lineage?: string;
}

/** The one of several copies of a store that takes the writes. */
export interface CopyInForce {
  /** Another one after another copy took over, and after it began again. */
  readonly id: string;
  /** How many replicas follow it. */
  readonly replicas: number;
  /** How many of them have a commit before it is acknowledged. */
  readonly awaited: number;
  /** For how long its server has run, in ms. */
  readonly ranMs: number;
}

/** One moment of a store. */
export interface StoreSnapshot {
  readonly position: StorePosition;
  /** As {@link StateStore.load} gives them, all of this revision. To be read once. */
  readonly records: AsyncIterable<StoredRecord>;
  /** Must be called when it is not needed any more. More than once does no harm. */
  readonly release: () => void;
}

/**
 * Durable storage of typed records.
 *
 * Every method may reject with {@link StoreFailure}; after that nothing may be written any more and the daemon stops
 * with exit code 70, because a failed flush says nothing about what is on disk.
 */
export interface StateStore {
  /** Opens a new term: a higher epoch, durable before it resolves. No commit may be in flight. */
  beginEpoch(term?: NewTerm): Promise<StorePosition>;
  /** Streams every record, collection by collection, keys ascending. */
  load(): AsyncIterable<StoredRecord>;
  /** Applies a commit atomically and durably. Rejects with {@link CommitRefused} when lineage, epoch or revision do not follow. */
  commit(commit: Commit): Promise<void>;
  /**
   * The copy that the present term goes on with, at most a few seconds old; of a term that has just begun, the one that it was begun on.
   * Null = it is not known. Absent = the store has no copies.
   */
  copyInForce?(): CopyInForce | null;
  /** How much room is left; refreshed at most every second. */
  space(): SpaceState;
  close(): Promise<void>;
}

/** Writing failed, or nobody can tell whether it did. The daemon must stop. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure';
}

/** The store holds another lineage, a newer epoch, or another revision than the commit follows. Nothing was written. */
export class CommitRefused extends Error {
  override readonly name = 'CommitRefused';
}

// A simulated disk with a store on it. A commit is written at once and durable after a flush; a crash between the two leaves any number
// of the first commits that were not flushed, and nobody can know how many. Flushes can be slow, hang, or fail, room can run out,
// and an older copy of the disk can be put back.
import type { Random } from '../random.js';
import type { CollectionName } from '../../scheduler/model/records.js';
import { COLLECTION_NAMES } from '../../scheduler/store/collections.js';
import {
  CommitRefused,
  StoreFailure,
  type Commit,
  type NewTerm,
  type SpaceState,
  type StateStore,
  type StoredRecord,
  type StorePosition,
} from '../../scheduler/store/state-store.js';

type Tables = Map<CollectionName, Map<string, unknown>>;

/** What is on a disk for sure. */
export interface Image {
  readonly position: StorePosition;
  readonly tables: ReadonlyMap<CollectionName, ReadonlyMap<string, unknown>>;
}

/** What is durable, as checkers look at it. */
export interface StoredImage {
  readonly image: Image;
  record<T>(collection: CollectionName, key: string): T | undefined;
}

/** Sees what is written. */
export interface DiskWatcher {
  /** A commit was taken, and is not durable yet. */
  committing(commit: Commit): void;
  /** Everything up to this revision is durable. */
  flushed(position: StorePosition): void;
}

/** What a store asks of time and chance. */
export interface DiskTiming {
  /** Calls back after a true time. */
  after(delayMs: number, callback: () => void): void;
  /** How long the next flush takes, in ms. */
  nextFlushMs(): number;
}

interface Unflushed {
  readonly commit: Commit | null;
  readonly position: StorePosition;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

/** A disk: it outlives every process that writes on it. */
export class SimDisk implements StoredImage {
  #position: StorePosition;
  #tables: Tables = new Map();
  #unflushed: Unflushed[] = [];
  space: SpaceState = 'ample';
  /** Set = the next flush fails. */
  failsNext = false;
  watcher: DiskWatcher | null = null;

  constructor(lineage: string) {
    this.#position = { lineage, epoch: 0, revision: 0 };
  }

  /** What is durable. */
  get image(): Image {
    return { position: this.#position, tables: this.#tables };
  }

  /** Where the store stands, with what is not durable yet. */
  get head(): StorePosition {
    return this.#unflushed.at(-1)?.position ?? this.#position;
  }

  record<T>(collection: CollectionName, key: string): T | undefined {
    return this.#tables.get(collection)?.get(key) as T | undefined;
  }

  copy(): Image {
    return {
      position: this.#position,
      tables: new Map([...this.#tables].map(([name, rows]) => [name, new Map(rows)])),
    };
  }

  /** Puts an older copy in place of what is there. */
  restore({ position, tables }: Image): void {
    this.#unflushed = [];
    this.#position = position;
    this.#tables = new Map([...tables].map(([name, rows]) => [name, new Map(rows)]));
  }

  write(entry: Unflushed): void {
    this.#unflushed.push(entry);
    if (entry.commit !== null) this.watcher?.committing(entry.commit);
  }

  /** Makes the first of what was written durable. @returns those, in order */
  flush(count: number): readonly Unflushed[] {
    const flushed = this.#unflushed.splice(0, count);
    for (const { commit, position } of flushed) {
      if (commit !== null) apply(this.#tables, commit);
      this.#position = position;
    }
    if (flushed.length > 0) this.watcher?.flushed(this.#position);
    return flushed;
  }

  get unflushed(): number {
    return this.#unflushed.length;
  }

  /** The process that wrote is gone, or may not write any more: some of what was not flushed is there, the rest never was. */
  crash(random: Random): void {
    this.flush(random.from(0, this.#unflushed.length));
    this.#unflushed = [];
  }

  /** Nobody learns of what was not flushed, except that it failed. */
  fail(random: Random, error: Error): void {
    const waiting = [...this.#unflushed];
    this.crash(random);
    for (const { failed } of waiting) failed(error);
  }
}

/** A store on a disk, as one process has it open. */
export class SimStore implements StateStore {
  readonly #disk: SimDisk;
  readonly #timing: DiskTiming;
  readonly #random: Random;
  #flushing = false;
  #broken: StoreFailure | null = null;

  constructor(disk: SimDisk, timing: DiskTiming, random: Random) {
    this.#disk = disk;
    this.#timing = timing;
    this.#random = random;
  }

  async beginEpoch({ aboveEpoch = 0, lineage }: NewTerm = {}): Promise<StorePosition> {
    const head = this.#disk.head;
    const position = {
      lineage: lineage ?? head.lineage,
      epoch: Math.max(head.epoch, aboveEpoch) + 1,
      revision: head.revision,
    };
    await this.#write(null, position);
    return position;
  }

  async *load(): AsyncGenerator<StoredRecord, void, undefined> {
    const { tables } = this.#disk.image;
    const records = COLLECTION_NAMES.flatMap((collection) =>
      [...(tables.get(collection) ?? [])]
        .sort(byKey)
        .map(([key, value]) => ({ collection, key, value }) as StoredRecord),
    );
    yield* records;
  }

  commit(commit: Commit): Promise<void> {
    const { lineage, epoch, revision } = this.#disk.head;
    if (commit.lineage !== lineage || commit.epoch !== epoch || commit.revision !== revision + 1) {
      const holds = `the store is at lineage ${lineage}, epoch ${epoch}, revision ${revision} and`;
      const given = `was given lineage ${commit.lineage}, epoch ${commit.epoch}, revision ${commit.revision} to commit`;
      return Promise.reject(new CommitRefused(`${holds} ${given}`));
    }
    return this.#write(commit, { lineage, epoch, revision: commit.revision });
  }

  space(): SpaceState {
    return this.#disk.space;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #write(commit: Commit | null, position: StorePosition): Promise<void> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    return new Promise((done, failed) => {
      this.#disk.write({ commit, position, done, failed });
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#flushing || this.#disk.unflushed === 0) return;
    this.#flushing = true;
    // What is written meanwhile goes with the next one.
    const count = this.#disk.unflushed;
    this.#timing.after(this.#timing.nextFlushMs(), () => {
      this.#flushing = false;
      if (this.#disk.failsNext) {
        this.#disk.failsNext = false;
        this.#broken = new StoreFailure('the flush failed');
        this.#disk.fail(this.#random, this.#broken);
        return;
      }
      for (const { done } of this.#disk.flush(count)) done();
      this.#flush();
    });
  }
}

/** Puts a commit into tables. */
export function apply(tables: Tables, { puts, deletes }: Commit): void {
  for (const { collection, key } of deletes) tables.get(collection)?.delete(key);
  for (const { collection, key, value } of puts) {
    const rows = tables.get(collection) ?? new Map<string, unknown>();
    tables.set(collection, rows.set(key, value));
  }
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

// The embedded store: records in one LMDB file, flushed to the disk before a commit is acknowledged. It may assume that it
// is the only writer, because it holds the lock of the data folder. docs/internals/store.md tells the whole.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { asBinary, type Database } from 'lmdb';
import { COLLECTION_NAMES } from './collections.js';
import { invariant } from '../../common/assert.js';
import { type Clock, systemClock } from '../../common/clock.js';
import { checkLimits, whyRefused } from './commit-limits.js';
import {
  describe,
  flushFolder,
  type HeldLock,
  makeDataFolder,
  refuseHalfRestored,
  StoreUnusable,
  takeLock,
} from './data-folder.js';
import {
  DATA_FILE,
  ensurePosition,
  openTables,
  positionKey,
  readPosition,
  type Row,
  type Tables,
  type Transaction,
  upgrade,
  versionOf,
  writePosition,
} from './lmdb-file.js';
import { CURRENT_SCHEMA, type Schema } from './schema.js';
import { createSpaceGuard, type FreeSpace, readFreeSpace, type SpaceGuard, type SpaceReport } from './space.js';
import {
  type Commit,
  CommitRefused,
  type NewTerm,
  type SpaceState,
  type StateStore,
  type StoredRecord,
  StoreFailure,
  type StorePosition,
  type StoreSnapshot,
} from './state-store.js';

/** A {@link StateStore} in a folder of this machine. */
export interface EmbeddedStore extends StateStore {
  /** The path of the folder, absolute. */
  readonly dataDir: string;
  /** Where the history stands on disk. */
  position(): StorePosition;
  /** What {@link StateStore.space} judged by, for messages and metrics. */
  spaceReport(): SpaceReport;
  /** One moment of the store, durable, that stays as it is while commits go on. Read it soon: the file grows meanwhile. */
  snapshot(): StoreSnapshot;
}

export interface EmbeddedStoreOptions {
  /** Made with mode 0700 when it is missing. Must lie on a local disk: LMDB maps its file into memory. */
  readonly dataDir: string;
  readonly clock?: Clock;
  /** Room on the file system of a folder; the default asks the kernel. */
  readonly freeSpace?: (folder: string) => FreeSpace;
  /** Where the history of a new store begins; the default is epoch 0, revision 0 of a random UUID. */
  readonly begin?: StorePosition;
  readonly schema?: Schema;
}

/** How many records `load` hands out before other work of the event loop gets a turn. */
const LOAD_SLICE = 4096;

/**
 * Opens the store of a data folder, making it when it is missing.
 * @throws {@link StoreUnusable} in words for people: another daemon has it, a newer Sluice wrote it, it cannot be read
 * @throws {@link StoreFailure} when writing failed
 *
 * @example
 * const store = await openEmbeddedStore({ dataDir: '/var/lib/sluice' });
 * const { lineage, epoch, revision } = await store.beginEpoch();
 * for await (const record of store.load()) apply(record);
 * await store.commit({ lineage, epoch, revision: revision + 1, puts, deletes });
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const dataDir = path.resolve(options.dataDir);
  const schema = options.schema ?? CURRENT_SCHEMA;
  makeDataFolder(dataDir);
  const lock = takeLock(dataDir);
  try {
    refuseHalfRestored(dataDir, DATA_FILE);
    const guard = guardSpace(options, dataDir);
    const tables = await openTables(dataDir, schema);
    try {
      upgrade(tables, schema);
      ensurePosition(tables, options.begin ?? { lineage: randomUUID(), epoch: 0, revision: 0 });
      // LMDB flushes its file but not the folder that names it: after a power cut the file must be found.
      flushFolder(dataDir);
      return new LmdbStore(dataDir, tables, guard, lock);
    } catch (error) {
      await tables.root.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error instanceof StoreUnusable || error instanceof StoreFailure
      ? error
      : new StoreFailure(`cannot set up the store in ${dataDir}: ${describe(error)}`, { cause: error });
  }
}

class LmdbStore implements EmbeddedStore {
  readonly dataDir: string;
  readonly #tables: Tables;
  readonly #guard: SpaceGuard;
  readonly #lock: HeldLock;
  readonly #inFlight = new Set<Promise<boolean>>();
  #state: 'open' | 'closed' | StoreFailure = 'open';

  constructor(dataDir: string, tables: Tables, guard: SpaceGuard, lock: HeldLock) {
    this.dataDir = dataDir;
    this.#tables = tables;
    this.#guard = guard;
    this.#lock = lock;
  }

  async beginEpoch({ aboveEpoch = 0, lineage }: NewTerm = {}): Promise<StorePosition> {
    this.#mustBeOpen();
    const { root, position } = this.#tables;
    try {
      let next = readPosition(this.#tables);
      root.transactionSync(() => {
        const last = readPosition(this.#tables);
        next = { ...last, lineage: lineage ?? last.lineage, epoch: Math.max(last.epoch, aboveEpoch) + 1 };
        position.removeSync(positionKey(last));
        writePosition(this.#tables, next);
      });
      return next;
    } catch (error) {
      throw this.#fail('beginning an epoch', error);
    }
  }

  load(): AsyncGenerator<StoredRecord, void, undefined> {
    return this.#read(null);
  }

  snapshot(): StoreSnapshot {
    this.#mustBeOpen();
    // Otherwise a view that was opened earlier in this turn of the event loop would be shared, which may be older than
    // what was acknowledged since.
    this.#tables.root.resetReadTxn();
    const transaction = this.#tables.root.useReadTransaction();
    let isHeld = true;
    const release = (): void => {
      if (isHeld) transaction.done();
      isHeld = false;
    };
    return { position: readPosition(this.#tables, transaction), records: this.#read(transaction), release };
  }

  /** Every record as the transaction sees it; null = as one that lasts as long as the reading. */
  async *#read(given: Transaction | null): AsyncGenerator<StoredRecord, void, undefined> {
    this.#mustBeOpen();
    const transaction = given ?? this.#tables.root.useReadTransaction();
    try {
      let read = 0;
      for (const collection of COLLECTION_NAMES) {
        for (const { key, value } of this.#tables.records[collection].getRange({ transaction })) {
          yield { collection, key, value } as StoredRecord;
          if (++read % LOAD_SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
          this.#mustBeOpen();
        }
      }
    } finally {
      if (given === null) transaction.done();
    }
  }

  /**
   * Commits may be sent without waiting for the one before: they are done in order, and those that wait for the disk share
   * one flush. When one fails, so do all behind it, because each follows only its predecessor's revision.
   */
  async commit(commit: Commit): Promise<void> {
    this.#mustBeOpen();
    checkLimits(commit);
    const done = this.#write(commit);
    this.#inFlight.add(done);
    try {
      const followed = await done;
      // Behind a failure the answer "does not follow" is true and says nothing.
      this.#mustBeOpen();
      if (!followed) throw new CommitRefused(whyRefused(commit, readPosition(this.#tables)));
    } catch (error) {
      throw error instanceof CommitRefused || error instanceof StoreFailure ? error : await this.#commitFailed(error);
    } finally {
      this.#inFlight.delete(done);
    }
  }

  position(): StorePosition {
    this.#mustBeOpen();
    return readPosition(this.#tables);
  }

  space(): SpaceState {
    return this.spaceReport().state;
  }

  spaceReport(): SpaceReport {
    this.#mustBeOpen();
    return this.#guard.report();
  }

  /** Waits for commits under way. After a failure it leaves LMDB and the lock alone until the process ends. */
  async close(): Promise<void> {
    if (this.#state !== 'open') return;
    await Promise.allSettled(this.#inFlight);
    if (this.#state !== 'open') return;
    this.#state = 'closed';
    await this.#tables.root.close();
    this.#lock.release();
  }

  /**
   * Hands one transaction's worth of writes to lmdb's writer thread.
   * @returns whether the commit followed the stored position; if not, nothing was written
   */
  async #write(commit: Commit): Promise<boolean> {
    const { records, position } = this.#tables;
    // Encoded first: meeting a new shape of record makes lmdb store that shape in a transaction of its own, and this must
    // not happen between the writes below.
    const puts = commit.puts.map(({ collection, key, value }) => {
      const table = records[collection];
      return { table, key, bytes: asBinary(encoderOf(table).encode(value)) };
    });
    return await position.ifVersion(positionKey(commit), versionOf(commit.revision - 1), () => {
      for (const { table, key, bytes } of puts) void table.put(key, bytes);
      for (const { collection, key } of commit.deletes) void records[collection].remove(key);
      const { lineage, epoch, revision } = commit;
      void position.put(positionKey(commit), { lineage, epoch, revision }, versionOf(revision));
    });
  }

  /** From the first failure on nothing is written, so the mark comes first and the search for the reason second. */
  async #commitFailed(error: unknown): Promise<StoreFailure> {
    const failure = this.#fail('a commit', error);
    // lmdb gives the reason in a second promise, which must not be left unhandled.
    const reason = error instanceof Error && 'commitError' in error ? error.commitError : undefined;
    if (!(reason instanceof Promise)) return failure;
    const cause: unknown = await reason.catch((rejection: unknown) => rejection);
    return this.#fail('a commit', cause);
  }

  #fail(during: string, error: unknown): StoreFailure {
    const failure = new StoreFailure(
      `writing to ${this.dataDir} failed during ${during}: ${describe(error)}.\n` +
        'Nobody can tell what is on disk until it is read again: the daemon must stop. Check the disk, then start it.',
      { cause: error },
    );
    this.#state = failure;
    return failure;
  }

  #mustBeOpen(): void {
    if (this.#state instanceof StoreFailure) throw this.#state;
    invariant(this.#state === 'open', 'a closed store is not used', this.dataDir);
  }
}

/** @throws {@link StoreUnusable} when a new store would have no room for its first pages */
function guardSpace(options: EmbeddedStoreOptions, dataDir: string): SpaceGuard {
  const freeSpace = options.freeSpace ?? readFreeSpace;
  const guard = createSpaceGuard(options.clock ?? systemClock, () => freeSpace(dataDir));
  const { state, freeBytes, criticalBelowBytes } = guard.report();
  if (state !== 'critical' || existsSync(path.join(dataDir, DATA_FILE))) return guard;
  const mib = (bytes: number) => Math.floor(bytes / 1024 ** 2);
  throw new StoreUnusable(
    'NO_ROOM',
    `the disk of ${dataDir} has ${mib(freeBytes)} MiB left; a new store needs ${mib(criticalBelowBytes)} MiB.\n` +
      'Free some, or give the daemon a folder on another disk with --data-dir.',
  );
}

interface Encoder {
  encode(value: unknown): Buffer;
}

/** lmdb gives every table an encoder that shares the shapes of records; its types do not mention it. */
function encoderOf(table: Database<Row, string>): Encoder {
  return (table as unknown as { readonly encoder: Encoder }).encoder;
}

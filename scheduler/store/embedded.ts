// The embedded store: records in one LMDB file, flushed to the disk before a commit is acknowledged. It may assume that it
// is the only writer, because it holds the lock of the data folder. docs/internals/store.md tells the whole.
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { asBinary, type Database, open, type RootDatabase } from 'lmdb';
import { invariant } from '../../common/assert.js';
import { type Clock, systemClock } from '../../common/clock.js';
import { type FileLock, lockFile } from '../../common/file-lock.js';
import { makeFolderSync } from '../../common/make-folder.js';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import type { CollectionName } from '../model/records.js';
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
} from './state-store.js';

/** A {@link StateStore} in a folder of this machine. */
export interface EmbeddedStore extends StateStore {
  /** The path of the folder, absolute. */
  readonly dataDir: string;
  /** Where the history stands on disk. */
  position(): StorePosition;
  /** What {@link StateStore.space} judged by, for messages and metrics. */
  spaceReport(): SpaceReport;
}

export interface EmbeddedStoreOptions {
  /** Made with mode 0700 when it is missing. Must lie on a local disk: LMDB maps its file into memory. */
  readonly dataDir: string;
  readonly clock?: Clock;
  /** Room on the file system of a folder; the default asks the kernel. */
  readonly freeSpace?: (folder: string) => FreeSpace;
  /** Names the history of a new store; the default is a random UUID. */
  readonly newLineage?: () => string;
  readonly schema?: Schema;
}

/** The shape of what is on disk. */
export interface Schema {
  /** Raised when an older daemon could no longer read the data rightly. */
  readonly version: number;
  /**
   * Steps that bring older records up to `version`, in order; run once, at open, in one transaction. A new field needs
   * none when its absence has a meaning, because every record carries the names of its own fields.
   */
  readonly upgrades: readonly {
    readonly to: number;
    /** The record in its new shape; null = drop it. */
    readonly change: (record: StoredRecord) => StoredRecord | null;
  }[];
}

/** The store cannot be used as it is, and nothing was changed. The message is for people. */
export class StoreUnusable extends Error {
  override readonly name = 'StoreUnusable';

  /** `LOCKED`: another daemon has it. `NEWER_SCHEMA`: a newer Sluice wrote it. `UNREADABLE`: damaged, or no access. */
  readonly reason: 'LOCKED' | 'NEWER_SCHEMA' | 'UNREADABLE' | 'NO_ROOM';

  constructor(reason: StoreUnusable['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** What this version of Sluice reads and writes. */
export const CURRENT_SCHEMA: Schema = { version: 1, upgrades: [] };

/** In the order in which `load` gives them: what others refer to comes first. */
const COLLECTIONS: Readonly<Record<CollectionName, true>> = {
  meta: true,
  queues: true,
  nodes: true,
  workloads: true,
  allocations: true,
  requests: true,
};
const COLLECTION_NAMES = Object.keys(COLLECTIONS) as readonly CollectionName[];

/** The longest key, in UTF-8 bytes. LMDB takes 1978; a request's key is the longest of ours. */
export const MAX_KEY_BYTES = 1024;
/** The most records one commit may change. From 300,000 queued writes on lmdb blocks the event loop until they are done. */
export const MAX_COMMIT_RECORDS = 250_000;

/**
 * Address space set aside for the file, which itself grows only as needed. A million workloads with their allocations take
 * about 1 GiB. Beyond this lmdb maps the file anew at twice the size and keeps the old mappings, which is why this is ample.
 */
const MAP_BYTES = 64 * 1024 ** 3;
/** Collections, position, about, and room for a few more. */
const MAX_DATABASES = 32;
/** How many records `load` hands out before other work of the event loop gets a turn. */
const LOAD_SLICE = 4096;

const LOCK_FILE = 'lock';
const DATA_FILE = 'state.mdb';
const SCHEMA_KEY = 'schema';

interface StoredSchema {
  readonly version: number;
  readonly writtenBy: string;
}

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
  makeFolder(dataDir);
  const lock = takeLock(dataDir);
  try {
    const guard = guardSpace(options, dataDir);
    const tables = await openTables(dataDir, schema);
    try {
      upgrade(tables, schema);
      ensurePosition(tables, options.newLineage ?? randomUUID);
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

  async *load(): AsyncGenerator<StoredRecord, void, undefined> {
    this.#mustBeOpen();
    const transaction = this.#tables.root.useReadTransaction();
    try {
      let given = 0;
      for (const collection of COLLECTION_NAMES) {
        for (const { key, value } of this.#tables.records[collection].getRange({ transaction })) {
          yield { collection, key, value } as StoredRecord;
          if (++given % LOAD_SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
          this.#mustBeOpen();
        }
      }
    } finally {
      transaction.done();
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

type HeldLock = Extract<FileLock, { state: 'held' }>;

function makeFolder(dataDir: string): void {
  try {
    if (existsSync(dataDir)) return;
    const firstMade = makeFolderSync(dataDir, 0o700);
    if (firstMade !== null) flushFolder(path.dirname(firstMade));
  } catch (error) {
    throw new StoreUnusable(
      'UNREADABLE',
      `cannot make the data folder ${dataDir}: ${describe(error)}\nGive the daemon a folder it may write with --data-dir.`,
      { cause: error },
    );
  }
}

function takeLock(dataDir: string): HeldLock {
  const lock = tryLock(dataDir);
  if (lock.state === 'held') return lock;
  throw new StoreUnusable(
    'LOCKED',
    `the data folder ${dataDir} is in use by ${lock.heldBy}.\n` +
      'Stop that daemon, or give this one a folder of its own with --data-dir.',
  );
}

function tryLock(dataDir: string): FileLock {
  try {
    return lockFile(path.join(dataDir, LOCK_FILE));
  } catch (error) {
    throw new StoreUnusable('UNREADABLE', `cannot use the data folder ${dataDir}: ${describe(error)}`, {
      cause: error,
    });
  }
}

/** What a table gives and takes: records, or records already encoded. */
type Row = StoredRecord['value'] | ReturnType<typeof asBinary>;

/** Every table of the file. */
interface Tables {
  readonly root: RootDatabase<StoredSchema, string>;
  /** One row: where the history stands. Its key names lineage and epoch, its version the revision. */
  readonly position: Database<StorePosition, string>;
  readonly records: Readonly<Record<CollectionName, Database<Row, string>>>;
}

async function openTables(dataDir: string, schema: Schema): Promise<Tables> {
  const file = path.join(dataDir, DATA_FILE);
  const root = openRoot(file);
  try {
    chmodSync(file, 0o600);
    const stored = root.get(SCHEMA_KEY);
    if (stored && stored.version > schema.version) throw newerSchema(dataDir, stored, schema);
    const position = root.openDB<StorePosition, string>('position', { useVersions: true });
    const table = (name: CollectionName) =>
      root.openDB<Row, string>(name, { sharedStructuresKey: Symbol.for('structures') });
    const records = Object.fromEntries(COLLECTION_NAMES.map((name) => [name, table(name)])) as Tables['records'];
    return { root, position, records };
  } catch (error) {
    await root.close();
    throw error;
  }
}

/**
 * `overlappingSync` off: with it a failed flush leaves the record readable. `eventTurnBatching` off: with it a failed commit
 * leaves a rejected promise that nobody can reach. Both are tried in test/store.
 */
function openRoot(file: string): Tables['root'] {
  try {
    preventFailingOpen(file);
    return open<StoredSchema, string>({
      path: file,
      noSubdir: true,
      maxDbs: MAX_DATABASES,
      overlappingSync: false,
      eventTurnBatching: false,
      ...(addressSpaceIsLimited() ? {} : { mapSize: MAP_BYTES }),
    });
  } catch (error) {
    throw new StoreUnusable(
      'UNREADABLE',
      `cannot open ${file}: ${describe(error)}.\n` +
        'Nothing was changed. Restore a backup, or give the daemon another folder with --data-dir.',
      { cause: error },
    );
  }
}

/** Where LMDB's first page keeps what it is, in bytes from its start. Source: `MDB_page` and `MDB_meta` of LMDB's mdb.c. */
const HEADER = { magicAt: 24, versionAt: 28, bytes: 32, magic: 0xbeefc0de, version: 2, leastFileBytes: 8192 };

/**
 * In lmdb 3.5.6 an open that fails inside LMDB frees memory twice and ends the process (`EnvWrap::openEnv`), so what makes
 * it fail is found out here.
 * @throws Error in words
 */
function preventFailingOpen(file: string): void {
  // LMDB's own lock file only serves several processes, and we are the only one. One of another version would not open.
  rmSync(`${file}-lock`, { force: true });
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const { size } = fstatSync(fd);
    // Never written: LMDB begins it.
    if (size === 0) return;
    const header = Buffer.alloc(HEADER.bytes);
    readSync(fd, header, 0, HEADER.bytes, 0);
    if (size < HEADER.leastFileBytes || header.readUInt32LE(HEADER.magicAt) !== HEADER.magic) {
      throw new Error('it is damaged, or not a file of Sluice');
    }
    const version = header.readUInt32LE(HEADER.versionAt);
    if (version !== HEADER.version) throw new Error(`its file format is ${version}, not ${HEADER.version}`);
  } finally {
    closeSync(fd);
  }
}

/** Under `ulimit -v` the mapping would be refused, so there it grows with the file. */
function addressSpaceIsLimited(): boolean {
  if (process.platform !== 'linux') return false;
  return !/^Max address space\s+unlimited/m.test(readFileSync('/proc/self/limits', 'utf8'));
}

function newerSchema(dataDir: string, stored: StoredSchema, schema: Schema): StoreUnusable {
  return new StoreUnusable(
    'NEWER_SCHEMA',
    `the data in ${dataDir} was written by Sluice ${stored.writtenBy} (schema ${stored.version}); ` +
      `this is Sluice ${PACKAGE_VERSION}, which reads up to schema ${schema.version}.\n` +
      'Nothing was changed. Run the newer version, or restore a backup made before the upgrade.',
  );
}

/** Brings all records up to the schema, in one transaction, so that a crash leaves either the old or the new. */
function upgrade({ root, records }: Tables, schema: Schema): void {
  const stored = root.get(SCHEMA_KEY);
  if (stored?.version === schema.version) return;
  const steps = stored ? schema.upgrades.filter(({ to }) => to > stored.version) : [];
  const apply = (record: StoredRecord): StoredRecord | null =>
    steps.reduce<StoredRecord | null>((current, { change }) => current && change(current), record);
  root.transactionSync(() => {
    const changes = steps.length === 0 ? [] : COLLECTION_NAMES.flatMap((name) => changesOf(name, records[name], apply));
    for (const { before, after } of changes) {
      if (after === null || after.collection !== before.collection || after.key !== before.key) {
        records[before.collection].removeSync(before.key);
      }
      if (after !== null) records[after.collection].putSync(after.key, after.value);
    }
    root.putSync(SCHEMA_KEY, { version: schema.version, writtenBy: PACKAGE_VERSION });
  });
}

function changesOf(
  collection: CollectionName,
  table: Database<Row, string>,
  apply: (record: StoredRecord) => StoredRecord | null,
): { before: StoredRecord; after: StoredRecord | null }[] {
  const changes: { before: StoredRecord; after: StoredRecord | null }[] = [];
  for (const { key, value } of table.getRange()) {
    const before = { collection, key, value } as StoredRecord;
    const after = apply(before);
    if (after !== before) changes.push({ before, after });
  }
  return changes;
}

function ensurePosition(tables: Tables, newLineage: () => string): void {
  if (tables.position.getCount() > 0) return;
  tables.root.transactionSync(() => {
    writePosition(tables, { lineage: newLineage(), epoch: 0, revision: 0 });
  });
}

function readPosition({ position }: Tables): StorePosition {
  const rows = [...position.getRange({ limit: 2 })];
  const row = rows[0];
  invariant(row !== undefined && rows.length === 1, 'a store has one position', `${rows.length} found`);
  return row.value;
}

function writePosition({ position }: Tables, at: StorePosition): void {
  position.putSync(positionKey(at), at, versionOf(at.revision));
}

/** A commit of another lineage or epoch names a row that does not exist, and so is refused by LMDB itself. */
function positionKey({ lineage, epoch }: { readonly lineage: string; readonly epoch: number }): string {
  return `${lineage}/${epoch}`;
}

/** LMDB rows of version 0 count as having none. */
function versionOf(revision: number): number {
  return revision + 1;
}

function whyRefused(commit: Commit, stored: StorePosition): string {
  const say = ({ lineage, epoch, revision }: StorePosition) =>
    `revision ${revision} of epoch ${epoch} of lineage ${lineage}`;
  const why =
    commit.lineage !== stored.lineage
      ? 'it belongs to another history'
      : commit.epoch !== stored.epoch
        ? commit.epoch < stored.epoch
          ? 'a later epoch has begun'
          : 'its epoch was never begun'
        : 'its revision is not the next';
  return `commit refused, nothing written: ${why}. The store is at ${say(stored)}; the commit is ${say(commit)}.`;
}

/** Before anything is written, since lmdb would find out halfway through. */
function checkLimits({ puts, deletes }: Commit): void {
  const count = puts.length + deletes.length;
  invariant(count <= MAX_COMMIT_RECORDS, 'a commit is bounded', `${count} of ${MAX_COMMIT_RECORDS} records`);
  for (const { collection, key } of [...puts, ...deletes]) {
    invariant(
      key.length > 0 && Buffer.byteLength(key) <= MAX_KEY_BYTES && !key.includes('\0'),
      'a key has 1 to 1024 bytes and no NUL',
      `${collection}/${key.slice(0, 64)}, ${Buffer.byteLength(key)} bytes`,
    );
  }
}

interface Encoder {
  encode(value: unknown): Buffer;
}

/** lmdb gives every table an encoder that shares the shapes of records; its types do not mention it. */
function encoderOf(table: Database<Row, string>): Encoder {
  return (table as unknown as { readonly encoder: Encoder }).encoder;
}

function flushFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

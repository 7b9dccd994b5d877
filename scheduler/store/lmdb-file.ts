// The LMDB file of the embedded store: opening it without harm, its tables, where its history stands, and the upgrade of
// older records. May assume that the caller holds the lock of the folder.
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { type asBinary, type Database, open, type RootDatabase } from 'lmdb';
import { COLLECTION_NAMES } from './collections.js';
import { invariant } from '../../common/assert.js';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { META_KEY, type ClusterMeta, type CollectionName } from '../model/records.js';
import { describe, StoreUnusable } from './data-folder.js';
import type { Schema } from './schema.js';
import type { StoredRecord, StorePosition } from './state-store.js';

/**
 * Address space set aside for the file, which itself grows only as needed. A million workloads with their allocations take
 * about 1 GiB. Beyond this lmdb maps the file anew at twice the size and keeps the old mappings, which is why this is ample.
 */
const MAP_BYTES = 64 * 1024 ** 3;
/** Collections, position, about, and room for a few more. */
const MAX_DATABASES = 32;
/** The file in the folder. */
export const DATA_FILE = 'state.mdb';
const SCHEMA_KEY = 'schema';

interface StoredSchema {
  readonly version: number;
  readonly writtenBy: string;
}

/** What a table gives and takes: records, or records already encoded. */
export type Row = StoredRecord['value'] | ReturnType<typeof asBinary>;

/** A view of one moment of the file. */
export type Transaction = ReturnType<RootDatabase['useReadTransaction']>;

/** Every table of the file. */
export interface Tables {
  readonly root: RootDatabase<StoredSchema, string>;
  /** One row: where the history stands. Its key names lineage and epoch, its version the revision. */
  readonly position: Database<StorePosition, string>;
  readonly records: Readonly<Record<CollectionName, Database<Row, string>>>;
}

/** Opens the file, making it when it is missing. @throws {@link StoreUnusable} */
export async function openTables(dataDir: string, schema: Schema): Promise<Tables> {
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
 * The highest number of a workload that the data in a folder gave, whatever its schema; 0 = there is none. Changes nothing.
 * @throws Error in words when it cannot be read
 */
export async function lastWorkloadIn(dataDir: string): Promise<number> {
  const file = path.join(dataDir, DATA_FILE);
  if (!existsSync(file)) return 0;
  preventFailingOpen(file);
  const root = open({ path: file, noSubdir: true, maxDbs: MAX_DATABASES, readOnly: true });
  try {
    const table = root.openDB<ClusterMeta, string>('meta', { sharedStructuresKey: Symbol.for('structures') });
    return table.get(META_KEY)?.lastWorkload ?? 0;
  } finally {
    await root.close();
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
export function upgrade({ root, records }: Tables, schema: Schema): void {
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

/** Gives a new store the position it begins at; one that has a position keeps it. */
export function ensurePosition(tables: Tables, begin: StorePosition): void {
  if (tables.position.getCount() > 0) return;
  tables.root.transactionSync(() => writePosition(tables, begin));
}

/** Where the history stands on disk. */
export function readPosition({ position }: Tables, transaction?: Transaction): StorePosition {
  const rows = [...position.getRange({ limit: 2, ...(transaction ? { transaction } : {}) })];
  const row = rows[0];
  invariant(row !== undefined && rows.length === 1, 'a store has one position', `${rows.length} found`);
  return row.value;
}

/** Within a transaction. */
export function writePosition({ position }: Tables, at: StorePosition): void {
  position.putSync(positionKey(at), at, versionOf(at.revision));
}

/** A commit of another lineage or epoch names a row that does not exist, and so is refused by LMDB itself. */
export function positionKey({ lineage, epoch }: { readonly lineage: string; readonly epoch: number }): string {
  return `${lineage}/${epoch}`;
}

/** LMDB rows of version 0 count as having none. */
export function versionOf(revision: number): number {
  return revision + 1;
}

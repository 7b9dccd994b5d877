// Makes a data folder from a snapshot, while no daemon uses it. What is restored is the beginning of a new history: agents
// and watchers that know the old one further than the snapshot are not to take one for the other.
import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { createUlidMaker } from '../../../common/ids.js';
import { PACKAGE_VERSION } from '../../../common/package-root.js';
import { inNewHistory } from '../../model/history.js';
import type { ClusterMeta, Incident } from '../../model/records.js';
import {
  describe,
  flushFolder,
  LOCK_FILE,
  makeDataFolder,
  RESTORING_FOLDER,
  StoreUnusable,
  takeLock,
} from '../data-folder.js';
import { openEmbeddedStore } from '../embedded.js';
import { DATA_FILE, lastWorkloadIn } from '../lmdb-file.js';
import { CURRENT_SCHEMA, type Schema } from '../schema.js';
import { type StateStore, type StoredRecord, type StorePosition, StoreFailure } from '../state-store.js';
import { type SnapshotFile, snapshotRecords, verifySnapshot } from './read.js';

/**
 * Revisions that a restore leaves out. Who knows a revision of the old history beyond the snapshot must not find another
 * state under the same number. At 2,500 commits a second so many take 13 years, and there is room for 8,000 restores.
 */
export const SKIPPED_REVISIONS = 2 ** 40;
/** One commit of the restore holds so many records. */
const RECORDS_A_COMMIT = 5_000;

export interface RestoreOptions {
  readonly file: string;
  readonly dataDir: string;
  /** Whether a folder that is in use for data already is given the new ones; the old file is kept beside the new one. */
  readonly replace: boolean;
  readonly nowMs: number;
  readonly schema?: Schema;
}

export interface Restored {
  readonly snapshot: SnapshotFile;
  /** Where the new history stands. */
  readonly position: StorePosition;
  /** The file that was there before; null = none was. */
  readonly keptAs: string | null;
  /** Why it is not known which numbers of workloads the data that was there had given, in words; null = it is known. */
  readonly unread: string | null;
}

/** What a restore knows of the data that makes way for it. */
export interface MakingWay {
  /** The highest number of a workload that it gave; 0 = none, or not known. */
  readonly lastWorkload: number;
  readonly unread: string | null;
}

/** Asks the data that makes way. That it cannot be read, which may be why somebody restores, is no reason not to. */
export async function askWhatMakesWay(lastWorkload: () => number | Promise<number>): Promise<MakingWay> {
  try {
    return { lastWorkload: await lastWorkload(), unread: null };
  } catch (error) {
    return { lastWorkload: 0, unread: describe(error) };
  }
}

/**
 * Restores a snapshot. Whatever goes wrong, and wherever it is cut off, the folder holds the old data or the new, whole.
 * @throws {@link StoreUnusable} in words for people; nothing was changed then
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<Restored> {
  const snapshot = await verifySnapshot(options.file);
  refuseNewer(snapshot, options.schema ?? CURRENT_SCHEMA);
  const dataDir = path.resolve(options.dataDir);
  makeDataFolder(dataDir);
  const lock = takeLock(dataDir);
  try {
    const isEmpty = readdirSync(dataDir).every((name) => name === LOCK_FILE || name === RESTORING_FOLDER);
    if (!isEmpty && !options.replace) throw notEmpty(dataDir);
    const building = path.join(dataDir, RESTORING_FOLDER);
    rmSync(building, { recursive: true, force: true });
    const { lastWorkload, unread } = await askWhatMakesWay(() => lastWorkloadIn(dataDir));
    const position = await build(snapshot, building, options.schema ?? CURRENT_SCHEMA, options.nowMs, lastWorkload);
    const keptAs = install(dataDir, building, options.nowMs);
    return { snapshot, position, keptAs, unread };
  } catch (error) {
    if (error instanceof StoreFailure) throw notWritten(dataDir, error);
    throw error instanceof StoreUnusable
      ? error
      : new StoreUnusable('UNREADABLE', `cannot restore into ${dataDir}: ${describe(error)}`, { cause: error });
  } finally {
    lock.release();
  }
}

/** What is being made lies beside the data until it is whole. */
function notWritten(dataDir: string, error: StoreFailure): StoreUnusable {
  const why = error.cause === undefined ? describe(error) : describe(error.cause);
  const { bavail, bsize } = statfsSync(dataDir);
  const freeMib = Math.floor((bavail * bsize) / 1024 ** 2);
  return new StoreUnusable(
    'UNREADABLE',
    `cannot restore into ${dataDir}: what is made of the snapshot could not be written there: ${why}\n` +
      `The data in it are as they were. A full disk says so, too, and ${freeMib} MiB are free there: ` +
      'make room, or see to the disk, and restore again.',
    { cause: error },
  );
}

/** A whole store of the snapshot's records, brought up to the schema. @returns where it stands */
async function build(
  snapshot: SnapshotFile,
  folder: string,
  schema: Schema,
  nowMs: number,
  lastGiven: number,
): Promise<StorePosition> {
  const begin = beginningOf(snapshot);
  const asSaved = await openEmbeddedStore({
    dataDir: folder,
    begin,
    schema: { version: snapshot.header.schema, upgrades: [] },
  });
  try {
    await fill(asSaved, snapshot, begin.lineage, nowMs, lastGiven);
  } finally {
    await asSaved.close();
  }
  const upgraded = await openEmbeddedStore({ dataDir: folder, schema });
  const position = upgraded.position();
  await upgraded.close();
  return position;
}

/** Where the history begins that goes on from a snapshot. */
export function beginningOf({ header: { epoch, revision } }: SnapshotFile): StorePosition {
  return { lineage: randomUUID(), epoch, revision: revision + SKIPPED_REVISIONS };
}

/**
 * Puts every record of a snapshot into an empty store of its schema, whose history `lineage` it begins.
 * @param lastGiven the highest number of a workload that the data which makes way had given: new ones go on above it
 */
export async function fill(
  store: StateStore,
  snapshot: SnapshotFile,
  lineage: string,
  nowMs: number,
  lastGiven: number,
): Promise<void> {
  const { lineage: before, epoch, revision } = snapshot.header;
  let at = await store.beginEpoch();
  const left = { lineage: before, epoch, revision };
  const asRestored = (meta: ClusterMeta): ClusterMeta =>
    inNewHistory(meta, lineage, left, 'restored', nowMs, lastGiven);
  const commit = async (puts: readonly StoredRecord[]): Promise<void> => {
    at = { ...at, revision: at.revision + 1 };
    await store.commit({ ...at, puts, deletes: [] });
  };
  const incident = restoredIncident(snapshot, lineage, nowMs);
  let puts: StoredRecord[] = [];
  for await (const record of snapshotRecords(snapshot)) {
    puts.push(record.collection === 'meta' ? { ...record, value: asRestored(record.value) } : record);
    if (puts.length < RECORDS_A_COMMIT) continue;
    await commit(puts);
    puts = [];
  }
  puts.push({ collection: 'incidents', key: incident.id, value: incident });
  await commit(puts);
}

/** What administrators find in the book of incidents. */
function restoredIncident({ file, header }: SnapshotFile, lineage: string, nowMs: number): Incident {
  const message =
    `${path.basename(file)}, saved ${new Date(header.savedMs).toISOString()} at revision ${header.revision} of history ` +
    `${header.lineage}, was restored; it goes on as history ${lineage}`;
  return { id: createUlidMaker()(nowMs), timeMs: nowMs, kind: 'restored', message, actor: '' };
}

/** Puts the store in place in one step. @returns what the old file is called now */
function install(dataDir: string, building: string, nowMs: number): string | null {
  const file = path.join(dataDir, DATA_FILE);
  const keptAs = existsSync(file) ? freeName(`${file}.replaced-${stamp(nowMs)}`) : null;
  // A second name first: between a rename away and a rename back there would be no store, and a daemon would begin one.
  if (keptAs !== null) linkSync(file, keptAs);
  renameSync(path.join(building, DATA_FILE), file);
  flushFolder(dataDir);
  rmSync(building, { recursive: true, force: true });
  return keptAs;
}

/** 20261122T204500Z */
export function stamp(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

function freeName(wanted: string): string {
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? wanted : `${wanted}-${count}`;
    if (!existsSync(name)) return name;
  }
}

/** @throws {@link StoreUnusable} when a newer Sluice saved it */
export function refuseNewer({ file, header }: SnapshotFile, schema: Schema): void {
  if (header.schema <= schema.version) return;
  throw new StoreUnusable(
    'NEWER_SCHEMA',
    `${file} was saved by Sluice ${header.writtenBy} (schema ${header.schema}); ` +
      `this is Sluice ${PACKAGE_VERSION}, which reads up to schema ${schema.version}.\n` +
      'Nothing was changed. Restore it with the newer version.',
  );
}

function notEmpty(dataDir: string): StoreUnusable {
  return new StoreUnusable(
    'NOT_EMPTY',
    `${dataDir} is not empty.\n` +
      'Restore into another folder, or say --replace: the data that is there is kept beside the new one.',
  );
}

// The folder of a store on this machine: making it, the lock that lets one process use it, and the error that says why it
// cannot be used. May assume a local disk.
import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs';
import path from 'node:path';
import { type FileLock, lockFile } from '../../common/file-lock.js';
import { makeFolderSync } from '../../common/make-folder.js';

/** Locked by the process that uses the folder. */
export const LOCK_FILE = 'lock';
/** Where a restore builds the store before it puts it in place. */
export const RESTORING_FOLDER = 'restoring';

/** The store cannot be used as it is, and nothing was changed. The message is for people. */
export class StoreUnusable extends Error {
  override readonly name = 'StoreUnusable';

  /**
   * `LOCKED`: another process has it. `NEWER_SCHEMA`: a newer Sluice wrote it. `UNREADABLE`: damaged, or no access.
   * `NO_ROOM`: the disk is full. `NOT_EMPTY`: there is something that would be lost. `NOT_YET`: a fail-over may be under way, after
   * which it may be of use.
   */
  readonly reason: 'LOCKED' | 'NEWER_SCHEMA' | 'UNREADABLE' | 'NO_ROOM' | 'NOT_EMPTY' | 'NOT_YET';

  constructor(reason: StoreUnusable['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export type HeldLock = Extract<FileLock, { state: 'held' }>;

/** Makes the folder, for its owner alone, when it is missing. @throws {@link StoreUnusable} */
export function makeDataFolder(dataDir: string): void {
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

/** Takes the folder for this process. @throws {@link StoreUnusable} when another has it */
export function takeLock(dataDir: string): HeldLock {
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

/** Makes the names in a folder durable. */
export function flushFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** What an error says. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** @throws {@link StoreUnusable} when a restore was cut off before it put a store in place: a new one would look restored */
export function refuseHalfRestored(dataDir: string, dataFile: string): void {
  const restoring = path.join(dataDir, RESTORING_FOLDER);
  if (!existsSync(restoring) || existsSync(path.join(dataDir, dataFile))) return;
  throw new StoreUnusable(
    'UNREADABLE',
    `a restore into ${dataDir} was cut off before it was done.\n` +
      `Run "sluice snapshot restore" again, or remove ${restoring} to begin with nothing.`,
  );
}

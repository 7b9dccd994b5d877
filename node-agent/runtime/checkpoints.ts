// Watches the checkpoint folder of a task for checkpoints that are declared complete: sub-folders with a file COMPLETE.
// Events make it quick, a poll makes it sure (network file systems have no events).
import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint } from '../session/allocation.js';

/** How often the folder is looked at beside its events, in ms. */
const POLL_MS = 5_000;
/** Events that follow each other within this time are one, in ms. */
const SETTLE_MS = 20;
/** How many sub-folders that are not complete yet are watched for it; the latest ones by name. */
const MAX_WATCHED_FOLDERS = 8;
/** A folder with more entries than this is looked at no further. */
export const MAX_ENTRIES = 10_000;
/** The most of a COMPLETE file that is read, in bytes. */
const MAX_COMPLETE_BYTES = 4_096;
/** How long the last look, when the task has ended, may take: a network file system may hang. In ms. */
const LAST_LOOK_LIMIT_MS = 2_000;

/** Watches one folder until it is closed. */
export class CheckpointWatch {
  readonly #dir: string;
  readonly #onNewest: (checkpoint: Checkpoint) => void;
  readonly #complete = new Map<string, Checkpoint>();
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #timer: NodeJS.Timeout;
  #settling: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #newest: Checkpoint | null = null;
  #state: 'watching' | 'last look' | 'closed' = 'watching';

  /** @param onNewest called with the newest complete checkpoint whenever that is another one */
  constructor(dir: string, onNewest: (checkpoint: Checkpoint) => void) {
    this.#dir = dir;
    this.#onNewest = onNewest;
    this.#timer = setInterval(() => void this.#look(), POLL_MS);
    this.#watch(dir);
    this.#soon();
  }

  /** Looks one last time, then ends. What is found then is still told. */
  async close(): Promise<void> {
    this.#release();
    this.#state = 'last look';
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, LAST_LOOK_LIMIT_MS)));
    // A look under way may have passed the folder that was completed last.
    await Promise.race([limit, Promise.resolve(this.#looking).then(() => this.#look())]);
    clearTimeout(timer);
    this.#state = 'closed';
  }

  /** Ends without a last look. */
  stop(): void {
    this.#state = 'closed';
    this.#release();
  }

  #release(): void {
    clearInterval(this.#timer);
    if (this.#settling !== null) clearTimeout(this.#settling);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #soon(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = null;
      void this.#look();
    }, SETTLE_MS);
  }

  #look(): Promise<void> {
    this.#looking ??= this.#scan().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #scan(): Promise<void> {
    const folders = await subFolders(this.#dir);
    const open: string[] = [];
    for (const name of folders) {
      const folder = path.join(this.#dir, name);
      const checkpoint = this.#complete.get(name) ?? (await readComplete(folder));
      if (checkpoint === null) open.push(folder);
      else this.#complete.set(name, checkpoint);
    }
    const here = new Set(folders);
    for (const name of this.#complete.keys()) if (!here.has(name)) this.#complete.delete(name);
    if (this.#state === 'closed') return;
    this.#watchOnly(open.sort().slice(-MAX_WATCHED_FOLDERS));
    const newest = newestOf(this.#complete.values());
    if (newest === null || JSON.stringify(newest) === JSON.stringify(this.#newest)) return;
    this.#newest = newest;
    this.#onNewest(newest);
  }

  #watchOnly(folders: readonly string[]): void {
    const wanted = new Set([this.#dir, ...folders]);
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) this.#watch(folder);
  }

  #watch(folder: string): void {
    if (this.#state !== 'watching' || this.#watchers.has(folder)) return;
    try {
      const watcher = watch(folder, () => this.#soon());
      watcher.on('error', () => watcher.close());
      this.#watchers.set(folder, watcher);
    } catch (error) {
      // Gone again, or out of watches: the poll finds what the watch would have.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOSPC' && code !== 'EMFILE') throw error;
    }
  }
}

/** The one to go on from: the highest step, among equals the latest. */
export function newestOf(checkpoints: Iterable<Checkpoint>): Checkpoint | null {
  let newest: Checkpoint | null = null;
  for (const one of checkpoints) {
    if (newest === null || one.step > newest.step || (one.step === newest.step && one.timeMs > newest.timeMs)) {
      newest = one;
    }
  }
  return newest;
}

async function subFolders(dir: string): Promise<string[]> {
  const entries = await orNull(readdir(dir, { withFileTypes: true }));
  return (entries ?? [])
    .slice(0, MAX_ENTRIES)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

/** A complete checkpoint; null when the folder holds none (yet). */
async function readComplete(folder: string): Promise<Checkpoint | null> {
  const file = path.join(folder, 'COMPLETE');
  const found = await orNull(stat(file));
  if (found === null) return null;
  const text = found.size > MAX_COMPLETE_BYTES ? '' : ((await orNull(readFile(file, 'utf8'))) ?? '');
  return { step: stepOf(text), timeMs: Math.floor(found.mtimeMs), path: folder };
}

/** The content is optional; without a step, time decides. */
function stepOf(text: string): number {
  try {
    const { step } = JSON.parse(text) as { step?: unknown };
    return typeof step === 'number' && Number.isSafeInteger(step) && step >= 0 ? step : 0;
  } catch {
    return 0;
  }
}

/** What cannot be read is no checkpoint: gone in between, or not ours to read. */
async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return null;
  }
}

// Watches the checkpoint folder of a task for checkpoints that are declared complete: sub-folders with a file COMPLETE.
// Events make it quick, a poll makes it sure (network file systems have no events).
import { type FSWatcher, watch } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import { type CheckpointMarker, readMarker } from '../../common/checkpoint-marker.js';
import type { Checkpoint } from '../session/allocation.js';

/** How often the folder is looked at beside its events, in ms. */
const POLL_MS = 5_000;
/** Events that follow each other within this time are one, in ms. */
const SETTLE_MS = 20;
/** How many sub-folders that are not complete yet are watched for it; the latest ones by name. */
const MAX_WATCHED_FOLDERS = 8;
/** A folder with more entries than this is looked at no further. */
export const MAX_ENTRIES = 10_000;
/** How long the last look, when the task has ended, may take: a network file system may hang. In ms. */
const LAST_LOOK_LIMIT_MS = 2_000;

/** Watches one folder until it is closed. */
export class CheckpointWatch {
  readonly #dir: string;
  readonly #workload: number;
  readonly #onNewest: (checkpoint: Checkpoint) => void;
  readonly #complete = new Map<string, Checkpoint>();
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #timer: NodeJS.Timeout;
  #settling: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #newest: Checkpoint | null = null;
  #state: 'watching' | 'last look' | 'closed' = 'watching';

  /**
   * @param workload whose checkpoints count; 0 = not known, those of any
   * @param onNewest called with the newest complete checkpoint whenever that is another one
   */
  constructor(dir: string, workload: number, onNewest: (checkpoint: Checkpoint) => void) {
    this.#dir = dir;
    this.#workload = workload;
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
    const latest = this.#latest();
    for (const name of folders) {
      const folder = path.join(this.#dir, name);
      const known = latest.has(name) ? undefined : this.#complete.get(name);
      const checkpoint = known ?? (await readComplete(folder, this.#workload));
      if (checkpoint === null) open.push(folder);
      if (checkpoint === null) this.#complete.delete(name);
      else this.#complete.set(name, checkpoint);
    }
    const here = new Set(folders);
    for (const name of this.#complete.keys()) if (!here.has(name)) this.#complete.delete(name);
    if (this.#state === 'closed') return;
    const newest = newestOf(this.#complete.values());
    this.#watchOnly([...open.sort().slice(-MAX_WATCHED_FOLDERS), ...(newest === null ? [] : [newest.path])]);
    if (newest === null || JSON.stringify(newest) === JSON.stringify(this.#newest)) return;
    this.#newest = newest;
    this.#onNewest(newest);
  }

  /** Those that are looked at again: a program may write into one folder again and again, which is not complete meanwhile. */
  #latest(): ReadonlySet<string> {
    const all = [...this.#complete].sort(([, a], [, b]) => b.step - a.step || b.timeMs - a.timeMs);
    return new Set(all.slice(0, MAX_WATCHED_FOLDERS).map(([name]) => name));
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
      // Gone again, shut by its program, away with its server, or out of watches: the poll finds what the watch would have. It is the
      // program's folder, and whatever it makes of it must not end the agent.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
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

/** Where a task begins, and a line for its log when that is not where it was told to. */
export interface ResumePoint {
  readonly checkpoint: Checkpoint | null;
  readonly note: string | null;
}

/** What decides where a task begins. */
export interface ResumeOrder {
  /** Where the scheduler says; null = it knows of no checkpoint. */
  readonly asked: Checkpoint | null;
  readonly dir: string;
  readonly workload: number;
  readonly attempt: number;
  readonly tasks: number;
}

/**
 * The checkpoint to begin with: the newest complete one of earlier attempts. That is the one which was asked for, with two exceptions: an
 * agent that died together with its task could not tell of the last one, and a folder that is written again and again may not be complete
 * now. Tasks of a gang must begin at the same step however late one starts, so they go by what is known to be of an earlier attempt.
 */
export async function resumePoint({ asked, dir, workload, attempt, tasks }: ResumeOrder): Promise<ResumePoint> {
  const found: (Checkpoint & { readonly attempt: number })[] = [];
  for (const name of await subFolders(dir)) {
    const folder = path.join(dir, name);
    const marker = await readMarker(folder);
    if (marker !== null && isOf(workload, marker)) found.push({ ...marker, path: folder });
  }
  const isHere = asked !== null && (await readMarker(asked.path)) !== null;
  const sure = found.filter((one) => tasks === 1 || (one.attempt > 0 && one.attempt < attempt));
  const newest = newestOf([
    ...(isHere ? [asked] : []),
    ...(sure.length > 0 || isHere || asked === null ? sure : found),
  ]);
  const checkpoint = newest === null ? null : { step: newest.step, timeMs: newest.timeMs, path: newest.path };
  if (asked === null && checkpoint === null) return { checkpoint, note: null };
  if (asked !== null && isHere && checkpoint?.path === asked.path) return { checkpoint: asked, note: null };
  const where =
    checkpoint === null ? 'starts from the beginning' : `goes on from step ${checkpoint.step}, ${checkpoint.path}`;
  const why =
    asked === null || isHere
      ? 'its last attempt could not tell of its last checkpoint any more'
      : `checkpoint ${asked.path} is ${await whyGone(asked.path)}`;
  return { checkpoint, note: `${why}: it ${where}` };
}

async function whyGone(folder: string): Promise<string> {
  return (await orNull(stat(folder))) === null ? 'not visible on this node' : 'not complete any more';
}

/** The newest complete checkpoint of a folder, for whoever was not there to watch; null = there is none, or it takes too long to say. */
export async function lastCheckpoint(dir: string, workload: number): Promise<Checkpoint | null> {
  let newest: Checkpoint | null = null;
  const watch = new CheckpointWatch(dir, workload, (checkpoint) => (newest = checkpoint));
  await watch.close();
  return newest;
}

async function subFolders(dir: string): Promise<string[]> {
  return (await orNull(readSubFolders(dir))) ?? [];
}

/** Reads no further than it has to: what lies there is the program's, and may be more than our memory holds. */
async function readSubFolders(dir: string): Promise<string[]> {
  const names: string[] = [];
  let entries = 0;
  for await (const entry of await opendir(dir)) {
    if (entry.isDirectory()) names.push(entry.name);
    entries += 1;
    if (entries >= MAX_ENTRIES) break;
  }
  return names;
}

/** Whether a checkpoint is one of a workload: whoever put it there, another workload's never is. */
function isOf(workload: number, marker: Pick<CheckpointMarker, 'workload'>): boolean {
  return marker.workload === 0 || workload === 0 || marker.workload === workload;
}

/** A complete checkpoint of a workload; null when the folder holds none (yet). */
async function readComplete(folder: string, workload: number): Promise<Checkpoint | null> {
  const marker = await readMarker(folder);
  return marker === null || !isOf(workload, marker) ? null : { step: marker.step, timeMs: marker.timeMs, path: folder };
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

// The folders of ended allocations, with their logs: which are kept, and the removal of the others.
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../common/log.js';
import { AllocationFolder } from './allocation-folder.js';
import { removeCgroup } from './cgroup.js';
import { groupFoldersOf } from './claimed-tree.js';
import { removeWork } from './empty-work.js';

/** They are kept until one of these is passed; the oldest go first. */
export const KEEP_ENDED = 1_000;
export const KEEP_ENDED_MS = 7 * 24 * 3_600_000;
export const KEEP_ENDED_BYTES = 10 * 1024 ** 3;

/** What st_blocks counts in. */
const BLOCK_BYTES = 512;

/** The folder of an ended allocation. */
export interface EndedFolder {
  readonly id: string;
  readonly endedMs: number;
  /** What its logs take on the disk. */
  readonly bytes: number;
}

/** Which folders are beyond the limits, counted from the latest end. */
export function foldersToRemove(ended: readonly EndedFolder[], nowMs: number): string[] {
  const latestFirst = [...ended].sort((a, b) => b.endedMs - a.endedMs);
  let bytes = 0;
  const isBeyond = ({ endedMs, bytes: own }: EndedFolder, place: number) => {
    bytes += own;
    return place >= KEEP_ENDED || nowMs - endedMs > KEEP_ENDED_MS || bytes > KEEP_ENDED_BYTES;
  };
  return latestFirst.filter(isBeyond).map(({ id }) => id);
}

/** Those below one folder, which is that of all allocations. */
export class EndedFolders {
  readonly #root: string;
  readonly #log: Logger;
  /** What was looked at: neither its end nor its logs change any more. */
  #known: ReadonlyMap<string, EndedFolder> = new Map();

  constructor(root: string, log: Logger) {
    this.#root = root;
    this.#log = log;
  }

  /**
   * Removes what is beyond the limits. Cost: a listing, and some small files for each that ended since the last time.
   * @param isKept whether an allocation is still asked for
   */
  async sweep(isKept: (id: string) => boolean): Promise<void> {
    const ended: EndedFolder[] = [];
    for (const id of await readdir(this.#root)) {
      const found = isKept(id) ? null : (this.#known.get(id) ?? (await this.#look(id)));
      if (found !== null) ended.push(found);
    }
    this.#known = new Map(ended.map((one) => [one.id, one]));
    for (const id of foldersToRemove(ended, Date.now())) {
      // One that cannot be removed now must not keep the others from it; it is tried again at the next sweep.
      await removeFolder(this.#folder(id)).catch((error: unknown) =>
        this.#log.warn({ err: error, allocation: id }, 'the folder of an ended task cannot be removed'),
      );
    }
  }

  async #look(id: string): Promise<EndedFolder | null> {
    const folder = this.#folder(id);
    const end = folder.readEnd();
    if (end === null) return null;
    const bytes = await Promise.all([folder.log, folder.errorLog].map(bytesOf));
    return { id, endedMs: end.endedMs, bytes: bytes.reduce((sum, one) => sum + one, 0) };
  }

  #folder(id: string): AllocationFolder {
    return new AllocationFolder(path.join(this.#root, id));
  }
}

async function removeFolder(folder: AllocationFolder): Promise<void> {
  for (const group of groupFoldersOf(folder)) removeCgroup(group);
  const user = folder.readSpec()?.user;
  if (user !== undefined) await removeWork(folder, user);
  // Of the rest only we could make anything.
  await rm(folder.path, { recursive: true, force: true });
}

/** 0 = it is not there. */
async function bytesOf(file: string): Promise<number> {
  try {
    return (await stat(file)).blocks * BLOCK_BYTES;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return 0;
  }
}

// How much of a disk a task has filled: what lies in its folders, and what its processes hold open although it was deleted,
// which is the part that `du` does not see.
import type { Dir, Stats } from 'node:fs';
import { lstat, opendir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** What stat(2) counts blocks in. */
const BLOCK_BYTES = 512;
/** So deep the names in a folder are read one by one and never kept: a task may make millions of files that take no room. */
const MAX_OPEN_FOLDERS = 64;
/** Folders deeper than that which wait for their turn. Whoever has more of them is not counted, but stopped. */
export const MAX_WAITING_FOLDERS = 2_000;
/** Files with several names that are told apart; further ones count once a name. */
const MAX_TOLD_APART = 1_000_000;

/**
 * Counts until the sum is above a limit. Other file systems mounted below are not counted, and no link is followed.
 * Cost: about 30 µs a file, off this thread for the most part; memory that does not grow with the number of files.
 * @param roots files and folders; what is missing counts as nothing
 * @param pids processes whose deleted files count
 * @returns bytes on the disk; when above `enoughBytes`, of a part only; Infinity = of {@link MAX_WAITING_FOLDERS} too many
 */
export async function diskUseBytes(
  roots: readonly string[],
  pids: readonly number[],
  enoughBytes: number,
): Promise<number> {
  // A file with several names is counted once.
  const seen = new Set<string>();
  let sum = 0;
  let device: number | null = null;
  const count = (file: Stats, mayComeAgain: boolean) => {
    if (mayComeAgain) {
      const key = `${file.dev}:${file.ino}`;
      if (seen.has(key)) return;
      if (seen.size < MAX_TOLD_APART) seen.add(key);
    }
    sum += file.blocks * BLOCK_BYTES;
  };
  for await (const file of filesBelow(roots, (found) => found.dev === (device ??= found.dev))) {
    if (file === 'too many folders') return Infinity;
    count(file, file.nlink > 1 && !file.isDirectory());
    if (sum > enoughBytes) return sum;
  }
  for (const pid of pids) {
    for (const file of await deletedFiles(pid)) if (file.dev === device) count(file, true);
    if (sum > enoughBytes) break;
  }
  return sum;
}

/** @param isWanted of what else nothing is told, nor of what is below it */
async function* filesBelow(
  roots: readonly string[],
  isWanted: (file: Stats) => boolean,
): AsyncGenerator<Stats | 'too many folders'> {
  const open: { readonly path: string; readonly folder: Dir }[] = [];
  const waiting = [...roots];
  try {
    for (;;) {
      const inside = open.at(-1);
      if (inside === undefined && waiting.length === 0) return;
      const next = inside === undefined ? waiting.pop() : await nextIn(inside);
      if (next === undefined) {
        await open.pop()?.folder.close();
        continue;
      }
      const file = await lstat(next).catch(ignoreVanished);
      if (file === undefined || !isWanted(file)) continue;
      yield file;
      if (!file.isDirectory()) continue;
      if (open.length >= MAX_OPEN_FOLDERS) {
        if (waiting.push(next) > MAX_WAITING_FOLDERS) yield 'too many folders';
        continue;
      }
      const folder = await opendir(next).catch(ignoreVanished);
      if (folder !== undefined) open.push({ path: next, folder });
    }
  } finally {
    for (const { folder } of open) await folder.close();
  }
}

async function nextIn({
  path: at,
  folder,
}: {
  readonly path: string;
  readonly folder: Dir;
}): Promise<string | undefined> {
  const entry = await folder.read().catch(ignoreVanished);
  return entry ? path.join(at, entry.name) : undefined;
}

/** Regular files that a process has open and that have no name any more. */
async function deletedFiles(pid: number): Promise<readonly Stats[]> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(ignoreVanished);
  const files: Stats[] = [];
  for (const name of names ?? []) {
    const file = await stat(path.join(folder, name)).catch(ignoreVanished);
    if (file?.isFile() === true && file.nlink === 0) files.push(file);
  }
  return files;
}

/** Files come and go while they are counted, and some are not ours to see. */
function ignoreVanished(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === undefined) throw error;
}

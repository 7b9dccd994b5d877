// How much of a disk a task has filled: what lies in its folders, and what its processes hold open although it was deleted,
// which is the part that `du` does not see.
import type { Stats } from 'node:fs';
import { lstat, opendir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** What stat(2) counts blocks in. */
const BLOCK_BYTES = 512;

/**
 * Counts until the sum is above a limit. Other file systems mounted below are not counted, and no link is followed.
 * Cost: about 30 µs a file, off this thread for the most part.
 * @param roots files and folders; what is missing counts as nothing
 * @param pids processes whose deleted files count
 * @returns bytes on the disk; when above `enoughBytes`, of a part only
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
  const count = (file: Stats) => {
    const key = `${file.dev}:${file.ino}`;
    if (file.nlink > 1 && !file.isDirectory() && seen.has(key)) return;
    seen.add(key);
    sum += file.blocks * BLOCK_BYTES;
  };
  const waiting = [...roots];
  for (let next = waiting.pop(); next !== undefined && sum <= enoughBytes; next = waiting.pop()) {
    const file = await lstat(next).catch(ignoreVanished);
    if (file === undefined) continue;
    device ??= file.dev;
    if (file.dev !== device) continue;
    count(file);
    if (!file.isDirectory()) continue;
    const folder = await opendir(next).catch(ignoreVanished);
    if (folder === undefined) continue;
    for await (const entry of folder) waiting.push(path.join(next, entry.name));
  }
  for (const pid of pids) {
    if (sum > enoughBytes) break;
    for (const file of await deletedFiles(pid)) {
      if (file.dev !== device || seen.has(`${file.dev}:${file.ino}`)) continue;
      count(file);
      seen.add(`${file.dev}:${file.ino}`);
    }
  }
  return sum;
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

// Gives back what a task left in its working directory and among its scratch files. Only with the rights that wrote it, and with a program that never goes
// through a link: whatever lies in there, and whoever still changes it, nobody else's files can be meant.
import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import type { AllocationFolder } from './allocation-folder.js';
import { runAsUser, type TaskUser } from './as-user.js';

/**
 * Removes what is in a task's own folders, if they are there.
 * @param user who the task ran as; undefined = the agent's own user
 * @throws Error in words when not all of it could be removed, or not in time
 */
export async function emptyWork({ work, scratch }: AllocationFolder, user: TaskUser | undefined): Promise<void> {
  const folders = [work, scratch].filter((folder) => existsSync(folder));
  if (folders.length === 0) return;
  // A folder that its owner shut, as caches of packages are, gives nothing up before it is opened.
  await runAsUser(user, ['find', ...folders, '-mindepth', '1', '-type', 'd', '!', '-perm', '-700', ...OPEN]);
  await runAsUser(user, ['find', ...folders, '-mindepth', '1', '-delete']);
}

/**
 * Removes a task's scratch files, which nobody looks at once it has ended. Costs nothing where there are none.
 * @throws Error in words when not all of them could be removed, or not in time
 */
export async function removeScratch({ scratch }: AllocationFolder, user: TaskUser | undefined): Promise<void> {
  const isEmpty = await rmdir(scratch).then(() => true, isNotEmpty);
  if (isEmpty) return;
  await runAsUser(user, ['find', scratch, '-mindepth', '1', '-type', 'd', '!', '-perm', '-700', ...OPEN]);
  await runAsUser(user, ['find', scratch, '-mindepth', '1', '-delete']);
  await rmdir(scratch);
}

/** @returns false; true = there is nothing to remove @throws any other refusal */
function isNotEmpty(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return true;
  if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
  throw error;
}

/**
 * Removes those folders as well. As empty they are removed, so that nobody who can still write there makes us, who may
 * be root, follow them into it. @throws Error when something is in there, or as `emptyWork`
 */
export async function removeWork(folder: AllocationFolder, user: TaskUser | undefined): Promise<void> {
  await emptyWork(folder, user);
  for (const own of [folder.work, folder.scratch]) if (existsSync(own)) await rmdir(own);
}

/** One at a time: what is inside is looked at after it. */
const OPEN = ['-exec', 'chmod', 'u+rwx', '{}', ';'];

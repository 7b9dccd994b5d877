// Gives back what a task left in its working directory. Only with the rights that wrote it, and with a program that never goes
// through a link: whatever lies in there, and whoever still changes it, nobody else's files can be meant.
import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import type { AllocationFolder } from './allocation-folder.js';
import { runAsUser, type TaskUser } from './as-user.js';

/**
 * Removes what is in a task's working directory, if it is there.
 * @param user who the task ran as; undefined = the agent's own user
 * @throws Error in words when not all of it could be removed, or not in time
 */
export async function emptyWork({ work }: AllocationFolder, user: TaskUser | undefined): Promise<void> {
  if (!existsSync(work)) return;
  // A folder that its owner shut, as caches of packages are, gives nothing up before it is opened.
  await runAsUser(user, ['find', work, '-mindepth', '1', '-type', 'd', '!', '-perm', '-700', ...OPEN]);
  await runAsUser(user, ['find', work, '-mindepth', '1', '-delete']);
}

/**
 * Removes the working directory as well. As empty it is removed, so that nobody who can still write there makes us, who may
 * be root, follow them into it. @throws Error when something is in there, or as `emptyWork`
 */
export async function removeWork(folder: AllocationFolder, user: TaskUser | undefined): Promise<void> {
  await emptyWork(folder, user);
  if (existsSync(folder.work)) await rmdir(folder.work);
}

/** One at a time: what is inside is looked at after it. */
const OPEN = ['-exec', 'chmod', 'u+rwx', '{}', ';'];

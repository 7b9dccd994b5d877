// Takes back the folders that were made for a task in storage which many nodes share, and that it never used: an array of thousands
// would leave as many.
import { rmdir } from 'node:fs/promises';
import { FolderLook } from './remote-folders.js';

/** How long storage may take to answer, in ms: the end of the task waits for it. */
const ANSWER_LIMIT_MS = 1_000;

/** Removes those that are there and empty. Whatever speaks against that leaves them: they do no harm. */
export async function removeEmptyFolders(folders: readonly string[]): Promise<void> {
  const look = new FolderLook(folders);
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<'silent'>((resolve) => {
    timer = setTimeout(() => resolve('silent'), ANSWER_LIMIT_MS);
  });
  try {
    if ((await Promise.race([look.answered, silence])) === 'silent') return;
    await Promise.all(folders.map((folder) => rmdir(folder).catch(ignoreRefusal)));
  } finally {
    clearTimeout(timer);
    look.giveUp();
  }
}

/** Not empty, not there, not ours to remove: the system says so with a code. */
function ignoreRefusal(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code === undefined) throw error;
}

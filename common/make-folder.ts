// Making a folder with those above it. Node's own recursive mkdir never returns where the system answers ENOENT although the
// folder above exists, as /proc does (nodejs/node, node_file.cc, MKDirpSync): a mistyped path would hang a daemon for good.
import { existsSync, mkdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

/** Permissions of a folder that is made, before the umask. */
const EVERYBODY = 0o777;

/**
 * Makes a folder and what is missing above it, one by one from the top.
 * @param mode of every folder that is made
 * @returns the topmost folder that was made; null when all of it was there
 * @throws Error of the system, naming the folder that could not be made
 */
export function makeFolderSync(folder: string, mode = EVERYBODY): string | null {
  const missing = missingFolders(folder);
  for (const each of missing) {
    try {
      mkdirSync(each, { mode });
    } catch (error) {
      if (!isThere(error)) throw error;
    }
  }
  return missing[0] ?? null;
}

/** As {@link makeFolderSync}, without blocking this thread while a slow disk makes them. */
export async function makeFolder(folder: string, mode = EVERYBODY): Promise<string | null> {
  const missing = missingFolders(folder);
  for (const each of missing) {
    await mkdir(each, { mode }).catch((error: unknown) => {
      if (!isThere(error)) throw error;
    });
  }
  return missing[0] ?? null;
}

/** The topmost first. */
function missingFolders(folder: string): readonly string[] {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !existsSync(at); at = path.dirname(at)) missing.unshift(at);
  return missing;
}

/** Somebody else made it in the meantime. */
function isThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

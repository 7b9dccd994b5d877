// Sends a file or a folder as a stream of entries. Links are not followed and not sent: where one leads is another matter.
import { constants, lstat, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { whyUnusable } from '../why-unusable.js';
import { CHUNK_BYTES, CopyError, type CopyResult, lineOf, MAX_COPY_BYTES, MAX_ENTRIES } from './entries.js';

/**
 * Sends what lies at a path.
 * @param write resolves when there is room for more
 * @throws CopyError in words
 */
export async function sendFiles(root: string, write: (data: Buffer) => Promise<void>): Promise<CopyResult> {
  let entries = 0;
  let bytes = 0;
  let skipped = 0;
  const say = (text: string) => write(Buffer.from(text));
  const visit = async (at: string): Promise<void> => {
    const full = path.join(root, at);
    const stat = await lstat(full).catch((error: unknown) => {
      throw unreadable(full, error);
    });
    if (!stat.isFile() && !stat.isDirectory()) {
      if (at === '') throw new CopyError(`${root} is neither a file nor a folder`);
      skipped += 1;
      return;
    }
    entries += 1;
    if (entries > MAX_ENTRIES)
      throw new CopyError(`${root} holds more than ${MAX_ENTRIES} files; copy an archive of them`);
    const name = at === '' ? { name: path.basename(path.resolve(root)) } : {};
    if (name.name === '') throw new CopyError('the root of a file system is not copied; name folders below it');
    const mode = stat.mode & 0o777;
    if (stat.isDirectory()) {
      await say(lineOf({ path: at, type: 'folder', mode, size: 0, ...name }));
      for (const child of await childrenOf(full)) await visit(path.posix.join(at, child));
      return;
    }
    bytes += stat.size;
    if (bytes > MAX_COPY_BYTES) throw new CopyError(`${root} is larger than ${MAX_COPY_BYTES} bytes`);
    await say(lineOf({ path: at, type: 'file', mode, size: stat.size, ...name }));
    await sendFile(full, stat.size, write);
  };
  await visit('');
  await say(lineOf({ entries, bytes }));
  return { entries, bytes, skipped };
}

/** Exactly so many bytes, as were announced: a file that grows meanwhile is sent as it was. */
async function sendFile(file: string, size: number, write: (data: Buffer) => Promise<void>): Promise<void> {
  // A link that took the file's place meanwhile is not followed.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  try {
    for (let at = 0; at < size;) {
      const { buffer, bytesRead } = await handle.read(
        Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - at)),
        0,
        null,
        at,
      );
      if (bytesRead === 0) throw new CopyError(`${file} became shorter while it was copied`);
      await write(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

async function childrenOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  return names.toSorted();
}

/** How what was passed over is told. */
export function skippedText(count: number): string {
  return count === 1 ? '1 link or device was not copied' : `${count} links and devices were not copied`;
}

function unreadable(file: string, error: unknown): CopyError {
  const { code } = error as NodeJS.ErrnoException;
  return new CopyError(code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read: ${whyUnusable(error)}`);
}

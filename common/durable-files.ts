// Files that are there whole or not at all, also after a crash of the machine: temporary name, fsync, rename, fsync folder.
import { mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';

/** Writes or replaces a file. Its folder must exist. */
export async function writeFileDurably(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeAndSync(temporary, content);
  await rename(temporary, file);
  await syncFolder(path.dirname(file));
}

/** A file of a new folder. */
export interface NewFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** Makes a folder of files appear under its name only when everything in it is on disk. `folder` must not exist. */
export async function writeFolderDurably(folder: string, files: readonly NewFile[]): Promise<void> {
  const temporary = temporaryName(folder);
  await mkdir(temporary);
  for (const { name, content } of files) await writeAndSync(path.join(temporary, name), content);
  await syncFolder(temporary);
  await rename(temporary, folder);
  await syncFolder(path.dirname(folder));
}

/** The name under which a folder is written before it is whole: hidden, so that nobody takes it for the folder. */
export function temporaryName(folder: string): string {
  return path.join(path.dirname(folder), `.${path.basename(folder)}.${process.pid}.tmp`);
}

async function writeAndSync(file: string, content: string | Uint8Array): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

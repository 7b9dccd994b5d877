// Takes a stream of entries and makes the files that it holds. Nothing outside the place they go to is touched, whatever the
// stream says: paths that lead out of it are refused, and so are links on the way.
import { lstatSync, renameSync } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { whyUnusable } from '../why-unusable.js';
import {
  type CopyEnd,
  type CopyEntry,
  CopyError,
  MAX_COPY_BYTES,
  MAX_ENTRIES,
  MAX_LINE_BYTES,
  parseLine,
} from './entries.js';

const NEWLINE = 0x0a;

/** A file of which not all has come. */
interface Incoming {
  readonly handle: FileHandle;
  readonly temporary: string;
  readonly path: string;
  left: number;
}

/** One copy that comes in. */
export class FileReceiver {
  readonly #destination: string;
  readonly #isInto: boolean;
  #head: Buffer = Buffer.alloc(0);
  #root: string | null = null;
  #file: Incoming | null = null;
  #entries = 0;
  #bytes = 0;
  #end: CopyEnd | null = null;
  /** Permissions of folders, set last: one that may not be written would take no files. */
  readonly #folders: { readonly path: string; readonly mode: number }[] = [];

  /**
   * @param destination an existing folder: what comes goes into it; else what it is to be called
   * @param isInto the destination is to be a folder, whether it is there or not
   */
  constructor(destination: string, isInto: boolean) {
    this.#destination = destination;
    this.#isInto = isInto;
  }

  /** Takes a part of the stream. @throws CopyError in words */
  async take(data: Buffer): Promise<void> {
    let rest = this.#head.length === 0 ? data : Buffer.concat([this.#head, data]);
    this.#head = Buffer.alloc(0);
    while (rest.length > 0) {
      if (this.#end !== null) throw new CopyError('the copy goes on after its end');
      if (this.#file !== null) {
        const part = rest.subarray(0, this.#file.left);
        rest = rest.subarray(part.length);
        await this.#write(this.#file, part);
        continue;
      }
      const newline = rest.indexOf(NEWLINE);
      if (newline < 0 ? rest.length > MAX_LINE_BYTES : newline > MAX_LINE_BYTES) {
        throw new CopyError('what comes is no copy of files');
      }
      if (newline < 0) {
        this.#head = Buffer.from(rest);
        return;
      }
      const line = parseLine(rest.subarray(0, newline).toString('utf8'));
      rest = rest.subarray(newline + 1);
      if ('entries' in line) await this.#finish(line);
      else await this.#begin(line);
    }
  }

  /** The stream is over. @throws CopyError when it broke off */
  async finish(): Promise<CopyEnd> {
    if (this.#end === null) {
      await this.abort();
      throw new CopyError(`the copy broke off after ${this.#entries} files and folders`);
    }
    return this.#end;
  }

  /** Removes what is half done. */
  async abort(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    await file.handle.close();
    await rm(file.temporary, { force: true });
  }

  async #begin(entry: CopyEntry): Promise<void> {
    this.#entries += 1;
    this.#bytes += entry.size;
    if (this.#entries > MAX_ENTRIES) throw new CopyError(`more than ${MAX_ENTRIES} files are not copied at once`);
    if (this.#bytes > MAX_COPY_BYTES) throw new CopyError(`more than ${MAX_COPY_BYTES} bytes are not copied at once`);
    if (this.#root === null) {
      if (entry.path !== '') throw new CopyError('what comes is no copy of files');
      this.#root = await this.#chooseRoot(entry.name ?? 'copy');
    } else if (entry.path === '') {
      throw new CopyError('what comes is no copy of files');
    }
    const target = path.join(this.#root, entry.path);
    refuseLinks(this.#root, entry.path);
    if (entry.type === 'folder') {
      await makeFolder(target);
      this.#folders.push({ path: target, mode: entry.mode });
      return;
    }
    const temporary = path.join(path.dirname(target), `.${path.basename(target)}.sluice-${process.pid}`);
    const handle = await open(temporary, 'wx', 0o600).catch((error: unknown) => {
      throw unwritable(target, error);
    });
    await handle.chmod(entry.mode);
    this.#file = { handle, temporary, path: target, left: entry.size };
    if (entry.size === 0) await this.#close(this.#file);
  }

  async #chooseRoot(name: string): Promise<string> {
    const there = await lstat(this.#destination).catch(() => null);
    const isFolder = there?.isDirectory() === true || (there?.isSymbolicLink() === true && this.#isInto);
    if (isFolder) return path.join(this.#destination, name);
    if (!this.#isInto) return this.#destination;
    await makeFolder(this.#destination);
    return path.join(this.#destination, name);
  }

  async #write(file: Incoming, data: Buffer): Promise<void> {
    try {
      for (let at = 0; at < data.length;) at += (await file.handle.write(data, at)).bytesWritten;
    } catch (error) {
      await this.abort();
      throw unwritable(file.path, error);
    }
    file.left -= data.length;
    if (file.left === 0) await this.#close(file);
  }

  async #close(file: Incoming): Promise<void> {
    this.#file = null;
    await file.handle.close();
    try {
      renameSync(file.temporary, file.path);
    } catch (error) {
      await rm(file.temporary, { force: true });
      throw unwritable(file.path, error);
    }
  }

  async #finish(end: CopyEnd): Promise<void> {
    if (end.entries !== this.#entries || end.bytes !== this.#bytes) throw new CopyError('the copy is not whole');
    for (const { path: folder, mode } of this.#folders.toReversed()) await chmod(folder, mode);
    this.#end = end;
  }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    const isFile = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw isFile ? new CopyError(`${folder} cannot be made a folder: a file is there`) : unwritable(folder, error);
  });
}

/** A link on the way would lead somewhere else. What the destination itself is was the choice of the one who named it. */
function refuseLinks(root: string, below: string): void {
  let at = root;
  for (const part of ['', ...below.split('/').filter(Boolean)]) {
    at = path.join(at, part);
    if (isLink(at)) {
      throw new CopyError(`${at} is a link; remove it, or copy to another place`);
    }
  }
}

function isLink(at: string): boolean {
  try {
    return lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch (error) {
    throw unwritable(at, error);
  }
}

/** @param file the place that was asked for, not the hidden one beside it that is written first */
function unwritable(file: string, error: unknown): CopyError {
  const { code } = error as NodeJS.ErrnoException;
  const why =
    code === 'EEXIST'
      ? 'another copy to it is under way'
      : code === 'ENOENT'
        ? `the folder ${path.dirname(file)} does not exist`
        : whyUnusable(error);
  return new CopyError(`${file} cannot be written: ${why}`);
}

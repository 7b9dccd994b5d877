// How files travel between a task and a client: a stream of entries, each a line of JSON followed by the bytes of the file it
// names. The last one counts those before it, so that a stream that broke off is told from a whole one.
import path from 'node:path';

/** The most files and folders of one copy. */
export const MAX_ENTRIES = 100_000;
/** The most bytes of one copy: 1 TiB. */
export const MAX_COPY_BYTES = 1024 ** 4;
/** The longest line of JSON, in bytes. */
export const MAX_LINE_BYTES = 16_384;
/** How much of a file is read at once. */
export const CHUNK_BYTES = 65_536;

/** A file or a folder. */
export interface CopyEntry {
  /** Below what is copied, with `/`; empty = that itself. */
  readonly path: string;
  readonly type: 'file' | 'folder';
  /** Its permissions, without those that change users. */
  readonly mode: number;
  /** Of a file: how many bytes follow. */
  readonly size: number;
  /** Of the first entry: what it was called. */
  readonly name?: string;
}

/** The last line. */
export interface CopyEnd {
  readonly entries: number;
  readonly bytes: number;
}

/** What was copied, and what was not. */
export interface CopyResult extends CopyEnd {
  /** Links and devices that were passed over. */
  readonly skipped: number;
}

/** Something that the one who copies has to know; its message is for them. */
export class CopyError extends Error {}

export function lineOf(entry: CopyEntry | CopyEnd): string {
  return `${JSON.stringify(entry)}\n`;
}

/** @throws CopyError when it is no entry, or one that would leave the folder it is to go to */
export function parseLine(text: string): CopyEntry | CopyEnd {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CopyError('what comes is no copy of files');
  }
  const fields = value as Partial<CopyEntry & CopyEnd>;
  if (isCount(fields.entries) && isCount(fields.bytes)) return { entries: fields.entries, bytes: fields.bytes };
  const { path: at, type, mode, size, name } = fields;
  const isEntry = typeof at === 'string' && (type === 'file' || type === 'folder') && isCount(mode) && isCount(size);
  if (!isEntry) throw new CopyError('what comes is no copy of files');
  if (!staysBelow(at) || (name !== undefined && (!staysBelow(name) || name === '' || name.includes('/')))) {
    throw new CopyError(`the copy holds a path that leads out of it: ${JSON.stringify(name ?? at)}`);
  }
  return { path: at, type, mode: mode & 0o777, size, ...(name === undefined ? {} : { name }) };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Whether a path is a plain one below where it starts. */
function staysBelow(at: string): boolean {
  return !at.includes('\0') && !path.isAbsolute(at) && !at.split('/').some((part) => part === '..' || part === '.');
}

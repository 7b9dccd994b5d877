// Reads snapshot files: whether one is whole, what it holds, and its records.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { COLLECTION_NAMES } from '../collections.js';
import { describe, StoreUnusable } from '../data-folder.js';
import type { StoredRecord } from '../state-store.js';
import {
  cutOff,
  damaged,
  MAX_HEADER_BYTES,
  MAX_TRAILER_BYTES,
  notASnapshot,
  parseHeader,
  parseTrailer,
  type SnapshotHeader,
  type SnapshotTrailer,
} from './format.js';

/** A snapshot file that is whole. */
export interface SnapshotFile {
  readonly file: string;
  readonly bytes: number;
  readonly header: SnapshotHeader;
  readonly trailer: SnapshotTrailer;
  /** Where the compressed records lie, in bytes from the start of the file. */
  readonly body: { readonly start: number; readonly end: number };
}

/**
 * Reads the whole file once and holds it against its checksum.
 * @throws {@link StoreUnusable} in words: not there, not a snapshot, cut off, damaged, of a later format
 */
export async function verifySnapshot(file: string): Promise<SnapshotFile> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw unreadable(file, error);
  });
  try {
    const { size } = await handle.stat();
    const first = await readAt(handle, 0, Math.min(size, MAX_HEADER_BYTES));
    const lineEnd = first.indexOf('\n');
    if (lineEnd < 0) throw notASnapshot(file);
    const header = parseHeader(file, first.toString('utf8', 0, lineEnd));
    const start = lineEnd + 1;
    const tailStart = Math.max(start, size - MAX_TRAILER_BYTES);
    const tail = await readAt(handle, tailStart, size - tailStart);
    // Searched from before the line feed that ends the file.
    const trailerAt = tail.at(-1) === 0x0a ? tail.lastIndexOf('\n', -2) : -1;
    const trailer = trailerAt < 0 ? null : parseTrailer(tail.toString('utf8', trailerAt + 1));
    if (trailer === null) throw cutOff(file);
    const end = tailStart + trailerAt;
    if ((await hashOf(file, end)) !== trailer.sha256) throw damaged(file, 'its checksum is another');
    return { file, bytes: size, header, trailer, body: { start, end } };
  } catch (error) {
    throw error instanceof StoreUnusable ? error : unreadable(file, error);
  } finally {
    await handle.close();
  }
}

/** The records of a snapshot that was verified. @throws {@link StoreUnusable} when they are not what it says they are */
export async function* snapshotRecords({ file, body, trailer }: SnapshotFile): AsyncGenerator<StoredRecord, void> {
  const gunzip = createGunzip();
  const unpacking = pipeline(createReadStream(file, { start: body.start, end: body.end - 1 }), gunzip);
  // Told below, once what came out is used up.
  unpacking.catch(() => undefined);
  const names: readonly string[] = COLLECTION_NAMES;
  let read = 0;
  try {
    for await (const line of linesOf(gunzip)) {
      const parsed: unknown = JSON.parse(line);
      if (!isRecord(parsed, names)) throw damaged(file, `record ${read + 1} is none`);
      read += 1;
      yield { collection: parsed[0], key: parsed[1], value: parsed[2] } as StoredRecord;
    }
    await unpacking;
  } catch (error) {
    throw error instanceof StoreUnusable ? error : damaged(file, describe(error));
  } finally {
    gunzip.destroy();
  }
  if (read !== trailer.records) throw damaged(file, `it holds ${read} records and says ${trailer.records}`);
}

/** Node's own reader of lines also breaks them at characters that may stand inside JSON. */
async function* linesOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  let kept: Buffer[] = [];
  for await (const chunk of bytes) {
    let from = 0;
    for (let at = chunk.indexOf('\n'); at >= 0; at = chunk.indexOf('\n', from)) {
      const end = chunk.subarray(from, at);
      yield (kept.length === 0 ? end : Buffer.concat([...kept, end])).toString('utf8');
      kept = [];
      from = at + 1;
    }
    if (from < chunk.length) kept.push(chunk.subarray(from));
  }
  if (kept.length > 0) throw new Error('its last record is cut off');
}

function isRecord(parsed: unknown, names: readonly string[]): parsed is [string, string, object] {
  if (!Array.isArray(parsed) || parsed.length !== 3) return false;
  const [collection, key, value] = parsed as readonly unknown[];
  return names.includes(String(collection)) && typeof key === 'string' && typeof value === 'object' && value !== null;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** SHA-256 of the first so many bytes, in hex. */
async function hashOf(file: string, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { end: bytes - 1 }), hash);
  return hash.digest('hex');
}

function unreadable(file: string, error: unknown): StoreUnusable {
  return new StoreUnusable('UNREADABLE', `cannot read ${file}: ${describe(error)}.`, { cause: error });
}

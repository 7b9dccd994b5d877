// The file that makes a checkpoint count: COMPLETE, in the checkpoint's folder. Its content is optional, since any program in any
// language may make it; what is there is JSON.
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileDurably } from './durable-files.js';

export const COMPLETE_FILE = 'COMPLETE';

/** The most of it that is read, in bytes. */
const MAX_BYTES = 4_096;

/** What it says of its checkpoint. */
export interface CheckpointMarker {
  /** How far it is; 0 = it does not say, and time decides. */
  readonly step: number;
  /** Which attempt made it; 0 = it does not say. */
  readonly attempt: number;
  /** The number of the workload whose attempt that was; 0 = it does not say. */
  readonly workload: number;
  /** When it was made: wall clock of whoever keeps the files, ms since 1970. */
  readonly timeMs: number;
}

/** The marker in a folder; null = there is none, so that the checkpoint is not complete (yet), or it is not ours to read. */
export async function readMarker(folder: string): Promise<CheckpointMarker | null> {
  const file = path.join(folder, COMPLETE_FILE);
  const found = await orNull(stat(file));
  if (found === null) return null;
  const isShort = found.isFile() && found.size <= MAX_BYTES;
  const content = parsed(isShort ? ((await orNull(readStart(file))) ?? '') : '');
  const whole = (value: unknown): number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
  return {
    step: whole(content['step']),
    attempt: whole(content['attempt']),
    workload: whole(content['workload']),
    timeMs: Math.floor(found.mtimeMs),
  };
}

/** Whoever writes there may put a pipe or a device in its place at any time: it must neither keep us waiting nor fill our memory. */
async function readStart(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Makes or replaces the marker: it is there whole or not at all, also after a crash. */
export async function writeMarker(
  folder: string,
  marker: Omit<CheckpointMarker, 'timeMs'> & { readonly allocation: string },
): Promise<void> {
  const { step, attempt, workload, allocation } = marker;
  const text = JSON.stringify({ step, attempt, workload, allocation });
  await writeFileDurably(path.join(folder, COMPLETE_FILE), `${text}\n`);
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === 'object' && content !== null ? { ...content } : {};
  } catch {
    // Made by touch(1), or by a program that writes something of its own there.
    return {};
  }
}

/** What cannot be read is as good as none: gone in between, or not ours to read. */
async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return null;
  }
}

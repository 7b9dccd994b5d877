// The file that makes a checkpoint count: COMPLETE, in the checkpoint's folder. Its content is optional, since any program in any
// language may make it; what is there is JSON.
import { readFile, stat } from 'node:fs/promises';
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
  /** When it was made: wall clock of whoever keeps the files, ms since 1970. */
  readonly timeMs: number;
}

/** The marker in a folder; null = there is none, so that the checkpoint is not complete (yet), or it is not ours to read. */
export async function readMarker(folder: string): Promise<CheckpointMarker | null> {
  const file = path.join(folder, COMPLETE_FILE);
  const found = await orNull(stat(file));
  if (found === null) return null;
  const text = found.size > MAX_BYTES ? '' : ((await orNull(readFile(file, 'utf8'))) ?? '');
  const content = parsed(text);
  const whole = (value: unknown): number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
  return { step: whole(content['step']), attempt: whole(content['attempt']), timeMs: Math.floor(found.mtimeMs) };
}

/** Makes or replaces the marker: it is there whole or not at all, also after a crash. */
export async function writeMarker(
  folder: string,
  marker: Omit<CheckpointMarker, 'timeMs'> & { readonly allocation: string },
): Promise<void> {
  const { step, attempt, allocation } = marker;
  await writeFileDurably(path.join(folder, COMPLETE_FILE), `${JSON.stringify({ step, attempt, allocation })}\n`);
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

// When an interactive task was last used: the time of change of a file in its folder, so that it outlives whoever notes it.
import { statSync, utimesSync } from 'node:fs';
import path from 'node:path';

export function activityFile(folder: string): string {
  return path.join(folder, 'activity');
}

/** @returns ms since 1970; null = it is no interactive task, or has not begun */
export function lastActivityMs(folder: string): number | null {
  return statSync(activityFile(folder), { throwIfNoEntry: false })?.mtimeMs ?? null;
}

/** Notes that it is used now, if it is interactive. */
export function noteActivity(folder: string): void {
  try {
    const now = new Date();
    utimesSync(activityFile(folder), now, now);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

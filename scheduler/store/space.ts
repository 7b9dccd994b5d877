// Judges how much room is left on the disk of the data folder, before a commit needs it: LMDB reports a full disk as a
// plain I/O error, and by then the daemon must stop.
import { statfsSync } from 'node:fs';
import type { Clock } from '../../common/clock.js';
import { type SpaceState, StoreFailure } from './state-store.js';

/** Room on one file system, as the daemon's user may use it. */
export interface FreeSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** What the guard last saw, with the limits it judged by. */
export interface SpaceReport extends FreeSpace {
  readonly state: SpaceState;
  readonly lowBelowBytes: number;
  readonly criticalBelowBytes: number;
}

export interface SpaceGuard {
  /** At most {@link MAX_AGE_MS} old. Throws {@link StoreFailure} when the folder's file system cannot be asked. */
  report(): SpaceReport;
}

const MIB = 1024 * 1024;
/** Below this, or below {@link LOW_FRACTION} of the disk, whichever is more, only what frees room is taken. */
const LOW_BYTES = 1024 * MIB;
const LOW_FRACTION = 0.05;
/** Below this nothing is placed either. Completions still fit: one is a few KiB. */
const CRITICAL_BYTES = 256 * MIB;
/** How long an answer of the file system is used. */
export const MAX_AGE_MS = 1000;

/** Room on the file system that holds `folder`; the part kept for root does not count. */
export function readFreeSpace(folder: string): FreeSpace {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

export function judgeSpace(space: FreeSpace): SpaceReport {
  const lowBelowBytes = Math.max(LOW_BYTES, space.totalBytes * LOW_FRACTION);
  const state: SpaceState =
    space.freeBytes < CRITICAL_BYTES ? 'critical' : space.freeBytes < lowBelowBytes ? 'low' : 'ample';
  return { ...space, state, lowBelowBytes, criticalBelowBytes: CRITICAL_BYTES };
}

/** Asks at once, and again when an answer is older than {@link MAX_AGE_MS} and someone wants to know. */
export function createSpaceGuard(clock: Clock, read: () => FreeSpace): SpaceGuard {
  let last = ask(read);
  let askedMs = clock.monotonicMs();
  return {
    report() {
      const nowMs = clock.monotonicMs();
      if (nowMs - askedMs >= MAX_AGE_MS) {
        last = ask(read);
        askedMs = nowMs;
      }
      return last;
    },
  };
}

function ask(read: () => FreeSpace): SpaceReport {
  try {
    return judgeSpace(read());
  } catch (error) {
    throw new StoreFailure(`cannot tell how much room is left on the disk: ${String(error)}`, { cause: error });
  }
}

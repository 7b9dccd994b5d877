// Reads the logs of tasks in pieces, and waits at their end for more while the task lives.
import { closeSync, type FSWatcher, openSync, readSync, fstatSync, watch } from 'node:fs';
import { readExtent } from './log-cap.js';
import { type LogTime, offsetSince, timesBetween } from './log-times.js';

/** The most bytes of one piece. */
export const MAX_PIECE_BYTES = 65_536;
/** How many reads may wait for more at once. */
export const MAX_WAITING_READS = 512;
/** How often a log is looked at beside its file's events, which network file systems do not have, in ms. */
const POLL_MS = 1_000;

/** Which piece of a log. */
export interface LogRequest {
  readonly offset: number;
  readonly maxBytes: number;
  /** At the end of the log of a live task: answer when there is more, not at once. */
  readonly wait: boolean;
  /** Begin no earlier than with what was written at or after this time, in ms since 1970. */
  readonly sinceMs?: number;
  /** Tell when it was written. */
  readonly times?: boolean;
  /** The log of standard error, where it has one of its own. */
  readonly stderr?: boolean;
}

/** A piece of a log. */
export interface LogPiece {
  /** Where it begins; later than asked for when older bytes were dropped. */
  readonly offset: number;
  readonly data: Buffer;
  /** The task ended and this reaches the end of its log. */
  readonly end: boolean;
  /** When it was written; only when asked for. */
  readonly times?: readonly LogTime[];
}

interface Watched {
  readonly watcher: FSWatcher | null;
  readonly timer: NodeJS.Timeout;
  readonly wake: Set<() => void>;
  /** Who relies on it: one that was woken and looks again, too. */
  readers: number;
  changes: number;
}

/** The logs of one node's tasks. */
export class TaskLogs {
  readonly #isLive: (id: string) => boolean;
  /** By file: a task may have two. */
  readonly #watched = new Map<string, Watched>();
  #waiting = 0;
  #closed = false;

  /** @param isLive whether a task may still write */
  constructor(isLive: (id: string) => boolean) {
    this.#isLive = isLive;
  }

  /** Reads one piece. @throws Error in words when the log cannot be read */
  async read(id: string, file: string, request: LogRequest, cancelled: AbortSignal): Promise<LogPiece> {
    const piece = this.#readNow(id, file, request);
    if (!request.wait || piece.end || piece.data.length > 0) return piece;
    if (this.#waiting >= MAX_WAITING_READS) {
      throw new Error(`${MAX_WAITING_READS} log reads of this node wait for more already\nTry again in a moment.`);
    }
    const watched = this.#watch(file);
    this.#waiting += 1;
    try {
      // From here on no change is missed: the watch began before the look.
      for (;;) {
        const seen = watched.changes;
        const later = this.#readNow(id, file, request);
        if (later.end || later.data.length > 0 || cancelled.aborted || this.#closed) return later;
        if (watched.changes === seen) await nextChange(watched, cancelled);
      }
    } finally {
      this.#waiting -= 1;
      this.#unwatch(file, watched);
    }
  }

  /** To be called when a task ended, so that whoever waits learns of it. */
  ended(files: readonly string[]): void {
    for (const file of files) {
      const watched = this.#watched.get(file);
      if (watched !== undefined) changed(watched);
    }
  }

  close(): void {
    this.#closed = true;
    for (const watched of this.#watched.values()) changed(watched);
  }

  #readNow(id: string, file: string, request: LogRequest): LogPiece {
    // Asked first: what is written later than this answer belongs to a live task.
    const live = this.#isLive(id);
    const extent = readExtent(file);
    const since = request.sinceMs === undefined ? 0 : offsetSince(file, request.sinceMs);
    const wanted = Math.max(request.offset, extent.first, since);
    const length = Math.max(1, Math.min(request.maxBytes || MAX_PIECE_BYTES, MAX_PIECE_BYTES));
    let fd: number;
    try {
      fd = openSync(file, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return { offset: 0, data: Buffer.alloc(0), end: !live };
    }
    try {
      const data = Buffer.allocUnsafe(length);
      // Asked for more than there is: the answer begins at the end, which tells where that is.
      const end = extent.base + fstatSync(fd).size;
      const offset = Math.min(wanted, end);
      const count = readSync(fd, data, 0, length, offset - extent.base);
      // Dropped in between: what was read may be a hole.
      if (readExtent(file).first > offset) return this.#readNow(id, file, request);
      const piece = { offset, data: data.subarray(0, count), end: !live && offset + count >= end };
      if (request.times !== true || count === 0) return piece;
      return { ...piece, times: timesBetween(file, offset, offset + count, Date.now()) };
    } finally {
      closeSync(fd);
    }
  }

  #watch(file: string): Watched {
    const before = this.#watched.get(file);
    if (before !== undefined) {
      before.readers += 1;
      return before;
    }
    let watcher: FSWatcher | null = null;
    try {
      watcher = watch(file);
    } catch (error) {
      // Not there yet, or out of watches: the poll finds what the watch would have.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOSPC' && code !== 'EMFILE') throw error;
    }
    const timer = setInterval(() => changed(watched), POLL_MS);
    const watched: Watched = { watcher, timer, wake: new Set(), readers: 1, changes: 0 };
    watcher?.on('change', () => changed(watched));
    watcher?.on('error', () => watcher.close());
    this.#watched.set(file, watched);
    return watched;
  }

  #unwatch(file: string, watched: Watched): void {
    watched.readers -= 1;
    if (watched.readers > 0) return;
    this.#watched.delete(file);
    watched.watcher?.close();
    clearInterval(watched.timer);
  }
}

function nextChange(watched: Watched, cancelled: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      watched.wake.delete(wake);
      cancelled.removeEventListener('abort', wake);
      resolve();
    };
    watched.wake.add(wake);
    cancelled.addEventListener('abort', wake);
  });
}

function changed(watched: Watched): void {
  watched.changes += 1;
  for (const wake of watched.wake) wake();
}

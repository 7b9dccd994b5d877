// Reads what a program reports of itself: JSON lines that it appends to its report file.
import { closeSync, constants, openSync, readSync, statSync, type FSWatcher, watch } from 'node:fs';
import type { Endpoint } from '../session/allocation.js';

/** How often the file is looked at beside its events, in ms. */
const POLL_MS = 2_000;
/** The most of a report file that is read, in bytes. */
export const MAX_REPORT_BYTES = 65_536;
/** How many endpoints a task may have; later ones are not published. */
export const MAX_ENDPOINTS = 16;

/** Watches one report file until it is closed. */
export class ReportWatch {
  readonly #file: string;
  readonly #onEndpoints: (endpoints: readonly Endpoint[]) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #watcher: FSWatcher | null;
  #size = 0;
  #told = '[]';

  /** @param onEndpoints called with all endpoints whenever they change */
  constructor(file: string, onEndpoints: (endpoints: readonly Endpoint[]) => void) {
    this.#file = file;
    this.#onEndpoints = onEndpoints;
    this.#timer = setInterval(() => this.#look(), POLL_MS);
    this.#watcher = watchIfPossible(file, () => this.#look());
    this.#look();
  }

  /** Looks one last time, then ends. */
  close(): void {
    this.#look();
    this.stop();
  }

  /** Ends without a last look. */
  stop(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  #look(): void {
    const report = this.#readNew();
    if (report === null) return;
    const endpoints = parseEndpoints(report);
    const text = JSON.stringify(endpoints);
    if (text === this.#told) return;
    this.#told = text;
    this.#onEndpoints(endpoints);
  }

  /** @returns null = it has not changed, or its program made something of it that cannot be read */
  #readNew(): string | null {
    try {
      const found = statSync(this.#file, { throwIfNoEntry: false });
      const size = found?.isFile() === true ? found.size : 0;
      if (size === this.#size) return null;
      this.#size = size;
      return readStart(this.#file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      return null;
    }
  }
}

/** All endpoints of a report, the last one of each name. Lines of other types, half lines and other text are passed over. */
export function parseEndpoints(report: string): Endpoint[] {
  const endpoints = new Map<string, Endpoint>();
  for (const line of report.split('\n').slice(0, -1)) {
    const endpoint = parseEndpoint(line);
    if (endpoint !== null && (endpoints.has(endpoint.name) || endpoints.size < MAX_ENDPOINTS)) {
      endpoints.set(endpoint.name, endpoint);
    }
  }
  return [...endpoints.values()];
}

function parseEndpoint(line: string): Endpoint | null {
  try {
    const { type, name, url } = JSON.parse(line) as { type?: unknown; name?: unknown; url?: unknown };
    return type === 'endpoint' && typeof name === 'string' && typeof url === 'string' ? { name, url } : null;
  } catch {
    // Written by a program of the user's: not ours to fail on.
    return null;
  }
}

function readStart(file: string): string {
  // Were there a pipe in its place by now, it must not keep us waiting.
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(MAX_REPORT_BYTES);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, MAX_REPORT_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}

function watchIfPossible(file: string, look: () => void): FSWatcher | null {
  try {
    // Only a file that is there can be watched. Its program may have made it already.
    closeSync(
      openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK, 0o600),
    );
    const watcher = watch(file, look);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch (error) {
    // Out of watches, or no file any more: the poll finds what the watch would have.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return null;
  }
}

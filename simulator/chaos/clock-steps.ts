// A clock of the day that jumps: a library in front of the system's reads how far it is off from a file.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const LIBRARY = 'faketime/libfaketimeMT.so.1';

/** Where the library is; null = it is not installed. */
function library(): string | null {
  const folders = readdirSync('/usr/lib').map((name) => path.join('/usr/lib', name, LIBRARY));
  return folders.find((file) => existsSync(file)) ?? null;
}

export function hasFaketime(): boolean {
  return library() !== null;
}

/** The clock of one process. */
export class JumpingClock {
  readonly #file: string;

  constructor(folder: string) {
    this.#file = path.join(folder, 'clock-offset');
    this.step(0);
  }

  /** What the process must be started with. Spans of time stay right: only the time of day jumps. */
  get environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: library() ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** Sets the time of day so many seconds off. */
  step(seconds: number): void {
    writeFileSync(this.#file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }
}

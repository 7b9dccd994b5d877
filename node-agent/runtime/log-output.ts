// The log of a task, for a program of ours that writes what the task's own programs print.
import { writeSync } from 'node:fs';

/** Writes to a log that may take nothing more: a full disk costs output, not the work. */
export class LogOutput {
  readonly #fd: number;
  /** What it did not take so far, which is told as soon as it can be. */
  #lostBytes = 0;

  /** @param fd open for appending */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** In one go, so that lines of several writers do not mix. The log is a file: writing to it waits for nobody. */
  write(output: Buffer): void {
    const loss =
      this.#lostBytes === 0
        ? ''
        : `sluice: ${this.#lostBytes} bytes of output were lost: the log could not be written\n`;
    const data = loss === '' ? output : Buffer.concat([Buffer.from(loss), output]);
    let at = 0;
    try {
      while (at < data.length) at += writeSync(this.#fd, data, at);
      this.#lostBytes = 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      this.#lostBytes += Math.min(data.length - at, output.length);
    }
  }
}

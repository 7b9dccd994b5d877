// Makes lines of the pieces of a log, and prints those that are asked for with what is asked for before them. Pure.
import { fromTimestamp } from '../common/units.js';
import type { LogPiece } from './client.js';

/** What is printed of a log beside its bytes. */
export interface LineStyle {
  /** Before every line: `[3] `. */
  readonly prefix: string;
  /** Before every line, when it was written. */
  readonly timestamps: boolean;
  /** Only lines in which this is found; null = all. */
  readonly pattern: RegExp | null;
}

/** A line that grows longer than this is printed in parts. */
export const MAX_LINE_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;

/** The lines of one log. */
export class LogLines {
  readonly #style: LineStyle;
  /** The line that has not ended yet, in the pieces it came in. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #pendingTimeMs: number | null = null;

  constructor(style: LineStyle) {
    this.#style = style;
  }

  /** How much of what was taken is held back because its line has not ended. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** @returns what is to be printed now */
  take({ data, offset, times }: Pick<LogPiece, 'data' | 'offset' | 'times'>): Buffer {
    const out: Buffer[] = [];
    let at = 0;
    let timeAt = 0;
    while (at < data.length) {
      while (timeAt + 1 < times.length && (times[timeAt + 1]?.offset ?? 0) <= offset + at) timeAt += 1;
      if (this.#pendingBytes === 0) this.#pendingTimeMs = fromTimestamp(times[timeAt]?.time);
      const newline = data.indexOf(NEWLINE, at);
      const end = newline < 0 ? data.length : newline + 1;
      this.#pending.push(data.subarray(at, end));
      this.#pendingBytes += end - at;
      if (newline >= 0 || this.#pendingBytes >= MAX_LINE_BYTES) out.push(...this.#line());
      at = end;
    }
    return Buffer.concat(out);
  }

  /** The log is over, or another one begins. @returns its last line, which may not have ended */
  finish(): Buffer {
    return Buffer.concat(this.#pendingBytes === 0 ? [] : this.#line());
  }

  #line(): readonly Buffer[] {
    const line = Buffer.concat(this.#pending);
    const text = line.at(-1) === NEWLINE ? line.subarray(0, -1) : line;
    const timeMs = this.#pendingTimeMs;
    this.#pending = [];
    this.#pendingBytes = 0;
    const { prefix, timestamps, pattern } = this.#style;
    if (pattern !== null && !pattern.test(text.toString('utf8'))) return [];
    const time = !timestamps ? '' : `${timeMs === null ? '-' : new Date(timeMs).toISOString()} `;
    return [Buffer.from(prefix + time), text, Buffer.from('\n')];
  }
}

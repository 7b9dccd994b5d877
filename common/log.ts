// The daemons' log: one JSON object a line on stdout, never blocking, never fatal. What reads it may be slow or gone.
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { type DestinationStream, type LoggerOptions, pino, stdTimeFunctions } from 'pino';

/** From most to least talkative; `silent` logs nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Logs one line: what happened, with or without the facts it is about. An error goes under `err`. */
export interface LogLine {
  (facts: object, message: string): void;
  (message: string): void;
}

/** What parts log to. Each gets a child with its name: `log.child({ component: 'fleet' })`. */
export interface Logger {
  readonly trace: LogLine;
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  /** A logger that adds `facts` to every line. */
  child(facts: { readonly component: string } & Readonly<Record<string, unknown>>): Logger;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** The program, for example `sluice-server`. */
  readonly name: string;
  /** Where lines go; the default is stdout. */
  readonly destination?: DestinationStream;
}

/** Lines that wait for a slow reader take at most this much memory; what comes then is dropped and counted. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** Under these names nothing is shown, at the top of the facts or one or two levels down. */
const SECRET_NAMES = ['token', 'secret', 'password', 'authorization', 'Authorization', 'privateKey'];

const REDACTED_PATHS = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/**
 * The logger of a program.
 *
 * @example
 * const log = createLogger({ level: 'info', name: 'sluice-server' });
 * log.child({ component: 'fleet' }).warn({ node: 'n1', silentMs: 21_000 }, 'node is down');
 */
export function createLogger({ level, name, destination = new PatientStdout() }: LogOptions): Logger {
  const options: LoggerOptions = {
    level,
    base: { name, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  };
  return pino(options, destination);
}

/** How soon a full pipe is tried again. */
const FULL_PIPE_RETRY_MS = 5;
/** How long the end of the process waits for a reader that is behind. */
const LAST_FLUSH_MS = 1000;

/**
 * Stdout that never makes the daemon wait for its reader, and never ends it. When the reader is gone (EPIPE) it goes silent;
 * after any other failure, such as a full disk under a redirected log, lines wait and are tried again with the next one.
 * (pino's own destination either blocks on a full pipe or, with `sync: false`, never returns from its last flush when the
 * reader is gone: sonic-boom 4.)
 */
class PatientStdout implements DestinationStream {
  readonly #fd = openUnblocked();
  #waiting: string[] = [];
  /** The front of what waits, when a part of it was written. */
  #partial = Buffer.alloc(0);
  #waitingBytes = 0;
  #droppedLines = 0;
  #retry: NodeJS.Timeout | null = null;
  #isGone = false;

  constructor() {
    process.on('exit', () => this.flushSync());
  }

  write(line: string): void {
    if (this.#isGone) return;
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      this.#droppedLines += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += bytes;
    if (this.#retry === null) this.#drain();
  }

  /** Writes what waits, giving a slow reader a moment. pino calls it after a fatal line. */
  flushSync(): void {
    const untilMs = performance.now() + LAST_FLUSH_MS;
    const cell = new Int32Array(new SharedArrayBuffer(4));
    while (this.#drain() === 'full' && performance.now() < untilMs) Atomics.wait(cell, 0, 0, FULL_PIPE_RETRY_MS);
  }

  #drain(): 'done' | 'full' | 'failed' {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    try {
      while (this.#waitingBytes > 0) this.#writeSome();
      return 'done';
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
      if (error.code === 'EPIPE') return this.#giveUp();
      if (error.code !== 'EAGAIN') return 'failed';
      this.#retry = setTimeout(() => this.#drain(), FULL_PIPE_RETRY_MS).unref();
      return 'full';
    }
  }

  #writeSome(): void {
    if (this.#partial.length === 0) {
      this.#partial = Buffer.from(this.#waiting.join(''));
      this.#waiting = [];
    }
    const written = writeSync(this.#fd, this.#partial);
    this.#partial = this.#partial.subarray(written);
    this.#waitingBytes -= written;
    if (this.#waitingBytes > 0 || this.#droppedLines === 0) return;
    const droppedLines = this.#droppedLines;
    this.#droppedLines = 0;
    this.write(`${JSON.stringify({ level: 'warn', droppedLines, msg: 'the reader of the log was too slow' })}\n`);
  }

  #giveUp(): 'failed' {
    this.#isGone = true;
    this.#waiting = [];
    this.#partial = Buffer.alloc(0);
    this.#waitingBytes = 0;
    return 'failed';
  }
}

/**
 * Stdout as a descriptor whose writes do not wait, without changing it for the programs that share it. Files never make us
 * wait; sockets (the journal's, or another Node's) cannot be opened a second time and are used as they are.
 */
function openUnblocked(): number {
  const stdout = 1;
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const kind = fstatSync(stdout);
    if (!kind.isFIFO() && !kind.isCharacterDevice()) return stdout;
    return openSync(`/proc/self/fd/${stdout}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    // No /proc, or no right to open it again: then a slow reader makes us wait, as it does to most programs.
    return stdout;
  }
}

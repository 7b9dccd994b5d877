// The daemons' log: one JSON object a line on stdout, never blocking, never fatal. What reads it may be slow or gone.
import {
  type DestinationStream,
  destination as openDestination,
  type LoggerOptions,
  pino,
  stdTimeFunctions,
} from 'pino';

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
export function createLogger({ level, name, destination = toStdout() }: LogOptions): Logger {
  const options: LoggerOptions = {
    level,
    base: { name, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  };
  return pino(options, destination);
}

/** How often in a row a full pipe is tried again, 100 ms apart, before the lines stay until the next one comes. */
const MAX_FULL_PIPE_TRIES = 20;

/**
 * Stdout without waiting for its reader: a pipe that nobody empties must not stop the daemon. When the reader is gone
 * (EPIPE) pino goes silent by itself. After any other failure, such as a full disk under a redirected log, lines wait and
 * are tried again with the next one. What waits is written out when the process ends, if it can be.
 */
function toStdout(): DestinationStream {
  let fullPipeTries = 0;
  const stream = openDestination({
    dest: 1,
    sync: false,
    maxLength: MAX_WAITING_BYTES,
    retryEAGAIN: () => ++fullPipeTries <= MAX_FULL_PIPE_TRIES,
  });
  const flushSync = stream.flushSync.bind(stream);
  stream.flushSync = () => {
    try {
      flushSync();
    } catch {
      // The process ends and its log cannot be written: there is nobody left to tell, and the exit code must stand.
    }
  };
  let droppedLines = 0;
  stream.on('write', () => (fullPipeTries = 0));
  stream.on('drop', () => (droppedLines += 1));
  stream.on('error', () => (fullPipeTries = 0));
  stream.on('drain', () => {
    if (droppedLines === 0) return;
    const line = { level: 'warn', droppedLines, msg: 'log lines were dropped: more waited than the reader took' };
    droppedLines = 0;
    stream.write(`${JSON.stringify(line)}\n`);
  });
  return stream;
}

// Structured logs: one JSON line an event on stdout, for journald or a file. Secrets never reach them.
import { pino, type Logger as PinoLogger } from 'pino';

/** What parts of the programs log to. */
export type Logger = PinoLogger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** The names under which secrets may appear in a logged object, at most two levels deep. */
const SECRETS = ['token', 'authorization', 'password', 'secret'].flatMap((name) => [name, `*.${name}`]);

/** Makes the logger of one program. Parts take a `child({component})` of it. */
export function createLogger({ level, name }: { readonly level: LogLevel; readonly name: string }): Logger {
  return pino({ level, name, redact: SECRETS, timestamp: pino.stdTimeFunctions.isoTime });
}

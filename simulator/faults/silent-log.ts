// What simulated programs log to: nobody, unless somebody wants to read along.
import type { Logger } from '../../common/log.js';

const nothing = (): void => undefined;

/** Swallows every line. */
export const SILENT_LOG: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: () => SILENT_LOG,
};

/** Hands every line on as text. */
export function tellingLog(tell: (line: string) => void): Logger {
  const line = (facts: object | string, message = ''): void => {
    tell(typeof facts === 'string' ? facts : `${message} ${JSON.stringify(facts, withErrors)}`);
  };
  const log: Logger = { trace: line, debug: line, info: line, warn: line, error: line, fatal: line, child: () => log };
  return log;
}

function withErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value;
}

// Spans of time that people give to flags.
import { parseDurationMs } from '../common/units.js';
import { usageError } from './failure.js';

/**
 * What a flag says, in ms.
 * @param examples what may be written, for whoever wrote something else
 * @throws CliError (exit 2) when it is no span, or none at all
 */
export function spanMs(flag: string, text: string, examples = '90m, 2h or 1h30m'): number {
  const ms = parseDurationMs(text);
  if (ms === null || ms <= 0) throw usageError(`${flag} ${text} is no span`, `Give ${examples}.`);
  return ms;
}

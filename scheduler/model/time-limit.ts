// Time limits: when an attempt that runs is warned, and when it is stopped. Pure.
import { formatDuration } from '../../common/units.js';
import type { Deadline, WorkloadSpec } from './records.js';

/** The warning comes so long before the limit, or a tenth of the limit if that is shorter. */
export const LONGEST_WARNING_MS = 5 * 60_000;

/**
 * When an attempt that runs towards this deadline is told to stop: an early signal goes before the limit, so that the stop signal comes
 * with it.
 */
export function stopDueMs({ endMs }: Deadline, { earlySignal }: Pick<WorkloadSpec, 'earlySignal'>): number {
  return endMs - (earlySignal?.aheadMs ?? 0);
}

/** The deadline of an attempt that began to run; null = without a limit. */
export function deadlineOf(spec: Pick<WorkloadSpec, 'timeLimitMs'>, beganMs: number): Deadline | null {
  if (spec.timeLimitMs === null) return null;
  const endMs = beganMs + spec.timeLimitMs;
  return { endMs, warnMs: endMs - Math.min(LONGEST_WARNING_MS, Math.floor(spec.timeLimitMs / 10)) };
}

/** A span in a sentence, without a rest of nothing: `2h`, `1h30m`, `45s`. */
export function spanText(ms: number): string {
  return formatDuration(ms).replace(/^(\d+[dhm])00[hms]$/, '$1');
}

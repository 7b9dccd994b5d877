// Ends an attempt whose time limit passed, after a warning.
import type { Draft } from '../../model/draft.js';
import { requestStop, withEvent } from '../../model/lifecycle.js';
import type { Workload } from '../../model/records.js';
import { spanText, stopDueMs } from '../../model/time-limit.js';

/** Warns, or stops with its grace, what runs towards or beyond its deadline. Does nothing before its time. */
export function enforceTimeLimit(draft: Draft, workload: Workload, nowMs: number): void {
  const { deadline, spec, number } = workload;
  if (deadline === null) return;
  const limit = spanText(spec.timeLimitMs ?? 0);
  if (nowMs >= stopDueMs(deadline, spec)) {
    const leftMs = deadline.endMs - nowMs;
    const message =
      leftMs > 0 ? `time limit of ${limit} passes in ${spanText(leftMs)}` : `time limit of ${limit} passed`;
    requestStop(draft, number, 'fail', { reason: 'time_limit', requestedMs: nowMs, forWorkload: null, message });
  } else if (deadline.warnMs !== null && nowMs >= deadline.warnMs) {
    const warned = { ...workload, deadline: { ...deadline, warnMs: null } };
    const message = `its time limit of ${limit} passes in ${spanText(deadline.endMs - nowMs)}`;
    draft.putWorkload(withEvent(warned, nowMs, 'warning', message));
  }
}

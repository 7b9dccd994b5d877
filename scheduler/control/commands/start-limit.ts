// Ends an attempt whose gang did not come together: some of its tasks were not ready to start within the limit, so none was started.
import type { Draft } from '../../model/draft.js';
import { isSurplus, MAX_FALSE_STARTS, staysWhole } from '../../model/elastic.js';
import { awaitedTasks, START_LIMIT_MS } from '../../model/launch.js';
import { requestStop, requestStopOf } from '../../model/lifecycle.js';
import type { Allocation, Workload } from '../../model/records.js';
import { spanText } from '../../model/time-limit.js';

/** How many tasks are named one by one. */
const MAX_NAMED = 8;

/**
 * Gives the gang up and has it placed anew, which is no retry of its program: that was not started. Does nothing before its time,
 * nor once all may start: those that then do not run are ended by what their agents say, or by the fence time.
 */
export function giveUpStart(draft: Draft, workload: Workload, nowMs: number): void {
  const { number, startByMs, allocations } = workload;
  if (startByMs === undefined || nowMs < startByMs) return;
  const known = allocations.map((id) => draft.allocation(id));
  const awaited = awaitedTasks(known);
  if (awaited.length === 0) {
    const { startByMs: _, ...rest } = workload;
    draft.putWorkload(rest);
    return;
  }
  const late = new Set(awaited.map(({ id }) => id));
  if (awaited.every(({ task }) => isSurplus(workload.spec, task)) && staysWhole(workload.spec, known, late)) {
    // They came to a gang that was about to start, which is not to wait for them any longer.
    requestStopOf(draft, number, [...late], {
      reason: 'gang_ended',
      requestedMs: nowMs,
      forWorkload: null,
      message: `not ready to start within ${spanText(START_LIMIT_MS)}: ${namesOf(draft, awaited)}; the others start without`,
    });
    return;
  }
  const falseStarts = workload.falseStarts + 1;
  const givenUp = falseStarts >= MAX_FALSE_STARTS;
  draft.putWorkload({ ...workload, falseStarts });
  // An agent of an earlier version waits for nobody.
  const rest = known.some(({ startedMs }) => startedMs !== null) ? '' : '; no task was started';
  const again = givenUp ? `, as in ${falseStarts} attempts in a row` : '';
  requestStop(draft, number, givenUp ? 'fail' : 'requeue', {
    reason: 'gang_ended',
    requestedMs: nowMs,
    forWorkload: null,
    message: `not ready to start within ${spanText(START_LIMIT_MS)}${again}: ${namesOf(draft, awaited)}${rest}`,
  });
}

/** `task 1 on n2, task 3 on n4 and 2 more` */
function namesOf(draft: Draft, tasks: readonly Allocation[]): string {
  const named = tasks.slice(0, MAX_NAMED).map(({ task, node }) => `task ${task} on ${draft.node(node).name}`);
  const rest = tasks.length - named.length;
  return rest === 0 ? named.join(', ') : `${named.join(', ')} and ${rest} more`;
}

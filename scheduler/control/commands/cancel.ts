// Asks workloads to end: pending ones at once, running ones by their stop signal and grace.
import { isTerminal } from '../../model/cluster-state.js';
import type { Draft } from '../../model/draft.js';
import { cancelPending, requestStop } from '../../model/lifecycle.js';
import type { Workload } from '../../model/records.js';
import type { Command } from '../command.js';
import { noWorkload } from '../refusals.js';

/** Cancels by number or name. What has ended already stays as it is. */
export function cancel(words: readonly string[], reason: string, principal: string): Command<readonly Workload[]> {
  return {
    name: 'cancel',
    whenSpace: 'critical',
    run: (draft, { nowMs }) => {
      const message = `cancelled by ${principal}${reason === '' ? '' : `: ${reason}`}`;
      const numbers = words.map((word) => find(draft, word).number);
      for (const number of new Set(numbers)) cancelOne(draft, draft.workload(number), message, nowMs);
      return numbers.map((number) => draft.workload(number));
    },
  };
}

function find(draft: Draft, word: string): Workload {
  const workload = draft.base.findWorkload(word);
  if (workload === undefined) throw noWorkload(draft.meta, word, 'nothing was cancelled');
  return workload;
}

function cancelOne(draft: Draft, workload: Workload, message: string, nowMs: number): void {
  if (isTerminal(workload.state)) return;
  if (workload.state === 'pending') {
    cancelPending(draft, workload.number, message, nowMs);
    return;
  }
  // A workload that is being reclaimed is stopping already; only what becomes of it afterwards changes.
  requestStop(draft, workload.number, 'cancel', {
    reason: 'cancelled',
    requestedMs: nowMs,
    forWorkload: null,
    message,
  });
}

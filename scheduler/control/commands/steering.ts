// What users ask of work that they submitted before, beside its end: to wait, to go on, to start over, to go first.
// Each names workloads by number or name, changes all of them or, when one does not exist, none; what has ended stays.
import { isTerminal } from '../../model/cluster-state.js';
import type { Draft } from '../../model/draft.js';
import { gateAtRequeue } from '../../model/gate.js';
import { requestStop, withEvent } from '../../model/lifecycle.js';
import type { Workload } from '../../model/records.js';
import type { Command } from '../command.js';
import { noWorkload } from '../refusals.js';

type Change = (draft: Draft, workload: Workload, nowMs: number) => void;

/** Holds work back: what waits is not started, what runs goes on and waits if it ever comes back. */
export function hold(words: readonly string[], reason: string, principal: string): Command<readonly Workload[]> {
  return steer('hold', 'critical', words, 'nothing was held', (draft, workload, nowMs) =>
    putHold(draft, workload, reason, principal, nowMs),
  );
}

/** Ends a hold; other gates stay closed. */
export function release(words: readonly string[], principal: string): Command<readonly Workload[]> {
  return steer('release', 'low', words, 'nothing was released', (draft, workload, nowMs) => {
    if (workload.hold === null) return;
    draft.putWorkload(withEvent({ ...workload, hold: null }, nowMs, 'unheld', `released by ${principal}`));
  });
}

/** Stops what starts or runs, with its grace, and lets it wait again. What waits or stops already is left alone. */
export function requeue(
  words: readonly string[],
  reason: string,
  principal: string,
  alsoHold: boolean,
): Command<readonly Workload[]> {
  return steer('requeue', 'low', words, 'nothing was requeued', (draft, workload, nowMs) => {
    if (alsoHold) putHold(draft, workload, reason, principal, nowMs);
    if (workload.state !== 'starting' && workload.state !== 'running') return;
    requestStop(draft, workload.number, 'requeue', {
      reason: 'requeued',
      requestedMs: nowMs,
      forWorkload: null,
      message: `requeued by ${principal}${reason === '' ? '' : `: ${reason}`}`,
    });
  });
}

/** Changes the priority. */
export function prioritize(
  words: readonly string[],
  priority: number,
  principal: string,
): Command<readonly Workload[]> {
  return steer('prioritize', 'low', words, 'no priority was changed', (draft, workload, nowMs) => {
    const { spec } = workload;
    if (spec.priority === priority) return;
    const changed = { ...workload, spec: { ...spec, priority } };
    const message = `priority ${spec.priority} changed to ${priority} by ${principal}`;
    draft.putWorkload(withEvent(changed, nowMs, 'changed', message));
  });
}

function steer(
  name: string,
  whenSpace: Command<unknown>['whenSpace'],
  words: readonly string[],
  consequence: string,
  change: Change,
): Command<readonly Workload[]> {
  return {
    name,
    whenSpace,
    run: (draft, { nowMs }) => {
      const numbers = words.map((word) => {
        const workload = draft.base.findWorkload(word);
        if (workload === undefined) throw noWorkload(draft.meta, word, consequence);
        return workload.number;
      });
      for (const number of new Set(numbers)) {
        const workload = draft.workload(number);
        if (!isTerminal(workload.state)) change(draft, workload, nowMs);
      }
      return numbers.map((number) => draft.workload(number));
    },
  };
}

/** A second hold without a reason does not take away the one that was given. */
function putHold(draft: Draft, workload: Workload, reason: string, principal: string, nowMs: number): void {
  if (workload.hold !== null && reason === '') return;
  holdBack(draft, workload, `held by ${principal}${reason === '' ? '' : `: ${reason}`}`, nowMs);
}

/** Holds one back, for whatever reason the words give. */
export function holdBack(draft: Draft, workload: Workload, words: string, nowMs: number): void {
  if (workload.hold === words) return;
  const held = { ...workload, hold: words };
  // Promised GPUs are not kept for what may not have them. What runs keeps what it has.
  const waits = workload.state === 'pending' ? { gate: gateAtRequeue(held, nowMs), claim: null } : {};
  draft.putWorkload(withEvent({ ...held, ...waits }, nowMs, 'held', words));
}

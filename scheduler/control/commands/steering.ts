// What users ask of work that they submitted before, beside its end: to wait, to go on, to start over, to go first.
// Each names workloads by number or name, changes all of them or, when one does not exist, none; what has ended stays.
// As with Slurm's hold and uhold, what an administrator holds of others only administrators release, unless they leave that to the owner.
import { isTerminal } from '../../model/cluster-state.js';
import type { Draft } from '../../model/draft.js';
import { gateAtRequeue } from '../../model/gate.js';
import { requestStop, withEvent } from '../../model/lifecycle.js';
import type { Workload } from '../../model/records.js';
import type { Command } from '../command.js';
import { heldByAdmin, noWorkload } from '../refusals.js';

/** By what right somebody holds or releases: that of the workload's owner, or that of an administrator. */
export type Right = 'owner' | 'admin';

/** Of a hold: by what right, and whether an administrator leaves the release to the owner. Administrators' own work is theirs to release. */
export interface HoldTerms {
  readonly right: Right;
  readonly ownerMayRelease: boolean;
}

const OWNERS: HoldTerms = { right: 'owner', ownerMayRelease: true };

type Change = (draft: Draft, workload: Workload, nowMs: number) => void;

/** Holds work back: what waits is not started, what runs goes on and waits if it ever comes back. */
export function hold(
  words: readonly string[],
  reason: string,
  principal: string,
  terms: HoldTerms = OWNERS,
): Command<readonly Workload[]> {
  return steer('hold', 'critical', words, 'nothing was held', (draft, workload, nowMs) =>
    putHold(draft, workload, { reason, principal, terms }, nowMs),
  );
}

/**
 * Ends a hold; other gates stay closed.
 * @throws ApiError PERMISSION_DENIED `HELD_BY_ADMIN`: then none of them is released
 */
export function release(
  words: readonly string[],
  principal: string,
  right: Right = 'owner',
): Command<readonly Workload[]> {
  return steer('release', 'low', words, 'nothing was released', (draft, workload, nowMs) => {
    const { adminHold, ...rest } = workload;
    if (workload.hold === null) return;
    if (adminHold === true && right !== 'admin') throw heldByAdmin(workload, 'nothing was released');
    draft.putWorkload(withEvent({ ...rest, hold: null }, nowMs, 'unheld', `released by ${principal}`));
  });
}

/** Stops what starts or runs, with its grace, and lets it wait again. What waits or stops already is left alone. */
export function requeue(
  words: readonly string[],
  reason: string,
  principal: string,
  alsoHold: boolean,
  terms: HoldTerms = OWNERS,
): Command<readonly Workload[]> {
  return steer('requeue', 'low', words, 'nothing was requeued', (draft, workload, nowMs) => {
    if (alsoHold) putHold(draft, workload, { reason, principal, terms }, nowMs);
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

interface Hold {
  readonly reason: string;
  readonly principal: string;
  readonly terms: HoldTerms;
}

/** A second hold on the same terms without a reason does not take away the one that was given, and an owner's changes no administrator's. */
function putHold(draft: Draft, workload: Workload, { reason, principal, terms }: Hold, nowMs: number): void {
  const isAdmins = terms.right === 'admin' && !terms.ownerMayRelease && workload.owner !== principal;
  const wasAdmins = workload.adminHold === true;
  if (wasAdmins && terms.right !== 'admin') return;
  if (workload.hold !== null && wasAdmins === isAdmins && reason === '') return;
  const who = isAdmins ? `administrator ${principal}` : principal;
  const words = `held by ${who}${reason === '' ? '' : `: ${reason}`}`;
  const { adminHold: _, ...rest } = workload;
  holdBack(draft, isAdmins ? { ...rest, adminHold: true } : rest, words, nowMs);
}

/** Holds one back, for whatever reason the words give. */
export function holdBack(draft: Draft, workload: Workload, words: string, nowMs: number): void {
  if (workload.hold === words) return;
  const held = { ...workload, hold: words };
  // Promised GPUs are not kept for what may not have them. What runs keeps what it has.
  const waits = workload.state === 'pending' ? { gate: gateAtRequeue(held, nowMs), claim: null } : {};
  draft.putWorkload(withEvent({ ...held, ...waits }, nowMs, 'held', words));
}

// Losses of history, and the brake for mass loss: what the records say of them. When they happen is decided in fleet/.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../../common/errors.js';
import type { NodeId } from '../../../common/ids.js';
import { plural } from '../../../common/units.js';
import type { Draft } from '../../model/draft.js';
import { isWhole } from '../../model/elastic.js';
import { noteIncident } from '../../model/incidents.js';
import { isHeld } from '../../model/launch.js';
import { letStart, requestStop } from '../../model/lifecycle.js';
import { inNewHistory, withTerm } from '../../model/history.js';
import {
  type Allocation,
  type KnownCopy,
  META_KEY,
  type PastLineage,
  type TermBeginning,
  type Workload,
} from '../../model/records.js';
import type { Command } from '../command.js';
import { holdBack } from './steering.js';

/** A new history has begun because agents know of more than the store. */
export function noteLostHistory(
  lineage: string,
  left: Omit<PastLineage, 'leftMs' | 'why'>,
  evidence: string,
): Command<void> {
  return {
    name: 'lose_history',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, context) => {
      draft.put('meta', META_KEY, inNewHistory(draft.meta, lineage, left, 'lost', context.nowMs));
      const what = `part of the history was lost (${evidence}); what agents run is taken over in history ${lineage}`;
      noteIncident(draft, 'history_lost', what, '', context);
    },
  };
}

/** An epoch has begun. It belongs into the first commit of that epoch. */
export function noteTerm(term: TermBeginning): Command<void> {
  return {
    name: 'note_term',
    isReport: true,
    whenSpace: 'critical',
    run: (draft) => draft.put('meta', META_KEY, withTerm(draft.meta, term)),
  };
}

/** Another copy of the store took over within this term, with all of it, or more replicas follow: the next term has to know. */
export function noteCopy(copy: KnownCopy): Command<void> {
  return {
    name: 'note_copy',
    isReport: true,
    whenSpace: 'critical',
    run: (draft) => draft.put('meta', META_KEY, { ...draft.meta, copy }),
  };
}

/**
 * Every agent that may know more was heard, or cannot run anything any more: what was not found again starts anew.
 * @param silent nodes whose time has passed unheard: they may run what goes on without end, which a person has to let go
 */
export function endRecovery(why: string, actor: string, silent = 0): Command<boolean> {
  return {
    name: 'end_recovery',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, context) => {
      const { recovery } = draft.meta;
      if (!recovery) return false;
      draft.put('meta', META_KEY, { ...draft.meta, recovery: null });
      startWholeGangs(draft, context.nowMs);
      const isDoubt = recovery.why === 'copy_changed';
      const requeued = isDoubt ? 0 : requeueTornGangs(draft, context.nowMs);
      const held = silent === 0 ? 0 : holdWhatGoesOn(draft, silent, context.nowMs);
      const kept = held === 0 ? '' : `, ${plural(held, 'workload')} of class keep held`;
      if (isDoubt) {
        noteIncident(draft, 'copy_heard', `${why}: work is placed again${kept}`, actor, context);
        return true;
      }
      const adopted = plural(recovery.adopted, 'allocation');
      const torn = requeued === 0 ? '' : `, ${plural(requeued, 'workload')} of which tasks are missing requeued`;
      noteIncident(draft, 'history_recovered', `${why}: ${adopted} taken over${torn}${kept}`, actor, context);
      return true;
    },
  };
}

/** Lets those go who became ready while agents were awaited: until now more of their gang could have come. */
function startWholeGangs(draft: Draft, nowMs: number): void {
  for (const { number, spec, found } of gangsOf(draft)) {
    if (found.some(isHeld) && isWhole(spec, found, () => true)) letStart(draft, number, nowMs);
  }
}

/** What goes on without end on a node that lost its scheduler is begun nowhere else by the mere passing of time. */
function holdWhatGoesOn(draft: Draft, silent: number, nowMs: number): number {
  const waiting = [...draft.base.workloads.values()]
    .map(({ number }) => draft.workload(number))
    .filter(({ state, afterStop }) => state === 'pending' || afterStop === 'requeue')
    .filter(({ spec, hold }) => spec.onDisconnect === 'keep' && hold === null);
  const words = `held by Sluice: one of ${plural(silent, 'silent node')} may still run it (on_disconnect: keep); "sluice release" starts it all the same`;
  for (const workload of waiting) holdBack(draft, workload, words, nowMs);
  return waiting.length;
}

/** Gangs of which not every task was found cannot go on in part. */
function requeueTornGangs(draft: Draft, nowMs: number): number {
  const torn = gangsOf(draft).filter(({ spec, found }) => !isWhole(spec, found, () => true));
  const message = 'not all of its tasks were found after a part of the history was lost';
  for (const { number } of torn) {
    requestStop(draft, number, 'requeue', { reason: 'node_lost', requestedMs: nowMs, forWorkload: null, message });
  }
  return torn.length;
}

/** What is placed and was not told to stop, with the tasks that are known of it. */
function gangsOf(draft: Draft): readonly (Workload & { readonly found: readonly Allocation[] })[] {
  return [...draft.base.workloads.values()]
    .filter(({ state, afterStop }) => (state === 'starting' || state === 'running') && afterStop === null)
    .map((workload) => ({ ...workload, found: workload.allocations.map((id) => draft.allocation(id)) }));
}

/** Too many nodes fell silent at once: nothing of silent nodes is given up from now on. */
export function closeBrake(silent: readonly NodeId[], nodes: number): Command<void> {
  return {
    name: 'close_brake',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, context) => {
      if (draft.meta.brake) return;
      draft.put('meta', META_KEY, { ...draft.meta, brake: { sinceMs: context.nowMs, silent, nodes } });
      const what = `${silent.length} of ${nodes} nodes fell silent at once; nothing of silent nodes is given up`;
      noteIncident(draft, 'brake_closed', what, '', context);
    },
  };
}

/** What silent nodes ran is given up again, once their fence times have passed. @param actor empty = enough nodes are back */
export function releaseBrake(actor: string): Command<boolean> {
  return {
    name: 'release_brake',
    ...(actor === '' ? { isReport: true } : {}),
    whenSpace: 'critical',
    run: (draft, context) => {
      const { brake } = draft.meta;
      if (!brake) {
        if (actor === '') return false;
        throw new ApiError({
          code: status.FAILED_PRECONDITION,
          reason: 'BRAKE_IS_OPEN',
          message: 'the brake for mass loss is open: nothing is to be released\nSee: sluice status',
        });
      }
      draft.put('meta', META_KEY, { ...draft.meta, brake: null });
      const what = actor === '' ? 'enough nodes are back' : 'released by a person';
      noteIncident(draft, 'brake_released', what, actor, context);
      return true;
    },
  };
}

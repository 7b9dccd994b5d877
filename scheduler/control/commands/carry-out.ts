// Carries out what the engine decided.
import { unreachable } from '../../../common/assert.js';
import type { Decision } from '../../engine/decisions.js';
import type { Draft } from '../../model/draft.js';
import { place, requestStop, withEvent } from '../../model/lifecycle.js';
import type { CommandContext } from '../command.js';

/** Turns one decision into changes of the draft. */
export function carryOut(draft: Draft, decision: Decision, context: CommandContext): void {
  const { nowMs } = context;
  switch (decision.type) {
    case 'bind':
      place(draft, decision.workload, decision.placements, nowMs, context.newUlid);
      return;
    case 'evict':
      requestStop(draft, decision.workload, 'requeue', {
        reason: decision.reason,
        requestedMs: nowMs,
        forWorkload: decision.forWorkload,
        message: decision.message,
      });
      return;
    case 'claim': {
      const claim = { placements: decision.placements, sinceMs: nowMs };
      const workload = { ...draft.workload(decision.workload), claim };
      const gpus = decision.placements.reduce((sum, { gpus: indices }) => sum + indices.length, 0);
      draft.putWorkload(withEvent(workload, nowMs, 'claimed', `${gpus} GPUs are being cleared for it`));
      return;
    }
    case 'drop_claim': {
      const workload = { ...draft.workload(decision.workload), claim: null };
      draft.putWorkload(withEvent(workload, nowMs, 'claimed', `the claim was dropped: ${decision.message}`));
      return;
    }
    default:
      unreachable(decision);
  }
}

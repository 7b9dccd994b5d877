// Carries out what the engine decided.
import { invariant, unreachable } from '../../../common/assert.js';
import type { Decision, Evict } from '../../engine/decisions.js';
import type { Draft } from '../../model/draft.js';
import { isLive } from '../../model/elastic.js';
import { dropClaim, place, putClaim, requestStopOf } from '../../model/lifecycle.js';
import type { CommandContext } from '../command.js';

/** Turns one decision into changes of the draft. */
export function carryOut(draft: Draft, decision: Decision, context: CommandContext): void {
  const { nowMs } = context;
  switch (decision.type) {
    case 'bind':
      place(draft, decision.workload, decision.placements, nowMs, context.newUlid);
      return;
    case 'evict':
      evict(draft, decision, nowMs);
      return;
    case 'claim':
      putClaim(draft, decision.workload, decision.placements, nowMs);
      return;
    case 'drop_claim':
      dropClaim(draft, decision.workload, decision.message, nowMs);
      return;
    default:
      unreachable(decision);
  }
}

function evict(draft: Draft, { workload: number, allocations, ...why }: Evict, nowMs: number): void {
  const own = draft.workload(number).allocations;
  const live = allocations.filter((id) => own.includes(id) && isLive(draft.allocation(id)));
  invariant(live.length > 0, 'only what runs is evicted', `${number}: ${allocations.join(', ')}`);
  const { reason, forWorkload, lender, message } = why;
  requestStopOf(draft, number, live, { reason, requestedMs: nowMs, forWorkload, lender, message });
}

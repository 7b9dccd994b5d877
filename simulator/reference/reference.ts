// The rules of scheduling, slow and obvious: every question is answered by counting again. It is the referee of the engine
// on small clusters and the place to look up what a rule means. What it does not know: work that may go to several parts of the
// cluster of which queues are guaranteed GPUs, shapes, users' limits, topology, reservations, past use, placement other than `pack`.
import type { Decision } from '../../scheduler/engine/decisions.js';
import { ACTIONS } from './actions.js';
import { keepPromises } from './promises.js';
import type { ReferenceInput } from './cluster.js';
import { openCycle } from './opening.js';

export type { ReferenceInput } from './cluster.js';

/**
 * All decisions of one cycle: claims that can be met by now, then the actions of the policy, one after the other, each once.
 * @returns decisions in the order in which they must be carried out
 */
export function decide(input: ReferenceInput): Decision[] {
  const kept = keepPromises(openCycle(input));
  const decisions: Decision[] = [...kept.decisions];
  let { state } = kept;
  for (const action of input.policy.actions) {
    const outcome = ACTIONS[action](state);
    state = outcome.state;
    decisions.push(...outcome.decisions);
  }
  return decisions;
}

// Whether somebody who is due GPUs waits for those that others are moved to. Who is moved there and borrows gives them again, and
// so is evicted twice; reclaim, which comes next, lets all who are due theirs take them before it moves their victims on.
import { at, GPU } from './amounts.js';
import { isEntitled } from './entitlements.js';
import type { BankClass } from './nodes.js';
import { pathBeside, type QueueNode } from './queues.js';
import type { Group } from './shapes.js';
import type { Eviction } from './victims.js';
import type { ClusterView } from './view.js';

/**
 * Whether some of those who are moved for a group are to give what they are moved to. May assume that the moves are tried out.
 * Cost: nothing unless one of another queue is moved that holds more than its share; then the stuck groups.
 */
export function areMovedToWhatIsDue(view: ClusterView, group: Group, evictions: readonly Eviction[]): boolean {
  return evictions.some(({ workload: { queue }, movesTo }) => {
    if (queue === null || movesTo === null || movesTo === 'later' || !borrowsFrom(queue, group.queue)) return false;
    const classes = new Set(movesTo.flatMap(({ slots }) => slots.map(({ bank }) => bank.bankClass)));
    return isDueToOthers(view, group, queue, classes);
  });
}

/** Whether a queue, or one above it that the taker is not below, holds more than its share of GPUs. */
function borrowsFrom(queue: QueueNode, taker: QueueNode): boolean {
  return pathBeside(queue, taker).some(({ charged, allocatableShare }) => at(charged, GPU) > at(allocatableShare, GPU));
}

function isDueToOthers(view: ClusterView, group: Group, giver: QueueNode, classes: ReadonlySet<BankClass>): boolean {
  for (const queue of view.stuckQueues) {
    if (queue === giver) continue;
    for (const other of queue.stuck.all()) {
      if (other === group && other.waiting === 1) continue;
      const { reach, charge } = other.shape;
      // What will be free is enough for it.
      if (reach.potentialParts >= at(charge, GPU)) continue;
      if (reach.classes.some((each) => classes.has(each)) && isEntitled(view.scopes, other, 'fairShare')) return true;
    }
  }
  return false;
}

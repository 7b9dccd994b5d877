// Whose guarantee is taken back, and how long those who borrowed it may keep it. A queue borrows what others leave idle of their
// guarantees; whoever lends says how long a borrower may be in its min-runtime, and take to leave, when it is taken back
// (`lendMax…` of the queue). Who takes back by its fair share alone has lent nothing: then the borrower's own rules count.
import type { QueueRule } from '../model/queue-rules.js';
import type { QueueNode } from './queues.js';

/** What a queue says. */
export interface RuleOfQueue {
  readonly queue: QueueNode;
  readonly ms: number;
}

/** Two queues that have the same parent, one on the side of whoever takes, one on the side of whoever gives. */
export interface Sides {
  readonly taker: QueueNode;
  readonly giver: QueueNode;
}

/** The two queues, above these or themselves, that have the same parent; null when one is above the other. */
export function sidesOf(taking: QueueNode, giving: QueueNode): Sides | null {
  if (taking.parent === giving.parent && taking !== giving) return { taker: taking, giver: giving };
  const givers = new Map<QueueNode | null, QueueNode>();
  for (let each: QueueNode | null = giving; each !== null; each = each.parent) givers.set(each.parent, each);
  for (let taker: QueueNode | null = taking; taker !== null; taker = taker.parent) {
    const giver = givers.get(taker.parent);
    if (giver !== undefined) return giver === taker ? null : { taker, giver };
  }
  return null;
}

/**
 * The queue that had lent what is taken: the lowest one, from the queue that takes up to its side, that stays within its
 * guarantee with what it takes.
 * @param side just below the queue that taker and giver have in common
 * @returns null when the side does not stay within its guarantee: then it takes by its fair share
 */
export function lenderOf(
  taking: QueueNode,
  side: QueueNode,
  staysWithinGuarantee: (queue: QueueNode) => boolean,
): QueueNode | null {
  if (!staysWithinGuarantee(side)) return null;
  for (let each: QueueNode | null = taking; each !== null && each !== side; each = each.parent) {
    if (staysWithinGuarantee(each)) return each;
  }
  return side;
}

/** The rule of a queue, or of the nearest queue above it that has one; null = there is none. */
export function ruleAbove(queue: QueueNode | null, rule: QueueRule): RuleOfQueue | null {
  for (let each = queue; each !== null; each = each.parent) {
    const ms = each.record?.[rule];
    if (ms !== null && ms !== undefined) return { queue: each, ms };
  }
  return null;
}

/** The same in milliseconds; Infinity = there is none. */
export function lendingCapMs(lender: QueueNode | null, cap: QueueRule): number {
  return ruleAbove(lender, cap)?.ms ?? Infinity;
}

// How long pending work has waited for want of GPUs, and what that is worth: after `reserveAfterMs` it ages, which moves it
// forward in its own queue, and it may reserve a place (reservations.ts). Time in which its queue's rules, its owner or its
// own failures held it back does not count. Derived from records, so that a restart forgets little.
import type { WorkloadEventType } from '../model/records.js';
import type { QueueNode } from './queues.js';
import { type Group, nextMember } from './shapes.js';
import type { ClusterView } from './view.js';
import type { WorkloadEntry } from './workloads.js';

/** Priority gained in order of service for each `reserveAfterMs` of waiting. */
const AGE_STEP = 10;
/** Steps at most: ageing mends waiting, it does not turn priorities over. */
const MAX_AGE_STEPS = 5;

/** From these on waiting counts anew: before it had GPUs, or did not ask for any. */
const BEGINS_TO_WAIT: ReadonlySet<WorkloadEventType> = new Set(['requeued', 'retried', 'unheld']);

/**
 * Since when a pending workload has waited for want of GPUs, milliseconds since 1970: from its submission, or the last time
 * that it came back or was let go, and not before its queue's rules last let it. Of the last nothing is known after a
 * restart; then it may be too early.
 */
export function waitingSinceMs({ record }: WorkloadEntry, { roomSinceMs }: Group): number {
  if (record === null) return Infinity;
  let sinceMs = Math.max(record.submittedMs, record.notBeforeMs, roomSinceMs);
  for (let at = record.events.length - 1; at >= 0; at--) {
    const event = record.events[at];
    if (event && BEGINS_TO_WAIT.has(event.type)) {
      sinceMs = Math.max(sinceMs, event.timeMs);
      break;
    }
  }
  return sinceMs;
}

/**
 * Sets the order of service of groups of one queue: their priority, and what they have aged by. Who may preempt whom goes by
 * the priority alone. What a higher priority could preempt as soon as it ran does not age: it would start only to be
 * stopped. Cost: a comparison a group, and for the overdue a look at the head's record.
 */
export function age(view: ClusterView, queue: QueueNode, groups: readonly Group[], nowMs: number): void {
  const { reserveAfterMs } = view.policy;
  if (reserveAfterMs === null) return;
  for (const group of groups) {
    group.order = group.priority;
    if (group.surplus !== null) continue;
    const head = nextMember(group);
    if (head === null || nowMs - head.submittedMs < reserveAfterMs) continue;
    if (group.preemptible && !preemptibleAges(view, queue)) continue;
    group.order += agedBy(nowMs - waitingSinceMs(head, group), reserveAfterMs);
  }
}

/** How far work that has waited for so long moves forward. */
export function agedBy(waitedMs: number, reserveAfterMs: number): number {
  const steps = Math.floor(waitedMs / Math.max(1, reserveAfterMs));
  return AGE_STEP * Math.max(0, Math.min(MAX_AGE_STEPS, steps));
}

/** Whether work of a queue that may be preempted ages: what a higher priority preempts as soon as it runs does not. */
export function preemptibleAges(view: ClusterView, queue: QueueNode): boolean {
  return !view.policy.actions.includes('preempt') || view.minRuntimeOf(queue, 'preempt') > 0;
}

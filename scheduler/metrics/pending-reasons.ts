// Pending workloads by what they wait for, without a look at each: there may be a million of them, and a scrape holds the one
// writer up. Equal ones stand in one group and wait for the same; behind a gate they are counted as they come and go; promises
// are few.
import type { QueueName } from '../../common/ids.js';
import { at, GPU } from '../engine/amounts.js';
import type { PendingReason } from '../engine/decisions.js';
import { isEntitled } from '../engine/entitlements.js';
import { pendingReason } from '../engine/explain.js';
import { GATE_REASONS } from '../engine/explaining/cause.js';
import { exceeds, type QueueNode } from '../engine/queues.js';
import type { Group } from '../engine/shapes.js';
import type { ClusterView } from '../engine/view.js';
import type { WorkloadEntry } from '../engine/workloads.js';
import type { ReadableState } from '../model/cluster-state.js';

export type ReasonCounts = ReadonlyMap<QueueName, ReadonlyMap<PendingReason, number>>;

/** Counts by queue and reason. Cost: queues, groups of equal work, and promises. @param nowMs milliseconds since 1970 */
export function countReasons(state: ReadableState, view: ClusterView, nowMs: number): ReasonCounts {
  const all = new Map<QueueName, Map<PendingReason, number>>();
  const add = (queue: QueueName, reason: PendingReason, count: number): void => {
    if (count === 0) return;
    const ofQueue = all.get(queue) ?? new Map<PendingReason, number>();
    all.set(queue, ofQueue);
    ofQueue.set(reason, (ofQueue.get(reason) ?? 0) + count);
  };
  const promised = promisedByQueue(view);
  for (const { name } of state.queues.values()) {
    let left = state.pendingIn(name).size;
    if (left === 0) continue;
    const take = (reason: PendingReason, count: number): void => {
      add(name, reason, count);
      left -= count;
    };
    for (const [kind, count] of state.workloadCounts.gated.get(name) ?? []) take(GATE_REASONS[kind], count);
    take('RECLAIMING', promised.get(name) ?? 0);
    for (const group of view.queues.get(name)?.groups.values() ?? []) {
      const first = firstOf(group);
      if (first !== null) take(pendingReason(view, first.number, nowMs) ?? 'NOT_EVALUATED', group.waiting);
    }
    // Nobody has looked at the rest yet.
    add(name, 'NOT_EVALUATED', left);
  }
  return all;
}

/** What work waits for that more room would let start: not its user's limit, nor GPUs that there are not. */
const FOR_ROOM: ReadonlySet<PendingReason> = new Set([
  'NODES_UNAVAILABLE',
  'MAINTENANCE',
  'FRAGMENTED',
  'TOPOLOGY',
  'CPU_OR_MEMORY',
  'OWED_TO_OTHERS',
  'RESERVED',
  'RESOURCES',
  'NOT_EVALUATED',
]);

/**
 * Pending workloads with GPUs that wait for room, and fit whole into what a queue is guaranteed beside what it holds: its own, and
 * those below it. A gang larger than what is left of a guarantee is not owed. Cost: as {@link countReasons}, and the depth of the tree.
 */
export function countOwed(view: ClusterView, nowMs: number): ReadonlyMap<QueueName, number> {
  const owed = new Map<QueueName, number>();
  const add = (queue: QueueNode | null, count: number, isOwed: (each: QueueNode) => boolean): void => {
    for (let each = queue; each !== null; each = each.parent) {
      if (each.record !== null) owed.set(each.name, (owed.get(each.name) ?? 0) + (isOwed(each) ? count : 0));
    }
  };
  for (const node of view.queues.values()) {
    if (node.record === null) continue;
    add(node, 0, () => false);
    for (const group of node.groups.values()) {
      const { shape } = group;
      const first = at(shape.charge, GPU) > 0 ? firstOf(group) : null;
      if (first === null || !FOR_ROOM.has(pendingReason(view, first.number, nowMs) ?? 'HELD')) continue;
      add(node, group.waiting, (queue) => isEntitled(view.scopes, { queue, shape }, 'guarantee'));
    }
  }
  // Who has a promise is charged for it already.
  for (const { record, queue } of view.claimers) {
    if (record?.state === 'pending' && record.gate === null) add(queue, 1, (each) => !exceeds(each, each.guarantee));
  }
  return owed;
}

function promisedByQueue(view: ClusterView): ReadonlyMap<QueueName, number> {
  const promised = new Map<QueueName, number>();
  for (const { record } of view.claimers) {
    if (record?.state !== 'pending' || record.gate !== null) continue;
    promised.set(record.spec.queue, (promised.get(record.spec.queue) ?? 0) + 1);
  }
  return promised;
}

/** One that waits in a group; null = nobody does, or it is of tasks more for work that runs. */
function firstOf(group: Group): WorkloadEntry | null {
  if (group.surplus !== null || group.waiting === 0) return null;
  for (let at = group.head; at < group.members.length; at++) {
    const member = group.members[at];
    if (member?.group === group) return member;
  }
  return null;
}

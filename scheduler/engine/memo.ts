// What the view remembers beyond the records: what stopped each group, what was tried in vain and when, what changed since
// somebody last looked. A what-if takes all of it down before its first supposition and puts it back after the last was taken
// back, so that it leaves no trace, whether the engine was at rest or in the middle of its work.
import type { UnsettledChanges } from './nodes.js';
import { type QueueNode, type Shares, sharesOf, setShares } from './queues.js';
import type { Reservation } from './reservations.js';
import type { Group } from './shapes.js';
import type { ClusterView, Unsettled } from './view.js';
import type { WorkloadEntry } from './workloads.js';

type GroupMemo = Pick<Group, 'block' | 'failedAt' | 'cutShort' | 'roomSinceMs'>;

/** Taken when it is made. Cost: one pass over groups, queues and classes. */
export class Memo {
  readonly #view: ClusterView;
  /** By the key of the group: one that is left by all for a while is made anew. */
  readonly #groups = new Map<QueueNode, ReadonlyMap<string, GroupMemo>>();
  readonly #relievedAt: readonly (readonly [QueueNode, number])[];
  readonly #shares: readonly (readonly [QueueNode, Shares])[];
  readonly #gainedAt: readonly (readonly [{ gainedAt: number }, number])[];
  readonly #keptOut: readonly (readonly [Reservation, readonly Group[]])[];
  readonly #broken: ReadonlyMap<WorkloadEntry, number | null>;
  readonly #toCheck: readonly WorkloadEntry[];
  readonly #waitingForRoom: readonly WorkloadEntry[];
  readonly #roomChanged: readonly QueueNode[];
  readonly #changes: UnsettledChanges;
  readonly #unsettled: Unsettled;
  readonly #stamps: Pick<ClusterView, 'structureAt' | 'restedAt' | 'wakeMs'>;

  constructor(view: ClusterView) {
    this.#view = view;
    const { nodes, structureAt, restedAt, wakeMs } = view;
    const queues = [view.root, ...view.queues.values()];
    for (const queue of queues) {
      if (queue.groups.size === 0) continue;
      this.#groups.set(queue, new Map([...queue.groups].map(([key, group]) => [key, memoOf(group)])));
    }
    this.#relievedAt = queues.map((queue) => [queue, queue.relievedAt]);
    this.#shares = queues.map((queue) => [queue, sharesOf(queue)]);
    this.#gainedAt = [...nodes.classes, ...nodes.tiers].map((room) => [room, room.gainedAt]);
    this.#keptOut = [...view.reservations.all()].map((reservation) => [reservation, [...reservation.keptOut]]);
    this.#broken = new Map(view.broken);
    this.#toCheck = [...view.claimsToCheck];
    this.#waitingForRoom = [...view.claimsWaitingForRoom];
    this.#roomChanged = [...view.roomChanged];
    this.#changes = nodes.unsettled();
    this.#unsettled = view.unsettled();
    this.#stamps = { structureAt, restedAt, wakeMs };
  }

  /** Puts everything back as it was. May assume that all records are as they were. */
  restore(): void {
    const view = this.#view;
    const { nodes } = view;
    view.unsettle(this.#unsettled);
    // Were they divided anew, that would count as a change for everybody.
    for (const [queue, shares] of this.#shares) setShares(queue, shares);
    view.fileShelves();
    view.retakeClaims(view.claimers);
    for (const queue of view.queues.values()) {
      for (const [key, group] of queue.groups) this.#restoreGroup(group, this.#groups.get(queue)?.get(key));
    }
    for (const [queue, relievedAt] of this.#relievedAt) queue.relievedAt = relievedAt;
    for (const [room, gainedAt] of this.#gainedAt) room.gainedAt = gainedAt;
    for (const [reservation, groups] of this.#keptOut) {
      reservation.keptOut.clear();
      for (const { queue, key } of groups) {
        const group = queue.groups.get(key);
        if (group) reservation.keptOut.add(group);
      }
    }
    for (const [workload, sinceMs] of this.#broken) if (view.broken.has(workload)) view.broken.set(workload, sinceMs);
    refill(view.claimsToCheck, this.#toCheck);
    refill(view.claimsWaitingForRoom, this.#waitingForRoom);
    refill(view.roomChanged, this.#roomChanged);
    nodes.unsettle(this.#changes);
    Object.assign(view, this.#stamps);
  }

  #restoreGroup(group: Group, memo: GroupMemo | undefined): void {
    if (memo === undefined) return;
    const { block, failedAt, cutShort, roomSinceMs } = memo;
    if (group.block !== null) this.#view.unblock(group);
    if (block !== null) this.#view.block(group, block);
    group.failedAt = { ...failedAt };
    group.cutShort = { ...cutShort };
    group.roomSinceMs = roomSinceMs;
    group.queue.roomWaits.forget(group);
  }
}

function memoOf({ block, failedAt, cutShort, roomSinceMs }: Group): GroupMemo {
  return { block, failedAt: { ...failedAt }, cutShort: { ...cutShort }, roomSinceMs };
}

function refill<T>(set: Set<T>, items: readonly T[]): void {
  set.clear();
  for (const item of items) set.add(item);
}

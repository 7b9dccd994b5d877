// The phases of a step that concern reservations. First, before anything is placed: what is still to be expected of each,
// and whether it still has a reason. Last, when nothing else is left to do: a better place for one whose place became worse,
// and new ones for work that has waited too long, in order of service. At most one a queue, and so many a pool.
import type { Decision } from './decisions.js';
import { NOTHING } from './amounts.js';
import { findEarliestPlace } from './earliest-place.js';
import { Endings } from './endings.js';
import { Walk } from './order.js';
import type { Placing } from './place.js';
import { PlacesOutlook } from './outlook.js';
import { isWithin, mayStop, type QueueNode } from './queues.js';
import {
  type Applicant,
  isVictim,
  isWaiting,
  poolsOf,
  RECONSIDER_MS,
  type Reservation,
  type Withheld,
} from './reservations.js';
import { type Group, isUsable, nextMember, settleShape } from './shapes.js';
import type { ClusterView } from './view.js';
import { age, preemptibleAges } from './waiting.js';
import type { WorkloadEntry } from './workloads.js';

/** By how much a start may slip before another place is looked for: the time that work takes to start up. */
const SLIP_MS = 60_000;
/** Groups of one queue for which a place is looked for before the queue has to wait. */
const MAX_GROUPS_TRIED = 4;

/** What the phases need of a step. */
export interface Reserving extends Placing {
  readonly withheld: Withheld;
  readonly decisions: readonly Decision[];
}

// --- first: what is kept ---

/** Gives up what has no reason any more, and works out anew what is to be expected of the rest. */
export function keepReservations(view: ClusterView): void {
  const { reservations, nowMs } = view;
  if (reservations.count === 0) return;
  for (const reservation of reservations.all()) {
    if (reservations.frozen) {
      if (!isWaiting(reservation)) letTryAgain(view, reservation);
    } else if (!hasReason(view, reservation)) {
      giveUp(view, reservation);
    } else {
      const { promisedMs } = reservation;
      const before = reservation.outlook;
      const outlook = reservation.expected.asRecorded(nowMs) ?? reservation.expected.as(endingsFor(view, reservation));
      const isLate = outlook.startMs > nowMs && outlook.startMs > promisedMs + SLIP_MS;
      if (isLate || !outlook.isWhole || outlook.endlessSlots > before.endlessSlots) reservation.isWorse = true;
      reservation.promisedMs = Math.min(promisedMs, outlook.startMs);
      reservation.outlook = outlook;
    }
  }
}

/** It still waits, and for nothing but GPUs. */
function hasReason(view: ClusterView, reservation: Reservation): boolean {
  const { workload, shape } = reservation;
  if (!isWaiting(reservation)) return false;
  const block = workload.group?.block ?? null;
  return (block === null || block.kind === 'room') && view.findStop(workload.account, shape, 'bind') === null;
}

function giveUp(view: ClusterView, reservation: Reservation): void {
  view.reservations.end(reservation);
  letTryAgain(view, reservation);
}

/** Whoever was kept out looks again. @returns whether there was anybody */
function letTryAgain(view: ClusterView, { keptOut, workload }: Reservation): boolean {
  let anybody = false;
  for (const group of keptOut) {
    if (!group.isFiled || group.block?.kind !== 'room' || group.block.reservedFor !== workload.number) continue;
    view.unblock(group);
    anybody = true;
  }
  keptOut.clear();
  if (anybody) view.structureAt = ++view.nodes.clock;
  return anybody;
}

/** Work let in on the terms that the reserver can evict it counts as gone; of all other work its time limit counts. */
function endingsFor(view: ClusterView, reservation: Reservation | null): Endings {
  if (reservation === null) return new Endings(view.nowMs, null);
  const { workload, queue, shape, madeMs } = reservation;
  return new Endings(view.nowMs, {
    queue,
    priority: workload.record?.spec.priority ?? 0,
    sinceMs: madeMs,
    mayReclaim: isWithin(queue, shape.charge, queue.fairShare),
    isVictim: (giver, priority, preemptible) =>
      isVictim(view, reservation, {
        workload,
        queue: giver,
        charge: NOTHING,
        priority,
        preemptible,
        endMs: Infinity,
      }),
  });
}

function holderOf(workload: WorkloadEntry): Applicant | null {
  const { queue, record } = workload;
  if (queue === null || record === null) return null;
  const { priority, preemptible } = record.spec;
  return { workload, queue, charge: NOTHING, priority, preemptible, endMs: Infinity };
}

// --- who asks ---

/** A group whose next member would take GPUs. */
export function applicantOf(nowMs: number, group: Group, workload: WorkloadEntry): Applicant {
  const { queue, shape, priority, preemptible } = group;
  return { workload, queue, charge: shape.charge, priority, preemptible, endMs: endOfMs(workload, nowMs) };
}

/**
 * The same for a promise, or with others moved for it: it starts later than now, and they would not leave in time, so that
 * reserved places are open only to the reserver and within a guarantee.
 */
export function entitledOf(nowMs: number, group: Group, workload: WorkloadEntry): Applicant {
  return { ...applicantOf(nowMs, group, workload), preemptible: false, endMs: Infinity };
}

/** A workload with a claim that would rather start elsewhere. */
export function claimerOf(nowMs: number, workload: WorkloadEntry): Applicant | null {
  const holder = holderOf(workload);
  return holder && { ...holder, charge: workload.core?.charge ?? NOTHING, endMs: endOfMs(workload, nowMs) };
}

/** When a workload will have left if it starts now, or when it has to leave if it runs. */
function endOfMs({ record, placedMs }: WorkloadEntry, nowMs: number): number {
  if (record === null || record.spec.timeLimitMs === null) return Infinity;
  const { timeLimitMs, graceMs } = record.spec;
  if (record.state === 'pending') return nowMs + timeLimitMs + graceMs;
  return (record.deadline?.endMs ?? placedMs + timeLimitMs) + graceMs;
}

// --- last: better places, and new ones ---

/** True = nothing is left to look for, and nobody has to try again. */
export function reserve(turn: Reserving): boolean {
  const { view } = turn.trial;
  const { reservations, policy } = view;
  // What a step decides changes what there is to reserve: it is called again after that.
  if (policy.reserveAfterMs === null || reservations.frozen || turn.decisions.length > 0) return true;
  reservations.wakeMs = Infinity;
  return reconsider(turn) && makeNew(turn, policy.reserveAfterMs);
}

function reconsider(turn: Reserving): boolean {
  const { view } = turn.trial;
  let rests = true;
  for (const reservation of view.reservations.all()) {
    if (turn.work.isSpent) return false;
    if (isInVain(view, reservation)) {
      view.reservations.end(reservation);
      view.reservations.turnAway(reservation.queue, view.nowMs + RECONSIDER_MS);
      if (letTryAgain(view, reservation)) rests = false;
    } else if (mayBeBettered(view, reservation) && !lookAgain(turn, reservation)) rests = false;
  }
  return rests;
}

/** All of it is free and has been for a while, and still its workload did not start there. */
function isInVain({ nowMs, reservations }: ClusterView, reservation: Reservation): boolean {
  const { outlook } = reservation;
  if (outlook.startMs > nowMs || !outlook.isWhole) {
    reservation.readyMs = null;
    return false;
  }
  reservation.readyMs ??= nowMs;
  const untilMs = reservation.readyMs + RECONSIDER_MS;
  reservations.wakeAt(untilMs);
  return nowMs >= untilMs;
}

function mayBeBettered(view: ClusterView, { isWorse, shape, lookedMs, lookedAt }: Reservation): boolean {
  if (isWorse) return true;
  const hasGained = shape.parts.some(({ ask }) => ask.classes.some(({ gainedAt }) => gainedAt > lookedAt));
  if (!hasGained) return false;
  if (view.nowMs >= lookedMs + RECONSIDER_MS) return true;
  view.reservations.wakeAt(lookedMs + RECONSIDER_MS);
  return false;
}

/** Takes a better place, if there is one; a place that is not whole any more is given up. @returns whether all is at rest */
function lookAgain(turn: Reserving, reservation: Reservation): boolean {
  const { view } = turn.trial;
  const { outlook, promisedMs } = reservation;
  const found = find(turn, reservation.workload, reservation);
  // As long as no start is known it stays where it has begun to gather GPUs, or it might move about for ever.
  const mayMove = found !== null && (found.outlook.startMs !== Infinity || reservation.isWorse);
  reservation.isWorse = false;
  reservation.lookedMs = view.nowMs;
  reservation.lookedAt = view.nodes.clock;
  const moves = mayMove && (!outlook.isWhole || isBetter(found.outlook, outlook));
  if (moves) {
    view.reservations.move(reservation, found.places, found.outlook);
  } else if (!outlook.isWhole) {
    giveUp(view, reservation);
    return false;
  }
  reservation.promisedMs = reservation.outlook.startMs;
  // Whom it kept out it keeps out, unless it is another place or the promise is another one: then others may use it, or that.
  if (!moves && reservation.promisedMs === promisedMs) return true;
  return !letTryAgain(view, reservation);
}

function isBetter(a: { startMs: number; endlessSlots: number }, b: { startMs: number; endlessSlots: number }): boolean {
  return a.startMs === b.startMs ? a.endlessSlots < b.endlessSlots : a.startMs < b.startMs;
}

function makeNew(turn: Reserving, reserveAfterMs: number): boolean {
  const { view } = turn.trial;
  const { reservations, nowMs } = view;
  const due = new Map<QueueNode, Group[]>();
  for (const queue of reservations.takeDue(nowMs)) {
    if (reservations.has(queue)) continue;
    const overdue = overdueOf(view, queue, reserveAfterMs);
    if (overdue.length > 0) due.set(queue, overdue);
  }
  if (due.size === 0) return true;
  const walk = new Walk(view.root, view.scopes, due);
  for (let group = walk.next(); group !== null; group = walk.next()) {
    if (turn.work.isSpent) {
      for (const queue of due.keys()) reservations.setDue(queue, 0);
      return false;
    }
    const { queue } = group;
    if (!reservations.has(queue)) makeFor(turn, group);
    walk.advance(false);
  }
  for (const queue of due.keys()) if (!reservations.has(queue)) reservations.turnAway(queue, nowMs + RECONSIDER_MS);
  return true;
}

/** The first groups in order of service that have waited long enough for GPUs alone; notes when others will. */
function overdueOf(view: ClusterView, queue: QueueNode, reserveAfterMs: number): Group[] {
  const { nowMs, reservations } = view;
  const { groups, nextDueMs } = queue.roomWaits.firstOverdue({
    nowMs,
    reserveAfterMs,
    most: MAX_GROUPS_TRIED,
    preemptibleAges: preemptibleAges(view, queue),
    isStopped: (group) => view.findStop(group, group.shape, 'bind') !== null,
    mayStopPreemptible: !view.scopes.isNone || mayStop(queue, queue.roomWaits.most),
  });
  if (nextDueMs < Infinity) reservations.setDue(queue, nextDueMs);
  age(view, queue, groups, nowMs);
  return [...groups];
}

function makeFor(turn: Reserving, group: Group): void {
  const { view } = turn.trial;
  const { reservations, nowMs, nodes } = view;
  const workload = nextMember(group);
  if (workload === null) return;
  const found = find(turn, workload, null);
  if (found === null) return;
  reservations.make({
    workload,
    queue: group.queue,
    shape: group.shape,
    madeMs: nowMs,
    places: found.places,
    pools: poolsOf(found.places),
    outlook: found.outlook,
    expected: new PlacesOutlook(workload, found.places),
    promisedMs: found.outlook.startMs,
    lookedMs: nowMs,
    lookedAt: nodes.clock,
    isWorse: false,
    readyMs: null,
    keptOut: new Set(),
  });
}

function find(turn: Reserving, workload: WorkloadEntry, own: Reservation | null) {
  const { view } = turn.trial;
  const { reservations, policy } = view;
  const shape = workload.core;
  if (shape === null) return null;
  settleShape(shape, view.nodes);
  const mayUsePool = (pool: string): boolean =>
    own?.pools.has(pool) === true || reservations.inPool(pool) < policy.maxReservationsPerPool;
  const pools = new Set(shape.parts.flatMap(({ ask }) => ask.classes.map(({ pool }) => pool)));
  if (!isUsable(shape) || ![...pools].some(mayUsePool)) return null;
  if (shape.parts.every(({ ask }) => ask.unit !== 'none')) turn.withheld.allButIn(pools, own);
  else turn.withheld.allBut(own);
  const found = findEarliestPlace(turn, { workload, shape, mayUsePool, endings: endingsFor(view, own) });
  turn.withheld.nothing();
  return found !== null && [...poolsOf(found.places)].every(mayUsePool) ? found : null;
}

// Reservations: the place where work that has waited too long for GPUs can start first is kept for it. Soft state: nothing of
// it is committed, and after a restart it is found again from records. A reserved place is withheld from everybody else only
// while a step tries to place them, by making its GPUs count as taken (`NodeTable.withhold`), so that without reservations
// nothing is different and nothing costs. Who may use it nevertheless: whose time limit ends before the reserved start, whom
// the reserver could evict, and whoever stays within the guarantee of its queue.
import type { Amounts } from './amounts.js';
import { lenderOf, lendingCapMs, sidesOf } from './lending.js';
import { type Outlook, PlacesOutlook } from './outlook.js';
import { isWithin, type QueueNode } from './queues.js';
import { type Group, mayFit, type Shape } from './shapes.js';
import type { ClusterView } from './view.js';
import { newPlace, type TaskPlace, type WorkloadEntry } from './workloads.js';

/** A better place is not looked for more often. */
export const RECONSIDER_MS = 60_000;

/** What is kept for one workload. */
export interface Reservation {
  readonly workload: WorkloadEntry;
  readonly queue: QueueNode;
  readonly shape: Shape;
  /** Since when it is kept. */
  readonly madeMs: number;
  places: readonly TaskPlace[];
  pools: ReadonlySet<string>;
  /** What is to be expected of them, and how that is followed. */
  outlook: Outlook;
  expected: PlacesOutlook;
  /** Until when others may use it, milliseconds since 1970: the start as it was found; Infinity = no start is known. */
  promisedMs: number;
  /** When a better place was last looked for, by time and by the clock of changes. */
  lookedMs: number;
  lookedAt: number;
  /** It became worse, or a part of it is gone: another place may be better. */
  isWorse: boolean;
  /** Since when all of it is free and still it did not start; null = it is not. */
  readyMs: number | null;
  /** Groups that found no room while it was withheld from them. */
  readonly keptOut: Set<Group>;
}

/** Who would take GPUs. */
export interface Applicant {
  readonly workload: WorkloadEntry;
  readonly queue: QueueNode;
  /** What its queue would be charged with in addition. */
  readonly charge: Amounts;
  readonly priority: number;
  readonly preemptible: boolean;
  /** When it will have left at the latest, milliseconds since 1970; Infinity = nobody knows. */
  readonly endMs: number;
}

/** All reservations, at most one a queue. */
export class Reservations {
  /** True in a what-if: reservations count, but none is made or given up. */
  frozen = false;
  /** When the next workload may have waited long enough, or a better place is to be looked for; Infinity = never. */
  wakeMs = Infinity;
  readonly #byQueue = new Map<QueueNode, Reservation>();
  /** For queues in which something waits for room: before this none of it has waited long enough. */
  readonly #dueMs = new Map<QueueNode, number>();
  #nextDueMs = Infinity;
  /** Queues whose overdue work found no place to reserve, and until when they are left alone if no reservation ends. */
  readonly #turnedAway = new Map<QueueNode, number>();

  /** How many there are. */
  get count(): number {
    return this.#byQueue.size;
  }

  all(): Iterable<Reservation> {
    return this.#byQueue.values();
  }

  /** What is kept for a workload. */
  of({ queue, number }: WorkloadEntry): Reservation | null {
    const found = queue && this.#byQueue.get(queue);
    return found?.workload.number === number ? found : null;
  }

  /** What is kept for one of a group. */
  ofGroup(queue: QueueNode, group: Group | null): Reservation | null {
    const found = this.#byQueue.get(queue);
    return found !== undefined && group !== null && found.workload.group === group ? found : null;
  }

  /** The group of a queue for one of which something is kept. */
  groupOf(queue: QueueNode): Group | null {
    return this.#byQueue.get(queue)?.workload.group ?? null;
  }

  has(queue: QueueNode): boolean {
    return this.#byQueue.has(queue);
  }

  /** How many touch a pool. */
  inPool(pool: string): number {
    let count = 0;
    for (const { pools } of this.#byQueue.values()) if (pools.has(pool)) count++;
    return count;
  }

  make(reservation: Reservation): void {
    this.#byQueue.set(reservation.queue, reservation);
    reservation.expected.watch();
  }

  /** Keeps another place instead. */
  move(reservation: Reservation, places: readonly TaskPlace[], outlook: Outlook): void {
    reservation.expected.unwatch();
    reservation.places = places;
    reservation.pools = poolsOf(places);
    reservation.outlook = outlook;
    reservation.expected = new PlacesOutlook(reservation.workload, places);
    reservation.expected.watch();
  }

  /** Gives one up; the caller lets those it kept out try again. */
  end({ queue, expected }: Reservation): void {
    expected.unwatch();
    this.#byQueue.delete(queue);
    this.setDue(queue, 0);
    for (const each of this.#turnedAway.keys()) this.setDue(each, 0);
    this.#turnedAway.clear();
  }

  /** A group of the queue waits for room since now; it has not waited long enough before that time. */
  setDue(queue: QueueNode, dueMs: number): void {
    const known = this.#dueMs.get(queue) ?? Infinity;
    if (dueMs >= known) return;
    this.#dueMs.set(queue, dueMs);
    this.#nextDueMs = Math.min(this.#nextDueMs, dueMs);
  }

  /** The queues to look through now. Each must be told when to look again. */
  takeDue(nowMs: number): QueueNode[] {
    for (const [queue, againMs] of this.#turnedAway) {
      if (againMs > nowMs) continue;
      this.#turnedAway.delete(queue);
      this.setDue(queue, 0);
    }
    if (nowMs < this.#nextDueMs) return [];
    const due: QueueNode[] = [];
    let nextMs = Infinity;
    for (const [queue, dueMs] of this.#dueMs) {
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
      else due.push(queue);
    }
    for (const queue of due) this.#dueMs.delete(queue);
    this.#nextDueMs = nextMs;
    return due;
  }

  /** It found nothing to reserve: looked through when something happens after that time, or a reservation ends. */
  turnAway(queue: QueueNode, againMs: number): void {
    this.#turnedAway.set(queue, againMs);
  }

  wakeAt(timeMs: number): void {
    this.wakeMs = Math.min(this.wakeMs, timeMs);
  }

  /** When `takeDue` would next give anything. */
  get nextDueMs(): number {
    return this.#nextDueMs;
  }
}

/** Whether the reserver still waits for GPUs. In a what-if it may have started. */
export function isWaiting({ workload, shape }: Reservation): boolean {
  // By key: a shape that nobody waits with for a moment is made anew.
  return workload.group !== null && workload.core?.key === shape.key;
}

/** Whether somebody may use a reserved place. Its own workload may, and so may equal ones of its group before it. */
export function mayUse(view: ClusterView, reservation: Reservation, applicant: Applicant): boolean {
  const { workload, promisedMs } = reservation;
  const { group } = workload;
  if (workload === applicant.workload || (group !== null && group === applicant.workload.group)) return true;
  if (!isWaiting(reservation) || isWithin(applicant.queue, applicant.charge, applicant.queue.guarantee)) return true;
  if (isGuaranteedThere(view, reservation, applicant)) return true;
  if (promisedMs !== Infinity && applicant.endMs <= promisedMs) return true;
  return isVictim(view, reservation, applicant);
}

/** Whether all of the reserved place is of a part of the cluster of which the applicant is guaranteed so much more. */
function isGuaranteedThere({ scopes }: ClusterView, { places }: Reservation, { workload, queue }: Applicant): boolean {
  if (scopes.isNone || workload.core === null) return false;
  return scopes.wantsOfShape(workload.core).some(({ scope, parts }) => {
    const account = queue.scopes[scope.index];
    if (account === undefined || account.charged + parts > account.guarantee) return false;
    return places.every(({ slots }) => slots.every(({ bank }) => scopes.has(scope, bank.bankClass)));
  });
}

/**
 * Whether the reserver could evict it when its time comes: lower priority of the same queue, or borrowed by a queue from
 * which the reserver's may reclaim. What a min-runtime would still protect then it could not.
 */
export function isVictim(view: ClusterView, reservation: Reservation, applicant: Applicant): boolean {
  const { workload, queue, shape, promisedMs } = reservation;
  if (!applicant.preemptible) return false;
  const how = applicant.queue === queue ? 'preempt' : 'reclaim';
  if (!view.policy.actions.includes(how)) return false;
  const sides = how === 'preempt' ? null : sidesOf(queue, applicant.queue);
  const isGuaranteed = (each: QueueNode): boolean => isWithin(each, shape.charge, each.guarantee);
  const lender = sides && lenderOf(queue, sides.taker, isGuaranteed);
  const minRuntimeMs = Math.min(view.minRuntimeOf(applicant.queue, how), lendingCapMs(lender, 'lendMaxMinRuntimeMs'));
  if (minRuntimeMs > 0 && (promisedMs === Infinity || view.nowMs + minRuntimeMs > promisedMs)) return false;
  if (how === 'preempt') return applicant.priority < (workload.record?.spec.priority ?? 0);
  if (sides === null || !isWithin(queue, shape.charge, queue.fairShare)) return false;
  const { charge } = applicant;
  for (let each: QueueNode | null = applicant.queue; each !== null; each = each === sides.giver ? null : each.parent) {
    if (isWithin(each, charge, each.guarantee)) return false;
  }
  const { taker, giver } = sides;
  return !isWithin(giver, charge, giver.allocatableShare) || isGuaranteed(taker);
}

/** The reservation but for which pending work would have been placed on what is free. */
export function whoKeepsOut(view: ClusterView, { group }: WorkloadEntry, shape: Shape): Reservation | null {
  const block = group?.block ?? null;
  if (block?.kind !== 'room' || block.reservedFor === null || !mayFit(shape, 'free')) return null;
  const reserver = view.workloads.get(block.reservedFor);
  return reserver === undefined ? null : view.reservations.of(reserver);
}

/** The reserved places that are withheld at present, during one step. */
export class Withheld {
  readonly #view: ClusterView;
  readonly #now = new Map<Reservation, readonly TaskPlace[]>();
  /** All are withheld but this (null = all are); undefined = it is otherwise. */
  #allBut: Reservation | null | undefined = undefined;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  /** Withholds what the applicant may not use, and nothing else. Cost without reservations: one comparison. */
  from(describe: () => Applicant | null): void {
    const { reservations } = this.#view;
    if (reservations.count === 0) return;
    const applicant = describe();
    if (applicant === null) return;
    const { queue, charge, preemptible, endMs } = applicant;
    const { scopes } = this.#view;
    if (!preemptible && endMs === Infinity && scopes.isNone && !isWithin(queue, charge, queue.guarantee)) {
      const { workload } = applicant;
      return this.allBut(reservations.of(workload) ?? reservations.ofGroup(queue, workload.group));
    }
    this.#allBut = undefined;
    for (const each of reservations.all()) this.#set(each, !mayUse(this.#view, each, applicant));
  }

  /** The same as long as nobody was told to leave in the step: places that others hold as a whole need not be withheld. */
  fromWhatIsOpen(describe: () => Applicant | null): void {
    const { reservations } = this.#view;
    // In a what-if nobody keeps the outlooks up to date.
    if (reservations.frozen) return this.from(describe);
    this.#allBut = undefined;
    let applicant: Applicant | null = null;
    for (const each of reservations.all()) {
      if (!each.outlook.isOpen) continue;
      applicant ??= describe();
      if (applicant === null) return;
      this.#set(each, !mayUse(this.#view, each, applicant));
    }
  }

  /** Withholds all but one, whoever asks. */
  allBut(reservation: Reservation | null): void {
    if (this.#allBut === reservation) return;
    this.#allBut = reservation;
    for (const each of this.#view.reservations.all()) this.#set(each, each !== reservation && isWaiting(each));
  }

  /** The same for who can only go to some pools: what is reserved elsewhere is nothing to him. */
  allButIn(pools: ReadonlySet<string>, reservation: Reservation | null): void {
    this.#allBut = undefined;
    for (const each of this.#view.reservations.all()) {
      this.#set(each, each !== reservation && isWaiting(each) && touches(each, pools));
    }
  }

  /** Withholds nothing. */
  nothing(): void {
    this.#allBut = undefined;
    for (const each of this.#now.keys()) this.#set(each, false);
  }

  /** Withholds, of all that is reserved, what could be had before anybody is told to leave. */
  whatIsOpen(): void {
    const { reservations } = this.#view;
    this.nothing();
    // In a what-if nobody keeps the outlooks up to date.
    if (reservations.frozen) return;
    for (const each of reservations.all()) if (each.outlook.isOpen && isWaiting(each)) this.#set(each, true);
  }

  /** The first withheld place that has something free for a shape: what may have kept it out. */
  against(shape: Shape): Reservation | null {
    for (const each of this.#now.keys()) {
      if (each.outlook.freeSlots > 0 && isForSame(each, shape)) return each;
    }
    return null;
  }

  #set(reservation: Reservation, withheld: boolean): void {
    const known = this.#now.get(reservation);
    if (withheld === (known !== undefined)) return;
    if (known !== undefined) {
      this.#now.delete(reservation);
      this.#count(known, -1);
    } else {
      const places = reservation.places.map(stillThere);
      this.#now.set(reservation, places);
      this.#count(places, 1);
    }
  }

  #count(places: readonly TaskPlace[], sign: 1 | -1): void {
    const { nodes } = this.#view;
    for (const { node, slots, parts, cpuMilli, memoryMib } of places) {
      for (const slot of slots) nodes.withhold(slot, parts, sign);
      nodes.count(node, 'claimed', cpuMilli, memoryMib, sign);
    }
  }
}

/** Whether any of it is in these pools. Of tasks without GPUs nobody keeps the pool. */
function touches(reservation: Reservation, pools: ReadonlySet<string>): boolean {
  for (const pool of reservation.pools) if (pools.has(pool)) return true;
  return reservation.places.some(({ slots }) => slots.length === 0);
}

/** What is to be withheld of a place: the GPUs that its node still has; CPU and memory that nobody there gives back. */
function stillThere(place: TaskPlace): TaskPlace {
  const { node, slots, workload, task, parts } = place;
  const there = slots.filter(({ bank }) => node.banks.includes(bank));
  const isAwaited = there.length === 0 || there.some(({ used }) => used > 0);
  const needs = isAwaited ? { cpuMilli: 0, memoryMib: 0 } : place;
  return newPlace(workload, task, node, there, parts, needs);
}

function isForSame({ places }: Reservation, shape: Shape): boolean {
  return shape.parts.some(({ ask }) =>
    places.some(({ slots }) => slots.some(({ bank }) => ask.classes.includes(bank.bankClass))),
  );
}

/** The pools of places. */
export function poolsOf(places: readonly TaskPlace[]): ReadonlySet<string> {
  return new Set(places.flatMap(({ slots }) => slots.map(({ bank }) => bank.bankClass.pool)));
}

// The groups of one queue that wait for GPUs and nothing else, in columns. Each time that the queue may reserve a place it is
// asked which of them have waited the longest; to follow a thousand groups to the records of their first workloads would be
// a dozen jumps through memory a group. What was looked up once is kept until the group or its first workload changes.
import { type Amounts, amounts, at, RESOURCES } from './amounts.js';
import { asksForGpus, type Group, isBefore, nextMember } from './shapes.js';
import { agedBy, waitingSinceMs } from './waiting.js';

/** What is asked: see `RoomWaits.firstOverdue`. */
export interface OverdueQuestion {
  readonly nowMs: number;
  readonly reserveAfterMs: number;
  /** How many are wanted. */
  readonly most: number;
  /** Whether what may be preempted moves forward by waiting. */
  readonly preemptibleAges: boolean;
  /** Whether its queue's rules stop a group, and whether they may stop any that may be preempted. */
  readonly isStopped: (group: Group) => boolean;
  readonly mayStopPreemptible: boolean;
}

/** Who has waited too long, and when the next will have. */
export interface Overdue {
  /** In order of service. */
  readonly groups: readonly Group[];
  /** Milliseconds since 1970; Infinity = never. */
  readonly nextDueMs: number;
}

const FIRST_CAPACITY = 8;

/** Cost of an entry: 33 bytes, and its place in a list. */
export class RoomWaits {
  readonly #groups: Group[] = [];
  /** Since when the first workload of a group waits for want of GPUs; NaN = to be looked up, with what follows. */
  #sinceMs = new Float64Array(FIRST_CAPACITY);
  #submittedMs = new Float64Array(FIRST_CAPACITY);
  #priority = new Float64Array(FIRST_CAPACITY);
  /** 1 = not preemptible. */
  #isFixed = new Uint8Array(FIRST_CAPACITY);
  /** No group asks for more of anything; it may be that none asks for so much any more. */
  readonly #most = amounts();

  /** At least what any group asks for, of each resource. */
  get most(): Amounts {
    return this.#most;
  }

  /** Of groups that want more tasks for what runs, or no GPUs, nothing is kept: nothing is reserved for them. */
  add(group: Group): void {
    if (group.surplus !== null || !asksForGpus(group.shape) || group.roomPlace !== -1) return;
    const place = this.#groups.length;
    if (place === this.#sinceMs.length) this.#grow();
    this.#groups.push(group);
    group.roomPlace = place;
    this.#sinceMs[place] = NaN;
    this.#priority[place] = group.priority;
    this.#isFixed[place] = group.preemptible ? 0 : 1;
    this.#countIn(group);
  }

  delete(group: Group): void {
    const place = group.roomPlace;
    if (place === -1) return;
    group.roomPlace = -1;
    const last = this.#groups.pop();
    if (last === undefined) return;
    const from = this.#groups.length;
    if (from === 0) this.#most.fill(0);
    if (last === group) return;
    this.#groups[place] = last;
    last.roomPlace = place;
    for (const column of [this.#sinceMs, this.#submittedMs, this.#priority, this.#isFixed]) {
      column.copyWithin(place, from, from + 1);
    }
  }

  /** Its first workload is another one, or another time counts for it. */
  forget({ roomPlace }: Group): void {
    if (roomPlace !== -1) this.#sinceMs[roomPlace] = NaN;
  }

  /** Shapes may be charged otherwise. */
  recount(): void {
    this.#most.fill(0);
    for (const group of this.#groups) this.#countIn(group);
  }

  /**
   * The first of those that have waited for `reserveAfterMs` or longer, in order of service. The waiting of whom the rules of
   * the queue stop begins anew. Cost: a look at two columns a group, and at the group itself where something changed since
   * the last time, or rules may stop it.
   */
  firstOverdue(question: OverdueQuestion): Overdue {
    const { nowMs, reserveAfterMs, isStopped, mayStopPreemptible } = question;
    const first = new FirstInOrder(question.most);
    let nextDueMs = Infinity;
    for (let place = 0; place < this.#groups.length; place++) {
      const group = this.#groups[place];
      if (group === undefined) continue;
      const isFixed = this.#isFixed[place] === 1;
      if ((isFixed || mayStopPreemptible) && isStopped(group)) {
        // Room alone would not do, so its waiting does not count.
        group.roomSinceMs = nowMs;
        this.#sinceMs[place] = NaN;
      }
      if (Number.isNaN(this.#sinceMs[place])) this.#lookUp(group, place);
      const sinceMs = this.#sinceMs[place] ?? Infinity;
      const dueMs = Math.max(sinceMs + reserveAfterMs, 0);
      if (dueMs > nowMs) {
        nextDueMs = Math.min(nextDueMs, dueMs);
        continue;
      }
      const ages = isFixed || question.preemptibleAges;
      const order = (this.#priority[place] ?? 0) + (ages ? agedBy(nowMs - sinceMs, reserveAfterMs) : 0);
      first.offer(group, order, this.#submittedMs[place] ?? 0);
    }
    return { groups: first.groups, nextDueMs };
  }

  #lookUp(group: Group, place: number): void {
    const head = nextMember(group);
    this.#sinceMs[place] = head === null ? Infinity : waitingSinceMs(head, group);
    this.#submittedMs[place] = head?.submittedMs ?? 0;
  }

  #countIn({ shape }: Group): void {
    for (let resource = 0; resource < RESOURCES; resource++) {
      this.#most[resource] = Math.max(at(this.#most, resource), at(shape.charge, resource));
    }
  }

  #grow(): void {
    this.#sinceMs = doubled(this.#sinceMs);
    this.#submittedMs = doubled(this.#submittedMs);
    this.#priority = doubled(this.#priority);
    const isFixed = new Uint8Array(this.#isFixed.length * 2);
    isFixed.set(this.#isFixed);
    this.#isFixed = isFixed;
  }
}

function doubled(column: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(column.length * 2);
  larger.set(column);
  return larger;
}

/** The first few of many gangs that wait, in order of service (see `compareGroups`). */
class FirstInOrder {
  readonly groups: Group[] = [];
  readonly #orders: number[] = [];
  readonly #submittedMs: number[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  offer(group: Group, order: number, submittedMs: number): void {
    let place = this.groups.length;
    while (place > 0 && this.#isBefore(group, order, submittedMs, place - 1)) place--;
    if (place === this.#most) return;
    this.groups.splice(place, 0, group);
    this.#orders.splice(place, 0, order);
    this.#submittedMs.splice(place, 0, submittedMs);
    if (this.groups.length <= this.#most) return;
    this.groups.pop();
    this.#orders.pop();
    this.#submittedMs.pop();
  }

  #isBefore(group: Group, order: number, submittedMs: number, place: number): boolean {
    const byOrder = order - (this.#orders[place] ?? 0);
    if (byOrder !== 0) return byOrder > 0;
    const byAge = submittedMs - (this.#submittedMs[place] ?? 0);
    if (byAge !== 0) return byAge < 0;
    const other = this.groups[place];
    const head = nextMember(group);
    const otherHead = other === undefined ? null : nextMember(other);
    return head !== null && (otherHead === null || isBefore(head, otherHead));
  }
}

// When running work will have given its GPUs back: by its time limit, by the grace of its stop, or nobody knows. What the
// records alone say is kept with each bank until the bank changes; what else counts as gone for a reserver is looked up in
// addition, where there is such work. Watched by the bench figure engine.one_change_p99_ms.
import { GPU_PARTS } from '../model/requests.js';
import type { Bank, Hold, Slot } from './nodes.js';
import type { QueueNode } from './queues.js';
import type { AllocationEntry, WorkloadEntry } from './workloads.js';

/** Work whose end is overdue, or that was let go without a grace: it counts as ending now. */
const OVERDUE_MS = 0;

/** The allocation that holds; null = it is only tried out, or promised. */
export function asAllocation(hold: Hold): AllocationEntry | null {
  return isAllocation(hold) ? hold : null;
}

function isAllocation(hold: Hold): hold is AllocationEntry {
  return 'granted' in hold;
}

/** When what a task holds will have been given back at the latest, by records: in the past = now; Infinity = nobody knows. */
export function recordedEndMs(hold: Hold): number {
  const allocation = asAllocation(hold);
  if (allocation === null) return Infinity;
  const { workload, leaving, stop, placedMs } = allocation;
  if (leaving) return stop === null ? OVERDUE_MS : stop.requestedMs + stop.graceMs;
  const { record } = workload;
  if (record === null || record.spec.timeLimitMs === null) return Infinity;
  return (record.deadline?.endMs ?? placedMs + record.spec.timeLimitMs) + record.spec.graceMs;
}

/** When so many parts of a slot are free: -Infinity = now, Infinity = nobody knows. Claims of one workload do not count. */
export function freeFromMs(
  slot: Slot,
  parts: number,
  workload: WorkloadEntry | null,
  endOf: (hold: Hold) => number,
): number {
  let free = GPU_PARTS - slot.used;
  for (const claim of slot.claims) if (claim.workload !== workload) free -= claim.parts;
  if (free >= parts) return -Infinity;
  const [only] = slot.holds;
  if (slot.holds.length === 1 && only) return free + only.parts >= parts ? endOf(only) : Infinity;
  const ends = slot.holds.map((hold) => ({ endMs: endOf(hold), parts: hold.parts }));
  for (const { endMs, parts: given } of ends.sort((a, b) => (a.endMs === b.endMs ? 0 : a.endMs - b.endMs))) {
    free += given;
    if (free >= parts) return endMs;
  }
  return Infinity;
}

/** Who holds slots, as far as a reserver may have to ask more than records. */
export interface Occupants {
  /** When the last one was placed. */
  readonly lastPlacedMs: number;
  readonly queues: readonly QueueNode[];
}

/** Who holds these slots. */
export function occupantsOf(slots: readonly Slot[]): Occupants {
  const queues: QueueNode[] = [];
  let lastPlacedMs = -Infinity;
  for (const { holds } of slots) {
    for (const hold of holds) {
      lastPlacedMs = Math.max(lastPlacedMs, asAllocation(hold)?.placedMs ?? -Infinity);
      const { queue } = hold.workload;
      if (queue !== null && !queues.includes(queue)) queues.push(queue);
    }
  }
  return { lastPlacedMs, queues };
}

/** What holds units together, and until when. */
export interface Holder {
  readonly units: number;
  /** Not before the last present that was asked for. */
  endMs: number;
  readonly holds: readonly Hold[];
}

/** The whole slots of one bank that work may wait for, by what records say. */
export interface BankEnds {
  /** The bank's stamp when this was worked out. */
  readonly stamp: number;
  /** When each is free, the first first: -Infinity = it is; Infinity = nobody knows. Times may lie in the past. */
  readonly times: readonly number[];
  /** How many have a time. */
  readonly timed: number;
  readonly free: number;
  /** Of those that are not free, in order of the slots; and their ends, which may lie in the past. */
  readonly held: readonly Holder[];
  readonly recordedMs: readonly number[];
  readonly occupants: Occupants;
}

/** Neither out of service nor promised or reserved. */
export function mayBeAwaited(slot: Slot): boolean {
  return slot.healthy && slot.bank.node.available && slot.withheld === 0 && slot.claims.length === 0;
}

/** What records say of a bank of which nothing is withheld. Cost: a comparison, unless the bank changed. */
function endsOf(bank: Bank, nowMs: number): BankEnds {
  let { ends } = bank;
  if (ends?.stamp !== bank.stamp) bank.ends = ends = workOutEnds(bank);
  const { held, recordedMs, timed, free } = ends;
  if (timed > free)
    for (const [at, holder] of held.entries()) holder.endMs = notBefore(nowMs, recordedMs[at] ?? Infinity);
  return ends;
}

function workOutEnds(bank: Bank): BankEnds {
  const held: Holder[] = [];
  const recordedMs: number[] = [];
  const slots = bank.slots.filter(mayBeAwaited);
  for (const slot of slots) {
    const endMs = freeFromMs(slot, GPU_PARTS, null, recordedEndMs);
    if (endMs === -Infinity) continue;
    held.push({ units: 1, endMs, holds: slot.holds });
    recordedMs.push(endMs);
  }
  const free = slots.length - held.length;
  const ends = recordedMs.toSorted((a, b) => (a === b ? 0 : a - b));
  const times = [...new Array<number>(free).fill(-Infinity), ...ends];
  const timed = times.filter((endMs) => endMs !== Infinity).length;
  return { stamp: bank.stamp, times, timed, free, held, recordedMs, occupants: occupantsOf(slots) };
}

/** A time that lies ahead, or now; -Infinity stays what it is. */
function notBefore(nowMs: number, timeMs: number): number {
  return timeMs > nowMs || timeMs === -Infinity ? timeMs : nowMs;
}

/** Who could be evicted when a reserver's time comes: work of a queue, of a priority, preemptible or not. */
export type IsVictim = (queue: QueueNode, priority: number, preemptible: boolean) => boolean;

/** When work ends, as one reserver sees it: what was let in on the terms that he can evict it counts as gone. */
export class Endings {
  readonly nowMs: number;
  readonly #sinceMs: number;
  readonly #isVictim: IsVictim;
  readonly #open = new Map<QueueNode, boolean>();

  /**
   * @param sinceMs work that was placed from then on may be a victim; Infinity = none is
   * @param isVictim must not say yes to a higher priority, or to work that is not preemptible, where it says no to the lowest
   */
  constructor(nowMs: number, sinceMs = Infinity, isVictim: IsVictim = () => false) {
    this.nowMs = nowMs;
    this.#sinceMs = sinceMs;
    this.#isVictim = isVictim;
  }

  /** When what a task holds will have been given back at the latest: now, or a time to come; Infinity = nobody knows. */
  of = (hold: Hold): number => {
    if (this.#sinceMs !== Infinity) {
      const allocation = asAllocation(hold);
      if (allocation !== null && allocation.placedMs >= this.#sinceMs && this.#isGone(allocation.workload)) {
        return this.nowMs;
      }
    }
    return notBefore(this.nowMs, recordedEndMs(hold));
  };

  #isGone({ queue, record }: WorkloadEntry): boolean {
    if (queue === null || record === null || !this.#mayGive(queue)) return false;
    return this.#isVictim(queue, record.spec.priority, record.spec.preemptible);
  }

  /** Whether any work of a queue might be a victim. */
  #mayGive(queue: QueueNode): boolean {
    let may = this.#open.get(queue);
    if (may === undefined) this.#open.set(queue, (may = this.#isVictim(queue, -Infinity, true)));
    return may;
  }

  /** Whether of these nobody might be a victim, so that what records say is all that counts. */
  isPlain({ lastPlacedMs, queues }: Occupants): boolean {
    return lastPlacedMs < this.#sinceMs || !queues.some((queue) => this.#mayGive(queue));
  }

  /** What records say of a bank, where that is all that counts; null = slots have to be looked at one by one. */
  plainEndsOf(bank: Bank): BankEnds | null {
    if (bank.withheld > 0) return null;
    const ends = endsOf(bank, this.nowMs);
    return this.isPlain(ends.occupants) ? ends : null;
  }

  /** A recorded time, not before now; -Infinity stays what it is. */
  ahead(timeMs: number): number {
    return notBefore(this.nowMs, timeMs);
  }
}

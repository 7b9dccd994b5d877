// When running work will have given its GPUs back: by its time limit, by the grace of its stop, or nobody knows. What the
// records alone say is kept with each bank until the bank changes; what else counts as gone for a reserver is looked up in
// addition, where there is such work. Watched by the bench figure engine.one_change_p99_ms.
import { GPU_PARTS } from '../model/requests.js';
import type { Bank, BankClass, Hold, Slot } from './nodes.js';
import type { QueueNode } from './queues.js';
import type { AllocationEntry, WorkloadEntry } from './workloads.js';

/** The allocation that holds; null = it is only tried out, or promised. */
export function asAllocation(hold: Hold): AllocationEntry | null {
  return isAllocation(hold) ? hold : null;
}

function isAllocation(hold: Hold): hold is AllocationEntry {
  return 'granted' in hold;
}

/** When what a task holds will have been given back at the latest, by records: in the past = now; Infinity = nobody knows. */
export function endOfHoldMs(hold: Hold): number {
  return asAllocation(hold)?.endMs ?? Infinity;
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
export class Occupants {
  /** When the last one was placed. */
  readonly lastPlacedMs: number;
  readonly #slots: readonly Slot[];
  #queues: readonly QueueNode[] | null = null;

  constructor(slots: readonly Slot[]) {
    this.#slots = slots;
    let lastPlacedMs = -Infinity;
    for (const { holds } of slots) {
      for (const hold of holds) lastPlacedMs = Math.max(lastPlacedMs, asAllocation(hold)?.placedMs ?? -Infinity);
    }
    this.lastPlacedMs = lastPlacedMs;
  }

  /** Of which queues they are, each once. Worked out when first asked for: the slots must still be held by the same. */
  get queues(): readonly QueueNode[] {
    if (this.#queues === null) {
      const queues = new Set<QueueNode>();
      for (const { holds } of this.#slots) {
        for (const { workload } of holds) if (workload.queue !== null) queues.add(workload.queue);
      }
      this.#queues = [...queues];
    }
    return this.#queues;
  }
}

/** What holds units together, and until when. */
export interface Holder {
  readonly units: number;
  /** Not before the last present that was asked for. */
  endMs: number;
  readonly holds: readonly Hold[];
}

/** Units that tasks may take together: the slots of a bank, or, for shares of one GPU, the parts of a slot. */
export interface Row {
  readonly bank: Bank;
  readonly free: number;
  /** Who holds others, in order of the slots. */
  readonly held: readonly Holder[];
  /** How many units those hold, if each holds one and without an end; null = they have to be looked at. */
  readonly endless: number | null;
  readonly maxTasks: number;
}

/** The whole slots of one bank that work may wait for, by what records say. As a row, for tasks that ask for GPUs alone. */
export interface BankEnds extends Row {
  /** The bank's stamp when this was worked out. */
  readonly stamp: number;
  /** When each is free, the first first: -Infinity = it is; Infinity = nobody knows. Times may lie in the past. */
  readonly times: readonly number[];
  /** How many have a time. */
  readonly timed: number;
  /** The ends of those that are not free, which may lie in the past. */
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
    const endMs = freeFromMs(slot, GPU_PARTS, null, endOfHoldMs);
    if (endMs === -Infinity) continue;
    held.push({ units: 1, endMs, holds: slot.holds });
    recordedMs.push(endMs);
  }
  const free = slots.length - held.length;
  const ends = recordedMs.toSorted((a, b) => (a === b ? 0 : a - b));
  const times = [...new Array<number>(free).fill(-Infinity), ...ends];
  const timed = times.filter((endMs) => endMs !== Infinity).length;
  const occupants = new Occupants(slots);
  const endless = timed === free ? held.length : null;
  return { stamp: bank.stamp, times, timed, recordedMs, occupants, bank, free, held, endless, maxTasks: Infinity };
}

/**
 * The same for all banks of a class, side by side, since who looks for an early place looks at all of them: a place of the
 * class would else cost a look into the memory of every bank.
 */
export class ClassEnds {
  readonly #banks: readonly Bank[];
  readonly #largest: number;
  /**
   * Of each bank: 1 = it changed; what is withheld of it; its usable slots; how many may be awaited, have a time, are free; the
   * last one placed; its times.
   */
  readonly #isStale: Uint8Array;
  readonly #withheld: Uint16Array;
  readonly #usable: Uint16Array;
  readonly #awaited: Uint16Array;
  readonly #timed: Uint16Array;
  readonly #free: Uint16Array;
  readonly #lastPlacedMs: Float64Array;
  readonly #times: Float64Array;

  constructor({ banks, largest }: BankClass) {
    this.#banks = banks;
    this.#largest = largest;
    this.#isStale = new Uint8Array(banks.length).fill(1);
    this.#withheld = Uint16Array.from(banks, ({ withheld }) => withheld);
    this.#usable = new Uint16Array(banks.length);
    this.#awaited = new Uint16Array(banks.length);
    this.#timed = new Uint16Array(banks.length);
    this.#free = new Uint16Array(banks.length);
    this.#lastPlacedMs = new Float64Array(banks.length);
    this.#times = new Float64Array(banks.length * largest);
  }

  /** Something about a bank is another. */
  changed(rank: number): void {
    this.#isStale[rank] = 1;
  }

  /** More or less of it is withheld. */
  withhold(rank: number, slots: number): void {
    this.#withheld[rank] = slots;
  }

  /** Visits the banks that have so many usable slots, each with what records say of them, or null if that is not all that counts. */
  forEach(slots: number, endings: Endings, visit: VisitEnds): void {
    const { nowMs, sinceMs } = endings;
    const seen = { endMs: NaN, awaited: 0, timed: 0, free: 0 };
    for (let rank = 0; rank < this.#banks.length; rank++) {
      const bank = this.#banks[rank];
      if (bank === undefined) continue;
      const isWithheld = (this.#withheld[rank] ?? 0) > 0;
      if (isWithheld ? bank.usable < slots : !this.#has(rank, bank, slots, nowMs)) continue;
      const isOpen =
        isWithheld || ((this.#lastPlacedMs[rank] ?? 0) >= sinceMs && !endings.isPlain(endsOf(bank, nowMs).occupants));
      if (isOpen) {
        visit(bank, null);
        continue;
      }
      seen.endMs = this.#times[rank * this.#largest + slots - 1] ?? NaN;
      seen.awaited = this.#awaited[rank] ?? 0;
      seen.timed = this.#timed[rank] ?? 0;
      seen.free = this.#free[rank] ?? 0;
      visit(bank, seen);
    }
  }

  #has(rank: number, bank: Bank, slots: number, nowMs: number): boolean {
    if (this.#isStale[rank] === 1) this.#read(rank, bank, nowMs);
    return (this.#usable[rank] ?? 0) >= slots;
  }

  #read(rank: number, bank: Bank, nowMs: number): void {
    const { times, timed, free, occupants } = endsOf(bank, nowMs);
    this.#isStale[rank] = 0;
    this.#usable[rank] = bank.usable;
    this.#awaited[rank] = times.length;
    this.#timed[rank] = timed;
    this.#free[rank] = free;
    this.#lastPlacedMs[rank] = occupants.lastPlacedMs;
    for (let at = 0; at < this.#largest; at++) this.#times[rank * this.#largest + at] = times[at] ?? NaN;
  }
}

/** What records say of the slots of one bank. */
export interface SlotEnds {
  /** When there are as many as were asked for; it may lie in the past. NaN = fewer may be waited for. */
  readonly endMs: number;
  /** How many may be waited for; how many of those have a time, and how many of those are free. */
  readonly awaited: number;
  readonly timed: number;
  readonly free: number;
}

/** A bank and what records say of it, to be read at once; null = slots have to be looked at one by one. */
export type VisitEnds = (bank: Bank, ends: SlotEnds | null) => void;

/**
 * A bank of which all slots that are not free are held without an end, by what records say: two counts tell all that a timetable
 * asks. Who holds them is looked up only where it matters, in memory that is seldom warm.
 */
export class EndlessRow implements Row {
  readonly bank: Bank;
  readonly free: number;
  readonly endless: number;
  readonly maxTasks: number;
  readonly #nowMs: number;

  constructor(bank: Bank, free: number, endless: number, maxTasks: number, nowMs: number) {
    this.bank = bank;
    this.free = free;
    this.endless = endless;
    this.maxTasks = maxTasks;
    this.#nowMs = nowMs;
  }

  get held(): readonly Holder[] {
    return endsOf(this.bank, this.#nowMs).held;
  }
}

/** A time that lies ahead, or now; -Infinity stays what it is. */
function notBefore(nowMs: number, timeMs: number): number {
  return timeMs > nowMs || timeMs === -Infinity ? timeMs : nowMs;
}

const NO_QUEUES: readonly QueueNode[] = [];

/** For whom work that was let in on the terms that he can evict it counts as gone. */
export interface Reserver {
  readonly queue: QueueNode;
  readonly priority: number;
  /** Work that was placed from then on may be a victim. */
  readonly sinceMs: number;
  /** Whether he might evict anybody of another queue. */
  readonly mayReclaim: boolean;
  /**
   * Who could be evicted when the time comes: work of a queue, of a priority, preemptible or not. Must not say yes to a higher
   * priority, or to work that is not preemptible, where it says no to the lowest.
   */
  readonly isVictim: (queue: QueueNode, priority: number, preemptible: boolean) => boolean;
}

/** When work ends, as one reserver sees it, or as everybody does. */
export class Endings {
  readonly nowMs: number;
  readonly reserver: Reserver | null;
  #open: Map<QueueNode, boolean> | null = null;

  constructor(nowMs: number, reserver: Reserver | null) {
    this.nowMs = nowMs;
    this.reserver = reserver;
  }

  /** When what a task holds will have been given back at the latest: in the past = now; Infinity = nobody knows. */
  readonly recordedOf = (hold: Hold): number => {
    const { reserver } = this;
    if (reserver !== null) {
      const allocation = asAllocation(hold);
      if (
        allocation !== null &&
        allocation.placedMs >= reserver.sinceMs &&
        this.#isGone(reserver, allocation.workload)
      ) {
        return -Number.MAX_VALUE;
      }
    }
    return endOfHoldMs(hold);
  };

  /** The same, not before now. */
  readonly of = (hold: Hold): number => notBefore(this.nowMs, this.recordedOf(hold));

  /** Whether work of one of these queues might be a victim. */
  mayAnyGive(queues: readonly QueueNode[]): boolean {
    return queues.some((queue) => this.#mayGive(queue));
  }

  /** Of these queues those whose work might be victims. */
  whoMayGive(queues: readonly QueueNode[]): readonly QueueNode[] {
    return this.mayAnyGive(queues) ? queues.filter((queue) => this.#mayGive(queue)) : NO_QUEUES;
  }

  #isGone({ isVictim }: Reserver, { queue, record }: WorkloadEntry): boolean {
    if (queue === null || record === null || !this.#mayGive(queue)) return false;
    return isVictim(queue, record.spec.priority, record.spec.preemptible);
  }

  /** Whether any work of a queue might be a victim. */
  #mayGive(queue: QueueNode): boolean {
    const { reserver } = this;
    if (reserver === null || (!reserver.mayReclaim && queue !== reserver.queue)) return false;
    this.#open ??= new Map();
    let may = this.#open.get(queue);
    if (may === undefined) this.#open.set(queue, (may = reserver.isVictim(queue, -Infinity, true)));
    return may;
  }

  /** Work that was placed before is never a victim. */
  get sinceMs(): number {
    return this.reserver?.sinceMs ?? Infinity;
  }

  /** Whether of these nobody might be a victim, so that what records say is all that counts. */
  isPlain(occupants: Occupants): boolean {
    return occupants.lastPlacedMs < this.sinceMs || !this.mayAnyGive(occupants.queues);
  }

  /** What records say of all banks of a class. */
  ofClass(bankClass: BankClass): ClassEnds {
    return (bankClass.ends ??= new ClassEnds(bankClass));
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

// What is to be expected of places that work waits for: when all of it is free. Worked out from records place by place, and
// anew only where a bank of it changed, which the bank says. Watched by the bench figure engine.one_change_p99_ms.
import { endOfHoldMs, type Endings, freeFromMs, Occupants } from './endings.js';
import type { BankWatcher, Hold } from './nodes.js';
import type { QueueNode } from './queues.js';
import type { TaskPlace, WorkloadEntry } from './workloads.js';

/** What is to be expected of places. */
export interface Outlook {
  /** When all of it is free at the latest; Infinity = it waits for work without an end. */
  readonly startMs: number;
  /** GPUs that are free now, and that are held without an end. */
  readonly freeSlots: number;
  readonly endlessSlots: number;
  /** Something of it can be had before anybody is told to leave: it is free, or leaves, or is promised. */
  readonly isOpen: boolean;
  /** All of it is still there and takes work. */
  readonly isWhole: boolean;
}

/** The same of the place of one task, at a stamp of its bank. */
interface PlaceOutlook extends Outlook {
  readonly stamp: number;
  readonly occupants: Occupants;
}

/** The places of one workload. */
export class PlacesOutlook implements BankWatcher {
  isStale = true;
  readonly #workload: WorkloadEntry;
  readonly #places: readonly TaskPlace[];
  readonly #known = new Map<TaskPlace, PlaceOutlook>();
  /** By records; the start may lie in the past. */
  #recorded: Outlook = NOTHING_EXPECTED;
  /** Queues of which somebody was placed there after the reserver came, so that records may not be all that counts. */
  #newcomers: readonly QueueNode[] = [];
  #supposed: Supposed | null = null;

  constructor(workload: WorkloadEntry, places: readonly TaskPlace[]) {
    this.#workload = workload;
    this.#places = places;
  }

  /** Has banks say when they change. Until then, ask only once. */
  watch(): void {
    for (const { slots } of this.#places) {
      const bank = slots[0]?.bank;
      if (bank && !bank.watchers.includes(this)) bank.watchers = [...bank.watchers, this];
    }
  }

  unwatch(): void {
    for (const { slots } of this.#places) {
      const bank = slots[0]?.bank;
      if (bank) bank.watchers = bank.watchers.filter((each) => each !== this);
    }
  }

  /** The same as `as`, where records are all that counts and no bank changed; null = that is not so. Cost: a comparison. */
  asRecorded(nowMs: number): Outlook | null {
    return this.isStale || this.#newcomers.length > 0 ? null : inTime(this.#recorded, nowMs);
  }

  /** What is to be expected now. Cost: a look at each queue of newcomers, unless a bank changed or who may be evicted. */
  as(endings: Endings): Outlook {
    if (this.isStale) this.#readRecords(endings);
    const givers = endings.whoMayGive(this.#newcomers);
    if (givers.length === 0) return inTime(this.#recorded, endings.nowMs);
    const priority = endings.reserver?.priority ?? 0;
    let supposed = this.#supposed;
    if (supposed?.priority !== priority || !sameQueues(supposed.givers, givers)) {
      const all = [...this.#known].map(([place, known]) =>
        endings.isPlain(known.occupants) ? known : lookAt(this.#workload, place, endings.recordedOf),
      );
      this.#supposed = supposed = { priority, givers, outlook: together(all) };
    }
    return inTime(supposed.outlook, endings.nowMs);
  }

  #readRecords({ reserver }: Endings): void {
    this.isStale = false;
    this.#supposed = null;
    const newcomers = new Set<QueueNode>();
    for (const place of this.#places) {
      const bank = place.slots[0]?.bank;
      if (bank === undefined) continue;
      let known = this.#known.get(place);
      if (known?.stamp !== bank.stamp) {
        const occupants = new Occupants(place.slots);
        known = { ...lookAt(this.#workload, place, endOfHoldMs), stamp: bank.stamp, occupants };
        this.#known.set(place, known);
      }
      if (reserver === null || known.occupants.lastPlacedMs < reserver.sinceMs) continue;
      for (const queue of known.occupants.queues) newcomers.add(queue);
    }
    this.#newcomers = [...newcomers];
    this.#recorded = together(this.#known.values());
  }
}

/** What is to be expected if some queues give what they may, as a reserver of this priority sees it; as records are. */
interface Supposed {
  readonly priority: number;
  readonly givers: readonly QueueNode[];
  readonly outlook: Outlook;
}

function sameQueues(a: readonly QueueNode[], b: readonly QueueNode[]): boolean {
  return a.length === b.length && a.every((queue, at) => queue === b[at]);
}

const NOTHING_EXPECTED: Outlook = { startMs: -Infinity, freeSlots: 0, endlessSlots: 0, isOpen: false, isWhole: true };

function together(parts: Iterable<Outlook>): Outlook {
  let { startMs, freeSlots, endlessSlots, isOpen, isWhole } = NOTHING_EXPECTED;
  for (const part of parts) {
    startMs = Math.max(startMs, part.startMs);
    freeSlots += part.freeSlots;
    endlessSlots += part.endlessSlots;
    isOpen ||= part.isOpen;
    isWhole &&= part.isWhole;
  }
  return { startMs, freeSlots, endlessSlots, isOpen, isWhole };
}

/** No start lies in the past. */
function inTime(outlook: Outlook, nowMs: number): Outlook {
  return outlook.startMs >= nowMs ? outlook : { ...outlook, startMs: nowMs };
}

function lookAt(workload: WorkloadEntry, { node, slots, parts }: TaskPlace, endOf: (hold: Hold) => number): Outlook {
  let { startMs, freeSlots, endlessSlots, isOpen, isWhole } = NOTHING_EXPECTED;
  for (const slot of slots) {
    if (slot.potential > 0 || slot.claims.length > 0) isOpen = true;
    if (!node.available || !slot.healthy || !node.banks.includes(slot.bank)) isWhole = false;
    const freeMs = freeFromMs(slot, parts, workload, endOf);
    if (freeMs === -Infinity) freeSlots++;
    if (freeMs === Infinity) endlessSlots++;
    startMs = Math.max(startMs, freeMs);
  }
  return { startMs, freeSlots, endlessSlots, isOpen, isWhole };
}

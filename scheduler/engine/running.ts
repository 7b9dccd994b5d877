// Running work that may be evicted, shelved by queue so that the cheapest victim is at hand. Inside a queue lower
// priority gives first; among equals the surplus of elastic workloads, then the least GPU time lost since the last
// checkpoint (what nobody knows counts as most), then the youngest. Loss grows with time at a rate of the unit's GPUs, so
// order is fixed among equal sizes and only bucket heads need comparing.
import { at, GPU } from './amounts.js';
import type { BankClass } from './nodes.js';
import { type AllocationEntry, UNKNOWN_MS, type WorkloadEntry } from './workloads.js';

/** What goes at once: one surplus task, or all that is left of a workload. */
export interface VictimUnit {
  readonly workload: WorkloadEntry;
  readonly isSurplus: boolean;
  /** Of a surplus unit, its allocation; of a core, all of the workload: those that have not gone before go with it. */
  readonly allocations: readonly AllocationEntry[];
  /** GPU parts of its own: of a core, without the surplus. */
  readonly parts: number;
  readonly bucket: RunningBucket;
  /** During a step: it is being evicted. */
  evicting: boolean;
}

/** Units of one priority, kind, size and bank class. */
export interface RunningBucket {
  readonly priority: number;
  readonly isSurplus: boolean;
  readonly parts: number;
  /** Where all its slots are; null = in several classes, or in none that is known. */
  readonly bankClass: BankClass | null;
  /** The first to give stands last. */
  readonly items: VictimUnit[];
  /** During a step: all from here on are being evicted already. */
  cursor: number;
}

/** All buckets of one queue, lowest priority first, surplus before cores. */
export type RunningShelf = RunningBucket[];

/** Puts allocations of a workload on the shelf as one unit. */
export function shelve(
  shelf: RunningShelf,
  workload: WorkloadEntry,
  priority: number,
  isSurplus: boolean,
  own: readonly AllocationEntry[],
): VictimUnit {
  const parts = own.reduce((sum, { charge }) => sum + at(charge, GPU), 0);
  const bankClass = onlyClass(own);
  let bucket = shelf.find(
    (b) => b.priority === priority && b.isSurplus === isSurplus && b.parts === parts && b.bankClass === bankClass,
  );
  if (!bucket) {
    bucket = { priority, isSurplus, parts, bankClass, items: [], cursor: 0 };
    const after = shelf.findIndex(
      (b) => b.priority > priority || (b.priority === priority && isSurplus && !b.isSurplus),
    );
    shelf.splice(after === -1 ? shelf.length : after, 0, bucket);
  }
  const allocations = isSurplus ? own : workload.allocations;
  const unit: VictimUnit = { workload, isSurplus, allocations, parts, bucket, evicting: false };
  bucket.items.splice(positionOf(bucket, unit), 0, unit);
  bucket.cursor = bucket.items.length;
  return unit;
}

/** Takes a unit off the shelf; its key must be the one it was shelved under. */
export function unshelve(shelf: RunningShelf, unit: VictimUnit): void {
  const { bucket } = unit;
  const position = positionOf(bucket, unit);
  bucket.items.splice(bucket.items[position] === unit ? position : bucket.items.indexOf(unit), 1);
  bucket.cursor = bucket.items.length;
  if (bucket.items.length === 0) shelf.splice(shelf.indexOf(bucket), 1);
}

/** Where the unit stands, or would stand, in the bucket. */
export function positionOf({ items }: RunningBucket, unit: VictimUnit): number {
  let low = 0;
  let high = items.length;
  const last = items[high - 1];
  // What comes is often the last one, and what goes often stands last.
  if (last === unit) return high - 1;
  if (last !== undefined && givesAfter(last, unit)) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && givesAfter(item, unit)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** GPU-part milliseconds of work an eviction would lose; Infinity = nobody knows. */
export function lossOf({ workload, parts }: VictimUnit, nowMs: number): number {
  if (workload.unsavedSinceMs === UNKNOWN_MS) return Infinity;
  return parts * Math.max(0, nowMs - workload.unsavedSinceMs);
}

/** Which of two units of one queue gives first: negative = a. */
export function compareVictims(a: VictimUnit, b: VictimUnit, nowMs: number): number {
  return (
    a.bucket.priority - b.bucket.priority ||
    Number(b.isSurplus) - Number(a.isSurplus) ||
    compareLoss(lossOf(a, nowMs), lossOf(b, nowMs)) ||
    b.workload.submittedMs - a.workload.submittedMs ||
    b.workload.number - a.workload.number ||
    lastTask(b) - lastTask(a)
  );
}

function compareLoss(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/** In a bucket: more to lose, then older, then the earlier task, gives later and so stands earlier. */
function givesAfter(a: VictimUnit, b: VictimUnit): boolean {
  const difference =
    a.workload.unsavedSinceMs - b.workload.unsavedSinceMs ||
    a.workload.submittedMs - b.workload.submittedMs ||
    a.workload.number - b.workload.number ||
    lastTask(a) - lastTask(b);
  return difference < 0;
}

function lastTask({ isSurplus, allocations }: VictimUnit): number {
  return isSurplus ? (allocations[0]?.task ?? 0) : 0;
}

function onlyClass(allocations: readonly AllocationEntry[]): BankClass | null {
  let only: BankClass | null = null;
  for (const { slots } of allocations) {
    for (const { bank } of slots) {
      if (only !== null && bank.bankClass !== only) return null;
      only = bank.bankClass;
    }
  }
  return only;
}

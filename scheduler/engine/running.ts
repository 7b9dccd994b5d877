// Running work that may be evicted, shelved by queue so that the cheapest victim is at hand. Inside a queue lower
// priority gives first; among equals the least GPU time lost since the last checkpoint, then the youngest.
// Loss grows with time at a rate of the workload's GPUs, so order is fixed among equal sizes and only bucket heads need
// comparing: a bucket = one priority, one size, one bank class.
import type { BankClass } from './nodes.js';
import type { WorkloadEntry } from './workloads.js';

/** Workloads of one priority, size and bank class. */
export interface RunningBucket {
  readonly priority: number;
  readonly gpus: number;
  /** Where all its GPUs are; null = in several classes, or in none that is known. */
  readonly bankClass: BankClass | null;
  /** The first to give stands last. */
  readonly items: WorkloadEntry[];
  /** During a step: all from here on are being evicted already. */
  cursor: number;
}

/** All buckets of one queue, lowest priority first. */
export type RunningShelf = RunningBucket[];

/** Puts a workload on the shelf, under the key it has now. */
export function shelve(shelf: RunningShelf, workload: WorkloadEntry, priority: number): void {
  const gpus = workload.allocations.reduce((sum, allocation) => sum + allocation.gpus, 0);
  const bankClass = onlyClass(workload);
  let bucket = shelf.find((b) => b.priority === priority && b.gpus === gpus && b.bankClass === bankClass);
  if (!bucket) {
    bucket = { priority, gpus, bankClass, items: [], cursor: 0 };
    const at = shelf.findIndex((b) => b.priority > priority);
    shelf.splice(at === -1 ? shelf.length : at, 0, bucket);
  }
  bucket.items.splice(positionOf(bucket, workload), 0, workload);
  bucket.cursor = bucket.items.length;
  workload.bucket = bucket;
}

/** Takes a workload off the shelf; its key must be the one it was shelved under. */
export function unshelve(shelf: RunningShelf, workload: WorkloadEntry): void {
  const bucket = workload.bucket;
  if (!bucket) return;
  bucket.items.splice(positionOf(bucket, workload), 1);
  bucket.cursor = bucket.items.length;
  workload.bucket = null;
  if (bucket.items.length === 0) shelf.splice(shelf.indexOf(bucket), 1);
}

/** Where the workload stands, or would stand, in the bucket. */
export function positionOf(bucket: RunningBucket, workload: WorkloadEntry): number {
  const { items } = bucket;
  let low = 0;
  let high = items.length;
  const last = items[high - 1];
  if (last !== undefined && givesAfter(last, workload)) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && givesAfter(item, workload)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** GPU milliseconds of work an eviction would lose. */
export function lossGpuMs(workload: WorkloadEntry, nowMs: number): number {
  return (workload.bucket?.gpus ?? 0) * Math.max(0, nowMs - workload.unsavedSinceMs);
}

/** Whether `a` gives only after `b`, both of one queue: the order of victims. Negative = a first. */
export function compareVictims(a: WorkloadEntry, b: WorkloadEntry, nowMs: number): number {
  return (
    (a.bucket?.priority ?? 0) - (b.bucket?.priority ?? 0) ||
    lossGpuMs(a, nowMs) - lossGpuMs(b, nowMs) ||
    b.placedMs - a.placedMs ||
    b.number - a.number
  );
}

/** In a bucket: more to lose, then older, gives later and so stands earlier. */
function givesAfter(a: WorkloadEntry, b: WorkloadEntry): boolean {
  const difference = a.unsavedSinceMs - b.unsavedSinceMs || a.placedMs - b.placedMs || a.number - b.number;
  return difference < 0;
}

function onlyClass(workload: WorkloadEntry): BankClass | null {
  let only: BankClass | null = null;
  for (const { slots } of workload.allocations) {
    for (const { bank } of slots) {
      if (only !== null && bank.bankClass !== only) return null;
      only = bank.bankClass;
    }
  }
  return only;
}

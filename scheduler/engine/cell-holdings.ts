// What tasks hold of cells, and in which order they are secured when that has to be found out anew: not preemptible work first,
// then what was secured before, in the order in which its cells were bound, then the older.
import { type Amounts, at, GPU } from './amounts.js';
import type { CellUse } from './cell-words.js';
import type { Slot } from './nodes.js';
import type { QueueNode } from './queues.js';
import type { WorkloadEntry } from './workloads.js';

/** By what right a task holds its GPUs. */
export interface Secured {
  /** The queue whose promise its cells come from, or `SURPLUS_ACCOUNT`. */
  readonly account: string;
  /** The lowest queue within whose guarantee it is: nobody outside of that may take it back. */
  readonly protector: QueueNode;
  /** The cell that it opened; null = it joined one. */
  readonly opens: CellUse | null;
}

/** What one task holds, or is promised. */
export interface Holding {
  readonly key: string;
  readonly workload: WorkloadEntry;
  readonly task: number;
  readonly slots: readonly Slot[];
  readonly gpus: readonly number[];
  /** What its queue is charged with for it. */
  readonly parts: number;
  readonly placedMs: number;
  secured: Secured | null;
  /** How it was held before it gave that back in this step. */
  before: Secured | null;
}

/** A task that holds GPUs: an allocation, or a place of a claim. */
export interface HeldTask {
  readonly workload: WorkloadEntry;
  readonly task: number;
  readonly slots: readonly Slot[];
  readonly charge: Amounts;
  readonly placedMs?: number;
}

/** Tasks that are secured together or not at all. */
export interface Gang {
  readonly workload: WorkloadEntry;
  readonly tasks: { readonly holding: Holding; readonly as: Secured | null }[];
  /** When the cell that it was in was bound; null = it was not secured. */
  readonly turn: number | null;
  readonly placedMs: number;
}

export function newHolding(
  key: string,
  { workload, task, slots, charge, placedMs }: HeldTask,
  gpus: readonly number[],
): Holding {
  const parts = at(charge, GPU);
  return { key, workload, task, slots, gpus, parts, placedMs: placedMs ?? Infinity, secured: null, before: null };
}

export function compareGangs(a: Gang, b: Gang): number {
  return (
    Number(isFixed(b.workload)) - Number(isFixed(a.workload)) ||
    compareTurns(a.turn, b.turn) ||
    compareTimes(a.placedMs, b.placedMs) ||
    a.workload.number - b.workload.number ||
    (a.tasks[0]?.holding.task ?? 0) - (b.tasks[0]?.holding.task ?? 0)
  );
}

function compareTurns(a: number | null, b: number | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a - b;
}

function compareTimes(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

export function isFixed({ record }: WorkloadEntry): boolean {
  return record !== null && !record.spec.preemptible;
}

/** A task that its workload could do without. */
export function isBeyondCore({ record, isElastic }: WorkloadEntry, task: number): boolean {
  if (record === null || !isElastic) return false;
  let from = 0;
  for (const { minTasks, maxTasks } of record.spec.roles) {
    if (task < from + maxTasks) return task >= from + minTasks;
    from += maxTasks;
  }
  return true;
}

export function ancestor(queue: QueueNode | null, height: number): QueueNode | null {
  let each = queue;
  for (let above = 0; above < height && each !== null; above++) each = each.parent;
  return each === null || each.parent === null ? null : each;
}

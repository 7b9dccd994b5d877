// Pending work by shape: equal requests of one queue and priority stand in one group, in order, so that one failure
// answers for all of them. May assume that a workload's spec never changes while it is pending.
import type { BankClass, NodeTable, TaskTier } from './nodes.js';
import { MAX_TASKS_PER_NODE } from './nodes.js';
import type { QueueNode } from './queues.js';
import type { WorkloadEntry } from './workloads.js';

/** The part of a request that decides where it fits. */
export interface Shape {
  readonly key: string;
  readonly tasks: number;
  readonly gpusPerTask: number;
  /** tasks × gpusPerTask */
  readonly requestGpus: number;
  /** Empty = any. */
  readonly pool: string;
  /** As the user wrote it; empty = any. */
  readonly model: string;
  /** Lower case; all must appear in a GPU's model. */
  readonly modelWords: readonly string[];
  /** Where it may go; GPU-less work goes by tiers. */
  classes: readonly BankClass[];
  tiers: readonly TaskTier[];
  classesStamp: number;
  /** Groups that found no room. */
  readonly waiting: Set<Group>;
  /** Workloads of this shape with a claim. */
  readonly claimers: Set<WorkloadEntry>;
  /** How many groups and claimers use it. */
  uses: number;
}

/** Equal pending workloads of one queue: same shape, same priority, preemptible or not. */
export interface Group {
  readonly key: string;
  readonly queue: QueueNode;
  readonly shape: Shape;
  readonly priority: number;
  readonly preemptible: boolean;
  /** In order of submission; those that no longer wait here keep their place until it is cleared. */
  members: WorkloadEntry[];
  /** The first place that may still be waiting. */
  head: number;
  /** How many wait. */
  waiting: number;
  /** During a step: the next to try. */
  cursor: number;
  /** What stopped it when it was last tried; null = to be tried. */
  block: Block | null;
  /** The state of the cluster, and the round, in which taking GPUs back failed. */
  reclaimStamp: number;
  reclaimRound: number;
  preemptStamp: number;
  preemptRound: number;
}

export type Block = { readonly kind: 'room' } | { readonly kind: 'limit' | 'guarantee'; readonly at: QueueNode };

/** All shapes that something pending has. */
export class ShapeTable {
  readonly all = new Map<string, Shape>();

  /** The shape of such a request, made when new. Count the use with `use` and `unuse`. */
  find(spec: { tasks: number; gpusPerTask: number; pool: string; gpuModel: string }): Shape {
    // The model's spelling does not matter, its words do; GPU-less work goes anywhere.
    const model = spec.gpusPerTask === 0 ? '' : spec.gpuModel.toLowerCase();
    const key = `${spec.tasks}x${spec.gpusPerTask} ${spec.pool} ${model}`;
    let shape = this.all.get(key);
    if (!shape) {
      shape = {
        key,
        tasks: spec.tasks,
        gpusPerTask: spec.gpusPerTask,
        requestGpus: spec.tasks * spec.gpusPerTask,
        pool: spec.pool,
        model: spec.gpuModel,
        modelWords: model.split(/\s+/).filter((word) => word !== ''),
        classes: [],
        tiers: [],
        classesStamp: -1,
        waiting: new Set(),
        claimers: new Set(),
        uses: 0,
      };
      this.all.set(key, shape);
    }
    return shape;
  }

  use(shape: Shape): void {
    shape.uses++;
  }

  unuse(shape: Shape): void {
    shape.uses--;
    if (shape.uses === 0) this.all.delete(shape.key);
  }
}

/** Brings the classes and tiers a shape may go to up to date. Cheap unless a class was added. */
export function settleShape(shape: Shape, nodes: NodeTable): void {
  if (shape.classesStamp === nodes.classesStamp) return;
  shape.classesStamp = nodes.classesStamp;
  findRooms(shape, nodes);
  watch(shape);
}

/** Has the shape looked at when something comes free for it, as long as groups or claimers of it wait for that. */
export function watch(shape: Shape): void {
  const wanted = shape.waiting.size + shape.claimers.size > 0;
  for (const rooms of [shape.classes, shape.tiers]) {
    for (const { watchers } of rooms) {
      if (wanted) watchers.add(shape);
      else watchers.delete(shape);
    }
  }
}

function findRooms(shape: Shape, nodes: NodeTable): void {
  const inPool = (room: { pool: string }) => shape.pool === '' || room.pool === shape.pool;
  if (shape.gpusPerTask > 0) {
    shape.classes = nodes.classes.filter((bankClass) => inPool(bankClass) && matchesModel(shape, bankClass.model));
  } else {
    // Nodes without GPUs first: those with GPUs are better left to work that needs them.
    const tiers = nodes.tiers.filter(inPool);
    shape.tiers = [...tiers.filter((tier) => !tier.withGpus), ...tiers.filter((tier) => tier.withGpus)];
  }
}

/** Whether every word of the request appears in the model's name, whatever the case: "h100" in "NVIDIA H100 80GB". */
function matchesModel(shape: Shape, model: string): boolean {
  const name = model.toLowerCase();
  return shape.modelWords.every((word) => name.includes(word));
}

/** Whether all tasks fit on what is free (or would be, when the leaving left). Cost: one step a level and class. */
export function fits(shape: Shape, on: 'free' | 'potential'): boolean {
  if (shape.gpusPerTask === 0) return fitsWithoutGpus(shape);
  return portionsOn(shape, on, shape.tasks) >= shape.tasks;
}

/** How many tasks of the shape fit, counted no further than `enough`. */
export function portionsOn(shape: Shape, on: 'free' | 'potential', enough: number): number {
  let sum = 0;
  for (const bankClass of shape.classes) {
    if (sum >= enough) break;
    sum += bankClass[on].portions(shape.gpusPerTask, enough - sum);
  }
  return sum;
}

/** How many tasks of the shape would fit if nothing ran, counted no further than `enough`. */
export function usablePortions(shape: Shape, enough: number): number {
  return shape.classes.reduce((sum, bankClass) => sum + bankClass.usablePortions(shape.gpusPerTask, enough), 0);
}

function fitsWithoutGpus(shape: Shape): boolean {
  let room = 0;
  for (const tier of shape.tiers) {
    const lowest = tier.lowestLevel();
    if (lowest >= MAX_TASKS_PER_NODE) continue;
    room += MAX_TASKS_PER_NODE - lowest;
    if (room >= shape.tasks) return true;
    room += tier.nodes.reduce(
      (sum, node) => sum + (node.available ? Math.max(0, MAX_TASKS_PER_NODE - node.tasks) : 0),
      lowest - MAX_TASKS_PER_NODE,
    );
    if (room >= shape.tasks) return true;
  }
  return false;
}

/** The group's next waiting member at or after its cursor, null when there is none. Moves the cursor over the others. */
export function nextMember(group: Group): WorkloadEntry | null {
  for (;;) {
    const member = group.members[group.cursor];
    if (member === undefined) return null;
    if (member.group === group) return member;
    group.cursor++;
  }
}

/** Puts a workload in its place in the group. Cost: constant at the end, else a binary search and one move of memory. */
export function enterGroup(group: Group, workload: WorkloadEntry): void {
  const at = positionIn(group, workload);
  if (group.members[at] === workload) {
    // It was here before, and nobody has cleared its place.
    group.head = Math.min(group.head, at);
  } else if (at === group.head && at > 0) {
    group.members[--group.head] = workload;
  } else {
    group.members.splice(at, 0, workload);
    group.head = Math.min(group.head, at);
  }
  workload.group = group;
  group.waiting++;
  group.cursor = group.head;
}

/** Takes a workload out; its place is cleared later. */
export function leaveGroup(group: Group, workload: WorkloadEntry): void {
  workload.group = null;
  group.waiting--;
  while (group.head < group.members.length && group.members[group.head]?.group !== group) group.head++;
  // Places nobody waits at are at most as many as those where somebody does, and 64.
  if (group.members.length > 64 + 2 * group.waiting) {
    group.members = group.members.filter((member) => member.group === group);
    group.head = 0;
  }
  group.cursor = group.head;
}

/** How many of the group wait before this workload would have its turn. */
export function countBefore(group: Group, workload: WorkloadEntry): number {
  const end = positionIn(group, workload);
  if (group.members.length - group.head === group.waiting) return Math.max(0, end - group.head);
  let count = 0;
  for (let at = group.head; at < end; at++) if (group.members[at]?.group === group) count++;
  return count;
}

/** The first place whose workload is not before this one. */
function positionIn(group: Group, workload: WorkloadEntry): number {
  const { members } = group;
  const last = members[members.length - 1];
  if (last === undefined || isBefore(last, workload)) return members.length;
  let low = 0;
  let high = members.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const member = members[middle];
    if (member !== undefined && isBefore(member, workload)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Older submission first, then lower number. */
export function isBefore(a: WorkloadEntry, b: WorkloadEntry): boolean {
  const byTime = (a.record?.submittedMs ?? 0) - (b.record?.submittedMs ?? 0);
  return byTime !== 0 ? byTime < 0 : a.number < b.number;
}

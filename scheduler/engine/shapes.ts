// Pending work by shape: equal requests of one queue and priority stand in one group, in order, so that one failure
// answers for all of them. May assume that a workload's roles never change.
import type { WorkloadNumber } from '../../common/ids.js';
import type { TopologyRule, Workload, WorkloadSpec } from '../model/records.js';
import { addTo, type Amounts, amounts, at, GPU, times } from './amounts.js';
import { type Ask, type AskTable, settleAsk } from './asks.js';
import type { BankClass, Confinement, NodeTable, TaskTier } from './nodes.js';
import { freeOf, MAX_TASKS_PER_NODE, potentialOf } from './nodes.js';
import type { QueueNode } from './queues.js';
import { Reach } from './reach.js';
import type { WorkloadEntry } from './workloads.js';

/** Equal tasks of a gang. */
export interface ShapePart {
  readonly ask: Ask;
  readonly count: number;
  /** The number of the first task; the others follow. */
  readonly firstTask: number;
  readonly role: number;
  readonly topology: TopologyRule | null;
}

/** The part of a request that decides where it fits: tasks that are placed together or not at all. */
export interface Shape {
  readonly key: string;
  readonly parts: readonly ShapePart[];
  readonly tasks: number;
  readonly topology: TopologyRule | null;
  /** Whether counting free slots tells if it fits: one kind of tasks, and nothing but GPUs to look at. */
  readonly isCounted: boolean;
  /** What its queue is charged with before it has a place. */
  charge: Amounts;
  /** Where its tasks may go, all together. */
  reach: Reach;
  classesStamp: number;
  /** Groups that found no room. */
  readonly waiting: Set<Group>;
  /** Workloads of this shape with a claim. */
  readonly claimers: Set<WorkloadEntry>;
  /** How many groups and claimers use it. */
  uses: number;
}

/** Equal pending workloads of one queue: same shape, same priority, preemptible or not; or the surplus of one workload. */
export interface Group {
  readonly key: string;
  readonly queue: QueueNode;
  readonly shape: Shape;
  readonly priority: number;
  /** Its place in the order of service: the priority, and what it aged by. */
  order: number;
  readonly preemptible: boolean;
  /** Whose limit as a user counts; empty = nobody's. */
  readonly owner: string;
  /** The running workload that wants more tasks of a role, and how many it has; null = a gang waits. */
  readonly surplus: Surplus | null;
  /** In order of submission; those that no longer wait here keep their place until it is cleared. */
  members: WorkloadEntry[];
  /** The first place that may still be waiting. */
  head: number;
  /** How many wait. */
  waiting: number;
  /** During a step: the next to try. */
  cursor: number;
  /** Whether the view knows it; one that a step makes for itself is forgotten with the step. */
  isFiled: boolean;
  /** What stopped it when it was last tried; null = to be tried. */
  block: Block | null;
  /** The queues by whose rules it is stopped: it is looked at again when one of them has more room. */
  stoppedAt: readonly QueueNode[];
  /** Somebody else was refused what it would take back: when it waits no more that one is to look again. */
  keepsOthersOut: boolean;
  /** Since when its queue's rules do not stop it, as far as was seen: Infinity = they do, 0 = they never did. */
  roomSinceMs: number;
  /** Its place among those of its queue that wait for GPUs alone (`RoomWaits`); -1 = it does not. */
  roomPlace: number;
  /** When, by the view's clock of changes, taking back failed; and the round of it. */
  failedAt: { consolidate: number; reclaim: number; preempt: number };
  /** Units of work after which the search was given up, "not found within budget"; 0 = it was not. */
  cutShort: { consolidate: number; reclaim: number; preempt: number };
}

/** More tasks for a running elastic workload. */
export interface Surplus {
  readonly workload: WorkloadEntry;
  readonly role: number;
  /** The numbers its next tasks get, `shape.tasks` at a time. */
  readonly freeTasks: readonly number[];
  /** Tasks it has beyond its core; below 0 = its gang is broken. */
  readonly beyondCore: number;
}

export type Block =
  | {
      readonly kind: 'room';
      /** The workload whose reserved place it may have been kept out of; null = none. */
      readonly reservedFor: WorkloadNumber | null;
    }
  | { readonly kind: 'limit' | 'guarantee' | 'user'; readonly at: QueueNode };

/** All shapes that something pending has. */
export class ShapeTable {
  readonly all = new Map<string, Shape>();
  readonly #asks: AskTable;
  /** Workloads of one submission share their roles. */
  readonly #byRoles = new WeakMap<WorkloadSpec['roles'], { readonly key: string; readonly spec: WorkloadSpec }>();

  constructor(asks: AskTable) {
    this.#asks = asks;
  }

  /** The shape of a workload's core, made when new. Count the use with `use` and `unuse`. */
  core(spec: WorkloadSpec): Shape {
    const known = this.#byRoles.get(spec.roles);
    if (known && known.spec.topology === spec.topology && known.spec.timeLimitMs === spec.timeLimitMs) {
      const shape = this.all.get(known.key);
      if (shape) return shape;
    }
    const parts = this.#coreParts(spec);
    const shape = this.#intern(parts, spec.topology);
    this.#byRoles.set(spec.roles, { key: shape.key, spec });
    return shape;
  }

  /** The shape of more tasks of a role: one of the surplus, or all that a broken gang lacks. */
  more(spec: WorkloadSpec, role: number, count: number): Shape {
    const found = spec.roles[role];
    if (!found) return this.#intern([], null);
    const ask = this.#asks.find(found.request, found.rules, spec.timeLimitMs);
    return this.#intern([{ ask, count, firstTask: 0, role, topology: null }], null);
  }

  #coreParts({ roles, timeLimitMs }: WorkloadSpec): ShapePart[] {
    const parts: ShapePart[] = [];
    let firstTask = 0;
    roles.forEach(({ minTasks, maxTasks, request, rules, topology }, role) => {
      const ask = this.#asks.find(request, rules, timeLimitMs);
      if (minTasks > 0) parts.push({ ask, count: minTasks, firstTask, role, topology });
      firstTask += maxTasks;
    });
    return parts;
  }

  #intern(parts: readonly ShapePart[], topology: TopologyRule | null): Shape {
    const key = `${parts.map(partKey).join(' + ')}${topologyKey(topology)}`;
    let shape = this.all.get(key);
    if (!shape) {
      shape = newShape(key, parts, topology);
      this.all.set(key, shape);
    }
    return shape;
  }

  use(shape: Shape): void {
    // Whoever still knows it may use it again after everybody had let it go.
    if (shape.uses === 0) this.all.set(shape.key, shape);
    shape.uses++;
  }

  unuse(shape: Shape): void {
    shape.uses--;
    if (shape.uses === 0) this.all.delete(shape.key);
  }
}

function partKey({ ask, count, firstTask, role, topology }: ShapePart): string {
  return `${role}: ${count}@${firstTask} x ${ask.key}${topologyKey(topology)}`;
}

function topologyKey(topology: TopologyRule | null): string {
  return topology === null ? '' : ` ${topology.required ? 'in one' : 'best in one'} ${topology.level}`;
}

function newShape(key: string, parts: readonly ShapePart[], topology: TopologyRule | null): Shape {
  const [only] = parts;
  const isPlain = parts.length === 1 && topology === null && only?.topology === null && !only.ask.isPicky;
  return {
    key,
    parts,
    tasks: parts.reduce((sum, { count }) => sum + count, 0),
    topology,
    isCounted: isPlain && only.ask.unit === 'whole' && only.ask.cpuMilli === 0 && only.ask.memoryMib === 0,
    charge: chargeOf(parts),
    reach: NOWHERE,
    classesStamp: -1,
    waiting: new Set(),
    claimers: new Set(),
    uses: 0,
  };
}

/** Of a shape that was not settled yet. */
const NOWHERE = new Reach([], []);

function chargeOf(parts: readonly ShapePart[]): Amounts {
  const sum = amounts();
  for (const { ask, count } of parts) addTo(sum, times(ask.charge, count), 1);
  return sum;
}

/** Brings the classes and tiers a shape may go to up to date. Cheap unless a class was added. */
export function settleShape(shape: Shape, nodes: NodeTable): void {
  if (shape.classesStamp === nodes.classesStamp) return;
  shape.classesStamp = nodes.classesStamp;
  for (const { ask } of shape.parts) settleAsk(ask, nodes);
  shape.charge = chargeOf(shape.parts);
  shape.reach = nodes.reaches.of(
    shape.parts.flatMap(({ ask }) => ask.classes),
    shape.parts.flatMap(({ ask }) => ask.tiers),
  );
  watch(shape);
}

/** Has the shape looked at when something comes free for it, as long as groups or claimers of it wait for that. */
export function watch(shape: Shape): void {
  const wanted = shape.waiting.size + shape.claimers.size > 0;
  for (const { ask } of shape.parts) {
    for (const rooms of [ask.classes, ask.tiers]) {
      for (const { watchers } of rooms) {
        if (wanted) watchers.add(shape);
        else watchers.delete(shape);
      }
    }
  }
}

/**
 * Whether all tasks may fit on what is free (or would be, when the leaving left). Exact for shapes that are counted, else
 * a `true` still has to be tried. Cost: one step a level and class.
 */
export function mayFit(shape: Shape, on: 'free' | 'potential', confinement: Confinement = null): boolean {
  return shape.parts.every(({ ask, count }) => portions(ask, on, count, confinement) >= count);
}

/** How many tasks of the ask may fit, counted no further than `enough`. */
export function portions(ask: Ask, on: 'free' | 'potential', enough: number, confinement: Confinement = null): number {
  let sum = 0;
  if (ask.unit === 'none') return portionsOfTiers(ask, on, enough);
  for (const bankClass of ask.classes) {
    if (sum >= enough) break;
    if (confinement !== null && !confinement(bankClass)) continue;
    const size = ask.unit === 'share' && ask.gpus === 1 ? 1 : ask.gpus;
    sum += bankClass[on].counts.portions(size, enough - sum);
    // Several shares go on one GPU, and beside others: whether they do is only to be had by trying.
    if (ask.unit === 'share') sum += sum > 0 || hasOpenSlots(bankClass, on) ? enough : 0;
  }
  return sum;
}

function hasOpenSlots(bankClass: BankClass, on: 'free' | 'potential'): boolean {
  const index = on === 'free' ? bankClass.openFree : bankClass.openPotential;
  return index !== null && index.counts.levelFrom(1) !== -1;
}

function portionsOfTiers(ask: Ask, on: 'free' | 'potential', enough: number): number {
  let sum = 0;
  for (const tier of ask.tiers) {
    for (const node of tier.leastBusy()) {
      sum += tasksOn(node, ask, on);
      if (sum >= enough) return sum;
      if (on === 'potential') continue;
    }
  }
  return sum;
}

function tasksOn(node: TaskTier['nodes'][number], ask: Ask, on: 'free' | 'potential'): number {
  const left = on === 'free' ? freeOf : potentialOf;
  let most = MAX_TASKS_PER_NODE - node.tasks;
  if (ask.cpuMilli > 0) most = Math.min(most, Math.floor(left(node.cpu) / ask.cpuMilli));
  if (ask.memoryMib > 0) most = Math.min(most, Math.floor(left(node.memory) / ask.memoryMib));
  return Math.max(0, most);
}

/** Whether all tasks would fit by count if nothing ran. */
export function isUsable(shape: Shape): boolean {
  return shape.parts.every(({ ask, count }) => {
    if (ask.unit === 'none') return ask.tiers.some((tier) => tier.nodes.some((node) => node.available));
    const enough = ask.unit === 'share' ? 1 : count;
    return ask.classes.reduce((sum, each) => sum + each.usablePortions(ask.gpus, enough), 0) >= enough;
  });
}

/** Whether a shape asks for GPUs: only then is anything reserved. */
export function asksForGpus({ charge }: Shape): boolean {
  return at(charge, GPU) > 0;
}

/** A group's key among those of its queue. */
export function groupKey({ spec, owner }: Workload, shape: Shape, byOwner: boolean): string {
  return `${spec.priority} ${spec.preemptible} ${byOwner ? owner : ''} ${shape.key}`;
}

/** A group without members. */
export function newGroup(fields: Pick<Group, 'key' | 'queue' | 'shape' | 'priority' | 'preemptible' | 'owner'>): Group {
  return {
    ...fields,
    order: fields.priority,
    surplus: null,
    members: [],
    head: 0,
    waiting: 0,
    cursor: 0,
    isFiled: false,
    block: null,
    stoppedAt: [],
    keepsOthersOut: false,
    roomSinceMs: 0,
    roomPlace: -1,
    failedAt: { consolidate: -1, reclaim: -1, preempt: -1 },
    cutShort: { consolidate: 0, reclaim: 0, preempt: 0 },
  };
}

/** The group's next waiting member at or after its cursor, null when there is none. Moves the cursor over the others. */
export function nextMember(group: Group): WorkloadEntry | null {
  const { surplus } = group;
  if (surplus !== null) {
    return (group.cursor + 1) * group.shape.tasks <= surplus.freeTasks.length ? surplus.workload : null;
  }
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
  group.queue.roomWaits.forget(group);
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
  group.queue.roomWaits.forget(group);
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
  const byTime = a.submittedMs - b.submittedMs;
  return byTime !== 0 ? byTime < 0 : a.number < b.number;
}

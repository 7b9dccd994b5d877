// The one constraint that keeps a workload pending: what no time can mend comes first, then what its queue's rules forbid, then
// room. Decides without words; cost as in explain.ts.
import type { WorkloadNumber } from '../../../common/ids.js';
import type { Gate } from '../../model/records.js';
import { type Amounts, at, GPU } from '../amounts.js';
import { admits, type Ask } from '../asks.js';
import type { PendingReason } from '../decisions.js';
import { type Bank, freeOf, type NodeEntry } from '../nodes.js';
import type { QueueNode, Stop } from '../queues.js';
import { type Reservation, whoKeepsOut } from '../reservations.js';
import { isUsable, portions, settleShape, type Shape, type ShapePart } from '../shapes.js';
import type { ClusterView } from '../view.js';
import type { HeldClaim, WorkloadEntry } from '../workloads.js';
import { freeOn, freeParts, nodesOf } from './facts.js';

/** What an explanation is about. */
export interface Subject {
  readonly view: ClusterView;
  readonly workload: WorkloadEntry;
  readonly queue: QueueNode;
  readonly shape: Shape;
  /** The part that is hardest to place: the one with the most GPUs a task. */
  readonly part: ShapePart;
  readonly request: Amounts;
  readonly preemptible: boolean;
  readonly priority: number;
  readonly nowMs: number;
}

type Stopped = 'QUEUE_LIMIT' | 'GUARANTEE_EXHAUSTED' | 'USER_LIMIT';
type Gated = 'HELD' | 'DEPENDENCY' | 'BACKOFF' | 'ARRAY_CAP';

export type Cause =
  | { readonly reason: Gated; readonly gate: Gate }
  | { readonly reason: 'RECLAIMING'; readonly claim: HeldClaim }
  | { readonly reason: Stopped; readonly stop: Stop }
  | { readonly reason: 'RESERVED'; readonly reservation: Reservation }
  | { readonly reason: Exclude<PendingReason, 'RECLAIMING' | 'RESERVED' | Stopped | Gated> };

/** What an explanation of a workload is about; null = it is not pending. Brings up to date what reading needs. */
export function subjectOf(view: ClusterView, number: WorkloadNumber, nowMs: number): Subject | null {
  const workload = view.workloads.get(number);
  const { record, core: shape, queue } = workload ?? { record: null, core: null, queue: null };
  if (!workload || record?.state !== 'pending' || !queue || !shape) return null;
  view.settleForReading();
  settleShape(shape, view.nodes);
  const [first, ...rest] = shape.parts;
  if (first === undefined) return null;
  const part = rest.reduce((hardest, each) => (each.ask.gpus > hardest.ask.gpus ? each : hardest), first);
  const { preemptible, priority } = record.spec;
  return { view, workload, queue, shape, part, request: shape.charge, preemptible, priority, nowMs };
}

/** What is told of a pending workload with a gate. */
export const GATE_REASONS = { held: 'HELD', dependency: 'DEPENDENCY', backoff: 'BACKOFF', array: 'ARRAY_CAP' } as const;
const STOPS = { limit: 'QUEUE_LIMIT', guarantee: 'GUARANTEE_EXHAUSTED', user: 'USER_LIMIT' } as const;

/** The first that holds: what no time can mend comes first, then what the queue's rules forbid, then room. */
export function findCause(subject: Subject): Cause {
  const { workload, shape } = subject;
  const gate = workload.record?.gate ?? null;
  if (gate) return { reason: GATE_REASONS[gate.kind], gate };
  if (workload.claim) return { reason: 'RECLAIMING', claim: workload.claim };
  if (!isRegistered(shape) || tooFewTogether(subject) !== null) return { reason: 'NO_SUCH_GPU' };
  if (tooLargeBeside(shape, subject.view) !== null) return { reason: 'CPU_OR_MEMORY' };
  const stop = subject.view.findStop(workload.account, shape, 'bind');
  if (stop) return { reason: STOPS[stop.kind], stop };
  if (!isUsable(shape)) return { reason: 'NODES_UNAVAILABLE' };
  if ((workload.group?.block ?? null) === null) return { reason: 'NOT_EVALUATED' };
  const kept = subject.view.roomOf(workload.account, 'bind')?.findStopOnFree(shape) ?? null;
  if (kept) return { reason: STOPS[kept.kind], stop: kept };
  const reason = whyNoRoom(subject);
  const reservation = MAY_BE_RESERVED.has(reason) ? whoKeepsOut(subject.view, workload, shape) : null;
  return reservation ? { reason: 'RESERVED', reservation } : { reason };
}

/** Where free GPUs are found wanting, they may be kept for another. */
const MAY_BE_RESERVED: ReadonlySet<NoRoom> = new Set(['NOT_EVALUATED', 'FRAGMENTED', 'RESOURCES']);

type NoRoom =
  'NOT_EVALUATED' | 'OWED_TO_OTHERS' | 'MAINTENANCE' | 'FRAGMENTED' | 'TOPOLOGY' | 'CPU_OR_MEMORY' | 'RESOURCES';

function whyNoRoom({ view, shape, part, request, preemptible, nowMs }: Subject): NoRoom {
  const hasGpus = shape.parts.every(({ ask, count }) => ask.unit === 'none' || portions(ask, 'free', count) >= count);
  if (hasGpus) {
    if (nowMs > 0 && view.nodes.toMaintain.size > 0 && isShutOut(part, nowMs)) return 'MAINTENANCE';
    // Counted exactly it would have been placed: it may not have what is free, or had no turn since something came free.
    if (shape.isCounted) return !preemptible && view.cells?.concerns(shape) ? 'OWED_TO_OTHERS' : 'NOT_EVALUATED';
    if (lackingBeside(shape, view) !== null) return 'CPU_OR_MEMORY';
    if (shape.topology?.required === true || part.topology?.required === true) return 'TOPOLOGY';
  }
  return freeParts(shape) >= at(request, GPU) && at(request, GPU) > 0 ? 'FRAGMENTED' : 'RESOURCES';
}

/** Whether its tasks would fit, but for nodes that are about to be maintained. */
function isShutOut({ ask, count }: ShapePart, nowMs: number): boolean {
  const fitting = nodesOf(ask).filter((node) => node.available && freeOn(node, ask) >= ask.gpus);
  const [open, shut] = [true, false].map((isOpen) => fitting.filter((node) => admits(node, ask, nowMs) === isOpen));
  if (!open || !shut || shut.length === 0) return false;
  if (ask.unit !== 'whole') return open.length === 0;
  return open.reduce((tasks, node) => tasks + Math.floor(freeOn(node, ask) / ask.gpus), 0) < count;
}

/** The part of it for which there are GPUs, or it needs none, while there is too little CPU or memory. */
export function lackingBeside({ parts }: Shape, view: ClusterView): ShapePart | null {
  return parts.find(({ ask, count }) => ask.cpuMilli + ask.memoryMib > 0 && tasksBeside(ask, view) < count) ?? null;
}

/** How many tasks fit by GPUs, CPU and memory. Listings ask this for thousands of equal workloads. */
export function tasksBeside(ask: Ask, view: ClusterView): number {
  const { version } = view.nodes;
  if (ask.beside.version !== version) {
    const tasks = nodesOf(ask).reduce((sum, node) => sum + (node.available ? tasksOnNode(node, ask) : 0), 0);
    ask.beside = { version, tasks };
  }
  return ask.beside.tasks;
}

function tasksOnNode(node: NodeEntry, ask: Ask): number {
  const { cpuMilli, memoryMib, gpus, unit } = ask;
  const free = unit === 'none' ? Infinity : freeOn(node, ask);
  // Several shares go on one GPU: there CPU and memory tell.
  const byGpus = free < gpus ? 0 : unit === 'whole' ? Math.floor(free / gpus) : Infinity;
  const byCpu = cpuMilli === 0 ? Infinity : Math.max(0, Math.floor(freeOf(node.cpu) / cpuMilli));
  const byMemory = memoryMib === 0 ? Infinity : Math.max(0, Math.floor(freeOf(node.memory) / memoryMib));
  return Math.min(byGpus, byCpu, byMemory);
}

/** Whether all its parts would fit on what was ever registered. */
export function isRegistered({ parts }: Shape): boolean {
  return parts.every(isPartRegistered);
}

/** Whether its tasks would fit on all that was ever registered, in whatever state. */
export function isPartRegistered({ ask, count }: ShapePart): boolean {
  if (ask.isPicky && nodesOf(ask).length === 0) return false;
  if (ask.unit === 'none') return ask.tiers.some((tier) => tier.nodes.length > 0);
  const enough = ask.unit === 'share' ? 1 : count;
  return ask.classes.reduce((sum, each) => sum + each.registeredPortions(ask.gpus, enough), 0) >= enough;
}

/** The rack or block that must hold all tasks, when whole GPUs are all that is asked for; null = no such rule. */
export function domainRule({ shape, part }: Subject): 'rack' | 'block' | null {
  const rule = shape.topology ?? part.topology;
  const isPlain = shape.parts.length === 1 && part.ask.unit === 'whole' && rule?.required === true;
  return isPlain && (rule.level === 'rack' || rule.level === 'block') ? rule.level : null;
}

/** Whether no rack (or block) is large enough for tasks that must be in one. */
export function tooFewTogether(subject: Subject): { readonly level: 'rack' | 'block' } | null {
  const level = domainRule(subject);
  if (level === null) return null;
  const { ask, count } = subject.part;
  const largest = mostInDomain(subject, level, (bank) => Math.floor(bank.slots.length / ask.gpus));
  return largest.tasks < count ? { level } : null;
}

/** The rack or block of a level that takes the most tasks, the first by name among equal ones. */
export function mostInDomain(
  { view, part }: Subject,
  level: 'rack' | 'block',
  tasksOn: (bank: Bank) => number,
): { readonly name: string; readonly tasks: number } {
  let best = { name: '', tasks: 0 };
  for (const domain of view.nodes.domains.values()) {
    if (domain.level !== level) continue;
    let tasks = 0;
    for (const bankClass of part.ask.classes) {
      for (const bank of domain.classes.get(bankClass)?.banks ?? []) tasks += tasksOn(bank);
    }
    const isBetter = tasks > best.tasks || (tasks === best.tasks && (best.name === '' || domain.name < best.name));
    if (isBetter) best = { name: domain.name, tasks };
  }
  return best;
}

/** The first part whose task asks for more CPU or memory than any node with its GPUs has. */
export function tooLargeBeside(shape: Shape, view: ClusterView): ShapePart | null {
  return shape.parts.find(({ ask }) => ask.cpuMilli + ask.memoryMib > 0 && isTooLarge(ask, view.nodes.version)) ?? null;
}

function isTooLarge(ask: Ask, version: number): boolean {
  // Listings ask this for thousands of equal workloads.
  if (ask.tooLarge.version !== version) {
    const isHeld = nodesOf(ask).some(
      ({ cpu, memory }) => cpu.capacity >= ask.cpuMilli && memory.capacity >= ask.memoryMib,
    );
    ask.tooLarge = { version, is: !isHeld };
  }
  return ask.tooLarge.is;
}

// Why a workload is pending: the one constraint that binds, with its numbers, in words. Reads the view as it stands;
// changes nothing but the view's memo. Cost: one pass over the nodes that the workload's shape could go to.
import type { WorkloadNumber } from '../../common/ids.js';
import { formatDuration, plural } from '../../common/units.js';
import type { Gate, PlacementRules, TaskRequest } from '../model/records.js';
import { PARTS_PER_MILLI, toGpus } from '../model/requests.js';
import { type Amounts, at, CPU, GPU, isNothing, MEMORY, RESOURCES } from './amounts.js';
import { admits, type Ask, banksOf, partsIn, suitsRules } from './asks.js';
import type { Explanation, PendingReason } from './decisions.js';
import { estimate, leavingFor } from './estimate.js';
import { type Bank, compareNames, freeOf, type NodeEntry, type Slot } from './nodes.js';
import { isWithin, type QueueNode, type Stop } from './queues.js';
import { type Reservation, whoKeepsOut } from './reservations.js';
import { isEntitled } from './entitlements.js';
import { sayScope, type Scope } from './scopes.js';
import {
  countBefore,
  type Group,
  isBefore,
  isUsable,
  portions,
  settleShape,
  type Shape,
  type ShapePart,
} from './shapes.js';
import type { ClusterView } from './view.js';
import type { HeldClaim, WorkloadEntry } from './workloads.js';
import { whyNobodyGives } from './why-nobody-gives.js';

/** How many workloads, or nodes, an explanation names before it only counts. */
const NAMED_AT_MOST = 3;

/** What an explanation is about. */
interface Subject {
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

type Cause =
  | { readonly reason: Gated; readonly gate: Gate }
  | { readonly reason: 'RECLAIMING'; readonly claim: HeldClaim }
  | { readonly reason: Stopped; readonly stop: Stop }
  | { readonly reason: 'RESERVED'; readonly reservation: Reservation }
  | { readonly reason: Exclude<PendingReason, 'RECLAIMING' | 'RESERVED' | Stopped | Gated> };

/**
 * Why a workload is pending.
 * @param nowMs the present, milliseconds since 1970
 * @returns null when it is not pending
 */
export function explain(view: ClusterView, workload: WorkloadNumber, nowMs: number): Explanation | null {
  const subject = subjectOf(view, workload, nowMs);
  if (!subject) return null;
  const cause = findCause(subject);
  const reserved = sayReserved(subject);
  const starts = nowMs === 0 ? null : estimate(subject, cause.reason);
  const lines = [
    { title: 'Needs', text: sayNeeds(subject) },
    { title: 'Pool', text: sayPool(subject) },
    { title: 'Nearest', text: HAS_NO_BLOCKERS.has(cause.reason) ? '' : sayNearest(subject) },
    { title: 'Quota', text: sayQuota(subject) },
    { title: 'Shapes', text: sayShapes(subject, cause.reason) },
    { title: 'Ahead', text: sayAhead(subject) },
    { title: 'Blockers', text: HAS_NO_BLOCKERS.has(cause.reason) ? '' : sayBlockers(subject) },
    { title: 'Reserved', text: reserved },
    { title: 'Claim', text: cause.reason === 'RECLAIMING' ? sayClaim(subject, cause.claim) : '' },
    { title: 'Estimate', text: starts?.text ?? '' },
    { title: 'Search', text: HAS_NO_BLOCKERS.has(cause.reason) ? '' : saySearch(subject) },
  ];
  const summary = withReserved(summarise(subject, cause), reserved);
  const told = lines.filter(({ text }) => text !== '');
  return { reason: cause.reason, summary, lines: told, estimate: starts?.text ?? '', startsByMs: starts?.byMs ?? null };
}

/** Reason and summary alone, as listings show them. */
export type Brief = Pick<Explanation, 'reason' | 'summary'>;

/**
 * Summaries that hold for all equal workloads: a listing of 100,000 says the same of most of them. For one look at the view: whoever
 * keeps it while the view changes tells old news.
 */
export class Briefs {
  readonly #told = new Map<Shape, Map<Account, Map<string, string>>>();

  /** The summary for these, made when it is new. */
  tell({ shape, workload, queue, preemptible }: Subject, reason: PendingReason, make: () => string): string {
    let byAccount = this.#told.get(shape);
    if (!byAccount) this.#told.set(shape, (byAccount = new Map()));
    let byReason = byAccount.get(workload.account);
    if (!byReason) byAccount.set(workload.account, (byReason = new Map()));
    const key = `${reason} ${preemptible} ${queue.name}`;
    let summary = byReason.get(key);
    if (summary === undefined) byReason.set(key, (summary = make()));
    return summary;
  }
}

type Account = WorkloadEntry['account'];

/** Causes of which the summary names the one workload that it is of. */
const OF_ITS_OWN: ReadonlySet<PendingReason> = new Set([
  'HELD',
  'DEPENDENCY',
  'BACKOFF',
  'ARRAY_CAP',
  'RECLAIMING',
  'QUEUE_LIMIT',
  'GUARANTEE_EXHAUSTED',
  'USER_LIMIT',
  'RESERVED',
]);

/** As {@link explain}, without the lines. Cost: constant for all but the first of equal workloads. */
export function explainBriefly(
  view: ClusterView,
  workload: WorkloadNumber,
  nowMs: number,
  briefs: Briefs,
): Brief | null {
  const subject = subjectOf(view, workload, nowMs);
  if (!subject) return null;
  const cause = findCause(subject);
  const make = (): string => summarise(subject, cause);
  const summary = OF_ITS_OWN.has(cause.reason) ? make() : briefs.tell(subject, cause.reason, make);
  return { reason: cause.reason, summary: withReserved(summary, sayReserved(subject)) };
}

function withReserved(summary: string, reserved: string): string {
  return reserved === '' ? summary : `${summary} It has reserved ${reserved}.`;
}

/** Reasons for which it does not matter who holds what: its victims leave already, or it could not run on empty nodes. */
const HAS_NO_BLOCKERS: ReadonlySet<PendingReason> = new Set([
  'RECLAIMING',
  'NO_SUCH_GPU',
  'HELD',
  'DEPENDENCY',
  'BACKOFF',
  'ARRAY_CAP',
]);

/**
 * The reason alone, for listings. Cost: a look at each class it may go to, and at its nodes where CPU, memory, labels or a
 * maintenance count: up to tens of microseconds. Equal workloads of one group have one answer, so ask once a group.
 */
export function pendingReason(view: ClusterView, workload: WorkloadNumber, nowMs = 0): PendingReason | null {
  const subject = subjectOf(view, workload, nowMs);
  return subject && findCause(subject).reason;
}

function subjectOf(view: ClusterView, number: WorkloadNumber, nowMs: number): Subject | null {
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

// --- the cause ---

/** What is told of a pending workload with a gate. */
export const GATE_REASONS = { held: 'HELD', dependency: 'DEPENDENCY', backoff: 'BACKOFF', array: 'ARRAY_CAP' } as const;
const STOPS = { limit: 'QUEUE_LIMIT', guarantee: 'GUARANTEE_EXHAUSTED', user: 'USER_LIMIT' } as const;

/** The first that holds: what no time can mend comes first, then what the queue's rules forbid, then room. */
function findCause(subject: Subject): Cause {
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
function lackingBeside({ parts }: Shape, view: ClusterView): ShapePart | null {
  return parts.find(({ ask, count }) => ask.cpuMilli + ask.memoryMib > 0 && tasksBeside(ask, view) < count) ?? null;
}

/** How many tasks fit by GPUs, CPU and memory. Listings ask this for thousands of equal workloads. */
function tasksBeside(ask: Ask, view: ClusterView): number {
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

function isRegistered({ parts }: Shape): boolean {
  return parts.every(isPartRegistered);
}

/** Whether its tasks would fit on all that was ever registered, in whatever state. */
function isPartRegistered({ ask, count }: ShapePart): boolean {
  if (ask.isPicky && nodesOf(ask).length === 0) return false;
  if (ask.unit === 'none') return ask.tiers.some((tier) => tier.nodes.length > 0);
  const enough = ask.unit === 'share' ? 1 : count;
  return ask.classes.reduce((sum, each) => sum + each.registeredPortions(ask.gpus, enough), 0) >= enough;
}

// --- one sentence ---

function summarise(subject: Subject, cause: Cause): string {
  const { part, request } = subject;
  switch (cause.reason) {
    case 'HELD':
    case 'DEPENDENCY':
    case 'BACKOFF':
    case 'ARRAY_CAP':
      return asSentence(cause.gate.message);
    case 'RECLAIMING':
      return sayClaim(subject, cause.claim);
    case 'QUEUE_LIMIT':
    case 'GUARANTEE_EXHAUSTED':
    case 'USER_LIMIT':
      return sayStop(subject, cause.stop);
    case 'NO_SUCH_GPU':
      return sayNoSuch(subject);
    case 'NODES_UNAVAILABLE':
      return `The nodes that would fit take no work now: ${sayUnavailable(poolFacts(part.ask))}.`;
    case 'MAINTENANCE':
      return 'A maintenance of every node that would fit begins before it could end.';
    case 'OWED_TO_OTHERS':
      return 'GPUs are free, but others are guaranteed them in shapes, and work that is not preemptible cannot borrow them.';
    case 'RESERVED':
      return sayKeptOut(subject, cause.reservation);
    case 'NOT_EVALUATED':
      return 'It has not had its turn yet.';
    case 'FRAGMENTED': {
      const facts = poolFacts(part.ask);
      const { gpus } = part.ask;
      if (part.ask.unit === 'share' && gpus === 1) return sayNoRest(part.ask);
      const together = part.count === 1 ? `not ${gpus} on one node` : `not ${part.count} × ${gpus}`;
      return `${plural(facts.free, 'GPU')} are free, enough in number, but ${together}: the most on one node is ${facts.mostFree}.`;
    }
    case 'TOPOLOGY': {
      const level = subject.shape.topology?.level ?? part.topology?.level ?? 'node';
      return `Enough GPUs are free, but its tasks must be in one ${sayLevel(level)} and no ${sayLevel(level)} has room for them together.`;
    }
    case 'CPU_OR_MEMORY':
      return sayLacking(subject);
    case 'RESOURCES': {
      const gpus = at(request, GPU);
      if (gpus === 0) return sayNoRoomWithoutGpus(part.ask);
      const facts = poolFacts(part.ask);
      const free = part.ask.unit === 'share' ? round(toGpus(sharesLeft(part.ask).all)) : facts.free;
      const ill = sayIll(facts);
      const but = ill === '' ? '' : ` (${ill})`;
      return `It needs ${sayParts(gpus)} and ${free} of ${facts.total} that fit are free${but}; ${sayEntitlement(subject)}.`;
    }
  }
}

function sayLacking(subject: Subject): string {
  const { shape, view, part } = subject;
  const tooLarge = tooLargeBeside(subject.shape, subject.view);
  if (tooLarge !== null) return sayTooLarge(tooLarge);
  const { ask, count } = lackingBeside(shape, view) ?? part;
  if (ask.unit === 'none') return sayNoRoomWithoutGpus(ask);
  const tasks = tasksBeside(ask, view);
  const needs = sayCpuAndMemory(ask);
  return tasks === 0
    ? `GPUs are free, but no node that has them also has ${needs} free.`
    : `GPUs are free, but with ${needs} for each only ${tasks} of ${plural(count, 'task')} fit beside each other.`;
}

function asSentence(message: string): string {
  return message.endsWith('.') ? message : `${message}.`;
}

function sayNoRoomWithoutGpus(ask: Ask): string {
  const needs = sayCpuAndMemory(ask);
  return needs === '' ? 'Every node runs as many tasks as it may.' : `No node has ${needs} free.`;
}

function sayStop(subject: Subject, stop: Stop): string {
  const { kind, at: queue, resource, scope } = stop;
  const { workload } = subject;
  if (queue.record === null) return `Queue ${queue.name} does not exist.`;
  if (scope !== null) return sayStopOfPart(subject, stop, scope);
  const asked = at(workload.core?.charge ?? queue.held, resource);
  if (kind === 'user') {
    const owner = workload.record?.owner ?? '';
    const holds = queue.heldByUser.get(owner) ?? 0;
    const never = asked > queue.userLimit ? '; it can never run there' : '';
    return `${owner} holds ${sayParts(holds)} of at most ${sayParts(queue.userLimit)} a user in queue ${queue.name} and this asks for ${sayAmount(asked, GPU)}${never}.`;
  }
  const say = (amount: number): string => sayAmount(amount, resource);
  const unit = sayUnit(resource);
  if (kind === 'limit') {
    const limit = at(queue.limit, resource);
    const never = asked > limit ? '; it can never run there' : '';
    return `Queue ${queue.name} holds ${say(at(queue.held, resource))} of at most ${unit(limit)} and this asks for ${say(asked)}${never}.`;
  }
  const guarantee = resource === GPU ? queue.promised : at(queue.guarantee, resource);
  const never = asked > guarantee ? '; it can only run there as preemptible' : '';
  return (
    `Work that is not preemptible must stay within the guarantee: queue ${queue.name} is guaranteed ` +
    `${unit(guarantee)}, holds ${say(at(queue.heldFixed, resource))} for such work, and this asks for ${say(asked)}${never}.`
  );
}

/** The same where a part of the cluster is what decides. */
function sayStopOfPart(
  { view, workload, shape, queue: own }: Subject,
  { kind, at: queue }: Stop,
  scope: Scope,
): string {
  const account = queue.scopes[scope.index];
  const where = sayScope(scope);
  const asked = sayAmount(view.scopes.partsOf(shape, scope), GPU);
  if (kind === 'limit') {
    const limit = account?.limit ?? 0;
    const never = view.scopes.boundPartsOf(shape, scope) > limit ? '; it can never run there' : '';
    return (
      `Queue ${queue.name} holds ${sayAmount(account?.held ?? 0, GPU)} of at most ${sayParts(limit)} ${where} ` +
      `and this asks for ${asked}${never}.`
    );
  }
  const left = Math.max(0, view.roomOf(workload.account, 'bind')?.unpromised(scope, own) ?? 0);
  return (
    `Work that is not preemptible must leave others what they are guaranteed: of the ` +
    `${sayParts(view.scopes.capacityOf(scope))} ${where} queue ${own.name} may take ${sayAmount(left, GPU)} more for such ` +
    `work, and this asks for ${asked}.`
  );
}

function sayNoSuch(subject: Subject): string {
  const { shape, part } = subject;
  const together = isRegistered(shape) ? tooFewTogether(subject) : null;
  if (together !== null) {
    const level = sayLevel(together.level);
    return `No ${level} has room for all ${plural(part.count, 'task')} of ${sayGpus(part.ask)}, even when nothing else runs.`;
  }
  const { ask, count } = shape.parts.find((each) => !isPartRegistered(each)) ?? part;
  const { rules, request } = ask;
  const where = rules.pool === '' ? 'the cluster' : `pool ${rules.pool}`;
  if (ask.isPicky && nodesOf(ask).length === 0) {
    return `No node in ${where} meets ${sayRules(rules)}.`;
  }
  if (ask.unit === 'none') return `No node is in ${where}.`;
  const kind = kindOf(request, rules);
  if (ask.classes.every((each) => each.banks.length === 0)) {
    const leastMib = Math.max(rules.minGpuMemoryMib, request.gpuMemoryMib);
    return `No node in ${where} has ${kind}s${leastMib > 0 ? ` with ${leastMib} MiB of memory or more` : ''}.`;
  }
  const largest = Math.max(...ask.classes.flatMap((each) => each.banks.map((bank) => bank.slots.length)));
  if (largest < ask.gpus) {
    return `A task needs ${plural(ask.gpus, 'GPU')} on one node, and no node in ${where} has more than ${largest} ${kind}s.`;
  }
  const what = ask.unit === 'whole' && request.migProfile === '' ? plural(ask.gpus, 'GPU') : sayGpus(ask);
  return `All ${plural(count, 'task')} of ${what} do not fit on the ${kind}s of ${where}, even when nothing else runs.`;
}

function sayRules({ nodes, labels, minDriver }: PlacementRules): string {
  const parts = Object.entries(labels).map(([name, value]) => `label ${name}=${value}`);
  if (nodes.length > 0) parts.push(`the name ${nodes.join(' or ')}`);
  if (minDriver !== '') parts.push(`driver ${minDriver} or newer`);
  return parts.join(', ');
}

function sayEntitlement(subject: Subject): string {
  const { view, queue, shape, request, preemptible, workload } = subject;
  const use = toGpus(at(queue.charged, GPU) + at(request, GPU));
  if (!isEntitled(view.scopes, { queue, shape }, 'fairShare')) {
    const part = isWithin(queue, request, queue.fairShare) ? sayNotDueOfPart(subject) : '';
    if (part !== '') return part;
    return `with them queue ${queue.name} would hold ${use}, above its fair share of ${sayAmount(at(queue.fairShare, GPU), GPU)}, so it may take none back`;
  }
  const stop = preemptible ? null : view.findStop(workload.account, shape, 'promise');
  return stop
    ? `queue ${stop.at.name} has no guarantee left for work that is not preemptible`
    : whyNobodyGives(subject);
}

/** The part of the cluster of which it would have more than its fair share. */
function sayNotDueOfPart({ view, queue, shape }: Subject): string {
  for (const { scope, parts } of view.scopes.wantsOfShape(shape)) {
    const account = queue.scopes[scope.index];
    if (account === undefined || account.charged + parts <= account.fairShare) continue;
    const [use, share] = [sayAmount(account.charged + parts, GPU), sayAmount(account.fairShare, GPU)];
    return (
      `with them queue ${queue.name} would hold ${use} ${sayScope(scope)}, above its fair share of ${share} there, so it ` +
      'may take none back'
    );
  }
  return '';
}

// --- facts ---

interface PoolFacts {
  readonly total: number;
  readonly nodes: number;
  readonly held: number;
  readonly leaving: number;
  readonly promised: number;
  readonly free: number;
  readonly shared: number;
  readonly suspect: number;
  readonly quarantined: number;
  readonly lost: number;
  readonly cordoned: number;
  readonly unfit: number;
  readonly maintained: number;
  readonly down: number;
  readonly unknown: number;
  readonly mostFree: number;
  readonly nodesThatFit: number;
}

/** The rack or block that must hold all tasks, when whole GPUs are all that is asked for; null = no such rule. */
function domainRule({ shape, part }: Subject): 'rack' | 'block' | null {
  const rule = shape.topology ?? part.topology;
  const isPlain = shape.parts.length === 1 && part.ask.unit === 'whole' && rule?.required === true;
  return isPlain && (rule.level === 'rack' || rule.level === 'block') ? rule.level : null;
}

/** Whether no rack (or block) is large enough for tasks that must be in one. */
function tooFewTogether(subject: Subject): { readonly level: 'rack' | 'block' } | null {
  const level = domainRule(subject);
  if (level === null) return null;
  const { ask, count } = subject.part;
  const largest = mostInDomain(subject, level, (bank) => Math.floor(bank.slots.length / ask.gpus));
  return largest.tasks < count ? { level } : null;
}

/** The rack (or block) with room for the most tasks. */
function nearestDomain(subject: Subject): string | null {
  const level = domainRule(subject);
  if (level === null) return null;
  const { ask, count } = subject.part;
  const { name, tasks } = mostInDomain(subject, level, (bank) => Math.floor(bank.free / ask.gpus));
  return name === '' || tasks >= count ? null : `${level} ${name} has room for ${tasks} of ${plural(count, 'task')}`;
}

function mostInDomain(
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
function tooLargeBeside(shape: Shape, view: ClusterView): ShapePart | null {
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

function sayTooLarge({ ask }: ShapePart): string {
  const nodes = nodesOf(ask);
  const most = [
    { asked: ask.cpuMilli, has: Math.max(...nodes.map(({ cpu }) => cpu.capacity)), resource: CPU },
    { asked: ask.memoryMib, has: Math.max(...nodes.map(({ memory }) => memory.capacity)), resource: MEMORY },
  ];
  const short = most.find(({ asked, has }) => asked > has);
  const them = ask.unit === 'none' ? 'no node' : 'no node that has them';
  const beside = ask.unit === 'none' ? 'on one node' : 'beside its GPUs on one node';
  if (!short) return `No node has ${sayCpuAndMemory(ask)} together.`;
  const unit = short.resource === MEMORY ? ' of memory' : '';
  return `A task needs ${sayCpuAndMemory(ask)} ${beside}, and ${them} has more than ${sayAmount(short.has, short.resource)}${unit}.`;
}

/** Counts the GPUs a task could go to; each GPU in one column only, in use before out of service. */
function poolFacts(ask: Ask): PoolFacts {
  const facts = {
    total: 0,
    nodes: 0,
    held: 0,
    leaving: 0,
    promised: 0,
    free: 0,
    shared: 0,
    suspect: 0,
    quarantined: 0,
    lost: 0,
    cordoned: 0,
    unfit: 0,
    maintained: 0,
    down: 0,
    unknown: 0,
    mostFree: 0,
    nodesThatFit: 0,
  };
  for (const bank of banksOf(ask)) {
    facts.nodes++;
    facts.total += bank.slots.length;
    facts.free += bank.free;
    facts.mostFree = Math.max(facts.mostFree, bank.free);
    if (bank.free >= ask.gpus) facts.nodesThatFit++;
    for (const slot of bank.slots) {
      if (slot.used > slot.leaving && slot.free > 0) facts.shared++;
      else if (slot.used > 0) facts[slot.leaving === slot.used ? 'leaving' : 'held']++;
      else if (slot.claimed > 0) facts.promised++;
      else if (!bank.node.available) facts[outage(bank.node)]++;
      else if (!slot.healthy) facts[illness(slot)]++;
    }
  }
  return facts;
}

/** What keeps a GPU that nobody holds from new work. One that drained is as good as quarantined. */
function illness({ bank, index }: Slot): 'suspect' | 'quarantined' | 'lost' {
  const health = bank.node.record?.gpus[index]?.health;
  return health === 'suspect' || health === 'lost' ? health : 'quarantined';
}

function outage(node: NodeEntry): 'cordoned' | 'unfit' | 'maintained' | 'down' | 'unknown' {
  if (node.record?.cordoned) return 'cordoned';
  if (node.record?.nodeProblem !== undefined) return 'unfit';
  if (node.inMaintenance) return 'maintained';
  return node.liveness === 'down' ? 'down' : 'unknown';
}

function sayNoRest(ask: Ask): string {
  const { all, most } = sharesLeft(ask);
  return `${sayParts(all)} are free, enough in number, but not ${sayGpus(ask)}: the most of one GPU is ${round(toGpus(most))}.`;
}

/** What is free of all GPUs that a share could be of, and the most of one of them. */
function sharesLeft(ask: Ask, node: NodeEntry | null = null): { readonly all: number; readonly most: number } {
  let all = 0;
  let most = 0;
  for (const bank of banksOf(ask)) {
    if (node !== null && bank.node !== node) continue;
    for (const { free } of bank.slots) {
      all += free;
      most = Math.max(most, free);
    }
  }
  return { all, most };
}

function nodesOf(ask: Ask): NodeEntry[] {
  const nodes = new Set<NodeEntry>();
  for (const bank of banksOf(ask)) nodes.add(bank.node);
  for (const tier of ask.tiers) {
    for (const node of tier.nodes) if (!ask.isPicky || suitsRules(node, ask.rules)) nodes.add(node);
  }
  return [...nodes];
}

/** What is free, whole GPUs and, for shares, the rests of others. Cost: a pass over classes, or over banks where nodes matter. */
function freeParts({ parts }: Shape): number {
  let sum = 0;
  if (parts.some(({ ask }) => ask.isPicky)) {
    const isShared = parts.some(({ ask }) => ask.unit === 'share');
    const banks = new Set(parts.flatMap(({ ask }) => [...banksOf(ask)]));
    for (const { free, slots, bankClass } of banks) {
      if (isShared) for (const slot of slots) sum += slot.free;
      else sum += free * bankClass.partsPerSlot;
    }
    return sum;
  }
  for (const { freeSlots, partsPerSlot, openFree } of new Set(parts.flatMap(({ ask }) => ask.classes))) {
    sum += freeSlots * partsPerSlot;
    if (openFree === null || !parts.some(({ ask }) => ask.unit === 'share')) continue;
    const { counts } = openFree;
    for (let level = counts.levelFrom(1); level !== -1; level = counts.levelFrom(level + 1)) {
      sum += counts.count(level) * level * PARTS_PER_MILLI;
    }
  }
  return sum;
}

// --- lines ---

function sayNeeds({ shape, request, preemptible, priority, workload }: Subject): string {
  const tasks = shape.parts.map((part) => sayPart(part, workload)).join(' and ');
  const gang = shape.tasks > 1 ? `, all at once` : '';
  const gpus = at(request, GPU) > 0 && shape.tasks > 1 ? `${sayParts(at(request, GPU))}: ` : '';
  const { pool } = shape.parts[0]?.ask.rules ?? { pool: '' };
  const where = pool === '' ? '' : `, pool ${pool}`;
  const rule = shape.topology;
  const together = rule === null ? '' : `, ${rule.required ? '' : 'if possible '}in one ${sayLevel(rule.level)}`;
  return `${gpus}${tasks}${gang}${where}${together}; priority ${priority}, ${preemptible ? 'preemptible' : 'not preemptible'}`;
}

function sayPart({ ask, count, role }: ShapePart, { record }: WorkloadEntry): string {
  const name = record?.spec.roles[role]?.name ?? '';
  const needs = [ask.unit === 'none' ? '' : sayGpus(ask), sayCpuAndMemory(ask)].filter((part) => part !== '');
  const what = needs.length === 0 || (ask.unit === 'none' && needs.length === 0) ? 'without GPUs' : needs.join(', ');
  const label = name === '' ? '' : `${name}: `;
  if (count > 1) return `${label}${count} tasks ${ask.unit === 'none' && needs.length === 0 ? what : `of ${what}`}`;
  return ask.unit === 'none'
    ? `${label}1 task ${needs.length === 0 ? what : `with ${what}`}`
    : `${label}${what} on one node`;
}

/** "2 H100 GPUs", "0.5 of a GPU", "2 × 3g.20gb". */
function sayGpus({ gpus, request, rules, unit }: Ask): string {
  if (request.migProfile !== '') return `${gpus} × MIG ${request.migProfile}`;
  const kind = kindOf(request, rules);
  if (unit !== 'share') return plural(gpus, kind);
  const share = request.gpuMemoryMib > 0 ? `${request.gpuMemoryMib} MiB` : `${request.gpuMilli / 1_000}`;
  return gpus === 1 ? `${share} of one ${kind}` : `${share} of each of ${plural(gpus, kind)}`;
}

function kindOf(request: TaskRequest, { models }: PlacementRules): string {
  if (request.migProfile !== '') return `MIG ${request.migProfile} instance`;
  return models.length === 0 ? 'GPU' : `${models.join(' or ')} GPU`;
}

function sayCpuAndMemory({ cpuMilli, memoryMib }: Ask): string {
  const parts: string[] = [];
  if (cpuMilli > 0) parts.push(sayAmount(cpuMilli, CPU));
  if (memoryMib > 0) parts.push(`${memoryMib} MiB of memory`);
  return parts.join(' and ');
}

function sayLevel(level: string): string {
  return level === 'nvlink' ? 'NVLink group' : level;
}

function sayPool({ part }: Subject): string {
  const { ask } = part;
  if (ask.unit === 'none') {
    const nodes = ask.tiers.flatMap((tier) => tier.nodes);
    return `${plural(nodes.length, 'node')}, ${nodes.filter((node) => node.available).length} ready for work`;
  }
  const facts = poolFacts(ask);
  const parts = [`${facts.held} in use`, `${facts.free} free`];
  if (facts.shared > 0) parts.push(`${facts.shared} shared with room left`);
  if (facts.leaving > 0) parts.push(`${facts.leaving} being given back`);
  if (facts.promised > 0) parts.push(`${facts.promised} promised`);
  const outages = sayUnavailable(facts);
  if (outages !== '') parts.push(outages);
  return (
    `${plural(facts.total, 'GPU')} on ${plural(facts.nodes, 'node')}: ${parts.join(', ')}; ` +
    `${facts.nodesThatFit} of ${facts.nodes} nodes have ${ask.gpus} free`
  );
}

function sayUnavailable(facts: PoolFacts): string {
  const parts: string[] = [];
  if (facts.cordoned > 0) parts.push(`${facts.cordoned} on cordoned nodes`);
  if (facts.maintained > 0) parts.push(`${facts.maintained} on nodes in maintenance`);
  if (facts.down > 0) parts.push(`${facts.down} on nodes that are down`);
  if (facts.unknown > 0) parts.push(`${facts.unknown} on nodes not heard of yet`);
  if (facts.unfit > 0) parts.push(`${facts.unfit} on nodes whose health check fails`);
  const ill = sayIll(facts);
  return (ill === '' ? parts : [...parts, ill]).join(', ');
}

/** GPUs that nobody may have: "3 quarantined, 1 lost". */
function sayIll({ suspect, quarantined, lost }: PoolFacts): string {
  const counts = { quarantined, suspect, lost };
  return Object.entries(counts)
    .flatMap(([word, count]) => (count > 0 ? [`${count} ${word}`] : []))
    .join(', ');
}

/** The node that comes nearest to running one task, and what it lacks. */
function sayNearest(subject: Subject): string {
  const { part, nowMs } = subject;
  const { ask } = part;
  const domain = nearestDomain(subject);
  if (domain !== null) return domain;
  let best: { node: NodeEntry; misses: readonly string[]; lacking: number } | null = null;
  for (const node of nodesOf(ask)) {
    if (!node.available) continue;
    const free = ask.unit === 'none' ? 0 : freeOn(node, ask);
    const misses: string[] = [];
    if (free < ask.gpus) misses.push(sayMiss(node, ask, free));
    if (freeOf(node.cpu) < ask.cpuMilli)
      misses.push(`${sayAmount(Math.max(0, freeOf(node.cpu)), CPU)} of ${sayAmount(ask.cpuMilli, CPU)}`);
    if (freeOf(node.memory) < ask.memoryMib) misses.push(`${Math.max(0, freeOf(node.memory))} of ${ask.memoryMib} MiB`);
    if (misses.length === 0 && nowMs > 0 && !admits(node, ask, nowMs)) {
      misses.push(MAINTAINED_SOON);
    }
    const lacking = misses.length * 1_000 + (ask.gpus - free) + short(ask.cpuMilli, freeOf(node.cpu));
    if (best === null || lacking < best.lacking || (lacking === best.lacking && node.name < best.node.name)) {
      best = { node, misses, lacking };
    }
  }
  if (best === null) return '';
  const { node, misses } = best;
  if (misses.length === 0) return `${node.name} has room for one task`;
  if (misses[0] === MAINTAINED_SOON)
    return `${node.name}${MAINTAINED_SOON}${formatDuration(node.maintenanceMs - nowMs)}`;
  return `${node.name} has ${misses.join(', ')} free`;
}

/** Which part of what is asked for is not there. */
function short(asked: number, free: number): number {
  return asked === 0 ? 0 : Math.max(0, asked - free) / asked;
}

const MAINTAINED_SOON = ' has everything, but its maintenance begins in ';

function sayMiss(node: NodeEntry, ask: Ask, free: number): string {
  if (ask.unit !== 'share' || ask.gpus > 1) return `${free} of ${ask.gpus} GPUs`;
  const [need] = ask.classes.map((bankClass) => partsIn(ask, bankClass));
  return `${round(toGpus(sharesLeft(ask, node).most))} of ${round(toGpus(need ?? 0))} of a GPU`;
}

/** How many slots of one bank of a node are free for a task: as a whole, or as far as its share goes. */
function freeOn(node: NodeEntry, ask: Ask): number {
  let most = 0;
  for (const bank of node.banks) {
    if (!ask.classes.includes(bank.bankClass)) continue;
    const parts = partsIn(ask, bank.bankClass);
    const free = ask.unit === 'share' ? bank.slots.filter((slot) => slot.free >= parts).length : bank.free;
    most = Math.max(most, free);
  }
  return most;
}

function sayQuota({ workload, queue, request }: Subject): string {
  if (isNothing(request)) return '';
  const gpus = at(request, GPU);
  const levels: string[] = [];
  for (let each = queue; each.parent !== null; each = each.parent) {
    const limit = at(each.limit, GPU) === Infinity ? 'no limit' : `limit ${sayAmount(at(each.limit, GPU), GPU)}`;
    const [held, guarantee, share] = [each.held, each.guarantee, each.fairShare].map((sum) =>
      sayAmount(at(sum, GPU), GPU),
    );
    levels.push(
      `${each.name} holds ${held}, guaranteed ${guarantee}, fair share ${share}, ${limit}${sayOtherQuota(each)}${sayPartsQuota(each)}`,
    );
  }
  if (gpus === 0) return levels.join('; ');
  const use = at(queue.charged, GPU) - (workload.claim ? gpus : 0) + gpus;
  const right =
    use <= at(queue.guarantee, GPU)
      ? `within its guarantee, so ${queue.name} is entitled to it`
      : use <= at(queue.fairShare, GPU)
        ? `beyond its guarantee, within its fair share`
        : `beyond its fair share, so ${queue.name} may only borrow what is free`;
  return `${levels.join('; ')}; with this ${sayAmount(use, GPU)}: ${right}`;
}

/** Parts of the cluster that the queue rules. */
function sayPartsQuota(queue: QueueNode): string {
  return queue.scopes
    .filter(({ guarantee, limit }) => guarantee > 0 || limit !== Infinity)
    .map(({ scope, held, guarantee, fairShare, limit }) => {
      const most = limit === Infinity ? 'no limit' : `limit ${sayAmount(limit, GPU)}`;
      const [holds, due, share] = [held, guarantee, fairShare].map((parts) => sayAmount(parts, GPU));
      return ` (${sayScope(scope)} holds ${holds}, guaranteed ${due}, fair share ${share}, ${most})`;
    })
    .join('');
}

/** How guaranteed shapes stand: those that this may count on, and those of others that stand in its way. */
function sayShapes({ view, queue, shape }: Subject, reason: PendingReason): string {
  const { cells } = view;
  if (cells === null || !cells.concerns(shape)) return '';
  const isOwn = (other: QueueNode): boolean => {
    for (let each: QueueNode | null = queue; each !== null; each = each.parent) if (each === other) return true;
    return false;
  };
  const said: string[] = [];
  for (const each of [...view.queues.values()].sort((a, b) => compareNames(a.name, b.name))) {
    if (reason !== 'OWED_TO_OTHERS' && !isOwn(each)) continue;
    for (const { count, gpus, level, model, pool, inUse, impossible } of cells.standings(each)) {
      const kind = model === '' ? 'GPU' : `${model} GPU`;
      const where = `in one ${sayLevel(level)}${pool === '' ? '' : ` of pool ${pool}`}`;
      const lacks = impossible === 0 ? '' : `, ${impossible} cannot be had with the hardware there is`;
      said.push(`${each.name} is guaranteed ${count} × ${plural(gpus, kind)} ${where}: ${inUse} in use${lacks}`);
    }
  }
  return said.join('; ');
}

/** CPU and memory, where the queue rules them. */
function sayOtherQuota(queue: QueueNode): string {
  let said = '';
  for (let resource = GPU + 1; resource < RESOURCES; resource++) {
    const [limit, guarantee] = [at(queue.limit, resource), at(queue.guarantee, resource)];
    if (limit === Infinity && guarantee === Infinity) continue;
    said += `, holds ${sayAmount(at(queue.held, resource), resource)}`;
    if (guarantee !== Infinity) said += ` (guaranteed ${sayAmount(guarantee, resource)})`;
    if (limit !== Infinity) said += ` (limit ${sayAmount(limit, resource)})`;
  }
  return said;
}

function sayAhead({ view, queue, workload, priority }: Subject): string {
  if (workload.claim || workload.group === null) return '';
  const first = [...view.claimers].filter((claimer) => claimer.queue === queue && claimer.record?.state === 'pending');
  let count = first.length;
  for (const group of queue.groups.values()) {
    if (group.priority < priority || group.surplus !== null) continue;
    const ahead = group.priority > priority ? group.waiting : countBefore(group, workload);
    count += ahead;
    first.push(...firstOf(group, Math.min(ahead, NAMED_AT_MOST)));
  }
  if (count === 0) return '';
  first.sort((a, b) => (b.record?.spec.priority ?? 0) - (a.record?.spec.priority ?? 0) || (isBefore(a, b) ? -1 : 1));
  const named = first.slice(0, NAMED_AT_MOST).map(sayWaiting);
  return `${plural(count, 'workload')} in queue ${queue.name}: ${named.join(', ')}${count > named.length ? ', …' : ''}`;
}

function firstOf(group: Group, count: number): WorkloadEntry[] {
  const found: WorkloadEntry[] = [];
  for (let index = group.head; index < group.members.length && found.length < count; index++) {
    const member = group.members[index];
    if (member?.group === group) found.push(member);
  }
  return found;
}

function sayWaiting({ number, record, core }: WorkloadEntry): string {
  return `${number} (priority ${record?.spec.priority ?? 0}, ${core ? sayParts(at(core.charge, GPU)) : ''})`;
}

/** Whether "no" was the answer of a search that was given up. */
function saySearch({ workload: { group } }: Subject): string {
  const units = group === null ? 0 : Math.max(...Object.values(group.cutShort));
  return units === 0
    ? ''
    : `not found within budget: looking for GPUs to take back was given up after ${units} units of work; it is tried again when something changes`;
}

/** Who is on the nodes that come nearest to fitting. */
function sayBlockers({ part }: Subject): string {
  const { ask } = part;
  if (ask.unit === 'none') return '';
  const nearest: Bank[] = [];
  for (const bank of banksOf(ask)) {
    if (bank.slots.length < ask.gpus) continue;
    nearest.push(bank);
    nearest.sort((a, b) => b.usable - a.usable || b.free - a.free || compareNames(a.node.name, b.node.name));
    nearest.length = Math.min(nearest.length, NAMED_AT_MOST);
  }
  return nearest
    .filter((bank) => bank.free < ask.gpus)
    .map((bank) => `${bank.node.name} has ${bank.free} of ${bank.slots.length} free${sayHolders(bank)}`)
    .join('; ');
}

function sayHolders(bank: Bank): string {
  const outages = bank.node.available ? '' : `, is ${sayOutage(bank.node)}`;
  const held = new Map<WorkloadEntry, number>();
  for (const { holds } of bank.slots) {
    for (const { workload, parts } of holds) held.set(workload, (held.get(workload) ?? 0) + parts);
  }
  const largest = [...held].sort(([a, partsA], [b, partsB]) => partsB - partsA || a.number - b.number);
  const named = largest
    .slice(0, NAMED_AT_MOST)
    .map(([holder, parts]) => `${holder.number} (queue ${holder.queue?.name ?? '?'}, ${sayParts(parts)})`);
  if (named.length === 0) return outages;
  return `${outages}, held by ${named.join(', ')}${largest.length > named.length ? ', …' : ''}`;
}

function sayOutage(node: NodeEntry): string {
  const words = {
    cordoned: 'cordoned',
    unfit: 'unfit by its health check',
    maintained: 'in maintenance',
    down: 'down',
    unknown: 'not heard of yet',
  };
  return words[outage(node)];
}

/** What is reserved for it, and when it starts there. */
function sayReserved({ view, workload, nowMs }: Subject): string {
  const reservation = workload.claim ? null : view.reservations.of(workload);
  if (reservation === null) return '';
  const sinceMs = Math.max(0, nowMs - reservation.madeMs);
  return `${sayPlaces(reservation)} for ${formatDuration(sinceMs)} by now; ${sayOutlook(reservation, nowMs)}`;
}

/** Why free GPUs are not for it. */
function sayKeptOut({ nowMs }: Subject, reservation: Reservation): string {
  const { workload, promisedMs } = reservation;
  const lets =
    promisedMs === Infinity || promisedMs <= nowMs
      ? ''
      : `; work with a time limit that ends within ${formatDuration(promisedMs - nowMs)} may use them`;
  return (
    `Free GPUs are reserved for workload ${workload.number}, which has waited longer: ${sayPlaces(reservation)}; ` +
    `${sayOutlook(reservation, nowMs)}${lets}.`
  );
}

/** "4 GPUs of n1 and 4 GPUs of n2". */
function sayPlaces({ places }: Reservation): string {
  const parts = new Map<string, number>();
  for (const { node, charge } of places) parts.set(node.name, (parts.get(node.name) ?? 0) + at(charge, GPU));
  const named = [...parts].slice(0, NAMED_AT_MOST).map(([name, sum]) => `${sayParts(sum)} of ${name}`);
  return `${named.join(', ')}${parts.size > named.length ? `, … on ${parts.size} nodes` : ''}`;
}

function sayOutlook({ outlook, workload }: Reservation, nowMs: number): string {
  const { startMs, freeSlots, endlessSlots } = outlook;
  const free = `${freeSlots} of them free now`;
  if (startMs === Infinity) {
    return `${free}, ${endlessSlots} in use without a time limit, so when ${workload.number} starts is not known`;
  }
  return startMs <= nowMs
    ? `${free}, ${workload.number} starts as soon as the others are`
    : `${free}, ${workload.number} starts in ${formatDuration(startMs - nowMs)} at the latest`;
}

/** Who leaves for it, and until when at the latest. */
function sayClaim({ nowMs, view, workload }: Subject, claim: HeldClaim): string {
  const leaving = new Map<WorkloadEntry, number>();
  let freeNow = 0;
  for (const { slots, parts } of claim.places) {
    for (const { holds } of slots) {
      const others = holds.filter((hold) => hold.workload !== workload);
      if (others.length === 0) freeNow += parts;
      for (const hold of others) {
        if (hold.leaving) leaving.set(hold.workload, (leaving.get(hold.workload) ?? 0) + hold.parts);
      }
    }
  }
  // What lacks may be CPU or memory: then those who leave are not on the GPUs that it gets.
  for (const { workload: holder, charge } of leaving.size > 0 ? [] : leavingFor(view, workload)) {
    leaving.set(holder, (leaving.get(holder) ?? 0) + at(charge, GPU));
  }
  const held = freeNow === 0 ? '' : `${sayParts(freeNow)} held for it already; `;
  if (leaving.size === 0) return `${held}it starts when its queue has room.`;
  const inOrder = [...leaving].sort(([a], [b]) => a.number - b.number);
  const named = inOrder.slice(0, NAMED_AT_MOST).map(([holder, parts]) => {
    return `${holder.number} (queue ${holder.queue?.name ?? '?'}) gives back ${parts > 0 ? sayParts(parts) : 'CPU and memory'}${sayGrace(holder, nowMs)}`;
  });
  const more = leaving.size > named.length ? `; ${leaving.size - named.length} more leave` : '';
  return `${held}${named.join('; ')}${more}.`;
}

function sayGrace(workload: WorkloadEntry, nowMs: number): string {
  const orders = workload.allocations.flatMap(({ stop }) => stop ?? []);
  if (orders.length === 0) return ', its processes are over';
  const askedMs = Math.min(...orders.map((stop) => stop.requestedMs));
  const endsMs = Math.max(...orders.map((stop) => stop.requestedMs + stop.graceMs));
  const asked = `, told to stop ${formatDuration(Math.max(0, nowMs - askedMs))} ago`;
  return endsMs <= nowMs ? `${asked}, its grace is over` : `${asked}, grace ends in ${formatDuration(endsMs - nowMs)}`;
}

// --- amounts ---

/** "3 GPUs", "0.5 GPUs". */
function sayParts(parts: number): string {
  return plural(round(toGpus(parts)), 'GPU');
}

/** A bare number of GPUs; cores and MiB with their unit. */
function sayAmount(amount: number, resource: number): string {
  if (amount === Infinity) return 'without bound';
  if (resource === GPU) return String(round(toGpus(amount)));
  return resource === CPU ? plural(round(amount / 1_000), 'core') : `${amount} MiB`;
}

function sayUnit(resource: number): (amount: number) => string {
  return resource === GPU ? sayParts : (amount) => sayAmount(amount, resource);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

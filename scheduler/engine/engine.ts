// The scheduling engine: one step from a view of the cluster to decisions. Reads like the algorithm: keep promises, place
// on what is free, move to make room, take back between queues, displace inside queues, reserve for what waits long. Each
// phase may assume that those before it are done for all they could do; each decision is valid given those before it, so
// a step may be cut anywhere.
import type { Bind, Decision, DropClaim, MakeClaim, StepResult } from './decisions.js';
import { at, GPU, isNothing } from './amounts.js';
import { type Ask, endsInTime, suitsRules } from './asks.js';
import { nextChangeMs } from './maintenance.js';
import { freeOf, potentialOf } from './nodes.js';
import { type Manner, placeShape, rightOf } from './place.js';
import type { EngineAction } from './policy.js';
import { type Account, type Counting, endsAtQueue, findStop, isWithin, type QueueNode, type Stop } from './queues.js';
import type { Reach } from './reach.js';
import { Withheld } from './reservations.js';
import { type Due, isEntitled, entitlementsOf, ofWhole } from './entitlements.js';
import { applicantOf, claimerOf, entitledOf, keepReservations, reserve, type Reserving } from './reserving.js';
import { sayScope } from './scopes.js';
import { type Block, type Group, mayFit, nextMember, settleShape } from './shapes.js';
import { Trial } from './trial.js';
import { canHave, dueByTakeover, evictAgain } from './taken-back.js';
import { moveVictim, type Takeover, takeOver, type TakingMode } from './victims.js';
import type { ClusterView } from './view.js';
import { Walk } from './order.js';
import { age } from './waiting.js';
import { areMovedToWhatIsDue } from './wanted.js';
import { SEARCH_UNITS, WorkBudget } from './work-budget.js';
import {
  type AllocationEntry,
  type HeldClaim,
  sumOfCharges,
  type TaskPlace,
  toPlacements,
  type WorkloadEntry,
} from './workloads.js';

/**
 * Works out what to do next, within a budget.
 *
 * The view is left as it was, except for its memo of what was tried in vain: carry out the decisions in order, feed the
 * record changes back with `view.apply`, and call again until a step is complete and has no decisions.
 * @param nowMs the present, milliseconds since 1970
 * @param budget units of work, nodes scored plus shapes tried; what has begun is finished, so at least one thing is done
 * @param searchBudget units of one search for GPUs to take back, which cannot be left and taken up again
 */
export function step(view: ClusterView, nowMs: number, budget: number, searchBudget = SEARCH_UNITS): StepResult {
  view.settle(nowMs);
  view.cells?.expectNothing();
  keepReservations(view);
  const trial = new Trial(view);
  const withheld = new Withheld(view);
  const work = new WorkBudget(budget, searchBudget);
  const turn: Turn = {
    view,
    nowMs,
    trial,
    withheld,
    work,
    decisions: [],
    tooEarly: [],
    promised: new Map(),
    toMove: [],
    postponed: [],
    begun: [],
  };
  const complete = keepClaims(turn) && allocate(turn) && takeBack(turn) && repair(turn) && reserve(turn);
  withheld.nothing();
  trial.end();
  for (const group of turn.tooEarly) group.failedAt.consolidate = NEVER;
  // Only at rest, so that a what-if, from which nothing is learned, decides as what follows it will.
  if (complete && turn.decisions.length === 0) view.learn();
  const { decisions } = turn;
  return { decisions, complete, workUnits: work.used, searches: work.searches, wakeMs: wakeMsOf(view, nowMs) };
}

/** One step under way. */
interface Turn extends Reserving {
  readonly view: ClusterView;
  readonly trial: Trial;
  readonly work: WorkBudget;
  readonly decisions: Decision[];
  /** Those who looked in vain for others to move, while some were only just placed: it is worth trying again. */
  readonly tooEarly: Group[];
  /** Those that began where they were promised to, and want more tasks. */
  readonly begun: WorkloadEntry[];
  /** Victims to be placed again when those who are due GPUs had their turn. */
  readonly toMove: WorkloadEntry[];
  /** Who was not moved for, since others are due what those in the way would be moved to. */
  readonly postponed: Group[];
  /** What workloads that run were promised for more tasks, and in which group they waited for it. */
  readonly promised: Map<WorkloadEntry, { readonly group: Group; readonly places: readonly TaskPlace[] }>;
}

function wakeMsOf(view: ClusterView, nowMs: number): number | null {
  const { reservations } = view;
  let wakeMs = Math.min(view.wakeMs, view.lookMs, reservations.wakeMs, reservations.nextDueMs);
  for (const { record } of view.nodes.toMaintain) {
    wakeMs = Math.min(wakeMs, nextChangeMs(record?.maintenance ?? [], nowMs) ?? Infinity);
  }
  return wakeMs === Infinity ? null : wakeMs;
}

function mayDo({ view }: Turn, action: EngineAction): boolean {
  return view.policy.actions.includes(action);
}

// --- phase 1: claims ---

/** Binds claims whose GPUs are all free, drops those that can no longer be met. True = all were looked at. */
function keepClaims(turn: Turn): boolean {
  const { view, work } = turn;
  if (view.claimsToCheck.size === 0) return true;
  const inOrder = [...view.claimsToCheck].sort(
    (a, b) => (a.record?.claim?.sinceMs ?? 0) - (b.record?.claim?.sinceMs ?? 0) || a.number - b.number,
  );
  for (const workload of inOrder) {
    if (work.isSpent) return false;
    work.spend(1);
    view.claimsToCheck.delete(workload);
    turn.withheld.nothing();
    if (workload.claim) turn.decisions.push(...judgeClaim(turn, workload, workload.claim));
  }
  return true;
}

function judgeClaim(turn: Turn, workload: WorkloadEntry, claim: HeldClaim): readonly (Bind | MakeClaim | DropClaim)[] {
  const { view, trial } = turn;
  const { record, core, account, number } = workload;
  if (!record || !core) return [];
  const mark = trial.mark();
  trial.unclaim(workload, claim, true);
  const broken = whyBroken(claim, workload, turn.nowMs) ?? whyOutOfRoom(turn, account, claim);
  if (broken !== null) {
    trial.leaveCells(claim);
    return [{ type: 'drop_claim', workload: number, message: broken }];
  }
  const isMoving = record.state === 'stopping';
  const room = findClaimStop(turn, account, claim, 'promised') === null;
  if (room && !isMoving) {
    const places = claimedPlaces(turn, claim) ?? placesInstead(turn, workload, claim);
    if (places) {
      trial.bind(workload, sumOfCharges(places));
      if (record.state === 'pending' && workload.isElastic) turn.begun.push(workload);
      return [places === claim.places ? bind(workload, places) : bindTo(turn, workload, places)];
    }
    if (record.state !== 'pending' && !view.broken.has(workload)) {
      const [free, rest] = partOfPlaces(turn, claim);
      if (free.length > 0) {
        trial.bind(workload, sumOfCharges(free));
        for (const place of rest) trial.promiseAgain(place);
        trial.claim(workload, sumOfCharges(rest));
        return [bind(workload, free), { type: 'claim', workload: number, placements: toPlacements(rest) }];
      }
    }
  }
  trial.rollback(mark);
  if (!room) view.claimsWaitingForRoom.add(workload);
  return [];
}

function bind({ number }: WorkloadEntry, places: readonly TaskPlace[]): Bind {
  return { type: 'bind', workload: number, placements: toPlacements(places) };
}

/** On places chosen in this step; what was promised before keeps the cells that it has. */
function bindTo({ view }: Turn, workload: WorkloadEntry, places: readonly TaskPlace[]): Bind {
  view.cells?.expect(places);
  return bind(workload, places);
}

function promiseTo({ view }: Turn, { number }: WorkloadEntry, places: readonly TaskPlace[]): MakeClaim {
  view.cells?.expect(places);
  return { type: 'claim', workload: number, placements: toPlacements(places) };
}

/** Takes what was promised, if all of it is free. */
function claimedPlaces({ trial }: Turn, { places }: HeldClaim): readonly TaskPlace[] | null {
  const mark = trial.mark();
  for (const place of places) {
    if (!isFree(place)) {
      trial.rollback(mark);
      return null;
    }
    // Task by task, since two of them may share a GPU.
    trial.takePromised(place);
  }
  return places;
}

/** Takes what is free of what was promised to a workload that runs: its tasks need not wait for each other. */
function partOfPlaces({ trial }: Turn, { places }: HeldClaim): readonly [free: TaskPlace[], rest: TaskPlace[]] {
  const free: TaskPlace[] = [];
  const rest: TaskPlace[] = [];
  for (const place of places) {
    if (!isFree(place)) {
      rest.push(place);
      continue;
    }
    trial.takePromised(place);
    free.push(place);
  }
  return [free, rest];
}

function isFree({ node, slots, parts, cpuMilli, memoryMib }: TaskPlace): boolean {
  return (
    node.available &&
    slots.every((slot) => slot.free >= parts) &&
    (cpuMilli === 0 || freeOf(node.cpu) >= cpuMilli) &&
    (memoryMib === 0 || freeOf(node.memory) >= memoryMib)
  );
}

/** Better a start now on other GPUs than one later on the promised ones: those go to whoever is next. */
function placesInstead(turn: Turn, workload: WorkloadEntry, claim: HeldClaim): readonly TaskPlace[] | null {
  if (workload.record?.state !== 'pending' || workload.core === null) return null;
  turn.withheld.from(() => claimerOf(turn.nowMs, workload));
  turn.trial.leaveCells(claim);
  return mayFit(workload.core, 'free') ? placeShape(turn, workload, workload.core, 'free', null, 'entitled') : null;
}

function whyBroken(claim: HeldClaim, workload: WorkloadEntry, nowMs: number): string | null {
  if (claim.broken !== null) return claim.broken;
  for (const place of claim.places) {
    const { node, slots, parts, cpuMilli, memoryMib, task } = place;
    if (node.record === null) return `node ${node.name} is gone`;
    if (node.record.cordoned) return `node ${node.name} is cordoned`;
    if (node.inMaintenance) return `node ${node.name} is in maintenance`;
    if (!endsInTime(node, workload.record?.spec.timeLimitMs ?? null, nowMs)) {
      return `node ${node.name} will be in maintenance before it could end`;
    }
    if (node.liveness === 'down') return `node ${node.name} is down`;
    const ask = askOf(workload, task);
    if (ask !== null && !suits(place, ask)) return `node ${node.name} is no longer what was asked for`;
    for (const slot of slots) {
      if (!slot.healthy) return `GPU ${slot.index} of node ${node.name} is not healthy`;
      if (slot.potential >= parts || node.liveness !== 'ready') continue;
      const stays = slot.holds.find((hold) => !hold.leaving && hold.workload !== workload);
      if (stays) return `GPU ${slot.index} of node ${node.name} stays with workload ${stays.workload.number}`;
    }
    if (cpuMilli > 0 && potentialOf(node.cpu) < cpuMilli) return `node ${node.name} will not have the CPU`;
    if (memoryMib > 0 && potentialOf(node.memory) < memoryMib) return `node ${node.name} will not have the memory`;
  }
  return null;
}

/** What a task asks for, where its gang could not do without its role; null = not known here. */
function askOf({ record, core }: WorkloadEntry, task: number): Ask | null {
  let end = 0;
  const role = record?.spec.roles.findIndex(({ maxTasks }) => task < (end += maxTasks)) ?? -1;
  return core?.parts.find((part) => part.role === role)?.ask ?? null;
}

/** Whether a place still is of a kind that the task may go to. */
function suits({ node, slots }: TaskPlace, ask: Ask): boolean {
  const isOfKind = slots.every((slot) => ask.classes.includes(slot.bank.bankClass));
  const isInPool = ask.unit !== 'none' || (node.tier !== null && ask.tiers.includes(node.tier));
  return isOfKind && isInPool && (!ask.isPicky || suitsRules(node, ask.rules));
}

function whyOutOfRoom(turn: Turn, account: Account, claim: HeldClaim): string | null {
  const stop = findClaimStop(turn, account, claim, 'promise');
  if (stop === null) return null;
  const where = stop.scope === null ? '' : ` ${sayScope(stop.scope)}`;
  return `queue ${stop.at.name} has no room in its ${stop.kind}${where} any more`;
}

/** What stops the places of a claim at a queue, by limits and guarantees of the whole, then by limits of parts. */
function findClaimStop({ view }: Turn, account: Account, claim: HeldClaim, counting: Counting): Stop | null {
  const stop = findStop(account, claim.charge, counting);
  if (stop !== null || view.scopes.isNone) return stop;
  return view.roomOf(account, counting)?.findStopOf((scope) => view.scopes.partsOfPlaces(claim.places, scope)) ?? null;
}

// --- phase 2: allocate ---

/** Places on free GPUs, queue by queue in order of fairness. True = everything was tried. */
function allocate(turn: Turn): boolean {
  const { view, work } = turn;
  const queues = withBegun(turn);
  if (queues.size === 0 || !mayDo(turn, 'allocate')) return true;
  const walk = new Walk(
    view.root,
    view.scopes,
    [...queues].map(([queue, groups]) => inOrder(turn, queue, groups)),
  );
  for (let group = walk.next(); group !== null; group = walk.next()) {
    if (work.isSpent) return false;
    work.spend(1);
    const workload = nextMember(group);
    const placed = workload && tryToPlace(turn, group, workload);
    if (placed === null || placed === 'took') {
      walk.advance(placed !== null);
      // Others gave for it, so their turn may come sooner.
      if (placed !== null) walk.refresh();
      continue;
    }
    turn.decisions.push(placed);
    const grows = workload !== null && placed.type === 'bind' && group.surplus === null;
    walk.advance(true, grows ? surplusAfterStart(turn, workload) : NO_GROUPS);
  }
  // Whoever stayed active had all its members placed, or none is left to try.
  return true;
}

/** Who is to be tried, with more tasks of what begins in this step: else others would be promised what it takes back. */
function withBegun({ view, begun }: Turn): ReadonlyMap<QueueNode, Group[]> {
  const queues = new Map([...view.activeQueues].map((queue) => [queue, [...queue.active]]));
  for (const workload of begun) {
    const { queue, record } = workload;
    if (queue === null || record === null) continue;
    const groups = queues.get(queue) ?? [];
    groups.push(...view.surplusOf(workload, record, 0));
    queues.set(queue, groups);
  }
  return queues;
}

/** What waits for long comes forward in its queue. */
function inOrder({ view, nowMs }: Turn, queue: QueueNode, groups: Group[]): readonly [QueueNode, Group[]] {
  age(view, queue, groups, nowMs);
  return [queue, groups];
}

/**
 * On what is free; failing that, all of it on what leaves, as a promise. Where GPUs are promised in cells and it has a right to
 * some: on those, if borrowers have to give them back; only if that cannot be, wherever it can.
 * @returns `took` = others give for it; null = it has to wait
 */
function tryToPlace(turn: Turn, group: Group, workload: WorkloadEntry): Bind | MakeClaim | 'took' | null {
  const { view } = turn;
  const { shape } = group;
  settleShape(shape, view.nodes);
  turn.withheld.fromWhatIsOpen(() => applicantOf(turn.nowMs, group, workload));
  const stop = view.findStop(group, shape, 'bind');
  const mayStart = !stop && mayFit(shape, 'free');
  const right = view.cells === null ? null : rightOf(turn, workload, shape);
  const started = mayStart ? start(turn, group, workload, right === null ? 'best' : 'entitled') : null;
  if (started) return started;
  if (view.nodes.leavingTasks > 0 && workload.claim === null && !isPromisedInStep(turn, group)) {
    const promised = promise(turn, group, workload, right === null ? 'best' : 'entitled');
    if (promised) return promised;
  }
  if (mayStart && right !== null) {
    if (mayDo(turn, 'reclaim') && takeFor(turn, group, workload, 'reclaim', 'guarantee', 'its cells')) return 'took';
    turn.withheld.from(() => applicantOf(turn.nowMs, group, workload));
    const onSurplus = start(turn, group, workload, 'surplus');
    if (onSurplus) return onSurplus;
    const borrowed = group.preemptible ? start(turn, group, workload, 'borrowed') : null;
    if (borrowed) return borrowed;
  }
  view.block(group, stop !== null && endsAtQueue(stop) ? stop : noRoom(turn, group));
  return null;
}

function start(turn: Turn, group: Group, workload: WorkloadEntry, manner: Manner): Bind | null {
  const places = placeShape(turn, workload, group.shape, 'free', tasksOf(group), manner);
  if (!places) return null;
  turn.trial.bind(workload, sumOfCharges(places));
  turn.trial.takeTurn(group);
  return bindTo(turn, workload, places);
}

/** If that is because of a reservation, it is to look again when that ends. */
function noRoom({ withheld }: Turn, group: Group): Block {
  const reservation = withheld.against(group.shape);
  reservation?.keptOut.add(group);
  return { kind: 'room', reservedFor: reservation?.workload.number ?? null };
}

/** A workload has at most one claim, which in the step that made it can only be made larger, for tasks of the same role. */
function isPromisedInStep({ decisions, promised }: Turn, group: Group): boolean {
  const { surplus } = group;
  if (surplus === null || promised.get(surplus.workload)?.group === group) return false;
  return decisions.some(({ type, workload }) => type === 'claim' && workload === surplus.workload.number);
}

/**
 * Promises places. What a workload gets for more tasks in one step is one claim: were it claimed task by task, what its
 * victims leave beside one task would be given to others, and taken from them for the next.
 */
function makeClaim(turn: Turn, group: Group, workload: WorkloadEntry, places: readonly TaskPlace[]): MakeClaim {
  const { trial, promised } = turn;
  trial.takeTurn(group);
  if (group.surplus === null) return promiseTo(turn, workload, places);
  const all = [...(promised.get(workload)?.places ?? []), ...places];
  promised.set(workload, { group, places: all });
  return promiseTo(turn, workload, all);
}

/** Whether the workload that wants more tasks was told to leave in this step. */
function isEvictedInStep({ surplus }: Group): boolean {
  return surplus !== null && surplus.workload.units.some(({ isSurplus, evicting }) => !isSurplus && evicting);
}

function promise(turn: Turn, group: Group, workload: WorkloadEntry, manner: Manner): MakeClaim | null {
  const { shape } = group;
  turn.withheld.fromWhatIsOpen(() => entitledOf(turn.nowMs, group, workload));
  if (!mayFit(shape, 'potential') || turn.view.findStop(group, shape, 'promise')) return null;
  const places = placeShape(turn, workload, shape, 'potential', tasksOf(group), manner);
  if (!places) return null;
  turn.trial.claim(workload, sumOfCharges(places));
  return makeClaim(turn, group, workload, places);
}

/** The numbers of the tasks that a running workload gets next; null = a gang starts. */
function tasksOf({ surplus, cursor, shape }: Group): readonly number[] | null {
  return surplus === null ? null : surplus.freeTasks.slice(cursor * shape.tasks, (cursor + 1) * shape.tasks);
}

const NO_GROUPS: readonly Group[] = [];

/** An elastic workload that starts in this step wants more at once. */
function surplusAfterStart({ view }: Turn, workload: WorkloadEntry): readonly Group[] {
  const { record } = workload;
  return record && workload.isElastic ? view.surplusOf(workload, record, 0) : NO_GROUPS;
}

// --- phases 3 to 5: consolidate, reclaim, preempt ---

/**
 * Lets stuck groups take GPUs back. Who stays within his guarantee reclaims first: nobody else may be promised what he
 * would take back at once. Then by moving others, from other queues, by moving others again, also for more than their queue's
 * share, from lower priority in their own. Each is tried again
 * when something changed that may help it. True = nothing is left to try.
 */
function takeBack(turn: Turn): boolean {
  const { view, decisions } = turn;
  if (view.restedAt === view.nodes.clock) return true;
  const before = decisions.length;
  const complete =
    takeBackBy(turn, 'reclaim', 'guarantee') &&
    takeBackBy(turn, 'consolidate', 'fairShare', 'leaves what is due') &&
    takeBackBy(turn, 'reclaim', 'fairShare') &&
    // What was taken may have left room for those who are due it, before others move in.
    tryAgain(turn) &&
    takeBackBy(turn, 'consolidate', 'fairShare') &&
    moveOn(turn) &&
    takeBackBy(turn, 'consolidate', 'nothing') &&
    takeBackBy(turn, 'preempt', 'fairShare');
  if (complete && decisions.length === before && turn.tooEarly.length === 0) view.restedAt = view.nodes.clock;
  return complete;
}

/** Those who left it to reclaim to make room for them have their turn as if they had not. */
function tryAgain({ postponed }: Turn): true {
  for (const group of postponed) group.failedAt.consolidate = NEVER;
  return true;
}

/**
 * @param due up to what those take it whose turn it is; `nothing` = those who are due no more
 * @param manner whether nobody is to be moved to what somebody else is due
 */
function takeBackBy(
  turn: Turn,
  mode: TakingMode,
  due: Due | 'nothing',
  manner: 'leaves what is due' | 'any' = 'any',
): boolean {
  if (!mayDo(turn, mode)) return true;
  const { view, work } = turn;
  const mayNow = (group: Group): boolean => {
    if (mode === 'consolidate') return isWithinShare(view, group) === (due !== 'nothing');
    return due !== 'guarantee' || isEntitled(view.scopes, group, due) || ownsCells(view, group);
  };
  let walk = walkOverStuck(turn, mode, mayNow);
  for (let group = walk?.next() ?? null; group !== null; group = walk?.next() ?? null) {
    if (work.isSpent) return false;
    work.spend(1);
    const workload = nextMember(group);
    // Whose queue got more since this began has its turn among those that are due no more.
    if (mode === 'consolidate' && !mayNow(group)) {
      walk?.advance(false);
      continue;
    }
    const isDue = workload !== null && mayTry(view, group, mode) && mayNow(group);
    const upTo = due === 'nothing' ? 'fairShare' : due;
    const found = isDue && takeFor(turn, group, workload, mode, upTo, 'anywhere', manner);
    if (!found) group.failedAt[mode] = view.nodes.clock;
    if (!found && isDue && isTooEarly(turn, mode)) turn.tooEarly.push(group);
    walk?.advance(found);
    if (!found) continue;
    // Who was moved may have left room where there was too little for anybody to be tried.
    if (mode === 'consolidate') walk = walkOverStuck(turn, mode, mayNow);
    else walk?.refresh();
  }
  return true;
}

/** Victims whose queues hold more than their share go on where those who are due GPUs left room. True = all had their turn. */
function moveOn(turn: Turn): boolean {
  for (const workload of turn.toMove) {
    if (turn.work.isSpent) return false;
    turn.work.spend(1);
    const holder = claimerOf(turn.nowMs, workload);
    turn.withheld.from(() => holder && { ...holder, preemptible: false, endMs: Infinity });
    const places = workload.core && moveVictim(turn, workload, workload.core, true);
    if (places) turn.decisions.push(promiseTo(turn, workload, places));
  }
  return true;
}

/** Whether its queue, and all above it, would hold no more than their shares with it. */
function isWithinShare({ root }: ClusterView, { queue, shape }: Group): boolean {
  for (let each = queue; each !== root && each.parent !== null; each = each.parent) {
    if (!isWithin(each, shape.charge, each.fairShare)) return false;
  }
  return true;
}

/** Those whom taking back may help, in order; null = nobody. */
function walkOverStuck(turn: Turn, mode: TakingMode, mayNow: (group: Group) => boolean): Walk | null {
  const { view } = turn;
  const candidates: (readonly [QueueNode, Group[]])[] = [];
  // Without the phase that places, nobody is known to be stuck.
  const queues = mayDo(turn, 'allocate') ? view.stuckQueues : new Set([...view.stuckQueues, ...view.activeQueues]);
  const room = mode === 'consolidate' ? roomToMove(turn) : null;
  for (const queue of queues) {
    const groups = candidatesOf(turn, queue, mode, room).filter(mayNow);
    if (groups.length > 0) candidates.push(inOrder(turn, queue, groups));
  }
  return candidates.length === 0 ? null : new Walk(view.root, view.scopes, candidates);
}

/** GPU parts of each reach that has any left: moving others needs as much room as is asked for. */
interface Room {
  readonly all: ReadonlyMap<Reach, number>;
  /** Without what is reserved, or some of that: for those who are not entitled to it. */
  readonly unreserved: ReadonlyMap<Reach, number>;
}

function roomToMove({ view, withheld }: Turn): Room {
  // What is withheld from one is not from all.
  withheld.nothing();
  const all = view.nodes.reaches.potentialParts();
  // Who is guaranteed a part of the cluster, or its shapes, is entitled to it.
  const isPlain = view.scopes.isNone && view.cells === null;
  if (view.reservations.count === 0 || all.size === 0 || !isPlain) return { all, unreserved: all };
  withheld.whatIsOpen();
  const unreserved = view.nodes.reaches.potentialParts();
  withheld.nothing();
  return { all, unreserved };
}

function mayUseReserved({ reservations }: ClusterView, group: Group): boolean {
  const { queue, shape } = group;
  return isWithin(queue, shape.charge, queue.guarantee) || reservations.ofGroup(queue, group) !== null;
}

/** When a group failed that is to be tried again at once. */
const NEVER = -1;

/**
 * What was placed in this step cannot be moved before that is carried out. (Those who would take it back hear of it then, by
 * what its queue is charged with.)
 */
function isTooEarly({ decisions }: Turn, mode: TakingMode): boolean {
  return mode === 'consolidate' && decisions.some(({ type }) => type === 'bind');
}

function takeFor(
  turn: Turn,
  group: Group,
  workload: WorkloadEntry,
  mode: TakingMode,
  due: Due,
  where: 'anywhere' | 'its cells' = 'anywhere',
  manner: 'leaves what is due' | 'any' = 'any',
): boolean {
  if (workload.claim !== null || isPromisedInStep(turn, group) || isEvictedInStep(group)) return false;
  turn.withheld.from(() => entitledOf(turn.nowMs, group, workload));
  // Moving work, and displacing it inside a queue, is nothing that a queue is due.
  const entitlements = mode === 'reclaim' ? entitlementsOf(turn.view.scopes, group, due) : [ofWhole(group.shape)];
  const mark = turn.trial.mark();
  const search = () => takeOver(turn, group, workload, tasksOf(group), mode, entitlements, where);
  let takeover = search();
  if (takeover && mode === 'reclaim') {
    const isLasting = lasts(turn, group, mark, takeover);
    turn.withheld.from(() => entitledOf(turn.nowMs, group, workload));
    if (isLasting === 'no') takeover = null;
    else if (isLasting === 'yes, by all that was tried') takeover = search();
  }
  if (!takeover) return false;
  if (manner !== 'any' && areMovedToWhatIsDue(turn.view, group, takeover.evictions)) {
    turn.trial.rollback(mark);
    turn.postponed.push(group);
    return false;
  }
  const { decisions } = turn;
  for (const { number } of takeover.dropped) {
    const message = `queue ${group.queue.name} is owed the GPUs, which were only borrowed`;
    decisions.push({ type: 'drop_claim', workload: number, message });
  }
  for (const { workload: victim, allocations, lender, message } of takeover.evictions) {
    hearOfRest(turn, allocations);
    const ids = allocations.map(({ id }) => id);
    const reason = mode === 'reclaim' ? 'reclaimed' : mode === 'preempt' ? 'preempted' : 'moved';
    const forWorkload = workload.number;
    decisions.push({ type: 'evict', workload: victim.number, allocations: ids, reason, forWorkload, lender, message });
  }
  for (const { workload: victim, movesTo } of takeover.evictions) {
    // The last to give is the first to be placed again.
    if (movesTo === 'later') turn.toMove.unshift(victim);
    else if (movesTo) decisions.push(promiseTo(turn, victim, movesTo));
  }
  decisions.push(makeClaim(turn, group, workload, takeover.places));
  return true;
}

/**
 * Whether nobody takes back what was taken. Of those whose queue gave so much that they are within its guarantee each has to have
 * another place than the taker's, or none with that either.
 * @returns `by all that was tried` = the takeover was taken back for that
 */
function lasts(
  turn: Turn,
  group: Group,
  mark: number,
  { evictions }: Takeover,
): 'yes' | 'yes, by all that was tried' | 'no' {
  const lacking = dueByTakeover(turn, group, evictions).filter((each) => !canHave(turn, each, tasksOf));
  if (lacking.length === 0) return 'yes';
  turn.trial.rollback(mark);
  evictAgain(turn, evictions);
  const inTheWay = lacking.filter((each) => canHave(turn, each, tasksOf));
  turn.trial.rollback(mark);
  for (const each of inTheWay) each.keepsOthersOut = true;
  return inTheWay.length === 0 ? 'yes, by all that was tried' : 'no';
}

/** Whoever found no room in this step may want what a victim leaves beyond what is claimed. */
function hearOfRest({ view }: Turn, leaving: readonly AllocationEntry[]): void {
  for (const { slots } of leaving) {
    for (const { potential, bank } of slots) if (potential > 0) view.nodes.gained(bank.bankClass);
  }
}

/** The stuck groups of a queue for which there is something new to try; whole reaches and sizes are passed over at once. */
function candidatesOf({ view }: Turn, queue: QueueNode, mode: TakingMode, room: Room | null): Group[] {
  const found: Group[] = [];
  if (!view.policy.actions.includes('allocate')) {
    for (const group of queue.active) {
      if (group.failedAt[mode] < view.changedAt(group) && mayTry(view, group, mode)) found.push(group);
    }
    return found;
  }
  if (mode === 'preempt' && (queue.running[0]?.priority ?? Infinity) >= queue.stuckPriority) return found;
  const reserver = room === null ? null : view.reservations.groupOf(queue);
  const look = (reach: Reach, parts: number, groups: ReadonlySet<Group>): void => {
    const changedAt = view.changedFor(reach, queue);
    const isOpen = room === null || parts <= (room.unreserved.get(reach) ?? 0);
    // Who asks for so much is beyond the guarantee: all but the reserver itself are passed over at once.
    const isBeyond = !isOpen && at(queue.charged, GPU) + parts > at(queue.guarantee, GPU);
    const candidates = !isBeyond ? groups : reserver !== null && groups.has(reserver) ? [reserver] : NO_GROUPS;
    for (const group of candidates) {
      if (group.failedAt[mode] >= changedAt || !mayTry(view, group, mode)) continue;
      if (isOpen || mayUseReserved(view, group)) found.push(group);
    }
  };
  if (room !== null) queue.stuck.forEachIn(room.all, look);
  else queue.stuck.forEachUpTo(mostParts(view, queue, mode), look);
  return found;
}

/** The most GPU parts that a group may ask for if taking back is to do anything for it. */
function mostParts({ scopes, cells }: ClusterView, queue: QueueNode, mode: TakingMode): number {
  const isBounded = mode === 'reclaim' && scopes.isNone && cells === null;
  return isBounded ? at(queue.fairShare, GPU) - at(queue.charged, GPU) : Infinity;
}

/** What a group must have to take anything back: room in its queue's share, or lower priority beside it. */
function mayTry(view: ClusterView, group: Group, mode: TakingMode): boolean {
  const { queue, shape, priority, preemptible, block } = group;
  if (isNothing(shape.charge)) return false;
  switch (mode) {
    case 'consolidate':
      return preemptible && (block === null || block.kind === 'room');
    case 'reclaim':
      return isEntitled(view.scopes, group, 'fairShare') || ownsCells(view, group);
    case 'preempt':
      return (queue.running[0]?.priority ?? Infinity) < priority;
  }
}

/** Whether whole cells are guaranteed to it: these it gets back even where more is guaranteed than there is. */
function ownsCells({ cells }: ClusterView, group: Group): boolean {
  if (cells === null || !cells.concerns(group.shape)) return false;
  return (cells.rightOf(group, group.shape)?.accounts.length ?? 0) > 0;
}

// --- phase 6: repair ---

/** Stops gangs that have run for too long with fewer tasks than they need. */
function repair(turn: Turn): boolean {
  const { view, nowMs } = turn;
  if (!mayDo(turn, 'repair')) return true;
  const { brokenGangGraceMs } = view.policy;
  for (const [workload, sinceMs] of view.broken) {
    const brokenMs = sinceMs ?? nowMs;
    view.broken.set(workload, brokenMs);
    if (nowMs - brokenMs < brokenGangGraceMs) {
      view.wakeAt(brokenMs + brokenGangGraceMs);
      continue;
    }
    const staying = workload.allocations.filter(({ leaving }) => !leaving);
    if (staying.length === 0 || isMended(turn, workload)) continue;
    for (const { bank } of staying.flatMap(({ slots }) => slots)) view.nodes.gained(bank.bankClass);
    turn.decisions.push({
      type: 'evict',
      workload: workload.number,
      allocations: staying.map(({ id }) => id),
      reason: 'gang_ended',
      forWorkload: null,
      message: `the gang runs with ${staying.length} tasks and needs ${workload.core?.tasks ?? 0}`,
    });
  }
  return true;
}

/** Whether what it lacks was found in this step, or is promised to it. */
function isMended({ decisions }: Turn, { claim, number }: WorkloadEntry): boolean {
  return claim !== null || decisions.some(({ type, workload }) => type !== 'evict' && workload === number);
}

// The scheduling engine: one step from a view of the cluster to decisions. Reads like the algorithm: keep promises, place
// on what is free, take back between queues, displace inside queues. Each phase may assume that those before it are done
// for all they could do; each decision is valid given those before it, so a step may be cut anywhere.
import type { Bind, Decision, DropClaim, StepResult } from './decisions.js';
import { findStop, type QueueNode } from './queues.js';
import { placeGang } from './place.js';
import { fits, type Group, nextMember, settleShape } from './shapes.js';
import { Trial } from './trial.js';
import { takeOver, type TakingMode, withinFairShare } from './victims.js';
import type { ClusterView } from './view.js';
import { Walk } from './order.js';
import { WorkBudget } from './work-budget.js';
import { type HeldClaim, requestOf, toPlacements, type WorkloadEntry } from './workloads.js';

/**
 * Works out what to do next, within a budget.
 *
 * The view is left as it was, except for its memo of what was tried in vain: carry out the decisions in order, feed the
 * record changes back with `view.apply`, and call again until a step is complete and has no decisions.
 * @param nowMs the present, milliseconds since 1970
 * @param budget units of work, nodes scored plus shapes tried; what has begun is finished, so at least one thing is done
 */
export function step(view: ClusterView, nowMs: number, budget: number): StepResult {
  view.settle();
  const turn: Turn = { view, nowMs, trial: new Trial(view), work: new WorkBudget(budget), decisions: [] };
  const complete = keepClaims(turn) && allocate(turn) && takeBack(turn);
  turn.trial.end();
  return { decisions: turn.decisions, complete, workUnits: turn.work.used };
}

/** One step under way. */
interface Turn {
  readonly view: ClusterView;
  readonly nowMs: number;
  readonly trial: Trial;
  readonly work: WorkBudget;
  readonly decisions: Decision[];
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
    const decision = workload.claim && judgeClaim(turn, workload, workload.claim);
    if (decision) turn.decisions.push(decision);
  }
  return true;
}

function judgeClaim(turn: Turn, workload: WorkloadEntry, claim: HeldClaim): Bind | DropClaim | null {
  const { view, trial, work } = turn;
  const { queue, record, shape } = workload;
  if (!queue || !record || !shape) return null;
  const mark = trial.mark();
  trial.unclaim(workload, claim);
  const request = requestOf(record);
  const { preemptible } = record.spec;
  const broken = whyBroken(claim) ?? whyOutOfRoom(queue, request, preemptible);
  if (broken !== null) {
    return { type: 'drop_claim', workload: workload.number, message: broken };
  }
  const room = findStop(queue, request, preemptible, 'promised') === null;
  const free = claim.places.every(
    ({ node, slots }) => node.available && slots.every((slot) => slot.holder === null && slot.claimer === null),
  );
  if (room && (free || fits(shape, 'free'))) {
    // Better a start now on other GPUs than one later on the promised ones: those go to whoever is next.
    const take = (place: Parameters<Trial['take']>[1]) => trial.take(workload, place);
    if (free) claim.places.forEach(take);
    const places = free ? claim.places : placeGang(shape, 'free', work, take);
    trial.bind(workload);
    return { type: 'bind', workload: workload.number, placements: toPlacements(places) };
  }
  trial.rollback(mark);
  if (!room) view.claimsWaitingForRoom.add(workload);
  return null;
}

function whyBroken(claim: HeldClaim): string | null {
  if (claim.broken !== null) return claim.broken;
  for (const { node, slots } of claim.places) {
    if (node.record === null) return `node ${node.name} is gone`;
    if (node.record.cordoned) return `node ${node.name} is cordoned`;
    if (node.liveness === 'down') return `node ${node.name} is down`;
    for (const slot of slots) {
      if (!slot.healthy) return `GPU ${slot.index} of node ${node.name} is not healthy`;
      if (slot.holder !== null && !slot.leaving) {
        return `GPU ${slot.index} of node ${node.name} stays with workload ${slot.holder.number}`;
      }
    }
  }
  return null;
}

function whyOutOfRoom(queue: QueueNode, requestGpus: number, preemptible: boolean): string | null {
  const stop = findStop(queue, requestGpus, preemptible, 'promise');
  return stop && `queue ${stop.at.name} has no room in its ${stop.kind} any more`;
}

// --- phase 2: allocate ---

/** Places on free GPUs, queue by queue in order of fairness. True = everything was tried. */
function allocate(turn: Turn): boolean {
  const { view, work } = turn;
  if (view.activeQueues.size === 0) return true;
  const walk = new Walk(
    view.root,
    [...view.activeQueues].map((queue) => [queue, [...queue.active]] as const),
  );
  for (let group = walk.next(); group !== null; group = walk.next()) {
    if (work.isSpent) return false;
    work.spend(1);
    const bind = tryToPlace(turn, group);
    if (bind) turn.decisions.push(bind);
    walk.advance(bind !== null);
  }
  // Whoever stayed active had all its members placed, or none is left to try.
  return true;
}

function tryToPlace({ view, trial, work }: Turn, group: Group): Bind | null {
  const { queue, shape } = group;
  const workload = nextMember(group);
  if (!workload) return null;
  const stop = findStop(queue, shape.requestGpus, group.preemptible, 'bind');
  if (stop) {
    view.block(group, stop);
    return null;
  }
  settleShape(shape, view.nodes);
  if (!fits(shape, 'free')) {
    view.block(group, { kind: 'room' });
    return null;
  }
  const places = placeGang(shape, 'free', work, (place) => trial.take(workload, place));
  trial.bind(workload);
  return { type: 'bind', workload: workload.number, placements: toPlacements(places) };
}

// --- phases 3 and 4: reclaim and preempt ---

/**
 * Lets stuck groups take GPUs back, first from other queues, then from lower priority in their own. A round tries each
 * once, over as many steps as it takes; when the cluster changed meanwhile another round follows. True = nothing is left
 * to try.
 */
function takeBack(turn: Turn): boolean {
  const { view } = turn;
  if (!view.roundOpen) {
    if (view.roundStamp === view.stamp && !view.newlyStuck) return true;
    view.roundOpen = true;
    view.newlyStuck = false;
    view.round++;
    view.roundStamp = view.stamp;
  }
  if (!takeBackBy(turn, 'reclaim') || !takeBackBy(turn, 'preempt')) return false;
  view.roundOpen = false;
  return view.roundStamp === view.stamp && !view.newlyStuck;
}

function takeBackBy(turn: Turn, mode: TakingMode): boolean {
  const { view, work, trial, nowMs } = turn;
  const candidates: [QueueNode, Group[]][] = [];
  for (const queue of view.stuckQueues) {
    const groups = candidatesOf(view, queue, mode);
    if (groups.length > 0) candidates.push([queue, groups]);
  }
  if (candidates.length === 0) return true;
  const walk = new Walk(view.root, candidates);
  for (let group = walk.next(); group !== null; group = walk.next()) {
    if (work.isSpent) return false;
    work.spend(1);
    const workload = nextMember(group);
    const takeover = workload && mayTry(group, mode) ? takeOver(trial, work, group, workload, mode, nowMs) : null;
    if (workload && takeover) {
      for (const victim of takeover.victims) {
        turn.decisions.push({
          type: 'evict',
          workload: victim.workload.number,
          allocations: victim.workload.allocations.map(({ id }) => id),
          reason: mode === 'reclaim' ? 'reclaimed' : 'preempted',
          forWorkload: workload.number,
          message: victim.message,
        });
      }
      turn.decisions.push({ type: 'claim', workload: workload.number, placements: toPlacements(takeover.places) });
    } else {
      noteFailure(view, group, mode);
    }
    walk.advance(takeover !== null);
    if (takeover) walk.refresh();
  }
  return true;
}

function candidatesOf(view: ClusterView, queue: QueueNode, mode: TakingMode): Group[] {
  if (mode === 'preempt' && (queue.running[0]?.priority ?? Infinity) >= queue.stuckPriority) return [];
  if (mode === 'reclaim' && !withinFairShare(queue, 1)) return [];
  const found: Group[] = [];
  for (const [requestGpus, groups] of queue.stuck) {
    if (mode === 'reclaim' && !withinFairShare(queue, requestGpus)) continue;
    for (const group of groups) if (isUntried(view, group, mode) && mayTry(group, mode)) found.push(group);
  }
  return found;
}

/** What a group must have to take anything back: room in its queue's share, or lower priority beside it. */
function mayTry(group: Group, mode: TakingMode): boolean {
  if (mode === 'reclaim') return withinFairShare(group.queue, group.shape.requestGpus);
  const [lowest] = group.queue.running;
  return lowest !== undefined && lowest.priority < group.priority;
}

function isUntried(view: ClusterView, group: Group, mode: TakingMode): boolean {
  const stamp = mode === 'reclaim' ? group.reclaimStamp : group.preemptStamp;
  const round = mode === 'reclaim' ? group.reclaimRound : group.preemptRound;
  return stamp !== view.stamp && round !== view.round;
}

function noteFailure(view: ClusterView, group: Group, mode: TakingMode): void {
  if (mode === 'reclaim') {
    group.reclaimStamp = view.stamp;
    group.reclaimRound = view.round;
  } else {
    group.preemptStamp = view.stamp;
    group.preemptRound = view.round;
  }
}

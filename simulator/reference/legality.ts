// When one queue may take from another: by what it is due of the whole cluster, or of a part that queues name. Rules: kai-semantics
// 1.6, and 1.7 for the time that work is left alone; of parts: docs/internals/engine.md, "Parts of the cluster".
import type { QueueName } from '../../common/ids.js';
import type { Queue, Workload } from '../../scheduler/model/records.js';
import {
  allocatableIn,
  askedOf,
  fairShareIn,
  guaranteeIn,
  holdingOf,
  inAccount,
  isOn,
  partsBoundTo,
  staysWithin,
  type Account,
} from './accounts.js';
import { RESOURCES, minus, plus, within, type Amounts, type Resource } from './amounts.js';
import { nextChunk } from './chunk.js';
import { guaranteeOf, pathToRoot, type Place, type State } from './cluster.js';
import { staysGuaranteed } from './limits.js';
import { unitAmounts, type Unit } from './victims.js';

/** By what a workload takes, and how much of that it asks for. */
export interface Entitlement {
  readonly account: Account;
  readonly asked: Amounts;
}

/** What a workload asks for of the whole. */
export function ofWhole(state: State, taker: Workload): Entitlement {
  return { account: null, asked: askedOf(state.cluster, nextChunk(state, taker), null) };
}

/**
 * Rule a: by what a workload may take: where its queue is, with what it asks for, within its fair share, and within its guarantee
 * if the workload is not preemptible. Parts that it can do nothing without come first.
 */
export function entitlementsOf(state: State, taker: Workload): readonly Entitlement[] {
  const queue = state.cluster.queues.get(taker.spec.queue);
  if (queue === undefined) return [];
  const whole = ofWhole(state, taker);
  const isDue = ({ account, asked }: Entitlement): boolean =>
    staysWithin(state, queue, account, asked, fairShareIn(state.cluster, queue, account));
  const chunk = nextChunk(state, taker);
  const parts = partsBoundTo(state.cluster, chunk).map((account) => ({
    account,
    asked: askedOf(state.cluster, chunk, account),
  }));
  // What is promised of the part to a queue above goes to whom the whole is due below it.
  const ofParts = parts.filter((each) => isDue(each) && (isGuaranteed(state, queue, each) || isDue(whole)));
  // Beyond its guarantee it takes of no part more than it is due of that.
  const mayTakeOfWhole = isDue(whole) && (isGuaranteed(state, queue, whole) || parts.every(isDue));
  const fixed = holdingOf(state, queue, null, true);
  const mayStay = taker.spec.preemptible || within(plus(fixed, whole.asked), guaranteeOf(queue));
  return mayStay ? [...ofParts, ...(mayTakeOfWhole ? [whole] : [])] : [];
}

/** The taker's and the giver's queue just below the lowest queue above both. */
export function siblingsAbove(state: State, taker: QueueName, giver: QueueName): { taker: Queue; giver: Queue } | null {
  const takers = pathToRoot(state.cluster, taker).toReversed();
  const givers = pathToRoot(state.cluster, giver).toReversed();
  const at = takers.findIndex((queue, index) => queue.name !== givers[index]?.name);
  const [takerSide, giverSide] = [takers[at], givers[at]];
  return takerSide === undefined || giverSide === undefined ? null : { taker: takerSide, giver: giverSide };
}

/** Rule b: whether a queue can be made to give anything at all. */
export function mayEverGive(state: State, taker: Workload, by: Entitlement, giver: Workload): boolean {
  const pair = siblingsAbove(state, taker.spec.queue, giver.spec.queue);
  if (pair === null) return false;
  const { cluster } = state;
  const { account, asked } = by;
  const held = holdingOf(state, pair.giver, account);
  if (!isGuaranteed(state, pair.taker, by)) return isAbove(held, allocatableIn(cluster, pair.giver, account), account);
  const guarantee = guaranteeIn(cluster, pair.giver, account);
  if (account !== null) return isAbove(held, guarantee, account);
  const wanted = RESOURCES.filter((resource) => asked[resource] > 0 && guarantee[resource] !== Infinity);
  return (
    wanted.some((resource) => held[resource] > guarantee[resource]) ||
    wanted.every((resource) => held[resource] >= guarantee[resource])
  );
}

/**
 * Rules c, d and e over the units that are given up.
 * @param before the state in which nothing has been taken yet
 */
export function mayTakeAll(before: State, taker: Workload, by: Entitlement, lost: readonly Unit[]): boolean {
  const chunk = nextChunk(before, taker);
  return (
    everyUnitIsLegal(before, taker, by, lost) &&
    staysLessSaturated(before, taker, by, lost) &&
    staysGuaranteed(before, taker, ofWhole(before, taker).asked, partsBoundTo(before.cluster, chunk))
  );
}

/** Rule c, tested before each unit: the one that brings the giver down to its share is the last. */
function everyUnitIsLegal(before: State, taker: Workload, by: Entitlement, lost: readonly Unit[]): boolean {
  const { cluster } = before;
  const { account } = by;
  return lost.every((unit, index) => {
    const pair = siblingsAbove(before, taker.spec.queue, unit.workload.spec.queue);
    const taken = lost.slice(0, index);
    if (pair === null || isGuaranteedPart(before, taker, unit, taken)) return false;
    const remaining = remainingOf(before, pair.giver, taken, account);
    const isAboveGuarantee = isAbove(remaining, guaranteeIn(cluster, pair.giver, account), account);
    if (isGuaranteed(before, pair.taker, by) && isAboveGuarantee) return true;
    // For more than is guaranteed of a part only what is borrowed of the whole is given, too.
    const mayGive =
      account === null || isAbove(remainingOf(before, pair.giver, taken, null), guaranteeOf(pair.giver), null);
    return mayGive && isAbove(remaining, allocatableIn(cluster, pair.giver, account), account);
  });
}

/** Whether a queue, or one above it that is not above the taker, has no more of a part that the unit is on than it is guaranteed there. */
function isGuaranteedPart(before: State, taker: Workload, unit: Unit, taken: readonly Unit[]): boolean {
  const { cluster } = before;
  const takers = pathToRoot(cluster, taker.spec.queue);
  const givers = pathToRoot(cluster, unit.workload.spec.queue).filter((queue) => !takers.includes(queue));
  const parts = [...cluster.parts.all.keys()].filter((part) => unit.places.some((place) => isOn(cluster, place, part)));
  return parts.some((part) =>
    givers.some((queue) => {
      const { gpuParts } = guaranteeIn(cluster, queue, part);
      return gpuParts > 0 && remainingOf(before, queue, taken, part).gpuParts <= gpuParts;
    }),
  );
}

/** Whether the taker's side stays within its guarantee with what is asked for. */
function isGuaranteed(state: State, side: Queue, { account, asked }: Entitlement): boolean {
  return staysWithin(state, side, account, asked, guaranteeIn(state.cluster, side, account));
}

/** Of a part only GPUs count. */
function isAbove(held: Amounts, bound: Amounts, account: Account): boolean {
  return account === null ? !within(held, bound) : held.gpuParts > bound.gpuParts;
}

/**
 * Moves disturb, so they are bounded; and what is moved for another queue must be a legal victim by itself, so that a queue
 * at its guarantee gives nothing, not even a move. The peer moves anybody's work.
 */
export function mayMoveAll(before: State, taker: Workload, by: Entitlement, moved: readonly Unit[]): boolean {
  const disturbed = moved.map((unit) => unitAmounts(unit).gpuParts).reduce((all, parts) => all + parts, 0);
  if (disturbed > 0 && disturbed > by.asked.gpuParts * before.cluster.input.policy.maxDisturbance) return false;
  return moved.every(
    (unit) => unit.workload.spec.queue === taker.spec.queue || everyUnitIsLegal(before, taker, by, [unit]),
  );
}

/** Rule d: at every level, a taker above its fair share must stay less saturated than the queues that give. */
function staysLessSaturated(before: State, taker: Workload, by: Entitlement, lost: readonly Unit[]): boolean {
  const { queues, input } = before.cluster;
  const { account, asked } = by;
  return pathToRoot(before.cluster, taker.spec.queue).every((queue) => {
    const held = plus(remainingOf(before, queue, lost, account), asked);
    return [...queues.values()]
      .filter((sibling) => sibling.parent === queue.parent && sibling.name !== queue.name)
      .filter((sibling) => lost.some((unit) => isOf(before, unit, sibling)))
      .every((sibling) => {
        const left = remainingOf(before, sibling, lost, account);
        return involved(before, asked, lost, sibling).every((resource) => {
          const fair = fairShareIn(before.cluster, sibling, account)[resource];
          const taking = saturation(held[resource], fairShareIn(before.cluster, queue, account)[resource]);
          const giving = saturation(left[resource], fair);
          return !(taking > 1 && fair > 0 && taking * input.policy.saturationMultiplier >= giving);
        });
      });
  });
}

/** Resources that the taker asks for or the sibling gives. */
function involved(before: State, asked: Amounts, lost: readonly Unit[], sibling: Queue): readonly Resource[] {
  const given = lost.filter((unit) => isOf(before, unit, sibling)).map(unitAmounts);
  return RESOURCES.filter((resource) => asked[resource] > 0 || given.some((amounts) => amounts[resource] > 0));
}

function saturation(allocated: number, fairShare: number): number {
  if (fairShare === 0) return allocated > 0 ? Infinity : 0;
  return fairShare === Infinity ? 0 : allocated / fairShare;
}

function remainingOf(before: State, queue: Queue, lost: readonly Unit[], account: Account): Amounts {
  return lost
    .filter((unit) => isOf(before, unit, queue))
    .map(({ places }) => inAccount(before.cluster, places, account))
    .reduce(minus, holdingOf(before, queue, account));
}

function isOf(state: State, unit: Unit, queue: Queue): boolean {
  return pathToRoot(state.cluster, unit.workload.spec.queue).some((each) => each.name === queue.name);
}

/**
 * How long a min-runtime the taker's queues let those have who borrowed what they take back; Infinity = as long as they like. It
 * is said by the lowest queue, up to the taker's side, that stays within its guarantee, as long as that side does.
 */
export function lendingCapMs(state: State, taker: Workload, by: Entitlement, side: Queue): number {
  if (!isGuaranteed(state, side, by)) return Infinity;
  const lender = pathToRoot(state.cluster, taker.spec.queue).find((queue) => isGuaranteed(state, queue, by)) ?? side;
  const own = pathToRoot(state.cluster, lender.name).find((queue) => queue.lendMaxMinRuntimeMs != null);
  return own?.lendMaxMinRuntimeMs ?? Infinity;
}

/** Until when the queues let a victim's gang run: the nearest value set from a queue upwards, capped by cluster and lender. */
export function isProtected(
  state: State,
  places: readonly Place[],
  from: QueueName,
  which: 'reclaimMinRuntimeMs' | 'preemptMinRuntimeMs',
  capMs = Infinity,
): boolean {
  const set = pathToRoot(state.cluster, from).find((queue) => queue[which] !== null)?.[which] ?? 0;
  const { nowMs, policy, allocations } = state.cluster.input;
  const minRuntimeMs = Math.min(set, policy.maxMinRuntimeMs, capMs);
  return places.some((place) => {
    const allocation = allocations.find((each) => each.id === place.allocation);
    return allocation !== undefined && nowMs < (allocation.startedMs ?? allocation.placedMs) + minRuntimeMs;
  });
}

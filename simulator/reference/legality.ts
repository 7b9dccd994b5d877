// When one queue may take from another. Rules: kai-semantics 1.6, and 1.7 for the time that work is left alone.
import type { QueueName } from '../../common/ids.js';
import type { Queue, Workload } from '../../scheduler/model/records.js';
import { RESOURCES, minus, plus, within, type Amounts, type Resource } from './amounts.js';
import {
  allocatableShare,
  allocatedTo,
  fairShareOf,
  guaranteeOf,
  pathToRoot,
  type Place,
  type State,
} from './cluster.js';
import { staysGuaranteed } from './limits.js';
import { unitAmounts, type Unit } from './victims.js';

/** Rule a: with what it asks for, the taker's queue is within its fair share, and its guarantee if not preemptible. */
export function mayReclaim(state: State, taker: Workload, asked: Amounts): boolean {
  const queue = state.cluster.queues.get(taker.spec.queue);
  if (queue === undefined) return false;
  const fits = within(plus(allocatedTo(state, queue.name), asked), fairShareOf(state.cluster, queue));
  const guaranteed = within(plus(allocatedTo(state, queue.name, true), asked), guaranteeOf(queue));
  return fits && (taker.spec.preemptible || guaranteed);
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
export function mayEverGive(state: State, taker: Workload, asked: Amounts, giver: Workload): boolean {
  const pair = siblingsAbove(state, taker.spec.queue, giver.spec.queue);
  if (pair === null) return false;
  const allocated = allocatedTo(state, pair.giver.name);
  if (!within(plus(allocatedTo(state, pair.taker.name), asked), guaranteeOf(pair.taker))) {
    return !within(allocated, allocatableShare(state.cluster, pair.giver));
  }
  const guarantee = guaranteeOf(pair.giver);
  const wanted = RESOURCES.filter((resource) => asked[resource] > 0 && guarantee[resource] !== Infinity);
  return (
    wanted.some((resource) => allocated[resource] > guarantee[resource]) ||
    wanted.every((resource) => allocated[resource] >= guarantee[resource])
  );
}

/**
 * Rules c, d and e over the units that are given up.
 * @param before the state in which nothing has been taken yet
 */
export function mayTakeAll(before: State, taker: Workload, asked: Amounts, lost: readonly Unit[]): boolean {
  return (
    everyUnitIsLegal(before, taker, asked, lost) &&
    staysLessSaturated(before, taker, asked, lost) &&
    staysGuaranteed(before, taker, asked)
  );
}

/** Rule c, tested before each unit: the one that brings the giver down to its share is the last. */
function everyUnitIsLegal(before: State, taker: Workload, asked: Amounts, lost: readonly Unit[]): boolean {
  return lost.every((unit, index) => {
    const pair = siblingsAbove(before, taker.spec.queue, unit.workload.spec.queue);
    if (pair === null) return false;
    const remaining = remainingOf(before, pair.giver, lost.slice(0, index));
    const keepsFairShare = !within(remaining, allocatableShare(before.cluster, pair.giver));
    const guaranteesTaker =
      within(plus(allocatedTo(before, pair.taker.name), asked), guaranteeOf(pair.taker)) &&
      !within(remaining, guaranteeOf(pair.giver));
    return keepsFairShare || guaranteesTaker;
  });
}

/**
 * Moves disturb, so they are bounded; and what is moved for another queue must be a legal victim by itself, so that a queue
 * at its guarantee gives nothing, not even a move. The peer moves anybody's work.
 */
export function mayMoveAll(before: State, taker: Workload, asked: Amounts, moved: readonly Unit[]): boolean {
  const disturbed = moved.map((unit) => unitAmounts(unit).gpuParts).reduce((all, parts) => all + parts, 0);
  if (disturbed > 0 && disturbed > asked.gpuParts * before.cluster.input.policy.maxDisturbance) return false;
  return moved.every(
    (unit) => unit.workload.spec.queue === taker.spec.queue || everyUnitIsLegal(before, taker, asked, [unit]),
  );
}

/** Rule d: at every level, a taker above its fair share must stay less saturated than the queues that give. */
function staysLessSaturated(before: State, taker: Workload, asked: Amounts, lost: readonly Unit[]): boolean {
  const { queues, input } = before.cluster;
  return pathToRoot(before.cluster, taker.spec.queue).every((queue) => {
    const held = plus(remainingOf(before, queue, lost), asked);
    return [...queues.values()]
      .filter((sibling) => sibling.parent === queue.parent && sibling.name !== queue.name)
      .filter((sibling) => lost.some((unit) => isOf(before, unit, sibling)))
      .every((sibling) => {
        const left = remainingOf(before, sibling, lost);
        return involved(before, asked, lost, sibling).every((resource) => {
          const fair = fairShareOf(before.cluster, sibling)[resource];
          const taking = saturation(held[resource], fairShareOf(before.cluster, queue)[resource]);
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

function remainingOf(before: State, queue: Queue, lost: readonly Unit[]): Amounts {
  return lost
    .filter((unit) => isOf(before, unit, queue))
    .map(unitAmounts)
    .reduce(minus, allocatedTo(before, queue.name));
}

function isOf(state: State, unit: Unit, queue: Queue): boolean {
  return pathToRoot(state.cluster, unit.workload.spec.queue).some((each) => each.name === queue.name);
}

/**
 * How long a min-runtime the taker's queues let those have who borrowed what they take back; Infinity = as long as they like. It
 * is said by the lowest queue, up to the taker's side, that stays within its guarantee, as long as that side does.
 */
export function lendingCapMs(state: State, taker: Workload, asked: Amounts, side: Queue): number {
  const isGuaranteed = (queue: Queue): boolean =>
    within(plus(allocatedTo(state, queue.name), asked), guaranteeOf(queue));
  if (!isGuaranteed(side)) return Infinity;
  const lender = pathToRoot(state.cluster, taker.spec.queue).find(isGuaranteed) ?? side;
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

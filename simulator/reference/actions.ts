// The five actions, each a function from the state to the state it leaves and the decisions it takes.
import type { NodeId } from '../../common/ids.js';
import type { Decision, Evict } from '../../scheduler/engine/decisions.js';
import type { EngineAction } from '../../scheduler/engine/policy.js';
import type { Workload } from '../../scheduler/model/records.js';
import { chunkRequest, nextChunk, standingOf, taskKey } from './chunk.js';
import { liveTasks, type Place, type State } from './cluster.js';
import { freeOn } from './free.js';
import { grant } from './grants.js';
import {
  entitlementsOf,
  isProtected,
  lendingCapMs,
  mayEverGive,
  mayMoveAll,
  mayTakeAll,
  ofWhole,
  siblingsAbove,
  type Entitlement,
} from './legality.js';
import { inAccount, partsBoundTo } from './accounts.js';
import { mayTake, staysGuaranteed } from './limits.js';
import { nextWorkload } from './order.js';
import { placeChunk } from './placement.js';
import { tryWithout, type Trial } from './trial.js';
import { canGive, victimUnits, type Unit } from './victims.js';

export interface Outcome {
  readonly state: State;
  readonly decisions: readonly Decision[];
}

export const ACTIONS: Readonly<Record<EngineAction, (state: State) => Outcome>> = {
  allocate,
  consolidate: (state) => takeOver(state, consolidating),
  reclaim: (state) => takeOver(state, reclaiming),
  preempt: (state) => takeOver(state, preempting),
  repair,
};

/** Places what fits on what is free or being released; every success lets the queues be looked at again. */
function allocate(opened: State): Outcome {
  let state = opened;
  const decisions: Decision[] = [];
  let waiting = withChunk(state);
  for (;;) {
    const workload = nextWorkload(state, waiting);
    if (workload === undefined) return { state, decisions };
    const placed = placeChunk(state, workload, nextChunk(state, workload), 'bind');
    if (placed !== null) {
      const granted = grant(placed, workload);
      state = granted.state;
      decisions.push(...granted.decisions);
    }
    if (placed === null || nextChunk(state, workload).length === 0) {
      waiting = waiting.filter((each) => each !== workload);
    }
  }
}

function withChunk(state: State): readonly Workload[] {
  return state.cluster.input.workloads.filter((workload) => nextChunk(state, workload).length > 0);
}

/** How the three actions that stop running work differ. */
interface TakeOver {
  readonly reason: Evict['reason'];
  /** Whose work may be stopped for it. */
  readonly isCandidate: (state: State, workload: Workload, victim: Workload) => boolean;
  /** Whether what the trial takes may be taken. */
  readonly isLegal: (before: State, workload: Workload, trial: Trial) => boolean;
}

/** The ways in which a workload may try, one after the other. */
type Ways = (state: State, workload: Workload) => readonly TakeOver[];

const CONSOLIDATION: TakeOver = {
  reason: 'moved',
  isCandidate: () => true,
  isLegal: (before, workload, trial) =>
    trial.lost.length === 0 &&
    new Set(trial.moved.map((unit) => unit.workload)).size <= before.cluster.input.policy.maxMoves &&
    mayMoveAll(before, workload, ofWhole(before, workload), trial.moved),
};

const consolidating: Ways = (state, workload) =>
  workload.spec.preemptible && asksForNoMoreThanIsFree(state, workload) ? [CONSOLIDATION] : [];

const reclaiming: Ways = (state, workload) => entitlementsOf(state, workload).map(reclaimBy);

function reclaimBy(by: Entitlement): TakeOver {
  return {
    reason: 'reclaimed',
    isCandidate: (state, workload, victim) =>
      victim.spec.queue !== workload.spec.queue &&
      (by.account === null || inAccount(state.cluster, having(state, victim), by.account).gpuParts > 0) &&
      mayEverGive(state, workload, by, victim),
    isLegal: (before, workload, { lost, moved }) =>
      mayTakeAll(before, workload, by, lost) &&
      mayMoveAll(before, workload, by, moved) &&
      leavesProtectedGangs(before, [...lost, ...moved], (victim) => {
        const pair = siblingsAbove(before, workload.spec.queue, victim.spec.queue);
        const capMs = pair === null ? Infinity : lendingCapMs(before, workload, by, pair.taker);
        const from = pair?.giver.name ?? victim.spec.queue;
        return isProtected(before, having(before, victim), from, 'reclaimMinRuntimeMs', capMs);
      }),
  };
}

const PREEMPTION: TakeOver = {
  reason: 'preempted',
  isCandidate: (_, workload, victim) =>
    victim.spec.queue === workload.spec.queue && victim.spec.priority < workload.spec.priority,
  isLegal: (before, workload, { lost, moved }) =>
    mayMoveAll(before, workload, ofWhole(before, workload), moved) &&
    leavesProtectedGangs(before, [...lost, ...moved], (victim) =>
      isProtected(before, having(before, victim), victim.spec.queue, 'preemptMinRuntimeMs'),
    ),
};

const preempting: Ways = (state, workload) => {
  const chunk = nextChunk(state, workload);
  const asked = chunkRequest(state, chunk);
  return staysGuaranteed(state, workload, asked, partsBoundTo(state.cluster, chunk)) ? [PREEMPTION] : [];
};

/** Every waiting workload tries once, in order: more and more victims, until it has a place and may take what it takes. */
function takeOver(opened: State, waysOf: Ways): Outcome {
  let state = opened;
  const decisions: Decision[] = [];
  let waiting = withChunk(state);
  for (;;) {
    const workload = nextWorkload(state, waiting);
    if (workload === undefined) return { state, decisions };
    waiting = waiting.filter((each) => each !== workload);
    if (nextChunk(state, workload).length === 0) continue;
    for (const how of waysOf(state, workload)) {
      const trial = firstLegalTrial(state, workload, how);
      if (trial === null) continue;
      const granted = grant(trial.state, workload, { ...trial, reason: how.reason });
      state = granted.state;
      decisions.push(...granted.decisions);
      break;
    }
  }
}

/**
 * Adds victims one unit at a time. First only victims that share a node are tried together, then all of them.
 * @returns null when no number of victims makes room, or none that does may be taken
 */
function firstLegalTrial(state: State, workload: Workload, how: TakeOver): Trial | null {
  const candidates = state.cluster.input.workloads.filter(
    (victim) =>
      victim !== workload &&
      victim.spec.preemptible &&
      having(state, victim).length > 0 &&
      how.isCandidate(state, workload, victim),
  );
  const units = [...victimUnits(state, candidates)];
  for (const together of [onNodesOfTheLast, all]) {
    for (let count = 1; count <= units.length; count++) {
      for (const victims of together(units.slice(0, count))) {
        const trial = tryWithout(state, workload, victims);
        if (trial !== null && how.isLegal(state, workload, trial))
          return withoutTheUnneeded(state, workload, victims, how) ?? trial;
      }
    }
  }
  return null;
}

/**
 * Leaves victims out again that are not needed, those taken last first, as long as the rest is legal.
 * @returns null when all are needed
 */
function withoutTheUnneeded(state: State, workload: Workload, victims: readonly Unit[], how: TakeOver): Trial | null {
  let needed = victims;
  let best: Trial | null = null;
  for (const unit of victims.toReversed()) {
    const fewer = needed.filter((each) => each !== unit);
    // A task above the gang cannot stay when the gang goes.
    const cutsGang = fewer.some(
      (each) => each.workload === unit.workload && victims.indexOf(each) > victims.indexOf(unit),
    );
    if (fewer.length === 0 || cutsGang) continue;
    const trial = tryWithout(state, workload, fewer);
    if (trial === null || !how.isLegal(state, workload, trial)) continue;
    needed = fewer;
    best = trial;
  }
  return best;
}

/** For each node that the last of them is on: those that are there too. */
function onNodesOfTheLast(units: readonly Unit[]): readonly (readonly Unit[])[] {
  const nodesOf = (unit: Unit | undefined): readonly NodeId[] => (unit?.places ?? []).map((place) => place.node);
  const nodes = [...new Set(nodesOf(units.at(-1)))].toSorted();
  return nodes.map((node) => {
    const there = new Set(units.filter((unit) => nodesOf(unit).includes(node)).map((unit) => unit.workload));
    return units.filter((unit) => there.has(unit.workload));
  });
}

function all(units: readonly Unit[]): readonly (readonly Unit[])[] {
  return [units];
}

/** What it can be made to give. */
function having(state: State, workload: Workload): readonly Place[] {
  return liveTasks(state, workload).filter(canGive);
}

/** Work that is still protected may lose the tasks above its gang only. */
function leavesProtectedGangs(before: State, units: readonly Unit[], isSafe: (victim: Workload) => boolean): boolean {
  return units.every(({ workload }) => {
    const gone = new Set(
      units
        .filter((unit) => unit.workload === workload)
        .flatMap((unit) => unit.places)
        .map(taskKey),
    );
    const left = having(before, workload).filter((place) => !gone.has(taskKey(place)));
    const keepsGang = standingOf(
      workload,
      left.map((place) => place.task),
    );
    return keepsGang > 0 || !isSafe(workload);
  });
}

/** Moving work makes no GPUs: what is free in pieces must be enough. */
function asksForNoMoreThanIsFree(state: State, workload: Workload): boolean {
  const free = state.cluster.input.nodes.map((node) => {
    const { laterParts } = freeOn(state, node.id);
    return laterParts;
  });
  return (
    mayTake(state, workload, nextChunk(state, workload)) &&
    ofWhole(state, workload).asked.gpuParts <= free.reduce((all, parts) => all + parts, 0)
  );
}

/** Stops gangs that run with fewer tasks than they need, when their grace is over. */
function repair(opened: State): Outcome {
  let state = opened;
  const decisions: Decision[] = [];
  const { nowMs, policy, workloads, allocations } = opened.cluster.input;
  for (const workload of workloads) {
    const running = state.places.filter((place) => place.workload === workload.number && place.state === 'held');
    const tasks = state.places.filter((place) => place.workload === workload.number).map((place) => place.task);
    if (running.length === 0 || standingOf(workload, tasks) > 0) continue;
    const ended = allocations.filter((each) => each.workload === workload.number && each.attempt === workload.attempt);
    if (ended.some((each) => each.exit?.code === 0)) continue;
    const sinceMs = Math.max(...ended.map((each) => each.endedMs ?? -Infinity));
    const brokenMs = nowMs - (Number.isFinite(sinceMs) ? sinceMs : nowMs);
    if (brokenMs < policy.brokenGangGraceMs) continue;
    decisions.push({
      type: 'evict',
      workload: workload.number,
      allocations: running.flatMap((place) => (place.allocation === null ? [] : [place.allocation])),
      reason: 'gang_ended',
      forWorkload: null,
      message: `${tasks.length} tasks are fewer than its gang needs, for ${brokenMs} ms`,
    });
    state = {
      ...state,
      places: state.places.map((place): Place => (running.includes(place) ? { ...place, state: 'leaving' } : place)),
    };
  }
  return { state, decisions };
}

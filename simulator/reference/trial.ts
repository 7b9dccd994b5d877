// The trial: were these units told to leave, would the workload have a place, and what would become of the units? They and the
// workload are placed again in the order in which everything is served. Rules: kai-semantics 1.8.
import type { Workload } from '../../scheduler/model/records.js';
import { nextChunk, standingOf, taskKey, type Evicted } from './chunk.js';
import { isLive, type Place, type State } from './cluster.js';
import { nextWorkload } from './order.js';
import { placeChunk } from './placement.js';
import type { Unit } from './victims.js';

export interface Trial {
  /** The workload and the units that find another place wait there; units that stay are held as before. */
  readonly state: State;
  /** Units, cut to the tasks that find no place, in the order in which they were taken; they are given up. */
  readonly lost: readonly Unit[];
  /** The same for tasks that find another place. */
  readonly moved: readonly Unit[];
}

/** @returns null when the workload has no place even so */
export function tryWithout(state: State, workload: Workload, units: readonly Unit[]): Trial | null {
  const evictedPlaces = new Set(units.flatMap((unit) => unit.places));
  const evicted: Evicted = new Set([...evictedPlaces].map(taskKey));
  let tried: State = {
    ...state,
    places: state.places.map((place): Place => (evictedPlaces.has(place) ? goneFrom(place) : place)),
  };
  const involved = new Set([workload, ...units.map((unit) => unit.workload)]);
  let waiting = state.cluster.input.workloads.filter((each) => involved.has(each) || nextChunk(state, each).length > 0);
  let found = false;
  for (;;) {
    const next = nextWorkload(tried, waiting, evicted);
    if (next === undefined) break;
    const placed = involved.has(next)
      ? placeChunk(tried, next, nextChunk(tried, next, evicted), 'wait', evicted)
      : null;
    if (next === workload && placed === null) return null;
    tried = placed ?? tried;
    // A victim comes again for the tasks above its gang, the workload itself and those that only wait do not.
    const isDone = placed === null || next === workload || nextChunk(tried, next, evicted).length === 0;
    if (isDone) waiting = waiting.filter((each) => each !== next);
    if (next === workload) found = true;
  }
  if (!found) return null;
  const victims = [...involved].filter((each) => each !== workload);
  tried = victims.reduce((all, victim) => restartWhole(all, victim, evicted), tried);
  const gone = (place: Place): boolean => !isStill(tried, place);
  const elsewhere = (place: Place): boolean =>
    gone(place) && tried.places.some((each) => isLive(each) && taskKey(each) === taskKey(place));
  const all = [...units, ...restarted(tried, state, units)];
  return {
    state: tried,
    lost: cut(all, (place) => gone(place) && !elsewhere(place)),
    moved: cut(all, elsewhere),
  };
}

/**
 * Where so many tasks of a victim move that those that stay are no gang, all its tasks begin again: those that could stay
 * leave too, and wait for what they had.
 */
function restartWhole(state: State, victim: Workload, evicted: Evicted): State {
  const of = state.places.filter((place) => place.workload === victim.number);
  const isMoved = (place: Place): boolean => place.state === 'promised' && evicted.has(taskKey(place));
  const staying = of.filter((place) => place.state === 'held');
  const tasks = staying.map((place) => place.task);
  if (state.cluster.input.tasksMoveAlone || staying.length === 0 || !of.some(isMoved) || standingOf(victim, tasks) > 0)
    return state;
  return {
    ...state,
    places: state.places.flatMap((place): Place[] =>
      staying.includes(place)
        ? [
            { ...place, state: 'leaving' },
            { ...place, state: 'promised', allocation: null },
          ]
        : [place],
    ),
  };
}

/** Tasks that leave with their gang although no unit named them. */
function restarted(tried: State, before: State, units: readonly Unit[]): readonly Unit[] {
  const named = new Set(units.flatMap((unit) => unit.places));
  return [...new Set(units.map((unit) => unit.workload))].map((workload) => ({
    workload,
    places: before.places.filter(
      (place) =>
        place.workload === workload.number && place.state === 'held' && !named.has(place) && !isStill(tried, place),
    ),
  }));
}

function isStill(state: State, place: Place): boolean {
  return state.places.some((each) => isLive(each) && same(each, place));
}

/** What it holds must be left first; what it is promised is free at once. */
function goneFrom(place: Place): Place {
  return { ...place, state: place.state === 'promised' ? 'withdrawn' : 'leaving' };
}

function same(left: Place, right: Place): boolean {
  return left.allocation === right.allocation && left.node === right.node && taskKey(left) === taskKey(right);
}

function cut(units: readonly Unit[], keep: (place: Place) => boolean): readonly Unit[] {
  return units
    .map((unit) => ({ workload: unit.workload, places: unit.places.filter(keep) }))
    .filter((unit) => unit.places.length > 0);
}

// The trial: were these units told to leave, would the workload have a place, and what would become of the units? They and the
// workload are placed again in the order in which everything is served. Rules: kai-semantics 1.8.
import type { Workload } from '../../scheduler/model/records.js';
import { nextChunk, taskKey, type Evicted } from './chunk.js';
import { isLive, liveTasks, type Place, type State } from './cluster.js';
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
    waiting = waiting.filter((each) => each !== next);
    if (!involved.has(next)) continue;
    const placed = placeChunk(tried, next, nextChunk(tried, next, evicted), 'wait', evicted);
    if (next === workload) {
      if (placed === null) return null;
      found = true;
    }
    tried = placed ?? tried;
  }
  if (!found) return null;
  const left = (place: Place): boolean => tried.places.some((each) => !isLive(each) && same(each, place));
  const placedAgain = (place: Place): boolean =>
    left(place) && liveTasks(tried, unitWorkload(units, place)).some((each) => each.task === place.task);
  return {
    state: tried,
    lost: cut(units, (place) => left(place) && !placedAgain(place)),
    moved: cut(units, placedAgain),
  };
}

/** What it holds must be left first; what it is promised is free at once. */
function goneFrom(place: Place): Place {
  return { ...place, state: place.state === 'promised' ? 'withdrawn' : 'leaving' };
}

function same(left: Place, right: Place): boolean {
  return left.allocation === right.allocation && left.node === right.node && taskKey(left) === taskKey(right);
}

function unitWorkload(units: readonly Unit[], place: Place): Workload {
  const unit = units.find((each) => each.workload.number === place.workload);
  if (unit === undefined) throw new RangeError(`workload ${place.workload} is no victim`);
  return unit.workload;
}

function cut(units: readonly Unit[], keep: (place: Place) => boolean): readonly Unit[] {
  return units
    .map((unit) => ({ workload: unit.workload, places: unit.places.filter(keep) }))
    .filter((unit) => unit.places.length > 0);
}

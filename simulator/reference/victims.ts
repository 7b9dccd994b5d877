// In which order running work would have to give: the reverse of the order in which it is served, one unit at a time. Tasks
// above the gang are units of their own, the last one first; the gang is one unit. Rules: kai-semantics 1.4, 1.6 g.
import type { Workload } from '../../scheduler/model/records.js';
import { NOTHING, plus, sum, type Amounts } from './amounts.js';
import { standingOf } from './chunk.js';
import { amountsOf, isBelow, type Place, type State } from './cluster.js';
import { compareWorkloads, walk } from './order.js';

/** What is taken together or not at all. */
export interface Unit {
  readonly workload: Workload;
  readonly places: readonly Place[];
}

/** Everything the candidates hold, unit by unit. */
export function* victimUnits(state: State, candidates: readonly Workload[]): Generator<Unit> {
  const taken: Unit[] = [];
  for (;;) {
    const left = candidates.filter((workload) => holding(state, workload, taken).length > 0);
    const next = lastWorkload(state, left, taken);
    if (next === undefined) return;
    const unit = lastUnit(next, holding(state, next, taken));
    taken.push(unit);
    yield unit;
  }
}

/** What runs can be stopped, and what is promised can be promised to another; what this cycle starts is left alone. */
export function canGive(place: Place): boolean {
  return place.state === 'held' || place.state === 'promised';
}

/** What it still holds when the units taken are gone, in task order. */
function holding(state: State, workload: Workload, taken: readonly Unit[]): readonly Place[] {
  const gone = new Set(taken.flatMap((unit) => unit.places));
  return state.places
    .filter((place) => place.workload === workload.number && canGive(place) && !gone.has(place))
    .toSorted((a, b) => a.task - b.task);
}

/** The last task of a role that has more than its gang, or all. */
function lastUnit(workload: Workload, places: readonly Place[]): Unit {
  let first = 0;
  let surplus: Place | undefined;
  for (const role of workload.spec.roles) {
    const last = first + role.maxTasks;
    const from = first;
    const of = places.filter((place) => place.task >= from && place.task < last);
    if (of.length > role.minTasks) surplus = of.at(-1);
    first = last;
  }
  const gangIsWhole = standingOf(
    workload,
    places.map((place) => place.task),
  );
  return { workload, places: surplus !== undefined && gangIsWhole === 2 ? [surplus] : places };
}

/** The one that would be served last, were those taken gone. */
function lastWorkload(state: State, left: readonly Workload[], taken: readonly Unit[]): Workload | undefined {
  const standing = (workload: Workload): number =>
    standingOf(
      workload,
      holding(state, workload, taken).map((place) => place.task),
    );
  return walk(
    state,
    left,
    (workloads, queue) => {
      const last = workloads.toSorted((a, b) => compareWorkloads(b, a, standing))[0];
      if (last === undefined) return undefined;
      const gone = taken.filter((unit) => isBelow(state.cluster, unit.workload.spec.queue, queue.name));
      const givenBack = plus(sum(gone.map(unitAmounts)), sum(holding(state, last, taken).map(amountsOf)));
      return { workload: last, contender: { queue, asked: NOTHING, bound: [], givenBack } };
    },
    -1,
  );
}

export function unitAmounts(unit: Unit): Amounts {
  return sum(unit.places.map(amountsOf));
}

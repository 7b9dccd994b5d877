// Turns the places that an action chose into decisions: which GPUs by index, which MIG instances, who is told to stop.
// Equal GPUs are told apart only here, because until then a victim may stay where it is.
import { invariant } from '../../common/assert.js';
import type { Decision, Evict } from '../../scheduler/engine/decisions.js';
import type { Placement, Workload } from '../../scheduler/model/records.js';
import { gpuKey, nodeOf, usableGpus, type Place, type State } from './cluster.js';
import type { Unit } from './victims.js';

/** Victims of a trial. */
export interface Taken {
  readonly lost: readonly Unit[];
  readonly moved: readonly Unit[];
  readonly reason: Evict['reason'];
}

/** Decides for all places that have no GPUs yet: those of the workload, and of its victims that are moved. */
export function grant(
  chosen: State,
  workload: Workload,
  taken: Taken = { lost: [], moved: [], reason: 'moved' },
): { state: State; decisions: readonly Decision[] } {
  const undecided = chosen.places.filter((place) => place.state !== 'withdrawn');
  let state: State = { ...chosen, places: undecided };
  for (const place of undecided) if (place.gpus === null) state = settle(state, place);
  const granted = state.places.filter((_, index) => undecided[index]?.gpus === null);
  const victims = [...new Set([...taken.lost, ...taken.moved].map((unit) => unit.workload))];
  return {
    state,
    decisions: [
      ...victims.flatMap((victim) => takeFrom(victim, workload, taken)),
      ...victims.flatMap((victim) => give(victim, granted, state)),
      ...give(workload, granted, state),
    ],
  };
}

/** Its tasks that run are told to stop; what it was promised is promised no longer. */
function takeFrom(victim: Workload, taker: Workload, { lost, moved, reason }: Taken): readonly Decision[] {
  const places = [...lost, ...moved].filter((unit) => unit.workload === victim).flatMap((unit) => unit.places);
  const message = `workload ${taker.number} of queue ${taker.spec.queue} needs what it has`;
  const allocations = places
    .filter((place) => place.state === 'held')
    .toSorted((a, b) => a.task - b.task)
    .flatMap((place) => (place.allocation === null ? [] : [place.allocation]));
  const decisions: Decision[] = [];
  if (places.some((place) => place.state === 'promised')) {
    decisions.push({ type: 'drop_claim', workload: victim.number, message });
  }
  if (allocations.length > 0) {
    decisions.push({ type: 'evict', workload: victim.number, allocations, reason, forWorkload: taker.number, message });
  }
  return decisions;
}

/** A claim names all that a workload is promised, as a workload has one claim. */
function give(workload: Workload, granted: readonly Place[], { places }: State): readonly Decision[] {
  const of = (place: Place): boolean => place.workload === workload.number;
  const bound = granted.filter((place) => of(place) && place.state === 'bound');
  const isPromisedMore = granted.some((place) => of(place) && place.state === 'promised');
  // What starts an attempt ends the claim that was to start it.
  const startsBesideClaim = bound.length > 0 && workload.state === 'pending';
  const promised =
    isPromisedMore || startsBesideClaim ? places.filter((place) => of(place) && place.state === 'promised') : [];
  const decisions: Decision[] = [];
  if (bound.length > 0) decisions.push({ type: 'bind', workload: workload.number, placements: bound.map(placement) });
  if (promised.length > 0) {
    decisions.push({ type: 'claim', workload: workload.number, placements: promised.map(placement) });
  }
  return decisions;
}

function placement(place: Place): Placement {
  return {
    task: place.task,
    node: place.node,
    gpus: place.gpus ?? [],
    parts: place.parts,
    instances: place.instances,
  };
}

/** Chooses the GPUs of a place, and with them those of all that share one it opens. */
function settle(state: State, wanted: Place): State {
  const place = state.places.find(
    (each) => each.workload === wanted.workload && each.task === wanted.task && each.gpus === null,
  );
  invariant(place !== undefined, 'a place is settled once', `${wanted.workload}/${wanted.task}`);
  switch (place.kind) {
    case 'no gpu':
      return replace(state, place, { ...place, gpus: [] });
    case 'whole':
      return replace(state, place, { ...place, gpus: freeGpus(state, place).slice(0, place.count) });
    case 'mig': {
      const instances = freeInstances(state, place).slice(0, place.count);
      return replace(state, place, {
        ...place,
        gpus: instances.map((each) => each.gpu),
        instances: instances.map((each) => each.uuid),
      });
    }
    case 'share':
      return settleShare(state, place);
  }
}

function settleShare(state: State, place: Place): State {
  const free = freeGpus(state, place);
  const keys = new Map<string, string>();
  for (const key of place.shared.filter((each) => each.startsWith('new'))) {
    const index = free[keys.size];
    invariant(index !== undefined, 'a share that opens a GPU finds one', place.node);
    keys.set(key, gpuKey(index));
  }
  const places = state.places.map((each): Place => {
    const shared = each.node === place.node ? each.shared.map((key) => keys.get(key) ?? key) : each.shared;
    return each === place ? { ...each, shared, gpus: shared.map(indexOf) } : { ...each, shared };
  });
  return { ...state, places };
}

function indexOf(key: string): number {
  return Number.parseInt(key.replace('gpu ', ''), 10);
}

/** GPUs for one that is bound: the free ones. For one that waits: those being released, then free ones. */
function freeGpus(state: State, place: Place): readonly number[] {
  const gpus = usableGpus(nodeOf(state.cluster, place.node)).filter((gpu) => gpu.mig === null);
  const on = (index: number): readonly Place[] =>
    state.places.filter((each) => each.node === place.node && isOn(each, index));
  const unpromised = gpus.filter((gpu) => on(gpu.index).every((each) => each.state === 'leaving'));
  const idle = unpromised.filter((gpu) => on(gpu.index).length === 0);
  const leaving = unpromised.filter((gpu) => on(gpu.index).length > 0);
  const free = place.state === 'bound' ? idle : [...leaving, ...idle];
  const needed = place.kind === 'whole' ? place.count : place.shared.filter((key) => key.startsWith('new')).length;
  invariant(free.length >= needed, 'a place that fits finds its GPUs', `${place.node}: ${free.length} of ${needed}`);
  return free.map((gpu) => gpu.index);
}

function isOn(place: Place, index: number): boolean {
  return (place.gpus?.includes(index) ?? false) || place.shared.includes(gpuKey(index));
}

function freeInstances(state: State, place: Place): readonly { gpu: number; uuid: string }[] {
  const all = usableGpus(nodeOf(state.cluster, place.node)).flatMap((gpu) =>
    (gpu.mig ?? [])
      .filter((instance) => instance.profile === place.profile)
      .map((instance) => ({ gpu: gpu.index, uuid: instance.uuid })),
  );
  const holders = (uuid: string): readonly Place[] => state.places.filter((each) => each.instances.includes(uuid));
  const unpromised = all.filter(({ uuid }) => holders(uuid).every((each) => each.state === 'leaving'));
  const idle = unpromised.filter(({ uuid }) => holders(uuid).length === 0);
  const leaving = unpromised.filter(({ uuid }) => holders(uuid).length > 0);
  const free = place.state === 'bound' ? idle : [...leaving, ...idle];
  invariant(free.length >= place.count, 'a place that fits finds its instances', place.node);
  return free;
}

function replace(state: State, old: Place, by: Place): State {
  return { ...state, places: state.places.map((each) => (each === old ? by : each)) };
}

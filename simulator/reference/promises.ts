// Claims of earlier cycles, before anything else is decided: one whose GPUs are all free is kept, one that can no longer be
// met is dropped.
import type { Decision } from '../../scheduler/engine/decisions.js';
import type { Placement, Workload } from '../../scheduler/model/records.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { nodeOf, usableGpus, type Place, type State } from './cluster.js';
import type { Outcome } from './actions.js';

/** Binds workloads to what they were promised. The oldest claim first. */
export function keepPromises(opened: State): Outcome {
  let state = opened;
  const decisions: Decision[] = [];
  const claimed = state.cluster.input.workloads
    .filter((workload) => workload.claim !== null)
    .toSorted((a, b) => (a.claim?.sinceMs ?? 0) - (b.claim?.sinceMs ?? 0) || a.number - b.number);
  for (const workload of claimed) {
    const placements = workload.claim?.placements ?? [];
    if (!placements.every((placement) => exists(state, placement))) {
      decisions.push({ type: 'drop_claim', workload: workload.number, message: 'its GPUs are no longer there' });
      state = { ...state, places: state.places.filter((place) => !isPromisedTo(place, workload)) };
    } else if (workload.state !== 'stopping' && isFree(state, workload)) {
      decisions.push({ type: 'bind', workload: workload.number, placements });
      const places = state.places.map((place): Place =>
        isPromisedTo(place, workload) ? { ...place, state: 'bound' } : place,
      );
      state = { ...state, places };
    }
  }
  return { state, decisions };
}

function isPromisedTo(place: Place, workload: Workload): boolean {
  return place.workload === workload.number && place.state === 'promised';
}

/** The node takes work, and all its GPUs are there. */
function exists(state: State, placement: Placement): boolean {
  const node = state.cluster.nodes.get(placement.node);
  if (node === undefined || node.cordoned) return false;
  const usable = usableGpus(node).map((gpu) => gpu.index);
  return placement.gpus.every((index) => usable.includes(index));
}

/** Nobody who is still there takes the room, and its tasks have left where they were. */
function isFree(state: State, workload: Workload): boolean {
  const promised = state.places.filter((place) => isPromisedTo(place, workload));
  const isLeaving = (task: number): boolean =>
    state.places.some(
      (place) => place.workload === workload.number && place.task === task && place.state === 'leaving',
    );
  if (promised.some((place) => isLeaving(place.task))) return false;
  return [...new Set(promised.map((place) => place.node))].every((id) => {
    const node = nodeOf(state.cluster, id);
    const together = [
      ...state.places.filter((place) => place.node === id && place.state !== 'promised'),
      ...promised.filter((place) => place.node === id),
    ];
    const sum = (amountOf: (place: Place) => number): number => together.reduce((all, one) => all + amountOf(one), 0);
    return (
      sum((place) => place.cpuMilli) <= node.cpuCount * 1_000 &&
      sum((place) => place.memoryMib) <= node.memoryMib &&
      node.gpus.every(({ index }) => sum((place) => plainParts(place, index)) <= GPU_PARTS) &&
      together.every((place) => place.instances.every((uuid) => sum((one) => instances(one, uuid)) <= 1))
    );
  });
}

function plainParts(place: Place, gpu: number): number {
  return place.kind !== 'mig' && place.gpus?.includes(gpu) ? place.parts : 0;
}

function instances(place: Place, uuid: string): number {
  return Number(place.instances.includes(uuid));
}

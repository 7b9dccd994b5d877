// What of a node is free now, what will be once all that is leaving has left and all that is promised is taken, and which of
// its GPUs a share may join. Counted anew from the places each time.
import { invariant } from '../../common/assert.js';
import type { NodeId } from '../../common/ids.js';
import type { ClusterNode } from '../../scheduler/model/records.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { gpuKey, usableGpus, type Place, type State } from './cluster.js';

/** A GPU of which shares are given out. */
export interface SharedGpu {
  readonly key: string;
  /** Parts that running and leaving tasks hold. */
  readonly held: number;
  /** Those of them that leave. */
  readonly leaving: number;
  /** Parts that are promised to tasks that wait. */
  readonly promised: number;
}

/** What there is of each thing: now, and in the end. */
export interface Free {
  readonly cpuMilli: number;
  readonly memoryMib: number;
  readonly wholeGpus: number;
  /** By MIG profile. */
  readonly instances: ReadonlyMap<string, number>;
}

export interface NodeFree {
  readonly node: ClusterNode;
  /** Not held by anyone, nor kept for a promise that nothing that leaves can meet. */
  readonly now: Free;
  /** When all that leaves has left and all that is promised is taken. */
  readonly later: Free;
  readonly shared: readonly SharedGpu[];
  /** GPU parts in the end, with the rest of shared GPUs and MIG instances. */
  readonly laterParts: number;
}

/** Counts what is free on a node. */
export function freeOn(state: State, id: NodeId): NodeFree {
  const node = state.cluster.nodes.get(id);
  invariant(node !== undefined, 'work is placed on nodes', id);
  const places = state.places.filter((place) => place.node === id && place.state !== 'withdrawn');
  const held = places.filter((place) => place.state !== 'promised');
  const leaving = places.filter((place) => place.state === 'leaving');
  const promised = places.filter((place) => place.state === 'promised');
  const shared = sharedGpus(node, places);

  const having = (capacity: number, amountOf: (place: Place) => number, kept = 0): { now: number; later: number } => {
    const idle = capacity - total(held, amountOf);
    const later = idle + total(leaving, amountOf) - total(promised, amountOf);
    return { now: Math.min(idle - kept, later), later };
  };
  const cpu = having(node.cpuCount * 1_000, (place) => place.cpuMilli);
  const memory = having(node.memoryMib, (place) => place.memoryMib);
  const gpus = wholeGpus(node, places, shared);
  const instances = new Map(
    profilesOf(node).map((profile) => [
      profile,
      having(
        instancesOf(node, profile).length,
        (place) => instancesTaken(node, profile, place),
        instancesOf(node, profile).filter((uuid) => isKept(places, (place) => place.instances.includes(uuid))).length,
      ),
    ]),
  );
  const pick = (when: 'now' | 'later'): Free => ({
    cpuMilli: cpu[when],
    memoryMib: memory[when],
    wholeGpus: gpus[when],
    instances: new Map([...instances].map(([profile, count]) => [profile, count[when]])),
  });
  const rests = shared.filter((gpu) => !isWholeAgain(gpu)).map(restOf);
  const slices = [...instances].map(([profile, { later }]) => later * Number.parseInt(profile, 10) * 1_000);
  return {
    node,
    now: pick('now'),
    later: pick('later'),
    shared,
    laterParts: gpus.later * GPU_PARTS + [...rests, ...slices].reduce((all, parts) => all + parts, 0),
  };
}

/** Whole GPUs: plain ones, less those held as a whole or opened for shares. */
function wholeGpus(
  node: ClusterNode,
  places: readonly Place[],
  shared: readonly SharedGpu[],
): { now: number; later: number } {
  const plain = usableGpus(node)
    .filter((gpu) => gpu.mig === null)
    .map((gpu) => gpu.index);
  const wholes = (state: 'leaving' | 'promised' | null): number =>
    places
      .filter(
        (place) => place.kind === 'whole' && (state === null ? place.state !== 'promised' : place.state === state),
      )
      .reduce((all, place) => all + (place.gpus?.filter((index) => plain.includes(index)).length ?? place.count), 0);
  const idle = plain.length - wholes(null) - shared.filter((gpu) => gpu.held > 0).length;
  const opened = shared.filter((gpu) => gpu.held === 0 && gpu.promised > 0).length;
  const later = idle + wholes('leaving') + shared.filter(isWholeAgain).length - wholes('promised') - opened;
  const kept = plain.filter((index) => isKept(places, (place) => place.gpus?.includes(index) ?? false));
  return { now: Math.min(idle - kept.length, later), later };
}

/** Nobody has it, but an earlier cycle promised this very one. */
function isKept(places: readonly Place[], isOn: (place: Place) => boolean): boolean {
  const on = places.filter(isOn);
  return on.length > 0 && on.every((place) => place.state === 'promised');
}

/** All its shares leave and none is promised: it is a GPU that is being released, no longer one that is shared. */
export function isWholeAgain(gpu: SharedGpu): boolean {
  return gpu.held > 0 && gpu.held === gpu.leaving && gpu.promised === 0;
}

/** What is left of it in the end. */
export function restOf(gpu: SharedGpu): number {
  return GPU_PARTS - gpu.held + gpu.leaving - gpu.promised;
}

function sharedGpus(node: ClusterNode, places: readonly Place[]): readonly SharedGpu[] {
  const unusable = node.gpus.filter((gpu) => !usableGpus(node).includes(gpu)).map((gpu) => gpuKey(gpu.index));
  const keys = [...new Set(places.flatMap((place) => place.shared))].filter((key) => !unusable.includes(key));
  const order = (key: string): number =>
    Number.parseInt(key.split(' ')[1] ?? '', 10) + (key.startsWith('new') ? 1e6 : 0);
  return keys
    .toSorted((a, b) => order(a) - order(b))
    .map((key) => {
      const on = places.filter((place) => place.shared.includes(key));
      const parts = (state: (place: Place) => boolean): number => total(on.filter(state), (place) => place.parts);
      return {
        key,
        held: parts((place) => place.state !== 'promised'),
        leaving: parts((place) => place.state === 'leaving'),
        promised: parts((place) => place.state === 'promised'),
      };
    });
}

function profilesOf(node: ClusterNode): readonly string[] {
  return [...new Set(node.gpus.flatMap((gpu) => (gpu.mig ?? []).map((instance) => instance.profile)))];
}

/** By UUID; those of GPUs that are not usable do not count. */
function instancesOf(node: ClusterNode, profile: string): readonly string[] {
  return usableGpus(node)
    .flatMap((gpu) => (gpu.mig ?? []).filter((instance) => instance.profile === profile))
    .map((instance) => instance.uuid);
}

function instancesTaken(node: ClusterNode, profile: string, place: Place): number {
  if (place.profile !== profile) return 0;
  if (place.gpus === null) return place.count;
  return instancesOf(node, profile).filter((uuid) => place.instances.includes(uuid)).length;
}

function total(places: readonly Place[], amountOf: (place: Place) => number): number {
  return places.reduce((all, place) => all + amountOf(place), 0);
}

// Where a task goes: nodes that fit, the best first, and on the node which GPUs. And a chunk of tasks: all or none.
// Rules: kai-semantics 1.5 (allocate), 1.11 and 1.12, under the policy `pack`.
import type { NodeId } from '../../common/ids.js';
import type { Workload } from '../../scheduler/model/records.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { kindOf, partsOfEach } from './asked.js';
import { taskKey, type Evicted } from './chunk.js';
import { isLive, liveTasks, usableGpus, type Place, type PlaceState, type State, type Task } from './cluster.js';
import { isAllowed } from './fitting.js';
import { freeOn, isWholeAgain, restOf, type Free, type NodeFree, type SharedGpu } from './free.js';
import { mayHold, mayTake } from './limits.js';

/** `bind`: at once where it can be, else it waits; `wait`: as part of a trial everything waits. */
export type Mode = 'bind' | 'wait';

const NO_ONE: Evicted = new Set();

/**
 * Places tasks one after the other. When one finds no place behind those of other roles, all are tried with its role first.
 *
 * If any of them must wait and the gang is not complete without it, all of them wait.
 * @param evicted tasks of the trial's victims: one that is placed where it was stays there
 * @returns null when one of them has no place, or the queue may not hold them
 */
export function placeChunk(
  state: State,
  workload: Workload,
  chunk: readonly Task[],
  mode: Mode,
  evicted: Evicted = NO_ONE,
): State | null {
  if (chunk.length === 0 || !mayTake(state, workload, chunk)) return null;
  // The roles whose tasks have the most GPUs first.
  let order: readonly Task[] = chunk.toSorted((a, b) => b.role.request.gpus - a.role.request.gpus);
  for (const _ of new Set(chunk.map(({ role }) => role))) {
    let placed = state;
    const failed = order.find((task) => {
      const next = placeTask(placed, workload, task, mode, evicted);
      placed = next ?? placed;
      return next === null;
    });
    if (failed === undefined) return gangMustWait(placed, workload) ? letWait(placed, workload) : placed;
    if (failed.role === order[0]?.role) return null;
    const isFirst = ({ role }: Task): boolean => role === failed.role;
    order = [...order.filter(isFirst), ...order.filter((task) => !isFirst(task))];
  }
  return null;
}

/** Some task of a role waits, and those that do not are fewer than its gang. */
function gangMustWait(state: State, workload: Workload): boolean {
  let first = 0;
  return workload.spec.roles.some((role) => {
    const last = first + role.maxTasks;
    const of = liveTasks(state, workload).filter((place) => place.task >= first && place.task < last);
    first = last;
    const waiting = of.filter((place) => place.state === 'promised');
    return waiting.length > 0 && of.length - waiting.length < role.minTasks;
  });
}

function letWait(state: State, workload: Workload): State {
  const places = state.places.map((place): Place =>
    place.workload === workload.number && place.state === 'bound' && place.gpus === null
      ? { ...place, state: 'promised' }
      : place,
  );
  return { ...state, places };
}

function placeTask(state: State, workload: Workload, task: Task, mode: Mode, evicted: Evicted): State | null {
  const own = placeLeft(state, task, evicted)?.node ?? null;
  const fitting = state.cluster.input.nodes
    .filter((node) => !node.cordoned && isAllowed(node, task.role.rules))
    .map((node) => freeOn(state, node.id))
    .filter((free) => fits(free, task, 'later'))
    .toSorted((a, b) => compareNodes(a, b, task, own));
  for (const free of fitting) {
    const place = placeOn(state, free, task, mode);
    if (place !== null && mayHold(state, workload, place)) return put(state, place, evicted);
  }
  return null;
}

/** A victim that is placed where it was stays; anything else is a new place beside the one it leaves. */
function put(state: State, place: Place, evicted: Evicted): State {
  const old = placeLeft(state, { workload: place.workload, index: place.task }, evicted);
  if (old !== undefined && old.node === place.node && canStay(state, old, place)) {
    const places = state.places.map((each): Place => (each === old ? { ...old, state: stateBefore(old) } : each));
    return { ...state, places };
  }
  return { ...state, places: [...state.places, place] };
}

/** What a victim of the trial had. */
function placeLeft(state: State, task: Pick<Task, 'workload' | 'index'>, evicted: Evicted): Place | undefined {
  const key = taskKey({ workload: task.workload, task: task.index });
  return evicted.has(key) ? state.places.find((each) => !isLive(each) && taskKey(each) === key) : undefined;
}

/** The state it had before the trial. */
function stateBefore(old: Place): PlaceState {
  return old.state === 'withdrawn' ? 'promised' : 'held';
}

/** A share stays if it would join the same GPUs, or open new ones while its own are being released as a whole. */
function canStay(state: State, old: Place, place: Place): boolean {
  if (place.kind !== 'share') return true;
  if (place.shared.every((key) => old.shared.includes(key))) return true;
  const { shared } = freeOn(state, old.node);
  const isFree = (key: string): boolean => shared.some((gpu) => gpu.key === key && isWholeAgain(gpu));
  const opensAll = place.shared.every((key) => !shared.some((gpu) => gpu.key === key));
  return opensAll && old.shared.every(isFree);
}

function fits(free: NodeFree, task: Task, when: 'now' | 'later'): boolean {
  const { request } = task.role;
  const has: Free = free[when];
  if (request.cpuMilli > has.cpuMilli || request.memoryMib > has.memoryMib) return false;
  switch (kindOf(request)) {
    case 'no gpu':
      return true;
    case 'whole':
      return request.gpus <= has.wholeGpus;
    case 'mig':
      return request.gpus <= (has.instances.get(request.migProfile) ?? 0);
    case 'share':
      return (
        request.gpus <= Math.max(0, has.wholeGpus) + joinable(free, task).length && shareParts(free, task) !== null
      );
  }
}

/** The parts of each GPU that a share takes on a node; null = its GPUs have too little memory. */
function shareParts(free: NodeFree, task: Task): number | null {
  const [gpu] = usableGpus(free.node);
  return gpu === undefined ? null : partsOfEach(task.role.request, gpu.memoryMib);
}

/** GPUs that are shared already and have room, now or in the end; the most used first. */
function joinable(free: NodeFree, task: Task): readonly SharedGpu[] {
  const parts = shareParts(free, task);
  if (kindOf(task.role.request) !== 'share' || parts === null) return [];
  return free.shared
    .filter((gpu) => !isWholeAgain(gpu) && restOf(gpu) >= parts)
    .toSorted((a, b) => b.held + b.promised - a.held - a.promised);
}

/**
 * Negative: `left` is the better node.
 * @param own where a victim of the trial was; null = it is none
 */
function compareNodes(left: NodeFree, right: NodeFree, task: Task, own: NodeId | null): number {
  const noGpu = kindOf(task.role.request) === 'no gpu';
  const merits: readonly ((free: NodeFree) => number)[] = [
    // A share goes to a GPU that is shared already, even if it must wait for it,
    (free) => -Number(joinable(free, task).length > 0),
    // what is free beats what is being released,
    (free) => -Number(fits(free, task, 'now')),
    // work without GPUs is kept off nodes with GPUs,
    (free) => (noGpu ? Number(free.node.gpus.length > 0) : 0),
    // and the fuller node is better; GPUs being released count as free.
    (free) => (noGpu ? free.later.cpuMilli : free.later.wholeGpus),
    // Of equal ones a victim keeps its own.
    (free) => -Number(free.node.id === own),
  ];
  for (const merit of merits) {
    const difference = merit(left) - merit(right);
    if (difference !== 0) return difference;
  }
  return left.node.name < right.node.name ? -1 : 1;
}

/** The place a task gets on a node that fits. */
function placeOn(state: State, free: NodeFree, task: Task, mode: Mode): Place | null {
  const { request } = task.role;
  const kind = kindOf(request);
  const parts = kind === 'share' ? shareParts(free, task) : partsOfEach(request, 0);
  if (parts === null) return null;
  const joined = joinable(free, task).slice(0, request.gpus);
  const opened = kind === 'share' ? newKeys(state, request.gpus - joined.length) : [];
  const atOnce = fits(free, task, 'now') && joined.every((gpu) => gpu.held > 0 && GPU_PARTS - gpu.held >= parts);
  return {
    workload: task.workload,
    task: task.index,
    node: free.node.id,
    state: mode === 'bind' && atOnce ? 'bound' : 'promised',
    kind,
    count: request.gpus,
    parts: kind === 'no gpu' ? 0 : parts,
    shared: [...joined.map((gpu) => gpu.key), ...opened],
    profile: request.migProfile,
    cpuMilli: request.cpuMilli,
    memoryMib: request.memoryMib,
    gpus: null,
    instances: [],
    allocation: null,
  };
}

/** Names for GPUs that this cycle opens for shares. */
function newKeys(state: State, count: number): readonly string[] {
  const used = new Set(state.places.flatMap((place) => place.shared));
  const names: string[] = [];
  for (let number = 1; names.length < count; number++) if (!used.has(`new ${number}`)) names.push(`new ${number}`);
  return names;
}

// Tasks that work together: who is which rank, where they meet, and when all of them may start. Pure.
//
// Ranks follow the hardware. The tasks of a gang are numbered so when they are placed: role by role, those that must be there
// before those that may come and go, and within that by block, rack, node, NVLink group and GPU, so that neighbours in rank
// are neighbours in the machine room (rings and trees of collective operations go from rank to rank). Equal tasks may be
// swapped, so it costs nothing, and the task that people read of is the rank that the program has.
import { present } from '../../common/assert.js';
import { isDone, isLive, isSurplus } from './elastic.js';
import type { Allocation, ClusterNode, Launch, Launcher, Placement, WorkloadSpec } from './records.js';
import { roleOf } from './requests.js';

/**
 * Ports on which first processes answer the others: below those that Linux gives to whoever asks for any (32768 on), above
 * those of usual services.
 */
export const FIRST_PORT = 20_000;
export const PORTS = 10_000;
/** A gang that has not begun so long after it was placed is given up and placed anew, in ms. */
export const START_LIMIT_MS = 10 * 60_000;

/** How its tasks are started. */
export function launcherOf(spec: Pick<WorkloadSpec, 'launcher'>): Launcher {
  return spec.launcher ?? 'none';
}

/**
 * The placements of a gang, with the tasks of each role numbered by where they are.
 * @param nodeOf the node of a placement
 */
export function inTopologyOrder(
  spec: Pick<WorkloadSpec, 'roles'>,
  placements: readonly Placement[],
  nodeOf: (placement: Placement) => ClusterNode,
): readonly Placement[] {
  if (placements.length < 2) return placements;
  const byTask = placements.toSorted((a, b) => a.task - b.task);
  const places = byTask.map((placement) => ({ placement, place: placeOf(nodeOf(placement), placement) }));
  const isAlike = (a: number, b: number): boolean =>
    roleOf(spec, a) === roleOf(spec, b) && isSurplus(spec, a) === isSurplus(spec, b);
  const ordered: Placement[] = [];
  for (let from = 0; from < places.length;) {
    const first = byTask[from]?.task ?? 0;
    let to = from + 1;
    while (to < places.length && isAlike(first, byTask[to]?.task ?? 0)) to += 1;
    const alike = places.slice(from, to).toSorted((a, b) => compare(a.place, b.place));
    alike.forEach(({ placement }, at) => ordered.push({ ...placement, task: byTask[from + at]?.task ?? 0 }));
    from = to;
  }
  return ordered;
}

type Place = readonly [block: string, rack: string, node: string, group: number, gpu: number];

function placeOf({ labels, name, gpus }: ClusterNode, placement: Placement): Place {
  const first = Math.min(...placement.gpus);
  const group = gpus[first]?.nvlinkGroup ?? 0;
  return [labels['block'] ?? '', labels['rack'] ?? '', name, group, Number.isFinite(first) ? first : 0];
}

/** Names with numbers in them sort as people count: n2 before n10. */
const NAMES = new Intl.Collator('en', { numeric: true });

function compare(a: Place, b: Place): number {
  return (
    NAMES.compare(a[0], b[0]) ||
    NAMES.compare(a[1], b[1]) ||
    NAMES.compare(a[2], b[2]) ||
    // Names that differ in what the collation ignores.
    (a[2] < b[2] ? -1 : Number(a[2] > b[2])) ||
    a[3] - b[3] ||
    a[4] - b[4]
  );
}

/** Whether a task is counted among those that work together. */
export function isCounted(spec: Pick<WorkloadSpec, 'roles' | 'launcher'>, task: number): boolean {
  // Ranks are processes on GPUs there: a task without any beside tasks that have some only looks after them.
  if (launcherOf(spec) === 'none' || spec.roles.every(({ request }) => request.gpus === 0)) return true;
  return roleOf(spec, task).request.gpus > 0;
}

/** How many processes a task has that are ranks. */
export function processesOf(spec: Pick<WorkloadSpec, 'launcher'>, { gpus }: Pick<Allocation, 'gpus'>): number {
  return launcherOf(spec) === 'none' ? 1 : Math.max(1, gpus.length);
}

/** Ranks of tasks that start together, by their number, from 0 without a gap; null = it is not counted. */
export function ranksOf(
  spec: Pick<WorkloadSpec, 'roles' | 'launcher'>,
  tasks: readonly number[],
): ReadonlyMap<number, number | null> {
  let next = 0;
  const inOrder = tasks.toSorted((a, b) => a - b);
  return new Map(inOrder.map((task) => [task, isCounted(spec, task) ? next++ : null]));
}

/** The lowest rank that none of these has. */
export function freeRank(allocations: readonly Allocation[]): number {
  const taken = new Set(allocations.map(({ launch }) => launch?.rank));
  let rank = 0;
  while (taken.has(rank)) rank += 1;
  return rank;
}

/**
 * A port for the first process of an attempt: another one for each, and none that the first process of another gang on that
 * node has.
 */
export function portFor(
  { number, attempt }: { readonly number: number; readonly attempt: number },
  onNode: readonly Allocation[],
): number {
  const taken = new Set(onNode.filter(({ launch }) => launch?.rank === 0).map(({ launch }) => launch?.port));
  // The next attempt of the same gang comes soon, and the last one's connections may still close.
  const start = (number * 7 + attempt * 131) % PORTS;
  for (let step = 0; step < PORTS; step += 1) {
    const port = FIRST_PORT + ((start + step) % PORTS);
    if (!taken.has(port)) return port;
  }
  // A node has at most 1,024 tasks.
  return FIRST_PORT + start;
}

/** Whether it was placed and may not start yet. */
export function isHeld({ state, launch }: Allocation): boolean {
  return state === 'placed' && (launch?.stage === 'waits' || launch?.stage === 'ready');
}

/** Whether it waited for its gang, and was then told to start: it may run although nobody has heard of that. */
export function wasLetGo({ launch }: Allocation): boolean {
  return launch?.stage === 'go';
}

/** Whether its agent has not said yet that it is ready. */
function isAwaited({ state, launch }: Allocation): boolean {
  return state === 'placed' && launch?.stage === 'waits';
}

/**
 * The tasks that may start now, as they are to be written: all that are held, once each of them is ready.
 * @param allocations those of the present attempt, of which enough are there
 */
export function mayStart(
  spec: Pick<WorkloadSpec, 'roles' | 'launcher'>,
  allocations: readonly Allocation[],
): readonly Allocation[] {
  const held = allocations.filter(isHeld);
  if (held.length === 0 || held.some(isAwaited)) return [];
  // One that was lost meanwhile leaves no gap, as long as nobody has been told of his rank.
  const isFresh = allocations.every((one) => isHeld(one) || !(isLive(one) || isDone(one)));
  const ranks = isFresh
    ? ranksOf(
        spec,
        held.map(({ task }) => task),
      )
    : null;
  return held.map((one) => {
    const launch = present(one.launch, 'held tasks are of a gang', one.id);
    const rank = ranks === null ? launch.rank : (ranks.get(one.task) ?? null);
    return { ...one, launch: { ...launch, rank, stage: 'go' } satisfies Launch };
  });
}

/** Who is not ready, by task: for words. */
export function awaitedTasks(allocations: readonly Allocation[]): readonly Allocation[] {
  return allocations.filter(isAwaited);
}

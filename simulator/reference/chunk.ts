// What a workload is given next: the tasks its gang lacks, all at once, or one task above the gang.
import type { Role, Workload } from '../../scheduler/model/records.js';
import { roleOf } from '../../scheduler/model/requests.js';
import { NOTHING, sum, type Amounts } from './amounts.js';
import { pendingRequest } from './asked.js';
import { isLive, liveTasks, pendingTasks, type State, type Task } from './cluster.js';

/** Tasks of a trial's victims, which may be placed again although they have not left; see `taskKey`. */
export type Evicted = ReadonlySet<string>;

export function taskKey(task: { readonly workload: number; readonly task: number }): string {
  return `${task.workload}/${task.task}`;
}

/**
 * The tasks that are tried together next, in task order; empty = nothing is wanted, or the gang cannot be complete.
 * @param evicted a victim of a trial is given back only what was taken
 */
export function nextChunk(state: State, workload: Workload, evicted: Evicted = new Set()): readonly Task[] {
  const taken = evictedTasks(state, workload, evicted);
  const isVictim = state.places.some((place) => place.workload === workload.number && evicted.has(taskKey(place)));
  const waiting = isVictim ? taken : pendingTasks(state, workload);
  const live = liveTasks(state, workload).map((place) => place.task);
  const roles = workload.spec.roles.map((role, at) => {
    const first = workload.spec.roles.slice(0, at).reduce((all, each) => all + each.maxTasks, 0);
    const isOf = (index: number): boolean => index >= first && index < first + role.maxTasks;
    return { role, live: live.filter(isOf).length, waiting: waiting.filter((task) => isOf(task.index)) };
  });
  const lacking = roles.filter((each) => each.live < each.role.minTasks);
  if (lacking.length > 0) {
    if (lacking.some((each) => each.live + each.waiting.length < each.role.minTasks)) return [];
    return lacking.flatMap((each) => each.waiting.slice(0, each.role.minTasks - each.live));
  }
  const [least] = roles
    .filter((each) => each.waiting.length > 0)
    .toSorted((a, b) => fulfilment(a.role, a.live) - fulfilment(b.role, b.live));
  return least === undefined ? [] : least.waiting.slice(0, 1);
}

/** How far above its gang a role is; one without a gang comes last. */
function fulfilment(role: Role, live: number): number {
  return role.minTasks === 0 ? 1e9 + live : live / role.minTasks;
}

function evictedTasks(state: State, workload: Workload, evicted: Evicted): readonly Task[] {
  const live = new Set(liveTasks(state, workload).map((place) => place.task));
  return state.places
    .filter((place) => place.workload === workload.number && !isLive(place))
    .filter((place) => evicted.has(taskKey(place)) && !live.has(place.task))
    .map((place) => ({ workload: workload.number, index: place.task, role: roleOf(workload.spec, place.task) }))
    .toSorted((a, b) => a.index - b.index);
}

/** What the chunk counts for in the order of queues and at the gate of reclaim. */
export function chunkRequest(state: State, chunk: readonly Task[]): Amounts {
  return chunk.length === 0 ? NOTHING : sum(chunk.map((task) => pendingRequest(task, state.cluster.smallestGpuMib)));
}

/** 0 = it lacks tasks of its gang, 1 = it has just the gang, 2 = it has more. */
export function gangStanding(state: State, workload: Workload): 0 | 1 | 2 {
  return standingOf(
    workload,
    liveTasks(state, workload).map((place) => place.task),
  );
}

/** The same for a given set of its tasks. */
export function standingOf(workload: Workload, tasks: readonly number[]): 0 | 1 | 2 {
  let first = 0;
  let standing: 1 | 2 = 1;
  for (const role of workload.spec.roles) {
    const { length } = tasks.filter((task) => task >= first && task < first + role.maxTasks);
    if (length < role.minTasks) return 0;
    if (length > role.minTasks) standing = 2;
    first += role.maxTasks;
  }
  return standing;
}

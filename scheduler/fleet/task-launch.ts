// What a task that is about to start is told of those it works with: who is which rank, and where they meet. Pure.
import type { TaskLaunch } from '../../proto/gen/sluice/v1/TaskLaunch.js';
import type { ReadableState } from '../model/cluster-state.js';
import { isDone, isLive } from '../model/elastic.js';
import { isCounted, isHeld, launcherOf, processesOf } from '../model/launch.js';
import type { Allocation, RoundMember, Workload } from '../model/records.js';
import { roundOf } from '../model/rounds.js';
import { LAUNCHER_TO_PROTO } from '../model/wire-names.js';

/** In the protocol's form. Costs a walk through the tasks of its gang, once or twice in a task's life. */
export function taskLaunch(state: ReadableState, allocation: Allocation, workload: Workload): TaskLaunch {
  const { spec } = workload;
  const counted = roundOf(workload, allocation)?.members ?? presentOf(state, workload);
  const rank = allocation.launch?.rank ?? null;
  const before = counted.filter((one) => rank !== null && one.rank < rank);
  const processes = (some: readonly RoundMember[]): number => some.reduce((sum, one) => sum + one.processes, 0);
  const main = state.node((counted[0] ?? allocation).node);
  const amount = (key: 'minTasks' | 'maxTasks'): number => {
    let first = 0;
    return spec.roles.reduce((sum, role) => {
      const isIn = isCounted(spec, first);
      first += role.maxTasks;
      return isIn ? sum + role[key] : sum;
    }, 0);
  };
  return {
    launcher: LAUNCHER_TO_PROTO[launcherOf(spec)],
    hold: isHeld(allocation),
    ...(rank === null ? {} : { rank }),
    tasks: counted.length,
    firstProcess: processes(before),
    processes: processes(counted),
    mainAddress: main?.address ?? main?.name ?? '',
    mainPort: allocation.launch?.port ?? 0,
    nodes: counted.map(({ node }) => state.node(node)?.name ?? node),
    leastTasks: amount('minTasks'),
    mostTasks: amount('maxTasks'),
  };
}

/** The counted tasks of the present attempt that run, are done, or are about to start, by rank. */
function presentOf(state: ReadableState, { spec, allocations }: Workload): readonly RoundMember[] {
  return allocations
    .flatMap((id) => {
      const one = state.allocation(id);
      const rank = one?.launch?.rank ?? null;
      if (one === undefined || rank === null || !(isLive(one) || isDone(one))) return [];
      return [{ rank, node: one.node, processes: processesOf(spec, one) }];
    })
    .toSorted((a, b) => a.rank - b.rank);
}

// Elastic workloads: which tasks are the core that the gang cannot do without, and which are surplus. Pure.
//
// The core of a role are the first `minTasks` of its numbers. A loss that nobody chose (its node is gone) is only borne
// for a surplus task: the program's first ranks are the ones that others look for. What the engine chooses to take is
// counted, so that it may take any task for which enough others stay.
import type { AllocationId } from '../../common/ids.js';
import type { Allocation, Workload, WorkloadSpec } from './records.js';

/** Attempts, or surplus tasks, in a row that were lost before they had run soundly, after which it is not tried again. */
export const MAX_FALSE_STARTS = 5;

/** Whether the gang was whole without this task when it started: its place in its role is beyond the role's `minTasks`. */
export function isSurplus(spec: Pick<WorkloadSpec, 'roles'>, task: number): boolean {
  let first = 0;
  for (const { minTasks, maxTasks } of spec.roles) {
    if (task < first + maxTasks) return task >= first + minTasks;
    first += maxTasks;
  }
  return false;
}

/** Whether so many of these tasks are counted in each role that the gang is whole. */
export function isWhole(
  spec: Pick<WorkloadSpec, 'roles'>,
  allocations: readonly Allocation[],
  counts: (allocation: Allocation) => boolean,
): boolean {
  let first = 0;
  for (const { minTasks, maxTasks } of spec.roles) {
    const [from, to] = [first, first + maxTasks];
    const found = allocations.filter((one) => one.task >= from && one.task < to && counts(one)).length;
    if (found < minTasks) return false;
    first = to;
  }
  return true;
}

/** Whether each role keeps its `minTasks`, and at least one, without these: in tasks that run on, or have done their work. */
export function staysWhole(
  spec: Pick<WorkloadSpec, 'roles'>,
  allocations: readonly Allocation[],
  without: ReadonlySet<AllocationId>,
): boolean {
  const stays = (one: Allocation): boolean => !without.has(one.id) && (isLive(one) || isDone(one));
  return allocations.some(stays) && isWhole(spec, allocations, stays);
}

/**
 * Whether surplus tasks may be added: not once a task has ended, since the work is running out, and not after
 * {@link MAX_FALSE_STARTS} that no node could start, nor after some were taken back because they did nothing.
 * @param allocations those of its present attempt
 */
export function mayGrow(workload: Workload, allocations: readonly Allocation[]): boolean {
  if (workload.state !== 'starting' && workload.state !== 'running') return false;
  if (workload.surplusIdle === true) return false;
  return workload.falseStarts < MAX_FALSE_STARTS && !allocations.some(isDone);
}

/** Placed or running, and not told to stop. */
export function isLive({ state }: Allocation): boolean {
  return state === 'placed' || state === 'running';
}

/** Ended by itself, and well. */
export function isDone({ state, exit }: Allocation): boolean {
  return (state === 'exited' || state === 'released') && exit?.code === 0;
}

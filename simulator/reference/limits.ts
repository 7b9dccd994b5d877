// What a queue may take: no queue from the leaf to the root beyond its limit, and work that is not preemptible not beyond the
// guarantees. A resource of which nothing is asked is not looked at. Rules: kai-semantics 1.1.
import type { Workload } from '../../scheduler/model/records.js';
import { RESOURCES, plus, sum, type Amounts } from './amounts.js';
import { pendingRequest } from './asked.js';
import { allocatedTo, guaranteeOf, limitOf, pathToRoot, type State, type Task } from './cluster.js';

/** Whether tasks may be placed at all; a share given as memory counts as on the largest GPU. */
export function mayTake(state: State, workload: Workload, chunk: readonly Task[]): boolean {
  return mayHold(state, workload, sum(chunk.map((task) => pendingRequest(task, state.cluster.largestGpuMib))));
}

/** Whether the queue of a workload and all above it may hold so much more. */
export function mayHold(state: State, workload: Workload, more: Amounts): boolean {
  const { queue: leaf } = workload.spec;
  const withinLimits = pathToRoot(state.cluster, leaf).every((queue) =>
    holds(plus(allocatedTo(state, queue.name), more), limitOf(queue), more),
  );
  return withinLimits && staysGuaranteed(state, workload, more);
}

/** Whether work that is not preemptible stays within the guarantees. */
export function staysGuaranteed(state: State, workload: Workload, more: Amounts): boolean {
  return (
    workload.spec.preemptible ||
    pathToRoot(state.cluster, workload.spec.queue).every((queue) =>
      holds(plus(allocatedTo(state, queue.name, true), more), guaranteeOf(queue), more),
    )
  );
}

function holds(held: Amounts, bound: Amounts, more: Amounts): boolean {
  return RESOURCES.every((resource) => more[resource] === 0 || held[resource] <= bound[resource]);
}

// What a queue may take: no queue from the leaf to the root beyond its limit, of the whole or of a part of the cluster, and work that is
// not preemptible not beyond the guarantees. A resource of which nothing is asked is not looked at. Rules: kai-semantics 1.1; of
// parts: docs/internals/engine.md, "Parts of the cluster".
import type { Queue, Workload } from '../../scheduler/model/records.js';
import { guaranteeIn, holdingOf, limitIn, boundTo, onlyGpus, partsAt, unpromisedOf, type Account } from './accounts.js';
import { RESOURCES, plus, sum, type Amounts } from './amounts.js';
import { pendingRequest } from './asked.js';
import { allocatedTo, amountsOf, guaranteeOf, pathToRoot, type Place, type State, type Task } from './cluster.js';
import { largestApart } from './parts.js';

/** Whether tasks may be placed at all; a share given as memory counts as on the largest GPU. */
export function mayTake(state: State, workload: Workload, chunk: readonly Task[]): boolean {
  const more = sum(chunk.map((task) => pendingRequest(task, state.cluster.largestGpuMib)));
  const bound = boundTo(state.cluster, chunk);
  return (
    isWithinLimits(state, workload, null, more) &&
    bound.every(({ part, parts }) => isWithinLimits(state, workload, part, onlyGpus(parts))) &&
    staysGuaranteed(
      state,
      workload,
      more,
      bound.map(({ part }) => part),
    )
  );
}

/** Whether the queue of a workload and all above it may have one more place. */
export function mayHold(state: State, workload: Workload, place: Place): boolean {
  const more = amountsOf(place);
  const parts = more.gpuParts === 0 ? [] : partsAt(state.cluster, place.node);
  return (
    isWithinLimits(state, workload, null, more) &&
    parts.every((part) => isWithinLimits(state, workload, part, onlyGpus(more.gpuParts))) &&
    staysGuaranteed(state, workload, more, parts)
  );
}

function isWithinLimits(state: State, workload: Workload, account: Account, more: Amounts): boolean {
  return pathToRoot(state.cluster, workload.spec.queue).every((queue) =>
    holds(plus(holdingOf(state, queue, account), more), limitIn(state.cluster, queue, account), more),
  );
}

/**
 * Whether work that is not preemptible stays within the guarantees, its own and those that others have of parts.
 * @param parts where its GPUs are
 */
export function staysGuaranteed(
  state: State,
  workload: Workload,
  more: Amounts,
  parts: readonly number[] = [],
): boolean {
  return (
    workload.spec.preemptible ||
    (pathToRoot(state.cluster, workload.spec.queue).every((queue) =>
      holds(plus(countedOf(state, queue, parts), more), guaranteeOf(queue), more),
    ) &&
      parts.every((part) => more.gpuParts <= unpromisedOf(state, workload.spec.queue, part)))
  );
}

/**
 * What a queue's work that is not preemptible counts for against its guarantee of the whole: less what it has of parts, up to
 * what it is guaranteed there, and less what it is still free to have of that where the next goes.
 */
function countedOf(state: State, queue: Queue, parts: readonly number[]): Amounts {
  const { cluster } = state;
  const all = allocatedTo(state, queue.name, true);
  const guaranteed = cluster.parts.all.map((_, part) => guaranteeIn(cluster, queue, part).gpuParts);
  if (largestApart(cluster.parts, guaranteed) <= guaranteeOf(queue).gpuParts) return all;
  const used = guaranteed.map((most, part) => Math.min(most, holdingOf(state, queue, part, true).gpuParts));
  const free = Math.max(0, ...parts.map((part) => (guaranteed[part] ?? 0) - (used[part] ?? 0)));
  return { ...all, gpuParts: all.gpuParts - largestApart(cluster.parts, used) - free };
}

function holds(held: Amounts, bound: Amounts, more: Amounts): boolean {
  return RESOURCES.every((resource) => more[resource] === 0 || held[resource] <= bound[resource]);
}

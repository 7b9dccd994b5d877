// GPUs that somebody holds and nobody uses: the waste that a team lead looks for first.
import type { QueueName } from '../../common/ids.js';
import type { Fleet } from '../fleet/fleet.js';
import { IDLE_AFTER_MS } from '../control/usage-upkeep.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Allocation } from '../model/records.js';
import { GPU_PARTS, toGpus } from '../model/requests.js';
import { Tally } from './tally.js';

/**
 * Counts held GPUs that have been idle, by queue and pool. Shares count only when all of the GPU is idle, with the part that
 * is held. Nodes that are not heard do not count: what is known of them is old.
 */
export function countIdleAllocated(
  state: ReadableState,
  fleet: Pick<Fleet, 'idleMs' | 'softState'>,
  nowMs: number,
  afterMs = IDLE_AFTER_MS,
): Tally {
  const counts = new Tally();
  for (const node of state.nodes.values()) {
    if (fleet.softState(node.id).liveness !== 'ready') continue;
    for (const allocation of state.heldOn(node.id)) {
      const queue = queueOf(state, allocation);
      if (queue === null) continue;
      const parts = idleParts(allocation, fleet, nowMs, afterMs);
      if (parts > 0) counts.add({ queue, pool: node.pool }, toGpus(parts));
    }
  }
  return counts;
}

/** How much of what a task holds is idle, in parts of a GPU. */
export function idleParts(
  { state, startedMs, gpus }: Allocation,
  fleet: Pick<Fleet, 'idleMs'>,
  nowMs: number,
  afterMs = IDLE_AFTER_MS,
): number {
  if (state !== 'running' || startedMs === null || nowMs - startedMs < afterMs) return 0;
  return gpus
    .filter(({ uuid, instance }) => instance === '' && fleet.idleMs(uuid) >= afterMs)
    .reduce((sum, { parts }) => sum + Math.min(parts, GPU_PARTS), 0);
}

function queueOf(state: ReadableState, { workload }: Allocation): QueueName | null {
  return state.workload(workload)?.spec.queue ?? null;
}

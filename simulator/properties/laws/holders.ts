// Who holds something, on which nodes, for which queues: the questions that all laws ask of the records.
import type { NodeId } from '../../../common/ids.js';
import type { Allocation, Queue, Workload } from '../../../scheduler/model/records.js';
import type { World } from '../world.js';

/** Told to stop, or over. */
export function isLeaving({ stop, state }: Allocation): boolean {
  return stop !== null || state === 'stopping' || state === 'exited';
}

/** All allocations that hold something. */
export function held({ state }: World): readonly Allocation[] {
  return [...state.allocations.values()].filter((one) => one.state !== 'released');
}

/** The queue of a workload and all above it, the leaf first. */
export function pathOf({ state }: World, { spec }: Workload): readonly Queue[] {
  const path: Queue[] = [];
  for (let queue = state.queue(spec.queue); queue !== undefined;) {
    path.push(queue);
    queue = queue.parent === null ? undefined : state.queue(queue.parent);
  }
  return path;
}

/** Ready, not cordoned, and in no maintenance. */
export function takesWork(world: World, id: NodeId): boolean {
  const node = world.state.node(id);
  if (node === undefined || node.cordoned || world.livenessOf(id) !== 'ready') return false;
  // Histories announce maintenances that come once.
  return !node.maintenance.some(({ startMs, endMs }) => startMs <= world.nowMs && world.nowMs < endMs);
}

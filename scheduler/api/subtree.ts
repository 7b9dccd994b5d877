// Which queues a request means that names one: that and all below it.
import type { QueueName } from '../../common/ids.js';
import { notFound } from '../control/refusals.js';
import type { ReadableState } from '../model/cluster-state.js';

/** The queue and all queues below it. @throws ApiError NOT_FOUND */
export function subtree(state: ReadableState, name: string): ReadonlySet<QueueName> {
  const top = state.queue(name);
  if (top === undefined) throw notFound('queue', name, state.queues.keys());
  const found = new Set<QueueName>([top.name]);
  for (const queue of found) for (const child of state.childrenOf(queue)) found.add(child.name);
  return found;
}

// Rules that a queue has of its own or from above: the nearest queue on the way up that says something counts.
import type { QueueName } from '../../common/ids.js';
import type { IdleGpuPolicy, Queue } from './records.js';

/** What queues may say in milliseconds, and leave to the queue above. */
export type QueueRule = Extract<
  keyof Queue,
  'maxGraceMs' | 'lendMaxGraceMs' | 'lendMaxMinRuntimeMs' | 'reclaimMinRuntimeMs' | 'idleLimitMs'
>;

/** A rule, and the queue that says it. */
export interface SaidRule {
  readonly queue: QueueName;
  readonly ms: number;
}

/** What becomes of idle GPUs in a queue, and the queue that says it; null = nobody says anything. */
export function nearestIdleGpus(
  queueOf: (name: QueueName) => Queue | undefined,
  name: QueueName,
): { readonly queue: QueueName; readonly policy: IdleGpuPolicy } | null {
  for (let queue = queueOf(name); queue !== undefined;) {
    const { idleGpus = null } = queue;
    if (idleGpus !== null) return { queue: queue.name, policy: idleGpus };
    queue = queue.parent === null ? undefined : queueOf(queue.parent);
  }
  return null;
}

/** The rule of a queue, or of the nearest queue above it that has one; null = there is none. */
export function nearestRule(
  queueOf: (name: QueueName) => Queue | undefined,
  name: QueueName,
  rule: QueueRule,
): SaidRule | null {
  for (let queue = queueOf(name); queue !== undefined;) {
    const ms = queue[rule];
    if (ms !== null && ms !== undefined) return { queue: queue.name, ms };
    queue = queue.parent === null ? undefined : queueOf(queue.parent);
  }
  return null;
}

// How many workloads there are, by queue and state, and by the gate that keeps pending ones from the engine. Kept from change to
// change, so that asking costs queues and not workloads. Cost: a comparison for a change that moves nothing.
import type { Gate, Workload } from './records.js';
import type { QueueName } from '../../common/ids.js';

export type CountsOf<Key> = ReadonlyMap<QueueName, ReadonlyMap<Key, number>>;

export class WorkloadCounts {
  readonly #byState = new Map<QueueName, Map<Workload['state'], number>>();
  readonly #gated = new Map<QueueName, Map<Gate['kind'], number>>();

  /** Only what there is: no count is 0. */
  get byState(): CountsOf<Workload['state']> {
    return this.#byState;
  }

  /** Pending workloads with a gate. */
  get gated(): CountsOf<Gate['kind']> {
    return this.#gated;
  }

  /** Follows a change. */
  note(before: Workload | null, after: Workload | null): void {
    const isMoved = before?.state !== after?.state || before?.spec.queue !== after?.spec.queue;
    if (isMoved) {
      if (before !== null) count(this.#byState, before.spec.queue, before.state, -1);
      if (after !== null) count(this.#byState, after.spec.queue, after.state, 1);
    }
    const [was, is] = [gateOf(before), gateOf(after)];
    if (!isMoved && was === is) return;
    if (before !== null && was !== null) count(this.#gated, before.spec.queue, was, -1);
    if (after !== null && is !== null) count(this.#gated, after.spec.queue, is, 1);
  }
}

function gateOf(workload: Workload | null): Gate['kind'] | null {
  return workload?.state === 'pending' ? (workload.gate?.kind ?? null) : null;
}

function count<Key>(counts: Map<QueueName, Map<Key, number>>, queue: QueueName, key: Key, by: number): void {
  const ofQueue = counts.get(queue) ?? new Map<Key, number>();
  counts.set(queue, ofQueue);
  const left = (ofQueue.get(key) ?? 0) + by;
  if (left > 0) ofQueue.set(key, left);
  else ofQueue.delete(key);
  if (ofQueue.size === 0) counts.delete(queue);
}

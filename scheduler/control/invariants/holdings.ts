// Who holds how much of every GPU, and which generation each GPU had last, kept from commit to commit beside the state: so
// a commit is checked at the cost of what it changes. Follows the records and nothing else, so that it starts from them.
import type { NodeId, QueueName } from '../../../common/ids.js';
import type { ReadableState } from '../../model/cluster-state.js';
import { partsOf } from '../../model/lifecycle.js';
import { workloadKey, type Allocation, type ClusterNode } from '../../model/records.js';
import { GPU_PARTS, toGpus, toParts } from '../../model/requests.js';
import type { Complain } from './violation.js';

interface Holding {
  parts: number;
  /** How many hold a part; when nobody does, the way of sharing is open again. */
  holders: number;
  isMig: boolean;
  last: string;
}

/** What is held at present, by GPU, by MIG instance and by queue. */
export class Holdings {
  readonly #gpus = new Map<string, Holding>();
  readonly #instances = new Map<string, string>();
  readonly #generations = new Map<NodeId, number[]>();
  readonly #queues = new Map<QueueName, number>();

  /** What is held in a state. What is wrong with it is told. */
  static of(state: ReadableState, complain: Complain): Holdings {
    const holdings = new Holdings();
    for (const { id, gpus } of state.nodes.values()) {
      holdings.#generations.set(
        id,
        gpus.map(({ generation }) => generation),
      );
    }
    for (const allocation of state.allocations.values()) {
      if (allocation.state === 'released') continue;
      holdings.take(allocation, complain);
      holdings.#addToQueues(state, allocation, 1);
    }
    return holdings;
  }

  /**
   * A node that was there changed, or went. Its generations go with it, and those of a GPU that a person took away with that GPU: what
   * comes to its place begins with what its agent accepted, which may be less than what was granted and never arrived.
   */
  follow(before: ClusterNode, after: ClusterNode | null): void {
    const known = this.#generations.get(before.id);
    if (known === undefined || before.gpus === after?.gpus) return;
    if (after === null) {
      this.#generations.delete(before.id);
      return;
    }
    for (const [at, { uuid }] of after.gpus.entries()) if (before.gpus[at]?.uuid !== uuid) known[at] = 0;
  }

  /** A grant: its generations rise, its queue has room, and nobody else has what it takes. */
  grant(state: ReadableState, allocation: Allocation, complain: Complain): void {
    const known = this.#generations.get(allocation.node) ?? [];
    for (const { index, uuid, generation } of allocation.gpus) {
      const last = known[index] ?? 0;
      if (allocation.adopted === true) {
        known[index] = Math.max(last, generation);
      } else if (generation <= last) {
        complain(
          'rising_generations',
          `GPU ${uuid} for ${allocation.id}`,
          `a generation above ${last}`,
          `${generation}`,
        );
      } else {
        known[index] = generation;
      }
    }
    if (!this.#generations.has(allocation.node)) this.#generations.set(allocation.node, known);
    if (allocation.state === 'released') return;
    this.take(allocation, complain);
    const above = this.#addToQueues(state, allocation, 1);
    if (above !== null && allocation.adopted !== true)
      complain('within_limits', `allocation ${allocation.id}`, above.expected, above.found);
  }

  /** Counts what an allocation holds. */
  take({ id, gpus }: Allocation, complain: Complain): void {
    for (const { uuid, parts, instance } of gpus) {
      const isMig = instance !== '';
      const before = this.#gpus.get(uuid);
      if (before === undefined) {
        this.#gpus.set(uuid, { parts, holders: 1, isMig, last: id });
        if (parts <= 0 || parts > GPU_PARTS) complain('one_owner', `GPU ${uuid}`, partsRule, `${parts} for ${id}`);
      } else {
        const sum = before.parts + parts;
        if (parts <= 0 || sum > GPU_PARTS) {
          complain('one_owner', `GPU ${uuid}`, partsRule, `${sum}, the last of ${before.last} and ${id}`);
        }
        if (before.holders > 0 && before.isMig !== isMig) {
          complain('one_owner', `GPU ${uuid}`, 'either instances or shares', `both, of ${before.last} and ${id}`);
        }
        before.parts = sum;
        before.holders += 1;
        before.isMig = isMig;
        before.last = id;
      }
      if (!isMig) continue;
      const holder = this.#instances.get(instance);
      if (holder !== undefined) complain('one_owner', `MIG instance ${instance}`, 'one holder', `${holder} and ${id}`);
      this.#instances.set(instance, id);
    }
  }

  /** An allocation holds nothing any more. */
  give(state: ReadableState, allocation: Allocation): void {
    for (const { uuid, parts, instance } of allocation.gpus) {
      const holding = this.#gpus.get(uuid);
      if (holding !== undefined) {
        holding.parts -= parts;
        holding.holders -= 1;
      }
      if (instance !== '') this.#instances.delete(instance);
    }
    this.#addToQueues(state, allocation, -1);
  }

  /** @returns the first queue that this carries above its limit */
  #addToQueues(state: ReadableState, allocation: Allocation, sign: 1 | -1): { expected: string; found: string } | null {
    const parts = partsOf(allocation);
    if (parts === 0) return null;
    let above: { expected: string; found: string } | null = null;
    const leaf = state.workloads.get(workloadKey(allocation.workload))?.spec.queue;
    for (let queue = leaf === undefined ? undefined : state.queue(leaf); queue !== undefined;) {
      const held = (this.#queues.get(queue.name) ?? 0) + sign * parts;
      this.#queues.set(queue.name, held);
      if (sign === 1 && queue.limitGpus !== null && held > toParts(queue.limitGpus)) {
        above ??= {
          expected: `at most ${queue.limitGpus} GPUs in queue ${queue.name}`,
          found: `${toGpus(held)}`,
        };
      }
      queue = queue.parent === null ? undefined : state.queue(queue.parent);
    }
    return above;
  }
}

const partsRule = `1 to ${GPU_PARTS} parts held`;

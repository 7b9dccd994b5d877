// Creates, changes and deletes queues, and holds the rules of the tree: what a queue promises must fit into its own
// limit, and what children are guaranteed must fit into their parent.
import { status } from '@grpc/grpc-js';
import { ApiError, type FieldViolation } from '../../../common/errors.js';
import { plural } from '../../../common/units.js';
import type { QueueName } from '../../../common/ids.js';
import type { Draft } from '../../model/draft.js';
import type { Queue } from '../../model/records.js';
import type { Command } from '../command.js';
import { invalid, notFound } from '../refusals.js';

/** How deep the tree may grow, and how many queues there may be. */
export const MAX_QUEUE_DEPTH = 8;
export const MAX_QUEUES = 10_000;

export interface QueueOutcome {
  readonly queue: Queue;
  /** Accepted, yet worth knowing. */
  readonly warnings: readonly string[];
}

/** The fields of a queue that can be changed after its creation. */
export type QueuePatch = Partial<Pick<Queue, 'guaranteeGpus' | 'limitGpus' | 'weight' | 'priority'>>;

/** Creates a queue. ALREADY_EXISTS unless an equal one is there, so that a repeated request does no harm. */
export function createQueue(queue: Omit<Queue, 'createdMs'>, validateOnly: boolean): Command<QueueOutcome> {
  return {
    name: 'create_queue',
    whenSpace: 'ample',
    run: (draft, { nowMs }) => {
      const existing = draft.base.queue(queue.name);
      const created: Queue = { ...queue, createdMs: existing?.createdMs ?? nowMs };
      if (existing !== undefined && !sameSpec(existing, created)) throw alreadyExists(queue.name);
      if (existing === undefined) checkNew(draft, created);
      check(draft, created);
      if (!validateOnly && existing === undefined) draft.put('queues', created.name, created);
      return { queue: created, warnings: warnings(draft, created) };
    },
  };
}

/** Changes a queue. Takes effect in the engine's next step, running work included. */
export function updateQueue(name: string, patch: QueuePatch, validateOnly: boolean): Command<QueueOutcome> {
  return {
    name: 'update_queue',
    whenSpace: 'low',
    run: (draft) => {
      const updated: Queue = { ...find(draft, name), ...patch };
      check(draft, updated);
      if (!validateOnly) draft.put('queues', updated.name, updated);
      return { queue: updated, warnings: warnings(draft, updated) };
    },
  };
}

/** Deletes a queue without children and without unfinished work. */
export function deleteQueue(name: string): Command<void> {
  return {
    name: 'delete_queue',
    whenSpace: 'low',
    run: (draft) => {
      const queue = find(draft, name);
      const children = draft.base.childrenOf(queue.name);
      const unfinished = draft.base.unfinishedIn(queue.name);
      if (children.length > 0) {
        throw inUse(
          name,
          `it has ${plural(children.length, 'queue')} below it: ${children.map((c) => c.name).join(', ')}`,
        );
      }
      if (unfinished > 0)
        throw inUse(name, `${plural(unfinished, 'workload')} in it ${unfinished === 1 ? 'has' : 'have'} not ended`);
      draft.delete('queues', queue.name);
    },
  };
}

function find(draft: Draft, name: string): Queue {
  const queue = draft.base.queue(name);
  if (queue === undefined) throw notFound('queue', name, draft.base.queues.keys());
  return queue;
}

function checkNew(draft: Draft, queue: Queue): void {
  if (draft.base.queues.size >= MAX_QUEUES) {
    throw new ApiError({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'TOO_MANY_QUEUES',
      message: `there are ${MAX_QUEUES} queues already, the most there may be`,
    });
  }
  if (queue.parent === null) return;
  const parent = draft.base.queue(queue.parent);
  if (parent === undefined) throw notFound('queue', queue.parent, draft.base.queues.keys());
  if (draft.base.unfinishedIn(parent.name) > 0) {
    throw inUse(parent.name, 'it holds unfinished workloads, and only leaves of the tree may hold work');
  }
  const depth = ancestors(draft, queue).length + 1;
  if (depth > MAX_QUEUE_DEPTH) {
    throw invalid([
      { field: 'queue.parent', description: `would be ${depth} levels deep; at most ${MAX_QUEUE_DEPTH}` },
    ]);
  }
}

/** The rules that hold for every queue at all times. */
function check(draft: Draft, queue: Queue): void {
  const violations: FieldViolation[] = [];
  const { guaranteeGpus, limitGpus } = queue;
  if (limitGpus !== null && guaranteeGpus > limitGpus) {
    violations.push({
      field: 'queue.guarantee_gpus',
      description: `the guarantee of ${guaranteeGpus} is above the queue's own limit of ${limitGpus}`,
    });
  }
  const parent = queue.parent === null ? undefined : draft.base.queue(queue.parent);
  if (parent !== undefined) {
    const siblings = draft.base.childrenOf(parent.name).filter(({ name }) => name !== queue.name);
    const promised = siblings.reduce((sum, sibling) => sum + sibling.guaranteeGpus, guaranteeGpus);
    if (promised > parent.guaranteeGpus) {
      const others = promised - guaranteeGpus;
      violations.push({
        field: 'queue.guarantee_gpus',
        description:
          `the children of "${parent.name}" would be guaranteed ${promised} GPUs ` +
          `(${guaranteeGpus} here and ${others} of its siblings), above the parent's guarantee of ${parent.guaranteeGpus}`,
      });
    }
  }
  const children = draft.base.childrenOf(queue.name);
  const promisedBelow = children.reduce((sum, child) => sum + child.guaranteeGpus, 0);
  if (promisedBelow > guaranteeGpus) {
    violations.push({
      field: 'queue.guarantee_gpus',
      description: `a guarantee of ${guaranteeGpus} is below what its children are guaranteed together: ${promisedBelow}`,
    });
  }
  if (violations.length > 0) throw invalid(violations);
}

/** Nodes come and go, so a promise above today's capacity is taken, said, and shown as unmet. */
function warnings(draft: Draft, queue: Queue): readonly string[] {
  const roots = draft.base.childrenOf(null).filter(({ name }) => name !== queue.name);
  const top = queue.parent === null ? queue.guaranteeGpus : 0;
  const promised = roots.reduce((sum, root) => sum + root.guaranteeGpus, top);
  const capacity = [...draft.base.nodes.values()].reduce((sum, node) => sum + node.gpus.length, 0);
  if (promised <= capacity) return [];
  return [
    `the guarantees of all top-level queues sum up to ${plural(promised, 'GPU')}, but the known nodes have ${capacity}; ` +
      'what cannot be given is shown as unmet',
  ];
}

function ancestors(draft: Draft, queue: Queue): readonly Queue[] {
  const found: Queue[] = [];
  let name: QueueName | null = queue.parent;
  while (name !== null) {
    const ancestor: Queue = find(draft, name);
    found.push(ancestor);
    name = ancestor.parent;
  }
  return found;
}

function sameSpec(a: Queue, b: Queue): boolean {
  const keys = ['name', 'parent', 'guaranteeGpus', 'limitGpus', 'weight', 'priority'] as const;
  return keys.every((key) => a[key] === b[key]);
}

function alreadyExists(name: string): ApiError {
  return new ApiError({
    code: status.ALREADY_EXISTS,
    reason: 'QUEUE_EXISTS',
    message: `queue "${name}" exists already, with other settings\nChange it with: sluice queue update ${name}`,
    metadata: { queue: name },
  });
}

function inUse(name: string, why: string): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'QUEUE_IN_USE',
    message: `queue "${name}" is in use: ${why}`,
    metadata: { queue: name },
  });
}

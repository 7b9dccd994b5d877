// Creates, changes and deletes queues, and holds the rules of the tree: what a queue promises must fit into its own
// limit, and what children are guaranteed must fit into their parent: in GPUs, in CPU and memory, and for every part of the
// cluster that they name.
import { status } from '@grpc/grpc-js';
import { ApiError, type FieldViolation } from '../../../common/errors.js';
import { plural } from '../../../common/units.js';
import type { QueueName } from '../../../common/ids.js';
import type { Draft } from '../../model/draft.js';
import { matchesModel } from '../../model/gpu-model.js';
import type { ClusterNode, Gpu, Queue, QueueScope, ShapeGuarantee } from '../../model/records.js';
import type { Command } from '../command.js';
import { invalid, notFound } from '../refusals.js';
import { partName, samePart, scopeFlags, type Part } from './scope-flags.js';

/** How deep the tree may grow, and how many queues there may be. */
export const MAX_QUEUE_DEPTH = 8;
export const MAX_QUEUES = 10_000;
/** Of so many deleted queues, the latest, a budget above them knows what they used. */
export const MAX_FORMER_QUEUES = 1_000;

export interface QueueOutcome {
  readonly queue: Queue;
  /** Accepted, yet worth knowing. */
  readonly warnings: readonly string[];
}

/** The fields of a queue that can be changed after its creation. */
export type QueuePatch = Partial<Omit<Queue, 'name' | 'parent' | 'createdMs' | 'budgetStanding' | 'formerQueues'>>;

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
      const updated = withoutOldBudget({ ...find(draft, name), ...patch });
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
      // What it used still counts for those above it: a budget does not grow by making queues anew.
      for (const above of ancestors(draft, queue)) {
        if (above.budget === undefined || above.budget === null) continue;
        const others = (above.formerQueues ?? []).filter((former) => former !== queue.name);
        draft.put('queues', above.name, {
          ...above,
          formerQueues: [...others, queue.name].slice(-MAX_FORMER_QUEUES),
        });
      }
    },
  };
}

/** What is known of a budget goes with it. One that is only changed stands as it stood until it is looked at, at once. */
function withoutOldBudget(queue: Queue): Queue {
  if (queue.budget !== undefined && queue.budget !== null) return queue;
  const { budgetStanding: _standing, formerQueues: _former, ...rest } = queue;
  return rest;
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
  const parent = queue.parent === null ? undefined : draft.base.queue(queue.parent);
  const siblings =
    parent === undefined ? [] : draft.base.childrenOf(parent.name).filter(({ name }) => name !== queue.name);
  const family: Family = { queue, parent, siblings, children: draft.base.childrenOf(queue.name) };
  const violations = [
    ...FIGURES.flatMap((figure) => checkFigure(family, figure)),
    ...checkScopes(family),
    ...checkShapes(queue),
  ];
  if (violations.length > 0) throw invalid(violations);
}

/** A queue and those whose promises meet with its own. */
interface Family {
  readonly queue: Queue;
  readonly parent: Queue | undefined;
  readonly siblings: readonly Queue[];
  readonly children: readonly Queue[];
}

/** Something of which a queue has a guarantee and a limit. Null = as much as there is; it promises nothing. */
interface Figure {
  readonly field: string;
  readonly guarantee: (queue: Queue) => number | null;
  readonly limit: (queue: Queue) => number | null;
  readonly words: (figure: number) => string;
  /** The flags that change the guarantee of a queue to so much. */
  readonly flags: (figure: number, queue: Queue) => string;
}

const FIGURES: readonly Figure[] = [
  {
    field: 'queue.guarantee_gpus',
    guarantee: ({ guaranteeGpus }) => guaranteeGpus,
    limit: ({ limitGpus }) => limitGpus,
    words: (gpus) => plural(gpus, 'GPU'),
    flags: (gpus) => `--guarantee ${gpus}`,
  },
  {
    field: 'queue.guarantee_cpu_milli',
    guarantee: ({ guaranteeCpuMilli }) => guaranteeCpuMilli,
    limit: ({ limitCpuMilli }) => limitCpuMilli,
    words: (milli) => plural(milli / 1_000, 'CPU'),
    flags: (milli) => `--guarantee-cpus ${milli / 1_000}`,
  },
  {
    field: 'queue.guarantee_memory_mib',
    guarantee: ({ guaranteeMemoryMib }) => guaranteeMemoryMib,
    limit: ({ limitMemoryMib }) => limitMemoryMib,
    words: (mib) => `${mib} MiB of memory`,
    flags: (mib) => `--guarantee-memory ${mib}MiB`,
  },
];

/** A guarantee fits into the queue's own limit, the guarantees of children into their parent's. */
function checkFigure({ queue, parent, siblings, children }: Family, figure: Figure): readonly FieldViolation[] {
  const { field, guarantee, words, flags } = figure;
  const own = guarantee(queue);
  if (own === null) return [];
  const violations: FieldViolation[] = [];
  const limit = figure.limit(queue);
  if (limit !== null && own > limit) {
    violations.push({
      field,
      description: `the guarantee of ${words(own)} is above the queue's own limit of ${words(limit)}`,
    });
  }
  const parents = parent === undefined ? null : guarantee(parent);
  const promised = sum([own, ...siblings.map((sibling) => guarantee(sibling) ?? 0)]);
  if (parent !== undefined && parents !== null && promised > parents) {
    violations.push({
      field,
      description:
        `the children of "${parent.name}" would be guaranteed ${words(promised)} ` +
        `(${words(own)} here and ${words(sum([promised, -own]))} of its siblings), above the parent's guarantee of ${words(parents)}; ` +
        `raise that first: sluice queue update ${parent.name} ${flags(promised, parent)}`,
    });
  }
  const below = sum(children.map((child) => guarantee(child) ?? 0));
  if (below > own) {
    violations.push({
      field,
      description: `a guarantee of ${words(own)} is below what its children are guaranteed together: ${words(below)}`,
    });
  }
  return violations;
}

/** The same rules for every part of the cluster by itself: what is promised of it comes out of the parent's promise of it. */
function checkScopes(family: Family): readonly FieldViolation[] {
  const { queue, children } = family;
  const twice = queue.scopes.flatMap((scope, index) =>
    queue.scopes.findIndex((other) => samePart(other, scope)) < index
      ? [{ field: `queue.scopes[${index}]`, description: `${partName(scope)} is there twice; say all of it in one` }]
      : [],
  );
  const own = queue.scopes.flatMap((scope, index) => {
    const field = `queue.scopes[${index}].guarantee_gpus`;
    const above =
      queue.limitGpus !== null && scope.guaranteeGpus > queue.limitGpus
        ? [
            {
              field,
              description:
                `the guarantee of ${plural(scope.guaranteeGpus, 'GPU')} of ${partName(scope)} is above the queue's own ` +
                `limit of ${plural(queue.limitGpus, 'GPU')}`,
            },
          ]
        : [];
    return [...above, ...checkFigure(family, scopedFigure(scope, field))];
  });
  // A part that only children have a promise of: the queue itself promises nothing there.
  const ofChildren = children
    .flatMap(({ scopes }) => scopes)
    .filter(
      (scope, index, all) =>
        all.findIndex((other) => samePart(other, scope)) === index &&
        !queue.scopes.some((mine) => samePart(mine, scope)),
    );
  const missing = ofChildren.flatMap((scope) => checkFigure(family, scopedFigure(scope, 'queue.scopes')));
  return [...twice, ...own, ...missing];
}

/** A guarantee and limit for one part of the cluster; a queue without a word on it has no guarantee there. */
function scopedFigure(part: QueueScope, field: string): Figure {
  const scopeOf = (queue: Queue): QueueScope | undefined => queue.scopes.find((scope) => samePart(scope, part));
  return {
    field,
    guarantee: (queue) => scopeOf(queue)?.guaranteeGpus ?? 0,
    limit: (queue) => scopeOf(queue)?.limitGpus ?? null,
    words: (gpus) => `${plural(gpus, 'GPU')} of ${partName(part)}`,
    flags: (guaranteeGpus, queue) =>
      scopeFlags(queue.scopes, { ...part, limitGpus: scopeOf(queue)?.limitGpus ?? null, guaranteeGpus }),
  };
}

/** Shapes say how guaranteed GPUs lie together, so they fit into a guarantee: of the whole, or of the same part. */
function checkShapes(queue: Queue): readonly FieldViolation[] {
  const twice = queue.shapes.flatMap((shape, index) =>
    queue.shapes.findIndex(
      (other) => samePart(other, shape) && other.level === shape.level && other.gpus === shape.gpus,
    ) < index
      ? [{ field: `queue.shapes[${index}]`, description: `${shapeName(shape)} is there twice; add up the counts` }]
      : [],
  );
  const asked = sum(queue.shapes.map(({ count, gpus }) => count * gpus));
  const promised = Math.max(queue.guaranteeGpus, sum(queue.scopes.map(({ guaranteeGpus }) => guaranteeGpus)));
  if (asked <= promised) return twice;
  return [
    ...twice,
    {
      field: 'queue.shapes',
      description:
        `hold ${plural(asked, 'GPU')} together (${queue.shapes.map((shape) => `${shape.count} x ${shapeName(shape)}`).join(', ')}), ` +
        `above the guarantee of ${plural(promised, 'GPU')}; raise that: --guarantee ${asked}`,
    },
  ];
}

/** `8 GPUs of model "h100" in one node`. */
function shapeName({ gpus, level, ...part }: ShapeGuarantee): string {
  const of = part.pool === '' && part.model === '' ? '' : ` of ${partName(part)}`;
  return `${plural(gpus, 'GPU')}${of} in one ${level === 'nvlink' ? 'NVLink group' : level}`;
}

/** Sums of thousandths; added as fractions they would miss by a hair. */
function sum(gpus: readonly number[]): number {
  return gpus.reduce((total, each) => total + Math.round(each * 1_000), 0) / 1_000;
}

/** Nodes come and go, so a promise above today's capacity is taken, said, and shown as unmet. */
function warnings(draft: Draft, queue: Queue): readonly string[] {
  const others = draft.base.childrenOf(null).filter(({ name }) => name !== queue.name);
  const roots = queue.parent === null ? [...others, queue] : others;
  const nodes = [...draft.base.nodes.values()];
  const found: string[] = [];
  const warn = (what: string, promised: number, capacity: number): void => {
    if (promised <= capacity) return;
    found.push(
      `the guarantees of all top-level queues${what} sum up to ${plural(promised, 'GPU')}, but the known nodes have ${capacity}; ` +
        'what cannot be given is shown as unmet',
    );
  };
  warn('', sum(roots.map(({ guaranteeGpus }) => guaranteeGpus)), gpusOf(nodes, { pool: '', model: '' }).length);
  for (const part of queue.scopes) {
    const promised = sum(roots.map(({ scopes }) => scopes.find((scope) => samePart(scope, part))?.guaranteeGpus ?? 0));
    warn(` for ${partName(part)}`, promised, gpusOf(nodes, part).length);
  }
  for (const shape of queue.shapes) {
    const cells = sum(domainsOf(nodes, shape).map((gpus) => Math.floor(gpus / shape.gpus)));
    if (shape.count <= cells) continue;
    found.push(
      `${shape.count} x ${shapeName(shape)} are guaranteed, but the known nodes have room for ${cells} of them; ` +
        `the other ${shape.count - cells} cannot be had and are shown as owed`,
    );
  }
  return found;
}

/** The GPUs of one part of the cluster, with their nodes. */
function gpusOf(
  nodes: readonly ClusterNode[],
  { pool, model }: Part,
): readonly { readonly node: ClusterNode; readonly gpu: Gpu }[] {
  return nodes
    .filter((node) => pool === '' || node.pool === pool)
    .flatMap((node) => node.gpus.map((gpu) => ({ node, gpu })))
    .filter(({ gpu }) => matchesModel(gpu.model, model));
}

/** How many GPUs of a shape's kind each domain of its level has. What is in no such domain counts in none. */
function domainsOf(nodes: readonly ClusterNode[], shape: ShapeGuarantee): readonly number[] {
  const domains = new Map<string, number>();
  for (const { node, gpu } of gpusOf(nodes, shape)) {
    const domain = domainOf(node, gpu, shape.level);
    if (domain !== null) domains.set(domain, (domains.get(domain) ?? 0) + 1);
  }
  return [...domains.values()];
}

function domainOf(node: ClusterNode, gpu: Gpu, level: ShapeGuarantee['level']): string | null {
  switch (level) {
    case 'nvlink':
      return gpu.nvlinkGroup === null ? null : `${node.id} ${gpu.nvlinkGroup}`;
    case 'node':
      return node.id;
    case 'rack':
    case 'block':
      return node.labels[level] ?? null;
  }
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
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

/** What the daemon notes beside what people say. */
const NOTED: readonly string[] = ['budgetStanding', 'formerQueues'] satisfies (keyof Queue)[];

/** All fields that say something, in one order: older records lack fields of which newer ones say null. */
function canonical(queue: Queue): readonly unknown[] {
  const said = Object.entries(queue).filter(
    ([key, value]) => value !== null && value !== undefined && !NOTED.includes(key),
  );
  return said.toSorted(([a], [b]) => (a < b ? -1 : 1));
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

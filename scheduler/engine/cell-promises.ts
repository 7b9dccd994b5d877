// What queues are promised in cells, and of which kinds of GPUs. What a queue promises to those below it comes out of its own.
import { matchesModel } from '../model/gpu-model.js';
import type { ShapeGuarantee } from '../model/records.js';
import { type BankClass, compareNames } from './nodes.js';
import type { QueueNode } from './queues.js';
import type { ClusterView } from './view.js';

/** Cells of one shape for one queue. */
export interface Promised {
  readonly queue: QueueNode;
  readonly shape: ShapeGuarantee;
  readonly kinds: readonly BankClass[];
  readonly count: number;
}

/** What each queue is promised beyond what those below it are: that comes out of its own. */
export function promisesOf({ queues, nodes }: ClusterView): Promised[] {
  const found: Promised[] = [];
  const classes = nodes.classes.filter(({ profile, banks }) => profile === '' && banks.length > 0);
  for (const queue of [...queues.values()].sort((a, b) => compareNames(a.name, b.name))) {
    for (const shape of queue.record?.shapes ?? []) {
      const below = queue.children.reduce((sum, child) => sum + promisedBelow(child, shape), 0);
      const kinds = classes.filter(
        ({ pool, model }) => (shape.pool === '' || shape.pool === pool) && matchesModel(model, shape.model),
      );
      kinds.sort((a, b) => compareNames(kindOf(a), kindOf(b)));
      found.push({ queue, shape, kinds, count: Math.max(0, shape.count - below) });
    }
  }
  return found;
}

function promisedBelow(queue: QueueNode, shape: ShapeGuarantee): number {
  const own = queue.record?.shapes.find((each) => sameCells(each, shape));
  const below = queue.children.reduce((sum, child) => sum + promisedBelow(child, shape), 0);
  return Math.max(own?.count ?? 0, below);
}

/** Whether two promises are of equal cells. */
export function sameCells(a: ShapeGuarantee, b: ShapeGuarantee): boolean {
  return a.gpus === b.gpus && a.pool === b.pool && a.model === b.model && a.level === b.level;
}

/** GPUs that are alike for every request, in one word. */
export function kindOf({ pool, model, memoryMib }: BankClass): string {
  return `${pool}\n${model}\n${memoryMib}`;
}

// Parts of the cluster that queues name: which they are, what is in them, and what queues may have and can use of them. Slow and obvious.
import { matchesModel } from '../../scheduler/model/gpu-model.js';
import type { Queue } from '../../scheduler/model/records.js';
import type { ShareNode } from './share-node.js';

/** The GPUs of a pool, of a model, or of a model in a pool. */
export interface Part {
  /** Empty = any. */
  readonly pool: string;
  readonly model: string;
}

/** All parts of a cluster. */
export interface Parts {
  readonly all: readonly Part[];
  /** GPU parts there are of each. */
  readonly totals: readonly number[];
  /** Whether two of them have a GPU in common. */
  readonly overlap: (left: number, right: number) => boolean;
}

/** Each part that a queue names, once. */
export function partsNamed(queues: readonly Queue[]): readonly Part[] {
  const named = queues.flatMap(({ scopes }) => scopes.map(({ pool, model }) => ({ pool, model: model.toLowerCase() })));
  return named.filter((part, at) => named.findIndex((other) => isSame(part, other)) === at);
}

export function isSame(left: Part, right: Part): boolean {
  return left.pool === right.pool && left.model.toLowerCase() === right.model.toLowerCase();
}

export function isIn({ pool, model }: Part, gpu: Part): boolean {
  return (pool === '' || pool === gpu.pool) && matchesModel(gpu.model, model);
}

/** The largest sum of amounts of parts of which no two have a GPU in common: by trying every set of them. */
export function largestApart({ overlap }: Pick<Parts, 'overlap'>, amounts: readonly number[]): number {
  const best = (from: number, chosen: readonly number[]): number => {
    if (from === amounts.length) return chosen.reduce((sum, at) => sum + (amounts[at] ?? 0), 0);
    const without = best(from + 1, chosen);
    const mayChoose = (amounts[from] ?? 0) > 0 && !chosen.some((at) => overlap(at, from));
    return mayChoose ? Math.max(without, best(from + 1, [...chosen, from])) : without;
  };
  return best(0, []);
}

/** Of what it is guaranteed of parts, what a queue can use. */
export function entitledTo(node: ShareNode, parts: Parts): number {
  return largestApart(
    parts,
    parts.all.map((_, at) => Math.min(node.parts?.[at]?.guarantee ?? 0, usableOf(node, at))),
  );
}

/** What a queue asks for that can only go where a limit forbids it. */
export function beyondLimits(node: ShareNode, parts: Parts): number {
  return largestApart(
    parts,
    parts.all.map((_, at) => boundWanted(node, at) - boundUsable(node, at)),
  );
}

/** What a queue can use of a part: what it and those below hold and ask for, each cut to its own limits. */
export function usableOf(node: ShareNode, at: number): number {
  const { limit = Infinity, request = 0 } = node.parts?.[at] ?? {};
  const cut = node.children.reduce((sum, child) => sum + (child.parts?.[at]?.request ?? 0) - usableOf(child, at), 0);
  return Math.min(limit, node.limit.gpuParts, request - cut);
}

function boundWanted(node: ShareNode, at: number): number {
  const own = node.parts?.[at]?.boundRequest ?? 0;
  return node.children.reduce(
    (sum, child) => sum - (child.parts?.[at]?.boundRequest ?? 0) + boundUsable(child, at),
    own,
  );
}

function boundUsable(node: ShareNode, at: number): number {
  return Math.min(node.parts?.[at]?.limit ?? Infinity, boundWanted(node, at));
}

// What of the GPUs that a queue holds is within its guarantees, where it is guaranteed GPUs of parts of the cluster: what lies in
// such a part counts there first, as far as it is guaranteed; the GPUs of the parts count for the guarantee of the whole as well, and what that leaves is
// for GPUs anywhere. The same sum as `get queues` goes by. Kinds of GPUs (a model in a pool) are all that parts tell apart. Pure.
import { largestApart } from './apart.js';
import { matchesModel } from './gpu-model.js';
import { kindKey, kindOf, heldParts, type KindStanding } from './quota-use.js';
import type { Allocation, ClusterNode, Queue, QueueScope } from './records.js';
import { toParts } from './requests.js';

/** Whether the queue is guaranteed GPUs of a part of the cluster. */
export function hasGuaranteedParts({ scopes }: Pick<Queue, 'scopes'>): boolean {
  return scopes.some(({ guaranteeGpus }) => guaranteeGpus > 0);
}

/** GPUs of one kind that a queue holds, in the making. In parts of a GPU. */
export interface KindTally {
  readonly pool: string;
  readonly model: string;
  held: number;
  guaranteed: number;
}

/** How what is held has to divide. In parts of a GPU. */
export interface Owed {
  /** Guaranteed in all. */
  readonly total: number;
  /** Of these kinds together at least so much is guaranteed; no kind is in two of them. */
  readonly floors: readonly { readonly kinds: ReadonlySet<string>; readonly parts: number }[];
}

/** What a queue holds of each kind: as it was, without what has left, with what has come (as borrowed). */
export function talliesOf(
  kinds: ReadonlyMap<string, KindStanding>,
  left: readonly Allocation[],
  come: readonly Allocation[],
): Map<string, KindTally> {
  const tallies = new Map<string, KindTally>();
  for (const [key, { pool, model, heldParts: held, guaranteedParts: guaranteed }] of kinds) {
    tallies.set(key, { pool, model, held, guaranteed });
  }
  const add = (one: Allocation, held: number, guaranteed: number): void => {
    const kind = kindOf(one);
    const key = kindKey(kind);
    const tally = tallies.get(key) ?? { ...kind, held: 0, guaranteed: 0 };
    tally.held += held;
    tally.guaranteed += guaranteed;
    tallies.set(key, tally);
  };
  for (const one of left) add(one, -heldParts(one.gpus), (one.lent?.parts ?? 0) - heldParts(one.gpus));
  for (const one of come) add(one, heldParts(one.gpus), 0);
  return tallies;
}

/**
 * How what a queue holds has to divide.
 * @param nodes one of each kind: they say which parts have GPUs in common
 */
export function owedOf(
  { guaranteeGpus, scopes }: Pick<Queue, 'guaranteeGpus' | 'scopes'>,
  tallies: ReadonlyMap<string, KindTally>,
  nodes: () => readonly ClusterNode[],
): Owed {
  const parts = scopes.filter((scope) => scope.guaranteeGpus > 0);
  const kindsOf = parts.map((scope) => [...tallies].filter(([, kind]) => isIn(kind, scope)));
  const amounts = parts.map((scope, at) =>
    Math.min(
      toParts(scope.guaranteeGpus),
      (kindsOf[at] ?? []).reduce((sum, [, { held }]) => sum + held, 0),
    ),
  );
  const overlap = (a: number, b: number): boolean => {
    const both = [parts[a], parts[b]].flatMap((scope) => scope ?? []);
    const isShared = (kind: Pick<KindTally, 'pool' | 'model'>): boolean => both.every((scope) => isIn(kind, scope));
    return (
      [...tallies.values()].some(isShared) ||
      nodes().some(({ pool, gpus }) => gpus.some(({ model }) => isShared({ pool, model })))
    );
  };
  const { sum, indexes } = largestApart(amounts, overlap);
  const held = [...tallies.values()].reduce((all, tally) => all + tally.held, 0);
  return {
    total: Math.min(held, Math.max(toParts(guaranteeGpus), sum)),
    floors: indexes.map((at) => ({
      kinds: new Set((kindsOf[at] ?? []).map(([key]) => key)),
      parts: amounts[at] ?? 0,
    })),
  };
}

function isIn(kind: Pick<KindTally, 'pool' | 'model'>, { pool, model }: QueueScope): boolean {
  return (pool === '' || pool === kind.pool) && matchesModel(kind.model, model);
}

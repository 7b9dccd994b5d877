// What of each queue's guarantee is used, and which allocations borrow, kept as allocations change; of queues that are guaranteed
// GPUs of parts of the cluster, by kind of GPU as well. Owned by the state.
import type { AllocationId, QueueName } from '../../common/ids.js';
import type { Allocation } from './records.js';

/** How what a queue holds divides. */
export interface QuotaStanding {
  /** Held within its guarantee, in parts of a GPU. */
  readonly guaranteedParts: number;
  /** Held above it. */
  readonly borrowedParts: number;
  /** Allocations of which at least a part is borrowed, about in the order of their grants. */
  readonly borrowing: ReadonlySet<AllocationId>;
}

/** What a queue holds of GPUs of one model in one pool; kept of queues that are guaranteed GPUs of parts of the cluster. */
export interface KindStanding {
  readonly pool: string;
  readonly model: string;
  /** In parts of a GPU. */
  readonly heldParts: number;
  readonly guaranteedParts: number;
  /** As in {@link QuotaStanding}. */
  readonly borrowing: ReadonlySet<AllocationId>;
  /** Allocations of which at least a part is guaranteed. */
  readonly guaranteed: ReadonlySet<AllocationId>;
}

const NOTHING: QuotaStanding = { guaranteedParts: 0, borrowedParts: 0, borrowing: new Set() };

interface Standing extends QuotaStanding {
  guaranteedParts: number;
  borrowedParts: number;
  readonly borrowing: Set<AllocationId>;
}

interface Kind extends KindStanding {
  heldParts: number;
  guaranteedParts: number;
  readonly borrowing: Set<AllocationId>;
  readonly guaranteed: Set<AllocationId>;
}

/** The standing of every queue that holds something. A change costs O(1). */
export class QuotaUse {
  readonly #standings = new Map<QueueName, Standing>();
  /** Of queues that were asked for by kinds; followed from then on. */
  readonly #kinds = new Map<QueueName, Map<string, Kind>>();

  of(queue: QueueName): QuotaStanding {
    return this.#standings.get(queue) ?? NOTHING;
  }

  /**
   * What a queue holds, by kind of GPU. The first time costs a look at all that is held.
   * @param held all that is held, of any queue
   */
  kindsOf(queue: QueueName, held: () => Iterable<Allocation>): ReadonlyMap<string, KindStanding> {
    const known = this.#kinds.get(queue);
    if (known !== undefined) return known;
    const kinds = new Map<string, Kind>();
    const own = [...held()].flatMap((one) => standsFor(one) ?? []).filter((one) => one.queue === queue);
    for (const one of own.toSorted((a, b) => (a.id < b.id ? -1 : 1))) noteKind(kinds, null, one);
    this.#kinds.set(queue, kinds);
    return kinds;
  }

  /** Nobody asks for the kinds of this queue any more. */
  forgetKinds(queue: QueueName): void {
    this.#kinds.delete(queue);
  }

  note(before: Allocation | null, after: Allocation | null): void {
    const [was, is] = [standsFor(before), standsFor(after)];
    if (was !== null && is !== null && was.lent === is.lent) return;
    const kinds = this.#kinds.size === 0 ? undefined : this.#kinds.get((is ?? was)?.queue ?? ('' as QueueName));
    if (kinds !== undefined) noteKind(kinds, was, is);
    if (was !== null) this.#add(was, -1);
    if (is !== null) this.#add(is, 1);
    // One that goes on to borrow keeps its place.
    if (was !== null && borrowedPartsOf(is) === 0) this.#standingOf(was.queue).borrowing.delete(was.id);
    if (is !== null && borrowedPartsOf(is) > 0) this.#standingOf(is.queue).borrowing.add(is.id);
    if (is !== null || was === null) return;
    const { guaranteedParts, borrowing } = this.#standingOf(was.queue);
    if (guaranteedParts === 0 && borrowing.size === 0) this.#standings.delete(was.queue);
  }

  #add(one: Granted, sign: 1 | -1): void {
    const standing = this.#standingOf(one.queue);
    standing.guaranteedParts += sign * guaranteedPartsOf(one);
    standing.borrowedParts += sign * borrowedPartsOf(one);
  }

  #standingOf(queue: QueueName): Standing {
    const known = this.#standings.get(queue);
    if (known !== undefined) return known;
    const made: Standing = { guaranteedParts: 0, borrowedParts: 0, borrowing: new Set<AllocationId>() };
    this.#standings.set(queue, made);
    return made;
  }
}

function noteKind(kinds: Map<string, Kind>, was: Granted | null, is: Granted | null): void {
  const one = is ?? was;
  if (one === null) return;
  const { pool, model } = kindOf(one);
  const key = kindKey({ pool, model });
  const empty: Kind = { pool, model, heldParts: 0, guaranteedParts: 0, borrowing: new Set(), guaranteed: new Set() };
  const kind = kinds.get(key) ?? empty;
  kinds.set(key, kind);
  if (was !== null) {
    kind.heldParts -= heldParts(was.gpus);
    kind.guaranteedParts -= guaranteedPartsOf(was);
  }
  if (is !== null) {
    kind.heldParts += heldParts(is.gpus);
    kind.guaranteedParts += guaranteedPartsOf(is);
  }
  // One that stays what it was keeps its place.
  if (borrowedPartsOf(is) > 0) kind.borrowing.add(one.id);
  else kind.borrowing.delete(one.id);
  if (is !== null && guaranteedPartsOf(is) > 0) kind.guaranteed.add(one.id);
  else kind.guaranteed.delete(one.id);
  if (kind.heldParts === 0) kinds.delete(key);
}

/** Where its GPUs lie: the pool is that of the node at the grant, as in the sums of usage; of several models the first counts. */
export function kindOf({ pool, gpus }: Pick<Allocation, 'pool' | 'gpus'>): { pool: string; model: string } {
  return { pool: pool ?? '', model: gpus[0]?.model ?? '' };
}

export function kindKey({ pool, model }: { readonly pool: string; readonly model: string }): string {
  return `${pool}\n${model}`;
}

type Granted = Allocation & { readonly queue: QueueName };

/** Null = it holds no GPUs of a quota: what an earlier version granted does not say of which. */
function standsFor(one: Allocation | null): Granted | null {
  if (one === null || one.state === 'released' || one.queue === undefined || one.gpus.length === 0) return null;
  return one as Granted;
}

function guaranteedPartsOf(one: Allocation): number {
  return heldParts(one.gpus) - borrowedPartsOf(one);
}

function borrowedPartsOf(one: Allocation | null): number {
  return one?.lent?.parts ?? 0;
}

/** In parts of a GPU. */
export function heldParts(gpus: Allocation['gpus']): number {
  return gpus.reduce((sum, { parts }) => sum + parts, 0);
}

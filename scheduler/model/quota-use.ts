// What of each queue's guarantee is used, and which allocations borrow, kept as allocations change. Owned by the state.
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

const NOTHING: QuotaStanding = { guaranteedParts: 0, borrowedParts: 0, borrowing: new Set() };

interface Standing extends QuotaStanding {
  guaranteedParts: number;
  borrowedParts: number;
  readonly borrowing: Set<AllocationId>;
}

/** The standing of every queue that holds something. A change costs O(1). */
export class QuotaUse {
  readonly #standings = new Map<QueueName, Standing>();

  of(queue: QueueName): QuotaStanding {
    return this.#standings.get(queue) ?? NOTHING;
  }

  note(before: Allocation | null, after: Allocation | null): void {
    const [was, is] = [standsFor(before), standsFor(after)];
    if (was !== null && is !== null && was.lent === is.lent) return;
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

// Brings what a queue holds to the division that its guarantees ask for, kind by kind of GPU: gives a guarantee to those who have borrowed
// longest, takes it from those who came last, and touches nobody else. Pure.
import type { AllocationId } from '../../common/ids.js';
import type { KindTally, Owed } from './quota-parts.js';
import { kindKey, kindOf, type KindStanding } from './quota-use.js';
import type { Allocation } from './records.js';

/** Those who hold, as they will be. In parts of a GPU. */
export interface Holders {
  /** Not in the state yet. */
  readonly come: readonly Allocation[];
  /** Null = it has left. */
  readonly borrowedBy: (id: AllocationId) => number | null;
  readonly heldBy: (id: AllocationId) => number;
  readonly put: (id: AllocationId, borrowed: number) => void;
}

type Members = 'borrowing' | 'guaranteed';

/** One division of one queue. */
export class KindShift {
  readonly #kinds: ReadonlyMap<string, KindStanding>;
  readonly #tallies: ReadonlyMap<string, KindTally>;
  readonly #owed: Owed;
  readonly #holders: Holders;
  readonly #come = new Map<string, AllocationId[]>();

  /** @param kinds as they were before, with those who held */
  constructor(
    kinds: ReadonlyMap<string, KindStanding>,
    tallies: ReadonlyMap<string, KindTally>,
    owed: Owed,
    holders: Holders,
  ) {
    this.#kinds = kinds;
    this.#tallies = tallies;
    this.#owed = owed;
    this.#holders = holders;
    for (const one of holders.come) {
      const key = kindKey(kindOf(one));
      const ids = this.#come.get(key);
      if (ids === undefined) this.#come.set(key, [one.id]);
      else ids.push(one.id);
    }
  }

  /** First what parts are owed, then what is too much, then what is left of the guarantee of the whole. */
  run(): void {
    const { total, floors } = this.#owed;
    for (const { kinds, parts } of floors) this.#promote([...kinds], parts - this.#guaranteed(kinds));
    this.#demote(this.#guaranteed(this.#tallies.keys()) - total);
    this.#promote([...this.#tallies.keys()], total - this.#guaranteed(this.#tallies.keys()));
  }

  #promote(kinds: readonly string[], parts: number): void {
    if (parts <= 0) return;
    let left = parts;
    for (const [id, kind] of this.#oldest(kinds)) {
      const borrowed = this.#holders.borrowedBy(id) ?? 0;
      const more = Math.min(left, borrowed);
      if (more > 0) this.#put(id, kind, borrowed, borrowed - more);
      left -= more;
      if (left <= 0) return;
    }
  }

  /** Who came last, but for what parts are owed. */
  #demote(parts: number): void {
    if (parts <= 0) return;
    let left = parts;
    const latest = [...this.#tallies.keys()]
      .flatMap((kind) => this.#members(kind, 'guaranteed').map((id) => [id, kind] as const))
      .sort(([a], [b]) => (a < b ? 1 : -1));
    for (const [id, kind] of latest) {
      const borrowed = this.#holders.borrowedBy(id);
      if (borrowed === null) continue;
      const less = Math.min(left, this.#holders.heldBy(id) - borrowed, this.#spareOf(kind));
      if (less <= 0) continue;
      this.#put(id, kind, borrowed, borrowed + less);
      left -= less;
      if (left <= 0) return;
    }
  }

  /** How much of a kind's guaranteed may become borrowed. */
  #spareOf(kind: string): number {
    const floor = this.#owed.floors.find(({ kinds }) => kinds.has(kind));
    return floor === undefined ? Infinity : this.#guaranteed(floor.kinds) - floor.parts;
  }

  #put(id: AllocationId, kind: string, before: number, borrowed: number): void {
    const tally = this.#tallies.get(kind);
    if (tally !== undefined) tally.guaranteed += before - borrowed;
    this.#holders.put(id, borrowed);
  }

  #guaranteed(kinds: Iterable<string>): number {
    let sum = 0;
    for (const kind of kinds) sum += this.#tallies.get(kind)?.guaranteed ?? 0;
    return sum;
  }

  #members(kind: string, which: Members): AllocationId[] {
    return [...(this.#kinds.get(kind)?.[which] ?? []), ...(this.#come.get(kind) ?? [])];
  }

  /** Those who borrow, of several kinds: whoever has done so longest first. Walks no further than it is asked. */
  *#oldest(kinds: readonly string[]): Generator<readonly [AllocationId, string]> {
    const rows = kinds
      .map((kind) => ({ kind, ids: this.#walk(kind) }))
      .map((row) => ({ ...row, head: row.ids.next() }));
    for (;;) {
      let first: (typeof rows)[number] | null = null;
      for (const row of rows) {
        if (row.head.done === true) continue;
        if (first === null || first.head.done === true || row.head.value < first.head.value) first = row;
      }
      if (first === null || first.head.done === true) return;
      yield [first.head.value, first.kind];
      first.head = first.ids.next();
    }
  }

  *#walk(kind: string): Generator<AllocationId, undefined> {
    yield* this.#kinds.get(kind)?.borrowing ?? [];
    yield* this.#come.get(kind) ?? [];
    return undefined;
  }
}

// The groups of one queue that found no place, by where they may go and how many GPUs they ask for: what a change cannot help
// is passed over a whole reach, and a whole range of sizes, at once.
import { at, GPU } from './amounts.js';
import type { Reach } from './reach.js';
import type { Group } from './shapes.js';

/** Groups that may go to the same places and ask for as many GPU parts. */
interface Equals {
  readonly parts: number;
  readonly reach: Reach;
  readonly groups: Set<Group>;
}

/** All stuck groups of a queue. */
export class StuckShelf {
  /** Of each reach, the smallest first. */
  readonly #byReach = new Map<Reach, Equals[]>();
  readonly #filedAs = new Map<Group, Equals>();

  get size(): number {
    return this.#filedAs.size;
  }

  all(): Iterable<Group> {
    return this.#filedAs.keys();
  }

  /** Files a group under what its shape is now. Cost: a binary search, and for a new size one move of memory. */
  add(group: Group): void {
    const { reach, charge } = group.shape;
    const parts = at(charge, GPU);
    let sizes = this.#byReach.get(reach);
    if (!sizes) this.#byReach.set(reach, (sizes = []));
    const position = positionOf(sizes, parts);
    let equals = sizes[position];
    if (equals?.parts !== parts) sizes.splice(position, 0, (equals = { parts, reach, groups: new Set() }));
    equals.groups.add(group);
    this.#filedAs.set(group, equals);
  }

  delete(group: Group): void {
    const equals = this.#filedAs.get(group);
    if (!equals) return;
    const { groups, reach, parts } = equals;
    this.#filedAs.delete(group);
    groups.delete(group);
    if (groups.size > 0) return;
    const sizes = this.#byReach.get(reach) ?? [];
    sizes.splice(positionOf(sizes, parts), 1);
    if (sizes.length === 0) this.#byReach.delete(reach);
  }

  /** Shapes may reach further, or be charged otherwise: files all anew. */
  refile(): void {
    const groups = [...this.all()];
    this.#byReach.clear();
    this.#filedAs.clear();
    for (const group of groups) this.add(group);
  }

  /** By reach, groups that ask for so many GPU parts at most. Cost: what is given, and one look at each reach. */
  *upTo(mostParts: (reach: Reach) => number): Generator<readonly [Reach, ReadonlySet<Group>]> {
    for (const [reach, sizes] of this.#byReach) {
      const most = mostParts(reach);
      for (const { parts, groups } of sizes) {
        if (parts > most) break;
        yield [reach, groups];
      }
    }
  }
}

/** Where a size stands, or would stand. */
function positionOf(sizes: readonly Equals[], parts: number): number {
  let low = 0;
  let high = sizes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sizes[middle]?.parts ?? Infinity) < parts) low = middle + 1;
    else high = middle;
  }
  return low;
}

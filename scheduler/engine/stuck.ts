// The groups of one queue that found no place, by where they may go and how many GPUs they ask for: what a change cannot help
// is passed over a whole reach, and a whole range of sizes, at once.
import { at, GPU } from './amounts.js';
import type { Reach } from './reach.js';
import type { Group } from './shapes.js';

/** Groups that may go to the same places and ask for as many GPU parts. */
interface Equals {
  readonly parts: number;
  readonly same: SameReach;
  readonly groups: Set<Group>;
}

/** All that have one reach, the smallest first. */
interface SameReach {
  readonly reach: Reach;
  readonly sizes: Equals[];
}

/** All stuck groups of a queue. */
export class StuckShelf {
  readonly #reaches: SameReach[] = [];
  readonly #filedAs = new Map<Group, Equals>();

  get size(): number {
    return this.#filedAs.size;
  }

  all(): Iterable<Group> {
    return this.#filedAs.keys();
  }

  /** Files a group under what its shape is now. Cost: a look at each reach, a binary search among its sizes. */
  add(group: Group): void {
    const { reach, charge } = group.shape;
    const parts = at(charge, GPU);
    let same = this.#reaches.find((each) => each.reach === reach);
    if (!same) this.#reaches.push((same = { reach, sizes: [] }));
    const { sizes } = same;
    const position = positionOf(sizes, parts);
    let equals = sizes[position];
    if (equals?.parts !== parts) sizes.splice(position, 0, (equals = { parts, same, groups: new Set() }));
    equals.groups.add(group);
    this.#filedAs.set(group, equals);
  }

  delete(group: Group): void {
    const equals = this.#filedAs.get(group);
    if (!equals) return;
    const { groups, same, parts } = equals;
    this.#filedAs.delete(group);
    groups.delete(group);
    if (groups.size > 0) return;
    same.sizes.splice(positionOf(same.sizes, parts), 1);
    if (same.sizes.length === 0) this.#reaches.splice(this.#reaches.indexOf(same), 1);
  }

  /** Shapes may reach further, or be charged otherwise: files all anew. */
  refile(): void {
    const groups = [...this.all()];
    this.#reaches.length = 0;
    this.#filedAs.clear();
    for (const group of groups) this.add(group);
  }

  /** Visits, by reach, groups that ask for so many GPU parts at most. Cost: what is visited, and one look at each reach. */
  forEachUpTo(mostParts: (reach: Reach) => number, visit: (reach: Reach, groups: ReadonlySet<Group>) => void): void {
    for (const { reach, sizes } of this.#reaches) {
      const most = mostParts(reach);
      for (const { parts, groups } of sizes) {
        if (parts > most) break;
        visit(reach, groups);
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

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
  readonly #byReach = new Map<Reach, SameReach>();
  readonly #filedAs = new Map<Group, Equals>();
  /** What the smallest of all ask for; null = not known. */
  #leastParts: number | null = Infinity;

  get size(): number {
    return this.#filedAs.size;
  }

  all(): Iterable<Group> {
    return this.#filedAs.keys();
  }

  /** Files a group under what its shape is now. Cost: a binary search among the sizes of its reach. */
  add(group: Group): void {
    const { reach, charge } = group.shape;
    const parts = at(charge, GPU);
    let same = this.#byReach.get(reach);
    if (!same) this.#byReach.set(reach, (same = { reach, sizes: [] }));
    const { sizes } = same;
    const position = positionOf(sizes, parts);
    let equals = sizes[position];
    if (equals?.parts !== parts) sizes.splice(position, 0, (equals = { parts, same, groups: new Set() }));
    equals.groups.add(group);
    this.#filedAs.set(group, equals);
    if (this.#leastParts !== null && parts < this.#leastParts) this.#leastParts = parts;
  }

  delete(group: Group): void {
    const equals = this.#filedAs.get(group);
    if (!equals) return;
    const { groups, same, parts } = equals;
    this.#filedAs.delete(group);
    groups.delete(group);
    if (groups.size > 0) return;
    if (parts === this.#leastParts) this.#leastParts = null;
    same.sizes.splice(positionOf(same.sizes, parts), 1);
    if (same.sizes.length === 0) this.#byReach.delete(same.reach);
  }

  /** Shapes may reach further, or be charged otherwise: files all anew. */
  refile(): void {
    const groups = [...this.all()];
    this.#byReach.clear();
    this.#filedAs.clear();
    this.#leastParts = Infinity;
    for (const group of groups) this.add(group);
  }

  /** Visits groups that ask for so many GPU parts at most. Cost: what is visited, and a look at each reach if anything is. */
  forEachUpTo(most: number, visit: Visit): void {
    this.#leastParts ??= this.#findLeast();
    if (this.#leastParts > most) return;
    for (const { reach, sizes } of this.#byReach.values()) visitUpTo(most, reach, sizes, visit);
  }

  #findLeast(): number {
    let least = Infinity;
    for (const { sizes } of this.#byReach.values()) least = Math.min(least, sizes[0]?.parts ?? Infinity);
    return least;
  }

  /** The same for some reaches, each with its bound. */
  forEachIn(mostParts: ReadonlyMap<Reach, number>, visit: Visit): void {
    for (const [reach, most] of mostParts) visitUpTo(most, reach, this.#byReach.get(reach)?.sizes ?? [], visit);
  }
}

/** @param parts how many GPU parts each of the groups asks for */
type Visit = (reach: Reach, parts: number, groups: ReadonlySet<Group>) => void;

function visitUpTo(most: number, reach: Reach, sizes: readonly Equals[], visit: Visit): void {
  for (const { parts, groups } of sizes) {
    if (parts > most) return;
    visit(reach, parts, groups);
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

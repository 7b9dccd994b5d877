// Which members of a sorted list stand at which level (so many GPUs free, so many tasks), answered in order of rank.
// Hot: one move is two bit flips, one search for the first member reads a word per 1,024 members.
// Watched by the bench figures engine.fill_s and engine.one_change_p99_ms.

/** A set of ranks that gives its lowest member at once: a bitset with a bitset of its non-zero words above it. */
class RankSet {
  readonly #words: Uint32Array;
  readonly #summary: Uint32Array;

  constructor(size: number) {
    const words = Math.ceil(size / 32);
    this.#words = new Uint32Array(words);
    this.#summary = new Uint32Array(Math.ceil(words / 32));
  }

  add(rank: number): void {
    const word = rank >>> 5;
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (rank & 31));
    this.#summary[word >>> 5] = (this.#summary[word >>> 5] ?? 0) | (1 << (word & 31));
  }

  remove(rank: number): void {
    const word = rank >>> 5;
    const left = (this.#words[word] ?? 0) & ~(1 << (rank & 31));
    this.#words[word] = left;
    if (left === 0) this.#summary[word >>> 5] = (this.#summary[word >>> 5] ?? 0) & ~(1 << (word & 31));
  }

  /** The lowest member from `rank` on, -1 when there is none. */
  next(rank: number): number {
    let word = rank >>> 5;
    if (word >= this.#words.length) return -1;
    const here = (this.#words[word] ?? 0) & (-1 << (rank & 31));
    if (here !== 0) return word * 32 + lowestBit(here);
    word++;
    let at = word >>> 5;
    let summary = (this.#summary[at] ?? 0) & ((word & 31) === 0 ? -1 : -1 << (word & 31));
    for (;;) {
      if (summary !== 0) {
        const found = at * 32 + lowestBit(summary);
        return found * 32 + lowestBit(this.#words[found] ?? 0);
      }
      at++;
      if (at >= this.#summary.length) return -1;
      summary = this.#summary[at] ?? 0;
    }
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** How many members stand at each level. */
export class LevelCounts {
  readonly maxLevel: number;
  readonly #counts: Int32Array;

  /** @param maxLevel the highest level there is */
  constructor(maxLevel: number) {
    this.maxLevel = maxLevel;
    this.#counts = new Int32Array(maxLevel + 1);
  }

  change(level: number, by: number): void {
    this.#counts[level] = this.count(level) + by;
  }

  /** How many members stand at this level. */
  count(level: number): number {
    return this.#counts[level] ?? 0;
  }

  /** The lowest level from `level` on that has a member, -1 when there is none. */
  levelFrom(level: number): number {
    for (let at = level; at <= this.maxLevel; at++) if ((this.#counts[at] ?? 0) > 0) return at;
    return -1;
  }

  /** How many portions of `size` all members can give, counted no further than `enough`. Cost: one step a level. */
  portions(size: number, enough: number): number {
    let sum = 0;
    for (let level = this.maxLevel; level >= size && sum < enough; level--) {
      const count = this.#counts[level] ?? 0;
      if (count > 0) sum += count * Math.floor(level / size);
    }
    return sum;
  }
}

/** Members by level. */
export class LevelIndex {
  readonly counts: LevelCounts;
  readonly #sets: (RankSet | null)[];
  readonly #size: number;

  /**
   * @param maxLevel the highest level there is
   * @param size how many members, ranked 0 to size - 1
   */
  constructor(maxLevel: number, size: number) {
    this.counts = new LevelCounts(maxLevel);
    this.#size = size;
    this.#sets = new Array<RankSet | null>(maxLevel + 1).fill(null);
  }

  add(rank: number, level: number): void {
    this.counts.change(level, 1);
    let set = this.#sets[level];
    if (!set) this.#sets[level] = set = new RankSet(this.#size);
    set.add(rank);
  }

  remove(rank: number, level: number): void {
    this.counts.change(level, -1);
    this.#sets[level]?.remove(rank);
  }

  move(rank: number, from: number, to: number): void {
    this.remove(rank, from);
    this.add(rank, to);
  }

  /** The member of lowest rank at this level from `rank` on, -1 when there is none. */
  next(level: number, rank = 0): number {
    return this.counts.count(level) === 0 ? -1 : (this.#sets[level]?.next(rank) ?? -1);
  }
}

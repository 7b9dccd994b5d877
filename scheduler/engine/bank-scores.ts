// How useful what stays free of a bank would be after a request was placed there, for the requests that usually come: the
// banks of one class, for each usual kind of request indexed by score. Scores follow from the mix and from what is free
// alone, so they may be worked out late: what changed is noted, and looked at when somebody asks.
import { GPU_PARTS } from '../model/requests.js';
import { type FreeCapacity, fragmentationScore, gradient, type RequestKind, RequestMix } from './fragmentation.js';
import { type Bank, type BankClass, freeOf, type Slot } from './nodes.js';
import { LevelIndex } from './rank-index.js';

const HIGHEST_SCORE = 100;
/** A bank that cannot take the request. */
const UNFIT = -1;
/** A log of so many changes is kept at least. */
const LEAST_LOG = 64;

/** A number of free slots, and how useful it is to take some of them there. */
export interface UsefulLevel {
  readonly level: number;
  readonly score: number;
}

/** What a class of banks knows of the usefulness of its slots. */
export class BankScores {
  readonly mix = new RequestMix();
  readonly #bankClass: BankClass;
  readonly #byKind = new Map<string, ScoreIndex>();
  readonly #levels = new Map<number, readonly UsefulLevel[]>();
  #log = new Int32Array(LEAST_LOG);
  #written = 0;
  #stamp = 0;

  constructor(bankClass: BankClass) {
    this.#bankClass = bankClass;
  }

  /** Follows a bank of which more or less is free. Cost: one number written, none while nobody asked for a score. */
  changed(rank: number): void {
    if (this.#byKind.size > 0) this.#log[this.#written++ % this.#log.length] = rank;
  }

  /** Banks came or went: their ranks are others. */
  reset(): void {
    this.#byKind.clear();
  }

  /**
   * Numbers of free slots from `least` to `most`, that first of which `least` slots are best taken, where nothing but
   * whole GPUs counts; the fewest first among equals. Cost: a look-up, until the mix changes.
   */
  levels(least: number, most: number): readonly UsefulLevel[] {
    this.#settle();
    const key = least * 1_024 + most;
    let found = this.#levels.get(key);
    if (!found) {
      found = Array.from({ length: most - least + 1 }, (_, offset) => this.#rate(least, least + offset));
      found = found.toSorted((a, b) => b.score - a.score || a.level - b.level);
      this.#levels.set(key, found);
    }
    return found;
  }

  #rate(gpus: number, level: number): UsefulLevel {
    const free = { wholeGpus: level, partialParts: [], cpuMilli: Infinity, memoryMib: Infinity };
    const request = { gpus, parts: GPU_PARTS, cpuMilli: 0, memoryMib: 0 };
    return { level, score: scoreOf(this.mix, free, request, new Array<number>(gpus).fill(GPU_PARTS)) };
  }

  /**
   * The banks by their score for a kind of request; null = it is not a usual one, or whole GPUs are all that counts.
   * Cost: what changed since it was last asked for is scored; all banks, when the mix is another one.
   */
  index(kind: RequestKind): ScoreIndex | null {
    this.#settle();
    if (this.mix.isPlain) return null;
    const key = `${kind.gpus}/${kind.parts}/${kind.cpuMilli}/${kind.memoryMib}`;
    let index = this.#byKind.get(key);
    if (!index) {
      if (this.mix.share(kind) === 0) return null;
      index = new ScoreIndex(this.#bankClass, this.mix, kind);
      this.#startLog();
      index.readTo = this.#written;
      this.#byKind.set(key, index);
    }
    this.#follow(index);
    return index;
  }

  #startLog(): void {
    const { length } = this.#bankClass.banks;
    if (this.#log.length < length) {
      this.#log = new Int32Array(length);
      // What was written in the shorter one is lost: all that read it are behind by more than the log holds.
      this.#written += length + 1;
    }
  }

  #follow(index: ScoreIndex): void {
    const { length } = this.#log;
    if (this.#written - index.readTo > length) index.scoreAll();
    else for (let at = index.readTo; at < this.#written; at++) index.score(this.#log[at % length] ?? 0);
    index.readTo = this.#written;
  }

  #settle(): void {
    const { stamp } = this.mix;
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#levels.clear();
    this.#byKind.clear();
  }
}

/** The banks of a class by score for one kind of request. */
export class ScoreIndex {
  /** How far in the log of changes it has read. */
  readTo = 0;
  readonly #bankClass: BankClass;
  readonly #mix: RequestMix;
  readonly #kind: RequestKind;
  /** By what placing it on GPUs that are free as a whole makes of them, and on a GPU that is shared already. */
  readonly #whole: Scores;
  readonly #open: Scores;

  constructor(bankClass: BankClass, mix: RequestMix, kind: RequestKind) {
    this.#bankClass = bankClass;
    this.#mix = mix;
    this.#kind = kind;
    this.#whole = new Scores(bankClass.banks.length);
    this.#open = new Scores(bankClass.banks.length);
    this.scoreAll();
  }

  /** Banks that may take the request, the best score first, then by name; in shared GPUs, or in whole ones. */
  *best(where: 'whole' | 'open'): Generator<{ readonly bank: Bank; readonly score: number }> {
    const scores = where === 'whole' ? this.#whole : this.#open;
    for (let score = HIGHEST_SCORE; score >= 0; score--) {
      for (let rank = scores.next(score); rank !== -1; rank = scores.next(score, rank + 1)) {
        const bank = this.#bankClass.banks[rank];
        if (bank) yield { bank, score };
      }
    }
  }

  /** Of a bank's GPUs that are shared already: the one on which the request makes the best of the bank. */
  bestSlot(bank: Bank): Slot | null {
    return this.#bestOpen(bank, this.#freeOf(bank))?.slot ?? null;
  }

  scoreAll(): void {
    for (let rank = 0; rank < this.#bankClass.banks.length; rank++) this.score(rank);
  }

  /** Cost: the kinds of the mix times the slots of the bank. */
  score(rank: number): void {
    const bank = this.#bankClass.banks[rank];
    if (!bank) return;
    const { gpus, parts, cpuMilli, memoryMib } = this.#kind;
    const free = this.#freeOf(bank);
    const fits = bank.node.available && free.cpuMilli >= cpuMilli && free.memoryMib >= memoryMib;
    const isShare = gpus === 1 && parts < GPU_PARTS;
    this.#open.set(rank, fits && isShare ? (this.#bestOpen(bank, free)?.score ?? UNFIT) : UNFIT);
    this.#whole.set(
      rank,
      fits && bank.free >= gpus ? this.#score(free, new Array<number>(gpus).fill(GPU_PARTS)) : UNFIT,
    );
  }

  #bestOpen(bank: Bank, free: FreeCapacity): { readonly slot: Slot; readonly score: number } | null {
    let best: { readonly slot: Slot; readonly score: number } | null = null;
    for (const slot of bank.slots) {
      if (slot.free < this.#kind.parts || slot.free === GPU_PARTS || slot.free === best?.slot.free) continue;
      const score = this.#score(free, [slot.free]);
      if (best === null || score > best.score) best = { slot, score };
    }
    return best;
  }

  #score(free: FreeCapacity, chosen: readonly number[]): number {
    return scoreOf(this.#mix, free, this.#kind, chosen);
  }

  #freeOf(bank: Bank): FreeCapacity {
    const partialParts: number[] = [];
    for (const { free } of bank.slots) if (free > 0 && free < GPU_PARTS) partialParts.push(free);
    const { cpu, memory } = bank.node;
    return { wholeGpus: bank.free, partialParts, cpuMilli: freeOf(cpu), memoryMib: freeOf(memory) };
  }
}

/** A score for each rank, and the ranks of each score. */
class Scores {
  readonly #of: Int8Array;
  readonly #ranks: LevelIndex;

  constructor(size: number) {
    this.#of = new Int8Array(size).fill(UNFIT);
    this.#ranks = new LevelIndex(HIGHEST_SCORE, size);
  }

  set(rank: number, score: number): void {
    const before = this.#of[rank] ?? UNFIT;
    if (before === score) return;
    if (before !== UNFIT) this.#ranks.remove(rank, before);
    if (score !== UNFIT) this.#ranks.add(rank, score);
    this.#of[rank] = score;
  }

  next(score: number, rank = 0): number {
    return this.#ranks.next(score, rank);
  }
}

function scoreOf(mix: RequestMix, free: FreeCapacity, kind: RequestKind, chosen: readonly number[]): number {
  return fragmentationScore(gradient(mix, free, kind, chosen));
}

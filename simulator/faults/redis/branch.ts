// What checkers know of the histories that the servers hold, and nobody in a world can: which commits have as many copies as the daemons wait
// for, and what is lost when a server that lacks some of them is promoted. Each primary writes a branch of its own.
import type { Allocation, CollectionName } from '../../../scheduler/model/records.js';
import type { Commit, StorePosition } from '../../../scheduler/store/state-store.js';
import { apply, type Image, type StoredImage } from '../store.js';
import type { Effect } from './data.js';
import type { SimRedisServer } from './server.js';

/** What one primary wrote since it is one, on top of what it had. */
export class Branch implements StoredImage {
  readonly server: SimRedisServer;
  /** Counts the branches of a world. */
  readonly history: number;
  /** The allocations that its server had when it began. */
  readonly takenOver: readonly Allocation['id'][];
  readonly #copies: number;
  /** What had copies enough on any branch. On a server that takes over this is not all: it may hold commits that nobody was told of. */
  readonly #acknowledged: Set<Effect>;
  /** How much of the log is known to be among these. */
  #acknowledgedLength = 0;
  readonly #tables: Map<CollectionName, Map<string, unknown>> = new Map();
  #position: StorePosition = { lineage: '', epoch: 0, revision: 0 };
  /** How much of the log is in the image. */
  #length = 0;
  /** The effects in the image, since a server may give its log up. */
  readonly #log: Effect[] = [];
  /** In which epoch it came to each revision, by lineage and revision. */
  readonly #epochs = new Map<string, number>();

  /**
   * @param copies as many as the daemons wait for
   * @param acknowledged of all branches of a world
   */
  constructor(server: SimRedisServer, history: number, copies: number, acknowledged: Set<Effect>) {
    this.server = server;
    this.history = history;
    this.#copies = copies;
    this.#acknowledged = acknowledged;
    this.takenOver = this.#take(server.log.length);
    while (this.#acknowledgedLength < this.#log.length && this.#isAcknowledged(this.#acknowledgedLength)) {
      this.#acknowledgedLength += 1;
    }
  }

  /** What as many servers hold as must. */
  get image(): Image {
    return { position: this.#position, tables: this.#tables };
  }

  record<T>(collection: CollectionName, key: string): T | undefined {
    return this.#tables.get(collection)?.get(key) as T | undefined;
  }

  /** Everything that its server holds, whoever else does. */
  get newest(): Branch {
    return new Branch(this.server, this.history, 0, this.#acknowledged);
  }

  /** Takes in what has copies enough by now. @returns the allocations that are in it since */
  advance(): readonly Allocation['id'][] {
    const length = this.#copies === 0 ? this.server.log.length : this.server.lengthWithCopies(this.#copies);
    const placed = this.#take(length);
    for (; this.#acknowledgedLength < length; this.#acknowledgedLength += 1) {
      const effect = this.#log[this.#acknowledgedLength];
      if (effect === undefined) break;
      this.#acknowledged.add(effect);
    }
    return placed;
  }

  /** Those of its commits, of those that had copies enough, that another one does not have. */
  lostIn(other: Branch): readonly Effect[] {
    let same = 0;
    while (same < this.#acknowledgedLength && this.#log[same] === other.#log[same]) same += 1;
    return this.acknowledgedFrom(same);
  }

  /** How much of the log had copies enough, here or on a branch before. */
  get acknowledgedLength(): number {
    return this.#acknowledgedLength;
  }

  /** The commits with copies enough that stand in the log from there on. */
  acknowledgedFrom(length: number): readonly Effect[] {
    return this.#log.slice(length, this.#acknowledgedLength).filter(({ type }) => type === 'batch');
  }

  #isAcknowledged(place: number): boolean {
    const effect = this.#log[place];
    return effect !== undefined && this.#acknowledged.has(effect);
  }

  includes(effect: Effect): boolean {
    return this.#log.includes(effect);
  }

  holds(commit: Commit): boolean {
    return this.#log.some((effect) => effect.type === 'batch' && effect.commit === commit);
  }

  /** Whether orders of that revision, obeyed when `maxEpoch` was the latest epoch, came from what it has. */
  ordered(obeyed: { readonly lineage: string; readonly maxEpoch: number; readonly maxRevision: number }): boolean {
    const epoch = this.#epochs.get(placeOf(obeyed.lineage, obeyed.maxRevision));
    return epoch !== undefined && epoch <= obeyed.maxEpoch;
  }

  #take(length: number): Allocation['id'][] {
    const placed: Allocation['id'][] = [];
    for (; this.#length < length; this.#length += 1) {
      const effect = this.server.log[this.#length];
      if (effect === undefined) break;
      this.#log.push(effect);
      if (effect.type === 'leader') continue;
      const { lineage, epoch, revision } = effect.head;
      this.#position = { lineage, epoch, revision };
      const place = placeOf(lineage, revision);
      if (!this.#epochs.has(place)) this.#epochs.set(place, epoch);
      if (effect.type !== 'batch') continue;
      if (effect.commit === null) throw new Error('a batch of no commit was carried out');
      apply(this.#tables, effect.commit);
      for (const { collection, key } of effect.commit.puts)
        if (collection === 'allocations') placed.push(key as Allocation['id']);
    }
    return placed;
  }
}

function placeOf(lineage: string, revision: number): string {
  return `${lineage} ${revision}`;
}

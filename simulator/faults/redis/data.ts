// What one simulated Redis holds, and the operations of the store's port as it carries them out: each is one step that either does all or
// nothing, as a script of the real one. The same tests hold both to the same answers (test/simulator/redis-port.test.ts).
import type { Commit } from '../../../scheduler/store/state-store.js';
import type { LeaderCard } from '../../../scheduler/store/leadership.js';
import type {
  LeaderClaim,
  RecordPage,
  RedisBatch,
  RedisHead,
  WriteAnswer,
} from '../../../scheduler/store/redis/port.js';

/** Records of one page. */
const PAGE = 100;

/** What a step changed, as it goes to the replicas. Each is an object of its own, so that two histories can be compared. */
export type Effect =
  | { readonly type: 'head'; readonly head: RedisHead }
  | {
      readonly type: 'batch';
      readonly head: RedisHead;
      readonly batch: RedisBatch;
      /** What the batch was made of, for those who look at worlds from outside. */
      readonly commit: Commit | null;
    }
  | { readonly type: 'leader'; readonly claim: HeldClaim | null };

interface HeldClaim {
  readonly card: LeaderCard;
  /** By the time of day. */
  readonly untilMs: number;
}

/** An answer, and what has to be applied and told to the replicas; null = nothing changes. */
export interface Step<T> {
  readonly answer: T;
  readonly effect: Effect | null;
}

export class RedisData {
  #head: RedisHead | null = null;
  #records = new Map<string, RecordPage['records'][number]>();
  #leader: HeldClaim | null = null;

  get head(): RedisHead | null {
    return this.#head;
  }

  copy(): RedisData {
    const copy = new RedisData();
    copy.#head = this.#head;
    copy.#records = new Map(this.#records);
    copy.#leader = this.#leader;
    return copy;
  }

  apply(effect: Effect): void {
    switch (effect.type) {
      case 'head':
        this.#head = effect.head;
        return;
      case 'leader':
        this.#leader = effect.claim;
        return;
      case 'batch':
        for (const { collection, key, value } of effect.batch.changes) {
          if (value === null) this.#records.delete(`${collection}/${key}`);
          else this.#records.set(`${collection}/${key}`, { collection, key, value });
        }
        this.#head = effect.head;
    }
  }

  writeHead(expected: RedisHead | null, head: RedisHead): Step<WriteAnswer> {
    if (!isSame(this.#head, expected)) return refused(this.#head);
    return { answer: { done: true, head }, effect: { type: 'head', head } };
  }

  append(batch: RedisBatch, commit: Commit | null): Step<WriteAnswer> {
    const before = this.#head;
    if (before === null) return refused(before);
    const isSameTerm = before.epoch === batch.epoch && before.term === batch.term;
    const follows = before.lineage === batch.lineage && isSameTerm;
    if (!follows || before.revision !== batch.after) return refused(before);
    const head = { ...before, revision: batch.revision, schema: batch.schema ?? before.schema };
    return { answer: { done: true, head }, effect: { type: 'batch', head, batch, commit } };
  }

  readPage(from: string | null): RecordPage {
    const keys = [...this.#records.keys()].sort();
    const begin = from === null ? 0 : keys.findIndex((key) => key > from);
    const page = begin < 0 ? [] : keys.slice(begin, begin + PAGE);
    const records = page.flatMap((key) => this.#records.get(key) ?? []);
    const isLast = begin < 0 || begin + PAGE >= keys.length;
    return { records, next: isLast ? null : (page.at(-1) ?? null) };
  }

  claim(card: LeaderCard, holdMs: number, nowMs: number): Step<LeaderClaim> {
    const held = this.claimed(nowMs);
    if (held !== null && held.card.id !== card.id) return { answer: held, effect: null };
    return {
      answer: { card, leftMs: holdMs },
      effect: { type: 'leader', claim: { card, untilMs: nowMs + holdMs } },
    };
  }

  claimed(nowMs: number): LeaderClaim | null {
    if (this.#leader === null || this.#leader.untilMs <= nowMs) return null;
    return { card: this.#leader.card, leftMs: this.#leader.untilMs - nowMs };
  }

  release(id: string, nowMs: number): Step<boolean> {
    if (this.claimed(nowMs)?.card.id !== id) return { answer: false, effect: null };
    return { answer: true, effect: { type: 'leader', claim: null } };
  }
}

function refused(head: RedisHead | null): Step<WriteAnswer> {
  return { answer: { done: false, head }, effect: null };
}

function isSame(one: RedisHead | null, other: RedisHead | null): boolean {
  if (one === null || other === null) return one === other;
  const isSameTerm = one.lineage === other.lineage && one.epoch === other.epoch && one.term === other.term;
  return isSameTerm && one.revision === other.revision && one.schema === other.schema;
}

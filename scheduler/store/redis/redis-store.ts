// The Redis store: records in hashes of one Redis, with copies on its replicas before a commit is acknowledged. Safe whoever
// else writes, because every write says which lineage, epoch, term and revision it follows. docs/internals/store.md tells the whole.
import { randomUUID } from 'node:crypto';
import { invariant } from '../../../common/assert.js';
import type { Clock } from '../../../common/clock.js';
import { checkLimits, whyRefused } from '../commit-limits.js';
import { StoreUnusable } from '../data-folder.js';
import { COLLECTION_NAMES } from '../collections.js';
import { CURRENT_SCHEMA, type Schema } from '../schema.js';
import type { SpaceReport } from '../space.js';
import {
  type Commit,
  CommitRefused,
  type CopyInForce,
  type NewTerm,
  type SpaceState,
  type StateStore,
  type StoredRecord,
  StoreFailure,
  type StorePosition,
  type StoreSnapshot,
} from '../state-store.js';
import {
  type FieldChange,
  type RedisBatch,
  type RedisFacts,
  type RedisHead,
  type RedisPort,
  RedisUnreachable,
  type WriteAnswer,
} from './port.js';
import { changesOf, decode, type EncodedRecord, type Reading, readRecords } from './records.js';
import { judgeMemory } from './memory.js';

export interface RedisStoreOptions {
  readonly port: RedisPort;
  readonly clock: Clock;
  /** How many replicas must have a commit before it is acknowledged. */
  readonly copies: number;
  /** Names a history; called when the Redis is empty. */
  readonly newLineage: () => string;
  /** Names a term, as nobody else names one. */
  readonly newTerm?: () => string;
  readonly schema?: Schema;
  /** How long the copies of a commit may take before its outcome is in doubt, in ms. */
  readonly copyLimitMs?: number;
  /** How long a doubt may last before the store gives up, in ms. */
  readonly doubtLimitMs?: number;
}

/** How long the copies of a commit may take before its outcome is in doubt, in ms. */
export const COPY_LIMIT_MS = 1_000;
/** How long a doubt may last, in ms. A Sentinel has promoted a replica by then, or the leadership is lost anyway. */
export const DOUBT_LIMIT_MS = 8_000;
/** How long to wait before Redis is tried again, in ms. */
const RETRY_MS = 100;
/** How often the memory of Redis is looked at, in ms. */
const MEMORY_EVERY_MS = 1_000;
/** How many records are decoded before other work of the event loop gets a turn. */
const DECODE_SLICE = 1_000;
/** The most commits that share one wait for copies. */
const MAX_GROUP = 1_024;

/** A commit on its way. */
interface Sent {
  readonly commit: Commit;
  readonly changes: readonly FieldChange[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** A {@link StateStore} in Redis. */
export class RedisStore implements StateStore {
  readonly #options: Required<RedisStoreOptions>;
  readonly #readings = new Set<Reading>();
  #queue: Sent[] = [];
  /** Sent and not settled, the queue included. */
  readonly #inFlight = new Set<Promise<void>>();
  #pumping = false;
  /** What is acknowledged: below this no store of this term may ever stand again. */
  #acknowledged: StorePosition | null = null;
  /** The name of this term; empty before it has begun. */
  #term = '';
  /** Whether another term of ours is being begun. */
  #isBeginning = false;
  /** What the primary said of itself last. */
  #primary: RedisFacts;
  #memory: SpaceReport;
  #memoryTimer: { cancel(): void } | null = null;
  #state: 'open' | 'closed' | StoreFailure = 'open';

  /** Use {@link openRedisStore}. */
  constructor(options: Required<RedisStoreOptions>, primary: RedisFacts) {
    this.#options = options;
    this.#primary = primary;
    this.#memory = judgeMemory(primary);
    this.#watchPrimary();
  }

  async beginEpoch(term: NewTerm = {}): Promise<StorePosition> {
    this.#mustBeOpen();
    this.#isBeginning = true;
    try {
      return await this.#begin(term);
    } finally {
      this.#isBeginning = false;
    }
  }

  async #begin({ aboveEpoch = 0, lineage }: NewTerm): Promise<StorePosition> {
    const { schema, newLineage, newTerm } = this.#options;
    // Where a term of ours must still stand for the next one to follow it; null = whatever is there is read anew.
    let ours = this.#standing;
    const begun = await this.#untilCertain('beginning an epoch', async (port) => {
      // Each try begins a term of its own, because one that is in doubt may have been begun, or be begun yet.
      const head = await port.readHead();
      if (head !== null) refuseNewer(head, schema);
      this.#mustGoOn(head);
      if (ours !== null && !isAt(head, ours)) throw this.#fail(`the store went on without this daemon: ${shown(head)}`);
      const base = head ?? { lineage: newLineage(), epoch: 0, revision: 0, schema: schema.version };
      const epoch = Math.max(base.epoch, aboveEpoch) + 1;
      const next = { ...base, lineage: lineage ?? base.lineage, epoch, term: newTerm() };
      const facts = await port.facts();
      const answer = await port.writeHead(head, next);
      if (!answer.done) return null;
      if (ours !== null) ours = next;
      // What the server itself said while it wrote: in the meantime another one may have been promoted.
      if (facts.replicationId !== answer.replicationId) return null;
      this.#primary = facts;
      return (await this.#isCopied(port)) ? next : null;
    });
    const position = { lineage: begun.lineage, epoch: begun.epoch, revision: begun.revision };
    this.#acknowledged = position;
    this.#term = begun.term;
    if (begun.schema < schema.version) await this.#upgrade(begun);
    return position;
  }

  load(): AsyncGenerator<StoredRecord, void, undefined> {
    return this.#read();
  }

  /** One moment of the store, read whole before it resolves; commits go on meanwhile. */
  async snapshot(): Promise<StoreSnapshot> {
    this.#mustBeOpen();
    const { records, position } = await this.#readAll();
    invariant(position !== null, 'a snapshot is taken within a term', '');
    return {
      position,
      records: this.#decoded(records),
      release: () => undefined,
    };
  }

  /**
   * Commits may be sent without waiting for the one before: they are carried out in order, and those that come while others
   * wait for their copies share one wait.
   */
  commit(commit: Commit): Promise<void> {
    try {
      this.#mustBeOpen();
      checkLimits(commit);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    const settled = new Promise<void>((resolve, reject) => {
      this.#queue.push({ commit, changes: changesOf(commit), done: resolve, failed: reject });
    });
    const watched = settled.catch(() => undefined).finally(() => this.#inFlight.delete(watched));
    this.#inFlight.add(watched);
    if (!this.#pumping) void this.#pump();
    return settled;
  }

  copyInForce(): CopyInForce | null {
    const { replicationId, connectedReplicas, ranMs } = this.#primary;
    if (replicationId === '') return null;
    return { id: replicationId, replicas: connectedReplicas, awaited: this.#options.copies, ranMs };
  }

  space(): SpaceState {
    return this.spaceReport().state;
  }

  /** What {@link space} judged by; at most a few seconds old. */
  spaceReport(): SpaceReport {
    this.#mustBeOpen();
    return this.#memory;
  }

  async close(): Promise<void> {
    this.#memoryTimer?.cancel();
    if (this.#state === 'closed') return;
    if (this.#state === 'open') await Promise.all(this.#inFlight);
    if (this.#state === 'open') this.#state = 'closed';
    await this.#options.port.close();
  }

  /** Everything from here on fails; what is under way must not be taken for done. For a term that is over. */
  abandon(why: string): void {
    if (this.#state === 'open') this.#fail(why);
  }

  async *#read(): AsyncGenerator<StoredRecord, void, undefined> {
    this.#mustBeOpen();
    yield* this.#decoded((await this.#readAll()).records);
  }

  /** Decodes in slices, between which everybody else gets a turn. */
  async *#decoded(records: readonly EncodedRecord[]): AsyncGenerator<StoredRecord, void, undefined> {
    const { clock } = this.#options;
    let decoded = 0;
    for (const record of records) {
      yield decode(record);
      if (++decoded % DECODE_SLICE === 0) await new Promise<void>((resolve) => void clock.after(0, resolve));
    }
  }

  /** Reads pages while commits go on, and then puts over them what was committed meanwhile. */
  async #readAll(): Promise<{ readonly records: readonly EncodedRecord[]; readonly position: StorePosition | null }> {
    const { port } = this.#options;
    return await this.#untilCertain('reading', async () => {
      const before = await port.readHead();
      if (before !== null) refuseNewer(before, this.#options.schema);
      const reading: Reading = { commits: [] };
      this.#readings.add(reading);
      try {
        const pages = await readRecords(port);
        // What the pages show of commits under way must be durable before anybody sees it.
        await Promise.all(this.#inFlight);
        this.#mustBeOpen();
        const after = await port.readHead();
        if (!isSameTerm(before, after)) {
          throw this.#fail('another daemon began a term while the store was read');
        }
        const records = pages.finish(reading, COLLECTION_NAMES);
        return { records, position: this.#acknowledged };
      } finally {
        this.#readings.delete(reading);
      }
    });
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    // What is sent within one turn of the event loop goes together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue.slice(0, MAX_GROUP);
      this.#queue = this.#queue.slice(group.length);
      await this.#carryOut(group);
    }
    this.#pumping = false;
  }

  /** Settles every commit of the group. Never rejects. */
  async #carryOut(group: readonly Sent[]): Promise<void> {
    if (this.#state instanceof StoreFailure) {
      for (const { failed } of group) failed(this.#state);
      return;
    }
    const { port } = this.#options;
    const answers = group.map((sent) => ({ sent, answer: this.#append(port, sent) }));
    // Each is awaited below, up to the first that fails: those behind it must not count as rejections that nobody handles.
    void Promise.allSettled(answers.map(({ answer }) => answer));
    const copied = this.#isCopied(port).then(
      (isCopied) => ({ isCopied }),
      (error: unknown) => ({ isCopied: false, error }),
    );
    const doubtful: Sent[] = [];
    const written: Sent[] = [];
    try {
      for (const { sent, answer } of answers) {
        const { done, head } = await answer;
        if (done) written.push(sent);
        // Behind one in doubt a refusal says only that this one did not follow: both are settled together.
        else if (head === 'unknown' || doubtful.length > 0) doubtful.push(sent);
        else sent.failed(refusal(sent.commit, head));
      }
      // In order: what was written before a doubtful one is settled with it.
      const copies = await copied;
      if ('error' in copies) outOfReach(copies.error);
      if (doubtful.length > 0 || !copies.isCopied) await this.#settle([...written, ...doubtful]);
      for (const sent of [...written, ...doubtful]) this.#acknowledge(sent);
    } catch (error) {
      const failure = error instanceof StoreFailure ? error : this.#fail(`a commit failed: ${String(error)}`, error);
      for (const { failed } of group) failed(failure);
    }
  }

  /**
   * Finds out about commits whose answer, or copies, did not come. Each is sent again: it is carried out only if it was not, and
   * a revision of this term that is there is ours, because nobody else writes in our epoch.
   */
  async #settle(group: readonly Sent[]): Promise<void> {
    await this.#untilCertain('a commit', async (port) => {
      for (const { commit, changes } of group) {
        const { done, head } = await port.append(this.#batchOf(commit, changes));
        if (done) continue;
        this.#mustGoOn(head);
        const isOurs = head !== null && isSameTerm(head, { ...commit, term: this.#term });
        if (!isOurs) throw this.#fail(`another daemon leads: ${refusal(commit, head).message}`);
        // The store lost what it had acknowledged, or the caller sent what does not follow.
        if (head.revision < commit.revision) throw this.#fail(refusal(commit, head).message);
      }
      const head = await port.readHead();
      this.#mustGoOn(head);
      if (head === null) throw this.#fail('the Redis was emptied');
      // Between the answers above and this head a replica may have been promoted that has not all of them: they are sent again.
      if (group.some(({ commit }) => head.revision < commit.revision)) return null;
      // A write of this connection over the very head that was read, so that waiting covers all that came before it.
      const { done } = await port.writeHead(head, head);
      return done && (await this.#isCopied(port)) ? true : null;
    });
  }

  #acknowledge({ commit, changes, done }: Sent): void {
    this.#acknowledged = { lineage: commit.lineage, epoch: commit.epoch, revision: commit.revision };
    for (const reading of this.#readings) reading.commits.push(changes);
    done();
  }

  async #append(port: RedisPort, { commit, changes }: Sent): Promise<Appended> {
    try {
      return await port.append(this.#batchOf(commit, changes));
    } catch (error) {
      outOfReach(error);
      return { done: false, head: 'unknown' };
    }
  }

  async #isCopied(port: RedisPort): Promise<boolean> {
    const { copies, copyLimitMs } = this.#options;
    return copies === 0 || (await port.waitForCopies(copies, copyLimitMs)) >= copies;
  }

  /** A store that stands before what it acknowledged in this term has lost it. */
  #mustGoOn(head: RedisHead | null): void {
    const known = this.#standing;
    if (known === null) return;
    if (head === null) throw this.#fail('the Redis was emptied');
    if (!isSameTerm(head, known) || head.revision >= known.revision) return;
    throw this.#fail(
      `the Redis lost what it had acknowledged: it stands at revision ${head.revision}, and was at ${known.revision}`,
    );
  }

  /** Tries until there is an answer; null and an unreachable Redis are none. */
  async #untilCertain<T>(during: string, attempt: (port: RedisPort) => Promise<T | null>): Promise<T> {
    const { clock, port, doubtLimitMs, copies } = this.#options;
    const deadlineMs = clock.monotonicMs() + doubtLimitMs;
    for (let why = ''; ;) {
      this.#mustBeOpen();
      try {
        const answer = await attempt(port);
        if (answer !== null) return answer;
        why = `${copies} ${copies === 1 ? 'copy was' : 'copies were'} not confirmed in time`;
      } catch (error) {
        outOfReach(error);
        why = (error as Error).message;
      }
      if (clock.monotonicMs() >= deadlineMs)
        throw this.#fail(`${during} stayed in doubt for ${doubtLimitMs} ms: ${why}`);
      await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
    }
  }

  /** Brings records up to the present schema in one step. Nobody else writes: this term has just begun. */
  async #upgrade(head: RedisHead): Promise<void> {
    const { schema, port } = this.#options;
    const steps = schema.upgrades.filter(({ to }) => to > head.schema);
    const { records } = await this.#readAll();
    const changes: FieldChange[] = [];
    for await (const before of this.#decoded(records)) {
      const after = steps.reduce<StoredRecord | null>((current, { change }) => current && change(current), before);
      if (after?.collection !== before.collection || after.key !== before.key) {
        changes.push({ collection: before.collection, key: before.key, value: null });
      }
      if (after !== null) changes.push(...changesOf({ puts: [after], deletes: [] }));
    }
    const { lineage, epoch, term, revision } = head;
    await this.#untilCertain('bringing the records up to date', async () => {
      const now = await port.readHead();
      if (now?.schema === schema.version)
        return (await port.writeHead(now, now)).done && (await this.#isCopied(port)) ? true : null;
      const { done } = await port.append({
        lineage,
        epoch,
        term,
        after: revision,
        revision,
        changes,
        schema: schema.version,
      });
      return done && (await this.#isCopied(port)) ? true : null;
    });
  }

  #watchPrimary(): void {
    const { clock, port } = this.#options;
    this.#memoryTimer = clock.after(MEMORY_EVERY_MS, () => {
      // Answers come in the order of the questions: what is acknowledged meanwhile is not held against this head.
      const known = this.#standing;
      void Promise.all([port.facts(), port.readHead()])
        .then(([facts, head]) => {
          if (facts.role === 'primary') this.#primary = facts;
          this.#memory = judgeMemory(facts);
          this.#noteLoss(known, head);
        })
        .catch((error: unknown) => {
          // Out of reach: the next look tells, and commits find out by themselves.
          if (error instanceof RedisUnreachable || this.#state !== 'open') return;
          this.#fail(`the memory of Redis cannot be watched: ${String(error)}`, error);
        })
        .finally(() => {
          if (this.#state === 'open') this.#watchPrimary();
        });
    });
  }

  /**
   * While nothing is committed nobody else would find out that what is answered from memory is not in the store any more, or that another
   * daemon began a later term: one that had lost the leadership may have been in the middle of it.
   */
  #noteLoss(known: Standing | null, head: RedisHead | null): void {
    // A term of ours that begins, or began since this was asked, is another one, too.
    if (known === null || this.#state !== 'open' || this.#isBeginning || known.term !== this.#term) return;
    if (head === null) this.#fail('the Redis was emptied');
    else if (head.lineage === known.lineage && (head.epoch < known.epoch || isBehind(head, known))) {
      this.#fail(
        `the Redis lost what it had acknowledged: it stands at revision ${head.revision}, and was at ${known.revision}`,
      );
    } else if (!isSameTerm(head, known)) {
      this.#fail(
        `another daemon began a term: epoch ${head.epoch} on the Redis is its own, not that of this daemon (${known.epoch})`,
      );
    }
  }

  /** What is acknowledged, with the name of its term; null = nothing is. */
  get #standing(): Standing | null {
    return this.#acknowledged === null ? null : { ...this.#acknowledged, term: this.#term };
  }

  #batchOf({ lineage, epoch, revision }: Commit, changes: readonly FieldChange[]): RedisBatch {
    return { lineage, epoch, term: this.#term, after: revision - 1, revision, changes };
  }

  #fail(why: string, cause?: unknown): StoreFailure {
    const failure = new StoreFailure(`${why}.\nThis daemon leads no longer; nothing after the doubt was published.`, {
      cause,
    });
    if (!(this.#state instanceof StoreFailure)) this.#state = failure;
    return this.#state instanceof StoreFailure ? this.#state : failure;
  }

  #mustBeOpen(): void {
    if (this.#state instanceof StoreFailure) throw this.#state;
    invariant(this.#state === 'open', 'a closed store is not used', 'Redis');
  }
}

/**
 * Opens the store of a Redis. It writes nothing: a term is begun by {@link RedisStore.beginEpoch}.
 * @throws {@link StoreUnusable} when a newer Sluice wrote it
 * @throws {@link RedisUnreachable} when there is no answer
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<RedisStore> {
  const schema = options.schema ?? CURRENT_SCHEMA;
  const { copyLimitMs = COPY_LIMIT_MS, doubtLimitMs = DOUBT_LIMIT_MS, newTerm = randomUUID } = options;
  const head = await options.port.readHead();
  if (head !== null) refuseNewer(head, schema);
  return new RedisStore({ ...options, schema, copyLimitMs, doubtLimitMs, newTerm }, await options.port.facts());
}

type Appended = WriteAnswer | { readonly done: false; readonly head: 'unknown' };

/** What tells terms apart. */
type Term = Pick<RedisHead, 'lineage' | 'epoch' | 'term'>;

function isSameTerm(one: Term | null, other: Term | null): boolean {
  if (one === null || other === null) return one === other;
  return one.lineage === other.lineage && one.epoch === other.epoch && one.term === other.term;
}

/** Where a term stands. */
type Standing = Term & StorePosition;

function isAt(head: RedisHead | null, where: Standing): boolean {
  return isSameTerm(head, where) && head?.revision === where.revision;
}

function shown(head: RedisHead | null): string {
  if (head === null) return 'it is empty';
  return `it stands at lineage ${head.lineage}, epoch ${head.epoch}, revision ${head.revision}`;
}

function isBehind(head: RedisHead, known: StorePosition): boolean {
  return head.epoch === known.epoch && head.revision < known.revision;
}

function refusal(commit: Commit, head: RedisHead | null): CommitRefused {
  const stored = head ?? { lineage: 'none', epoch: 0, revision: 0 };
  return new CommitRefused(whyRefused(commit, stored));
}

/** Lets only a Redis that cannot be reached pass. @returns false: nothing is confirmed */
function outOfReach(error: unknown): false {
  if (error instanceof RedisUnreachable) return false;
  throw error;
}

function refuseNewer(head: RedisHead, schema: Schema): void {
  if (head.schema <= schema.version) return;
  throw new StoreUnusable(
    'NEWER_SCHEMA',
    `the Redis holds data of a newer Sluice (schema ${head.schema}; this one reads up to ${schema.version}).\n` +
      'Start that newer version, or restore a snapshot of this one into another prefix.',
  );
}

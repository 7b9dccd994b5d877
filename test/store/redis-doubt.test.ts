// What the Redis store makes of doubt, at moments that no real Redis can be held at: a port that does what the test says.
import { describe, expect, it } from 'vitest';
import { present } from '../../common/assert.js';
import { systemClock } from '../../common/clock.js';
import { judgeRefusal } from '../../scheduler/store/redis/ioredis-port.js';
import type {
  HeadAnswer,
  RedisBatch,
  RedisFacts,
  RedisHead,
  RedisPort,
  WriteAnswer,
} from '../../scheduler/store/redis/port.js';
import { RedisUnreachable } from '../../scheduler/store/redis/port.js';
import { openRedisStore } from '../../scheduler/store/redis/redis-store.js';
import { CommitRefused, StoreFailure } from '../../scheduler/store/state-store.js';
import { ManualClock } from '../gpu/manual-clock.js';
import { following, queue } from './samples.js';

const FACTS: RedisFacts = {
  version: '7.0.15',
  runId: 'a',
  replicationId: 'b',
  ranMs: 0,
  role: 'primary',
  connectedReplicas: 1,
  settings: {},
  usedBytes: 1,
  maxBytes: 100,
};

/** A primary in memory; the test changes what it does. */
class ScriptedPort implements RedisPort {
  head: RedisHead | null = null;
  readonly keys = new Set<string>();
  /** Called with each batch before it is looked at; what it throws is the answer. */
  beforeAppend: (batch: RedisBatch) => void = () => undefined;
  /** How many copies a wait finds. */
  copies: () => number = () => 1;

  readHead(): Promise<RedisHead | null> {
    return Promise.resolve(this.head);
  }

  writeHead(expected: RedisHead | null, head: RedisHead): Promise<HeadAnswer> {
    const done =
      expected?.epoch === this.head?.epoch &&
      expected?.revision === this.head?.revision &&
      expected?.term === this.head?.term;
    if (done) this.head = head;
    return Promise.resolve({ done, head: this.head, replicationId: FACTS.replicationId });
  }

  async append(batch: RedisBatch): Promise<WriteAnswer> {
    this.beforeAppend(batch);
    await Promise.resolve();
    const { head } = this;
    if (head?.revision !== batch.after || head.epoch !== batch.epoch || head.term !== batch.term)
      return { done: false, head };
    for (const { key } of batch.changes) this.keys.add(key);
    this.head = { ...head, revision: batch.revision };
    return { done: true, head: this.head };
  }

  waitForCopies(): Promise<number> {
    return Promise.resolve(this.copies());
  }

  facts(): Promise<RedisFacts> {
    return Promise.resolve(FACTS);
  }

  readPage(): Promise<never> {
    return Promise.reject(new Error('nothing is read here'));
  }

  claim(): Promise<never> {
    return Promise.reject(new Error('nobody leads here'));
  }

  claimed(): Promise<null> {
    return Promise.resolve(null);
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  onReleased(): void {
    return undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function begin() {
  const port = new ScriptedPort();
  const store = await openRedisStore({ port, clock: systemClock, copies: 1, newLineage: () => 'one' });
  return { port, store, at: await store.beginEpoch() };
}

describe('a commit in doubt', () => {
  it('is sent again to a replica that was promoted between its second answer and the look at the head', async () => {
    const { port, store, at } = await begin();
    const asThen = port.head;
    let appends = 0;
    let waits = 0;
    port.copies = () => (waits++ === 0 ? 0 : 1);
    port.beforeAppend = () => {
      appends += 1;
      // The old primary says that it has the commit; whoever is asked next never had it.
      if (appends === 2) {
        void Promise.resolve()
          .then(() => undefined)
          .then(() => {
            port.head = asThen;
            port.keys.clear();
          });
      }
    };
    await store.commit(following(at, { puts: [queue('kept')] }));
    expect(port.head?.revision).toBe(1);
    expect([...port.keys]).toEqual(['kept']);
    expect(appends).toBe(3);
    await store.close();
  });

  it('is not taken for one of another daemon, whose term on a promoted replica has the same epoch', async () => {
    const { port, store, at } = await begin();
    // It has come to where our next commit follows; that one must not stand on what we do not know.
    port.head = { ...present(port.head, 'a term has begun', ''), revision: at.revision, term: 'other' };
    await expect(store.commit(following(at, { puts: [queue('a')] }))).rejects.toThrow(CommitRefused);
    port.head = { ...present(port.head, 'a term has begun', ''), revision: at.revision + 1 };
    port.copies = () => 0;
    port.beforeAppend = () => {
      port.beforeAppend = () => undefined;
      throw new RedisUnreachable('the primary is gone');
    };
    await expect(store.commit(following(at, { puts: [queue('a')] }))).rejects.toThrow('another daemon leads');
    expect([...port.keys]).toEqual([]);
    await store.close();
  });

  it('takes those behind it along', async () => {
    const { port, store, at } = await begin();
    let isFirst = true;
    port.beforeAppend = () => {
      if (!isFirst) return;
      isFirst = false;
      throw new RedisUnreachable('NOREPLICAS');
    };
    const next = { ...at, revision: at.revision + 1 };
    await Promise.all([
      store.commit(following(at, { puts: [queue('a')] })),
      store.commit(following(next, { puts: [queue('b')] })),
    ]);
    expect(port.head?.revision).toBe(2);
    expect([...port.keys]).toEqual(['a', 'b']);
    await store.close();
  });

  it('fails with all behind it, each told once, when Redis says that it cannot write', async () => {
    const { port, store, at } = await begin();
    port.beforeAppend = () => {
      throw new Error("OOM command not allowed when used memory > 'maxmemory'.");
    };
    const sent = [0, 1, 2].map((more) => store.commit(following({ ...at, revision: at.revision + more }, {})));
    for (const told of await Promise.allSettled(sent)) {
      expect(told).toMatchObject({ status: 'rejected', reason: expect.any(StoreFailure) as unknown });
      expect(String((told as PromiseRejectedResult).reason)).toContain('OOM');
    }
    // What nobody handled would end the daemon.
    await new Promise((resolve) => setImmediate(resolve));
    await store.close();
  });
});

describe('a look at the server, while nothing is committed', () => {
  async function beginWithClock() {
    const clock = new ManualClock();
    const port = new ScriptedPort();
    const store = await openRedisStore({ port, clock, copies: 1, newLineage: () => 'one' });
    return { clock, port, store, at: await store.beginEpoch() };
  }

  it.each<[string, Partial<RedisHead>]>([
    ['of the same epoch', { term: 'other' }],
    ['of a later one', { term: 'other', epoch: 2 }],
    ['in another history', { term: 'other', epoch: 2, lineage: 'two' }],
  ])('finds that another daemon began a term %s', async (_, change) => {
    const { clock, port, store, at } = await beginWithClock();
    port.head = { ...present(port.head, 'a term has begun', ''), ...change };
    await clock.advance(1_000);
    await expect(store.commit(following(at, {}))).rejects.toThrow('another daemon began a term: epoch');
    await store.close();
  });

  it('holds nothing against a term that began since it was asked for', async () => {
    const { clock, port, store } = await beginWithClock();
    let answer = (): void => undefined;
    const facts = port.facts.bind(port);
    port.facts = async () => {
      port.facts = facts;
      await new Promise<void>((resolve) => (answer = resolve));
      return FACTS;
    };
    await clock.advance(1_000);
    const next = await store.beginEpoch();
    answer();
    await new Promise((resolve) => setImmediate(resolve));
    await store.commit(following(next, { puts: [queue('a')] }));
    expect([...port.keys]).toEqual(['a']);
    await store.close();
  });
});

describe('a later term of the same leader', () => {
  it('goes on where the one before ended', async () => {
    const { store, at } = await begin();
    await store.commit(following(at, { puts: [queue('a')] }));
    expect(await store.beginEpoch({ aboveEpoch: 7 })).toEqual({ lineage: 'one', epoch: 8, revision: 1 });
    await store.close();
  });

  it.each<[string, Partial<RedisHead> | null]>([
    ['another daemon leads since', { epoch: 2 }],
    ['the history is another one', { lineage: 'two' }],
    ['another daemon began a term of this epoch on a replica that did not know of it', { term: 'other' }],
    ['a replica was promoted that knows nothing of this term', { epoch: 0, revision: 0 }],
    ['nothing is left', null],
  ])('does not begin when %s', async (_, change) => {
    const { port, store, at } = await begin();
    await store.commit(following(at, { puts: [queue('a')] }));
    const head = present(port.head, 'a term has begun', '');
    port.head = change === null ? null : { ...head, ...change };
    const left = port.head;
    await expect(store.beginEpoch()).rejects.toThrow(StoreFailure);
    expect(port.head).toEqual(left);
    await store.close();
  });
});

describe('what Redis says against a command', () => {
  it.each([
    ["READONLY You can't write against a read only replica.", true, true],
    // As Redis 6.2.5 says it.
    [
      "ERR Error running script (call to f_0ad1): @user_script:16: @user_script: 16: -OOM command not allowed when used memory > 'maxmemory'.",
      true,
      false,
    ],
    ["ERR Error running script (call to f_0ad1): @user_script:16: @user_script: 16: -READONLY You can't", true, true],
    ["ERR Error running script (call to f_0a1b): @user_script:17: -READONLY You can't write against a", true, true],
    ['ERR Error running script (call to f_0a1b): @user_script: 3: -NOREPLICAS Not enough good replicas', true, false],
    ['LOADING Redis is loading the dataset in memory', true, false],
    ['ERR Error running script (call to f_0a1b): @user_script:3: -OOM command not allowed', true, false],
    ['MISCONF Errors writing to the AOF file: No space left on device', true, false],
    ['NOPERM this user has no permissions', false, false],
    ['ERR value is READONLY', false, false],
  ])('%s', (message, isNotNow, isReplica) => {
    expect(judgeRefusal(message)).toEqual({ isNotNow, isReplica });
  });
});

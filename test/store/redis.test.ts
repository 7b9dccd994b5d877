// The Redis store on a real Redis: the contract, copies, doubt, and who leads.
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { ioredisPort } from '../../scheduler/store/redis/ioredis-port.js';
import { type RedisPort, RedisUnreachable } from '../../scheduler/store/redis/port.js';
import { openRedisStore, type RedisStore, type RedisStoreOptions } from '../../scheduler/store/redis/redis-store.js';
import { redisLeadership } from '../../scheduler/store/redis/redis-leadership.js';
import { CommitRefused, StoreFailure } from '../../scheduler/store/state-store.js';
import { needs } from '../real-part.js';
import { describeContract } from './contract.js';
import { RealRedis, type RedisServer } from './real-redis.js';
import { commitNext, everything, following, queue, workload } from './samples.js';

/** What a lost connection says is of no interest here: calls tell. */
const quiet = (): void => undefined;

function portTo(port: number, prefix: string): RedisPort {
  return ioredisPort({ host: '127.0.0.1', port }, prefix, quiet);
}

function open(port: number, prefix: string, options: Partial<RedisStoreOptions> = {}): Promise<RedisStore> {
  const usual = { port: portTo(port, prefix), clock: systemClock, copies: 1, newLineage: randomUUID };
  return openRedisStore({ ...usual, ...options });
}

describe.runIf(needs('redis'))('Redis', () => {
  const redis = new RealRedis();
  let primary: RedisServer;
  beforeAll(async () => {
    primary = await redis.start('primary');
    await redis.startReplica('replica', primary.port);
  });
  afterAll(() => redis.stop());

  describeContract('Redis', async () => {
    const prefix = randomUUID();
    return { open: () => open(primary.port, prefix), remove: () => Promise.resolve() };
  });

  it('writes a head over none but the expected one, to the schema', async () => {
    const port = portTo(primary.port, randomUUID());
    const head = { lineage: 'one', epoch: 1, revision: 1, schema: 1, term: 'first' };
    expect(await port.writeHead(null, head)).toMatchObject({ done: true, head });
    const others = [
      null,
      ...['lineage', 'epoch', 'revision', 'schema', 'term'].map((name) => ({ ...head, [name]: 7 })),
    ];
    for (const other of others) {
      const answer = await port.writeHead(other as typeof head | null, { ...head, epoch: 2 });
      expect(answer).toMatchObject({ done: false, head });
    }
    expect((await port.writeHead(head, { ...head, schema: 2 })).head?.schema).toBe(2);
    await port.close();
  });

  it('goes on with no page on another server, whose order of records is another one', async () => {
    const own = new RealRedis();
    try {
      const name = `p-${randomUUID()}`;
      const first = await own.start(name);
      const port = portTo(first.port, 'c');
      await port.writeHead(null, { lineage: 'one', epoch: 1, revision: 0, schema: 2, term: 'first' });
      const keys = Array.from({ length: 6_000 }, (_, at) => `q${at}`);
      const changes = keys.map((key) => ({ collection: 'queues', key, value: Buffer.from('{}') }));
      await port.append({ lineage: 'one', epoch: 1, term: 'first', after: 0, revision: 1, changes });
      const { records, next } = await port.readPage(null);
      expect(records.length).toBeLessThan(keys.length);
      await own.end(first, 'SIGTERM');
      await own.start(name, [], first.port);
      await expect(port.readPage(next)).rejects.toThrow(RedisUnreachable);
      const found = new Set<string>();
      for (let from: string | null = null; ;) {
        const page = await port.readPage(from);
        for (const { key } of page.records) found.add(key);
        if (page.next === null) break;
        from = page.next;
      }
      expect(found.size).toBe(keys.length);
      await port.close();
    } finally {
      await own.stop();
    }
  });

  describe('copies and doubt', () => {
    const own = new RealRedis();
    let first: RedisServer;
    let second: RedisServer;
    let store: RedisStore | null = null;
    beforeEach(async () => {
      first = await own.start(`p-${randomUUID()}`);
      second = await own.startReplica(`r-${randomUUID()}`, first.port);
    });
    afterEach(async () => {
      await store?.close();
      store = null;
      await own.end(first);
      await own.end(second);
    });
    afterAll(() => own.stop());

    it('acknowledges nothing before a replica has it, and goes on when it comes back', async () => {
      store = await open(first.port, 'c');
      const at = await commitNext(store, await store.beginEpoch(), { puts: [queue('before')] });
      second.process.kill('SIGSTOP');
      let isDone = false;
      const sent = commitNext(store, at, { puts: [queue('waits')] }).then((next) => {
        isDone = true;
        return next;
      });
      await own.until('it is written', async () => (await own.ask(first.port, 'HGET', '{c}:head', 'revision')) === '2');
      expect(isDone).toBe(false);
      second.process.kill('SIGCONT');
      const next = await sent;
      await commitNext(store, next, { puts: [queue('after')] });
      expect((await everything(store)).map(({ key }) => key)).toEqual(['after', 'before', 'waits']);
    });

    it('gives up when the copies do not come, and then does nothing more', async () => {
      store = await open(first.port, 'c', { copyLimitMs: 300, doubtLimitMs: 3_000 });
      const at = await store.beginEpoch();
      second.process.kill('SIGSTOP');
      await expect(commitNext(store, at, { puts: [queue('a')] })).rejects.toThrow(StoreFailure);
      await expect(commitNext(store, at, { puts: [queue('b')] })).rejects.toThrow(StoreFailure);
      expect(() => store?.space()).toThrow(/1 copy was not confirmed in time/);
      second.process.kill('SIGCONT');
    });

    it('finds out by itself whether a commit was carried out when its answer did not come', async () => {
      store = await open(first.port, 'c');
      let at = await store.beginEpoch();
      for (let round = 0; round < 4; round += 1) {
        // Frozen in the middle of many: some are carried out, all are answered by nobody.
        const sent = Array.from({ length: 50 }, (_, index) => {
          const commit = following(at, { puts: [workload(round * 50 + index)] });
          at = { ...at, revision: commit.revision };
          return store?.commit(commit);
        });
        const cut = own.ask(first.port, 'CLIENT', 'KILL', 'TYPE', 'normal');
        await Promise.all([...sent, cut]);
      }
      expect(await everything(store)).toHaveLength(200);
      expect(await own.ask(first.port, 'HGET', '{c}:head', 'revision')).toBe('200');
    });

    it('survives a primary that is frozen for a while', async () => {
      store = await open(first.port, 'c');
      const at = await store.beginEpoch();
      first.process.kill('SIGSTOP');
      const sent = commitNext(store, at, { puts: [queue('slow')] });
      setTimeout(() => first.process.kill('SIGCONT'), 3_000);
      const next = await sent;
      expect(next.revision).toBe(1);
      await commitNext(store, next, { puts: [queue('next')] });
    });

    it('waits while the Redis is full, ends the term in its words, and is of use again once there is room', async () => {
      store = await open(first.port, 'c', { doubtLimitMs: 1_000 });
      const at = await store.beginEpoch();
      await own.ask(first.port, 'CONFIG', 'SET', 'maxmemory', '1');
      await expect(commitNext(store, at, { puts: [queue('a')] })).rejects.toThrow(/in doubt for 1000 ms: Redis: .*OOM/);
      await own.ask(first.port, 'CONFIG', 'SET', 'maxmemory', '0');
      await store.close();
      store = await open(first.port, 'c');
      await commitNext(store, await store.beginEpoch(), { puts: [queue('b')] });
      expect((await everything(store)).map(({ key }) => key)).toEqual(['b']);
    });

    it('hands out many records in slices, between which others get their turn', async () => {
      store = await open(first.port, 'c');
      const puts = Array.from({ length: 5_000 }, (_, number) => workload(number + 1));
      await commitNext(store, await store.beginEpoch(), { puts });
      const { records, release } = await store.snapshot();
      let turns = 0;
      let seen = 0;
      const count = (): void => {
        turns += 1;
        if (seen < puts.length) setTimeout(count, 0);
      };
      count();
      for await (const _ of records) seen += 1;
      release();
      expect(seen).toBe(puts.length);
      expect(turns).toBeGreaterThan(3);
    });

    it('notices that the Redis lost what it had acknowledged', async () => {
      store = await open(first.port, 'c', { copies: 0 });
      const at = await commitNext(store, await store.beginEpoch(), { puts: [queue('a')] });
      await own.ask(first.port, 'HSET', '{c}:head', 'revision', '0');
      await expect(commitNext(store, at, {})).rejects.toThrow(CommitRefused);
      await own.ask(first.port, 'FLUSHALL');
      await expect(store.beginEpoch()).rejects.toThrow('the Redis was emptied');
    });

    it('refuses a term that is over, whoever began the next one', async () => {
      store = await open(first.port, 'c');
      const at = await commitNext(store, await store.beginEpoch(), { puts: [queue('a')] });
      const other = await open(first.port, 'c');
      const now = await other.beginEpoch();
      expect(now).toEqual({ ...at, epoch: at.epoch + 1 });
      await expect(commitNext(store, at, { puts: [queue('late')] })).rejects.toThrow(CommitRefused);
      await commitNext(other, now, { puts: [queue('b')] });
      expect((await everything(other)).map(({ key }) => key)).toEqual(['a', 'b']);
      await other.close();
    });
  });

  describe('leadership', () => {
    const bootClock = { ...systemClock, bootMs: () => os.uptime() * 1_000 };
    const lead = (prefix: string, id: string, holdMs = 1_500) =>
      redisLeadership({
        port: portTo(primary.port, prefix),
        clock: bootClock,
        id,
        address: `${id}:1`,
        wallMs: () => Date.now(),
        holdMs,
      });

    it('goes to one, who keeps it as long as it renews, and to the next at once when it resigns', async () => {
      const prefix = randomUUID();
      const [a, b] = [lead(prefix, 'a'), lead(prefix, 'b', 60_000)];
      const never = new AbortController();
      const term = await a.campaign({ onLeader: quiet, signal: never.signal });
      const seen: (string | null)[] = [];
      const next = b.campaign({ onLeader: (leader) => seen.push(leader?.address ?? null), signal: never.signal });
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(term.isFresh()).toBe(true);
      expect(seen).toEqual(['a:1']);
      const resignedMs = performance.now();
      await term.resign();
      expect(term.isFresh()).toBe(false);
      expect((await next).isFresh()).toBe(true);
      expect(performance.now() - resignedMs).toBeLessThan(1_500);
      await a.close();
      await b.close();
    });

    it('shows the one that leads who stands by, until they end or lead themselves', async () => {
      const prefix = randomUUID();
      const shown = (id: string) => {
        const port = ioredisPort({ host: '127.0.0.1', port: primary.port }, prefix, quiet);
        const named = { id, address: `${id}:1`, wallMs: () => 7 };
        return redisLeadership({ port, board: port, clock: bootClock, holdMs: 3_000, ...named });
      };
      const [a, b, c] = [shown('a'), shown('b'), shown('c')];
      const [goes, ends] = [new AbortController(), new AbortController()];
      const term = await a.campaign({ onLeader: quiet, signal: ends.signal });
      // It did not look yet.
      expect(a.standbys()).toBeNull();
      await expect.poll(() => a.standbys(), { timeout: 5_000 }).toEqual([]);
      const [next, never] = [b, c].map((one, at) =>
        one.campaign({ onLeader: quiet, signal: at === 0 ? ends.signal : goes.signal }),
      );
      const cards = ['b', 'c'].map((id) => ({ id, address: `${id}:1`, sinceMs: 7 }));
      await expect.poll(() => a.standbys(), { timeout: 5_000 }).toEqual(cards);
      goes.abort(new Error('enough'));
      await expect(never).rejects.toThrow('enough');
      await c.close();
      await expect.poll(() => a.standbys(), { timeout: 5_000 }).toEqual(cards.slice(0, 1));
      await term.resign();
      const following = await next;
      await expect.poll(() => b.standbys(), { timeout: 5_000 }).toEqual([]);
      await following?.resign();
      await Promise.all([a.close(), b.close()]);
    });

    it('tells those who stand by which cluster it is, once it is known', async () => {
      const prefix = randomUUID();
      const [a, b] = [lead(prefix, 'a', 60_000), lead(prefix, 'b', 60_000)];
      const ends = new AbortController();
      const term = await a.campaign({ onLeader: quiet, signal: ends.signal });
      const seen: (string | undefined)[] = [];
      const next = b.campaign({ onLeader: (leader) => seen.push(leader?.clusterId), signal: ends.signal });
      await expect.poll(() => seen).toEqual([undefined]);
      term.tellCluster('c');
      // Long before the claim would be renewed anyway.
      await expect.poll(() => seen, { timeout: 5_000 }).toEqual([undefined, 'c']);
      expect(term.isFresh()).toBe(true);
      ends.abort(new Error('enough'));
      await expect(next).rejects.toThrow('enough');
      await term.resign();
      await a.close();
      await b.close();
    });

    it('is lost at once when Redis refuses to renew it', async () => {
      const port = portTo(primary.port, randomUUID());
      const broken = { ...port, claim: port.claim.bind(port), release: port.release.bind(port), onReleased: quiet };
      const a = redisLeadership({
        port: broken,
        clock: bootClock,
        id: 'a',
        address: 'a:1',
        wallMs: Date.now,
        holdMs: 1_500,
      });
      const term = await a.campaign({ onLeader: quiet, signal: new AbortController().signal });
      broken.claim = () => Promise.reject(new Error('NOPERM'));
      expect(await new Promise<string>((resolve) => term.onLost(resolve))).toBe(
        'the leadership cannot be renewed: NOPERM',
      );
      expect(term.isFresh()).toBe(false);
      await port.close();
    });

    it('is lost when it cannot be renewed, before anybody else can have it', async () => {
      const prefix = randomUUID();
      const port = portTo(primary.port, prefix);
      const broken = { ...port, claim: port.claim.bind(port), release: port.release.bind(port), onReleased: quiet };
      const a = redisLeadership({
        port: broken,
        clock: bootClock,
        id: 'a',
        address: 'a:1',
        wallMs: Date.now,
        holdMs: 1_500,
      });
      const b = lead(prefix, 'b');
      const { signal } = new AbortController();
      const term = await a.campaign({ onLeader: quiet, signal });
      broken.claim = () => new Promise(() => undefined);
      const lost = new Promise<string>((resolve) => term.onLost(resolve));
      const next = b.campaign({ onLeader: quiet, signal });
      expect(await Promise.race([lost, next])).toBe('the leadership could not be renewed within 1500 ms');
      expect(term.isFresh()).toBe(false);
      expect((await next).isFresh()).toBe(true);
      await port.close();
      await b.close();
    });
  });
});

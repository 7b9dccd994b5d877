// What every port to a Redis promises to the store above it: the real one on a real server, and the simulated one. What holds for one and
// not for the other would make the simulator a liar.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RedisBatch, type RedisHead, type RedisPort } from '../../scheduler/store/redis/port.js';

/** A Redis with one replica, empty. */
export interface PortPlace {
  readonly port: RedisPort;
  /** Another daemon's. */
  readonly other: RedisPort;
  remove(): Promise<void>;
}

const HEAD: RedisHead = { lineage: 'one', epoch: 1, revision: 0, schema: 2, term: 'first' };
const CARD = { id: 'first', address: 'first:1', sinceMs: 5 };
const OTHER_CARD = { id: 'second', address: 'second:2', sinceMs: 6 };

function batch(after: number, ...keys: readonly string[]): RedisBatch {
  const changes = keys.map((key) => ({ collection: 'queues', key, value: Buffer.from(`"${key}"`) }));
  return { lineage: 'one', epoch: 1, term: 'first', after, revision: after + 1, changes };
}

async function read(port: RedisPort): Promise<readonly string[]> {
  const found = new Map<string, string>();
  let next: string | null = null;
  do {
    const page = await port.readPage(next);
    for (const { collection, key, value } of page.records) {
      found.set(`${collection}/${key}`, Buffer.from(value).toString());
    }
    next = page.next;
  } while (next !== null);
  return [...found].map(([key, value]) => `${key}=${value}`).toSorted();
}

export function describePort(name: string, makePlace: () => Promise<PortPlace>): void {
  describe(`the port to a Redis: ${name}`, () => {
    let place: PortPlace;
    let port: RedisPort;
    let other: RedisPort;
    beforeEach(async () => {
      place = await makePlace();
      ({ port, other } = place);
    });
    afterEach(async () => {
      await port.close();
      await other.close();
      await place.remove();
    });

    it('has no head at first, and takes one over nothing once', async () => {
      expect(await port.readHead()).toBeNull();
      expect(await port.append(batch(0, 'a'))).toEqual({ done: false, head: null });
      const { replicationId } = await port.facts();
      expect(replicationId).not.toBe('');
      expect(await port.writeHead(null, HEAD)).toEqual({ done: true, head: HEAD, replicationId });
      const another = { ...HEAD, lineage: 'another' };
      expect(await other.writeHead(null, another)).toEqual({ done: false, head: HEAD, replicationId });
      expect(await other.readHead()).toEqual(HEAD);
    });

    it.each<[string, RedisHead]>([
      ['another lineage', { ...HEAD, lineage: 'two' }],
      ['another epoch', { ...HEAD, epoch: 2 }],
      ['another revision', { ...HEAD, revision: 1 }],
      ['another term', { ...HEAD, term: 'second' }],
      ['a term without a name', { ...HEAD, term: '' }],
    ])('writes no head over %s than the expected one', async (_, expected) => {
      await port.writeHead(null, HEAD);
      const next = { ...HEAD, epoch: 9 };
      expect(await port.writeHead(expected, next)).toMatchObject({ done: false, head: HEAD });
      expect(await port.writeHead(HEAD, next)).toMatchObject({ done: true, head: next });
    });

    it.each<[string, Partial<RedisBatch>]>([
      ['another lineage', { lineage: 'two' }],
      ['an epoch that is over', { epoch: 0 }],
      ['an epoch that did not begin', { epoch: 2 }],
      ['another term of the same epoch', { term: 'second' }],
      ['a revision that is there already', { after: 0, revision: 1 }],
      ['a revision too far', { after: 2, revision: 3 }],
    ])('applies nothing of a batch of %s', async (_, wrong) => {
      await port.writeHead(null, HEAD);
      const at = { ...HEAD, revision: 1 };
      expect(await port.append(batch(0, 'a'))).toEqual({ done: true, head: at });
      expect(await port.append({ ...batch(1, 'wrong'), ...wrong })).toEqual({ done: false, head: at });
      expect(await read(other)).toEqual(['queues/a="a"']);
    });

    it('puts, replaces and deletes what a batch says, all at once, and a new schema with it', async () => {
      await port.writeHead(null, HEAD);
      await port.append(batch(0, 'a', 'b'));
      const changes = [
        { collection: 'queues', key: 'a', value: null },
        { collection: 'queues', key: 'b', value: Buffer.from('"new"') },
        { collection: 'nodes', key: 'n', value: Buffer.from([0, 255, 10]) },
      ];
      const next = { lineage: 'one', epoch: 1, term: 'first', after: 1, revision: 4, changes, schema: 3 };
      expect(await port.append(next)).toEqual({ done: true, head: { ...HEAD, revision: 4, schema: 3 } });
      expect(await read(port)).toEqual([`nodes/n=${Buffer.from([0, 255, 10]).toString()}`, 'queues/b="new"']);
    });

    it('reads every record over as many pages as it takes', async () => {
      await port.writeHead(null, HEAD);
      const keys = Array.from({ length: 2_500 }, (_, at) => `key-${at}`);
      await port.append(batch(0, ...keys));
      expect(await read(other)).toHaveLength(keys.length);
    });

    it('carries out what is asked for in the order of the calls', async () => {
      await port.writeHead(null, HEAD);
      const answers = await Promise.all([0, 1, 2, 3].map((after) => port.append(batch(after, `k${after}`))));
      expect(answers.map(({ done, head }) => [done, head?.revision])).toEqual([1, 2, 3, 4].map((at) => [true, at]));
    });

    it('waits for the copies of what it wrote, and no longer than the limit', async () => {
      await port.writeHead(null, HEAD);
      expect(await port.waitForCopies(1, 20_000)).toBe(1);
      expect(await port.waitForCopies(2, 50)).toBe(1);
    });

    it('gives the claim to one at a time, and to the next when it is given up', async () => {
      expect(await port.claimed()).toBeNull();
      expect((await port.claim(CARD, 30_000)).card).toEqual(CARD);
      const second = await other.claim(OTHER_CARD, 30_000);
      expect(second.card).toEqual(CARD);
      expect(second.leftMs).toBeGreaterThan(1_000);
      expect(second.leftMs).toBeLessThanOrEqual(30_000);
      await other.release(OTHER_CARD.id);
      expect((await other.claimed())?.card).toEqual(CARD);
      await port.release(CARD.id);
      expect((await other.claim(OTHER_CARD, 30_000)).card).toEqual(OTHER_CARD);
      expect((await port.claim(CARD, 30_000)).card).toEqual(OTHER_CARD);
    });

    it('holds a claim on when its owner claims again', async () => {
      await port.claim(CARD, 1_000);
      expect((await port.claim(CARD, 60_000)).leftMs).toBeGreaterThan(30_000);
    });

    it('tells what the gate looks at', async () => {
      const { role, connectedReplicas, settings, replicationId, runId, version } = await port.facts();
      expect({ role, connectedReplicas }).toEqual({ role: 'primary', connectedReplicas: 1 });
      expect(settings?.['appendonly']).toBe('yes');
      for (const text of [replicationId, runId, version]) expect(text).not.toBe('');
    });
  });
}

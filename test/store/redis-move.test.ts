// A cluster moves between the embedded store and a Redis, by a snapshot.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { NUMBER_STEP } from '../../scheduler/model/history.js';
import { restoreByFlags } from '../../scheduler/open-redis.js';
import { openEmbeddedStore } from '../../scheduler/store/embedded.js';
import { ioredisPort } from '../../scheduler/store/redis/ioredis-port.js';
import { openRedisStore, type RedisStore } from '../../scheduler/store/redis/redis-store.js';
import { restoreSnapshot, SKIPPED_REVISIONS } from '../../scheduler/store/snapshot/restore.js';
import { snapshotBytes } from '../../scheduler/store/snapshot/write.js';
import { CURRENT_SCHEMA } from '../../scheduler/store/schema.js';
import type { StateStore, StoreSnapshot } from '../../scheduler/store/state-store.js';
import { needs } from '../real-part.js';
import { RealRedis, type RedisServer } from './real-redis.js';
import { commitNext, everything, meta, node, queue, workload } from './samples.js';

const NOW_MS = Date.UTC(2026, 10, 23);
const RECORDS = [meta(7), queue('a'), node('n1'), workload(7), workload(3)];

describe.runIf(needs('redis'))('moving between stores', () => {
  const redis = new RealRedis();
  let server: RedisServer;
  let folder: string;
  let prefix: string;
  const opened: StateStore[] = [];
  beforeAll(async () => {
    server = await redis.start('only', ['--maxmemory-policy', 'noeviction']);
  });
  afterAll(() => redis.stop());
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-move-'));
    prefix = randomUUID();
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    rmSync(folder, { recursive: true });
  });

  async function onRedis(): Promise<RedisStore> {
    const port = ioredisPort({ host: '127.0.0.1', port: server.port }, prefix, () => undefined);
    const store = await openRedisStore({ port, clock: systemClock, copies: 0, newLineage: randomUUID });
    opened.push(store);
    return store;
  }

  async function save({ position, records, release }: StoreSnapshot): Promise<string> {
    const about = { schema: CURRENT_SCHEMA.version, writtenBy: '9.9.9', clusterId: 'c', savedMs: NOW_MS };
    const chunks: Buffer[] = [];
    for await (const chunk of snapshotBytes({ ...about, ...position }, records, systemClock)) chunks.push(chunk);
    release();
    const file = path.join(folder, 'cluster.snapshot');
    writeFileSync(file, Buffer.concat(chunks));
    return file;
  }

  function flags(): string[] {
    const url = `redis://127.0.0.1:${server.port}`;
    return [`--store=${url}`, `--redis-prefix=${prefix}`, '--redis-copies=0', '--redis-accept-weak=yes'];
  }

  const plain = (records: readonly { key: string; collection: string }[]) =>
    records.filter(({ collection }) => collection !== 'meta' && collection !== 'incidents').map(({ key }) => key);

  it('goes from the embedded store to a Redis', async () => {
    const embedded = await openEmbeddedStore({ dataDir: path.join(folder, 'data') });
    opened.push(embedded);
    const at = await commitNext(embedded, await embedded.beginEpoch(), { puts: RECORDS });
    const file = await save(embedded.snapshot());
    const { position, keptAs } = await restoreByFlags(flags(), { file, replace: false, nowMs: NOW_MS });
    expect(keptAs).toBeNull();
    expect(position.lineage).not.toBe(at.lineage);
    expect(position.revision).toBeGreaterThan(SKIPPED_REVISIONS);
    const moved = await onRedis();
    expect(await moved.beginEpoch()).toEqual({ ...position, epoch: position.epoch + 1 });
    const found = await everything(moved);
    expect(plain(found)).toEqual(plain(await everything(embedded)));
    expect(found.filter(({ collection }) => collection === 'incidents')).toHaveLength(1);
  });

  it('goes back from a Redis to the embedded store, and while it was saved nothing stood still', async () => {
    const store = await onRedis();
    let at = await commitNext(store, await store.beginEpoch(), { puts: RECORDS });
    const saving = store.snapshot();
    at = await commitNext(store, at, { puts: [workload(9)] });
    const snapshot = await saving;
    expect([at.revision - 1, at.revision]).toContain(snapshot.position.revision);
    const file = await save(snapshot);
    const dataDir = path.join(folder, 'back');
    await restoreSnapshot({ file, dataDir, replace: false, nowMs: NOW_MS });
    const embedded = await openEmbeddedStore({ dataDir });
    opened.push(embedded);
    const keys = plain(await everything(embedded));
    const hasNine = snapshot.position.revision === at.revision;
    expect(keys).toEqual(plain(await everything(store)).filter((key) => hasNine || key !== workload(9).key));
  });

  it('keeps what was there, on demand only, and begins above its epoch', async () => {
    const embedded = await openEmbeddedStore({ dataDir: path.join(folder, 'data') });
    opened.push(embedded);
    await commitNext(embedded, await embedded.beginEpoch(), { puts: RECORDS });
    const file = await save(embedded.snapshot());
    const before = await onRedis();
    const puts = [queue('old'), meta(7 * NUMBER_STEP + 5)];
    const old = await commitNext(before, await before.beginEpoch({ aboveEpoch: 40 }), { puts });
    await expect(restoreByFlags(flags(), { file, replace: false, nowMs: NOW_MS })).rejects.toThrow('say --replace');
    const { keptAs, position } = await restoreByFlags(flags(), { file, replace: true, nowMs: NOW_MS });
    expect(keptAs).toBe(`{${prefix}}:replaced-20261123T000000Z:*`);
    expect(position.epoch).toBeGreaterThan(old.epoch);
    // Numbers go on above those that the old state gave.
    const restored = await everything(await onRedis());
    expect(restored.find(({ collection }) => collection === 'meta')?.value).toMatchObject({
      lastWorkload: 8 * NUMBER_STEP,
    });
    // Whoever led the old state finds that it is over.
    await expect(commitNext(before, old, { puts: [queue('late')] })).rejects.toThrow('it belongs to another history');
    const kept = await redis.ask(server.port, 'HKEYS', `{${prefix}}:replaced-20261123T000000Z:records:queues`);
    expect(kept).toEqual(['old']);
    expect(await redis.ask(server.port, 'KEYS', `{${prefix}}:restoring*`)).toEqual([]);
  });

  it('changes nothing while a daemon leads, nor from a file that is damaged', async () => {
    const store = await onRedis();
    await commitNext(store, await store.beginEpoch(), { puts: RECORDS });
    const file = await save(await store.snapshot());
    const port = ioredisPort({ host: '127.0.0.1', port: server.port }, prefix, () => undefined);
    await port.claim({ id: 'x', address: 'there:7443', sinceMs: 0 }, 60_000);
    const restoring = restoreByFlags(flags(), { file, replace: true, nowMs: NOW_MS });
    await expect(restoring).rejects.toThrow('the daemon at there:7443 leads');
    await port.release('x');
    await port.close();
    writeFileSync(file, 'nonsense');
    await expect(restoreByFlags(flags(), { file, replace: true, nowMs: NOW_MS })).rejects.toThrow(/snapshot/);
    expect(plain(await everything(store))).toHaveLength(4);
  });
});

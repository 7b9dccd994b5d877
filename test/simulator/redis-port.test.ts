// The simulated Redis answers as the real one does: one suite for both.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RedisUnreachable, type RecordPage } from '../../scheduler/store/redis/port.js';
import { ioredisPort } from '../../scheduler/store/redis/ioredis-port.js';
import { SimMachine, SimProcess } from '../../simulator/faults/machine.js';
import { SimRedisCluster } from '../../simulator/faults/redis/cluster.js';
import { SimRedisPort } from '../../simulator/faults/redis/port.js';
import { Timeline } from '../../simulator/faults/timeline.js';
import { Random } from '../../simulator/random.js';
import { needs } from '../real-part.js';
import { describePort } from '../store/port-contract.js';
import { RealRedis, type RedisServer } from '../store/real-redis.js';

const quiet = (): void => undefined;

async function place() {
  const timeline = new Timeline();
  const random = new Random(7);
  const redis = new SimRedisCluster({
    timeline,
    random,
    copies: 1,
    rates: [1, 1, 1],
    witness: { carriedOut: quiet, durable: quiet, promoted: quiet, acknowledgedElsewhere: quiet },
  });
  for (const server of redis.servers.slice(2)) server.isHeldDown = true;
  redis.start();
  await timeline.run(5_000);
  const open = (name: string): SimRedisPort =>
    new SimRedisPort(new SimProcess(new SimMachine(timeline, name, 1), name), {
      timeline,
      random,
      primary: () => ({ server: redis.primary, link: redis.link(name, redis.primary.name) }),
      commitOf: ({ lineage, epoch, revision }) => ({ lineage, epoch, revision, puts: [], deletes: [] }),
    });
  const [port, other] = [open('one'), open('other')];
  void timeline.run(Infinity);
  return {
    port,
    other,
    redis,
    remove: () => {
      timeline.stop();
      return Promise.resolve();
    },
  };
}

describePort('simulated', place);

test('a simulated reading does not go on over another connection, as a real one does not', async () => {
  const { port, redis, remove } = await place();
  await port.writeHead(null, { lineage: 'one', epoch: 1, revision: 0, schema: 2, term: 't' });
  const keys = Array.from({ length: 300 }, (_, at) => `key-${at}`);
  const changes = keys.map((key) => ({ collection: 'queues', key, value: Buffer.from('{}') }));
  await port.append({ lineage: 'one', epoch: 1, term: 't', after: 0, revision: 1, changes });
  const { next } = await port.readPage(null);
  expect((await port.readPage(next)).records.length).toBeGreaterThan(0);
  redis.primary.crash();
  await vi.waitFor(() => port.readHead(), { interval: 1 });
  await expect(port.readPage(next)).rejects.toThrow(RedisUnreachable);
  const found = new Set<string>();
  for (let from: string | null = null; ;) {
    const page: RecordPage = await port.readPage(from);
    for (const { key } of page.records) found.add(key);
    if (page.next === null) break;
    from = page.next;
  }
  expect(found.size).toBe(keys.length);
  await port.close();
  await remove();
});

describe.runIf(needs('redis'))('a real server', () => {
  const real = new RealRedis();
  let primary: RedisServer;
  beforeAll(async () => {
    primary = await real.start('primary');
    await real.startReplica('replica', primary.port);
  });
  afterAll(() => real.stop());

  describePort('real', () => {
    const prefix = randomUUID();
    const open = () => ioredisPort({ host: '127.0.0.1', port: primary.port }, prefix, quiet);
    return Promise.resolve({ port: open(), other: open(), remove: () => Promise.resolve() });
  });
});

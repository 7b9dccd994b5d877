// The simulated Redis answers as the real one does: one suite for both.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
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

describePort('simulated', async () => {
  const timeline = new Timeline();
  const random = new Random(7);
  const redis = new SimRedisCluster({
    timeline,
    random,
    copies: 1,
    rates: [1, 1, 1],
    witness: { carriedOut: quiet, durable: quiet, promoted: quiet },
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
    remove: () => {
      timeline.stop();
      return Promise.resolve();
    },
  };
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

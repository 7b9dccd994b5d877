// Two real daemons on a real Redis, as a real Prometheus sees them: one that is gone, terms that follow each other, a Redis that comes back
// without what it had acknowledged. Each alert is silent until its cause is there.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from '../real-part.js';
import { ObservingPrometheus } from './observing-prometheus.js';
import { SeveralDaemons } from './several-daemons.js';
import { until } from './real-cluster.js';

const LIMIT_MS = 240_000;
/** Terms that begin within a quarter of an hour, at least, until that is too many. */
const TERMS = 5;

describe.runIf(needs('build') && needs('redis') && needs('prometheus'))('leaders that Prometheus sees', () => {
  // Nobody waits for copies here, so that there is something to lose.
  const cluster = new SeveralDaemons([
    '--redis-copies=0',
    '--redis-accept-weak=yes',
    '--redis-leader-hold=4s',
    '--fencing-failover=1s',
  ]);
  let prometheus: ObservingPrometheus;
  let port = 0;

  beforeAll(async () => {
    ({ port } = await cluster.startRedis('primary'));
    await cluster.startDaemon('a');
    await cluster.leader();
    await cluster.startDaemon('b');
    await cluster.startAgent('n1', '2xh100');
    const https = ['a', 'b'].map((name) => cluster.daemon(name).http);
    // Of the last day's counts every second's, so that a pair need not stand for a minute to be known.
    prometheus = await ObservingPrometheus.start(cluster, https, [], { '[1d:1m]': '[1d:1s]' });
    await cluster.client().createQueue({ queue: { name: 'research', guaranteeGpus: 2 } });
    await prometheus.sees('count(sluice_scheduler_leader) == 2');
    await prometheus.sees('sum(sluice_gpus{state="idle"}) == 2');
    await prometheus.sees('max(sluice_standbys) == 1');
    await prometheus.sees('absent(ALERTS{alertname="SluiceStandbyMissing",alertstate="firing"})');
    // Before its first look at them it took them for gone.
    await prometheus.sees('absent(ALERTS{alertname="SluiceSchedulerDown",alertstate="firing"})');
  }, LIMIT_MS);
  afterAll(async () => {
    await prometheus.stop();
    await cluster.stop();
  }, LIMIT_MS);

  const standby = async (): Promise<string> => ((await cluster.leader()) === 'a' ? 'b' : 'a');

  test(
    'a standby that is gone, until it is back',
    async () => {
      expect(await prometheus.firing()).toEqual([]);
      const name = await standby();
      cluster.signal(name, 'SIGKILL');
      await cluster.gone(name);
      await prometheus.fires('SluiceStandbyMissing');
      await cluster.startDaemon(name);
      await prometheus.sees('absent(ALERTS{alertname="SluiceStandbyMissing",alertstate="firing"})');
    },
    LIMIT_MS,
  );

  test(
    'one term after the other',
    async () => {
      expect(await prometheus.firing()).not.toContain('SluiceLeaderChanges');
      for (let term = 0; term < TERMS; term += 1) {
        const leader = await cluster.leader();
        cluster.signal(leader, 'SIGTERM');
        await cluster.gone(leader);
        const next = await cluster.leader();
        await prometheus.sees(`sluice_scheduler_leader{instance="${cluster.daemon(next).http}"} == 1`);
        await cluster.startDaemon(leader);
        await prometheus.sees(`sluice_scheduler_leader{instance="${cluster.daemon(leader).http}"} == 0`);
      }
      await prometheus.fires('SluiceLeaderChanges');
    },
    LIMIT_MS,
  );

  test(
    'a Redis that comes back empty',
    async () => {
      const client = cluster.client();
      const work = { queue: 'research', resources: { gpus: 2 }, command: { argv: ['sleep', '600'] } };
      const { workloads } = await client.submitWorkloads({ requestId: randomUUID(), specs: [work] });
      const number = String(workloads[0]?.number);
      await until('it runs', async () => {
        const { state } = await client.getWorkload(number);
        return state === 'WORKLOAD_STATE_RUNNING' || null;
      });
      expect(await prometheus.firing()).not.toContain('SluiceHistoryLost');
      await cluster.redis.end(cluster.primary);
      await cluster.startRedis('empty', [], port);
      await prometheus.fires('SluiceHistoryLost');
      await until('it is taken over', async () => {
        const workload = await client.getWorkload(number).catch(() => null);
        return workload?.state === 'WORKLOAD_STATE_RUNNING' || null;
      });
    },
    LIMIT_MS,
  );
});

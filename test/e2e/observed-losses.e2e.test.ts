// What a cluster must never see, as a real Prometheus sees it: a task that ran on after its node was given up, and a store that was changed
// behind the daemon's back. Real processes, and causes from outside: a person who certifies what is not so, a hand in the data.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import type { Workload } from '../../scheduler/model/records.js';
import { openEmbeddedStore } from '../../scheduler/store/embedded.js';
import { needs } from '../real-part.js';
import { ObservingPrometheus } from './observing-prometheus.js';
import { RealCluster, until } from './real-cluster.js';

const LIMIT_MS = 240_000;

describe.runIf(needs('build') && needs('prometheus'))('losses that Prometheus sees', () => {
  const cluster = new RealCluster({ serverFlags: ['--heartbeat=500ms', '--lease=4s', '--fencing-failover=1s'] });
  let client: SluiceClient;
  let prometheus: ObservingPrometheus;

  beforeAll(async () => {
    await cluster.startScheduler();
    prometheus = await ObservingPrometheus.start(cluster, cluster.http, []);
    client = cluster.client();
    for (const name of ['n1', 'n2']) await cluster.startAgent(name, ['--simulate', '2xh100']);
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
    await prometheus.sees('sum(sluice_gpus{state="idle"}) == 4');
  }, LIMIT_MS);
  afterAll(async () => {
    await prometheus.stop();
    await cluster.stop();
  }, LIMIT_MS);

  /** Changes records of a workload while nobody serves them. */
  async function byHand(number: number, change: (workload: Workload) => Workload): Promise<void> {
    const store = await openEmbeddedStore({ dataDir: cluster.at('server') });
    const { lineage, epoch, revision } = await store.beginEpoch();
    for await (const record of store.load()) {
      if (record.collection !== 'workloads' || record.value.number !== number) continue;
      const puts = [{ ...record, value: change(record.value) }];
      await store.commit({ lineage, epoch, revision: revision + 1, puts, deletes: [] });
      break;
    }
    await store.close();
  }

  test(
    'a task of a node that a person said was off, and was not',
    async () => {
      expect(await prometheus.firing()).toEqual([]);
      const ticks = cluster.at('ticks');
      const argv = ['sh', '-c', `while :; do date >> ${ticks}; sleep 0.2; done`];
      const resources = { gpus: 1, nodes: ['n1'] };
      const onDisconnect = 'ON_DISCONNECT_LINGER' as const;
      const { workloads } = await client.submitWorkloads({
        specs: [{ queue: 'research', resources, command: { argv }, onDisconnect }],
      });
      const number = workloads[0]?.number ?? 0;
      await cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
      await until('it works', () => existsSync(ticks) || null);
      await cluster.endAgent('n1', 'SIGKILL');
      await prometheus.sees('sluice_node_up{node="n1"} == 0');
      expect(await prometheus.firing()).not.toContain('SluiceFenceViolation');
      await client.fenceNode({ name: 'n1', certifiedOff: true, reason: 'somebody was sure' });
      const size = readFileSync(ticks).length;
      await until('it still works', () => readFileSync(ticks).length > size || null);
      await cluster.startAgent('n1', ['--simulate', '2xh100']);
      await prometheus.fires('SluiceFenceViolation');
      const { incidents } = await client.getStatus();
      expect(incidents.map(({ kind }) => kind)).toContain('fence_violated');
    },
    LIMIT_MS,
  );

  test(
    'a gang that lacks a task, since its record was changed while nobody served it',
    async () => {
      const { workloads } = await client.submitWorkloads({
        specs: [{ queue: 'research', tasks: 2, resources: { gpus: 1 }, command: { argv: ['sleep', '600'] } }],
      });
      const number = workloads[0]?.number ?? 0;
      await cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
      expect(await prometheus.firing()).not.toContain('SluiceInvariantBroken');
      await cluster.endScheduler('SIGTERM');
      // It asks for a task more than it has.
      await byHand(number, ({ spec, ...workload }) => ({
        ...workload,
        spec: {
          ...spec,
          roles: spec.roles.map((role) => ({ ...role, minTasks: role.minTasks + 1, maxTasks: role.maxTasks + 1 })),
        },
      }));
      await cluster.startScheduler();
      await prometheus.fires('SluiceInvariantBroken');
      await prometheus.sees('ALERTS{alertname="SluiceInvariantBroken",invariant="whole_gangs"}');
      expect(cluster.log('scheduler')).toContain('whole_gangs');
    },
    LIMIT_MS,
  );
});

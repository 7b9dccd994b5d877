// What an administrator chooses about scheduling reaches the engine of a real daemon, pool by pool, and shows in its metrics.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { needs } from '../real-part.js';
import { RealCluster } from './real-cluster.js';

const PLACED = ['WORKLOAD_STATE_STARTING', 'WORKLOAD_STATE_RUNNING'];

describe.runIf(needs('build'))('a policy of scheduling', () => {
  const cluster = new RealCluster({
    serverFlags: [
      '--scheduling-placement=pack',
      '--scheduling-placement-of=wide=spread',
      '--scheduling-consolidation=off',
    ],
  });
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    for (const name of ['n1', 'n2']) await cluster.startAgent(name, ['--simulate', '2xh100']);
    for (const name of ['w1', 'w2']) await cluster.startAgent(name, ['--simulate', '2xh100', '--pool', 'wide']);
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 8 } });
  });
  afterAll(() => cluster.stop());

  async function submit(name: string, pool: string, gpus: number): Promise<void> {
    const command = { argv: ['sleep', '600'] };
    await client.submitWorkloads({ specs: [{ name, queue: 'research', resources: { gpus, pool }, command }] });
  }

  async function nodeOf(name: string): Promise<string> {
    const { allocations } = await cluster.untilWorkload(client, name, ({ state }) => PLACED.includes(state));
    return allocations.map(({ node }) => node).join();
  }

  test('packs one pool and spreads over the other', async () => {
    for (const pool of ['default', 'wide']) for (const which of ['a', 'b']) await submit(`${pool}-${which}`, pool, 1);
    expect(await nodeOf('default-a')).toBe(await nodeOf('default-b'));
    expect([await nodeOf('wide-a'), await nodeOf('wide-b')].toSorted()).toEqual(['w1', 'w2']);
  });

  test('moves nobody where consolidation is off', async () => {
    await submit('large', 'wide', 2);
    const { pendingReason } = await cluster.untilWorkload(
      client,
      'large',
      (workload) => !['', 'NOT_EVALUATED'].includes(workload.pendingReason),
    );
    expect(pendingReason).toBe('FRAGMENTED');
    const metrics = await (await fetch(`http://${cluster.http}/metrics`)).text();
    expect(metrics).toContain('sluice_workloads_pending{queue="research",reason="FRAGMENTED"} 1');
    expect(metrics).not.toMatch(/^sluice_moves_total\{/m);
    expect(metrics).toMatch(/^sluice_scheduler_step_duration_seconds_count [1-9]/m);
  });
});

// A cluster moves from the embedded store to a Redis with two schedulers, and back, with running work: what ran runs on in the same
// process, by `sluice snapshot save` and `restore` as a person uses them.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { until } from './real-cluster.js';
import { SeveralDaemons } from './several-daemons.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const isPossible = needs('build') && needs('redis');
// Nodes that joined after the snapshot was saved, of which there are none, are waited for no longer than this.
const QUICK = ['--fencing-failover', '1s'];
const RESEARCH = { queue: 'research', resources: { gpus: 1 } };

describe.runIf(isPossible)('a cluster with running work', { timeout: 180_000 }, () => {
  const cluster = new SeveralDaemons(['--redis-leader-hold', '4s', ...QUICK]);
  afterAll(() => cluster.stop());

  function sluice(...args: readonly string[]) {
    const env = { ...process.env, SLUICE_SERVER: cluster.servers, HOME: cluster.folder };
    const { status, stdout, stderr } = spawnSync(process.execPath, [SLUICE, ...args], { encoding: 'utf8', env });
    return { status, stdout, stderr };
  }

  test('moves to a Redis and back', async () => {
    const { port } = await cluster.startRedis('primary', ['--min-replicas-to-write', '1']);
    await cluster.redis.startReplica('replica', port);
    await cluster.startDaemon('a', QUICK);
    await cluster.chooseAddresses('b');
    await cluster.startAgent('n1', '2xh100');
    const client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 2 } });
    const gate = cluster.at('gate');
    const script = `echo "$SLUICE_ALLOCATION_ID $$" >> ${cluster.at('executions')}; while [ ! -e ${gate} ]; do sleep 0.1; done; exit 7`;
    const long = { name: 'long', ...RESEARCH, command: { argv: ['sh', '-c', script] } };
    const waits = { name: 'waits', queue: 'research', resources: { gpus: 2 }, command: { argv: ['true'] } };
    const request = { requestId: randomUUID(), specs: [long, waits] };
    const made = await client.submitWorkloads(request);
    const [number = '', waiting = ''] = made.workloads.map((workload) => String(workload.number));
    const before = await until('it runs', async () => {
      const workload = await client.getWorkload(number);
      return workload.state === 'WORKLOAD_STATE_RUNNING' ? workload : null;
    });
    const { clusterId, lineage } = await client.getStatus();
    const [, pid] = await until('it has told its pid', () => executions()[0]?.split(' ') ?? null);

    /** What holds after each move. */
    async function expectMoved(from: string): Promise<string> {
      await until('the agent is back', () => isNodeReady(client));
      const status = await client.getStatus();
      expect(status.clusterId).toBe(clusterId);
      expect(status.lineage).not.toBe(from);
      const now = await client.getWorkload(number);
      expect(now).toMatchObject({ state: 'WORKLOAD_STATE_RUNNING', attempt: 1, requeues: 0 });
      expect(now.allocations.map(({ id }) => id)).toEqual(before.allocations.map(({ id }) => id));
      expect(executions()).toEqual([`${before.allocations[0]?.id} ${pid}`]);
      expect(() => process.kill(Number(pid), 0)).not.toThrow();
      expect((await client.getWorkload(waiting)).state).toBe('WORKLOAD_STATE_PENDING');
      // The request that was answered before is the same request.
      expect((await client.submitWorkloads(request)).workloads).toEqual(made.workloads);
      // New work gets the other GPU.
      const next = await client.submitWorkloads({
        requestId: randomUUID(),
        specs: [{ name: 'next', ...RESEARCH, command: { argv: ['true'] } }],
      });
      await until('new work ends well', async () => {
        const { state } = await client.getWorkload(String(next.workloads[0]?.number));
        return state === 'WORKLOAD_STATE_SUCCEEDED' || null;
      });
      return status.lineage;
    }

    // To the Redis, where two schedulers find it.
    const there = cluster.at('there.snapshot');
    expect(sluice('snapshot', 'save', there)).toMatchObject({ status: 0 });
    await end('a');
    const store = `redis://127.0.0.1:${port}`;
    expect(sluice('snapshot', 'restore', there, '--store', store)).toMatchObject({ status: 0, stderr: '' });
    await cluster.startDaemon('a');
    await until('it leads', () => client.getStatus().catch(() => null));
    await cluster.startDaemon('b');
    const onRedis = await expectMoved(lineage);
    // Whichever of them leads.
    cluster.signal('a', 'SIGKILL');
    await cluster.gone('a');
    expect(await cluster.leader()).toBe('b');
    await until('the agent is back', () => isNodeReady(client));
    expect((await client.getWorkload(number)).allocations[0]?.id).toBe(before.allocations[0]?.id);

    // And back, into a folder of its own: the one of before holds what was then.
    const back = cluster.at('back.snapshot');
    expect(sluice('snapshot', 'save', back)).toMatchObject({ status: 0 });
    const refused = sluice('snapshot', 'restore', back, '--store', store, '--replace');
    expect(refused.stderr).toContain(`the daemon at ${cluster.daemon('b').grpc} leads`);
    await end('b');
    const data = ['--data-dir', cluster.at('a')];
    expect(sluice('snapshot', 'restore', back, ...data).stderr).toContain('--replace');
    expect(sluice('snapshot', 'restore', back, ...data, '--replace')).toMatchObject({ status: 0, stderr: '' });
    await cluster.startDaemon('a', QUICK);
    await expectMoved(onRedis);

    writeFileSync(gate, '');
    const ended = await until('it ends as its program does', async () => {
      const workload = await client.getWorkload(number);
      return workload.state === 'WORKLOAD_STATE_FAILED' ? workload : null;
    });
    expect(ended.allocations[0]?.exit).toMatchObject({ code: 7 });
    await until('what waited runs', async () => {
      const { state } = await client.getWorkload(waiting);
      return state === 'WORKLOAD_STATE_SUCCEEDED' || null;
    });
    expect(executions()).toHaveLength(1);
  });

  const executions = (): readonly string[] => {
    try {
      return readFileSync(cluster.at('executions'), 'utf8').trim().split('\n');
    } catch {
      // The task has not begun yet.
      return [];
    }
  };

  async function end(name: string): Promise<void> {
    cluster.signal(name, 'SIGTERM');
    expect(await cluster.gone(name)).toBe(0);
  }

  async function isNodeReady(client: SluiceClient): Promise<true | null> {
    const nodes = await client.allNodes().catch(() => []);
    return nodes[0]?.state === 'NODE_STATE_READY' || null;
  }
});

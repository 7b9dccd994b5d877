// A real Redis loses what it had acknowledged under real daemons: a replica without the last writes is promoted, or it comes back
// empty. It is noticed and told, what runs is taken over as it was, and no GPU gets a second owner.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { needs } from '../real-part.js';
import { until } from './real-cluster.js';
import { SeveralDaemons } from './several-daemons.js';

const isPossible = needs('build') && needs('redis');

describe.runIf(isPossible)('a Redis that lost its last writes', { timeout: 150_000 }, () => {
  // Nobody waits for copies here, so that there is something to lose.
  const weak = ['--redis-copies', '0', '--redis-accept-weak', 'yes'];
  const quick = ['--redis-leader-hold', '4s', '--fencing-failover', '1s'];
  const cluster = new SeveralDaemons([...weak, ...quick]);
  afterAll(() => cluster.stop());

  test('by a replica that was promoted, and by coming back empty', async () => {
    const { port } = await cluster.startRedis('primary');
    const replica = await cluster.redis.startReplica('replica', port);
    await cluster.startDaemon('a');
    await cluster.leader();
    await cluster.startDaemon('b');
    await cluster.startAgent('n1', '2xh100');
    const client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 2 } });
    const executions = cluster.at('executions');
    const script = `echo $SLUICE_ALLOCATION_ID >> ${executions}; while :; do sleep 0.2; done`;
    const work = { queue: 'research', resources: { gpus: 2 }, command: { argv: ['sh', '-c', script] } };

    // Once the replica hears nothing any more, none of what follows will have been written.
    await cluster.redis.ask(replica.port, 'REPLICAOF', '127.0.0.1', '1');
    const request = { requestId: randomUUID(), specs: [{ name: 'late', ...work }] };
    const made = await client.submitWorkloads(request);
    const number = String(made.workloads[0]?.number);
    const before = await until('it runs', async () => {
      const workload = await client.getWorkload(number);
      return workload.state === 'WORKLOAD_STATE_RUNNING' && existsSync(executions) ? workload : null;
    });
    const { lineage, clusterId } = await client.getStatus();

    await cluster.redis.end(cluster.primary);
    await cluster.redis.end(replica);
    // Where the primary was, and with its name: what a Sentinel would make daemons do.
    await cluster.startRedis('replica', [], port);
    const second = await told(lineage);
    const taken = await until('it is taken over', async () => {
      const workload = await client.getWorkload(number).catch(() => null);
      return workload?.state === 'WORKLOAD_STATE_RUNNING' ? workload : null;
    });
    expect(taken.allocations[0]?.id).toBe(before.allocations[0]?.id);
    expect(second.clusterId).toBe(clusterId);
    const leader = await cluster.leader();
    expect(await cluster.metric(leader, 'sluice_history_lost_total')).toBeGreaterThan(0);
    const again = await until('the request is answered', () => client.submitWorkloads(request).catch(() => null));
    expect(again.workloads).toEqual(made.workloads);

    // The same with everything gone. Both GPUs are held, so the next one waits.
    await cluster.redis.end(cluster.primary);
    await cluster.startRedis('empty', [], port);
    const third = await told(second.lineage);
    const kept = await until('it is taken over again', async () => {
      const workload = await client.getWorkload(number).catch(() => null);
      return workload?.state === 'WORKLOAD_STATE_RUNNING' ? workload : null;
    });
    expect(kept.allocations[0]?.id).toBe(before.allocations[0]?.id);
    expect(third.clusterId).toBe(clusterId);
    expect([lineage, second.lineage]).not.toContain(third.lineage);
    const next = await client.submitWorkloads({ requestId: randomUUID(), specs: [{ name: 'next', ...work }] });
    await until('work is placed again', async () => (await client.getStatus()).ready || null);
    expect((await client.getWorkload(String(next.workloads[0]?.number))).state).toBe('WORKLOAD_STATE_PENDING');
    expect(readFileSync(executions, 'utf8').trim().split('\n')).toEqual([before.allocations[0]?.id]);

    /** Another history than the one that was left. */
    async function told(left: string) {
      return until('it is told', async () => {
        const status = await client.getStatus();
        const isTold = status.incidents.some(({ kind }) => kind === 'history_lost');
        return isTold && status.lineage !== left ? status : null;
      });
    }
  });
});

describe.runIf(isPossible)('a replica that lags is promoted', { timeout: 150_000 }, () => {
  // One copy of two is awaited, so the other one may lack what was acknowledged.
  const weak = ['--redis-copies', '1', '--redis-accept-weak', 'yes'];
  const quick = ['--redis-leader-hold', '4s', '--fencing-failover', '1s'];
  const cluster = new SeveralDaemons([...weak, ...quick]);
  afterAll(() => cluster.stop());

  test('and what it does not know of is found by its agent before it is begun again', async () => {
    const { port } = await cluster.startRedis('primary');
    const lagging = await cluster.redis.startReplica('lagging', port);
    const other = await cluster.redis.startReplica('other', port);
    await cluster.startDaemon('a');
    await cluster.leader();
    await cluster.startDaemon('b');
    await cluster.startAgent('n1', '2xh100');
    await cluster.startAgent('n2', '2xh100');
    const client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
    await client.cordonNode({ name: 'n1', reason: 'not yet' });
    await client.cordonNode({ name: 'n2', reason: 'not yet' });
    const executions = cluster.at('executions');
    const script = `echo $SLUICE_ALLOCATION_ID >> ${executions}; while :; do sleep 0.2; done`;
    const work = { name: 'waits', queue: 'research', resources: { gpus: 2 }, command: { argv: ['sh', '-c', script] } };
    const made = await client.submitWorkloads({ requestId: randomUUID(), specs: [work] });
    const number = String(made.workloads[0]?.number);

    // From here on one of the two copies hears nothing: there the work waits, and n1 is cordoned.
    await cluster.redis.ask(lagging.port, 'REPLICAOF', '127.0.0.1', '1');
    await client.uncordonNode('n1');
    const before = await until('it runs', async () => {
      const workload = await client.getWorkload(number);
      return workload.state === 'WORKLOAD_STATE_RUNNING' && existsSync(executions) ? workload : null;
    });
    const { lineage } = await client.getStatus();
    cluster.signalAgent('n1', 'SIGSTOP');
    cluster.signal('a', 'SIGKILL');
    await cluster.gone('a');
    await cluster.redis.end(cluster.primary);
    await cluster.redis.end(lagging);
    await cluster.startRedis('lagging', [], port);
    await cluster.redis.ask(other.port, 'REPLICAOF', '127.0.0.1', String(port));

    await until('b leads, and n2 is back', async () => {
      const nodes = await client.allNodes().catch(() => []);
      return nodes.some(({ name, state }) => name === 'n2' && state === 'NODE_STATE_READY') || null;
    });
    // Now there is room for what waits as far as this history goes; only the agent of n1 knows that it runs.
    await client.uncordonNode('n2');
    const status = await client.getStatus();
    expect(status.lineage).toBe(lineage);
    expect(status.incidents.map(({ kind }) => kind)).toContain('copy_changed');
    const witnesses = status.waiting.find(({ what }) => what === 'WAITING_FOR_WITNESSES');
    expect(witnesses?.message).toContain('another copy of the store took over and may lack the last commits');
    expect(witnesses?.nodes).toEqual(['n1']);
    expect(await cluster.readiness('b')).toContain('another copy of the store took over');
    expect(await cluster.metric('b', 'sluice_store_copy_changes_total')).toBe(1);
    expect(await cluster.metric('b', 'sluice_history_recovering')).toBe(1);
    // Longer than an unknown node would be waited for: it is n1 that is awaited.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await client.getWorkload(number)).state).toBe('WORKLOAD_STATE_PENDING');

    cluster.signalAgent('n1', 'SIGCONT');
    const found = await until('it is found', async () => {
      const workload = await client.getWorkload(number).catch(() => null);
      return workload?.state === 'WORKLOAD_STATE_RUNNING' ? workload : null;
    });
    expect(found.allocations[0]?.id).toBe(before.allocations[0]?.id);
    await until('work is placed again', async () => (await client.getStatus()).ready || null);
    expect(readFileSync(executions, 'utf8').trim().split('\n')).toEqual([before.allocations[0]?.id]);
    expect((await client.getStatus()).incidents.map(({ kind }) => kind)).toContain('history_lost');
  });
});

describe.runIf(isPossible)('a standby that never led', { timeout: 100_000 }, () => {
  const cluster = new SeveralDaemons([
    '--redis-copies',
    '0',
    '--redis-accept-weak',
    'yes',
    '--redis-leader-hold',
    '4s',
  ]);
  afterAll(() => cluster.stop());

  test('knows of the cluster, and takes an emptied Redis for a loss', async () => {
    const { port } = await cluster.startRedis('primary');
    await cluster.startDaemon('a');
    await cluster.leader();
    await cluster.startDaemon('b');
    const client = cluster.client();
    const { clusterId } = await client.getStatus();
    const remembered = cluster.at('b', 'cluster-id');
    await until('b has heard of it', () => existsSync(remembered) || null);
    expect(readFileSync(remembered, 'utf8').trim()).toBe(clusterId);
    cluster.signal('a', 'SIGKILL');
    await cluster.gone('a');
    await cluster.redis.end(cluster.primary);
    await cluster.startRedis('empty', [], port);
    const status = await until('b leads', () => client.getStatus().catch(() => null));
    expect(status.clusterId).toBe(clusterId);
    expect(status.incidents.map(({ kind }) => kind)).toContain('history_lost');
  });
});

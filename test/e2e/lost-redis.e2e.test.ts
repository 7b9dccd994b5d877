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

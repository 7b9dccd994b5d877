// An older backup is restored under a running cluster of real processes: what agents run goes on as it was, what was
// acknowledged and runs is not started a second time, and no GPU is handed out twice.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const cluster = new RealCluster({ serverFlags: ['--fencing-failover', '1s'] });
afterAll(() => cluster.stop());

test.runIf(needs('build'))(
  'a restored backup: what runs is taken over, and a repeated request finds it',
  async () => {
    await cluster.startScheduler();
    await cluster.startAgent('n1', ['--simulate', '2xh100']);
    const client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 2 } });
    const file = cluster.at('old.snapshot');
    const executions = cluster.at('executions');
    const go = cluster.at('go');
    const sluice = (...args: readonly string[]) => {
      const env = { ...process.env, SLUICE_SERVER: cluster.grpc, HOME: cluster.folder };
      const { status, stderr, stdout } = spawnSync(process.execPath, [SLUICE, ...args], { encoding: 'utf8', env });
      expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
      return stdout;
    };
    sluice('snapshot', 'save', file);

    // None of this is in the snapshot.
    const script = `echo $SLUICE_ALLOCATION_ID >> ${executions}; while [ ! -e ${go} ]; do sleep 0.1; done`;
    const command = { argv: ['/bin/sh', '-c', script] };
    const request = {
      requestId: randomUUID(),
      specs: [{ name: 'late', queue: 'research', resources: { gpus: 2 }, command }],
    };
    const made = await client.submitWorkloads(request);
    const number = made.workloads[0]?.number ?? 0;
    await until('it runs', () => (existsSync(executions) ? true : null));
    await cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');

    await cluster.endScheduler('SIGKILL');
    sluice('snapshot', 'restore', file, '--data-dir', cluster.at('server'), '--replace');
    await cluster.startScheduler();

    const found = await until('it is taken over', () => client.getWorkload(String(number)).catch(() => null));
    expect(found.state).toBe('WORKLOAD_STATE_RUNNING');
    const again = await until('the request is answered', () => client.submitWorkloads(request).catch(() => null));
    expect(again.workloads).toEqual(made.workloads);

    // Both GPUs are held: the next one waits, until the first has ended.
    const next = await client.submitWorkloads({
      requestId: randomUUID(),
      specs: [{ name: 'next', queue: 'research', resources: { gpus: 2 }, command }],
    });
    expect(next.workloads[0]?.number).toBeGreaterThan(100_000);
    await until('work is placed again', async () => (await client.getStatus()).ready || null);
    expect((await client.getWorkload('next')).state).toBe('WORKLOAD_STATE_PENDING');
    writeFileSync(go, '');
    await cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    await cluster.untilWorkload(client, 'next', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    const ids = readFileSync(executions, 'utf8').trim().split('\n');
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(2);
    expect((await client.getStatus()).incidents.map(({ kind }) => kind)).toContain('history_recovered');
    const metrics = await (await fetch(`http://${cluster.http}/metrics`)).text();
    expect(metrics).toMatch(/^sluice_adopted_allocations_total 1$/m);
  },
  120_000,
);

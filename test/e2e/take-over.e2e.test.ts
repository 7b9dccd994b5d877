// Two real daemons on a real Redis: whichever way the leader goes, the other one leads, what was acknowledged is there, and what
// runs goes on under the same allocation.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { until } from './real-cluster.js';
import { SeveralDaemons } from './several-daemons.js';
import { Submitter, WAITS } from './submitter.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const isPossible = needs('build') && needs('redis');

describe.runIf(isPossible)('two daemons', { timeout: 120_000 }, () => {
  const cluster = new SeveralDaemons(['--redis-leader-hold', '4s']);
  let client: SluiceClient;
  let submitter: Submitter;
  let running: { readonly number: number; readonly allocation: string };
  const executions = (): readonly string[] => readFileSync(cluster.at('executions'), 'utf8').trim().split('\n');

  beforeAll(async () => {
    const safe = ['--appendfsync', 'everysec', '--min-replicas-to-write', '1'];
    const { port } = await cluster.startRedis('primary', safe);
    await cluster.redis.startReplica('replica', port);
    await cluster.startDaemon('a');
    await cluster.leader();
    await cluster.startDaemon('b');
    await cluster.startAgent('n1', '2xh100');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 2 } });
    const script = `echo $SLUICE_ALLOCATION_ID >> ${cluster.at('executions')}; while :; do sleep 0.2; done`;
    const spec = { name: 'long', queue: 'research', resources: { gpus: 1 }, command: { argv: ['sh', '-c', script] } };
    const { workloads } = await client.submitWorkloads({ requestId: randomUUID(), specs: [spec] });
    const number = workloads[0]?.number ?? 0;
    const found = await until('it runs', async () => {
      const workload = await client.getWorkload(String(number));
      return workload.state === 'WORKLOAD_STATE_RUNNING' && existsSync(cluster.at('executions')) ? workload : null;
    });
    running = { number, allocation: found.allocations[0]?.id ?? '' };
    submitter = new Submitter(cluster.client());
  }, 120_000);
  afterAll(() => cluster.stop());

  /** What holds after every take-over. */
  async function expectNothingLost(): Promise<void> {
    await submitter.goesOn();
    await submitter.end();
    process.stdout.write(`longest wait of a submission: ${Math.round(submitter.longestGapMs)} ms\n`);
    const there = new Set((await client.allWorkloads({})).map(({ number }) => number));
    expect(submitter.acknowledged.filter((number) => !there.has(number))).toEqual([]);
    expect(new Set(submitter.acknowledged).size).toBe(submitter.acknowledged.length);
    const nodes = await until('the agent is back', async () => {
      const all = await client.allNodes();
      return all[0]?.state === 'NODE_STATE_READY' ? all : null;
    });
    expect(nodes).toHaveLength(1);
    const still = await client.getWorkload(String(running.number));
    expect(still).toMatchObject({ state: 'WORKLOAD_STATE_RUNNING', allocations: [{ id: running.allocation }] });
    expect(executions()).toEqual([running.allocation]);
  }

  function begin(): Promise<void> {
    submitter.longestGapMs = 0;
    submitter.begin();
    return submitter.goesOn();
  }

  test('a standby says who leads, is well, and answers nothing else', async () => {
    const leader = await cluster.leader();
    const standby = leader === 'a' ? 'b' : 'a';
    await until('it has looked', async () =>
      (await cluster.readiness(standby)).includes('leads since') ? true : null,
    );
    expect(await cluster.readiness(standby)).toContain(`standby; ${cluster.daemon(leader).grpc} leads since`);
    const { http, grpc } = cluster.daemon(standby);
    expect((await fetch(`http://${http}/healthz`)).status).toBe(200);
    expect((await fetch(`http://${http}/readyz`)).status).toBe(503);
    expect(await cluster.metric(standby, 'sluice_scheduler_leader')).toBe(0);
    expect(await cluster.metric(leader, 'sluice_scheduler_leader')).toBe(1);
    const refusal = { reason: 'NOT_LEADER', metadata: { leader: cluster.daemon(leader).grpc } };
    await expect(cluster.client(grpc).allWorkloads({})).rejects.toMatchObject(refusal);
  });

  test('status and metrics name those that stand by, as long as they do', async () => {
    const leader = await cluster.leader();
    const standby = leader === 'a' ? 'b' : 'a';
    const { grpc } = cluster.daemon(standby);
    const env = { ...process.env, SLUICE_SERVER: cluster.servers, HOME: cluster.folder };
    const status = (): string =>
      spawnSync(process.execPath, [SLUICE, 'status'], { encoding: 'utf8', env }).stdout.replaceAll(/ +/g, ' ');
    const standbys = async (count: number): Promise<true> =>
      until(`${count} stand by`, async () =>
        (await cluster.metric(leader, 'sluice_standbys')) === count ? true : null,
      );
    await standbys(1);
    expect(status()).toContain(`Leader: ${cluster.daemon(leader).grpc} (`);
    expect(status()).toContain(`Standbys: ${grpc} (since `);
    expect(await cluster.metric(standby, 'sluice_standbys')).toBeNaN();

    // One that dies is missed when its word has run out.
    cluster.signal(standby, 'SIGKILL');
    await cluster.gone(standby);
    await standbys(0);
    expect(status()).toContain('Standbys: none: when the leader fails, nobody takes over');
    await cluster.startDaemon(standby);
    await standbys(1);

    // One that ends says so.
    cluster.signal(standby, 'SIGTERM');
    expect(await cluster.gone(standby)).toBe(0);
    expect(await cluster.redis.ask(cluster.primary.port, 'KEYS', '*standby*')).toEqual([]);
    await standbys(0);
    await cluster.startDaemon(standby);
    await standbys(1);
  });

  test('kill -9', async () => {
    await begin();
    const leader = await cluster.leader();
    cluster.signal(leader, 'SIGKILL');
    await cluster.gone(leader);
    await cluster.leader();
    await expectNothingLost();
    await cluster.startDaemon(leader);
  });

  test('SIGSTOP, and SIGCONT when another one leads: the old one writes, orders and answers nothing', async () => {
    await begin();
    const old = await cluster.leader();
    cluster.signal(old, 'SIGSTOP');
    const next = await cluster.leader(old);
    const { epoch } = await client.getStatus();
    cluster.signal(old, 'SIGCONT');
    await until('it stands by', async () => ((await cluster.readiness(old)).startsWith('standby') ? true : null));
    await expect(cluster.client(cluster.daemon(old).grpc).allNodes()).rejects.toMatchObject({ reason: 'NOT_LEADER' });
    expect(await cluster.metric(old, 'sluice_scheduler_leadership_lost_total')).toBeGreaterThan(0);
    await expectNothingLost();
    expect(await client.getStatus()).toMatchObject({ epoch });
    expect(await cluster.leader()).toBe(next);
  });

  test('sluice server step-down', async () => {
    await begin();
    const leader = await cluster.leader();
    const env = { ...process.env, SLUICE_SERVER: cluster.servers, HOME: cluster.folder };
    const { status, stdout } = spawnSync(process.execPath, [SLUICE, 'server', 'step-down'], { encoding: 'utf8', env });
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `${cluster.daemon(leader).grpc} steps down; who leads next: sluice status\n`,
    });
    expect(await cluster.leader(leader)).not.toBe(leader);
    await expectNothingLost();
    expect(await cluster.readiness(leader)).toMatch(/^standby/);
  });

  test('SIGTERM: the exit code is 0, and the other one leads', async () => {
    await begin();
    const leader = await cluster.leader();
    cluster.signal(leader, 'SIGTERM');
    expect(await cluster.gone(leader)).toBe(0);
    await cluster.leader();
    await expectNothingLost();
    await cluster.startDaemon(leader);
  });

  test('a watch goes on over a take-over', async () => {
    const leader = await cluster.leader();
    const seen: number[] = [];
    const ended = new AbortController();
    const watching = (async () => {
      for await (const { workload } of cluster.client().watchWorkloads({}, { signal: ended.signal })) {
        if (workload !== null) seen.push(workload.number);
      }
    })();
    await until('it watches', () => (seen.includes(running.number) ? true : null));
    cluster.signal(leader, 'SIGKILL');
    await cluster.gone(leader);
    await cluster.leader();
    const spec = { name: 'after', ...WAITS };
    const { workloads } = await client.submitWorkloads({ requestId: randomUUID(), specs: [spec] });
    await until('it is seen', () => (seen.includes(workloads[0]?.number ?? 0) ? true : null));
    ended.abort();
    await watching;
  });
});

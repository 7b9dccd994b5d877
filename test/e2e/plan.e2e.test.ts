// What a plan says and what then happens, with the real daemon and agents on a full cluster.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { fromDuration, toDuration } from '../../common/units.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { needs } from '../real-part.js';
import { RealCluster } from './real-cluster.js';

describe.runIf(needs('build'))('a plan on a full cluster', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;
  let guests: readonly number[];

  const spec = (queue: string, gpus: number, fields: WorkloadSpec = {}): WorkloadSpec => ({
    queue,
    resources: { gpus },
    command: { argv: ['sleep', '600'] },
    checkpoint: { grace: toDuration(2_000) },
    ...fields,
  });

  const submit = async (specs: WorkloadSpec[]): Promise<number[]> =>
    (await client.submitWorkloads({ specs })).workloads.map(({ number }) => number);

  const running = (number: number) =>
    cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');

  const sluice = (...words: string[]) =>
    spawnSync(process.execPath, [path.join(PACKAGE_ROOT, 'dist/cli/main.js'), ...words], {
      encoding: 'utf8',
      env: { ...process.env, SLUICE_SERVER: cluster.grpc, SLUICE_CONFIG: cluster.at('none.yaml') },
    });

  beforeAll(async () => {
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    await cluster.startAgent('n2');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'owner', guaranteeGpus: 4 } });
    await client.createQueue({ queue: { name: 'guest', guaranteeGpus: 4 } });
    guests = await submit([spec('guest', 4), spec('guest', 4)]);
    for (const number of guests) await running(number);
  });
  afterAll(() => cluster.stop());

  test('names the victim that the same submission then takes, and changes nothing', async () => {
    const before = JSON.stringify([await client.allWorkloads({}), await client.allQueues()]);
    const { revision } = await client.getVersion();
    const wanted = spec('owner', 4, { name: 'mine' });
    const plan = await client.planWorkload({ specs: [wanted] });
    expect(await client.planWorkload({ specs: [wanted] })).toMatchObject({
      workloads: [{ start: 'PLANNED_START_AFTER_VICTIMS' }],
    });
    expect((await client.getVersion()).revision).toBe(revision);
    expect(JSON.stringify([await client.allWorkloads({}), await client.allQueues()])).toBe(before);

    const [planned] = plan.workloads;
    const [victim] = plan.displaced;
    expect(plan.displaced).toHaveLength(1);
    expect(guests).toContain(victim?.number);
    expect(victim).toMatchObject({ queue: 'guest', gpus: 4, reason: 'STOP_REASON_RECLAIMED', hasCheckpoint: false });
    expect(fromDuration(victim?.grace)).toBe(2_000);
    expect(victim?.message).toMatch(/\d/);
    expect(planned?.placements).toMatchObject([{ task: 0, gpuIndices: [0, 1, 2, 3], gpuShare: 1 }]);

    const told = sluice('plan', '-G', '4', '-A', 'owner', '--grace', '2s', '--', 'sleep', '600');
    expect(told.stderr).toBe('');
    expect(told.status).toBe(0);
    expect(told.stdout).toMatch(/^Would start within (2\.0|1\.\d)s on n\d, by taking back 4 GPUs\nVICTIM/);

    const [number = 0] = await submit([wanted]);
    expect(number).toBe(planned?.number);
    const mine = await running(number);
    expect(mine.allocations.map(({ node }) => node)).toEqual(planned?.placements.map(({ node }) => node));
    for (const guest of guests) {
      const { requeues } = await client.getWorkload(String(guest));
      expect([guest, requeues]).toEqual([guest, guest === victim?.number ? 1 : 0]);
    }
  });

  test('says of a changed quota who would give back, and that is who does', async () => {
    const [second = 0] = await submit([spec('owner', 4)]);
    const told = sluice('plan', 'queue', 'guest', '--guarantee', '0', '--weight', '0', '-o', 'json');
    expect(told.status).toBe(0);
    const plan = JSON.parse(told.stdout) as {
      displaced: { number: number; forWorkload: number }[];
      started: { number: number }[];
      queues: { queue: string; fairShareGpusBefore: number; fairShareGpusAfter: number }[];
    };
    expect(plan.started.map(({ number }) => number)).toEqual([second]);
    expect(plan.displaced.map(({ forWorkload }) => forWorkload)).toEqual([second]);
    expect(plan.queues).toMatchObject([
      { queue: 'guest', fairShareGpusBefore: 4, fairShareGpusAfter: 0 },
      { queue: 'owner', fairShareGpusBefore: 4, fairShareGpusAfter: 8 },
    ]);
    expect((await client.getQueue('guest')).spec).toMatchObject({ guaranteeGpus: 4, weight: 1 });
    expect((await client.getWorkload(String(second))).state).toBe('WORKLOAD_STATE_PENDING');

    const queue = { name: 'guest', guaranteeGpus: 0, weight: 0 };
    await client.updateQueue({ queue, updateMask: { paths: ['guarantee_gpus', 'weight'] } });
    await running(second);
    const [victim = 0] = plan.displaced.map(({ number }) => number);
    expect(guests).toContain(victim);
    await cluster.untilWorkload(client, victim, ({ requeues, state }) => {
      return requeues > 0 && state === 'WORKLOAD_STATE_PENDING';
    });
  });

  test('refuses what a submission would refuse, and exits with 2 for what could never start', () => {
    const never = sluice('plan', '-G', '5', '-A', 'guest', '--', 'true');
    expect(never.status).toBe(2);
    expect(never.stderr).toMatch(/^error: .*5 GPUs/);
    const unknown = sluice('plan', '-G', '1', '-A', 'gest', '--', 'true');
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toMatch(/"gest" does not exist\nDid you mean "guest"/);
    expect(sluice('plan', 'queue', 'guest', '--delete').stderr).toMatch(/in use/);
    expect(sluice('get', 'workloads', '--state', 'pending,running,starting').status).toBe(0);
  });
});

// Real work under real steering: held, released, requeued, retried, limited in time, sent away for a maintenance.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { toDuration, toTimestamp } from '../../common/units.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

describe.runIf(needs('build'))('steering', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(() => cluster.stop());

  const submit = async (command: string, spec: WorkloadSpec = {}): Promise<number> => {
    const usual = { queue: 'research', resources: { gpus: 1 }, command: { argv: ['sh', '-c', command] } };
    const checkpoint = { grace: toDuration(2_000) };
    const { workloads } = await client.submitWorkloads({ specs: [{ ...usual, checkpoint, ...spec }] });
    return workloads[0]?.number ?? 0;
  };
  const state = (number: number, wanted: string) =>
    cluster.untilWorkload(client, number, (workload) => workload.state === `WORKLOAD_STATE_${wanted}`);
  const types = async (number: number) =>
    (await client.getWorkload(String(number))).events.map(({ type }) => type).join(' ');

  test('what is held starts when it is released, also after the scheduler was killed', async () => {
    // It can only start after the first one, so that it is surely held before it could.
    const first = await submit('sleep 600', { resources: { gpus: 4 } });
    const number = await submit('exit 0');
    await client.holdWorkloads({ workloads: [String(number)], reason: 'look first' });
    await client.cancelWorkloads({ workloads: [String(first)] });
    await state(first, 'CANCELLED');
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    await until('the node is back', async () =>
      (await client.allNodes()).every((node) => node.state === 'NODE_STATE_READY') ? true : null,
    );
    expect(await client.getWorkload(String(number))).toMatchObject({
      state: 'WORKLOAD_STATE_PENDING',
      hold: expect.stringMatching(/^held by .+: look first$/),
    });
    await client.releaseWorkloads({ workloads: [String(number)] });
    await state(number, 'SUCCEEDED');
    expect(await types(number)).toBe('submitted held unheld placed started finished');
  });

  test('what is requeued runs again, and may get another priority on the way', async () => {
    const number = await submit('sleep 600');
    await state(number, 'RUNNING');
    await client.requeueWorkloads({ workloads: [String(number)], reason: 'new driver', hold: true });
    await state(number, 'PENDING');
    await client.prioritizeWorkloads({ workloads: [String(number)], priority: 80 });
    await client.releaseWorkloads({ workloads: [String(number)] });
    expect(await state(number, 'RUNNING')).toMatchObject({
      attempt: 2,
      requeues: 1,
      retries: 0,
      spec: { priority: 80 },
    });
    await client.cancelWorkloads({ workloads: [String(number)] });
    await state(number, 'CANCELLED');
  });

  test('what fails is tried again after its pause, and is told how often', async () => {
    const retry = { max: 2, backoff: toDuration(200), neverCodes: [9] };
    const number = await submit('test "$SLUICE_RESTART_COUNT" = 2 || exit 7', { retry });
    expect(await state(number, 'SUCCEEDED')).toMatchObject({ attempt: 3, retries: 2, requeues: 0 });
    const never = await submit('exit 9', { retry });
    expect(await state(never, 'FAILED')).toMatchObject({ attempt: 1, retries: 0 });
  });

  test('what passes its time limit is warned, stopped, and has failed', async () => {
    const number = await submit('trap "exit 0" TERM; sleep 600 & wait', { timeLimit: toDuration(1_000) });
    const failed = await state(number, 'FAILED');
    expect(failed.message).toBe('time limit of 1.0s passed');
    expect(await types(number)).toBe('submitted placed started warning stopping finished');
    expect(failed.allocations[0]?.stop?.reason).toBe('STOP_REASON_TIME_LIMIT');
  });

  test('what runs on a node whose maintenance begins is requeued; what was announced is told and taken back', async () => {
    const number = await submit('sleep 600');
    await state(number, 'RUNNING');
    const soon = toTimestamp(Date.now() + 300);
    const ask = { nodes: ['n1'], startTime: soon, duration: toDuration(3_600_000), reason: 'fans' };
    const { id } = await client.createMaintenance(ask);
    expect((await client.createMaintenance(ask)).id).toBe(id);
    const requeued = await cluster.untilWorkload(client, number, ({ requeues }) => requeues === 1);
    expect(requeued.events.some(({ message }) => message === 'maintenance of n1 begins: fans')).toBe(true);
    expect(await client.allMaintenances('n1')).toMatchObject([{ id, nodes: ['n1'], active: true }]);
    expect((await client.getNode('n1')).maintenances).toMatchObject([{ id }]);
    expect((await client.cancelMaintenance({ id })).nodes).toEqual(['n1']);
    await state(number, 'RUNNING');
    await client.cancelWorkloads({ workloads: [String(number)] });
  });
});

// kill -9 of an agent, and of the scheduler, while a task runs: the task goes on, its exit code and whole log arrive.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { needs } from '../real-part.js';
import { RealCluster } from './real-cluster.js';

describe.runIf(needs('build'))('a running task', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(() => cluster.stop());

  /** A task that prints, waits for a file to appear, prints again and ends with 42. */
  async function submitWaiting(name: string): Promise<() => void> {
    const gate = cluster.at(`${name}.gate`);
    const script = `echo begun; while [ ! -e ${gate} ]; do sleep 0.05; done; echo going on; exit 42`;
    await client.submitWorkloads({
      specs: [{ name, queue: 'research', resources: { gpus: 1 }, command: { argv: ['/bin/sh', '-c', script] } }],
    });
    await cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
    return () => writeFileSync(gate, '');
  }

  async function logOf(name: string, tailLines?: number): Promise<string> {
    const pieces: Buffer[] = [];
    const tail = tailLines === undefined ? {} : { tailLines };
    for await (const { data } of client.readLogs({ workload: name, ...tail })) pieces.push(data);
    return Buffer.concat(pieces).toString();
  }

  test('ends while its agent is dead: exit code and log arrive once the agent is back', async () => {
    const goOn = await submitWaiting('orphan');
    await cluster.endAgent('n1', 'SIGKILL');
    goOn();
    await cluster.startAgent('n1');
    const ended = await cluster.untilWorkload(client, 'orphan', ({ state }) => state === 'WORKLOAD_STATE_FAILED');
    expect(ended.allocations[0]?.exit).toMatchObject({ code: 42 });
    expect(await logOf('orphan')).toBe('begun\ngoing on\n');
  });

  test('outlives its agent and is adopted by the next one', async () => {
    const goOn = await submitWaiting('adopted');
    await cluster.endAgent('n1', 'SIGKILL');
    await cluster.startAgent('n1');
    const running = await client.getWorkload('adopted');
    expect(running).toMatchObject({ state: 'WORKLOAD_STATE_RUNNING', attempt: 1 });
    goOn();
    const ended = await cluster.untilWorkload(client, 'adopted', ({ state }) => state === 'WORKLOAD_STATE_FAILED');
    expect(ended.allocations[0]?.exit).toMatchObject({ code: 42 });
    expect(await logOf('adopted')).toBe('begun\ngoing on\n');
  });

  test('has a log whose end can be asked for', async () => {
    const argv = ['/bin/sh', '-c', 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done'];
    await client.submitWorkloads({
      specs: [{ name: 'counts', queue: 'research', resources: { gpus: 1 }, command: { argv } }],
    });
    await cluster.untilWorkload(client, 'counts', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    expect(await logOf('counts', 3)).toBe('19998\n19999\n20000\n');
    expect((await logOf('counts')).length).toBe(108_894);
  });

  test('whose checkpoint folder cannot be made fails at once, and says why', async () => {
    const checkpoint = { directory: '/proc/x/y' };
    const spec = { name: 'nowhere', queue: 'research', command: { argv: ['true'] }, checkpoint };
    await client.submitWorkloads({ specs: [spec] });
    const failed = await cluster.untilWorkload(client, 'nowhere', ({ state }) => state === 'WORKLOAD_STATE_FAILED');
    expect(failed.message).toMatch(/checkpoint folder \/proc\/x\/y\/nowhere-\d+-[0-9a-f]{6} cannot be made/);
  });

  test('is not begun again by an agent that was told to end its tasks and go', async () => {
    await cluster.startAgent('n2', ['--simulate', '4xh100', '--stop-tasks-on-exit']);
    await client.cordonNode({ name: 'n1', reason: 'the work shall go to n2' });
    const runs = cluster.at('runs');
    const argv = ['/bin/sh', '-c', `echo run >> ${runs}; while :; do sleep 0.05; done`];
    const spec = { name: 'sent-away', queue: 'research', resources: { gpus: 1 }, command: { argv } };
    await client.submitWorkloads({ specs: [spec] });
    await cluster.untilWorkload(client, 'sent-away', ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
    // The scheduler requeues it and sees a node that is still ready; a killed agent would give no exit code.
    expect(await cluster.endAgent('n2', 'SIGTERM')).toBe(0);
    expect((await client.getWorkload('sent-away')).requeues).toBe(1);
    expect(readFileSync(runs, 'utf8')).toBe('run\n');
    await client.cancelWorkloads({ workloads: ['sent-away'] });
    await client.uncordonNode('n1');
  });

  test('does not notice that the scheduler dies, and is followed over its restart', async () => {
    const goOn = await submitWaiting('unmoved');
    const pieces: Buffer[] = [];
    const following = (async () => {
      for await (const { data } of client.readLogs({ workload: 'unmoved', follow: true })) pieces.push(data);
    })();
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    goOn();
    const ended = await cluster.untilWorkload(client, 'unmoved', ({ state }) => state === 'WORKLOAD_STATE_FAILED');
    expect(ended.allocations[0]?.exit).toMatchObject({ code: 42 });
    await following;
    expect(Buffer.concat(pieces).toString()).toBe('begun\ngoing on\n');
  });
});

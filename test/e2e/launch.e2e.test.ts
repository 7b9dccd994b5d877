// Programs of several processes on two agents: they find each other, exchange data over TCP, start together or not at all, and when one
// of them dies the gang ends with that as its cause.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

const IN_NODE = [process.execPath, path.join(PACKAGE_ROOT, 'examples/distributed/allreduce.mjs')];
const IN_PYTHON = ['python3', path.join(PACKAGE_ROOT, 'examples/distributed/allreduce.py')];
const TORCHRUN = [process.execPath, path.join(PACKAGE_ROOT, 'test/e2e/torchrun-stand-in.mjs')];

describe.runIf(needs('build'))('tasks that work together', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    // The names sort otherwise than they were started: ranks follow the names.
    for (const name of ['n2', 'n1']) {
      await cluster.startAgent(name, ['--simulate', '2xh100', '--advertise-address', '127.0.0.1']);
    }
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(() => cluster.stop());

  async function submit(name: string, argv: readonly string[], rest: Partial<WorkloadSpec> = {}): Promise<void> {
    const spec = { name, queue: 'research', tasks: 2, resources: { gpus: 2 }, command: { argv: [...argv] }, ...rest };
    await client.submitWorkloads({ specs: [spec] });
  }

  async function untilOver(name: string): Promise<Workload__Output> {
    const over = ['WORKLOAD_STATE_SUCCEEDED', 'WORKLOAD_STATE_FAILED'];
    return cluster.untilWorkload(client, name, ({ state }) => over.includes(state));
  }

  async function logOf(name: string, task: number): Promise<readonly string[]> {
    const pieces: Buffer[] = [];
    for await (const { data } of client.readLogs({ workload: name, task })) pieces.push(data);
    return Buffer.concat(pieces).toString().trim().split('\n');
  }

  async function logsOf(name: string): Promise<readonly string[]> {
    return [...(await logOf(name, 0)), ...(await logOf(name, 1))];
  }

  const sums = (rank: number, where: string) => `rank ${rank} of 4 (${where}): the sum of 4 vectors begins 6 10 14`;

  test('one process for each GPU: four ranks on two nodes add their vectors up', async () => {
    await submit('per-gpu', IN_NODE, { launcher: 'LAUNCHER_PER_GPU' });
    expect(await untilOver('per-gpu')).toMatchObject({ state: 'WORKLOAD_STATE_SUCCEEDED' });
    expect((await logsOf('per-gpu')).toSorted()).toEqual([
      `[rank 0] ${sums(0, 'node rank 0, local rank 0')}`,
      `[rank 1] ${sums(1, 'node rank 0, local rank 1')}`,
      `[rank 2] ${sums(2, 'node rank 1, local rank 0')}`,
      `[rank 3] ${sums(3, 'node rank 1, local rank 1')}`,
    ]);
    const { allocations } = await client.getWorkload('per-gpu');
    expect(allocations.map(({ task, rank, node }) => [task, rank, node])).toEqual([
      [0, 0, 'n1'],
      [1, 1, 'n2'],
    ]);
  });

  test('torchrun finds how many nodes there are, which one it is, and where they meet', async () => {
    await submit('torchrun', [...TORCHRUN, ...IN_NODE.slice(1)], { launcher: 'LAUNCHER_TORCHRUN' });
    expect(await untilOver('torchrun')).toMatchObject({ state: 'WORKLOAD_STATE_SUCCEEDED' });
    expect((await logsOf('torchrun')).toSorted()).toEqual([
      sums(0, 'node rank 0, local rank 0'),
      sums(1, 'node rank 0, local rank 1'),
      sums(2, 'node rank 1, local rank 0'),
      sums(3, 'node rank 1, local rank 1'),
    ]);
  });

  test('one process for each task, without a word about a launcher', async () => {
    await submit('plain', IN_NODE);
    expect(await untilOver('plain')).toMatchObject({ state: 'WORKLOAD_STATE_SUCCEEDED' });
    expect(await logsOf('plain')).toEqual([
      'rank 0 of 2 (node rank 0, local rank -): the sum of 2 vectors begins 1 3 5',
      'rank 1 of 2 (node rank 1, local rank -): the sum of 2 vectors begins 1 3 5',
    ]);
  });

  test.runIf(needs('python3'))('the same in Python, eight ranks with shares of GPUs', async () => {
    const resources = { gpus: 2, gpuMilli: 500 };
    await submit('python', IN_PYTHON, { launcher: 'LAUNCHER_PER_GPU', resources, tasks: 4 });
    expect(await untilOver('python')).toMatchObject({ state: 'WORKLOAD_STATE_SUCCEEDED' });
    const logs = [...(await logsOf('python')), ...(await logOf('python', 2)), ...(await logOf('python', 3))];
    const ranks = logs.map((line) => Number(/^\[rank (\d)\] rank \1 of 8 .* begins 28 36 44$/.exec(line)?.[1]));
    expect(ranks.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('a rank that dies ends the gang, and is named as the cause', async () => {
    // The others notice, and fail of that.
    const script = `
      if (process.env.RANK === '2') setTimeout(() => process.exit(7), 300);
      else { process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); }`;
    await submit('dies', [process.execPath, '-e', script], { launcher: 'LAUNCHER_PER_GPU' });
    const { state, message } = await untilOver('dies');
    expect(state).toBe('WORKLOAD_STATE_FAILED');
    expect(message).toBe('task 1 (node rank 1 on n2) exited with code 7: rank 2 failed first');
    expect(await logOf('dies', 1)).toEqual(['sluice: rank 2 exited with code 7; the other ranks are stopped']);
  });

  test('of a gang of which one task cannot start, none starts', async () => {
    const folder = cluster.at('code');
    const mark = cluster.at('began');
    // What both nodes see is missing only where the second task looks: its own working directory has no such program.
    writeFileSync(cluster.at('begin.sh'), `#!/bin/sh\ntouch ${mark}.$RANK\nsleep 60\n`, { mode: 0o755 });
    const program = { command: { argv: [cluster.at('begin.sh')] } };
    const missing = { command: { argv: [path.join(folder, 'none.sh')] } };
    const role = (name: string, what: object) => ({ name, tasks: 1, resources: { gpus: 2 }, ...what });
    await client.submitWorkloads({
      specs: [{ name: 'torn', queue: 'research', roles: [role('a', program), role('b', missing)] }],
    });
    const { state, message } = await untilOver('torn');
    expect(state).toBe('WORKLOAD_STATE_FAILED');
    expect(message).toBe(
      `task 1 (rank 1 on n2) exited with code 127: command not found: ${folder}/none.sh does not exist on this node`,
    );
    expect(existsSync(`${mark}.0`)).toBe(false);
  });

  test('a restart of scheduler and agent, while one task waits for the other, starts each once', async () => {
    const mark = cluster.at('runs');
    const script = `echo "$RANK of $WORLD_SIZE" >> ${mark}.$RANK; sleep 0.2`;
    // The prolog of the second node keeps it until it may go on.
    writeFileSync(cluster.at('prolog.sh'), `#!/bin/sh\nwhile [ ! -e ${cluster.at('go')} ]; do sleep 0.02; done\n`, {
      mode: 0o755,
    });
    await cluster.endAgent('n2', 'SIGTERM');
    const slow = ['--simulate', '2xh100', '--prolog', cluster.at('prolog.sh')];
    await cluster.startAgent('n2', slow);
    // However long the restarts take on a busy machine: the lease of a node may be over before it is heard again.
    await submit('late', ['/bin/sh', '-c', script], { onDisconnect: 'ON_DISCONNECT_LINGER' });
    const placed = ({ allocations }: Workload__Output) => allocations.length === 2;
    const { allocations } = await cluster.untilWorkload(client, 'late', placed);
    const folder = cluster.at('n1', 'allocations', allocations[0]?.id ?? '');
    await until('the first task is ready', () => (existsSync(path.join(folder, 'ready')) ? true : null));
    await cluster.endAgent('n1', 'SIGKILL');
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    client = cluster.client();
    await cluster.startAgent('n1', ['--simulate', '2xh100']);
    expect((await client.getWorkload('late')).allocations.map(({ waitsForGang }) => waitsForGang)).toEqual([
      true,
      true,
    ]);
    expect(existsSync(`${mark}.0`)).toBe(false);
    writeFileSync(cluster.at('go'), '');
    const { state, requeues } = await untilOver('late');
    expect({ state, requeues }).toEqual({ state: 'WORKLOAD_STATE_SUCCEEDED', requeues: 0 });
    for (const rank of [0, 1]) expect(readFileSync(`${mark}.${rank}`, 'utf8')).toBe(`${rank} of 2\n`);
  });
});

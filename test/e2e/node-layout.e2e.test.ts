// A node with NVLink groups, a GPU in MIG mode, CPUs and memory, from its scenario to the API and into a task.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import type { Node__Output } from '../../proto/gen/sluice/v1/Node.js';
import { needs } from '../real-part.js';
import { RealCluster } from './real-cluster.js';

const SCENARIO = `
gpus: [{ model: h100, count: 2 }, { model: a100, mig: [3g.40gb, 4g.40gb] }]
nvlink: [[0, 1]]
cpus: 96
memory: 1T
`;

describe.runIf(needs('build'))('the layout of a node', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;
  let node: Node__Output;

  beforeAll(async () => {
    await cluster.startScheduler();
    writeFileSync(cluster.at('scenario.yaml'), SCENARIO);
    await cluster.startAgent('n1', ['--simulate', cluster.at('scenario.yaml'), '--label', 'rack=r7']);
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 2 } });
    const [found] = await client.allNodes();
    if (found === undefined) throw new Error('no node');
    node = found;
  });
  afterAll(() => cluster.stop());

  async function variablesOf(name: string): Promise<Readonly<Record<string, string>>> {
    await cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    const pieces: Buffer[] = [];
    for await (const { data } of client.readLogs({ workload: name })) pieces.push(data);
    const lines = Buffer.concat(pieces).toString().trim().split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  test('is told by the scheduler', () => {
    expect(node.labels).toEqual({ rack: 'r7' });
    expect(node.inventory).toMatchObject({ cpuCount: 96, memoryMib: 1_048_576 });
    const gpus = node.inventory?.gpus ?? [];
    expect(gpus.map((gpu) => (gpu._nvlinkGroup === 'nvlinkGroup' ? gpu.nvlinkGroup : null))).toEqual([0, 0, null]);
    expect(
      gpus.map(({ migEnabled, migInstances }) => [migEnabled, migInstances.map(({ profile }) => profile)]),
    ).toEqual([
      [false, []],
      [false, []],
      [true, ['3g.40gb', '4g.40gb']],
    ]);
  });

  test('outlives a restart of the scheduler', async () => {
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    const again = await client.getNode('n1');
    expect(again.inventory?.gpus[2]?.migInstances).toEqual(node.inventory?.gpus[2]?.migInstances);
    expect(again.inventory?.gpus[1]).toMatchObject({ nvlinkGroup: 0, _nvlinkGroup: 'nvlinkGroup' });
  });

  test('whole GPUs, CPU and memory reach the task', async () => {
    const resources = { gpus: 2, gpuModel: 'h100', cpuMilli: 4_000, memoryMib: 256 };
    await client.submitWorkloads({
      specs: [{ name: 'whole', queue: 'research', resources, command: { argv: ['/usr/bin/env'] } }],
    });
    const gpus = node.inventory?.gpus ?? [];
    const variables = await variablesOf('whole');
    expect(new Set(variables['CUDA_VISIBLE_DEVICES']?.split(','))).toEqual(new Set([gpus[0]?.uuid, gpus[1]?.uuid]));
    expect(variables).toMatchObject({
      SLUICE_NUM_GPUS: '2',
      SLUICE_GPU_MEMORY_MIB: '81559',
      SLUICE_CPUS: '4',
      OMP_NUM_THREADS: '4',
      SLUICE_MEMORY_MIB: '256',
    });
    expect(variables).not.toHaveProperty('SLUICE_GPU_SHARE');
  });
});

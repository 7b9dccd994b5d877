// Shares of a GPU and MIG instances from the API into real processes: two halves run on one GPU at once, each instance
// goes to one task, and what does not fit waits until something ends.
import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import type { Node__Output } from '../../proto/gen/sluice/v1/Node.js';
import type { TaskResources } from '../../proto/gen/sluice/v1/TaskResources.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

const SCENARIO = 'gpus: [{ model: h100 }, { model: a100, mig: [3g.40gb, 3g.40gb] }]\n';

describe.runIf(needs('build'))('parts of a GPU', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;
  let node: Node__Output;

  beforeAll(async () => {
    await cluster.startScheduler();
    writeFileSync(cluster.at('scenario.yaml'), SCENARIO);
    await cluster.startAgent('n1', ['--simulate', cluster.at('scenario.yaml')]);
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 2 } });
    const [found] = await client.allNodes();
    if (found === undefined) throw new Error('no node');
    node = found;
  });
  afterAll(() => cluster.stop());

  /** Submits tasks that each print their environment, say that they run, and end when they may. */
  async function submit(resources: TaskResources, ...names: readonly string[]): Promise<void> {
    await client.submitWorkloads({
      specs: names.map((name) => {
        const script = `env; touch ${cluster.at(`${name}.runs`)}; while [ ! -e ${cluster.at(`${name}.end`)} ]; do sleep 0.02; done`;
        return { name, queue: 'research', resources, command: { argv: ['/bin/sh', '-c', script] } };
      }),
    });
  }

  /** Waits until all of them run at the same time. */
  async function untilRunning(...names: readonly string[]): Promise<void> {
    await until('all run at once', () => (names.every((name) => existsSync(cluster.at(`${name}.runs`))) ? true : null));
  }

  function end(name: string): void {
    writeFileSync(cluster.at(`${name}.end`), '');
  }

  async function variablesOf(name: string): Promise<Readonly<Record<string, string>>> {
    await cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    const pieces: Buffer[] = [];
    for await (const { data } of client.readLogs({ workload: name })) pieces.push(data);
    const lines = Buffer.concat(pieces).toString().trim().split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  test('two halves run on one GPU at once; a third waits for one of them', async () => {
    const half = { gpus: 1, gpuMilli: 500, gpuModel: 'h100' };
    await submit(half, 'half-a', 'half-b');
    await untilRunning('half-a', 'half-b');
    const gpu = (await client.getNode('n1')).inventory?.gpus[0];
    expect(gpu?.holders.map(({ parts }) => parts)).toEqual([3_500, 3_500]);
    await submit(half, 'half-c');
    await cluster.untilWorkload(
      client,
      'half-c',
      ({ pendingReason }) => !['', 'NOT_EVALUATED'].includes(pendingReason),
    );
    end('half-a');
    await untilRunning('half-b', 'half-c');
    for (const name of ['half-b', 'half-c']) end(name);
    for (const name of ['half-a', 'half-b', 'half-c']) {
      expect(await variablesOf(name)).toMatchObject({
        CUDA_VISIBLE_DEVICES: node.inventory?.gpus[0]?.uuid,
        SLUICE_GPU_SHARE: '500',
        SLUICE_GPU_MEMORY_MIB: String(Math.floor(81_559 / 2)),
        SLUICE_SIMULATED_GPUS: '1',
      });
    }
    await until('the GPU is free', async () =>
      (await client.getNode('n1')).inventory?.gpus[0]?.holders.length === 0 ? true : null,
    );
  });

  test('each MIG instance goes to one task', async () => {
    const instances = node.inventory?.gpus[1]?.migInstances.map(({ uuid }) => uuid) ?? [];
    expect(instances).toHaveLength(2);
    const asked = { gpus: 1, migProfile: '3g.40gb' };
    await submit(asked, 'mig-a', 'mig-b');
    await untilRunning('mig-a', 'mig-b');
    for (const name of ['mig-a', 'mig-b']) end(name);
    const seen = [await variablesOf('mig-a'), await variablesOf('mig-b')];
    expect(new Set(seen.map((variables) => variables['CUDA_VISIBLE_DEVICES']))).toEqual(new Set(instances));
    for (const variables of seen) {
      expect(variables['SLUICE_GPU_MEMORY_MIB']).toBe('40960');
      expect(variables).not.toHaveProperty('SLUICE_GPU_SHARE');
    }
  });
});

// How parts of a GPU read: shares, MIG instances, NVLink groups, in `get gpus` and `describe node`.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Gpu } from '../../proto/gen/sluice/v1/Gpu.js';
import type { FakeScheduler } from './fake-scheduler.js';
import { cli } from './run-cli.js';
import { sampleNodes, startSample } from './sample-cluster.js';

let scheduler: FakeScheduler;
beforeAll(async () => {
  scheduler = await startSample();
  const [node] = sampleNodes();
  const whole: Gpu = { ...node?.inventory?.gpus?.[0], nvlinkGroup: 0 };
  const instance = (device: number, profile: string, memoryMib: number) => ({
    uuid: `MIG-${device}`,
    profile,
    memoryMib,
  });
  const gpus: Gpu[] = [
    { ...whole, holders: [{ workload: 1041, parts: 7_000 }] },
    {
      ...whole,
      uuid: 'GPU-11',
      index: 1,
      workload: 7,
      holders: [
        { workload: 7, parts: 3_500 },
        { workload: 8, parts: 1_750 },
        { workload: 9, parts: 7 },
      ],
    },
    { ...whole, uuid: 'GPU-12', index: 2, workload: 0 },
    {
      ...whole,
      uuid: 'GPU-13',
      index: 3,
      workload: 12,
      nvlinkGroup: undefined,
      migEnabled: true,
      migInstances: [instance(0, '3g.40gb', 40_448), instance(1, '1g.10gb', 9_984)],
      holders: [{ workload: 12, parts: 1_000, instance: 'MIG-1' }],
    },
  ];
  scheduler.nodes = [{ ...node, inventory: { ...node?.inventory, gpus } }];
});
afterAll(() => scheduler.stop());

async function linesOf(line: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await cli(line.split(' '), { env: { SLUICE_SERVER: scheduler.address } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trimEnd().split('\n');
}

it('get gpus shows who holds which share, and an instance a row', async () => {
  expect(await linesOf('get gpus')).toEqual([
    'NODE   IDX   GPU                        UTIL   MEMORY       TEMP   POWER   HEALTH   WORKLOAD',
    'n1     0     H100-80GB(SIMULATED)       50%    39.1/79.6G   60C    512W    OK       1041',
    'n1     1     H100-80GB(SIMULATED)       50%    39.1/79.6G   60C    512W    OK       7(0.5),8(0.25),9(0.001)',
    'n1     2     H100-80GB(SIMULATED)       50%    39.1/79.6G   60C    512W    OK       -',
    'n1     3     H100-80GB/MIG(SIMULATED)   50%    39.1/79.6G   60C    512W    OK       -',
    'n1     3:0   3g.40gb                    -      -/39.5G      -      -       -        -',
    'n1     3:1   1g.10gb                    -      -/9.8G       -      -       -        12',
  ]);
});

it('get gpus -o wide shows NVLink groups and the names of instances', async () => {
  const cells = (await linesOf('get gpus -o wide')).map((line) => line.split(/\s{2,}/));
  const nvlink = cells[0]?.indexOf('NVLINK') ?? -1;
  expect(cells.slice(1).map((row) => row[nvlink])).toEqual(['0', '0', '0', '-', '-', '-']);
  const uuid = cells[0]?.indexOf('UUID') ?? -1;
  expect(cells.slice(4).map((row) => row[uuid])).toEqual(['GPU-13', 'MIG-0', 'MIG-1']);
});

it('describe node shows both', async () => {
  const lines = await linesOf('describe node n1');
  const table = lines.slice(lines.findIndex((line) => line.includes('IDX'))).map((line) => line.trim().split(/\s{2,}/));
  expect(table).toEqual([
    ['IDX', 'GPU', 'UUID', 'UTIL', 'HEALTH', 'NVLINK', 'WORKLOAD'],
    ['0', 'H100-80GB(SIMULATED)', 'GPU-10', '50%', 'Healthy', '0', '1041'],
    ['1', 'H100-80GB(SIMULATED)', 'GPU-11', '50%', 'Healthy', '0', '7(0.5),8(0.25),9(0.001)'],
    ['2', 'H100-80GB(SIMULATED)', 'GPU-12', '50%', 'Healthy', '0', '-'],
    ['3', 'H100-80GB/MIG(SIMULATED)', 'GPU-13', '50%', 'Healthy', '-', '-'],
    ['3:0', '3g.40gb (40,448 MiB)', 'MIG-0', '-', '-', '-', '-'],
    ['3:1', '1g.10gb (9,984 MiB)', 'MIG-1', '-', '-', '-', '12'],
  ]);
});

// What workloads ask for and hold, and what queues rule, as `get` and `describe` show it.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GPU_PARTS } from '../../common/gpu-parts.js';
import type { Allocation } from '../../proto/gen/sluice/v1/Allocation.js';
import type { AllocationState } from '../../proto/gen/sluice/v1/AllocationState.js';
import type { Workload } from '../../proto/gen/sluice/v1/Workload.js';
import { cli as run } from './run-cli.js';
import type { FakeScheduler } from './fake-scheduler.js';
import { refresh, startSample, workload } from './sample-cluster.js';

let scheduler: FakeScheduler;
beforeAll(async () => {
  scheduler = await startSample();
});
beforeEach(() => refresh(scheduler));
afterAll(() => scheduler.stop());

async function textOf(line: string): Promise<string> {
  const { code, stdout, stderr } = await run(line.split(' '), { env: { SLUICE_SERVER: scheduler.address } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** The fields of `describe`, by their titles. */
async function fieldsOf(change: Parameters<typeof workload>[1]): Promise<Readonly<Record<string, string>>> {
  scheduler.workloads = [workload(1050, change)];
  const lines = (await textOf('describe workload 1050')).split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => {
      const match = /^([A-Z][\w ]*): +(.+)$/.exec(line);
      return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
    }),
  );
}

/** What `get workloads` says in the column GPUS. */
async function gpusOf(change: Partial<Workload>): Promise<string> {
  scheduler.workloads = [workload(1050, change)];
  const [titles = '', row = ''] = (await textOf('get wl 1050')).split('\n');
  return row.slice(titles.indexOf('GPUS')).split(/ {3,}/)[0] ?? '';
}

function allocation(task: number, parts: number, state: AllocationState = 'ALLOCATION_STATE_RUNNING'): Allocation {
  const gpu = { uuid: `GPU-${task}`, index: task, model: 'NVIDIA A100-SXM4-40GB', simulated: false, generation: 1 };
  return { id: `A${task}`, task, attempt: 1, node: 'n1', state, gpus: [{ ...gpu, parts }] };
}

const HALF = GPU_PARTS / 2;
const RUNNING = 'WORKLOAD_STATE_RUNNING';

describe('the GPUs of a workload', () => {
  it.each<[string, Partial<Workload>, string]>([
    ['a share that waits', { spec: { resources: { gpus: 1, gpuMilli: 500 } } }, '0/0.5'],
    [
      'shares of several that wait',
      { spec: { tasks: 3, resources: { gpus: 2, gpuMilli: 250, gpuModel: 'a100' } } },
      '0/1.5xA100',
    ],
    ['acceptable models', { spec: { resources: { gpus: 2, gpuModels: ['h100', 'a100'] } } }, '0/2xH100|A100'],
    ['memory of a GPU', { spec: { tasks: 2, resources: { gpus: 1, gpuMemoryMib: 20_480 } } }, '0/2x20GiB'],
    ['MIG instances', { spec: { resources: { gpus: 1, migProfile: '3g.20gb' } } }, '0/0.429'],
    ['what an elastic workload needs to start', { spec: { tasks: 2, maxTasks: 8, resources: { gpus: 1 } } }, '0/2'],
    [
      'roles together',
      {
        spec: {
          tasks: 0,
          resources: null,
          roles: [
            { name: 'a', resources: { gpus: 1 } },
            { name: 'b', tasks: 2, resources: { gpus: 8 } },
          ],
        },
      },
      '0/17',
    ],
    ['no GPU', { spec: { resources: { gpus: 0, cpuMilli: 4_000 } } }, '0'],
    [
      'a share that it holds',
      { state: RUNNING, allocations: [allocation(0, HALF)], spec: { resources: { gpus: 1, gpuMilli: 500 } } },
      '0.5xA100',
    ],
    [
      'memory that it holds',
      { state: RUNNING, allocations: [allocation(0, 3_640)], spec: { resources: { gpus: 1, gpuMemoryMib: 20_480 } } },
      '0.52xA100',
    ],
    [
      'an elastic workload, as many as it holds',
      {
        state: RUNNING,
        allocations: [
          ...[0, 1, 2].map((task) => allocation(task, 0)),
          allocation(3, 0, 'ALLOCATION_STATE_STOPPING'),
          allocation(4, 0, 'ALLOCATION_STATE_RELEASED'),
        ],
        spec: { tasks: 2, maxTasks: 8, resources: { gpus: 1 } },
      },
      '4xA100',
    ],
  ])('%s', async (_, change, expected) => {
    expect(await gpusOf(change)).toBe(expected);
  });

  it('are named in the array they belong to, and chosen by their index', async () => {
    const spec = { name: 'sweep', array: { size: 20, concurrency: 4, firstIndex: 1 } };
    scheduler.workloads = [
      workload(1043, { arrayPlace: { first: 1043, index: 1 }, spec }),
      workload(1045, { arrayPlace: { first: 1043, index: 3 }, spec }),
    ];
    expect(await textOf('get wl')).toMatch(/1043 {5}sweep\[1\][^]*1045 {5}sweep\[3\]/);
    expect(await textOf('get wl 1043_3 -o name')).toBe('workload/1045\n');
    expect(await textOf('describe wl 1045_3')).toContain('index 3 of 1-20, first workload 1043, 4 at a time');
    const env = { SLUICE_SERVER: scheduler.address };
    expect(await run(['why', '1043_21'], { env })).toMatchObject({
      code: 2,
      stderr: 'error: the array of workload 1043 has no index 21\nIt has 1 to 20.\n',
    });
    refresh(scheduler);
    expect(await run(['why', '1041_0'], { env })).toMatchObject({
      code: 2,
      stderr: 'error: workload 1041 is in no array\n',
    });
  });
});

describe('a workload in full', () => {
  it.each<[string, Parameters<typeof workload>[1], Readonly<Record<string, string>>]>([
    ['a share', { spec: { resources: { gpus: 1, gpuMilli: 500 } } }, { Tasks: '1 with 0.5 GPU each' }],
    [
      'shares of several',
      { spec: { resources: { gpus: 4, gpuMilli: 250, gpuModels: ['h100', 'a100'] } } },
      { Tasks: '1 with 4 x 0.25 GPU (h100, else a100) each' },
    ],
    [
      'memory of GPUs, CPU and memory',
      { spec: { resources: { gpus: 2, gpuMemoryMib: 20_480, cpuMilli: 1_500, memoryMib: 1_536 } } },
      { Tasks: '1 with 20GiB of 2 GPUs, 1.5 CPUs, 1.5GiB memory each' },
    ],
    ['MIG', { spec: { tasks: 2, resources: { gpus: 1, migProfile: '1g.5gb' } } }, { Tasks: '2 with 1 x 1g.5gb each' }],
    [
      'an elastic workload that waits',
      { spec: { tasks: 2, maxTasks: 8, resources: { gpus: 1 } } },
      { Tasks: '2-8 with 1 GPU each' },
    ],
    [
      'an elastic workload that runs',
      {
        state: RUNNING,
        allocations: [0, 1, 2].map((task) => allocation(task, HALF)),
        spec: { tasks: 2, maxTasks: 8, resources: { gpus: 1, gpuMilli: 500 } },
      },
      { Tasks: 'running 3 of 2-8 tasks, with 0.5 GPU each', GPUs: '1.5xA100' },
    ],
    [
      'rules',
      {
        spec: {
          resources: {
            gpus: 1,
            pool: 'big',
            minGpuMemoryMib: 40_960,
            minDriver: '535.104',
            nodeLabels: { net: 'ib' },
            nodes: ['n1', 'n2'],
          },
          topology: { level: 'TOPOLOGY_LEVEL_RACK', required: true },
          timeLimit: { seconds: 7_200 },
          retry: { max: 3, backoff: { seconds: 30 }, maxBackoff: { seconds: 600 }, codes: [75], neverCodes: [2] },
          dependencies: [
            { workload: 1040, condition: 'DEPENDENCY_CONDITION_SUCCEEDED' },
            { workload: 1041, condition: 'DEPENDENCY_CONDITION_ENDED' },
          ],
        },
      },
      {
        Pool: 'big',
        Where: 'GPUs of 40GiB or more; driver 535.104 or newer; net=ib; on n1, n2',
        Topology: 'required: rack',
        After: '1040 succeeded, 1041 ended',
        Retries: 'up to 3 times, after 30s doubling to 10m00s, on exit codes 75, never on 2',
      },
    ],
  ])('%s', async (_, change, expected) => {
    expect(await fieldsOf(change)).toMatchObject(expected);
  });

  it('shows roles with what each asks for, where it may go and what it runs', async () => {
    const roles = [
      { name: 'launcher', resources: { cpuMilli: 2_000 }, command: { argv: ['mpirun', './a.out'] } },
      {
        name: 'worker',
        tasks: 2,
        maxTasks: 4,
        resources: { gpus: 8, pool: 'big', minDriver: '535.1' },
        topology: { level: 'TOPOLOGY_LEVEL_NVLINK' as const },
      },
    ];
    scheduler.workloads = [workload(1050, { spec: { tasks: 0, resources: null, roles } })];
    const text = await textOf('describe workload 1050');
    expect(text).toContain('Tasks:       3-5 in 2 roles\n');
    const rows = text.slice(text.indexOf('Roles:')).split('\n').slice(1, 4);
    expect(rows.map((row) => row.trim().split(/ {3,}/))).toEqual([
      ['ROLE', 'TASKS', 'EACH', 'WHERE', 'TOPOLOGY', 'PROGRAM'],
      ['launcher', '1', '0 GPUs, 2 CPUs', '-', '-', 'mpirun ./a.out'],
      ['worker', '2-4', '8 GPUs', 'pool big; driver 535.1 or newer', 'preferred: nvlink', '-'],
    ]);
  });

  it('shows what part of which GPU each task has', async () => {
    const mig = {
      ...allocation(1, 3_000),
      gpus: allocation(1, 3_000).gpus?.map((gpu) => ({ ...gpu, instance: 'MIG-x' })),
    };
    scheduler.workloads = [
      workload(1050, { state: RUNNING, allocations: [allocation(0, HALF), mig, allocation(2, 0)] }),
    ];
    const text = await textOf('describe workload 1050');
    for (const part of ['0      n1     0.5 of [0] A100', '1      n1     MIG of [1] A100', '2      n1     [2] A100']) {
      expect(text).toContain(part);
    }
  });
});

describe('a queue in full', () => {
  it('shows what is ruled beside GPUs, by part of the cluster, and which shapes are guaranteed', async () => {
    const [queue] = scheduler.queues;
    if (queue === undefined) throw new Error('no queue in the sample');
    queue.spec = {
      ...queue.spec,
      guaranteeGpus: 4.5,
      guaranteeCpuMilli: 64_000,
      limitCpuMilli: 128_500,
      limitMemoryMib: 524_288,
      userLimitGpus: 2.5,
      reclaimMinRuntime: { seconds: 600 },
      maxGrace: { seconds: 30 },
      scopes: [
        { pool: 'big', gpuModel: 'h100', guaranteeGpus: 2, limitGpus: 4 },
        { pool: '', gpuModel: 'a100', guaranteeGpus: 0.5 },
      ],
      shapes: [{ count: 4, gpus: 8, gpuModel: 'h100', level: 'TOPOLOGY_LEVEL_NODE' }],
    };
    const scopes = [{ pool: 'big', gpuModel: 'h100', allocatedGpus: 1, fairShareGpus: 1.5, unmetGuaranteeGpus: 1 }];
    queue.use = { ...queue.use, allocatedGpus: 3 / 7, scopes };
    const text = await textOf('describe queue research');
    for (const part of [
      /^CPUs: +guaranteed 64, limit 128\.5$/m,
      /^Memory: +limit 512GiB$/m,
      /^User limit: +2\.5 GPUs$/m,
      /^Runs before others take: +10m00s$/m,
      /^Max grace: +30s$/m,
      /^ {2}Guaranteed: .*\] 4\.5$/m,
      /^ {2}Allocated: .*\] 0\.429, 2 of it borrowed$/m,
      /^ {2}POOL +GPU +GUARANTEED +ALLOCATED +FAIR-SHARE +UNMET +LIMIT$/m,
      /^ {2}big +h100 +2 +1 +1\.5 +1 +4$/m,
      /^ {2}any +a100 +0\.5 +0 +0 +0 +none$/m,
      /^ {2}4 times: +8 GPUs \(h100\) in one node; 0 in use$/m,
    ]) {
      expect(text).toMatch(part);
    }
    expect(await textOf('get queues research')).toMatch(/research {3}4\.5 {10}0\.429/);
  });
});

describe('why', () => {
  const elastic = { tasks: 2, maxTasks: 4, resources: { gpus: 1, gpuMilli: 500 } };

  it.each<[string, number, readonly string[]]>([
    ['that it may grow', 3, ['running 3 of 2-4 tasks, with 0.5 GPU each; more come when there is room']],
    ['nothing more once it has all', 4, []],
  ])('says of an elastic workload %s', async (_, tasks, expected) => {
    const allocations = Array.from({ length: tasks }, (__, task) => allocation(task, HALF));
    scheduler.workloads = [workload(1050, { state: RUNNING, allocations, spec: elastic })];
    const [, ...rest] = (await textOf('why 1050')).trimEnd().split('\n');
    expect(rest.map((line) => line.trim())).toEqual(expected);
  });
});

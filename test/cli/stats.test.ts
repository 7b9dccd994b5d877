// `sluice stats`: what is asked, and how the answer reads.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fromTimestamp, toDuration } from '../../common/units.js';
import type { ListWorkloadStatsRequest__Output } from '../../proto/gen/sluice/v1/ListWorkloadStatsRequest.js';
import type { WorkloadStats } from '../../proto/gen/sluice/v1/WorkloadStats.js';
import { FakeScheduler } from './fake-scheduler.js';
import { cli as run } from './run-cli.js';

const HOUR = 3_600_000;
const GIB = 1_024;
const scheduler = new FakeScheduler();
beforeAll(() => scheduler.start());
beforeEach(() => {
  scheduler.calls.length = 0;
  scheduler.currency = '';
});
afterAll(() => scheduler.stop());

const cli = (...argv: readonly string[]) => run(argv, { env: { SLUICE_SERVER: scheduler.address } });
const gpu = (work: number, idleHours = 0) => ({
  measuredTime: toDuration(3 * HOUR),
  busyTime: toDuration(work * 3 * HOUR),
  workTime: toDuration(work * 3 * HOUR),
  memoryPeakMib: work > 0 ? 20 * GIB : 0,
  idleTime: toDuration(idleHours * HOUR),
});
const HALF_USED: WorkloadStats = {
  workload: 1040,
  name: 'tok-train',
  queue: 'nlp',
  owner: 'bob',
  state: 'WORKLOAD_STATE_RUNNING',
  attempt: 1,
  runTime: toDuration(3 * HOUR),
  timeLimit: toDuration(96 * HOUR),
  gpuTime: toDuration(6 * HOUR),
  summary: {
    grantedGpus: 2,
    measuredGpus: 2,
    usedGpus: 1,
    gpuUtilizationRatio: 0.45,
    gpuMemoryPeakMib: 20 * GIB,
    gpuMemoryMib: 80 * GIB,
    cpuMilli: 16_000,
    cpuUsedMilli: 1_200,
    memoryMib: 64 * GIB,
    memoryPeakMib: 9 * GIB,
  },
  findings: [
    { kind: 'FINDING_KIND_GPUS_UNUSED', message: '2 GPUs granted, 1 used over 3h: ask for 1' },
    { kind: 'FINDING_KIND_MEMORY_EXCESS', message: 'memory 64 GiB asked, 9 GiB peak: ask for 12 GiB' },
  ],
  tasks: [
    {
      task: 0,
      node: 'h100-03',
      runTime: toDuration(3 * HOUR),
      use: { cpuTime: toDuration(3.6 * HOUR), memoryPeakMib: 9 * GIB, gpus: [gpu(0.9), gpu(0, 3)] },
    },
  ],
};
const UNMEASURED: WorkloadStats = {
  workload: 1041,
  name: 'evening',
  queue: 'nlp',
  owner: '',
  state: 'WORKLOAD_STATE_SUCCEEDED',
  runTime: toDuration(5_000),
  summary: { grantedGpus: 1 },
  tasks: [{ task: 0, node: 'h100-01', runTime: toDuration(5_000) }],
};

describe('the stats of a workload', () => {
  it('set what was used beside what was asked for, and end with what to ask for', async () => {
    scheduler.stats = [HALF_USED];
    const { code, stdout } = await cli('stats', '1040');
    expect([code, stdout]).toEqual([
      0,
      'Workload 1040 tok-train (bob, queue nlp) Running for 3h00m of 4d00h on h100-03\n' +
        '  GPUs used       [||||||||||||||||||||                    ]  50 %  1 of 2\n' +
        '  GPU utilization [||||||||||||||||||                      ]  45 %  in the mean\n' +
        '  GPU memory      [||||||||||                              ]  25 %  peak 20GiB of 80GiB\n' +
        '  CPUs            [|||                                     ]   8 %  1.2 of 16 in the mean\n' +
        '  Memory          [||||||                                  ]  14 %  peak 9GiB of 64GiB\n' +
        '  TASK   NODE      GPU%   GPUMEM    IDLE      MEMORY\n' +
        '  0      h100-03   90 0   20GiB -   - 3h00m   9GiB\n' +
        '  * 2 GPUs granted, 1 used over 3h: ask for 1\n' +
        '  * memory 64 GiB asked, 9 GiB peak: ask for 12 GiB\n',
    ]);
    expect(scheduler.requests('GetWorkloadStats')).toEqual([{ workload: '1040' }]);
  });

  it('say what was not measured', async () => {
    scheduler.stats = [UNMEASURED];
    expect((await cli('stats', 'evening')).stdout).toBe(
      'Workload 1041 evening (queue nlp) Succeeded after 5.0s on h100-01\n' +
        '  GPUs used       not measured\n' +
        '  CPUs            not measured\n' +
        '  Memory          not measured\n',
    );
  });

  it('are data for programs', async () => {
    scheduler.stats = [HALF_USED];
    const { stdout } = await cli('stats', '1040', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ workload: 1040, summary: { usedGpus: 1 }, findings: [{}, {}] });
  });
});

describe('the stats of a user or a queue', () => {
  it('are a row a workload', async () => {
    scheduler.stats = [UNMEASURED, HALF_USED];
    const { code, stdout } = await cli('stats', '--user', 'bob', '-A', 'nlp', '--since', '2d');
    expect([code, stdout]).toEqual([
      0,
      'NUMBER   NAME        QUEUE   USER   STATUS      RAN     GPUS   GPU%   GPUMEM        CPUS     MEMORY       ADVICE\n' +
        '1041     evening     nlp     -      Succeeded   5.0s    ?/1    -      -             -        -            -\n' +
        '1040     tok-train   nlp     bob    Running     3h00m   1/2    45     20GiB/80GiB   1.2/16   9GiB/64GiB   2 GPUs granted, 1 used over 3h: ask for 1; memory 64 GiB asked, 9 GiB peak: ask for 12 GiB\n' +
        '\n' +
        'USER   WORKLOADS   ADVISED   GPUS   GPU%   GPU-H\n' +
        '-      1           0         ?/1    -      0.00\n' +
        'bob    1           1         1/2    45     6.00\n',
    ]);
    const [request] = scheduler.requests('ListWorkloadStats') as ListWorkloadStatsRequest__Output[];
    expect(request).toMatchObject({ user: 'bob', queue: 'nlp' });
    expect(Date.now() - (fromTimestamp(request?.startTime) ?? 0)).toBeGreaterThanOrEqual(48 * HOUR);
  });

  it('are summed by user, with what it cost', async () => {
    const halfHour = { ...HALF_USED, workload: 1042, runTime: toDuration(HOUR / 2), gpuTime: toDuration(HOUR) };
    const idle = { grantedGpus: 2, measuredGpus: 2, usedGpus: 0, gpuUtilizationRatio: 0 };
    const unpriced = { ...UNMEASURED, owner: 'ada', gpuTime: toDuration(HOUR / 4) };
    const second = { ...halfHour, summary: idle, cost: 2.5, findings: [] };
    scheduler.stats = [
      second,
      { ...HALF_USED, cost: 15 },
      { ...unpriced, workload: 1043, owner: 'bob', cost: 0 },
      unpriced,
    ];
    scheduler.currency = 'EUR';
    const { stdout } = await cli('stats');
    // 45 % of 3 hours and 0 % of half an hour.
    expect(stdout.split('\n\n')[1]).toBe(
      'USER   WORKLOADS   ADVISED   GPUS               GPU%   GPU-H   COST(EUR)\n' +
        'ada    1           0         ?/1                -      0.25    -\n' +
        'bob    3           1         1/5 (4 measured)   39     7.25    17.50\n',
    );
    // Whatever is shown of workloads, sums are of all.
    const json = JSON.parse((await cli('stats', '--findings', '-o', 'json')).stdout) as { users: object[] };
    expect(json).toMatchObject({ workloads: [{ workload: 1040, cost: 15 }], currency: 'EUR' });
    expect(json.users).toEqual([
      {
        user: 'ada',
        workloads: 1,
        advisedWorkloads: 0,
        grantedGpus: 1,
        measuredGpus: 0,
        usedGpus: 0,
        gpuUtilizationRatio: null,
        gpuHours: 0.25,
        cost: null,
      },
      expect.objectContaining({ user: 'bob', workloads: 3, grantedGpus: 5, usedGpus: 1, gpuHours: 7.25, cost: 17.5 }),
    ]);
  });

  it('leave out what nothing is to be said of, when asked to', async () => {
    scheduler.stats = [UNMEASURED, HALF_USED];
    const { stdout } = await cli('stats', '--findings', '-o', 'json', '--since', 'all');
    expect(JSON.parse(stdout)).toMatchObject({ workloads: [{ workload: 1040 }] });
    expect(scheduler.requests('ListWorkloadStats')).toMatchObject([{ startTime: null }]);
    scheduler.stats = [UNMEASURED];
    expect((await cli('stats', '--findings')).stderr).toBe('Nothing is to be said.\n');
  });

  it.each([
    [['stats', '1040', '--user', 'bob'], '--user is for a list'],
    [['stats', '--since', 'soon'], '--since "soon" is no span such as 7d, nor "all"'],
  ])('refuse %j', async (argv, expected) => {
    const { code, stderr } = await cli(...argv);
    expect(code).toBe(2);
    expect(stderr).toContain(expected);
  });
});

// `sluice report usage`: what is asked, and how the answer reads.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fromTimestamp, toDuration } from '../../common/units.js';
import type { GetUsageRequest__Output } from '../../proto/gen/sluice/v1/GetUsageRequest.js';
import { FakeScheduler } from './fake-scheduler.js';
import { cli as run } from './run-cli.js';

const HOUR = 3_600_000;
const scheduler = new FakeScheduler();
beforeAll(() => scheduler.start());
beforeEach(() => {
  scheduler.calls.length = 0;
});
afterAll(() => scheduler.stop());

const cli = (...argv: readonly string[]) => run(argv, { env: { SLUICE_SERVER: scheduler.address } });
const time = (hours: number) => ({
  chargedGpuTime: toDuration(hours * HOUR),
  heldGpuTime: toDuration((hours + 1) * HOUR),
  ranGpuTime: toDuration((hours / 2) * HOUR),
  guaranteedGpuTime: toDuration((hours + 0.5) * HOUR),
  borrowedGpuTime: toDuration(0.5 * HOUR),
  idleGpuTime: toDuration(0.1 * HOUR),
  lostGpuTime: toDuration(0.2 * HOUR),
  failedGpuTime: toDuration(0),
  wastedGpuTime: toDuration(0.3 * HOUR),
});

describe('a report of usage', () => {
  it('shows GPU hours by queue and user, with their sum', async () => {
    scheduler.usage = {
      rows: [
        { queue: 'nlp', user: 'bob', grants: 3, ...time(2) },
        { queue: 'vision', user: 'ada', grants: 1, ...time(0.02) },
      ],
      total: { grants: 4, ...time(2.02) },
    };
    const { code, stdout } = await cli('report', 'usage', '--since', '2026-11-01', '--until', '2026-11-30');
    expect([code, stdout]).toEqual([
      0,
      'QUEUE    USER   CHARGED(GPU-H)   HELD(GPU-H)   RAN(GPU-H)   GUARANTEED(GPU-H)   BORROWED(GPU-H)   GRANTS\n' +
        'nlp      bob    2.00             3.00          1.00         2.50                0.50              3\n' +
        'vision   ada    0.0200           1.02          0.0100       0.52                0.50              1\n' +
        'TOTAL           2.02             3.02          1.01         2.52                0.50              4\n',
    ]);
    const [request] = scheduler.requests('GetUsage') as GetUsageRequest__Output[];
    expect(request).toMatchObject({ by: ['USAGE_DIMENSION_QUEUE', 'USAGE_DIMENSION_USER'], queue: '', user: '' });
    expect(fromTimestamp(request?.startTime)).toBe(Date.UTC(2026, 10, 1));
    expect(fromTimestamp(request?.endTime)).toBe(Date.UTC(2026, 10, 30));
  });

  it('asks for what it is told to, and gives data', async () => {
    scheduler.usage = { rows: [{ day: '2026-11-22', grants: 1, ...time(1) }], total: { grants: 1, ...time(1) } };
    const { code, stdout } = await cli('report', 'usage', '--by', 'day', '-A', 'vision', '-u', 'ada', '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: [{ day: '2026-11-22', grants: 1, chargedGpuTime: '3600s' }] });
    expect(scheduler.requests('GetUsage')).toMatchObject([
      { by: ['USAGE_DIMENSION_DAY'], queue: 'vision', user: 'ada', endTime: null },
    ]);
  });

  it('shows costs where the server has prices, and none where a part has no price', async () => {
    scheduler.usage = {
      rows: [
        { queue: 'nlp', grants: 3, cost: 5, ...time(2) },
        { queue: 'vision', grants: 1, ...time(1) },
      ],
      total: { grants: 4, ...time(3) },
      currency: 'EUR',
    };
    const { stdout } = await cli('report', 'usage', '--by', 'queue');
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'QUEUE    CHARGED(GPU-H)   HELD(GPU-H)   RAN(GPU-H)   GUARANTEED(GPU-H)   BORROWED(GPU-H)   GRANTS   COST(EUR)',
      'nlp      2.00             3.00          1.00         2.50                0.50              3        5.00',
      'vision   1.00             2.00          0.50         1.50                0.50              1        -',
      'TOTAL    3.00             4.00          1.50         3.50                0.50              4        -',
    ]);
  });

  it('gives a spreadsheet its lines, with nothing that it would carry out', async () => {
    scheduler.usage = {
      rows: [
        { month: '2026-11', user: '=cmd()', grants: 3, cost: 5, ...time(2) },
        { month: '2026-11', user: 'a "b", c', grants: 1, ...time(1) },
      ],
      total: { grants: 4, ...time(3) },
      currency: 'EUR',
    };
    const { code, stdout } = await cli('report', 'usage', '--by', 'month,user', '-o', 'csv');
    expect([code, stdout]).toEqual([
      0,
      'MONTH,USER,CHARGED(GPU-H),HELD(GPU-H),RAN(GPU-H),GUARANTEED(GPU-H),BORROWED(GPU-H),GRANTS,COST(EUR)\n' +
        "2026-11,'=cmd(),2.000000,3.000000,1.000000,2.500000,0.500000,3,5.000000\n" +
        '2026-11,"a ""b"", c",1.000000,2.000000,0.500000,1.500000,0.500000,1,\n',
    ]);
  });

  it.each([
    [['--by', 'colour'], '--by "colour" is none of day, queue, user, workload, pool, model, month'],
    [
      ['--since', 'yesterday'],
      '--since "yesterday" is neither a day such as 2026-11-01, nor a month such as 2026-11, nor a span such as 7d',
    ],
    [['--month', '2026-13'], '--month "2026-13" is no month such as 2026-11'],
  ])('refuses %j', async (argv, message) => {
    const { code, stderr } = await cli('report', 'usage', ...argv);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
    expect(scheduler.requests('GetUsage')).toEqual([]);
  });

  it('shows what was wasted, with its share and its cost', async () => {
    const rows = [{ queue: 'nlp', user: 'bob', grants: 1, cost: 4, wastedCost: 0.6, ...time(2) }];
    scheduler.usage = { rows, total: { grants: 1, cost: 4, wastedCost: 0.6, ...time(2) }, currency: 'EUR' };
    const { stdout } = await cli('report', 'waste', '--month', '2026-11');
    expect(stdout).toBe(
      'QUEUE   USER   HELD(GPU-H)   IDLE(GPU-H)   LOST(GPU-H)   FAILED(GPU-H)   WASTED(GPU-H)   SHARE   COST(EUR)\n' +
        'nlp     bob    3.00          0.10          0.20          0.00            0.30            10.0%   0.60\n',
    );
    const [request] = scheduler.requests('GetUsage') as GetUsageRequest__Output[];
    expect(fromTimestamp(request?.startTime)).toBe(Date.UTC(2026, 10, 1));
    expect(fromTimestamp(request?.endTime)).toBe(Date.UTC(2026, 11, 1) - 1);
  });

  it('shows how long work waited, where any started', async () => {
    const waits = (p50: number) => ({
      starts: 3,
      p50: toDuration(p50),
      p90: toDuration(60_000),
      max: toDuration(90_000),
      mean: toDuration(20_000),
    });
    const rows = [
      { queue: 'nlp', model: 'H100', waits: waits(1_234) },
      { queue: 'vision', model: 'H100', ...time(1) },
    ];
    scheduler.usage = { rows, total: { waits: waits(1_234) } };
    const { stdout } = await cli('report', 'wait', '--since', 'all', '--by', 'queue,model');
    expect(stdout).toBe(
      'QUEUE   MODEL   STARTS   P50    P90     MAX     MEAN\nnlp     H100    3        1.2s   1m00s   1m30s   20s\n',
    );
    expect(scheduler.requests('GetUsage')).toMatchObject([{ startTime: null, endTime: null }]);
    const { stdout: csv } = await cli('report', 'wait', '--by', 'queue', '-o', 'csv');
    expect(csv).toBe('QUEUE,STARTS,P50,P90,MAX,MEAN\nnlp,3,1.234,60.000,90.000,20.000\n');
  });

  it('shows what did useful work, by workload', async () => {
    const rows = [
      { workload: 1047, workloadName: 'resnet', ...time(2) },
      { queue: '', ...time(1) },
    ];
    scheduler.usage = { rows, total: time(3) };
    const { stdout } = await cli('report', 'efficiency', '--by', 'workload');
    expect(stdout).toBe(
      'WORKLOAD           HELD(GPU-H)   USEFUL(GPU-H)   EFFICIENCY   IDLE   LOST    FAILED   OVERHEAD\n' +
        '1047 resnet        3.00          0.70            23.3%        3.3%   6.7%    0.0%     66.7%\n' +
        '(no longer kept)   2.00          0.20            10.0%        5.0%   10.0%   0.0%     75.0%\n' +
        'TOTAL              4.00          1.20            30.0%        2.5%   5.0%    0.0%     62.5%\n',
    );
  });

  it('says when there is nothing', async () => {
    scheduler.usage = {};
    const { stdout, stderr } = await cli('report', 'usage');
    expect([stdout, stderr]).toEqual(['', 'Nothing was used in these days.\n']);
  });
});

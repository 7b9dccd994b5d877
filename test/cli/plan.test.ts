// `sluice plan`: what is asked, and how the answers read.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toDuration, toTimestamp } from '../../common/units.js';
import type { DisplacedWorkload } from '../../proto/gen/sluice/v1/DisplacedWorkload.js';
import type { PlannedWorkload } from '../../proto/gen/sluice/v1/PlannedWorkload.js';
import { FakeScheduler } from './fake-scheduler.js';
import { cli as run, temporaryFolder } from './run-cli.js';

const MINUTE = 60_000;
const scheduler = new FakeScheduler();
beforeAll(() => scheduler.start());
beforeEach(() => {
  scheduler.calls.length = 0;
  scheduler.failures.clear();
});
afterAll(() => scheduler.stop());

function cli(...argv: readonly string[]) {
  return run(argv, { env: { SLUICE_SERVER: scheduler.address, SLUICE_QUEUE: 'vision' } });
}

const planned = (fields: PlannedWorkload): PlannedWorkload => ({ number: 1048, name: 'train-1048', ...fields });
const on = (...nodes: string[]) => nodes.map((node, task) => ({ task, node, gpuIndices: [0], gpuShare: 1 }));
const victim: DisplacedWorkload = {
  number: 1045,
  name: 'eval',
  queue: 'vision',
  gpus: 4,
  forWorkload: 1048,
  grace: toDuration(30_000),
  runTime: toDuration(12 * MINUTE),
  lostTime: toDuration(3 * MINUTE),
  hasCheckpoint: true,
  message: 'vision holds 4 above its guarantee of 4',
};

describe('a plan of a submission', () => {
  it('asks for the workload that run would send, and says where it would start', async () => {
    scheduler.workloadPlan = { workloads: [planned({ start: 'PLANNED_START_NOW', placements: on('n1', 'n2') })] };
    const { code, stdout, stderr } = await cli('plan', '-G', '2', '-n', '2', '--', 'python', 'x.py', '--lr', '1');
    expect([code, stdout, stderr]).toEqual([0, 'Would start now on n[1-2]\n', '']);
    expect(scheduler.requests('PlanWorkload')).toMatchObject([
      {
        specs: [
          {
            queue: 'vision',
            tasks: 2,
            resources: { gpus: 2 },
            command: { argv: ['python', 'x.py', '--lr', '1'] },
          },
        ],
      },
    ]);
    expect(scheduler.requests('SubmitWorkloads')).toEqual([]);
  });

  it('reads files as submit does', async () => {
    const file = path.join(temporaryFolder(), 'w.yaml');
    writeFileSync(file, 'name: a\nrun: "true"\n---\nname: b\nqueue: nlp\nrun: "true"\n');
    scheduler.workloadPlan = {
      workloads: [
        planned({ name: 'a', start: 'PLANNED_START_NOW', placements: on('n1') }),
        planned({
          name: 'b',
          start: 'PLANNED_START_UNKNOWN',
          estimate: 'unknown: 2 running workloads have no time limit',
        }),
      ],
    };
    const { code, stdout } = await cli('plan', file);
    expect(code).toBe(0);
    expect(stdout).toBe(
      'a would start now on n1\nb would wait; until when is unknown: 2 running workloads have no time limit\n',
    );
    expect(scheduler.requests('PlanWorkload')).toMatchObject([
      {
        specs: [
          { name: 'a', queue: 'vision' },
          { name: 'b', queue: 'nlp' },
        ],
      },
    ]);
  });

  it('shows who would be displaced and what that costs them', async () => {
    scheduler.workloadPlan = {
      workloads: [
        planned({
          start: 'PLANNED_START_AFTER_VICTIMS',
          startTime: toTimestamp(Date.now() + 29_900),
          placements: on('n4'),
          reason: 'RECLAIMING',
        }),
      ],
      displaced: [
        victim,
        { ...victim, number: 1046, gpus: 0.5, goesOn: true, hasCheckpoint: false, lostTime: toDuration(12 * MINUTE) },
        { ...victim, number: 1047, later: true },
      ],
      displacedWorkloads: 3,
    };
    const { stdout } = await cli('plan', '-G', '4', '--', 'true');
    expect(stdout).toMatch(/^Would start within \d+s on n4, by taking back 4\.5 GPUs\n/);
    expect(stdout.split('\n').slice(1)).toEqual([
      'VICTIM   NAME   QUEUE    GPUS   RAN     LOSES-AT-MOST           GRACE   THEN',
      '1045     eval   vision   4      12:00   3:00                    30s     requeued',
      '1046     eval   vision   0.5    12:00   12:00 (no checkpoint)   30s     goes on with fewer tasks',
      '1047     eval   vision   4      12:00   3:00                    30s     requeued (later, once others have left)',
      '',
    ]);
    expect((await cli('plan', '-o', 'wide', '-G', '4', '--', 'true')).stdout).toContain('above its guarantee of 4');
  });

  it('says why it would wait, and exits with 2 when it could never start', async () => {
    const why = {
      reason: 'RESOURCES',
      summary: 'It needs 8 GPUs and 1 is free.',
      lines: [{ title: 'Pool', text: '8 GPUs on 2 nodes' }],
    };
    const startTime = toTimestamp(Date.now() + 90 * MINUTE + 5_000);
    scheduler.workloadPlan = {
      workloads: [
        planned({ ...why, start: 'PLANNED_START_LATER', startTime, placements: on('n1'), estimate: 'at most' }),
      ],
    };
    const waits = await cli('plan', '-G', '8', '--', 'true');
    expect([waits.code, waits.stdout]).toEqual([
      0,
      'Would wait, and start within 1h30m on n1 (at most)\n' +
        '  Resources: It needs 8 GPUs and 1 is free.\n  Pool   8 GPUs on 2 nodes\n',
    ]);
    scheduler.workloadPlan = { workloads: [planned({ ...why, reason: 'NO_SUCH_GPU', start: 'PLANNED_START_NEVER' })] };
    const never = await cli('plan', '-G', '8', '--', 'true');
    expect(never.code).toBe(2);
    expect(never.stdout).toMatch(/^Could never start .*\n {2}NoSuchGpu: It needs/);
    scheduler.workloadPlan = { workloads: [planned({ start: 'PLANNED_START_NOT_FOUND' })] };
    expect((await cli('plan', '-G', '8', '--', 'true')).code).toBe(1);
    scheduler.workloadPlan = { workloads: [planned({ ...why, start: 'PLANNED_START_NOT_FOUND' })] };
    const long = await cli('plan', '-G', '8', '--', 'true');
    expect([long.code, long.stdout.split('\n')[0]]).toEqual([
      0,
      'Would wait; until when was not found within the budget of a plan',
    ]);
  });

  it('exits with 2 for what the scheduler would refuse for good, with 1 for other refusals', async () => {
    const refusal = { reason: 'QUOTA_LIMIT_EXCEEDED', message: 'it could never start', metadata: {} };
    scheduler.failures.set('PlanWorkload', [{ ...refusal, code: status.FAILED_PRECONDITION }]);
    const hopeless = await cli('plan', '-G', '8', '--', 'true');
    expect([hopeless.code, hopeless.stderr]).toEqual([2, 'error: it could never start\n']);
    const missing = { code: status.NOT_FOUND, reason: 'QUEUE_NOT_FOUND', message: 'no such queue', metadata: {} };
    scheduler.failures.set('PlanWorkload', [missing]);
    expect((await cli('plan', '-G', '8', '--', 'true')).code).toBe(1);
  });

  it('prints the answer for programs', async () => {
    scheduler.workloadPlan = { workloads: [planned({ start: 'PLANNED_START_NOW', placements: on('n1') })] };
    for (const flags of [['-o', 'json'], ['--json']]) {
      const { stdout } = await cli('plan', ...flags, '--', 'true');
      expect(JSON.parse(stdout)).toMatchObject({
        workloads: [{ number: 1048, start: 'PLANNED_START_NOW', placements: [{ node: 'n1', gpuIndices: [0] }] }],
      });
    }
  });

  it.each([
    [['plan'], /nothing to plan/],
    [['plan', 'w.yaml', '--', 'true'], /for files or for a command, not both: w\.yaml/],
    [['plan', '-G', '2', 'w.yaml'], /--gpus goes with a command, not with a file\nA command stands after "--"/],
    [['plan', '--gpu', '2', '--', 'true'], /unknown flag "--gpu"/],
    [['plan', '/nonexistent.yaml'], /cannot read/],
  ])('refuses %j', async (argv, message) => {
    const { code, stderr } = await cli(...argv);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(scheduler.calls).toEqual([]);
  });
});

describe('a plan of a queue', () => {
  it('asks for the change, and tells shares, victims, starts and reasons', async () => {
    scheduler.queuePlan = {
      complete: true,
      queues: [
        { queue: 'nlp', fairShareGpusBefore: 4, fairShareGpusAfter: 8, allocatedGpusBefore: 4, allocatedGpusAfter: 8 },
      ],
      displaced: [victim],
      displacedWorkloads: 1,
      started: [{ number: 1050, name: 'sft', queue: 'nlp', gpus: 4, placements: on('n2'), afterVictims: true }],
      startedWorkloads: 1,
      pending: [{ number: 1045, name: 'eval', queue: 'vision', reasonAfter: 'QUEUE_LIMIT', summary: 'no' }],
      warnings: ['guarantees add up to 16 GPUs, the cluster has 8'],
    };
    const { code, stdout, stderr } = await cli('plan', 'queue', 'q/nlp', '--guarantee', '8', '--priority', '7');
    expect([code, stderr]).toEqual([0, 'warning: guarantees add up to 16 GPUs, the cluster has 8\n']);
    expect(stdout).toBe(
      [
        'QUEUE   FAIR-SHARE   ALLOCATED   UNMET',
        'nlp     4 to 8       4 to 8      0',
        '',
        '1 workload would give back GPUs:',
        'VICTIM   NAME   QUEUE    GPUS   RAN     LOSES-AT-MOST   GRACE   THEN',
        '1045     eval   vision   4      12:00   3:00            30s     requeued',
        '',
        '1 workload would start:',
        'NUMBER   NAME   QUEUE   GPUS   NODES   WHEN',
        '1050     sft    nlp     4      n2      once others have left',
        '',
        '1 workload would be pending for another reason:',
        'NUMBER   NAME   QUEUE    REASON-NOW   REASON-THEN',
        '1045     eval   vision   -            QueueLimit',
        '',
      ].join('\n'),
    );
    expect(scheduler.requests('PlanQueueChange')).toMatchObject([
      {
        change: 'update',
        update: {
          queue: { name: 'nlp', guaranteeGpus: 8, priority: 7 },
          updateMask: { paths: ['guarantee_gpus', 'priority'] },
        },
      },
    ]);
  });

  it('tells of each part of the cluster what changes there, and of a part that is new or not named any more what there is', async () => {
    scheduler.queuePlan = {
      complete: true,
      queues: [
        {
          queue: 'nlp',
          scopes: [
            { pool: 'big', gpuModel: 'h100', fairShareGpusBefore: 4, fairShareGpusAfter: 8, allocatedGpusBefore: 2 },
            { pool: 'small', fairShareGpusAfter: 1.5, allocatedGpusAfter: 0, unmetGuaranteeGpusAfter: 0 },
          ],
        },
      ],
    };
    const { stdout } = await cli('plan', 'queue', 'nlp', '--scope', 'pool=big,guarantee=8');
    expect(stdout.split('\n').slice(2, -2)).toEqual([
      '',
      'Of them by part of the cluster:',
      'QUEUE   POOL    GPU    FAIR-SHARE   ALLOCATED   UNMET',
      'nlp     big     h100   4 to 8       2 to -      -',
      'nlp     small   any    - to 1.5     - to 0      - to 0',
    ]);
  });

  it('plans creation and deletion, and says when nothing would move', async () => {
    scheduler.queuePlan = { complete: true, queues: [{ queue: 'x' }] };
    const { stdout } = await cli('plan', 'queue', 'x', '--create', '--parent', 'org', '--limit', '3');
    expect(stdout).toBe(
      'QUEUE   FAIR-SHARE   ALLOCATED   UNMET\nx       0            0           0\nNo workload would start, move or stop.\n',
    );
    await cli('plan', 'queue', 'x', '--delete');
    expect(scheduler.requests('PlanQueueChange')).toMatchObject([
      { change: 'create', create: { name: 'x', parent: 'org', limitGpus: 3 } },
      { change: 'delete', delete: 'x' },
    ]);
  });

  it('exits with 1 when the plan was cut short', async () => {
    scheduler.queuePlan = { complete: false, queues: [] };
    const { code, stderr } = await cli('plan', 'queue', 'x', '--weight', '2');
    expect(code).toBe(1);
    expect(stderr).toMatch(/There may be more/);
  });

  it.each([
    [['plan', 'queue', 'x'], /no change to plan/],
    [['plan', 'queue', 'x', '--delete', '--weight', '2'], /--delete goes with no other change/],
    [['plan', 'queue', 'x', '--parent', 'y'], /--parent goes with --create/],
    [['plan', 'queue', 'x', '-G', '2', '--weight', '2'], /--gpus says what to run/],
    [['plan', 'queue', 'x', '--guarantee', 'lots'], /--guarantee lots is no .*number/],
  ])('refuses %j', async (argv, message) => {
    const { code, stderr } = await cli(...argv);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(scheduler.calls).toEqual([]);
  });
});

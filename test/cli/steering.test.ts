// The commands that steer what was submitted, and nodes: hold, release, requeue, priority, maintenance.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromTimestamp, toTimestamp } from '../../common/units.js';
import type { CreateMaintenanceRequest__Output } from '../../proto/gen/sluice/v1/CreateMaintenanceRequest.js';
import { FakeScheduler } from './fake-scheduler.js';
import { cli as run, startCli } from './run-cli.js';
import { sampleNodes, sampleWorkloads } from './sample-cluster.js';

let scheduler: FakeScheduler;

beforeEach(async () => {
  scheduler = new FakeScheduler();
  scheduler.workloads = sampleWorkloads();
  scheduler.nodes = sampleNodes();
  await scheduler.start();
});
afterEach(() => scheduler.stop());

const cli = (line: string) => run(line.split(' '), { env: { SLUICE_SERVER: scheduler.address } });

describe('steering work', () => {
  // 1040 has failed, 1041 runs, 1042 is pending.
  it.each([
    [
      'hold 1040 resnet job/1042 --reason data',
      'HoldWorkloads',
      { workloads: ['1040', 'resnet', '1042'], reason: 'data', ownerMayRelease: false },
      ['unchanged: it has ended (Failed)', 'held once it waits again (now Running)', 'held'],
    ],
    ['release 1042', 'ReleaseWorkloads', { workloads: ['1042'] }, ['released']],
    [
      'requeue 1041 1042',
      'RequeueWorkloads',
      { workloads: ['1041', '1042'], reason: '', hold: false, ownerMayRelease: false },
      ['stopping; it goes back to pending', 'unchanged: it is pending'],
    ],
    [
      'hold 1042 --owner-may-release',
      'HoldWorkloads',
      { workloads: ['1042'], reason: '', ownerMayRelease: true },
      ['held'],
    ],
    [
      'requeue 1041 1042 --hold --owner-may-release',
      'RequeueWorkloads',
      { workloads: ['1041', '1042'], reason: '', hold: true, ownerMayRelease: true },
      ['stopping; it is held then', 'pending and held'],
    ],
    [
      'requeue 1041 1042 --hold',
      'RequeueWorkloads',
      { workloads: ['1041', '1042'], reason: '', hold: true, ownerMayRelease: false },
      ['stopping; it is held then', 'pending and held'],
    ],
    [
      'priority 1042 1041 --to -5',
      'PrioritizeWorkloads',
      { workloads: ['1042', '1041'], priority: -5 },
      ['has priority -5', 'has priority -5'],
    ],
  ])('sluice %s', async (line, method, request, outcomes) => {
    const { code, stdout } = await cli(line);
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((each) => each.replace(/^workload\/\d+ /, '')),
    ).toEqual(outcomes);
    expect(scheduler.requests(method)).toEqual([request]);
  });

  it.each([
    ['priority 1042', 'error: which priority?\nUsage: sluice priority WORKLOAD… --to NUMBER\n'],
    ['priority 1042 --to high', 'error: --to high is no whole number such as 80\n'],
    ['requeue 1041 --owner-may-release', 'error: --owner-may-release says how it is held: give --hold with it\n'],
    ['hold queue/x', 'error: "queue/x" is a queue, but a workload is wanted here\n'],
  ])('sluice %s is refused here', async (line, stderr) => {
    expect(await cli(line)).toMatchObject({ code: 2, stderr });
  });

  it('says of the hold of an administrator who releases it', async () => {
    Object.assign(scheduler.workloads.find(({ number }) => number === 1042) ?? {}, { adminHold: true });
    expect((await cli('hold 1042')).stdout).toBe('workload/1042 held; only administrators release it\n');
  });

  it('prints names and JSON', async () => {
    expect((await cli('hold 1042 -o name')).stdout).toBe('workload/1042\n');
    const { stdout } = await cli('release 1042 -o json');
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'WorkloadList', items: [{ number: 1042 }] });
  });

  it('shows a hold and the retries', async () => {
    const waiting = scheduler.workloads.find(({ number }) => number === 1042);
    Object.assign(waiting ?? {}, { hold: 'held by ada: data', retries: 2, requeues: 0, attempt: 2 });
    const { stdout } = await cli('describe workload 1042');
    expect(stdout).toMatch(/^Hold: +held by ada: data$/m);
    expect(stdout).toMatch(/^Attempt: +2, tried again 2 times$/m);
  });
});

describe('maintenance', () => {
  const asked = () => scheduler.requests('CreateMaintenance')[0] as CreateMaintenanceRequest__Output;

  it('is announced with times as people write them', async () => {
    const line = 'maintenance create n1 node/n2 --start 2026-12-01T22:00Z --duration 1h30m --every week --reason fans';
    expect(await cli(line)).toMatchObject({
      code: 0,
      stdout: 'maintenance/M1 announced: n[1-2] from 2026-12-01 22:00 UTC\n',
    });
    expect(asked()).toMatchObject({
      nodes: ['n1', 'n2'],
      startTime: { seconds: Date.UTC(2026, 11, 1, 22) / 1000 },
      duration: { seconds: 5_400 },
      every: { seconds: 604_800 },
      reason: 'fans',
    });
  });

  it.each([
    ['2026-12-01T22:00', new Date(2026, 11, 1, 22, 0).getTime()],
    ['2026-12-01', new Date(2026, 11, 1).getTime()],
    ['2026-12-01T22:00:30+02:00', Date.UTC(2026, 11, 1, 20, 0, 30)],
  ])('begins at %s', async (start, ms) => {
    await cli(`maintenance create n1 --start ${start} --duration 2h`);
    expect(fromTimestamp(asked().startTime)).toBe(ms);
  });

  it('begins now, or after a span', async () => {
    const beforeMs = Date.now();
    await cli('maintenance create n1 --duration 2h --start +2h');
    expect(fromTimestamp(asked().startTime)).toBeGreaterThanOrEqual(beforeMs + 7_200_000);
    await cli('maintenance create n1 --duration 2h');
    expect(scheduler.requests('CreateMaintenance')).toHaveLength(2);
  });

  it.each([
    ['create n1 --duration soon', '--duration soon is no span\nGive 90m, 2h or 1h30m.'],
    ['create n1 --duration 2h --every now', '--every now is no span\nGive day, week, 90m, 2h or 1h30m.'],
    [
      'create n1 --duration 2h --start noon',
      '--start noon is no time\nGive now, +3h, 2026-12-01T22:00 (local time) or 2026-12-01T22:00Z.',
    ],
    ['create n1 --duration 2h --start 2026-13-45', '--start 2026-13-45 is no time'],
    ['create n1', 'required option "--duration <span>" not specified'],
  ])('sluice maintenance %s is refused here', async (line, words) => {
    const { code, stderr } = await cli(`maintenance ${line}`);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(words) });
    expect(scheduler.requests('CreateMaintenance')).toEqual([]);
  });

  it('is listed with when it begins, and shown with its node', async () => {
    const startMs = Date.now() + 3 * 86_400_000;
    const window = { startTime: toTimestamp(startMs), endTime: toTimestamp(startMs + 7_200_000), nodes: ['n1'] };
    const once = { id: 'M1', ...window, nextStartTime: window.startTime, reason: 'fans' };
    const weekly = { id: 'M2', ...window, every: { seconds: 604_800, nanos: 0 }, active: true };
    scheduler.maintenances = [once, weekly];
    const { stdout } = await cli('maintenance list');
    expect(stdout).toMatch(/^M1 +in (2d23h|2d24h|3d00h) +\S+ \S+ UTC +2h00m +- +n1 +fans$/m);
    expect(stdout).toMatch(/^M2 +active +\S+ \S+ UTC +2h00m +7d00h +n1 +-$/m);
    expect((await cli('maintenance list n1 -o name')).stdout).toBe('maintenance/M1\nmaintenance/M2\n');
    expect(await cli('maintenance list n2')).toMatchObject({ code: 0, stderr: 'No maintenance is announced.\n' });
    Object.assign(scheduler.nodes[0] ?? {}, { maintenances: [weekly] });
    expect((await cli('get nodes')).stdout).toMatch(/^n1 +Ready,Maintenance /m);
    expect((await cli('describe node n1')).stdout).toMatch(/^Maintenance: +active for 2h00m, every 7d00h$/m);
  });

  it('is taken back by its id', async () => {
    scheduler.maintenances = [{ id: 'M1', nodes: ['n1', 'n2'] }];
    expect(await cli('maintenance cancel maintenance/M1')).toMatchObject({
      code: 0,
      stdout: 'maintenance/M1 cancelled for n[1-2]\n',
    });
    expect(await cli('maintenance cancel M1 n2')).toMatchObject({ stdout: 'maintenance/M1 cancelled for n2\n' });
    expect(await cli('maintenance cancel M9')).toMatchObject({ code: 1, stderr: expect.stringContaining('M9') });
  });
});

describe('drain', () => {
  it('does nothing to any node when one of them does not exist', async () => {
    const { code, stderr } = await cli('drain n1 nowhere --no-wait');
    expect(code).toBe(1);
    expect(stderr).toContain('node "nowhere" does not exist');
    expect(scheduler.requests('CordonNode')).toEqual([]);
  });

  it('announces its deadline, and does not wait when it is told not to', async () => {
    const before = Date.now();
    const { code, stdout } = await cli('drain n1 --deadline 2h --reason fans --no-wait');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^node\/n1 cordoned\nwhat runs on n1 at .* UTC is stopped then, and requeued\n$/);
    const [announced] = scheduler.requests('CreateMaintenance') as CreateMaintenanceRequest__Output[];
    expect(announced).toMatchObject({ nodes: ['n1'], reason: 'drain: fans' });
    const startMs = fromTimestamp(announced?.startTime) ?? 0;
    expect(Math.abs(startMs - before - 7_200_000)).toBeLessThan(60_000);
  });

  it('says what is left, and when nothing is', async () => {
    const [node] = scheduler.nodes;
    Object.assign(node ?? {}, { workloads: [1041] });
    const run = startCli(['drain', 'n1'], { env: { SLUICE_SERVER: scheduler.address } });
    await run.stdoutHas('node/n1: 1 left: 1041 (');
    Object.assign(node ?? {}, { workloads: [] });
    const { code, stdout } = await run.result;
    expect(code).toBe(0);
    expect(stdout).toContain('node/n1 drained: nothing is left there\n');
  });

  it('waits on while the scheduler is away, and says so once', async () => {
    const [node] = scheduler.nodes;
    Object.assign(node ?? {}, { workloads: [1041] });
    const run = startCli(['drain', 'n1'], { env: { SLUICE_SERVER: scheduler.address } });
    await run.stdoutHas('node/n1: 1 left: 1041 (');
    Object.assign(node ?? {}, { workloads: [] });
    // More than gRPC tries again by itself, twice over.
    const away = { code: status.UNAVAILABLE, reason: 'NOT_SERVING', message: 'the scheduler is starting' };
    scheduler.failures.set(
      'GetNode',
      Array.from({ length: 8 }, () => away),
    );
    const { code, stdout, stderr } = await run.result;
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'the scheduler is starting; the drain goes on, trying again\n',
    });
    expect(stdout).toContain('node/n1 drained: nothing is left there\n');
  });

  it('is over when somebody uncordons the node meanwhile', async () => {
    const [node] = scheduler.nodes;
    Object.assign(node ?? {}, { workloads: [1041] });
    const run = startCli(['drain', 'n1'], { env: { SLUICE_SERVER: scheduler.address } });
    await run.stdoutHas('node/n1: 1 left: 1041 (');
    expect(await cli('uncordon n1')).toMatchObject({ code: 0 });
    const { code, stderr } = await run.result;
    expect(code).toBe(1);
    expect(stderr).toContain('node/n1 was uncordoned by somebody, which ended its drain.\n');
  });

  it.each([
    ['drain n1 --deadline soon', '--deadline soon is no span\nGive 30m, 2h or 1h30m, or now.'],
    ['drain n1 --deadline 99999999999d', '--deadline 99999999999d is more than 365 days'],
    ['drain n1 --timeout 0s', '--timeout 0s is no span\nGive 30m, 2h or 1h30m.'],
  ])('refuses: %s', async (line, message) => {
    const { code, stderr } = await cli(line);
    expect([code, stderr]).toEqual([2, `error: ${message}\n`]);
    expect(scheduler.requests('CordonNode')).toEqual([]);
  });
});

// The live screen: what it shows of the sample cluster, how it fits small terminals, how it ends.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { renderTop, type Look } from '../../cli/top-screen.js';
import type { Gpu__Output } from '../../proto/gen/sluice/v1/Gpu.js';
import type { Node__Output } from '../../proto/gen/sluice/v1/Node.js';
import type { FakeScheduler } from './fake-scheduler.js';
import { cli, startCli } from './run-cli.js';
import { refresh, startSample, workload } from './sample-cluster.js';

const PLAIN = { width: 120, height: null, colours: false };

function gpu(fields: Partial<Gpu__Output>): Gpu__Output {
  return { holders: [], health: 'GPU_HEALTH_HEALTHY', simulated: false, telemetry: null, ...fields } as Gpu__Output;
}

function busy(utilizationRatio: number, workload = 7): Gpu__Output {
  const telemetry = { utilizationRatio, memoryUsedMib: 1, temperatureCelsius: 1, powerWatts: 1, time: null };
  return gpu({ holders: [{ workload, parts: 7000, instance: '', allocation: 'a' }], telemetry });
}

function node(name: string, gpus: readonly Gpu__Output[], fields: Partial<Node__Output> = {}): Node__Output {
  return {
    name,
    state: 'NODE_STATE_READY',
    cordoned: false,
    maintenances: [],
    inventory: { gpus, nodeProblem: '' },
    ...fields,
  } as unknown as Node__Output;
}

function lookAt(nodes: readonly Node__Output[]): Look {
  return {
    timeMs: Date.UTC(2026, 10, 22, 12, 0, 0),
    server: 'here:7443',
    queues: [],
    nodes,
    workloads: [],
    areMore: false,
  };
}

function lineOf(text: string, word: string): string {
  return text.split('\n').find((line) => line.startsWith(word)) ?? '';
}

describe('a screen', () => {
  it('draws a cell for each GPU: free, at work, idle, not to be used', () => {
    const gpus = [gpu({}), busy(0), busy(0.5), busy(1), gpu({ health: 'GPU_HEALTH_QUARANTINED' })];
    const text = renderTop(lookAt([node('n1', gpus), node('n2', [gpu({})], { cordoned: true })]), PLAIN);
    expect(lineOf(text, 'n1')).toBe('n1     ·▁▅█ ✗');
    expect(lineOf(text, 'n2')).toBe('n2     ✗   cordoned');
    expect(lineOf(text, 'sluice top')).toBe(
      'sluice top  12:00:00 UTC  here:7443   3 of 6 GPUs held   2 unusable   used 50 %   0 run   0 wait',
    );
  });

  it('shows no GPU as free of a node that takes no work for another reason', () => {
    const broken = node('n1', [gpu({})], { inventory: { gpus: [gpu({})], nodeProblem: 'its disk is full' } as never });
    const serviced = node('n2', [gpu({})], { maintenances: [{ active: true }, { active: false }] as never });
    const announced = node('n3', [gpu({})], { maintenances: [{ active: false }] as never });
    const text = renderTop(lookAt([broken, serviced, announced]), PLAIN);
    expect(lineOf(text, 'n1')).toBe('n1     ✗   unfit');
    expect(lineOf(text, 'n2')).toBe('n2     ✗   in maintenance');
    expect(lineOf(text, 'n3')).toBe('n3     ·');
    expect(lineOf(text, 'sluice top')).toContain('0 of 3 GPUs held   2 unusable');
  });

  it('tells what is held and not measured from what is idle', () => {
    const held = gpu({ holders: [{ workload: 1, parts: 7000, instance: '', allocation: 'a' }] });
    const text = renderTop(lookAt([node('n1', [held, busy(0)])]), { ...PLAIN, colours: true });
    expect(lineOf(text, 'n1')).toBe('n1     \u001B[2m▁\u001B[0m\u001B[33m▁\u001B[0m');
  });

  it.each([10, 15, 24, 60])('is never higher than %i lines, and says what it leaves out', (height) => {
    const nodes = Array.from({ length: 40 }, (_, at) => node(`n${at}`, [busy(1)]));
    const lines = renderTop(lookAt(nodes), { ...PLAIN, height }).split('\n');
    expect(lines.length).toBeLessThanOrEqual(height);
    const shown = lines.filter((line) => /^n\d/.test(line)).length;
    expect(lines).toContain(`  … ${40 - shown} more`);
  });

  it('cuts lines at its width, colours not counted', () => {
    const nodes = [
      node(
        'n1',
        Array.from({ length: 64 }, () => busy(1)),
      ),
    ];
    // eslint-disable-next-line no-control-regex
    const colourless = (text: string) => text.replaceAll(/\u001B\[\d*m/g, '');
    for (const line of renderTop(lookAt(nodes), { width: 50, height: null, colours: true }).split('\n')) {
      expect(colourless(line).length).toBeLessThanOrEqual(50);
    }
  });

  it('lets no name steer the terminal', () => {
    expect(renderTop(lookAt([node('n\u001B[2J', [gpu({})])]), PLAIN)).not.toContain('\u001B');
  });
});

describe('sluice top', () => {
  let scheduler: FakeScheduler;
  beforeAll(async () => {
    scheduler = await startSample();
  });
  beforeEach(() => refresh(scheduler));
  afterAll(() => scheduler.stop());
  const env = () => ({ SLUICE_SERVER: scheduler.address, NO_COLOR: '1' });

  it('prints one look when nobody watches', async () => {
    const { code, stdout, stderr } = await cli(['top'], { env: env() });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('\u001B');
    expect(lineOf(stdout, '1041')).toMatch(/^1041 +resnet +research +alice +Running .* n1$/);
    expect(lineOf(stdout, '1042')).toContain('(QueueLimit)');
    expect(lineOf(stdout, 'QUEUE')).toMatch(/HELD +GUARANTEED +BORROWED/);
  });

  it('asks for no more than a screen holds, and says that there is more', async () => {
    scheduler.workloads = Array.from({ length: 70 }, (_, at) =>
      workload(2_000 + at, { state: 'WORKLOAD_STATE_PENDING' }),
    );
    const { stdout } = await cli(['top'], { env: env() });
    expect(stdout.split('\n').filter((line) => /^20\d\d /.test(line))).toHaveLength(50);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('  … and more: sluice get workloads');
  });

  it('goes on with looks until Ctrl-C, and gives the screen back', async () => {
    const run = startCli(['top', '--interval', '0.5'], { env: env(), isTTY: true });
    await run.stdoutHas('1041');
    run.interrupt();
    const { code, stdout } = await run.result;
    expect(code).toBe(0);
    expect(stdout.startsWith('\u001B[?1049h')).toBe(true);
    expect(stdout.endsWith('\u001B[?1049l')).toBe(true);
  });

  it.each(['0', 'soon', '-1', '100000'])('refuses --interval %s', async (interval) => {
    const { code, stderr } = await cli(['top', '--interval', interval], { env: env() });
    expect(code).toBe(2);
    expect(stderr).toContain('is not a number of seconds from 0.5 to 3600');
  });
});

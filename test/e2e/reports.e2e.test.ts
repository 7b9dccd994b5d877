// `sluice report usage|waste|wait|efficiency` of a real cluster: what was guaranteed, borrowed, idle, lost and failed adds up, and
// is the same after the scheduler was killed.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const run = promisify(execFile);

interface Row {
  readonly queue?: string;
  readonly user?: string;
  readonly workload?: string;
  readonly heldGpuTime: string;
  readonly guaranteedGpuTime: string;
  readonly borrowedGpuTime: string;
  readonly idleGpuTime: string;
  readonly lostGpuTime: string;
  readonly failedGpuTime: string;
  readonly ranGpuTime: string;
  readonly waits?: { readonly starts: number };
}

const seconds = (time: string): number => Number(time.replace(/s$/, ''));

describe.runIf(needs('build'))('reports', () => {
  const cluster = new RealCluster({ serverFlags: ['--usage-idle-after=1s', '--usage-prices=*=3600'] });
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    // Programs use memory of their GPUs, and nothing else of them.
    const scenario = cluster.at('scenario.yaml');
    writeFileSync(scenario, 'gpus: [{ model: h100, count: 2 }]\nutilization: { busy: 1, idle: 0 }\n');
    await cluster.startAgent('n1', ['--simulate', scenario]);
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 1 } });
  });
  afterAll(() => cluster.stop());

  const report = async (...argv: readonly string[]): Promise<string> => {
    const env = { ...process.env, SLUICE_SERVER: cluster.grpc };
    return (await run(process.execPath, [SLUICE, 'report', ...argv], { env })).stdout;
  };
  const rows = async (kind: string, by: string): Promise<readonly Row[]> =>
    (JSON.parse(await report(kind, '--by', by, '-o', 'json')) as { readonly rows: readonly Row[] }).rows;

  async function submit(name: string, script: string): Promise<void> {
    const command = { argv: ['/bin/sh', '-c', script] };
    await client.submitWorkloads({ specs: [{ name, queue: 'research', resources: { gpus: 1 }, command }] });
    await cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
  }

  test('tell what was borrowed, idle, lost and failed, also after the scheduler was killed', async () => {
    const go = cluster.at('fail-now');
    await submit('within', 'sleep 600');
    await submit('above', `until test -e ${go}; do sleep 0.1; done; exit 3`);
    // Telemetry comes every ten seconds.
    await until('idle GPUs are noticed', async () => {
      const [row] = await rows('waste', 'queue');
      return row !== undefined && seconds(row.idleGpuTime) > 0 ? row : null;
    });
    const [noted] = await rows('waste', 'queue');
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    await until('the agent is back', async () => {
      const nodes = await client.allNodes();
      return nodes.every(({ state }) => state === 'NODE_STATE_READY') ? true : null;
    });
    const [after] = await rows('waste', 'queue');
    expect(seconds(after?.idleGpuTime ?? '')).toBeGreaterThanOrEqual(seconds(noted?.idleGpuTime ?? ''));

    await client.requeueWorkloads({ workloads: ['within'], reason: 'a test' });
    await cluster.untilWorkload(client, 'within', ({ attempt, state }) => {
      return attempt === 2 && state === 'WORKLOAD_STATE_RUNNING';
    });
    writeFileSync(go, '');
    await cluster.untilWorkload(client, 'above', ({ state }) => state === 'WORKLOAD_STATE_FAILED');

    const [row] = await rows('usage', 'queue,model');
    if (row === undefined) throw new Error('no usage');
    // Of what was held, to the microsecond.
    const whole = seconds(row.guaranteedGpuTime) + seconds(row.borrowedGpuTime);
    expect(Math.abs(whole - seconds(row.heldGpuTime))).toBeLessThan(2e-6);
    for (const field of [
      'guaranteedGpuTime',
      'borrowedGpuTime',
      'idleGpuTime',
      'lostGpuTime',
      'failedGpuTime',
    ] as const) {
      expect(seconds(row[field])).toBeGreaterThan(0);
    }
    const [waits] = await rows('wait', 'user');
    expect(waits?.waits).toMatchObject({ starts: 2 });

    const byWorkload = await rows('usage', 'workload');
    const [within, above] = byWorkload;
    expect(byWorkload).toHaveLength(2);
    expect([seconds(within?.failedGpuTime ?? ''), seconds(above?.lostGpuTime ?? '')]).toEqual([0, 0]);
    expect(seconds(within?.lostGpuTime ?? '')).toBeCloseTo(seconds(row.lostGpuTime), 3);
    expect(seconds(above?.failedGpuTime ?? '')).toBeCloseTo(seconds(row.failedGpuTime), 3);

    expect(await report('usage')).toMatch(/^QUEUE\s+USER\s+CHARGED.*GUARANTEED.*BORROWED.*COST\(USD\)\nresearch /);
    expect(await report('waste', '--by', 'queue', '-o', 'csv')).toMatch(
      /^QUEUE,HELD\(GPU-H\),IDLE\(GPU-H\),LOST\(GPU-H\),FAILED\(GPU-H\),WASTED\(GPU-H\),SHARE,COST\(USD\)\nresearch,0\.\d{6},/,
    );
    expect(await report('wait')).toMatch(/^QUEUE +STARTS +P50 +P90 +MAX +MEAN\nresearch +2 /);
    expect(await report('efficiency', '--by', 'workload')).toMatch(/\n1 within .*\n2 above .*\nTOTAL /);
  });
});

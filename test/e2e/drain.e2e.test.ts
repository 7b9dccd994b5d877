// A drain with real processes: what runs may go on until the deadline, is then told to stop, saves what it has, and goes on elsewhere.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { RealCluster } from './real-cluster.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');

describe.runIf(needs('build'))('sluice drain', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(() => cluster.stop());

  async function sluice(
    ...args: readonly string[]
  ): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
    const env = { ...process.env, SLUICE_SERVER: cluster.grpc };
    const run = promisify(execFile)(process.execPath, [SLUICE, ...args], { env });
    const { code, stdout } = await run.then(
      (ended) => ({ code: 0, stdout: ended.stdout }),
      (error: { readonly code: number; readonly stdout: string }) => error,
    );
    return { code, lines: stdout.trimEnd().split('\n') };
  }

  test('empties a node by its deadline; the work goes on elsewhere, and the node is itself again after an uncordon', async () => {
    const script = 'trap "exit 0" TERM; while :; do sleep 0.05; done';
    const command = { argv: ['/bin/sh', '-c', script] };
    await client.submitWorkloads({ specs: [{ name: 'long', queue: 'research', resources: { gpus: 1 }, command }] });
    await cluster.untilWorkload(client, 'long', ({ state }) => state === 'WORKLOAD_STATE_RUNNING');

    const early = await sluice('drain', 'n1', '--reason', 'new fans', '--timeout', '1s');
    expect(early).toEqual({
      code: 1,
      lines: ['node/n1 cordoned', 'node/n1: 1 left: 1 (long, 1xH100(SIMULATED), Running)'],
    });
    await cluster.startAgent('n2');
    const { code, lines } = await sluice('drain', 'n1', '--deadline', '2s', '--reason', 'new fans');
    expect([code, lines.at(-1)]).toEqual([0, 'node/n1 drained: nothing is left there']);
    const moved = await cluster.untilWorkload(
      client,
      'long',
      (now) => now.attempt === 2 && now.state === 'WORKLOAD_STATE_RUNNING',
    );
    expect(moved.allocations.at(-1)?.node).toBe('n2');
    expect(await client.allMaintenances('n1')).toEqual([]);
    expect((await client.getNode('n1')).cordonReason).toBe('new fans');

    expect((await sluice('drain', 'n2', '--deadline', '1h', '--no-wait')).code).toBe(0);
    const first = await client.allMaintenances('n2');
    expect((await sluice('drain', 'n2', '--deadline', '2h', '--no-wait')).code).toBe(0);
    const second = await client.allMaintenances('n2');
    expect([first.length, second.length]).toEqual([1, 1]);
    expect(Number(second[0]?.startTime?.seconds) - Number(first[0]?.startTime?.seconds)).toBeGreaterThan(3_500);
    expect((await sluice('uncordon', 'n1', 'n2')).code).toBe(0);
    expect(await client.allMaintenances('n2')).toEqual([]);
  });
});

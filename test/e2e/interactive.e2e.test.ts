// Interactive work: a shell on granted GPUs that outlives the connection to it, and goes when nobody uses it.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');

describe.runIf(needs('build'))('interactive work', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
    await cluster.startAgent('n1');
  });
  afterAll(() => cluster.stop());

  it('is a shell on granted GPUs that survives the deaths of agent and scheduler', async () => {
    const steps = cluster.at('steps');
    mkdirSync(steps);
    const script = path.join(PACKAGE_ROOT, 'test/e2e/interactive.py');
    const command = [process.execPath, SLUICE, 'alloc', '-G', '1', '-A', 'research'];
    const env = { ...process.env, SLUICE_SERVER: cluster.grpc, TERM: 'dumb' };
    const person = new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>(
      (resolve) => {
        execFile('python3', [script, steps, ...command], { env }, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
        );
      },
    );
    const ended = person.then(({ stdout, stderr }) => {
      throw new Error(`it ended early: ${stdout} ${stderr}`);
    });
    await Promise.race([until('the shell answers', () => (existsSync(`${steps}/ready`) ? true : null)), ended]);
    const { allocations } = await client.getWorkload('alloc');
    const socket = cluster.at('n1', 'allocations', allocations[0]?.id ?? '', 'terminal.sock');
    // Whoever could write to it would type as its owner.
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    await cluster.endAgent('n1', 'SIGKILL');
    writeFileSync(`${steps}/agent`, '');
    await cluster.startAgent('n1');
    await Promise.race([until('it was joined again', () => (existsSync(`${steps}/agent-over`) ? true : null)), ended]);
    await cluster.endScheduler('SIGKILL');
    writeFileSync(`${steps}/scheduler`, '');
    await cluster.startScheduler();
    ended.catch(() => undefined);
    const { code, stdout, stderr } = await person;
    expect({ code, stderr }).toEqual({ code: 5, stderr: '' });
    expect(stdout).toContain('same=1 after=scheduler');
    const workload = await client.getWorkload('alloc');
    expect(workload).toMatchObject({ state: 'WORKLOAD_STATE_FAILED' });
    // All that was shown is in the log.
    let log = '';
    for await (const { data } of client.readLogs({ workload: 'alloc' })) log += data.toString();
    expect(log).toContain('ready 33 101');
  });
});

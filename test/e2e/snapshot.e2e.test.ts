// Backups of a real scheduler: saved while it works, restored after its data is gone, by the command line as a person uses it.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { hashToken } from '../../common/token.js';
import { needs } from '../real-part.js';
import { RealCluster } from './real-cluster.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const ADMIN = 'admin-token-of-this-test';
const USER = 'user-token-of-this-test';

describe.runIf(needs('build'))('sluice snapshot', () => {
  const tokens = new RealCluster();
  const users = tokens.at('tokens');
  const agents = tokens.at('agent-tokens');
  writeFileSync(users, `${hashToken(ADMIN)} ada admin\n${hashToken(USER)} bob user\n`, { mode: 0o600 });
  writeFileSync(agents, '', { mode: 0o600 });
  const cluster = new RealCluster({
    serverFlags: ['--tokens-file', users, '--agent-tokens-file', agents],
    token: ADMIN,
  });
  const file = cluster.at('cluster.snapshot');

  beforeAll(() => cluster.startScheduler());
  afterAll(async () => {
    await cluster.stop();
    await tokens.stop();
  });

  function sluice(token: string, ...args: readonly string[]) {
    const env = { ...process.env, SLUICE_SERVER: cluster.grpc, SLUICE_TOKEN: token, HOME: cluster.folder };
    const { status, stdout, stderr } = spawnSync(process.execPath, [SLUICE, ...args], { encoding: 'utf8', env });
    return { status, stdout, stderr };
  }

  test('saves what was acknowledged, restores it after the data is gone, and goes on with numbers of its own', async () => {
    const client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
    const requestId = randomUUID();
    const specs = [{ name: 'kept', queue: 'research', resources: { gpus: 1 }, command: { argv: ['true'] } }];
    const before = await client.submitWorkloads({ requestId, specs });
    const savedAt = await client.getVersion();

    const saving = sluice(ADMIN, 'snapshot', 'save', file);
    expect(saving.stderr).toMatch(/^sha256 [0-9a-f]{64}\n$/);
    expect(saving.stdout).toContain(`records at revision ${savedAt.revision} of epoch 1`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(cluster.folder).filter((name) => name.includes('partial'))).toEqual([]);

    const inspected = sluice(ADMIN, 'snapshot', 'inspect', file, '-o', 'json');
    const { lineage, epoch, revision } = savedAt;
    expect(JSON.parse(inspected.stdout)).toMatchObject({ lineage, epoch, revision, clusterId: savedAt.clusterId });

    const lost = await client.submitWorkloads({ requestId: randomUUID(), specs: [{ ...specs[0], name: 'lost' }] });
    const running = sluice(ADMIN, 'snapshot', 'restore', file, '--data-dir', cluster.at('server'), '--replace');
    expect(running).toMatchObject({ status: 1, stdout: '' });
    expect(running.stderr).toContain('is in use by process');

    await cluster.endScheduler('SIGKILL');
    rmSync(cluster.at('server'), { recursive: true });
    const restoring = sluice(ADMIN, 'snapshot', 'restore', file, '--data-dir', cluster.at('server'));
    expect(restoring).toMatchObject({ status: 0, stderr: '' });
    await cluster.startScheduler();

    const restored = await client.getVersion();
    expect(restored.clusterId).toBe(savedAt.clusterId);
    expect(restored.lineage).not.toBe(savedAt.lineage);
    expect(restored.epoch).toBeGreaterThan(savedAt.epoch);
    expect(await client.getWorkload('kept')).toMatchObject({ number: before.workloads[0]?.number });
    // A request repeated after the restore is still the same request.
    const repeated = await client.submitWorkloads({ requestId, specs });
    expect(repeated.workloads.map(({ number }) => number)).toEqual(before.workloads.map(({ number }) => number));
    const next = await client.submitWorkloads({ requestId: randomUUID(), specs });
    expect(next.workloads[0]?.number).toBe(100_001);
    expect(lost.workloads[0]?.number).toBe(2);
    await expect(client.getWorkload('lost')).rejects.toThrow('lost');
  });

  test('is for administrators', () => {
    const { status, stdout, stderr } = sluice(USER, 'snapshot', 'save', cluster.at('stolen'));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(
      'only administrators may save snapshots, which hold what all users submitted; "bob" has the role user',
    );
    expect(readdirSync(cluster.folder).filter((name) => name.startsWith('stolen'))).toEqual([]);
  });

  test('leaves an older file alone when it fails', () => {
    writeFileSync(file, 'older');
    const { status, stderr } = sluice('wrong', 'snapshot', 'save', file);
    expect(status).toBe(1);
    expect(stderr).toContain('token');
    expect(statSync(file).size).toBe(5);
    const nowhere = sluice(ADMIN, 'snapshot', 'save', cluster.at('no', 'such', 'folder'));
    expect(nowhere.status).toBe(1);
    expect(nowhere.stderr).toMatch(/^error: the snapshot is not saved to .+: there is no folder \/.+\n$/);
  });
});

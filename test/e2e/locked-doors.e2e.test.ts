// TLS and tokens: who may speak to the daemon, and that it does not bind beyond loopback without both.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ApiError } from '../../common/errors.js';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { eventually } from '../agent/eventually.js';
import { needs } from '../real-part.js';
import { RealCluster } from './real-cluster.js';

const digest = (token: string): string => createHash('sha256').update(token).digest('hex');

describe.runIf(needs('build') && needs('openssl'))('a daemon with TLS and tokens', () => {
  const probe = new RealCluster();
  let cluster: RealCluster;

  beforeAll(async () => {
    makeCertificate(probe.at('server.key'), probe.at('server.crt'));
    writeFileSync(
      probe.at('tokens'),
      [
        '# users',
        `sha256:${digest('alice-secret')} alice`,
        `sha256:${digest('mallory-secret')} mallory`,
        `sha256:${digest('root-secret')} root admin`,
        '',
      ].join('\n'),
      { mode: 0o600 },
    );
    writeFileSync(probe.at('agent-tokens'), `sha256:${digest('n1-secret')} n1\n`, { mode: 0o600 });
    writeFileSync(probe.at('n1-token'), 'n1-secret\n', { mode: 0o600 });
    const files = ['--tokens-file', probe.at('tokens'), '--agent-tokens-file', probe.at('agent-tokens')];
    const tls = ['--tls-cert', probe.at('server.crt'), '--tls-key', probe.at('server.key')];
    const tlsCa = readFileSync(probe.at('server.crt'), 'utf8');
    cluster = new RealCluster({ serverFlags: [...files, ...tls], token: 'alice-secret', tlsCa });
    await cluster.startScheduler();
  });
  afterAll(async () => {
    await cluster.stop();
    await probe.stop();
  });

  async function codeOf(call: Promise<unknown>): Promise<string> {
    const error = await call.then(
      () => null,
      (reason: unknown) => reason,
    );
    if (error === null) return 'OK';
    if (error instanceof ApiError) return `${grpc.status[error.code]} ${error.reason}`;
    throw error;
  }

  test("lets in whoever has a token, and says so when it is missing, wrong or an agent's", async () => {
    expect(await codeOf(cluster.client().getVersion())).toBe('OK');
    expect(await codeOf(cluster.client('').getVersion())).toBe('UNAUTHENTICATED TOKEN_MISSING');
    expect(await codeOf(cluster.client('guess').getVersion())).toBe('UNAUTHENTICATED TOKEN_INVALID');
    expect(await codeOf(cluster.client('n1-secret').allQueues())).toMatch(/^(UNAUTHENTICATED|PERMISSION_DENIED) /);
  });

  test('answers a command that ends then, although another address took its connection and stays silent', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const servers = `127.0.0.1:${port},${cluster.grpc}`;
    writeFileSync(probe.at('alice-token'), 'alice-secret\n', { mode: 0o600 });
    const flags = ['--server', servers, '--tls-ca', probe.at('server.crt'), '--token-file', probe.at('alice-token')];
    const run = spawn(process.execPath, ['dist/cli/main.js', 'get', 'queues', ...flags], { stdio: 'ignore' });
    onTestFinished(() => void run.kill('SIGKILL'));
    expect(await once(run, 'exit')).toEqual([0, null]);
  });

  test('tells its version and its clock to agents too, which compare them with their own', async () => {
    expect(await codeOf(cluster.client('n1-secret').getVersion())).toBe('OK');
  });

  test('lets an agent in by its own token, under its own name only', async () => {
    const flags = ['--simulate', '1xh100', '--tls-ca', probe.at('server.crt')];
    await cluster.startAgent('n1', [...flags, '--token-file', probe.at('n1-token')]);
    expect((await cluster.client().getNode('n1')).state).toBe('NODE_STATE_READY');
  });

  test('remembers who submitted', async () => {
    const client = cluster.client();
    await cluster.client('root-secret').createQueue({ queue: { name: 'research', guaranteeGpus: 1 } });
    await client.submitWorkloads({ specs: [{ name: 'mine', queue: 'research', command: { argv: ['true'] } }] });
    expect((await client.getWorkload('mine')).owner).toBe('alice');
  });

  test('lets nobody but the owner and administrators into a task', async () => {
    const client = cluster.client();
    const command = { argv: ['sleep', '600'] };
    await client.submitWorkloads({ specs: [{ name: 'long', queue: 'research', command }] });
    await cluster.untilWorkload(client, 'long', ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
    const whoami = async (token: string) => {
      const call = await cluster.client(token).exec({ workload: 'long', command: { argv: ['echo', 'inside'] } });
      let said = '';
      for await (const { output } of call.messages) said += output?.toString() ?? '';
      return said;
    };
    expect(await whoami('alice-secret')).toBe('inside\n');
    expect(await whoami('root-secret')).toBe('inside\n');
    expect(await codeOf(whoami('mallory-secret'))).toBe('PERMISSION_DENIED NOT_YOUR_WORKLOAD');
    expect(await codeOf(whoami('n1-secret'))).toBe('PERMISSION_DENIED TOKEN_FOR_AGENTS');
    await client.cancelWorkloads({ workloads: ['long'] });
  });

  test('lets nobody but the owner and administrators change a workload, read what it prints, or see its secrets', async () => {
    const [alice, mallory, root] = ['alice-secret', 'mallory-secret', 'root-secret'].map((one) => cluster.client(one));
    if (alice === undefined || mallory === undefined || root === undefined) throw new Error('three clients');
    const printing = {
      queue: 'research',
      command: { argv: ['/bin/sh', '-c', 'echo $KEY; exec sleep 600'] },
      environment: [{ name: 'KEY', value: 'canary' }],
    };
    await alice.submitWorkloads({ specs: [{ name: 'hers', ...printing }] });
    await cluster.untilWorkload(alice, 'hers', ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
    await mallory.submitWorkloads({ specs: [{ name: 'his', ...printing }] });
    const printed = async (client: SluiceClient) => {
      let said = '';
      for await (const { data } of client.readLogs({ workload: 'hers' })) said += data.toString();
      return said;
    };
    const hers = { workloads: ['hers'] };
    const { number } = await alice.getWorkload('hers');
    const changes: ((client: SluiceClient) => Promise<unknown>)[] = [
      (client) => client.prioritizeWorkloads({ ...hers, priority: 60 }),
      (client) => client.holdWorkloads({ ...hers, reason: '' }),
      (client) => client.releaseWorkloads(hers),
      (client) => client.requeueWorkloads({ ...hers, reason: '', hold: false }),
      (client) => client.cancelWorkloads({ workloads: [String(number)] }),
      (client) => client.cancelWorkloads({ workloads: ['his', 'hers'] }),
    ];
    for (const change of changes) expect(await codeOf(change(mallory))).toBe('PERMISSION_DENIED NOT_YOUR_WORKLOAD');
    expect(await codeOf(printed(mallory))).toBe('PERMISSION_DENIED NOT_YOUR_WORKLOAD');
    // He knows that it is there, as all who share the cluster do, and nothing happened to it or to his own.
    const seen = await mallory.getWorkload('hers');
    expect(seen).toMatchObject({ owner: 'alice', state: 'WORKLOAD_STATE_RUNNING', hold: '', requeues: 0 });
    expect((await mallory.getWorkload('his')).state).not.toBe('WORKLOAD_STATE_CANCELLED');
    const listed = await mallory.listWorkloads({ queue: 'research' });
    const secretsIn = (value: unknown) => (JSON.stringify(value).match(/canary/g) ?? []).length;
    expect([secretsIn(seen), secretsIn(listed), secretsIn(await alice.getWorkload('hers'))]).toEqual([0, 1, 1]);
    expect(secretsIn(await root.getWorkload('hers'))).toBe(1);

    expect(await eventually('what it prints', async () => (await printed(alice)) || null)).toBe('canary\n');
    expect(await printed(root)).toBe('canary\n');
    for (const change of changes.slice(0, 3)) expect(await codeOf(change(alice))).toBe('OK');
    expect(await codeOf(root.cancelWorkloads({ workloads: ['hers', 'his'] }))).toBe('OK');
    await cluster.untilWorkload(alice, 'hers', ({ state }) => state === 'WORKLOAD_STATE_CANCELLED');
  });

  test('lets only administrators change queues and nodes', async () => {
    const calls: ((client: SluiceClient) => Promise<unknown>)[] = [
      (client) => client.createQueue({ queue: { name: 'own', guaranteeGpus: 1 } }),
      (client) => client.updateQueue({ queue: { name: 'own', weight: 9 }, updateMask: { paths: ['weight'] } }),
      (client) => client.deleteQueue('own'),
      (client) => client.cordonNode({ name: 'n1', reason: 'mine' }),
      (client) => client.uncordonNode('n1'),
      (client) => client.createMaintenance({ nodes: ['n1'], duration: { seconds: 60 }, reason: 'mine' }),
      (client) => client.cancelMaintenance({ id: 'M', nodes: [] }),
    ];
    for (const call of calls) {
      expect(await codeOf(call(cluster.client('mallory-secret')))).toBe('PERMISSION_DENIED ADMIN_ONLY');
      expect(await codeOf(call(cluster.client('root-secret')))).not.toMatch(/PERMISSION_DENIED/);
    }
    const announced = await cluster.client('root-secret').allMaintenances('n1');
    for (const { id } of announced) await cluster.client('root-secret').cancelMaintenance({ id, nodes: [] });
  });

  describe('whose tasks have tokens of their own', () => {
    /** Runs the command line as a program inside the task would. */
    const SLUICE = `env SLUICE_CONFIG=${probe.at('none.yaml')} ${process.execPath} ${path.join(PACKAGE_ROOT, 'dist/cli/main.js')}`;
    const outputs = (word: string) => probe.at(`said-${word}`);
    const until = (file: string, text: string) =>
      eventually(`"${text}" in ${file}`, () => {
        const said = existsSync(file) ? readFileSync(file, 'utf8') : '';
        return said.includes(text) ? said : null;
      });
    const running = async (name: string, script: string) => {
      const client = cluster.client();
      const command = { argv: ['/bin/sh', '-c', script] };
      const submitted = await client.submitWorkloads({ specs: [{ name, queue: 'research', command }] });
      await cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
      return submitted.workloads[0]?.number ?? 0;
    };
    const tokenOf = (name: string) => readFileSync(outputs(name), 'utf8').trim();

    test('in a file that only its user reads; with it the command line shows its own workload, and nothing else', async () => {
      const out = outputs('own');
      const script = [
        `exec > ${out} 2>&1`,
        'echo mode $(stat -c "%a %u" "$SLUICE_TOKEN_FILE") me $(id -u)',
        `${SLUICE} get workload $SLUICE_WORKLOAD -o name`,
        `${SLUICE} get workloads -o name`,
        `${SLUICE} get workload mine; echo code $?`,
        `${SLUICE} get nodes; echo code $?`,
        `${SLUICE} run -d -A research -- true; echo code $?`,
        'echo asked',
        `${SLUICE} cancel $SLUICE_WORKLOAD`,
        'sleep 600',
      ].join('\n');
      const number = await running('own', script);
      const said = await until(out, 'asked');
      const me = process.getuid?.() ?? 0;
      expect(said).toContain(
        `mode 400 ${me} me ${me}\nworkload/${number}\nworkload/${number}\nerror: this token is for a task`,
      );
      expect(said.match(/error: this token is for (a|the program of a) task[^]*?\ncode 1/g)).toHaveLength(3);
      expect(said).toContain('it reads and cancels its own workload, and opens nothing else');
      const ended = await cluster.untilWorkload(
        cluster.client(),
        number,
        ({ state }) => state === 'WORKLOAD_STATE_CANCELLED',
      );
      expect(ended.message).toMatch(/cancelled by a task of its own/);
    });

    test('that outlive the daemon, are good for one workload, and end with their task', async () => {
      const number = await running('lives', `cp "$SLUICE_TOKEN_FILE" ${outputs('lives')}; exec sleep 600`);
      await until(outputs('lives'), 'sluice-task.');
      const token = tokenOf('lives');
      expect(await codeOf(cluster.client(token).getWorkload(String(number)))).toBe('OK');
      expect(await codeOf(cluster.client(token).getWorkload('mine'))).toBe('PERMISSION_DENIED TOKEN_FOR_OWN_WORKLOAD');
      // There is none of that name, and that is not told either.
      expect(await codeOf(cluster.client(token).getWorkload('ghost'))).toBe('PERMISSION_DENIED TOKEN_FOR_OWN_WORKLOAD');
      expect(await codeOf(cluster.client(token).cancelWorkloads({ workloads: [String(number), 'mine'] }))).toBe(
        'PERMISSION_DENIED TOKEN_FOR_OWN_WORKLOAD',
      );
      expect(await codeOf(cluster.client(token).allQueues())).toBe('PERMISSION_DENIED TOKEN_FOR_TASKS');
      expect(await codeOf(cluster.client(token).getStatus())).toBe('PERMISSION_DENIED TOKEN_FOR_TASKS');
      await cluster.endScheduler('SIGKILL');
      await cluster.startScheduler();
      const own = await cluster.client(token).getWorkload(String(number));
      expect(own.state).toBe('WORKLOAD_STATE_RUNNING');
      await cluster.client().cancelWorkloads({ workloads: [String(number)] });
      await cluster.untilWorkload(cluster.client(), number, ({ state }) => state === 'WORKLOAD_STATE_CANCELLED');
      expect(await codeOf(cluster.client(token).getWorkload(String(number)))).toBe('UNAUTHENTICATED TOKEN_ENDED');
    });

    test('that stand in no log, no record of the agent, no list of processes and no metric', async () => {
      const number = await running('quiet', `cp "$SLUICE_TOKEN_FILE" ${outputs('quiet')}; env; exec sleep 600`);
      await until(outputs('quiet'), 'sluice-task.');
      const secret = tokenOf('quiet');
      const holders = spawnSync('grep', ['-rlaF', '--', secret, cluster.folder], { encoding: 'utf8' }).stdout;
      expect(
        holders
          .trim()
          .split('\n')
          .map((file) => path.basename(file)),
      ).toEqual(['token']);
      const listed = spawnSync('ps', ['axeww'], { encoding: 'utf8' }).stdout;
      expect(listed).toContain('SLUICE_TOKEN_FILE=');
      expect(listed).not.toContain(secret);
      expect(await (await fetch(`http://${cluster.http}/metrics`)).text()).not.toContain('sluice-task.');
      await cluster.client().cancelWorkloads({ workloads: [String(number)] });
    });
  });

  test('does not bind beyond loopback without both', () => {
    const run = (...flags: string[]) => {
      try {
        const args = ['dist/cli/main.js', 'server', '--data-dir', probe.at('other'), '--listen', '0.0.0.0:0', ...flags];
        execFileSync(process.execPath, args, { stdio: 'pipe', timeout: 30_000 });
        return 'it served';
      } catch (error) {
        const { status, stderr } = error as { status: number; stderr: Buffer };
        return `${status}: ${stderr.toString()}`;
      }
    };
    expect(run()).toMatch(/^2: error: .*tokens and TLS are needed/);
    expect(run('--tokens-file', probe.at('tokens'))).toMatch(/^2: error: .*tokens_file/);
  });
});

describe.runIf(needs('build') && needs('openssl'))('a daemon that wants certificates of its clients', () => {
  const probe = new RealCluster();
  let cluster: RealCluster;

  beforeAll(async () => {
    // One certificate that signed itself is its own authority: enough to tell those who have it from those who have not.
    makeCertificate(probe.at('server.key'), probe.at('server.crt'));
    const tls = ['--tls-cert', probe.at('server.crt'), '--tls-key', probe.at('server.key')];
    const pem = (name: string) => readFileSync(probe.at(name), 'utf8');
    cluster = new RealCluster({
      serverFlags: [...tls, '--tls-client-ca', probe.at('server.crt')],
      tlsCa: pem('server.crt'),
      tlsClient: { certificate: pem('server.crt'), key: pem('server.key') },
    });
    await cluster.startScheduler();
  });
  afterAll(async () => {
    await cluster.stop();
    await probe.stop();
  });

  test('lets in an agent and a user that have one, and nobody else', async () => {
    const certificate = ['--tls-cert', probe.at('server.crt'), '--tls-key', probe.at('server.key')];
    await cluster.startAgent('n1', ['--simulate', '1xh100', '--tls-ca', probe.at('server.crt'), ...certificate]);
    expect((await cluster.client().getNode('n1')).state).toBe('NODE_STATE_READY');
    const sluice = (...flags: string[]) => {
      const target = ['--server', cluster.grpc, '--tls-ca', probe.at('server.crt'), ...flags];
      const run = spawnSync(process.execPath, ['dist/cli/main.js', 'get', 'nodes', ...target], {
        encoding: 'utf8',
        env: { ...process.env, SLUICE_CONFIG: probe.at('none.yaml') },
      });
      return `${run.status}: ${run.stdout}${run.stderr}`;
    };
    expect(sluice(...certificate)).toMatch(/^0: NAME[^]*n1 +Ready/);
    expect(sluice()).toMatch(/^1: error: cannot reach the scheduler/);
  });
});

function makeCertificate(key: string, certificate: string): void {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...files, ...subject], {
    stdio: 'pipe',
  });
}

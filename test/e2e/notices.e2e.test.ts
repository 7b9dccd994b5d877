// Webhooks and e-mail of a real scheduler to real servers: what workloads ask to be told of arrives, signed, at least once, over a
// scheduler that is killed; a receiver that hangs holds no other up; nothing goes where the administrator did not permit it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { toNotifyRule, type NotifyWord } from '../../cli/spec/notify.js';
import { isApiError } from '../../cli/failure.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { HookServer, MailServer } from './notice-receivers.js';
import { RealCluster, until } from './real-cluster.js';

const LIMIT_MS = 120_000;
const SECRET = 'a-secret-of-the-test-0123456789';

describe.runIf(needs('build'))('notices', () => {
  let hooks: HookServer;
  let mail: MailServer;
  let example: ChildProcess;
  let examplePort = '';
  const told: string[] = [];
  let cluster: RealCluster;
  let client: SluiceClient;

  beforeAll(async () => {
    hooks = await new HookServer().start();
    mail = await new MailServer().start();
    const flags: string[] = [];
    cluster = new RealCluster({ serverFlags: flags });
    writeFileSync(cluster.at('secret'), `${SECRET}\n`);
    const receiver = path.join(PACKAGE_ROOT, 'examples/webhook-receiver.mjs');
    example = spawn(process.execPath, [receiver, '--port', '0', '--secret-file', cluster.at('secret')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (example.stdout === null) throw new Error('no output');
    createInterface(example.stdout).on('line', (line) => told.push(line));
    examplePort = await until('the example listens', () => told[0]?.split(' ')[1] ?? null);
    writeFileSync(cluster.at('password'), 'pass word\n');
    writeFileSync(
      cluster.at('webhooks'),
      `# who may be told\n${hooks.origin} ${SECRET}\nhttp://127.0.0.1:${examplePort} ${SECRET}\nhttp://localhost:${hooks.port} ${SECRET}\nhttp://[::1]:${hooks.port} ${SECRET}\n`,
    );
    flags.push(
      `--notify-webhooks-file=${cluster.at('webhooks')}`,
      '--notify-private-networks=127.0.0.1/32',
      `--notify-smtp=smtp://sluice@127.0.0.1:${mail.port}`,
      `--notify-smtp-password-file=${cluster.at('password')}`,
      '--notify-mail-from=sluice@example.org',
      '--notify-mail-domains=example.org',
    );
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  }, LIMIT_MS);
  afterAll(async () => {
    // First of all: what is left of the cluster's folder is killed with the cluster.
    const gone = once(example, 'exit');
    example.kill('SIGTERM');
    await gone;
    await cluster.stop();
    await hooks.stop();
    await mail.stop();
  });

  const submit = async (
    name: string,
    script: string,
    ...notify: readonly (readonly [readonly NotifyWord[], string])[]
  ) => {
    const rules = notify.map(([on, to]) => toNotifyRule(on, to));
    await client.submitWorkloads({
      specs: [
        {
          name,
          queue: 'research',
          resources: { gpus: 1 },
          command: { argv: ['/bin/sh', '-c', script] },
          notify: rules,
        },
      ],
    });
  };
  const waiting = async (): Promise<string> => {
    const text = await (await fetch(`http://${cluster.http}/metrics`)).text();
    return /^sluice_notices_waiting\{via="webhook"\} (\d+)$/m.exec(text)?.[1] ?? '';
  };

  test('go to a receiver that checks them, in order, and by e-mail', async () => {
    const to = `http://127.0.0.1:${examplePort}/sluice`;
    await submit('first', 'exit 3', [['start', 'end'], to], [['fail'], 'mailto:ada@example.org']);
    const { number, uid } = await cluster.untilWorkload(
      client,
      'first',
      ({ state }) => state === 'WORKLOAD_STATE_FAILED',
    );
    await until('the example was told', () => (told.length >= 3 ? true : null));
    expect(told.slice(1)).toEqual([
      `workload.started ${number} first ${uid}-1-started-0`,
      `workload.failed ${number} first ${uid}-1-failed-0`,
    ]);
    const letter = await until('the e-mail came', () => mail.letters[0] ?? null);
    expect(letter.user).toBe('sluice pass word');
    expect(letter.from).toContain('<sluice@example.org>');
    expect(letter.to).toContain('<ada@example.org>');
    expect(letter.text).toContain(`Subject: Sluice: ${number} (first) failed`);
    expect(letter.text).toMatch(new RegExp(`^Message-ID: <${uid}-1-failed-1@example.org>$`, 'm'));
    expect(letter.text).toContain('Queue:    research');
    await until('nothing waits', async () => ((await waiting()) === '0' ? true : null));
  });

  test('tell of what came back into its queue, and are tried again until they are taken', async () => {
    const at = '/busy';
    hooks.answers[at] = { code: 503 };
    await submit('returns', 'trap "exit 0" TERM; while :; do sleep 0.05; done', [
      ['requeue', 'end'],
      `${hooks.origin}${at}`,
    ]);
    const { number } = await cluster.untilWorkload(
      client,
      'returns',
      ({ state }) => state === 'WORKLOAD_STATE_RUNNING',
    );
    await client.requeueWorkloads({ workloads: [String(number)], reason: 'a test' });
    await until('it was tried twice', () => (hooks.events(at).length >= 2 ? true : null));
    const [first, second] = hooks.events(at);
    expect(first).toMatchObject({ type: 'workload.requeued', name: 'returns' });
    expect(second?.id).toBe(first?.id);
    delete hooks.answers[at];
    await cluster.untilWorkload(
      client,
      number,
      ({ attempt, state }) => attempt === 2 && state === 'WORKLOAD_STATE_RUNNING',
    );
    await client.cancelWorkloads({ workloads: [String(number)] });
    await until('its end is told', () => hooks.events(at).find(({ type }) => type === 'workload.cancelled') ?? null);
  });

  test('are sent by the next scheduler when one is killed, with the same id; who hangs holds nobody up', async () => {
    const hangs = `${hooks.origin}/hang`;
    await submit('hangs', 'true', [['end'], hangs]);
    await until('it hangs', () => (hooks.events('/hang').length > 0 ? true : null));
    await submit('passes', 'true', [['end'], `${hooks.origin}/passes`]);
    await until('another one passes', () => (hooks.events('/passes').length > 0 ? true : null));
    await until('only that which hangs waits', async () => ((await waiting()) === '1' ? true : null));
    const before = hooks.events('/hang').length;
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    await until('the next one sends it', () => (hooks.events('/hang').length > before ? true : null));
    expect(new Set(hooks.events('/hang').map(({ id }) => id)).size).toBe(1);
    // What was taken and struck off is not sent again by it.
    expect(hooks.events('/passes')).toHaveLength(1);
  });

  test('follow no redirect, and reach no address that is not permitted, whatever it is called', async () => {
    hooks.answers['/moved'] = { code: 307, headers: { location: `${hooks.origin}/elsewhere` } };
    const moved = await client.sendTestNotice({ to: `${hooks.origin}/moved` });
    expect(moved).toMatchObject({ delivered: false, detail: 'HTTP 307 (redirects are not followed)' });
    expect(hooks.events('/elsewhere')).toEqual([]);
    // Permitted by the file; the address is not by the networks.
    const literal = await client.sendTestNotice({ to: `http://[::1]:${hooks.port}/x` });
    expect(literal).toMatchObject({ delivered: false, detail: expect.stringContaining('no public address') as string });
    expect(hooks.events('/x')).toEqual([]);
  });

  test('are refused at submission where they may not go, with what to do', async () => {
    const refused = async (to: string): Promise<string> => {
      const error: unknown = await submit('never', 'true', [['end'], to]).catch((caught: unknown) => caught);
      return isApiError(error) ? error.message : 'it was accepted';
    };
    expect(await refused('https://evil.example.net/x')).toContain('is not in the file of webhooks of this cluster');
    expect(await refused('http://169.254.169.254/latest')).toContain('is not in the file of webhooks');
    expect(await refused('mailto:bob@elsewhere.org')).toContain('writes to addresses at example.org only');
    expect(await refused('ftp://example.org')).toContain('neither https://… nor mailto:…');
  });

  test('can be tried out from the command line', () => {
    const sluice = (...argv: readonly string[]) =>
      spawnSync(process.execPath, [path.join(PACKAGE_ROOT, 'dist/cli/main.js'), '--server', cluster.grpc, ...argv], {
        encoding: 'utf8',
      });
    // The servers are in this process, so it must not wait for the command: another one answers.
    const { stdout, stderr, status } = sluice('notify', 'test', `http://127.0.0.1:${examplePort}/sluice`);
    expect([stderr, status]).toEqual(['', 0]);
    expect(stdout).toMatch(/^delivered in \S+: HTTP 200\n$/);
    const refused = sluice('notify', 'test', 'https://evil.example.net');
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('https://evil.example.net is not in the file of webhooks');
  });
});

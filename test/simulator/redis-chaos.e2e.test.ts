// The rig of the schedulers on Redis under fire: lines between machines that can be cut both ways and one way, Redis with
// Sentinels that promote the replica, a server that comes back empty, and credentials that a network needs.
import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { processesOf } from '../../simulator/chaos/processes.js';
import { makeCredentials } from '../../simulator/chaos/redis/credentials.js';
import { LoopbackNetwork, NamespaceNetwork, type Network, type Place } from '../../simulator/chaos/redis/network.js';
import { RedisServers } from '../../simulator/chaos/redis/redis-servers.js';
import { until } from '../../simulator/chaos/until.js';
import { needs } from '../real-part.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sluice-redis-chaos-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe.runIf(needs('namespaces'))('machines in namespaces', () => {
  let network: NamespaceNetwork;

  beforeEach(() => {
    network = new NamespaceNetwork();
  });

  afterEach(() => {
    network.close();
  });

  /** Whether a packet comes there, and its answer back. */
  function reaches(from: Place, to: Place): boolean {
    // A port with nobody behind it: the refusal is an answer; a cut line gives none.
    const connect = `exec 3<>/dev/tcp/${to.address}/9`;
    const [program, ...args] = network.command(from, ['timeout', '1', 'bash', '-c', connect]);
    return spawnSync(program, args, { encoding: 'utf8' }).stderr.includes('refused');
  }

  test('reach each other until a line is cut, and again when it is mended', async () => {
    const [one, two, three] = [network.add('m1'), network.add('m2'), network.add('m3')];
    expect(reaches(one, two)).toBe(true);
    const mend = network.isolate(one);
    expect(reaches(one, two)).toBe(false);
    expect(reaches(two, three)).toBe(true);
    mend();
    // The line is there at once; machines may take a while to find each other on it.
    await expect.poll(() => reaches(one, two), { timeout: 15_000 }).toBe(true);
  });

  test('are silent in one direction: nothing sent arrives, and what comes is not answered', () => {
    const [one, two, three] = [network.add('m1'), network.add('m2'), network.add('m3')];
    const mend = network.silence(one, two);
    expect(reaches(one, two)).toBe(false);
    expect(reaches(two, one)).toBe(false);
    expect(reaches(one, three)).toBe(true);
    mend();
    mend();
    expect(reaches(two, one)).toBe(true);
  });

  test('are all mended at once, and leave nothing behind', () => {
    const [one, two] = [network.add('m1'), network.add('m2')];
    network.isolate(one);
    network.silence(two, one);
    network.heal();
    expect(reaches(two, one)).toBe(true);
    const mine = '-m1';
    network.close();
    const left = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout;
    expect(left).not.toMatch(new RegExp(`sl${process.pid.toString(36)}\\w+${mine}`));
    network = new NamespaceNetwork();
  });
});

describe.runIf(needs('redis'))('Redis with Sentinels', () => {
  const ended: string[] = [];
  let redis: RedisServers;

  beforeEach(async () => {
    const network: Network = new LoopbackNetwork();
    redis = await RedisServers.begin(folder, network, (name, how) => ended.push(`${name} ${how}`));
  });

  afterEach(async () => {
    await redis.stop();
    expect(ended).toEqual([]);
  });

  test('promotes the replica when the primary is killed', async () => {
    const before = await redis.roles();
    await before?.primary.member.kill(600_000);
    await until('the replica is promoted', async () => (await redis.roles())?.primary === before?.replica);
    expect(await redis.isInStep()).toBe(false);
  });

  test('comes back empty, as a primary of which the replica learns to be empty too', async () => {
    const roles = await redis.roles();
    const data = path.join(roles?.primary.folder ?? '', 'appendonlydir');
    expect(existsSync(data)).toBe(true);
    if (roles !== null) await redis.restartEmpty(roles.primary);
    await until('both are in step again', () => redis.isInStep());
    expect((await redis.roles())?.primary).toBe(roles?.primary);
  });
});

test.runIf(needs('build') && needs('redis'))(
  'whoever interrupts clusters that live side by side leaves nothing of any of them',
  { timeout: 240_000 },
  async () => {
    const main = path.join(PACKAGE_ROOT, 'dist/simulator/chaos/main.js');
    const env = { ...process.env, SLUICE_CHAOS_DIR: folder };
    const words = [main, '--redis', '--clusters', '2', '--minutes', '20'];
    const campaign = spawn(process.execPath, words, { env, stdio: 'ignore' });
    const ended = new Promise((resolve) => campaign.once('exit', resolve));
    const lives = (): readonly string[] =>
      readdirSync(folder).flatMap((scratch) => readdirSync(path.join(folder, scratch)));
    const agents = (): number => processesOf(folder).filter(({ command }) => command.includes('--name n3')).length;
    await expect.poll(() => agents(), { timeout: 120_000 }).toBe(2);
    expect(lives().toSorted()).toEqual(['life-001', 'life-002']);
    campaign.kill('SIGINT');
    expect(await ended).toBe(1);
    expect(processesOf(folder)).toEqual([]);
  },
);

test.runIf(needs('openssl'))('credentials fit the addresses of the daemons', () => {
  const { authority, serverFlags } = makeCredentials(folder, ['10.9.8.7', '10.9.8.6']);
  const file = serverFlags[serverFlags.indexOf('--tls-cert') + 1] ?? '';
  const certificate = new X509Certificate(readFileSync(file));
  expect(certificate.checkIP('10.9.8.6')).toBe('10.9.8.6');
  expect(certificate.checkIP('10.9.8.5')).toBeUndefined();
  expect(certificate.checkIssued(new X509Certificate(authority))).toBe(true);
});

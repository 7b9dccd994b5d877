// The ways to a Redis: through Sentinels, over TLS, as an ACL user whose password lies in a file. All real.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../common/free-port.js';
import { createLogger } from '../../common/log.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { loadServerConfig } from '../../scheduler/config.js';
import { leadershipOnRedis, openStoreOnRedis } from '../../scheduler/open-redis.js';
import { needs } from '../real-part.js';
import { RealRedis } from './real-redis.js';
import { commitNext, everything, queue } from './samples.js';

const log = createLogger({ level: 'silent', name: 'test' });
const SAFE = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '10'];
/** The limits of a replica promoted by a Sentinel that is told to be quick. */
const FAILOVER_LIMIT_MS = 30_000;

describe.runIf(needs('redis'))('the way to a Redis', () => {
  let redis: RealRedis;
  let folder: string;
  beforeEach(() => {
    redis = new RealRedis();
    folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-ways-'));
  });
  afterEach(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  function load(...words: string[]) {
    const loaded = loadServerConfig(words, {});
    if (loaded.type === 'print' || loaded.config.redis === null) throw new Error('no Redis');
    return loaded.config.redis;
  }

  function open(...words: string[]) {
    return openStoreOnRedis(load(...words), log);
  }

  it(
    'leads through Sentinels, to whichever is the primary',
    async () => {
      const first = await redis.start('first', SAFE);
      const second = await redis.startReplica('second', first.port, SAFE);
      const third = await redis.startReplica('third', first.port, SAFE);
      const sentinels = [await freePort(), await freePort(), await freePort()];
      const children = sentinels.map((port) => {
        const dir = mkdtempSync(path.join(folder, 'sentinel-'));
        const about = `sentinel monitor main 127.0.0.1 ${first.port} 2\n`;
        const quick = 'sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n';
        writeFileSync(path.join(dir, 's.conf'), `port ${port}\nbind 127.0.0.1\ndir ${dir}\n${about}${quick}`);
        const out = openSync(path.join(dir, 'log'), 'a');
        return spawn('redis-sentinel', [path.join(dir, 's.conf')], { stdio: ['ignore', out, out] });
      });
      try {
        await redis.until('the Sentinels know each other and the replicas', async () => {
          const about = (await redis.ask(sentinels[0] ?? 0, 'SENTINEL', 'MASTER', 'main')) as string[] | null;
          const field = (name: string) => about?.[about.indexOf(name) + 1];
          return field('num-slaves') === '2' && field('num-other-sentinels') === '2';
        });
        const store = await open(
          `--store=redis+sentinel://${sentinels.map((port) => `127.0.0.1:${port}`).join(',')}/main`,
        );
        const at = await commitNext(store, await store.beginEpoch(), { puts: [queue('before')] });
        await redis.end(first);
        // Within the time that a doubt may last, a Sentinel promotes a replica, and the commit goes on there.
        const next = await commitNext(store, at, { puts: [queue('after')] });
        expect(next.revision).toBe(2);
        expect((await everything(store)).map(({ key }) => key)).toEqual(['after', 'before']);
        const roles = await Promise.all([second, third].map(({ port }) => redis.ask(port, 'ROLE')));
        expect(roles.map((role) => (role as string[])[0]).toSorted((a, b) => (a ?? '').localeCompare(b ?? ''))).toEqual(
          ['master', 'slave'],
        );
        await store.close();
      } finally {
        for (const child of children) child.kill('SIGKILL');
      }
    },
    FAILOVER_LIMIT_MS,
  );

  it.runIf(needs('openssl'))('goes over TLS with the authority that is named, and not without', async () => {
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject],
      { stdio: 'ignore' },
    );
    const [plain, secure] = [await freePort(), await freePort()];
    const files = [
      '--tls-cert-file',
      cert,
      '--tls-key-file',
      key,
      '--tls-ca-cert-file',
      cert,
      '--tls-auth-clients',
      'no',
    ];
    await redis.start('secure', ['--tls-port', String(secure), ...files], plain);
    const weak = ['--redis-copies=0', '--redis-accept-weak=yes'];
    const store = await open(`--store=rediss://127.0.0.1:${secure}`, `--redis-ca=${cert}`, ...weak);
    await commitNext(store, await store.beginEpoch(), { puts: [queue('a')] });
    await store.close();
    await expect(open(`--store=rediss://127.0.0.1:${secure}`, ...weak)).rejects.toThrow(/self-signed/);
  });

  it(
    'is as the user who is named, with the password of a file; without it the reason is said',
    async () => {
      const user = 'user sluice on >s3cret ~{sluice}* resetchannels &{sluice}* +@all -@dangerous +info +config|get';
      const acl = path.join(folder, 'users.acl');
      writeFileSync(acl, `user default on nopass -@all +ping\n${user}\n`);
      const { port } = await redis.start('guarded', ['--aclfile', acl]);
      const password = path.join(folder, 'password');
      writeFileSync(password, 's3cret\n');
      const weak = ['--redis-copies=0', '--redis-accept-weak=yes'];
      const url = `--store=redis://127.0.0.1:${port}`;
      const store = await open(url, '--redis-username=sluice', `--redis-password-file=${password}`, ...weak);
      await commitNext(store, await store.beginEpoch(), { puts: [queue('a')] });
      expect(await everything(store)).toHaveLength(1);
      await store.close();
      await expect(open(url, ...weak)).rejects.toThrow(/NOPERM/);
      writeFileSync(password, 'wrong');
      const wrong = open(url, '--redis-username=sluice', `--redis-password-file=${password}`, ...weak);
      await expect(wrong).rejects.toThrow(/WRONGPASS/);
    },
    FAILOVER_LIMIT_MS,
  );

  it('is taken with the users of deploy/ha, and their rights suffice: for the scheduler, the replica and the Sentinels', async () => {
    const acl = path.join(folder, 'users.acl');
    const users = readFileSync(path.join(PACKAGE_ROOT, 'deploy/ha/users.acl'), 'utf8');
    // Nobody but these may do anything; that the server is there must be seen all the same.
    expect(users).toContain('user default off\n');
    writeFileSync(acl, users.replace('user default off', 'user default on nopass -@all +ping'));
    const first = await redis.start('first', [...SAFE, '--aclfile', acl]);
    const asReplica = ['--masteruser', 'replication', '--masterauth', 'CHANGE-ME-REPLICATION'];
    const second = await redis.start('second', ['--replicaof', '127.0.0.1', String(first.port), ...asReplica]);
    await redis.until('the replica follows', async () =>
      String(await redis.ask(second.port, 'INFO', 'replication')).includes('master_link_status:up'),
    );
    const sentinel = await freePort();
    const conf = path.join(folder, 'sentinel.conf');
    const about = `sentinel monitor main 127.0.0.1 ${first.port} 1\nsentinel auth-user main sentinel\nsentinel auth-pass main CHANGE-ME-SENTINEL\n`;
    writeFileSync(conf, `port ${sentinel}\nbind 127.0.0.1\ndir ${folder}\n${about}`);
    const out = openSync(path.join(folder, 'sentinel.log'), 'a');
    const child = spawn('redis-sentinel', [conf], { stdio: ['ignore', out, out] });
    try {
      await redis.until('the Sentinel has found the replica', async () => {
        const told = (await redis.ask(sentinel, 'SENTINEL', 'MASTER', 'main')) as string[] | null;
        return told?.[told.indexOf('num-slaves') + 1] === '1';
      });
      const password = path.join(folder, 'password');
      writeFileSync(password, 'CHANGE-ME-SLUICE\n');
      const user = ['--redis-username=sluice', `--redis-password-file=${password}`];
      const words = [`--store=redis+sentinel://127.0.0.1:${sentinel}/main`, ...user];
      const store = await open(...words);
      await commitNext(store, await store.beginEpoch(), { puts: [queue('a')] });
      expect(await everything(store)).toHaveLength(1);
      await store.close();
      const leadership = leadershipOnRedis(load(...words), '127.0.0.1:1', log);
      const term = await leadership.campaign({ onLeader: () => undefined, signal: AbortSignal.timeout(5_000) });
      expect(term.isFresh()).toBe(true);
      await term.resign();
      await leadership.close();
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('is refused when what is acknowledged could be lost, with every reason and what to do', async () => {
    const weak = await redis.start('weak', [
      '--appendonly',
      'no',
      '--maxmemory',
      '100mb',
      '--maxmemory-policy',
      'allkeys-lru',
    ]);
    const refused = await open(`--store=redis://127.0.0.1:${weak.port}`).catch((error: unknown) => String(error));
    expect(refused).toContain('appendonly is off');
    expect(refused).toContain('throws records away');
    expect(refused).toContain('0 are connected');
    expect(refused).toContain('--redis-accept-weak yes');
  });
});

// How long users wait when the scheduler that leads is gone and the other one takes over, two schedulers on one Redis. Killed with no word of warning the claim of the old one has to run out first; asked to leave it hands over.
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type SluiceClient } from '../cli/client.js';
import { invariant } from '../common/assert.js';
import { ApiError } from '../common/errors.js';
import { freePort } from '../common/free-port.js';
import { PACKAGE_ROOT } from '../common/package-root.js';
import { LeaderWatch } from '../simulator/chaos/redis/leader-watch.js';
import { Member } from '../simulator/chaos/member.js';
import { LoopbackNetwork } from '../simulator/chaos/redis/network.js';
import { RedisServers, storeUrlOf } from '../simulator/chaos/redis/redis-servers.js';
import { until } from '../simulator/chaos/until.js';
import { type Figure, figure, LEAST_RUNS } from './figure.js';
import type { BenchContext } from './registry.js';

const PROGRAM = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const LIMIT_MS = 60_000;
const CALL_LIMIT_MS = 1_000;
const RETRY_MS = 10;
/** A new standby is waited for, so that there is one to take over. */
const STANDBY_MS = 3_000;
const PEER = 'Slurm: SlurmctldTimeout, 120 s by default (slurm.conf)';

/** `failover.kill_s` and `failover.step_down_s`: from the end of the leader to the first submit that the other acknowledges. */
export async function benchFailover({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  const folder = mkdtempSync(path.join(scratchFolder, 'failover-'));
  const onUnexpectedEnd = (name: string, how: string, lastWords: string): void => {
    throw new Error(`${name}: ${how}\n${lastWords}`);
  };
  const redis = await RedisServers.begin(folder, new LoopbackNetwork(), onUnexpectedEnd);
  const daemons = await Promise.all(
    ['d1', 'd2'].map(async (name) => {
      const address = `127.0.0.1:${await freePort()}`;
      const flags = ['--listen', address, '--http', 'off', '--store', storeUrlOf(redis)];
      const member = new Member({
        name,
        command: [process.execPath, PROGRAM, 'server', ...flags, '--data-dir', path.join(folder, name)],
        logFile: path.join(folder, `${name}.log`),
        onUnexpectedEnd,
      });
      member.start();
      return { address, member };
    }),
  );
  const [first = '', ...others] = daemons.map(({ address }) => address);
  const watch = new LeaderWatch({ addresses: [first, ...others] });
  const client = connect({ server: [first, ...others].join(','), deadlineMs: LIMIT_MS });
  try {
    await until('a scheduler leads', () => watch.latest !== null);
    await client.createQueue({ queue: { name: 'research' } });
    const takeOver = async (end: (member: Member) => Promise<void>): Promise<number> => {
      await sleep(STANDBY_MS);
      const before = watch.latest;
      const leader = daemons[before?.at ?? 0];
      const other = daemons.find((one) => one !== leader);
      invariant(leader !== undefined && other !== undefined, 'a daemon leads', String(before?.at));
      // One who leaves may still answer what is under way: only what the other one acknowledges counts.
      const client = connect({ server: other.address, deadlineMs: CALL_LIMIT_MS });
      const beganMs = performance.now();
      const ended = end(leader.member);
      await submitOnce(client);
      const tookS = (performance.now() - beganMs) / 1_000;
      client.close();
      await ended;
      await until('the other one leads', () => watch.latest !== before);
      leader.member.start();
      return tookS;
    };
    const killed: number[] = [];
    const asked: number[] = [];
    for (let run = 0; run < LEAST_RUNS; run += 1) {
      killed.push(await takeOver((member) => member.stop('SIGKILL')));
      asked.push(await takeOver((member) => member.stop('SIGTERM')));
    }
    return [figure('failover.kill_s', 's', killed, PEER), figure('failover.step_down_s', 's', asked)];
  } finally {
    client.close();
    await watch.end();
    await Promise.all(daemons.map(({ member }) => member.stop('SIGTERM')));
    await redis.stop();
  }
}

/** As a user would who tries again, with the same request, until it is acknowledged. */
async function submitOnce(client: SluiceClient): Promise<void> {
  const request = {
    requestId: randomUUID(),
    specs: [{ queue: 'research', resources: { gpus: 1 }, command: { argv: ['true'] } }],
  };
  const beganMs = performance.now();
  for (;;) {
    try {
      await client.submitWorkloads(request);
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || performance.now() - beganMs > LIMIT_MS) throw error;
      await sleep(RETRY_MS);
    }
  }
}

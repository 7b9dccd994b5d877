// The Redis of a cluster under fire: a primary, a replica and three Sentinels that promote the replica when the primary is gone.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Member, type MemberOptions } from '../member.js';
import { until } from '../until.js';
import { askRedis } from './ask-redis.js';
import type { Network, Place } from './network.js';

const PRIMARY_NAME = 'sluice';
const SENTINELS = 3;
/** More than half of them. */
const QUORUM = 2;
const REDIS_PORT = 6_400;
const SENTINEL_PORT = 26_400;
/** How long a server is silent before a Sentinel thinks that it is down. */
const DOWN_AFTER_MS = 1_500;
const FAILOVER_TIMEOUT_MS = 6_000;
const BEGIN_LIMIT_MS = 180_000;
const ASK_LIMIT_MS = 1_000;

/** A Redis or Sentinel of the cluster. */
export interface RedisNode {
  readonly place: Place;
  readonly port: number;
  readonly folder: string;
  readonly member: Member;
}

/** Why there is no Redis here, in words; null = there is. */
export function whyNoRedis(): string | null {
  for (const program of ['redis-server', 'redis-sentinel']) {
    if (spawnSync(program, ['--version'], { stdio: 'ignore' }).status !== 0) return `${program} is not installed`;
  }
  return null;
}

/** All of them. */
export class RedisServers {
  readonly servers: readonly [RedisNode, RedisNode];
  readonly sentinels: readonly RedisNode[];

  private constructor(servers: readonly [RedisNode, RedisNode], sentinels: readonly RedisNode[]) {
    this.servers = servers;
    this.sentinels = sentinels;
  }

  /** Starts all of them, and waits until the Sentinels know each other and the replica. */
  static async begin(
    folder: string,
    network: Network,
    onUnexpectedEnd: MemberOptions['onUnexpectedEnd'],
  ): Promise<RedisServers> {
    const begin = async (name: string, usualPort: number, program: string): Promise<RedisNode> => {
      const place = network.add(name);
      const port = await network.port(place, usualPort);
      const home = path.join(folder, name);
      mkdirSync(home);
      const member = new Member({
        name,
        command: network.command(place, [program, path.join(home, 'redis.conf')]),
        logFile: path.join(folder, `${name}.log`),
        onUnexpectedEnd,
      });
      return { place, port, folder: home, member };
    };
    const one = await begin('r1', REDIS_PORT, 'redis-server');
    const two = await begin('r2', REDIS_PORT, 'redis-server');
    for (const [server, other] of [[one, null] as const, [two, one] as const]) {
      configure(server, [
        'appendonly yes',
        'appendfsync everysec',
        'save ""',
        'repl-diskless-sync-delay 0',
        'repl-ping-replica-period 1',
        'repl-timeout 5',
        'min-replicas-to-write 1',
        'min-replicas-max-lag 3',
        'maxmemory-policy noeviction',
        ...(other === null ? [] : [`replicaof ${other.place.address} ${other.port}`]),
      ]);
      server.member.start();
    }
    const sentinels: RedisNode[] = [];
    for (let at = 1; at <= SENTINELS; at += 1) {
      const sentinel = await begin(`s${at}`, SENTINEL_PORT, 'redis-sentinel');
      configure(sentinel, [
        `sentinel monitor ${PRIMARY_NAME} ${one.place.address} ${one.port} ${QUORUM}`,
        `sentinel down-after-milliseconds ${PRIMARY_NAME} ${DOWN_AFTER_MS}`,
        `sentinel failover-timeout ${PRIMARY_NAME} ${FAILOVER_TIMEOUT_MS}`,
      ]);
      sentinel.member.start();
      sentinels.push(sentinel);
    }
    const redis = new RedisServers([one, two], sentinels);
    await until('the Sentinels know each other', () => redis.#isWhole(), BEGIN_LIMIT_MS);
    return redis;
  }

  get all(): readonly RedisNode[] {
    return [...this.servers, ...this.sentinels];
  }

  /** `HOST:PORT` of every Sentinel. */
  get sentinelAddresses(): readonly string[] {
    return this.sentinels.map(({ place, port }) => `${place.address}:${port}`);
  }

  /** The one that most of the Sentinels would send a client to, and its replica; null = they do not agree. */
  async roles(): Promise<{ readonly primary: RedisNode; readonly replica: RedisNode } | null> {
    const named = await Promise.all(
      this.sentinels.map((sentinel) => ask(sentinel, 'SENTINEL', 'get-master-addr-by-name', PRIMARY_NAME)),
    );
    const [one, two] = this.servers;
    for (const [primary, replica] of [
      [one, two],
      [two, one],
    ] as const) {
      const wanted = `${primary.place.address},${primary.port}`;
      if (named.filter((answer) => String(answer) === wanted).length >= QUORUM) return { primary, replica };
    }
    return null;
  }

  /** Whether the replica has all that the primary has, as far as the primary can tell. */
  async isInStep(): Promise<boolean> {
    const roles = await this.roles();
    if (roles === null) return false;
    const told = String(await ask(roles.primary, 'INFO', 'replication'));
    return told.includes('role:master') && told.includes('state=online');
  }

  /** Kills a server and takes away all that it wrote; the keeper starts it again at once, empty. */
  async restartEmpty({ member, folder }: RedisNode): Promise<void> {
    await member.stop('SIGKILL');
    for (const data of ['appendonlydir', 'dump.rdb']) rmSync(path.join(folder, data), { recursive: true, force: true });
    member.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map(({ member }) => member.stop('SIGKILL')));
  }

  async #isWhole(): Promise<boolean> {
    const answers = await Promise.all(
      this.sentinels.map(async (sentinel) => String(await ask(sentinel, 'SENTINEL', 'master', PRIMARY_NAME))),
    );
    const knowsAll = answers.every(
      (answer) => answer.includes('num-slaves,1') && answer.includes(`num-other-sentinels,${SENTINELS - 1}`),
    );
    return knowsAll && (await this.isInStep());
  }
}

/** Where schedulers find the primary: by the Sentinels. */
export function storeUrlOf(redis: RedisServers): string {
  return `redis+sentinel://${redis.sentinelAddresses.join(',')}/${PRIMARY_NAME}`;
}

function configure({ place, port, folder }: RedisNode, lines: readonly string[]): void {
  const file = path.join(folder, 'redis.conf');
  // Redis and Sentinel write what they learn into the file that they were started with.
  if (existsSync(file)) return;
  const usual = [`port ${port}`, `bind ${place.address}`, 'protected-mode no', `dir ${folder}`];
  writeFileSync(file, `${[...usual, ...lines].join('\n')}\n`);
}

/** One command over a connection of its own. @returns null when nobody answers in time */
function ask({ place, port }: RedisNode, command: string, ...args: string[]): Promise<unknown> {
  const limits = { connectTimeout: ASK_LIMIT_MS, commandTimeout: ASK_LIMIT_MS };
  return askRedis({ host: place.address, port, ...limits }, command, ...args);
}

// One life of a cluster of two schedulers on one Redis: a primary, a replica and three Sentinels, agents, users who know both
// addresses, each on a machine of its own. What breaks it is in redis-faults.ts, what must have held in ../audit.ts.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type SluiceClient } from '../../../cli/client.js';
import { ApiError } from '../../../common/errors.js';
import { PACKAGE_ROOT } from '../../../common/package-root.js';
import type { Random } from '../../random.js';
import { Circles } from '../circles.js';
import { Member } from '../member.js';
import { processesOf, signal, supervisorsOf } from '../processes.js';
import { Proxy } from '../proxy.js';
import type { Entrance } from '../recorded-client.js';
import { layOutMarks, type Marks } from '../task-program.js';
import { until } from '../until.js';
import { Users } from '../users.js';
import { makeCredentials, type Credentials } from './credentials.js';
import { LeaderWatch } from './leader-watch.js';
import { LoopbackNetwork, NamespaceNetwork, type Network, type Place } from './network.js';
import { RedisServers, storeUrlOf } from './redis-servers.js';

/** So many that a thousand histories are made within an hour, most of which nobody leads in. */
const CIRCLES = 16;
const PROGRAM = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const DAEMONS = ['d1', 'd2'] as const;
const NODES = 3;
const GPUS_PER_NODE = 4;
const PORT = 7_443;
/** Longer than a take-over, so that running work outlives it; short, so that nodes are fenced within minutes. */
const HEARTBEAT = '1s';
const LEASE = '20s';
/** Long, since a busy machine starts fourteen processes slowly. */
const BEGIN_LIMIT_MS = 180_000;
const VANISH_LIMIT_MS = 20_000;
/** How long calls may go unanswered once everything is mended. */
const ANSWER_LIMIT_MS = 90_000;
const ANNOUNCE_LIMIT_MS = 120_000;
const CALL_LIMIT_MS = 5_000;

/** A scheduler of the cluster. */
export interface Daemon {
  readonly place: Place;
  /** `HOST:PORT`. */
  readonly address: string;
  readonly member: Member;
}

/** A machine with GPUs. */
export interface RedisLifeNode {
  readonly name: string;
  readonly place: Place;
  readonly stateDir: string;
  readonly agent: Member;
  /** On loopback its lines to the schedulers; with namespaces there are none, since the network itself can be cut. */
  readonly lines: readonly Proxy[];
}

type Parts = Pick<
  RedisLife,
  'network' | 'marks' | 'daemons' | 'redis' | 'nodes' | 'findings' | 'credentials' | 'entrance' | 'watch'
>;

/** A cluster under fire. */
export class RedisLife {
  readonly folder: string;
  readonly random: Random;
  readonly network: Network;
  readonly marks: Marks;
  readonly daemons: readonly [Daemon, Daemon];
  readonly redis: RedisServers;
  readonly nodes: readonly RedisLifeNode[];
  readonly users: Users;
  readonly circles: Circles;
  readonly watch: LeaderWatch;
  readonly credentials: Credentials | null;
  readonly entrance: Entrance;
  /** What must not have happened, in words. */
  readonly findings: string[];
  readonly #client: SluiceClient;
  #ending: Promise<void> | null = null;

  private constructor(folder: string, random: Random, parts: Parts) {
    this.folder = folder;
    this.random = random;
    this.network = parts.network;
    this.marks = parts.marks;
    this.daemons = parts.daemons;
    this.redis = parts.redis;
    this.nodes = parts.nodes;
    this.findings = parts.findings;
    this.credentials = parts.credentials;
    this.entrance = parts.entrance;
    this.watch = parts.watch;
    const { addresses, token, tlsCa } = parts.entrance;
    this.#client = connect({
      server: addresses.join(','),
      ...(token === undefined ? {} : { token }),
      ...(tlsCa === undefined ? {} : { tlsCa }),
      deadlineMs: CALL_LIMIT_MS,
    });
    this.users = new Users(this.#client, random, parts.marks, this.watch.acknowledged);
    this.circles = new Circles(parts.entrance, CIRCLES, random, parts.marks, this.watch.acknowledged);
  }

  /** Starts a cluster in a folder that exists. */
  static async begin(folder: string, hasNamespaces: boolean, random: Random): Promise<RedisLife> {
    const findings: string[] = [];
    const marks = layOutMarks(folder);
    mkdirSync(marks.gpus);
    const network = hasNamespaces ? new NamespaceNetwork() : new LoopbackNetwork();
    const onUnexpectedEnd = (name: string, how: string, lastWords: string): void => {
      findings.push(`${name}: ${how}\n${lastWords}`);
    };
    const redis = await RedisServers.begin(folder, network, onUnexpectedEnd);
    const places = await Promise.all(
      DAEMONS.map(async (name) => {
        const place = network.add(name);
        return { place, port: await network.port(place, PORT) };
      }),
    );
    const credentials = hasNamespaces
      ? makeCredentials(
          folder,
          places.map(({ place }) => place.address),
        )
      : null;
    const beginDaemon = ({ place, port }: { readonly place: Place; readonly port: number }): Daemon => {
      const address = `${place.address}:${port}`;
      const where = ['--listen', address, '--http', 'off', '--store', storeUrlOf(redis)];
      const data = ['--data-dir', path.join(folder, place.name)];
      const times = ['--heartbeat', HEARTBEAT, '--lease', LEASE];
      const flags = [...where, ...data, ...times, ...(credentials?.serverFlags ?? [])];
      const member = new Member({
        name: place.name,
        command: network.command(place, [process.execPath, PROGRAM, 'server', ...flags]),
        logFile: path.join(folder, `${place.name}.log`),
        onUnexpectedEnd,
      });
      member.start();
      return { place, address, member };
    };
    const [one, two] = places;
    if (one === undefined || two === undefined) throw new RangeError('a cluster has two daemons');
    const daemons = [beginDaemon(one), beginDaemon(two)] as const;
    const addresses = [daemons[0].address, daemons[1].address] as const;
    const entrance: Entrance =
      credentials === null
        ? { addresses: [...addresses] }
        : { addresses: [...addresses], token: credentials.userToken, tlsCa: credentials.authority };
    const nodes: RedisLifeNode[] = [];
    while (nodes.length < NODES) {
      const name = `n${nodes.length + 1}`;
      const lines = hasNamespaces ? [] : await Promise.all(places.map(({ port }) => Proxy.open(() => port)));
      const reached = hasNamespaces ? addresses : lines.map(({ address }) => address);
      const place = network.add(name);
      const stateDir = path.join(folder, name);
      const where = ['--server', reached.join(','), '--name', name, '--state-dir', stateDir];
      const what = ['--shared-dir', path.join(folder, 'shared'), '--simulate', `${GPUS_PER_NODE}xh100`];
      const flags = [...where, ...what, ...(credentials?.agentFlags ?? [])];
      const agent = new Member({
        name,
        command: network.command(place, [process.execPath, PROGRAM, 'agent', ...flags]),
        logFile: path.join(folder, `${name}.log`),
        onUnexpectedEnd,
      });
      agent.start();
      nodes.push({ name, place, stateDir, agent, lines });
    }
    const watch = new LeaderWatch(entrance);
    const parts: Parts = { network, marks, daemons, redis, nodes, findings, credentials, entrance, watch };
    const life = new RedisLife(folder, random, parts);
    try {
      await until('a scheduler leads', () => watch.latest !== null, BEGIN_LIMIT_MS);
      await life.#prepare();
      return life;
    } catch (error) {
      const words = daemons.map(({ member }) => member.lastWords()).join('\n');
      await life.end();
      throw new Error(`the cluster did not begin: ${error instanceof Error ? error.message : String(error)}\n${words}`);
    }
  }

  /** The daemon that led when anybody looked last, and the other one. */
  get roles(): { readonly leader: Daemon; readonly standby: Daemon } {
    const [one, two] = this.daemons;
    return this.watch.latest?.at === 1 ? { leader: two, standby: one } : { leader: one, standby: two };
  }

  /** Everybody works until {@link leave}. */
  async work(): Promise<void> {
    await Promise.all([this.users.work(), this.circles.work()]);
  }

  leave(): void {
    this.users.leave();
    this.circles.leave();
  }

  /** Asks the leader to let another one lead. */
  async stepDown(): Promise<void> {
    try {
      await this.#client.stepDown();
    } catch (error) {
      // The answer may be lost with the leader; whoever leads next is seen all the same.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /**
   * Loses the past: the primary comes back empty before anybody misses it. The schedulers must find and announce that.
   * What they had acknowledged until then is theirs to lose, once they have said so.
   */
  async losePast(): Promise<void> {
    const roles = await this.redis.roles();
    if (roles === null) return;
    const announced = this.watch.announcedLosses;
    const from = this.circles.moment();
    this.users.pastMayBeLost();
    this.circles.pastMayBeLost();
    await this.redis.restartEmpty(roles.primary);
    try {
      await until('the loss is announced', () => this.watch.announcedLosses > announced, ANNOUNCE_LIMIT_MS);
      // As an administrator would: the queues are gone too.
      await this.#prepare();
      this.circles.pastLost({ from, announcedAt: this.circles.moment() });
      this.users.pastLost();
    } catch (error) {
      this.findings.push(`the past was lost, and nobody said so: ${String(error)}`);
      this.users.pastKept();
      this.circles.pastKept();
    }
  }

  /** Mends everything: what was stopped goes on, what was cut is joined, what is down comes back. */
  heal(): void {
    this.network.heal();
    for (const { lines } of this.nodes) for (const line of lines) line.heal();
    for (const { stateDir } of this.nodes) for (const pid of supervisorsOf(stateDir)) signal(pid, 'SIGCONT');
    for (const member of this.#members()) {
      member.thaw();
      member.start();
    }
  }

  /** Waits until every user has an answer. Schedulers that leave them waiting are a finding, and are started anew. */
  async answerEverybody(work: Promise<void>): Promise<void> {
    const limit = new AbortController();
    const isTooLong = await Promise.race([
      work.then(() => false),
      sleep(ANSWER_LIMIT_MS, true, { signal: limit.signal }),
    ]);
    limit.abort();
    if (!isTooLong) return;
    const words = this.daemons.map(({ member }) => `${member.name}:\n${member.lastWords()}`).join('\n');
    this.findings.push(`everything was healed, and nobody answers for ${ANSWER_LIMIT_MS} ms:\n${words}`);
    for (const { member } of this.daemons) await member.kill(0);
    await work;
  }

  /** Processes of tasks and what they left: neither members nor supervisors. */
  taskProcesses(): readonly string[] {
    const ours = new Set(this.#members().map(({ pid }) => pid));
    return processesOf(this.folder)
      .filter(({ pid, command }) => !ours.has(pid) && !command.includes('node-agent/runtime/supervisor.js'))
      .map(({ pid, command }) => `${pid} ${command}`);
  }

  /** Ends every process and takes the network down. The folder stays with its logs. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#client.close();
    await this.watch.end();
    for (const { agent } of this.nodes) await agent.stop('SIGTERM');
    for (const { member } of this.daemons) await member.stop('SIGTERM');
    await this.redis.stop();
    for (const { lines } of this.nodes) for (const line of lines) await line.close();
    await until(
      'every process is gone',
      () => {
        const left = processesOf(this.folder);
        for (const { pid } of left) signal(pid, 'SIGKILL');
        return left.length === 0;
      },
      VANISH_LIMIT_MS,
    );
    this.network.close();
  }

  #prepare(): Promise<void> {
    return this.users.prepare(NODES * GPUS_PER_NODE, this.circles.queues);
  }

  #members(): readonly Member[] {
    return [
      ...this.redis.all.map(({ member }) => member),
      ...this.daemons.map(({ member }) => member),
      ...this.nodes.map(({ agent }) => agent),
    ];
  }
}

// One of two schedulers on one Redis: a machine, and on it the real control of the daemon with the real leadership, the real store and the real
// turns of standing by and leading. When its process dies a service manager starts it again.
import { monotonicFactory } from 'ulid';
import type { ConnectResponse } from '../../../proto/gen/sluice/v1/ConnectResponse.js';
import type { Logger } from '../../../common/log.js';
import { AgentSession, type AgentStream } from '../../../scheduler/fleet/session.js';
import { Leading, type LivingTerm, type TermEnd, type TermStart } from '../../../scheduler/leading.js';
import { LEADER_HOLD_MS, redisLeadership } from '../../../scheduler/store/redis/redis-leadership.js';
import { openRedisStore } from '../../../scheduler/store/redis/redis-store.js';
import type { RedisBatch, RedisHead } from '../../../scheduler/store/redis/port.js';
import type { Commit, StateStore } from '../../../scheduler/store/state-store.js';
import { wireControl, type Control } from '../../../scheduler/wire-control.js';
import type { Random } from '../../random.js';
import type { Gate } from '../agent-stream.js';
import type { Door } from '../control-plane.js';
import { DAEMON_CONFIG, nextTurnMs, TELLS_AT_ONCE } from '../daemon.js';
import { SimMachine, SimProcess } from '../machine.js';
import type { Timeline } from '../timeline.js';
import type { Branch } from './branch.js';
import type { SimRedisCluster } from './cluster.js';
import { SimRedisPort } from './port.js';

const RESTART_MS = [300, 8_000] as const;
/** How long an orderly end may take until its service manager kills it. */
const STOP_LIMIT_MS = 10_000;

/** Sees what a daemon does in its terms. */
export interface LeaderWitness {
  /** It is about to write this. */
  wrote(daemon: SimRedisDaemon, commit: Commit): void;
  sending(daemon: SimRedisDaemon, node: string, message: ConnectResponse): void;
  /** It serves, on what it recovered. */
  began(daemon: SimRedisDaemon, control: Control): void;
  /** A turn of the one writer is over. */
  committed(daemon: SimRedisDaemon, control: Control): void;
  ended(daemon: SimRedisDaemon, end: TermEnd['type']): void;
  /** It stopped itself. */
  stoppedItself(error: unknown): void;
}

export interface RedisDaemonSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly redis: SimRedisCluster;
  readonly copies: number;
  readonly witness: LeaderWitness;
  readonly log: Logger;
}

export class SimRedisDaemon implements Door {
  readonly machine: SimMachine;
  readonly #surroundings: RedisDaemonSurroundings;
  readonly #newUlid: (nowMs: number) => string;
  process: SimProcess | null = null;
  control: Control | null = null;
  isFresh: () => boolean = () => false;
  /** Where its machine remembers which cluster it serves. */
  #clusterId: string | null = null;
  #leading: Leading | null = null;
  /** Of the present term: its server ends every stream when it is closed. */
  readonly #sessions = new Set<AgentSession>();
  #stepDown: ((by: string) => void) | null = null;
  /** Commits of the present term that were not acknowledged yet. */
  #unacknowledged = 0;
  starts = 0;
  /** The term in which it committed last. */
  epoch = 0;
  lineage = '';
  /** The name of the term that it began last. */
  #term = '';
  /** In which order it made its commits. */
  readonly #orders = new WeakMap<Commit, number>();
  #commits = 0;
  /** The last of them that any server carried out. */
  #lastWritten = 0;
  /** Where its last commit went. */
  branch: Branch;

  constructor(name: string, rate: number, surroundings: RedisDaemonSurroundings) {
    this.#surroundings = surroundings;
    this.branch = surroundings.redis.branch;
    this.machine = new SimMachine(surroundings.timeline, name, rate);
    this.#newUlid = monotonicFactory(() => surroundings.random.fraction());
  }

  get name(): string {
    return this.machine.name;
  }

  get history(): number {
    return this.branch.history;
  }

  get where(): Branch {
    return this.branch;
  }

  gate(): Gate {
    const { witness, log } = this.#surroundings;
    const { control, process } = this;
    return {
      process: control === null ? null : process,
      accept: (stream: AgentStream) => {
        // Its server was closed while this was on its way.
        if (control === null || control !== this.control) {
          stream.end();
          return;
        }
        const { loop, fleet } = control;
        this.#sessions.add(new AgentSession(stream, { loop, fleet, log, authorizeNode: () => undefined }));
      },
      sending: (node, message) => witness.sending(this, node, message),
    };
  }

  /** A server carried out a commit of this daemon; perhaps long after another one had, since it did not get to it before. */
  wroteTo(branch: Branch, commit: Commit): void {
    const order = this.#orders.get(commit) ?? 0;
    const isAgain = order === this.#lastWritten && branch.history > this.branch.history;
    if (order <= this.#lastWritten && !isAgain) return;
    this.#lastWritten = order;
    this.branch = branch;
  }

  /**
   * A server let it write the head of its present term again: after a doubt about commits that the server, a replica promoted since,
   * had already, so that none of them was carried out there.
   */
  confirmedOn(branch: Branch, { lineage, epoch, term }: RedisHead): void {
    if (lineage !== this.lineage || epoch !== this.epoch || term !== this.#term) return;
    if (branch.history > this.branch.history) this.branch = branch;
  }

  /** Whether all that it decided is acknowledged. */
  get isSettled(): boolean {
    return this.#unacknowledged === 0;
  }

  start(): void {
    if (this.process?.alive === true) return;
    this.starts += 1;
    const process = new SimProcess(this.machine, this.name);
    this.process = process;
    const { random, witness } = this.#surroundings;
    const leadership = redisLeadership({
      port: this.#port(process, () => null),
      clock: process.clock,
      id: this.#newUlid(process.clock.wallMs()),
      address: this.name,
      wallMs: () => process.clock.wallMs(),
    });
    const onFatal = (error: unknown): void => {
      if (!process.alive) return;
      witness.stoppedItself(error);
      this.crash();
    };
    const leading = new Leading({
      openLeadership: () => Promise.resolve(leadership),
      isShared: true,
      clock: process.clock,
      random: () => random.fraction(),
      begin: (start) => this.#begin(process, start),
      standBy: () => Promise.resolve(),
      onLeader: (leader) => {
        this.#clusterId ??= leader?.clusterId ?? null;
      },
      onTakingOver: () => undefined,
      onEnd: ({ type }) => witness.ended(this, type),
      onUnusable: () => undefined,
      onNotResigned: () => undefined,
      onFatal,
    });
    this.#leading = leading;
    leading.run().then(() => {
      if (process.alive) this.crash();
    }, onFatal);
  }

  /** The process dies; its service manager starts another one. */
  crash(lostPower = false): void {
    if (this.process?.alive !== true) return;
    this.#close();
    this.#leading = null;
    this.process.kill(lostPower);
    const { random, timeline } = this.#surroundings;
    if (lostPower) this.machine.reboot();
    const restartMs = random.between(...RESTART_MS) + (lostPower ? 20_000 : 0);
    timeline.after(restartMs, 'daemon restarted', () => this.start());
  }

  /** It is asked to end, as by SIGTERM. */
  stop(): void {
    const { process } = this;
    if (process?.alive !== true) return;
    process.take(() => this.#leading?.stop());
    this.#surroundings.timeline.after(STOP_LIMIT_MS, 'daemon must end', () => {
      if (this.process === process) this.crash();
    });
  }

  /** A person asks it to let another one lead. @returns whether it leads */
  stepDown(): boolean {
    const stepDown = this.#stepDown;
    if (stepDown === null) return false;
    this.process?.take(() => stepDown('a person'));
    return true;
  }

  #close(): void {
    for (const session of this.#sessions) session.end();
    this.#sessions.clear();
    this.control = null;
    this.isFresh = () => false;
    this.#stepDown = null;
    this.#unacknowledged = 0;
  }

  #port(process: SimProcess, commitOf: (batch: RedisBatch) => Commit | null): SimRedisPort {
    const { timeline, random, redis } = this.#surroundings;
    return new SimRedisPort(process, {
      timeline,
      random,
      primary: () => ({ server: redis.primary, link: redis.link(this.name, redis.primary.name) }),
      commitOf,
    });
  }

  async #begin(process: SimProcess, { isFresh, onFatal, lastKnown, stepDown }: TermStart): Promise<LivingTerm> {
    const { timeline, copies, witness, log } = this.#surroundings;
    const sent = new Map<string, Commit>();
    const newLineage = (): string => this.#newUlid(process.clock.wallMs());
    const newTerm = (): string => (this.#term = newLineage());
    const port = this.#port(
      process,
      ({ lineage, epoch, revision }) => sent.get(`${lineage} ${epoch} ${revision}`) ?? null,
    );
    const store = await openRedisStore({ port, clock: process.clock, copies, newLineage, newTerm });
    this.#unacknowledged = 0;
    const watched: StateStore = {
      beginEpoch: (term) => store.beginEpoch(term),
      load: () => store.load(),
      copyInForce: () => store.copyInForce(),
      space: () => store.space(),
      close: () => store.close(),
      commit: async (commit) => {
        sent.set(`${commit.lineage} ${commit.epoch} ${commit.revision}`, commit);
        this.#unacknowledged += 1;
        this.epoch = commit.epoch;
        this.lineage = commit.lineage;
        this.#commits += 1;
        this.#orders.set(commit, this.#commits);
        witness.wrote(this, commit);
        await store.commit(commit);
        this.#unacknowledged -= 1;
      },
    };
    const config =
      this.#clusterId === null ? DAEMON_CONFIG : { ...DAEMON_CONFIG, fencing: { lostClusterId: this.#clusterId } };
    const shared = { ...config, redis: { leaderHoldMs: LEADER_HOLD_MS } };
    let control: Control;
    try {
      control = await wireControl(shared as unknown as Parameters<typeof wireControl>[0], {
        store: watched,
        clock: process.clock,
        log,
        newUlid: this.#newUlid,
        newClusterId: () => 'simulated-cluster',
        defer: (callback) => {
          timeline.after(nextTurnMs(this.control), 'daemon defers', () => process.take(callback));
        },
        onFatal: (error) => process.alive && onFatal(error),
        tellsAtOnce: TELLS_AT_ONCE,
        isFresh,
        isStoreShared: true,
        lastKnown,
      });
    } catch (error) {
      store.abandon('the term could not begin');
      await store.close();
      throw error;
    }
    this.#clusterId = control.state.meta.clusterId;
    return {
      get position() {
        return control.loop.position;
      },
      clusterId: control.state.meta.clusterId,
      open: () => {
        this.control = control;
        this.isFresh = isFresh;
        this.#stepDown = stepDown;
        witness.began(this, control);
        control.loop.onTurn(() => process.alive && isFresh() && witness.committed(this, control));
        control.start();
        return Promise.resolve();
      },
      drain: async () => {
        this.#stepDown = null;
        await control.stop();
      },
      cut: () => {
        control.abandon();
        store.abandon('the term is over');
        this.#close();
      },
      close: async () => {
        control.abandon();
        this.#close();
        await store.close();
      },
    };
  }
}

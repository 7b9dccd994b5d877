// Two schedulers on one Redis, as the rest of a world meets them, and what of their doings the checkers are told.
import type { ConnectResponse } from '../../../proto/gen/sluice/v1/ConnectResponse.js';
import type { Logger } from '../../../common/log.js';
import type { Commit } from '../../../scheduler/store/state-store.js';
import type { Control } from '../../../scheduler/wire-control.js';
import type { Random } from '../../random.js';
import type { ControlPlane, Door } from '../control-plane.js';
import type { RedisPlan } from '../plan.js';
import type { StoredImage } from '../store.js';
import type { Timeline } from '../timeline.js';
import type { LawName } from '../violation.js';
import type { Branch } from './branch.js';
import { SimRedisCluster } from './cluster.js';
import { SimRedisDaemon } from './daemon.js';
import type { Effect } from './data.js';
import { LossChecker } from './loss-checker.js';

/** Sees what schedulers and servers do. */
export interface PlaneWitness {
  /** A daemon serves, on what it recovered. @param newest all that its server holds */
  began(door: Door, control: Control, newest: StoredImage): void;
  /** A turn of a leader is over. @param newest null = something is being written */
  committed(control: Control, newest: StoredImage | null): void;
  stoppedItself(error: unknown): void;
  sending(door: Door, node: string, message: ConnectResponse): void;
  /** Another server leads, and some of what was acknowledged is gone. */
  lostHistory(copy: { readonly history: number; readonly isTold: boolean; readonly lineage: string }): void;
  /** Another server leads, with all that was acknowledged. */
  forked(): void;
  /** A leader's commit was taken, and may not have copies enough yet. */
  committing(door: Door, commit: Commit): void;
  /** Allocations have copies enough. */
  durable(allocations: readonly string[]): void;
  visited(kind: string, state: string, event: string): void;
  broke(law: LawName, message: string): void;
}

export interface PlaneSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly log: Logger;
  readonly witness: PlaneWitness;
}

const NAMES = ['scheduler-0', 'scheduler-1'] as const;

export class RedisPlane implements ControlPlane {
  readonly redis: SimRedisCluster;
  readonly daemons: readonly SimRedisDaemon[];
  readonly losses: LossChecker;
  readonly #witness: PlaneWitness;
  /** Who made each commit. */
  readonly #authors = new WeakMap<Commit, SimRedisDaemon>();
  #lastLeader: SimRedisDaemon | null = null;

  constructor(plan: RedisPlan, { timeline, random, log, witness }: PlaneSurroundings) {
    this.#witness = witness;
    this.redis = new SimRedisCluster({
      timeline,
      random,
      copies: plan.copies,
      rates: plan.serverRates,
      witness: {
        carriedOut: (branch, effect) => this.#carriedOut(branch, effect),
        durable: (allocations) => witness.durable(allocations),
        acknowledgedElsewhere: (effects) => this.losses.acknowledgedElsewhere(effects),
        promoted: (before, after, lost) => {
          witness.visited('redis', 'another branch', lost.length > 0 ? 'history is lost' : 'nothing is lost');
          this.losses.promoted(after, lost);
          const { lineage } = before.image.position;
          if (lost.length > 0) witness.lostHistory({ history: before.history, isTold: false, lineage });
          else witness.forked();
        },
      },
    });
    this.losses = new LossChecker(this.redis.branch, (law, message) => witness.broke(law, message));
    this.daemons = NAMES.map(
      (name, at) =>
        new SimRedisDaemon(name, plan.daemonRates[at] ?? 1, {
          timeline,
          random,
          log,
          redis: this.redis,
          copies: plan.copies,
          witness: {
            wrote: (daemon, commit) => this.#authors.set(commit, daemon),
            began: (daemon, control) => this.#began(daemon, control),
            committed: (daemon, control) => {
              if (this.#isDeposed(daemon)) return;
              witness.committed(control, daemon.isSettled ? daemon.where : null);
            },
            ended: (_, end) => witness.visited('term', 'led', end),
            stoppedItself: (error) => witness.stoppedItself(error),
            sending: (daemon, node, message) => witness.sending(daemon, node, message),
          },
        }),
    );
  }

  get doors(): readonly Door[] {
    return this.daemons;
  }

  get leader(): SimRedisDaemon {
    const serving = this.daemons.find((daemon) => daemon.control !== null && !this.#isDeposed(daemon));
    return serving ?? this.#lastLeader ?? this.daemons[0] ?? none();
  }

  get standby(): SimRedisDaemon {
    return this.daemons.find((daemon) => daemon !== this.leader) ?? none();
  }

  get control(): Control | null {
    const { leader } = this;
    return leader.isFresh() ? leader.control : null;
  }

  get stored(): Branch {
    return this.redis.branch;
  }

  get isSettled(): boolean {
    return this.leader.isSettled;
  }

  get starts(): number {
    return this.daemons.reduce((sum, { starts }) => sum + starts, 0);
  }

  start(): void {
    this.redis.start();
    for (const daemon of this.daemons) daemon.start();
  }

  #carriedOut(branch: Branch, effect: Effect): void {
    if (effect.type === 'head') {
      for (const daemon of this.daemons) daemon.confirmedOn(branch, effect.head);
    }
    if (effect.type !== 'batch' || effect.commit === null) return;
    const author = this.#authors.get(effect.commit);
    if (author === undefined) return;
    author.wroteTo(branch, effect.commit);
    // Nobody has to obey what is written on a server that is not the primary any more.
    if (branch !== this.redis.branch) return;
    this.losses.committing(effect.commit);
    this.#witness.committing(author, effect.commit);
  }

  #began(daemon: SimRedisDaemon, control: Control): void {
    if (this.#lastLeader !== null) {
      this.#witness.visited(
        'term',
        'begun',
        this.#lastLeader === daemon ? 'by the same daemon' : 'by the other daemon',
      );
    }
    this.#lastLeader = daemon;
    if (this.#isDeposed(daemon)) return;
    this.#witness.began(daemon, control, daemon.where.newest);
  }

  /** Whether a later term began, or another server is the primary, so that what it does is of no worth. */
  #isDeposed(daemon: SimRedisDaemon): boolean {
    const { branch } = this.redis;
    if (daemon.branch !== branch || !daemon.isFresh()) return true;
    return (branch.server.data.head?.epoch ?? 0) > daemon.epoch;
  }
}

function none(): never {
  throw new Error('a world has two schedulers');
}

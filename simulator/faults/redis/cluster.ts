// The Redis of a world: three servers of which one is the primary, the ways between all of them, and Sentinels that promote a replica once
// they have not reached the primary for a while.
import type { Random } from '../../random.js';
import { Way, type Link } from '../network.js';
import type { Timeline } from '../timeline.js';
import { Branch } from './branch.js';
import { SimRedisServer } from './server.js';
import type { Effect } from './data.js';

const SERVERS = ['redis-0', 'redis-1', 'redis-2'] as const;
/** How often Sentinels look, and for how long the primary must be silent. */
const LOOK_MS = 500;
const DOWN_AFTER_MS = [3_000, 6_000] as const;
/** How long a primary that is back may take writes before Sentinels make it a replica. */
const DEMOTE_MS = [0, 8_000] as const;

/** Sees what becomes of the histories. */
export interface RedisWitness {
  /** A primary has carried this out. */
  carriedOut(branch: Branch, effect: Effect): void;
  /** Allocations have copies enough. */
  durable(allocations: readonly string[]): void;
  /** Another server leads. `lost`: commits of the branch before, with copies enough, that it does not have. */
  promoted(before: Branch, after: Branch, lost: readonly Effect[]): void;
  /** A server that does not lead any more has commits with copies enough. */
  acknowledgedElsewhere(effects: readonly Effect[]): void;
}

export interface RedisSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly witness: RedisWitness;
  /** How many copies daemons wait for. */
  readonly copies: number;
  /** How fast the clock of each server runs. */
  readonly rates: readonly number[];
}

export class SimRedisCluster {
  readonly servers: readonly SimRedisServer[];
  readonly #surroundings: RedisSurroundings;
  readonly #links = new Map<string, Link>();
  readonly #branches = new Map<SimRedisServer, Branch>();
  readonly #acknowledged = new Set<Effect>();
  #current: SimRedisServer;
  #branch: Branch;
  #histories = 1;
  #silentSinceMs: number | null = null;
  #downAfterMs = 0;
  /** Sentinels prefer the replica that lags most, as they do when its priority says so. */
  prefersLagging = false;
  /** Servers that Sentinels do not reach. */
  readonly hidden = new Set<SimRedisServer>();
  /** How often another server was promoted. */
  promotions = 0;

  constructor(surroundings: RedisSurroundings) {
    this.#surroundings = surroundings;
    const { timeline, random, witness, rates } = surroundings;
    const given = {
      timeline,
      random,
      minReplicas: Math.min(1, surroundings.copies),
      link: (from: string, to: string) => this.link(from, to),
      serverOf: (name: string) => this.#serverOf(name),
      witness: {
        carriedOut: (server: SimRedisServer, effect: Effect) => {
          const branch = this.branchOf(server);
          witness.carriedOut(branch, effect);
        },
        copied: (server: SimRedisServer) => {
          const branch = this.branchOf(server);
          const before = branch.acknowledgedLength;
          witness.durable(branch.advance());
          const effects = branch === this.#branch ? [] : branch.acknowledgedFrom(before);
          if (effects.length > 0) witness.acknowledgedElsewhere(effects);
        },
        replaced: (server: SimRedisServer) => {
          this.#branches.delete(server);
          // An emptied primary goes on as one.
          if (server === this.#current) this.#begin(server);
        },
      },
    };
    this.servers = SERVERS.map(
      (name, at) => new SimRedisServer(name, rates[at] ?? 1, name === SERVERS[0] ? null : SERVERS[0], given),
    );
    this.#current = this.#serverOf(SERVERS[0]);
    this.#branch = new Branch(this.#current, 1, surroundings.copies, this.#acknowledged);
    this.#branches.set(this.#current, this.#branch);
  }

  start(): void {
    for (const server of this.servers) server.start();
    this.#look();
  }

  /** Which server Sentinels say is the primary. */
  get primary(): SimRedisServer {
    return this.#current;
  }

  /** The branch of that one. */
  get branch(): Branch {
    return this.#branch;
  }

  get replicas(): readonly SimRedisServer[] {
    return this.servers.filter((server) => server !== this.#current);
  }

  branchOf(server: SimRedisServer): Branch {
    const known = this.#branches.get(server);
    if (known !== undefined) return known;
    // Of no history that anybody goes on with.
    const branch = new Branch(server, 0, this.#surroundings.copies, this.#acknowledged);
    this.#branches.set(server, branch);
    return branch;
  }

  /** Both ways between two machines, as the first one has them. */
  link(from: string, to: string): Link {
    return { up: this.#link(from, to).up, down: this.#link(to, from).up };
  }

  get links(): Iterable<Link> {
    return this.#links.values();
  }

  #link(from: string, to: string): Link {
    const name = `${from} to ${to}`;
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const { timeline, random } = this.#surroundings;
    const way = new Way(name, timeline, random);
    const link = { up: way, down: way };
    this.#links.set(name, link);
    return link;
  }

  #serverOf(name: string): SimRedisServer {
    const server = this.servers.find((one) => one.name === name);
    if (server === undefined) throw new Error(`no server is called ${name}`);
    return server;
  }

  #isReached(server: SimRedisServer): boolean {
    return server.process?.active === true && !this.hidden.has(server);
  }

  /** Sentinels look at all servers, and promote another one when the primary was away for too long. */
  #look(): void {
    const { timeline, random } = this.#surroundings;
    if (this.#isReached(this.#current)) this.#silentSinceMs = null;
    else if (this.#silentSinceMs === null) {
      this.#silentSinceMs = timeline.nowMs;
      this.#downAfterMs = random.between(...DOWN_AFTER_MS);
    } else if (timeline.nowMs - this.#silentSinceMs >= this.#downAfterMs) this.#failOver();
    for (const server of this.servers) {
      const isRight = server === this.#current ? server.primary === null : server.primary === this.#current.name;
      if (isRight || server === this.#current || !this.#isReached(server)) continue;
      const current = this.#current;
      const delayMs = server.primary === null ? random.between(...DEMOTE_MS) : 0;
      timeline.after(delayMs, 'sentinels demote', () => {
        if (current === this.#current && this.#isReached(server)) server.demote(current.name);
      });
    }
    timeline.after(LOOK_MS, 'sentinels look', () => this.#look());
  }

  #failOver(): void {
    const reached = this.replicas.filter((server) => this.#isReached(server));
    const best = reached.toSorted((a, b) => (this.prefersLagging ? 1 : -1) * (a.log.length - b.log.length))[0];
    if (best === undefined) return;
    this.#silentSinceMs = null;
    this.#current = best;
    this.#branches.delete(best);
    best.promote();
    this.promotions += 1;
    this.#begin(best);
    for (const server of this.servers) {
      if (server !== best && server.primary !== null && this.#isReached(server)) server.demote(best.name);
    }
  }

  #begin(server: SimRedisServer): void {
    const before = this.#branch;
    this.#histories += 1;
    this.#branch = new Branch(server, this.#histories, this.#surroundings.copies, this.#acknowledged);
    this.#branches.set(server, this.#branch);
    this.#surroundings.witness.durable(this.#branch.takenOver);
    this.#surroundings.witness.promoted(before, this.#branch, before.lostIn(this.#branch));
  }
}

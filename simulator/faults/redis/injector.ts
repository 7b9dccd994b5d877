// Faults of worlds with a Redis: of its servers, of the ways between all machines of the scheduler, and of the daemon that leads.
import type { Allocation, ClusterNode, CollectionName, Workload } from '../../../scheduler/model/records.js';
import type { Random } from '../../random.js';
import type { Later } from '../injector.js';
import type { Link, Way } from '../network.js';
import type { Fault, FaultKind } from '../plan.js';
import type { SimRedisDaemon } from './daemon.js';
import type { Effect } from './data.js';
import type { RedisPlane } from './plane.js';
import type { SimRedisServer } from './server.js';

export const REDIS_FAULT_KINDS = [
  'step down',
  'leader ends',
  'leader cut off',
  'leader cut from redis',
  'leader cut from nodes',
  'primary crash',
  'primary stop',
  'primary cut off',
  'primary cut from peers',
  'replica crash',
  'replica stop',
  'replica lag',
  'lagging promotion',
  'lost placement',
  'redis emptied',
  'redis slow',
  'redis requests lost',
  'redis answers lost',
] as const;

export type RedisFaultKind = (typeof REDIS_FAULT_KINDS)[number];

export function isRedisFault(kind: FaultKind): kind is RedisFaultKind {
  return (REDIS_FAULT_KINDS as readonly string[]).includes(kind);
}

/** How long a replica that is to be promoted has lagged before. */
const LAG_MS = 1_500;
/** How often it is looked for a placement that the lagging replica lacks, and for how long. */
const PLACEMENT_LOOK_MS = 20;
const PLACEMENT_LIMIT_MS = 20_000;
/** What a task that was placed may take until it runs. */
const START_MS = 1_500;

export class RedisInjector {
  readonly #plane: RedisPlane;
  /** The ways of nodes and clients. */
  readonly #links: ReadonlyMap<string, Link>;
  readonly #random: Random;

  constructor(plane: RedisPlane, links: ReadonlyMap<string, Link>, random: Random) {
    this.#plane = plane;
    this.#links = links;
    this.#random = random;
  }

  inject(kind: RedisFaultKind, { forMs, chance }: Fault, later: Later): void {
    const { redis, leader } = this.#plane;
    const { primary } = redis;
    const replica = redis.replicas[Math.floor(chance * redis.replicas.length)] ?? primary;
    switch (kind) {
      case 'step down':
        leader.stepDown();
        return;
      case 'leader ends':
        return leader.stop();
      case 'leader cut off':
        return this.#cut([...this.#waysToNodes(leader), ...this.#waysToServers(leader)], forMs, later);
      case 'leader cut from redis':
        return this.#cut(this.#waysToServers(leader), forMs, later);
      case 'leader cut from nodes':
        return this.#cut(this.#waysToNodes(leader), forMs, later);
      case 'primary crash':
        // Mostly it is away for so long that another one is promoted.
        if (chance < 0.7) primary.holdDown(forMs);
        return primary.crash();
      case 'primary stop':
        return this.#pause(primary, forMs, later);
      case 'primary cut off':
        return this.#isolate(primary, true, forMs, later);
      case 'primary cut from peers':
        return this.#isolate(primary, false, forMs, later);
      case 'replica crash':
        return replica.crash();
      case 'replica stop':
        return this.#pause(replica, forMs, later);
      case 'replica lag':
        return this.#slow(this.#waysBetween(primary, [replica]), 200 + chance * 6_000, forMs, later);
      case 'lagging promotion':
        return this.#promoteLagging(replica, forMs, later);
      case 'lost placement':
        return this.#losePlacement(replica, forMs, later);
      case 'redis emptied':
        return primary.crash(true);
      case 'redis slow':
        return this.#slow(
          this.#waysToServers(chance < 0.7 ? leader : this.#plane.standby),
          100 + chance * 5_000,
          forMs,
          later,
        );
      case 'redis requests lost':
        return this.#cut(
          this.#linksToServers(leader).map(({ up }) => up),
          forMs,
          later,
        );
      case 'redis answers lost':
        return this.#cut(
          this.#linksToServers(leader).map(({ down }) => down),
          forMs,
          later,
        );
    }
  }

  /** Everything works again, for good. */
  heal(): void {
    const { redis } = this.#plane;
    for (const { up, down } of redis.links) {
      for (const way of [up, down]) {
        way.mend();
        way.slowMs = 0;
      }
    }
    redis.hidden.clear();
    redis.prefersLagging = false;
    for (const server of redis.servers) {
      server.isHeldDown = false;
      server.process?.resume();
      server.start();
    }
  }

  /** One replica hears nothing for a while, then it is the one that is promoted. */
  #promoteLagging(replica: SimRedisServer, forMs: number, later: Later): void {
    const { redis } = this.#plane;
    const { primary } = redis;
    const others = redis.replicas.filter((server) => server !== replica);
    this.#cut(this.#waysBetween(replica, [primary, ...others]), LAG_MS + forMs / 2, later);
    later(LAG_MS + forMs / 4, 'primary of a lagging replica dies', () => {
      if (redis.primary !== primary) return;
      redis.prefersLagging = true;
      primary.holdDown(20_000 + forMs);
      primary.crash();
      later(20_000, 'replicas are equals again', () => (redis.prefersLagging = false));
    });
  }

  /**
   * The machine of the leader and of the primary is lost once something that waited was placed, and the replica that is promoted does not
   * know of it; the node that runs it is silent meanwhile. So the records say that it waits, and who could tell is not there.
   */
  #losePlacement(replica: SimRedisServer, forMs: number, later: Later): void {
    const { redis } = this.#plane;
    const { primary } = redis;
    const ways = this.#waysBetween(
      replica,
      redis.servers.filter((server) => server !== replica),
    );
    const mend = (): void => {
      for (const way of ways) way.mend();
    };
    const known = new Set(
      replica.log.flatMap((effect) => changed<Workload>(effect, 'workloads').map(({ number }) => number)),
    );
    for (const way of ways) way.cut();
    let seen = primary.log.length;
    const look = (leftMs: number): void => {
      if (redis.primary !== primary || leftMs <= 0) return mend();
      const placed = primary.log
        .slice(seen)
        .flatMap((effect) => changed<Allocation>(effect, 'allocations'))
        .find(({ state, workload }) => state === 'placed' && known.has(workload));
      seen = primary.log.length;
      const node = placed && redis.branch.newest.record<ClusterNode>('nodes', placed.node)?.name;
      if (node === undefined) {
        later(PLACEMENT_LOOK_MS, 'a placement is looked for', () => look(leftMs - PLACEMENT_LOOK_MS));
        return;
      }
      later(START_MS, 'machine of the leader is lost', () => {
        if (redis.primary !== primary) return mend();
        this.#cut(this.#waysOfNode(node), forMs, later);
        redis.prefersLagging = true;
        primary.holdDown(20_000 + forMs);
        primary.crash();
        this.#plane.leader.crash();
        mend();
        later(20_000, 'replicas are equals again', () => (redis.prefersLagging = false));
      });
    };
    look(PLACEMENT_LIMIT_MS);
  }

  /** Neither replicas nor Sentinels reach a server; daemons may. */
  #isolate(server: SimRedisServer, alsoFromDaemons: boolean, forMs: number, later: Later): void {
    const { redis, daemons } = this.#plane;
    const ways = this.#waysBetween(
      server,
      redis.servers.filter((one) => one !== server),
    );
    if (alsoFromDaemons) {
      for (const { name } of daemons) {
        const { up, down } = redis.link(name, server.name);
        ways.push(up, down);
      }
    }
    redis.hidden.add(server);
    this.#cut(ways, forMs, later);
    later(forMs, 'sentinels reach it again', () => redis.hidden.delete(server));
  }

  #pause(server: SimRedisServer, forMs: number, later: Later): void {
    const { process } = server;
    process?.pause();
    later(forMs, 'redis goes on', () => process?.resume());
  }

  #slow(ways: readonly Way[], slowMs: number, forMs: number, later: Later): void {
    for (const way of ways) way.slowMs = slowMs;
    later(forMs, 'ways are quick again', () => {
      for (const way of ways) way.slowMs = 0;
    });
  }

  #cut(ways: readonly Way[], forMs: number, later: Later): void {
    for (const way of ways) way.cut();
    later(forMs, 'way is mended', () => {
      for (const way of ways) way.mend();
    });
  }

  #linksToServers(daemon: SimRedisDaemon): Link[] {
    const { redis } = this.#plane;
    return redis.servers.map((server) => redis.link(daemon.name, server.name));
  }

  #waysToServers(daemon: SimRedisDaemon): Way[] {
    return this.#linksToServers(daemon).flatMap(({ up, down }) => [up, down]);
  }

  /** Nodes, and some of the clients: one who reaches nobody has nothing to tell. */
  #waysToNodes(daemon: SimRedisDaemon): Way[] {
    const at = this.#plane.daemons.indexOf(daemon);
    const suffix = ` to ${at}`;
    return [...this.#links].flatMap(([name, { up, down }]) => {
      const isHis = at === 0 ? !name.includes(' to ') : name.endsWith(suffix);
      const isLeft = name.startsWith('client') && this.#random.chance(0.5);
      return isHis && !isLeft ? [up, down] : [];
    });
  }

  #waysOfNode(node: string): Way[] {
    return [...this.#links].flatMap(([name, { up, down }]) =>
      name === node || name.startsWith(`${node} to `) ? [up, down] : [],
    );
  }

  #waysBetween(server: SimRedisServer, others: readonly SimRedisServer[]): Way[] {
    const { redis } = this.#plane;
    return others.flatMap((other) => {
      const { up, down } = redis.link(server.name, other.name);
      return [up, down];
    });
  }
}

/** What an effect changed in a collection. */
function changed<T>(effect: Effect, collection: CollectionName): readonly T[] {
  if (effect.type !== 'batch' || effect.commit === null) return [];
  return effect.commit.puts.flatMap((put) => (put.collection === collection ? [put.value as T] : []));
}

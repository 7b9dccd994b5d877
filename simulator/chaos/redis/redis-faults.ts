// What can happen to two schedulers on one Redis, done to real processes and lines. Faults of the control plane (schedulers, Redis,
// Sentinels) come one at a time, so that each change of leaders can be timed; what happens to nodes comes at any moment beside them.
import { setTimeout as sleep } from 'node:timers/promises';
import { invariant } from '../../../common/assert.js';
import type { Random } from '../../random.js';
import type { Member } from '../member.js';
import { signal, supervisorsOf } from '../processes.js';
import type { Mend, Place } from './network.js';
import type { RedisLife, RedisLifeNode } from './redis-life.js';

/** Longer than a claim to lead holds, so that another one leads meanwhile. */
const BEYOND_THE_CLAIM_MS = [11_000, 16_000] as const;
/** Longer than a Sentinel waits. */
const BEYOND_THE_SENTINELS_MS = [3_000, 9_000] as const;
/** Shorter and longer than a lease. */
const AGENT_CUT_MS = [500, 35_000] as const;
/** A leader is back when a change was acknowledged since; when none is for so long, that is a finding. */
const LEADER_LIMIT_MS = 60_000;
const LOOK_MS = 50;
/** The longest pause from one fault of the control plane to the next: without one there is hardly a leader to ask anything. */
const PAUSE_MS = 6_000;

/** What a fault of the control plane takes away. */
export type Cause =
  /** The leader is asked to let another one lead. */
  | 'asked'
  /** A scheduler is gone with no word of warning. */
  | 'scheduler'
  /** A Redis or a Sentinel is. */
  | 'redis'
  /** All that was written is. */
  | 'past';

interface ControlFault {
  readonly name: string;
  readonly cause: Cause;
  readonly weight: number;
  readonly needsNamespaces: boolean;
  readonly run: (life: RedisLife, random: Random) => Promise<void>;
}

interface NodeFault {
  readonly name: string;
  readonly weight: number;
  readonly needsNamespaces: boolean;
  /** With namespaces lines are cut in earnest. */
  readonly isOnlyLoopback?: boolean;
  readonly run: (life: RedisLife, node: RedisLifeNode, random: Random) => Promise<void>;
}

const CONTROL_FAULTS: readonly ControlFault[] = [
  {
    name: 'the leader is killed',
    cause: 'scheduler',
    weight: 8,
    needsNamespaces: false,
    run: ({ roles: { leader } }, random) => leader.member.kill(random.below(3_000)),
  },
  {
    name: 'the leader stands still beyond its claim',
    cause: 'scheduler',
    weight: 4,
    needsNamespaces: false,
    run: ({ roles: { leader } }, random) => freeze(leader.member, random, BEYOND_THE_CLAIM_MS),
  },
  {
    name: 'the leader stands still for a moment',
    cause: 'scheduler',
    weight: 2,
    needsNamespaces: false,
    run: ({ roles: { leader } }, random) => freeze(leader.member, random, [300, 4_000]),
  },
  {
    name: 'the leader is asked to leave',
    cause: 'asked',
    weight: 24,
    needsNamespaces: false,
    run: async ({ roles: { leader } }, random) => {
      await leader.member.stop('SIGTERM');
      await sleep(random.below(1_500));
      leader.member.start();
    },
  },
  {
    name: 'the leader is told to step down',
    cause: 'asked',
    weight: 20,
    needsNamespaces: false,
    run: (life) => life.stepDown(),
  },
  {
    name: 'the leader is cut off from everybody',
    cause: 'scheduler',
    weight: 4,
    needsNamespaces: true,
    run: (life, random) => cut(random, BEYOND_THE_CLAIM_MS, () => [life.network.isolate(life.roles.leader.place)]),
  },
  {
    name: 'the leader hears nobody',
    cause: 'scheduler',
    weight: 2,
    needsNamespaces: true,
    run: (life, random) =>
      cut(random, BEYOND_THE_CLAIM_MS, () => {
        const { place } = life.roles.leader;
        return othersOf(life, place).map((other) => life.network.silence(other, place));
      }),
  },
  {
    name: 'nobody hears the leader',
    cause: 'scheduler',
    weight: 2,
    needsNamespaces: true,
    run: (life, random) =>
      cut(random, BEYOND_THE_CLAIM_MS, () => {
        const { place } = life.roles.leader;
        return othersOf(life, place).map((other) => life.network.silence(place, other));
      }),
  },
  {
    name: 'the leader is cut off from Redis alone',
    cause: 'scheduler',
    weight: 3,
    needsNamespaces: true,
    run: (life, random) =>
      cut(random, BEYOND_THE_CLAIM_MS, () => {
        const { place } = life.roles.leader;
        return life.redis.all.map((other) => life.network.silence(place, other.place));
      }),
  },
  {
    name: 'the standby is killed',
    cause: 'scheduler',
    weight: 1,
    needsNamespaces: false,
    run: ({ roles: { standby } }, random) => standby.member.kill(random.below(3_000)),
  },
  {
    name: 'both schedulers are killed',
    cause: 'scheduler',
    weight: 2,
    needsNamespaces: false,
    run: async ({ daemons: [one, two] }, random) => {
      await Promise.all([one.member.kill(random.below(2_000)), two.member.kill(random.below(2_000))]);
    },
  },
  {
    name: 'the primary is killed',
    cause: 'redis',
    weight: 4,
    needsNamespaces: false,
    run: async (life, random) => {
      const roles = await life.redis.roles();
      await roles?.primary.member.kill(random.from(2_500, 6_000));
    },
  },
  {
    name: 'the primary stands still',
    cause: 'redis',
    weight: 2,
    needsNamespaces: false,
    run: async (life, random) => {
      const roles = await life.redis.roles();
      if (roles !== null) await freeze(roles.primary.member, random, BEYOND_THE_SENTINELS_MS);
    },
  },
  {
    name: 'the primary is cut off from everybody',
    cause: 'redis',
    weight: 2,
    needsNamespaces: true,
    run: async (life, random) => {
      const roles = await life.redis.roles();
      if (roles !== null) {
        await cut(random, BEYOND_THE_SENTINELS_MS, () => [life.network.isolate(roles.primary.place)]);
      }
    },
  },
  {
    name: 'the leader and the primary are cut off together',
    cause: 'redis',
    weight: 2,
    needsNamespaces: true,
    run: async (life, random) => {
      const roles = await life.redis.roles();
      if (roles === null) return;
      const { leader } = life.roles;
      const island = [leader.place, roles.primary.place];
      await cut(random, BEYOND_THE_CLAIM_MS, () =>
        island.flatMap((inside) =>
          othersOf(life, inside)
            .filter((outside) => !island.includes(outside))
            .flatMap((outside) => [life.network.silence(inside, outside), life.network.silence(outside, inside)]),
        ),
      );
    },
  },
  {
    name: 'the replica is killed',
    cause: 'redis',
    weight: 1,
    needsNamespaces: false,
    run: async (life, random) => {
      const roles = await life.redis.roles();
      await roles?.replica.member.kill(random.below(3_000));
    },
  },
  {
    name: 'the replica stands still',
    cause: 'redis',
    weight: 1,
    needsNamespaces: false,
    run: async (life, random) => {
      const roles = await life.redis.roles();
      if (roles !== null) await freeze(roles.replica.member, random, [500, 6_000]);
    },
  },
  {
    name: 'a Sentinel is killed',
    cause: 'redis',
    weight: 1,
    needsNamespaces: false,
    run: async ({ redis: { sentinels } }, random) => {
      await sentinels[random.below(sentinels.length)]?.member.kill(random.below(5_000));
    },
  },
];

/** Comes once in a life of some length, since all that users were told before is gone with it. */
const EMPTY_PRIMARY = 'the primary is started again without its data';

const NODE_FAULTS: readonly NodeFault[] = [
  {
    name: 'an agent is killed',
    weight: 4,
    needsNamespaces: false,
    run: (_life, { agent }, random) => agent.kill(random.below(6_000)),
  },
  {
    name: 'an agent stands still',
    weight: 3,
    needsNamespaces: false,
    run: (_life, { agent }, random) => freeze(agent, random, [300, 30_000]),
  },
  {
    name: 'a supervisor is killed',
    weight: 2,
    needsNamespaces: false,
    run: (_life, { stateDir }) => {
      for (const pid of supervisorsOf(stateDir)) signal(pid, 'SIGKILL');
      return Promise.resolve();
    },
  },
  {
    name: 'agent and supervisor are killed',
    weight: 2,
    needsNamespaces: false,
    run: async (_life, { agent, stateDir }, random) => {
      const killed = agent.kill(random.below(8_000));
      for (const pid of supervisorsOf(stateDir)) signal(pid, 'SIGKILL');
      await killed;
    },
  },
  {
    name: 'lines of an agent are silent',
    weight: 4,
    needsNamespaces: false,
    isOnlyLoopback: true,
    run: async (_life, { lines }, random) => {
      const way = random.pick([
        { up: true, down: true },
        { up: true, down: false },
        { up: false, down: true },
      ]);
      for (const line of lines) line.silence(way);
      await sleep(random.from(...AGENT_CUT_MS));
      for (const line of lines) line.heal();
    },
  },
  {
    name: 'an agent is cut off from everybody',
    weight: 3,
    needsNamespaces: true,
    run: ({ network }, { place }, random) => cut(random, AGENT_CUT_MS, () => [network.isolate(place)]),
  },
  {
    name: 'an agent hears no scheduler',
    weight: 2,
    needsNamespaces: true,
    run: ({ network, daemons }, { place }, random) =>
      cut(random, AGENT_CUT_MS, () => daemons.map((daemon) => network.silence(daemon.place, place))),
  },
  {
    name: 'no scheduler hears an agent',
    weight: 2,
    needsNamespaces: true,
    run: ({ network, daemons }, { place }, random) =>
      cut(random, AGENT_CUT_MS, () => daemons.map((daemon) => network.silence(place, daemon.place))),
  },
  {
    name: 'an agent is cut off from the scheduler that leads',
    weight: 2,
    needsNamespaces: true,
    run: ({ network, roles }, { place }, random) =>
      cut(random, AGENT_CUT_MS, () => [
        network.silence(place, roles.leader.place),
        network.silence(roles.leader.place, place),
      ]),
  },
];

/** Breaks things at random moments until the time is over. @returns how often each fault came */
export async function breakRedisThings(life: RedisLife, untilMs: number): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
  const emptyAtMs = life.random.oneIn(2) ? performance.now() + (untilMs - performance.now()) / 2 : Infinity;
  await Promise.all([breakControl(life, untilMs, emptyAtMs, count), breakNodes(life, untilMs, count)]);
  return counts;
}

async function breakControl(
  life: RedisLife,
  untilMs: number,
  emptyAtMs: number,
  count: (name: string) => void,
): Promise<void> {
  const { random } = life;
  const possible = CONTROL_FAULTS.filter((fault) => isPossible(life, fault));
  let isEmptyDue = true;
  while (performance.now() < untilMs) {
    if (isEmptyDue && performance.now() > emptyAtMs) {
      isEmptyDue = false;
      count(EMPTY_PRIMARY);
      life.watch.cause = 'past';
      await life.losePast();
    } else {
      const fault = random.weighted(possible.map((one) => [one.weight, () => one] as const));
      count(fault.name);
      life.watch.cause = fault.cause;
      await fault.run(life, random);
    }
    await leads(life);
    await sleep(random.below(PAUSE_MS));
  }
}

/** Waits until changes are acknowledged again, and the replica has them. */
async function leads(life: RedisLife): Promise<void> {
  const sinceMs = performance.now();
  for (;;) {
    if (life.watch.lastAcknowledgedMs > sinceMs && (await life.redis.isInStep())) return;
    if (performance.now() - sinceMs > LEADER_LIMIT_MS) {
      const words = life.daemons.map(({ member }) => `${member.name}:\n${member.lastWords()}`).join('\n');
      life.findings.push(`nothing was acknowledged for ${LEADER_LIMIT_MS} ms although all parts are there:\n${words}`);
      return;
    }
    await sleep(LOOK_MS);
  }
}

async function breakNodes(life: RedisLife, untilMs: number, count: (name: string) => void): Promise<void> {
  const { random } = life;
  const faults = NODE_FAULTS.filter((fault) => isPossible(life, fault));
  const busy = new Set<string>();
  const underWay = new Set<Promise<void>>();
  while (performance.now() < untilMs) {
    const fault = random.weighted(faults.map((one) => [one.weight, () => one] as const));
    const node = life.nodes[random.below(life.nodes.length)];
    invariant(node !== undefined, 'a life has nodes', fault.name);
    if (!busy.has(node.name)) {
      busy.add(node.name);
      count(fault.name);
      const done = fault.run(life, node, random).finally(() => {
        busy.delete(node.name);
        underWay.delete(done);
      });
      underWay.add(done);
    }
    await sleep(random.from(1_000, 6_000));
  }
  await Promise.all(underWay);
}

function isPossible(
  { network }: RedisLife,
  { needsNamespaces, isOnlyLoopback = false }: Pick<NodeFault, 'needsNamespaces' | 'isOnlyLoopback'>,
): boolean {
  return network.kind === 'namespaces' ? !isOnlyLoopback : !needsNamespaces;
}

async function freeze(member: Member, random: Random, [least, most]: readonly [number, number]): Promise<void> {
  member.freeze();
  await sleep(random.from(least, most));
  member.thaw();
}

async function cut(
  random: Random,
  [least, most]: readonly [number, number],
  make: () => readonly Mend[],
): Promise<void> {
  const mends = make();
  await sleep(random.from(least, most));
  for (const mend of mends) mend();
}

function othersOf({ network, daemons, redis, nodes }: RedisLife, place: Place): readonly Place[] {
  const all = [...daemons, ...redis.all, ...nodes].map((one) => one.place);
  return [...all, ...(network.users === null ? [] : [network.users])].filter((one) => one !== place);
}

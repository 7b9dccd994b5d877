// What a world with a Redis is about. Three seeds of ten have no theme; each of the others has the faults that bring about what is rare
// otherwise, and how many copies are awaited.
import type { Random } from '../../random.js';
import { ANY, behaving, type Theme } from '../themes.js';

export interface RedisTheme extends Theme {
  readonly copies: (random: Random) => number;
}

/** One of two replicas, which is what the daemon waits for unless it is told otherwise; some wait for both. */
const USUAL = (random: Random): number => random.pick([1, 1, 2]);

export const REDIS_THEMES = {
  'redis anything': { ...ANY, kinds: null, copies: USUAL },
  /** Leaders that die, stop for longer than their claim, are cut off, and come back. */
  takeover: {
    ...ANY,
    kinds: [
      'daemon pause',
      'daemon pause',
      'daemon crash',
      'daemon power cut',
      'leader cut off',
      'leader cut from nodes',
    ],
    forMs: [4_000, 60_000],
    copies: USUAL,
    work: (random, work) =>
      behaving(
        random,
        { ...work, kind: 'service', graceMs: random.pick([0, 5_000, 30_000]) },
        { runMs: random.oneIn(2) ? null : random.between(3_000, 40_000), leaveMs: random.pick([200, null]) },
      ),
  },
  /** Two primaries at once: one that Sentinels gave up, and that a leader still reaches. */
  split: {
    ...ANY,
    kinds: ['primary cut from peers', 'primary cut from peers', 'primary cut off', 'leader cut from redis', 'cut'],
    forMs: [6_000, 90_000],
    asks: [8, 25],
    copies: USUAL,
    work: (random, work) =>
      behaving(random, { ...work, kind: 'service', graceMs: 0 }, { runMs: random.oneIn(2) ? null : 20_000 }),
  },
  /** Answers that come late, or never, of writes that were carried out, or not. */
  doubt: {
    ...ANY,
    kinds: [
      'redis slow',
      'redis requests lost',
      'redis answers lost',
      'replica stop',
      'replica lag',
      'primary stop',
      'client cut',
    ],
    forMs: [500, 12_000],
    asks: [40, 80],
    cancels: 20,
    copies: USUAL,
    work: (random, work) => behaving(random, work, { runMs: random.between(500, 20_000) }),
  },
  /** One copy of two is awaited, and the other replica is promoted; a primary that comes back empty. */
  'lost copies': {
    ...ANY,
    kinds: ['lagging promotion', 'replica lag', 'primary crash', 'redis emptied', 'cut', 'agent away', 'daemon crash'],
    forMs: [2_000, 40_000],
    asks: [20, 60],
    copies: () => 1,
    work: (random, work) => behaving(random, work, { runMs: random.oneIn(3) ? null : random.between(20_000, 120_000) }),
  },
  /**
   * The machine of the leader and of the primary is lost, and with it what it had placed just before: work that waits by the records runs on a
   * node that is silent.
   */
  'lost placement': {
    ...ANY,
    kinds: ['lost placement', 'lost placement', 'lost placement', 'client cut'],
    forMs: [25_000, 70_000],
    asks: [40, 80],
    copies: () => 1,
    work: (random, work) =>
      behaving(
        random,
        { ...work, kind: random.pick(['train', 'batch']), minTasks: 1, maxTasks: 1, graceMs: 0 },
        { runMs: random.between(4_000, 30_000), exitCode: 0, breaks: null, stuckMs: 0 },
      ),
  },
  /** No copies are awaited. */
  'no copies': {
    ...ANY,
    kinds: ['lagging promotion', 'primary crash', 'daemon crash', 'cut', 'agent away'],
    forMs: [2_000, 40_000],
    asks: [20, 60],
    copies: () => 0,
  },
  /** Leaders that hand over, in the middle of work. */
  'hand-over': {
    ...ANY,
    kinds: ['step down', 'step down', 'leader ends', 'redis slow', 'client cut', 'replica lag'],
    forMs: [500, 15_000],
    asks: [40, 80],
    cancels: 15,
    copies: USUAL,
  },
} as const satisfies Readonly<Record<string, RedisTheme>>;

export type RedisThemeName = keyof typeof REDIS_THEMES;

const SEEDS_A_ROUND = 10;
const IN_TURN: readonly RedisThemeName[] = [
  'takeover',
  'split',
  'doubt',
  'lost copies',
  'lost placement',
  'no copies',
  'hand-over',
];

/** The theme of a seed. */
export function redisThemeOf(seed: number): RedisThemeName {
  return IN_TURN[(seed % SEEDS_A_ROUND) - 1] ?? 'redis anything';
}

/** The seeds from 1 to `most`, those of a theme first; null = it is no theme of worlds with a Redis. */
export function redisSeedsFrom(theme: string, most: number): readonly number[] | null {
  if (!Object.hasOwn(REDIS_THEMES, theme)) return null;
  const seeds = Array.from({ length: most }, (_, at) => at + 1);
  const isMeant = (seed: number): boolean => redisThemeOf(seed) === theme;
  return [...seeds.filter(isMeant), ...seeds.filter((seed) => !isMeant(seed))];
}

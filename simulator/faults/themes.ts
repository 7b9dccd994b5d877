// What a world is about. In half of all seeds anything may happen to anything; each of the others has one theme, with the few faults, the
// lengths of outages and the kinds of work that together bring about what is rare otherwise: a hello that is overtaken, a node
// that comes back in the moment in which it is given up, a backup that is restored while a node is away.
import type { Random } from '../random.js';
import type { AskedWork, FaultKind } from './plan.js';
import { behaviourOf, commandOf, type Behaviour } from './task.js';

export interface Theme {
  /** Null = each kind with a chance of its own. */
  readonly kinds: readonly FaultKind[] | null;
  /** How long most outages last, in ms; null = as anywhere. */
  readonly forMs: readonly [least: number, most: number] | null;
  /** How many things users ask for, at least and at most. */
  readonly asks: readonly [least: number, most: number];
  /** How often something is cancelled, beside 28 submissions. */
  readonly cancels: number;
  /** What is asked for, made from what would be asked for anywhere. */
  readonly work: (random: Random, work: AskedWork) => AskedWork;
}

/** What a theme leaves as it is anywhere. */
export const ANY: Omit<Theme, 'kinds'> = { forMs: null, asks: [8, 45], cancels: 5, work: (_, work) => work };

/** Its themes take turns with seeds, so that each has as many. */
const SEEDS_A_ROUND = 20;

export const THEMES = {
  anything: { ...ANY, kinds: null },
  /** Streams that overtake each other: agents that begin anew while their last hello is still under way, and much that waits. */
  streams: {
    ...ANY,
    kinds: ['cut up', 'cut up', 'agent flaps', 'agent flaps'],
    forMs: [15_000, 45_000],
    asks: [40, 80],
    work: (random, work) => behaving(random, work, { runMs: random.between(1_000, 20_000), forks: false }),
  },
  /** Nodes that are silent for about as long as their leases, and come back; programs that do not go by themselves. */
  silence: {
    ...ANY,
    kinds: ['cut', 'cut up', 'cut down', 'agent away', 'agent pause', 'node freeze', 'node freeze', 'slow disk'],
    forMs: [22_000, 75_000],
    work: (random, work) =>
      behaving(
        random,
        { ...work, kind: 'service', graceMs: random.pick([0, 5_000, 30_000]) },
        { runMs: random.oneIn(2) ? null : random.between(3_000, 30_000), leaveMs: random.pick([200, null]) },
      ),
  },
  /** Nodes on which nobody but the supervisor ends what does not go by itself, or nobody does for a while. */
  orphans: {
    ...ANY,
    kinds: ['agent away', 'node asleep', 'node asleep'],
    asks: [25, 60],
    forMs: [40_000, 90_000],
    work: (random, work) =>
      behaving(
        random,
        { ...work, kind: 'service', graceMs: random.pick([5_000, 30_000]) },
        { runMs: null, leaveMs: null, breaks: null },
      ),
  },
  /** Nodes that are given up, or not, in the moment in which they come back, and a disk that makes that moment long. */
  returns: {
    ...ANY,
    kinds: ['slow disk', 'slow disk', 'agent pause', 'agent pause', 'cut', 'cut down'],
    forMs: [24_000, 45_000],
    asks: [40, 80],
    work: (random, work) =>
      behaving(random, { ...work, kind: 'service', graceMs: 0 }, { runMs: random.between(500, 15_000), stuckMs: 0 }),
  },
  /** Users in a hurry: programs that fail and are tried again, and are cancelled meanwhile. */
  haste: {
    ...ANY,
    kinds: ['client cut', 'slow disk', 'slow link', 'agent pause'],
    cancels: 24,
    work: (random, work) =>
      behaving(
        random,
        { ...work, retries: 3, graceMs: random.pick([5_000, 30_000]) },
        { runMs: random.between(0, 6_000), exitCode: random.pick([1, 255]) },
      ),
  },
  /** An older copy of the scheduler's disk is put back. */
  history: {
    ...ANY,
    kinds: ['lost history', 'lost history', 'cut', 'agent away', 'cut', 'daemon crash'],
    forMs: [5_000, 60_000],
    cancels: 20,
    work: (random, work) => behaving(random, work, { runMs: random.oneIn(3) ? null : random.between(20_000, 120_000) }),
  },
  /** Machines that lose power, and what their agents knew. */
  machines: {
    ...ANY,
    kinds: ['node power cut', 'damaged journal', 'damaged journal', 'agent crash', 'supervisor crash', 'node freeze'],
  },
  /** Agents that begin anew with less than they knew, on GPUs whose memory comes back late. */
  journals: {
    ...ANY,
    kinds: ['damaged journal', 'damaged journal', 'damaged journal', 'dirty gpu', 'dirty gpu'],
    forMs: [40_000, 90_000],
    asks: [15, 30],
    work: (random, work) => behaving(random, work, { runMs: random.between(20_000, 90_000) }),
  },
  /** Times of day that jump, and work that is bound to them. */
  clocks: {
    ...ANY,
    kinds: ['clock step', 'clock step', 'daemon pause', 'node freeze'],
    work: (random, work) => behaving(random, { ...work, timeLimitMs: random.from(20_000, 90_000) }, { runMs: null }),
  },
  /** GPUs that do not come free in time. */
  gpus: {
    ...ANY,
    kinds: ['dirty gpu', 'dirty gpu', 'driver hang', 'cut', 'agent away', 'lost history'],
    forMs: [30_000, 90_000],
    work: (random, work) =>
      behaving(
        random,
        { ...work, kind: 'service', graceMs: random.pick([0, 1_000]) },
        { runMs: random.between(5_000, 60_000) },
      ),
  },
  /** Gangs of which one task is lost. */
  gangs: {
    ...ANY,
    kinds: ['agent crash', 'supervisor crash', 'node power cut', 'cut', 'daemon crash'],
    work: (random, work) =>
      behaving(
        random,
        { ...work, minTasks: Math.max(work.minTasks, 2), maxTasks: Math.max(work.maxTasks, 2) },
        {
          breaks: random.oneIn(2) ? { task: random.below(2), afterMs: random.between(100, 20_000) } : null,
        },
      ),
  },
} as const satisfies Readonly<Record<string, Theme>>;

export type ThemeName = keyof typeof THEMES;

const IN_TURN: readonly ThemeName[] = [
  'streams',
  'silence',
  'orphans',
  'returns',
  'haste',
  'history',
  'machines',
  'clocks',
  'gpus',
  'gangs',
  'journals',
];

/** The seeds from 1 to `most`, those of a theme first. */
export function* seedsFrom(theme: ThemeName, most: number): Generator<number, void> {
  for (const isMeant of [true, false]) {
    for (let seed = 1; seed <= most; seed += 1) if ((themeOf(seed) === theme) === isMeant) yield seed;
  }
}

/** The theme of a seed. */
export function themeOf(seed: number): ThemeName {
  return IN_TURN[(seed % SEEDS_A_ROUND) - 1] ?? 'anything';
}

/** The work, with some of how its program behaves given; the rest stays as it was drawn, and some of it is as anywhere. */
export function behaving(random: Random, work: AskedWork, given: Partial<Behaviour>): AskedWork {
  if (random.oneIn(4)) return work;
  return { ...work, argv: commandOf({ ...behaviourOf(work.argv), ...given }) };
}

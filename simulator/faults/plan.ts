// What is to happen in a world, drawn from its seed before it begins: its machines, what users ask for and when, and the faults. Faults are
// a list, so that a failing world can be lived again with fewer of them.
import { Random } from '../random.js';
import { behaviourOf, commandOf, type Behaviour } from './task.js';
import type { NodeOptions } from './node.js';
import { REDIS_FAULT_KINDS, type RedisFaultKind } from './redis/injector.js';
import { REDIS_THEMES, redisThemeOf } from './redis/themes.js';
import { THEMES, themeOf, type Theme } from './themes.js';

export const FAULT_KINDS = [
  'daemon crash',
  'daemon power cut',
  'daemon pause',
  'agent crash',
  'agent away',
  'agent flaps',
  'agent pause',
  'supervisor crash',
  'supervisor pause',
  'node power cut',
  'node freeze',
  'node asleep',
  'cut',
  'cut up',
  'cut down',
  'slow link',
  'swizzle',
  'clock step',
  'failed flush',
  'slow disk',
  'low space',
  'full disk',
  'lost gpu',
  'dirty gpu',
  'driver hang',
  'client cut',
  'lost history',
  'damaged journal',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number] | RedisFaultKind;

/** What has no meaning where the scheduler has no disk of its own. */
const OF_DISKS: readonly FaultKind[] = ['failed flush', 'slow disk', 'low space', 'full disk', 'lost history'];
/** What may happen in a world with a Redis. */
export const FAULT_KINDS_ON_REDIS: readonly FaultKind[] = [
  ...FAULT_KINDS.filter((kind) => !OF_DISKS.includes(kind)),
  ...REDIS_FAULT_KINDS,
];

/** Where the scheduler of a world keeps its state. */
export type StoreKind = 'disk' | 'redis';

/** The scheduler's side of a world with a Redis. */
export interface RedisPlan {
  /** How many copies are awaited; there are two replicas. */
  readonly copies: number;
  readonly serverRates: readonly number[];
  readonly daemonRates: readonly number[];
}

/** One fault. `node` counts the nodes from 0; those that have no node ignore it. */
export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly node: number;
  /** How long it lasts; what is over at once ignores it. */
  readonly forMs: number;
  /** A number from 0 to below 1 for whatever else is to be chosen. */
  readonly chance: number;
}

/** What one workload asks for. */
export interface AskedWork {
  readonly kind: 'train' | 'test' | 'service' | 'batch';
  readonly queue: string;
  readonly priority: number;
  readonly preemptible: boolean;
  readonly minTasks: number;
  readonly maxTasks: number;
  readonly gpus: number;
  /** Of each GPU; 1,000 = whole. */
  readonly gpuMilli: number;
  readonly graceMs: number;
  readonly retries: number;
  readonly timeLimitMs: number | null;
  /** Waits for the last workload that its client knows. */
  readonly dependsOnLast: boolean;
  readonly arraySize: number;
  readonly arrayConcurrency: number;
  readonly argv: readonly string[];
  /** How long ahead of its stop signal it is told; absent = not at all. */
  readonly noticeMs?: number;
}

/** What a client asks for. `which` chooses among what the client knows of. */
export type Ask =
  | { readonly do: 'submit'; readonly works: readonly AskedWork[] }
  | { readonly do: 'cancel' | 'hold' | 'release' | 'requeue' | 'prioritize'; readonly which: number }
  | { readonly do: 'cordon' | 'uncordon' | 'maintain'; readonly node: number }
  | { readonly do: 'queue'; readonly guaranteeGpus: number }
  | { readonly do: 'read'; readonly which: number };

export interface PlannedAsk {
  readonly atMs: number;
  readonly client: number;
  readonly ask: Ask;
}

export interface Plan {
  readonly seed: number;
  readonly nodes: readonly NodeOptions[];
  readonly daemonRate: number;
  readonly clients: number;
  readonly asks: readonly PlannedAsk[];
  readonly faults: readonly Fault[];
  /** Faults begin before this, and are healed then. */
  readonly healMs: number;
  /** Null = one scheduler on a disk. */
  readonly redis: RedisPlan | null;
}

/** A world has one clock rate of at most this much off in each of its machines: half of what leases allow for between two. */
const RATE_BOUND = 5e-4;
/** Nothing goes wrong while the cluster comes up, in ms. */
export const CALM_MS = 4_000;
/** One seed in so many lives so long that what may run on without a lease for 15 min has to end. */
const LONG_ONE_IN = 16;
const LONG_OUTAGE_MS = 17 * 60_000;
/** History is lost at most so often in one world. */
const MOST_LOSSES = 2;
const LOSSES: readonly FaultKind[] = ['lost history', 'redis emptied', 'lagging promotion', 'lost placement'];
/** One world in so many has programs that save their work. */
const SAVING_ONE_IN = 8;
const SAVING_WORLDS = 0x27d4eb2f;
/** The same seed is another world on Redis. */
const REDIS_WORLDS = 0x3c6ef372;

export function planOf(seed: number, store: StoreKind = 'disk'): Plan {
  const random = new Random(store === 'disk' ? seed : seed ^ REDIS_WORLDS);
  const onRedis = store === 'redis' ? REDIS_THEMES[redisThemeOf(seed)] : null;
  const theme: Theme = onRedis ?? THEMES[themeOf(seed)];
  const kinds = store === 'disk' ? FAULT_KINDS : FAULT_KINDS_ON_REDIS;
  const nodeCount = random.from(2, 5);
  const gpus = random.pick([1, 2, 2, 4]);
  const rate = (): number => 1 + random.between(-RATE_BOUND, RATE_BOUND);
  const nodes = random.list(nodeCount, (at) => ({ name: `node-${at}`, pool: 'default', gpus, rate: rate() }));
  const isLong = theme.kinds === null && random.oneIn(LONG_ONE_IN);
  const healMs = CALM_MS + random.between(40_000, 200_000) + (isLong ? LONG_OUTAGE_MS : 0);
  const asks = asksOf(random, theme, nodeCount, gpus, healMs - (isLong ? LONG_OUTAGE_MS : 0));
  const faults = faultsOf(random, theme, kinds, nodeCount, healMs, isLong);
  const daemonRate = rate();
  const redis = onRedis && {
    copies: onRedis.copies(random),
    serverRates: random.list(3, rate),
    daemonRates: [daemonRate, rate()],
  };
  const isSaving = store === 'disk' && seed % SAVING_ONE_IN === 0;
  const asked = isSaving ? asks.map((one) => savingAsk(new Random(seed ^ SAVING_WORLDS ^ one.atMs), one)) : asks;
  return { seed, nodes, daemonRate, clients: 3, asks: asked, faults, healMs, redis };
}

/** In these worlds programs save their work. Drawn apart from all else, so that the others stay what they are. */
function savingAsk(random: Random, planned: PlannedAsk): PlannedAsk {
  const { ask } = planned;
  return ask.do === 'submit'
    ? { ...planned, ask: { ...ask, works: ask.works.map((work) => saving(random, work)) } }
    : planned;
}

function saving(random: Random, work: AskedWork): AskedWork {
  // Tasks of a gang have a checkpoint together, which is another program than these.
  if (work.maxTasks > 1 || random.oneIn(4)) return work;
  const saves = { everyMs: random.between(300, 6_000), saveMs: random.between(1, 1_500) };
  const argv = commandOf({ ...behaviourOf(work.argv), saves });
  return { ...work, argv, ...(random.oneIn(3) ? {} : { noticeMs: random.pick([500, 2_000, 10_000]) }) };
}

function faultsOf(
  random: Random,
  theme: Theme,
  all: readonly FaultKind[],
  nodes: number,
  healMs: number,
  isLong: boolean,
): readonly Fault[] {
  // A world with all kinds at once hides what a few of them bring about: each has its own.
  const kinds = theme.kinds === null ? all.filter(() => random.chance(0.35)) : [...theme.kinds];
  if (kinds.length === 0) kinds.push('daemon crash');
  const count = random.from(2, random.oneIn(4) ? 40 : 16);
  const shortEndMs = healMs - (isLong ? LONG_OUTAGE_MS : 0);
  const faults = random.list(count, () => {
    const kind = random.pick(kinds as [FaultKind, ...FaultKind[]]);
    return faultOf(random, theme, kind, nodes, random.between(CALM_MS, shortEndMs));
  });
  // What a lease and its grace end is seen only in an outage that is longer.
  if (isLong) {
    const kind = random.pick(['cut', 'cut up', 'cut down', 'agent away', 'node freeze'] as const);
    const outage = faultOf(random, theme, kind, nodes, random.between(CALM_MS, shortEndMs));
    faults.push({ ...outage, forMs: LONG_OUTAGE_MS });
  }
  return faults.filter(fewLosses()).sort((a, b) => a.atMs - b.atMs);
}

/** A history that is lost again and again never gets anywhere. */
function fewLosses(): (fault: Fault) => boolean {
  let losses = 0;
  return ({ kind }) => {
    const isLoss = LOSSES.includes(kind);
    if (isLoss) losses += 1;
    return !isLoss || losses <= MOST_LOSSES;
  };
}

function faultOf(random: Random, theme: Theme, kind: FaultKind, nodes: number, atMs: number): Fault {
  const [leastMs, mostMs] = theme.forMs ?? [0, 0];
  // Most are short; some last beyond a lease and the time to kill.
  const forMs = random.weighted([
    ...(theme.forMs === null ? [] : [[18, () => random.between(leastMs, mostMs)] as const]),
    [3, () => random.between(50, 3_000)],
    [3, () => random.between(3_000, 20_000)],
    [3, () => random.between(20_000, 90_000)],
  ]);
  return { atMs, kind, node: random.below(nodes), forMs, chance: random.fraction() };
}

function asksOf(random: Random, theme: Theme, nodes: number, gpus: number, endMs: number): readonly PlannedAsk[] {
  const count = random.from(...theme.asks);
  const asks = random.list(count, () => ({
    atMs: random.between(500, endMs),
    client: random.below(3),
    ask: askOf(random, theme, nodes, gpus),
  }));
  return asks.sort((a, b) => a.atMs - b.atMs);
}

function askOf(random: Random, theme: Theme, nodes: number, gpus: number): Ask {
  const which = (): number => random.below(1_000);
  const work = (): AskedWork => theme.work(random, workOf(random, nodes, gpus));
  return random.weighted<Ask>([
    [24, () => ({ do: 'submit', works: [work()] })],
    [4, () => ({ do: 'submit', works: random.list(random.from(2, 4), work) })],
    [theme.cancels, () => ({ do: 'cancel', which: which() })],
    [2, () => ({ do: 'hold', which: which() })],
    [2, () => ({ do: 'release', which: which() })],
    [2, () => ({ do: 'requeue', which: which() })],
    [2, () => ({ do: 'prioritize', which: which() })],
    [1, () => ({ do: 'cordon', node: random.below(nodes) })],
    [2, () => ({ do: 'uncordon', node: random.below(nodes) })],
    [1, () => ({ do: 'maintain', node: random.below(nodes) })],
    [1, () => ({ do: 'queue', guaranteeGpus: random.below(gpus * nodes) })],
    [6, () => ({ do: 'read', which: which() })],
  ]);
}

function workOf(random: Random, nodes: number, gpus: number): AskedWork {
  const perTask = random.oneIn(12) ? 0 : random.from(1, Math.min(2, gpus));
  // Only what the whole cluster can hold: the rest would wait for ever, and rightly.
  const minTasks = Math.min(random.pick([1, 1, 1, 1, 2, 2, 3]), Math.floor(gpus / Math.max(1, perTask)) * nodes);
  const isShare = random.oneIn(5);
  const isArray = random.oneIn(10);
  const isElastic = random.oneIn(6);
  const queue = random.pick(['org/a', 'org/a', 'org/b']);
  return {
    kind: random.pick(['train', 'train', 'batch', 'service', 'test']),
    queue,
    priority: random.pick([10, 50, 50, 90]),
    // What is not preemptible needs a guarantee, which the other queue has none of.
    preemptible: queue === 'org/b' || !random.oneIn(4),
    minTasks,
    maxTasks: isElastic ? minTasks + random.from(1, 2) : minTasks,
    gpus: isShare ? 1 : perTask,
    gpuMilli: isShare ? random.pick([250, 500, 600]) : 1_000,
    graceMs: random.pick([0, 1_000, 5_000, 30_000]),
    retries: random.pick([0, 0, 1, 3]),
    timeLimitMs: random.oneIn(8) ? random.from(5_000, 60_000) : null,
    dependsOnLast: random.oneIn(10),
    arraySize: isArray ? random.from(2, Math.max(2, nodes)) : 0,
    arrayConcurrency: random.pick([0, 1, 2]),
    argv: commandOf(behaviourFrom(random)),
  };
}

function behaviourFrom(random: Random): Behaviour {
  return {
    breaks: random.oneIn(8) ? { task: random.below(2), afterMs: random.between(100, 20_000) } : null,
    runMs: random.weighted<number | null>([
      [1, () => random.between(0, 50)],
      [4, () => random.between(500, 20_000)],
      [4, () => random.between(20_000, 90_000)],
      [3, () => null],
    ]),
    exitCode: random.pick([0, 0, 0, 0, 1, 137, 255]),
    leaveMs: random.pick([1, 200, 2_000, 2_000, null]),
    leaveCode: random.pick([null, null, 0, 1]),
    forks: random.oneIn(6),
    stuckMs: random.oneIn(25) ? random.between(1_000, 90_000) : 0,
  };
}

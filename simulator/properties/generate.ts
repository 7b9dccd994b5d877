// Makes a history from a seed: clusters of one to six nodes and users who ask for everything there is to ask for. Small on
// purpose: what goes wrong in a large cluster goes wrong in a small one sooner, and can be read there.
import type { QueuePatch } from '../../scheduler/control/commands/queues.js';
import { DEFAULT_POLICY, type EnginePolicy } from '../../scheduler/engine/policy.js';
import type { PlacementRules, QueueScope, Role, TaskRequest, TopologyRule } from '../../scheduler/model/records.js';
import { ANYWHERE, ONLY_GPUS_COUNT, wholeGpus } from '../../scheduler/model/requests.js';
import type { Flavour, GpuPlan, Happening, History, NodePlan, QueuePlan, WorkPlan } from './history.js';
import { queueName } from './world.js';
import { Random } from '../random.js';
import type { Part } from '../reference/parts.js';

interface GpuKind {
  readonly model: string;
  readonly memoryMib: number;
}

const H100: GpuKind = { model: 'NVIDIA H100 80GB HBM3', memoryMib: 81_559 };
const L4: GpuKind = { model: 'NVIDIA L4', memoryMib: 23_034 };
const A100: GpuKind = { model: 'NVIDIA A100-SXM4-40GB', memoryMib: 40_960 };
/** Ways to cut a GPU into instances. */
const MIG_LAYOUTS: readonly [readonly string[], ...(readonly string[])[]] = [
  ['3g.20gb', '3g.20gb'],
  ['1g.5gb', '1g.5gb', '1g.5gb', '2g.10gb'],
  ['4g.20gb', '2g.10gb', '1g.5gb'],
];
const PRIORITIES = [0, 50, 50, 100] as const;

/** The history of a seed: always the same one. */
export function historyOf(seed: number, flavour: Flavour): History {
  const random = new Random(seed);
  const count = random.from(1, flavour === 'mixed' ? 6 : isForReferee(flavour) ? 3 : 4);
  const kind = random.pick([H100, H100, L4, A100]);
  const nodes = random.list(count, (at) => nodeOf(random, flavour, at, kind));
  const queues = queuesOf(random, flavour);
  const length = isForReferee(flavour) ? random.from(6, 24) : random.from(10, 60);
  const events = random.list(length, () => happeningOf(random, flavour));
  return { seed, flavour, policy: policyOf(random, flavour), nodes, queues, events };
}

/** Whether the slow reference knows all that may happen in it. */
function isForReferee(flavour: Flavour): boolean {
  return flavour === 'referee' || flavour === 'parted';
}

function policyOf(random: Random, flavour: Flavour): EnginePolicy {
  if (isForReferee(flavour)) return { ...DEFAULT_POLICY, placement: 'pack', reserveAfterMs: null };
  const placement = random.pick(['fragmentation', 'fragmentation', 'pack', 'spread'] as const);
  return { ...DEFAULT_POLICY, placement };
}

// --- nodes ---

function nodeOf(random: Random, flavour: Flavour, at: number, kind: GpuKind): NodePlan {
  const name = `n${at}`;
  const plain = { name, pool: 'default', labels: {}, cpuCount: 64, memoryMib: 512_000, driverVersion: '535.104' };
  switch (flavour) {
    case 'plain':
    case 'busy':
      return { ...plain, gpus: random.list(random.pick([4, 8]), () => gpu(H100)) };
    case 'parts': {
      const model = random.pick([H100, H100, L4]);
      return {
        ...plain,
        pool: random.pick(['default', 'west']),
        gpus: random.list(random.pick([2, 4, 4]), () => gpu(model)),
      };
    }
    case 'shapes':
      return {
        ...plain,
        labels: random.oneIn(4) ? {} : { rack: random.pick(['r1', 'r2']) },
        gpus: random.list(random.pick([4, 8, 8, 8]), (index) => gpu(H100, Math.floor(index / 4))),
      };
    case 'referee':
      return {
        ...plain,
        cpuCount: random.pick([8, 64]),
        // Engine and reference differ in whether a gang, or a task, may get GPUs of two models.
        gpus: gpusOf(random, random.pick([1, 2, 4, 4]), kind, kind),
      };
    case 'parted':
      return {
        ...plain,
        pool: random.pick(['default', 'west']),
        cpuCount: random.pick([8, 64]),
        gpus: random.list(random.pick([1, 2, 4, 4]), () => gpu(kind)),
      };
    case 'mixed':
      return {
        ...plain,
        pool: random.pick(['default', 'default', 'default', 'west']),
        labels: labelsOf(random),
        cpuCount: random.pick([2, 8, 64, 64]),
        memoryMib: random.pick([8_000, 64_000, 512_000]),
        driverVersion: random.pick(['535.104', '535.104', '550.54']),
        gpus: withBadOnes(random, mixedGpusOf(random, random.pick([0, 1, 2, 4, 4, 8, 8]))),
      };
  }
}

function labelsOf(random: Random): Record<string, string> {
  const labels: Record<string, string> = random.oneIn(5) ? {} : { rack: random.pick(['r1', 'r2']) };
  if (!random.oneIn(4)) labels.block = random.pick(['b1', 'b1', 'b2']);
  if (random.oneIn(3)) labels.disk = 'fast';
  return labels;
}

function gpu({ model, memoryMib }: GpuKind, nvlinkGroup: number | null = null): GpuPlan {
  return { model, memoryMib, health: 'healthy', nvlinkGroup, mig: null };
}

/** Mostly alike; some nodes have two models. */
function mixedGpusOf(random: Random, count: number): GpuPlan[] {
  const model = random.pick([H100, H100, L4, A100]);
  return gpusOf(random, count, model, random.oneIn(6) ? random.pick([H100, L4]) : model);
}

/** The GPUs of one node, half of each kind; some in MIG mode. */
function gpusOf(random: Random, count: number, model: GpuKind, second: GpuKind): GpuPlan[] {
  const groupSize = random.pick([0, 2, 4, 8]);
  const migCount = random.oneIn(4) ? random.from(1, count) : 0;
  return random.list(count, (at) => {
    const plan = gpu(at < count / 2 ? model : second, groupSize === 0 ? null : Math.floor(at / groupSize));
    return at >= count - migCount ? { ...plan, mig: random.pick(MIG_LAYOUTS) } : plan;
  });
}

function withBadOnes(random: Random, gpus: readonly GpuPlan[]): GpuPlan[] {
  return gpus.map((each) => (random.oneIn(25) ? { ...each, health: 'quarantined' } : each));
}

// --- queues ---

/** Queues a, b, c ... below nobody, or below `top1` and `top2`, whose guarantees are the sums of theirs. */
function queuesOf(random: Random, flavour: Flavour): QueuePlan[] {
  const depth = flavour === 'plain' || flavour === 'shapes' ? 0 : random.pick([0, 1, 1]);
  const leaves = random.list(random.from(flavour === 'mixed' ? 1 : 2, 5), (at): QueuePlan => {
    const parent = depth > 0 && !random.oneIn(3) ? queueName(`top${1 + (at % 2)}`) : null;
    return { ...leafOf(random, flavour), name: queueName('abcde'.charAt(at)), parent };
  });
  const tops = [...new Set(leaves.map(({ parent }) => parent))].flatMap((name): QueuePlan[] =>
    name === null
      ? []
      : [
          topOf(
            random,
            flavour,
            name,
            leaves.filter(({ parent }) => parent === name),
          ),
        ],
  );
  return [...tops, ...leaves];
}

function leafOf(random: Random, flavour: Flavour): QueuePlan {
  const guaranteeGpus = random.pick([0, 1, 2, 3, 4, 8]);
  const plain: QueuePlan = {
    ...ONLY_GPUS_COUNT,
    name: queueName(''),
    parent: null,
    guaranteeGpus,
    limitGpus: null,
    weight: random.pick([0, 1, 1, 2, 3]),
    priority: random.pick([50, 100, 100]),
  };
  if (flavour === 'plain') return plain;
  if (flavour === 'shapes') return random.oneIn(3) ? plain : withShapes(random, plain);
  const limited = { ...plain, limitGpus: random.oneIn(4) ? Math.max(guaranteeGpus, random.pick([4, 8, 12])) : null };
  if (flavour === 'busy') return limited;
  if (flavour === 'parts') return { ...limited, scopes: random.oneIn(4) ? [] : scopesOf(random, limited.limitGpus) };
  const stores = {
    guaranteeCpuMilli: random.oneIn(6) ? random.pick([0, 4_000, 16_000]) : null,
    guaranteeMemoryMib: random.oneIn(8) ? random.pick([0, 16_000]) : null,
  };
  const ruled: QueuePlan = {
    ...limited,
    ...stores,
    limitCpuMilli: random.oneIn(8) ? Math.max(stores.guaranteeCpuMilli ?? 0, 16_000) : null,
    limitMemoryMib: random.oneIn(10) ? Math.max(stores.guaranteeMemoryMib ?? 0, 32_000) : null,
  };
  if (flavour === 'referee') return ruled;
  if (flavour === 'parted')
    return { ...ruled, scopes: random.oneIn(4) ? [] : scopesOf(random, ruled.limitGpus, POOLS) };
  return {
    ...ruled,
    guaranteeGpus: random.oneIn(6) ? 0.5 : guaranteeGpus,
    scopes: random.oneIn(6) ? [scopeOf(random, guaranteeGpus)] : [],
    userLimitGpus: random.oneIn(6) ? random.pick([1, 2, 4]) : null,
    reclaimMinRuntimeMs: random.oneIn(6) ? random.pick([2_500, 5_000]) : null,
    preemptMinRuntimeMs: random.oneIn(6) ? random.pick([2_500, 5_000]) : null,
    maxGraceMs: random.oneIn(6) ? 1_000 : null,
    lendMaxMinRuntimeMs: random.oneIn(4) ? random.pick([0, 1_000, 3_500]) : null,
    lendMaxGraceMs: random.oneIn(6) ? 500 : null,
  };
}

const POOLS = [
  { pool: 'west', model: '' },
  { pool: 'default', model: '' },
] as const;

const PARTS = [
  ...POOLS,
  { pool: '', model: 'H100' },
  { pool: '', model: 'L4' },
  { pool: 'west', model: 'h100' },
] as const;

/** One or two parts, maybe with GPUs in common. */
function scopesOf(
  random: Random,
  limitGpus: number | null,
  parts: readonly [Part, ...(readonly Part[])] = PARTS,
): QueueScope[] {
  const first = random.below(parts.length);
  const chosen = random.oneIn(3) ? [first, (first + 1) % parts.length] : [first];
  return chosen.map((at) => {
    const guaranteeGpus = Math.min(limitGpus ?? Infinity, random.pick([0, 1, 2, 2, 4]));
    const limit = random.oneIn(3) ? Math.max(guaranteeGpus, random.pick([1, 2, 4])) : null;
    return { ...(parts[at] ?? parts[0]), guaranteeGpus, limitGpus: limit };
  });
}

function withShapes(random: Random, plain: QueuePlan): QueuePlan {
  const [gpus, level] = random.pick([
    [8, 'node'],
    [8, 'node'],
    [4, 'node'],
    [4, 'nvlink'],
    [2, 'node'],
    [16, 'rack'],
  ] as const);
  const count = random.pick([1, 1, 2]);
  return {
    ...plain,
    guaranteeGpus: gpus * count + random.pick([0, 0, 2]),
    shapes: [{ count, gpus, level, pool: '', model: '' }],
  };
}

function scopeOf(random: Random, mostGpus: number): QueueScope {
  return {
    ...random.pick([
      { pool: 'west', model: '' },
      { pool: '', model: 'H100' },
      { pool: '', model: 'L4' },
    ]),
    guaranteeGpus: Math.min(mostGpus, random.pick([0, 1, 2])),
    limitGpus: random.pick([null, 4]),
  };
}

function topOf(random: Random, flavour: Flavour, name: string, below: readonly QueuePlan[]): QueuePlan {
  const guaranteeGpus = below.reduce((sum, child) => sum + child.guaranteeGpus, 0) + random.pick([0, 0, 1]);
  return {
    ...leafOf(random, flavour === 'mixed' ? 'busy' : flavour),
    name: queueName(name),
    guaranteeGpus,
    limitGpus: random.oneIn(3) ? guaranteeGpus + 4 : null,
    guaranteeCpuMilli: null,
    guaranteeMemoryMib: null,
    limitCpuMilli: null,
    limitMemoryMib: null,
    // What children are promised of a part of the cluster comes out of their parent's promise of it.
    scopes: below.flatMap(({ scopes }) => scopes).reduce(addScope, []),
  };
}

function addScope(all: QueueScope[], scope: QueueScope): QueueScope[] {
  const same = all.find(({ pool, model }) => pool === scope.pool && model === scope.model);
  const others = all.filter((each) => each !== same);
  return [...others, { ...scope, limitGpus: null, guaranteeGpus: scope.guaranteeGpus + (same?.guaranteeGpus ?? 0) }];
}

// --- work ---

function workOf(random: Random, flavour: Flavour): WorkPlan {
  const priority = random.pick(PRIORITIES);
  const preemptible = !random.oneIn(5);
  const base = { topology: null, priority, preemptible, timeLimitMs: null, owner: 'ann' };
  switch (flavour) {
    case 'plain':
    case 'busy': {
      const tasks = random.pick([1, 1, 1, 2, 3]);
      return { ...base, roles: [roleOf('', tasks, tasks, wholeGpus(random.pick([1, 1, 2, 3, 4])))] };
    }
    case 'shapes': {
      const tasks = random.pick([1, 1, 1, 2]);
      const most = random.oneIn(6) ? tasks + 2 : tasks;
      const request = random.oneIn(6) ? { ...wholeGpus(1), gpuMilli: 500 } : wholeGpus(random.pick([1, 1, 2, 3, 4, 8]));
      const topology = random.oneIn(6) ? topologyOf(random, null) : null;
      return { ...base, priority: 50, topology, roles: [roleOf('', tasks, most, request)] };
    }
    case 'referee':
      return { ...base, roles: rolesForReferee(random) };
    case 'parted': {
      const pool = random.pick(['default', 'west']);
      const roles = rolesForReferee(random).map((role) => ({
        ...role,
        request: { ...role.request, migProfile: '' },
        rules: { ...role.rules, pool },
      }));
      return { ...base, roles };
    }
    case 'parts': {
      const least = random.pick([1, 1, 1, 1, 2, 3]);
      const most = random.oneIn(8) ? least + random.from(1, 3) : least;
      return {
        ...base,
        roles: [roleOf('', least, most, wholeGpus(random.pick([1, 1, 1, 2, 3])), partRulesOf(random))],
      };
    }
    case 'mixed':
      return {
        ...base,
        roles: rolesOf(random, requestOf, rulesOf).map((role) =>
          random.oneIn(6) ? { ...role, topology: topologyOf(random, role.request) } : role,
        ),
        topology: random.oneIn(5) ? topologyOf(random, null) : null,
        timeLimitMs: random.oneIn(8) ? random.pick([20_000, 2 * 60 * 60_000]) : null,
        owner: random.pick(['ann', 'bob']),
      };
  }
}

function roleOf(name: string, minTasks: number, maxTasks: number, request: TaskRequest, rules = ANYWHERE): Role {
  return { name, minTasks, maxTasks, request, rules, topology: null, program: null };
}

function rolesOf(
  random: Random,
  request: (random: Random) => TaskRequest,
  rules: (random: Random) => PlacementRules,
): Role[] {
  const make = (name: string): Role => {
    const least = random.pick([1, 1, 1, 2, 3]);
    const most = random.oneIn(4) ? least + random.from(1, 3) : least;
    return roleOf(name, least, most, request(random), rules(random));
  };
  if (!random.oneIn(6)) return [make('')];
  const launcher = roleOf('launcher', 1, 1, { ...wholeGpus(random.pick([0, 0, 1])), cpuMilli: 1_000 });
  return random.oneIn(2) ? [launcher, make('workers')] : [make('prefill'), make('decode')];
}

/**
 * What the engine and the slow reference mean to see alike. Not so: what a share given as memory counts for before it has a
 * GPU; whether surplus of one role waits for that of another; whether it is promised a place before its core has its own. Nor
 * what becomes of a promise when a quota is changed.
 */
function rolesForReferee(random: Random): Role[] {
  return rolesOf(random, requestOf, () => ANYWHERE).map((role) => ({
    ...role,
    maxTasks: role.minTasks,
    request: { ...role.request, gpuMemoryMib: 0 },
  }));
}

function requestOf(random: Random): TaskRequest {
  const stores = {
    cpuMilli: random.oneIn(3) ? random.pick([500, 2_000, 4_000]) : 0,
    memoryMib: random.oneIn(4) ? random.pick([1_000, 8_000]) : 0,
  };
  return random.weighted<TaskRequest>([
    [10, () => ({ ...wholeGpus(random.pick([1, 1, 1, 2, 2, 4])), ...stores })],
    [4, () => ({ ...wholeGpus(1), gpuMilli: random.pick([250, 500, 500, 700, 333]), ...stores })],
    [1, () => ({ ...wholeGpus(2), gpuMilli: 500, ...stores })],
    [2, () => ({ ...wholeGpus(1), gpuMemoryMib: random.pick([8_000, 20_000, 40_000]), ...stores })],
    [
      2,
      () => ({
        ...wholeGpus(random.pick([1, 1, 2])),
        migProfile: random.pick(['1g.5gb', '2g.10gb', '3g.20gb']),
        ...stores,
      }),
    ],
    [2, () => ({ ...wholeGpus(0), ...stores })],
  ]);
}

function rulesOf(random: Random): PlacementRules {
  return random.weighted<PlacementRules>([
    [16, () => ANYWHERE],
    [
      3,
      () => ({
        ...ANYWHERE,
        models: random.pick<readonly string[]>([['h100'], ['L4'], ['h100', 'a100'], ['l4', 'h100']]),
      }),
    ],
    [1, () => ({ ...ANYWHERE, pool: random.pick(['default', 'west']) })],
    [1, () => ({ ...ANYWHERE, labels: { disk: 'fast' } })],
    [1, () => ({ ...ANYWHERE, minDriver: '545.0' })],
    [1, () => ({ ...ANYWHERE, minGpuMemoryMib: 40_000 })],
    [1, () => ({ ...ANYWHERE, nodes: [random.pick(['n0', 'n1', 'n2'])] })],
  ]);
}

/** Half of all work may go anywhere. */
function partRulesOf(random: Random): PlacementRules {
  return random.weighted<PlacementRules>([
    [6, () => ANYWHERE],
    [3, () => ({ ...ANYWHERE, pool: random.pick(['default', 'west']) })],
    [3, () => ({ ...ANYWHERE, models: [random.pick(['H100', 'H100', 'L4'])] })],
    [1, () => ({ ...ANYWHERE, models: ['H100', 'L4'] })],
  ]);
}

function topologyOf(random: Random, request: TaskRequest | null): TopologyRule {
  // Tasks of MIG instances or shares do not talk over NVLink.
  const talks = request !== null && request.migProfile === '' && request.gpuMilli === 1_000 && request.gpus > 0;
  const level = talks
    ? random.pick(['nvlink', 'node', 'rack', 'block'] as const)
    : random.pick(['node', 'rack', 'rack', 'block'] as const);
  return { level, required: !random.oneIn(3) };
}

// --- what happens ---

function happeningOf(random: Random, flavour: Flavour): Happening {
  const which = random.below(40);
  const node = random.below(6);
  const submitted = (): Happening => ({ do: 'submit', queue: random.below(5), work: workOf(random, flavour) });
  const common: (readonly [number, () => Happening])[] = [
    [flavour === 'mixed' ? 40 : 48, submitted],
    [6, () => ({ do: random.pick(['finish', 'finish', 'cancel']), which })],
    [6, () => ({ do: 'decide' })],
    [8, () => ({ do: 'cycle' })],
  ];
  if (flavour === 'parts') return random.weighted<Happening>([...common, [3, () => partQuotaOf(random)]]);
  if (flavour === 'shapes') {
    return random.weighted<Happening>([
      ...common,
      [3, () => ({ do: random.pick(['down', 'ready', 'ready', 'cordon', 'uncordon', 'uncordon']), node })],
      [
        2,
        () => ({ do: 'gpu', node, gpu: random.below(8), health: random.pick(['quarantined', 'healthy', 'healthy']) }),
      ],
      [2, () => quotaOf(random)],
      [3, () => ({ do: 'leave', how: random.pick(['all', 'one']), which })],
      [2, () => ({ do: 'begin' })],
    ]);
  }
  if (flavour !== 'mixed') return random.weighted(common);
  return random.weighted<Happening>([
    ...common,
    [2, () => ({ do: random.pick(['requeue', 'hold', 'release', 'release', 'checkpoint']), which })],
    [1, () => ({ do: 'prioritize', which, priority: random.pick(PRIORITIES) })],
    [2, () => ({ do: 'end', which, task: random.below(6), code: random.pick([0, 0, 1, null, null]) })],
    [3, () => ({ do: random.pick(['down', 'silent', 'ready', 'ready', 'cordon', 'uncordon', 'uncordon']), node })],
    [1, () => ({ do: 'gpu', node, gpu: random.below(8), health: random.pick(['lost', 'quarantined', 'healthy']) })],
    [
      1,
      () => ({ do: 'maintain', node, inMs: random.pick([0, 5_000, 30 * 60_000]), forMs: random.pick([3_000, 60_000]) }),
    ],
    [3, () => quotaOf(random)],
    [3, () => ({ do: 'begin' })],
    [5, () => ({ do: 'leave', how: random.pick(['all', 'one', 'one', 'exit']), which })],
    [2, () => ({ do: 'wait', ms: random.pick([1_000, 5_000, 30_000]) })],
  ]);
}

function partQuotaOf(random: Random): Happening {
  const patch: QueuePatch = random.oneIn(3) ? { scopes: [] } : { scopes: scopesOf(random, null) };
  return { do: 'quota', queue: random.below(5), patch };
}

function quotaOf(random: Random): Happening {
  const patch = random.weighted<QueuePatch>([
    [3, () => ({ guaranteeGpus: random.pick([0, 1, 2, 4]) })],
    [2, () => ({ limitGpus: random.pick([null, 4, 8]) })],
    [1, () => ({ priority: random.pick([50, 100, 150]) })],
    [1, () => ({ weight: random.pick([0, 1, 2]) })],
  ]);
  return { do: 'quota', queue: random.below(5), patch };
}

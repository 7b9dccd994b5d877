// The laws are worth what they find: an engine that decides wrongly is found out by the law that forbids it.
import { describe, expect, it } from 'vitest';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import type { Decision } from '../../scheduler/engine/decisions.js';
import { DEFAULT_POLICY } from '../../scheduler/engine/policy.js';
import { ANYWHERE, GPU_PARTS, ONLY_GPUS_COUNT, oneRole, wholeGpus } from '../../scheduler/model/requests.js';
import type { Role } from '../../scheduler/model/records.js';
import { minimise } from '../../simulator/properties/check.js';
import { historyOf } from '../../simulator/properties/generate.js';
import type {
  Flavour,
  GpuPlan,
  Happening,
  History,
  NodePlan,
  QueuePlan,
  WorkPlan,
} from '../../simulator/properties/history.js';
import { LAWS, WATCHED } from '../../simulator/properties/laws.js';
import { LawBroken, type PlayedLaw } from '../../simulator/properties/laws/law.js';
import { type Decider, queueName, World } from '../../simulator/properties/world.js';

const NOTHING: readonly Happening[] = [];

function node(name: string, gpus: number, fields: Partial<NodePlan> = {}): NodePlan {
  const gpu: GpuPlan = { model: 'NVIDIA H100', memoryMib: 80_000, health: 'healthy', nvlinkGroup: null, mig: null };
  const machine = { pool: 'default', labels: {}, cpuCount: 8, memoryMib: 64_000, driverVersion: '535.104' };
  return { name, ...machine, gpus: Array.from({ length: gpus }, () => gpu), ...fields };
}

function queue(name: string, fields: Partial<QueuePlan> = {}): QueuePlan {
  const figures = { parent: null, guaranteeGpus: 0, limitGpus: null, weight: 1, priority: 100 };
  return { ...ONLY_GPUS_COUNT, ...figures, name: queueName(name), ...fields };
}

function work(fields: Partial<WorkPlan> & { roles?: readonly Role[] } = {}): WorkPlan {
  const plain = { topology: null, priority: 50, preemptible: true, timeLimitMs: null, owner: 'ann' };
  return { ...plain, roles: oneRole(1, wholeGpus(1)), ...fields };
}

function submit(at: number, fields: Parameters<typeof work>[0] = {}): Happening {
  return { do: 'submit', queue: at, work: work(fields) };
}

function history(fields: Partial<History>): History {
  const plain = { seed: 1, flavour: 'mixed' as Flavour, policy: DEFAULT_POLICY, nodes: [node('n0', 4)] };
  return { ...plain, queues: [queue('a', { guaranteeGpus: 4 }), queue('b')], events: NOTHING, ...fields };
}

function bind(
  workload: number,
  places: readonly (readonly [task: number, node: string, ...gpus: number[]])[],
): Decision {
  const placements = places.map(([task, on, ...gpus]) => ({
    task,
    node: on as NodeId,
    gpus,
    parts: GPU_PARTS,
    instances: [],
  }));
  return { type: 'bind', workload: workload as WorkloadNumber, placements };
}

function claim(workload: number, places: Parameters<typeof bind>[1]): Decision {
  const bound = bind(workload, places);
  return bound.type === 'bind' ? { ...bound, type: 'claim' } : bound;
}

type Reason = 'reclaimed' | 'preempted' | 'moved';

function evict(workload: number, reason: Reason, forWorkload: number, ids: (world: World) => AllocationId[]) {
  return (world: World): Decision => ({
    type: 'evict',
    workload: workload as WorkloadNumber,
    allocations: ids(world),
    reason,
    forWorkload: forWorkload as WorkloadNumber,
    message: 'as the test has it',
  });
}

const all =
  (workload: number) =>
  (world: World): AllocationId[] => [...(world.state.workload(workload as WorkloadNumber)?.allocations ?? [])];

type Scripted = Decision | ((world: World) => Decision);

/** An engine that decides what it is told, one list a step. */
function script(steps: readonly (readonly Scripted[])[]): Decider {
  const left = [...steps];
  return (world) => {
    const decisions = (left.shift() ?? []).map((one) => (typeof one === 'function' ? one(world) : one));
    return { decisions, complete: true };
  };
}

/** What the law says to a history in which these decisions are made, a list for each `decide`; null = it holds. */
function judged(law: string, plan: History, steps: readonly (readonly Scripted[])[]): string | null {
  const watched = WATCHED.find(({ name }) => name === law);
  if (watched === undefined) throw new Error(`no law ${law} that watches`);
  // A step without decisions ends each `decide`.
  const decider = script(steps.flatMap((step) => [step, []]));
  try {
    new World(plan, { decider, watchers: [watched.watch()] }).play();
    return null;
  } catch (error) {
    if (error instanceof LawBroken) return error.message;
    throw error;
  }
}

const decide: Happening = { do: 'decide' };
const begin: Happening = { do: 'begin' };

describe('a law that is broken', () => {
  it('as-asked: a node that takes no work', () => {
    const plan = history({ events: [submit(0), { do: 'cordon', node: 0 }, decide] });
    expect(judged('as-asked', plan, [[bind(1, [[0, 'n0', 0]])]])).toBe('bind on n0, which takes no work');
  });

  it('as-asked: another model, or a GPU twice', () => {
    const l4 = { ...ANYWHERE, models: ['l4'] };
    const wrong = history({ events: [submit(0), decide] });
    expect(judged('as-asked', wrong, [[bind(1, [[0, 'n0', 0, 1]])]])).toBe('task 0 gets 2 GPUs');
    const twice = history({ events: [submit(0, { roles: oneRole(1, wholeGpus(2)) }), decide] });
    expect(judged('as-asked', twice, [[claim(1, [[0, 'n0', 1, 1]])]])).toBe('task 0 gets a GPU of n0 twice');
    const nodes = [
      node('n0', 2),
      node('n1', 1, { gpus: node('', 1).gpus.map((gpu) => ({ ...gpu, model: 'NVIDIA L4' })) }),
    ];
    const model = history({ nodes, events: [submit(0, { roles: oneRole(1, wholeGpus(1), l4) }), decide] });
    expect(judged('as-asked', model, [[bind(1, [[0, 'n0', 0]])]])).toBe('GPU 0 of n0 is a NVIDIA H100');
    expect(judged('as-asked', model, [[bind(1, [[0, 'n1', 0]])]])).toBeNull();
  });

  it('promised-once: a GPU promised to two', () => {
    const plan = history({ events: [submit(0), submit(0), decide] });
    expect(judged('promised-once', plan, [[claim(1, [[0, 'n0', 0]]), claim(2, [[0, 'n0', 0]])]])).toBe(
      'GPU-n0-0: 14000 parts stay or are promised',
    );
  });

  it('cpu-and-memory: more CPU than a node has', () => {
    const greedy = { roles: oneRole(1, { ...wholeGpus(1), cpuMilli: 5_000 }) };
    const plan = history({ events: [submit(0, greedy), submit(0, greedy), decide] });
    const both = [bind(1, [[0, 'n0', 0]]), bind(2, [[0, 'n0', 1]])];
    expect(judged('cpu-and-memory', plan, [both])).toBe('n0 has 8000 cpuMilli, and 10000 is given');
  });

  it('whole-or-absent: surplus before the core, and more tasks than there may be', () => {
    const role = { ...oneRole(1, wholeGpus(1))[0], maxTasks: 2 } as Role;
    const plan = history({ events: [submit(0, { roles: [role] }), decide] });
    expect(judged('whole-or-absent', plan, [[claim(1, [[1, 'n0', 0]])]])).toBe('1 is promised a place for tasks 1');
    const grown = history({ events: [submit(0, { roles: [role] }), decide, decide] });
    const start = [bind(1, [[0, 'n0', 0]])];
    expect(judged('whole-or-absent', grown, [start, [claim(1, [[0, 'n0', 1]])]])).toBe('1 gets a second task 0');
    expect(judged('whole-or-absent', grown, [start, [bind(1, [[1, 'n0', 1]])]])).toBeNull();
  });

  it('together: tasks on two nodes that must be on one', () => {
    const rule = { level: 'node', required: true } as const;
    const gang = { roles: oneRole(2, wholeGpus(1)), topology: rule };
    const plan = history({ nodes: [node('n0', 2), node('n1', 2)], events: [submit(0, gang), decide] });
    const apart = [
      bind(1, [
        [0, 'n0', 0],
        [1, 'n1', 0],
      ]),
    ];
    expect(judged('together', plan, [apart])).toBe('1 must be in one node, but: 0 on n0:0, 1 on n1:0');
    expect(
      judged('together', plan, [
        [
          bind(1, [
            [0, 'n1', 0],
            [1, 'n1', 1],
          ]),
        ],
      ]),
    ).toBeNull();
  });

  it('limits, fixed-work, user-limits: one GPU too many', () => {
    const queues = [queue('a', { guaranteeGpus: 1, limitGpus: 2, userLimitGpus: 1 }), queue('b')];
    const fixed = { preemptible: false };
    const events = [submit(0, fixed), submit(0, fixed), submit(0), decide];
    const plan = history({ queues, events });
    const places = [1, 2, 3].map((number) => bind(number, [[0, 'n0', number]]));
    expect(judged('limits', plan, [places])).toMatch(/^bind of 3: a holds 3 GPUs.*limit 2 GPUs/);
    expect(judged('fixed-work', plan, [places])).toMatch(/^2: a holds 2 GPUs.*not preemptible, guaranteed 1 GPUs/);
    expect(judged('user-limits', plan, [places])).toMatch(/^2: ann holds 2 GPUs.* in a, limit 1$/);
    expect(judged('limits', plan, [places.slice(0, 2)])).toBeNull();
  });

  it('legal-victims: who is not preemptible, or not of lower priority', () => {
    const events = [submit(0, { preemptible: false }), submit(0), decide, begin, submit(0), decide];
    const start = [bind(1, [[0, 'n0', 0]]), bind(2, [[0, 'n0', 1]])];
    const plan = history({ events });
    expect(judged('legal-victims', plan, [start, [evict(1, 'preempted', 3, all(1))]])).toBe('1 is not preemptible');
    expect(judged('legal-victims', plan, [start, [evict(2, 'preempted', 3, all(2))]])).toBe(
      '2 has not less priority than 3',
    );
    expect(judged('legal-victims', plan, [start, [evict(2, 'reclaimed', 3, all(2))]])).toBe(
      '2 is reclaimed for its own queue',
    );
  });

  it('keeps-guarantee and fair-victims: a queue that holds no more than is its own', () => {
    const events = [submit(0), submit(0), decide, begin, submit(1), decide];
    const start = [bind(1, [[0, 'n0', 0]]), bind(2, [[0, 'n0', 1]])];
    const plan = history({ events });
    const taking = [start, [evict(2, 'reclaimed', 3, all(2))]];
    expect(judged('keeps-guarantee', plan, taking)).toMatch(/^reclaimed 2 for 3: a has 2 GPUs.*guaranteed 4 GPUs/);
    expect(judged('fair-victims', plan, taking)).toMatch(/^2 is reclaimed for 3: a has 2 GPUs.*share 4 GPUs/);
    const borrowed = history({ queues: [queue('a'), queue('b', { guaranteeGpus: 4 })], events });
    expect(judged('keeps-guarantee', borrowed, taking)).toBeNull();
    expect(judged('fair-victims', borrowed, taking)).toBeNull();
  });

  it('part-limits, keeps-part, reaches-part: guarantees and limits of a pool', () => {
    const scope = { pool: 'default', model: '', guaranteeGpus: 2, limitGpus: 2 };
    const own = queue('a', { scopes: [scope] });
    const few = history({ queues: [own, queue('b')], events: [submit(0), submit(0), submit(0), decide] });
    const places = [1, 2, 3].map((number) => bind(number, [[0, 'n0', number]]));
    expect(judged('part-limits', few, [places])).toMatch(/^bind of 3: a has 21000 parts of pool default/);
    expect(judged('part-limits', few, [places.slice(0, 2)])).toBeNull();

    const events = [submit(0), submit(0), decide, begin, submit(1), decide];
    const start = [bind(1, [[0, 'n0', 0]]), bind(2, [[0, 'n0', 1]])];
    const taking = [start, [evict(2, 'reclaimed', 3, all(2))]];
    const plan = history({ queues: [own, queue('b', { guaranteeGpus: 4 })], events });
    expect(judged('keeps-part', plan, taking)).toMatch(/^reclaimed 2 for 3: a has 14000 parts of pool default/);
    const borrowed = history({
      queues: [queue('a', { scopes: [{ ...scope, guaranteeGpus: 1 }] }), queue('b')],
      events,
    });
    expect(judged('keeps-part', borrowed, taking)).toBeNull();

    // Who is guaranteed GPUs of the pool may take from whoever is within his guarantee of the whole.
    const queues = [queue('a', { guaranteeGpus: 4 }), queue('b', { scopes: [scope] })];
    expect(judged('keeps-guarantee', history({ queues, events }), taking)).toBeNull();
    expect(judged('fair-victims', history({ queues, events }), taking)).toBeNull();

    const full = { roles: oneRole(1, wholeGpus(4)) };
    const waits = history({ queues, flavour: 'parts', events: [submit(0, full), decide, begin, submit(1), decide] });
    expect(judged('reaches-part', waits, [[bind(1, [[0, 'n0', 0, 1, 2, 3]])], []])).toBe(
      '2 is owed GPUs of pool default and could have them on n0, but has no claim',
    );
  });

  it('min-runtime: work that has just begun', () => {
    const queues = [queue('a', { reclaimMinRuntimeMs: 5_000 }), queue('b', { guaranteeGpus: 4 })];
    const events = [submit(0), decide, begin, submit(1), decide];
    const taking = [[bind(1, [[0, 'n0', 0]])], [evict(1, 'reclaimed', 2, all(1))]];
    expect(judged('min-runtime', history({ queues, events }), taking)).toBe(
      '1 is evicted (reclaimed) after 1 ms of 5000',
    );
    const later: Happening[] = [submit(0), decide, begin, { do: 'wait', ms: 5_000 }, submit(1), decide];
    expect(judged('min-runtime', history({ queues, events: later }), taking)).toBeNull();
  });

  it('surplus-first: the first task goes and the last stays', () => {
    const role = { ...oneRole(1, wholeGpus(1))[0], maxTasks: 2 } as Role;
    const queues = [queue('a'), queue('b', { guaranteeGpus: 4 })];
    const events = [submit(0, { roles: [role] }), decide, decide, begin, submit(1), decide];
    const start = [[bind(1, [[0, 'n0', 0]])], [bind(1, [[1, 'n0', 1]])]];
    const plan = history({ queues, events });
    const first = evict(1, 'reclaimed', 2, (world) => all(1)(world).slice(0, 1));
    const last = evict(1, 'reclaimed', 2, (world) => all(1)(world).slice(1));
    expect(judged('surplus-first', plan, [...start, [first]])).toBe('1 loses task 0, one of the first 1 it has');
    expect(judged('surplus-first', plan, [...start, [last]])).toBeNull();
  });

  it('nothing-missed, nothing-idle, explained, reaches-guarantee: an engine that does nothing', () => {
    const queues = [queue('a', { guaranteeGpus: 1 }), queue('b')];
    const waits = history({ queues, flavour: 'plain', events: [submit(0), decide] });
    expect(judged('nothing-missed', waits, [[]])).toBe('missed: bind 1 0@n0:0');
    expect(judged('nothing-idle', waits, [[]])).toBe('1 waits, though there is room: 0 on n0:0');
    expect(judged('explained', waits, [[]])).toBe('1 waits, and was not looked at');
    const full = { roles: oneRole(1, wholeGpus(4)) };
    const owed = history({ queues, flavour: 'plain', events: [submit(1, full), decide, begin, submit(0), decide] });
    expect(judged('reaches-guarantee', owed, [[bind(1, [[0, 'n0', 0, 1, 2, 3]])], []])).toBe(
      '2 is owed GPUs and could have them on n0, but has no claim',
    );
  });
});

describe('histories', () => {
  it('are the same for the same seed, and of all kinds', () => {
    for (const flavour of ['mixed', 'busy', 'plain', 'referee', 'parted', 'parts'] as const) {
      expect(historyOf(7, flavour)).toEqual(historyOf(7, flavour));
      expect(historyOf(7, flavour)).not.toEqual(historyOf(8, flavour));
    }
    const seeds = Array.from({ length: 200 }, (_, seed) => historyOf(seed, 'mixed'));
    const done = new Set(seeds.flatMap(({ events }) => events.map((event) => event.do)));
    expect([...done].toSorted()).toEqual(
      [
        ['begin', 'cancel', 'checkpoint', 'cordon', 'cycle', 'decide', 'down', 'end', 'finish', 'gpu', 'hold', 'leave'],
        ['maintain', 'prioritize', 'quota', 'ready', 'release', 'requeue', 'silent', 'submit', 'uncordon', 'wait'],
      ].flat(),
    );
    const roles = seeds.flatMap(({ events }) =>
      events.flatMap((event) => (event.do === 'submit' ? event.work.roles : [])),
    );
    expect(roles.some(({ minTasks, maxTasks }) => maxTasks > minTasks)).toBe(true);
    expect(roles.some(({ request }) => request.gpuMilli < 1_000)).toBe(true);
    expect(roles.some(({ request }) => request.gpuMemoryMib > 0)).toBe(true);
    expect(roles.some(({ request }) => request.migProfile !== '')).toBe(true);
    expect(roles.some(({ request }) => request.gpus === 0)).toBe(true);
    expect(roles.some(({ topology }) => topology?.level === 'nvlink')).toBe(true);
  });

  it('lead to work that runs, waits, is taken back and moved', () => {
    const decisions = Array.from(
      { length: 60 },
      (_, seed) => new World(historyOf(seed, 'busy')).play().decisions,
    ).flat();
    const kinds = new Set(decisions.map((one) => (one.type === 'evict' ? one.reason : one.type)));
    expect([...kinds].toSorted()).toEqual(expect.arrayContaining(['bind', 'claim', 'moved', 'preempted', 'reclaimed']));
  });

  it('that break a law are made as short as they can be', () => {
    const noCancel: PlayedLaw = {
      name: 'no-cancel',
      says: 'nobody cancels',
      of: ['busy'],
      check: ({ events, nodes, queues }) => {
        const isEmpty = nodes.length === 0 || queues.length === 0;
        if (!isEmpty && events.some((event) => event.do === 'cancel')) throw new LawBroken('somebody cancels');
      },
    };
    const broken = Array.from({ length: 50 }, (_, seed) => historyOf(seed, 'busy')).find(({ events }) =>
      events.some((event) => event.do === 'cancel'),
    );
    if (broken === undefined) throw new Error('no history has a cancel');
    const { history: short } = minimise({ law: noCancel, history: broken, error: new LawBroken('somebody cancels') });
    expect(short.events.map((event) => event.do)).toEqual(['cancel']);
    expect([short.nodes.length, short.queues.length]).toEqual([1, 1]);
  });
});

it('all laws have a name of their own', () => {
  expect(new Set(LAWS.map(({ name }) => name)).size).toBe(LAWS.length);
});

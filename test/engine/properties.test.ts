import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision, Evict } from '../../scheduler/engine/decisions.js';
import { step } from '../../scheduler/engine/engine.js';
import type { WorkloadNumber } from '../../common/ids.js';
import { TestCluster, type WorkloadOptions } from './cluster.js';
import { checkLaws, isOwed, placesByForce } from './laws.js';

/** A cluster of up to four nodes, a tree of queues on two levels, and a history of what happens. */
interface Story {
  readonly nodes: readonly { gpus: number; model: 'NVIDIA H100' | 'NVIDIA L4'; unhealthy: boolean }[];
  readonly tree: readonly {
    parent: boolean;
    guarantee: number;
    limit: number | null;
    weight: number;
    priority: number;
  }[];
  readonly events: readonly Happening[];
}

type Happening =
  | { readonly type: 'submit'; readonly queue: number; readonly options: WorkloadOptions }
  | { readonly type: 'finish' | 'cancel'; readonly which: number }
  | { readonly type: 'cordon' | 'uncordon' | 'down' | 'ready'; readonly node: number }
  | { readonly type: 'settle' | 'cycle' };

const submit = fc.record({
  type: fc.constant('submit' as const),
  queue: fc.nat(9),
  options: fc.record({
    gpus: fc.constantFrom(0, 1, 1, 1, 1, 2, 2, 3, 4, 8),
    tasks: fc.constantFrom(1, 1, 1, 1, 2, 3),
    priority: fc.constantFrom(0, 50, 100),
    preemptible: fc.constantFrom(true, true, true, false),
    model: fc.constantFrom('', '', '', 'h100', 'h100', 'L4'),
  }),
});
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 14, arbitrary: submit },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('finish', 'cancel'), which: fc.nat(40) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('cordon', 'uncordon', 'down', 'ready'), node: fc.nat(3) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('settle', 'cycle') }) },
);
/** Much more work than GPUs, on sound nodes: all about shares, priorities and gangs. */
const busyStory: fc.Arbitrary<Story> = fc.record({
  nodes: fc.array(
    fc.record({ gpus: fc.constantFrom(4, 8), model: fc.constant('NVIDIA H100'), unhealthy: fc.constant(false) }),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
  tree: fc.array(
    fc.record({
      parent: fc.boolean(),
      guarantee: fc.constantFrom(0, 1, 2, 3, 4, 8),
      limit: fc.constantFrom(null, null, null, 8, 12),
      weight: fc.constantFrom(0, 1, 1, 2, 3),
      priority: fc.constantFrom(50, 100, 100),
    }),
    { minLength: 2, maxLength: 5 },
  ),
  events: fc.array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({
          type: fc.constant('submit' as const),
          queue: fc.nat(4),
          options: fc.record({
            gpus: fc.constantFrom(1, 1, 2, 3, 4),
            tasks: fc.constantFrom(1, 1, 1, 2, 3),
            priority: fc.constantFrom(0, 50, 50, 100),
            preemptible: fc.constantFrom(true, true, true, true, false),
          }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ type: fc.constantFrom('finish' as const, 'cancel' as const), which: fc.nat(40) }),
      },
      { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('settle' as const, 'cycle' as const) }) },
    ),
    { minLength: 20, maxLength: 60 },
  ),
});
const mixedStory: fc.Arbitrary<Story> = fc.record({
  nodes: fc.array(
    fc.record({
      gpus: fc.constantFrom(8, 4, 8, 4, 2, 1, 0),
      model: fc.constantFrom('NVIDIA H100', 'NVIDIA H100', 'NVIDIA L4'),
      unhealthy: fc.constantFrom(false, false, false, false, true),
    }),
    { minLength: 1, maxLength: 4, size: 'max' },
  ),
  tree: fc.array(
    fc.record({
      parent: fc.boolean(),
      guarantee: fc.constantFrom(0, 1, 2, 3, 4, 8),
      limit: fc.constantFrom(null, null, null, 4, 8, 12),
      weight: fc.constantFrom(0, 1, 1, 2, 3),
      priority: fc.constantFrom(50, 100, 100),
    }),
    { minLength: 1, maxLength: 5, size: 'max' },
  ),
  events: fc.array(happening, { minLength: 1, maxLength: 50, size: 'max' }),
});

const story = fc.oneof(mixedStory, busyStory);

/** Queue q1 to q5; those with a parent hang under `top1` or `top2`. */
function build({ nodes, tree }: Story): TestCluster {
  const cluster = new TestCluster();
  nodes.forEach(({ gpus, model, unhealthy }, at) => {
    cluster.node(`n${at}`, { gpus, model, unhealthy: unhealthy ? [0] : [] });
  });
  for (const top of [1, 2]) {
    const below = tree.filter(({ parent }, at) => parent && (at % 2) + 1 === top);
    const guarantee = below.reduce((sum, child) => sum + child.guarantee, 0);
    if (below.length > 0) cluster.queue(`top${top}`, { guarantee, limit: top === 1 ? guarantee + 4 : undefined });
  }
  tree.forEach(({ parent, guarantee, limit, weight, priority }, at) => {
    cluster.queue(`q${at}`, {
      parent: parent ? `top${(at % 2) + 1}` : undefined,
      guarantee,
      limit: limit === null ? undefined : Math.max(limit, guarantee),
      weight,
      priority,
    });
  });
  return cluster;
}

function happen(cluster: TestCluster, plan: Story, event: Happening, budget: number): void {
  switch (event.type) {
    case 'submit': {
      cluster.nowMs += 1000;
      cluster.submit(`q${event.queue % plan.tree.length}`, event.options);
      return;
    }
    case 'finish':
    case 'cancel': {
      const live = cluster.workloads().filter(({ state }) => ['pending', 'starting', 'running'].includes(state));
      const chosen = live[event.which % Math.max(1, live.length)];
      if (!chosen) return;
      if (event.type === 'cancel' || chosen.state === 'pending') cluster.cancel(chosen.number);
      else cluster.finish(chosen.number);
      return;
    }
    case 'cordon':
    case 'uncordon':
      cluster.cordon(`n${event.node % plan.nodes.length}`, event.type === 'cordon');
      return;
    case 'down':
    case 'ready':
      cluster.liveness(`n${event.node % plan.nodes.length}`, event.type);
      return;
    case 'settle':
      cluster.settle(budget);
      return;
    case 'cycle':
      cluster.cycle(budget);
  }
}

/** Plays a story to its last event. */
function perform(plan: Story, budget = 1e9): TestCluster {
  const cluster = build(plan);
  cluster.onDecision = (decision) => checkLaws(cluster, decision);
  for (const event of plan.events) happen(cluster, plan, event, budget);
  return cluster;
}

/** The same, and lets the engine decide on what the last event left. */
function play(plan: Story, budget = 1e9): TestCluster {
  const cluster = perform(plan, budget);
  cluster.settle(budget);
  return cluster;
}

function withoutPriority(event: Happening): Happening {
  return event.type === 'submit' ? { ...event, options: { ...event.options, priority: 50 } } : event;
}

/** Runs cycles with no outside event until ten of them changed nothing. */
function evictionsUntilRest(cluster: TestCluster): Evict[] {
  const evictions: Evict[] = [];
  for (let cycles = 0, quiet = 0; quiet < 10; cycles++) {
    if (cycles > 30) throw new Error('not at rest after 30 cycles');
    const made = cluster.cycle();
    quiet = made.length === 0 ? quiet + 1 : 0;
    evictions.push(...made.filter((decision) => decision.type === 'evict'));
  }
  return evictions;
}

// One seed, so that a run here says the same as a run there. Take others, and more runs, after changing the engine.
const RUNS = { numRuns: 300, seed: 20_261_124 };

describe('laws of the engine', () => {
  it('no decision breaks a law, whatever happens', () => {
    fc.assert(
      fc.property(story, (plan) => void play(plan)),
      RUNS,
    );
  });

  it('a view made from the records finds nothing that the one which followed the changes missed', () => {
    fc.assert(
      fc.property(story, (plan) => {
        const cluster = play(plan);
        const { decisions } = step(cluster.freshView(), cluster.nowMs, 1e9);
        expect(decisions).toEqual([]);
      }),
      RUNS,
    );
  });

  it('comes to rest: ten quiet cycles change nothing', () => {
    fc.assert(
      fc.property(story, (plan) => void evictionsUntilRest(perform(plan))),
      RUNS,
    );
  });

  // Where GPUs differ, a queue may borrow of one kind what another lacks of the other kind, and this need not hold.
  it('lets no victim evict its evictor, where all GPUs are alike', () => {
    fc.assert(
      fc.property(busyStory, (plan) => {
        const evictors = new Map<WorkloadNumber, Set<WorkloadNumber>>();
        for (const { workload, forWorkload } of evictionsUntilRest(perform(plan))) {
          if (forWorkload === null) continue;
          if (evictors.get(forWorkload)?.has(workload))
            throw new Error(`${forWorkload} evicts its evictor ${workload}`);
          evictors.set(workload, (evictors.get(workload) ?? new Set()).add(forWorkload));
        }
      }),
      RUNS,
    );
  });

  // With priorities, one reclaim and later one preempt may each rightly choose the same workload.
  it('evicts nobody twice where all priorities are equal', () => {
    fc.assert(
      fc.property(story, (mixed) => {
        const plan = { ...mixed, events: mixed.events.map(withoutPriority) };
        const evicted = evictionsUntilRest(perform(plan)).map(({ workload }) => workload);
        expect(evicted).toEqual([...new Set(evicted)]);
      }),
      RUNS,
    );
  });

  it('refuses no task within its guarantee while legal victims could free a place for it', () => {
    fc.assert(
      fc.property(busyStory, (plan) => {
        const flat = { ...plan, tree: plan.tree.map((queue) => ({ ...queue, parent: false, limit: null })) };
        const cluster = play(flat);
        for (const workload of cluster.workloads()) {
          if (isOwed(cluster, workload) && placesByForce(cluster, workload).length > 0) {
            throw new Error(`${workload.number} is owed GPUs and could have them, but has no claim`);
          }
        }
      }),
      RUNS,
    );
  });

  it('decides the same again', () => {
    fc.assert(
      fc.property(story, (plan) => {
        const once: Decision[] = play(plan).decisions;
        expect(play(plan).decisions).toEqual(once);
      }),
      { ...RUNS, numRuns: 100 },
    );
  });

  it('keeps the laws and leaves nothing undone when cut by any budget', () => {
    fc.assert(
      fc.property(story, fc.integer({ min: 0, max: 6 }), (plan, budget) => {
        const cluster = play(plan, budget);
        const { decisions } = step(cluster.freshView(), cluster.nowMs, 1e9);
        expect(decisions).toEqual([]);
      }),
      RUNS,
    );
  });

  it('gives every pending workload one reason, and others none', () => {
    fc.assert(
      fc.property(story, (plan) => {
        const cluster = play(plan);
        for (const { number, state } of cluster.workloads()) {
          const explanation = cluster.explain(number);
          expect(explanation !== null).toBe(state === 'pending');
          if (explanation) {
            expect(explanation.reason).not.toBe('NOT_EVALUATED');
            expect(explanation.summary).toMatch(/^.*\.$/);
          }
        }
      }),
      RUNS,
    );
  });
});

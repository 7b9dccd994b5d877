// Playing scenarios against an engine that does what the test says: cycles, what becomes of decisions, and how what comes
// out is compared.
import { describe, expect, test } from 'vitest';
import { play, policyFor } from '../../simulator/conformance/play.js';
import { START_MS } from '../../simulator/conformance/translate.js';
import {
  bind,
  claim,
  dropClaim,
  evict,
  jobOf,
  nodeOf,
  place,
  runsOn,
  scenarioWith,
  ScriptedEngine,
  WAITS,
} from './builder.js';

const RUNS_AND_WAITS = [jobOf('holder', [runsOn('node0')]), jobOf('waiter', [WAITS])];

function expecting(jobs: readonly object[], expected: object, more: Record<string, unknown> = {}) {
  return scenarioWith({ jobs, expect: expected, ...more });
}

describe('one action', () => {
  test('compares before anything takes effect', () => {
    const scenario = expecting(RUNS_AND_WAITS, {
      jobs: { holder: { status: 'releasing', node: 'node0' }, waiter: { status: 'pipelined', node: 'node0' } },
      max_evictions: 1,
      max_binds: 0,
    });
    const engine = new ScriptedEngine([evict(1, 0), claim(2, place(0, 'node0', 0))]);
    expect(play(scenario, engine)).toEqual([]);
    expect(engine.asked).toHaveLength(1);
  });

  test('runs with that action alone, and a grace for broken gangs', () => {
    expect(policyFor({ kind: 'one_action', family: 'consolidation' })).toMatchObject({
      actions: ['consolidate'],
      brokenGangGraceMs: 60_000,
      placement: 'pack',
      reserveAfterMs: null,
      maxDisturbance: Infinity,
    });
    expect(policyFor({ kind: 'one_action', family: 'stalegangeviction' }).actions).toEqual(['repair']);
    expect(policyFor({ kind: 'steady', family: 'reclaim' })).toMatchObject({
      actions: ['allocate', 'consolidate', 'reclaim', 'preempt', 'repair'],
      brokenGangGraceMs: 0,
    });
  });

  test('of a family that is no action cannot be represented', () => {
    const scenario = scenarioWith({ family: 'deletion_tests' });
    expect(play(scenario, new ScriptedEngine())).toEqual(['cannot be represented: deletion_tests is no single action']);
  });

  test('shows a moved task where it is moved to', () => {
    const scenario = expecting(
      [jobOf('holder', [runsOn('node0')])],
      { jobs: { holder: { status: 'pipelined', node: 'node1' } } },
      { nodes: [nodeOf('node0', 1), nodeOf('node1', 1)] },
    );
    expect(play(scenario, new ScriptedEngine([evict(1, 0), claim(1, place(0, 'node1', 0))]))).toEqual([]);
    expect(play(scenario, new ScriptedEngine([evict(1, 0), claim(1, place(0, 'node1', 0)), dropClaim(1)]))).toEqual([
      'holder-0 expected pipelined on node1 got releasing on node0 GPU 0',
    ]);
  });

  test('shows which of an elastic workload’s tasks go, come and are promised', () => {
    const jobs = [jobOf('elastic', [runsOn('node0'), runsOn('node0'), WAITS, WAITS])];
    const scenario = expecting(jobs, {
      tasks: {
        'elastic-0': { status: 'running' },
        'elastic-1': { status: 'releasing' },
        'elastic-2': { status: 'binding' },
        'elastic-3': { status: 'pipelined' },
      },
    });
    const decisions = [evict(1, 1), bind(1, place(2, 'node0', 1)), claim(1, place(3, 'node0', 1))];
    expect(play(scenario, new ScriptedEngine(decisions))).toEqual([]);
  });

  test('maps tasks by the order in which they are placed', () => {
    const tasks = [WAITS, { ...WAITS, order_priority: 1 }];
    const scenario = expecting([jobOf('job', tasks)], {
      tasks: { 'job-0': { status: 'pending' }, 'job-1': { status: 'binding' } },
    });
    expect(play(scenario, new ScriptedEngine([bind(1, place(0, 'node0', 0))]))).toEqual([]);
  });
});

describe('a wrong expectation is reported', () => {
  const bound = [bind(2, place(0, 'node0', 1))];

  test.each<[string, object, string[]]>([
    ['a status', { jobs: { waiter: { status: 'pending' } } }, ['waiter-0 expected pending got binding on node0 GPU 1']],
    [
      'a node',
      { tasks: { 'waiter-0': { status: 'binding', node: 'node9' } } },
      ['waiter-0 expected binding on node9 got binding on node0 GPU 1'],
    ],
    [
      'a request of a job',
      { jobs: { waiter: { status: 'binding', gpus: 2 } } },
      ['waiter expected 2 GPUs asked for got 1'],
    ],
    [
      'a request of a task',
      { tasks: { 'waiter-0': { status: 'binding', gpus: 2 } } },
      ['waiter-0 expected 2 GPUs asked for got 1'],
    ],
    ['binds', { max_binds: 0 }, ['all tasks expected at most 0 binds in one cycle got 1']],
  ])('of %s', (_, expected, lines) => {
    expect(play(expecting(RUNS_AND_WAITS, expected), new ScriptedEngine(bound))).toEqual(lines);
  });

  test('of evictions', () => {
    const scenario = expecting(RUNS_AND_WAITS, { max_evictions: 0 });
    expect(play(scenario, new ScriptedEngine([evict(1, 0)]))).toEqual([
      'all tasks expected at most 0 evictions in one cycle got 1',
    ]);
  });

  test('of a status that is one thing before a cycle takes effect and another after', () => {
    const scenario = expecting([jobOf('job', [WAITS])], { jobs: { job: { status: 'running' } } });
    expect(play(scenario, new ScriptedEngine([bind(1, place(0, 'node0', 0))]))).toEqual([
      'job-0 expected running got binding on node0 GPU 0',
    ]);
  });
});

describe('groups of shares', () => {
  const half = (name: string, task: object) => jobOf(name, [task], { gpus_per_task: 0.5 });
  const jobs = [half('holder', runsOn('node0', { gpu_groups: ['7'] })), half('waiter', WAITS)];
  const same = {
    jobs: { holder: { status: 'running', gpu_groups: ['0'] }, waiter: { status: 'binding', gpu_groups: ['0'] } },
  };
  const other = {
    jobs: { holder: { status: 'running', gpu_groups: ['0'] }, waiter: { status: 'binding', gpu_groups: ['1'] } },
  };
  const onGpu = (gpu: number) => new ScriptedEngine([bind(2, place(0, 'node0', gpu, 3_500))]);

  test('with equal labels must share the GPU, whatever the labels are', () => {
    expect(play(expecting(jobs, same), onGpu(0))).toEqual([]);
    expect(play(expecting(jobs, same), onGpu(1))).toEqual([
      'waiter-0 expected binding GPU group 0 got binding on node0 GPU 1',
    ]);
  });

  test('with other labels are free', () => {
    expect(play(expecting(jobs, other), onGpu(0))).toEqual([]);
    expect(play(expecting(jobs, other), onGpu(1))).toEqual([]);
  });
});

describe('steady', () => {
  const steady = (untilMatch: number, staysFor: number) => ({
    kind: 'steady',
    rounds: { until_match: untilMatch, stays_for: staysFor },
  });
  const swapped = { jobs: { holder: { status: 'pending' }, waiter: { status: 'running', node: 'node0' } } };

  test('lets what was told to stop come back, drops promises, and starts what was bound', () => {
    const engine = new ScriptedEngine([evict(1, 0), claim(2, place(0, 'node0', 0))], [bind(2, place(0, 'node0', 1))]);
    expect(play(expecting(RUNS_AND_WAITS, swapped, steady(2, 1)), engine)).toEqual([]);
    const [first, second, third] = engine.asked;
    expect(first?.cluster.workloads.map(({ state }) => state)).toEqual(['running', 'pending']);
    expect(second?.cluster.workloads.map(({ state, claim: promised }) => [state, promised])).toEqual([
      ['pending', null],
      ['pending', null],
    ]);
    expect(second?.cluster.allocations).toEqual([]);
    expect(third?.cluster.workloads.map(({ state }) => state)).toEqual(['pending', 'running']);
    expect(third?.cluster.allocations).toMatchObject([{ id: '2/0', state: 'running', gpus: [{ index: 1 }] }]);
    expect(engine.asked.map(({ nowMs }) => nowMs - START_MS)).toEqual([0, 1_000, 2_000]);
  });

  test('reports what is not as expected in time, once', () => {
    expect(play(expecting(RUNS_AND_WAITS, swapped, steady(2, 5)), new ScriptedEngine())).toEqual([
      'holder-0 expected pending got running on node0 GPU 0 (cycle 2)',
      'waiter-0 expected running on node0 got pending (cycle 2)',
    ]);
  });

  test('reports what moves afterwards, though it comes back', () => {
    const stays = { jobs: { holder: { status: 'running' }, waiter: { status: 'pending' } } };
    const engine = new ScriptedEngine([], [evict(1, 0)], [bind(1, place(0, 'node0', 0))]);
    expect(play(expecting(RUNS_AND_WAITS, stays, steady(1, 4)), engine)).toEqual([
      'holder-0 expected running got releasing on node0 GPU 0 (cycle 2)',
      'holder-0 expected running got binding on node0 GPU 0 (cycle 3)',
    ]);
    expect(engine.asked).toHaveLength(5);
  });

  test('keeps what is deleted when it is evicted releasing', () => {
    const leaver = jobOf('leaver', [{ state: 'releasing', node: 'node0' }], { deleted_when_evicted: true });
    const scenario = expecting([leaver], { jobs: { leaver: { status: 'releasing', node: 'node0' } } }, steady(2, 2));
    expect(play(scenario, new ScriptedEngine())).toEqual([]);
  });

  test('counts evictions and binds by the cycle', () => {
    const engine = new ScriptedEngine([evict(1, 0)], [bind(2, place(0, 'node0', 0))]);
    expect(play(expecting(RUNS_AND_WAITS, { max_evictions: 0, max_binds: 1 }, steady(2, 1)), engine)).toEqual([
      'all tasks expected at most 0 evictions in one cycle got 1 (cycle 1)',
    ]);
  });
});

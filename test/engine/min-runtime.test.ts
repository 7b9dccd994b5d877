// The time in which running work may not be stopped for others: of its queue or one above, never longer than the cluster
// allows, and the engine tells when it ends.
import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY } from '../../scheduler/engine/policy.js';
import type { QueueOptions, TestCluster } from './cluster.js';
import { lawfulCluster } from './laws.js';

const minute = 60_000;

/** Queue `a` borrows the only GPU, placed at 1,000,000; `b` is owed it. */
function borrowed(rules: QueueOptions, above: QueueOptions = {}) {
  const cluster = lawfulCluster({ reserveAfterMs: null })
    .nodes(1, { gpus: 1 })
    .queue('top', above)
    .queue('a', { parent: 'top', ...rules })
    .queue('b', { guarantee: 1 });
  const victim = cluster.running('a', 'n0', [0]);
  const owner = cluster.submit('b');
  return { cluster, victim, owner };
}

/** Milliseconds from now to when the engine wants to look again; the victim is told to leave then, and not before. */
function protectedMs(cluster: TestCluster, victim: Parameters<TestCluster['states']>[0]): number {
  const startMs = cluster.nowMs;
  expect(cluster.settle()).toEqual([]);
  const wakeMs = cluster.wakeMs();
  if (wakeMs === null) throw new Error('nobody is to be woken');
  cluster.nowMs = wakeMs - 1;
  expect(cluster.settle()).toEqual([]);
  cluster.nowMs = wakeMs;
  cluster.settle();
  expect(cluster.states(victim)).toEqual(['stopping']);
  return wakeMs - startMs;
}

describe('min-runtime against other queues', () => {
  it.each<[string, QueueOptions, QueueOptions, number]>([
    ['of its queue', { reclaimMinRuntimeMs: 10 * minute }, {}, 10],
    ['of the queue above', {}, { reclaimMinRuntimeMs: 20 * minute }, 20],
    [
      'of its queue, not of the one above',
      { reclaimMinRuntimeMs: 5 * minute },
      { reclaimMinRuntimeMs: 20 * minute },
      5,
    ],
    ['no longer than the cluster allows', { reclaimMinRuntimeMs: 1e12 }, {}, DEFAULT_POLICY.maxMinRuntimeMs / minute],
  ])('%s', (_, rules, above, minutes) => {
    const { cluster, victim } = borrowed(rules, above);
    expect(protectedMs(cluster, victim)).toBe(minutes * minute);
  });

  it.each<[string, QueueOptions]>([
    ['is 0 where nobody says otherwise', {}],
    ['of 0 protects nobody, whatever the queue above says', { reclaimMinRuntimeMs: 0 }],
    ['for its own queue does not count', { preemptMinRuntimeMs: 10 * minute }],
  ])('%s', (_, rules) => {
    const above = rules.reclaimMinRuntimeMs === 0 ? { reclaimMinRuntimeMs: minute } : {};
    const { cluster, victim } = borrowed(rules, above);
    cluster.settle();
    expect(cluster.states(victim)).toEqual(['stopping']);
  });

  it('counts from the placing of the attempt', () => {
    const { cluster, victim } = borrowed({ reclaimMinRuntimeMs: 10 * minute });
    cluster.nowMs += 4 * minute;
    expect(protectedMs(cluster, victim)).toBe(6 * minute);
  });

  it('is over at once when the rule is lifted', () => {
    const { cluster, victim } = borrowed({ reclaimMinRuntimeMs: 10 * minute });
    expect(cluster.settle()).toEqual([]);
    cluster.queue('a', { parent: 'top' }).settle();
    expect(cluster.states(victim)).toEqual(['stopping']);
  });

  it('lets another victim go instead', () => {
    const cluster = lawfulCluster({ reserveAfterMs: null })
      .nodes(1, { gpus: 2 })
      .queue('a', { reclaimMinRuntimeMs: 10 * minute })
      .queue('b', { guarantee: 1 });
    const old = cluster.running('a', 'n0', [0]);
    cluster.nowMs += 10 * minute;
    const young = cluster.running('a', 'n0', [1]);
    cluster.submit('b');
    cluster.settle();
    expect(cluster.states(old, young)).toEqual(['stopping', 'running']);
  });

  it('protects the core of elastic work, not its surplus', () => {
    const cluster = lawfulCluster({ reserveAfterMs: null })
      .nodes(1, { gpus: 4 })
      .queue('a', { reclaimMinRuntimeMs: 10 * minute })
      .queue('b', { guarantee: 4 });
    const elastic = cluster.placed('a', 'n0:0 n0:1 n0:2 n0:3', { tasks: 2, maxTasks: 4 });
    const owners = cluster.submitMany(4, 'b');
    cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 1]);
    expect(cluster.held('b')).toBe(2);
    cluster.nowMs += 10 * minute;
    cluster.cycle();
    expect(cluster.states(...owners)).toEqual(['starting', 'starting', 'starting', 'starting']);
  });

  it('protects from being moved as well', () => {
    const cluster = lawfulCluster({ reserveAfterMs: null })
      .nodes(2, { gpus: 4 })
      .queue('a', { reclaimMinRuntimeMs: 10 * minute })
      .queue('b');
    cluster.running('a', 'n0', [0, 1]);
    cluster.running('a', 'n1', [0, 1]);
    const large = cluster.submit('b', { gpus: 4 });
    // Above its share of nothing: it could be moved.
    cluster.queue('a', { reclaimMinRuntimeMs: 10 * minute, weight: 0 });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.wakeMs()).toBe(cluster.nowMs + 10 * minute);
    cluster.nowMs += 10 * minute;
    cluster.cycle();
    expect(cluster.states(large)).toEqual(['starting']);
  });
});

describe('min-runtime against its own queue', () => {
  it.each<[string, QueueOptions, number]>([
    ['protects from higher priority', { preemptMinRuntimeMs: 10 * minute }, 10],
    ['is capped by the cluster too', { preemptMinRuntimeMs: 1e12 }, 60],
  ])('%s', (_, rules, minutes) => {
    const cluster = lawfulCluster({ reserveAfterMs: null })
      .nodes(1, { gpus: 1 })
      .queue('q', { guarantee: 1, ...rules });
    const low = cluster.running('q', 'n0', [0], { priority: 10 });
    cluster.submit('q', { priority: 90 });
    expect(protectedMs(cluster, low)).toBe(minutes * minute);
  });

  it('does not count what is for other queues', () => {
    const cluster = lawfulCluster({ reserveAfterMs: null })
      .nodes(1, { gpus: 1 })
      .queue('q', { guarantee: 1, reclaimMinRuntimeMs: 10 * minute });
    const low = cluster.running('q', 'n0', [0], { priority: 10 });
    cluster.submit('q', { priority: 90 });
    cluster.settle();
    expect(cluster.states(low)).toEqual(['stopping']);
  });

  it('of another cap', () => {
    const cluster = lawfulCluster({ maxMinRuntimeMs: 3 * minute, reserveAfterMs: null })
      .nodes(1, { gpus: 1 })
      .queue('q', { guarantee: 1, preemptMinRuntimeMs: 10 * minute });
    const low = cluster.running('q', 'n0', [0], { priority: 10 });
    cluster.submit('q', { priority: 90 });
    expect(protectedMs(cluster, low)).toBe(3 * minute);
  });
});

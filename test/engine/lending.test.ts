// What a queue lets those do who borrow what it is guaranteed: when it takes that back, a min-runtime protects them no longer
// than it says, and its name is on the eviction, so that its cap on graces counts. Who takes by a fair share has lent nothing.
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import type { QueueOptions, TestCluster } from './cluster.js';
import { explain } from '../../scheduler/engine/explain.js';
import { lawfulCluster } from './laws.js';

const minute = 60_000;
const SHIELDED: QueueOptions = { reclaimMinRuntimeMs: 10 * minute };

/** Minutes from now to the eviction of one workload, and who is said to have lent what it gives. */
function evicted(cluster: TestCluster, victim: WorkloadNumber | undefined) {
  const startMs = cluster.nowMs;
  for (let looks = 0; looks < 10; looks++) {
    const evict = cluster.settle().find((one) => one.type === 'evict');
    if (evict?.type === 'evict') {
      expect(evict.workload).toBe(victim);
      return { minutes: (cluster.nowMs - startMs) / minute, lender: evict.lender };
    }
    const wakeMs = cluster.wakeMs();
    if (wakeMs === null) return null;
    cluster.nowMs = wakeMs;
  }
  return null;
}

/** `a` borrows the only GPU; `leaf`, below `top`, waits for it. */
function lent(top: QueueOptions, leaf: QueueOptions, borrower: QueueOptions = SHIELDED) {
  const cluster = lawfulCluster({ reserveAfterMs: null })
    .nodes(1, { gpus: 1 })
    .queue('a', borrower)
    .queue('top', top)
    .queue('leaf', { parent: 'top', ...leaf });
  const victim = cluster.running('a', 'n0', [0]);
  const waits = cluster.submit('leaf');
  return { cluster, victim, waits };
}

describe('a queue that takes back what it is guaranteed', () => {
  it.each<[string, QueueOptions, QueueOptions, { minutes: number; lender: string }]>([
    [
      'lets a min-runtime run out when it says nothing',
      { guarantee: 1 },
      { guarantee: 1 },
      { minutes: 10, lender: 'leaf' },
    ],
    ['cuts it', { guarantee: 1 }, { guarantee: 1, lendMaxMinRuntimeMs: 2 * minute }, { minutes: 2, lender: 'leaf' }],
    ['ends it at once', { guarantee: 1 }, { guarantee: 1, lendMaxMinRuntimeMs: 0 }, { minutes: 0, lender: 'leaf' }],
    [
      'makes it no longer',
      { guarantee: 1 },
      { guarantee: 1, lendMaxMinRuntimeMs: 20 * minute },
      { minutes: 10, lender: 'leaf' },
    ],
    [
      'has the rule of the queue above it, if none of its own',
      { guarantee: 1, lendMaxMinRuntimeMs: 3 * minute },
      { guarantee: 1 },
      { minutes: 3, lender: 'leaf' },
    ],
    [
      'has its own before that of the queue above it',
      { guarantee: 1, lendMaxMinRuntimeMs: 3 * minute },
      { guarantee: 1, lendMaxMinRuntimeMs: 5 * minute },
      { minutes: 5, lender: 'leaf' },
    ],
    [
      'lends through the queue above it, if only that is guaranteed anything',
      { guarantee: 1, lendMaxMinRuntimeMs: 3 * minute },
      { lendMaxMinRuntimeMs: minute },
      { minutes: 3, lender: 'top' },
    ],
  ])('%s', (_, top, leaf, expected) => {
    const { cluster, victim } = lent(top, leaf);
    expect(evicted(cluster, victim)).toEqual(expected);
  });

  it('says so of what is moved for it as well', () => {
    const cluster = lawfulCluster({ reserveAfterMs: null })
      .nodes(2, { gpus: 2 })
      .queue('a', { ...SHIELDED, weight: 0 })
      .queue('b', { guarantee: 2, lendMaxMinRuntimeMs: minute });
    const [one, other] = [cluster.running('a', 'n0', [0]), cluster.running('a', 'n1', [0])];
    cluster.submit('b', { gpus: 2 });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.wakeMs()).toBe(cluster.nowMs + minute);
    cluster.nowMs += minute;
    const evictions = cluster.settle().flatMap((each) => (each.type === 'evict' ? [each] : []));
    expect(evictions).toHaveLength(1);
    expect([one, other]).toContain(evictions[0]?.workload);
    expect(evictions[0]).toMatchObject({ lender: 'b' });
  });

  it('is heard of when it changes its mind', () => {
    const { cluster, victim } = lent({ guarantee: 1 }, { guarantee: 1 });
    expect(cluster.settle()).toEqual([]);
    cluster.queue('leaf', { parent: 'top', guarantee: 1, lendMaxMinRuntimeMs: 0 }).settle();
    expect(cluster.states(victim)).toEqual(['stopping']);
  });
});

describe('a queue that takes beyond its guarantee', () => {
  it('has lent nothing, so that the rules of the borrower alone count', () => {
    const cluster = lawfulCluster({ reserveAfterMs: null })
      .nodes(1, { gpus: 2 })
      .queue('a', SHIELDED)
      .queue('b', { lendMaxMinRuntimeMs: 0 });
    cluster.running('a', 'n0', [0]);
    const victim = cluster.running('a', 'n0', [1]);
    cluster.submit('b');
    expect(evicted(cluster, victim)).toEqual({ minutes: 10, lender: null });
  });

  it('has lent nothing either when only the queue in it, not the one beside the giver, stays within its guarantee', () => {
    const cluster = lawfulCluster({ reserveAfterMs: null })
      .nodes(1, { gpus: 4 })
      .queue('a', { ...SHIELDED, guarantee: 0 })
      .queue('top', { guarantee: 1 })
      .queue('sister', { parent: 'top' })
      .queue('leaf', { parent: 'top', guarantee: 1, lendMaxMinRuntimeMs: 0, weight: 3 });
    cluster.running('sister', 'n0', [0], { preemptible: false });
    const running = [1, 2, 3].map((gpu) => cluster.running('a', 'n0', [gpu]));
    cluster.submit('leaf');
    expect(evicted(cluster, running.at(-1))).toEqual({ minutes: 10, lender: null });
  });
});

describe('why nobody gives', () => {
  it.each<[string, QueueOptions, QueueOptions, string]>([
    ['by the rule of the borrower', SHIELDED, {}, 'may run for another 10m00s, as queue a has 10m00s.'],
    [
      'by that of the lender',
      SHIELDED,
      { lendMaxMinRuntimeMs: 2 * minute },
      'may run for another 2m00s, as queue leaf lends for 2m00s (queue a has 10m00s).',
    ],
    [
      'by that of the cluster',
      { reclaimMinRuntimeMs: 300 * minute },
      { lendMaxMinRuntimeMs: 200 * minute },
      'may run for another 1h00m, as the cluster allows 1h00m (queue a has 5h00m).',
    ],
  ])('is told %s', (_, borrower, leaf, says) => {
    const { cluster, waits } = lent({ guarantee: 1 }, { guarantee: 1, ...leaf }, borrower);
    expect(cluster.settle()).toEqual([]);
    expect(explain(cluster.view, waits, cluster.nowMs)?.summary).toContain(says);
  });
});

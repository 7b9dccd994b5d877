import { describe, expect, it } from 'vitest';
import { step } from '../../scheduler/engine/engine.js';
import { divide } from '../../scheduler/engine/fair-share.js';
import { LOOK_EVERY_MS } from '../../scheduler/engine/past-use.js';
import { TestCluster } from './cluster.js';

const HOUR_MS = 3_600_000;

describe('the division of the surplus, past use counted', () => {
  type Row = readonly [guarantee: number, requestable: number, weight: number, usage: number];
  const cases: readonly [string, number, number, readonly Row[], readonly number[]][] = [
    ['who used nothing gets more', 12, 1, [[0, 99, 1, 0.5], [0, 99, 1, 0]], [4, 8]], // prettier-ignore
    ['who used twice his part gets nothing', 12, 1, [[0, 99, 1, 1], [0, 99, 1, 0]], [0, 12]], // prettier-ignore
    ['but what nobody else wants', 12, 1, [[0, 99, 1, 1], [0, 5, 1, 0]], [7, 5]], // prettier-ignore
    ['and always his guarantee', 12, 1, [[6, 99, 1, 1], [0, 99, 1, 0]], [6, 6]], // prettier-ignore
    ['half as strongly', 12, 0.5, [[0, 99, 1, 0.5], [0, 99, 1, 0]], [5, 7]], // prettier-ignore
    ['not at all', 12, 0, [[0, 99, 1, 1], [0, 99, 1, 0]], [6, 6]], // prettier-ignore
    ['by weight among those who used their part', 12, 1, [[0, 99, 2, 2 / 3], [0, 99, 1, 1 / 3]], [8, 4]], // prettier-ignore
    ['weight 0 gets nothing', 12, 1, [[0, 99, 0, 0], [0, 99, 1, 1]], [0, 12]], // prettier-ignore
  ];
  it.each(cases)('%s', (_, total, weight, rows, shares) => {
    const claimants = rows.map(([guarantee, requestable, own], at) => ({
      guarantee,
      requestable,
      weight: own,
      priority: 100,
      createdMs: at,
      name: `q${at}`,
    }));
    expect(divide(total, claimants, 1, { of: rows.map((row) => row[3]), weight })).toEqual(shares);
  });
});

/** Two equal queues on eight GPUs; `a` has had all of them for so many hours, and now `b` wants them, too. */
function afterHours(hours: number, usageHalfLifeMs: number | null): TestCluster {
  const cluster = new TestCluster({ usageHalfLifeMs, reserveAfterMs: null }).node('n0').queue('a').queue('b');
  cluster.settle();
  cluster.submitMany(16, 'a');
  cluster.settle();
  cluster.nowMs += hours * HOUR_MS;
  cluster.submitMany(16, 'b');
  cluster.cycle();
  cluster.cycle();
  return cluster;
}

function fairShares(cluster: TestCluster): number[] {
  return cluster.view.queueShares().map(({ fairShareGpus }) => fairShareGpus);
}

describe('past use', () => {
  const cases: readonly [string, number, number | null, readonly number[]][] = [
    ['does not count when switched off', 100, null, [4, 4]],
    ['does not count at once', 0, HOUR_MS, [4, 4]],
    ['counts half after a half-life: weights 1/2 and 1', 1, HOUR_MS, [3, 5]],
    ['counts nearly all after many', 10, HOUR_MS, [0, 8]],
    ['counts slowly where the half-life is long', 1, 100 * HOUR_MS, [4, 4]],
  ];
  it.each(cases)('%s', (_, hours, halfLifeMs, shares) => {
    const cluster = afterHours(hours, halfLifeMs);
    expect(fairShares(cluster)).toEqual(shares);
    expect([cluster.held('a'), cluster.held('b')]).toEqual(shares);
  });

  it('fades, and equals come to have equal shares', () => {
    const cluster = afterHours(10, HOUR_MS);
    for (let minute = 0; minute < 20 * 60; minute++) {
      cluster.nowMs += 60_000;
      cluster.cycle();
    }
    expect([cluster.held('a'), cluster.held('b')]).toEqual([4, 4]);
    const before = cluster.decisions.length;
    for (let minute = 0; minute < 10 * 60; minute++) {
      cluster.nowMs += 60_000;
      cluster.cycle();
    }
    expect(cluster.decisions.length).toBe(before);
  });

  it('has the odd GPU change hands seldom', () => {
    const cluster = new TestCluster({ usageHalfLifeMs: 24 * HOUR_MS }).node('n0', { gpus: 9 }).queue('a').queue('b');
    cluster.submitMany(20, 'a');
    cluster.submitMany(20, 'b');
    for (let minute = 0; minute < 24 * 60; minute++) {
      cluster.nowMs += 60_000;
      cluster.cycle();
    }
    const evictions = cluster.decisions.filter(({ type }) => type === 'evict').length;
    // By the minute it would be more than a thousand times.
    expect(evictions).toBeLessThanOrEqual(12);
  });

  it('wakes the engine while somebody waits for it, and nobody else', () => {
    const wakeMs = (cluster: TestCluster) => step(cluster.view, cluster.nowMs, 1e9).wakeMs;
    const waiting = afterHours(1, HOUR_MS);
    expect(wakeMs(waiting)).toBeLessThanOrEqual(waiting.nowMs + LOOK_EVERY_MS);
    expect(wakeMs(afterHours(1, null))).toBeNull();
    const idle = new TestCluster({ usageHalfLifeMs: HOUR_MS }).node('n0').queue('a');
    idle.submit('a');
    idle.settle();
    expect(wakeMs(idle)).toBeNull();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInside, nextChangeMs, nextStart, windowAt } from '../../scheduler/engine/maintenance.js';
import { MAINTENANCE_LEAD_MS } from '../../scheduler/engine/asks.js';
import { pendingReason } from '../../scheduler/engine/explain.js';
import type { Maintenance } from '../../scheduler/model/records.js';
import type { WorkloadOptions } from './cluster.js';
import { lawfulCluster } from './laws.js';

function window(startMs: number, endMs: number, everyMs: number | null = null): Maintenance {
  return { id: `${startMs}`, startMs, endMs, everyMs, reason: 'new driver' };
}

describe('maintenance windows', () => {
  const once = [window(100, 200)];
  const weekly = [window(100, 200, 1_000)];
  const cases: readonly [string, readonly Maintenance[], number, boolean, number | null, number | null][] = [
    // what, windows, now, inside, next start, next change
    ['no window', [], 5, false, null, null],
    ['before the only one', once, 99, false, 100, 100],
    ['its start belongs to it', once, 100, true, null, 200],
    ['inside', once, 150, true, null, 200],
    ['its end does not', once, 200, false, null, null],
    ['before the first of many', weekly, 0, false, 100, 100],
    ['in the first of many', weekly, 100, true, 1_100, 200],
    ['between two', weekly, 200, false, 1_100, 1_100],
    ['in the fourth', weekly, 3_199, true, 4_100, 3_200],
    ['after the fourth', weekly, 3_200, false, 4_100, 4_100],
    ['overlapping ones: the boundaries of each', [window(100, 200), window(150, 300)], 150, true, null, 200],
    ['nothing changes where one lies in another', [window(100, 400), window(150, 300)], 250, true, null, 300],
    ['occurrences that run into each other', [window(100, 250, 100)], 320, true, 400, 350],
    ['an empty window', [window(100, 100, 50)], 100, false, null, null],
    ['one that ends before it starts', [window(100, 90)], 95, false, null, null],
  ];
  it.each(cases)('%s', (_, windows, nowMs, inside, startMs, changeMs) => {
    expect(isInside(windows, nowMs)).toBe(inside);
    expect(nextStart(windows, nowMs)).toBe(startMs);
    expect(nextChangeMs(windows, nowMs)).toBe(changeMs);
  });

  it('names the window that stays open longest', () => {
    const windows = [window(0, 50), window(10, 90), window(20, 60)];
    expect(windowAt(windows, 30)?.id).toBe('10');
    expect(windowAt(windows, 90)).toBe(null);
  });

  it('agrees with a walk through every millisecond', () => {
    const any = fc
      .record({
        startMs: fc.nat(40),
        lengthMs: fc.integer({ min: -3, max: 12 }),
        everyMs: fc.option(fc.integer({ min: 1, max: 15 })),
      })
      .map(({ startMs, lengthMs, everyMs }) => window(startMs, startMs + lengthMs, everyMs));
    fc.assert(
      fc.property(fc.array(any, { maxLength: 4 }), fc.nat(80), (windows, nowMs) => {
        const starts = new Set<number>();
        const ends = new Set<number>();
        const inside = new Set<number>();
        for (const { startMs, endMs, everyMs } of windows) {
          if (endMs <= startMs) continue;
          for (let shiftMs = 0; shiftMs <= 200; shiftMs += everyMs ?? Infinity) {
            starts.add(startMs + shiftMs);
            ends.add(endMs + shiftMs);
            for (let ms = startMs + shiftMs; ms < endMs + shiftMs; ms++) inside.add(ms);
          }
        }
        const firstAfterNow = (times: Iterable<number>) =>
          [...times].filter((ms) => ms > nowMs).sort((a, b) => a - b)[0] ?? null;
        expect(isInside(windows, nowMs)).toBe(inside.has(nowMs));
        expect(nextStart(windows, nowMs)).toBe(firstAfterNow(starts));
        expect(nextChangeMs(windows, nowMs)).toBe(firstAfterNow([...starts, ...ends]));
      }),
      { seed: 3 },
    );
  });
});

const minute = 60_000;

describe('work and announced maintenance', () => {
  /** A node that is maintained for an hour, beginning in half an hour. */
  function announced(options: WorkloadOptions = {}, more: Partial<Maintenance> = {}) {
    const cluster = lawfulCluster({ reserveAfterMs: null }).queue('q', { guarantee: 100 });
    const startMs = cluster.nowMs + 30 * minute;
    const maintenance = [{ ...window(startMs, startMs + 60 * minute), ...more }];
    cluster.node('n0', { maintenance });
    const workload = cluster.submit('q', options);
    cluster.settle();
    return { cluster, workload, startMs };
  }

  it.each([
    // time limit in minutes, whether it starts
    [29, true],
    [30, true],
    [31, false],
    [24 * 60, false],
  ])('with a limit of %i minutes, half an hour before: %s', (minutes, starts) => {
    const { cluster, workload } = announced({ timeLimitMs: minutes * minute });
    expect(cluster.where(workload)).toBe(starts ? 'n0:0' : '');
  });

  it.each([
    // minutes until it begins, whether work without a time limit starts
    [MAINTENANCE_LEAD_MS / minute - 1, false],
    [MAINTENANCE_LEAD_MS / minute, true],
  ])('without a limit, %i minutes before: %s', (minutes, starts) => {
    const cluster = lawfulCluster({ reserveAfterMs: null }).queue('q', { guarantee: 100 });
    const startMs = cluster.nowMs + minutes * minute;
    cluster.node('n0', { maintenance: [window(startMs, startMs + minute)] });
    const workload = cluster.submit('q');
    cluster.settle();
    expect(cluster.where(workload)).toBe(starts ? 'n0:0' : '');
  });

  it('goes to a node that is not maintained', () => {
    const { cluster } = announced();
    cluster.node('n1');
    const long = cluster.submit('q', { timeLimitMs: 60 * minute });
    cluster.settle();
    expect(cluster.where(long)).toMatch(/^n1:/);
  });

  it('starts when it is over, and the engine tells when to look', () => {
    const { cluster, workload, startMs } = announced({ timeLimitMs: 60 * minute });
    expect(cluster.wakeMs()).toBe(startMs);
    cluster.nowMs = startMs;
    expect(cluster.settle()).toEqual([]);
    expect(cluster.wakeMs()).toBe(startMs + 60 * minute);
    cluster.nowMs = startMs + 60 * minute - 1;
    expect(cluster.settle()).toEqual([]);
    cluster.nowMs++;
    cluster.settle();
    expect(cluster.where(workload)).toBe('n0:0');
    expect(cluster.wakeMs()).toBe(null);
  });

  it('fits between two occurrences or waits', () => {
    const every = { everyMs: 120 * minute };
    const { cluster, startMs } = announced({ timeLimitMs: 61 * minute }, every);
    const short = cluster.submit('q', { timeLimitMs: 60 * minute });
    cluster.nowMs = startMs + 60 * minute;
    cluster.settle();
    expect(cluster.where(short)).toBe('n0:0');
    expect(cluster.allocations()).toHaveLength(1);
    expect(cluster.wakeMs()).toBe(startMs + 120 * minute);
  });

  it('that runs is left alone by the engine', () => {
    const { cluster, workload, startMs } = announced({ timeLimitMs: 20 * minute });
    cluster.nowMs = startMs + minute;
    expect(cluster.settle()).toEqual([]);
    expect(cluster.where(workload)).toBe('n0:0');
  });

  it('is not promised a place there either', () => {
    const { cluster, startMs } = announced({ gpus: 8, timeLimitMs: 20 * minute, priority: 10 });
    const long = cluster.submit('q', { gpus: 8, timeLimitMs: 60 * minute, priority: 90 });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.workload(long).claim).toBe(null);
    expect(cluster.wakeMs()).toBe(startMs);
  });

  it('loses a promise when the maintenance begins', () => {
    const { cluster, startMs } = announced({ gpus: 8, timeLimitMs: 20 * minute, priority: 10 });
    const high = cluster.submit('q', { gpus: 8, timeLimitMs: 20 * minute, priority: 90 });
    cluster.settle();
    cluster.nowMs = startMs;
    expect(cluster.settle()).toContainEqual({
      type: 'drop_claim',
      workload: high,
      message: 'node n0 is in maintenance',
    });
  });

  it('may start when the maintenance is called off', () => {
    const { cluster, workload } = announced({ timeLimitMs: 60 * minute });
    cluster.node('n0').settle();
    expect(cluster.where(workload)).toBe('n0:0');
  });

  it('is told that a maintenance is the reason', () => {
    const { cluster, workload } = announced({ timeLimitMs: 60 * minute });
    const explanation = cluster.explain(workload);
    expect(explanation).toMatchObject({
      reason: 'MAINTENANCE',
      summary:
        'A maintenance of every node that would fit begins before it could end; the last begins in 30m00s, of n0: with a ' +
        'time limit that ends before that it may start there.',
    });
    expect(explanation?.lines).toContainEqual({
      title: 'Nearest',
      text: 'n0 has everything, but its maintenance begins in 30m00s',
    });
    expect(pendingReason(cluster.view, workload, cluster.nowMs)).toBe('MAINTENANCE');
  });

  it('is told that nodes are in maintenance', () => {
    const { cluster, workload, startMs } = announced({ timeLimitMs: 60 * minute });
    cluster.nowMs = startMs;
    cluster.settle();
    expect(cluster.explain(workload)).toMatchObject({
      reason: 'NODES_UNAVAILABLE',
      summary: 'The nodes that would fit take no work now: 8 on nodes in maintenance.',
    });
  });
});

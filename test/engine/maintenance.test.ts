import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInside, nextChangeMs, nextStart, windowAt } from '../../scheduler/engine/maintenance.js';
import type { Maintenance } from '../../scheduler/model/records.js';

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

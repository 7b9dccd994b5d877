import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { surplusWeights, UsageBook } from '../../scheduler/engine/usage.js';

const HOUR_MS = 3_600_000;

/** A book with a half-life of an hour and, in each row, GPU time added to a queue at an hour. */
function book(...rows: readonly (readonly [string, number, number])[]): UsageBook {
  const written = new UsageBook(HOUR_MS);
  for (const [queue, amount, hour] of rows) written.add(queue, amount, hour * HOUR_MS);
  return written;
}

describe('past use', () => {
  const cases: readonly [string, UsageBook, number, number][] = [
    ['nothing is known of a queue that used nothing', book(['b', 8, 0]), 3, 0],
    ['what was used now counts in full', book(['a', 8, 3]), 3, 8],
    ['an hour ago: half', book(['a', 8, 2]), 3, 4],
    ['three hours ago: an eighth', book(['a', 8, 0]), 3, 1],
    ['it adds up', book(['a', 8, 0], ['a', 4, 1], ['a', 2, 2], ['a', 1, 3]), 3, 4],
    ['each queue by itself', book(['a', 8, 2], ['b', 100, 2]), 3, 4],
    ['a report may come late', book(['a', 1, 3], ['a', 8, 2]), 3, 5],
  ];
  it.each(cases)('%s', (_, written, hour, expected) => {
    expect(written.usage('a', hour * HOUR_MS)).toBe(expected);
  });

  it('may last for ever', () => {
    const written = new UsageBook(Infinity);
    written.add('a', 5, 0);
    written.addHeld('a', 2, 0, 10);
    expect(written.usage('a', 1e15)).toBe(25);
  });

  it('forgets a queue that is no more', () => {
    const written = book(['a', 8, 0]);
    written.remove('a');
    expect(written.usage('a', 0)).toBe(0);
  });

  it('needs a half-life', () => {
    expect(() => new UsageBook(0)).toThrow('a half-life is positive');
  });

  it('is relative to what the cluster had', () => {
    const written = book();
    expect(written.share('a', 0)).toBe(0);
    written.addCapacity(16, 0, 5 * HOUR_MS);
    written.addHeld('a', 4, 0, 5 * HOUR_MS);
    written.addHeld('b', 12, 4 * HOUR_MS, 5 * HOUR_MS);
    expect(written.share('a', 5 * HOUR_MS)).toBeCloseTo(1 / 4, 12);
    expect(written.share('a', 500 * HOUR_MS)).toBeCloseTo(1 / 4, 12);
    // The last of five hours counts 1/2 of all time, less what lies before the five: 16/31 of them.
    expect(written.share('b', 5 * HOUR_MS)).toBeCloseTo((12 / 16) * (16 / 31), 12);
  });

  const adds = fc.array(fc.tuple(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 20 * HOUR_MS })), {
    minLength: 1,
    maxLength: 20,
  });

  it('is the same in whatever order it is written', () => {
    fc.assert(
      fc.property(adds, (rows) => {
        const read = (list: typeof rows) => {
          const written = new UsageBook(HOUR_MS);
          for (const [amount, atMs] of list) written.add('a', amount, atMs);
          return written.usage('a', 20 * HOUR_MS);
        };
        const byHand = rows.reduce((sum, [amount, atMs]) => sum + amount * 0.5 ** (20 - atMs / HOUR_MS), 0);
        expect(read(rows)).toBeCloseTo(byHand, 6);
        expect(read(rows.toReversed())).toBeCloseTo(byHand, 6);
      }),
      { seed: 31 },
    );
  });

  it('a span counts as its parts do, and as many short moments', () => {
    const span = fc.tuple(fc.nat(10 * HOUR_MS), fc.nat(10 * HOUR_MS), fc.nat(10 * HOUR_MS));
    fc.assert(
      fc.property(span, (times) => {
        const [fromMs, middleMs, toMs] = times.toSorted((a, b) => a - b) as [number, number, number];
        const whole = new UsageBook(HOUR_MS);
        whole.addHeld('a', 7, fromMs, toMs);
        const parts = new UsageBook(HOUR_MS);
        parts.addHeld('a', 7, fromMs, middleMs);
        parts.addHeld('a', 7, middleMs, toMs);
        const moments = new UsageBook(HOUR_MS);
        const stepMs = (toMs - fromMs) / 1_000;
        for (let step = 0; step < 1_000; step++) moments.add('a', 7 * stepMs, fromMs + (step + 0.5) * stepMs);
        const relative = (other: UsageBook) => other.usage('a', toMs) / Math.max(1, whole.usage('a', toMs));
        const unity = toMs > fromMs ? 1 : 0;
        expect(relative(parts)).toBeCloseTo(unity, 9);
        expect(relative(moments)).toBeCloseTo(unity, 4);
      }),
      { seed: 32, numRuns: 50 },
    );
  });
});

describe('the division of the surplus', () => {
  const cases: readonly [string, readonly number[], readonly number[], number, readonly number[]][] = [
    ['by weight where past use does not count', [3, 1], [0.9, 0], 0, [0.75, 0.25]],
    ['who used his share gets his share', [1, 1], [0.5, 0.5], 1, [0.5, 0.5]],
    ['who used nothing gets more', [1, 1], [0.5, 0], 1, [0.5, 1]],
    ['who used more gets less', [1, 1], [0.75, 0.25], 1, [0.25, 0.75]],
    ['who used twice his share gets nothing', [1, 1], [1, 0], 1, [0, 1]],
    ['nor less than nothing', [1, 1], [1, 0], 3, [0, 2]],
    ['weight 0 gets nothing, whatever it did not use', [0, 2], [0, 0.5], 1, [0, 1.5]],
    ['nobody has a weight', [0, 0], [0, 0], 1, [0, 0]],
    ['nobody', [], [], 1, []],
  ];
  it.each(cases)('%s', (_, weights, usages, k, expected) => {
    expect(surplusWeights(weights, usages, k)).toEqual(expected);
  });

  it('gives it to somebody, and never more to who used more', () => {
    const queues = fc.array(fc.record({ weight: fc.nat(5), use: fc.nat(10) }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(queues, fc.integer({ min: 0, max: 30 }), (list, tenths) => {
        fc.pre(list.some(({ weight }) => weight > 0));
        const used = list.reduce((sum, { use }) => sum + use, 1);
        const found = surplusWeights(
          list.map(({ weight }) => weight),
          list.map(({ use }) => use / used),
          tenths / 10,
        );
        expect(found.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(1 - 1e-9);
        list.forEach((one, a) => {
          list.forEach((other, b) => {
            if (one.weight !== other.weight || one.use < other.use) return;
            expect(found[a]).toBeLessThanOrEqual(found[b] ?? NaN);
          });
        });
      }),
      { seed: 33 },
    );
  });
});

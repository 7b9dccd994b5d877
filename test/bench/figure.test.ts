import { describe, expect, test } from 'vitest';
import { figure, fitExponent, median, quantile, repeat } from '../../bench/figure.js';

describe('figures', () => {
  test.each([
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[7], 7],
  ])('the median of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  test('a quantile is a value that was measured', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantile(values, 0.99)).toBe(99);
    expect(quantile(values, 0)).toBe(1);
    expect(quantile(values, 1)).toBe(100);
  });

  test('a figure is the median of at least five runs', () => {
    expect(figure('x.per_s', '1/s', [5, 1, 2, 4, 3], 'peer: 2/s')).toEqual({
      name: 'x.per_s',
      value: 3,
      unit: '1/s',
      runs: 5,
      peer: 'peer: 2/s',
    });
    expect(() => figure('x.per_s', '1/s', [1, 2, 3, 4])).toThrow('five runs');
  });

  test('runs follow one another', async () => {
    let running = 0;
    const values = await repeat(5, async () => {
      running++;
      await Promise.resolve();
      return running--;
    });
    expect(values).toEqual([1, 1, 1, 1, 1]);
  });

  test.each([
    ['constant', () => 5, 0],
    ['linear', (x: number) => 3 * x, 1],
    ['quadratic', (x: number) => x * x, 2],
  ])('the exponent of a %s cost', (_, cost, expected) => {
    expect(fitExponent([10, 100, 1_000].map((x) => [x, cost(x)]))).toBeCloseTo(expected, 9);
  });

  test('an exponent needs two points above zero', () => {
    expect(() => fitExponent([[10, 1]])).toThrow('two points');
    expect(() =>
      fitExponent([
        [10, 0],
        [100, 1],
      ]),
    ).toThrow('two points');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Claimant, divide } from '../../scheduler/engine/fair-share.js';

function claimant(guarantee: number, requestable: number, weight = 1, priority = 100): Claimant {
  return { guarantee, requestable, weight, priority, createdMs: 0, name: '' };
}

/** The same with age and name by position, oldest first. */
function inOrder(claimants: readonly Claimant[]): Claimant[] {
  return claimants.map((each, at) => ({ ...each, createdMs: at, name: `q${at}` }));
}

describe('fair share', () => {
  const cases: readonly [string, number, readonly Claimant[], readonly number[]][] = [
    ['a guarantee is given as far as it is asked for', 10, [claimant(5, 3), claimant(5, 20)], [3, 7]],
    ['guarantees are given in full though they exceed the total', 4, [claimant(3, 9), claimant(3, 9)], [3, 3]],
    ['the surplus goes by weight', 12, [claimant(0, 99, 3), claimant(0, 99, 1)], [9, 3]],
    ['beyond the guarantees', 10, [claimant(4, 99), claimant(0, 99)], [7, 3]],
    ['what one does not ask for goes to the others', 12, [claimant(0, 2), claimant(0, 99), claimant(0, 99)], [2, 5, 5]],
    ['higher priority takes first', 10, [claimant(0, 7, 1, 50), claimant(0, 6, 1, 90)], [4, 6]],
    ['weight 0 gets nothing beyond its guarantee', 10, [claimant(2, 99, 0), claimant(0, 99)], [2, 8]],
    ['even when nobody else wants it', 10, [claimant(2, 99, 0), claimant(0, 1)], [2, 1]],
    ['remainders go to the largest first', 10, [claimant(0, 99, 1), claimant(0, 99, 2)], [3, 7]],
    ['and to the oldest among equals', 10, [claimant(0, 99), claimant(0, 99), claimant(0, 99)], [4, 3, 3]],
    ['nothing to divide', 0, [claimant(0, 9)], [0]],
    ['nobody', 5, [], []],
  ];
  it.each(cases)('%s', (_, total, claimants, shares) => {
    expect(divide(total, inOrder(claimants))).toEqual(shares);
  });

  it('is whole, gives nobody more than he can use, everybody his guarantee, and leaves nothing that is wanted', () => {
    const any = fc.record({
      guarantee: fc.nat(8),
      requestable: fc.nat(30),
      weight: fc.nat(4),
      priority: fc.constantFrom(50, 100, 100),
    });
    fc.assert(
      fc.property(fc.nat(60), fc.array(any, { maxLength: 8 }), (total, list) => {
        const claimants = inOrder(list.map((each) => ({ ...each, createdMs: 0, name: '' })));
        const shares = divide(total, claimants);
        let wanted = 0;
        claimants.forEach(({ guarantee, requestable, weight }, at) => {
          const share = shares[at] ?? NaN;
          expect(Number.isInteger(share)).toBe(true);
          expect(share).toBeLessThanOrEqual(requestable);
          expect(share).toBeGreaterThanOrEqual(Math.min(guarantee, requestable));
          if (weight > 0) wanted += requestable - share;
        });
        const given = shares.reduce((sum, share) => sum + share, 0);
        const guaranteed = claimants.reduce((sum, each) => sum + Math.min(each.guarantee, each.requestable), 0);
        expect(given).toBeLessThanOrEqual(Math.max(total, guaranteed));
        expect(wanted === 0 || given >= total).toBe(true);
      }),
      { seed: 7 },
    );
  });
});

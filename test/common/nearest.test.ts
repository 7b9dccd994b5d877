import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest, nearestNames } from '../../common/nearest.js';

describe('the nearest name', () => {
  it.each([
    ['jbos', ['jobs', 'nodes'], 'jobs'],
    ['reserch', ['product', 'research'], 'research'],
    ['Research', ['product', 'research'], 'research'],
    ['x', ['research'], null],
    ['x', ['y'], null],
    ['', ['a'], null],
    ['que', ['name', 'queue'], 'queue'],
    ['qu', ['name', 'queue'], null],
    ['workl', ['name', 'workloads'], 'workloads'],
  ])('to %j', (word, known, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });

  it('may be several that are equally near', () => {
    expect(nearestNames('rin', ['run', 'ran', 'get'])).toEqual(['ran', 'run']);
  });

  it('is the name itself when it is known, and one slip of the pen away when it is long enough', () => {
    const name = fc.stringMatching(/^[a-z]{4,20}$/);
    fc.assert(
      fc.property(name, fc.nat(), (known, at) => {
        const index = at % known.length;
        expect(nearest(known, [known, 'zzzzzzzzzzzzzzzzzzzzzzzzz'])).toBe(known);
        expect(nearest(known.slice(0, index) + known.slice(index + 1), [known])).toBe(known);
      }),
    );
  });
});

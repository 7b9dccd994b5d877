import { describe, expect, it } from 'vitest';
import { checkProperties } from '../../simulator/properties/command.js';
import { UsageError } from '../../simulator/usage.js';

function run(...args: string[]): { found: number; told: string[]; progress: string[] } {
  const told: string[] = [];
  const progress: string[] = [];
  const found = checkProperties(args, { tell: (line) => told.push(line), progress: (line) => progress.push(line) });
  return { found, told, progress };
}

describe('sim properties', () => {
  it('tells a line for each law and one at the end', () => {
    const { found, told, progress } = run('--runs', '3', '--seed', '41', '--law', 'one-owner,limits');
    expect(found).toBe(0);
    expect(told).toEqual([
      expect.stringMatching(/^one-owner: 3 runs, 0 violations \(no GPU has more than one owner/),
      expect.stringMatching(/^limits: 3 runs, 0 violations \(/),
      '3 histories, 2 laws, 0 violations',
    ]);
    expect(progress[0]).toBe('histories: 3, from seed 41; laws: 2');
  });

  it('plays one history for a seed', () => {
    expect(run('--seed', '8', '--law', 'same-again').told.at(-1)).toBe('1 histories, 1 laws, 0 violations');
  });

  it.each([
    [['--law', 'nonsense'], /^there is no law "nonsense"; there are: sound, one-owner, /],
    [['--runs', '0'], /^--runs is a whole number from 1 to 1000000000, not "0"$/],
    [['--seed', '1x'], /^--seed is a whole number from 0 to 4294967295, not "1x"$/],
  ])('refuses %j in words', (args, words) => {
    const refusal = () => run(...args);
    expect(refusal).toThrow(UsageError);
    expect(refusal).toThrow(words);
  });
});

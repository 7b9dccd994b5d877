// Differences between an agent and its scheduler, in words.
import { describe, expect, it } from 'vitest';
import { CLOCK_SKEW_LIMIT_MS, skewsBetween } from '../../common/skew.js';

const ours = { version: '0.9.0', wallMs: 1_000_000 };

describe('skew', () => {
  it.each([
    ['equal sides', ours, []],
    ['a scheduler of before, that tells nothing', { version: '', wallMs: null }, []],
    ['the most that is passed over', { ...ours, wallMs: ours.wallMs + CLOCK_SKEW_LIMIT_MS }, []],
    ['a clock behind', { ...ours, wallMs: ours.wallMs + 90_000 }, [/is 1m30s behind the scheduler's/]],
    ['a clock ahead', { ...ours, wallMs: ours.wallMs - 3_000 }, [/is 3\.0s ahead of the scheduler's/]],
    [
      'a later scheduler, by number',
      { ...ours, version: '0.10.0' },
      [/agent is 0\.9\.0, the scheduler 0\.10\.0: upgrade the agent/],
    ],
    ['an earlier scheduler', { ...ours, version: '0.8.7' }, [/upgrade the scheduler before its agents/]],
    ['both', { version: '1.0.0', wallMs: 0 }, [/ahead/, /upgrade the agent/]],
  ])('%s', (_name, theirs, expected) => {
    const told = skewsBetween(ours, theirs);
    expect(told).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(told[index]).toMatch(pattern);
  });
});

// What `why` says while nothing is placed.
import { expect, test } from 'vitest';
import { asItRests } from '../../scheduler/api/resting.js';
import type { Explanation } from '../../scheduler/engine/decisions.js';

const lines = [
  { title: 'Needs', text: '1 GPU' },
  { title: 'Estimate', text: 'at its next turn' },
];
const unseen: Explanation = {
  reason: 'NOT_EVALUATED',
  summary: 'The scheduler looks at it next.',
  lines,
  estimate: 'at its next turn',
  startsByMs: 1_000,
};

test('what was not looked at is told why nothing is placed, and no time', () => {
  expect(asItRests(unseen, 'agents are awaited')).toEqual({
    reason: 'NOT_EVALUATED',
    summary: 'Nothing is placed at present: agents are awaited. `sluice status` says what is waited for.',
    lines: [{ title: 'Needs', text: '1 GPU' }],
    estimate: '',
    startsByMs: null,
  });
});

test('another reason holds with and without a rest, and nothing changes while work is placed', () => {
  const limited: Explanation = { ...unseen, reason: 'QUEUE_LIMIT' };
  expect(asItRests(limited, 'agents are awaited')).toBe(limited);
  expect(asItRests(unseen, null)).toBe(unseen);
  expect(asItRests(null, 'agents are awaited')).toBeNull();
});

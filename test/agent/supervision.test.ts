// When the supervisor stops a task by itself, and when a stop under way is made quicker.
import { expect, test } from 'vitest';
import { graceWithoutLease, isOverdue, killTime, noticeMs } from '../../node-agent/runtime/supervision.js';

test('a task is overdue once the lease and the time it may run on without one are over', () => {
  expect(isOverdue({ lingerMs: 0 }, 20_000, 20_000)).toBe(false);
  expect(isOverdue({ lingerMs: 0 }, 20_000, 20_001)).toBe(true);
  expect(isOverdue({ lingerMs: 900_000 }, 20_000, 920_000)).toBe(false);
  expect(isOverdue({ lingerMs: 900_000 }, 20_000, 920_001)).toBe(true);
});

test.each([
  { what: 'noticed in time it is whole', nowMs: 27_001, graceMs: 30_000 },
  { what: 'a little late, too', nowMs: 28_000, graceMs: 30_000 },
  { what: 'much later only the rest is left', nowMs: 48_000, graceMs: 10_000 },
  { what: 'after a long sleep nothing is', nowMs: 900_000, graceMs: 0 },
])('grace without a lease: $what', ({ nowMs, graceMs }) => {
  expect(graceWithoutLease({ lingerMs: 7_000, graceMs: 30_000 }, 20_000, nowMs)).toBe(graceMs);
});

test.each([
  { what: 'the first stop fixes the end', before: null, graceMs: 30_000, killAtMs: 31_000 },
  { what: 'a repeated one changes nothing', before: 31_000, graceMs: 30_000, killAtMs: null },
  { what: 'a longer one changes nothing', before: 11_000, graceMs: 30_000, killAtMs: null },
  { what: 'a shorter one makes it quicker', before: 31_000, graceMs: 5_000, killAtMs: 6_000 },
  { what: 'one without grace ends it at once', before: 31_000, graceMs: 0, killAtMs: 1_000 },
])('$what', ({ before, graceMs, killAtMs }) => {
  expect(killTime(before, graceMs, 1_000)).toBe(killAtMs);
});

test.each([
  { what: 'has all of its time', spanMs: 150_000, ahead: 120_000 },
  { what: 'gives way to the grace where both do not fit', spanMs: 50_000, ahead: 20_000 },
  { what: 'is not sent where there is no more than the grace', spanMs: 30_000, ahead: 0 },
  { what: 'is not sent where there is even less', spanMs: 0, ahead: 0 },
  { what: 'does not grow with a longer stop', spanMs: 600_000, ahead: 120_000 },
])('an early signal $what', ({ spanMs, ahead }) => {
  expect(noticeMs({ graceMs: 30_000, earlySignal: { aheadMs: 120_000 } }, spanMs)).toBe(ahead);
  expect(noticeMs({ graceMs: 30_000 }, spanMs)).toBe(0);
});

// Due times: whatever is set, changed and taken away, what comes up is what a sorted list would bring up.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Agenda } from '../../scheduler/control/agenda.js';

test('brings up what is due, the earliest first, once', () => {
  const agenda = new Agenda();
  agenda.set('late', 30);
  agenda.set('early', 10);
  agenda.set('moved', 5);
  agenda.set('moved', 20);
  agenda.set('dropped', 1);
  agenda.set('dropped', null);
  expect(agenda.nextMs()).toBe(10);
  expect([agenda.takeDue(25), agenda.takeDue(25), agenda.takeDue(25)]).toEqual(['early', 'moved', null]);
  expect(agenda.nextMs()).toBe(30);
  expect(agenda.size).toBe(1);
});

test('agrees with a sorted list, whatever the order', () => {
  const op = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key: fc.nat(30), dueMs: fc.option(fc.nat(100), { nil: null }) }),
    fc.record({ do: fc.constant('take' as const), nowMs: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(op, { maxLength: 400 }), (ops) => {
      const agenda = new Agenda();
      const plain = new Map<string, number>();
      const earliest = () => Math.min(Infinity, ...plain.values());
      for (const one of ops) {
        if (one.do === 'set') {
          agenda.set(`k${one.key}`, one.dueMs);
          if (one.dueMs === null) plain.delete(`k${one.key}`);
          else plain.set(`k${one.key}`, one.dueMs);
        } else {
          const key = agenda.takeDue(one.nowMs);
          if (key === null) expect(earliest()).toBeGreaterThan(one.nowMs);
          else expect(plain.get(key)).toBe(earliest());
          if (key !== null) plain.delete(key);
        }
        expect(agenda.nextMs() ?? Infinity).toBe(earliest());
        expect(agenda.size).toBe(plain.size);
      }
    }),
  );
});

test('forgets the old times of a key that changes for ever', () => {
  const agenda = new Agenda();
  for (let time = 100_000; time > 0; time -= 1) agenda.set('one', time);
  expect(agenda.takeDue(1)).toBe('one');
  expect(agenda.nextMs()).toBeNull();
});

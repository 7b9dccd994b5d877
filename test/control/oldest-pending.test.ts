// Since when the oldest of a queue waits must be what a look at every one of them would say.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import { OldestPending } from '../../scheduler/model/oldest-pending.js';

test('is the least of all times, whoever comes back or leaves', () => {
  const steps = fc.array(fc.record({ number: fc.nat(120), leaves: fc.boolean() }), { size: 'max', maxLength: 2_000 });
  const times = fc.array(fc.nat(50), { minLength: 121, maxLength: 121 });
  fc.assert(
    fc.property(steps, times, (happened, sinceMs) => {
      const oldest = new OldestPending();
      const members = new Set<number>();
      for (const [at, { number, leaves }] of happened.entries()) {
        // What comes is not there, as a workload that becomes pending.
        if (leaves || members.has(number)) {
          members.delete(number);
          oldest.delete(number as WorkloadNumber);
        } else {
          members.add(number);
          oldest.add(number as WorkloadNumber, sinceMs[number] ?? 0);
        }
        if (at % 3 > 0) continue;
        const least = Math.min(...[...members].map((member) => sinceMs[member] ?? 0));
        expect(oldest.oldestMs()).toBe(members.size === 0 ? null : least);
      }
      expect(oldest.members).toEqual(members);
    }),
  );
});

test('keeps no more than twice as much as waits', () => {
  const oldest = new OldestPending();
  oldest.add(1 as WorkloadNumber, 0);
  for (let round = 0; round < 1_000; round += 1) {
    oldest.add(2 as WorkloadNumber, 5);
    oldest.delete(2 as WorkloadNumber);
  }
  expect(oldest.entries).toBeLessThanOrEqual(64 + 2);
  expect(oldest.oldestMs()).toBe(0);
});

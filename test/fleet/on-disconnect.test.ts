// How long tasks run on without a lease, by their class, and that the scheduler waits at least as long.
import { describe, expect, test } from 'vitest';
import { fenceTimeMs, KEEP_MS, LINGER_MS, lingerMs } from '../../scheduler/fleet/lease.js';
import { type SpecFields, spec } from '../control/workshop.js';

describe('without a lease', () => {
  test.each<[string, SpecFields, number]>([
    ['one task lingers', {}, LINGER_MS],
    ['a gang stops', { tasks: 2 }, 0],
    ['a service stops', { kind: 'service' }, 0],
    ['a gang that says so lingers', { tasks: 2, onDisconnect: 'linger' }, LINGER_MS],
    ['one task that says so stops', { onDisconnect: 'stop' }, 0],
    ['what is to be kept goes on', { tasks: 2, onDisconnect: 'keep' }, KEEP_MS],
  ])('%s', (_, fields, expected) => {
    expect(lingerMs(spec(fields))).toBe(expected);
  });

  test('what is to be kept is not given up in the life of a machine', () => {
    const tenYearsMs = 10 * 365 * 86_400_000;
    expect(fenceTimeMs(0, 20_000, KEEP_MS, 30_000)).toBeGreaterThan(tenYearsMs);
  });
});

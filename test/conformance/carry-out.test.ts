// Decisions as record changes: what an engine that answers in several steps sees of its earlier ones.
import { describe, expect, test } from 'vitest';
import type { Decision } from '../../scheduler/engine/decisions.js';
import type { Allocation, Workload } from '../../scheduler/model/records.js';
import { Followed } from '../../simulator/conformance/carry-out.js';
import { recordsOf, translate } from '../../simulator/conformance/translate.js';
import { bind, claim, dropClaim, evict, jobOf, place, runsOn, scenarioWith, WAITS } from './builder.js';

const NOW_MS = 5_000;

/** What decisions leave behind: the workload and its allocations as they are after the last change. */
function after(tasks: readonly object[], ...decisions: readonly Decision[]) {
  const translated = translate(scenarioWith({ jobs: [jobOf('job', tasks)] }));
  const followed = new Followed(recordsOf(translated, translated.jobs));
  const changes = decisions.flatMap((decision) => followed.carryOut(decision, NOW_MS));
  const workloads = changes.flatMap((change): (Workload | null)[] =>
    change.collection === 'workloads' ? [change.after] : [],
  );
  const allocations = new Map<string, Allocation | null>();
  for (const change of changes) if (change.collection === 'allocations') allocations.set(change.key, change.after);
  return { workload: workloads.at(-1) ?? null, allocations: [...allocations.values()] };
}

describe('carried out', () => {
  test('a bind starts a pending workload', () => {
    expect(after([WAITS], bind(1, place(0, 'node0', 1)))).toMatchObject({
      workload: { state: 'starting', attempt: 1, allocations: ['1/0'], claim: null },
      allocations: [{ id: '1/0', state: 'placed', placedMs: NOW_MS, gpus: [{ index: 1, parts: 7_000 }] }],
    });
  });

  test('a bind gives a running workload one task more, in the same attempt', () => {
    expect(after([runsOn('node0'), WAITS], bind(1, place(1, 'node0', 1)))).toMatchObject({
      workload: { state: 'running', attempt: 1, allocations: ['1/0', '1/1'] },
      allocations: [{ id: '1/1', attempt: 1 }],
    });
  });

  test('an eviction of some tasks lets the workload go on', () => {
    expect(after([runsOn('node0'), runsOn('node0')], evict(1, 1))).toMatchObject({
      workload: null,
      allocations: [{ id: '1/1', state: 'stopping', stop: { reason: 'reclaimed', requestedMs: NOW_MS } }],
    });
  });

  test('an eviction of all tasks requeues the workload, and it may be promised another place', () => {
    const moved = after([runsOn('node0')], evict(1, 0), claim(1, place(0, 'node0', 1)));
    expect(moved).toMatchObject({
      workload: { state: 'stopping', afterStop: 'requeue', claim: { sinceMs: NOW_MS, placements: [{ gpus: [1] }] } },
      allocations: [{ id: '1/0', state: 'stopping' }],
    });
  });

  test('a dropped claim is gone', () => {
    expect(after([WAITS], claim(1, place(0, 'node0', 1)), dropClaim(1)).workload).toMatchObject({
      state: 'pending',
      claim: null,
    });
  });
});

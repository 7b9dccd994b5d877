// What a daemon says that it waits for.
import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../common/ids.js';
import type { FleetWaiting } from '../../scheduler/fleet/fleet.js';
import { MAX_NAMES, waitingFor, waitingText } from '../../scheduler/fleet/readiness.js';

const NOTHING: FleetWaiting = { unheard: [], suspendedMs: 0, brakeSilent: null, recovery: null };
const ids = (count: number): NodeId[] => Array.from({ length: count }, (_, at) => `n${at}` as NodeId);
const told = (fleet: Partial<FleetWaiting>, isServing = true) =>
  waitingFor({ ...NOTHING, ...fleet }, isServing, (id) => id);

describe('a daemon waits', () => {
  test('for the engine to be told of everything', () => {
    const all = waitingFor(NOTHING, true, (id) => id, null, true);
    expect(all).toMatchObject([{ what: 'engine', blocksReadiness: true }]);
    expect(waitingText(all[0] as (typeof all)[number])).toMatch(/^the engine to be told of all workloads; .* taken/);
  });

  test.each<[string, Partial<FleetWaiting>, string, boolean]>([
    ['for nodes', { unheard: ids(2), suspendedMs: 42_000 }, '2 nodes (n0, n1) to come back', true],
    [
      'for witnesses',
      { recovery: { why: 'restored', adopted: 3, leftMs: 60_000 } },
      'a backup was restored: agents are asked what they run (3 allocations taken over so far)',
      true,
    ],
    [
      'for witnesses of what another copy of the store may lack',
      { unheard: ids(1), recovery: { why: 'copy_changed', adopted: 0, leftMs: 60_000 } },
      'another copy of the store took over and may lack the last commits: agents are asked what they run; ' +
        'nothing is placed until 1 node (n0) could answer, or "sluice recovery end" says that they are lost (at most 1m00s)',
      true,
    ],
    [
      'for a person',
      { brakeSilent: ids(7) },
      '7 nodes (n0, n1, n2, n3, n4 and 2 more) that fell silent at once',
      false,
    ],
  ])('%s', (_, fleet, words, blocks) => {
    const [first] = told(fleet);
    expect(first && waitingText(first)).toContain(words);
    expect(first?.blocksReadiness).toBe(blocks);
  });

  test('for witnesses, and says how a person who knows that they are lost ends that', () => {
    const [first] = told({ unheard: ids(1), recovery: { why: 'lost', adopted: 0, leftMs: 60_000 } });
    expect(first && waitingText(first)).toContain(
      'until 1 node (n0) could answer, or "sluice recovery end" says that they are lost (at most 1m00s)',
    );
  });

  test('for nothing, when all is as usual', () => {
    expect(told({})).toEqual([]);
    expect(told({ suspendedMs: 5_000 })).toEqual([]);
    expect(told({}, false).map(({ what }) => what)).toEqual(['server']);
  });

  test('for a bounded number of names, and says how many there are', () => {
    const [nodes] = told({ unheard: ids(1_000) });
    expect(nodes?.nodes).toHaveLength(MAX_NAMES);
    expect(nodes?.nodeCount).toBe(1_000);
  });
});

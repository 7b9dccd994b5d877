// What an agent's memory tells of the store's past, row by row.
import { describe, expect, test } from 'vitest';
import { hear, type Witness } from '../../scheduler/fleet/witness.js';

const NEW: Witness = { clusterId: '', lineage: '', maxEpoch: 0, maxRevision: 0, collidedEpoch: 0, pastLineages: [] };
const AGENT: Witness = { ...NEW, clusterId: 'c', lineage: 'now', maxEpoch: 5, maxRevision: 100 };
const CLUSTER = {
  clusterId: 'c',
  pastLineages: [{ lineage: 'before', epoch: 3, revision: 50, leftMs: 0, why: 'lost' as const }],
};
const STORE = { lineage: 'now', epoch: 6, revision: 100 };

describe('an agent that obeyed', () => {
  test.each<[string, Witness, object]>([
    ['nobody yet', NEW, { type: 'follows', knowsMore: false }],
    ['what the store knows', AGENT, { type: 'follows', knowsMore: false }],
    ['this very term', { ...AGENT, maxEpoch: 6 }, { type: 'follows', knowsMore: false }],
    ['a later revision', { ...AGENT, maxRevision: 101 }, { type: 'history lost', aboveEpoch: 5 }],
    ['a later revision of this term', { ...AGENT, maxEpoch: 6, maxRevision: 101 }, { type: 'history lost' }],
    ['a later epoch', { ...AGENT, maxEpoch: 7, maxRevision: 90 }, { type: 'history lost', aboveEpoch: 7 }],
    ['an epoch with two leaders', { ...AGENT, collidedEpoch: 6 }, { type: 'epoch too low', aboveEpoch: 6 }],
    ['another cluster', { ...AGENT, clusterId: 'd' }, { type: 'refuse', reason: 'OTHER_CLUSTER' }],
    [
      'a history that left ours',
      { ...AGENT, lineage: 'elsewhere', pastLineages: ['now'] },
      { type: 'refuse', reason: 'HISTORY_LEFT' },
    ],
    [
      'the history before, no more than was taken over',
      { ...AGENT, lineage: 'before', maxEpoch: 3, maxRevision: 50 },
      { type: 'follows', knowsMore: false },
    ],
    [
      'the history before, more than was taken over',
      { ...AGENT, lineage: 'before', maxEpoch: 3, maxRevision: 51 },
      { type: 'follows', knowsMore: true },
    ],
    ['a history nobody knows', { ...AGENT, lineage: 'unknown' }, { type: 'follows', knowsMore: true }],
    [
      'another history up to our epoch',
      { ...AGENT, lineage: 'unknown', maxEpoch: 6 },
      { type: 'epoch too low', aboveEpoch: 6 },
    ],
  ])('%s', (_, witness, expected) => {
    expect(hear(witness, CLUSTER, STORE)).toMatchObject(expected);
  });
});

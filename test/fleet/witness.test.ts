// What an agent's memory tells of the store's past, row by row.
import { describe, expect, test } from 'vitest';
import { hear, type KnownPast, type Witness } from '../../scheduler/fleet/witness.js';

const NEW: Witness = {
  clusterId: '',
  lineage: '',
  maxEpoch: 0,
  maxRevision: 0,
  leaderId: '',
  collidedEpoch: 0,
  pastLineages: [],
};
const AGENT: Witness = { ...NEW, clusterId: 'c', lineage: 'now', maxEpoch: 5, maxRevision: 100, leaderId: 'five' };
const CLUSTER: KnownPast = {
  clusterId: 'c',
  pastLineages: [{ lineage: 'before', epoch: 3, revision: 50, leftMs: 0, why: 'lost' }],
  terms: [],
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

test('an earlier state of a shared store is a part of its history that was lost', () => {
  const left = { ...AGENT, lineage: 'later', maxEpoch: 9, pastLineages: [STORE.lineage] };
  expect(hear(left, CLUSTER, STORE)).toMatchObject({ type: 'refuse', reason: 'HISTORY_LEFT' });
  const told = hear(left, { ...CLUSTER, isStoreShared: true }, STORE);
  expect(told).toMatchObject({ type: 'history lost', aboveEpoch: 9 });
});

describe('a store that was put back to an older state and has gone on since', () => {
  const terms = [
    { lineage: 'before', epoch: 2, revision: 20, leaderId: 'two' },
    { lineage: 'before', epoch: 3, revision: 40, leaderId: 'three' },
    { lineage: 'now', epoch: 5, revision: 80, leaderId: 'five' },
    { lineage: 'now', epoch: 6, revision: 90, leaderId: 'six' },
    { lineage: 'now', epoch: 7, revision: 120, leaderId: 'seven' },
  ];
  const cluster = { ...CLUSTER, terms };
  const store = { lineage: 'now', epoch: 7, revision: 500 };
  const follows = { type: 'follows', knowsMore: false };
  const lost = { type: 'history lost' };

  test.each<[string, Partial<Witness>, object]>([
    ['of a term no more than there was when the next one began', { maxRevision: 90 }, follows],
    ['of a term one revision more than that', { maxRevision: 91 }, { ...lost, aboveEpoch: 5 }],
    [
      'of a term that is not noted, what was there when the next noted one began',
      { maxEpoch: 4, maxRevision: 80 },
      follows,
    ],
    ['of a term that is not noted, more than that', { maxEpoch: 4, maxRevision: 81 }, lost],
    ['of the present term anything', { maxEpoch: 7, maxRevision: 500, leaderId: 'seven' }, follows],
    ['another leader of the present epoch, no more than there was', { maxEpoch: 7, maxRevision: 120 }, follows],
    ['another leader of the present epoch, and more', { maxEpoch: 7, maxRevision: 121 }, { ...lost, aboveEpoch: 7 }],
    ['another leader of an epoch before, and more', { maxEpoch: 6, maxRevision: 91, leaderId: 'x' }, lost],
    ['the leader of an epoch before', { maxEpoch: 6, maxRevision: 120, leaderId: 'six' }, follows],
    ['a leader that did not say', { maxEpoch: 6, maxRevision: 120, leaderId: '' }, follows],
    [
      'of a term before what there was, in a history that was left',
      { lineage: 'before', maxEpoch: 2, maxRevision: 40, leaderId: 'two' },
      follows,
    ],
    [
      'of a term before more than there was, in a history that was left',
      { lineage: 'before', maxEpoch: 2, maxRevision: 41, leaderId: 'two' },
      { type: 'follows', knowsMore: true },
    ],
  ])('an agent obeyed %s', (_, obeyed, expected) => {
    expect(hear({ ...AGENT, ...obeyed }, cluster, store)).toMatchObject(expected);
  });
});

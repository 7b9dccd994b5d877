// How a daemon begins: in the history its records were written in, or in another one, in which agents are asked first.
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../common/log.js';
import { CopyWatch } from '../../scheduler/control/copy-watch.js';
import { recover } from '../../scheduler/control/recovery.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import { hear, type Witness } from '../../scheduler/fleet/witness.js';
import { MAX_TERMS } from '../../scheduler/model/history.js';
import { META_KEY, type ClusterMeta, type KnownCopy } from '../../scheduler/model/records.js';
import type { CopyInForce } from '../../scheduler/store/state-store.js';
import { loopOn } from '../control/loop-on.js';
import { MemoryStore } from '../control/memory-store.js';
import { ManualClock } from '../gpu/manual-clock.js';

const LOST = '00000000-0000-4000-8000-00000000000c';
const AGENT: Pick<Witness, 'leaderId' | 'collidedEpoch' | 'pastLineages'> = {
  leaderId: '',
  collidedEpoch: 0,
  pastLineages: [],
};

async function begin(meta: ClusterMeta | null, lostClusterId: string | null = null): Promise<ClusterMeta> {
  const store = new MemoryStore();
  if (meta !== null) store.records = [{ collection: 'meta', key: META_KEY, value: meta }];
  const { state } = await recover(store, new ClusterView(), () => 'new', 1_000, { lostClusterId }, 'leader');
  return state.meta;
}

/** The first term of the store that is begun with. */
const TERMS = [{ lineage: 'lineage', epoch: 1, revision: 0, leaderId: 'leader' }];

test('a new store begins a cluster of its own', async () => {
  expect(await begin(null)).toEqual({ clusterId: 'new', lastWorkload: 0, lineage: 'lineage', terms: TERMS });
});

test('a known store goes on as it was; one of an earlier version notes its history', async () => {
  const known = { clusterId: 'c', lastWorkload: 7, lineage: 'lineage' };
  expect(await begin(known, LOST)).toEqual({ ...known, terms: TERMS });
  expect(await begin({ clusterId: 'c', lastWorkload: 7 })).toEqual({ ...known, terms: TERMS });
});

test('where each term began is in its first commit; the latest are kept', async () => {
  const store = new MemoryStore();
  for (let epoch = 1; epoch <= MAX_TERMS + 1; epoch += 1) {
    const { position, state } = await recover(store, new ClusterView(), () => 'new', 1_000, {}, `leader ${epoch}`);
    expect(position).toMatchObject({ epoch, revision: epoch });
    expect(store.commits).toHaveLength(epoch);
    store.records = [{ collection: 'meta', key: META_KEY, value: state.meta }];
  }
  const { state } = await recover(store, new ClusterView(), () => 'new', 1_000);
  const { terms = [] } = state.meta;
  expect(terms).toHaveLength(MAX_TERMS);
  expect(terms[0]).toEqual({ lineage: 'lineage', epoch: 3, revision: 2, leaderId: 'leader 3' });
  expect(terms.at(-1)).toEqual({ lineage: 'lineage', epoch: MAX_TERMS + 2, revision: MAX_TERMS + 1, leaderId: '' });
});

test('a store in another history than its records asks agents first, whatever they obeyed of the one before', async () => {
  const meta = await begin({ clusterId: 'c', lastWorkload: 7, lineage: 'before' });
  expect(meta).toMatchObject({ lineage: 'lineage', lastWorkload: 100_000, recovery: { why: 'lost', adopted: 0 } });
  const agent = { ...AGENT, clusterId: 'c', lineage: 'before', maxEpoch: 1, maxRevision: 1 };
  const cluster = { clusterId: 'c', pastLineages: meta.pastLineages ?? [], terms: [] };
  const testimony = hear(agent, cluster, { lineage: 'lineage', epoch: 2, revision: 900 });
  expect(testimony).toEqual({ type: 'follows', knowsMore: true });
});

test('where no copy was awaited and another one leads, numbers go on where no promotion within minutes lets them', async () => {
  const copy = { id: 'one', replicas: 2, awaited: 0, sinceMs: 1 };
  const goOn = async (nowMs: number): Promise<number> => {
    const store = new MemoryStore();
    Object.assign(store, { copyInForce: () => ({ id: 'two', replicas: 2, awaited: 0, ranMs: 0 }) });
    store.records = [
      { collection: 'meta', key: META_KEY, value: { clusterId: 'c', lastWorkload: 7, lineage: 'lineage', copy } },
    ];
    const { state } = await recover(store, new ClusterView(), () => 'new', nowMs, {}, 'leader');
    return state.meta.lastWorkload;
  };
  // Both find the records as they were before either: neither knows that the other one gave numbers.
  const given = [];
  for (let nowMs = 1_000_000; nowMs < 1_500_000; nowMs += 5_000) given.push(await goOn(nowMs));
  expect(new Set(given).size).toBe(given.length);
  expect(Math.min(...given)).toBe(100_000);
  expect(given.every((number) => number % 100_000 === 0 && number <= 100 * 100_000)).toBe(true);
});

test('a loss that was found by a daemon which died before it told of it is told by the next one', async () => {
  const store = new MemoryStore();
  store.records = [
    { collection: 'meta', key: META_KEY, value: { clusterId: 'c', lastWorkload: 7, lineage: 'before' } },
  ];
  const { loss, state } = await recover(store, new ClusterView(), () => 'new', 1_000, {}, 'leader');
  expect(loss).toBe('history lineage was begun, and not told of, over before');
  expect([...state.incidents.values()]).toMatchObject([{ kind: 'history_lost' }]);
});

test('an empty store that goes on with a cluster whose data is gone asks its agents first', async () => {
  const meta = await begin(null, LOST);
  expect(meta).toMatchObject({ clusterId: LOST, lineage: 'lineage', recovery: { why: 'lost' } });
  const agent = { ...AGENT, clusterId: LOST, lineage: 'gone', maxEpoch: 8, maxRevision: 9 };
  const cluster = { clusterId: LOST, pastLineages: meta.pastLineages ?? [], terms: [] };
  const position = { lineage: 'lineage', epoch: 1, revision: 1 };
  expect(hear(agent, cluster, position)).toMatchObject({ type: 'epoch too low', aboveEpoch: 8 });
  expect(hear(agent, cluster, { ...position, epoch: 9 })).toEqual({ type: 'follows', knowsMore: true });
});

test('a store that stands before what this daemon had committed has lost it: a new history begins, and is told', async () => {
  const known = { clusterId: 'c', lastWorkload: 7, lineage: 'lineage' };
  const store = new MemoryStore();
  store.records = [{ collection: 'meta', key: META_KEY, value: known }];
  const lastKnown = { lineage: 'lineage', epoch: 5, revision: 9 };
  const remembered = { lastKnown, newLineage: () => 'another' };
  const { state, position, loss } = await recover(store, new ClusterView(), () => 'new', 1_000, remembered, 'leader');
  expect(loss).toContain('had committed revision 9 of history lineage, the store ends at revision 0');
  expect(position).toMatchObject({ lineage: 'another', epoch: 6 });
  expect(state.meta).toMatchObject({
    lineage: 'another',
    recovery: { why: 'lost', adopted: 0 },
    pastLineages: [{ lineage: 'lineage', epoch: 5, revision: 0, why: 'lost' }],
  });
  // The agent obeyed all that this daemon had committed, which is more than the records have.
  const agent = { ...AGENT, clusterId: 'c', lineage: 'lineage', maxEpoch: 5, maxRevision: 9 };
  const cluster = { clusterId: 'c', pastLineages: state.meta.pastLineages ?? [], terms: state.meta.terms ?? [] };
  expect(hear(agent, cluster, position)).toEqual({ type: 'follows', knowsMore: true });
  expect([...state.incidents.values()]).toMatchObject([{ kind: 'history_lost' }]);
  expect(store.commits[0]?.puts.map(({ collection }) => collection)).toEqual(['meta', 'incidents']);
});

test('a store that stands where this daemon left it, or further, or in another history, has lost nothing', async () => {
  for (const lastKnown of [
    { lineage: 'lineage', epoch: 5, revision: 0 },
    { lineage: 'left', epoch: 5, revision: 9 },
  ]) {
    const store = new MemoryStore();
    store.records = [
      { collection: 'meta', key: META_KEY, value: { clusterId: 'c', lastWorkload: 7, lineage: 'lineage' } },
    ];
    const remembered = { lastKnown, newLineage: () => 'another' };
    const { position, loss } = await recover(store, new ClusterView(), () => 'new', 1_000, remembered, 'leader');
    expect({ loss, lineage: position.lineage }).toEqual({ loss: null, lineage: 'lineage' });
  }
});

test('an empty store of a daemon that has served a cluster is a loss, and is told', async () => {
  const store = new MemoryStore();
  const { state, loss } = await recover(
    store,
    new ClusterView(),
    () => 'new',
    1_000,
    { lostClusterId: LOST },
    'leader',
  );
  expect(loss).toContain(`the store of cluster ${LOST} is empty`);
  expect(state.meta).toMatchObject({ clusterId: LOST, recovery: { why: 'lost' } });
  expect([...state.incidents.values()]).toMatchObject([{ kind: 'history_lost' }]);
});

/** A store of which another copy may lead. */
class CopiedStore extends MemoryStore {
  copy: CopyInForce = { id: 'one', replicas: 2, awaited: 1, ranMs: 0 };
  copyInForce(): CopyInForce {
    return this.copy;
  }
}

async function beginOn(copy: Partial<CopyInForce>, known: KnownCopy | undefined, more: Partial<ClusterMeta> = {}) {
  const store = new CopiedStore();
  store.copy = { ...store.copy, ...copy };
  const meta: ClusterMeta = {
    clusterId: 'c',
    lastWorkload: 7,
    lineage: 'lineage',
    ...(known && { copy: known }),
    ...more,
  };
  store.records = [{ collection: 'meta', key: META_KEY, value: meta }];
  return recover(store, new ClusterView(), () => 'new', 10_000_000, {}, 'leader');
}

describe('a store with copies', () => {
  const KNOWN: KnownCopy = { id: 'one', replicas: 2, awaited: 1, sinceMs: 9_000_000 };

  test('that goes on with the same one holds nothing back, and remembers who could take over and what was awaited', async () => {
    const { state, doubt } = await beginOn({ replicas: 1, awaited: 0 }, KNOWN);
    expect(doubt).toBeNull();
    expect(state.meta).not.toHaveProperty('recovery');
    expect(state.meta.copy).toEqual({ ...KNOWN, awaited: 0 });
  });

  test.each<[string, Partial<CopyInForce>, KnownCopy | undefined, string]>([
    [
      'was promoted',
      { id: 'two', ranMs: 5_000_000 },
      KNOWN,
      'may lack the last commits: 1 of 2 replicas had to have them',
    ],
    ['began again', { id: 'two', ranMs: 500_000 }, { ...KNOWN, awaited: 2 }, 'it began again since'],
    ['was never noted', {}, undefined, 'nobody noted'],
  ])('asks agents first when its copy %s, and says so', async (_, copy, known, words) => {
    const { state, doubt, loss } = await beginOn(copy, known);
    expect(doubt).toContain(words);
    expect(loss).toBeNull();
    expect(state.meta.recovery).toEqual({ why: 'copy_changed', sinceMs: 10_000_000, adopted: 0 });
    expect(state.meta.lineage).toBe('lineage');
    expect([...state.incidents.values()]).toMatchObject([
      { kind: 'copy_changed', message: expect.stringContaining(words) as unknown },
    ]);
  });

  test.each([
    // The time of day says at which.
    ['no copy had to have them go on at a later step', 0, 10_000_000],
    ['some had to go on where they were', 1, 7],
  ])('numbers of workloads, where %s', async (_, awaited, expected) => {
    const { state } = await beginOn({ id: 'two', ranMs: 5_000_000 }, { ...KNOWN, awaited });
    expect(state.meta.lastWorkload).toBe(expected);
  });

  test('trusts one that took over when each had to have every commit, and had lived all the while', async () => {
    const { state, doubt } = await beginOn({ id: 'two', ranMs: 5_000_000 }, { ...KNOWN, awaited: 2 });
    expect(doubt).toBeNull();
    expect(state.meta.copy).toEqual({ id: 'two', replicas: 2, awaited: 1, sinceMs: 10_000_000 });
  });

  test('does not end what agents are asked already', async () => {
    const recovery = { why: 'lost' as const, sinceMs: 5, adopted: 3 };
    const { state, doubt } = await beginOn({ id: 'two' }, KNOWN, { recovery });
    expect(doubt).toBeNull();
    expect(state.meta.recovery).toEqual(recovery);
  });

  test('notes a copy that took over within a term', async () => {
    const store = new CopiedStore();
    const clock = new ManualClock();
    const { loop, state } = await loopOn(store, clock);
    const log = createLogger({ level: 'silent', name: 'test' });
    const watch = new CopyWatch({ store, loop, state, clock, log });
    watch.start();
    const settle = async () => {
      await clock.advance(1_000);
      for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    };
    await settle();
    expect(state.meta.copy).toMatchObject({ id: 'one', replicas: 2 });
    const commits = store.commits.length;
    await settle();
    expect(store.commits).toHaveLength(commits);
    store.copy = { ...store.copy, id: 'two', replicas: 1 };
    await settle();
    expect(state.meta.copy).toMatchObject({ id: 'two', replicas: 2 });
    watch.stop();
  });
});

// How a daemon begins: in the history its records were written in, or in another one, in which agents are asked first.
import { expect, test } from 'vitest';
import { recover } from '../../scheduler/control/recovery.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import { hear } from '../../scheduler/fleet/witness.js';
import { META_KEY, type ClusterMeta } from '../../scheduler/model/records.js';
import { MemoryStore } from '../control/memory-store.js';

const LOST = '00000000-0000-4000-8000-00000000000c';

async function begin(meta: ClusterMeta | null, lostClusterId: string | null = null): Promise<ClusterMeta> {
  const store = new MemoryStore();
  if (meta !== null) store.records = [{ collection: 'meta', key: META_KEY, value: meta }];
  const { state } = await recover(store, new ClusterView(), () => 'new', 1_000, lostClusterId);
  return state.meta;
}

test('a new store begins a cluster of its own', async () => {
  expect(await begin(null)).toEqual({ clusterId: 'new', lastWorkload: 0, lineage: 'lineage' });
});

test('a known store goes on as it was; one of an earlier version notes its history', async () => {
  const known = { clusterId: 'c', lastWorkload: 7, lineage: 'lineage' };
  expect(await begin(known, LOST)).toEqual(known);
  expect(await begin({ clusterId: 'c', lastWorkload: 7 })).toEqual(known);
});

test('a store in another history than its records asks agents first, whatever they obeyed of the one before', async () => {
  const meta = await begin({ clusterId: 'c', lastWorkload: 7, lineage: 'before' });
  expect(meta).toMatchObject({ lineage: 'lineage', lastWorkload: 100_000, recovery: { why: 'restored', adopted: 0 } });
  const agent = { clusterId: 'c', lineage: 'before', maxEpoch: 1, maxRevision: 1, collidedEpoch: 0, pastLineages: [] };
  const cluster = { clusterId: 'c', pastLineages: meta.pastLineages ?? [] };
  const testimony = hear(agent, cluster, { lineage: 'lineage', epoch: 2, revision: 900 });
  expect(testimony).toEqual({ type: 'follows', knowsMore: true });
});

test('an empty store that goes on with a cluster whose data is gone asks its agents first', async () => {
  const meta = await begin(null, LOST);
  expect(meta).toMatchObject({ clusterId: LOST, lineage: 'lineage', recovery: { why: 'lost' } });
  const agent = { clusterId: LOST, lineage: 'gone', maxEpoch: 8, maxRevision: 9, collidedEpoch: 0, pastLineages: [] };
  const cluster = { clusterId: LOST, pastLineages: meta.pastLineages ?? [] };
  const position = { lineage: 'lineage', epoch: 1, revision: 1 };
  expect(hear(agent, cluster, position)).toMatchObject({ type: 'epoch too low', aboveEpoch: 8 });
  expect(hear(agent, cluster, { ...position, epoch: 9 })).toEqual({ type: 'follows', knowsMore: true });
});

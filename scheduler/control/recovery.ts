// How a daemon begins: a new term, every record from the store, and the checks that must hold before anything is served.
import { invariant } from '../../common/assert.js';
import type { ClusterView } from '../engine/view.js';
import { ClusterState, isTerminal } from '../model/cluster-state.js';
import { GpuShares } from '../model/gpu-shares.js';
import { inNewHistory } from '../model/history.js';
import { hasEnded, mayClaim } from '../model/lifecycle.js';
import { META_KEY, workloadKey, type ClusterMeta, type RecordChange } from '../model/records.js';
import { SharedParts } from '../model/shared-parts.js';
import type { StateStore, StorePosition } from '../store/state-store.js';

export interface Recovered {
  readonly state: ClusterState;
  readonly position: StorePosition;
  readonly records: number;
}

/** Opens a new term and reads the whole state. A store without a cluster gets one with the id given. */
export async function recover(
  store: StateStore,
  view: ClusterView,
  newClusterId: () => string,
  nowMs: number,
): Promise<Recovered> {
  let position = await store.beginEpoch();
  const state = new ClusterState();
  const shared = new SharedParts();
  let records = 0;
  for await (const record of store.load()) {
    const { collection, key } = record;
    const after = record.collection === 'workloads' ? shared.workload(record.value) : record.value;
    const change = { collection, key, before: null, after } as RecordChange;
    state.apply(change);
    view.apply(change);
    records += 1;
  }
  const before = state.get('meta', META_KEY) ?? null;
  const value = metaIn(position, before, newClusterId, nowMs);
  if (value !== before) {
    const revision = position.revision + 1;
    await store.commit({ ...position, revision, puts: [{ collection: 'meta', key: META_KEY, value }], deletes: [] });
    state.apply({ collection: 'meta', key: META_KEY, before, after: value });
    position = { ...position, revision };
  }
  checkInvariants(state);
  return { state, position, records };
}

/**
 * The cluster's record as it has to be in this history. In another history than the one it was written in (a backup was
 * restored, or the daemon died while it began one) agents may know more than the store does.
 */
function metaIn(
  { lineage }: StorePosition,
  before: ClusterMeta | null,
  newClusterId: () => string,
  nowMs: number,
): ClusterMeta {
  if (before === null) return { clusterId: newClusterId(), lastWorkload: 0, lineage };
  if (before.lineage === lineage) return before;
  if (before.lineage === undefined) return { ...before, lineage };
  // How far the other one came is not known here: whoever obeyed it may know more.
  return inNewHistory(before, lineage, { lineage: before.lineage, epoch: 0, revision: 0 }, 'restored', nowMs);
}

/** What must hold in every state; a store that breaks it is not served. */
export function checkInvariants(state: ClusterState): void {
  const shares = new GpuShares();
  for (const allocation of state.allocations.values()) {
    const workload = state.workloads.get(workloadKey(allocation.workload));
    invariant(workload !== undefined, 'allocations belong to a workload', allocation.id);
    if (allocation.state === 'released') continue;
    shares.add(allocation);
    const live = !hasEnded(allocation);
    const isPresent = workload.allocations.includes(allocation.id) && !isTerminal(workload.state);
    invariant(!live || isPresent, 'live allocations belong to the present attempt', allocation.id);
  }
  for (const workload of state.workloads.values()) {
    invariant(workload.number <= state.meta.lastWorkload, 'numbers are given once', `${workload.number}`);
    invariant(
      state.queue(workload.spec.queue) !== undefined || isTerminal(workload.state),
      'work has a queue',
      `${workload.number}`,
    );
    for (const id of workload.allocations) {
      invariant(state.allocation(id) !== undefined, 'attempts keep their allocations', `${workload.number}: ${id}`);
    }
    const tasks = new Set(workload.allocations.map((id) => state.allocation(id)?.task));
    invariant(tasks.size === workload.allocations.length, 'a task has one allocation', `${workload.number}`);
    const { gate, deadline, claim } = workload;
    invariant(gate === null || workload.state === 'pending', 'only what waits has a gate', `${workload.number}`);
    invariant(deadline === null || workload.state === 'running', 'only what runs has a deadline', `${workload.number}`);
    invariant(claim === null || mayClaim(workload), 'only what may be placed has a claim', `${workload.number}`);
  }
}

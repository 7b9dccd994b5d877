// The data folder of a busy cluster: workloads that wait and workloads that run, with request ids, written through the store as
// a daemon leaves it.
import type { AllocationId, NodeId, WorkloadNumber } from '../common/ids.js';
import { createUlidMaker } from '../common/ids.js';
import { ClusterState } from '../scheduler/model/cluster-state.js';
import { Draft } from '../scheduler/model/draft.js';
import { markStarted, place } from '../scheduler/model/lifecycle.js';
import { META_KEY, type RecordChange } from '../scheduler/model/records.js';
import { GPU_PARTS } from '../scheduler/model/requests.js';
import { openEmbeddedStore } from '../scheduler/store/embedded.js';
import type { StoredRecord } from '../scheduler/store/state-store.js';
import { GPUS_PER_NODE, nodeRecord, queueRecord, workloadRecord } from './engine-records.js';

/** How much there is. */
export interface StoredCluster {
  readonly pending: number;
  /** One GPU each. */
  readonly running: number;
}

const QUEUES = 50;
/** Workloads that came with one request. */
const BATCH = 10;
const RECORDS_A_COMMIT = 10_000;

/** Writes the cluster into a new data folder. @returns how many records that are */
export async function writeCluster(dataDir: string, { pending, running }: StoredCluster): Promise<number> {
  const state = clusterOf({ pending, running });
  const store = await openEmbeddedStore({ dataDir });
  let at = await store.beginEpoch();
  const records = [
    ...[...state.queues].map(([key, value]): StoredRecord => ({ collection: 'queues', key, value })),
    ...[...state.nodes].map(([key, value]): StoredRecord => ({ collection: 'nodes', key, value })),
    ...[...state.workloads].map(([key, value]): StoredRecord => ({ collection: 'workloads', key, value })),
    ...[...state.allocations].map(([key, value]): StoredRecord => ({ collection: 'allocations', key, value })),
    ...[...state.requests].map(([key, value]): StoredRecord => ({ collection: 'requests', key, value })),
    { collection: 'meta', key: META_KEY, value: state.meta } satisfies StoredRecord,
  ];
  for (let from = 0; from < records.length; from += RECORDS_A_COMMIT) {
    at = { ...at, revision: at.revision + 1 };
    await store.commit({ ...at, puts: records.slice(from, from + RECORDS_A_COMMIT), deletes: [] });
  }
  await store.close();
  return records.length;
}

function clusterOf({ pending, running }: StoredCluster): ClusterState {
  const state = new ClusterState();
  const newUlid = createUlidMaker();
  const nowMs = Date.now();
  const apply = (change: object): void => state.apply({ before: null, ...change } as RecordChange);
  apply({ collection: 'meta', key: META_KEY, after: { clusterId: 'bench', lastWorkload: pending + running } });
  const nodes = Math.ceil(running / GPUS_PER_NODE);
  for (let index = 0; index < QUEUES; index += 1) {
    const queue = queueRecord(queueName(index), (nodes * GPUS_PER_NODE) / QUEUES, 1);
    apply({ collection: 'queues', key: queue.name, after: queue });
  }
  for (let index = 0; index < nodes; index += 1) {
    const node = nodeRecord(`n${index}`, 'default');
    apply({ collection: 'nodes', key: node.id, after: node });
  }
  for (let number = 1; number <= pending + running; number += 1) {
    const id = number as WorkloadNumber;
    const workload = workloadRecord(id, newUlid(nowMs), queueName(number % QUEUES), { gpus: 1 }, nowMs);
    change(state, (draft) => draft.putWorkload(workload));
    if (number <= running) start(state, id, nowMs, newUlid);
    if (number % BATCH !== 0) continue;
    const key = `bench/${crypto.randomUUID()}`;
    const workloads = Array.from({ length: BATCH }, (_, at) => number - BATCH + 1 + at);
    apply({ collection: 'requests', key, after: { key, digest: 'd'.repeat(64), workloads, timeMs: nowMs } });
  }
  return state;
}

function start(state: ClusterState, number: WorkloadNumber, nowMs: number, newUlid: (nowMs: number) => string): void {
  const at = number - 1;
  const node = `n${Math.floor(at / GPUS_PER_NODE)}` as NodeId;
  const placement = { task: 0, node, gpus: [at % GPUS_PER_NODE], parts: GPU_PARTS, instances: [] };
  let placed: readonly AllocationId[] = [];
  change(state, (draft) => {
    place(draft, number, [placement], nowMs, newUlid);
    placed = draft.workload(number).allocations;
  });
  for (const id of placed) change(state, (draft) => markStarted(draft, id, nowMs, nowMs));
}

function change(state: ClusterState, make: (draft: Draft) => void): void {
  const draft = new Draft(state);
  make(draft);
  for (const made of draft.changes()) state.apply(made);
}

function queueName(index: number): string {
  return `q${String(index % QUEUES).padStart(2, '0')}`;
}

// Records for the stores' tests: whole ones, as the daemon writes them.
import type { NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { type ClusterNode, META_KEY, type Queue, type Workload, workloadKey } from '../../scheduler/model/records.js';
import type { Commit, StateStore, StoredRecord, StorePosition } from '../../scheduler/store/state-store.js';
import { PLAIN_GPU, plainRequest } from '../plain-spec.js';
import { ONLY_GPUS_COUNT } from '../../scheduler/model/requests.js';

export function queue(name: string): StoredRecord & { readonly value: Queue } {
  return {
    collection: 'queues',
    key: name,
    value: {
      name: name as QueueName,
      parent: null,
      guaranteeGpus: 8,
      limitGpus: null,
      weight: 1,
      priority: 0,
      ...ONLY_GPUS_COUNT,
      createdMs: 1_760_000_000_000,
    },
  };
}

export function node(name: string, labels: Readonly<Record<string, string>> = {}): StoredRecord {
  const value: ClusterNode = {
    id: name as NodeId,
    name,
    pool: 'default',
    labels,
    gpus: [
      {
        uuid: `GPU-${name}-0`,
        index: 0,
        model: 'NVIDIA H100 80GB HBM3',
        memoryMib: 81_559,
        simulated: true,
        health: 'healthy',
        healthMessage: '',
        pciBusId: '00000000:00:04.0',
        generation: 7,
        ...PLAIN_GPU,
      },
    ],
    cpuCount: 64,
    memoryMib: 515_000,
    driverVersion: '580.65.06',
    cudaVersion: '13.0',
    gpuProblem: '',
    bootId: 'b',
    agentVersion: '0.1.0',
    cordoned: false,
    cordonReason: '',
    maintenance: [],
    registeredMs: 1_760_000_000_000.5,
  };
  return { collection: 'nodes', key: name, value };
}

export function workload(number: number, change: Partial<Workload> = {}): StoredRecord & { readonly value: Workload } {
  const value: Workload = {
    number: number as WorkloadNumber,
    uid: `01J${String(number).padStart(23, '0')}`,
    spec: {
      name: `train-${number}`,
      kind: 'train',
      queue: 'research/vision' as QueueName,
      priority: 50,
      preemptible: true,
      ...plainRequest({ gpusPerTask: 4, gpuModel: 'H100' }),
      program: { type: 'builtin', name: 'train', args: ['--dataset=/data/mnist', '--epochs=4'] },
      environment: [{ name: 'OMP_NUM_THREADS', value: '8' }],
      workingDirectory: '',
      graceMs: 30_000,
      checkpointDirectory: '',
    },
    owner: 'ada',
    state: 'pending',
    message: '',
    attempt: 0,
    allocations: [],
    pastAllocations: [],
    claim: null,
    checkpoint: null,
    afterStop: null,
    requeues: 0,
    retries: 0,
    hold: null,
    notBeforeMs: 0,
    gate: null,
    deadline: null,
    falseStarts: 0,
    lostGpuMs: 0,
    gpuMs: 0,
    submittedMs: 1_760_000_000_000 + number,
    startedMs: null,
    endedMs: null,
    events: [{ timeMs: 1_760_000_000_000 + number, type: 'submitted', message: 'submitted by ada' }],
    ...change,
  };
  return { collection: 'workloads', key: workloadKey(value.number), value };
}

export function meta(lastWorkload: number): StoredRecord {
  return { collection: 'meta', key: META_KEY, value: { clusterId: 'c', lastWorkload } };
}

/** The commit that follows a position. */
export function following(at: StorePosition, change: Partial<Commit>): Commit {
  return { ...at, revision: at.revision + 1, puts: [], deletes: [], ...change };
}

/** Commits and says where the store stands then. */
export async function commitNext(
  store: StateStore,
  at: StorePosition,
  change: Partial<Pick<Commit, 'puts' | 'deletes'>>,
): Promise<StorePosition> {
  const commit = following(at, change);
  await store.commit(commit);
  return { lineage: commit.lineage, epoch: commit.epoch, revision: commit.revision };
}

export async function everything(store: StateStore): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for await (const record of store.load()) records.push(record);
  return records;
}

// The records that make up the cluster's state: plain, read-only, durable. Nothing here has behaviour.
// A change of state is a set of record changes; the store keeps them, the engine's view and the API follow them.
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';

/** One node of the tenant tree. Leaves hold workloads. */
export interface Queue {
  readonly name: QueueName;
  readonly parent: QueueName | null;
  /** GPUs it gets back on demand. */
  readonly guaranteeGpus: number;
  /** The most GPUs it may hold; null = no limit. */
  readonly limitGpus: number | null;
  /** Its share of what is left over; 0 = nothing beyond the guarantee. */
  readonly weight: number;
  /** Higher is served first from what is left over. */
  readonly priority: number;
  readonly createdMs: number;
}

export type GpuHealth = 'healthy' | 'lost' | 'quarantined';

/** One GPU as its agent last reported it. */
export interface Gpu {
  readonly uuid: string;
  /** Its position in the node's list; the engine names GPUs by it. */
  readonly index: number;
  readonly model: string;
  readonly memoryMib: number;
  readonly simulated: boolean;
  readonly health: GpuHealth;
  readonly healthMessage: string;
  /**
   * Why the scheduler keeps it from new work, whatever its agent says of its health: nothing proves that its last task
   * is gone. Absent = it does not. Ends with a reboot of the machine, or when a person uncordons the node.
   */
  readonly quarantine?: string;
  readonly pciBusId: string;
  /** The fencing number of the last grant; 0 = never granted. */
  readonly generation: number;
}

/** One machine. Whether its agent is heard of is soft state and not kept here. */
export interface ClusterNode {
  readonly id: NodeId;
  readonly name: string;
  readonly pool: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly gpus: readonly Gpu[];
  readonly cpuCount: number;
  readonly memoryMib: number;
  readonly driverVersion: string;
  readonly cudaVersion: string;
  /** In words, when GPUs could not be read; empty = fine. */
  readonly gpuProblem: string;
  readonly bootId: string;
  readonly agentVersion: string;
  readonly cordoned: boolean;
  readonly cordonReason: string;
  readonly registeredMs: number;
}

export type WorkloadKind = 'train' | 'test' | 'service' | 'batch';

export type Program =
  | { readonly type: 'command'; readonly argv: readonly string[] }
  | { readonly type: 'builtin'; readonly name: string; readonly args: readonly string[] };

/** What a user asked for, with every default filled in. */
export interface WorkloadSpec {
  readonly name: string;
  readonly kind: WorkloadKind;
  readonly queue: QueueName;
  readonly priority: number;
  readonly preemptible: boolean;
  /** Tasks start all together or not at all. */
  readonly tasks: number;
  readonly gpusPerTask: number;
  /** Empty = any. */
  readonly gpuModel: string;
  /** Empty = any. */
  readonly pool: string;
  readonly program: Program;
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  /** Empty = a folder of the task's own. */
  readonly workingDirectory: string;
  readonly graceMs: number;
  /** Empty = the agent's own folder for the workload. */
  readonly checkpointDirectory: string;
}

export type WorkloadState = 'pending' | 'starting' | 'running' | 'stopping' | 'succeeded' | 'failed' | 'cancelled';

export interface Checkpoint {
  readonly step: number;
  readonly timeMs: number;
  readonly path: string;
}

export type WorkloadEventType =
  'submitted' | 'claimed' | 'placed' | 'started' | 'stopping' | 'requeued' | 'checkpoint' | 'finished';

export interface WorkloadEvent {
  readonly timeMs: number;
  readonly type: WorkloadEventType;
  readonly message: string;
}

/** Which GPUs (by index) of which node one task gets. */
export interface Placement {
  readonly task: number;
  readonly node: NodeId;
  readonly gpus: readonly number[];
}

/** GPUs promised to a pending workload: some still leave their present holders, some are free and held for it. */
export interface Claim {
  readonly placements: readonly Placement[];
  readonly sinceMs: number;
}

export interface Workload {
  readonly number: WorkloadNumber;
  /** A ULID. */
  readonly uid: string;
  readonly spec: WorkloadSpec;
  readonly owner: string;
  readonly state: WorkloadState;
  /** In one sentence, why it is where it is; empty while pending (the engine explains that). */
  readonly message: string;
  /** 0 = never placed. */
  readonly attempt: number;
  /** Allocations of the present or last attempt, in task order. */
  readonly allocations: readonly AllocationId[];
  /** Those of earlier attempts, oldest first; bounded. */
  readonly pastAllocations: readonly AllocationId[];
  readonly claim: Claim | null;
  readonly checkpoint: Checkpoint | null;
  /** What becomes of it once its allocations are gone: back to pending, or an end. Null while not stopping. */
  readonly afterStop: 'requeue' | 'cancel' | 'fail' | 'succeed' | null;
  readonly requeues: number;
  /** Attempts in a row that were lost without the program's doing, never started or soon after their start. */
  readonly falseStarts: number;
  readonly lostGpuMs: number;
  /** GPU time of ended allocations. */
  readonly gpuMs: number;
  readonly submittedMs: number;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  /** The last ones, oldest first; bounded. */
  readonly events: readonly WorkloadEvent[];
}

/** `exited`: the process is over, its GPUs are not confirmed clean; they stay held until `released`. */
export type AllocationState = 'placed' | 'running' | 'stopping' | 'exited' | 'released';

export type StopReason = 'reclaimed' | 'preempted' | 'cancelled' | 'gang_ended' | 'node_lost';

export interface StopOrder {
  readonly reason: StopReason;
  readonly requestedMs: number;
  readonly graceMs: number;
  /** The workload that needed the GPUs. */
  readonly forWorkload: WorkloadNumber | null;
  /** In words, with the numbers that decided. */
  readonly message: string;
}

export interface Exit {
  /** Null when a signal ended it or nothing is known. */
  readonly code: number | null;
  /** For example "SIGKILL"; empty = none. */
  readonly signal: string;
  readonly message: string;
}

export interface GrantedGpu {
  readonly uuid: string;
  readonly index: number;
  readonly model: string;
  readonly simulated: boolean;
  readonly generation: number;
}

export interface Allocation {
  readonly id: AllocationId;
  readonly workload: WorkloadNumber;
  readonly attempt: number;
  readonly task: number;
  readonly node: NodeId;
  readonly gpus: readonly GrantedGpu[];
  readonly state: AllocationState;
  /** Where its attempt begins: fixed when it is placed, so that all tasks of a gang begin at the same step. */
  readonly resume: Checkpoint | null;
  readonly placedMs: number;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly stop: StopOrder | null;
  readonly exit: Exit | null;
  readonly endpoints: readonly { readonly name: string; readonly url: string }[];
}

/** What a request id led to, so that a repeated request gets the first answer. */
export interface RequestRecord {
  /** `principal/request_id`. */
  readonly key: string;
  /** SHA-256 of the canonical body. */
  readonly digest: string;
  readonly workloads: readonly WorkloadNumber[];
  readonly timeMs: number;
}

/** Counters of the cluster as a whole; one record. */
export interface ClusterMeta {
  readonly clusterId: string;
  /** The last number given to a workload. */
  readonly lastWorkload: number;
}

/** Every collection, by name, with its record type. */
export interface Collections {
  readonly queues: Queue;
  readonly nodes: ClusterNode;
  readonly workloads: Workload;
  readonly allocations: Allocation;
  readonly requests: RequestRecord;
  readonly meta: ClusterMeta;
}

export type CollectionName = keyof Collections;

/** One record as it was and as it is to be; `after` null = deleted, `before` null = new. */
export type RecordChange = {
  [C in CollectionName]: {
    readonly collection: C;
    readonly key: string;
    readonly before: Collections[C] | null;
    readonly after: Collections[C] | null;
  };
}[CollectionName];

/** The key of a workload's record: its number, so that records sort as people count. */
export function workloadKey(number: WorkloadNumber): string {
  return String(number).padStart(12, '0');
}

/** The only key in the collection `meta`. */
export const META_KEY = 'cluster';

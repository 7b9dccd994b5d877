// Workloads and allocations as the engine sees them: the record, and where the view has filed it.
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import type { Claim, Placement, StopOrder, Workload } from '../model/records.js';
import type { NodeEntry, Slot } from './nodes.js';
import type { QueueNode } from './queues.js';
import type { RunningBucket } from './running.js';
import type { Group, Shape } from './shapes.js';
import { gpusOfGang, GPU_PARTS } from '../model/requests.js';

/** One workload. */
export interface WorkloadEntry {
  readonly number: WorkloadNumber;
  /** Null while only allocations have named it. */
  record: Workload | null;
  queue: QueueNode | null;
  shape: Shape | null;
  /** Where it waits; null = it does not wait, or waits with a claim. */
  group: Group | null;
  claim: HeldClaim | null;
  /** GPUs counted in its queue's demand, and in what is pending there. */
  demand: number;
  pending: number;
  /** Those not released. */
  allocations: readonly AllocationEntry[];
  /** How many of them are leaving. */
  leavingAllocations: number;
  /** Where it stands among those that may be evicted. */
  bucket: RunningBucket | null;
  /** Since when its work would be lost: the last checkpoint, else the start. */
  unsavedSinceMs: number;
  placedMs: number;
  /** True while a step tries out its eviction. */
  evicting: boolean;
}

/** One allocation that is not released. */
export interface AllocationEntry {
  readonly id: AllocationId;
  readonly workload: WorkloadEntry;
  readonly node: NodeEntry;
  /** The slots found for its GPUs; fewer than `gpus` when the node no longer names one. */
  slots: readonly Slot[];
  readonly gpus: number;
  /** What the grant named, to find the slots again. */
  readonly granted: readonly { readonly uuid: string; readonly index: number }[];
  leaving: boolean;
  readonly placedMs: number;
  /** What it was told, for explanations. */
  stop: StopOrder | null;
}

/** The GPUs promised to a pending workload. */
export interface HeldClaim {
  readonly places: readonly TaskPlace[];
  /** The claim as the record has it; null = tried out in a step. The places may lack GPUs that are gone. */
  readonly source: Claim | null;
  /** In words, why it can no longer be met; null = it can as far as slots go. */
  readonly broken: string | null;
}

/** Which slots of which node one task gets. */
export interface TaskPlace {
  readonly task: number;
  readonly node: NodeEntry;
  readonly slots: readonly Slot[];
}

/** GPUs the workload asks for in all. */
export function requestOf(record: Workload): number {
  return gpusOfGang(record.spec);
}

/** Task places as a record names them. */
export function toPlacements(places: readonly TaskPlace[]): Placement[] {
  return places.map(({ task, node, slots }) => ({
    task,
    node: node.id,
    gpus: slots.map((slot) => slot.index),
    parts: GPU_PARTS,
    instances: [],
  }));
}

/** The request of a workload whose tasks are all alike and ask for whole GPUs. */
export function plainRequest({ spec }: Workload): {
  tasks: number;
  gpusPerTask: number;
  pool: string;
  gpuModel: string;
} {
  const [role] = spec.roles;
  return {
    tasks: role?.minTasks ?? 0,
    gpusPerTask: role?.request.gpus ?? 0,
    pool: role?.rules.pool ?? '',
    gpuModel: role?.rules.models[0] ?? '',
  };
}

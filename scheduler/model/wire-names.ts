// The names that states, kinds and reasons have in the protocol, one table each way.
import { toDuration } from '../../common/units.js';
import type {
  AllocationState,
  Dependency,
  EarlySignal,
  GpuHealth,
  Launcher,
  NotifyOn,
  OnDisconnect,
  StopReason,
  TopologyLevel,
  WorkloadKind,
  WorkloadState,
} from './records.js';

/** A notice ahead of the stop signal, in the protocol's form. */
export function earlySignalToProto({ signal, aheadMs }: EarlySignal) {
  return { signal, ahead: toDuration(aheadMs) };
}

export const KIND_TO_PROTO = {
  train: 'WORKLOAD_KIND_TRAIN',
  test: 'WORKLOAD_KIND_TEST',
  service: 'WORKLOAD_KIND_SERVICE',
  batch: 'WORKLOAD_KIND_BATCH',
  interactive: 'WORKLOAD_KIND_INTERACTIVE',
} as const satisfies Record<WorkloadKind, string>;

export const ON_DISCONNECT_TO_PROTO = {
  stop: 'ON_DISCONNECT_STOP',
  linger: 'ON_DISCONNECT_LINGER',
  keep: 'ON_DISCONNECT_KEEP',
} as const satisfies Record<OnDisconnect, string>;

export const LAUNCHER_TO_PROTO = {
  none: 'LAUNCHER_NONE',
  torchrun: 'LAUNCHER_TORCHRUN',
  per_gpu: 'LAUNCHER_PER_GPU',
} as const satisfies Record<Launcher, string>;

export const STATE_TO_PROTO = {
  pending: 'WORKLOAD_STATE_PENDING',
  starting: 'WORKLOAD_STATE_STARTING',
  running: 'WORKLOAD_STATE_RUNNING',
  stopping: 'WORKLOAD_STATE_STOPPING',
  succeeded: 'WORKLOAD_STATE_SUCCEEDED',
  failed: 'WORKLOAD_STATE_FAILED',
  cancelled: 'WORKLOAD_STATE_CANCELLED',
} as const satisfies Record<WorkloadState, string>;

export const ALLOCATION_STATE_TO_PROTO = {
  placed: 'ALLOCATION_STATE_PLACED',
  running: 'ALLOCATION_STATE_RUNNING',
  stopping: 'ALLOCATION_STATE_STOPPING',
  exited: 'ALLOCATION_STATE_EXITED',
  released: 'ALLOCATION_STATE_RELEASED',
} as const satisfies Record<AllocationState, string>;

export const STOP_REASON_TO_PROTO = {
  reclaimed: 'STOP_REASON_RECLAIMED',
  preempted: 'STOP_REASON_PREEMPTED',
  cancelled: 'STOP_REASON_CANCELLED',
  gang_ended: 'STOP_REASON_GANG_ENDED',
  node_lost: 'STOP_REASON_NODE_LOST',
  moved: 'STOP_REASON_MOVED',
  time_limit: 'STOP_REASON_TIME_LIMIT',
  maintenance: 'STOP_REASON_MAINTENANCE',
  drain: 'STOP_REASON_DRAIN',
  requeued: 'STOP_REASON_REQUEUED',
  gpu_fault: 'STOP_REASON_GPU_FAULT',
  idle: 'STOP_REASON_IDLE',
} as const satisfies Record<StopReason, string>;

export const GPU_HEALTH_TO_PROTO = {
  healthy: 'GPU_HEALTH_HEALTHY',
  suspect: 'GPU_HEALTH_SUSPECT',
  draining: 'GPU_HEALTH_DRAINING',
  lost: 'GPU_HEALTH_LOST',
  quarantined: 'GPU_HEALTH_QUARANTINED',
} as const satisfies Record<GpuHealth, string>;

export const TOPOLOGY_LEVEL_TO_PROTO = {
  nvlink: 'TOPOLOGY_LEVEL_NVLINK',
  node: 'TOPOLOGY_LEVEL_NODE',
  rack: 'TOPOLOGY_LEVEL_RACK',
  block: 'TOPOLOGY_LEVEL_BLOCK',
} as const satisfies Record<TopologyLevel, string>;

export const DEPENDENCY_CONDITION_TO_PROTO = {
  succeeded: 'DEPENDENCY_CONDITION_SUCCEEDED',
  ended: 'DEPENDENCY_CONDITION_ENDED',
  failed: 'DEPENDENCY_CONDITION_FAILED',
  started: 'DEPENDENCY_CONDITION_STARTED',
} as const satisfies Record<Dependency['condition'], string>;

export const NOTIFY_ON_TO_PROTO = {
  start: 'NOTIFY_ON_START',
  end: 'NOTIFY_ON_END',
  fail: 'NOTIFY_ON_FAIL',
  requeue: 'NOTIFY_ON_REQUEUE',
  idle: 'NOTIFY_ON_IDLE',
} as const satisfies Record<NotifyOn, string>;

// What an agent says it has, parsed from the protocol and checked at this border.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import { GPU_PARTS } from '../../common/gpu-parts.js';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import { fromDuration, fromTimestamp } from '../../common/units.js';
import type { AgentHello__Output } from '../../proto/gen/sluice/v1/AgentHello.js';
import type { HealthEvent__Output } from '../../proto/gen/sluice/v1/HealthEvent.js';
import type { GpuSymptom__Output } from '../../proto/gen/sluice/v1/GpuSymptom.js';
import type { Gpu__Output } from '../../proto/gen/sluice/v1/Gpu.js';
import type { MigInstance__Output } from '../../proto/gen/sluice/v1/MigInstance.js';
import type { MeasuredUse__Output } from '../../proto/gen/sluice/v1/MeasuredUse.js';
import type { NodeInventory__Output } from '../../proto/gen/sluice/v1/NodeInventory.js';
import type { ObservedAllocation__Output } from '../../proto/gen/sluice/v1/ObservedAllocation.js';
import type { HealthEvent } from '../control/commands/gpu-health.js';
import type { LiveUse } from '../model/measured-use.js';
import type { InventoryReport, NodeReport } from '../control/commands/nodes.js';
import { MAX_DETAIL_CHARACTERS } from '../model/gpu-health.js';
import type { Checkpoint, Exit, GpuSymptom, GrantedGpu, MigInstance } from '../model/records.js';

/** No GPU has more than 7; what comes after is ignored. */
export const MAX_MIG_INSTANCES_PER_GPU = 16;

/** One allocation as its agent sees it. */
export interface Observed {
  readonly id: AllocationId;
  readonly state: 'starting' | 'ready' | 'running' | 'stopping' | 'exited' | 'released';
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly exit: Exit | null;
  readonly checkpoint: Checkpoint | null;
  readonly endpoints: readonly { readonly name: string; readonly url: string }[];
  readonly neverStarted: boolean;
  readonly stopSignalled: boolean;
  readonly dirtyGpus: readonly string[];
  /** What it was ordered as; absent = its agent does not tell. */
  readonly grant?: ObservedGrant;
  /** What it used, once it has ended; absent = it has not, or nothing was measured. */
  readonly use?: LiveUse;
}

/** What an agent was given to run. */
export interface ObservedGrant {
  readonly workload: WorkloadNumber;
  readonly attempt: number;
  readonly task: number;
  readonly gpus: readonly GrantedGpu[];
}

const STATES = {
  OBSERVED_STATE_UNSPECIFIED: 'starting',
  OBSERVED_STATE_STARTING: 'starting',
  OBSERVED_STATE_READY: 'ready',
  OBSERVED_STATE_RUNNING: 'running',
  OBSERVED_STATE_STOPPING: 'stopping',
  OBSERVED_STATE_EXITED: 'exited',
  OBSERVED_STATE_RELEASED: 'released',
} as const;

const HEALTH = {
  GPU_HEALTH_UNSPECIFIED: 'healthy',
  GPU_HEALTH_HEALTHY: 'healthy',
  GPU_HEALTH_LOST: 'lost',
  GPU_HEALTH_QUARANTINED: 'quarantined',
  GPU_HEALTH_SUSPECT: 'suspect',
  GPU_HEALTH_DRAINING: 'draining',
} as const;

/** Parses one observation. */
export function parseObserved(message: ObservedAllocation__Output): Observed {
  const { checkpoint, exit } = message;
  return {
    id: message.id as AllocationId,
    state: STATES[message.state],
    startedMs: fromTimestamp(message.startTime),
    endedMs: fromTimestamp(message.endTime),
    exit:
      exit === null
        ? null
        : { code: exit._code === 'code' ? (exit.code ?? 0) : null, signal: exit.signal, message: exit.message },
    checkpoint:
      checkpoint === null
        ? null
        : { step: checkpoint.step, path: checkpoint.path, timeMs: fromTimestamp(checkpoint.time) ?? 0 },
    endpoints: message.endpoints.map(({ name, url }) => ({ name, url })),
    neverStarted: message.neverStarted,
    stopSignalled: message.stopSignalled,
    dirtyGpus: message.dirtyGpus,
    ...(message.workload > 0 ? { grant: parseGrant(message) } : {}),
    ...(message.use ? { use: parseUse(message.use) } : {}),
  };
}

/** Parses what an agent measured of a task. */
export function parseUse(message: MeasuredUse__Output): LiveUse {
  const { cpuTime, memoryPeakMib, gpus } = message;
  return {
    cpuMs: fromDuration(cpuTime),
    memoryPeakMib: message._memoryPeakMib === 'memoryPeakMib' ? (memoryPeakMib ?? 0) : null,
    gpus: gpus.map((gpu) => ({
      measuredMs: fromDuration(gpu.measuredTime) ?? 0,
      busyMs: fromDuration(gpu.busyTime) ?? 0,
      workMs: fromDuration(gpu.workTime) ?? 0,
      memoryPeakMib: gpu.memoryPeakMib,
    })),
    idleMs: gpus.map(({ idleTime }) => fromDuration(idleTime) ?? 0),
  };
}

function parseGrant({ workload, attempt, task, gpus }: ObservedAllocation__Output): ObservedGrant {
  const granted = gpus.map(({ uuid, index, model, simulated, generation, parts, instance }) => {
    // An agent that says nothing of parts knows of whole GPUs only.
    return { uuid, index, model, simulated, generation, parts: parts === 0 ? GPU_PARTS : parts, instance };
  });
  return { workload: workload as WorkloadNumber, attempt, task, gpus: granted };
}

/** Empty, or what others may connect to: it becomes a variable of programs. */
function isAddress(text: string): boolean {
  return /^[0-9A-Za-z.:_-]{0,253}$/.test(text);
}

/**
 * Where an agent's connection comes from; empty = over loopback, or not over the network.
 * @param peer address and port as gRPC tells them: `10.0.3.17:41234`, `fd00::17:41234`
 */
export function seenAt(peer: string): string {
  // A socket for both families shows the old one inside the new one; a link-local address is none without its interface.
  const address = peer.replace(/:\d+$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  const isOne = /^\d+(\.\d+){3}$/.test(address) || /^[0-9A-Fa-f]*:[0-9A-Fa-f:]+$/.test(address);
  return !isOne || address === '::1' || address.startsWith('127.') ? '' : address;
}

/**
 * Parses an agent's first message; INVALID_ARGUMENT when it names no node.
 * @param peer where its connection comes from, as gRPC tells it; empty = not known
 */
export function parseHello(hello: AgentHello__Output, peer = ''): NodeReport {
  const complaint = /^[a-z0-9][a-z0-9.-]{0,62}$/.test(hello.name)
    ? /^[0-9a-f-]{36}$/.test(hello.nodeId)
      ? null
      : `node_id "${hello.nodeId}" is not a UUID`
    : `the node's name "${hello.name}" must be 1 to 63 of a-z, 0-9, "." and "-"`;
  if (complaint !== null) {
    throw new ApiError({ code: status.INVALID_ARGUMENT, reason: 'HELLO_INVALID', message: complaint });
  }
  if (!isAddress(hello.advertiseAddress) || !isAddress(hello.ownAddress)) {
    const message = `"${hello.advertiseAddress || hello.ownAddress}" is no address: a name or an IP address without a port`;
    throw new ApiError({ code: status.INVALID_ARGUMENT, reason: 'HELLO_INVALID', message });
  }
  const address = hello.advertiseAddress || seenAt(peer) || hello.ownAddress;
  return {
    id: hello.nodeId as NodeId,
    name: hello.name,
    pool: hello.pool === '' ? 'default' : hello.pool,
    labels: { ...hello.labels },
    bootId: hello.bootId,
    agentVersion: hello.agentVersion,
    ...(address === '' ? {} : { address }),
    inventory: parseInventory(hello.inventory),
  };
}

/** Parses what an agent found on its machine. */
export function parseInventory(inventory: NodeInventory__Output | null): InventoryReport {
  return {
    gpus: (inventory?.gpus ?? []).map(parseGpu),
    cpuCount: inventory?.cpuCount ?? 0,
    memoryMib: inventory?.memoryMib ?? 0,
    driverVersion: inventory?.driverVersion ?? '',
    cudaVersion: inventory?.cudaVersion ?? '',
    gpuProblem: inventory?.gpuProblem ?? '',
    ...(inventory === null || inventory.nodeProblem === '' ? {} : { nodeProblem: inventory.nodeProblem }),
  };
}

/** Parses what an agent saw happen. What is no event is left out, and so acknowledged with those after it. */
export function parseHealthEvents(events: readonly HealthEvent__Output[]): readonly HealthEvent[] {
  return events
    .filter(({ sequence, kind }) => sequence > 0 && kind !== '')
    .map(({ sequence, time, kind, gpu, xid, detail, allocation }) => {
      return { sequence, timeMs: fromTimestamp(time) ?? 0, kind, gpu, xid, detail, allocation };
    });
}

function parseGpu(gpu: Gpu__Output): InventoryReport['gpus'][number] {
  return {
    uuid: gpu.uuid,
    model: gpu.model,
    memoryMib: gpu.memoryMib,
    simulated: gpu.simulated,
    health: HEALTH[gpu.health],
    healthMessage: gpu.healthMessage,
    pciBusId: gpu.pciBusId,
    nvlinkGroup: gpu._nvlinkGroup === 'nvlinkGroup' ? (gpu.nvlinkGroup ?? null) : null,
    mig: gpu.migEnabled ? parseMig(gpu.migInstances) : null,
    ...(gpu.computeMode === '' ? {} : { computeMode: gpu.computeMode }),
    ...(gpu._numaNode === 'numaNode' ? { numaNode: gpu.numaNode ?? 0 } : {}),
    ...(gpu.cpuAffinity === '' ? {} : { cpuAffinity: gpu.cpuAffinity }),
    ...(gpu.symptoms.length === 0 ? {} : { symptoms: parseSymptoms(gpu.symptoms) }),
  };
}

/** More than that nobody looks at. */
const MAX_SYMPTOMS = 16;

function parseSymptoms(symptoms: readonly GpuSymptom__Output[]): readonly GpuSymptom[] {
  return symptoms.slice(0, MAX_SYMPTOMS).map(({ kind, detail }) => ({
    kind: kind.slice(0, MAX_DETAIL_CHARACTERS),
    detail: detail.slice(0, MAX_DETAIL_CHARACTERS),
  }));
}

/** What has no identity cannot be granted, and one identity can be granted once. */
function parseMig(instances: readonly MigInstance__Output[]): readonly MigInstance[] {
  const byUuid = new Map(
    instances
      .filter(({ uuid }) => uuid !== '')
      .slice(0, MAX_MIG_INSTANCES_PER_GPU)
      .map(({ uuid, profile, memoryMib }) => [uuid, { uuid, profile, memoryMib }]),
  );
  return [...byUuid.values()];
}

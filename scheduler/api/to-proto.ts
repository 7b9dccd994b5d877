// Records in the protocol's form.
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { skewsBetween } from '../../common/skew.js';
import { toDuration, toTimestamp } from '../../common/units.js';
import type { Allocation as AllocationMessage } from '../../proto/gen/sluice/v1/Allocation.js';
import type { GpuHolder as GpuHolderMessage } from '../../proto/gen/sluice/v1/GpuHolder.js';
import type { Maintenance as MaintenanceMessage } from '../../proto/gen/sluice/v1/Maintenance.js';
import type { Node as NodeMessage } from '../../proto/gen/sluice/v1/Node.js';
import type { Queue as QueueMessage } from '../../proto/gen/sluice/v1/Queue.js';
import type { Workload as WorkloadMessage } from '../../proto/gen/sluice/v1/Workload.js';
import { announcements, type Announcement } from '../control/commands/maintenance.js';
import type { QueueShare } from '../engine/decisions.js';
import type { Brief } from '../engine/explain.js';
import { isInside, nextStart } from '../engine/maintenance.js';
import type { Fleet } from '../fleet/fleet.js';
import { isHeld } from '../model/launch.js';
import type { ReadableState } from '../model/cluster-state.js';
import { isWorse, shownHealth } from '../model/gpu-health.js';
import {
  ALLOCATION_STATE_TO_PROTO,
  GPU_HEALTH_TO_PROTO,
  STATE_TO_PROTO,
  STOP_REASON_TO_PROTO,
} from '../model/wire-names.js';
import type { Allocation, ClusterNode, Gpu, Queue, Workload } from '../model/records.js';
import { queueSpecToProto, shapeToProto, specToProto } from './spec-to-proto.js';

/** A workload with the allocations of its present or last attempt; `explanation` says why a pending one is pending. */
export function workloadToProto(
  state: ReadableState,
  fleet: Fleet,
  workload: Workload,
  explanation: Brief | null,
): WorkloadMessage {
  const allocations = workload.allocations
    .map((id) => state.allocation(id))
    .filter((allocation): allocation is Allocation => allocation !== undefined);
  return {
    number: workload.number,
    uid: workload.uid,
    spec: specToProto(workload.spec, workload.number),
    state: STATE_TO_PROTO[workload.state],
    message: explanation?.summary ?? workload.message,
    pendingReason: explanation?.reason ?? '',
    attempt: workload.attempt,
    owner: workload.owner,
    submitTime: toTimestamp(workload.submittedMs),
    startTime: toTimestamp(workload.startedMs),
    endTime: toTimestamp(workload.endedMs),
    allocations: allocations.map((allocation) => allocationToProto(state, fleet, allocation)),
    checkpoint: workload.checkpoint && {
      step: workload.checkpoint.step,
      time: toTimestamp(workload.checkpoint.timeMs),
      path: workload.checkpoint.path,
    },
    requeues: workload.requeues,
    retries: workload.retries,
    hold: workload.hold ?? '',
    adminHold: workload.adminHold === true,
    limitTime: toTimestamp(workload.deadline?.endMs ?? null),
    lostGpuTime: toDuration(workload.lostGpuMs),
    gpuTime: toDuration(workload.gpuMs),
    arrayPlace: workload.spec.array && { first: workload.spec.array.of, index: workload.spec.array.index },
    events: workload.events.map(({ timeMs, type, message }) => ({ time: toTimestamp(timeMs), type, message })),
  };
}

function allocationToProto(state: ReadableState, fleet: Fleet, allocation: Allocation): AllocationMessage {
  const { exit, stop } = allocation;
  const live = allocation.state !== 'released' && allocation.state !== 'exited';
  return {
    id: allocation.id,
    task: allocation.task,
    attempt: allocation.attempt,
    node: state.node(allocation.node)?.name ?? allocation.node,
    gpus: allocation.gpus.map((gpu) => ({ ...gpu })),
    state: ALLOCATION_STATE_TO_PROTO[allocation.state],
    placeTime: toTimestamp(allocation.placedMs),
    startTime: toTimestamp(allocation.startedMs),
    endTime: toTimestamp(allocation.endedMs),
    stop: stop && {
      reason: STOP_REASON_TO_PROTO[stop.reason],
      requestTime: toTimestamp(stop.requestedMs),
      grace: toDuration(stop.graceMs),
      forWorkload: stop.forWorkload ?? 0,
      message: stop.message,
    },
    exit: exit && {
      ...(exit.code === null ? {} : { code: exit.code }),
      signal: exit.signal,
      message: exit.message,
    },
    endpoints: allocation.endpoints.map(({ name, url }) => ({ name, url })),
    unreachable: live && fleet.softState(allocation.node).liveness !== 'ready',
    ...((allocation.launch?.rank ?? null) === null ? {} : { rank: allocation.launch?.rank ?? 0 }),
    waitsForGang: isHeld(allocation),
  };
}

const LIVENESS_TO_PROTO = {
  ready: 'NODE_STATE_READY',
  unknown: 'NODE_STATE_UNKNOWN',
  down: 'NODE_STATE_DOWN',
} as const;

/** The GPUs of a node without those whose entries were taken away. */
function shownGpus({ gpus }: ClusterNode): readonly Gpu[] {
  return gpus.some(({ retired }) => retired) ? gpus.filter(({ retired }) => retired !== true) : gpus;
}

/** A node with its GPUs, who holds them, and their last telemetry. */
export function nodeToProto(state: ReadableState, fleet: Fleet, node: ClusterNode, nowMs: number): NodeMessage {
  const held = state.heldOn(node.id);
  const holders = holdersByGpu(held);
  const soft = fleet.softState(node.id);
  return {
    id: node.id,
    name: node.name,
    pool: node.pool,
    labels: { ...node.labels },
    state: LIVENESS_TO_PROTO[soft.liveness],
    cordoned: node.cordoned,
    cordonReason: node.cordonReason,
    inventory: {
      gpus: shownGpus(node).map((gpu) => ({
        uuid: gpu.uuid,
        index: gpu.index,
        model: gpu.model,
        memoryMib: gpu.memoryMib,
        simulated: gpu.simulated,
        health: GPU_HEALTH_TO_PROTO[shownHealth(gpu, holders.has(gpu.uuid))],
        healthMessage: gpu.healthMessage,
        pciBusId: gpu.pciBusId,
        workload: holders.get(gpu.uuid)?.[0]?.workload ?? 0,
        telemetry: fleet.telemetry(gpu.uuid),
        ...(gpu.nvlinkGroup === null ? {} : { nvlinkGroup: gpu.nvlinkGroup }),
        migEnabled: gpu.mig !== null,
        migInstances: (gpu.mig ?? []).map((instance) => ({ ...instance })),
        holders: holders.get(gpu.uuid) ?? [],
        computeMode: gpu.computeMode ?? '',
        ...(gpu.numaNode === undefined ? {} : { numaNode: gpu.numaNode }),
        cpuAffinity: gpu.cpuAffinity ?? '',
        symptoms: (gpu.symptoms ?? []).map((symptom) => ({ ...symptom })),
        marks: (gpu.marks ?? [])
          .toSorted((a, b) => Number(isWorse(b.health, a.health)) - Number(isWorse(a.health, b.health)))
          .map(({ code, health, sinceMs, message, actor, endsWith, untilMs }) => ({
            code,
            health: GPU_HEALTH_TO_PROTO[health],
            time: toTimestamp(sinceMs),
            message,
            actor,
            endsWith,
            untilTime: toTimestamp(untilMs),
          })),
      })),
      cpuCount: node.cpuCount,
      memoryMib: node.memoryMib,
      driverVersion: node.driverVersion,
      cudaVersion: node.cudaVersion,
      gpuProblem: node.gpuProblem,
      nodeProblem: node.nodeProblem ?? '',
    },
    bootId: node.bootId,
    agentVersion: node.agentVersion,
    registerTime: toTimestamp(node.registeredMs),
    lastHeartbeatTime: toTimestamp(soft.lastHeartbeatMs),
    allocatedGpus: holders.size,
    workloads: [...new Set(held.map(({ workload }) => workload))],
    maintenances: announcements([node]).map((one) => maintenanceToProto(one, nowMs)),
    clockAhead: toDuration(soft.clockAheadMs),
    skews: [...skewsOf(node.agentVersion, soft.clockAheadMs)],
  };
}

/** What of a node's agent and clock is too far from ours, in words. */
function skewsOf(agentVersion: string, clockAheadMs: number | null): readonly string[] {
  const theirs = { version: PACKAGE_VERSION, wallMs: clockAheadMs === null ? null : 0 };
  return skewsBetween({ version: agentVersion, wallMs: clockAheadMs }, theirs);
}

/** A maintenance, with what it comes to at this moment. */
export function maintenanceToProto({ maintenance, nodes }: Announcement, nowMs: number): MaintenanceMessage {
  const { id, startMs, endMs, everyMs, reason } = maintenance;
  return {
    id,
    nodes: [...nodes],
    startTime: toTimestamp(startMs),
    endTime: toTimestamp(endMs),
    every: toDuration(everyMs),
    reason,
    nextStartTime: toTimestamp(nextStart([maintenance], nowMs)),
    active: isInside([maintenance], nowMs),
  };
}

/** Who holds each GPU, or a part of it, by its UUID. */
function holdersByGpu(held: readonly Allocation[]): ReadonlyMap<string, GpuHolderMessage[]> {
  const holders = new Map<string, GpuHolderMessage[]>();
  for (const { id, workload, gpus } of held) {
    for (const { uuid, parts, instance } of gpus) {
      const others = holders.get(uuid);
      const holder = { workload, parts, instance, allocation: id };
      if (others === undefined) holders.set(uuid, [holder]);
      else others.push(holder);
    }
  }
  return holders;
}

/** Running and pending workloads of a queue and of all below it. */
export interface QueueCounts {
  readonly running: number;
  readonly pending: number;
  readonly oldestPendingMs: number | null;
}

/** A queue with what it holds and may expect. */
export function queueToProto(
  queue: Queue,
  share: QueueShare | undefined,
  counts: QueueCounts,
  budgetUse: QueueMessage['budgetUse'] = null,
): QueueMessage {
  return {
    spec: queueSpecToProto(queue),
    use: {
      allocatedGpus: share?.allocatedGpus ?? 0,
      borrowedGpus: share?.borrowedGpus ?? 0,
      pendingGpus: share?.pendingGpus ?? 0,
      fairShareGpus: share?.fairShareGpus ?? 0,
      unmetGuaranteeGpus: share?.unmetGuaranteeGpus ?? 0,
      runningWorkloads: counts.running,
      pendingWorkloads: counts.pending,
      oldestPendingTime: toTimestamp(counts.oldestPendingMs),
      scopes: share?.scopes.map(({ model, ...figures }) => ({ ...figures, gpuModel: model })) ?? [],
      shapes: (share?.shapes ?? []).map((standing) => ({
        shape: shapeToProto(standing),
        inUse: standing.inUse,
        impossible: standing.impossible,
      })),
    },
    createTime: toTimestamp(queue.createdMs),
    budgetUse,
  };
}

// Between the protocol's messages and the agent's words. What comes in is checked here and trusted inside.
import { GPU_PARTS } from '../common/gpu-parts.js';
import type { AllocationId } from '../common/ids.js';
import { parseTraceParent } from '../common/tracing/trace-context.js';
import { fromDuration, fromTimestamp, toDuration, toTimestamp } from '../common/units.js';
import type { DesiredAllocation__Output } from '../proto/gen/sluice/v1/DesiredAllocation.js';
import type { LogData } from '../proto/gen/sluice/v1/LogData.js';
import type { MeasuredUse } from '../proto/gen/sluice/v1/MeasuredUse.js';
import type { NodeInventory } from '../proto/gen/sluice/v1/NodeInventory.js';
import type { ObservedAllocation } from '../proto/gen/sluice/v1/ObservedAllocation.js';
import type { TaskLaunch__Output } from '../proto/gen/sluice/v1/TaskLaunch.js';
import type { TelemetryOfGpu } from '../proto/gen/sluice/v1/TelemetryOfGpu.js';
import type { Inventory, Telemetry } from './gpu/provider.js';
import type { TaskUse } from './metrics/task-use.js';
import type { LogPiece } from './runtime/task-logs.js';
import {
  type DesiredAllocation,
  isLive,
  type LocalAllocation,
  type Program,
  type StopReason,
  type TaskLaunch,
} from './session/allocation.js';

const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  STOP_REASON_RECLAIMED: 'RECLAIMED',
  STOP_REASON_PREEMPTED: 'PREEMPTED',
  STOP_REASON_CANCELLED: 'CANCELLED',
  STOP_REASON_GANG_ENDED: 'GANG_ENDED',
  STOP_REASON_NODE_LOST: 'NODE_LOST',
  STOP_REASON_MOVED: 'MOVED',
  STOP_REASON_REQUEUED: 'REQUEUED',
  STOP_REASON_TIME_LIMIT: 'TIME_LIMIT',
  STOP_REASON_MAINTENANCE: 'MAINTENANCE',
  STOP_REASON_DRAIN: 'DRAIN',
  STOP_REASON_RESIZE: 'RESIZE',
  STOP_REASON_GPU_FAULT: 'GPU_FAULT',
  STOP_REASON_IDLE: 'IDLE',
};

/** Parses one order. @throws Error in words when it cannot be one */
export function parseDesired(message: DesiredAllocation__Output): DesiredAllocation {
  // It becomes a folder's name.
  if (!/^[0-9A-Za-z]{1,64}$/.test(message.id)) throw new Error(`"${message.id}" is no allocation id`);
  const { resume, stop, array, earlySignal } = message;
  return {
    id: message.id as AllocationId,
    workload: message.workload,
    workloadName: message.workloadName,
    queue: message.queue,
    pool: message.pool,
    owner: message.owner,
    attempt: message.attempt,
    task: message.task,
    tasks: message.tasks,
    role: message.role,
    roleRank: message.roleRank,
    roleTasks: message.roleTasks,
    array: array === null ? null : { index: array.index, size: array.size, first: array.first },
    cpuMilli: message.cpuMilli,
    memoryMib: message.memoryMib,
    restartCount: message.restartCount,
    gpus: message.gpus.map(({ uuid, index, model, simulated, generation, parts, instance }) => ({
      uuid,
      index,
      model,
      simulated,
      generation,
      // A scheduler that says nothing of parts knows of whole GPUs only.
      parts: parts === 0 ? GPU_PARTS : parts,
      instance,
    })),
    program: parseProgram(message),
    ...(message.launch === null ? {} : { launch: parseLaunch(message.launch) }),
    ...(message.kind === 'WORKLOAD_KIND_INTERACTIVE' ? { interactive: true } : {}),
    environment: message.environment.map(({ name, value }) => ({ name, value })),
    workingDirectory: message.workingDirectory,
    checkpointDirectory: message.checkpointDirectory,
    resume: resume === null ? null : { step: resume.step, timeMs: fromTimestamp(resume.time) ?? 0, path: resume.path },
    stop:
      stop === null
        ? null
        : { reason: STOP_REASONS[stop.reason] ?? 'CANCELLED', graceMs: fromDuration(stop.grace) ?? 0 },
    ...(earlySignal === null
      ? {}
      : { earlySignal: { signal: earlySignal.signal, aheadMs: fromDuration(earlySignal.ahead) ?? 0 } }),
    ...(message.deadline === null ? {} : { deadlineMs: fromTimestamp(message.deadline) ?? 0 }),
    ...(message.timeLimit === null ? {} : { timeLimitMs: fromDuration(message.timeLimit) ?? 0 }),
    origin: message.origin,
    ...(message.taskToken === '' ? {} : { token: message.taskToken }),
    ...(message.separateStderr ? { separateStderr: true as const } : {}),
    // Without a word from the scheduler the careful choice: no running on without a lease.
    lingerMs: fromDuration(message.linger) ?? 0,
    graceMs: fromDuration(message.grace) ?? 0,
    ...(parseTraceParent(message.traceParent) === null ? {} : { traceParent: message.traceParent }),
  };
}

const LAUNCHERS: Readonly<Record<string, TaskLaunch['launcher']>> = {
  LAUNCHER_TORCHRUN: 'torchrun',
  LAUNCHER_PER_GPU: 'per_gpu',
};

function parseLaunch(message: TaskLaunch__Output): TaskLaunch {
  const { hold, tasks, firstProcess, processes, mainAddress, mainPort, nodes, leastTasks, mostTasks } = message;
  return {
    launcher: LAUNCHERS[message.launcher] ?? 'none',
    hold,
    rank: message._rank === 'rank' ? (message.rank ?? 0) : null,
    tasks,
    firstProcess,
    processes,
    mainAddress,
    mainPort,
    nodes,
    leastTasks,
    mostTasks,
  };
}

function parseProgram({ command, builtin }: DesiredAllocation__Output): Program | null {
  if (command) return { type: 'command', argv: command.argv };
  return builtin ? { type: 'builtin', name: builtin.name, args: builtin.args } : null;
}

/** What the scheduler is told of one allocation. @param use what it used, told once it has ended; null = nothing was measured */
export function observedMessage(one: LocalAllocation, use: TaskUse | null): ObservedAllocation {
  const { grant, exit, checkpoint } = one;
  return {
    id: grant.id,
    workload: grant.workload,
    attempt: grant.attempt,
    task: grant.task,
    state: observedState(one),
    startTime: toTimestamp(one.startedMs),
    endTime: toTimestamp(one.endedMs),
    exit:
      exit === null
        ? null
        : { ...(exit.code === null ? {} : { code: exit.code }), signal: exit.signal, message: exit.message },
    checkpoint:
      checkpoint === null
        ? null
        : { step: checkpoint.step, time: toTimestamp(checkpoint.timeMs), path: checkpoint.path },
    endpoints: [...one.endpoints],
    gpus: [...grant.gpus],
    neverStarted: one.neverStarted,
    dirtyGpus: [...one.dirtyGpus],
    stopSignalled: one.stopSignalled,
    ...(use === null || isLive(one) ? {} : { use: useMessage(use) }),
  };
}

/** What a task used; times to the millisecond. */
export function useMessage({ cpuMs, memoryPeakMib, gpus }: TaskUse): MeasuredUse {
  return {
    ...(cpuMs === null ? {} : { cpuTime: toDuration(Math.round(cpuMs)) }),
    ...(memoryPeakMib === null ? {} : { memoryPeakMib: Math.ceil(memoryPeakMib) }),
    gpus: gpus.map((gpu) => ({
      measuredTime: toDuration(Math.round(gpu.measuredMs)),
      busyTime: toDuration(Math.round(gpu.busyMs)),
      workTime: toDuration(Math.round(gpu.workMs)),
      memoryPeakMib: Math.ceil(gpu.memoryPeakMib),
      idleTime: toDuration(Math.round(gpu.idleMs)),
    })),
  };
}

function observedState({ phase, hold, stop }: LocalAllocation): ObservedAllocation['state'] {
  switch (phase) {
    case 'starting':
      return hold === 'ready' ? 'OBSERVED_STATE_READY' : 'OBSERVED_STATE_STARTING';
    case 'running':
      return stop === null ? 'OBSERVED_STATE_RUNNING' : 'OBSERVED_STATE_STOPPING';
    case 'exited':
      return 'OBSERVED_STATE_EXITED';
    case 'released':
      return 'OBSERVED_STATE_RELEASED';
  }
}

const HEALTH = {
  healthy: 'GPU_HEALTH_HEALTHY',
  lost: 'GPU_HEALTH_LOST',
  quarantined: 'GPU_HEALTH_QUARANTINED',
} as const;

/** What the machine has besides GPUs. */
export interface Machine {
  readonly cpuCount: number;
  readonly memoryMib: number;
}

export function inventoryMessage(inventory: Inventory, machine: Machine, nodeProblem = ''): NodeInventory {
  return {
    gpus: inventory.gpus.map(
      ({ health, nvlinkGroup, mig, minor: _minor, symptoms = [], uncorrectedErrors: _errors, ...gpu }) => ({
        ...gpu,
        health: HEALTH[health],
        ...(nvlinkGroup === null ? {} : { nvlinkGroup }),
        migEnabled: mig !== null,
        migInstances: (mig ?? []).map(({ uuid, profile, memoryMib }) => ({ uuid, profile, memoryMib })),
        symptoms: [...symptoms],
      }),
    ),
    cpuCount: machine.cpuCount,
    memoryMib: machine.memoryMib,
    driverVersion: inventory.driverVersion,
    cudaVersion: inventory.cudaVersion,
    gpuProblem: inventory.problem,
    nodeProblem,
  };
}

/** What was not reported is left out: the scheduler reads 0 then, as proto3 has it. */
export function telemetryMessage(telemetry: readonly Telemetry[], nowMs: number): TelemetryOfGpu[] {
  return telemetry.map((one) => ({
    uuid: one.uuid,
    telemetry: {
      utilizationRatio: one.utilizationRatio ?? 0,
      memoryUsedMib: one.memoryUsedMib ?? 0,
      temperatureCelsius: one.temperatureCelsius ?? 0,
      powerWatts: one.powerWatts ?? 0,
      time: toTimestamp(nowMs),
    },
  }));
}

/** The answer to a log read. */
export function logDataMessage(id: number, { offset, data, end, times = [] }: LogPiece): LogData {
  return { id, offset, data, end, times: times.map((one) => ({ offset: one.offset, time: toTimestamp(one.timeMs) })) };
}

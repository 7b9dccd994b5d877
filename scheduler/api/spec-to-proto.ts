// Specs of workloads and queues in the protocol's form: what somebody asked for, with every default filled in, so that it
// can be read, changed and submitted again.
import type { WorkloadNumber } from '../../common/ids.js';
import { toDuration } from '../../common/units.js';
import type { QueueSpec as QueueSpecMessage } from '../../proto/gen/sluice/v1/QueueSpec.js';
import type { Role as RoleMessage } from '../../proto/gen/sluice/v1/Role.js';
import type { ShapeGuarantee as ShapeMessage } from '../../proto/gen/sluice/v1/ShapeGuarantee.js';
import type { TaskResources as TaskResourcesMessage } from '../../proto/gen/sluice/v1/TaskResources.js';
import type { TopologyRule as TopologyRuleMessage } from '../../proto/gen/sluice/v1/TopologyRule.js';
import type { WorkloadSpec as WorkloadSpecMessage } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { budgetToProto } from './parse-budget.js';
import type { Program, Queue, Role, ShapeGuarantee, TopologyRule, WorkloadSpec } from '../model/records.js';
import {
  earlySignalToProto,
  DEPENDENCY_CONDITION_TO_PROTO,
  KIND_TO_PROTO,
  LAUNCHER_TO_PROTO,
  NOTIFY_ON_TO_PROTO,
  TOPOLOGY_LEVEL_TO_PROTO,
  ON_DISCONNECT_TO_PROTO,
} from '../model/wire-names.js';

/** A spec; `number` is that of its workload, since an array's first index follows from it. */
export function specToProto(spec: WorkloadSpec, number: WorkloadNumber): WorkloadSpecMessage {
  const { retry, array } = spec;
  return {
    name: spec.name,
    kind: KIND_TO_PROTO[spec.kind],
    queue: spec.queue,
    priority: spec.priority,
    preemptible: spec.preemptible,
    ...rolesToProto(spec.roles),
    topology: topologyToProto(spec.topology),
    timeLimit: toDuration(spec.timeLimitMs),
    retry:
      retry.max === 0
        ? null
        : {
            max: retry.max,
            backoff: toDuration(retry.backoffMs),
            maxBackoff: toDuration(retry.maxBackoffMs),
            codes: [...retry.codes],
            neverCodes: [...retry.neverCodes],
          },
    dependencies: spec.dependencies.map(({ workload, condition }) => ({
      workload,
      condition: DEPENDENCY_CONDITION_TO_PROTO[condition],
    })),
    array: array && {
      size: array.size,
      concurrency: array.concurrency,
      firstIndex: array.index - (number - array.of),
    },
    ...programToProto(spec.program),
    environment: spec.environment.map(({ name, value }) => ({ name, value })),
    workingDirectory: spec.workingDirectory,
    ...(spec.onDisconnect === undefined ? {} : { onDisconnect: ON_DISCONNECT_TO_PROTO[spec.onDisconnect] }),
    ...(spec.launcher === undefined ? {} : { launcher: LAUNCHER_TO_PROTO[spec.launcher] }),
    checkpoint: {
      grace: toDuration(spec.graceMs),
      directory: spec.checkpointDirectory,
      ...(spec.earlySignal === undefined ? {} : { earlySignal: earlySignalToProto(spec.earlySignal) }),
    },
    ...(spec.separateStderr === true ? { separateStderr: true } : {}),
    ...(spec.notify === undefined
      ? {}
      : { notify: spec.notify.map(({ on, to }) => ({ on: on.map((one) => NOTIFY_ON_TO_PROTO[one]), to })) }),
  };
}

/** Tasks that are all alike are told without a role, as they were asked for. */
function rolesToProto(roles: readonly Role[]): Pick<WorkloadSpecMessage, 'tasks' | 'maxTasks' | 'resources' | 'roles'> {
  const [only] = roles;
  if (only !== undefined && roles.length === 1 && only.name === '') return tasksToProto(only);
  return {
    roles: roles.map((role): RoleMessage => ({
      name: role.name,
      ...tasksToProto(role),
      topology: topologyToProto(role.topology),
      ...(role.program === null ? {} : programToProto(role.program)),
    })),
  };
}

function tasksToProto(role: Role): Pick<RoleMessage, 'tasks' | 'maxTasks' | 'resources'> {
  return {
    tasks: role.minTasks,
    maxTasks: role.maxTasks === role.minTasks ? 0 : role.maxTasks,
    resources: resourcesToProto(role),
  };
}

function resourcesToProto({ request, rules }: Role): TaskResourcesMessage {
  const several = rules.models.length > 1;
  return {
    gpus: request.gpus,
    gpuModel: several ? '' : (rules.models[0] ?? ''),
    gpuModels: several ? [...rules.models] : [],
    pool: rules.pool,
    gpuMilli: request.gpuMilli === 1_000 ? 0 : request.gpuMilli,
    gpuMemoryMib: request.gpuMemoryMib,
    migProfile: request.migProfile,
    cpuMilli: request.cpuMilli,
    memoryMib: request.memoryMib,
    minGpuMemoryMib: rules.minGpuMemoryMib,
    minDriver: rules.minDriver,
    nodeLabels: { ...rules.labels },
    nodes: [...rules.nodes],
  };
}

function topologyToProto(rule: TopologyRule | null): TopologyRuleMessage | null {
  return rule && { level: TOPOLOGY_LEVEL_TO_PROTO[rule.level], required: rule.required };
}

function programToProto(program: Program): Pick<WorkloadSpecMessage, 'command' | 'builtin'> {
  return program.type === 'command'
    ? { command: { argv: [...program.argv] } }
    : { builtin: { name: program.name, args: [...program.args] } };
}

/** What a queue was given. */
export function queueSpecToProto(queue: Queue): QueueSpecMessage {
  return {
    name: queue.name,
    parent: queue.parent ?? '',
    guaranteeGpus: queue.guaranteeGpus,
    ...(queue.limitGpus === null ? {} : { limitGpus: queue.limitGpus }),
    weight: queue.weight,
    priority: queue.priority,
    ...(queue.guaranteeCpuMilli === null ? {} : { guaranteeCpuMilli: queue.guaranteeCpuMilli }),
    ...(queue.guaranteeMemoryMib === null ? {} : { guaranteeMemoryMib: queue.guaranteeMemoryMib }),
    ...(queue.limitCpuMilli === null ? {} : { limitCpuMilli: queue.limitCpuMilli }),
    ...(queue.limitMemoryMib === null ? {} : { limitMemoryMib: queue.limitMemoryMib }),
    scopes: queue.scopes.map(({ pool, model, guaranteeGpus, limitGpus }) => ({
      pool,
      gpuModel: model,
      guaranteeGpus,
      ...(limitGpus === null ? {} : { limitGpus }),
    })),
    shapes: queue.shapes.map(shapeToProto),
    ...(queue.userLimitGpus === null ? {} : { userLimitGpus: queue.userLimitGpus }),
    reclaimMinRuntime: toDuration(queue.reclaimMinRuntimeMs),
    preemptMinRuntime: toDuration(queue.preemptMinRuntimeMs),
    maxGrace: toDuration(queue.maxGraceMs),
    lendMaxMinRuntime: toDuration(queue.lendMaxMinRuntimeMs ?? null),
    lendMaxGrace: toDuration(queue.lendMaxGraceMs ?? null),
    idleLimit: toDuration(queue.idleLimitMs ?? null),
    budget: budgetToProto(queue),
    ...(queue.idleGpus
      ? {
          idleGpus: {
            warnAfter: toDuration(queue.idleGpus.warnAfterMs),
            reclaimAfter: toDuration(queue.idleGpus.reclaimAfterMs),
          },
        }
      : {}),
  };
}

/** GPUs that a queue is guaranteed together. */
export function shapeToProto({ count, gpus, pool, model, level }: ShapeGuarantee): ShapeMessage {
  return { count, gpus, pool, gpuModel: model, level: TOPOLOGY_LEVEL_TO_PROTO[level] };
}

// The orders for one node: the full set of allocations it should have, in the protocol's form.
import { toDuration, toTimestamp } from '../../common/units.js';
import type { NodeId } from '../../common/ids.js';
import type { DesiredAllocation } from '../../proto/gen/sluice/v1/DesiredAllocation.js';
import type { DesiredAllocations } from '../../proto/gen/sluice/v1/DesiredAllocations.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { StopReason as StopReasonInProto } from '../../proto/gen/sluice/v1/StopReason.js';
import type { Allocation, Role, StopReason, Workload } from '../model/records.js';
import { workloadKey } from '../model/records.js';
import { present } from '../../common/assert.js';
import { earlySignalToProto, KIND_TO_PROTO, STOP_REASON_TO_PROTO } from '../model/wire-names.js';
import { lingerMs } from './lease.js';
import { resetOf, type ResetPolicy } from '../model/gpu-reset.js';
import { writeOrigin } from '../model/origin.js';
import { taskLaunch } from './task-launch.js';
import { maxTasks, roleOf } from '../model/requests.js';

/** What a task is told of its trace; empty = nothing. */
export type TraceParentOf = (workload: Workload, allocation: Pick<Allocation, 'id'>) => string;

/** Without traces of its own a daemon hands on what the client gave. */
export const handOnTraceParent: TraceParentOf = ({ traceParent }) => traceParent ?? '';

/** What orders tell beside what the state says. */
export interface OrderExtras {
  readonly traceParentOf?: TraceParentOf | undefined;
  /** The token by which a task's program calls the scheduler. Absent = tasks get none. */
  readonly taskTokenOf?: ((allocation: string) => string) | undefined;
}

/** Everything the node should have at this revision. */
export function desiredOf(
  state: ReadableState,
  node: NodeId,
  position: { readonly epoch: number; readonly revision: number; readonly leaderId: string },
  { traceParentOf = handOnTraceParent, taskTokenOf }: OrderExtras = {},
  resetPolicy: ResetPolicy = 'never',
): DesiredAllocations {
  const known = state.node(node);
  const pool = known?.pool ?? '';
  const allocations = state.heldOn(node).map((allocation) => {
    const workload = state.workloads.get(workloadKey(allocation.workload));
    const owner = present(workload, 'allocations belong to a workload', allocation.id);
    const order = { ...desired(state, allocation, owner, pool), traceParent: traceParentOf(owner, allocation) };
    // Once it has started it has it.
    const needsToken = taskTokenOf !== undefined && allocation.state === 'placed' && allocation.stop === null;
    return needsToken ? { ...order, taskToken: taskTokenOf(allocation.id) } : order;
  });
  const { epoch, revision, leaderId } = position;
  const spared = (known?.strays ?? []).flatMap((stray) => (stray.spared ? [stray.allocation] : []));
  const reset =
    known === undefined || resetPolicy === 'never' ? null : resetOf(known, heldOn(state, node), resetPolicy);
  const resets = reset === null ? [] : [{ id: reset.id, gpus: [...reset.gpus] }];
  return { epoch, revision, leaderId, allocations, spared, resets };
}

function heldOn(state: ReadableState, node: NodeId): ReadonlySet<string> {
  return new Set(state.heldOn(node).flatMap(({ gpus }) => gpus.map(({ uuid }) => uuid)));
}

function desired(state: ReadableState, allocation: Allocation, workload: Workload, pool: string): DesiredAllocation {
  const { spec } = workload;
  const role = roleOf(spec, allocation.task);
  const program = role.program ?? spec.program;
  return {
    id: allocation.id,
    workload: workload.number,
    workloadName: spec.name,
    kind: KIND_TO_PROTO[spec.kind],
    queue: spec.queue,
    pool,
    owner: workload.owner,
    attempt: allocation.attempt,
    task: allocation.task,
    tasks: maxTasks(spec),
    restartCount: workload.requeues + workload.retries,
    gpus: allocation.gpus.map((gpu) => ({ ...gpu })),
    ...(program.type === 'command'
      ? { command: { argv: [...program.argv] } }
      : { builtin: { name: program.name, args: [...program.args] } }),
    environment: spec.environment.map(({ name, value }) => ({ name, value })),
    workingDirectory: spec.workingDirectory,
    checkpointDirectory: spec.checkpointDirectory,
    resume:
      allocation.resume === null
        ? null
        : {
            step: allocation.resume.step,
            path: allocation.resume.path,
            time: toTimestamp(allocation.resume.timeMs),
          },
    stop:
      allocation.stop === null
        ? null
        : {
            reason: stopReasonFor(allocation.stop.reason, workload),
            requestTime: toTimestamp(allocation.stop.requestedMs),
            grace: toDuration(allocation.stop.graceMs),
            forWorkload: allocation.stop.forWorkload ?? 0,
            message: allocation.stop.message,
          },
    ...(workload.deadline === null ? {} : { deadline: toTimestamp(workload.deadline.endMs) }),
    ...(spec.timeLimitMs === null ? {} : { timeLimit: toDuration(spec.timeLimitMs) }),
    linger: toDuration(lingerMs(spec)),
    grace: toDuration(spec.graceMs),
    ...(spec.earlySignal === undefined ? {} : { earlySignal: earlySignalToProto(spec.earlySignal) }),
    ...(spec.separateStderr === true ? { separateStderr: true } : {}),
    cpuMilli: allocation.cpuMilli,
    memoryMib: allocation.memoryMib,
    role: role.name,
    roleRank: allocation.task - firstOf(spec.roles, role),
    roleTasks: role.maxTasks,
    // Once it has started its agent has it.
    origin: allocation.state === 'placed' ? writeOrigin(state, workload) : '',
    ...(allocation.launch === undefined || allocation.state !== 'placed'
      ? {}
      : { launch: taskLaunch(state, allocation, workload) }),
    array: spec.array === null ? null : { index: spec.array.index, size: spec.array.size, first: spec.array.of },
  };
}

/** Stops for the sake of others, or of the node: whether its workload goes on without it is what the program has to know. */
const FOR_OTHERS: ReadonlySet<StopReason> = new Set(['reclaimed', 'preempted', 'moved', 'maintenance', 'drain']);

function stopReasonFor(reason: StopReason, { afterStop }: Workload): StopReasonInProto {
  return afterStop === null && FOR_OTHERS.has(reason) ? 'STOP_REASON_RESIZE' : STOP_REASON_TO_PROTO[reason];
}

/** The number of a role's first task. */
function firstOf(roles: readonly Role[], role: Role): number {
  return maxTasks({ roles: roles.slice(0, roles.indexOf(role)) });
}

// StatsService: what workloads asked for, what they used of it, and what to ask for the next time.
import { fromTimestamp, toDuration, toTimestamp } from '../../common/units.js';
import type { QueueName } from '../../common/ids.js';
import type { MeasuredUse as UseMessage } from '../../proto/gen/sluice/v1/MeasuredUse.js';
import type { StatsServiceHandlers } from '../../proto/gen/sluice/v1/StatsService.js';
import type { TaskStats } from '../../proto/gen/sluice/v1/TaskStats.js';
import type { UseSummary as SummaryMessage } from '../../proto/gen/sluice/v1/UseSummary.js';
import type { WorkloadStats } from '../../proto/gen/sluice/v1/WorkloadStats.js';
import { noWorkload } from '../control/refusals.js';
import { type FindingKind, findingsOf, summaryOf, type UseSummary } from '../model/advice.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { MeasuredUse } from '../model/measured-use.js';
import {
  type LiveMeasures,
  type MeasuredAllocation,
  measuredTasks,
  measuredWorkload,
} from '../model/measured-workload.js';
import { type Charged, chargedTo } from '../model/charged.js';
import type { Workload } from '../model/records.js';
import { STATE_TO_PROTO } from '../model/wire-names.js';
import type { Handlers } from './handlers.js';
import { pageToken, parseNumericToken, parsePageSize } from './pages.js';
import type { ServiceDependencies } from './server.js';
import { subtree } from './subtree.js';

/** Tasks of one answer. */
const MAX_TASKS_TOLD = 1_000;
/** A page of a list ends after so many tasks were looked at: nobody waits while all of a cluster is added up. */
export const MAX_TASKS_LOOKED_AT = 10_000;
/** And after so many workloads, most of which were not wanted. */
const MAX_WORKLOADS_LOOKED_AT = 50_000;
const USUAL_PAGE = 1_000;

/** The handlers of StatsService. */
export function statsService(
  handlers: Handlers,
  { loop, fleet, clock, prices }: ServiceDependencies,
): StatsServiceHandlers {
  const live: LiveMeasures = (id) => fleet.useOf(id);
  const currency = prices.ofModels.length === 0 ? '' : prices.currency;
  return {
    GetWorkloadStats: handlers.unary('GetWorkloadStats', (request) =>
      loop.read((state) => {
        const workload = state.findWorkload(request.workload);
        if (workload === undefined) throw noWorkload(state.meta, request.workload);
        const nowMs = clock.wallMs();
        const found = measuredTasks(state, workload, live, nowMs);
        const tasks = found.slice(0, MAX_TASKS_TOLD).map((one) => taskToProto(state, one));
        return { stats: { ...statsToProto(workload, found, chargedTo(state, workload, prices, nowMs), nowMs), tasks } };
      }),
    ),

    ListWorkloadStats: handlers.unary('ListWorkloadStats', (request) => {
      const size = parsePageSize(request.pageSize, USUAL_PAGE);
      const after = parseNumericToken(request.pageToken);
      const sinceMs = fromTimestamp(request.startTime) ?? 0;
      return loop.read((state) => {
        const queues = request.queue === '' ? null : subtree(state, request.queue);
        const nowMs = clock.wallMs();
        const workloads: WorkloadStats[] = [];
        const seen = { workloads: 0, tasks: 0 };
        for (const workload of state.workloadsBelow(after ?? Infinity)) {
          seen.workloads += 1;
          if (isWanted(workload, { queues, user: request.user, sinceMs })) {
            const found = measuredTasks(state, workload, live, nowMs);
            seen.tasks += found.length;
            workloads.push(statsToProto(workload, found, chargedTo(state, workload, prices, nowMs), nowMs));
          }
          const isFull = workloads.length >= size || seen.tasks >= MAX_TASKS_LOOKED_AT;
          if (isFull || seen.workloads >= MAX_WORKLOADS_LOOKED_AT) {
            return { workloads, nextPageToken: pageToken(String(workload.number)), currency };
          }
        }
        return { workloads, nextPageToken: '', currency };
      });
    }),
  };
}

interface Wanted {
  readonly queues: ReadonlySet<QueueName> | null;
  readonly user: string;
  readonly sinceMs: number;
}

function isWanted({ spec, owner, startedMs, endedMs }: Workload, { queues, user, sinceMs }: Wanted): boolean {
  if (startedMs === null || (endedMs !== null && endedMs < sinceMs)) return false;
  return (user === '' || owner === user) && (queues === null || queues.has(spec.queue));
}

/** What of the advice on a workload is most worth a line; empty = there is none. */
export function adviceOn(state: ReadableState, workload: Workload, live: LiveMeasures, nowMs: number): string {
  if (workload.startedMs === null) return '';
  const found = measuredTasks(state, workload, live, nowMs);
  const [first, ...rest] = findingsOf(measuredWorkload(workload, found, nowMs));
  if (first === undefined) return '';
  return rest.length === 0
    ? first.message
    : `${first.message} (and ${rest.length} more: sluice stats ${workload.number})`;
}

const FINDING_KIND_TO_PROTO = {
  gpus_unused: 'FINDING_KIND_GPUS_UNUSED',
  gpus_idle: 'FINDING_KIND_GPUS_IDLE',
  gpus_barely_used: 'FINDING_KIND_GPUS_BARELY_USED',
  gpu_share: 'FINDING_KIND_GPU_SHARE',
  memory_excess: 'FINDING_KIND_MEMORY_EXCESS',
  cpu_excess: 'FINDING_KIND_CPU_EXCESS',
  cpu_short: 'FINDING_KIND_CPU_SHORT',
  time_limit: 'FINDING_KIND_TIME_LIMIT',
} as const satisfies Record<FindingKind, string>;

function statsToProto(
  workload: Workload,
  found: readonly MeasuredAllocation[],
  { gpuMs, cost }: Charged,
  nowMs: number,
): WorkloadStats {
  const { number, spec, owner, state, attempt } = workload;
  const measured = measuredWorkload(workload, found, nowMs);
  const starts = found.flatMap(({ allocation }) => allocation.startedMs ?? []);
  return {
    workload: number,
    name: spec.name,
    queue: spec.queue,
    owner,
    state: STATE_TO_PROTO[state],
    attempt,
    startTime: toTimestamp(starts.length === 0 ? null : Math.min(...starts)),
    runTime: toDuration(measured.runMs),
    timeLimit: toDuration(spec.timeLimitMs),
    summary: summaryToProto(summaryOf(measured)),
    findings: findingsOf(measured).map(({ kind, message }) => ({ kind: FINDING_KIND_TO_PROTO[kind], message })),
    gpuTime: toDuration(gpuMs),
    ...(cost === null ? {} : { cost }),
  };
}

function summaryToProto(summary: UseSummary): SummaryMessage {
  const { utilization, cpuUsedMilli, memoryPeakMib } = summary;
  return {
    grantedGpus: summary.granted,
    measuredGpus: summary.measured,
    usedGpus: summary.used,
    ...(utilization === null ? {} : { gpuUtilizationRatio: utilization }),
    gpuMemoryPeakMib: summary.gpuMemoryPeakMib,
    gpuMemoryMib: summary.gpuMemoryMib,
    cpuMilli: summary.cpuMilli,
    ...(cpuUsedMilli === null ? {} : { cpuUsedMilli: Math.round(cpuUsedMilli) }),
    memoryMib: summary.memoryMib,
    ...(memoryPeakMib === null ? {} : { memoryPeakMib }),
  };
}

function taskToProto(state: ReadableState, { allocation, task, use }: MeasuredAllocation): TaskStats {
  return {
    task: allocation.task,
    node: state.node(allocation.node)?.name ?? '',
    runTime: toDuration(task.runMs),
    cpuMilli: task.cpuMilli,
    memoryMib: task.memoryMib,
    use:
      use === null
        ? null
        : useToProto(
            use,
            task.gpus.map(({ idleMs }) => idleMs),
          ),
  };
}

function useToProto({ cpuMs, memoryPeakMib, gpus }: MeasuredUse, idleMs: readonly number[]): UseMessage {
  return {
    cpuTime: toDuration(cpuMs),
    ...(memoryPeakMib === null ? {} : { memoryPeakMib }),
    gpus: gpus.map((gpu, at) => ({
      measuredTime: toDuration(gpu.measuredMs),
      busyTime: toDuration(gpu.busyMs),
      workTime: toDuration(gpu.workMs),
      memoryPeakMib: gpu.memoryPeakMib,
      idleTime: toDuration(idleMs[at] ?? 0),
    })),
  };
}

// Acts on work whose GPUs do nothing, as its queue asks: its owner is warned first, then the GPUs are taken back, from surplus tasks of
// elastic work first. By what agents told lately only: of what was not measured nothing is idle. Work on a terminal has a limit of its
// own (idle.ts), and a service waits for requests.
import type { AllocationId, QueueName, WorkloadNumber } from '../../../common/ids.js';
import { plural } from '../../../common/units.js';
import type { ReadableState } from '../../model/cluster-state.js';
import type { Draft } from '../../model/draft.js';
import { isSurplus, staysWhole } from '../../model/elastic.js';
import { gpuText, requestStop, requestStopOf, withEvent } from '../../model/lifecycle.js';
import type { LiveMeasures } from '../../model/measured-workload.js';
import { nearestIdleGpus } from '../../model/queue-rules.js';
import type { Allocation, IdleGpuPolicy, Workload, WorkloadKind } from '../../model/records.js';
import { spanText } from '../../model/time-limit.js';
import type { Command } from '../command.js';

/** Kinds that hold GPUs in order to use them all the time. */
const KINDS: ReadonlySet<WorkloadKind> = new Set(['train', 'test', 'batch']);

/** Workloads that one of these commands changes at most, so that nobody waits for it. */
export const RECLAIMED_AT_ONCE = 100;

/** What is due for one workload. */
export interface IdleFinding {
  readonly action: 'warn' | 'reclaim';
  /** The tasks that it is about, all of them or some surplus ones. */
  readonly tasks: readonly AllocationId[];
  readonly isWhole: boolean;
  /** How long all of them have done nothing, at least. */
  readonly idleMs: number;
  /** When the last of them began to. */
  readonly sinceMs: number;
  readonly queue: QueueName;
  readonly policy: IdleGpuPolicy;
}

type Readable = Pick<ReadableState, 'allocation' | 'queue'>;

/** How long a task's GPUs have done nothing, and since when. */
interface IdleTask {
  readonly allocation: Allocation;
  readonly idleMs: number;
  readonly sinceMs: number;
}

/** What a workload's queue asks to be done about it now; null = nothing. */
export function findIdleGpus(
  state: Readable,
  workload: Workload,
  live: LiveMeasures,
  nowMs: number,
): IdleFinding | null {
  const { spec } = workload;
  if (workload.state !== 'running' || !KINDS.has(spec.kind)) return null;
  const rule = nearestIdleGpus((name) => state.queue(name), spec.queue);
  if (rule === null) return null;
  const { queue, policy } = rule;
  const { warnAfterMs, reclaimAfterMs } = policy;
  if (warnAfterMs === null) return null;
  const allocations = workload.allocations.flatMap((id) => state.allocation(id) ?? []);
  const holders = allocations.filter(({ gpus, state: is }) => gpus.length > 0 && is !== 'exited' && is !== 'released');
  const idle = holders
    .flatMap((allocation) => idleTask(allocation, workload, live, nowMs) ?? [])
    .filter(({ idleMs }) => idleMs >= warnAfterMs);
  const find = (action: IdleFinding['action'], some: readonly IdleTask[]): IdleFinding | null => {
    const target = targetOf(workload, allocations, holders.length, some);
    return target === null ? null : { action, ...target, queue, policy };
  };
  // Of a warning that lies ahead, since the clock was set back, nobody knows which time of idleness it was about.
  const { idleWarnedMs: toldMs = -Infinity } = workload;
  const idleWarnedMs = toldMs <= nowMs ? toldMs : -Infinity;
  // Nothing is taken without a warning of this time that it is idle, nor before that left time to act.
  if (reclaimAfterMs !== null && nowMs - idleWarnedMs >= reclaimAfterMs - warnAfterMs) {
    const due = idle.filter(({ idleMs, sinceMs }) => idleMs >= reclaimAfterMs && sinceMs <= idleWarnedMs);
    const found = find('reclaim', due);
    if (found !== null) return found;
  }
  const found = find('warn', idle);
  // One warning for each time.
  return found !== null && found.sinceMs > idleWarnedMs ? found : null;
}

/** Null = it works, nothing is known of it, or it neither runs nor may be told to stop. */
function idleTask(allocation: Allocation, workload: Workload, live: LiveMeasures, nowMs: number): IdleTask | null {
  const { id, gpus, state, startedMs } = allocation;
  const told = state === 'running' && startedMs !== null ? live(id) : null;
  if (told === null || startedMs === null) return null;
  const measuredMs = Math.min(...gpus.map((gpu, at) => (gpu.instance === '' ? (told.idleMs[at] ?? 0) : 0)));
  // What was saved meanwhile was done meanwhile, be it on the CPU.
  const progressMs = Math.max(startedMs, workload.checkpoint?.timeMs ?? 0);
  const toldAtMs = nowMs - told.ageMs;
  const idleMs = Math.min(measuredMs, toldAtMs - progressMs);
  return idleMs > 0 ? { allocation, idleMs, sinceMs: toldAtMs - idleMs } : null;
}

/** The surplus tasks that are idle; without any, all tasks if all are. */
function targetOf(
  { spec }: Workload,
  allocations: readonly Allocation[],
  holders: number,
  idle: readonly IdleTask[],
): Pick<IdleFinding, 'tasks' | 'isWhole' | 'idleMs' | 'sinceMs'> | null {
  const taken = new Set<AllocationId>();
  for (const { allocation } of idle.toSorted((a, b) => b.allocation.task - a.allocation.task)) {
    if (!isSurplus(spec, allocation.task)) continue;
    if (staysWhole(spec, allocations, new Set([...taken, allocation.id]))) taken.add(allocation.id);
  }
  const isWhole = taken.size === 0;
  if (isWhole && (idle.length === 0 || idle.length < holders)) return null;
  const found = isWhole ? idle : idle.filter(({ allocation }) => taken.has(allocation.id));
  return {
    tasks: found.map(({ allocation }) => allocation.id),
    isWhole,
    idleMs: Math.min(...found.map((one) => one.idleMs)),
    sinceMs: Math.max(...found.map((one) => one.sinceMs)),
  };
}

/** Warns, or takes back, what is due. What has changed since it was found is judged anew. */
export function reclaimIdleGpus(numbers: readonly WorkloadNumber[], live: LiveMeasures): Command<void> {
  return {
    name: 'reclaim_idle_gpus',
    whenSpace: 'critical',
    isReport: true,
    run: (draft, { nowMs }) => {
      const state: Readable = {
        allocation: (id) => draft.get('allocations', id),
        queue: (name) => draft.get('queues', name),
      };
      for (const number of numbers) {
        const workload = draft.base.workload(number);
        const finding = workload === undefined ? null : findIdleGpus(state, workload, live, nowMs);
        if (finding !== null) act(draft, draft.workload(number), finding, nowMs);
      }
    },
  };
}

function act(draft: Draft, workload: Workload, finding: IdleFinding, nowMs: number): void {
  const { action, tasks, isWhole, idleMs } = finding;
  const { number } = workload;
  const parts = tasks.flatMap((id) => draft.allocation(id).gpus).reduce((sum, gpu) => sum + gpu.parts, 0);
  const whose = isWhole ? '' : ` of ${plural(tasks.length, 'surplus task')}`;
  const message = `${gpuText(parts)}${whose} idle for ${spanText(toMinute(idleMs))}; ${ruleText(finding)}`;
  if (action === 'warn') {
    draft.putWorkload({ ...withEvent(workload, nowMs, 'warning', message), idleWarnedMs: nowMs });
    return;
  }
  const order = { reason: 'idle', requestedMs: nowMs, forWorkload: null, message } as const;
  if (isWhole) {
    // Its program would do nothing in another attempt, too.
    requestStop(draft, number, 'cancel', order);
    return;
  }
  // Of the rest, should it be idle too, its owner was not warned yet.
  const { idleWarnedMs: _, ...rest } = workload;
  draft.putWorkload({ ...rest, surplusIdle: true });
  requestStopOf(draft, number, tasks, order);
}

/** `queue research ends work after 2h of that. It ends in 15m unless they are used` */
function ruleText({ queue, policy, action, isWhole, idleMs }: IdleFinding): string {
  const { warnAfterMs, reclaimAfterMs } = policy;
  if (reclaimAfterMs === null) return `queue ${queue} asks that they be used or given back`;
  const what = isWhole ? 'ends work' : 'takes surplus tasks back';
  const rule = `queue ${queue} ${what} after ${spanText(reclaimAfterMs)} of that`;
  if (action === 'reclaim') return rule;
  const leftMs = reclaimAfterMs - Math.min(idleMs, warnAfterMs ?? 0);
  const end = isWhole ? 'It ends' : 'They are taken';
  return `${rule}. ${end} in ${spanText(toMinute(leftMs))} unless they are used`;
}

function toMinute(ms: number): number {
  return Math.max(1, Math.floor(ms / 60_000)) * 60_000;
}

// What workloads used of what they asked for, and what to ask for the next time: pure rules over what was measured. Nothing is said
// of what was not measured, nor of what was not measured for long enough.
import { formatDuration, plural } from '../../common/units.js';
import type { GpuUse } from './measured-use.js';
import type { WorkloadKind, WorkloadState } from './records.js';
import { GPU_PARTS, toGpus } from './requests.js';

/** Nothing is said of a GPU, or of a workload, that was measured for less. */
export const LEAST_OBSERVED_MS = 10 * 60_000;
/** Before it has succeeded, or run for so long, a workload may yet need what it has not used so far. */
export const SETTLED_MS = 3_600_000;
/** A GPU that worked for a smaller part of the time was not used: the driver's own doings are more than nothing. */
export const UNUSED_BELOW_RATIO = 0.01;
/** From when on it is told that GPUs of a running workload are idle: loading data and saving a checkpoint take less. */
export const IDLE_TOLD_MS = 15 * 60_000;
/** A mean utilization below this is little. */
export const LOW_UTILIZATION = 0.25;
/** Of one GPU, both its time and its memory are used less than this: a share would do. */
export const SHARE_BELOW_RATIO = 0.4;
/** What is advised is so much more than what was used. */
export const HEADROOM = 1.25;
/** CPU is measured in the mean only, and needed in bursts. */
export const CPU_HEADROOM = 1.5;
/** Nothing is said unless what would do is at most this part of what was asked for … */
export const EXCESS_BELOW_RATIO = 0.6;
/** … and at least so much would be saved. */
export const LEAST_MEMORY_SAVED_MIB = 2_048;
export const LEAST_CPU_SAVED_MILLI = 1_000;
/** More CPU than asked for, by this factor, is worth a word. */
export const CPU_SHORT_RATIO = 1.25;
/** A time limit below this keeps nothing waiting. */
export const LEAST_TIME_LIMIT_MS = 3_600_000;

export type FindingKind =
  | 'gpus_unused'
  | 'gpus_idle'
  | 'gpus_barely_used'
  | 'gpu_share'
  | 'memory_excess'
  | 'cpu_excess'
  | 'cpu_short'
  | 'time_limit';

/** Every kind, in the order in which they are told. */
export const FINDING_KINDS: readonly FindingKind[] = [
  'gpus_idle',
  'gpus_unused',
  'gpus_barely_used',
  'gpu_share',
  'memory_excess',
  'cpu_excess',
  'cpu_short',
  'time_limit',
];

export interface Finding {
  readonly kind: FindingKind;
  /** One sentence: numbers first, then what to do. */
  readonly message: string;
}

/** One GPU, or share of one, that a task was granted. */
export interface MeasuredGpu {
  /** How much of it, in parts. */
  readonly parts: number;
  /** Whether it is a MIG instance: of those nothing is measured. */
  readonly isInstance: boolean;
  /** What it has; 0 = not known. */
  readonly memoryMib: number;
  readonly use: GpuUse;
  /** While its task runs and its agent is heard: how long it has been idle without a break; else 0. */
  readonly idleMs: number;
}

/** One task of the present or last attempt. */
export interface MeasuredTask {
  readonly runMs: number;
  /** Asked for; 0 = nothing. */
  readonly cpuMilli: number;
  readonly memoryMib: number;
  /** Null = not measured. */
  readonly cpuMs: number | null;
  readonly memoryPeakMib: number | null;
  readonly gpus: readonly MeasuredGpu[];
}

export interface MeasuredWorkload {
  readonly kind: WorkloadKind;
  readonly state: WorkloadState;
  /** From the start of the attempt to its end, or until now. */
  readonly runMs: number;
  readonly timeLimitMs: number | null;
  readonly tasks: readonly MeasuredTask[];
}

/** All that is to be told of a workload, the most urgent first. */
export function findingsOf(workload: MeasuredWorkload): readonly Finding[] {
  const rules = [idleGpus, unusedGpus, barelyUsedGpus, shareOfGpu, excessMemory, cpu, timeLimit];
  return rules.flatMap((rule) => rule(workload) ?? []);
}

// ── GPUs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** GPUs that were measured for long enough. Those of a service wait for requests: that is no waste. */
function measuredGpus({ kind, tasks }: MeasuredWorkload): readonly MeasuredGpu[] {
  if (kind === 'service') return [];
  return tasks.flatMap(({ gpus }) => gpus.filter((gpu) => !gpu.isInstance && gpu.use.measuredMs >= LEAST_OBSERVED_MS));
}

/** Whether a GPU ever did anything, for longer than a moment. */
export function wasUsed({ use: { measuredMs, busyMs } }: MeasuredGpu): boolean {
  return busyMs > measuredMs * UNUSED_BELOW_RATIO;
}

/** Those that never worked are told of as unused, once they were measured for long enough. */
function idleGpus(workload: MeasuredWorkload): Finding | null {
  if (workload.state !== 'running') return null;
  const used = measuredGpus(workload).filter(wasUsed);
  const idle = used.filter(({ idleMs }) => idleMs >= IDLE_TOLD_MS);
  if (idle.length === 0) return null;
  const [least, most] = [Math.min(...idle.map(({ idleMs }) => idleMs)), Math.max(...idle.map(({ idleMs }) => idleMs))];
  const span = least === most ? spanWords(least) : `${spanWords(least)} to ${spanWords(most)}`;
  const which =
    idle.length === 1 && used.length === 1 ? 'GPU idle' : `${idle.length} of ${plural(used.length, 'GPU')} idle`;
  const message = `${which} for ${span}: see whether it waits for something (sluice logs), or cancel it`;
  return { kind: 'gpus_idle', message };
}

function unusedGpus(workload: MeasuredWorkload): Finding | null {
  const gpus = measuredGpus(workload);
  const used = gpus.filter(wasUsed);
  if (gpus.length === 0 || used.length === gpus.length) return null;
  const granted = `${gpuWords(gpus)} granted`;
  const over = spanWords(Math.min(...gpus.map(({ use }) => use.measuredMs)));
  if (used.length === 0) {
    const message = `${granted}, none used over ${over}: ask for none, or see whether the program finds them`;
    return { kind: 'gpus_unused', message };
  }
  const withGpus = workload.tasks.filter((task) => task.gpus.length > 0);
  const most = Math.max(...withGpus.map((task) => task.gpus.filter(wasUsed).length));
  const idleTasks = withGpus.filter((task) => !task.gpus.some(wasUsed)).length;
  const advice =
    withGpus.length === 1
      ? `ask for ${most}`
      : idleTasks === 0
        ? `ask for ${most} a task`
        : `${idleTasks} of ${plural(withGpus.length, 'task')} used none`;
  return { kind: 'gpus_unused', message: `${granted}, ${used.length} used over ${over}: ${advice}` };
}

function barelyUsedGpus(workload: MeasuredWorkload): Finding | null {
  const used = measuredGpus(workload).filter((gpu) => wasUsed(gpu) && gpu.use.measuredMs >= SETTLED_MS);
  const ratio = meanUtilization(used);
  if (ratio === null || ratio >= LOW_UTILIZATION || shareOfGpu(workload) !== null) return null;
  const over = spanWords(Math.min(...used.map(({ use }) => use.measuredMs)));
  const advice =
    used.length > 1 ? 'fewer may do, or feed them faster' : 'see what it waits for: data, CPU, the network';
  const message = `${gpuWords(used)} worked ${percent(ratio)} of ${over} in the mean: ${advice}`;
  return { kind: 'gpus_barely_used', message };
}

/** Only where each task has one whole GPU: several GPUs are not asked for to use little of each. */
function shareOfGpu(workload: MeasuredWorkload): Finding | null {
  if (!isSettled(workload)) return null;
  const gpus = measuredGpus(workload).filter(wasUsed);
  const isSimple = workload.tasks.every(({ gpus: own }) => own.length <= 1);
  const isKnown = gpus.every(
    ({ parts, memoryMib, use }) => parts === GPU_PARTS && memoryMib > 0 && use.memoryPeakMib > 0,
  );
  if (gpus.length === 0 || !isSimple || !isKnown) return null;
  const ratio = Math.max(...gpus.map(({ use }) => use.workMs / use.measuredMs));
  const memory = Math.max(...gpus.map(({ use, memoryMib }) => use.memoryPeakMib / memoryMib));
  if (ratio >= SHARE_BELOW_RATIO || memory >= SHARE_BELOW_RATIO) return null;
  const share = Math.min(0.5, Math.max(0.1, Math.ceil(Math.max(ratio, memory) * HEADROOM * 10) / 10));
  const peak = Math.max(...gpus.map(({ use }) => use.memoryPeakMib));
  const has = Math.min(...gpus.map(({ memoryMib }) => memoryMib));
  const what = `a GPU with ${gib(has)} used ${percent(ratio)} of the time, with a peak of ${gib(peak)}`;
  return { kind: 'gpu_share', message: `${what}: a share of ${share} would do` };
}

/** Null = none was measured. */
export function meanUtilization(gpus: readonly MeasuredGpu[]): number | null {
  const measuredMs = gpus.reduce((sum, { use }) => sum + use.measuredMs, 0);
  return measuredMs === 0 ? null : gpus.reduce((sum, { use }) => sum + use.workMs, 0) / measuredMs;
}

// ── CPU, memory, time ──────────────────────────────────────────────────────────────────────────────────────────────

function isSettled({ state, runMs }: MeasuredWorkload): boolean {
  return runMs >= (state === 'succeeded' ? LEAST_OBSERVED_MS : SETTLED_MS);
}

/** Of what tasks with the same request used, the most. Tasks of other roles ask for something else. */
function worst(
  { tasks }: MeasuredWorkload,
  read: (task: MeasuredTask) => { readonly asked: number; readonly used: number | null },
): readonly { readonly asked: number; readonly used: number }[] {
  const byRequest = new Map<number, number>();
  for (const task of tasks) {
    const { asked, used } = read(task);
    if (asked === 0 || used === null || task.runMs < LEAST_OBSERVED_MS) continue;
    byRequest.set(asked, Math.max(byRequest.get(asked) ?? 0, used));
  }
  return [...byRequest].map(([asked, used]) => ({ asked, used }));
}

function excessMemory(workload: MeasuredWorkload): Finding | null {
  if (!isSettled(workload)) return null;
  const found = worst(workload, ({ memoryMib, memoryPeakMib }) => ({ asked: memoryMib, used: memoryPeakMib }))
    .map(({ asked, used }) => ({ asked, used, enough: roundMemory(used * HEADROOM) }))
    .filter(({ asked, enough }) => enough <= asked * EXCESS_BELOW_RATIO && asked - enough >= LEAST_MEMORY_SAVED_MIB)
    .toSorted((a, b) => b.asked - b.enough - (a.asked - a.enough))[0];
  if (found === undefined) return null;
  const { asked, used, enough } = found;
  return { kind: 'memory_excess', message: `memory ${gib(asked)} asked, ${gib(used)} peak: ask for ${gib(enough)}` };
}

function cpu(workload: MeasuredWorkload): Finding | null {
  if (!isSettled(workload)) return null;
  const used = worst(workload, ({ cpuMilli, cpuMs, runMs }) => ({
    asked: cpuMilli,
    used: cpuMs === null || runMs === 0 ? null : (cpuMs / runMs) * 1_000,
  }));
  const short = used.find((one) => one.used > one.asked * CPU_SHORT_RATIO);
  if (short !== undefined) {
    const what = `${cpuWords(short.asked)} asked, ${cores(short.used)} used in the mean`;
    const enough = Math.ceil(short.used / 1_000);
    return { kind: 'cpu_short', message: `${what}: ask for ${enough}, on a full node there will be no more` };
  }
  const excess = used
    .map((one) => ({ ...one, enough: Math.max(1_000, Math.ceil((one.used * CPU_HEADROOM) / 1_000) * 1_000) }))
    .find(({ asked, enough }) => enough <= asked * EXCESS_BELOW_RATIO && asked - enough >= LEAST_CPU_SAVED_MILLI);
  if (excess === undefined) return null;
  const what = `${cpuWords(excess.asked)} asked, ${cores(excess.used)} used in the mean`;
  return { kind: 'cpu_excess', message: `${what}: ask for ${excess.enough / 1_000}` };
}

/** Only of what succeeded: of the rest nobody knows how long it would have taken. */
function timeLimit({ state, runMs, timeLimitMs }: MeasuredWorkload): Finding | null {
  if (state !== 'succeeded' || timeLimitMs === null || timeLimitMs < LEAST_TIME_LIMIT_MS) return null;
  if (runMs < LEAST_OBSERVED_MS) return null;
  const enoughMs = Math.ceil((runMs * CPU_HEADROOM) / HALF_HOUR_MS) * HALF_HOUR_MS;
  if (enoughMs > timeLimitMs * EXCESS_BELOW_RATIO) return null;
  const message = `ran ${spanWords(runMs)} of a time limit of ${spanWords(timeLimitMs)}: with ${spanWords(enoughMs)} it can start earlier`;
  return { kind: 'time_limit', message };
}

const HALF_HOUR_MS = 1_800_000;

// ── summary ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What all tasks asked for and used together. */
export interface UseSummary {
  /** GPUs, shares as such. */
  readonly granted: number;
  readonly measured: number;
  readonly used: number;
  /** Null = none was measured. */
  readonly utilization: number | null;
  /** Of the GPU with the highest peak; 0 = not measured. */
  readonly gpuMemoryPeakMib: number;
  readonly gpuMemoryMib: number;
  /** Of the tasks that were measured; null = none was. */
  readonly cpuMilli: number;
  readonly cpuUsedMilli: number | null;
  /** Of the task with the highest peak; null = none was measured. */
  readonly memoryMib: number;
  readonly memoryPeakMib: number | null;
}

/** Adds up what was measured, however short. */
export function summaryOf({ tasks }: MeasuredWorkload): UseSummary {
  const gpus = tasks.flatMap((task) => task.gpus);
  const measured = gpus.filter(({ use }) => use.measuredMs > 0);
  const sum = (some: readonly MeasuredGpu[]): number => toGpus(some.reduce((parts, gpu) => parts + gpu.parts, 0));
  const highest = measured.toSorted((a, b) => b.use.memoryPeakMib - a.use.memoryPeakMib)[0];
  const withCpu = tasks.filter(({ cpuMs, runMs }) => cpuMs !== null && runMs > 0);
  const largest = tasks.toSorted((a, b) => (b.memoryPeakMib ?? -1) - (a.memoryPeakMib ?? -1))[0];
  return {
    granted: sum(gpus),
    measured: sum(measured),
    used: sum(measured.filter(wasUsed)),
    utilization: meanUtilization(measured),
    gpuMemoryPeakMib: highest?.use.memoryPeakMib ?? 0,
    gpuMemoryMib: highest?.memoryMib ?? 0,
    cpuMilli: (withCpu.length === 0 ? tasks : withCpu).reduce((milli, one) => milli + one.cpuMilli, 0),
    cpuUsedMilli:
      withCpu.length === 0
        ? null
        : withCpu.reduce((milli, { cpuMs, runMs }) => milli + ((cpuMs ?? 0) / runMs) * 1_000, 0),
    memoryMib: largest?.memoryMib ?? 0,
    memoryPeakMib: largest?.memoryPeakMib ?? null,
  };
}

// ── words ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `3h`, `45m`, `1h30m`: to the minute, without a zero at the end. */
function spanWords(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  return formatDuration(minutes * 60_000).replace(/(?<=[dhm])0+[hms]$/, '');
}

function gpuWords(gpus: readonly MeasuredGpu[]): string {
  return plural(Number(toGpus(gpus.reduce((sum, { parts }) => sum + parts, 0)).toFixed(3)), 'GPU');
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}

function gib(mib: number): string {
  return mib < 1_024 ? `${Math.ceil(mib)} MiB` : `${Number((mib / 1_024).toFixed(1))} GiB`;
}

function cores(milli: number): string {
  return (milli / 1_000).toFixed(1);
}

function cpuWords(milli: number): string {
  return plural(milli / 1_000, 'CPU');
}

/** Up to whole GiB; below that to 256 MiB. */
function roundMemory(mib: number): number {
  const step = mib > 1_024 ? 1_024 : 256;
  return Math.ceil(mib / step) * step;
}

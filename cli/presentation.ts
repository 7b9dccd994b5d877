// How API values read for people: states, GPUs, nodes, times. Pure; everything that is shown in more than one place.
import { causeOf } from '../common/exit-causes.js';
import { formatDuration, fromDuration, fromTimestamp } from '../common/units.js';
import type { Duration } from '../proto/gen/google/protobuf/Duration.js';
import type { Timestamp, Timestamp__Output } from '../proto/gen/google/protobuf/Timestamp.js';
import type { Allocation__Output } from '../proto/gen/sluice/v1/Allocation.js';
import type { Exit__Output } from '../proto/gen/sluice/v1/Exit.js';
import type { Gpu__Output } from '../proto/gen/sluice/v1/Gpu.js';
import type { Maintenance__Output } from '../proto/gen/sluice/v1/Maintenance.js';
import type { Node__Output } from '../proto/gen/sluice/v1/Node.js';
import type { Workload__Output } from '../proto/gen/sluice/v1/Workload.js';
import type { WorkloadState__Output } from '../proto/gen/sluice/v1/WorkloadState.js';
import type { Cell, Tone } from './table.js';

/** The word that must stand wherever GPUs are shown that have no hardware behind them. */
export const SIMULATED = 'SIMULATED';

/** `WORKLOAD_STATE_RUNNING` → `Running`; works for every enum of the API, given its prefix. */
export function enumWord(name: string, prefix: string): string {
  return pascalCase(name.startsWith(prefix) ? name.slice(prefix.length) : name);
}

/** `QUEUE_LIMIT` → `QueueLimit`. */
export function pascalCase(name: string): string {
  return name
    .toLowerCase()
    .split('_')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
}

const STATE_TONES: Readonly<Record<WorkloadState__Output, Tone>> = {
  WORKLOAD_STATE_UNSPECIFIED: 'dim',
  WORKLOAD_STATE_PENDING: 'busy',
  WORKLOAD_STATE_STARTING: 'busy',
  WORKLOAD_STATE_RUNNING: 'good',
  WORKLOAD_STATE_STOPPING: 'busy',
  WORKLOAD_STATE_SUCCEEDED: 'dim',
  WORKLOAD_STATE_FAILED: 'bad',
  WORKLOAD_STATE_CANCELLED: 'dim',
};

export function stateWord(state: WorkloadState__Output): string {
  return enumWord(state, 'WORKLOAD_STATE_');
}

function stateCell(state: WorkloadState__Output): Cell {
  return { text: stateWord(state), tone: STATE_TONES[state] };
}

/** Whether a node that runs a part of it is not heard, so that its state is the last known one. */
export function isUnreachable({ allocations }: Workload__Output): boolean {
  return allocations.some(({ unreachable }) => unreachable);
}

/** `Running`, `Running,Unreachable`. */
export function workloadStatus(workload: Workload__Output): Cell {
  if (!isUnreachable(workload)) return stateCell(workload.state);
  return { text: `${stateWord(workload.state)},Unreachable`, tone: 'bad' };
}

/** Whether a workload has ended for good. */
export function hasEnded(state: WorkloadState__Output): boolean {
  return (
    state === 'WORKLOAD_STATE_SUCCEEDED' || state === 'WORKLOAD_STATE_FAILED' || state === 'WORKLOAD_STATE_CANCELLED'
  );
}

/** Whether it holds, or is giving back, GPUs. */
export function holdsGpus(state: WorkloadState__Output): boolean {
  return (
    state === 'WORKLOAD_STATE_STARTING' || state === 'WORKLOAD_STATE_RUNNING' || state === 'WORKLOAD_STATE_STOPPING'
  );
}

/** A driver's model name in one word: `NVIDIA H100 80GB HBM3` → `H100`, `NVIDIA GeForce RTX 4090` → `RTX4090`. */
export function shortModel(model: string): string {
  const words = model
    .replace(/\b(NVIDIA|AMD|Tesla|GeForce|Quadro|Instinct)\b/gi, ' ')
    .split(/[\s-]+/)
    .filter((word) => word !== '');
  const [first = model, second] = words;
  return /^(RTX|GTX|TITAN)$/i.test(first) && second !== undefined ? first + second : first;
}

/** A model with its memory: `H100-80GB`. Drivers count MiB and makers round to GB, so this rounds, too. */
export function modelWithMemory(model: string, memoryMib: number): string {
  const name = shortModel(model);
  return memoryMib > 0 ? `${name}-${Math.round(memoryMib / 1024)}GB` : name;
}

/** Marks a text when what it speaks of is simulated. */
export function marked(text: string, simulated: boolean): string {
  return simulated ? `${text}(${SIMULATED})` : text;
}

/** The models on a node, each with its memory and mark: `H100-80GB(SIMULATED)`; `-` without GPUs. */
export function nodeModels(node: Node__Output): string {
  const gpus = node.inventory?.gpus ?? [];
  const models = new Set(gpus.map((gpu) => marked(modelWithMemory(gpu.model, gpu.memoryMib), gpu.simulated)));
  return models.size === 0 ? '-' : [...models].join(',');
}

/** Names of the nodes it is or was on, in task order. */
export function workloadNodes(workload: Workload__Output): readonly string[] {
  return [...new Set(workload.allocations.map((allocation) => allocation.node))];
}

/** How many names a list may grow to before it is cut. */
const MAX_LISTED_RANGES = 8;

/** Names with a common stem as people of this field write them: `h100-[01-03,07],l4-1`. */
export function nodeList(names: readonly string[]): string {
  const split = names.map((name) => {
    const digits = /\d{1,9}$/.exec(name)?.[0] ?? '';
    return { stem: name.slice(0, name.length - digits.length), digits };
  });
  // 9 and 09 are different names: where a width is padded with zeros, only names of that width share a range.
  const padded = new Set(split.filter(({ digits }) => digits.startsWith('0')).map((name) => widthKey(name)));
  const groups = new Map<string, { digits: string; value: number }[]>();
  for (const { stem, digits } of split) {
    const key = padded.has(widthKey({ stem, digits })) ? widthKey({ stem, digits }) : `${stem}\u0000`;
    const group = groups.get(key) ?? [];
    group.push({ digits, value: Number(digits) });
    groups.set(key, group);
  }
  const parts = [...groups].map(([key, members]) => {
    const stem = key.slice(0, key.indexOf('\u0000'));
    const ranges = toRanges(members);
    return ranges.length === 1 && members.length === 1 ? stem + ranges.join('') : `${stem}[${cut(ranges).join(',')}]`;
  });
  return cut(parts).join(',');
}

function widthKey({ stem, digits }: { readonly stem: string; readonly digits: string }): string {
  return `${stem}\u0000${digits.length}`;
}

function toRanges(members: readonly { readonly digits: string; readonly value: number }[]): readonly string[] {
  const sorted = members.toSorted((a, b) => a.value - b.value);
  const ranges: { from: string; to: string; last: number }[] = [];
  for (const { digits, value } of sorted) {
    const open = ranges.at(-1);
    if (open !== undefined && digits !== '' && value === open.last + 1) {
      open.to = digits;
      open.last = value;
    } else {
      ranges.push({ from: digits, to: digits, last: value });
    }
  }
  return ranges.map(({ from, to }) => (from === to ? from : `${from}-${to}`));
}

function cut(parts: readonly string[]): readonly string[] {
  return parts.length <= MAX_LISTED_RANGES ? parts : [...parts.slice(0, MAX_LISTED_RANGES), '...'];
}

/** How long a reason may be in a table. */
const MAX_REASON_LENGTH = 60;

/** Where it runs, or in brackets why it does not: the last column of `get workloads`. */
export function nodesOrReason(workload: Workload__Output): string {
  if (holdsGpus(workload.state)) return nodeList(workloadNodes(workload));
  if (workload.state === 'WORKLOAD_STATE_PENDING') {
    const reason = workload.pendingReason === '' ? shorten(workload.message) : pascalCase(workload.pendingReason);
    return `(${reason || 'NotEvaluated'})`;
  }
  const exit = workload.state === 'WORKLOAD_STATE_FAILED' ? decidingExit(workload) : null;
  const where = nodeList(workloadNodes(workload));
  return exit === null ? where : `${where} (${exitText(exit)})`.trim();
}

function shorten(text: string): string {
  return text.length <= MAX_REASON_LENGTH ? text : `${text.slice(0, MAX_REASON_LENGTH - 3)}...`;
}

/** How a process ended: `exit 1`, `SIGKILL`, `SIGKILL, out of memory`. */
export function exitText(exit: Exit__Output): string {
  const cause = causeOf(exit.message);
  const how = exit.signal || (exit.code === undefined ? '' : `exit ${exit.code}`);
  if (how === '') return exit.message || 'unknown';
  return cause === null ? how : `${how}, ${cause}`;
}

/** `Failed (exit 1)`; the plain state when there is no exit to tell. */
export function stateWithExit(workload: Workload__Output): string {
  const exit = workload.state === 'WORKLOAD_STATE_FAILED' ? decidingExit(workload) : null;
  return exit === null ? stateWord(workload.state) : `${stateWord(workload.state)} (${exitText(exit)})`;
}

/** The end that decided a workload's fate: of a task that ended by itself, not of one stopped because another ended. */
export function decidingExit(workload: Workload__Output): Exit__Output | null {
  const ended = workload.allocations.filter((allocation): allocation is Allocation__Output & { exit: Exit__Output } =>
    Boolean(allocation.exit),
  );
  const byThemselves = ended.filter((allocation) => allocation.stop === null);
  const candidates = byThemselves.length > 0 ? byThemselves : ended;
  return candidates.map(({ exit }) => exit).toSorted((a, b) => exitRank(b) - exitRank(a))[0] ?? null;
}

function exitRank(exit: Exit__Output): number {
  return exit.signal === '' ? (exit.code ?? 0) : 1000;
}

/** Time since its present attempt started, or that its last one ran: `47:03`, `3:12:44`, `6-02:10:31`; `0:00` before. */
export function runTime(workload: Workload__Output, nowMs: number): string {
  const startMs = fromTimestamp(attemptStart(workload));
  if (startMs === null || workload.state === 'WORKLOAD_STATE_PENDING') return '0:00';
  return clockTime((fromTimestamp(workload.endTime) ?? nowMs) - startMs);
}

/** When the first task of its present, or last, attempt started; time limits count from then on as well. Null = none has. */
export function attemptStart({ allocations, startTime }: Workload__Output): Timestamp__Output | null {
  // Of what ended long ago the tasks are let go before the workload.
  if (allocations.length === 0) return startTime;
  const started = allocations.flatMap((one) => (one.startTime === null ? [] : [one.startTime]));
  return started.toSorted((a, b) => (fromTimestamp(a) ?? 0) - (fromTimestamp(b) ?? 0))[0] ?? null;
}

/** A span as squeue writes it: `m:ss`, `h:mm:ss`, `d-hh:mm:ss`. */
export function clockTime(spanMs: number): string {
  const seconds = Math.max(0, Math.floor(spanMs / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60),
  ];
  if (days > 0) return `${days}-${two(hours)}:${two(minutes % 60)}:${two(seconds % 60)}`;
  if (hours > 0) return `${hours}:${two(minutes % 60)}:${two(seconds % 60)}`;
  return `${minutes}:${two(seconds % 60)}`;
}

/** An age as kubectl writes it, in one or two units: `14s`, `5m30s`, `31m`, `5h12m`, `41d`; `-` for never. */
export function age(time: Timestamp | null | undefined, nowMs: number): string {
  const thenMs = fromTimestamp(time);
  if (thenMs === null) return '-';
  const seconds = Math.max(0, Math.floor((nowMs - thenMs) / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (hours < 3) return `${minutes}m`;
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  return days < 8 ? withRest(days, 'd', hours % 24, 'h') : `${days}d`;
}

function withRest(amount: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${amount}${unit}` : `${amount}${unit}${rest}${restUnit}`;
}

/** A moment for people: `2026-11-24 09:40:12 UTC (5m ago)`; `-` for never. */
export function moment(time: Timestamp | null | undefined, nowMs: number): string {
  const ms = fromTimestamp(time);
  if (ms === null) return '-';
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC (${age(time, nowMs)} ago)`;
}

/** Below this, GPU time is shown as a span, in ms. */
const SHORT_GPU_TIME_MS = 360_000;

/** GPU time: `3.25 GPU hours`; a short one as a span, which hundredths of hours would not show. */
export function gpuTime(duration: Duration | null | undefined): string {
  return gpuTimeText(fromDuration(duration) ?? 0);
}

/** GPU time of so many ms, rounded to whole seconds when it is short. */
export function gpuTimeText(ms: number): string {
  if (ms === 0) return 'none';
  return ms < SHORT_GPU_TIME_MS ? formatDuration(ms) : `${(ms / 3_600_000).toFixed(2)} GPU hours`;
}

/** Counts GPUs of a node as `sinfo -s` counts nodes: allocated, idle, other (unusable or held back), total. */
export function gpuCounts(node: Node__Output): { allocated: number; idle: number; other: number; total: number } {
  const gpus = node.inventory?.gpus ?? [];
  const usable = takesWork(node);
  const allocated = gpus.filter((gpu) => gpu.workload !== 0).length;
  const idle = usable ? gpus.filter((gpu) => gpu.workload === 0 && gpu.health === 'GPU_HEALTH_HEALTHY').length : 0;
  return { allocated, idle, other: gpus.length - allocated - idle, total: gpus.length };
}

/** Whether a node takes new work. */
export function takesWork(node: Node__Output): boolean {
  return node.state === 'NODE_STATE_READY' && !node.cordoned && isFit(node) && !isInMaintenance(node);
}

/** Whether the node's own health check has nothing against it. */
export function isFit({ inventory }: Node__Output): boolean {
  return (inventory?.nodeProblem ?? '') === '';
}

export function isInMaintenance({ maintenances }: Node__Output): boolean {
  return maintenances.some(({ active }) => active);
}

/** Whether a maintenance lasts, or when it begins: `active`, `in 5h12m`. */
export function maintenanceStatus({ active, nextStartTime }: Maintenance__Output, nowMs: number): string {
  const startMs = fromTimestamp(nextStartTime);
  if (active) return 'active';
  return startMs === null ? 'over' : `in ${formatDuration(Math.max(0, startMs - nowMs))}`;
}

/** A moment to the minute: `2026-11-24 09:40 UTC`; `-` for none. */
export function utcMinute(time: Timestamp | null | undefined): string {
  const ms = fromTimestamp(time);
  return ms === null ? '-' : `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `Ready`, `Down`, with what else matters: `Ready,Cordoned`, `Ready,Maintenance`, `Ready,Unfit`, `Ready,GpuProblem`, `Ready,Skewed`. */
export function nodeStatus(node: Node__Output): Cell {
  const words = [enumWord(node.state, 'NODE_STATE_')];
  if (node.cordoned) words.push('Cordoned');
  if (isInMaintenance(node)) words.push('Maintenance');
  if (!isFit(node)) words.push('Unfit');
  if ((node.inventory?.gpuProblem ?? '') !== '') words.push('GpuProblem');
  if (node.skews.length > 0) words.push('Skewed');
  const tone: Tone = node.state !== 'NODE_STATE_READY' ? 'bad' : words.length > 1 ? 'busy' : 'good';
  return { text: words.join(','), tone };
}

/** The mean of what GPUs report, in percent without sign: `97`; `-` when none reports. */
export function meanPercent(gpus: readonly Gpu__Output[], ratioOf: (gpu: Gpu__Output) => number | null): string {
  const ratios = gpus.map(ratioOf).filter((ratio) => ratio !== null);
  if (ratios.length === 0) return '-';
  return String(Math.round((100 * ratios.reduce((sum, ratio) => sum + ratio, 0)) / ratios.length));
}

export function utilizationOf(gpu: Gpu__Output): number | null {
  return gpu.telemetry?.utilizationRatio ?? null;
}

export function memoryRatioOf(gpu: Gpu__Output): number | null {
  return gpu.telemetry && gpu.memoryMib > 0 ? gpu.telemetry.memoryUsedMib / gpu.memoryMib : null;
}

/** A bar of a fixed width: `[|||||       ]`. */
export function bar(part: number, whole: number, width = 40): string {
  const filled = whole <= 0 ? 0 : Math.min(width, Math.round((width * part) / whole));
  return `[${'|'.repeat(filled)}${' '.repeat(width - filled)}]`;
}

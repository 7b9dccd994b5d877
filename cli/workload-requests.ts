// How what a workload asks for and holds reads for people: tasks, roles, shares of GPUs, where it may go. Pure.
import { GPU_PARTS } from '../common/gpu-parts.js';
import { formatDuration, fromDuration, plural } from '../common/units.js';
import type { Allocation__Output } from '../proto/gen/sluice/v1/Allocation.js';
import type { GrantedGpu__Output } from '../proto/gen/sluice/v1/GrantedGpu.js';
import type { RetryPolicy__Output } from '../proto/gen/sluice/v1/RetryPolicy.js';
import type { Role__Output } from '../proto/gen/sluice/v1/Role.js';
import type { TaskResources__Output } from '../proto/gen/sluice/v1/TaskResources.js';
import type { TopologyRule__Output } from '../proto/gen/sluice/v1/TopologyRule.js';
import type { Workload__Output } from '../proto/gen/sluice/v1/Workload.js';
import type { WorkloadSpec__Output } from '../proto/gen/sluice/v1/WorkloadSpec.js';
import { enumWord, hasEnded, holdsGpus, marked, shortModel } from './presentation.js';
import { levelWord } from './spec/quantities.js';

/** Tasks that are alike: those of a role, or all of them. */
interface TaskGroup {
  /** Empty = the workload has no roles. */
  readonly role: string;
  readonly least: number;
  readonly most: number;
  readonly resources: TaskResources__Output | null;
}

function groupsOf(spec: WorkloadSpec__Output | null): readonly TaskGroup[] {
  if (spec === null) return [];
  const group = (one: Role__Output | WorkloadSpec__Output, role: string): TaskGroup => {
    const least = one.tasks === 0 ? 1 : one.tasks;
    return { role, least, most: Math.max(least, one.maxTasks), resources: one.resources };
  };
  return spec.roles.length === 0 ? [group(spec, '')] : spec.roles.map((role) => group(role, role.name));
}

/** The most tasks that a workload may have at once: they are numbered from 0 below this. */
export function mostTasks(spec: WorkloadSpec__Output | null): number {
  return Math.max(
    1,
    groupsOf(spec).reduce((sum, { most }) => sum + most, 0),
  );
}

/** A number of GPUs, to the thousandth: `2`, `0.5`, `0.429`. */
export function gpuFigure(gpus: number): string {
  return String(Number(gpus.toFixed(3)));
}

/** How much of one GPU each of a task's GPUs is; a share given as memory is not known before it is placed. */
function shareOf(resources: TaskResources__Output): number | null {
  if (resources.migProfile !== '') return Math.min(7, Number.parseInt(resources.migProfile, 10) || 7) / 7;
  if (resources.gpuMemoryMib > 0) return null;
  return resources.gpuMilli === 0 ? 1 : resources.gpuMilli / 1_000;
}

/** `8xH100` while it holds them, `0/8xH100` while it waits, `0` when it asked for none; shares count as such. */
export function workloadGpus(workload: Workload__Output): string {
  const { spec } = workload;
  const groups = groupsOf(spec).filter(({ resources }) => (resources?.gpus ?? 0) > 0);
  if (groups.length === 0) return '0';
  const pending = workload.state === 'WORKLOAD_STATE_PENDING';
  const granted = workload.allocations.flatMap((allocation) => allocation.gpus);
  const models = new Set(granted.map((gpu) => marked(shortModel(gpu.model), gpu.simulated)));
  const asked = [...new Set(groups.flatMap(({ resources }) => modelsOf(resources)))];
  const model =
    pending || models.size === 0
      ? asked.map((name) => shortModel(name).toUpperCase()).join('|')
      : [...models].join(',');
  const count = pending ? `0/${askedCount(groups)}` : heldCount(workload, groups);
  return model === '' ? count : `${count}x${model}`;
}

function modelsOf(resources: TaskResources__Output | null): readonly string[] {
  if (resources === null) return [];
  return resources.gpuModels.length > 0 ? resources.gpuModels : resources.gpuModel === '' ? [] : [resources.gpuModel];
}

/** What it needs to start: `8`, `1.5`; `2x20GiB` when a share is given as memory. */
function askedCount(groups: readonly TaskGroup[]): string {
  let gpus = 0;
  const memory: string[] = [];
  for (const { least, resources } of groups) {
    if (resources === null) continue;
    const share = shareOf(resources);
    if (share === null) memory.push(`${least * resources.gpus}x${memoryText(resources.gpuMemoryMib)}`);
    else gpus += least * resources.gpus * share;
  }
  return [...(gpus > 0 ? [gpuFigure(gpus)] : []), ...memory].join('+');
}

/** What it holds, or held when it has ended. A gang of fixed size has what it asked for. */
function heldCount(workload: Workload__Output, groups: readonly TaskGroup[]): string {
  const known = groups.every(
    ({ least, most, resources }) => least === most && resources && shareOf(resources) !== null,
  );
  if (known || workload.allocations.length === 0) return askedCount(groups);
  const ended = hasEnded(workload.state);
  const gpus = workload.allocations.filter((allocation) => ended || isHeld(allocation)).flatMap((one) => one.gpus);
  return gpuFigure(gpus.reduce((sum, gpu) => sum + partsOf(gpu), 0) / GPU_PARTS);
}

function isHeld({ state }: Allocation__Output): boolean {
  return state !== 'ALLOCATION_STATE_RELEASED';
}

/** 0 = all of it. */
function partsOf({ parts }: GrantedGpu__Output): number {
  return parts === 0 ? GPU_PARTS : parts;
}

/** `2 with 1 GPU (h100) each`, `running 3 of 2-8 tasks, with 0.5 GPU each`, `running 3 of 3-5 tasks in 2 roles`. */
export function taskText(workload: Workload__Output): string {
  const groups = groupsOf(workload.spec);
  const [only] = groups;
  const least = groups.reduce((sum, group) => sum + group.least, 0);
  const most = groups.reduce((sum, group) => sum + group.most, 0);
  const counts = rangeText(least, most);
  const running = workload.allocations.filter(({ state }) => state === 'ALLOCATION_STATE_RUNNING').length;
  const isElastic = most > least && holdsGpus(workload.state);
  const head = isElastic ? `running ${running} of ${counts} tasks` : counts;
  if (only === undefined || groups.length > 1 || only.role !== '') return `${head} in ${plural(groups.length, 'role')}`;
  return `${head}${isElastic ? ',' : ''} with ${eachText(only.resources)} each`;
}

/** `running 3 of 2-8 tasks, with 1 GPU each; more come when there is room` of what runs with less than it may; else empty. */
export function growthText(workload: Workload__Output): string {
  const most = groupsOf(workload.spec).reduce((sum, group) => sum + group.most, 0);
  const least = groupsOf(workload.spec).reduce((sum, group) => sum + group.least, 0);
  const isElastic = most > least && holdsGpus(workload.state);
  const held = workload.allocations.filter(({ state }) => state !== 'ALLOCATION_STATE_RELEASED').length;
  return isElastic && held < most ? `${taskText(workload)}; more come when there is room` : '';
}

function rangeText(least: number, most: number): string {
  return most > least ? `${least}-${most}` : String(least);
}

/** `1 GPU (h100)`, `0.5 GPU`, `2 x 0.25 GPU`, `20GiB of 1 GPU`, `2 x 3g.20gb`, with `4 CPUs` and `32GiB` memory beside. */
function eachText(resources: TaskResources__Output | null): string {
  if (resources === null) return plural(0, 'GPU');
  const { cpuMilli, memoryMib } = resources;
  const models = modelsOf(resources);
  return [
    gpuText(resources) + (models.length === 0 ? '' : ` (${models.join(', else ')})`),
    ...(cpuMilli > 0 ? [plural(cpuMilli / 1_000, 'CPU')] : []),
    ...(memoryMib > 0 ? [`${memoryText(memoryMib)} memory`] : []),
  ].join(', ');
}

function gpuText({ gpus, gpuMilli, gpuMemoryMib, migProfile }: TaskResources__Output): string {
  if (migProfile !== '') return `${gpus} x ${migProfile}`;
  if (gpuMemoryMib > 0) return `${memoryText(gpuMemoryMib)} of ${plural(gpus, 'GPU')}`;
  if (gpuMilli === 0 || gpuMilli === 1_000) return plural(gpus, 'GPU');
  return `${gpus > 1 ? `${gpus} x ` : ''}${gpuFigure(gpuMilli / 1_000)} GPU`;
}

/** `20GiB`, `512MiB`, `1.5TiB`. */
export function memoryText(mib: number): string {
  const [unit, size] = mib >= 1_048_576 ? ['TiB', 1_048_576] : mib >= 1_024 ? ['GiB', 1_024] : ['MiB', 1];
  return `${Number((mib / size).toFixed(2))}${unit}`;
}

/** Where the tasks may go, beside their pool: `GPUs of 40GiB or more; driver 535.104 or newer; net=ib; on n1, n2`. */
export function whereText(resources: TaskResources__Output | null): string {
  if (resources === null) return '';
  const { minGpuMemoryMib, minDriver, nodeLabels, nodes } = resources;
  return [
    ...(minGpuMemoryMib > 0 ? [`GPUs of ${memoryText(minGpuMemoryMib)} or more`] : []),
    ...(minDriver === '' ? [] : [`driver ${minDriver} or newer`]),
    ...Object.entries(nodeLabels).map(([label, value]) => `${label}=${value}`),
    ...(nodes.length === 0 ? [] : [`on ${nodes.join(', ')}`]),
  ].join('; ');
}

/** `required: rack`; empty = none. */
export function topologyText(rule: TopologyRule__Output | null): string {
  return rule === null ? '' : `${rule.required ? 'required' : 'preferred'}: ${levelWord(rule.level)}`;
}

/** Role, tasks, what each asks for, where it may go: one row a role. */
export function roleRows(spec: WorkloadSpec__Output): readonly (readonly string[])[] {
  return spec.roles.map((role) => {
    const pool = role.resources?.pool ?? '';
    const where = [...(pool === '' ? [] : [`pool ${pool}`]), whereText(role.resources)].filter((text) => text !== '');
    const least = role.tasks === 0 ? 1 : role.tasks;
    return [
      role.name,
      rangeText(least, Math.max(least, role.maxTasks)),
      eachText(role.resources),
      where.join('; ') || '-',
      topologyText(role.topology) || '-',
    ];
  });
}

/** `up to 3 times, after 30s doubling to 10m00s, on exit codes 75, never on 2`. */
export function retryText({ max, backoff, maxBackoff, codes, neverCodes }: RetryPolicy__Output): string {
  const [firstMs, longestMs] = [fromDuration(backoff) ?? 0, fromDuration(maxBackoff) ?? 0];
  const doubling = longestMs > firstMs ? ` doubling to ${formatDuration(longestMs)}` : '';
  return [
    `up to ${plural(max, 'time')}`,
    `after ${formatDuration(firstMs)}${doubling}`,
    ...(codes.length === 0 ? [] : [`on exit codes ${codes.join(', ')}`]),
    ...(neverCodes.length === 0 ? [] : [`never on ${neverCodes.join(', ')}`]),
  ].join(', ');
}

/** `1040 succeeded, 1041 ended`. */
export function dependencyText({ dependencies }: WorkloadSpec__Output): string {
  return dependencies
    .map(({ workload, condition }) => `${workload} ${enumWord(condition, 'DEPENDENCY_CONDITION_').toLowerCase()}`)
    .join(', ');
}

/** `index 7 of 0-19, first workload 1043, 4 at a time`; empty = it is of no array. */
export function arrayText({ arrayPlace, spec }: Workload__Output): string {
  if (arrayPlace === null) return '';
  const { size = 1, firstIndex = 0, concurrency = 0 } = spec?.array ?? {};
  const cap = concurrency > 0 ? `, ${concurrency} at a time` : '';
  return `index ${arrayPlace.index} of ${firstIndex}-${firstIndex + size - 1}, first workload ${arrayPlace.first}${cap}`;
}

/** Its name, and in an array which one it is: `sweep[7]`. */
export function workloadName({ spec, arrayPlace }: Workload__Output): string {
  return `${spec?.name ?? ''}${arrayPlace === null ? '' : `[${arrayPlace.index}]`}`;
}

/** The pools its tasks are bound to; `-` = any. */
export function poolText(spec: WorkloadSpec__Output | null): string {
  const pools = new Set(groupsOf(spec).map(({ resources }) => resources?.pool || '-'));
  return [...pools].join(',');
}

/** What an allocation has: `[0,1] H100`, `0.5 of [0] H100`, `MIG of [0] A100`; `-` = no GPU. */
export function grantText({ gpus }: Allocation__Output): string {
  const [first] = gpus;
  if (first === undefined) return '-';
  const models = [...new Set(gpus.map((gpu) => marked(shortModel(gpu.model), gpu.simulated)))].join(',');
  const share = first.instance === '' ? gpuFigure(partsOf(first) / GPU_PARTS) : 'MIG';
  return `${share === '1' ? '' : `${share} of `}[${gpus.map(({ index }) => index).join(',')}] ${models}`;
}

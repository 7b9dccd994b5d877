// `sluice describe RESOURCE X`: all that is known of one workload, queue or node, for reading.
import { fromDuration, formatDuration, fromTimestamp, plural } from '../../common/units.js';
import type { Maintenance__Output } from '../../proto/gen/sluice/v1/Maintenance.js';
import type { Node__Output } from '../../proto/gen/sluice/v1/Node.js';
import type { Duration__Output } from '../../proto/gen/google/protobuf/Duration.js';
import type { Queue__Output } from '../../proto/gen/sluice/v1/Queue.js';
import type { QueueSpec__Output } from '../../proto/gen/sluice/v1/QueueSpec.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { WorkloadSpec__Output } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { atRiskText, checkpointText, graceText } from '../checkpoint-text.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import {
  SIMULATED,
  age,
  bar,
  enumWord,
  exitText,
  gpuCounts,
  gpuTime,
  isUnreachable,
  maintenanceStatus,
  moment,
  nodeStatus,
  nodesOrReason,
  pascalCase,
  runTime,
  stateWord,
  utcMinute,
} from '../presentation.js';
import {
  arrayText,
  dependencyText,
  gpuFigure,
  grantText,
  memoryText,
  retryText,
  roleRows,
  taskText,
  topologyText,
  whereText,
  workloadGpus,
  workloadName,
} from '../workload-requests.js';
import { actionWord, budgetPart, budgetText, periodText, presentPeriod } from '../spec/budget.js';
import { levelWord } from '../spec/quantities.js';
import { gpuHolders, gpuName, instanceRows, nvlinkText } from '../gpu-slots.js';

import { resourceNamed, selectorOf, workloadSelector, type Resource } from '../resources.js';
import { formatFields, type Cell } from '../table.js';

/** Unfinished workloads that `describe queue` lists. */
const WORKLOADS_SHOWN = 20;

interface Options {
  readonly output?: string;
}

type Field = readonly [title: string, text: string];

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Shows all that is known of one workload, queue or node.')
    .usage('RESOURCE NAME [FLAGS]')
    .argument('<resource>', 'workload, queue or node; also as one word: workload/1041')
    .argument('[name]', 'number or name; "last" = the newest workload')
    .option('-o, --output <format>', 'json or yaml')
    .action((word: string, name: string | undefined, options: Options) => describe(invocation, word, name, options));
};

async function describe(
  invocation: Invocation,
  word: string,
  name: string | undefined,
  options: Options,
): Promise<void> {
  const slash = word.indexOf('/');
  const resource = resourceNamed(
    slash < 0 ? word : word.slice(0, slash),
    ['workload', 'queue', 'node'],
    // logs and why take a name alone, so people try it here.
    slash < 0 && name === undefined ? `For a workload of this name: sluice describe workload ${word}` : null,
  );
  const selector = slash < 0 ? name : word;
  if (selector === undefined || (slash >= 0 && name !== undefined)) {
    throw usageError(`which ${resource}?`, `Usage: sluice describe ${resource} NAME`);
  }
  const format = invocation.format(options.output, ['json', 'yaml']);
  const { type, object, text } = await DESCRIPTIONS[resource as Exclude<Resource, 'gpu'>](invocation, selector);
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson(type, object));
  } else {
    invocation.host.stdout.write(text);
  }
}

/** The API object, and what people read of it. */
interface Description {
  /** The message's name in sluice.v1. */
  readonly type: string;
  readonly object: object;
  readonly text: string;
}

const DESCRIPTIONS: Readonly<
  Record<Exclude<Resource, 'gpu'>, (invocation: Invocation, selector: string) => Promise<Description>>
> = {
  workload: async (invocation, name) => {
    const api = await invocation.client();
    const workload = await api.getWorkload(await workloadSelector(api, name));
    // By number: the name may mean a newer workload by now.
    const isSilent = isUnreachable(workload);
    const isExplained = isSilent || workload.state === 'WORKLOAD_STATE_PENDING';
    const explanation = isExplained ? await api.explainWorkload(String(workload.number)) : null;
    const told = { estimate: explanation?.estimate ?? '', silence: isSilent ? (explanation?.summary ?? '') : '' };
    const text = describeWorkload(invocation, workload, told);
    return { type: 'Workload', object: workload, text };
  },
  queue: async (invocation, name) => {
    const api = await invocation.client();
    const queue = await api.getQueue(selectorOf('queue', name));
    const states = ['PENDING', 'STARTING', 'RUNNING', 'STOPPING'].map((state) => `WORKLOAD_STATE_${state}` as never);
    const inside = await api.allWorkloads({ queue: queue.spec?.name ?? '', states }, WORKLOADS_SHOWN);
    return { type: 'Queue', object: queue, text: describeQueue(invocation, queue, inside) };
  },
  node: async (invocation, name) => {
    const node = await (await invocation.client()).getNode(selectorOf('node', name));
    return { type: 'Node', object: node, text: describeNode(invocation, node) };
  },
};

// ── workload ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** What is told of it beside its record. */
interface Told {
  /** By when it starts; empty = it does not wait. */
  readonly estimate: string;
  /** Of which of its nodes nothing is heard; empty = of none. */
  readonly silence: string;
}

function describeWorkload(invocation: Invocation, workload: Workload__Output, { estimate, silence }: Told): string {
  const { nowMs } = invocation;
  const { spec, state } = workload;
  const simulated = workload.allocations.some(({ gpus }) => gpus.some((gpu) => gpu.simulated));
  const reason = workload.pendingReason === '' ? '' : ` (${pascalCase(workload.pendingReason)})`;
  const fields: readonly Field[] = [
    ['Number', String(workload.number)],
    ['Name', spec?.name ?? ''],
    ['Kind', enumWord(spec?.kind ?? '', 'WORKLOAD_KIND_').toLowerCase()],
    ['Queue', spec?.queue ?? ''],
    ['Owner', workload.owner || '-'],
    ['State', stateWord(state) + reason],
    ...given('Silent', silence),
    ...(workload.message === '' ? [] : [['Message', workload.message] as const]),
    ...given('Starts', estimate),
    ...given('Advice', workload.advice),
    ...(workload.hold === '' ? [] : [['Hold', workload.hold] as const]),
    ['Priority', `${spec?.priority ?? '-'}, ${spec?.preemptible === false ? 'not preemptible' : 'preemptible'}`],
    ['Tasks', taskText(workload)],
    ['GPUs', workloadGpus(workload) + (simulated ? ': no hardware behind them' : '')],
    ...(spec?.resources?.pool ? [['Pool', spec.resources.pool] as const] : []),
    ...given('Where', whereText(spec?.resources ?? null)),
    ...given('Topology', topologyText(spec?.topology ?? null)),
    ...given('Array', arrayText(workload)),
    ...given('After', spec === null ? '' : dependencyText(spec)),
    ...given('Retries', spec?.retry ? retryText(spec.retry) : ''),
    ['Program', programText(spec)],
    ...(spec?.workingDirectory ? [['Workdir', spec.workingDirectory] as const] : []),
    ['Grace', graceText(spec)],
    ['Checkpoint', checkpointText(workload, nowMs)],
    ...given('At risk', atRiskText(workload, nowMs)),
    ['Submitted', moment(workload.submitTime, nowMs)],
    ['Started', moment(workload.startTime, nowMs)],
    ...given('Time limit', timeLimitText(workload)),
    ...(workload.endTime === null ? [] : [['Ended', moment(workload.endTime, nowMs)] as const]),
    [
      'Attempt',
      [
        String(workload.attempt),
        ...(workload.requeues > 0 ? [`requeued ${plural(workload.requeues, 'time')}`] : []),
        ...(workload.retries > 0 ? [`tried again ${plural(workload.retries, 'time')}`] : []),
      ].join(', '),
    ],
    ['GPU time', `${gpuTime(workload.gpuTime)}, of it lost ${gpuTime(workload.lostGpuTime)}`],
  ];
  const environment = (spec?.environment ?? []).map(({ name, value }): Field => [name, value]);
  const endpoints = workload.allocations.flatMap(({ task, endpoints: found }) =>
    found.map(({ name, url }): Field => [`task ${task} ${name}`, url]),
  );
  return [
    formatFields(fields),
    section('Roles', roleTable(invocation, spec)),
    section('Environment', formatFields(environment, '  ')),
    section('Endpoints', formatFields(endpoints, '  ')),
    section('Allocations', allocationTable(invocation, workload)),
    section('Events', eventTable(invocation, workload)),
  ].join('');
}

function section(title: string, body: string): string {
  return body === '' ? '' : `${title}:\n${body}`;
}

/** A field that is left out when there is nothing to say. */
function given(title: string, text: string): readonly Field[] {
  return text === '' ? [] : [[title, text]];
}

/** `2h00m`, and when that is over: `2h00m, stopped at 2026-11-24 09:40 UTC`. */
function timeLimitText({ spec, limitTime }: Workload__Output): string {
  const limitMs = fromDuration(spec?.timeLimit);
  return [
    ...(limitMs === null ? [] : [formatDuration(limitMs)]),
    ...(limitTime === null ? [] : [`stopped at ${utcMinute(limitTime)}`]),
  ].join(', ');
}

function roleTable(invocation: Invocation, spec: WorkloadSpec__Output | null): string {
  if (spec === null || spec.roles.length === 0) return '';
  const rows = roleRows(spec).map(([name = '', ...rest], index): readonly Cell[] => {
    const role = spec.roles[index];
    return [`  ${name}`, ...rest, role?.command || role?.builtin ? programText(role) : '-'];
  });
  return invocation.table(['  ROLE', 'TASKS', 'EACH', 'WHERE', 'TOPOLOGY', 'PROGRAM']).withTitles(rows);
}

function programText(spec: Pick<WorkloadSpec__Output, 'command' | 'builtin'> | null): string {
  if (spec?.builtin) return ['builtin', spec.builtin.name, ...spec.builtin.args].join(' ');
  return (spec?.command?.argv ?? []).map(quoted).join(' ');
}

/** A word as a shell would need it, so that the line can be copied. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function allocationTable(invocation: Invocation, workload: Workload__Output): string {
  const { allocations } = workload;
  if (allocations.length === 0) return '';
  const { nowMs } = invocation;
  const isRanked = allocations.some(({ _rank }) => _rank === 'rank');
  // There a rank is a process, of which a task has several.
  const isOfNodes = ['LAUNCHER_TORCHRUN', 'LAUNCHER_PER_GPU'].includes(workload.spec?.launcher ?? '');
  const rows = allocations.map((allocation): readonly Cell[] => {
    const { exit, stop } = allocation;
    const state = enumWord(allocation.state, 'ALLOCATION_STATE_') + (allocation.unreachable ? ',Unreachable' : '');
    return [
      `  ${allocation.task}`,
      ...(isRanked ? [allocation._rank === 'rank' ? String(allocation.rank) : '-'] : []),
      allocation.node,
      grantText(allocation),
      state,
      age(allocation.startTime, nowMs),
      exit === null ? '-' : exitText(exit),
      stop === null ? exit?.message || '-' : `${enumWord(stop.reason, 'STOP_REASON_')}: ${stop.message}`,
    ];
  });
  const ranks = isRanked ? [isOfNodes ? 'NODE-RANK' : 'RANK'] : [];
  return invocation.table(['  TASK', ...ranks, 'NODE', 'GPUS', 'STATE', 'STARTED', 'EXIT', 'WHY']).withTitles(rows);
}

function eventTable(invocation: Invocation, { events }: Workload__Output): string {
  if (events.length === 0) return '';
  const rows = events.map(({ time, type, message }) => [`  ${age(time, invocation.nowMs)}`, type, message]);
  return invocation.table(['  AGE', 'TYPE', 'MESSAGE']).withTitles(rows);
}

// ── queue ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function describeQueue(invocation: Invocation, queue: Queue__Output, inside: readonly Workload__Output[]): string {
  const { spec, use } = queue;
  const guarantee = spec?.guaranteeGpus ?? 0;
  const allocated = use?.allocatedGpus ?? 0;
  const borrowed = use?.borrowedGpus ?? 0;
  const fairShare = use?.fairShareGpus ?? 0;
  const requested = use?.pendingGpus ?? 0;
  const limit = spec?.limitGpus;
  // One scale for all bars, so that they can be compared by eye.
  const scale = Math.max(guarantee, allocated, fairShare, limit ?? 0, allocated + requested);
  const line = (figure: number, words: string) => `${bar(figure, scale)} ${words}`;
  const unmet = use?.unmetGuaranteeGpus ?? 0;
  const fields: readonly Field[] = [
    ['Name', spec?.name ?? ''],
    ['Parent', spec?.parent || '-'],
    ['Weight', `${spec?.weight ?? 1}`],
    ['Priority', String(spec?.priority ?? '-')],
    ...queueRules(spec),
    ['Created', moment(queue.createTime, invocation.nowMs)],
    [
      'Workloads',
      `${use?.runningWorkloads ?? 0} running, ${use?.pendingWorkloads ?? 0} pending${oldest(queue, invocation.nowMs)}`,
    ],
  ];
  const bars: readonly Field[] = [
    [
      'Guaranteed',
      line(
        guarantee,
        `${gpuFigure(guarantee)}${unmet > 0 ? `, ${gpuFigure(unmet)} of it wanted but not given yet` : ''}`,
      ),
    ],
    [
      'Allocated',
      line(allocated, `${gpuFigure(allocated)}${borrowed > 0 ? `, ${gpuFigure(borrowed)} of it borrowed` : ''}`),
    ],
    ['Fair share', line(fairShare, fairShareText(fairShare))],
    ['Requested', line(requested, `${gpuFigure(requested)} by pending workloads`)],
    ['Limit', limit === undefined ? 'none' : line(limit, gpuFigure(limit))],
  ];
  const rows = inside
    .toSorted((a, b) => a.number - b.number)
    .map((workload): readonly Cell[] => [
      `  ${workload.number}`,
      workloadName(workload),
      stateWord(workload.state),
      workloadGpus(workload),
      runTime(workload, invocation.nowMs),
      nodesOrReason(workload),
    ]);
  const titles = ['  NUMBER', 'NAME', 'STATUS', 'GPUS', 'TIME', 'NODELIST(REASON)'];
  const heading =
    inside.length < WORKLOADS_SHOWN ? 'Unfinished workloads' : `Newest ${WORKLOADS_SHOWN} unfinished workloads`;
  return [
    formatFields(fields),
    section('GPUs', formatFields(bars, '  ')),
    section('Budget', formatFields(budgetFields(queue), '  ')),
    section('Of them by part of the cluster', scopeTable(invocation, queue)),
    section('Guaranteed together', formatFields(shapeFields(queue), '  ')),
    section(heading, rows.length === 0 ? '' : invocation.table(titles).withTitles(rows)),
  ].join('');
}

/** Its budget, and how that stands. */
function budgetFields({ spec, budgetUse: use }: Queue__Output): readonly Field[] {
  const budget = spec?.budget ?? null;
  if (budget === null || use === null) return [];
  const action = actionWord(budget);
  const inForce = {
    warn: 'nothing follows',
    'stop-borrowing': 'it gets nothing above its guarantee until then; what it has borrowed goes on',
    'end-borrowed': 'it gets nothing above its guarantee until then, and what it has borrowed goes back',
  }[action];
  const later = {
    warn: 'people are told',
    'stop-borrowing': 'borrowing stops',
    'end-borrowed': 'what is borrowed ends',
  }[action];
  return [
    [
      'Used',
      `${bar(use.used, Math.max(use.used, budget.amount))} ${budgetText(budget, use)}, ${budgetPart(budget, use)}`,
    ],
    ['Counts', `${periodText(budget)}, now ${presentPeriod(use)} (UTC)`],
    ['Warns at', budget.warnAt.map((part) => `${Math.round(part * 1e4) / 100} %`).join(', ')],
    ...given('Tells', budget.notify.join(', ')),
    use.isSpent ? ['Spent', inForce ?? ''] : ['When spent', later ?? ''],
  ];
}

/** What a queue rules beside its GPUs, as far as anything is ruled. */
function queueRules(spec: QueueSpec__Output | null): readonly Field[] {
  const cpus = (milli: number | undefined): string | null => (milli === undefined ? null : String(milli / 1_000));
  const memory = (mib: number | undefined): string | null => (mib === undefined ? null : memoryText(mib));
  const span = (time: Duration__Output | null | undefined): string => {
    const ms = fromDuration(time);
    return ms === null ? '' : formatDuration(ms);
  };
  return [
    ...given('CPUs', promiseText(cpus(spec?.guaranteeCpuMilli), cpus(spec?.limitCpuMilli))),
    ...given('Memory', promiseText(memory(spec?.guaranteeMemoryMib), memory(spec?.limitMemoryMib))),
    ...given('User limit', spec?.userLimitGpus === undefined ? '' : plural(spec.userLimitGpus, 'GPU')),
    ...given('Runs before others take', span(spec?.reclaimMinRuntime)),
    ...given('Runs before own take', span(spec?.preemptMinRuntime)),
    ...given('Max grace', span(spec?.maxGrace)),
    ...given('Ends idle terminals', span(spec?.idleLimit)),
    ...given('Idle GPUs', idleGpusText(spec)),
    ...given('Lends for', lendingText(span(spec?.lendMaxMinRuntime), span(spec?.lendMaxGrace))),
  ];
}

/** `warned after 1h45m, taken back after 2h00m`; empty = it is as above it. */
function idleGpusText(spec: QueueSpec__Output | null): string {
  const policy = spec?.idleGpus ?? null;
  if (policy === null) return '';
  const [warnMs, reclaimMs] = [fromDuration(policy.warnAfter), fromDuration(policy.reclaimAfter)];
  if (warnMs === null) return 'left alone';
  const taken = reclaimMs === null ? '' : `, taken back after ${formatDuration(reclaimMs)}`;
  return `warned after ${formatDuration(warnMs)}${taken}`;
}

/** `a min-runtime of at most 5m00s, a grace of at most 1m00s`; empty = neither is said. */
function lendingText(minRuntime: string, grace: string): string {
  return [
    ...(minRuntime === '' ? [] : [`a min-runtime of at most ${minRuntime}`]),
    ...(grace === '' ? [] : [`a grace of at most ${grace}`]),
  ].join(', ');
}

/** `guaranteed 64, limit 128`; empty = neither is said. */
function promiseText(guarantee: string | null, limit: string | null): string {
  return [
    ...(guarantee === null ? [] : [`guaranteed ${guarantee}`]),
    ...(limit === null ? [] : [`limit ${limit}`]),
  ].join(', ');
}

/** It may be a fraction; whole ones are written without a point. */
function fairShareText(gpus: number): string {
  return Number.isInteger(gpus) ? String(gpus) : gpus.toFixed(1);
}

function scopeTable(invocation: Invocation, { spec, use }: Queue__Output): string {
  const scopes = spec?.scopes ?? [];
  if (scopes.length === 0) return '';
  const rows = scopes.map(({ pool, gpuModel, guaranteeGpus, limitGpus }): readonly Cell[] => {
    const held = use?.scopes.find((each) => each.pool === pool && each.gpuModel === gpuModel);
    const unmet = held?.unmetGuaranteeGpus ?? 0;
    return [
      `  ${pool || 'any'}`,
      gpuModel || 'any',
      gpuFigure(guaranteeGpus),
      gpuFigure(held?.allocatedGpus ?? 0),
      fairShareText(held?.fairShareGpus ?? 0),
      unmet > 0 ? { text: gpuFigure(unmet), tone: 'bad' } : '0',
      limitGpus === undefined ? 'none' : gpuFigure(limitGpus),
    ];
  });
  const titles = ['  POOL', 'GPU', 'GUARANTEED', 'ALLOCATED', 'FAIR-SHARE', 'UNMET', 'LIMIT'];
  return invocation.table(titles).withTitles(rows);
}

/** `4 times: 8 GPUs (h100) in one node of pool big; 1 in use, 2 cannot be had with the hardware there is`. */
function shapeFields({ spec, use }: Queue__Output): readonly Field[] {
  return (spec?.shapes ?? []).map(({ count, gpus, pool, gpuModel, level }, index) => {
    const domain = levelWord(level) === 'nvlink' ? 'NVLink group' : levelWord(level);
    const kind = gpuModel === '' ? '' : ` (${gpuModel})`;
    const { inUse = 0, impossible = 0 } = use?.shapes[index] ?? {};
    const lacks = impossible === 0 ? '' : `, ${impossible} cannot be had with the hardware there is`;
    return [
      plural(count, 'time'),
      `${plural(gpus, 'GPU')}${kind} in one ${domain}${pool === '' ? '' : ` of pool ${pool}`}; ${inUse} in use${lacks}`,
    ];
  });
}

function oldest({ use }: Queue__Output, nowMs: number): string {
  return use?.oldestPendingTime ? ` (the oldest for ${age(use.oldestPendingTime, nowMs)})` : '';
}

// ── node ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `in 3h05m for 2h00m, every 7d00h: new fans` */
function maintenanceText(maintenance: Maintenance__Output, nowMs: number): string {
  const { startTime, endTime, every, reason } = maintenance;
  const durationMs = (fromTimestamp(endTime) ?? 0) - (fromTimestamp(startTime) ?? 0);
  const everyMs = fromDuration(every);
  const again = everyMs === null ? '' : `, every ${formatDuration(everyMs)}`;
  const why = reason === '' ? '' : `: ${reason}`;
  return `${maintenanceStatus(maintenance, nowMs)} for ${formatDuration(durationMs)}${again}${why}`;
}

function describeNode(invocation: Invocation, node: Node__Output): string {
  const { nowMs } = invocation;
  const { inventory } = node;
  const gpus = inventory?.gpus ?? [];
  const { allocated, idle, other, total } = gpuCounts(node);
  const status = nodeStatus(node);
  const simulated = gpus.some((gpu) => gpu.simulated);
  const fields: readonly Field[] = [
    ['Name', node.name],
    ['Id', node.id],
    ['Status', typeof status === 'string' ? status : status.text],
    ...(node.cordoned ? [['Cordoned', node.cordonReason || 'no reason given'] as const] : []),
    ...node.maintenances.map((one) => ['Maintenance', maintenanceText(one, nowMs)] as const),
    ['Pool', node.pool || '-'],
    [
      'Labels',
      Object.entries(node.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(', ') || '-',
    ],
    [
      'GPUs',
      `${plural(total, 'GPU')}${simulated ? ` (${SIMULATED}: no hardware behind them)` : ''}: ${allocated} allocated, ${idle} idle, ${other} other`,
    ],
    ...(inventory?.nodeProblem ? [['Health check', inventory.nodeProblem] as const] : []),
    ...(inventory?.gpuProblem ? [['GPU problem', inventory.gpuProblem] as const] : []),
    ['Driver', `${inventory?.driverVersion || '-'}, CUDA ${inventory?.cudaVersion || '-'}`],
    [
      'Machine',
      `${plural(inventory?.cpuCount ?? 0, 'CPU')}, ${Math.round((inventory?.memoryMib ?? 0) / 1024)} GB memory`,
    ],
    ['Agent', node.agentVersion || '-'],
    ...node.skews.map((skew) => ['Skew', skew] as const),
    ['Registered', moment(node.registerTime, nowMs)],
    ['Heartbeat', moment(node.lastHeartbeatTime, nowMs)],
    ['Workloads', node.workloads.join(', ') || '-'],
  ];
  const linked = gpus.some((gpu) => nvlinkText(gpu) !== '-');
  const rows = gpus.flatMap((gpu): readonly (readonly Cell[])[] => [
    [
      `  ${gpu.index}`,
      gpuName(gpu),
      gpu.uuid,
      gpu.telemetry ? `${Math.round(gpu.telemetry.utilizationRatio * 100)}%` : '-',
      enumWord(gpu.health, 'GPU_HEALTH_') + (gpu.healthMessage === '' ? '' : `: ${gpu.healthMessage}`),
      ...(linked ? [nvlinkText(gpu)] : []),
      gpuHolders(gpu),
    ],
    ...instanceRows(gpu).map(({ index, instance, holder }) => [
      `  ${index}`,
      `${instance.profile} (${instance.memoryMib.toLocaleString('en-US')} MiB)`,
      instance.uuid,
      '-',
      '-',
      ...(linked ? ['-'] : []),
      holder,
    ]),
  ]);
  const titles = ['  IDX', 'GPU', 'UUID', 'UTIL', 'HEALTH', ...(linked ? ['NVLINK'] : []), 'WORKLOAD'];
  return formatFields(fields) + section('GPUs', rows.length === 0 ? '' : invocation.table(titles).withTitles(rows));
}

// `sluice get RESOURCE [NAME…]`: lists and watches workloads, queues, nodes and GPUs.
import type { Node__Output } from '../../proto/gen/sluice/v1/Node.js';
import type { Gpu__Output } from '../../proto/gen/sluice/v1/Gpu.js';
import { budgetPart } from '../spec/budget.js';
import type { BudgetUse__Output } from '../../proto/gen/sluice/v1/BudgetUse.js';
import type { QueueBudget__Output } from '../../proto/gen/sluice/v1/QueueBudget.js';
import type { Queue__Output } from '../../proto/gen/sluice/v1/Queue.js';
import type { QueueUse__Output } from '../../proto/gen/sluice/v1/QueueUse.js';
import type { ShapeStanding__Output } from '../../proto/gen/sluice/v1/ShapeStanding.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { WorkloadState__Output } from '../../proto/gen/sluice/v1/WorkloadState.js';
import { nearestNames } from '../../common/nearest.js';
import type { SluiceClient } from '../client.js';
import { didYouMean, usageError } from '../failure.js';
import { OUTPUT_FORMATS, type DefineCommand, type Invocation, type OutputFormat } from '../invocation.js';
import {
  age,
  enumWord,
  gpuCounts,
  hasEnded,
  meanPercent,
  memoryRatioOf,
  nodeModels,
  nodeStatus,
  nodesOrReason,
  isUnreachable,
  runTime,
  utilizationOf,
  workloadNodes,
  workloadStatus,
} from '../presentation.js';
import { gpuFigure, poolText, workloadGpus, workloadName } from '../workload-requests.js';
import { gpuHolders, gpuName, instanceRows, nvlinkText } from '../gpu-slots.js';

import { RESOURCES, resourceNamed, selectorOf, workloadSelector, type Resource } from '../resources.js';
import type { Cell } from '../table.js';

/** Ended workloads beside the unfinished ones, unless all are asked for. */
const ENDED_SHOWN = 20;

interface Options {
  readonly queue?: string;
  readonly allQueues?: boolean;
  readonly state?: string;
  readonly all?: boolean;
  readonly node?: string;
  readonly pool?: string;
  readonly watch?: boolean;
  readonly output?: string;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      `Lists one kind of thing: ${RESOURCES.join(', ')}. Singular, plural and short names (wl, job, q, no) mean the same.`,
    )
    .usage('RESOURCE [NAME…] [FLAGS]')
    .argument('<resource>', RESOURCES.join(', '))
    .argument('[name...]', 'only these: numbers or names ("last" = the newest workload); for gpus: nodes')
    .option('-n, --queue <name>', 'workloads: only this queue and those below it; default all queues')
    .option('-A, --all-queues', 'workloads: all queues, which is the default; for hands used to it')
    .option('--state <states>', 'workloads: only these states, for example pending,running')
    .option('-a, --all', `workloads: all that ended, too, not only the last ${ENDED_SHOWN}`)
    .option('--node <name>', 'gpus: only of this node')
    .option('--pool <name>', 'nodes and gpus: only of this pool')
    .option('-w, --watch', 'workloads and nodes: go on with changes as they happen')
    .option('-o, --output <format>', 'wide, json, yaml or name')
    .addHelpText(
      'after',
      `
Examples:
  sluice get workloads                  unfinished ones, and the last ${ENDED_SHOWN} that ended
  sluice get job 1041 -o yaml           one, with everything the scheduler knows
  sluice get wl --state pending -w      what waits, and each change
  sluice get queues                     guarantees, loans and fair shares
  sluice get gpus --node n1             use and health of one node's GPUs`,
    )
    .action((word: string, names: readonly string[], options: Options) => get(invocation, word, names, options));
};

async function get(invocation: Invocation, word: string, names: readonly string[], options: Options): Promise<void> {
  // Both `get job 1041` and `get job/1041`.
  const slash = word.indexOf('/');
  const resource = resourceNamed(slash < 0 ? word : word.slice(0, slash));
  const wanted = slash < 0 ? names : [word, ...names];
  const format = invocation.format(options.output, OUTPUT_FORMATS);
  checkOptions(resource, options);
  const listing = LISTINGS[resource];
  await listing(invocation, wanted, options, format);
}

const LISTINGS: Readonly<
  Record<
    Resource,
    (invocation: Invocation, names: readonly string[], options: Options, format: OutputFormat) => Promise<void>
  >
> = { workload: getWorkloads, queue: getQueues, node: getNodes, gpu: getGpus };

/** Flags that mean nothing for a resource are refused: a filter that filters nothing misleads. */
function checkOptions(resource: Resource, options: Options): void {
  const allowed: Readonly<Record<keyof Options, readonly Resource[]>> = {
    queue: ['workload'],
    allQueues: ['workload'],
    state: ['workload'],
    all: ['workload'],
    node: ['gpu'],
    pool: ['node', 'gpu'],
    watch: ['workload', 'node'],
    output: ['workload', 'queue', 'node', 'gpu'],
  };
  for (const [key, resources] of Object.entries(allowed)) {
    if (key in options && !resources.includes(resource)) {
      const flag = `--${key.replace('Q', '-q')}`;
      throw usageError(`${flag} is for ${resources.map((name) => `${name}s`).join(' and ')}, not for ${resource}s`);
    }
  }
}

// ── workloads ──────────────────────────────────────────────────────────────────────────────────────────────────────

const WORKLOAD_TITLES = [
  'NUMBER',
  'NAME',
  'KIND',
  'QUEUE',
  'OWNER',
  'STATUS',
  'GPUS',
  'NODES',
  'TIME',
  'NODELIST(REASON)',
];
const WORKLOAD_WIDE_TITLES = ['PRIORITY', 'PREEMPTIBLE', 'POOL', 'REQUEUES', 'AGE'];

const STATES: Readonly<Record<string, WorkloadState__Output>> = {
  pending: 'WORKLOAD_STATE_PENDING',
  starting: 'WORKLOAD_STATE_STARTING',
  running: 'WORKLOAD_STATE_RUNNING',
  stopping: 'WORKLOAD_STATE_STOPPING',
  succeeded: 'WORKLOAD_STATE_SUCCEEDED',
  failed: 'WORKLOAD_STATE_FAILED',
  cancelled: 'WORKLOAD_STATE_CANCELLED',
};
const ALL_STATES = Object.values(STATES);

/** Which workloads a listing shows. */
interface WorkloadFilter {
  readonly selectors: readonly string[];
  /** Empty = all. */
  readonly queue: string;
  /** Null = the unfinished ones and some that ended. */
  readonly states: readonly WorkloadState__Output[] | null;
}

async function getWorkloads(
  invocation: Invocation,
  names: readonly string[],
  options: Options,
  format: OutputFormat,
): Promise<void> {
  const states = options.state === undefined ? null : parseStates(options.state);
  const api = await invocation.client();
  const filter: WorkloadFilter = {
    selectors: await Promise.all(names.map((name) => workloadSelector(api, name))),
    // Never the queue of the context: a filter nobody asked for hides what people look for.
    queue: options.queue ?? '',
    states: states ?? (options.all === true ? ALL_STATES : null),
  };
  if (options.watch === true) {
    await watchWorkloads(invocation, api, filter, format);
    return;
  }
  const workloads = await invocation.working(() => 'listing workloads', listWorkloads(api, filter));
  if (workloads.length === 0 && format !== 'json' && format !== 'yaml') {
    invocation.note(`No workloads found${filter.queue === '' ? '' : ` in queue ${filter.queue}`}.`);
    return;
  }
  await print(invocation, format, {
    type: 'Workload',
    items: workloads,
    single: names.length === 1,
    nameOf: ({ number }) => `workload/${number}`,
    titles: workloadTitles(format),
    rowOf: (workload) => workloadRow(workload, invocation.nowMs, format),
  });
}

/** Oldest first, as people read logs and queues. */
async function listWorkloads(
  api: SluiceClient,
  { selectors, queue, states }: WorkloadFilter,
): Promise<Workload__Output[]> {
  if (selectors.length > 0) {
    const found = await Promise.all(selectors.map((selector) => api.getWorkload(selector)));
    const inQueue = queue === '' ? null : await queueWithDescendants(api, queue);
    return found.filter(
      ({ spec, state }) =>
        (states === null || states.includes(state)) && (inQueue === null || inQueue.has(spec?.queue ?? '')),
    );
  }
  if (states !== null) return sortByNumber(await api.allWorkloads({ queue, states: [...states] }));
  const [unfinished, ended] = await Promise.all([
    api.allWorkloads({ queue, states: ALL_STATES.filter((state) => !hasEnded(state)) }),
    api.listWorkloads({ queue, states: ALL_STATES.filter(hasEnded), pageSize: ENDED_SHOWN }),
  ]);
  // One that ended between the two calls is in both; the later word counts.
  const byNumber = new Map([...unfinished, ...ended.workloads].map((workload) => [workload.number, workload]));
  return sortByNumber([...byNumber.values()]);
}

function sortByNumber(workloads: readonly Workload__Output[]): Workload__Output[] {
  return workloads.toSorted((a, b) => a.number - b.number);
}

/** The table first, then a row for each change, until the reader has enough. */
async function watchWorkloads(
  invocation: Invocation,
  api: SluiceClient,
  filter: WorkloadFilter,
  format: OutputFormat,
): Promise<void> {
  const { toProtoJson } = await import('../proto-json.js');
  const inQueue = filter.queue === '' ? null : await queueWithDescendants(api, filter.queue);
  const table = invocation.table(workloadTitles(format));
  const row = (workload: Workload__Output) => workloadRow(workload, invocation.nowMs, format);
  let initial: Workload__Output[] | null = [];
  const shown = new Map<number, string>();
  const updates = api.watchWorkloads(
    { workloads: [...filter.selectors] },
    { onReconnect: (error) => invocation.note(`${error.message.split('\n')[0]}; trying again`) },
  );
  for await (const { workload, caughtUp, removed } of updates) {
    // Whoever keeps a list of his own from these lines must hear of what is let go; in a table it has ended long ago.
    if (removed > 0 && shown.delete(removed) && (format === 'json' || format === 'yaml')) {
      invocation.out(JSON.stringify({ removed }));
    }
    const wanted =
      workload !== null &&
      (inQueue === null || inQueue.has(workload.spec?.queue ?? '')) &&
      // What leaves the states asked for is shown once more: else it would seem to stay there.
      (filter.states === null || filter.states.includes(workload.state) || shown.has(workload.number));
    if (workload !== null && wanted) {
      if (format === 'json' || format === 'yaml') {
        invocation.out(JSON.stringify(toProtoJson('Workload', workload)));
      } else if (format === 'name') {
        invocation.out(`workload/${workload.number}`);
      } else if (initial !== null) {
        initial.push(workload);
      } else {
        const line = table.rows([row(workload)]);
        // Not every change of a workload shows in its row; after a reconnect nothing may have changed at all.
        if (shown.get(workload.number) !== rowKey(workload)) await invocation.write(line);
      }
      if (filter.states === null || filter.states.includes(workload.state))
        shown.set(workload.number, rowKey(workload));
      else shown.delete(workload.number);
    }
    if (caughtUp && initial !== null) {
      const ended = initial.filter(({ state }) => hasEnded(state));
      const keep = new Set(
        filter.states === null && filter.selectors.length === 0 ? sortByNumber(ended).slice(-ENDED_SHOWN) : ended,
      );
      const rows = sortByNumber(initial.filter((each) => !hasEnded(each.state) || keep.has(each)));
      if (format === 'table' || format === 'wide') await invocation.write(table.withTitles(rows.map(row)));
      initial = null;
    }
  }
}

/** What a row says apart from times. */
function rowKey(workload: Workload__Output): string {
  return `${workload.state} ${isUnreachable(workload)} ${workload.attempt} ${nodesOrReason(workload)}`;
}

function workloadTitles(format: OutputFormat): readonly string[] {
  return format === 'wide' ? [...WORKLOAD_TITLES, ...WORKLOAD_WIDE_TITLES] : WORKLOAD_TITLES;
}

function workloadRow(workload: Workload__Output, nowMs: number, format: OutputFormat): readonly Cell[] {
  const { spec } = workload;
  const nodes = workloadNodes(workload).length;
  const pending = workload.state === 'WORKLOAD_STATE_PENDING';
  const usual: readonly Cell[] = [
    String(workload.number),
    workloadName(workload),
    enumWord(spec?.kind ?? '', 'WORKLOAD_KIND_').toLowerCase(),
    spec?.queue ?? '',
    workload.owner || '-',
    workloadStatus(workload),
    workloadGpus(workload),
    pending || nodes === 0 ? '-' : String(nodes),
    runTime(workload, nowMs),
    nodesOrReason(workload),
  ];
  if (format !== 'wide') return usual;
  return [
    ...usual,
    String(spec?.priority ?? ''),
    spec?.preemptible === false ? 'no' : 'yes',
    poolText(spec),
    String(workload.requeues),
    age(workload.submitTime, nowMs),
  ];
}

function parseStates(text: string): readonly WorkloadState__Output[] {
  return text.split(',').map((word) => {
    const name = word.trim().toLowerCase();
    const state = Object.hasOwn(STATES, name) ? STATES[name] : undefined;
    if (state !== undefined) return state;
    const close = nearestNames(name, Object.keys(STATES));
    throw usageError(
      `unknown state "${word}"`,
      ...(close.length > 0 ? didYouMean(close) : [`Known: ${Object.keys(STATES).join(', ')}.`]),
    );
  });
}

async function queueWithDescendants(api: SluiceClient, name: string): Promise<ReadonlySet<string>> {
  await api.getQueue(name);
  const found = new Set([name]);
  // Parents come before children.
  for (const { spec } of await api.allQueues()) {
    if (spec !== null && found.has(spec.parent)) found.add(spec.name);
  }
  return found;
}

// ── queues ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const QUEUE_TITLES = [
  'NAME',
  'GUARANTEED',
  'ALLOCATED',
  'BORROWED',
  'LIMIT',
  'FAIR-SHARE',
  'UNMET',
  'REQUESTED',
  'WEIGHT',
  'RUNNING',
  'PENDING',
  'OLDEST-PENDING',
];

async function getQueues(
  invocation: Invocation,
  names: readonly string[],
  _options: Options,
  format: OutputFormat,
): Promise<void> {
  const api = await invocation.client();
  const queues =
    names.length === 0
      ? await api.allQueues()
      : await Promise.all(names.map((name) => api.getQueue(selectorOf('queue', name))));
  if (queues.length === 0 && format !== 'json' && format !== 'yaml') {
    invocation.note('No queues found. Make one: sluice queue create NAME --guarantee GPUS');
    return;
  }
  const depths = depthsOf(queues);
  // Where nobody has a budget there is nothing to show of them.
  const usual = queues.some(({ budgetUse }) => budgetUse !== null) ? [...QUEUE_TITLES, 'BUDGET'] : QUEUE_TITLES;
  await print(invocation, format, {
    type: 'Queue',
    items: queues,
    single: names.length === 1,
    nameOf: ({ spec }) => `queue/${spec?.name}`,
    titles: format === 'wide' ? [...usual, 'SHAPES', 'PARENT', 'PRIORITY', 'AGE'] : usual,
    rowOf: (queue) =>
      queueRow(queue, depths.get(queue) ?? 0, { nowMs: invocation.nowMs, format, hasBudgets: usual !== QUEUE_TITLES }),
  });
}

/** How deep each queue lies below the first one shown of its line; the names are indented by it. */
function depthsOf(queues: readonly Queue__Output[]): ReadonlyMap<Queue__Output, number> {
  const byName = new Map<string, number>();
  return new Map(
    queues.map((queue) => {
      const depth = (byName.get(queue.spec?.parent ?? '') ?? -1) + 1;
      byName.set(queue.spec?.name ?? '', depth);
      return [queue, depth];
    }),
  );
}

function queueRow(
  { spec, use, createTime, budgetUse }: Queue__Output,
  depth: number,
  {
    nowMs,
    format,
    hasBudgets,
  }: { readonly nowMs: number; readonly format: OutputFormat; readonly hasBudgets: boolean },
): readonly Cell[] {
  const borrowed = use?.borrowedGpus ?? 0;
  const unmet = use?.unmetGuaranteeGpus ?? 0;
  const usual: readonly Cell[] = [
    '  '.repeat(depth) + (spec?.name ?? ''),
    gpuFigure(spec?.guaranteeGpus ?? 0),
    gpuFigure(use?.allocatedGpus ?? 0),
    borrowed > 0 ? { text: gpuFigure(borrowed), tone: 'busy' } : '0',
    spec?.limitGpus === undefined ? 'none' : gpuFigure(spec.limitGpus),
    shareText(use?.fairShareGpus ?? 0),
    unmet > 0 ? { text: gpuFigure(unmet), tone: 'bad' } : '0',
    gpuFigure(use?.pendingGpus ?? 0),
    String(spec?.weight ?? 1),
    String(use?.runningWorkloads ?? 0),
    String(use?.pendingWorkloads ?? 0),
    age(use?.oldestPendingTime, nowMs),
    ...(hasBudgets ? [budgetCell(spec?.budget ?? null, budgetUse)] : []),
  ];
  if (format !== 'wide') return usual;
  return [...usual, shapesText(use), spec?.parent || '-', String(spec?.priority ?? ''), age(createTime, nowMs)];
}

/** How much of it is used. */
function budgetCell(budget: QueueBudget__Output | null, use: BudgetUse__Output | null): Cell {
  if (budget === null || use === null) return '-';
  return use.isSpent ? { text: budgetPart(budget, use), tone: 'bad' } : budgetPart(budget, use);
}

/** `1/4`, or `1/4-2` when two of the four guaranteed shapes cannot be had. */
function shapesText(use: QueueUse__Output | null): Cell {
  const all = use?.shapes ?? [];
  if (all.length === 0) return '-';
  const sum = (of: (each: ShapeStanding__Output) => number) => all.reduce((total, each) => total + of(each), 0);
  const impossible = sum((each) => each.impossible);
  const text = `${sum((each) => each.inUse)}/${sum(({ shape }) => shape?.count ?? 0)}`;
  return impossible === 0 ? text : { text: `${text}-${impossible}`, tone: 'bad' };
}

/** A fair share may be a fraction; whole ones are written without a point. */
function shareText(gpus: number): string {
  return Number.isInteger(gpus) ? String(gpus) : gpus.toFixed(1);
}

// ── nodes and GPUs ─────────────────────────────────────────────────────────────────────────────────────────────────

const NODE_TITLES = ['NAME', 'STATUS', 'POOL', 'GPU', 'GPUS(A/I/O/T)', 'GPU%', 'MEM%', 'JOBS', 'AGE'];
const NODE_WIDE_TITLES = ['DRIVER', 'CUDA', 'CPUS', 'MEMORY', 'AGENT', 'HEARTBEAT', 'REASON'];

async function getNodes(
  invocation: Invocation,
  names: readonly string[],
  options: Options,
  format: OutputFormat,
): Promise<void> {
  const api = await invocation.client();
  if (options.watch === true) {
    await watchNodes(
      invocation,
      api,
      names.map((name) => selectorOf('node', name)),
      options,
      format,
    );
    return;
  }
  const nodes = await invocation.working(() => 'listing nodes', listNodes(api, names, options));
  if (nodes.length === 0 && format !== 'json' && format !== 'yaml') {
    invocation.note(
      `No nodes found${options.pool === undefined ? '' : ` in pool ${options.pool}`}. An agent joins with: sluice agent`,
    );
    return;
  }
  await print(invocation, format, {
    type: 'Node',
    items: nodes,
    single: names.length === 1,
    nameOf: ({ name }) => `node/${name}`,
    titles: nodeTitles(format),
    rowOf: (node) => nodeRow(node, invocation.nowMs, format),
  });
}

async function listNodes(api: SluiceClient, names: readonly string[], { pool }: Options): Promise<Node__Output[]> {
  const nodes =
    names.length === 0
      ? await api.allNodes({ pool: pool ?? '' })
      : await Promise.all(names.map((name) => api.getNode(selectorOf('node', name))));
  const inPool = nodes.filter((node) => pool === undefined || node.pool === pool);
  return names.length > 0 ? inPool : inPool.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

async function watchNodes(
  invocation: Invocation,
  api: SluiceClient,
  names: readonly string[],
  { pool }: Options,
  format: OutputFormat,
): Promise<void> {
  const { toProtoJson } = await import('../proto-json.js');
  const table = invocation.table(nodeTitles(format));
  const shown = new Map<string, string>();
  let initial: Node__Output[] | null = [];
  const row = (node: Node__Output) => nodeRow(node, invocation.nowMs, format);
  const updates = api.watchNodes({
    onReconnect: (error) => invocation.note(`${error.message.split('\n')[0]}; trying again`),
  });
  for await (const { node, caughtUp } of updates) {
    const wanted =
      node !== null && (names.length === 0 || names.includes(node.name)) && (pool === undefined || node.pool === pool);
    if (node !== null && wanted) {
      const key = nodeKey(node);
      if (format === 'json' || format === 'yaml') invocation.out(JSON.stringify(toProtoJson('Node', node)));
      else if (format === 'name') invocation.out(`node/${node.name}`);
      else if (initial !== null) initial.push(node);
      else if (shown.get(node.name) !== key) await invocation.write(table.rows([row(node)]));
      shown.set(node.name, key);
    }
    if (caughtUp && initial !== null) {
      if (format === 'table' || format === 'wide') await invocation.write(table.withTitles(initial.map(row)));
      initial = null;
    }
  }
}

/** What a row says apart from times and telemetry, which change all the time. */
function nodeKey(node: Node__Output): string {
  const { allocated, idle, other } = gpuCounts(node);
  return [node.state, node.cordoned, allocated, idle, other, node.workloads.join()].join(' ');
}

function nodeTitles(format: OutputFormat): readonly string[] {
  return format === 'wide' ? [...NODE_TITLES, ...NODE_WIDE_TITLES] : NODE_TITLES;
}

function nodeRow(node: Node__Output, nowMs: number, format: OutputFormat): readonly Cell[] {
  const { inventory } = node;
  const { allocated, idle, other, total } = gpuCounts(node);
  const gpus = inventory?.gpus ?? [];
  const usual: readonly Cell[] = [
    node.name,
    nodeStatus(node),
    node.pool || '-',
    nodeModels(node),
    `${allocated}/${idle}/${other}/${total}`,
    meanPercent(gpus, utilizationOf),
    meanPercent(gpus, memoryRatioOf),
    String(node.workloads.length),
    age(node.registerTime, nowMs),
  ];
  if (format !== 'wide') return usual;
  return [
    ...usual,
    inventory?.driverVersion || '-',
    inventory?.cudaVersion || '-',
    String(inventory?.cpuCount ?? 0),
    `${Math.round((inventory?.memoryMib ?? 0) / 1024)}GB`,
    node.agentVersion || '-',
    age(node.lastHeartbeatTime, nowMs),
    node.cordonReason || inventory?.gpuProblem || '-',
  ];
}

const GPU_TITLES = ['NODE', 'IDX', 'GPU', 'UTIL', 'MEMORY', 'TEMP', 'POWER', 'HEALTH', 'WORKLOAD'];

async function getGpus(
  invocation: Invocation,
  names: readonly string[],
  options: Options,
  format: OutputFormat,
): Promise<void> {
  const api = await invocation.client();
  const nodeNames = [...names, ...(options.node === undefined ? [] : [options.node])].map((name) =>
    name.startsWith('gpu') && name.includes('/') ? name.slice(name.indexOf('/') + 1) : selectorOf('node', name),
  );
  const nodes = await invocation.working(() => 'listing nodes', listNodes(api, nodeNames, options));
  const gpus = nodes.flatMap((node) => (node.inventory?.gpus ?? []).map((gpu) => ({ node: node.name, gpu })));
  if (gpus.length === 0 && format !== 'json' && format !== 'yaml') {
    invocation.note('No GPUs found.');
    return;
  }
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    const items = gpus.map(({ node, gpu }) => ({ node, ...toProtoJson('Gpu', gpu) }));
    await invocation.printData(format, { kind: 'GpuList', items });
  } else if (format === 'name') {
    for (const { gpu } of gpus) invocation.out(`gpu/${gpu.uuid}`);
  } else {
    invocation.printTable(
      format === 'wide' ? [...GPU_TITLES, 'UUID', 'PCI', 'NUMA', 'NVLINK', 'PROBLEM'] : GPU_TITLES,
      gpus.flatMap(({ node, gpu }) => [gpuRow(node, gpu, format), ...migRows(node, gpu, format)]),
    );
  }
}

function gb(mib: number): string {
  return (mib / 1024).toFixed(1);
}

function gpuRow(node: string, gpu: Gpu__Output, format: OutputFormat): readonly Cell[] {
  const { telemetry } = gpu;
  const healthy = gpu.health === 'GPU_HEALTH_HEALTHY';
  const usual: readonly Cell[] = [
    node,
    String(gpu.index),
    gpuName(gpu),
    telemetry ? `${Math.round(telemetry.utilizationRatio * 100)}%` : '-',
    `${telemetry ? gb(telemetry.memoryUsedMib) : '-'}/${gb(gpu.memoryMib)}G`,
    telemetry ? `${Math.round(telemetry.temperatureCelsius)}C` : '-',
    telemetry ? `${Math.round(telemetry.powerWatts)}W` : '-',
    healthy ? { text: 'OK', tone: 'good' } : { text: enumWord(gpu.health, 'GPU_HEALTH_'), tone: 'bad' },
    gpuHolders(gpu),
  ];
  return format === 'wide'
    ? [...usual, gpu.uuid, gpu.pciBusId || '-', numaText(gpu), nvlinkText(gpu), gpu.healthMessage || '-']
    : usual;
}

/** The NUMA node next to it; `-` = not known. */
function numaText(gpu: Gpu__Output): string {
  return gpu._numaNode === 'numaNode' ? String(gpu.numaNode) : '-';
}

/** The instances of a GPU in MIG mode. The driver tells their use with that of the whole GPU only. */
function migRows(node: string, gpu: Gpu__Output, format: OutputFormat): readonly (readonly Cell[])[] {
  return instanceRows(gpu).map(({ index, instance, holder }) => {
    const usual = [node, index, instance.profile, '-', `-/${gb(instance.memoryMib)}G`, '-', '-', '-', holder];
    return format === 'wide' ? [...usual, instance.uuid, '-', '-', '-', '-'] : usual;
  });
}

// ── all ────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Listing<Item extends object> {
  /** The message's name in sluice.v1. */
  readonly type: string;
  readonly items: readonly Item[];
  /** One was asked for by name: programs get the object, not a list of one. */
  readonly single: boolean;
  readonly nameOf: (item: Item) => string;
  readonly titles: readonly string[];
  readonly rowOf: (item: Item) => readonly Cell[];
}

async function print<Item extends object>(
  invocation: Invocation,
  format: OutputFormat,
  listing: Listing<Item>,
): Promise<void> {
  const { type, items } = listing;
  if (format === 'json' || format === 'yaml') {
    const { toListJson, toProtoJson } = await import('../proto-json.js');
    const [only] = items;
    const value = listing.single && only !== undefined ? toProtoJson(type, only) : toListJson(type, items);
    await invocation.printData(format, value);
  } else if (format === 'name') {
    for (const item of items) invocation.out(listing.nameOf(item));
  } else {
    invocation.printTable(listing.titles, items.map(listing.rowOf));
  }
}

// What `sluice top` shows, as lines of text for a screen of a given size. Pure: data in, lines out.
import { IDLE_BELOW_RATIO } from '../common/idle-ratio.js';
import { formatDuration } from '../common/units.js';
import type { Node__Output } from '../proto/gen/sluice/v1/Node.js';
import type { Queue__Output } from '../proto/gen/sluice/v1/Queue.js';
import type { Workload__Output } from '../proto/gen/sluice/v1/Workload.js';
import {
  isFit,
  isInMaintenance,
  nodesOrReason,
  runTime,
  SIMULATED,
  takesWork,
  workloadStatus,
} from './presentation.js';
import { type Cell, paint, printable, Table, type Tone } from './table.js';
import { gpuFigure, workloadGpus, workloadName } from './workload-requests.js';

/** What one look at the cluster brought. */
export interface Look {
  readonly timeMs: number;
  readonly server: string;
  readonly queues: readonly Queue__Output[];
  readonly nodes: readonly Node__Output[];
  /** Those that hold GPUs, and after them some that wait. */
  readonly workloads: readonly Workload__Output[];
  /** There are others that hold GPUs or wait. */
  readonly areMore: boolean;
}

export interface Screen {
  readonly width: number;
  /** Null = as many lines as it takes. */
  readonly height: number | null;
  readonly colours: boolean;
}

/** Eighths of a cell, by how much a GPU works. */
const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const FREE = '·';
const UNUSABLE = '✗';
const BAR_WIDTH = 24;
const LEAST_WIDTH = 40;
/** Of the lines that are left below the head: queues at most a third, nodes at most half of the rest. */
const QUEUE_SHARE = 3;
const NODE_SHARE = 2;

/** The whole screen; each line is cut at its width. */
export function renderTop(look: Look, screen: Screen): string {
  const width = Math.max(LEAST_WIDTH, screen.width);
  const head = [headLine(look, screen), ''];
  const queues = queueLines(look, screen);
  const nodes = nodeLines(look, screen);
  const workloads = workloadLines(look, screen);
  const sections =
    screen.height === null ? [queues, nodes, workloads] : fit(queues, nodes, workloads, screen.height - head.length);
  const lines = [...head, ...sections.flatMap((section) => [...section, ''])];
  while (lines.at(-1) === '') lines.pop();
  const shown = screen.height === null ? lines : lines.slice(0, screen.height);
  return shown.map((line) => cut(line, width)).join('\n');
}

/** Gives each section its share of the lines; what one leaves over the next may use. A section that is cut says so. */
function fit(
  queues: readonly string[],
  nodes: readonly string[],
  workloads: readonly string[],
  height: number,
): readonly (readonly string[])[] {
  const first = shorten(queues, Math.max(2, Math.floor(height / QUEUE_SHARE)));
  const second = shorten(nodes, Math.max(2, Math.floor((height - first.length - 1) / NODE_SHARE)));
  const third = shorten(workloads, Math.max(2, height - first.length - second.length - 2));
  return [first, second, third];
}

function shorten(lines: readonly string[], most: number): readonly string[] {
  if (lines.length <= most) return lines;
  const shown = lines.slice(0, Math.max(1, most - 1));
  return [...shown, `  … ${lines.length - shown.length} more`];
}

function headLine({ timeMs, server, queues, nodes }: Look, { colours }: Screen): string {
  const gpus = nodes.flatMap((node) => gpusOf(node));
  const held = gpus.filter(({ isHeld }) => isHeld);
  const unusable = gpus.filter(({ isUsable, isHeld }) => !isUsable && !isHeld).length;
  const measured = held.map(({ ratio }) => ratio).filter((ratio) => ratio !== null);
  const mean = measured.length === 0 ? null : measured.reduce((sum, ratio) => sum + ratio, 0) / measured.length;
  const roots = queues.filter(({ spec }) => spec?.parent === '');
  const pending = roots.reduce((sum, { use }) => sum + (use?.pendingWorkloads ?? 0), 0);
  const running = roots.reduce((sum, { use }) => sum + (use?.runningWorkloads ?? 0), 0);
  const parts = [
    `${held.length} of ${gpus.length} GPUs held`,
    ...(unusable > 0 ? [paint(`${unusable} unusable`, 'bad', colours)] : []),
    ...(mean === null ? [] : [`used ${Math.round(mean * 100)} %`]),
    `${running} run`,
    pending > 0 ? paint(`${pending} wait`, 'busy', colours) : '0 wait',
    ...(gpus.some(({ isSimulated }) => isSimulated) ? [paint(SIMULATED, 'busy', colours)] : []),
  ];
  const time = new Date(timeMs).toISOString().slice(11, 19);
  return `${paint(`sluice top  ${time} UTC  ${printable(server)}`, 'strong', colours)}   ${parts.join('   ')}`;
}

/** `research  [#####+++..]  8 held  5 guaranteed  3 borrowed  41 wait (oldest 2h)`; the bar is as in the demo. */
function queueLines({ queues, timeMs }: Look, { colours }: Screen): readonly string[] {
  if (queues.length === 0) return [paint('QUEUES', 'strong', colours), '  none'];
  const largest = Math.max(
    1,
    ...queues.map(({ spec, use }) => Math.max(spec?.guaranteeGpus ?? 0, use?.allocatedGpus ?? 0)),
  );
  const table = new Table(['QUEUE', 'GPUS', 'HELD', 'GUARANTEED', 'BORROWED', 'WAIT', 'OLDEST'], colours);
  const depths = new Map<string, number>();
  const rows = queues.map(({ spec, use }): readonly Cell[] => {
    const depth = (depths.get(spec?.parent ?? '') ?? -1) + 1;
    depths.set(spec?.name ?? '', depth);
    const held = use?.allocatedGpus ?? 0;
    const borrowed = use?.borrowedGpus ?? 0;
    const oldestMs = timeOf(use?.oldestPendingTime);
    return [
      '  '.repeat(depth) + (spec?.name ?? ''),
      bar(held - borrowed, borrowed, spec?.guaranteeGpus ?? 0, largest),
      gpuFigure(held),
      gpuFigure(spec?.guaranteeGpus ?? 0),
      borrowed > 0 ? { text: gpuFigure(borrowed), tone: 'busy' } : '0',
      String(use?.pendingWorkloads ?? 0),
      oldestMs === null ? '-' : formatDuration(Math.max(0, timeMs - oldestMs)),
    ];
  });
  return linesOf(table.withTitles(rows));
}

/** `#` held within the guarantee, `+` borrowed, `-` guaranteed and not held. */
function bar(own: number, borrowed: number, guaranteed: number, largest: number): string {
  const cells = (gpus: number): number => Math.round((gpus / largest) * BAR_WIDTH);
  const text = '#'.repeat(cells(own)) + '+'.repeat(cells(borrowed));
  return text + '-'.repeat(Math.max(0, cells(guaranteed) - text.length));
}

/** A line a node, a cell a GPU: how much it works, free, or not to be used. */
function nodeLines({ nodes }: Look, { colours }: Screen): readonly string[] {
  if (nodes.length === 0) return [paint('NODES', 'strong', colours), '  none'];
  const width = Math.max(4, ...nodes.map(({ name }) => name.length));
  const titles = paint(
    `${'NODE'.padEnd(width)}   GPUS: ${FREE} free  ▁▄█ how much it works  ${UNUSABLE} not to be used`,
    'strong',
    colours,
  );
  return [
    titles,
    ...nodes.map((node) => {
      const cells = gpusOf(node).map((gpu) => paint(...cellOf(gpu), colours));
      const groups = Array.from({ length: Math.ceil(cells.length / 4) }, (_, at) =>
        cells.slice(at * 4, at * 4 + 4).join(''),
      );
      const word = wordOf(node);
      return `${printable(node.name).padEnd(width)}   ${groups.join(' ')}${word === '' ? '' : `   ${paint(word, 'bad', colours)}`}`;
    }),
  ];
}

interface GpuCell {
  readonly isHeld: boolean;
  readonly isUsable: boolean;
  readonly isSimulated: boolean;
  /** 0 to 1; null = not measured. */
  readonly ratio: number | null;
}

function gpusOf(node: Node__Output): readonly GpuCell[] {
  const isOpen = takesWork(node);
  return (node.inventory?.gpus ?? []).map(({ holders, health, simulated, telemetry }) => ({
    isHeld: holders.length > 0,
    isUsable: isOpen && health === 'GPU_HEALTH_HEALTHY',
    isSimulated: simulated,
    ratio: telemetry?.utilizationRatio ?? null,
  }));
}

function cellOf({ isHeld, isUsable, ratio }: GpuCell): readonly [string, Tone] {
  if (!isHeld) return isUsable ? [FREE, 'dim'] : [UNUSABLE, 'bad'];
  if (ratio === null) return [LEVELS[0] ?? FREE, 'dim'];
  const level = LEVELS[Math.min(LEVELS.length - 1, Math.floor(ratio * LEVELS.length))] ?? '▁';
  return [level, ratio < IDLE_BELOW_RATIO ? 'busy' : 'good'];
}

/** What keeps new work off a node, in a word. */
function wordOf(node: Node__Output): string {
  if (node.state === 'NODE_STATE_DOWN') return 'down';
  if (node.state === 'NODE_STATE_UNKNOWN') return 'not heard';
  if (node.cordoned) return 'cordoned';
  if (isInMaintenance(node)) return 'in maintenance';
  return isFit(node) ? '' : 'unfit';
}

function workloadLines({ workloads, nodes, timeMs, areMore }: Look, { colours }: Screen): readonly string[] {
  if (workloads.length === 0) return [paint('WORKLOADS', 'strong', colours), '  none'];
  const used = usedBy(nodes);
  const table = new Table(
    ['NUMBER', 'NAME', 'QUEUE', 'OWNER', 'STATUS', 'GPUS', 'USED', 'TIME', 'WHERE OR WHY NOT'],
    colours,
  );
  const rows = workloads.map((workload): readonly Cell[] => {
    const ratio = used.get(workload.number);
    return [
      String(workload.number),
      workloadName(workload),
      workload.spec?.queue ?? '',
      workload.owner || '-',
      workloadStatus(workload),
      workloadGpus(workload),
      ratio === undefined
        ? '-'
        : { text: `${Math.round(ratio * 100)} %`, tone: ratio < IDLE_BELOW_RATIO ? 'busy' : 'good' },
      runTime(workload, timeMs),
      nodesOrReason(workload),
    ];
  });
  const lines = linesOf(table.withTitles(rows));
  return areMore ? [...lines, '  … and more: sluice get workloads'] : lines;
}

/** The mean use of each workload's GPUs that are measured. */
function usedBy(nodes: readonly Node__Output[]): ReadonlyMap<number, number> {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const { inventory } of nodes) {
    for (const { holders, telemetry } of inventory?.gpus ?? []) {
      if (telemetry === null) continue;
      for (const workload of new Set(holders.map((holder) => holder.workload))) {
        const entry = sums.get(workload) ?? { sum: 0, count: 0 };
        sums.set(workload, { sum: entry.sum + telemetry.utilizationRatio, count: entry.count + 1 });
      }
    }
  }
  return new Map([...sums].map(([workload, { sum, count }]) => [workload, sum / count]));
}

function timeOf(time: { readonly seconds: unknown } | null | undefined): number | null {
  return time === null || time === undefined ? null : Number(time.seconds) * 1_000;
}

function linesOf(text: string): readonly string[] {
  return text.trimEnd().split('\n');
}

/** Cuts at a width of visible characters; colours that were begun are ended. */
function cut(line: string, width: number): string {
  let visible = 0;
  let shown = '';
  // eslint-disable-next-line no-control-regex
  for (const [piece] of line.matchAll(/\u001B\[\d*m|./gsu)) {
    const isColour = piece.startsWith('\u001B');
    if (!isColour && visible === width) return shown.includes('\u001B') ? `${shown}\u001B[0m` : shown;
    shown += piece;
    if (!isColour) visible += 1;
  }
  return shown;
}

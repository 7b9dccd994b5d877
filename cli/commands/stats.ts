// `sluice stats [WORKLOAD]`: what a workload used of what it asked for, or all of a user or a queue, and what to ask for the next time.
import { formatDuration, fromDuration, parseDurationMs, plural, toTimestamp } from '../../common/units.js';
import type { UseSummary__Output } from '../../proto/gen/sluice/v1/UseSummary.js';
import type { WorkloadStats__Output } from '../../proto/gen/sluice/v1/WorkloadStats.js';
import type { TaskStats__Output } from '../../proto/gen/sluice/v1/TaskStats.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { bar, nodeList, stateWord } from '../presentation.js';
import { workloadSelector } from '../resources.js';
import { printable } from '../table.js';
import { type UserStats, userStats } from '../user-stats.js';
import { gpuFigure, memoryText } from '../workload-requests.js';

interface Options {
  readonly user?: string;
  readonly queue?: string;
  readonly since?: string;
  readonly findings?: boolean;
  readonly output?: string;
}

/** Workloads of one list; the latest are told. */
const MAX_TOLD = 10_000;
/** Tasks of one workload that are shown one by one. */
const TASKS_SHOWN = 64;

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Tells what a workload used of the GPUs, CPUs and memory that it asked for, and what to ask for the next time. Without a\n' +
        'name: all workloads that run, or ended lately, of a user or a queue.',
    )
    .usage('[WORKLOAD] [FLAGS]')
    .argument('[workload]', 'a number, a name, or "last"')
    .option('-u, --user <name>', 'only of this user')
    .option('-A, --queue <name>', 'only of this queue and those below it')
    .option('--since <span>', 'what runs, or ended within this span: 7d; "all" = all that is kept; the default is 7d')
    .option('--findings', 'only those that something is to be said of')
    .option('-o, --output <format>', 'json or yaml')
    .addHelpText(
      'after',
      '\nExamples:\n  sluice stats last\n  sluice stats --user bob --since 7d\n  sluice stats -A vision --findings',
    )
    .action((workload: string | undefined, options: Options) =>
      workload === undefined ? list(invocation, options) : one(invocation, workload, options),
    );
};

async function one(invocation: Invocation, name: string, options: Options): Promise<void> {
  const wrong = (['user', 'queue', 'since', 'findings'] as const).find((flag) => options[flag] !== undefined);
  if (wrong !== undefined) throw usageError(`--${wrong} is for a list: leave it out, or leave out ${name}`);
  const format = invocation.format(options.output, ['json', 'yaml']);
  const api = await invocation.client();
  const stats = await api.getWorkloadStats(await workloadSelector(api, name));
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson('WorkloadStats', stats));
    return;
  }
  for (const line of [headline(stats), ...bars(stats)]) invocation.out(printable(line));
  const { tasks } = stats;
  if (tasks.length > 1 || tasks.some(({ use }) => (use?.gpus.length ?? 0) > 1))
    invocation.host.stdout.write(taskTable(invocation, tasks));
  for (const { message } of stats.findings) invocation.out(`  * ${printable(message)}`);
}

async function list(invocation: Invocation, options: Options): Promise<void> {
  const format = invocation.format(options.output, ['json', 'yaml']);
  const api = await invocation.client();
  const sinceMs = sinceOf(options.since ?? '7d', invocation.nowMs);
  const request = { user: options.user ?? '', queue: options.queue ?? '', startTime: toTimestamp(sinceMs) };
  const { workloads: all, currency } = await invocation.working(
    () => 'looking at what was used',
    api.listWorkloadStats(request, MAX_TOLD),
  );
  const users = userStats(all);
  const found = options.findings === true ? all.filter(({ findings }) => findings.length > 0) : all;
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    const data = toProtoJson('ListWorkloadStatsResponse', { workloads: [...found], currency });
    await invocation.printData(format, { ...data, users });
    return;
  }
  if (found.length === 0) {
    invocation.note(options.findings === true && all.length > 0 ? 'Nothing is to be said.' : 'Nothing ran.');
    return;
  }
  const rows = found.map((stats) => {
    const { workload, name, queue, owner, state, runTime, summary, findings } = stats;
    return [
      String(workload),
      name,
      queue,
      owner || '-',
      stateWord(state),
      span(fromDuration(runTime) ?? 0),
      ...figures(summary),
      findings.map(({ message }) => message).join('; ') || '-',
    ];
  });
  const titles = [
    'NUMBER',
    'NAME',
    'QUEUE',
    'USER',
    'STATUS',
    'RAN',
    'GPUS',
    'GPU%',
    'GPUMEM',
    'CPUS',
    'MEMORY',
    'ADVICE',
  ];
  invocation.printTable(titles, rows);
  if (all.length > 1) invocation.out('');
  if (all.length > 1) invocation.printTable(...userTable(users, currency));
  const advised = found.filter(({ findings }) => findings.length > 0).length;
  invocation.hint(
    `GPUS, CPUS and MEMORY: used/asked for. ${plural(advised, 'workload')} of ${found.length} with advice.` +
      (all.length === MAX_TOLD ? ` These are the latest ${MAX_TOLD}: --since, --user or --queue narrow it down.` : ''),
  );
}

/** A row a user: of all workloads of the list, those without advice, too. */
function userTable(users: readonly UserStats[], currency: string): [string[], string[][]] {
  const isPriced = users.some(({ cost }) => cost !== null && cost > 0);
  const titles = ['USER', 'WORKLOADS', 'ADVISED', 'GPUS', 'GPU%', 'GPU-H'];
  const rows = users.map((one) => {
    const { user, workloads, advisedWorkloads, grantedGpus, measuredGpus, usedGpus, cost } = one;
    const part = measuredGpus > 0 && measuredGpus < grantedGpus ? ` (${gpuFigure(measuredGpus)} measured)` : '';
    const used = measuredGpus === 0 ? '?' : gpuFigure(usedGpus);
    return [
      user || '-',
      String(workloads),
      String(advisedWorkloads),
      grantedGpus === 0 ? '-' : `${used}/${gpuFigure(grantedGpus)}${part}`,
      one.gpuUtilizationRatio === null ? '-' : String(Math.round(one.gpuUtilizationRatio * 100)),
      one.gpuHours.toFixed(2),
      ...(isPriced ? [cost === null ? '-' : cost.toFixed(2)] : []),
    ];
  });
  return [isPriced ? [...titles, currency === '' ? 'COST' : `COST(${currency})`] : titles, rows];
}

/** `1/4`, `22`, `9/80GiB`, `1.2/16`, `9/64GiB`; `-` = not asked for, or not measured. */
function figures(summary: UseSummary__Output | null): readonly string[] {
  if (summary === null) return ['-', '-', '-', '-', '-'];
  const { grantedGpus, measuredGpus, usedGpus, gpuUtilizationRatio, gpuMemoryPeakMib, gpuMemoryMib } = summary;
  const { cpuMilli, cpuUsedMilli, memoryMib, memoryPeakMib } = summary;
  const known = (of: string | null, asked: string): string => `${of ?? '?'}/${asked}`;
  return [
    grantedGpus === 0 ? '-' : known(measuredGpus === 0 ? null : gpuFigure(usedGpus), gpuFigure(grantedGpus)),
    gpuUtilizationRatio === undefined ? '-' : String(Math.round(gpuUtilizationRatio * 100)),
    measuredGpus === 0 ? '-' : `${memoryText(gpuMemoryPeakMib)}/${gpuMemoryMib === 0 ? '?' : memoryText(gpuMemoryMib)}`,
    cpuUsedMilli === undefined
      ? '-'
      : `${(cpuUsedMilli / 1_000).toFixed(1)}/${cpuMilli === 0 ? '-' : cpuMilli / 1_000}`,
    memoryPeakMib === undefined ? '-' : `${memoryText(memoryPeakMib)}/${memoryMib === 0 ? '-' : memoryText(memoryMib)}`,
  ];
}

/** `Workload 1040 tok-train (bob, queue nlp) Failed after 18h41m of 4d on h100-03` */
function headline({ workload, name, owner, queue, state, runTime, timeLimit, tasks }: WorkloadStats__Output): string {
  const subject = `Workload ${workload} ${name} (${owner === '' ? '' : `${owner}, `}queue ${queue})`;
  const runMs = fromDuration(runTime) ?? 0;
  if (tasks.length === 0) return `${subject} ${stateWord(state)}: it has not run yet`;
  const limitMs = fromDuration(timeLimit);
  const isOver = ['SUCCEEDED', 'FAILED', 'CANCELLED'].some((end) => state === `WORKLOAD_STATE_${end}`);
  const limit = limitMs === null ? '' : ` of ${span(limitMs)}`;
  const nodes = nodeList([...new Set(tasks.map(({ node }) => node))]);
  return `${subject} ${stateWord(state)} ${isOver ? 'after' : 'for'} ${span(runMs)}${limit} on ${nodes}`;
}

/** What was used of what was asked for, each as a bar. What was not measured says so. */
function bars({ summary, tasks }: WorkloadStats__Output): readonly string[] {
  if (summary === null || tasks.length === 0) return [];
  const { grantedGpus, measuredGpus, usedGpus, gpuUtilizationRatio, gpuMemoryPeakMib, gpuMemoryMib } = summary;
  const { cpuMilli, cpuUsedMilli, memoryMib, memoryPeakMib } = summary;
  const line = (title: string, ratio: number | null, words: string): string =>
    `  ${title.padEnd(15)} ${ratio === null ? '' : `${bar(Math.min(1, ratio), 1)} ${String(Math.round(ratio * 100)).padStart(3)} %  `}${words}`;
  const unknown = 'not measured';
  const gpuLines =
    grantedGpus === 0
      ? []
      : [
          measuredGpus === 0
            ? line('GPUs used', null, unknown)
            : line('GPUs used', usedGpus / measuredGpus, `${gpuFigure(usedGpus)} of ${gpuFigure(grantedGpus)}`),
          ...(gpuUtilizationRatio === undefined ? [] : [line('GPU utilization', gpuUtilizationRatio, 'in the mean')]),
          ...(measuredGpus === 0 || gpuMemoryMib === 0
            ? []
            : [
                line(
                  'GPU memory',
                  gpuMemoryPeakMib / gpuMemoryMib,
                  `peak ${memoryText(gpuMemoryPeakMib)} of ${memoryText(gpuMemoryMib)}`,
                ),
              ]),
        ];
  const cores = cpuUsedMilli === undefined ? '' : (cpuUsedMilli / 1_000).toFixed(1);
  const cpu =
    cpuUsedMilli === undefined
      ? line('CPUs', null, unknown)
      : cpuMilli === 0
        ? line('CPUs', null, `${cores} in the mean, none asked for`)
        : line('CPUs', cpuUsedMilli / cpuMilli, `${cores} of ${cpuMilli / 1_000} in the mean`);
  const memory =
    memoryPeakMib === undefined
      ? line('Memory', null, unknown)
      : memoryMib === 0
        ? line('Memory', null, `peak ${memoryText(memoryPeakMib)}, none asked for`)
        : line('Memory', memoryPeakMib / memoryMib, `peak ${memoryText(memoryPeakMib)} of ${memoryText(memoryMib)}`);
  return [...gpuLines, cpu, memory];
}

function taskTable(invocation: Invocation, tasks: readonly TaskStats__Output[]): string {
  const rows = tasks.slice(0, TASKS_SHOWN).map(({ task, node, use }) => {
    const gpus = use?.gpus ?? [];
    const each = gpus.map(({ measuredTime, workTime }) => {
      const measuredMs = fromDuration(measuredTime) ?? 0;
      return measuredMs === 0 ? '-' : String(Math.round((100 * (fromDuration(workTime) ?? 0)) / measuredMs));
    });
    const idle = gpus.map(({ idleTime }) => fromDuration(idleTime) ?? 0);
    const peaks = gpus.map((gpu) => (gpu.memoryPeakMib === 0 ? '-' : memoryText(gpu.memoryPeakMib)));
    return [
      `  ${task}`,
      node,
      each.join(' ') || '-',
      peaks.join(' ') || '-',
      idle.some((ms) => ms > 0) ? idle.map((ms) => (ms === 0 ? '-' : span(ms))).join(' ') : '-',
      use?.memoryPeakMib === undefined ? '-' : memoryText(use.memoryPeakMib),
    ];
  });
  const titles = ['  TASK', 'NODE', 'GPU%', 'GPUMEM', 'IDLE', 'MEMORY'];
  const more = tasks.length > TASKS_SHOWN ? `  and ${tasks.length - TASKS_SHOWN} more: -o json\n` : '';
  return invocation.table(titles).withTitles(rows) + more;
}

function span(ms: number): string {
  return formatDuration(Math.round(ms / 1_000) * 1_000);
}

/** Null = all that is kept. */
function sinceOf(word: string, nowMs: number): number | null {
  if (word === 'all') return null;
  const ms = parseDurationMs(word);
  if (ms === null) throw usageError(`--since "${word}" is no span such as 7d, nor "all"`);
  return Math.max(0, nowMs - ms);
}

// `sluice maintenance create|list|cancel`: times announced beforehand in which nodes are not to be used.
import { fromDuration, formatDuration, fromTimestamp, toDuration, toTimestamp } from '../../common/units.js';
import type { Maintenance__Output } from '../../proto/gen/sluice/v1/Maintenance.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { maintenanceStatus, nodeList, utcMinute } from '../presentation.js';
import { selectorOf } from '../resources.js';
import { spanMs } from '../spans.js';

interface CreateOptions {
  readonly start: string;
  readonly duration: string;
  readonly every?: string;
  readonly reason?: string;
}

const DAY_MS = 86_400_000;

const EXAMPLES = `
Examples:
  sluice maintenance create node-3 --start 2026-12-01T22:00Z --duration 2h --reason "new fans"
  sluice maintenance create node-1 node-2 --start +3d --duration 4h --every week
  sluice maintenance list
  sluice maintenance cancel 01KAJ5S0V3D4Y7TXQ6M2N8B9CE`;

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Announces when nodes are not to be used. Work that cannot end before is not started on them; what still runs\n' +
        'at the start is stopped, with its grace, and requeued.',
    )
    .usage('VERB [ARGUMENTS] [FLAGS]')
    .addHelpText('after', EXAMPLES);
  command
    .command('create')
    .usage('NODE… --duration SPAN [FLAGS]')
    .description('Announces a maintenance of nodes.')
    .argument('<node...>', 'names of nodes')
    .requiredOption('--duration <span>', 'how long, for example 2h or 1h30m')
    .option('--start <time>', 'now, +3h, or a time such as 2026-12-01T22:00 (local) or 2026-12-01T22:00Z', 'now')
    .option('--every <span>', 'comes again: day, week, or a span such as 14d')
    .option('--reason <text>', 'told to whoever asks later')
    .option('-o, --output <format>', 'json, yaml or name')
    .action((words: readonly string[], options: CreateOptions & { readonly output?: string }) =>
      create(invocation, words, options, options.output),
    );
  command
    .command('list')
    .usage('[NODE] [FLAGS]')
    .description('Lists what is announced and not over.')
    .argument('[node]', 'only of this node')
    .option('-o, --output <format>', 'json, yaml or name')
    .action((word: string | undefined, { output }: { readonly output?: string }) => list(invocation, word, output));
  command
    .command('cancel')
    .usage('ID [NODE…]')
    .description('Takes an announcement back, for all its nodes or for some.')
    .argument('<id>', 'as "sluice maintenance list" shows it')
    .argument('[node...]', 'only for these nodes')
    .action((id: string, words: readonly string[]) => cancel(invocation, id, words));
};

async function create(
  invocation: Invocation,
  words: readonly string[],
  options: CreateOptions,
  output: string | undefined,
): Promise<void> {
  const format = invocation.format(output, ['json', 'yaml', 'name']);
  const maintenance = await (
    await invocation.client()
  ).createMaintenance({
    nodes: words.map((word) => selectorOf('node', word)),
    // Told even for "now", so that an announcement that is sent again is the same.
    startTime: toTimestamp(startMs(options.start, invocation.nowMs)),
    duration: toDuration(spanMs('--duration', options.duration)),
    every: toDuration(options.every === undefined ? null : everyMs(options.every)),
    reason: options.reason ?? '',
  });
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson('Maintenance', maintenance));
    return;
  }
  const { id, nodes, startTime } = maintenance;
  const when = `${nodeList(nodes)} from ${utcMinute(startTime)}`;
  invocation.out(format === 'name' ? `maintenance/${id}` : `maintenance/${id} announced: ${when}`);
}

async function list(invocation: Invocation, word: string | undefined, output: string | undefined): Promise<void> {
  const format = invocation.format(output, ['json', 'yaml', 'name']);
  const node = word === undefined ? '' : selectorOf('node', word);
  const found = await (await invocation.client()).allMaintenances(node);
  if (format === 'json' || format === 'yaml') {
    const { toListJson } = await import('../proto-json.js');
    await invocation.printData(format, toListJson('Maintenance', found));
    return;
  }
  if (format === 'name') {
    for (const { id } of found) invocation.out(`maintenance/${id}`);
    return;
  }
  if (found.length === 0) {
    invocation.note('No maintenance is announced.');
    return;
  }
  const titles = ['ID', 'STATUS', 'START', 'DURATION', 'EVERY', 'NODES', 'REASON'];
  invocation.host.stdout.write(invocation.table(titles).withTitles(found.map((one) => row(one, invocation.nowMs))));
}

function row(maintenance: Maintenance__Output, nowMs: number): readonly string[] {
  const { id, startTime, endTime, every, nodes, reason, nextStartTime, active } = maintenance;
  const durationMs = (fromTimestamp(endTime) ?? 0) - (fromTimestamp(startTime) ?? 0);
  const repeatMs = fromDuration(every);
  return [
    id,
    maintenanceStatus(maintenance, nowMs),
    utcMinute(active ? startTime : (nextStartTime ?? startTime)),
    formatDuration(durationMs),
    repeatMs === null ? '-' : formatDuration(repeatMs),
    nodeList(nodes),
    reason === '' ? '-' : reason,
  ];
}

async function cancel(invocation: Invocation, word: string, words: readonly string[]): Promise<void> {
  const id = word.startsWith('maintenance/') ? word.slice('maintenance/'.length) : word;
  const nodes = words.map((name) => selectorOf('node', name));
  const cancelled = await (await invocation.client()).cancelMaintenance({ id, nodes });
  invocation.out(`maintenance/${id} cancelled for ${nodeList(cancelled.nodes) || 'no node'}`);
}

/** When it begins, in ms since 1970. Without a zone a time is that of this machine, as in Slurm. */
function startMs(text: string, nowMs: number): number {
  if (text === 'now') return nowMs;
  if (text.startsWith('+')) return nowMs + spanMs('--start', text.slice(1));
  const isTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text);
  // A day alone begins at midnight here, not in Greenwich.
  const ms = isTime ? Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T')) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw usageError(`--start ${text} is no time`, 'Give now, +3h, 2026-12-01T22:00 (local time) or 2026-12-01T22:00Z.');
}

function everyMs(text: string): number {
  if (text === 'day') return DAY_MS;
  return text === 'week' ? 7 * DAY_MS : spanMs('--every', text, 'day, week, 90m, 2h or 1h30m');
}

// `sluice report usage`: GPU time that queues and users have used, as a table or as JSON.
import { fromDuration, parseDurationMs, toTimestamp } from '../../common/units.js';
import type { Usage__Output } from '../../proto/gen/sluice/v1/Usage.js';
import type { UsageDimension } from '../../proto/gen/sluice/v1/UsageDimension.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';

interface Options {
  readonly since?: string;
  readonly until?: string;
  readonly by?: string;
  readonly queue?: string;
  readonly user?: string;
  readonly output?: string;
}

const DIMENSIONS: Readonly<Record<string, UsageDimension>> = {
  day: 'USAGE_DIMENSION_DAY',
  queue: 'USAGE_DIMENSION_QUEUE',
  user: 'USAGE_DIMENSION_USER',
  pool: 'USAGE_DIMENSION_POOL',
  model: 'USAGE_DIMENSION_MODEL',
  month: 'USAGE_DIMENSION_MONTH',
};
const HOUR_MS = 3_600_000;

const EXAMPLES = `
Examples:
  sluice report usage --since 7d
  sluice report usage --since 2026-11-01 --until 2026-11-30 --by queue,user,model
  sluice report usage --by month,queue --since 365d -o csv
  sluice report usage --by day --queue vision -o json`;

export const define: DefineCommand = (command, invocation) => {
  command.description('Tells what was used.').usage('usage [FLAGS]').addHelpText('after', EXAMPLES);
  command
    .command('usage')
    .usage('[FLAGS]')
    .description(
      'GPU hours by queue and user, over whole days of UTC, with what runs now up to now. CHARGED is from the grant of GPUs\n' +
        'to the end of the task; HELD goes on until they were proven free; RAN is the time of the program itself.',
    )
    .option('--since <when>', 'the first day: 2026-11-01, or a span before today such as 7d', '30d')
    .option('--until <when>', 'the last day, the same way; the default is today')
    .option('--by <words>', 'day, month, queue, user, pool, model; several with commas', 'queue,user')
    .option('-A, --queue <name>', 'only of this queue and those below it')
    .option('-u, --user <name>', 'only of this user')
    .option('-o, --output <format>', 'json, yaml or csv')
    .action((options: Options) => usage(invocation, options));
};

async function usage(invocation: Invocation, options: Options): Promise<void> {
  const isCsv = options.output === 'csv';
  const format = invocation.format(isCsv ? undefined : options.output, ['json', 'yaml']);
  const words = (options.by ?? '').split(',').map((word) => word.trim());
  const by = words.map((word) => {
    const known = DIMENSIONS[word];
    if (known === undefined) throw usageError(`--by "${word}" is none of ${Object.keys(DIMENSIONS).join(', ')}`);
    return known;
  });
  const { nowMs } = invocation;
  const report = await (
    await invocation.client()
  ).getUsage({
    startTime: toTimestamp(dayMs('--since', options.since ?? '30d', nowMs)),
    endTime: options.until === undefined ? null : toTimestamp(dayMs('--until', options.until, nowMs)),
    by,
    queue: options.queue ?? '',
    user: options.user ?? '',
  });
  if (!isCsv && (format === 'json' || format === 'yaml')) {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson('GetUsageResponse', report));
    return;
  }
  if (report.rows.length === 0 && !isCsv) {
    invocation.note('Nothing was used in these days.');
    return;
  }
  const keys = KEYS.filter((key) => words.includes(key));
  const hasCosts = [...report.rows, report.total].some((row) => row?.cost !== undefined && row.cost > 0);
  const costTitle = report.currency === '' ? 'COST' : `COST(${report.currency})`;
  const titles = [...keys.map((key) => key.toUpperCase()), ...FIGURES, ...(hasCosts ? [costTitle] : [])];
  const figures = (row: Usage__Output, show: Show): string[] => [
    ...[row.chargedGpuTime, row.heldGpuTime, row.ranGpuTime].map((time) => show.hours(fromDuration(time) ?? 0)),
    String(row.grants),
    ...(hasCosts ? [row.cost === undefined ? show.unknown : show.cost(row.cost)] : []),
  ];
  const rows = (show: Show) => report.rows.map((row) => [...keys.map((key) => row[key]), ...figures(row, show)]);
  if (isCsv) {
    for (const row of [titles, ...rows(FOR_PROGRAMS)]) invocation.out(row.map(csvField).join(','));
    return;
  }
  const shown = rows(FOR_PEOPLE);
  const { total } = report;
  if (total !== null && shown.length > 1)
    shown.push([...keys.map((_, at) => (at === 0 ? 'TOTAL' : '')), ...figures(total, FOR_PEOPLE)]);
  invocation.host.stdout.write(invocation.table(titles).withTitles(shown));
}

const KEYS = ['month', 'day', 'queue', 'user', 'pool', 'model'] as const;
const FIGURES = ['CHARGED(GPU-H)', 'HELD(GPU-H)', 'RAN(GPU-H)', 'GRANTS'];

/** How figures are written. */
interface Show {
  readonly hours: (ms: number) => string;
  readonly cost: (cost: number) => string;
  /** What stands for a cost where a part has no price. */
  readonly unknown: string;
}

const FOR_PEOPLE: Show = { hours, cost: (cost) => cost.toFixed(2), unknown: '-' };
/** Six places: a GPU for four milliseconds is still told. */
const FOR_PROGRAMS: Show = { hours: (ms) => (ms / HOUR_MS).toFixed(6), cost: (cost) => cost.toFixed(6), unknown: '' };

/** Quoted where it has to be (RFC 4180). A spreadsheet would carry out what begins like a formula, so that gets a quote before it. */
function csvField(text: string): string {
  const safe = /^[=+@\t\r]|^-(?!\d)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** GPU hours: `12.50`, `0.003`. */
function hours(ms: number): string {
  const count = ms / HOUR_MS;
  return count !== 0 && count < 0.1 ? count.toFixed(4) : count.toFixed(2);
}

function dayMs(flag: string, word: string, nowMs: number): number {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(word) ? Date.parse(`${word}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(date)) return date;
  const span = parseDurationMs(word);
  if (span === null) throw usageError(`${flag} "${word}" is neither a day such as 2026-11-01 nor a span such as 7d`);
  return Math.max(0, nowMs - span);
}

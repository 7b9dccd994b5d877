// `sluice report usage|waste|wait|efficiency|budget`: what queues, users and workloads have used, wasted and waited for, as a table, as
// CSV for a spreadsheet, or as JSON.
import { fromDuration, formatDuration, parseDurationMs, toTimestamp } from '../../common/units.js';
import type { Usage__Output } from '../../proto/gen/sluice/v1/Usage.js';
import type { UsageDimension } from '../../proto/gen/sluice/v1/UsageDimension.js';
import { csvField } from '../csv.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { defineBudgetReport } from './report-budget.js';

interface Options {
  readonly since?: string;
  readonly until?: string;
  readonly month?: string;
  readonly by?: string;
  readonly queue?: string;
  readonly user?: string;
  readonly output?: string;
}

const DIMENSIONS: Readonly<Record<string, UsageDimension>> = {
  day: 'USAGE_DIMENSION_DAY',
  queue: 'USAGE_DIMENSION_QUEUE',
  user: 'USAGE_DIMENSION_USER',
  workload: 'USAGE_DIMENSION_WORKLOAD',
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
  sluice report waste --month 2026-11 --by user
  sluice report wait --since 30d --by queue,model
  sluice report efficiency --by workload -A vision
  sluice report budget`;

/** How a kind of report shows a row. */
interface Kind {
  readonly about: string;
  readonly usualBy: string;
  /** Titles, and what stands below them. */
  readonly columns: (money: Money) => readonly Column[];
  /** Whether a row has anything to say. */
  readonly hasFigures: (row: Usage__Output) => boolean;
}

interface Column {
  readonly title: string;
  readonly cell: (row: Usage__Output, show: Show) => string;
}

/** What costs are in, if there are any. */
interface Money {
  readonly isShown: boolean;
  readonly currency: string;
}

type TimeField = Extract<keyof Usage__Output, `${string}GpuTime`>;

function time(title: string, field: TimeField): Column {
  return { title: `${title}(GPU-H)`, cell: (row, show) => show.hours(fromDuration(row[field]) ?? 0) };
}

function costs({ isShown, currency }: Money, field: 'cost' | 'wastedCost'): readonly Column[] {
  const title = currency === '' ? 'COST' : `COST(${currency})`;
  const cell: Column['cell'] = (row, show) => (row[field] === undefined ? show.unknown : show.cost(row[field]));
  return isShown ? [{ title, cell }] : [];
}

function part(title: string, of: (row: Usage__Output) => number): Column {
  return { title, cell: (row, show) => show.part(msOf(row, 'heldGpuTime') === 0 ? null : of(row)) };
}

const KINDS: Readonly<Record<string, Kind>> = {
  usage: {
    about:
      'GPU hours by queue and user, over whole days of UTC, with what runs now up to now. CHARGED is from the grant of GPUs\n' +
      'to the end of the task; HELD goes on until they were proven free; RAN is the time of the program itself. Of what was\n' +
      'held, GUARANTEED was within the guarantee of the queue at the time, BORROWED above it.',
    usualBy: 'queue,user',
    columns: (money) => [
      time('CHARGED', 'chargedGpuTime'),
      time('HELD', 'heldGpuTime'),
      time('RAN', 'ranGpuTime'),
      time('GUARANTEED', 'guaranteedGpuTime'),
      time('BORROWED', 'borrowedGpuTime'),
      { title: 'GRANTS', cell: ({ grants }) => String(grants) },
      ...costs(money, 'cost'),
    ],
    hasFigures: ({ grants, heldGpuTime }) => Number(grants) > 0 || (fromDuration(heldGpuTime) ?? 0) > 0,
  },
  waste: {
    about:
      'GPU hours that came to nothing. IDLE: GPUs that tasks held and did not use for 15 minutes or more, as agents measured.\n' +
      'LOST: what interrupted attempts have to do again, since their last checkpoint or their start. FAILED: what attempts\n' +
      'that failed were charged, since their last checkpoint or the grant. WASTED is all three, of what was held.',
    usualBy: 'queue,user',
    columns: (money) => [
      time('HELD', 'heldGpuTime'),
      time('IDLE', 'idleGpuTime'),
      time('LOST', 'lostGpuTime'),
      time('FAILED', 'failedGpuTime'),
      time('WASTED', 'wastedGpuTime'),
      part('SHARE', (row) => msOf(row, 'wastedGpuTime') / msOf(row, 'heldGpuTime')),
      ...costs(money, 'wastedCost'),
    ],
    hasFigures: (row) => msOf(row, 'heldGpuTime') + msOf(row, 'wastedGpuTime') > 0,
  },
  wait: {
    about:
      'How long work waited from its submission to its first start, by the day of that start. Half of it waited no longer than\n' +
      'P50, nine tenths no longer than P90; both are right to a tenth.',
    usualBy: 'queue',
    columns: () => [
      { title: 'STARTS', cell: ({ waits }) => String(waits?.starts ?? 0) },
      ...(['p50', 'p90', 'max', 'mean'] as const).map((name): Column => ({
        title: name.toUpperCase(),
        cell: ({ waits }, show) => show.span(fromDuration(waits?.[name]) ?? 0),
      })),
    ],
    hasFigures: ({ waits }) => waits !== null && waits !== undefined,
  },
  efficiency: {
    about:
      'What of the GPU hours that were held did useful work: the time of the programs, less what was wasted. OVERHEAD is what\n' +
      'was held while no program ran: start, end, cleaning. The shares are of what was held.',
    usualBy: 'queue,user',
    columns: () => [
      time('HELD', 'heldGpuTime'),
      { title: 'USEFUL(GPU-H)', cell: (row, show) => show.hours(usefulMs(row)) },
      part('EFFICIENCY', (row) => usefulMs(row) / msOf(row, 'heldGpuTime')),
      ...(['idle', 'lost', 'failed'] as const).map((name) =>
        part(name.toUpperCase(), (row) => msOf(row, `${name}GpuTime`) / msOf(row, 'heldGpuTime')),
      ),
      part('OVERHEAD', (row) => Math.max(0, 1 - msOf(row, 'ranGpuTime') / msOf(row, 'heldGpuTime'))),
    ],
    hasFigures: (row) => msOf(row, 'heldGpuTime') > 0,
  },
};

function msOf(row: Usage__Output, field: TimeField): number {
  return fromDuration(row[field]) ?? 0;
}

function usefulMs(row: Usage__Output): number {
  return Math.max(0, msOf(row, 'ranGpuTime') - msOf(row, 'wastedGpuTime'));
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Tells what was used.')
    .usage('usage|waste|wait|efficiency|budget [FLAGS]')
    .addHelpText('after', EXAMPLES);
  for (const [name, kind] of Object.entries(KINDS)) {
    command
      .command(name)
      .usage('[FLAGS]')
      .description(kind.about)
      .option('--since <when>', 'the first day: 2026-11-01, 2026-11, a span before today such as 7d, or all', '30d')
      .option('--until <when>', 'the last day, the same way; the default is today')
      .option('--month <month>', 'one month: 2026-11')
      .option('--by <words>', 'day, month, queue, user, workload, pool, model; several with commas', kind.usualBy)
      .option('-A, --queue <name>', 'only of this queue and those below it')
      .option('-u, --user <name>', 'only of this user')
      .option('-o, --output <format>', 'json, yaml or csv')
      .action((options: Options) => report(invocation, kind, options));
  }
  defineBudgetReport(command, invocation);
};

async function report(invocation: Invocation, kind: Kind, options: Options): Promise<void> {
  const isCsv = options.output === 'csv';
  const format = invocation.format(isCsv ? undefined : options.output, ['json', 'yaml']);
  const words = (options.by ?? '').split(',').map((word) => word.trim());
  const by = words.map((word) => {
    const known = DIMENSIONS[word];
    if (known === undefined) throw usageError(`--by "${word}" is none of ${Object.keys(DIMENSIONS).join(', ')}`);
    return known;
  });
  const { fromMs, toMs } = rangeOf(options, invocation.nowMs);
  const api = await invocation.client();
  const asked = api.getUsage({
    startTime: fromMs === null ? null : toTimestamp(fromMs),
    endTime: toMs === null ? null : toTimestamp(toMs),
    by,
    queue: options.queue ?? '',
    user: options.user ?? '',
  });
  const answer = await invocation.working(() => 'adding up usage', asked);
  if (!isCsv && (format === 'json' || format === 'yaml')) {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson('GetUsageResponse', answer));
    return;
  }
  const found = answer.rows.filter((row) => kind.hasFigures(row));
  if (found.length === 0 && !isCsv) {
    invocation.note('Nothing was used in these days.');
    return;
  }
  const keys = KEYS.filter((key) => words.includes(key));
  const isShown = [...answer.rows, answer.total].some((row) => row?.cost !== undefined && row.cost > 0);
  const columns = kind.columns({ isShown, currency: answer.currency });
  const titles = [...keys.map((key) => key.toUpperCase()), ...columns.map(({ title }) => title)];
  const figures = (row: Usage__Output, show: Show): string[] => columns.map(({ cell }) => cell(row, show));
  const rows = (show: Show) => found.map((row) => [...keys.map((key) => show.key(row, key)), ...figures(row, show)]);
  if (isCsv) {
    for (const row of [titles, ...rows(FOR_PROGRAMS)]) invocation.out(row.map(csvField).join(','));
    return;
  }
  const shown = rows(FOR_PEOPLE);
  const { total } = answer;
  if (total !== null && shown.length > 1)
    shown.push([...keys.map((_, at) => (at === 0 ? 'TOTAL' : '')), ...figures(total, FOR_PEOPLE)]);
  invocation.host.stdout.write(invocation.table(titles).withTitles(shown));
}

const KEYS = ['month', 'day', 'queue', 'user', 'workload', 'pool', 'model'] as const;
type Key = (typeof KEYS)[number];

/** How figures are written. */
interface Show {
  readonly key: (row: Usage__Output, key: Key) => string;
  readonly hours: (ms: number) => string;
  readonly cost: (cost: number) => string;
  readonly span: (ms: number) => string;
  /** Null = of nothing. */
  readonly part: (ratio: number | null) => string;
  /** What stands for a cost where a part has no price. */
  readonly unknown: string;
}

const FOR_PEOPLE: Show = {
  key: (row, key) => {
    if (key !== 'workload') return row[key];
    return row.workload === 0 ? '(no longer kept)' : `${row.workload} ${row.workloadName}`;
  },
  hours,
  cost: (cost) => cost.toFixed(2),
  span: (ms) => formatDuration(ms < 10_000 ? Math.round(ms / 100) * 100 : Math.round(ms / 1_000) * 1_000),
  part: (ratio) => (ratio === null ? '-' : `${(ratio * 100).toFixed(1)}%`),
  unknown: '-',
};
/** Six places: a GPU for four milliseconds is still told. */
const FOR_PROGRAMS: Show = {
  key: (row, key) => (key === 'workload' && row.workload === 0 ? '' : String(row[key])),
  hours: (ms) => (ms / HOUR_MS).toFixed(6),
  cost: (cost) => cost.toFixed(6),
  span: (ms) => (ms / 1_000).toFixed(3),
  part: (ratio) => (ratio === null ? '' : ratio.toFixed(6)),
  unknown: '',
};

/** GPU hours: `12.50`, `0.003`. */
function hours(ms: number): string {
  const count = ms / HOUR_MS;
  return count !== 0 && count < 0.1 ? count.toFixed(4) : count.toFixed(2);
}

/** Null from = the first that is known; null to = now. */
function rangeOf(
  { since, until, month }: Options,
  nowMs: number,
): { readonly fromMs: number | null; readonly toMs: number | null } {
  if (month !== undefined) {
    const whole = monthOf(month);
    if (whole === null) throw usageError(`--month "${month}" is no month such as 2026-11`);
    return whole;
  }
  const first = since ?? '30d';
  const fromMs = first === 'all' ? null : (monthOf(first)?.fromMs ?? dayMs('--since', first, nowMs));
  const toMs = until === undefined ? null : (monthOf(until)?.toMs ?? dayMs('--until', until, nowMs));
  return { fromMs, toMs };
}

/** Its first and its last moment; null = it is none. */
function monthOf(word: string): { readonly fromMs: number; readonly toMs: number } | null {
  const [, year, month] = /^(\d{4})-(\d{2})$/.exec(word) ?? [];
  if (year === undefined || Number(month) < 1 || Number(month) > 12) return null;
  return { fromMs: Date.UTC(Number(year), Number(month) - 1), toMs: Date.UTC(Number(year), Number(month)) - 1 };
}

function dayMs(flag: string, word: string, nowMs: number): number {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(word) ? Date.parse(`${word}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(date)) return date;
  const span = parseDurationMs(word);
  if (span === null) {
    throw usageError(
      `${flag} "${word}" is neither a day such as 2026-11-01, nor a month such as 2026-11, nor a span such as 7d`,
    );
  }
  return Math.max(0, nowMs - span);
}

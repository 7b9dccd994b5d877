// `sluice logs X`: what tasks of a workload printed, or print.
import { parseDurationMs, toTimestamp } from '../../common/units.js';
import type { ReadLogsRequest } from '../../proto/gen/sluice/v1/ReadLogsRequest.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import { CliError, EXIT, usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { LogPosition } from '../log-position.js';
import { printBothLogs, printLog } from '../log-printing.js';
import { workloadSelector } from '../resources.js';
import { acceptOtherNames } from '../submission.js';
import { mostTasks } from '../workload-requests.js';

/** How many tasks are read at once: each is a stream of its own. */
export const MAX_TASKS_AT_ONCE = 64;

/** The most that a whole number of the API holds. */
const MAX_COUNT = 2 ** 31 - 1;

interface Options {
  readonly follow?: boolean;
  readonly task: string;
  readonly tail?: string;
  readonly since?: string;
  readonly previous?: boolean;
  readonly attempt?: string;
  readonly grep?: string;
  readonly timestamps?: boolean;
  readonly prefix?: boolean;
  readonly position?: string;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Prints the log of tasks: standard output and standard error, in the order in which they were written, of the\n' +
        'present attempt or the last one. Of work that has them apart (--separate-stderr) both, in the order in which they\n' +
        'were written to half a second.',
    )
    .usage('WORKLOAD [FLAGS]')
    .argument('<workload>', 'a number, a name, or "last"')
    .option('-f, --follow', 'go on until the workload ends, over restarts')
    .option('--task <n>', 'which tasks, from 0: "3", "0-7,12" or "all"; several are told apart by a prefix', '0')
    .option('--tail <lines>', 'only the last so many lines')
    .option('--since <when>', 'only what was written since: a span such as 10m, or 2026-11-23T08:00Z')
    .option('--grep <pattern>', 'only lines in which this regular expression is found')
    .option('--timestamps', 'say when each line was written, to half a second')
    .option('--prefix', 'say of each line which task wrote it, also of one task')
    .option('--stdout', 'only standard output, of work that was submitted with --separate-stderr')
    .option('--stderr', 'only standard error, of such work')
    .option('-p, --previous', 'the attempt before this one')
    .option('--attempt <n>', 'that attempt, from 1')
    .option('--position <file>', 'go on where the last reading with this file ended, and keep the place in it')
    .addHelpText(
      'after',
      `
Examples:
  sluice logs -f llm-sft                      task 0, to the end of the workload
  sluice logs -f llm-sft --task all --grep 'loss|error'
  sluice logs llm-sft --since 10m --timestamps
  sluice logs llm-sft -p --tail 50            how the attempt before this one ended`,
    )
    .action((name: string, options: Options) => logs(invocation, name, options));
  acceptOtherNames(command);
};

async function logs(invocation: Invocation, name: string, options: Options): Promise<void> {
  const wanted = parseTasks(options.task);
  const request = requestOf(options, invocation.nowMs);
  const pattern = options.grep === undefined ? null : patternOf(options.grep);
  const api = await invocation.client();
  // By number: the name may mean a newer workload after a reconnect.
  const workload = await api.getWorkload(await workloadSelector(api, name));
  const tasks = tasksOf(workload, wanted);
  if (options.position !== undefined && tasks.length > 1) {
    throw usageError(`--position keeps the place in one log, and these are ${tasks.length}`, 'Read one with --task N.');
  }
  const isBoth = workload.spec?.separateStderr === true && request.stream === undefined;
  if (options.position !== undefined && isBoth) {
    throw usageError('--position keeps the place in one log, and these are two', 'Add --stdout or --stderr.');
  }
  const shown = { timestamps: options.timestamps === true, pattern };
  const bare = tasks.length === 1 && options.prefix !== true && !shown.timestamps && pattern === null;
  const prefixed = tasks.length > 1 || options.prefix === true;
  await Promise.all(
    tasks.map(async (task) => {
      const style = bare ? null : { ...shown, prefix: prefixed ? prefixOf(task, tasks) : '' };
      const whole = { ...request, workload: String(workload.number), task };
      if (isBoth) {
        const lines = { ...shown, prefix: prefixed ? prefixOf(task, tasks) : '' };
        await telling(invocation, lines.prefix, tasks.length === 1, () => printBothLogs(invocation, api, whole, lines));
        return;
      }
      const position = options.position === undefined ? null : await LogPosition.open(options.position, whole);
      const printing = { style, ...(position === null ? {} : { onPrinted: position.keep }) };
      await telling(invocation, style?.prefix ?? '', tasks.length === 1, () =>
        printLog(invocation, api, { ...whole, ...position?.resume }, printing),
      );
    }),
  );
}

/** Of several tasks one whose log cannot be read is told and the others go on. */
async function telling(
  invocation: Invocation,
  prefix: string,
  isOnly: boolean,
  print: () => Promise<void>,
): Promise<void> {
  try {
    await print();
  } catch (error) {
    if (isOnly || !(error instanceof Error)) throw error;
    invocation.note(`${prefix}${error.message}`);
    invocation.exitCode = EXIT.failed;
  }
}

/** `[3] `, as wide as the widest. */
function prefixOf(task: number, tasks: readonly number[]): string {
  const width = String(Math.max(...tasks)).length;
  return `[${String(task).padStart(width)}] `;
}

function requestOf(options: Options, nowMs: number): ReadLogsRequest {
  const tailLines = options.tail === undefined ? 0 : wholeNumber('--tail', options.tail);
  const attempt = options.attempt === undefined ? 0 : wholeNumber('--attempt', options.attempt);
  if (options.attempt !== undefined && attempt === 0) throw usageError('--attempt 0 is none', 'Attempts count from 1.');
  if (options.stdout === true && options.stderr === true) {
    throw usageError('--stdout and --stderr say two things', 'Without either both are printed.');
  }
  if (attempt > 0 && options.previous === true) throw usageError('--attempt and --previous say two things');
  return {
    follow: options.follow === true,
    ...(options.stdout === true ? { stream: 'LOG_STREAM_STDOUT' as const } : {}),
    ...(options.stderr === true ? { stream: 'LOG_STREAM_STDERR' as const } : {}),
    tailLines,
    attempt,
    previous: options.previous === true,
    since: options.since === undefined ? null : toTimestamp(timeOf(options.since, nowMs)),
  };
}

/** @returns ms since 1970 */
function timeOf(text: string, nowMs: number): number {
  const spanMs = parseDurationMs(text);
  if (spanMs !== null) return nowMs - spanMs;
  const timeMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs)) {
    throw usageError(
      `--since ${text} is no time`,
      'Write a span such as 10m or 2h, or a time such as 2026-11-23T08:00Z.',
    );
  }
  return timeMs;
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw usageError(`--grep ${text} is no regular expression: ${(error as Error).message}`);
  }
}

/** @returns null = all */
function parseTasks(text: string): readonly number[] | null {
  if (text === 'all') return null;
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (first === undefined) throw usageError(`--task ${text} is no whole number, list or range of them, or "all"`);
    const from = Number(first);
    const to = Number(last);
    if (to < from) throw usageError(`--task ${part}: ${to} is less than ${from}`);
    if (to - from >= MAX_TASKS_AT_ONCE) throw tooMany(to - from + 1);
    for (let task = from; task <= to; task += 1) numbers.add(task);
  }
  if (numbers.size > MAX_TASKS_AT_ONCE) throw tooMany(numbers.size);
  return [...numbers].toSorted((a, b) => a - b);
}

function tasksOf({ spec }: Workload__Output, wanted: readonly number[] | null): readonly number[] {
  if (wanted !== null) return wanted;
  const count = mostTasks(spec);
  if (count > MAX_TASKS_AT_ONCE) throw tooMany(count);
  return Array.from({ length: count }, (_, task) => task);
}

function tooMany(count: number): CliError {
  return usageError(
    `these are ${count} tasks, and at most ${MAX_TASKS_AT_ONCE} are read at once`,
    `Choose some: --task 0-${MAX_TASKS_AT_ONCE - 1}`,
  );
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usageError(`${flag} ${text} is no whole number`);
  if (Number(text) > MAX_COUNT) throw usageError(`${flag} ${text} is more than ${MAX_COUNT}`);
  return Number(text);
}

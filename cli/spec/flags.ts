// The flags that say what to run and with what, as `run` and `plan` have them: flags → an API spec, or one error in the
// words of the flags. Pure; nothing is sent.
import type { Command } from 'commander';
import { parseDurationMs, toDuration } from '../../common/units.js';
import type { RetryPolicy } from '../../proto/gen/sluice/v1/RetryPolicy.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { isApiError, usageError } from '../failure.js';
import { NAME_A_QUEUE } from '../submission.js';
import { parseGpuRequest } from './gpu-request.js';
import {
  parseArray,
  parseBackoff,
  parseCpuMilli,
  parseDependencies,
  parseLabels,
  parseMemoryMib,
  parseMig,
  parseNumbers,
  parseSignal,
  parseTasks,
  parseTimeLimitMs,
  parseTopology,
  TOPOLOGY_WORDS,
  type TaskCounts,
} from './quantities.js';
import { LAUNCHER_CHOICE, launcherOf } from './launcher.js';
import { NOTIFY_WORDS, parseMailTypes, parseNotify, toNotifyRule, withScheme } from './notify.js';
import { ON_DISCONNECT } from './on-disconnect.js';
import { conflictsIn, toResources, type ResourceParts } from './resources.js';

/** The flags as commander hands them over. */
export interface SpecOptions {
  readonly gpus?: string;
  readonly gpuMemory?: string;
  readonly mig?: string;
  readonly minGpuMemory?: string;
  readonly minDriver?: string;
  readonly cpus?: string;
  readonly memory?: string;
  readonly tasks?: string;
  readonly topology?: string;
  readonly queue?: string;
  readonly name?: string;
  readonly pool?: string;
  readonly constraint?: string;
  readonly nodelist?: string;
  readonly priority?: string;
  readonly time?: string;
  readonly retries?: string;
  readonly retryBackoff?: string;
  readonly retryOn?: string;
  readonly retryNeverOn?: string;
  readonly after?: string;
  readonly array?: string;
  readonly grace?: string;
  readonly launcher?: string;
  readonly signal?: string;
  readonly onDisconnect?: string;
  readonly preempt: boolean;
  readonly kind?: string;
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly separateStderr?: boolean;
  readonly checkpointDir?: string;
  readonly notify?: readonly string[];
  readonly mailType?: string;
  readonly mailUser?: string;
}

/** Gives a command the flags that say what to run and with what. */
export function withSpecFlags(command: Command): Command {
  return command
    .option(
      '-G, --gpus <[model:]n>',
      'GPUs for each task: 2, h100:2, a share 0.5, shares 4x0.5, h100|a100:2; default none',
    )
    .option('--gpu-memory <size>', 'only so much memory of each GPU, for example 20GiB, instead of all of it')
    .option('--mig <profile[:n]>', 'MIG instances for each task, for example 3g.20gb or 1g.5gb:2')
    .option('--min-gpu-memory <size>', 'only GPUs with at least so much memory')
    .option('--min-driver <version>', 'only nodes with at least this driver, for example 535.104')
    .option('-c, --cpus <n>', 'CPU cores for each task, for example 4 or 0.5')
    .option('--memory <size>', 'main memory for each task, for example 32GiB')
    .option(
      '-n, --tasks <n>',
      'tasks, which start all together or not at all; 2-8 = at least 2, up to 8 when there is room',
      '1',
    )
    .option(
      '--topology <rule>',
      `required=LEVEL or preferred=LEVEL for all tasks; levels: ${TOPOLOGY_WORDS.join(', ')}`,
    )
    .option('-A, --queue <name>', 'queue to charge (SLUICE_QUEUE)')
    .option('-J, --name <name>', 'name; default one made from the kind')
    .option('-p, --pool <name>', 'only nodes of this pool')
    .option('-C, --constraint <label=value>', 'only nodes with this label; several: a=1,b=2')
    .option('-w, --nodelist <names>', 'only these nodes, for example n1,n2')
    .option('-q, --priority <n>', 'higher goes first inside the queue; default 50')
    .option(
      '-t, --time <limit>',
      'how long it may run: 90 (minutes), 2:00:00, 1-12 (days-hours), or 90s, 2h; default no limit',
    )
    .option('--retries <n>', 'how often it is tried again when its program fails; default never')
    .option(
      '--retry-backoff <time>',
      'pause before the first retry, doubling each time: 10s, or up to a longest: 10s..10m',
    )
    .option('--retry-on <codes>', 'tried again only after these exit codes, for example 75,76')
    .option('--retry-never-on <codes>', 'not tried again after these exit codes')
    .option('--after <numbers>', 'waits until these workloads succeeded: 1040,1041; or ended:1040, failed:…, started:…')
    .option('-a, --array <first-last>', 'so many equal workloads: 0-99, at most ten at once: 0-99%10')
    .option('--grace <time>', 'from the stop signal to the kill, for example 30s or 2m')
    .option('--launcher <how>', 'processes of tasks that work together: none, torchrun or per_gpu (one for each GPU)')
    .option(
      '--signal <name[@time]>',
      'a signal ahead of the stop signal: USR1@120 (seconds) or USR1@2m; a minute ahead without a time',
    )
    .option('--on-disconnect <class>', 'what becomes of it when its node loses contact: stop, linger or keep')
    .option('--no-preempt', 'never loses its GPUs to others; stays within the guarantee of the queue')
    .option('--kind <kind>', 'batch, train, test, service or interactive; default batch')
    .option('--env <name=value>', 'environment variable; again for more', collect)
    .option('--workdir <folder>', 'absolute folder on the node to start in')
    .option('--separate-stderr', 'standard error in a log of its own, not in one with standard output')
    .option('--checkpoint-dir <folder>', 'absolute folder for checkpoints, on storage that every node sees')
    .option(
      '--notify <events=to>',
      'tell https://… or an address of start, end, fail, requeue: end,fail=ada@example.org; again for more',
      collect,
    )
    .option('--mail-type <types>', 'the same as in Slurm: BEGIN,END,FAIL,REQUEUE or ALL; with --mail-user')
    .option('--mail-user <address>', 'who is written to');
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Flags → spec. @throws CliError (exit 2) */
export function toSpec(argv: readonly string[], options: SpecOptions, contextQueue: string | null): WorkloadSpec {
  if (argv.length === 0) {
    throw usageError('no command to run', 'Write it after "--": sluice run -G 1 -- python train.py');
  }
  const queue = options.queue ?? contextQueue;
  if (queue === null) throw usageError('no queue to charge', NAME_A_QUEUE);
  const { least, most } = tasksOf(options.tasks ?? '1');
  const graceMs = read('--grace', options.grace, parseDurationMs, 'time', 'Write 30s, 2m or 1h30m.');
  const signal = read(
    '--signal',
    options.signal,
    parseSignal,
    'signal that can be sent ahead',
    'Write USR1@120, or USR2@5m; there are HUP, INT, QUIT, USR1 and USR2.',
  );
  return {
    name: options.name ?? '',
    kind: kindOf(options.kind ?? 'batch'),
    queue,
    ...(options.priority === undefined ? {} : { priority: wholeNumber('-q', options.priority) }),
    ...(options.preempt ? {} : { preemptible: false }),
    tasks: least,
    ...(most > least ? { maxTasks: most } : {}),
    resources: toResources(partsOf(options)),
    ...rulesOf(options),
    command: { argv: [...argv] },
    environment: (options.env ?? []).map(toVariable),
    workingDirectory: options.workdir ?? '',
    ...(options.separateStderr === true ? { separateStderr: true } : {}),
    ...(options.launcher === undefined ? {} : { launcher: launcherWord(options.launcher) }),
    ...(options.onDisconnect === undefined ? {} : { onDisconnect: onDisconnectOf(options.onDisconnect) }),
    ...notifyOf(options),
    ...(graceMs === undefined && signal === undefined && options.checkpointDir === undefined
      ? {}
      : {
          checkpoint: {
            grace: toDuration(graceMs ?? null),
            directory: options.checkpointDir ?? '',
            ...(signal === undefined
              ? {}
              : { earlySignal: { signal: signal.signal, ahead: toDuration(signal.aheadMs) } }),
          },
        }),
  };
}

function launcherWord(word: string): WorkloadSpec['launcher'] {
  const launcher = launcherOf(word);
  if (launcher === undefined) throw usageError(`--launcher ${word}: must be ${LAUNCHER_CHOICE}`);
  return launcher;
}

function notifyOf({ notify = [], mailType, mailUser }: SpecOptions): Pick<WorkloadSpec, 'notify'> {
  const rules = notify.map((text) => {
    const rule = parseNotify(text);
    if (rule !== null) return rule;
    throw usageError(
      `--notify ${text} is no rule`,
      `Write EVENTS=TO, such as end,fail=ada@example.org; events: ${NOTIFY_WORDS.join(', ')}`,
    );
  });
  if (mailType !== undefined || mailUser !== undefined) {
    if (mailType === undefined || mailUser === undefined) throw usageError('--mail-type and --mail-user go together');
    const on = parseMailTypes(mailType);
    if (on === null) throw usageError(`--mail-type ${mailType}: must be of BEGIN, END, FAIL, REQUEUE, ALL, NONE`);
    if (on.length > 0) rules.push(toNotifyRule(on, withScheme(mailUser)));
  }
  return rules.length === 0 ? {} : { notify: rules };
}

function onDisconnectOf(word: string): WorkloadSpec['onDisconnect'] {
  if (word === 'stop' || word === 'linger' || word === 'keep') return ON_DISCONNECT[word];
  throw usageError(`--on-disconnect ${word}: must be stop, linger or keep`);
}

const SIZES = 'Write 20GiB, 512M or 1.5T; a bare number is MiB.';

function partsOf(options: SpecOptions): ResourceParts {
  const parts: ResourceParts = {
    gpu: read(
      '-G',
      options.gpus,
      parseGpuRequest,
      'number of GPUs',
      'Write 2, or a model and a number: h100:2; a share: 0.5',
    ),
    gpuMemoryMib: read('--gpu-memory', options.gpuMemory, parseMemoryMib, 'amount of memory', SIZES),
    mig: read('--mig', options.mig, parseMig, 'MIG profile', 'Write 3g.20gb, or with a number: 3g.20gb:2'),
    cpuMilli: read('-c', options.cpus, parseCpuMilli, 'number of CPUs', 'Write 4, 0.5 or 500m.'),
    memoryMib: read('--memory', options.memory, parseMemoryMib, 'amount of memory', SIZES),
    pool: options.pool,
    minGpuMemoryMib: read('--min-gpu-memory', options.minGpuMemory, parseMemoryMib, 'amount of memory', SIZES),
    minDriver: options.minDriver,
    labels: read('-C', options.constraint, parseLabels, 'label', 'Write LABEL=VALUE, or several: a=1,b=2'),
    nodes: options.nodelist?.split(',').map((name) => name.trim()),
  };
  const [conflict] = conflictsIn(parts);
  if (conflict === undefined) return parts;
  throw usageError(
    `${{ mig: '--mig', models: '-G', minGpuMemoryMib: '--min-gpu-memory' }[conflict.part]} ${conflict.why}`,
  );
}

/** What the flags say beside the resources. */
function rulesOf(
  options: SpecOptions,
): Pick<WorkloadSpec, 'topology' | 'timeLimit' | 'retry' | 'dependencies' | 'array'> {
  const topology = read(
    '--topology',
    options.topology,
    parseTopology,
    'rule',
    `Write required=LEVEL or preferred=LEVEL; levels: ${TOPOLOGY_WORDS.join(', ')}`,
  );
  const timeLimitMs = read(
    '-t',
    options.time,
    parseTimeLimitMs,
    'time limit',
    'Write minutes (90), 2:00:00, days-hours (1-12), or 90s, 2h; 0 = no limit.',
  );
  const dependencies = read(
    '--after',
    options.after,
    parseDependencies,
    'list of workloads',
    'Write their numbers: 1040,1041; or CONDITION:NUMBER with succeeded, ended, failed or started.',
  );
  const array = read(
    '-a',
    options.array,
    parseArray,
    'array',
    'Write its first and last index: 0-99; at most ten at once: 0-99%10',
  );
  const retry = retryOf(options);
  return {
    ...(topology === undefined ? {} : { topology }),
    ...(timeLimitMs === undefined || timeLimitMs === 0 ? {} : { timeLimit: toDuration(timeLimitMs) }),
    ...(retry === null ? {} : { retry }),
    ...(dependencies === undefined ? {} : { dependencies: [...dependencies] }),
    ...(array === undefined ? {} : { array }),
  };
}

function retryOf({ retries, retryBackoff, retryOn, retryNeverOn }: SpecOptions): RetryPolicy | null {
  const backoff = read(
    '--retry-backoff',
    retryBackoff,
    parseBackoff,
    'pause',
    'Write 10s, or up to a longest: 10s..10m',
  );
  const codes = read('--retry-on', retryOn, parseNumbers, 'list of exit codes', 'Write 75, or several: 75,76');
  const neverCodes = read(
    '--retry-never-on',
    retryNeverOn,
    parseNumbers,
    'list of exit codes',
    'Write 75, or several: 75,76',
  );
  if (retries === undefined) {
    const alone = backoff ?? codes ?? neverCodes;
    if (alone === undefined) return null;
    throw usageError('it is not said how often to try again', 'Say it with --retries N.');
  }
  return {
    max: wholeNumber('--retries', retries),
    ...(backoff === undefined
      ? {}
      : { backoff: toDuration(backoff.firstMs), maxBackoff: toDuration(backoff.longestMs) }),
    ...(codes === undefined ? {} : { codes: [...codes] }),
    ...(neverCodes === undefined ? {} : { neverCodes: [...neverCodes] }),
  };
}

/** Reads the value of a flag; undefined = it was not given. @throws CliError (exit 2) when it cannot be read */
function read<T>(
  flag: string,
  text: string | undefined,
  parse: (text: string) => T | null,
  what: string,
  hint: string,
): T | undefined {
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value === null) throw usageError(`${flag} ${text} is no ${what}`, hint);
  return value;
}

/** The API takes 0 for "not said"; somebody who writes it wants something else. */
function tasksOf(text: string): TaskCounts {
  const counts = parseTasks(text);
  if (counts === null)
    throw usageError(`-n ${text} is no whole number`, 'Write 4, or at least and at most so many: 2-8');
  if (counts.least < 1) throw usageError(`-n ${text}: a workload has at least 1 task`);
  if (counts.most < counts.least)
    throw usageError(`-n ${text}: at most ${counts.most} is less than at least ${counts.least}`);
  return counts;
}

function wholeNumber(flag: string, text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw usageError(`${flag} ${text} is no whole number`);
  return Number(text);
}

function toVariable(text: string): { readonly name: string; readonly value: string } {
  const equals = text.indexOf('=');
  if (equals <= 0) throw usageError(`--env ${text} is no NAME=VALUE`);
  return { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

function kindOf(word: string): NonNullable<WorkloadSpec['kind']> {
  switch (word) {
    case 'batch':
      return 'WORKLOAD_KIND_BATCH';
    case 'train':
      return 'WORKLOAD_KIND_TRAIN';
    case 'test':
      return 'WORKLOAD_KIND_TEST';
    case 'service':
      return 'WORKLOAD_KIND_SERVICE';
    case 'interactive':
      return 'WORKLOAD_KIND_INTERACTIVE';
    default:
      throw usageError(`unknown kind "${word}"`, 'Known: batch, train, test, service, interactive.');
  }
}

/** Which flag says which field of a spec. */
const FLAGS_OF_FIELDS: Readonly<Record<string, string>> = {
  name: '-J',
  queue: '-A',
  priority: '-q',
  tasks: '-n',
  max_tasks: '-n',
  resources: '-G',
  'resources.pool': '-p',
  'resources.gpu_memory_mib': '--gpu-memory',
  'resources.mig_profile': '--mig',
  'resources.cpu_milli': '-c',
  'resources.memory_mib': '--memory',
  'resources.min_gpu_memory_mib': '--min-gpu-memory',
  'resources.min_driver': '--min-driver',
  'resources.node_labels': '-C',
  'resources.nodes': '-w',
  topology: '--topology',
  time_limit: '-t',
  'retry.max': '--retries',
  'retry.backoff': '--retry-backoff',
  'retry.max_backoff': '--retry-backoff',
  'retry.codes': '--retry-on',
  'retry.never_codes': '--retry-never-on',
  dependencies: '--after',
  array: '-a',
  command: 'the command',
  launcher: '--launcher',
  on_disconnect: '--on-disconnect',
  notify: '--notify',
  environment: '--env',
  working_directory: '--workdir',
  checkpoint: '--checkpoint-dir',
  'checkpoint.grace': '--grace',
  'checkpoint.early_signal': '--signal',
};

/** What the scheduler found wrong, by the flags that said it; as it was when a complaint belongs to none. */
export function mappedToFlags(error: unknown): unknown {
  if (!isApiError(error) || error.fields.length === 0) return error;
  const lines = error.fields.map(({ field, description }) => {
    const [top = '', below = ''] = field
      .replace(/^specs\[0\]\./, '')
      .replaceAll(/\[.*?\]/g, '')
      .split('.');
    const flag = FLAGS_OF_FIELDS[`${top}.${below}`] ?? FLAGS_OF_FIELDS[top];
    return flag === undefined ? null : `${flag}: ${description}`;
  });
  const [first, ...rest] = lines.filter((line) => line !== null);
  return first === undefined || lines.includes(null) ? error : usageError(first, ...rest);
}

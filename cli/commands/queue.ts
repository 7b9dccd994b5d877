// `sluice queue create|update|delete`: the tree of tenants. To look at it: `get queues`, `describe queue`.
import type { Command } from 'commander';
import { parseDurationMs, toDuration } from '../../common/units.js';
import type { QueueScope } from '../../proto/gen/sluice/v1/QueueScope.js';
import type { IdleGpuPolicy } from '../../proto/gen/sluice/v1/IdleGpuPolicy.js';
import type { QueueSpec } from '../../proto/gen/sluice/v1/QueueSpec.js';
import type { ShapeGuarantee } from '../../proto/gen/sluice/v1/ShapeGuarantee.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';

import { selectorOf } from '../resources.js';
import { BUDGET_WORDS, parseBudget } from '../spec/budget.js';
import { parseCpuMilli, parseLevel, parseMemoryMib, TOPOLOGY_WORDS } from '../spec/quantities.js';

/** The flags of a queue's figures. */
export interface Figures {
  readonly guarantee?: string;
  readonly limit?: string;
  readonly weight?: string;
  readonly priority?: string;
  readonly guaranteeCpus?: string;
  readonly limitCpus?: string;
  readonly guaranteeMemory?: string;
  readonly limitMemory?: string;
  readonly userLimit?: string;
  readonly scope?: readonly string[];
  readonly shape?: readonly string[];
  readonly reclaimMinRuntime?: string;
  readonly preemptMinRuntime?: string;
  readonly maxGrace?: string;
  readonly lendMaxMinRuntime?: string;
  readonly lendMaxGrace?: string;
  readonly idleLimit?: string;
  readonly budget?: string;
  readonly idleGpus?: string;
}

interface CreateOptions extends Figures {
  readonly parent?: string;
  readonly validateOnly?: boolean;
}

const EXAMPLES = `
Examples:
  sluice queue create research --guarantee 8
  sluice queue create vision --parent research --guarantee 4 --weight 2
  sluice queue update vision --limit 6
  sluice queue update vision --limit none
  sluice queue update vision --scope pool=big,model=h100,guarantee=2 --scope model=a100,limit=4
  sluice queue update research --shape 1x8,model=h100,level=node --user-limit 4
  sluice queue update research --budget 5000,per=month,then=stop-borrowing,tell=lead@example.org
  sluice queue update research --budget 20000,of=cost,from=2026-10-01,to=2027-03-31,warn=50,warn=80,warn=100
  sluice queue update research --lend-max-grace 1m --lend-max-min-runtime 5m
  sluice queue delete vision`;

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Creates, updates and deletes queues. To look at them: sluice get queues')
    .usage('VERB NAME [FLAGS]')
    .addHelpText('after', EXAMPLES);
  withFigures(command.command('create').usage('NAME [FLAGS]').description('Creates a queue.'))
    .argument('<name>', 'of a-z, 0-9 and "-"')
    .option('--parent <queue>', 'the queue it lies under; default top level')
    .option('--validate-only', 'only check; nothing is created')
    .action((name: string, options: CreateOptions) => create(invocation, name, options));
  withFigures(
    command.command('update').usage('NAME FLAGS').description('Changes the figures that are given, and no others.'),
  )
    .argument('<name>', 'an existing queue')
    .option('--validate-only', 'only check; nothing is changed')
    .action((name: string, options: CreateOptions) => update(invocation, name, options));
  command
    .command('delete')
    .usage('NAME…')
    .description('Deletes queues that have no children and no unfinished workloads.')
    .argument('<name...>', 'existing queues')
    .action((names: readonly string[]) => remove(invocation, names));
};

/** Gives a command the flags of a queue's figures. */
export function withFigures(command: Command): Command {
  return command
    .option('--guarantee <gpus>', 'GPUs it gets back on demand, for example 8 or 0.5; default 0')
    .option('--limit <gpus>', 'the most GPUs it may hold, or "none"; default none')
    .option('--weight <number>', 'its share of what is left over; default 1, 0 = only its guarantee')
    .option('--priority <number>', 'higher is served first from what is left over; default 100')
    .option('--guarantee-cpus <n>', 'CPU cores it gets back on demand; default "none": as many as there are')
    .option('--limit-cpus <n>', 'the most CPU cores it may hold, or "none"; default none')
    .option('--guarantee-memory <size>', 'memory it gets back on demand; default "none": as much as there is')
    .option('--limit-memory <size>', 'the most memory it may hold, or "none"; default none')
    .option('--user-limit <gpus>', 'the most GPUs one user may hold in it, or "none"; default none')
    .option(
      '--scope <part>',
      'guarantee and limit for a part of the cluster: pool=big,model=h100,guarantee=8,limit=16; again for more parts; ' +
        'in update these replace all, "none" takes all away',
      collect,
    )
    .option(
      '--shape <shape>',
      'guaranteed GPUs that lie together: 4x8,model=h100,level=node = four times eight; again for more shapes; ' +
        'in update these replace all, "none" takes all away',
      collect,
    )
    .option(
      '--reclaim-min-runtime <time>',
      'its work runs so long before other queues take GPUs back; "none": as above it',
    )
    .option('--preempt-min-runtime <time>', 'its work runs so long before its own displaces it; "none": as above it')
    .option('--max-grace <time>', 'the longest grace of what it runs on borrowed GPUs; "none": as above it')
    .option(
      '--lend-max-min-runtime <time>',
      'when it takes back what it is guaranteed: the longest min-runtime of those who borrowed it; "none": as above it',
    )
    .option(
      '--lend-max-grace <time>',
      'when it takes back what it is guaranteed: the longest grace of those who borrowed it; "none": as above it',
    )
    .option('--idle-limit <time>', 'its interactive work ends when unused for so long; "none": as above it')
    .option(
      '--budget <budget>',
      'what it, with all below it, may use: AMOUNT,per=month|quarter|year or AMOUNT,from=DAY,to=DAY; of=gpu-hours|cost, ' +
        'warn=PERCENT again and again, then=warn|stop-borrowing|end-borrowed, tell=TO again and again; or "none"',
    )
    .option(
      '--idle-gpus <policy>',
      'its other work, when its GPUs are idle: warn=2h; reclaim=3h (warned 15 minutes before) or warn=2h,reclaim=3h; ' +
        '"off": nothing; "none": as above it',
    );
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

async function create(invocation: Invocation, word: string, options: CreateOptions): Promise<void> {
  const name = selectorOf('queue', word);
  const spec: QueueSpec = { name, parent: options.parent ?? '', ...figuresOf(options) };
  const validateOnly = options.validateOnly === true;
  const { warnings } = await (await invocation.client()).createQueue({ queue: spec, validateOnly });
  warn(invocation, warnings);
  invocation.out(validateOnly ? `queue/${name} valid, nothing created` : `queue/${name} created`);
}

async function update(invocation: Invocation, word: string, options: CreateOptions): Promise<void> {
  const name = selectorOf('queue', word);
  const paths = pathsOf(options);
  if (paths.length === 0)
    throw usageError('nothing to change', 'Give --guarantee, --limit, --weight or another flag: see --help.');
  const validateOnly = options.validateOnly === true;
  const queue: QueueSpec = { name, ...figuresOf(options) };
  const { warnings } = await (await invocation.client()).updateQueue({ queue, updateMask: { paths }, validateOnly });
  warn(invocation, warnings);
  invocation.out(validateOnly ? `queue/${name} valid, nothing updated` : `queue/${name} updated`);
}

async function remove(invocation: Invocation, words: readonly string[]): Promise<void> {
  const api = await invocation.client();
  // One after the other, so that children named before their parent are gone when it is its turn.
  for (const word of words) {
    const name = selectorOf('queue', word);
    await api.deleteQueue(name);
    invocation.out(`queue/${name} deleted`);
  }
}

/** One flag: the field it is about, and how its text becomes a value. */
interface FigureFlag {
  readonly flag: string;
  readonly path: string;
  /** Whether "none" takes the value away: a mask that names a field and no value does that. */
  readonly mayBeNone: boolean;
  /** Null = it cannot be read. */
  readonly read: (text: string) => Partial<QueueSpec> | null;
  /** Completes `--limit x is no …`. */
  readonly what: string;
}

type SingleFlag = Exclude<keyof Figures, 'scope' | 'shape'>;

const GPUS_WORDS = 'number of GPUs such as 8 or 0.5';
const CPUS_WORDS = 'number of CPUs such as 64 or 0.5';
const MEMORY_WORDS = 'amount of memory such as 512GiB';
const TIME_WORDS = 'time such as 90s, 15m or 1h';

/** Makes a reader of one field from a reader of texts. */
function figure<T>(parse: (text: string) => T | null, toSpec: (value: T) => Partial<QueueSpec>): FigureFlag['read'] {
  return (text) => {
    const value = parse(text);
    return value === null ? null : toSpec(value);
  };
}

const FIGURES: Readonly<Record<SingleFlag, FigureFlag>> = {
  guarantee: {
    flag: '--guarantee',
    path: 'guarantee_gpus',
    mayBeNone: false,
    read: figure(parseGpus, (guaranteeGpus) => ({ guaranteeGpus })),
    what: GPUS_WORDS,
  },
  limit: {
    flag: '--limit',
    path: 'limit_gpus',
    mayBeNone: true,
    read: figure(parseGpus, (limitGpus) => ({ limitGpus })),
    what: GPUS_WORDS,
  },
  weight: {
    flag: '--weight',
    path: 'weight',
    mayBeNone: false,
    read: figure(parseWeight, (weight) => ({ weight })),
    what: 'number such as 2 or 0.5',
  },
  priority: {
    flag: '--priority',
    path: 'priority',
    mayBeNone: false,
    read: figure(parseWhole, (priority) => ({ priority })),
    what: 'whole number from 0 to 999999999',
  },
  guaranteeCpus: {
    flag: '--guarantee-cpus',
    path: 'guarantee_cpu_milli',
    mayBeNone: true,
    read: figure(parseCpuMilli, (guaranteeCpuMilli) => ({ guaranteeCpuMilli })),
    what: CPUS_WORDS,
  },
  limitCpus: {
    flag: '--limit-cpus',
    path: 'limit_cpu_milli',
    mayBeNone: true,
    read: figure(parseCpuMilli, (limitCpuMilli) => ({ limitCpuMilli })),
    what: CPUS_WORDS,
  },
  guaranteeMemory: {
    flag: '--guarantee-memory',
    path: 'guarantee_memory_mib',
    mayBeNone: true,
    read: figure(parseMemoryMib, (guaranteeMemoryMib) => ({ guaranteeMemoryMib })),
    what: MEMORY_WORDS,
  },
  limitMemory: {
    flag: '--limit-memory',
    path: 'limit_memory_mib',
    mayBeNone: true,
    read: figure(parseMemoryMib, (limitMemoryMib) => ({ limitMemoryMib })),
    what: MEMORY_WORDS,
  },
  userLimit: {
    flag: '--user-limit',
    path: 'user_limit_gpus',
    mayBeNone: true,
    read: figure(parseGpus, (userLimitGpus) => ({ userLimitGpus })),
    what: GPUS_WORDS,
  },
  reclaimMinRuntime: {
    flag: '--reclaim-min-runtime',
    path: 'reclaim_min_runtime',
    mayBeNone: true,
    read: figure(parseDurationMs, (ms) => ({ reclaimMinRuntime: toDuration(ms) })),
    what: TIME_WORDS,
  },
  preemptMinRuntime: {
    flag: '--preempt-min-runtime',
    path: 'preempt_min_runtime',
    mayBeNone: true,
    read: figure(parseDurationMs, (ms) => ({ preemptMinRuntime: toDuration(ms) })),
    what: TIME_WORDS,
  },
  maxGrace: {
    flag: '--max-grace',
    path: 'max_grace',
    mayBeNone: true,
    read: figure(parseDurationMs, (ms) => ({ maxGrace: toDuration(ms) })),
    what: TIME_WORDS,
  },
  lendMaxMinRuntime: {
    flag: '--lend-max-min-runtime',
    path: 'lend_max_min_runtime',
    mayBeNone: true,
    read: figure(parseDurationMs, (ms) => ({ lendMaxMinRuntime: toDuration(ms) })),
    what: TIME_WORDS,
  },
  lendMaxGrace: {
    flag: '--lend-max-grace',
    path: 'lend_max_grace',
    mayBeNone: true,
    read: figure(parseDurationMs, (ms) => ({ lendMaxGrace: toDuration(ms) })),
    what: TIME_WORDS,
  },
  idleLimit: {
    flag: '--idle-limit',
    path: 'idle_limit',
    mayBeNone: true,
    read: figure(parseDurationMs, (ms) => ({ idleLimit: toDuration(ms) })),
    what: TIME_WORDS,
  },
  budget: {
    flag: '--budget',
    path: 'budget',
    mayBeNone: true,
    read: (text) => {
      const budget = parseBudget(text);
      if (typeof budget === 'string')
        throw usageError(`--budget ${text} ${budget}`, `Write a ${BUDGET_WORDS}, or none.`);
      return { budget };
    },
    what: BUDGET_WORDS,
  },
  idleGpus: {
    flag: '--idle-gpus',
    path: 'idle_gpus',
    mayBeNone: true,
    read: figure(parseIdleGpus, (idleGpus) => ({ idleGpus })),
    what: 'policy such as warn=2h, reclaim=3h, warn=2h,reclaim=3h or off',
  },
};

/** `warn=2h,reclaim=3h` in either order, one of them, or `off`. */
function parseIdleGpus(text: string): IdleGpuPolicy | null {
  if (text === 'off') return {};
  const parts = text.split(',').map((part) => /^(warn|reclaim)=(.+)$/.exec(part));
  const times = parts.map((part) => parseDurationMs(part?.[2] ?? ''));
  const names = parts.map((part) => part?.[1]);
  if (times.includes(null) || new Set(names).size < parts.length) return null;
  const timeOf = (name: string): number | null => times[names.indexOf(name)] ?? null;
  return { warnAfter: toDuration(timeOf('warn')), reclaimAfter: toDuration(timeOf('reclaim')) };
}

/** The flags given that have one value. */
function givenFlags(options: Figures): readonly { readonly text: string; readonly one: FigureFlag }[] {
  return Object.entries(FIGURES).flatMap(([key, one]) => {
    const text = options[key as SingleFlag];
    return text === undefined ? [] : [{ text, one }];
  });
}

/** The fields of a queue that the flags given are about. */
export function pathsOf(options: Figures): string[] {
  return [
    ...givenFlags(options).map(({ one }) => one.path),
    ...(options.scope === undefined ? [] : ['scopes']),
    ...(options.shape === undefined ? [] : ['shapes']),
  ];
}

/** The figures given. @throws CliError (exit 2) */
export function figuresOf(options: Figures): Partial<QueueSpec> {
  let spec: Partial<QueueSpec> = {};
  for (const { text, one } of givenFlags(options)) {
    if (one.mayBeNone && text === 'none') continue;
    const read = one.read(text);
    if (read === null) throw usageError(`${one.flag} ${text} is no ${one.what}${one.mayBeNone ? ', nor "none"' : ''}`);
    spec = { ...spec, ...read };
  }
  return {
    ...spec,
    ...(options.scope === undefined ? {} : { scopes: listOf('--scope', options.scope, parseScope, SCOPE_HINT) }),
    ...(options.shape === undefined ? {} : { shapes: listOf('--shape', options.shape, parseShape, SHAPE_HINT) }),
  };
}

const SCOPE_HINT =
  'Write pool=NAME or model=NAME or both, and guarantee=GPUS or limit=GPUS or both, with commas between.';
const SHAPE_HINT = `Write COUNTxGPUS, and pool=NAME, model=NAME or level=LEVEL, with commas between; levels: ${TOPOLOGY_WORDS.join(', ')}`;

function listOf<T>(flag: string, texts: readonly string[], parse: (text: string) => T | null, hint: string): T[] {
  if (texts.length === 1 && texts[0] === 'none') return [];
  return texts.map((text) => {
    const value = parse(text);
    if (value === null) throw usageError(`${flag} ${text} is no ${flag.slice(2)}`, hint);
    return value;
  });
}

/** `pool=big,model=h100,guarantee=8,limit=16`. */
function parseScope(text: string): QueueScope | null {
  const words = keyed(text, ['pool', 'model', 'guarantee', 'limit']);
  if (words === null) return null;
  const guaranteeGpus = parseGpus(words['guarantee'] ?? '0');
  const limitGpus = words['limit'] === undefined || words['limit'] === 'none' ? undefined : parseGpus(words['limit']);
  const isOfNothing = words['guarantee'] === undefined && words['limit'] === undefined;
  if (guaranteeGpus === null || limitGpus === null || isOfNothing) return null;
  return {
    pool: words['pool'] ?? '',
    gpuModel: words['model'] ?? '',
    guaranteeGpus,
    ...(limitGpus === undefined ? {} : { limitGpus }),
  };
}

/** `4x8,model=h100,level=node`: four times eight GPUs of one node. */
function parseShape(text: string): ShapeGuarantee | null {
  const [first = '', ...rest] = text.split(',');
  const size = /^\s*(\d{1,6})x(\d{1,7})\s*$/.exec(first);
  const words = keyed(rest.join(','), ['pool', 'model', 'level']);
  if (size === null || words === null) return null;
  const level = parseLevel(words['level'] ?? 'node');
  if (level === null) return null;
  return {
    count: Number(size[1]),
    gpus: Number(size[2]),
    pool: words['pool'] ?? '',
    gpuModel: words['model'] ?? '',
    level,
  };
}

/** `a=1,b=2` with these keys, each at most once; null = something else. */
function keyed(text: string, keys: readonly string[]): Readonly<Record<string, string>> | null {
  const found: Record<string, string> = {};
  if (text === '') return found;
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(0, equals)).trim();
    const value = part.slice(equals + 1).trim();
    if (!keys.includes(key) || key in found || value === '') return null;
    found[key] = value;
  }
  return found;
}

function parseGpus(text: string): number | null {
  return /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : null;
}

function parseWhole(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function parseWeight(text: string): number | null {
  return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : null;
}

function warn(invocation: Invocation, warnings: readonly string[]): void {
  for (const warning of warnings) invocation.note(`warning: ${warning}`);
}

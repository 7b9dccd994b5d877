// What a workload file may say: one zod schema, whose messages complete the sentence "FIELD: …". Cross-field rules and
// positions are in parse.ts.
import { z } from 'zod';
import { parseDurationMs } from '../../common/units.js';
import { NOTIFY_WORDS } from './notify.js';
import { MAX_GPUS, parseGpuRequest, type GpuRequest } from './gpu-request.js';
import { LAUNCHER_CHOICE, LAUNCHER_WORDS } from './launcher.js';
import {
  parseArray,
  parseBackoff,
  parseCpuMilli,
  parseDependencies,
  parseLevel,
  parseMemoryMib,
  parseMig,
  parseSignal,
  parseTasks,
  parseTimeLimitMs,
  parseTopology,
  TOPOLOGY_WORDS,
  type ArrayWords,
  type TaskCounts,
  type TopologyWords,
} from './quantities.js';

/** Names of workloads, queues and pools. The API has the same rule. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ARGUMENT = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

// The API has the same limits.
const MAX_TASKS = 4_096;
const MAX_ROLES = 16;
const MAX_NOTIFY_RULES = 8;
const MAX_RETRIES = 1_000;
const MAX_ARRAY = 10_000;
const MAX_INDEX = 1_000_000_000;
const MAX_PRIORITY = 1_000_000;
const MAX_WORDS = 1_000;

const nameRule = '1 to 63 of a-z, 0-9 and "-", not at an end';

function name(what: string) {
  return z.string({ error: `must be ${what}: ${nameRule}` }).regex(NAME, { error: `must be ${what}: ${nameRule}` });
}

function wholeNumber(least: number, most: number) {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

/**
 * A value that people write in a form of their own.
 * @param parse null = it cannot be read
 */
function written<T>(parse: (text: string) => T | null, error: string) {
  return z.union([z.string(), z.number()], { error }).transform((value, context): T => {
    const read = parse(String(value));
    if (read !== null) return read;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
}

const gpuError = 'must be a number of GPUs such as 4 or 0.5, or a model and a number such as h100:4';

const gpu = z.union([z.number(), z.string()], { error: gpuError }).transform((value, context): GpuRequest => {
  const request = parseGpuRequest(String(value));
  if (request !== null) return request;
  context.addIssue({
    code: 'custom',
    message: Number(value) > MAX_GPUS ? `must be at most ${MAX_GPUS} for one task` : gpuError,
  });
  return z.NEVER;
});

const memory = written(parseMemoryMib, 'must be an amount of memory such as 32GiB or 512M');

const tasksError = `must be a whole number from 1 to ${MAX_TASKS}`;
const tasksRangeError = `${tasksError}, or at least and at most so many such as 2-8`;

const tasks = z
  .union([z.number(), z.string(), z.strictObject({ min: wholeNumber(1, MAX_TASKS), max: wholeNumber(1, MAX_TASKS) })], {
    error: tasksRangeError,
  })
  .transform((value, context): TaskCounts => {
    const counts = typeof value === 'object' ? { least: value.min, most: value.max } : parseTasks(String(value));
    if (counts !== null && counts.least >= 1 && counts.least <= counts.most && counts.most <= MAX_TASKS) return counts;
    const isRange = typeof value === 'object' || String(value).includes('-') || String(value).includes('..');
    context.addIssue({ code: 'custom', message: isRange ? tasksRangeError : tasksError });
    return z.NEVER;
  });

const levels = TOPOLOGY_WORDS.join(', ');

function level(required: boolean) {
  return written((text): TopologyWords | null => {
    const found = parseLevel(text);
    return found === null ? null : { level: found, required };
  }, `must be a level: ${levels}`);
}

const topologyError = `must be {required: LEVEL} or {preferred: LEVEL}; levels: ${levels}`;

const topology = z.union(
  [
    z.strictObject({ required: level(true) }).transform(({ required }) => required),
    z.strictObject({ preferred: level(false) }).transform(({ preferred }) => preferred),
    z.string().transform((text, context): TopologyWords => {
      const rule = parseTopology(text);
      if (rule !== null) return rule;
      context.addIssue({ code: 'custom', message: topologyError });
      return z.NEVER;
    }),
  ],
  { error: topologyError },
);

function absoluteFolder(what: string) {
  const error = `must be ${what}: an absolute path on the node`;
  return z
    .string({ error })
    .startsWith('/', { error })
    .refine((path) => !path.split('/').includes('..'), { error: 'must not contain ".."' })
    .refine((path) => !path.includes('%'), { error: 'must not contain "%": patterns are not supported yet' });
}

const duration = written(parseDurationMs, 'must be a time such as 30s, 2m or 1h30m');

const signal = written(
  parseSignal,
  'must be a signal and how long before the stop signal it comes, such as USR1@120 or USR2@5m; there are HUP, INT, QUIT, USR1 and USR2',
);

const mapping = 'must be a mapping (key: value)';

/** Values in `env`, `args` and a `run` list arrive as the text that was written: `1.10` stays `1.10`. */
const verbatim = z.string({ error: 'must be a text or a number' });

const program = 'must be a command line in one text (run by /bin/sh), or a list of words (run as they are)';

const run = z
  .union([z.string().min(1, { error: program }), z.array(verbatim).min(1, { error: program }).max(MAX_WORDS)], {
    error: program,
  })
  .optional();
const builtin = z.enum(['train', 'test', 'serve'], { error: 'must be train, test or serve' }).optional();
const args = z
  .record(z.string().regex(ARGUMENT, { error: 'must be the name of an argument, without dashes in front' }), verbatim, {
    error: mapping,
  })
  .optional();

const resources = z
  .strictObject(
    {
      gpu: gpu.optional(),
      gpu_memory: memory.optional(),
      mig: written(parseMig, 'must be a MIG profile such as 3g.20gb, or 3g.20gb:2 for two').optional(),
      cpu: written(parseCpuMilli, 'must be a number of CPUs such as 4, 0.5 or 500m').optional(),
      memory: memory.optional(),
      tasks: tasks.optional(),
      pool: name('the name of a pool').optional(),
      models: z.array(verbatim, { error: 'must be a list of GPU models, the best first' }).min(1).optional(),
      min_gpu_memory: memory.optional(),
      min_driver: verbatim
        .regex(/^\d+(\.\d+){0,3}$/, { error: 'must be the version of a driver such as 535.104' })
        .optional(),
      constraint: z.record(z.string().min(1), verbatim, { error: 'must be labels of nodes (label: value)' }).optional(),
      nodelist: z.array(verbatim, { error: 'must be a list of names of nodes' }).optional(),
    },
    { error: mapping },
  )
  .optional();

const exitCodes = z.array(wholeNumber(1, 255), { error: 'must be a list of exit codes' }).optional();

const retry = z
  .strictObject(
    {
      max: wholeNumber(1, MAX_RETRIES),
      backoff: written(parseBackoff, 'must be a pause such as 10s, or up to a longest such as 10s..10m').optional(),
      on_exit_codes: exitCodes,
      never_on_exit_codes: exitCodes,
    },
    { error: mapping },
  )
  .optional();

const afterError = 'must be the number of a workload such as 1040, or a condition and a number such as ended:1040';
const after = written(parseDependencies, afterError);

const arrayError = 'must be the first and the last index such as 0-99 or 0-99%10, or {size: 100, concurrency: 10}';
const array = z
  .union(
    [
      z.string().transform((text, context): ArrayWords => {
        const found = parseArray(text);
        if (found !== null) return found;
        context.addIssue({ code: 'custom', message: arrayError });
        return z.NEVER;
      }),
      z
        .strictObject({
          size: wholeNumber(1, MAX_ARRAY),
          concurrency: wholeNumber(0, MAX_ARRAY).optional(),
          first_index: wholeNumber(0, MAX_INDEX).optional(),
        })
        .transform(({ size, concurrency = 0, first_index: firstIndex = 0 }) => ({ size, concurrency, firstIndex })),
    ],
    { error: arrayError },
  )
  .optional();

const notifyWord = z.enum(NOTIFY_WORDS, { error: `must be ${NOTIFY_WORDS.join(', ')}` });

const notify = z
  .array(
    z.strictObject(
      {
        on: z.union([notifyWord.transform((word) => [word]), z.array(notifyWord).min(1)], {
          error: `must be a list of ${NOTIFY_WORDS.join(', ')}`,
        }),
        to: verbatim.min(1, { error: 'must be https://… or an address' }),
      },
      { error: mapping },
    ),
    { error: 'must be a list such as [{on: [end, fail], to: ada@example.org}]' },
  )
  .max(MAX_NOTIFY_RULES, { error: `must have at most ${MAX_NOTIFY_RULES} rules` })
  .optional();

const role = z.strictObject(
  { name: name('the name of a role'), resources, topology: topology.optional(), run, builtin, args },
  { error: mapping },
);

export const workloadSchema = z.strictObject(
  {
    kind: z
      .enum(['train', 'test', 'service', 'batch', 'interactive'], {
        error: 'must be train, test, service, batch or interactive',
      })
      .optional(),
    name: name('a name').optional(),
    queue: name('the name of a queue').optional(),
    priority: wholeNumber(-MAX_PRIORITY, MAX_PRIORITY).optional(),
    preemptible: z.boolean({ error: 'must be true or false' }).optional(),
    resources,
    roles: z
      .array(role, { error: 'must be a list of roles' })
      .min(1, { error: 'must have at least one role' })
      .max(MAX_ROLES, { error: `must have at most ${MAX_ROLES} roles` })
      .optional(),
    topology: topology.optional(),
    time: written(
      parseTimeLimitMs,
      'must be a time limit: minutes, 2:00:00, days-hours such as 1-12, or 90s, 2h',
    ).optional(),
    retry,
    after: z
      .union([after, z.array(after, { error: afterError }).transform((lists) => lists.flat())], { error: afterError })
      .optional(),
    array,
    run,
    builtin,
    args,
    env: z
      .record(
        z.string().regex(VARIABLE, { error: 'must be the name of a variable: A-Z, a-z, 0-9 and "_"' }),
        verbatim,
        {
          error: mapping,
        },
      )
      .optional(),
    workdir: absoluteFolder('a folder to start in').optional(),
    separate_stderr: z.boolean({ error: 'must be true or false' }).optional(),
    launcher: z.enum(LAUNCHER_WORDS, { error: `must be ${LAUNCHER_CHOICE}` }).optional(),
    on_disconnect: z.enum(['stop', 'linger', 'keep'], { error: 'must be stop, linger or keep' }).optional(),
    checkpoint: z
      .strictObject(
        { dir: absoluteFolder('a folder').optional(), grace: duration.optional(), signal: signal.optional() },
        { error: mapping },
      )
      .optional(),
    notify,
  },
  { error: 'must be a mapping (key: value)' },
);

/** A role that passed. */
export type RoleDocument = z.infer<typeof role>;

/** A document that passed. */
export type WorkloadDocument = z.infer<typeof workloadSchema>;

/** The keys allowed at a path of the document, for suggestions. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const [first, index, ...below] = path;
  if (first === undefined) return Object.keys(workloadSchema.shape);
  if (first === 'notify') return index === undefined ? [] : ['on', 'to'];
  if (first === 'roles') return index === undefined ? [] : below.length === 0 ? Object.keys(role.shape) : keysAt(below);
  switch (path.join('.')) {
    case 'resources':
      return Object.keys(resources.unwrap().shape);
    case 'resources.tasks':
      return ['min', 'max'];
    case 'checkpoint':
      return ['dir', 'grace', 'signal'];
    case 'retry':
      return Object.keys(retry.unwrap().shape);
    case 'topology':
      return ['required', 'preferred'];
    case 'array':
      return ['size', 'concurrency', 'first_index'];
    default:
      return [];
  }
}

/** Keys that people of this field expect under other names, and how it is said here. */
export const SAID_OTHERWISE: Readonly<Record<string, string>> = {
  command: 'is called run here: run: python train.py, or the words one by one: run: [python, train.py]',
  elastic: 'is said as resources: {tasks: 2-8}',
  nodes: 'is said as resources: {tasks: N}, or by name as resources: {nodelist: [...]}',
  requeue: 'is called retry here: {max: 3, on_exit_codes: [75], backoff: 30s..10m}',
  replicas: 'is said as resources: {tasks: N}',
};

/** Keys that people of this field expect and that this release does not have yet, so that the answer is not "unknown". */
export const NOT_YET: readonly string[] = [
  'image',
  'inputs',
  'labels',
  'matrix',
  'outputs',
  'scaling',
  'secrets',
  'setup',
];

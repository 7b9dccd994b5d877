// What a workload file may say: one zod schema, whose messages complete the sentence "FIELD: …". Cross-field rules and
// positions are in parse.ts.
import { z } from 'zod';
import { parseDurationMs } from '../../common/units.js';
import { MAX_GPUS, parseGpuRequest, type GpuRequest } from './gpu-request.js';

/** Names of workloads, queues and pools. The API has the same rule. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ARGUMENT = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

const MAX_TASKS = 4_096;
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

const gpuError = 'must be a number of GPUs such as 4, or a model and a number such as h100:4';

const gpu = z.union([z.number(), z.string()], { error: gpuError }).transform((value, context): GpuRequest => {
  const request = parseGpuRequest(String(value));
  if (request !== null) return request;
  context.addIssue({
    code: 'custom',
    message: Number(value) > MAX_GPUS ? `must be at most ${MAX_GPUS} for one task` : gpuError,
  });
  return { count: 0, model: '' };
});

function absoluteFolder(what: string) {
  const error = `must be ${what}: an absolute path on the node`;
  return z
    .string({ error })
    .startsWith('/', { error })
    .refine((path) => !path.split('/').includes('..'), { error: 'must not contain ".."' })
    .refine((path) => !path.includes('%'), { error: 'must not contain "%": patterns are not supported yet' });
}

const duration = z
  .union([z.string(), z.number()], { error: 'must be a time such as 30s or 2m' })
  .transform((value, context) => {
    const ms = parseDurationMs(String(value));
    if (ms !== null) return ms;
    context.addIssue({ code: 'custom', message: 'must be a time such as 30s, 2m or 1h30m' });
    return 0;
  });

const mapping = 'must be a mapping (key: value)';

/** Values in `env`, `args` and a `run` list arrive as the text that was written: `1.10` stays `1.10`. */
const written = z.string({ error: 'must be a text or a number' });

const program = 'must be a command line in one text (run by /bin/sh), or a list of words (run as they are)';

export const workloadSchema = z.strictObject(
  {
    kind: z.enum(['train', 'test', 'service', 'batch'], { error: 'must be train, test, service or batch' }).optional(),
    name: name('a name').optional(),
    queue: name('the name of a queue').optional(),
    priority: wholeNumber(-MAX_PRIORITY, MAX_PRIORITY).optional(),
    preemptible: z.boolean({ error: 'must be true or false' }).optional(),
    resources: z
      .strictObject(
        {
          gpu: gpu.optional(),
          tasks: wholeNumber(1, MAX_TASKS).optional(),
          pool: name('the name of a pool').optional(),
        },
        { error: mapping },
      )
      .optional(),
    run: z
      .union([z.string().min(1, { error: program }), z.array(written).min(1, { error: program }).max(MAX_WORDS)], {
        error: program,
      })
      .optional(),
    builtin: z.enum(['train', 'test', 'serve'], { error: 'must be train, test or serve' }).optional(),
    args: z
      .record(
        z.string().regex(ARGUMENT, { error: 'must be the name of an argument, without dashes in front' }),
        written,
        {
          error: mapping,
        },
      )
      .optional(),
    env: z
      .record(z.string().regex(VARIABLE, { error: 'must be the name of a variable: A-Z, a-z, 0-9 and "_"' }), written, {
        error: mapping,
      })
      .optional(),
    workdir: absoluteFolder('a folder to start in').optional(),
    checkpoint: z
      .strictObject({ dir: absoluteFolder('a folder').optional(), grace: duration.optional() }, { error: mapping })
      .optional(),
  },
  { error: 'must be a mapping (key: value)' },
);

/** A document that passed. */
export type WorkloadDocument = z.infer<typeof workloadSchema>;

/** The keys allowed at a path of the document, for suggestions. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(workloadSchema.shape);
  if (path[0] === 'resources') return ['gpu', 'tasks', 'pool'];
  return path[0] === 'checkpoint' ? ['dir', 'grace'] : [];
}

/** Keys that people of this field expect and that this release does not have yet, so that the answer is not "unknown". */
export const NOT_YET: readonly string[] = [
  'after',
  'array',
  'elastic',
  'image',
  'inputs',
  'labels',
  'launcher',
  'matrix',
  'outputs',
  'replicas',
  'requeue',
  'scaling',
  'secrets',
  'setup',
  'time',
  'topology',
];

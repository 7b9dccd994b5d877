// What a conformance scenario says, and the border where a file of them is read: a field that is missing, unknown or of
// the wrong kind, and a name that nothing bears, is said of the one scenario that has it; the others are still played.
// Everything behind it trusts the types.
import { z } from 'zod';

const TASK_STATES = ['pending', 'running', 'releasing', 'pipelined'] as const;

/** How a task stands: `binding` = placed in this cycle, `pipelined` = promised GPUs that are being released. */
export const STATUSES = ['pending', 'binding', 'running', 'pipelined', 'releasing'] as const;

const FAMILIES = [
  'allocate',
  'consolidation',
  'reclaim',
  'preempt',
  'stalegangeviction',
  'consolidation_and_reclaim',
  'deletion_tests',
] as const;

/** Amounts of which -1 means as much as there is. */
const bounded = z.union([z.literal(-1), z.number().nonnegative()]);
const count = z.number().int().nonnegative();
const instances = z.record(z.string(), count);

const node = z.strictObject({
  name: z.string().min(1),
  gpus: count,
  gpu_memory_mib: z.number().positive(),
  cpus: z.number().nonnegative(),
  memory_bytes: z.number().nonnegative(),
  max_tasks: count.optional(),
  mig_strategy: z.enum(['none', 'mixed', 'single']).optional(),
  mig_instances: instances.optional(),
});

const queue = z.strictObject({
  name: z.string().min(1),
  parent: z.string().optional(),
  priority: z.number().int().default(100),
  over_quota_weight: z.number().nonnegative().default(1),
  quota_gpus: bounded.default(0),
  limit_gpus: bounded.default(-1),
  quota_cpu_millis: bounded.default(-1),
  limit_cpu_millis: bounded.default(-1),
  quota_memory_bytes: bounded.default(-1),
  limit_memory_bytes: bounded.default(-1),
});

const task = z.strictObject({
  state: z.enum(TASK_STATES),
  node: z.string().optional(),
  gpu_groups: z.array(z.string()).optional(),
  gpus: z.number().nonnegative().optional(),
  mig_instances: instances.optional(),
  order_priority: z.number().default(0),
  allowed_nodes: z.array(z.string()).optional(),
});

const job = z.strictObject({
  name: z.string().min(1),
  queue: z.string(),
  priority: z.number().int(),
  preemptible: z.boolean().optional(),
  min_tasks: count,
  gpus_per_task: z.number().nonnegative().default(0),
  gpu_memory_mib_per_task: z.number().nonnegative().default(0),
  fraction_devices_per_task: z.number().int().positive().default(1),
  cpus_per_task: z.number().nonnegative().default(0),
  memory_bytes_per_task: z.number().nonnegative().default(0),
  best_effort: z.boolean().default(false),
  age_minutes: z.number().default(0),
  deleted_when_evicted: z.boolean().default(false),
  tasks: z.array(task).min(1),
});

const expectation = z.strictObject({
  status: z.enum(STATUSES),
  node: z.string().optional(),
  gpus: z.number().nonnegative().optional(),
  gpu_groups: z.array(z.string()).optional(),
});

const scenario = z
  .strictObject({
    id: z.string().min(1),
    family: z.enum(FAMILIES),
    kind: z.enum(['steady', 'one_action']),
    nodes: z.array(node),
    queues: z.array(queue),
    jobs: z.array(job),
    rounds: z.strictObject({ until_match: z.number().int().positive(), stays_for: count }).optional(),
    expect: z.strictObject({
      jobs: z.record(z.string(), expectation).default({}),
      tasks: z.record(z.string(), expectation).default({}),
      max_evictions: count.optional(),
      max_binds: count.optional(),
    }),
  })
  .superRefine((read, context) => {
    for (const message of brokenNames(read)) context.addIssue({ code: 'custom', message });
  });

export type Scenario = z.infer<typeof scenario>;
export type ScenarioNode = z.infer<typeof node>;
export type ScenarioQueue = z.infer<typeof queue>;
export type ScenarioJob = z.infer<typeof job>;
export type ScenarioTask = z.infer<typeof task>;
export type Expectation = z.infer<typeof expectation>;
export type Family = Scenario['family'];
export type Status = Expectation['status'];

/** A file of scenarios that cannot be used; the message says where and why. */
export class ScenarioFileError extends Error {
  override readonly name = 'ScenarioFileError';
}

/** The name under which `expect.tasks` knows a task. */
export function taskName(jobName: string, index: number): string {
  return `${jobName}-${index}`;
}

/** A scenario as read; `fault` says what is wrong with one that cannot be used. */
export type ReadScenario =
  { readonly id: string; readonly scenario: Scenario } | { readonly id: string; readonly fault: string };

/**
 * Reads a file of scenarios.
 * @param text a JSON array of scenarios
 * @throws ScenarioFileError when it is none
 */
export function readScenarios(text: string): readonly ReadScenario[] {
  const values = parseJson(text);
  if (!Array.isArray(values)) throw new ScenarioFileError('it holds no JSON array of scenarios');
  const seen = new Set<string>();
  return values.map((value, at) => {
    const read = readScenario(value, at);
    if (seen.has(read.id)) return { id: read.id, fault: 'an earlier scenario has the same id' };
    seen.add(read.id);
    return read;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ScenarioFileError(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readScenario(value: unknown, at: number): ReadScenario {
  const parsed = scenario.safeParse(value);
  if (parsed.success) return { id: parsed.data.id, scenario: parsed.data };
  const named = z.object({ id: z.string().min(1) }).safeParse(value);
  const faults = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  return { id: named.success ? named.data.id : `scenario ${at + 1}`, fault: faults.join('; ') };
}

function* brokenNames({ nodes, queues, jobs, kind, rounds, expect }: Scenario): Generator<string> {
  yield* repeated('nodes', nodes);
  yield* repeated('queues', queues);
  yield* repeated('jobs', jobs);
  const nodeNames = new Set(nodes.map(({ name }) => name));
  const queueNames = new Set(queues.map(({ name }) => name));
  for (const { name, parent } of queues) {
    if (parent !== undefined && !queueNames.has(parent)) yield `queue ${name} is below ${parent}, which is not there`;
  }
  for (const { name, queue: home, tasks } of jobs) {
    if (!queueNames.has(home)) yield `job ${name} is in queue ${home}, which is not there`;
    for (const [index, { state, node: on }] of tasks.entries()) {
      if (state === 'pending') continue;
      if (on === undefined) yield `task ${taskName(name, index)} is ${state} on no node`;
      else if (!nodeNames.has(on)) yield `task ${taskName(name, index)} is on node ${on}, which is not there`;
    }
  }
  const jobNames = new Set(jobs.map(({ name }) => name));
  const taskNames = new Set(jobs.flatMap(({ name, tasks }) => tasks.map((_, index) => taskName(name, index))));
  for (const name of Object.keys(expect.jobs))
    if (!jobNames.has(name)) yield `expect.jobs names ${name}, which is no job`;
  for (const name of Object.keys(expect.tasks)) {
    if (!taskNames.has(name)) yield `expect.tasks names ${name}, which is no task`;
  }
  if (kind === 'steady' && rounds === undefined) yield 'rounds: a steady scenario says how many';
}

function* repeated(what: string, things: readonly { readonly name: string }[]): Generator<string> {
  const seen = new Set<string>();
  for (const { name } of things) {
    if (seen.has(name)) yield `two ${what} are named ${name}`;
    seen.add(name);
  }
}

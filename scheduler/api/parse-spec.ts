// One workload as a request says it → a spec with every default filled in. Every complaint carries the field's path.
import type { QueueName, WorkloadNumber } from '../../common/ids.js';
import { formatDuration, fromDuration, plural } from '../../common/units.js';
import type { Dependency__Output } from '../../proto/gen/sluice/v1/Dependency.js';
import type { EarlySignal__Output } from '../../proto/gen/sluice/v1/EarlySignal.js';
import type { NotifyRule__Output } from '../../proto/gen/sluice/v1/NotifyRule.js';
import type { RetryPolicy__Output } from '../../proto/gen/sluice/v1/RetryPolicy.js';
import type { Role__Output } from '../../proto/gen/sluice/v1/Role.js';
import type { WorkloadSpec__Output } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import type { ArrayRequest, AskedSpec } from '../control/commands/submit.js';
import type {
  Dependency,
  EarlySignal,
  EarlySignalName,
  Launcher,
  NotifyOn,
  NotifyRule,
  OnDisconnect,
  Program,
  RetryPolicy,
  Role,
  WorkloadKind,
  WorkloadSpec,
} from '../model/records.js';
import { maxTasks, NO_RETRY } from '../model/requests.js';
import { shown, type Complaints } from './complaints.js';
import { LIMITS } from './limits.js';
import { parseResources, parseTopology } from './parse-resources.js';

const DEFAULT_PRIORITY: Readonly<Record<WorkloadKind, number>> = {
  train: 50,
  test: 50,
  batch: 50,
  // A person waits for it.
  interactive: 75,
  service: 100,
};
const DEFAULT_GRACE_MS = 30_000;
const DEFAULT_BACKOFF_MS = 10_000;
const DEFAULT_MAX_BACKOFF_MS = 600_000;
const LEAST_TIME_LIMIT_MS = 1_000;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const BUILTINS = ['train', 'test', 'serve'];
const LARGEST_EXIT_CODE = 255;

const KINDS: Readonly<Record<WorkloadSpec__Output['kind'], WorkloadKind>> = {
  WORKLOAD_KIND_UNSPECIFIED: 'batch',
  WORKLOAD_KIND_TRAIN: 'train',
  WORKLOAD_KIND_TEST: 'test',
  WORKLOAD_KIND_SERVICE: 'service',
  WORKLOAD_KIND_BATCH: 'batch',
  WORKLOAD_KIND_INTERACTIVE: 'interactive',
};

const CONDITIONS: Readonly<Record<Dependency__Output['condition'], Dependency['condition']>> = {
  DEPENDENCY_CONDITION_UNSPECIFIED: 'succeeded',
  DEPENDENCY_CONDITION_SUCCEEDED: 'succeeded',
  DEPENDENCY_CONDITION_ENDED: 'ended',
  DEPENDENCY_CONDITION_FAILED: 'failed',
  DEPENDENCY_CONDITION_STARTED: 'started',
};

const NOTIFY_ON: Readonly<Record<NotifyRule__Output['on'][number], NotifyOn | null>> = {
  NOTIFY_ON_UNSPECIFIED: null,
  NOTIFY_ON_START: 'start',
  NOTIFY_ON_END: 'end',
  NOTIFY_ON_FAIL: 'fail',
  NOTIFY_ON_REQUEUE: 'requeue',
  NOTIFY_ON_IDLE: 'idle',
};

const CLASSES: Readonly<Record<WorkloadSpec__Output['onDisconnect'], OnDisconnect | null>> = {
  ON_DISCONNECT_UNSPECIFIED: null,
  ON_DISCONNECT_STOP: 'stop',
  ON_DISCONNECT_LINGER: 'linger',
  ON_DISCONNECT_KEEP: 'keep',
};

const LAUNCHERS: Readonly<Record<WorkloadSpec__Output['launcher'], Launcher | null>> = {
  LAUNCHER_UNSPECIFIED: null,
  LAUNCHER_NONE: 'none',
  LAUNCHER_TORCHRUN: 'torchrun',
  LAUNCHER_PER_GPU: 'per_gpu',
};

/** Why nothing may be sent there, in words that go behind its name; null = it may. */
export type WhyNotTold = (to: string) => string | null;

/** A spec as it is kept. */
export interface ParsedSpec {
  readonly spec: AskedSpec;
  /** Of its JSON, for one place of its array. */
  readonly bytes: number;
}

/** Parses one spec; what it complains of goes to `complaints`, and the result must not be used then. */
export function parseSpec(
  spec: WorkloadSpec__Output,
  path: string,
  maxGraceMs: number,
  complaints: Complaints,
  whyNotTold: WhyNotTold,
): ParsedSpec {
  const kind = KINDS[spec.kind] ?? 'batch';
  complaints.name(`${path}.name`, spec.name, true);
  // A word of digits names a workload by its number wherever one is asked for, so that of another user, too.
  if (/^\d+$/.test(spec.name)) complaints.add(`${path}.name`, `"${spec.name}" reads as a number; use a letter in it`);
  if (spec.queue === '') complaints.add(`${path}.queue`, 'is required: the queue that is charged');
  const priority = spec._priority === 'priority' ? (spec.priority ?? 0) : DEFAULT_PRIORITY[kind];
  complaints.range(`${path}.priority`, priority, -LIMITS.priority, LIMITS.priority);
  const graceMs = fromDuration(spec.checkpoint?.grace) ?? DEFAULT_GRACE_MS;
  complaints.span(`${path}.checkpoint.grace`, graceMs, 0, maxGraceMs, 'this cluster allows');
  const timeLimitMs = fromDuration(spec.timeLimit);
  const earlySignal = parseEarlySignal(
    spec.checkpoint?.earlySignal ?? null,
    `${path}.checkpoint.early_signal`,
    complaints,
  );
  if (earlySignal !== null) checkAhead(earlySignal, { graceMs, maxGraceMs, timeLimitMs }, path, complaints);
  if (timeLimitMs !== null) {
    complaints.span(`${path}.time_limit`, timeLimitMs, LEAST_TIME_LIMIT_MS, LIMITS.timeLimitMs);
  }
  const roles = parseRoles(spec, path, complaints);
  const onDisconnect = CLASSES[spec.onDisconnect] ?? null;
  const launcher = LAUNCHERS[spec.launcher] ?? null;
  const notify = parseNotify(spec.notify, `${path}.notify`, complaints, whyNotTold);
  const parsed: WorkloadSpec = {
    name: spec.name,
    kind,
    queue: spec.queue as QueueName,
    priority,
    preemptible: spec._preemptible === 'preemptible' ? (spec.preemptible ?? true) : kind !== 'service',
    roles,
    topology: parseTopology(spec.topology, `${path}.topology`, complaints),
    timeLimitMs,
    retry: parseRetry(spec.retry, `${path}.retry`, complaints),
    dependencies: parseDependencies(spec.dependencies, `${path}.dependencies`, complaints),
    array: null,
    program: parseMainProgram(spec, roles, path, complaints),
    environment: parseEnvironment(spec, path, complaints),
    workingDirectory: parseFolder(spec.workingDirectory, `${path}.working_directory`, complaints),
    graceMs,
    ...(earlySignal === null ? {} : { earlySignal }),
    ...(onDisconnect === null ? {} : { onDisconnect }),
    ...(launcher === null ? {} : { launcher }),
    checkpointDirectory: parseFolder(spec.checkpoint?.directory ?? '', `${path}.checkpoint.directory`, complaints),
    ...(notify.length === 0 ? {} : { notify }),
    ...(spec.separateStderr ? { separateStderr: true as const } : {}),
  };
  if (kind === 'interactive') refuseManyTerminals(parsed, path, complaints);
  if (launcher !== null && launcher !== 'none') refuseWrongLauncher(parsed, launcher, path, complaints);
  const bytes = JSON.stringify(parsed).length;
  if (bytes > LIMITS.specBytes) complaints.add(path, `is ${bytes} bytes long; at most ${LIMITS.specBytes}`);
  const asArray = parseArray(spec.array, `${path}.array`, complaints);
  return { spec: asArray === null ? parsed : { ...parsed, asArray }, bytes };
}

const EARLY_SIGNALS: readonly EarlySignalName[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

function parseEarlySignal(early: EarlySignal__Output | null, path: string, complaints: Complaints): EarlySignal | null {
  if (early === null) return null;
  const asked = early.signal.toUpperCase();
  const signal = EARLY_SIGNALS.find((known) => known === asked || known === `SIG${asked}`);
  const aheadMs = fromDuration(early.ahead);
  if (signal === undefined) {
    const known = EARLY_SIGNALS.map((one) => one.slice(3)).join(', ');
    complaints.add(
      `${path}.signal`,
      `"${shown(early.signal)}" is no signal that can be sent ahead; there are ${known}`,
    );
  }
  if (aheadMs === null || aheadMs <= 0) {
    complaints.add(`${path}.ahead`, 'must be longer than nothing: how long before the stop signal it is sent');
  }
  return signal === undefined || aheadMs === null ? null : { signal, aheadMs };
}

/** It has to fit into the time that a stop may take, and before the end of the time limit. */
function checkAhead(
  { aheadMs }: EarlySignal,
  times: { readonly graceMs: number; readonly maxGraceMs: number; readonly timeLimitMs: number | null },
  path: string,
  complaints: Complaints,
): void {
  const { graceMs, maxGraceMs, timeLimitMs } = times;
  const field = `${path}.checkpoint.early_signal.ahead`;
  if (aheadMs + graceMs > maxGraceMs) {
    const both = `${formatDuration(aheadMs)} and the grace of ${formatDuration(graceMs)}`;
    complaints.add(
      field,
      `${both} are ${formatDuration(aheadMs + graceMs)}; together at most ${formatDuration(maxGraceMs)}, which this cluster allows`,
    );
  }
  if (timeLimitMs !== null && aheadMs >= timeLimitMs) {
    complaints.add(
      field,
      `${formatDuration(aheadMs)} before the time limit of ${formatDuration(timeLimitMs)} is before its start`,
    );
  }
}

function parseNotify(
  rules: readonly NotifyRule__Output[],
  path: string,
  complaints: Complaints,
  whyNotTold: WhyNotTold,
): readonly NotifyRule[] {
  complaints.count(path, rules.length, LIMITS.notifyRules);
  return rules.slice(0, LIMITS.notifyRules).map(({ on, to }, index) => {
    const events = [...new Set(on)].map((one) => NOTIFY_ON[one] ?? null).filter((one) => one !== null);
    if (events.length === 0) complaints.add(`${path}[${index}].on`, 'is empty: say start, end, fail or requeue');
    const why = whyNotTold(to);
    if (why !== null) complaints.add(`${path}[${index}].to`, why);
    return { on: events, to };
  });
}

/** A terminal belongs to one program of one task. */
function refuseManyTerminals(spec: WorkloadSpec, path: string, complaints: Complaints): void {
  const tasks = maxTasks(spec);
  if (tasks > 1) {
    complaints.add(
      `${path}.tasks`,
      `are ${tasks}, and interactive work has one, whose terminal is joined; run others beside it`,
    );
  }
  if (spec.separateStderr === true) {
    complaints.add(
      `${path}.separate_stderr`,
      'cannot be: a terminal has one output, and interactive work has a terminal',
    );
  }
  if (spec.program.type === 'builtin') {
    complaints.add(`${path}.builtin`, `"${spec.program.name}" speaks to nobody; interactive work runs a command`);
  }
}

/** Ranks are processes of a command on GPUs that it was granted. */
function refuseWrongLauncher(spec: WorkloadSpec, launcher: Launcher, path: string, complaints: Complaints): void {
  const at = `${path}.launcher`;
  if (spec.kind === 'interactive') {
    complaints.add(
      at,
      `${launcher} makes several processes, and interactive work has one, whose terminal is joined; use none`,
    );
  }
  const builtin = [spec.program, ...spec.roles.map(({ program }) => program)].find((one) => one?.type === 'builtin');
  if (builtin?.type === 'builtin') {
    complaints.add(
      at,
      `${launcher} starts ranks of a command, and "${builtin.name}" is built in and one process; use none`,
    );
  }
  if (launcher === 'per_gpu' && spec.roles.every(({ request }) => request.gpus === 0)) {
    complaints.add(at, 'per_gpu starts a process for each GPU, and no task asks for any; ask for GPUs, or use none');
  }
}

/** The roles that a spec names, or the one that all its tasks have. */
function parseRoles(spec: WorkloadSpec__Output, path: string, complaints: Complaints): readonly Role[] {
  if (spec.roles.length === 0) {
    const counts = parseTasks(spec.tasks, spec.maxTasks, path, complaints);
    const resources = parseResources(spec.resources, `${path}.resources`, complaints);
    return [{ name: '', ...counts, ...resources, topology: null, program: null }];
  }
  for (const [field, given] of [
    ['tasks', spec.tasks !== 0],
    ['max_tasks', spec.maxTasks !== 0],
    ['resources', spec.resources !== null],
  ] as const) {
    if (given) complaints.add(`${path}.${field}`, 'cannot be together with roles; say it in each role');
  }
  complaints.count(`${path}.roles`, spec.roles.length, LIMITS.roles);
  const names = spec.roles.map(({ name }) => name);
  const roles = spec.roles.map((role, index) => {
    const at = `${path}.roles[${index}]`;
    complaints.name(`${at}.name`, role.name, false);
    if (role.name !== '' && names.indexOf(role.name) < index) {
      complaints.add(`${at}.name`, `"${shown(role.name)}" is the name of another role, too; each needs its own`);
    }
    return parseRole(role, at, complaints);
  });
  const tasks = maxTasks({ roles });
  if (tasks > LIMITS.tasks) {
    complaints.add(`${path}.roles`, `have ${plural(tasks, 'task')} together; at most ${LIMITS.tasks}`);
  }
  return roles;
}

function parseRole(role: Role__Output, path: string, complaints: Complaints): Role {
  return {
    name: role.name,
    ...parseTasks(role.tasks, role.maxTasks, path, complaints),
    ...parseResources(role.resources, `${path}.resources`, complaints),
    topology: parseTopology(role.topology, `${path}.topology`, complaints),
    program: parseProgram(role, path, complaints),
  };
}

function parseTasks(
  tasks: number,
  most: number,
  path: string,
  complaints: Complaints,
): { readonly minTasks: number; readonly maxTasks: number } {
  const least = tasks === 0 ? 1 : tasks;
  complaints.range(`${path}.tasks`, least, 1, LIMITS.tasks);
  if (most === 0) return { minTasks: least, maxTasks: least };
  complaints.range(`${path}.max_tasks`, most, 1, LIMITS.tasks);
  if (most < least) {
    complaints.add(`${path}.max_tasks`, `${most} is below tasks, which is ${least}; it must be at least as many`);
  }
  return { minTasks: least, maxTasks: most };
}

function parseRetry(retry: RetryPolicy__Output | null, path: string, complaints: Complaints): RetryPolicy {
  if (retry === null) return NO_RETRY;
  const { max, codes, neverCodes } = retry;
  complaints.range(`${path}.max`, max, 0, LIMITS.retries);
  const backoffMs = fromDuration(retry.backoff) ?? DEFAULT_BACKOFF_MS;
  complaints.span(`${path}.backoff`, backoffMs, 0, LIMITS.backoffMs);
  const maxBackoffMs = fromDuration(retry.maxBackoff) ?? Math.max(backoffMs, DEFAULT_MAX_BACKOFF_MS);
  complaints.span(`${path}.max_backoff`, maxBackoffMs, 0, LIMITS.backoffMs);
  if (maxBackoffMs < backoffMs) {
    const least = formatDuration(backoffMs);
    complaints.add(`${path}.max_backoff`, `${formatDuration(maxBackoffMs)} is below backoff, which is ${least}`);
  }
  for (const [field, list] of [
    ['codes', codes],
    ['never_codes', neverCodes],
  ] as const) {
    complaints.count(`${path}.${field}`, list.length, LIMITS.exitCodes);
    list.forEach((code, index) => {
      complaints.range(`${path}.${field}[${index}]`, code, 1, LARGEST_EXIT_CODE);
      if (list.indexOf(code) < index) complaints.add(`${path}.${field}[${index}]`, `${code} is there twice`);
    });
  }
  const both = codes.filter((code) => neverCodes.includes(code));
  if (both.length > 0) {
    complaints.add(`${path}.never_codes`, `${both.join(', ')} stand in codes, too; an exit code can only be in one`);
  }
  if (max === 0) {
    if (codes.length > 0 || neverCodes.length > 0 || retry.backoff !== null || retry.maxBackoff !== null) {
      complaints.add(`${path}.max`, '0 means never tried again; say how often, or leave the other fields out');
    }
    return NO_RETRY;
  }
  return { max, backoffMs, maxBackoffMs, codes, neverCodes };
}

function parseDependencies(
  dependencies: readonly Dependency__Output[],
  path: string,
  complaints: Complaints,
): readonly Dependency[] {
  complaints.count(path, dependencies.length, LIMITS.dependencies);
  const seen = new Set<number>();
  return dependencies.map(({ workload, condition }, index) => {
    const at = `${path}[${index}]`;
    complaints.range(`${at}.workload`, workload, 1, Number.MAX_SAFE_INTEGER);
    if (seen.has(workload)) complaints.add(`${at}.workload`, `${workload} is there twice; say one condition for it`);
    seen.add(workload);
    // A number that this release has no name for arrives as that number.
    const known = (CONDITIONS as Readonly<Record<string, Dependency['condition'] | undefined>>)[condition];
    if (known === undefined) {
      complaints.add(`${at}.condition`, `${condition} is no condition; there are SUCCEEDED, ENDED, FAILED and STARTED`);
    }
    return { workload: workload as WorkloadNumber, condition: known ?? 'succeeded' };
  });
}

function parseArray(array: WorkloadSpec__Output['array'], path: string, complaints: Complaints): ArrayRequest | null {
  if (array === null) return null;
  const { size, concurrency, firstIndex } = array;
  complaints.range(`${path}.size`, size, 1, LIMITS.arraySize);
  complaints.range(`${path}.concurrency`, concurrency, 0, LIMITS.arraySize);
  complaints.range(`${path}.first_index`, firstIndex, 0, LIMITS.arrayFirstIndex);
  return { size, concurrency, firstIndex };
}

/** What tasks run whose role has no program of its own; when all have one, that of the first. */
function parseMainProgram(
  spec: WorkloadSpec__Output,
  roles: readonly Role[],
  path: string,
  complaints: Complaints,
): Program {
  const program = parseProgram(spec, path, complaints);
  if (program !== null) return program;
  const [first] = roles;
  const without = roles.filter((role) => role.program === null).map(({ name }) => name);
  if (first?.program && without.length === 0) return first.program;
  const whose = without.every((name) => name === '') ? '' : `, or one for every role (${without.join(', ')})`;
  complaints.add(`${path}.command`, `a program is required: command or builtin${whose}`);
  return { type: 'command', argv: [] };
}

function parseProgram(
  { command, builtin }: Pick<WorkloadSpec__Output, 'command' | 'builtin'>,
  path: string,
  complaints: Complaints,
): Program | null {
  if (command) {
    const { argv } = command;
    if (argv.length === 0 || argv[0] === '')
      complaints.add(`${path}.command.argv`, 'is empty: name the program to run');
    complaints.range(`${path}.command.argv`, argv.length, 0, LIMITS.argv);
    argv.forEach((word, index) => complaints.text(`${path}.command.argv[${index}]`, word));
    return { type: 'command', argv };
  }
  if (builtin) {
    const { name, args } = builtin;
    if (!BUILTINS.includes(name)) {
      complaints.add(`${path}.builtin.name`, `"${name}" is not built in; there are ${BUILTINS.join(', ')}`);
    }
    complaints.range(`${path}.builtin.args`, args.length, 0, LIMITS.argv);
    args.forEach((word, index) => complaints.text(`${path}.builtin.args[${index}]`, word));
    return { type: 'builtin', name, args };
  }
  return null;
}

function parseEnvironment(
  spec: WorkloadSpec__Output,
  path: string,
  complaints: Complaints,
): WorkloadSpec['environment'] {
  complaints.range(`${path}.environment`, spec.environment.length, 0, LIMITS.environmentVariables);
  return spec.environment.map(({ name, value }, index) => {
    if (!VARIABLE.test(name)) {
      complaints.add(`${path}.environment[${index}].name`, `"${shown(name)}" is no name of a variable`);
    }
    complaints.text(`${path}.environment[${index}].value`, value);
    return { name, value };
  });
}

function parseFolder(folder: string, path: string, complaints: Complaints): string {
  if (folder === '') return '';
  complaints.text(path, folder);
  if (!folder.startsWith('/')) complaints.add(path, `"${shown(folder)}" must be an absolute path on the node`);
  if (folder.split('/').includes('..')) complaints.add(path, 'must not contain ".."');
  return folder;
}

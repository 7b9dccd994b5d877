// The border where requests become domain values: every field is checked, every default filled in, every complaint
// carries the field's path. Behind it nothing is checked again.
import { createHash } from 'node:crypto';
import type { FieldViolation } from '../../common/errors.js';
import type { QueueName } from '../../common/ids.js';
import { fromDuration, formatDuration } from '../../common/units.js';
import type { QueueSpec__Output } from '../../proto/gen/sluice/v1/QueueSpec.js';
import type { SubmitWorkloadsRequest__Output } from '../../proto/gen/sluice/v1/SubmitWorkloadsRequest.js';
import type { WorkloadSpec__Output } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import type { QueuePatch } from '../control/commands/queues.js';
import { invalid } from '../control/refusals.js';
import type { Program, Queue, WorkloadKind, WorkloadSpec } from '../model/records.js';
import { ANYWHERE, NO_RETRY, oneRole, ONLY_GPUS_COUNT, wholeGpus } from '../model/requests.js';

/** The limits of what one request may ask for. */
export const LIMITS = {
  specsPerRequest: 1_000,
  tasks: 4_096,
  gpusPerTask: 256,
  argv: 1_000,
  specBytes: 256 * 1024,
  environmentVariables: 1_000,
  nameLength: 63,
  priority: 1_000_000,
  gpus: 10_000_000,
  requestIdLength: 128,
  words: 1_000,
} as const;

const DEFAULT_PRIORITY: Readonly<Record<WorkloadKind, number>> = { train: 50, test: 50, batch: 50, service: 100 };
const DEFAULT_GRACE_MS = 30_000;
const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const BUILTINS = ['train', 'test', 'serve'];

const KINDS: Readonly<Record<WorkloadSpec__Output['kind'], WorkloadKind>> = {
  WORKLOAD_KIND_UNSPECIFIED: 'batch',
  WORKLOAD_KIND_TRAIN: 'train',
  WORKLOAD_KIND_TEST: 'test',
  WORKLOAD_KIND_SERVICE: 'service',
  WORKLOAD_KIND_BATCH: 'batch',
};

/** Collects complaints about the fields of one message. */
class Complaints {
  readonly found: FieldViolation[] = [];

  add(field: string, description: string): void {
    this.found.push({ field, description });
  }

  name(field: string, value: string, mayBeEmpty: boolean): void {
    if (value === '' && mayBeEmpty) return;
    if (value.length > LIMITS.nameLength || !NAME.test(value)) {
      this.add(field, `"${value.slice(0, 80)}" must be 1 to ${LIMITS.nameLength} of a-z, 0-9 and "-", not at an end`);
    }
  }

  range(field: string, value: number, least: number, most: number): void {
    if (!Number.isFinite(value) || value < least || value > most) {
      this.add(field, `${value} is out of range; allowed are ${least} to ${most}`);
    }
  }

  text(field: string, value: string): void {
    if (value.includes('\0')) this.add(field, 'must not contain a NUL character');
  }

  throwIfAny(): void {
    if (this.found.length > 0) throw invalid(this.found);
  }
}

/** Parses the specs of a submission; INVALID_ARGUMENT with every complaint at once. */
export function parseSpecs(specs: readonly WorkloadSpec__Output[], maxGraceMs: number): readonly WorkloadSpec[] {
  const complaints = new Complaints();
  if (specs.length === 0) complaints.add('specs', 'at least one is needed');
  if (specs.length > LIMITS.specsPerRequest) {
    complaints.add('specs', `${specs.length} are too many for one request; at most ${LIMITS.specsPerRequest}`);
    complaints.throwIfAny();
  }
  const parsed = specs.map((spec, index) => parseSpec(spec, `specs[${index}]`, maxGraceMs, complaints));
  complaints.throwIfAny();
  return parsed;
}

function parseSpec(spec: WorkloadSpec__Output, path: string, maxGraceMs: number, complaints: Complaints): WorkloadSpec {
  const kind = KINDS[spec.kind] ?? 'batch';
  const resources = spec.resources;
  const gpusPerTask = resources?.gpus ?? 0;
  const tasks = spec.tasks === 0 ? 1 : spec.tasks;
  complaints.name(`${path}.name`, spec.name, true);
  // A word of digits names a workload by its number wherever one is asked for, so that of another user, too.
  if (/^\d+$/.test(spec.name)) complaints.add(`${path}.name`, `"${spec.name}" reads as a number; use a letter in it`);
  if (spec.queue === '') complaints.add(`${path}.queue`, 'is required: the queue that is charged');
  complaints.range(`${path}.tasks`, tasks, 1, LIMITS.tasks);
  complaints.range(`${path}.resources.gpus`, gpusPerTask, 0, LIMITS.gpusPerTask);
  const priority = spec._priority === 'priority' ? (spec.priority ?? 0) : DEFAULT_PRIORITY[kind];
  complaints.range(`${path}.priority`, priority, -LIMITS.priority, LIMITS.priority);
  const graceMs = fromDuration(spec.checkpoint?.grace) ?? DEFAULT_GRACE_MS;
  if (graceMs < 0 || graceMs > maxGraceMs) {
    const most = formatDuration(maxGraceMs);
    complaints.add(
      `${path}.checkpoint.grace`,
      `${formatDuration(graceMs)} is out of range; this cluster allows 0 to ${most}`,
    );
  }
  const parsed: WorkloadSpec = {
    name: spec.name,
    kind,
    queue: spec.queue as QueueName,
    priority,
    preemptible: spec._preemptible === 'preemptible' ? (spec.preemptible ?? true) : kind !== 'service',
    roles: oneRole(tasks, wholeGpus(gpusPerTask), {
      ...ANYWHERE,
      pool: resources?.pool ?? '',
      models: resources === null || resources.gpuModel === '' ? [] : [resources.gpuModel],
    }),
    topology: null,
    timeLimitMs: null,
    retry: NO_RETRY,
    dependencies: [],
    array: null,
    program: parseProgram(spec, path, complaints),
    environment: parseEnvironment(spec, path, complaints),
    workingDirectory: parseFolder(spec.workingDirectory, `${path}.working_directory`, complaints),
    graceMs,
    checkpointDirectory: parseFolder(spec.checkpoint?.directory ?? '', `${path}.checkpoint.directory`, complaints),
  };
  const bytes = JSON.stringify(parsed).length;
  if (bytes > LIMITS.specBytes) complaints.add(path, `is ${bytes} bytes long; at most ${LIMITS.specBytes}`);
  return parsed;
}

function parseProgram(spec: WorkloadSpec__Output, path: string, complaints: Complaints): Program {
  if (spec.command) {
    const { argv } = spec.command;
    if (argv.length === 0 || argv[0] === '')
      complaints.add(`${path}.command.argv`, 'is empty: name the program to run');
    complaints.range(`${path}.command.argv`, argv.length, 0, LIMITS.argv);
    argv.forEach((word, index) => complaints.text(`${path}.command.argv[${index}]`, word));
    return { type: 'command', argv };
  }
  if (spec.builtin) {
    const { name, args } = spec.builtin;
    if (!BUILTINS.includes(name)) {
      complaints.add(`${path}.builtin.name`, `"${name}" is not built in; there are ${BUILTINS.join(', ')}`);
    }
    complaints.range(`${path}.builtin.args`, args.length, 0, LIMITS.argv);
    args.forEach((word, index) => complaints.text(`${path}.builtin.args[${index}]`, word));
    return { type: 'builtin', name, args };
  }
  complaints.add(`${path}.command`, 'a program is required: command or builtin');
  return { type: 'command', argv: [] };
}

function parseEnvironment(
  spec: WorkloadSpec__Output,
  path: string,
  complaints: Complaints,
): WorkloadSpec['environment'] {
  complaints.range(`${path}.environment`, spec.environment.length, 0, LIMITS.environmentVariables);
  return spec.environment.map(({ name, value }, index) => {
    if (!VARIABLE.test(name)) {
      complaints.add(`${path}.environment[${index}].name`, `"${name.slice(0, 80)}" is no name of a variable`);
    }
    complaints.text(`${path}.environment[${index}].value`, value);
    return { name, value };
  });
}

function parseFolder(folder: string, path: string, complaints: Complaints): string {
  if (folder === '') return '';
  complaints.text(path, folder);
  if (!folder.startsWith('/')) complaints.add(path, `"${folder.slice(0, 80)}" must be an absolute path on the node`);
  if (folder.split('/').includes('..')) complaints.add(path, 'must not contain ".."');
  return folder;
}

/** A digest of what a request means, for telling a repetition from a reuse of its id. */
export function digestOf(request: SubmitWorkloadsRequest__Output): string {
  return createHash('sha256').update(JSON.stringify(request.specs)).digest('hex');
}

/** The key under which a request id is remembered; null when none was given. */
export function requestKey(principal: string, requestId: string): string | null {
  if (requestId === '') return null;
  if (requestId.length > LIMITS.requestIdLength || !/^[\x21-\x7e]+$/.test(requestId)) {
    const description = `must be 1 to ${LIMITS.requestIdLength} printable characters, best a UUID`;
    throw invalid([{ field: 'request_id', description }]);
  }
  return `${principal}/${requestId}`;
}

/** Parses the words that name workloads in one request. */
export function parseWords(words: readonly string[]): readonly string[] {
  const complaints = new Complaints();
  if (words.length === 0) complaints.add('workloads', 'at least one is needed');
  complaints.range('workloads', words.length, 0, LIMITS.words);
  complaints.throwIfAny();
  return words;
}

/** Parses a new queue. */
export function parseQueue(spec: QueueSpec__Output | null): Omit<Queue, 'createdMs'> {
  const complaints = new Complaints();
  if (spec === null) throw invalid([{ field: 'queue', description: 'is required' }]);
  complaints.name('queue.name', spec.name, false);
  const queue = {
    name: spec.name as QueueName,
    parent: spec.parent === '' ? null : (spec.parent as QueueName),
    guaranteeGpus: spec.guaranteeGpus,
    limitGpus: spec._limitGpus === 'limitGpus' ? (spec.limitGpus ?? 0) : null,
    ...ONLY_GPUS_COUNT,
    weight: spec._weight === 'weight' ? (spec.weight ?? 0) : 1,
    priority: spec._priority === 'priority' ? (spec.priority ?? 0) : 100,
  };
  checkQueueFigures(queue, complaints);
  complaints.throwIfAny();
  return queue;
}

const PATCHABLE = {
  guarantee_gpus: 'guaranteeGpus',
  limit_gpus: 'limitGpus',
  weight: 'weight',
  priority: 'priority',
} as const;

/** Parses a change of a queue: the fields that the mask names. A mask with limit_gpus and no value lifts the limit. */
export function parseQueuePatch(spec: QueueSpec__Output | null, mask: readonly string[]): QueuePatch {
  const queue = parseQueue(spec);
  if (mask.length === 0) {
    const names = Object.keys(PATCHABLE).join(', ');
    throw invalid([{ field: 'update_mask', description: `names no field; there are ${names}` }]);
  }
  return mask.reduce<QueuePatch>((patch, path) => {
    // Protobuf's JSON form writes paths in camelCase; both are taken.
    const snake = path.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (!(snake in PATCHABLE)) {
      const names = Object.keys(PATCHABLE).join(', ');
      throw invalid([{ field: 'update_mask', description: `"${path}" cannot be changed; there are ${names}` }]);
    }
    const key = PATCHABLE[snake as keyof typeof PATCHABLE];
    return { ...patch, [key]: queue[key] };
  }, {});
}

function checkQueueFigures(queue: Omit<Queue, 'createdMs'>, complaints: Complaints): void {
  complaints.range('queue.guarantee_gpus', queue.guaranteeGpus, 0, LIMITS.gpus);
  if (queue.limitGpus !== null) complaints.range('queue.limit_gpus', queue.limitGpus, 0, LIMITS.gpus);
  complaints.range('queue.weight', queue.weight, 0, 1_000_000);
  complaints.range('queue.priority', queue.priority, -LIMITS.priority, LIMITS.priority);
}

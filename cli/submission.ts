// What submit and run share: which queue is charged, sending with an id that makes repeating safe, telling the result.
import { randomUUID } from 'node:crypto';
import { Option, type Command } from 'commander';
import type { SubmitWorkloadsResponse__Output } from '../proto/gen/sluice/v1/SubmitWorkloadsResponse.js';
import type { WorkloadSpec } from '../proto/gen/sluice/v1/WorkloadSpec.js';
import { plural } from '../common/units.js';
import type { SluiceClient } from './client.js';
import { CliError, describeFailure, isApiError } from './failure.js';
import type { Invocation } from './invocation.js';

/** The long names that sbatch and its relatives have for our flags; they work and are not in help. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  queue: ['account', 'project'],
  name: ['job-name'],
  pool: ['partition'],
  priority: ['qos'],
  tasks: ['ntasks'],
  cpus: ['cpus-per-task'],
  memory: ['mem'],
  after: ['dependency'],
  task: ['rank'],
};

/** Lets a command take other long names for the flags it has. */
export function acceptOtherNames(command: Command): void {
  for (const { long } of command.options) {
    const flag = long?.slice(2) ?? '';
    for (const other of OTHER_NAMES[flag] ?? []) {
      command.addOption(new Option(`--${other} <value>`).hideHelp());
      command.on(`option:${other}`, (value: string) => command.setOptionValueWithSource(flag, value, 'cli'));
    }
  }
}

/** What to do when no queue is named anywhere. */
export const NAME_A_QUEUE =
  'Name one with -A QUEUE or SLUICE_QUEUE, or once for all: sluice config set-context --current --queue QUEUE';

/**
 * Sends specs. The request id is made before the first try, so that every retry is the same request.
 * @throws ApiError; when the outcome is unknown, its message says how to repeat without submitting twice
 */
export async function send(
  api: SluiceClient,
  specs: readonly WorkloadSpec[],
  options: {
    readonly requestId?: string;
    readonly validateOnly?: boolean;
    readonly repeatHint?: (id: string) => string;
  },
): Promise<SubmitWorkloadsResponse__Output> {
  const requestId = options.requestId ?? randomUUID();
  try {
    return await api.submitWorkloads({ requestId, specs: [...specs], validateOnly: options.validateOnly ?? false });
  } catch (error) {
    // Asked but not answered: it may have been accepted.
    const unanswered = isApiError(error) && error.reason === 'DEADLINE_EXCEEDED';
    if (!unanswered || options.repeatHint === undefined) throw error;
    const { exitCode, report } = describeFailure(error);
    throw new CliError(exitCode, { ...report, message: `${report.message}\n${options.repeatHint(requestId)}` });
  }
}

/** `Submitted workload 1041`, and for a person how to go on. */
export function tellSubmitted(
  invocation: Invocation,
  response: SubmitWorkloadsResponse__Output,
  specs: readonly WorkloadSpec[],
): void {
  let at = 0;
  for (const spec of specs) {
    const number = response.workloads[at]?.number;
    const size = spec.array?.size ?? 1;
    at += size;
    // Fewer come back when nothing was accepted, since it was only checked.
    if (number !== undefined) invocation.out(submittedText(spec, number, size));
  }
  const [first] = response.workloads;
  if (first !== undefined) invocation.hint(howToGoOn(first.number));
}

/** `Submitted workload 1041 (2 tasks)`; `Submitted workloads 1043-1062 (an array of 20, 4 at a time)`. */
function submittedText(spec: WorkloadSpec, number: number, size: number): string {
  if (spec.array) {
    const { concurrency = 0 } = spec.array;
    const last = size > 1 ? `s ${number}-${number + size - 1}` : ` ${number}`;
    return `Submitted workload${last} (an array of ${size}${concurrency > 0 ? `, ${concurrency} at a time` : ''})`;
  }
  const tasks = tasksText(spec);
  return `Submitted workload ${number}${tasks === '' ? '' : ` (${tasks})`}`;
}

/** `2 tasks`, `2-8 tasks`, `3-9 tasks in 2 roles`; empty for a single one. */
function tasksText(spec: WorkloadSpec): string {
  const roles = spec.roles ?? [];
  const parts = roles.length === 0 ? [spec] : roles;
  const least = parts.reduce((sum, part) => sum + (part.tasks || 1), 0);
  const most = parts.reduce((sum, part) => sum + (part.maxTasks || part.tasks || 1), 0);
  const inRoles = roles.length === 0 ? '' : ` in ${plural(roles.length, 'role')}`;
  if (most > least) return `${least}-${most} tasks${inRoles}`;
  return least > 1 || roles.length > 0 ? `${plural(least, 'task')}${inRoles}` : '';
}

/** The line that tells what can be done with a workload now. */
export function howToGoOn(number: number): string {
  return `  follow: sluice logs -f ${number}   why: sluice why ${number}   cancel: sluice cancel ${number}`;
}

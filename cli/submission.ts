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
  for (const [index, { number }] of response.workloads.entries()) {
    const tasks = specs[index]?.tasks ?? 1;
    invocation.out(`Submitted workload ${number}${tasks > 1 ? ` (${plural(tasks, 'task')})` : ''}`);
  }
  const [first] = response.workloads;
  if (first !== undefined) invocation.hint(howToGoOn(first.number));
}

/** The line that tells what can be done with a workload now. */
export function howToGoOn(number: number): string {
  return `  follow: sluice logs -f ${number}   why: sluice why ${number}   cancel: sluice cancel ${number}`;
}

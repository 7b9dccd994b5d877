// Waits for workloads: until each meets a condition, or for good. Shared by run, submit --wait and wait.
import { constants } from 'node:os';
import type { Workload__Output } from '../proto/gen/sluice/v1/Workload.js';
import type { SluiceClient } from './client.js';
import type { Invocation } from './invocation.js';
import { decidingExit, stateWithExit } from './presentation.js';

/** The code of a job that was cancelled before any of its processes ended: as if its stop signal had ended it. */
const CANCELLED_CODE = 128 + constants.signals.SIGTERM;

/**
 * Follows workloads until `done` says true of each one.
 * @param numbers as text; at least one
 * @returns each one as it was then, in the order asked; fewer when the signal ended it
 */
export async function followUntil(
  invocation: Invocation,
  api: SluiceClient,
  numbers: readonly string[],
  done: (workload: Workload__Output) => boolean,
  options: { readonly signal?: AbortSignal; readonly onChange?: (workload: Workload__Output) => void } = {},
): Promise<readonly Workload__Output[]> {
  const finished = new Map<string, Workload__Output>();
  const updates = api.watchWorkloads(
    { workloads: [...numbers] },
    {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onReconnect: (error) => invocation.note(`${error.message.split('\n')[0]}; trying again`),
    },
  );
  for await (const { workload } of updates) {
    if (workload === null) continue;
    options.onChange?.(workload);
    if (!numbers.includes(String(workload.number)) || !done(workload)) continue;
    finished.set(String(workload.number), workload);
    if (finished.size === new Set(numbers).size) break;
  }
  return numbers.map((number) => finished.get(number)).filter((workload) => workload !== undefined);
}

/** What a shell would report of an ended workload: 0, the code of the task that decided, or 128 + its signal. */
export function jobExitCode(workload: Workload__Output): number {
  if (workload.state === 'WORKLOAD_STATE_SUCCEEDED') return 0;
  const exit = decidingExit(workload);
  if (exit !== null && exit.signal !== '') return 128 + signalNumber(exit.signal);
  if (exit?.code !== undefined && exit.code > 0) return exit.code;
  return workload.state === 'WORKLOAD_STATE_CANCELLED' ? CANCELLED_CODE : 1;
}

/** The highest of several, as `sbatch --wait` does for arrays. */
export function highestExitCode(workloads: readonly Workload__Output[]): number {
  return Math.max(0, ...workloads.map(jobExitCode));
}

/** `Failed (exit 1): …` */
export function endText(workload: Workload__Output): string {
  return stateWithExit(workload) + (workload.message === '' ? '' : `: ${workload.message}`);
}

function signalNumber(name: string): number {
  const known: Readonly<Record<string, number>> = constants.signals;
  return known[name] ?? 0;
}

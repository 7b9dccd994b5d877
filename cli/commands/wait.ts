// `sluice wait X…`: blocks until workloads meet a condition.
import { parseDurationMs } from '../../common/units.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { WorkloadState__Output } from '../../proto/gen/sluice/v1/WorkloadState.js';
import { nearestNames } from '../../common/nearest.js';
import { didYouMean, failure, usageError } from '../failure.js';
import { endText, followUntil, highestExitCode } from '../following.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { hasEnded } from '../presentation.js';

import { workloadSelector } from '../resources.js';

interface Options {
  readonly for: string;
  readonly timeout?: string;
  readonly exitCode?: boolean;
}

/** What can be waited for, and in which states each is met. */
const CONDITIONS: Readonly<Record<string, readonly WorkloadState__Output[]>> = {
  running: ['WORKLOAD_STATE_RUNNING'],
  complete: ['WORKLOAD_STATE_SUCCEEDED'],
  succeeded: ['WORKLOAD_STATE_SUCCEEDED'],
  failed: ['WORKLOAD_STATE_FAILED'],
  cancelled: ['WORKLOAD_STATE_CANCELLED'],
  ended: ['WORKLOAD_STATE_SUCCEEDED', 'WORKLOAD_STATE_FAILED', 'WORKLOAD_STATE_CANCELLED'],
};

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Waits until workloads meet a condition. One that ends otherwise can never meet it: exit code 1.')
    .usage('WORKLOAD… [FLAGS]')
    .argument('<workload...>', 'numbers, names, or "last"')
    .option(
      '--for <condition>',
      `${Object.keys(CONDITIONS).join(', ')}; "complete" = succeeded, "ended" = in any way`,
      'complete',
    )
    .option('--timeout <time>', 'give up after it, for example 30s or 1h (exit code 1); default never')
    .option('--exit-code', 'wait for the end and exit with the highest code of the jobs')
    .action((names: readonly string[], options: Options) => wait(invocation, names, options));
};

async function wait(invocation: Invocation, names: readonly string[], options: Options): Promise<void> {
  const states = statesFor(options.exitCode === true ? 'ended' : options.for);
  const timeoutMs = options.timeout === undefined ? null : parseDurationMs(options.timeout);
  if (options.timeout !== undefined && timeoutMs === null) {
    throw usageError(`--timeout ${options.timeout} is no time`, 'Write 30s, 5m or 1h.');
  }
  const api = await invocation.client();
  const numbers = await Promise.all(
    names.map(async (name) => String((await api.getWorkload(await workloadSelector(api, name))).number)),
  );
  const expiry = new AbortController();
  const timer = timeoutMs === null ? null : invocation.host.clock.after(timeoutMs, () => expiry.abort());
  let reached: readonly Workload__Output[];
  try {
    reached = await followUntil(invocation, api, numbers, ({ state }) => states.includes(state) || hasEnded(state), {
      signal: expiry.signal,
    });
  } finally {
    timer?.cancel();
  }
  for (const workload of reached.filter(({ state }) => states.includes(state))) {
    invocation.out(`workload/${workload.number} condition met`);
  }
  const failed = reached.filter(({ state }) => !states.includes(state));
  if (failed.length > 0) {
    const lines = failed.map((workload) => `workload/${workload.number} ended otherwise: ${endText(workload)}`);
    throw failure('ENDED_OTHERWISE', lines.join('\n'));
  }
  const missing = numbers.filter((number) => !reached.some((workload) => String(workload.number) === number));
  if (missing.length > 0) {
    const subjects = missing.map((number) => `workload/${number}`).join(', ');
    throw failure('TIMED_OUT', `timed out waiting for the condition on ${subjects}`);
  }
  if (options.exitCode === true) invocation.exitCode = highestExitCode(reached);
}

/** Takes `running`, and `state=running` or `condition=running` as other tools write it. */
function statesFor(text: string): readonly WorkloadState__Output[] {
  const word = text.replace(/^(state|condition)=/, '').toLowerCase();
  const states = Object.hasOwn(CONDITIONS, word) ? CONDITIONS[word] : undefined;
  if (states !== undefined) return states;
  const close = nearestNames(word, Object.keys(CONDITIONS));
  throw usageError(
    `unknown condition "${text}"`,
    ...(close.length > 0 ? didYouMean(close) : [`Known: ${Object.keys(CONDITIONS).join(', ')}.`]),
  );
}

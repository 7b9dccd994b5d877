// `sluice run [FLAGS] -- COMMAND…`: submits a command, prints what its first task prints, exits as it exits.
import type { ReadLogsRequest } from '../../proto/gen/sluice/v1/ReadLogsRequest.js';
import type { SluiceClient } from '../client.js';
import { EXIT, usageError } from '../failure.js';
import { endText, followUntil, jobExitCode } from '../following.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { printLog } from '../log-printing.js';
import { hasEnded } from '../presentation.js';

import { stateTeller } from '../state-teller.js';
import { runOnTerminal } from '../terminal-session.js';
import { mappedToFlags, toSpec, withSpecFlags, type SpecOptions } from '../spec/flags.js';
import { acceptOtherNames, howToGoOn, send, tellSubmitted } from '../submission.js';

/** How long the rest of a log may take to arrive once the workload has ended. */
const LOG_REST_MS = 5_000;

interface Options extends SpecOptions {
  readonly detach?: boolean;
  readonly pty?: boolean;
  readonly json?: boolean;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Runs a command on the cluster, prints what its task 0 prints, and exits with its code.\n' +
        'Ctrl-C leaves it running and says how to go on.',
    )
    .usage('[FLAGS] -- COMMAND [ARGUMENTS…]')
    .argument('[command...]', 'program and arguments, passed on as they are; for a shell: -- sh -c "…"');
  withSpecFlags(command)
    .option('-d, --detach', 'submit only; do not follow')
    .option('--pty', 'give it a terminal, join it, and go on where it was after a lost connection')
    .option('--json', 'with --detach: print the answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  sluice run -G 1 -- nvidia-smi
  sluice run -G h100:4 -n 2 -A research -- python train.py --epochs 3
  sluice run -G 0.5 -c 4 --memory 16GiB -- jupyter lab
  sluice run -d -a 0-99%10 -G 1 -t 2h -- sh -c 'python sweep.py --seed $SLUICE_ARRAY_INDEX'
  sluice run -d -J nightly -- sh -c 'make test > report.txt'`,
    )
    .action((argv: readonly string[], options: Options) => run(invocation, argv, options));
  acceptOtherNames(command);
};

async function run(invocation: Invocation, argv: readonly string[], options: Options): Promise<void> {
  const settings = await invocation.settings();
  if (options.pty === true) {
    if (options.kind !== undefined && options.kind !== 'interactive') {
      throw usageError(`--pty makes interactive work, and --kind says ${options.kind}`);
    }
    const interactive = toSpec(argv, { ...options, kind: 'interactive' }, settings.queue.value);
    invocation.exitCode = await runOnTerminal(invocation, interactive, { joins: options.detach !== true });
    return;
  }
  const spec = toSpec(argv, options, settings.queue.value);
  if (spec.array && options.detach !== true) {
    throw usageError('an array has many outputs and is not followed', 'Submit it with -d; then: sluice logs -f NUMBER');
  }
  const api = await invocation.client();
  const response = await send(api, [spec], {
    repeatHint: () => 'It may have accepted this. Look with: sluice get workload last',
  }).catch((error: unknown) => {
    throw mappedToFlags(error);
  });
  const number = response.workloads[0]?.number;
  if (number === undefined) throw new Error('the scheduler accepted a workload and gave no number');
  if (options.detach === true) {
    if (options.json === true || invocation.host.env['SLUICE_OUTPUT'] === 'json') {
      const { toProtoJson } = await import('../proto-json.js');
      await invocation.printData('json', toProtoJson('SubmitWorkloadsResponse', response));
    } else {
      tellSubmitted(invocation, response, [spec]);
    }
    return;
  }
  // Standard output belongs to the job.
  invocation.note(`Submitted workload ${number}`);
  invocation.exitCode = await attach(invocation, api, number, spec.separateStderr === true);
}

/** Each log of the job onto its own of ours. @param isApart whether it has two */
async function printAll(
  invocation: Invocation,
  api: SluiceClient,
  request: ReadLogsRequest,
  signal: AbortSignal,
  isApart: boolean,
): Promise<void> {
  if (!isApart) return printLog(invocation, api, request, { signal });
  await Promise.all([
    printLog(invocation, api, { ...request, stream: 'LOG_STREAM_STDOUT' }, { signal }),
    printLog(invocation, api, { ...request, stream: 'LOG_STREAM_STDERR' }, { signal, toError: true }),
  ]);
}

/** Follows state and log until the end or until Ctrl-C. */
async function attach(invocation: Invocation, api: SluiceClient, number: number, isApart: boolean): Promise<number> {
  const detaching = new AbortController();
  const logEnd = new AbortController();
  const dispose = invocation.host.onInterrupt(() => {
    detaching.abort();
    logEnd.abort();
  });
  try {
    const log = printAll(invocation, api, { workload: String(number), task: 0, follow: true }, logEnd.signal, isApart);
    const following = followUntil(invocation, api, [String(number)], ({ state }) => hasEnded(state), {
      signal: detaching.signal,
      onChange: stateTeller(invocation),
    });
    // A log that cannot be read is told, but does not end the following: the job's code is worth more.
    const logDone = log.catch((error: unknown) => {
      invocation.note(`cannot follow the log: ${error instanceof Error ? error.message : String(error)}`);
    });
    const [ended] = await following;
    if (ended === undefined) {
      invocation.note(`\nDetached; workload ${number} goes on.\n${howToGoOn(number)}`);
      return EXIT.interrupted;
    }
    const timer = invocation.host.clock.after(LOG_REST_MS, () => logEnd.abort());
    await logDone;
    timer.cancel();
    if (ended.state !== 'WORKLOAD_STATE_SUCCEEDED') invocation.note(`workload ${number} ${endText(ended)}`);
    return jobExitCode(ended);
  } finally {
    logEnd.abort();
    dispose();
  }
}

// `sluice run [FLAGS] -- COMMAND…`: submits a command, prints what its first task prints, exits as it exits.
import type { Command } from 'commander';
import { parseDurationMs, toDuration } from '../../common/units.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { SluiceClient } from '../client.js';
import { EXIT, isApiError, usageError } from '../failure.js';
import { endText, followUntil, jobExitCode } from '../following.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { printLog } from '../log-printing.js';
import { hasEnded, nodeList, pascalCase, stateWord, workloadNodes } from '../presentation.js';

import { parseGpuRequest } from '../spec/gpu-request.js';
import { NAME_A_QUEUE, acceptOtherNames, howToGoOn, send, tellSubmitted } from '../submission.js';

/** How long the rest of a log may take to arrive once the workload has ended. */
const LOG_REST_MS = 5_000;

/** The flags that say what to run and with what. */
export interface SpecOptions {
  readonly gpus?: string;
  readonly tasks?: string;
  readonly queue?: string;
  readonly name?: string;
  readonly pool?: string;
  readonly priority?: string;
  readonly grace?: string;
  readonly preempt: boolean;
  readonly kind?: string;
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly checkpointDir?: string;
}

interface Options extends SpecOptions {
  readonly detach?: boolean;
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
    .option('--json', 'with --detach: print the answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  sluice run -G 1 -- nvidia-smi
  sluice run -G h100:4 -n 2 -A research -- python train.py --epochs 3
  sluice run -d -J nightly -- sh -c 'make test > report.txt'`,
    )
    .action((argv: readonly string[], options: Options) => run(invocation, argv, options));
  acceptOtherNames(command);
};

/** Gives a command the flags that say what to run and with what. */
export function withSpecFlags(command: Command): Command {
  return command
    .option('-G, --gpus <[model:]n>', 'GPUs for each task, for example 2 or h100:2; default none')
    .option('-n, --tasks <n>', 'tasks; they start all together or not at all', '1')
    .option('-A, --queue <name>', 'queue to charge (SLUICE_QUEUE)')
    .option('-J, --name <name>', 'name; default one made from the kind')
    .option('-p, --pool <name>', 'only nodes of this pool')
    .option('-q, --priority <n>', 'higher goes first inside the queue; default 50')
    .option('--grace <time>', 'from the stop signal to the kill, for example 30s or 2m')
    .option('--no-preempt', 'never loses its GPUs to others; stays within the guarantee of the queue')
    .option('--kind <kind>', 'batch, train, test or service; default batch')
    .option('--env <name=value>', 'environment variable; again for more', collect)
    .option('--workdir <folder>', 'absolute folder on the node to start in')
    .option('--checkpoint-dir <folder>', 'absolute folder for checkpoints, on storage that every node sees');
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

async function run(invocation: Invocation, argv: readonly string[], options: Options): Promise<void> {
  const settings = await invocation.settings();
  const spec = toSpec(argv, options, settings.queue.value);
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
  invocation.exitCode = await attach(invocation, api, number);
}

/** Which flag says which field of a spec. */
const FLAGS_OF_FIELDS: Readonly<Record<string, string>> = {
  name: '-J',
  queue: '-A',
  priority: '-q',
  tasks: '-n',
  resources: '-G',
  'resources.pool': '-p',
  command: 'the command',
  environment: '--env',
  working_directory: '--workdir',
  checkpoint: '--checkpoint-dir',
  'checkpoint.grace': '--grace',
};

/** What the scheduler found wrong, by the flags that said it; as it was when a complaint belongs to none. */
export function mappedToFlags(error: unknown): unknown {
  if (!isApiError(error) || error.fields.length === 0) return error;
  const lines = error.fields.map(({ field, description }) => {
    const [top = '', below = ''] = field.replace(/^specs\[0\]\./, '').split('.');
    const flag = FLAGS_OF_FIELDS[`${top}.${below}`] ?? FLAGS_OF_FIELDS[top.replace(/\[.*/, '')];
    return flag === undefined ? null : `${flag}: ${description}`;
  });
  const [first, ...rest] = lines.filter((line) => line !== null);
  return first === undefined || lines.includes(null) ? error : usageError(first, ...rest);
}

/** Follows state and log until the end or until Ctrl-C. */
async function attach(invocation: Invocation, api: SluiceClient, number: number): Promise<number> {
  const detaching = new AbortController();
  const logEnd = new AbortController();
  const dispose = invocation.host.onInterrupt(() => {
    detaching.abort();
    logEnd.abort();
  });
  try {
    const log = printLog(invocation, api, { workload: String(number), task: 0, follow: true }, logEnd.signal);
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

/** Tells each change of state once, with the reason while it waits. */
function stateTeller(invocation: Invocation): (workload: Workload__Output) => void {
  let told = '';
  return (workload) => {
    const { state, number } = workload;
    if (hasEnded(state) || state === 'WORKLOAD_STATE_STARTING') return;
    const where = state === 'WORKLOAD_STATE_RUNNING' ? ` on ${nodeList(workloadNodes(workload))}` : '';
    const key =
      state === 'WORKLOAD_STATE_PENDING' ? `${state} ${workload.pendingReason}` : `${state} ${workload.attempt}`;
    if (key === told) return;
    told = key;
    // Nobody has looked at it yet: the real reason, or its start, follows within moments.
    if (state === 'WORKLOAD_STATE_PENDING' && ['', 'NOT_EVALUATED'].includes(workload.pendingReason)) return;
    const reason = state === 'WORKLOAD_STATE_PENDING' ? ` (${pascalCase(workload.pendingReason)})` : '';
    const message = state === 'WORKLOAD_STATE_RUNNING' || workload.message === '' ? '' : `: ${workload.message}`;
    invocation.note(`workload ${number} is ${stateWord(state)}${where}${reason}${message}`);
  };
}

/** Flags → spec. @throws CliError (exit 2) */
export function toSpec(argv: readonly string[], options: SpecOptions, contextQueue: string | null): WorkloadSpec {
  if (argv.length === 0) {
    throw usageError('no command to run', 'Write it after "--": sluice run -G 1 -- python train.py');
  }
  const queue = options.queue ?? contextQueue;
  if (queue === null) throw usageError('no queue to charge', NAME_A_QUEUE);
  const gpus = options.gpus === undefined ? { count: 0, model: '' } : parseGpuRequest(options.gpus);
  if (gpus === null)
    throw usageError(`-G ${options.gpus} is no number of GPUs`, 'Write 2, or a model and a number: h100:2');
  const graceMs = options.grace === undefined ? null : parseDurationMs(options.grace);
  if (options.grace !== undefined && graceMs === null) {
    throw usageError(`--grace ${options.grace} is no time`, 'Write 30s, 2m or 1h30m.');
  }
  return {
    name: options.name ?? '',
    kind: kindOf(options.kind ?? 'batch'),
    queue,
    ...(options.priority === undefined ? {} : { priority: wholeNumber('-q', options.priority) }),
    ...(options.preempt ? {} : { preemptible: false }),
    tasks: tasksOf(options.tasks ?? '1'),
    resources: { gpus: gpus.count, gpuModel: gpus.model, pool: options.pool ?? '' },
    command: { argv: [...argv] },
    environment: (options.env ?? []).map(toVariable),
    workingDirectory: options.workdir ?? '',
    ...(graceMs === null && options.checkpointDir === undefined
      ? {}
      : { checkpoint: { grace: toDuration(graceMs), directory: options.checkpointDir ?? '' } }),
  };
}

/** The API takes 0 for "not said"; somebody who writes it wants something else. */
function tasksOf(text: string): number {
  const tasks = wholeNumber('-n', text);
  if (tasks < 1) throw usageError(`-n ${text}: a workload has at least 1 task`);
  return tasks;
}

function wholeNumber(flag: string, text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw usageError(`${flag} ${text} is no whole number`);
  return Number(text);
}

function toVariable(text: string): { readonly name: string; readonly value: string } {
  const equals = text.indexOf('=');
  if (equals <= 0) throw usageError(`--env ${text} is no NAME=VALUE`);
  return { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

function kindOf(word: string): NonNullable<WorkloadSpec['kind']> {
  switch (word) {
    case 'batch':
      return 'WORKLOAD_KIND_BATCH';
    case 'train':
      return 'WORKLOAD_KIND_TRAIN';
    case 'test':
      return 'WORKLOAD_KIND_TEST';
    case 'service':
      return 'WORKLOAD_KIND_SERVICE';
    default:
      throw usageError(`unknown kind "${word}"`, 'Known: batch, train, test, service.');
  }
}

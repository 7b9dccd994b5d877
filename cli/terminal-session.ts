// A person at the terminal of an interactive workload: waits until it runs, joins its terminal, joins again after a lost
// connection, and leaves with the program's code. Shared by run --pty, alloc and attach.
import type { WorkloadSpec } from '../proto/gen/sluice/v1/WorkloadSpec.js';
import type { Workload__Output } from '../proto/gen/sluice/v1/Workload.js';
import type { SluiceClient } from './client.js';
import { InputPump, runExec } from './exec-session.js';
import { EXIT, failure, isApiError, usageError } from './failure.js';
import { endText, followUntil, jobExitCode } from './following.js';
import type { HostTerminal, Invocation } from './invocation.js';
import { hasEnded } from './presentation.js';
import { mappedToFlags } from './spec/flags.js';
import { stateTeller } from './state-teller.js';
import { send } from './submission.js';

/** What is run when nothing is named: the shell that most people want, or the one that is always there. */
export const SHELL: readonly string[] = ['/bin/sh', '-c', 'command -v bash >/dev/null && exec bash; exec sh'];

/** How long the end of a program may take to be known after its terminal closed, in ms. */
const END_WAIT_MS = 10_000;
/** Between two tries to join again, in ms. */
const REJOIN_MS = 1_000;
/** After so long without a connection nobody waits any more, in ms. */
const REJOIN_LIMIT_MS = 10 * 60_000;

/**
 * Submits interactive work and joins its terminal.
 * @returns the exit code: that of the program
 */
export async function runOnTerminal(
  invocation: Invocation,
  spec: WorkloadSpec,
  { joins }: { readonly joins: boolean },
): Promise<number> {
  const terminal = joins ? terminalOf(invocation) : null;
  const api = await invocation.client();
  const response = await send(api, [spec], {
    repeatHint: () => 'It may have accepted this. Look with: sluice get workload last',
  }).catch((error: unknown) => {
    throw mappedToFlags(error);
  });
  const number = response.workloads[0]?.number;
  if (number === undefined) throw new Error('the scheduler accepted a workload and gave no number');
  invocation.note(`Submitted workload ${number}`);
  if (terminal === null) {
    invocation.note(`  join: sluice attach ${number}   why: sluice why ${number}   cancel: sluice cancel ${number}`);
    return EXIT.ok;
  }
  // Nobody has done anything in it yet: who presses Ctrl-C while it waits wants none of it.
  return attachTerminal(invocation, api, number, { onInterrupt: 'cancel' });
}

/** The terminal that this command runs on. @throws CliError (exit 2) when it runs on none */
export function terminalOf({ host }: Invocation): HostTerminal {
  if (host.terminal !== undefined) return host.terminal;
  throw usageError(
    'this needs a terminal, and input or output of this command is none',
    'For a script, run a program: sluice run -- PROGRAM, or sluice exec WORKLOAD -- PROGRAM',
  );
}

/** Joins the terminal of a workload until its program ends. @returns the exit code */
export async function attachTerminal(
  invocation: Invocation,
  api: SluiceClient,
  number: number,
  { onInterrupt }: { readonly onInterrupt: 'cancel' | 'leave' },
): Promise<number> {
  const terminal = terminalOf(invocation);
  const tell = stateTeller(invocation);
  const left = new AbortController();
  const dispose = invocation.host.onInterrupt(() => left.abort());
  let input: InputPump | null = null;
  try {
    for (;;) {
      const isReady = ({ state }: Workload__Output): boolean => hasEnded(state) || state === 'WORKLOAD_STATE_RUNNING';
      const workload = await untilState(invocation, api, number, isReady, left.signal, tell);
      if (workload === null) return await leaveWaiting(invocation, api, number, onInterrupt);
      if (hasEnded(workload.state)) return tellEnd(invocation, workload);
      input ??= new InputPump(invocation);
      await joinOnce(invocation, api, number, terminal, input, left.signal);
      const after = await lookAfter(invocation, api, number, left.signal);
      if (after === null || after.state === 'WORKLOAD_STATE_RUNNING') {
        invocation.note(
          `\nLeft the terminal of workload ${number}; it goes on.\n  join again: sluice attach ${number}`,
        );
        return left.signal.aborted ? EXIT.interrupted : EXIT.ok;
      }
    }
  } finally {
    input?.close();
    dispose();
  }
}

/** Joins, and again after each loss of the connection. Returns when the terminal closed, or this side was told to leave. */
async function joinOnce(
  invocation: Invocation,
  api: SluiceClient,
  number: number,
  terminal: HostTerminal,
  input: InputPump,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = invocation.host;
  let lostMs: number | null = null;
  while (!signal.aborted) {
    try {
      const start = { workload: String(number), task: 0, attach: {} };
      const onStarted = (): void => {
        if (lostMs !== null) invocation.note('sluice: joined again\r');
        lostMs = null;
      };
      const end = await runExec(invocation, api, start, { terminal, input, signal, onStarted });
      if (end !== null && end.error !== '') throw failure('EXEC_REFUSED', end.error);
      return;
    } catch (error) {
      // It may have ended, or been stopped, meanwhile.
      if (isApiError(error) && error.reason === 'TASK_NOT_RUNNING') return;
      if (!isApiError(error) || error.code !== UNAVAILABLE) throw error;
      if (lostMs === null) invocation.note(`\r\nsluice: ${error.message.split('\n')[0]}; joining again\r`);
      lostMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - lostMs > REJOIN_LIMIT_MS) throw error;
      await new Promise<void>((resolve) => clock.after(REJOIN_MS, resolve));
    }
  }
}

/** gRPC's code for a peer that is away. */
const UNAVAILABLE = 14;

/** The workload once it is no longer running, or after a while. @returns null = the signal came */
async function lookAfter(
  invocation: Invocation,
  api: SluiceClient,
  number: number,
  signal: AbortSignal,
): Promise<Workload__Output | null> {
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  const timer = invocation.host.clock.after(END_WAIT_MS, stop);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const isOver = ({ state }: Workload__Output): boolean => state !== 'WORKLOAD_STATE_RUNNING';
  const found = await untilState(invocation, api, number, isOver, enough.signal);
  timer.cancel();
  return found ?? (signal.aborted ? null : api.getWorkload(String(number)));
}

async function untilState(
  invocation: Invocation,
  api: SluiceClient,
  number: number,
  isIt: (workload: Workload__Output) => boolean,
  signal: AbortSignal,
  onChange?: (workload: Workload__Output) => void,
): Promise<Workload__Output | null> {
  const options = { signal, ...(onChange === undefined ? {} : { onChange }) };
  const [found] = await followUntil(invocation, api, [String(number)], isIt, options);
  return found ?? null;
}

async function leaveWaiting(
  invocation: Invocation,
  api: SluiceClient,
  number: number,
  onInterrupt: 'cancel' | 'leave',
): Promise<number> {
  if (onInterrupt === 'cancel') {
    await api.cancelWorkloads({ workloads: [String(number)] });
    invocation.note(`\nCancelled workload ${number}, which had not begun.`);
  } else {
    invocation.note(`\nworkload ${number} goes on without you.`);
  }
  return EXIT.interrupted;
}

function tellEnd(invocation: Invocation, workload: Workload__Output): number {
  if (workload.state !== 'WORKLOAD_STATE_SUCCEEDED') {
    invocation.note(`workload ${workload.number} ${endText(workload)}`);
  }
  return jobExitCode(workload);
}

// One exec as a person or a script sees it: standard input goes there, what comes goes out, sizes of the terminal follow, and
// the code comes back. Shared by exec, attach, run --pty and alloc.
import { constants } from 'node:os';
import type { ExecEnd__Output } from '../proto/gen/sluice/v1/ExecEnd.js';
import type { ExecStart } from '../proto/gen/sluice/v1/ExecStart.js';
import type { ExecCall, SluiceClient } from './client.js';
import { failure } from './failure.js';
import type { HostTerminal, Invocation } from './invocation.js';

/** The most bytes of one message of input. */
const INPUT_BYTES = 65_536;

export interface ExecOptions {
  /** Null = without one. */
  readonly terminal: HostTerminal | null;
  /** Whether standard input is passed on. */
  readonly input: boolean;
  /** Called once it has begun. */
  readonly onStarted?: () => void;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/**
 * Runs to its end.
 * @returns how it ended; null = the signal came
 * @throws ApiError, CliError when it could not be started or broke
 */
export async function runExec(
  invocation: Invocation,
  api: SluiceClient,
  start: ExecStart,
  { terminal, input, onStarted, signal }: ExecOptions,
): Promise<ExecEnd__Output | null> {
  const { env } = invocation.host;
  const call = api.exec(
    terminal === null ? start : { ...start, terminal: terminal.size(), terminalType: env['TERM'] ?? '' },
  );
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  const undo: (() => void)[] = [() => signal?.removeEventListener('abort', cancel)];
  try {
    for await (const message of call.messages) {
      if (message.started) {
        if (terminal !== null) {
          undo.push(
            terminal.onResize(() => void call.send({ size: terminal.size() })),
            terminal.raw(),
          );
        }
        if (input) void passInput(invocation, call);
        else void call.send({ inputEnd: {} });
        onStarted?.();
      } else if (message.output) {
        await invocation.write(message.output);
      } else if (message.errorOutput) {
        await invocation.writeError(message.errorOutput);
      } else if (message.end) {
        return message.end;
      }
    }
    throw failure('EXEC_LOST', 'the scheduler ended the call before the program had ended');
  } catch (error) {
    if (signal?.aborted === true) return null;
    throw error;
  } finally {
    for (const each of undo.toReversed()) each();
    call.cancel();
    // Whoever waits for a key would keep this process alive.
    if (input) invocation.host.stdin.destroy?.();
  }
}

/** What the caller's shell is to be told of a program that ended. */
export function execCode({ exit, error }: ExecEnd__Output): number {
  if (exit === null) throw failure('EXEC_REFUSED', error === '' ? 'it could not be started' : error);
  const signals: Readonly<Record<string, number>> = constants.signals;
  return exit.signal === '' ? (exit.code ?? 1) : 128 + (signals[exit.signal] ?? 0);
}

async function passInput({ host }: Invocation, call: ExecCall): Promise<void> {
  try {
    for await (const chunk of host.stdin) {
      const data = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      for (let at = 0; at < data.length; at += INPUT_BYTES)
        await call.send({ input: data.subarray(at, at + INPUT_BYTES) });
    }
  } catch (error) {
    // The input was taken away, at the end or by a terminal that closed; whatever else it was, there is no more of it.
    if (!(error instanceof Error)) throw error;
  }
  await call.send({ inputEnd: {} });
}

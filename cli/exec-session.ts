// One exec as a person or a script sees it: standard input goes there, what comes goes out, sizes of the terminal follow, and
// the code comes back. Shared by exec, attach, run --pty and alloc.
import { constants } from 'node:os';
import type { ExecEnd__Output } from '../proto/gen/sluice/v1/ExecEnd.js';
import type { ExecStart } from '../proto/gen/sluice/v1/ExecStart.js';
import type { SluiceClient } from './client.js';
import { failure } from './failure.js';
import type { HostTerminal, Invocation } from './invocation.js';

/** The most bytes of one message of input. */
const INPUT_BYTES = 65_536;

export interface ExecOptions {
  /** Null = without one. */
  readonly terminal: HostTerminal | null;
  /** What is passed on as its input; null = nothing. */
  readonly input: InputPump | null;
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
  const call = await api.exec(
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
        if (input === null) void call.send({ inputEnd: {} });
        else undo.push(input.connect((data) => call.send(data === null ? { inputEnd: {} } : { input: data })));
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
  }
}

/** What the caller's shell is to be told of a program that ended. */
export function execCode({ exit, error }: ExecEnd__Output): number {
  if (exit === null) throw failure('EXEC_REFUSED', error === '' ? 'it could not be started' : error);
  const signals: Readonly<Record<string, number>> = constants.signals;
  return exit.signal === '' ? (exit.code ?? 1) : 128 + (signals[exit.signal] ?? 0);
}

/** Takes what comes in; null = there is no more. Resolves when there is room. */
type InputSink = (data: Buffer | null) => Promise<void>;

/** Standard input, for one exec after the other: what is typed while there is none waits for the next. */
export class InputPump {
  readonly #stdin: Invocation['host']['stdin'];
  #sink: InputSink | null = null;
  #wake: (() => void) | null = null;

  /** Begins to read. */
  constructor({ host }: Invocation) {
    this.#stdin = host.stdin;
    void this.#run();
  }

  /** @returns takes it back */
  connect(sink: InputSink): () => void {
    this.#sink = sink;
    this.#wake?.();
    return () => {
      if (this.#sink === sink) this.#sink = null;
    };
  }

  /** Whoever waits for a key would keep this process alive. */
  close(): void {
    this.#stdin.destroy?.();
  }

  async #run(): Promise<void> {
    try {
      for await (const chunk of this.#stdin) {
        const data = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
        for (let at = 0; at < data.length; at += INPUT_BYTES) await this.#pass(data.subarray(at, at + INPUT_BYTES));
      }
    } catch (error) {
      // It was taken away, by us or by a terminal that closed; whatever else it was, there is no more of it.
      if (!(error instanceof Error)) throw error;
    }
    await this.#pass(null);
  }

  async #pass(data: Buffer | null): Promise<void> {
    while (this.#sink === null) await new Promise<void>((resolve) => (this.#wake = resolve));
    await this.#sink(data);
  }
}

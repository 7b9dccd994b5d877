// Runs the command line inside the test, with streams, environment, home and Ctrl-C of the test's own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../common/clock.js';
import type { Host } from '../../cli/invocation.js';
import { runCli } from '../../cli/program.js';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly isTTY?: boolean;
}

/** A run under way. */
export interface CliRun {
  readonly result: Promise<CliResult>;
  /** Resolves once standard output holds the text; rejects when the run ends without it. */
  stdoutHas(text: string): Promise<void>;
  stderrHas(text: string): Promise<void>;
  interrupt(): void;
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a command line. */
export function startCli(argv: readonly string[], options: CliOptions = {}): CliRun {
  const stdout = new Capture(options.isTTY === true);
  const stderr = new Capture(options.isTTY === true);
  const handlers = new Set<() => void>();
  const host: Host = {
    stdin: (async function* () {
      yield Buffer.from(options.stdin ?? '');
      await Promise.resolve();
    })(),
    stdout,
    stderr,
    env: { SLUICE_CONFIG: '/nonexistent/config.yaml', ...options.env },
    clock: systemClock,
    homeDirectory: '/nonexistent',
    onInterrupt: (handler) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
  const result = runCli(argv, host).then((code) => ({ code, stdout: stdout.text, stderr: stderr.text }));
  return {
    result,
    stdoutHas: (text) => stdout.has(text, result),
    stderrHas: (text) => stderr.has(text, result),
    interrupt: () => handlers.forEach((handler) => handler()),
  };
}

/** Runs a command line to its end. */
export function cli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(argv, options).result;
}

class Capture {
  readonly isTTY: boolean;
  text = '';
  #waiters: { readonly text: string; readonly resolve: () => void }[] = [];

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(chunk: unknown, ...rest: readonly unknown[]): boolean {
    this.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString('utf8');
    this.#waiters = this.#waiters.filter(({ text, resolve }) => {
      if (!this.text.includes(text)) return true;
      resolve();
      return false;
    });
    const callback = rest.find((each) => typeof each === 'function');
    if (typeof callback === 'function') (callback as () => void)();
    return true;
  }

  async has(text: string, end: Promise<unknown>): Promise<void> {
    if (this.text.includes(text)) return;
    await Promise.race([
      new Promise<void>((resolve) => this.#waiters.push({ text, resolve })),
      end.then(() => {
        if (!this.text.includes(text)) throw new Error(`ended without ${JSON.stringify(text)}:\n${this.text}`);
      }),
    ]);
  }
}

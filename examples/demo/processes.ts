// The processes of the demo: started in sessions of their own, so that Ctrl-C reaches only the demo itself, which then
// ends them in the right order. Every process writes a log that is shown when its step fails.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** How long a process may take to end when it is asked to, before it is killed. */
const STOP_LIMIT_MS = 20_000;
/** Lines of a log that a failure shows. */
const SHOWN_LINES = 25;

/** A process of the demo. */
export class DemoProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor(name: string, command: readonly string[], folder: string) {
    this.name = name;
    this.logFile = path.join(folder, `${name}.log`);
    const log = openSync(this.logFile, 'a');
    const [program = '', ...args] = command;
    this.#child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code) => resolve(code));
      this.#child.once('error', () => resolve(null));
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Asks it to end, and kills it when it does not in time. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.exited;
    clearTimeout(timer);
  }

  /** The end of its log. */
  logTail(): string {
    return tailOf(this.logFile);
  }
}

/** The last lines of a file, or why there are none. */
export function tailOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
  } catch (error) {
    return `(no log: ${error instanceof Error ? error.message : String(error)})`;
  }
}

// One process of the cluster under fire, and whoever starts it again: what systemd does on a real machine.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { systemClock, type Timer } from '../../common/clock.js';

/** How soon a process that ended is started again, in ms. */
const RESTART_MS = 200;
/** How long a process may take to leave when it is asked to. */
const LEAVE_LIMIT_MS = 30_000;
const LINES_SHOWN = 15;

export interface MemberOptions {
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Called when it ended without having been killed by us, or would not end. */
  readonly onUnexpectedEnd: (name: string, how: string, lastWords: string) => void;
}

/** A process that is kept running. */
export class Member {
  readonly name: string;
  readonly #options: MemberOptions;
  #child: ChildProcess | null = null;
  #restart: Timer | null = null;
  #isWanted = false;
  /** Exit codes that are right just now, beside our own signals. */
  #rightCodes: readonly number[] = [];
  #ended: Promise<void> = Promise.resolve();

  constructor(options: MemberOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Its process id; null while it is down. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Starts it, and from now on again whenever it ends. */
  start(): void {
    this.#isWanted = true;
    this.#restart?.cancel();
    this.#restart = null;
    if (this.#child !== null) return;
    const { command, environment, logFile } = this.#options;
    const [program, ...args] = command;
    const log = openSync(logFile, 'a', 0o600);
    const env = { ...process.env, ...environment };
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env });
    closeSync(log);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#child = null;
        this.#over(code, signal);
        resolve();
      });
    });
  }

  /** Kills it with no word of warning; the keeper starts it again after `downMs`. */
  async kill(downMs: number): Promise<void> {
    this.#isWanted = false;
    this.#child?.kill('SIGKILL');
    await this.#ended;
    this.#restart = systemClock.after(downMs, () => this.start());
  }

  /** Asks it to leave, and waits until it has. Nobody starts it again. One that stays is reported, and killed. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isWanted = false;
    this.#restart?.cancel();
    this.#child?.kill('SIGCONT');
    this.#child?.kill(signal);
    const tooLong = systemClock.after(LEAVE_LIMIT_MS, () => {
      const how = `it did not leave within ${LEAVE_LIMIT_MS} ms of ${signal}`;
      this.#options.onUnexpectedEnd(this.name, how, this.lastWords());
      this.#child?.kill('SIGKILL');
    });
    await this.#ended;
    tooLong.cancel();
  }

  /** Stops its clockwork; it keeps its connections and locks. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** While `during` goes on these exit codes are what ought to happen. */
  async whileRight(codes: readonly number[], during: () => Promise<void>): Promise<void> {
    this.#rightCodes = codes;
    try {
      await during();
    } finally {
      this.#rightCodes = [];
    }
  }

  /** Resolves when the process that runs now has ended. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  lastWords(): string {
    return readFileSync(this.#options.logFile, 'utf8').trimEnd().split('\n').slice(-LINES_SHOWN).join('\n');
  }

  #over(code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#isWanted) return;
    if (code === null || !this.#rightCodes.includes(code)) {
      this.#options.onUnexpectedEnd(
        this.name,
        `it ended by itself with ${signal ?? `exit code ${code}`}`,
        this.lastWords(),
      );
    }
    this.#restart = systemClock.after(RESTART_MS, () => this.start());
  }
}

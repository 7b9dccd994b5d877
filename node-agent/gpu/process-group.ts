// Runs a command that may hang, as a process group of its own that is killed at a limit. A command that is stuck in the
// kernel does not die even then: it is remembered, and nothing more is started until it is gone, so that processes never pile up.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../../common/clock.js';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly limitMs: number;
  /** More on stdout than this kills the group. */
  readonly maxBytes: number;
  /**
   * `exit`: the command answers and ends. `first line`: it answers with one line and waits to be killed, so that its
   * children cannot outlive it; it finds the end of its stdin when we are gone.
   */
  readonly answersBy: 'exit' | 'first line';
}

export type CommandResult =
  | {
      readonly state: 'answered';
      /** Null = killed by somebody else's signal, or by us after its first line. */
      readonly exitCode: number | null;
      readonly stdout: string;
      readonly stderr: string;
    }
  | { readonly state: 'missing' }
  | { readonly state: 'not-started'; readonly message: string }
  | { readonly state: 'timed-out' }
  | { readonly state: 'too-long' }
  /** An earlier command was killed and is still there. */
  | { readonly state: 'stuck'; readonly pid: number; readonly sinceMs: number }
  | { readonly state: 'closed' };

/** The most kept of stderr; the rest is dropped. */
const MAX_STDERR_BYTES = 64 * 1024;
/** How long a killed group may take to vanish before it counts as stuck. */
const KILL_WAIT_MS = 1_000;
const KILL_POLL_MS = 5;

interface Killed {
  readonly pid: number;
  readonly atMs: number;
}

type Ending = Exclude<CommandResult, { state: 'stuck' }>;

/** The commands of one owner. */
export class ProcessGroups {
  readonly #clock: Clock;
  readonly #groupLives: (leader: number) => Promise<boolean>;
  /** Leaders that run now, and how to end them. */
  readonly #running = new Map<number, (ending: Ending) => void>();
  #stuck: readonly Killed[] = [];
  #closed = false;

  /** @param lives whether a process of a group is left; only tests give another than the kernel's answer */
  constructor(clock: Clock, lives: (leader: number) => Promise<boolean> = groupLives) {
    this.#clock = clock;
    this.#groupLives = lives;
  }

  /** Runs a command to its end, whatever that is. Never rejects. */
  async run(command: Command): Promise<CommandResult> {
    const stuck = await this.#firstStuck();
    if (this.#closed) return { state: 'closed' };
    if (stuck !== undefined) {
      return { state: 'stuck', pid: stuck.pid, sinceMs: this.#clock.monotonicMs() - stuck.atMs };
    }
    const { child, ended } = this.#start(command);
    const ending = await ended;
    const finished = ending.state === 'answered' && command.answersBy === 'exit';
    if (child.pid !== undefined && !finished) await this.#kill(child, child.pid);
    return ending;
  }

  /** Kills everything under way; those who wait get `closed`. Nothing can be run afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    const pids = [...this.#running.keys()];
    for (const end of this.#running.values()) end({ state: 'closed' });
    await Promise.all(pids.map((pid) => this.#waitUntilGone(pid)));
  }

  #start(command: Command): { child: ChildProcess; ended: Promise<Ending> } {
    const child = spawn(command.file, command.args, {
      // A session and group of its own, with the child's pid as number: what it starts can be killed with it.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: command.environment,
    });
    const ended = new Promise<Ending>((resolve) => {
      const limit = this.#clock.after(command.limitMs, () => end({ state: 'timed-out' }));
      let over = false;
      const end = (ending: Ending) => {
        if (over) return;
        over = true;
        limit.cancel();
        if (child.pid !== undefined) this.#running.delete(child.pid);
        resolve(ending);
      };
      if (child.pid !== undefined) this.#running.set(child.pid, end);
      collect(child, command, end);
    });
    return { child, ended };
  }

  async #kill(child: ChildProcess, pid: number): Promise<void> {
    signalGroup(pid, 'SIGKILL');
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    if (await this.#waitUntilGone(pid)) return;
    child.unref();
    this.#stuck = [...this.#stuck, { pid, atMs: this.#clock.monotonicMs() }];
  }

  /** @returns false when it is still there after `KILL_WAIT_MS` */
  async #waitUntilGone(pid: number): Promise<boolean> {
    const deadlineMs = this.#clock.monotonicMs() + KILL_WAIT_MS;
    while (await this.#groupLives(pid)) {
      if (this.#clock.monotonicMs() >= deadlineMs) return false;
      await new Promise<void>((resolve) => void this.#clock.after(KILL_POLL_MS, resolve));
    }
    return true;
  }

  async #firstStuck(): Promise<Killed | undefined> {
    const lives = await Promise.all(
      this.#stuck.map(async (killed) => ((await this.#groupLives(killed.pid)) ? [killed] : [])),
    );
    this.#stuck = lives.flat();
    return this.#stuck[0];
  }
}

/** Gathers what the child writes, and calls `end` when it has answered, failed or written too much. */
function collect(child: ChildProcess, command: Command, end: (ending: Ending) => void): void {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let stdoutBytes = 0;
  let stderrBytes = 0;
  const answered = (exitCode: number | null) =>
    end({
      state: 'answered',
      exitCode,
      stdout: Buffer.concat(stdout).toString('utf8'),
      stderr: Buffer.concat(stderr).toString('utf8'),
    });
  child.stdout?.on('data', (chunk: Buffer) => {
    stdoutBytes += chunk.length;
    if (stdoutBytes > command.maxBytes) return end({ state: 'too-long' });
    stdout.push(chunk);
    if (command.answersBy === 'first line' && chunk.includes('\n')) answered(null);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    if (stderrBytes < MAX_STDERR_BYTES) stderr.push(chunk);
    stderrBytes += chunk.length;
  });
  // A child that ends before it reads its stdin is no failure of ours.
  child.stdin?.on('error', () => undefined);
  if (command.answersBy === 'exit') child.stdin?.end();
  child.on('error', (error: NodeJS.ErrnoException) =>
    end(error.code === 'ENOENT' ? { state: 'missing' } : { state: 'not-started', message: error.message }),
  );
  child.on('close', (exitCode) => answered(exitCode));
}

function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    // EPERM: there is a process, but not ours any more (a set-uid program). Any other error: no such group.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a process of the group is left that is more than a zombie: those wait for whoever reaps them and hold nothing. */
export async function groupLives(leader: number): Promise<boolean> {
  if (!signalGroup(leader, 0)) return false;
  if (process.platform !== 'linux') return true;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // A process that ended since the folder was listed reads as nothing.
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    // "pid (name) state ppid pgrp …": the name may hold spaces and brackets, so count from its end.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(group) === leader && state !== 'Z' && state !== 'X') return true;
  }
  return false;
}

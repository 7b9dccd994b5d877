// The processes of `sluice dev`: started in sessions of their own so that Ctrl-C reaches only us, ended in order, and
// searched for at the end, since an agent's supervisor and tasks are made to outlive it.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../common/clock.js';
import { PACKAGE_ROOT } from '../common/package-root.js';

/** The built command: a process of its own cannot run from the sources. */
const PROGRAM = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
/** How long what was killed may take to vanish. */
const VANISH_LIMIT_MS = 5_000;
const LOOK_AGAIN_MS = 50;
/** How much of a log is shown when a process ended early. */
const LOG_LINES_SHOWN = 12;

/** One started daemon. */
export class DevProcess {
  readonly name: string;
  readonly logFile: string;
  /** Resolves with words that say how it ended. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  constructor(name: string, argv: readonly string[], folder: string) {
    this.name = name;
    this.logFile = path.join(folder, `${name}.log`);
    const log = openSync(this.logFile, 'a', 0o600);
    this.#child = spawn(process.execPath, [PROGRAM, ...argv], { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined;
  }

  /** 0 = it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    if (this.isRunning) this.#child.kill(name);
  }

  /** The end of its log, for the message that it ended early. */
  lastWords(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
  }
}

/**
 * Ends processes together: asked first, killed when the limit is over or `hurry` comes.
 * @returns once none is left
 */
export async function endTogether(
  processes: readonly DevProcess[],
  options: { readonly limitMs: number; readonly hurry: AbortSignal; readonly clock: Clock },
): Promise<void> {
  const kill = () => processes.forEach((each) => each.signal('SIGKILL'));
  if (options.hurry.aborted) kill();
  else for (const each of processes) each.signal('SIGTERM');
  const timer = options.clock.after(options.limitMs, kill);
  options.hurry.addEventListener('abort', kill);
  try {
    await Promise.all(processes.filter((each) => each.isRunning).map((each) => each.ended));
  } finally {
    timer.cancel();
    options.hurry.removeEventListener('abort', kill);
  }
}

/**
 * Kills what agents of these state folders left behind: supervisors first, so that nobody starts or restarts anything,
 * then tasks. Knows them by what they were started with, never by name alone. Without /proc there is nothing to look at.
 * @returns process ids that would not go
 */
export async function killLeftovers(stateDirs: readonly string[], clock: Clock): Promise<readonly number[]> {
  const endMs = clock.monotonicMs() + VANISH_LIMIT_MS;
  for (;;) {
    const found = leftovers(stateDirs);
    const left = [...found.supervisors, ...found.tasks];
    if (left.length === 0 || clock.monotonicMs() > endMs) return left;
    for (const pid of found.supervisors.length > 0 ? found.supervisors : found.tasks) kill(pid);
    await new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve));
  }
}

function leftovers(stateDirs: readonly string[]): { readonly supervisors: number[]; readonly tasks: number[] } {
  const supervisors: number[] = [];
  const tasks: number[] = [];
  for (const entry of listProc()) {
    const words = readProc(entry, 'cmdline').split('\0');
    const isSupervisor = words.some((word) => word.endsWith('node-agent/runtime/supervisor.js'));
    if (isSupervisor && words.some((word) => stateDirs.includes(word))) supervisors.push(Number(entry));
    const stopFile = readProc(entry, 'environ')
      .split('\0')
      .find((variable) => variable.startsWith('SLUICE_STOP_FILE='))
      ?.slice('SLUICE_STOP_FILE='.length);
    if (stopFile !== undefined && stateDirs.some((folder) => stopFile.startsWith(`${folder}/`)))
      tasks.push(Number(entry));
  }
  return { supervisors, tasks };
}

function listProc(): readonly string[] {
  try {
    return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid);
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}

/** Empty for a process that is gone by now, is a zombie, or belongs to somebody else. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (isSystemError(error)) return '';
    throw error;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}

// A program that somebody runs inside a task, as a pair of streams with an end: over pipes, or on a terminal.
import type { ChildProcess } from 'node:child_process';
import { chownSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { TaskSpec } from '../runtime/allocation-folder.js';
import { startInTask, type ForeignGroups } from '../runtime/task-start.js';
import { inFolder, Terminal, type TerminalSize, withTerminal } from './terminal.js';

/** From the hangup to the kill when the one who ran it left, in ms. */
const HANGUP_GRACE_MS = 5_000;
/** How long after its end its output is waited for while processes that it left behind hold it open, in ms. */
const DRAIN_MS = 200;

/** How it ended. */
export interface ProgramEnd {
  readonly code: number | null;
  /** Empty = by none. */
  readonly signal: string;
  /** In words, why there is nothing to run or to join any more; absent = it ended by itself. */
  readonly error?: string;
}

export interface ProgramListener {
  output(data: Buffer): void;
  errorOutput(data: Buffer): void;
  ended(end: ProgramEnd): void;
}

/** What is read from and written to, however it is connected. */
export interface RunningProgram {
  /** @returns false = more should wait for `onDrain` */
  write(data: Buffer): boolean;
  onDrain(listener: () => void): void;
  endInput(): void;
  resize(size: TerminalSize): void;
  /** Reads no more of its output; it has to wait once its pipe is full. */
  pause(): void;
  resume(): void;
  /** Whoever ran it left: hangs up, and kills it if that is not enough. */
  hangUp(): void;
}

/** How a program is to be run. */
export interface ProgramStart {
  readonly argv: readonly string[];
  readonly folder: string;
  /** Null = over pipes. */
  readonly terminal: (TerminalSize & { readonly type: string }) | null;
}

/** @throws Error when it cannot be started */
export function runInTask(
  spec: TaskSpec,
  groups: ForeignGroups | null,
  { argv, folder, terminal: wanted }: ProgramStart,
  listener: ProgramListener,
): RunningProgram {
  // Entered by a shell: whoever forks waits until the program has its folder, and a dead network file system never gives it.
  const place = { ...spec, workingDirectory: '/' };
  if (wanted === null) {
    const child = startInTask(place, groups, { argv: inFolder(folder, argv), stdio: ['pipe', 'pipe', 'pipe'] });
    return overPipes(child, listener);
  }
  const terminal = Terminal.open(wanted);
  try {
    // Whoever the task runs as has to be able to open it.
    if (spec.user !== undefined) chownSync(terminal.slave, spec.user.uid, spec.user.gid);
    const child = startInTask(place, groups, {
      argv: withTerminal(terminal.slave, folder, argv),
      stdio: 'ignore',
      environment: { TERM: wanted.type },
    });
    return onTerminal(child, terminal, listener);
  } catch (error) {
    terminal.close();
    throw error;
  }
}

function overPipes(child: ChildProcess, listener: ProgramListener): RunningProgram {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('a program was started without its pipes');
  stdout.on('data', (data: Buffer) => listener.output(data));
  stderr.on('data', (data: Buffer) => listener.errorOutput(data));
  // It may end, or close its input, before it has read all of it.
  stdin.on('error', () => undefined);
  const hangUp = tellEnd(child, [stdout, stderr], listener);
  return {
    ...writingTo(stdin),
    endInput: () => void stdin.end(),
    resize: () => undefined,
    pause: () => [stdout, stderr].forEach((stream) => stream.pause()),
    resume: () => [stdout, stderr].forEach((stream) => stream.resume()),
    hangUp,
  };
}

function onTerminal(child: ChildProcess, terminal: Terminal, listener: ProgramListener): RunningProgram {
  const { stream } = terminal;
  stream.on('data', (data: Buffer) => listener.output(data));
  // EIO: nobody has the terminal any more.
  stream.on('error', () => terminal.close());
  const hangUp = tellEnd(child, [stream], listener);
  return {
    ...writingTo(stream),
    // The end of a terminal's input is a character.
    endInput: () => void stream.write('\x04'),
    resize: (size) => terminal.resize(size),
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    hangUp: () => {
      terminal.close();
      hangUp();
    },
  };
}

function writingTo(stream: Writable): Pick<RunningProgram, 'write' | 'onDrain'> {
  return {
    write: (data) => stream.destroyed || stream.writableEnded || stream.write(data),
    onDrain: (listener) => void stream.on('drain', listener),
  };
}

/** Tells the end once all output was told. @returns ends it early */
function tellEnd(child: ChildProcess, outputs: readonly Readable[], listener: ProgramListener): () => void {
  let end: ProgramEnd | null = null;
  let isTold = false;
  let timer: NodeJS.Timeout | null = null;
  const tell = (): void => {
    if (end === null || isTold) return;
    isTold = true;
    if (timer !== null) clearTimeout(timer);
    outputs.forEach((output) => output.destroy());
    listener.ended(end);
  };
  const look = (): void => {
    if (end === null) return;
    if (outputs.every((output) => output.closed || output.readableEnded)) tell();
    else drain();
  };
  // What the program left behind may hold its output open for ever. While somebody reads slowly, it is not that.
  const drain = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => (outputs.some((output) => output.isPaused()) ? drain() : tell()), DRAIN_MS);
  };
  for (const output of outputs) {
    output.on('close', look);
    output.on('end', look);
    output.on('data', () => end !== null && drain());
  }
  const finish = (code: number | null, signal: string): void => {
    end ??= { code, signal };
    look();
  };
  child.once('exit', (code, signal) => finish(code, signal ?? ''));
  // The shell itself could not be started: as a shell would say it.
  child.once('error', () => finish(126, ''));
  return () => {
    signalGroup(child, 'SIGHUP');
    signalGroup(child, 'SIGCONT');
    const kill = setTimeout(() => signalGroup(child, 'SIGKILL'), HANGUP_GRACE_MS);
    child.once('exit', () => clearTimeout(kill));
  };
}

/** It leads a group of its own. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

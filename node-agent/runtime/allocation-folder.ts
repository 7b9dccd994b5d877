// The folder of one allocation on disk, which both the agent and the supervisor read after a restart of either. Records
// are written whole under a temporary name and then renamed or linked, so that whoever reads sees all of one or nothing.
import {
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TaskUse } from '../metrics/task-use.js';
import type { TaskUser } from './as-user.js';
import type { LimitGroups, TaskLimits } from './cgroup-limits.js';
import type { ProcessIdentity } from './process-identity.js';

/** It is written by the user's own processes. */
const MAX_CAUSE_CHARACTERS = 200;

/** What the supervisor needs to run a task. */
export interface TaskSpec {
  readonly id: string;
  /** Passed on verbatim, never through a shell. */
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly checkpointDir: string;
  /** How long it may run on without a lease, in ms. */
  readonly lingerMs: number;
  /** From TERM to KILL when the lease is lost, in ms. */
  readonly graceMs: number;
  /** Sent ahead of TERM, to the processes that catch it; absent = none is. */
  readonly earlySignal?: { readonly signal: string; readonly aheadMs: number };
  /** The size above which the oldest half of the log is dropped, in bytes. */
  readonly logCapBytes: number;
  /** What the kernel is to hold it to; absent = nothing. */
  readonly limits?: TaskLimits;
  /** Who it runs as; absent = the agent's own user. */
  readonly user?: TaskUser;
  /** The most that it may have in its own folder on the disk, in bytes; absent = no limit. */
  readonly workLimitBytes?: number;
  /** How long its gang may run, in ms; absent = without a limit. */
  readonly timeLimitMs?: number;
  /** Its main process looks after several ranks, and says in words which one failed; absent = it is the program. */
  readonly ranks?: true;
  /** Its program has a terminal that people join; absent = it has not. */
  readonly terminal?: true;
  /** Standard error goes into a log of its own, with a cap of its own; absent = both go into one. */
  readonly separateStderr?: true;
  /** What the scheduler wants back should its history be lost; absent = it sent none. */
  readonly origin?: string;
}

/** Who has the right to run an allocation, or took care that nobody runs it. Made once, never changed. */
export type Claim =
  | {
      readonly by: 'supervisor';
      readonly supervisor: ProcessIdentity;
      /** The group it is about to be started in; null = none. */
      readonly cgroup: string | null;
      /** The groups of its limits; absent = none but that. */
      readonly limitGroups?: LimitGroups;
    }
  | { readonly by: 'agent' };

/** The task was started. */
export interface RunningRecord {
  readonly process: ProcessIdentity;
  /** Wall clock, ms since 1970. */
  readonly startedMs: number;
}

/** How an allocation ended. */
export interface EndRecord {
  /** True = the program was never started and never will be under this id. */
  readonly neverStarted: boolean;
  /** Null when a signal ended it or nothing is known; neither code nor signal = lost. */
  readonly code: number | null;
  /** For example "SIGKILL"; empty = none. */
  readonly signal: string;
  /** In words. */
  readonly message: string;
  readonly startedMs: number | null;
  readonly endedMs: number;
  /** Whether it got its stop signal before it ended. */
  readonly stopSignalled: boolean;
  /** Processes that could not be ended; empty = none. */
  readonly left: readonly ProcessIdentity[];
}

/** The files of one allocation. */
export class AllocationFolder {
  readonly path: string;

  constructor(folder: string) {
    this.path = folder;
  }

  get log(): string {
    return path.join(this.path, 'log');
  }
  /** What goes to standard error, of a task that has it apart. */
  get errorLog(): string {
    return path.join(this.path, 'log.err');
  }
  /** JSON lines written by the program. */
  get report(): string {
    return path.join(this.path, 'report');
  }
  /** Appears before the stop signal. */
  get stop(): string {
    return path.join(this.path, 'stop');
  }
  /** How many seconds are left until its time limit. */
  get timeLeft(): string {
    return path.join(this.path, 'time-left');
  }
  /** By which its program calls the scheduler: a secret of its user. */
  get token(): string {
    return path.join(this.path, 'token');
  }
  /** The working directory of a task that names none. */
  get work(): string {
    return path.join(this.path, 'work');
  }

  /** Its scratch files, as TMPDIR. */
  get scratch(): string {
    return path.join(this.path, 'tmp');
  }

  /**
   * Makes the folder. Only our own user may look inside, since specs carry secrets.
   * @returns false when it was there already
   */
  async create(): Promise<boolean> {
    try {
      await mkdir(this.path, { mode: 0o700 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  readSpec(): TaskSpec | null {
    return this.#read('spec.json') as TaskSpec | null;
  }
  /** Written in one go under its own name: only whoever is told afterwards to start it relies on it. */
  async writeSpec(spec: TaskSpec): Promise<void> {
    await writeFile(path.join(this.path, 'spec.json'), JSON.stringify(spec), { mode: 0o600 });
  }

  readClaim(): Claim | null {
    return this.#read('claim') as Claim | null;
  }

  /**
   * Claims the allocation. Of any number of callers, in any processes, at most one ever gets `true`: link(2) refuses an
   * existing name.
   */
  claim(claim: Claim): boolean {
    const temporary = this.#writeTemporary('claim', claim);
    try {
      linkSync(temporary, path.join(this.path, 'claim'));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      unlinkSync(temporary);
    }
  }

  /** Everything that a start needs is here, and its agent waits for the rest of its gang: no order was given. */
  get isReady(): boolean {
    return this.#read('ready') !== null;
  }
  writeReady(): void {
    this.#replace('ready', {});
  }

  /** Where the main process of several ranks writes down which one failed. */
  get cause(): string {
    return path.join(this.path, 'cause');
  }
  /** In words; empty = it wrote nothing. */
  readCause(): string {
    if (!existsSync(this.cause)) return '';
    // It may be of any size.
    const start = Buffer.alloc(MAX_CAUSE_CHARACTERS);
    const fd = openSync(this.cause, 'r');
    let length: number;
    try {
      length = readSync(fd, start);
    } finally {
      closeSync(fd);
    }
    return start
      .toString('latin1', 0, length)
      .replaceAll(/[^\x20-\x7e]/g, ' ')
      .trim();
  }

  readRunning(): RunningRecord | null {
    return this.#read('running.json') as RunningRecord | null;
  }
  /** Not flushed to the disk: after a power cut the process it names is gone, whatever the record says. */
  writeRunning(record: RunningRecord): void {
    this.#replace('running.json', record);
  }

  readEnd(): EndRecord | null {
    return this.#read('exit.json') as EndRecord | null;
  }
  /** From now on whoever looks sees the end, also after a crash of all our programs; for a power cut see `flushEnd`. */
  writeEnd(record: EndRecord): void {
    this.#replace('exit.json', record);
  }
  /** Returns once the end is on the disk. Off the path of the news: a power cut makes the task lost, never done twice. */
  async flushEnd(): Promise<void> {
    await flush(path.join(this.path, 'exit.json'));
    await flush(this.path);
  }

  readUse(): TaskUse | null {
    return this.#read('use.json') as TaskUse | null;
  }
  /** Not flushed to the disk: what a power cut takes of it was measured in vain, and nothing else. */
  writeUse(use: TaskUse): void {
    this.#replace('use.json', use);
  }

  /** `term` and `deadline`: when the stop signal and when the kill comes, as ISO 8601. */
  writeStop(stop: { readonly reason: string; readonly term: string; readonly deadline: string }): void {
    // The task's user reads it, which may be another one than ours.
    this.#replace('stop', stop, 0o644);
  }

  /** One line, whole seconds: what a shell can compare. */
  writeTimeLeft(leftMs: number): void {
    this.#replace('time-left', Math.max(0, Math.floor(leftMs / 1_000)), 0o644);
  }

  /** @param user who alone may read it; null = we */
  writeToken(token: string, user: Pick<TaskUser, 'uid' | 'gid'> | null): void {
    const temporary = this.#writeTemporary('token', token, 0o400);
    if (user !== null) chownSync(temporary, user.uid, user.gid);
    renameSync(temporary, this.token);
  }

  #read(name: string): unknown {
    let text: string;
    try {
      text = readFileSync(path.join(this.path, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      return JSON.parse(text);
    } catch (error) {
      // A rename that a power cut overtook leaves an empty file, or one of zeros; it tells as much as none. Nothing else leaves half a one.
      if (/^[\s\0]*$/.test(text)) return null;
      throw error;
    }
  }

  #replace(name: string, content: object | number, mode = 0o600): void {
    renameSync(this.#writeTemporary(name, content, mode), path.join(this.path, name));
  }

  #writeTemporary(name: string, content: object | number | string, mode = 0o600): string {
    const temporary = path.join(this.path, `.${name}.${process.pid}.${process.hrtime.bigint()}`);
    const fd = openSync(temporary, 'wx', mode);
    try {
      writeFileSync(fd, `${typeof content === 'string' ? content : JSON.stringify(content)}\n`);
    } catch (error) {
      // What a full disk refuses is tried again and again, for hours.
      unlinkSync(temporary);
      throw error;
    } finally {
      closeSync(fd);
    }
    return temporary;
  }
}

/** Flushes a file or a folder to the disk. */
async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

// The main process of a task whose launcher is per_gpu: starts one process for each GPU, puts the rank before each line that they
// write, and ends when all have ended. When one fails the others are stopped, and how the first one ended is how the task ended.
//
// It runs as the task's user, in the task's groups and with its environment, so nothing that holds the task is gone around. The
// stop signal reaches the ranks by itself, since every process of a task gets it; this one only waits for them.
//
//   rank-host FIRST_RANK GRACE_MS SLOTS PROGRAM ARGUMENTS...      SLOTS: UUID,UUID/MIG-INSTANCE,... ; "-" = one rank without a GPU
import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { LogOutput } from './log-output.js';

/** A line without an end is passed on when it gets so long, in bytes. */
const MAX_LINE_BYTES = 16 * 1024;
/** The descriptor under which the supervisor takes down why the task ended, in words. */
const CAUSE_FD = 3;
const NOT_STARTED = 127;

interface Rank {
  readonly rank: number;
  /** Null = it could not be started. */
  readonly child: ChildProcess | null;
}

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Writes whole lines of many writers, each after its name. */
class Lines {
  readonly #prefix: Buffer;
  readonly #output: LogOutput;
  #rest: Buffer = Buffer.alloc(0);

  constructor(prefix: string, output: LogOutput) {
    this.#prefix = Buffer.from(prefix);
    this.#output = output;
  }

  follow(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => {
      if (this.#rest.length > 0) this.#write([this.#rest, NEWLINE]);
      this.#rest = Buffer.alloc(0);
    });
  }

  #take(chunk: Buffer): void {
    let data: Buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const out: Buffer[] = [];
    for (;;) {
      const at = data.indexOf(0x0a);
      if (at >= 0) out.push(this.#prefix, data.subarray(0, at + 1));
      else if (data.length >= MAX_LINE_BYTES) out.push(this.#prefix, data, NEWLINE);
      else break;
      data = at >= 0 ? data.subarray(at + 1) : Buffer.alloc(0);
    }
    this.#rest = data;
    if (out.length > 0) this.#output.write(Buffer.concat(out));
  }

  #write(parts: readonly Buffer[]): void {
    this.#output.write(Buffer.concat([this.#prefix, ...parts]));
  }
}

const NEWLINE = Buffer.from('\n');

/** The task's log, or two of them: where both are one, both are open to it. */
const STDOUT = new LogOutput(1);
const STDERR = new LogOutput(2);

class RankHost {
  readonly #graceMs: number;
  readonly #ranks: readonly Rank[];
  /** Ranks that have not ended, and ranks whose output has not. */
  #left: number;
  #open: number;
  #first: End | null = null;
  #isStopping = false;

  constructor(firstRank: number, graceMs: number, slots: readonly string[], argv: readonly string[]) {
    this.#graceMs = graceMs;
    this.#left = slots.length;
    this.#open = slots.length;
    // A stop is the ranks' business; they have got the signal, too.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => (this.#isStopping = true));
    // A signal ahead of the stop goes to all that catch it, as Node does by itself: it would open a debugger.
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined);
    this.#ranks = slots.map((slot, local) => this.#start(firstRank + local, local, slot, argv));
  }

  #start(rank: number, local: number, slot: string, [program = '', ...args]: readonly string[]): Rank {
    const [uuid = '', instance = ''] = slot === '-' ? [] : slot.split('/');
    const env = {
      ...process.env,
      RANK: String(rank),
      LOCAL_RANK: String(local),
      SLUICE_LOCAL_GPU: instance || uuid,
      // CUDA shows a process one instance at most; of whole GPUs it sees all of its task, as with torchrun, and takes LOCAL_RANK.
      ...(instance === '' ? {} : { CUDA_VISIBLE_DEVICES: instance }),
    };
    let child: ChildProcess;
    try {
      child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      // Node throws some of what the system says, and tells the rest later, when all ranks are known.
      setImmediate(() => this.#notStarted(rank, error as Error));
      return { rank, child: null };
    }
    // Each in whole lines, also where both go into one log.
    if (child.stdout !== null) new Lines(`[rank ${rank}] `, STDOUT).follow(child.stdout);
    if (child.stderr !== null) new Lines(`[rank ${rank}] `, STDERR).follow(child.stderr);
    child.on('error', (error) => {
      if (child.pid === undefined) this.#notStarted(rank, error);
    });
    child.on('exit', (code, signal) => this.#ended(rank, { code, signal }));
    child.on('close', () => {
      if (child.pid === undefined) return;
      this.#open -= 1;
      if (this.#open === 0 && this.#left === 0) this.#leave();
    });
    return { rank, child };
  }

  #notStarted(rank: number, error: Error): void {
    this.#open -= 1;
    STDOUT.write(Buffer.from(`sluice: rank ${rank} could not be started: ${error.message}\n`));
    this.#ended(rank, { code: NOT_STARTED, signal: null });
  }

  #ended(rank: number, end: End): void {
    this.#left -= 1;
    if (end.code !== 0 && this.#first === null) {
      this.#first = end;
      const how = end.signal === null ? `exited with code ${end.code}` : `was ended by ${end.signal}`;
      // Those that were told to stop ended by that: the cause is elsewhere.
      if (!this.#isStopping) this.#sayCause(rank, how);
      if (this.#left > 0 && !this.#isStopping) this.#stopOthers();
    }
    // What the last ones wrote is still to come; but something that they left behind may hold their pipes open for ever.
    if (this.#left === 0) setTimeout(() => this.#leave(), this.#open === 0 ? 0 : LAST_WORDS_MS);
  }

  #sayCause(rank: number, how: string): void {
    STDOUT.write(Buffer.from(`sluice: rank ${rank} ${how}${this.#left > 0 ? '; the other ranks are stopped' : ''}\n`));
    try {
      writeSync(CAUSE_FD, `rank ${rank} failed first`);
    } catch {
      // Nobody takes it down: the log has it.
    }
  }

  #stopOthers(): void {
    for (const { child } of this.#ranks) child?.kill('SIGTERM');
    setTimeout(() => {
      for (const { child } of this.#ranks) child?.kill('SIGKILL');
    }, this.#graceMs).unref();
  }

  /** As the first one that failed did. */
  #leave(): void {
    const { code, signal } = this.#first ?? { code: 0, signal: null };
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // One that ends nothing, or not at once.
    setTimeout(() => process.exit(1), 1_000);
  }
}

/** How long what is still in the pipes of ended ranks is waited for, in ms. */
const LAST_WORDS_MS = 500;

const [firstRank = '0', graceMs = '0', slots = '-', ...argv] = process.argv.slice(2);
// It lives by its children.
new RankHost(Number(firstRank), Number(graceMs), slots.split(','), argv);

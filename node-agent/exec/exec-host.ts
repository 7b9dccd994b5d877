// Runs what people ask for inside the live tasks of this node: programs, terminals, copies. Each has a stream of its own to
// the scheduler; how fast it is read decides how fast the program may print, and the other way round.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../common/log.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { ExecOpen__Output } from '../../proto/gen/sluice/v1/ExecOpen.js';
import type { ExecRequest__Output } from '../../proto/gen/sluice/v1/ExecRequest.js';
import type { ExecResponse } from '../../proto/gen/sluice/v1/ExecResponse.js';
import type { ExecStart__Output } from '../../proto/gen/sluice/v1/ExecStart.js';
import { AllocationFolder, type TaskSpec } from '../runtime/allocation-folder.js';
import { isAlive, type ProcessIdentity } from '../runtime/process-identity.js';
import { type ForeignGroups, groupsOf } from '../runtime/task-start.js';
import type { RelayStream } from '../scheduler-connection.js';
import { lastActivityMs, noteActivity } from './activity.js';
import { type ProgramEnd, type ProgramListener, runInTask, type RunningProgram } from './running-program.js';
import { USUAL_SIZE } from './terminal.js';
import { joinTerminal, noticeOnTerminal } from './terminal-client.js';

/** How many may be open on one node at once. */
export const MAX_EXECS = 64;
/** Messages on their way to the scheduler before a program is read no further. */
const MAX_UNDER_WAY = 4;
/** How often use of an interactive task is noted at most, in ms. */
const NOTE_MS = 1_000;
/** How long after a program that was ended by a signal its task is looked at, and how often, in ms. */
const TASK_END_MS = 1_000;
const TASK_END_LOOK_MS = 20;
/** The most bytes of output in one message. */
const MAX_OUTPUT_BYTES = 65_536;

/** Sends and takes files; always the built one, since it is a process of its own. */
const COPY_PROGRAM = path.join(PACKAGE_ROOT, 'dist/node-agent/exec/copy-program.js');

const NO_TERMINAL =
  'this task has no terminal to join: only interactive work does\nRun a shell in it: sluice exec WORKLOAD';

/** A task that something can be run in. */
interface LiveTask {
  readonly folder: AllocationFolder;
  readonly spec: TaskSpec;
  readonly process: ProcessIdentity;
  readonly groups: ForeignGroups | null;
}

export class ExecHost {
  readonly #stateDir: string;
  readonly #openRelay: () => RelayStream | null;
  readonly #log: Logger;
  readonly #open = new Set<RelayStream>();

  /** @param openRelay a stream to the scheduler; null = there is no connection */
  constructor(stateDir: string, openRelay: () => RelayStream | null, log: Logger) {
    this.#stateDir = stateDir;
    this.#openRelay = openRelay;
    this.#log = log;
  }

  /** Opens what the scheduler asked for. What goes wrong is told over its stream. */
  open({ id, allocation, start }: ExecOpen__Output): void {
    const relay = this.#openRelay();
    if (relay === null || start === null) return;
    relay.write({ id });
    // The end is told by the program's side; a stream that breaks ends the program.
    relay.on('error', () => undefined);
    const say = (message: ExecResponse, done?: () => void) => relay.write({ message }, done);
    if (this.#open.size >= MAX_EXECS) {
      say({
        end: { error: `${MAX_EXECS} terminals and copies are open on this node already\nTry again in a moment.` },
      });
      relay.end();
      return;
    }
    this.#open.add(relay);
    relay.once('close', () => this.#open.delete(relay));
    try {
      this.#connect(relay, this.#find(allocation), start, say);
    } catch (error) {
      this.#log.info({ allocation, err: error }, 'an exec is refused');
      say({ end: { error: (error as Error).message } });
      relay.end();
    }
  }

  /** Of these tasks those that have a terminal, and for how long it was not used. Cost: one stat a task. */
  use(ids: readonly string[]): readonly { readonly id: string; readonly idleMs: number }[] {
    const nowMs = Date.now();
    return ids.flatMap((id) => {
      const lastMs = lastActivityMs(path.join(this.#stateDir, 'allocations', id));
      return lastMs === null ? [] : [{ id, idleMs: Math.max(0, nowMs - lastMs) }];
    });
  }

  /** Tells something on the terminal of a task, if it is there. */
  notice(id: string, text: string): void {
    const [found] = this.use([id]);
    if (found !== undefined) noticeOnTerminal(path.join(this.#stateDir, 'allocations', id), text);
  }

  close(): void {
    for (const relay of this.#open) relay.cancel();
  }

  /** Makes the program and the stream feed each other. */
  #connect(
    relay: RelayStream,
    task: LiveTask,
    start: ExecStart__Output,
    say: (message: ExecResponse, done?: () => void) => void,
  ): void {
    let isOver = false;
    let underWay = 0;
    const tell = (field: 'output' | 'errorOutput', data: Buffer): void => {
      used();
      for (let at = 0; at < data.length; at += MAX_OUTPUT_BYTES) {
        underWay += 1;
        if (underWay === MAX_UNDER_WAY) program.pause();
        say({ [field]: data.subarray(at, at + MAX_OUTPUT_BYTES) }, () => {
          underWay -= 1;
          if (underWay === MAX_UNDER_WAY - 1) program.resume();
        });
      }
    };
    // Who holds a terminal notes its use by itself; a notice that is shown there is none.
    const used = start.attach ? () => undefined : throttled(() => noteActivity(task.folder.path));
    const listener: ProgramListener = {
      output: (data) => tell('output', data),
      errorOutput: (data) => tell('errorOutput', data),
      ended: (end) => {
        if (isOver) return;
        isOver = true;
        void toldEnd(end, task).then((told) => {
          say({ end: told });
          relay.end();
        });
      },
    };
    const program = this.#start(task, start, listener);
    program.onDrain(() => relay.resume());
    relay.on('data', ({ message }: { readonly message: ExecRequest__Output | null }) => {
      if (message === null || isOver) return;
      used();
      if (message.input) {
        if (!program.write(message.input)) relay.pause();
      } else if (message.inputEnd) {
        program.endInput();
      } else if (message.size) {
        program.resize(message.size);
      }
    });
    const left = (): void => {
      if (isOver) return;
      isOver = true;
      program.hangUp();
      relay.end();
    };
    for (const event of ['end', 'error', 'close']) relay.on(event, left);
  }

  #start(task: LiveTask, start: ExecStart__Output, listener: ProgramListener): RunningProgram {
    const { folder, spec, groups } = task;
    const { terminal, terminalType } = start;
    const usual = { folder: spec.workingDirectory, terminal: null };
    if (start.attach) {
      if (spec.terminal !== true) throw new Error(NO_TERMINAL);
      return joinTerminal(folder.path, terminal ?? USUAL_SIZE, listener);
    }
    if (start.command) {
      const wanted = terminal === null ? null : { ...terminal, type: terminalType || 'xterm' };
      return runInTask(spec, groups, { ...usual, argv: start.command.argv, terminal: wanted }, listener);
    }
    const [direction, at] = start.copyOut ? ['out', start.copyOut.path] : ['in', start.copyIn?.path ?? ''];
    // Not in the task's group: what a copy needs of memory must not end a task that is near its limit. So it gets nothing by
    // which the task's variables could make it run other code there; it is found by its allocation where there are no groups.
    const bare = { ...spec, environment: { SLUICE_ALLOCATION_ID: spec.id } };
    return runInTask(bare, null, { ...usual, argv: [process.execPath, COPY_PROGRAM, direction, at] }, listener);
  }

  /** @throws Error in words when the task does not run here */
  #find(id: string): LiveTask {
    if (!/^[0-9A-Za-z]{1,64}$/.test(id)) throw new Error(`"${id}" is no allocation id`);
    const folder = new AllocationFolder(path.join(this.#stateDir, 'allocations', id));
    const spec = folder.readSpec();
    const claim = folder.readClaim();
    const running = folder.readRunning();
    if (spec === null || running === null || claim?.by !== 'supervisor') {
      throw new Error('the task has not started on this node yet');
    }
    if (folder.readEnd() !== null || !isAlive(running.process)) throw new Error('the task has ended');
    return { folder, spec, process: running.process, groups: groupsOf(claim) };
  }
}

/** At most once a second. */
function throttled(action: () => void): () => void {
  let lastMs = -Infinity;
  return () => {
    const nowMs = performance.now();
    if (nowMs - lastMs < NOTE_MS) return;
    lastMs = nowMs;
    action();
  };
}

/** How a program ended, with what ended it if that was the end of its task. */
async function toldEnd(
  { code, signal, error = '' }: ProgramEnd,
  task: LiveTask,
): Promise<NonNullable<ExecResponse['end']>> {
  // Of a terminal that was joined the workload tells the end.
  if (code === null && signal === '') return { error };
  const endsWithTask = signal !== '' && (await hasEnded(task));
  return {
    exit: { ...(code === null ? {} : { code }), signal },
    error: endsWithTask ? 'the task ended, and with it what ran in it' : '',
  };
}

/** Whether a task has ended, or does within a moment: what ends it ends one of its processes after the other. */
async function hasEnded({ process }: LiveTask): Promise<boolean> {
  const untilMs = performance.now() + TASK_END_MS;
  while (isAlive(process)) {
    if (performance.now() >= untilMs) return false;
    await delay(TASK_END_LOOK_MS);
  }
  return true;
}

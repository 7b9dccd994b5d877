// Holds the terminal of an interactive task: starts its program on it, shows it to whoever joins, keeps the last of what was
// shown for those who come later, and writes all of it to the task's log. The program goes on while nobody is there, so that a
// person's session outlives their connection, the agent and the scheduler.
//
// `terminal-host FOLDER`, started by the supervisor as the task's main process, its output the task's log. It stays outside the
// task's control group, so that its memory is not the task's.
import { chmodSync, constants, openSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { AllocationFolder } from '../runtime/allocation-folder.js';
import { LogOutput } from '../runtime/log-output.js';
import { groupsOf } from '../runtime/task-start.js';
import { activityFile } from './activity.js';
import { type ProgramEnd, runInTask, type RunningProgram } from './running-program.js';
import { type TerminalSize, USUAL_SIZE } from './terminal.js';
import { onFrames, terminalSocketIn } from './terminal-protocol.js';

/** How long the program waits for somebody to join, so that it begins with the right size, in ms. */
const JOIN_WAIT_MS = 30_000;
/** How much of what was shown is kept for whoever joins later, in bytes. */
const KEPT_BYTES = 65_536;
/** How often use of the terminal is noted at most, in ms. */
const NOTE_MS = 1_000;
/** How long whoever looks at it has to take the last of it, in ms. */
const LAST_WORDS_MS = 2_000;

class TerminalHost {
  readonly #folder: AllocationFolder;
  readonly #log = new LogOutput(1);
  #program: RunningProgram | null = null;
  #viewer: Socket | null = null;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #notedMs = -Infinity;

  constructor(folder: AllocationFolder) {
    this.#folder = folder;
  }

  serve(): void {
    const folderFd = openSync(this.#folder.path, constants.O_RDONLY);
    const socket = terminalSocketIn(folderFd);
    rmSync(socket, { force: true });
    writeFileSync(activityFile(this.#folder.path), '', { mode: 0o600 });
    // Users pass through the folder, and whoever joins types as the task's.
    createServer((joined) => this.#greet(joined)).listen(socket, () => chmodSync(socket, 0o600));
    setTimeout(() => this.#start(USUAL_SIZE), JOIN_WAIT_MS);
    // Whoever ends a task without a control group signals all of it. The program decides what follows; this only shows it.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  }

  #greet(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#viewer === socket && this.#leave());
    onFrames(socket, (frame) => {
      if (frame.type === 'notice') {
        this.#viewer?.write(`\r\n${frame.text}\r\n`);
      } else if (frame.type === 'size') {
        if (this.#viewer !== socket) this.#join(socket);
        this.#start(frame.size);
        this.#program?.resize(frame.size);
      } else {
        this.#note();
        if (this.#program?.write(frame.data) === false) socket.pause();
      }
    });
  }

  /** One looks at a time: two who type at once are of use to nobody. */
  #join(socket: Socket): void {
    const before = this.#viewer;
    this.#viewer = socket;
    before?.end('\r\nsluice: this terminal was joined from elsewhere\r\n');
    socket.write(Buffer.concat(this.#kept));
    socket.on('drain', () => this.#program?.resume());
    this.#program?.resume();
    this.#note();
  }

  #leave(): void {
    this.#viewer = null;
    // What was held back for a slow reader goes on without one.
    this.#program?.resume();
  }

  #start(size: TerminalSize): void {
    if (this.#program !== null) return;
    const spec = this.#folder.readSpec();
    const claim = this.#folder.readClaim();
    if (spec === null || claim?.by !== 'supervisor') throw new Error(`${this.#folder.path} is of no task`);
    const terminal = { ...size, type: spec.environment['TERM'] ?? 'xterm' };
    const program = runInTask(
      spec,
      groupsOf(claim),
      { argv: spec.argv, folder: spec.workingDirectory, terminal },
      {
        output: (data) => this.#show(data),
        errorOutput: (data) => this.#show(data),
        ended: (end) => this.#end(end),
      },
    );
    program.onDrain(() => this.#viewer?.resume());
    this.#program = program;
  }

  #show(data: Buffer): void {
    this.#note();
    this.#log.write(data);
    this.#kept.push(data);
    this.#keptBytes += data.length;
    while (this.#keptBytes - (this.#kept[0]?.length ?? 0) >= KEPT_BYTES)
      this.#keptBytes -= this.#kept.shift()?.length ?? 0;
    if (this.#viewer?.write(data) === false) this.#program?.pause();
  }

  #end({ code, signal }: ProgramEnd): void {
    const leave = (): void => {
      // As the program ended, so does the task.
      if (signal === '') process.exit(code ?? 1);
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
      // A signal that this process cannot die of.
      setTimeout(() => process.exit(1), LAST_WORDS_MS);
    };
    const viewer = this.#viewer;
    if (viewer === null) return leave();
    viewer.removeAllListeners('close');
    viewer.once('close', leave);
    setTimeout(leave, LAST_WORDS_MS);
    viewer.end();
  }

  /** Somebody typed, or something was shown: it is not idle. */
  #note(): void {
    const nowMs = performance.now();
    if (nowMs - this.#notedMs < NOTE_MS) return;
    this.#notedMs = nowMs;
    const now = new Date();
    try {
      utimesSync(activityFile(this.#folder.path), now, now);
    } catch (error) {
      // A disk that fails ends nobody's session; it counts as idle meanwhile.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: terminal-host FOLDER');
new TerminalHost(new AllocationFolder(folder)).serve();

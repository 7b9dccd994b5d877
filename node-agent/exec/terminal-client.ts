// Joins the terminal of a task's own program. Leaving it ends nothing: the program goes on, and can be joined again.
import { closeSync, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import type { ProgramListener, RunningProgram } from './running-program.js';
import type { TerminalSize } from './terminal.js';
import { packFrame, terminalSocketIn } from './terminal-protocol.js';

/** How often a terminal that is not there yet is looked for, and how long: its holder needs a moment to start, in ms. */
const LOOK_MS = 50;
const LOOK_LIMIT_MS = 15_000;
/** Frames that wait for it before whoever types has to wait too. */
const MAX_EARLY_FRAMES = 16;

/** @param folder of the task's allocation */
export function joinTerminal(folder: string, size: TerminalSize, listener: ProgramListener): RunningProgram {
  const beganMs = performance.now();
  let isOver = false;
  let drained = (): void => undefined;
  let socket: Socket | null = null;
  /** What was said before there was anybody to hear it. */
  let early: Buffer[] = [];
  const say = (frame: Buffer): boolean => socket?.write(frame) ?? early.push(frame) < MAX_EARLY_FRAMES;
  const end = (error: string): void => {
    if (isOver) return;
    isOver = true;
    listener.ended({ code: null, signal: '', error });
  };
  const look = (): void => {
    if (isOver) return;
    const found = connectTerminal(folder);
    let isJoined = false;
    found.once('connect', () => {
      isJoined = true;
      socket = found;
      for (const frame of early) found.write(frame);
      early = [];
      drained();
    });
    found.on('drain', () => drained());
    found.on('data', (data: Buffer) => listener.output(data));
    // What it was is told by the close that follows.
    found.on('error', () => undefined);
    found.once('close', () => {
      if (isJoined) end('');
      else if (performance.now() - beganMs > LOOK_LIMIT_MS) end('the terminal of the task did not answer');
      else setTimeout(look, LOOK_MS);
    });
  };
  const resize = (wanted: TerminalSize) => void say(packFrame({ type: 'size', size: wanted }));
  resize(size);
  look();
  return {
    write: (data) => say(packFrame({ type: 'input', data })),
    onDrain: (callback) => {
      drained = callback;
    },
    endInput: () => undefined,
    resize,
    pause: () => void socket?.pause(),
    resume: () => void socket?.resume(),
    hangUp: () => {
      isOver = true;
      socket?.destroy();
    },
  };
}

/** Tells whoever looks at the terminal something that is not from its program. Nobody may be there. */
export function noticeOnTerminal(folder: string, text: string): void {
  const socket = connectTerminal(folder);
  socket.on('error', () => socket.destroy());
  socket.end(packFrame({ type: 'notice', text }));
}

function connectTerminal(folder: string): Socket {
  const folderFd = openSync(folder, 'r');
  const socket = createConnection(terminalSocketIn(folderFd));
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(folderFd);
    isOpen = false;
  };
  for (const event of ['connect', 'error', 'close']) socket.once(event, close);
  return socket;
}

// Joins the terminal of a task's own program. Leaving it ends nothing: the program goes on, and can be joined again.
import type { Socket } from 'node:net';
import type { ProgramListener, RunningProgram } from './running-program.js';
import type { TerminalSize } from './terminal.js';
import { packFrame } from './terminal-protocol.js';

/** @param socket on its way to the terminal */
export function joinTerminal(socket: Socket, size: TerminalSize, listener: ProgramListener): RunningProgram {
  const resize = (wanted: TerminalSize) => void socket.write(packFrame({ type: 'size', size: wanted }));
  resize(size);
  let problem = '';
  socket.on('data', (data: Buffer) => listener.output(data));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    problem = error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? NO_TERMINAL : error.message;
  });
  socket.on('close', () => listener.ended({ code: null, signal: '', error: problem }));
  return {
    write: (data) => socket.write(packFrame({ type: 'input', data })),
    onDrain: (drained) => void socket.on('drain', drained),
    endInput: () => undefined,
    resize,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    hangUp: () => void socket.destroy(),
  };
}

const NO_TERMINAL =
  'this task has no terminal to join: only interactive work does\nRun a shell in it: sluice exec WORKLOAD';

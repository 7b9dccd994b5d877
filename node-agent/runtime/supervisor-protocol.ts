// What the agent and the supervisor say to each other over a Unix socket: lines of JSON. All of it may be repeated; the
// truth is in the folders of the allocations.
import type { Socket } from 'node:net';
import type { StopReason } from '../session/allocation.js';
import type { Isolation } from './isolation.js';
import type { EndRecord } from './allocation-folder.js';
import type { ProcessIdentity } from './process-identity.js';

/** Raised when the two no longer understand each other; a supervisor outlives upgrades of the agent. */
export const SUPERVISOR_PROTOCOL = 1;

/** Longest line either side takes, in bytes. */
const MAX_LINE_BYTES = 1024 * 1024;

/** From the agent. */
export type SupervisorOrder =
  /** Claims and starts what the folder's spec says, unless it is too late: in ms since boot; absent = the node's lease alone says. */
  | { readonly type: 'start'; readonly id: string; readonly folder: string; readonly notAfterMs?: number }
  /** Stop file, TERM, and KILL after the grace. A repeated order can only shorten the grace. */
  | { readonly type: 'stop'; readonly id: string; readonly reason: StopReason; readonly graceMs: number }
  /** How long it has until its time limit passes. One that is earlier knows nothing of it, and passes it over. */
  | { readonly type: 'time left'; readonly id: string; readonly leftMs: number }
  /** Goes as soon as it has no task, without waiting for an agent to come. */
  | { readonly type: 'leave' };

/** From the supervisor. */
export type SupervisorEvent =
  /** First of all: who it is and which tasks it has. */
  | {
      readonly type: 'hello';
      readonly protocol: number;
      readonly identity: ProcessIdentity;
      readonly tasks: readonly string[];
      /** Absent from supervisors of earlier versions. */
      readonly isolation?: Isolation;
    }
  | { readonly type: 'started'; readonly id: string; readonly startedMs: number }
  | { readonly type: 'ended'; readonly id: string; readonly end: EndRecord }
  /** Somebody else has claimed it. */
  | { readonly type: 'refused'; readonly id: string };

/** The socket's name in a state folder. Reached through an open folder, since a socket's path is limited to 107 bytes. */
export function socketPath(stateDirFd: number): string {
  return `/proc/self/fd/${stateDirFd}/supervisor.sock`;
}

/** Writes one message. */
export function sendLine(socket: Socket, message: SupervisorOrder | SupervisorEvent): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls back for every message. A line that is too long or no JSON destroys the socket: the other side is not ours. */
export function onLines(socket: Socket, take: (message: unknown) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_BYTES) socket.destroy(new Error(`a line above ${MAX_LINE_BYTES} bytes`));
    for (const line of lines) {
      let message: unknown;
      try {
        message = JSON.parse(line);
      } catch (error) {
        socket.destroy(error as Error);
        return;
      }
      take(message);
    }
  });
}

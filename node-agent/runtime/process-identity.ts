// Which process is meant. A pid alone is reused; pid, start time and boot together are not. All of it is read from
// Linux's /proc, at about 20 µs a process.
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** One process, for ever. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot, as text. */
  readonly startTime: string;
  readonly bootId: string;
}

/** What /proc/PID/stat says of a process. */
export interface ProcessStat {
  readonly pid: number;
  /** One letter; Z (zombie) and X are dead: a slow pid 1 leaves them standing for seconds. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
}

/** Changes with every boot of the machine. */
export const BOOT_ID = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** Milliseconds since boot, suspend included (/proc/uptime); the same for all processes of the machine. */
export function bootMs(): number {
  return uptime() * 1000;
}

/** Reads one process; null when there is none of that number. */
export function readStat(pid: number): ProcessStat | null {
  const text = readProcFile(pid, 'stat');
  if (text === null) return null;
  // The name in parentheses may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group, session] = fields;
  const startTime = fields[19];
  if (state === undefined || startTime === undefined) return null;
  return { pid, state, parent: Number(parent), group: Number(group), session: Number(session), startTime };
}

/** A file of /proc/PID; null when the process is gone or is not ours to read. */
export function readProcFile(pid: number, name: 'stat' | 'status' | 'environ'): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null;
    throw error;
  }
}

/** Whether this counts as alive. */
export function isLive(stat: ProcessStat): boolean {
  return stat.state !== 'Z' && stat.state !== 'X';
}

/** The identity of a process that is there now; null when there is none. */
export function identify(pid: number): ProcessIdentity | null {
  const stat = readStat(pid);
  return stat === null ? null : { pid, startTime: stat.startTime, bootId: BOOT_ID };
}

/** The identity of the process that runs this. */
export function ownIdentity(): ProcessIdentity {
  const own = identify(process.pid);
  if (own === null) throw new Error(`/proc/${process.pid}/stat cannot be read: the agent needs Linux's /proc`);
  return own;
}

/** Whether exactly this process is still there and not dead. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== BOOT_ID) return false;
  const stat = readStat(identity.pid);
  return stat !== null && stat.startTime === identity.startTime && isLive(stat);
}

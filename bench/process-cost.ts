// What a process costs, as Linux counts it.
import { readFileSync } from 'node:fs';

/** What /proc counts CPU time in, on every Linux that Node runs on. */
const TICK_MS = 10;

/** CPU time of a process so far, its own code and the kernel's for it, in ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets, which may hold anything; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** What a process holds in memory (VmRSS), or the most it ever held (VmHWM). */
export function memoryMibOf(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}

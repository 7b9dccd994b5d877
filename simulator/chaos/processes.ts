// What runs on this machine on behalf of one life of a cluster, as the kernel tells it.
import { readdirSync, readFileSync } from 'node:fs';

/** A live process. */
export interface Process {
  readonly pid: number;
  /** Its command line, the words separated by blanks. */
  readonly command: string;
}

/** Live processes whose command line or environment names the folder; without ourselves. */
export function processesOf(folder: string): readonly Process[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((entry) => !/^\d+ \(.*\) [ZX] /s.test(read(entry, 'stat')))
    .map((entry) => ({ pid: Number(entry), command: read(entry, 'cmdline').replaceAll('\0', ' ').trim(), entry }))
    .filter(({ command, entry }) => command.includes(folder) || read(entry, 'environ').includes(folder))
    .map(({ pid, command }) => ({ pid, command }));
}

/** The processes that hold the tasks of a node. */
export function supervisorsOf(stateDir: string): readonly number[] {
  return processesOf(stateDir)
    .filter(({ command }) => command.includes('node-agent/runtime/supervisor.js'))
    .map(({ pid }) => pid);
}

/** Sends a signal; a process that was found may have ended by itself since. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Empty for a process that is gone by now. */
function read(entry: string, file: string): string {
  try {
    return readFileSync(`/proc/${entry}/${file}`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH', 'EACCES'].includes(String(error.code)))
      return '';
    throw error;
  }
}

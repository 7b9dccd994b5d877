// The signal ahead of the stop signal. Its default action ends a process, and of a task's processes only some know of it (a shell
// that waits for the program does not), so it goes to those alone that catch it or have blocked it to wait for it.
import { constants } from 'node:os';
import { readProcFile } from './process-identity.js';
import { processesOf, signalProcess, type TaskTree } from './process-tree.js';

/** The signals that may go ahead. */
export const EARLY_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** Sends it to every process of the task that catches it. A name that is none of ours is passed over: the stop signal comes anyway. */
export function giveNotice(tree: TaskTree, name: string): void {
  const signal = EARLY_SIGNALS.find((known) => known === name);
  if (signal === undefined) return;
  for (const { pid } of processesOf(tree)) {
    if (awaits(readProcFile(pid, 'status') ?? '', constants.signals[signal])) signalProcess(pid, signal);
  }
}

/**
 * Whether a process catches a signal, or has blocked it.
 * @param status the content of /proc/PID/status; masks are hexadecimal, bit 0 = signal 1 (proc_pid_status(5))
 */
export function awaits(status: string, signal: number): boolean {
  const masks = [...status.matchAll(/^Sig(?:Cgt|Blk):\s*([0-9a-f]+)$/gm)].map(([, mask = '0']) => BigInt(`0x${mask}`));
  return masks.some((mask) => ((mask >> BigInt(signal - 1)) & 1n) === 1n);
}

// The file `lease` in the agent's state folder: until when this node may run tasks, as seconds since boot. The agent
// writes it after every answered heartbeat, the supervisor reads it, so that the lease holds even when the agent is dead.
// It is overwritten in place: a full disk must not cost a node its lease. It means nothing after a reboot.
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { BOOT_ID } from './process-identity.js';

/** Writes the deadline, in ms since boot. */
export function writeLease(stateDir: string, deadlineMs: number): void {
  const fd = openSync(path.join(stateDir, 'lease'), constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    // Of a fixed length, so that an overwrite leaves nothing of the old text.
    writeSync(fd, `${(deadlineMs / 1000).toFixed(2).padStart(16, '0')} ${BOOT_ID}\n`, 0);
  } finally {
    closeSync(fd);
  }
}

/** Reads the deadline, in ms since boot; null when there is none of this boot. */
export function readLease(stateDir: string): number | null {
  let text: string;
  try {
    text = readFileSync(path.join(stateDir, 'lease'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const [, seconds, bootId] = /^([\d.]{16}) (\S+)\n/.exec(text) ?? [];
  return seconds === undefined || bootId !== BOOT_ID ? null : Number(seconds) * 1000;
}

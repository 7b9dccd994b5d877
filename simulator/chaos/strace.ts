// Makes flushes of a running process fail, from outside, and only for a while.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long strace may take to let go. */
const DETACH_MS = 200;

/** A process whose flushes fail. */
export interface FailingFlushes {
  /** Lets flushes succeed again, if the process is still there. */
  end(): Promise<void>;
}

export function hasStrace(): boolean {
  return spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0;
}

/** From now on every fdatasync, fsync and msync of the process fails with EIO. */
export function failFlushes(pid: number): FailingFlushes {
  const calls = 'fdatasync,fsync,msync';
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=EIO`];
  const strace = spawn('strace', ['-f', '-qq', '-o', '/dev/null', ...inject, '-p', String(pid)], { stdio: 'ignore' });
  const ended = once(strace, 'exit');
  return {
    async end() {
      strace.kill('SIGTERM');
      await Promise.race([ended, sleep(DETACH_MS)]);
      strace.kill('SIGKILL');
      await ended;
    },
  };
}

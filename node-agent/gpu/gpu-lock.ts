// One agent per GPU of a host: a lock file per UUID that the kernel drops with the agent, however it dies.
//
// All agents of a host have to agree on the folder, whoever they run as. The rule: an agent takes the lock in every
// folder of `LOCK_FOLDERS` that it can use, and needs at least one. /run/lock is not writable for everybody on every
// distribution, /tmp is, unless systemd gives a service a private one; two agents that share one of the two exclude
// each other. $TMPDIR is no part of the rule, since it differs between users. Agents in containers that share GPUs
// need one of the folders shared as well.
import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { lockFile } from '../../common/file-lock.js';

/** In this order. Each is made, open to all users, by the first agent that may. */
export const LOCK_FOLDERS: readonly string[] = ['/run/lock/sluice', '/tmp/sluice-gpu-locks'];

/** What came of the attempt to get a GPU for this agent alone. */
export type GpuLockResult =
  | { readonly state: 'held' }
  | { readonly state: 'taken'; readonly heldBy: string }
  /** No folder can be used; in words. */
  | { readonly state: 'failed'; readonly message: string };

/** The locks of one agent. */
export class GpuLocks {
  readonly #folders: readonly string[];
  readonly #releases = new Map<string, readonly (() => void)[]>();

  constructor(folders: readonly string[] = LOCK_FOLDERS) {
    this.#folders = folders;
  }

  /** Gets the lock of a GPU, at once; says again that it is held when we have it. */
  take(uuid: string): GpuLockResult {
    if (this.#releases.has(uuid)) return { state: 'held' };
    const releases: (() => void)[] = [];
    const failures: string[] = [];
    for (const folder of this.#folders) {
      const result = lockIn(folder, uuid);
      if (result.state === 'held') releases.push(result.release);
      else if (result.state === 'failed') failures.push(result.message);
      else {
        for (const release of releases) release();
        return { state: 'taken', heldBy: result.heldBy };
      }
    }
    if (releases.length === 0) return { state: 'failed', message: failures.join('; ') };
    this.#releases.set(uuid, releases);
    return { state: 'held' };
  }

  /** Gives all of them back. */
  releaseAll(): void {
    for (const releases of this.#releases.values()) for (const release of releases) release();
    this.#releases.clear();
  }
}

function lockIn(folder: string, uuid: string): ReturnType<typeof lockFile> | { state: 'failed'; message: string } {
  try {
    if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o1777);
    return lockFile(path.join(folder, `${uuid}.lock`), { mode: 0o666 });
  } catch (error) {
    // A folder we may not use is no failure as long as another one works.
    return { state: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

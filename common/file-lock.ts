// A lock on a file that the kernel drops with the process, however it dies: flock(2), which Node itself does not offer.
// It holds between the processes of one machine, and between two callers in one process. Not for network file systems.
import { closeSync, constants, fchmodSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import koffi from 'koffi';

/** What became of an attempt to lock: it is ours until `release` or the end of the process, or another has it. */
export type FileLock =
  | {
      readonly state: 'held';
      /** Gives the lock back; more than once does no harm. The file stays, since removing it would let two holders in. */
      readonly release: () => void;
    }
  | {
      readonly state: 'taken';
      /** Who has it, in words: `process 1234`. */
      readonly heldBy: string;
    };

/** How the lock file is made when it is not there yet. */
export interface FileLockOptions {
  /** Permission bits of a new file, whatever the umask. Others' agents need to open it too: 0o666. Default 0o600. */
  readonly mode?: number;
}

// flock(2): LOCK_EX | LOCK_NB, the same on Linux, macOS and the BSDs.
const LOCK_EXCLUSIVE_NONBLOCKING = 2 | 4;

/** How often a file that appears and vanishes while we open it is tried again before we give up. */
const MAX_OPEN_TRIES = 8;

/**
 * Tries to lock a file, at once: never waits for a holder. Makes the file when it is missing, but not its folder.
 * The holder's process id is written into it, for people and for `heldBy`.
 *
 * Node opens files with O_CLOEXEC, so no program that the holder starts inherits the lock.
 * @throws Error in words when the file cannot be opened, or its file system gives no locks
 *
 * @example
 * const lock = lockFile('/var/lib/sluice/lock');
 * if (lock.state === 'taken') throw new Error(`${lock.heldBy} already uses /var/lib/sluice`);
 */
export function lockFile(path: string, options: FileLockOptions = {}): FileLock {
  const fd = openOrMake(path, options.mode ?? 0o600);
  const errno = flock(fd);
  if (errno !== 0) {
    closeSync(fd);
    if (errno === koffi.os.errno['EWOULDBLOCK']) return { state: 'taken', heldBy: holderOf(path) };
    throw new Error(
      `cannot lock ${path}: flock failed with error number ${errno}. Locks need a local file system, not a network one.`,
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`, 0);
  let held = true;
  const release = () => {
    if (!held) return;
    held = false;
    // Emptied first, so that the next holder's rival never reads our number as the holder's.
    ftruncateSync(fd);
    closeSync(fd);
  };
  return { state: 'held', release };
}

/** @returns 0, or the error number */
function flock(fd: number): number {
  const call = libc();
  for (;;) {
    if (call(fd, LOCK_EXCLUSIVE_NONBLOCKING) === 0) return 0;
    const errno = koffi.errno();
    if (errno !== koffi.os.errno['EINTR']) return errno;
  }
}

type Flock = (fd: number, operation: number) => number;
let cachedFlock: Flock | undefined;

/** The C library that Node itself runs on, so that no library name has to be guessed. Loaded on first use. */
function libc(): Flock {
  cachedFlock ??= koffi.load(null).func('int flock(int fd, int operation)') as Flock;
  return cachedFlock;
}

/**
 * Opens without O_CREAT first: in a sticky folder such as /tmp Linux refuses O_CREAT on another user's file
 * (fs.protected_regular), and there the lock must work between users. Never follows a symbolic link, since we write.
 */
function openOrMake(path: string, mode: number): number {
  const base = constants.O_RDWR | constants.O_NOFOLLOW;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return openSync(path, base);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === MAX_OPEN_TRIES) throw openFailed(path, error);
    }
    try {
      const fd = openSync(path, base | constants.O_CREAT | constants.O_EXCL, mode);
      fchmodSync(fd, mode);
      return fd;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw openFailed(path, error);
    }
  }
}

function openFailed(path: string, cause: unknown): Error {
  return new Error(`cannot open lock file ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** The holder writes its number after it has the lock, so a reader can come a moment too early. */
function holderOf(path: string): string {
  const pid = readFileSync(path, 'utf8').trim();
  return /^\d+$/.test(pid) ? `process ${pid}` : 'another process';
}

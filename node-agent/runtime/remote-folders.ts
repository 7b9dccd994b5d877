// Looks whether folders answer before the agent touches them. A file system over the network whose server is gone holds whoever asks it, for ever
// and without a way to end the question; the agent has four threads for all its files, so it lets processes of their own ask.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** File systems whose answers come from elsewhere: a server, or a program of this machine (fuse). */
const REMOTE =
  /^(nfs4?|cifs|smb[23]?|ceph|lustre|beegfs|gpfs|glusterfs|afs|9p|panfs|pvfs2|orangefs|wekafs|autofs|fuse(blk)?|fuse\..*)$/;

/** Whether a machine has any, from /proc/self/mountinfo (proc(5)): which is read without asking one of them. */
export function hasRemoteMounts(mountInfo: string): boolean {
  return mountInfo.split('\n').some((line) => {
    // "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw": the type stands behind the lone hyphen.
    const [type = ''] = (line.split(' - ')[1] ?? '').split(' ');
    return REMOTE.test(type);
  });
}

/** One look at folders. */
export class FolderLook {
  readonly #asking = new Map<string, ChildProcess>();
  /** Resolves when all have answered, whatever the answer was. */
  readonly answered: Promise<void>;

  /** Costs a process for each folder where the machine has anything remote, else one read of /proc. */
  constructor(folders: readonly string[]) {
    const asked = hasRemoteMounts(readFileSync('/proc/self/mountinfo', 'utf8')) ? new Set(folders) : [];
    this.answered = Promise.all([...asked].map((folder) => this.#ask(folder))).then(() => undefined);
  }

  /** Those that have not answered yet. */
  get silent(): readonly string[] {
    return [...this.#asking.keys()];
  }

  /** Ends the questions, as far as the kernel lets them end. */
  giveUp(): void {
    for (const child of this.#asking.values()) {
      child.kill('SIGKILL');
      child.unref();
    }
  }

  #ask(folder: string): Promise<void> {
    return new Promise((resolve) => {
      const child = spawn('stat', ['-L', '--', folder], { stdio: 'ignore', cwd: '/' });
      this.#asking.set(folder, child);
      const done = () => {
        this.#asking.delete(folder);
        resolve();
      };
      // Without stat(1) nothing can be said beforehand, and the limit of the preparation is what is left.
      child.on('error', done);
      child.on('exit', done);
    });
  }
}

// The disk under the scheduler's data: a plain folder, a small one that can be filled, or one whose power can be cut.
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { readFreeSpace } from '../../scheduler/store/space.js';

const MIB = 1024 * 1024;
/** Room for the data, above what the space guard wants free, so that filling most of it comes before filling all. */
const SMALL_DISK_MIB = 1_400;
const IMAGE_MIB = 4_096;

export type DiskKind =
  /** A folder of this machine. */
  | 'folder'
  /** A file system in memory that can be filled to the last byte. */
  | 'tmpfs'
  /** A file system of its own in a file, of which a copy without its caches is what a power cut leaves. */
  | 'image';

/** What the scheduler's data lies on. */
export interface Disk {
  readonly kind: DiskKind;
  readonly dataDir: string;
  /** Leaves at most so much room. Only on `tmpfs`. */
  fill(leftMib: number): void;
  empty(): void;
  /**
   * The machine loses its power: what was not flushed is gone. The caller has killed what used the disk, and goes on with
   * what is left. Only on `image`.
   */
  cutPower(): void;
  close(): void;
}

/** Why a kind of disk cannot be had here, in words; null = it can. */
export function whyNoDisk(kind: DiskKind, scratch: string): string | null {
  if (kind === 'folder') return null;
  if (process.getuid?.() !== 0) return `${kind}: mounting needs root`;
  try {
    openDisk(kind, path.join(scratch, `try-${kind}`)).close();
    return null;
  } catch (error) {
    return `${kind}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Makes a disk below a folder. @throws Error with what the system said when it cannot be mounted */
export function openDisk(kind: DiskKind, folder: string): Disk {
  mkdirSync(folder, { recursive: true });
  if (kind === 'tmpfs') return openTmpfs(folder);
  if (kind === 'image') return openImage(folder);
  const dataDir = path.join(folder, 'data');
  return { kind, dataDir, fill: impossible, empty: () => undefined, cutPower: impossible, close: () => undefined };
}

function impossible(): never {
  throw new Error('this disk cannot do that');
}

function openTmpfs(folder: string): Disk {
  const mounted = path.join(folder, 'tmpfs');
  const ballast = path.join(mounted, 'ballast');
  mkdirSync(mounted);
  run('mount', '-t', 'tmpfs', '-o', `size=${SMALL_DISK_MIB}m`, 'tmpfs', mounted);
  const empty = (): void => rmSync(ballast, { force: true });
  return {
    kind: 'tmpfs',
    dataDir: path.join(mounted, 'data'),
    fill(leftMib) {
      empty();
      const takenMib = Math.floor(readFreeSpace(mounted).freeBytes / MIB) - leftMib;
      if (takenMib > 0) run('fallocate', '-l', `${takenMib}MiB`, ballast);
    },
    empty,
    cutPower: impossible,
    close: () => unmount(mounted),
  };
}

function openImage(folder: string): Disk {
  const mounted = path.join(folder, 'mounted');
  let image = path.join(folder, 'disk-0.img');
  let cuts = 0;
  mkdirSync(mounted);
  const file = openSync(image, 'w');
  ftruncateSync(file, IMAGE_MIB * MIB);
  closeSync(file);
  // Without tables to be filled in later the image stays a small file.
  run('mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image);
  run('mount', '-o', 'loop', image, mounted);
  return {
    kind: 'image',
    dataDir: path.join(mounted, 'data'),
    fill: impossible,
    empty: () => undefined,
    cutPower() {
      cuts += 1;
      const copy = path.join(folder, `disk-${cuts}.img`);
      // The file system keeps what was not flushed in its own caches, and the file has none of it.
      run('cp', '--sparse=always', image, copy);
      unmount(mounted);
      rmSync(image);
      image = copy;
      run('mount', '-o', 'loop', image, mounted);
    },
    close() {
      unmount(mounted);
      rmSync(image);
    },
  };
}

/** A process that was just killed may hold it for a moment. */
function unmount(folder: string): void {
  run('umount', '--lazy', folder);
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${program}: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}`);
}

// Keeps the log of a task below its cap without a pump in between: the writer appends straight to the file and never
// notices. Old parts are punched out of the file, so that offsets stay what they were; where the file system cannot do
// that, the file is emptied and a base is added to every later offset.
import { closeSync, ftruncateSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import koffi from 'koffi';

/** How offsets of a log relate to its file. */
export interface LogExtent {
  /** Offset of the file's first byte. */
  readonly base: number;
  /** Offset of the first byte that is still there. */
  readonly first: number;
}

/** The part of the cap that is kept when the log reaches it. */
const KEPT_SHARE = 0.5;

// fallocate(2): FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE.
const PUNCH_HOLE_KEEP_SIZE = 1 | 2;

/** What is known of a log's offsets. */
export function readExtent(log: string): LogExtent {
  try {
    return JSON.parse(readFileSync(`${log}.json`, 'utf8')) as LogExtent;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { base: 0, first: 0 };
    throw error;
  }
}

/** Drops the oldest part of a log that is above its cap. Cost when it is not: one stat. */
export function holdBelowCap(log: string, capBytes: number): void {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= capBytes) return;
  const extent = readExtent(log);
  const end = extent.base + size;
  if (end - extent.first <= capBytes) return;
  const first = end - Math.floor(capBytes * KEPT_SHARE);
  const fd = openSync(log, 'r+');
  try {
    // The record goes first: a reader then never takes a hole for zeros that the program wrote.
    if (punch(fd, first - extent.base, log, { ...extent, first })) return;
    writeExtent(log, { base: end, first: end });
    ftruncateSync(fd, 0);
  } finally {
    closeSync(fd);
  }
}

function punch(fd: number, length: number, log: string, after: LogExtent): boolean {
  const before = readExtent(log);
  writeExtent(log, after);
  if (fallocate()(fd, PUNCH_HOLE_KEEP_SIZE, 0, length) === 0) return true;
  writeExtent(log, before);
  return false;
}

function writeExtent(log: string, extent: LogExtent): void {
  writeFileSync(`${log}.json.tmp`, JSON.stringify(extent), { mode: 0o600 });
  renameSync(`${log}.json.tmp`, `${log}.json`);
}

type Fallocate = (fd: number, mode: number, offset: number, length: number) => number;
let cachedFallocate: Fallocate | undefined;

/** From the C library that Node itself runs on. Loaded on first use: few tasks ever write that much. */
function fallocate(): Fallocate {
  cachedFallocate ??= koffi
    .load(null)
    .func('int fallocate(int fd, int mode, int64_t offset, int64_t length)') as Fallocate;
  return cachedFallocate;
}

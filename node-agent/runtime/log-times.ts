// When what of a log was written. Tasks write straight to their log and nobody is in between to stamp their lines, so the
// supervisor notes how far each log has grown whenever it looks: twice a second, and only when there is something new.
// Beside `log` lies `log.times`: records of 16 bytes, the offset below which all was written, and the time (ms since 1970).
import {
  appendFileSync,
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readExtent } from './log-cap.js';

/** The most notes of one log, 1 MiB of them; then every second one is dropped, the older ones again and again. */
export const MAX_NOTES = 65_536;
const NOTE_BYTES = 16;

/** From this offset on the log was written at about this time. */
export interface LogTime {
  readonly offset: number;
  /** Ms since 1970, by this machine's clock. */
  readonly timeMs: number;
}

/** A note: all below `end` was written by `timeMs`. */
interface Note {
  readonly end: number;
  readonly timeMs: number;
}

/** Notes of one log, by the one process that keeps them. */
export class LogTimesWriter {
  readonly #log: string;
  readonly #maxNotes: number;
  #size = -1;
  #timeMs = 0;
  #count = 0;

  /** @param log the file; its notes go beside it */
  constructor(log: string, maxNotes = MAX_NOTES) {
    this.#log = log;
    this.#maxNotes = maxNotes;
  }

  /** Notes how far the log has grown. Cost when it has not: one stat. */
  note(nowMs: number): void {
    const size = statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0;
    if (size === Math.max(0, this.#size)) return;
    this.#size = size;
    // Times never go back, whatever is done to the clock: they are searched.
    this.#timeMs = Math.max(this.#timeMs, nowMs);
    appendFileSync(timesFile(this.#log), pack([{ end: readExtent(this.#log).base + size, timeMs: this.#timeMs }]), {
      mode: 0o600,
    });
    this.#count += 1;
    if (this.#count >= this.#maxNotes) this.#thinOut();
  }

  #thinOut(): void {
    const file = timesFile(this.#log);
    const bytes = readFileSync(file);
    const kept: Note[] = [];
    // From the last one, which must stay: what was noted before each that goes counts as written by the next.
    for (let at = Math.floor(bytes.length / NOTE_BYTES) - 1; at >= 0; at -= 2)
      kept.push(unpack(bytes, at * NOTE_BYTES));
    writeFileSync(`${file}.tmp`, pack(kept.toReversed()), { mode: 0o600 });
    renameSync(`${file}.tmp`, file);
    this.#count = kept.length;
  }
}

/**
 * When the bytes from `from` to `to` were written: the first entry speaks of `from`. What is not noted yet counts as written
 * at `nowMs`. Cost: 16 small reads, and one for each note within.
 */
export function timesBetween(log: string, from: number, to: number, nowMs: number): readonly LogTime[] {
  return withNotes(log, (notes) => {
    const times: LogTime[] = [];
    let at = notes.findFirst(({ end }) => end > from);
    for (let offset = from; offset < to || times.length === 0; at += 1) {
      const note = at < notes.count ? notes.read(at) : { end: to, timeMs: nowMs };
      times.push({ offset, timeMs: note.timeMs });
      offset = Math.max(note.end, offset + 1);
    }
    return times;
  });
}

/** Where what was written at or after a time begins; the end of what is noted when all of that is older. */
export function offsetSince(log: string, sinceMs: number): number {
  return withNotes(log, (notes) => {
    const at = notes.findFirst(({ timeMs }) => timeMs >= sinceMs);
    return at === 0 ? 0 : notes.read(at - 1).end;
  });
}

interface Notes {
  readonly count: number;
  read(at: number): Note;
  /** The first for which it holds, of notes that it holds for from some point on; `count` = for none. */
  findFirst(holds: (note: Note) => boolean): number;
}

function withNotes<T>(log: string, use: (notes: Notes) => T): T {
  const fd = openIfThere(timesFile(log));
  if (fd === null) return use(notesOf(0, () => ({ end: 0, timeMs: 0 })));
  try {
    const buffer = Buffer.allocUnsafe(NOTE_BYTES);
    return use(
      notesOf(Math.floor(fstatSync(fd).size / NOTE_BYTES), (at) => {
        readSync(fd, buffer, 0, NOTE_BYTES, at * NOTE_BYTES);
        return unpack(buffer, 0);
      }),
    );
  } finally {
    closeSync(fd);
  }
}

function notesOf(count: number, read: (at: number) => Note): Notes {
  return {
    count,
    read,
    findFirst: (holds) => {
      let low = 0;
      for (let high = count; low < high;) {
        const middle = (low + high) >>> 1;
        if (holds(read(middle))) high = middle;
        else low = middle + 1;
      }
      return low;
    },
  };
}

function pack(notes: readonly Note[]): Buffer {
  const bytes = Buffer.allocUnsafe(notes.length * NOTE_BYTES);
  notes.forEach(({ end, timeMs }, at) => {
    bytes.writeDoubleLE(end, at * NOTE_BYTES);
    bytes.writeDoubleLE(timeMs, at * NOTE_BYTES + 8);
  });
  return bytes;
}

function unpack(bytes: Buffer, at: number): Note {
  return { end: bytes.readDoubleLE(at), timeMs: bytes.readDoubleLE(at + 8) };
}

function timesFile(log: string): string {
  return `${log}.times`;
}

function openIfThere(file: string): number | null {
  try {
    return openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

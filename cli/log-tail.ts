// The last lines of several logs of one task together: what `--tail` means where standard output and standard error are apart. Each log
// gives as many of its own as are asked for, so that among them are those of both.
import type { LogPiece } from './client.js';
import type { MergedPiece } from './log-merge.js';

/** A place in the log of an allocation. */
export interface LogPlace {
  readonly allocation: string;
  readonly attempt: number;
  readonly offset: number;
}

/** The end of several logs. */
export interface LastLines {
  /** Each a line, in the order in which they were handed on. */
  readonly lines: readonly MergedPiece[];
  /** By log, where what was read of it ends: after its last whole line where it is gone on from. Null = it was not there. */
  readonly ends: readonly (LogPlace | null)[];
}

interface Source {
  /** What has come of the line that has not ended, each part of it in the piece it came in. */
  begun: LogPiece[];
  end: LogPlace | null;
}

const NEWLINE = 0x0a;

/**
 * Reads all pieces, and keeps their last lines.
 * @param count of lines, at least 0
 * @param logs how many logs there are
 * @param goesOn the logs are read on from their ends: a line that has not ended is left to that
 */
export async function lastLines(
  pieces: AsyncIterable<MergedPiece>,
  count: number,
  logs: number,
  goesOn: boolean,
): Promise<LastLines> {
  const sources = Array.from({ length: logs }, (): Source => ({ begun: [], end: null }));
  let lines: MergedPiece[] = [];
  const keep = (log: number, source: Source): void => {
    const line = whole(source.begun);
    source.begun = [];
    if (line !== null) lines.push({ log, piece: line });
    if (lines.length > 2 * count) lines = lines.slice(lines.length - count);
  };
  for await (const { log, piece } of pieces) {
    const source = sources[log];
    if (source === undefined) continue;
    if (piece.begins) keep(log, source);
    let at = 0;
    while (at < piece.data.length) {
      const newline = piece.data.indexOf(NEWLINE, at);
      const end = newline < 0 ? piece.data.length : newline + 1;
      source.begun.push({ ...piece, data: piece.data.subarray(at, end), offset: piece.offset + at });
      if (newline >= 0) keep(log, source);
      at = end;
    }
    const { allocation, attempt, offset } = source.begun[0] ?? { ...piece, offset: piece.offset + piece.data.length };
    source.end = { allocation, attempt, offset };
  }
  if (!goesOn) sources.forEach((source, log) => keep(log, source));
  return { lines: lines.slice(Math.max(0, lines.length - count)), ends: sources.map(({ end }) => end) };
}

/** The parts of a line as one piece, of the time at which it began. Null = there is nothing of it. */
function whole(parts: readonly LogPiece[]): LogPiece | null {
  const [first] = parts;
  return first === undefined ? null : { ...first, begins: false, data: Buffer.concat(parts.map(({ data }) => data)) };
}

// Puts the pieces of several logs of one task into the order in which they were written, as far as that is noted: to half a second.
import type { Clock } from '../common/clock.js';
import { fromTimestamp } from '../common/units.js';
import type { LogPiece } from './client.js';

/** A piece, and which of the logs it is of. */
export interface MergedPiece {
  readonly log: number;
  readonly piece: LogPiece;
}

interface Source {
  readonly pieces: AsyncGenerator<LogPiece>;
  /** What has come and was not handed on, each written at one time. */
  readonly waiting: LogPiece[];
  /** The next piece, on its way; null = nobody asked for it. */
  coming: Promise<void> | null;
  isOver: boolean;
}

/**
 * Hands on what was written earlier first; of equal times that of the log named first.
 * @param patienceMs how long what one log has waits for the other ones, which may stay silent; null = until they have ended
 */
export async function* mergeLogs(
  logs: readonly AsyncGenerator<LogPiece>[],
  clock: Pick<Clock, 'after'>,
  patienceMs: number | null,
): AsyncGenerator<MergedPiece> {
  const sources = logs.map((pieces): Source => ({ pieces, waiting: [], coming: null, isOver: false }));
  try {
    for (;;) {
      const missing = sources.filter(({ waiting, isOver }) => waiting.length === 0 && !isOver);
      const isAnythingHere = sources.some(({ waiting }) => waiting.length > 0);
      if (missing.length === 0 && !isAnythingHere) return;
      const coming = missing.map(ask);
      if (coming.length > 0) {
        const came = await Promise.race([...coming, ...(isAnythingHere ? outOfPatience(clock, patienceMs) : [])]);
        if (came !== 'late') continue;
      }
      const log = earliest(sources);
      const piece = sources[log]?.waiting.shift();
      if (piece !== undefined) yield { log, piece };
    }
  } finally {
    // One that waits for its next piece ends with its own signal, or with the connection.
    for (const { pieces, coming } of sources) if (coming === null) await pieces.return(undefined);
  }
}

function ask(source: Source): Promise<void> {
  source.coming ??= source.pieces.next().then(({ done, value }) => {
    source.coming = null;
    if (done === true) source.isOver = true;
    else source.waiting.push(...byTime(value));
  });
  // It may fail while another one is waited for, and is heard of at the next turn.
  source.coming.catch(() => undefined);
  return source.coming;
}

function outOfPatience(clock: Pick<Clock, 'after'>, patienceMs: number | null): readonly Promise<'late'>[] {
  return patienceMs === null ? [] : [new Promise((resolve) => clock.after(patienceMs, () => resolve('late')))];
}

function earliest(sources: readonly Source[]): number {
  let best = -1;
  let bestMs = Infinity;
  sources.forEach(({ waiting: [first] }, index) => {
    if (first === undefined) return;
    const timeMs = fromTimestamp(first.times[0]?.time) ?? 0;
    if (best < 0 || timeMs < bestMs) [best, bestMs] = [index, timeMs];
  });
  return best;
}

/** The parts of a piece that were written at one time each. */
function byTime(piece: LogPiece): readonly LogPiece[] {
  if (piece.times.length < 2) return [piece];
  return piece.times.map((time, at) => {
    const from = at === 0 ? 0 : time.offset - piece.offset;
    const to = (piece.times[at + 1]?.offset ?? Infinity) - piece.offset;
    const data = piece.data.subarray(from, Math.min(to, piece.data.length));
    return { ...piece, data, offset: piece.offset + from, times: [time], begins: piece.begins && at === 0 };
  });
}

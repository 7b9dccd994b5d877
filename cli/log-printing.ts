// Prints the logs of tasks as they come, over restarts of the workload. Shared by logs and run.
// Bytes go out as they are, unless something is asked for that speaks of lines: a prefix, times, a pattern.
import { ApiError } from '../common/errors.js';
import type { ReadLogsRequest } from '../proto/gen/sluice/v1/ReadLogsRequest.js';
import type { LogPiece, SluiceClient } from './client.js';
import type { Invocation } from './invocation.js';
import { LogLines, type LineStyle } from './log-lines.js';
import { mergeLogs, type MergedPiece } from './log-merge.js';
import { lastLines, type LastLines, type LogPlace } from './log-tail.js';

export interface LogPrinting {
  /** Ends the printing quietly. */
  readonly signal?: AbortSignal;
  /** Null = bytes as they are. */
  readonly style?: LineStyle | null;
  /** Onto standard error; absent = onto standard output. */
  readonly toError?: boolean;
  /** Called when a piece was printed: what comes next begins there. */
  readonly onPrinted?: (allocation: string, offset: number) => void;
}

/** Resolves when the log has ended or the signal came. */
export async function printLog(
  invocation: Invocation,
  api: SluiceClient,
  request: ReadLogsRequest,
  { signal, style = null, toError = false, onPrinted }: LogPrinting = {},
): Promise<void> {
  const lines = style === null ? null : new LogLines(style);
  const prefix = style?.prefix ?? '';
  let attempts = 0;
  const pieces = api.readLogs(
    { ...request, times: style?.timestamps === true },
    {
      ...(signal === undefined ? {} : { signal }),
      onReconnect: (error) => invocation.note(`${prefix}${error.message.split('\n')[0]}; trying again`),
    },
  );
  for await (const piece of pieces) {
    if (piece.begins) {
      await write(invocation, lines?.finish(), toError);
      attempts += 1;
      // The first piece starts wherever the reader came in; each later beginning is a restart seen live. Of two logs one says it.
      if (attempts > 1 && !toError) invocation.note(`${prefix}--- attempt ${piece.attempt} ---`);
    }
    await write(invocation, lines === null ? piece.data : lines.take(piece), toError);
    // Half a line is not printed yet: whoever goes on from here must get it whole.
    onPrinted?.(piece.allocation, piece.offset + piece.data.length - (lines?.pendingBytes ?? 0));
  }
  await write(invocation, lines?.finish(), toError);
}

/** How long a line of one log waits for what the other one says, while both are followed, in ms. */
const PATIENCE_MS = 100;

/**
 * Prints both logs of a task that has two, in whole lines, in the order in which they were written as far as that is noted. A tail is of
 * both together, of what was there when the reader came.
 */
export async function printBothLogs(
  invocation: Invocation,
  api: SluiceClient,
  request: ReadLogsRequest,
  style: LineStyle,
): Promise<void> {
  const logs = BOTH.map((stream) => ({ stream, lines: new LogLines(style) }));
  const open = (of: ReadLogsRequest): AsyncGenerator<LogPiece> =>
    api.readLogs(
      { ...of, times: true },
      { onReconnect: (error) => invocation.note(`${style.prefix}${error.message.split('\n')[0]}; trying again`) },
    );
  const { clock } = invocation.host;
  let attempt: number | null = null;
  let requests = logs.map(({ stream }): ReadLogsRequest => ({ ...request, stream }));
  if (Number(request.tailLines ?? 0) > 0) {
    const tail = await tailOf(
      mergeLogs(
        requests.map((of) => open({ ...of, follow: false })),
        clock,
        null,
      ),
      request,
    );
    for (const { log, piece } of tail.lines) await write(invocation, logs[log]?.lines.take(piece));
    if (request.follow !== true) {
      for (const { lines } of logs) await write(invocation, lines.finish());
      return;
    }
    for (const end of tail.ends) attempt = end === null ? attempt : Math.max(attempt ?? 0, end.attempt);
    requests = requests.map((of, log) => from(of, tail.ends[log] ?? null));
  }
  for await (const { log, piece } of mergeLogs(requests.map(open), clock, request.follow ? PATIENCE_MS : null)) {
    const lines = logs[log]?.lines;
    if (piece.begins) {
      await write(invocation, lines?.finish());
      if (attempt !== null && piece.attempt > attempt) {
        invocation.note(`${style.prefix}--- attempt ${piece.attempt} ---`);
      }
      attempt = Math.max(attempt ?? 0, piece.attempt);
    }
    await write(invocation, lines?.take(piece));
  }
  for (const { lines } of logs) await write(invocation, lines.finish());
}

/** Of work that has not started there are no lines yet, and whoever follows it waits for them. */
async function tailOf(pieces: AsyncIterable<MergedPiece>, request: ReadLogsRequest): Promise<LastLines> {
  const goesOn = request.follow === true;
  try {
    return await lastLines(pieces, Number(request.tailLines ?? 0), BOTH.length, goesOn);
  } catch (error) {
    if (goesOn && error instanceof ApiError && error.reason === 'NOT_STARTED') return { lines: [], ends: [] };
    throw error;
  }
}

/** The same log from a place on; all of it when there is none. */
function from(request: ReadLogsRequest, place: LogPlace | null): ReadLogsRequest {
  const rest = { ...request, tailLines: 0 };
  return place === null ? rest : { ...rest, resumeAllocation: place.allocation, resumeOffset: place.offset };
}

/** Of equal times output comes first. */
const BOTH = ['LOG_STREAM_STDOUT', 'LOG_STREAM_STDERR'] as const;

async function write(invocation: Invocation, data: LogPiece['data'] | undefined, toError = false): Promise<void> {
  if (data === undefined || data.length === 0) return;
  if (toError) await invocation.writeError(data);
  else await invocation.write(data);
}

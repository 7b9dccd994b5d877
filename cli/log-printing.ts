// Prints the logs of tasks as they come, over restarts of the workload. Shared by logs and run.
// Bytes go out as they are, unless something is asked for that speaks of lines: a prefix, times, a pattern.
import type { ReadLogsRequest } from '../proto/gen/sluice/v1/ReadLogsRequest.js';
import type { LogPiece, SluiceClient } from './client.js';
import type { Invocation } from './invocation.js';
import { LogLines, type LineStyle } from './log-lines.js';

export interface LogPrinting {
  /** Ends the printing quietly. */
  readonly signal?: AbortSignal;
  /** Null = bytes as they are. */
  readonly style?: LineStyle | null;
  /** Called when a piece was printed: what comes next begins there. */
  readonly onPrinted?: (allocation: string, offset: number) => void;
}

/** Resolves when the log has ended or the signal came. */
export async function printLog(
  invocation: Invocation,
  api: SluiceClient,
  request: ReadLogsRequest,
  { signal, style = null, onPrinted }: LogPrinting = {},
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
      await write(invocation, lines?.finish());
      attempts += 1;
      // The first piece starts wherever the reader came in; each later beginning is a restart seen live.
      if (attempts > 1) invocation.note(`${prefix}--- attempt ${piece.attempt} ---`);
    }
    await write(invocation, lines === null ? piece.data : lines.take(piece));
    // Half a line is not printed yet: whoever goes on from here must get it whole.
    onPrinted?.(piece.allocation, piece.offset + piece.data.length - (lines?.pendingBytes ?? 0));
  }
  await write(invocation, lines?.finish());
}

async function write(invocation: Invocation, data: LogPiece['data'] | undefined): Promise<void> {
  if (data !== undefined && data.length > 0) await invocation.write(data);
}

// Prints a task's log as it comes, over restarts of the workload. Shared by logs and run.
import type { ReadLogsRequest } from '../proto/gen/sluice/v1/ReadLogsRequest.js';
import type { SluiceClient } from './client.js';
import type { Invocation } from './invocation.js';

/** Resolves when the log has ended or the signal came. Bytes go to standard output as they are. */
export async function printLog(
  invocation: Invocation,
  api: SluiceClient,
  request: ReadLogsRequest,
  signal?: AbortSignal,
): Promise<void> {
  let attempts = 0;
  const pieces = api.readLogs(request, {
    ...(signal === undefined ? {} : { signal }),
    onReconnect: (error) => invocation.note(`${error.message.split('\n')[0]}; trying again`),
  });
  for await (const { begins, attempt, data } of pieces) {
    if (begins) {
      attempts += 1;
      // The first piece starts wherever the reader came in; each later beginning is a restart seen live.
      if (attempts > 1) invocation.note(`--- attempt ${attempt} ---`);
    }
    if (data.length > 0) await invocation.write(data);
  }
}

// LogService: reads the log of a task from the node that ran it, and follows it over restarts of the workload.
import { status } from '@grpc/grpc-js';
import type { LogServiceHandlers } from '../../proto/gen/sluice/v1/LogService.js';
import type { ReadLogsRequest__Output } from '../../proto/gen/sluice/v1/ReadLogsRequest.js';
import type { ReadLogsResponse } from '../../proto/gen/sluice/v1/ReadLogsResponse.js';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import { deferred } from '../../common/deferred.js';
import { ApiError } from '../../common/errors.js';
import { notFound } from '../control/refusals.js';
import { isTerminal } from '../model/cluster-state.js';
import type { Allocation, Workload } from '../model/records.js';
import type { Handlers, Sender } from './handlers.js';
import type { ServiceDependencies } from './server.js';

/** How much is asked of an agent at once: what one message carries well. */
const PIECE_BYTES = 65_536;
/** How long a follower waits between two looks at an agent that is not connected. */
const AGENT_RETRY_MS = 500;

/** The handlers of LogService. */
export function logService(handlers: Handlers, deps: ServiceDependencies): LogServiceHandlers {
  return {
    ReadLogs: handlers.stream('ReadLogs', (request, sender: Sender<ReadLogsResponse>) =>
      readLogs(deps, request, sender),
    ),
  };
}

/** Sends attempt after attempt; without follow only what is there of the last one. */
async function readLogs(
  deps: ServiceDependencies,
  request: ReadLogsRequest__Output,
  sender: Sender<ReadLogsResponse>,
): Promise<void> {
  const number = await deps.loop.read((state) => {
    const workload = state.findWorkload(request.workload);
    if (workload === undefined) throw notFound('workload', request.workload);
    if (request.task < 0 || request.task >= workload.spec.tasks) throw noSuchTask(request, workload);
    return workload.number;
  });
  let read: AllocationId | null = null;
  for (;;) {
    const allocation = await nextAttempt(deps, number, request, read, sender.closed);
    if (allocation === null) return;
    const tail = read === null ? request.tailBytes : 0;
    await sendLog(deps, allocation, { follow: request.follow, tailBytes: tail }, sender);
    if (!request.follow || sender.closed.aborted) return;
    read = allocation.id;
  }
}

/** The newest allocation of the task that was not read yet; waits for one while following. Null = there will be none. */
async function nextAttempt(
  { loop, hub }: ServiceDependencies,
  number: WorkloadNumber,
  { task, follow }: ReadLogsRequest__Output,
  read: AllocationId | null,
  closed: AbortSignal,
): Promise<Allocation | null> {
  for (;;) {
    const changed = deferred();
    const stop = hub.watch(null, (_revision, changes) => {
      if (changes.some((change) => change.collection === 'workloads' && change.after?.number === number)) {
        changed.resolve();
      }
    });
    const leave = (): void => changed.resolve();
    closed.addEventListener('abort', leave, { once: true });
    try {
      const found = await loop.read((state) => {
        const workload = state.workload(number);
        if (workload === undefined) return null;
        const id = workload.allocations[task];
        if (id !== undefined && id !== read) return state.allocation(id) ?? null;
        if (read === null && !follow) throw notStarted(workload);
        return isTerminal(workload.state) ? null : 'wait';
      });
      if (found !== 'wait') return found;
      if (!closed.aborted) await changed.promise;
      if (closed.aborted) return null;
    } finally {
      stop();
      closed.removeEventListener('abort', leave);
    }
  }
}

/** Sends one task's log from its node, piece by piece; the next piece is asked for when the client took the last one. */
async function sendLog(
  { fleet, clock, loop }: ServiceDependencies,
  allocation: Allocation,
  { follow, tailBytes }: { readonly follow: boolean; readonly tailBytes: number },
  sender: Sender<ReadLogsResponse>,
): Promise<void> {
  let offset = 0;
  let first = true;
  const left = whenClosed(sender.closed);
  let toSkip = await bytesBeforeTail(fleet, allocation, tailBytes);
  offset = toSkip;
  while (!sender.closed.aborted) {
    const session = fleet.session(allocation.node);
    if (session === undefined) {
      if (!follow) throw nodeAway(allocation);
      // A node that was given up does not come back with the rest of this log; the next attempt has one of its own.
      if (await loop.read((state) => (state.allocation(allocation.id)?.state ?? 'released') === 'released')) return;
      await new Promise<void>((resolve) => clock.after(AGENT_RETRY_MS, resolve));
      continue;
    }
    const reading = session
      .readLog({ allocation: allocation.id, offset, maxBytes: PIECE_BYTES, wait: follow })
      .catch((error: unknown) => {
        if (follow && error instanceof ApiError && error.code === status.UNAVAILABLE) return null;
        throw error;
      });
    const piece = await Promise.race([reading, left]);
    if (piece === null) continue;
    if (piece.error !== '') throw logUnreadable(allocation, piece.error);
    offset = piece.offset + piece.data.length;
    // The tail begins at a line.
    const data = toSkip > 0 ? afterFirstLine(piece.data) : piece.data;
    toSkip = 0;
    if (data.length > 0 || first) {
      const place = { data, offset: offset - data.length };
      sender.send(first ? { ...place, allocation: allocation.id, attempt: allocation.attempt } : place);
      first = false;
      await sender.drained();
    }
    if (piece.end || (!follow && piece.data.length === 0)) return;
  }
}

/** Resolves when the client is gone. */
function whenClosed(closed: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (closed.aborted) resolve(null);
    else closed.addEventListener('abort', () => resolve(null), { once: true });
  });
}

/** Where the tail begins. The agent tells the size by answering a read beyond the end with its end's offset. */
async function bytesBeforeTail(
  fleet: ServiceDependencies['fleet'],
  allocation: Allocation,
  tailBytes: number,
): Promise<number> {
  if (tailBytes === 0) return 0;
  const session = fleet.session(allocation.node);
  if (session === undefined) return 0;
  const end = await session.readLog({
    allocation: allocation.id,
    offset: Number.MAX_SAFE_INTEGER,
    maxBytes: 1,
    wait: false,
  });
  return Math.max(0, end.offset - tailBytes);
}

function afterFirstLine(data: Buffer): Buffer {
  const newline = data.indexOf(0x0a);
  return newline < 0 ? data : data.subarray(newline + 1);
}

function noSuchTask({ task }: ReadLogsRequest__Output, { number, spec }: Workload): ApiError {
  return new ApiError({
    code: status.INVALID_ARGUMENT,
    reason: 'TASK_NOT_FOUND',
    message: `workload ${number} has no task ${task}; its tasks are 0 to ${spec.tasks - 1}`,
  });
}

function notStarted({ number, state }: Workload): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'NOT_STARTED',
    message: `workload ${number} is ${state} and has printed nothing yet\nFollow it with: sluice logs -f ${number}`,
  });
}

function nodeAway({ node }: Allocation): ApiError {
  return new ApiError({
    code: status.UNAVAILABLE,
    reason: 'NODE_NOT_READY',
    message: `the log lies on node ${node}, whose agent is not connected\nTry again once it is back.`,
  });
}

function logUnreadable({ id }: Allocation, why: string): ApiError {
  return new ApiError({
    code: status.NOT_FOUND,
    reason: 'LOG_NOT_FOUND',
    message: `the log of allocation ${id} cannot be read: ${why}`,
  });
}

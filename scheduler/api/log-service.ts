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
import type { AgentSession } from '../fleet/session.js';
import type { Allocation, Workload } from '../model/records.js';
import type { Handlers, Sender } from './handlers.js';
import type { ServiceDependencies } from './server.js';
import { maxTasks } from '../model/requests.js';

/** How much is asked of an agent at once: what one message carries well. */
const PIECE_BYTES = 65_536;
/** A tail in lines looks no further back: nobody reads more of it, and the agent serves others, too. */
const MAX_TAIL_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;
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
    if (request.task < 0 || request.task >= maxTasks(workload.spec)) throw noSuchTask(request, workload);
    return workload.number;
  });
  let read: AllocationId | null = null;
  for (;;) {
    const allocation = await nextAttempt(deps, number, request, read, sender.closed);
    if (allocation === null) return;
    // The tail is of what was there when the reader came; a later attempt is new to it.
    const tail = read === null ? { bytes: request.tailBytes, lines: request.tailLines } : { bytes: 0, lines: 0 };
    await sendLog(deps, allocation, { follow: request.follow, tail }, sender);
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
  { follow, tail }: { readonly follow: boolean; readonly tail: Tail },
  sender: Sender<ReadLogsResponse>,
): Promise<void> {
  let offset = 0;
  let first = true;
  const left = whenClosed(sender.closed);
  const present = fleet.session(allocation.node);
  const start = present === undefined ? 0 : await startOfTail(present, allocation.id, tail);
  offset = start;
  // Only a tail in bytes may begin inside a line.
  let isCut = tail.bytes > 0 && start > 0;
  while (!sender.closed.aborted) {
    const session = fleet.session(allocation.node);
    if (session === undefined) {
      if (!follow) throw nodeAway(await loop.read((state) => state.node(allocation.node)?.name ?? allocation.node));
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
    const data = isCut ? afterFirstLine(piece.data) : piece.data;
    isCut = false;
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

/** How much of the end of a log is wanted; 0 = no bound. */
export interface Tail {
  readonly bytes: number;
  readonly lines: number;
}

/** Where the tail begins, in bytes from the start of the log. */
export async function startOfTail(
  session: Pick<AgentSession, 'readLog'>,
  allocation: AllocationId,
  tail: Tail,
): Promise<number> {
  if (tail.bytes === 0 && tail.lines === 0) return 0;
  // The agent tells the size by answering a read beyond the end with its end's offset.
  const beyond = { allocation, offset: Number.MAX_SAFE_INTEGER, maxBytes: 1, wait: false };
  const end = (await session.readLog(beyond)).offset;
  return tail.lines === 0 ? Math.max(0, end - tail.bytes) : startOfLines(session, allocation, end, tail.lines);
}

/** Looks for the beginning of the last so many lines, piece by piece from the end. */
async function startOfLines(
  session: Pick<AgentSession, 'readLog'>,
  allocation: AllocationId,
  end: number,
  lines: number,
): Promise<number> {
  const least = Math.max(0, end - MAX_TAIL_BYTES);
  // The newline that ends the last line begins no other.
  let left = lines;
  let at = end;
  while (at > least) {
    const offset = Math.max(least, at - PIECE_BYTES);
    const { data, error } = await session.readLog({ allocation, offset, maxBytes: at - offset, wait: false });
    // What cannot be read is told by the reading that follows.
    if (error !== '' || data.length === 0) return at;
    for (let index = Math.min(data.length, at - offset) - 1; index >= 0; index -= 1) {
      if (data[index] !== NEWLINE || offset + index === end - 1) continue;
      left -= 1;
      if (left === 0) return offset + index + 1;
    }
    at = offset;
  }
  return least;
}

function afterFirstLine(data: Buffer): Buffer {
  const newline = data.indexOf(NEWLINE);
  return newline < 0 ? data : data.subarray(newline + 1);
}

function noSuchTask({ task }: ReadLogsRequest__Output, { number, spec }: Workload): ApiError {
  return new ApiError({
    code: status.INVALID_ARGUMENT,
    reason: 'TASK_NOT_FOUND',
    message: `workload ${number} has no task ${task}; its tasks are 0 to ${maxTasks(spec) - 1}`,
  });
}

function notStarted({ number, state }: Workload): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'NOT_STARTED',
    message: `workload ${number} is ${state} and has printed nothing yet\nFollow it with: sluice logs -f ${number}`,
  });
}

function nodeAway(node: string): ApiError {
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

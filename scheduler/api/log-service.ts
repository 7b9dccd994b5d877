// LogService: reads the log of a task from the node that ran it, and follows it over restarts of the workload.
import { status } from '@grpc/grpc-js';
import type { LogServiceHandlers } from '../../proto/gen/sluice/v1/LogService.js';
import type { LogData__Output } from '../../proto/gen/sluice/v1/LogData.js';
import type { ReadLogsRequest__Output } from '../../proto/gen/sluice/v1/ReadLogsRequest.js';
import type { ReadLogsResponse } from '../../proto/gen/sluice/v1/ReadLogsResponse.js';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import { deferred } from '../../common/deferred.js';
import { ApiError } from '../../common/errors.js';
import { fromTimestamp } from '../../common/units.js';
import { noWorkload } from '../control/refusals.js';
import { isTerminal, type ReadableState } from '../model/cluster-state.js';
import type { AgentSession, LogRequest } from '../fleet/session.js';
import type { Allocation, Workload } from '../model/records.js';
import type { Principal } from '../auth/authenticator.js';
import type { Handlers, Sender } from './handlers.js';
import { requireOwner } from './owners.js';
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
    ReadLogs: handlers.stream('ReadLogs', (request, sender: Sender<ReadLogsResponse>, principal) =>
      readLogs(deps, request, sender, principal),
    ),
  };
}

/** Sends attempt after attempt; without follow only what is there of one. */
async function readLogs(
  deps: ServiceDependencies,
  request: ReadLogsRequest__Output,
  sender: Sender<ReadLogsResponse>,
  principal: Principal,
): Promise<void> {
  refuseContradictions(request);
  const number = await deps.loop.read((state) => {
    const workload = state.findWorkload(request.workload);
    if (workload === undefined) throw noWorkload(state.meta, request.workload);
    requireOwner(workload, principal, 'read what it prints');
    if (request.task < 0 || request.task >= maxTasks(workload.spec)) throw noSuchTask(request, workload);
    if (request.stream !== 'LOG_STREAM_UNSPECIFIED' && workload.spec.separateStderr !== true) throw oneLog(workload);
    return workload.number;
  });
  let read: AllocationId | null = null;
  for (;;) {
    const allocation = await nextAttempt(deps, number, request, read, sender.closed);
    if (allocation === null) return;
    // The tail is of what was there when the reader came; a later attempt is new to it.
    await sendLog(deps, allocation, { request, start: read === null ? startOf(request) : BEGINNING }, sender);
    if (!request.follow || isOfOneAttempt(request) || sender.closed.aborted) return;
    read = allocation.id;
  }
}

function refuseContradictions({ attempt, previous, tailBytes, tailLines }: ReadLogsRequest__Output): void {
  const problem =
    attempt < 0
      ? `attempt ${attempt} is none; attempts count from 1`
      : attempt > 0 && previous
        ? 'attempt and previous say two things; give one of them'
        : tailBytes > 0 && tailLines > 0
          ? 'tail_bytes and tail_lines say two things; give one of them'
          : null;
  if (problem === null) return;
  throw new ApiError({ code: status.INVALID_ARGUMENT, reason: 'INVALID_ARGUMENT', message: problem });
}

function isOfOneAttempt({ attempt, previous }: ReadLogsRequest__Output): boolean {
  return attempt > 0 || previous;
}

/** Where the reading of an attempt begins. */
interface Start {
  readonly offset: number;
  readonly tail: Tail;
  /** Null = whenever it was written. */
  readonly sinceMs: number | null;
}

const BEGINNING: Start = { offset: 0, tail: { bytes: 0, lines: 0 }, sinceMs: null };

function startOf({ resumeAllocation, resumeOffset, tailBytes, tailLines, since }: ReadLogsRequest__Output): Start {
  if (resumeAllocation !== '') return { ...BEGINNING, offset: resumeOffset };
  return { offset: 0, tail: { bytes: tailBytes, lines: tailLines }, sinceMs: fromTimestamp(since) };
}

/** The allocation of the task to be read next; waits for one while following. Null = there will be none. */
async function nextAttempt(
  { loop, hub }: ServiceDependencies,
  number: WorkloadNumber,
  request: ReadLogsRequest__Output,
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
        return workload === undefined
          ? null
          : chooseAttempt(workload, attemptsOf(state, workload, request), request, read);
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

/** What is kept of the allocations of the task, oldest first. */
function attemptsOf(
  state: Pick<ReadableState, 'allocation'>,
  { pastAllocations, allocations }: Workload,
  { task }: ReadLogsRequest__Output,
): readonly Allocation[] {
  return [...pastAllocations, ...allocations]
    .map((id) => state.allocation(id))
    .filter((allocation) => allocation?.task === task)
    .filter((allocation) => allocation !== undefined);
}

/** @throws ApiError when what is asked for is not there */
function chooseAttempt(
  workload: Workload,
  known: readonly Allocation[],
  request: ReadLogsRequest__Output,
  read: AllocationId | null,
): Allocation | 'wait' | null {
  const { attempt, previous, follow, resumeAllocation } = request;
  const later = isTerminal(workload.state) ? null : 'wait';
  if (read !== null) {
    // What is kept is bounded: should the one that was read be gone, those after it are newer than all that are.
    const at = known.findIndex(({ id }) => id === read);
    return known[at + 1] ?? later;
  }
  if (resumeAllocation !== '') {
    return known.find(({ id }) => id === resumeAllocation) ?? throwing(notKept(workload, request, known));
  }
  if (attempt > 0) {
    const found = known.findLast((one) => one.attempt === attempt);
    if (found !== undefined) return found;
    if (follow && attempt > workload.attempt) return later;
    throw notKept(workload, request, known);
  }
  if (previous) {
    const present = known.at(-1)?.attempt ?? 0;
    return known.findLast((one) => one.attempt < present) ?? throwing(notKept(workload, request, known));
  }
  if (known.length === 0 && !follow) throw notStarted(workload);
  return known.at(-1) ?? later;
}

function throwing(error: ApiError): never {
  throw error;
}

/** Sends one task's log from its node, piece by piece; the next piece is asked for when the client took the last one. */
async function sendLog(
  { fleet, clock, loop }: ServiceDependencies,
  allocation: Allocation,
  { request, start }: { readonly request: ReadLogsRequest__Output; readonly start: Start },
  sender: Sender<ReadLogsResponse>,
): Promise<void> {
  const { follow, times } = request;
  const stderr = request.stream === 'LOG_STREAM_STDERR';
  const left = whenClosed(sender.closed);
  let offset: number | null = null;
  let first = true;
  // Only a tail in bytes may begin inside a line.
  let isCut = false;
  while (!sender.closed.aborted) {
    const session = fleet.session(allocation.node);
    if (session === undefined) {
      if (!follow) throw nodeAway(await loop.read((state) => state.node(allocation.node)?.name ?? allocation.node));
      // A node that was given up does not come back with the rest of this log; the next attempt has one of its own.
      if (await loop.read((state) => (state.allocation(allocation.id)?.state ?? 'released') === 'released')) return;
      await new Promise<void>((resolve) => clock.after(AGENT_RETRY_MS, resolve));
      continue;
    }
    const piece = await Promise.race([readPiece(session), left]).catch((error: unknown) => {
      if (follow && error instanceof ApiError && error.code === status.UNAVAILABLE) return null;
      throw error;
    });
    if (piece === null) continue;
    if (piece.error !== '') throw logUnreadable(allocation, piece.error);
    offset = piece.offset + piece.data.length;
    // The tail begins at a line.
    const data = isCut ? afterFirstLine(piece.data) : piece.data;
    isCut = false;
    if (data.length > 0 || first) {
      const place = { data, offset: offset - data.length, times: piece.times };
      sender.send(first ? { ...place, allocation: allocation.id, attempt: allocation.attempt } : place);
      first = false;
      await sender.drained();
    }
    if (piece.end || (!follow && piece.data.length === 0)) return;
  }

  /** The agent may come and go between any two of its answers: where the tail begins is asked until it is known. */
  async function readPiece(session: AgentSession): Promise<LogData__Output> {
    if (offset === null) {
      offset = start.offset + (await startOfTail(session, allocation.id, start.tail, stderr));
      isCut = start.tail.bytes > 0 && offset > 0;
    }
    const since = first && start.sinceMs !== null ? { sinceMs: start.sinceMs } : {};
    const which = { allocation: allocation.id, ...(stderr ? { stderr } : {}) };
    const piece = { ...which, offset, maxBytes: PIECE_BYTES, wait: follow, times, ...since };
    return session.readLog(piece, sender.closed);
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
  stderr = false,
): Promise<number> {
  if (tail.bytes === 0 && tail.lines === 0) return 0;
  // The agent tells the size by answering a read beyond the end with its end's offset.
  const which = { allocation, ...(stderr ? { stderr } : {}) };
  const beyond = { ...which, offset: Number.MAX_SAFE_INTEGER, maxBytes: 1, wait: false };
  const end = (await session.readLog(beyond)).offset;
  return tail.lines === 0 ? Math.max(0, end - tail.bytes) : startOfLines(session, which, end, tail.lines);
}

/** Looks for the beginning of the last so many lines, piece by piece from the end. */
async function startOfLines(
  session: Pick<AgentSession, 'readLog'>,
  which: Pick<LogRequest, 'allocation' | 'stderr'>,
  end: number,
  lines: number,
): Promise<number> {
  const least = Math.max(0, end - MAX_TAIL_BYTES);
  // The newline that ends the last line begins no other.
  let left = lines;
  let at = end;
  while (at > least) {
    const offset = Math.max(least, at - PIECE_BYTES);
    const { data, error } = await session.readLog({ ...which, offset, maxBytes: at - offset, wait: false });
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

/** What the reader names is not there, or no more. */
function notKept(
  { number, attempt: present }: Workload,
  { task, attempt, previous, resumeAllocation }: ReadLogsRequest__Output,
  known: readonly Allocation[],
): ApiError {
  const wanted =
    resumeAllocation !== ''
      ? `no allocation ${resumeAllocation}`
      : previous
        ? 'none before that'
        : `no attempt ${attempt}`;
  const kept = [...new Set(known.map((one) => one.attempt))].join(', ') || 'none';
  return new ApiError({
    code: status.NOT_FOUND,
    reason: 'ATTEMPT_NOT_FOUND',
    message:
      `workload ${number} is in attempt ${present}, and of task ${task} there is ${wanted}\n` +
      `Attempts that are kept: ${kept}.`,
  });
}

function oneLog({ number }: Workload): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'ONE_LOG',
    message:
      `workload ${number} has standard output and standard error in one log, in the order in which they were written\n` +
      'To have them apart, submit with separate_stderr (sluice run --separate-stderr).',
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

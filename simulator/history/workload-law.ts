// How one workload behaves when calls come one after the other: what the answers of concurrent clients are held against. What
// the scheduler does of its own accord (start, stop, end) may happen between any two calls, so it is taken to have happened at
// the first answer that shows it; no later answer may take it back.
import type { EndState, Operation, Seen, SeenState } from './operation.js';

/** What is known of a workload. A field that nobody has seen yet is null where that is possible. */
export interface Known {
  /** Null = nobody can tell, as after a loss of the past: it is gone, or comes back with the node that runs it. */
  readonly exists: boolean | null;
  readonly number: number | null;
  readonly priority: number | null;
  /** Undefined = nobody can tell. */
  readonly hold: string | null | undefined;
  /** Whether its end was asked for; null = nobody can tell. */
  readonly isCancelled: boolean | null;
  /** How far it was seen to have come: tries, and the stage of the present one. */
  readonly progress: number;
  readonly end: EndState | null;
}

/** Before anything was submitted. */
export const NOTHING: Known = {
  exists: false,
  number: null,
  priority: null,
  hold: null,
  isCancelled: false,
  progress: 0,
  end: null,
};

/** When nobody can tell what was before. */
export const ANYTHING: Known = { ...NOTHING, exists: null, hold: undefined, isCancelled: null };

/** Stages of one try, in the order in which a workload goes through them; it may leave some out, and never goes back. */
const STAGES: Readonly<Record<Exclude<SeenState, EndState>, number>> = {
  starting: 1,
  running: 2,
  stopping: 3,
  // It waits for the next try.
  pending: 4,
};
const STAGES_PER_TRY = 5;

/**
 * The workload after a call, had the call been carried out at this moment.
 * @returns null when the answer could not have been given at this moment
 */
export function step(known: Known, { request, answer }: Operation): Known | null {
  if (answer.kind === 'several') return null;
  if (request.kind === 'submit') {
    const after: Known = known.exists === false ? { ...known, exists: true, priority: request.priority } : known;
    if (answer.kind === 'unknown') return after;
    return answer.kind === 'submitted' ? withNumber({ ...after, exists: true }, answer.number) : null;
  }
  if (answer.kind === 'submitted') return null;
  if (answer.kind === 'absent') {
    if (known.exists === true) return null;
    // After a loss it may come back when its node is heard. Once it was seen it stays.
    return known.exists === null ? ANYTHING : NOTHING;
  }
  if (answer.kind === 'unknown') return known.exists === false ? known : carriedOut(known, request);
  if (known.exists === false) return null;
  const after = carriedOut({ ...known, exists: true }, request);
  return answer.kind === 'done' ? after : withSeen(after, answer.seen);
}

/** A step of a call, and what must come before it. */
export interface Step extends Operation {
  readonly requires: Operation | null;
}

/**
 * The steps of calls: a change that answers with the workload is a change, and a look at it some time later. What has ended
 * is no longer changed by anybody: where the look shows an end, the change may have come too late, and done nothing.
 */
export function stepsOf(operations: readonly Operation[]): readonly Step[] {
  return operations.flatMap((operation): readonly Step[] => {
    const { request, answer, invokedAt, returnedAt } = operation;
    if (answer.kind !== 'seen' || request.kind === 'read') return [{ ...operation, requires: null }];
    const look = { request: { kind: 'read' }, answer, invokedAt, returnedAt } as const;
    if (isEnd(answer.seen.state)) {
      const change = { request, answer: { kind: 'unknown' }, invokedAt, returnedAt: Infinity, requires: null } as const;
      return [change, { ...look, requires: null }];
    }
    const change = { request, answer: { kind: 'done' }, invokedAt, returnedAt, requires: null } as const;
    return [change, { ...look, requires: change }];
  });
}

/** Two moments with the same text are the same for all that can follow. */
export function textOf({ exists, number, priority, hold, isCancelled, progress, end }: Known): string {
  return JSON.stringify([exists, number, priority, hold === undefined ? 0 : hold, isCancelled, progress, end]);
}

function carriedOut(known: Known, request: Operation['request']): Known {
  if (known.end !== null) return known;
  switch (request.kind) {
    case 'prioritize':
      return { ...known, priority: request.priority };
    case 'hold':
      return { ...known, hold: request.reason };
    case 'release':
      return { ...known, hold: null };
    case 'cancel':
      return { ...known, isCancelled: true };
    case 'read':
    case 'submit':
      return known;
  }
}

function withNumber(known: Known, number: number): Known | null {
  return known.number === null || known.number === number ? { ...known, number } : null;
}

function withSeen(known: Known, seen: Seen): Known | null {
  if (known.priority !== null && known.priority !== seen.priority) return null;
  if (known.hold !== undefined && known.hold !== seen.hold) return null;
  const after = withNumber({ ...known, priority: seen.priority, hold: seen.hold }, seen.number);
  if (after === null) return null;
  if (isEnd(seen.state)) {
    if (after.end !== null && after.end !== seen.state) return null;
    if (seen.state === 'cancelled' && after.isCancelled === false) return null;
    return { ...after, end: seen.state };
  }
  if (after.end !== null || (after.isCancelled === true && seen.state !== 'stopping')) return null;
  const progress = seen.attempt * STAGES_PER_TRY + STAGES[seen.state];
  return progress < after.progress ? null : { ...after, progress };
}

function isEnd(state: SeenState): state is EndState {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

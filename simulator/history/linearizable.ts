// Whether the answers that concurrent clients were given could have come from one workload that served one call after the
// other, each at some moment between its sending and its answer. The search of Wing and Gong ("Testing and Verifying
// Concurrent Objects", 1993) with Lowe's memory of the places it has been at ("Testing for Linearizability", 2017): one
// order of calls is tried after the other, going back where an answer contradicts, and never twice to the same place.
import type { Operation } from './operation.js';
import { step, stepsOf, textOf, type Known, type Step } from './workload-law.js';

/** Steps that one search may take: seconds of work. A history that needs more is undecided. */
export const SEARCH_BUDGET_STEPS = 2_000_000;

/** What a search came to. `undecided` is no proof of anything. */
export type Verdict = 'linearizable' | 'not linearizable' | 'undecided';

export interface SearchOutcome {
  readonly verdict: Verdict;
  readonly steps: number;
}

/** A call or its answer on the line of time, linked so that both can be taken out and put back. */
interface Event {
  readonly operation: Step;
  /** Its place in the history. */
  readonly at: number;
  /** The answer that belongs to a call; null = this is an answer. */
  readonly answer: Event | null;
  /** The place of the one that must have been carried out before; null = there is none. */
  readonly requires: number | null;
  before: Event | null;
  after: Event | null;
}

/** A call that was taken as carried out, and what was known until then. */
interface Choice {
  readonly call: Event;
  readonly known: Known;
  readonly done: bigint;
}

/**
 * Looks for an order that explains every answer.
 * @param operations of one workload, in any order
 * @param initial what is known of it before the first
 */
export function search(
  operations: readonly Operation[],
  initial: Known,
  budgetSteps = SEARCH_BUDGET_STEPS,
): SearchOutcome {
  const bounded = withoutNeedlessDoubt(stepsOf(operations)).toSorted((one, other) => one.invokedAt - other.invokedAt);
  const head = timeline(bounded);
  const choices: Choice[] = [];
  const beenAt = new Set<string>();
  let known = initial;
  let done = 0n;
  // Calls without an answer may be left over: they happen later, or never.
  let awaited = bounded.filter(({ returnedAt }) => returnedAt !== Infinity).length;
  let steps = 0;
  let event = head.after;
  while (awaited > 0) {
    steps += 1;
    if (steps > budgetSteps) return { verdict: 'undecided', steps };
    if (event === null || event.answer === null) {
      // Whoever waits for this answer has not been served: some choice before was wrong.
      const last = choices.pop();
      if (last === undefined) return { verdict: 'not linearizable', steps };
      putBack(last.call);
      ({ known, done } = last);
      if (last.call.operation.returnedAt !== Infinity) awaited += 1;
      event = last.call.after;
      continue;
    }
    const after = isTooEarly(event, done) ? null : step(known, event.operation);
    const doneWithIt = done | (1n << BigInt(event.at));
    // What may happen never need not happen where it changes nothing.
    const isIdle = event.operation.returnedAt === Infinity && after !== null && textOf(after) === textOf(known);
    if (after === null || isIdle || !isNew(beenAt, doneWithIt, after)) {
      event = event.after;
      continue;
    }
    choices.push({ call: event, known, done });
    takeOut(event);
    known = after;
    done = doneWithIt;
    if (event.operation.returnedAt !== Infinity) awaited -= 1;
    event = head.after;
  }
  return { verdict: 'linearizable', steps };
}

/**
 * Says more of calls without an answer where what others saw tells it: a value that only one call writes was written before
 * the first answer that shows it, and one that no answer shows need never have been written. Each call that remains in doubt
 * doubles the orders to be tried.
 */
function withoutNeedlessDoubt(operations: readonly Step[]): readonly Step[] {
  const writers = new Map<string, number>();
  const firstSeenAt = new Map<string, number>();
  for (const { request, answer, returnedAt } of operations) {
    const written = valueWritten(request);
    if (written !== null) writers.set(written, (writers.get(written) ?? 0) + 1);
    if (answer.kind !== 'seen') continue;
    const { priority, hold, state } = answer.seen;
    for (const value of [`priority ${priority}`, `hold ${hold}`, state]) {
      firstSeenAt.set(value, Math.min(firstSeenAt.get(value) ?? Infinity, returnedAt));
    }
  }
  return operations.flatMap((operation) => {
    const { request, answer } = operation;
    if (answer.kind !== 'unknown') return [operation];
    if (request.kind === 'read') return [];
    const written = request.kind === 'submit' ? null : valueWritten(request);
    if (written === null || writers.get(written) !== 1) return [operation];
    const seenAt = firstSeenAt.get(written);
    if (seenAt === undefined) return [];
    // Shown before it was asked for: left as it is, the search finds no order for it.
    return seenAt < operation.invokedAt ? [operation] : [{ ...operation, returnedAt: seenAt }];
  });
}

/** What answers show of a request that was carried out, and of no other. */
function valueWritten(request: Operation['request']): string | null {
  switch (request.kind) {
    case 'prioritize':
    case 'submit':
      return `priority ${request.priority}`;
    case 'hold':
      return `hold ${request.reason}`;
    case 'cancel':
      return 'cancelled';
    case 'release':
    case 'read':
      return null;
  }
}

/** @returns a mark before the first event */
function timeline(operations: readonly Step[]): Event {
  const places = new Map<Operation, number>(operations.map((operation, at) => [operation, at]));
  const unanswered = new Map<string, number>();
  const events = operations.flatMap((operation, at) => {
    let requires = operation.requires === null ? null : (places.get(operation.requires) ?? null);
    if (operation.answer.kind === 'unknown' && operation.returnedAt === Infinity) {
      // Of calls that asked the same and were never answered, the earliest may stand wherever a later one may: it goes first.
      const asked = JSON.stringify(operation.request);
      requires = unanswered.get(asked) ?? null;
      unanswered.set(asked, at);
    }
    const answer: Event = { operation, at, answer: null, requires: null, before: null, after: null };
    const call: Event = { operation, at, answer, requires, before: null, after: null };
    return [
      { moment: operation.invokedAt, order: 0, event: call },
      { moment: operation.returnedAt, order: 1, event: answer },
    ];
  });
  // At one and the same moment calls come first, so that they count as concurrent with what is answered then.
  events.sort((one, other) => compare(one.moment, other.moment) || one.order - other.order);
  const head: Event = {
    operation: { request: { kind: 'read' }, answer: { kind: 'unknown' }, invokedAt: 0, returnedAt: 0, requires: null },
    at: -1,
    answer: null,
    requires: null,
    before: null,
    after: null,
  };
  let last = head;
  for (const { event } of events) {
    last.after = event;
    event.before = last;
    last = event;
  }
  return head;
}

function isTooEarly({ requires }: Event, done: bigint): boolean {
  return requires !== null && (done & (1n << BigInt(requires))) === 0n;
}

function compare(one: number, other: number): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function takeOut(call: Event): void {
  for (const event of [call, call.answer]) {
    if (event === null) continue;
    if (event.before !== null) event.before.after = event.after;
    if (event.after !== null) event.after.before = event.before;
  }
}

/** The answer first: the call may stand right before it. */
function putBack(call: Event): void {
  for (const event of [call.answer, call]) {
    if (event === null) continue;
    if (event.before !== null) event.before.after = event;
    if (event.after !== null) event.after.before = event;
  }
}

function isNew(beenAt: Set<string>, done: bigint, known: Known): boolean {
  const place = `${done.toString(36)} ${textOf(known)}`;
  if (beenAt.has(place)) return false;
  beenAt.add(place);
  return true;
}

// Histories to try the checker on: written down call by call, or made at random by clients of a sound register.
import type { Answer, Operation, Request, Seen, SeenState } from '../../simulator/history/operation.js';
import { Random } from '../../simulator/random.js';

/** Builds a history from lines of time: `call(1, 4, …)` was sent at 1 and answered at 4. */
export function call(invokedAt: number, returnedAt: number, request: Request, answer: Answer): Operation {
  return { invokedAt, returnedAt, request, answer };
}

/** A call that broke. */
export function broken(invokedAt: number, request: Request): Operation {
  return { invokedAt, returnedAt: Infinity, request, answer: { kind: 'unknown' } };
}

export const submit: Request = { kind: 'submit', priority: 50 };
export const read: Request = { kind: 'read' };
export const cancel: Request = { kind: 'cancel' };
export const release: Request = { kind: 'release' };
export const prioritize = (priority: number): Request => ({ kind: 'prioritize', priority });
export const hold = (reason: string): Request => ({ kind: 'hold', reason });

export const submitted = (number = 7): Answer => ({ kind: 'submitted', number });
export const absent: Answer = { kind: 'absent' };
/** Number 7, pending, never placed, not held, priority 50, unless told otherwise. */
export function seen(what: Partial<Seen> = {}): Answer {
  return { kind: 'seen', seen: { number: 7, priority: 50, hold: null, state: 'pending', attempt: 0, ...what } };
}

/** What the made register is right now. */
interface Register {
  exists: boolean;
  priority: number;
  hold: string | null;
  state: SeenState;
  attempt: number;
}

interface UnderWay {
  readonly request: Request;
  readonly invokedAt: number;
  readonly breaks: boolean;
  answer: Answer | null;
}

/** What the scheduler does of its own accord, by where the workload is. */
const OWN_STEPS: Readonly<Partial<Record<SeenState, readonly SeenState[]>>> = {
  pending: ['starting'],
  starting: ['running', 'stopping', 'pending'],
  running: ['stopping', 'succeeded', 'failed'],
  stopping: ['pending', 'failed'],
};

/**
 * A linearizable history: some clients at a time, each call carried out at one moment between its sending and its answer,
 * while the scheduler starts, stops and ends the workload. Calls that break are carried out late, or never.
 */
export function soundHistory(seed: number, count: number, clients = 4): Operation[] {
  const random = new Random(seed);
  const register: Register = { exists: false, priority: 0, hold: null, state: 'pending', attempt: 0 };
  const underWay: UnderWay[] = [];
  const late: Request[] = [];
  const history: Operation[] = [];
  let moment = 0;
  let sent = 0;
  let isCancelled = false;

  function carryOut(request: Request): Answer {
    if (request.kind === 'submit') {
      if (!register.exists) register.priority = request.priority;
      register.exists = true;
      return submitted();
    }
    if (!register.exists) return absent;
    const hasEnded = OWN_STEPS[register.state] === undefined;
    if (!hasEnded) {
      if (request.kind === 'prioritize') register.priority = request.priority;
      if (request.kind === 'hold') register.hold = request.reason;
      if (request.kind === 'release') register.hold = null;
      if (request.kind === 'cancel') {
        isCancelled = true;
        register.state = register.state === 'pending' ? 'cancelled' : 'stopping';
      }
    }
    return seen({ ...register, number: 7 });
  }

  function ownStep(): void {
    const steps = OWN_STEPS[register.state];
    if (!register.exists || steps === undefined) return;
    const [first = 'pending', ...others] = isCancelled ? (['cancelled', 'succeeded'] as const) : steps;
    register.state = random.pick([first, ...others]);
    if (register.state === 'starting') register.attempt += 1;
  }

  while (sent < count || underWay.length > 0) {
    moment += 1;
    const open = underWay[random.below(Math.max(1, underWay.length))];
    if (sent < count && (open === undefined || (underWay.length < clients && random.oneIn(2)))) {
      sent += 1;
      underWay.push({ request: anyRequest(random, sent), invokedAt: moment, breaks: random.oneIn(8), answer: null });
    } else if (open !== undefined && open.answer === null && !(open.breaks && random.oneIn(2))) {
      open.answer = carryOut(open.request);
    } else if (open !== undefined) {
      underWay.splice(underWay.indexOf(open), 1);
      const { request, invokedAt, breaks, answer } = open;
      if (breaks && answer === null && random.oneIn(2)) late.push(request);
      history.push(breaks || answer === null ? broken(invokedAt, request) : call(invokedAt, moment, request, answer));
    }
    if (random.oneIn(12)) ownStep();
    if (late.length > 0 && random.oneIn(6)) carryOut(late.pop() ?? read);
  }
  return history;
}

function anyRequest(random: Random, unique: number): Request {
  return random.weighted<Request>([
    [unique < 4 ? 12 : 2, () => submit],
    [8, () => read],
    [6, () => prioritize(100 + unique)],
    [4, () => hold(`reason ${unique}`)],
    [4, () => release],
    [1, () => cancel],
  ]);
}

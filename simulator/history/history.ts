// What a few clients asked of a few workloads at the same time, and what they were told: recorded call by call, then held
// against the law, one workload after the other, since the law of one does not depend on another.
import { describeOperation, type Answer, type Operation, type Request, type Seen } from './operation.js';
import { search, SEARCH_BUDGET_STEPS, type Verdict } from './linearizable.js';
import { ANYTHING, NOTHING, type Known } from './workload-law.js';

/** So many calls of an undecided or broken history are shown at most. */
const CALLS_SHOWN = 80;

/** A call that was sent and has no answer yet. */
export interface OpenCall {
  /** The answer came now. */
  answered(answer: Answer): void;
  /** It was turned away, and is certain never to be carried out. */
  refused(): void;
}

/** A call that shows many workloads at once, under way. */
export interface OpenList {
  /** What it showed, by name. */
  answered(shown: ReadonlyMap<string, readonly Seen[]>): void;
}

/** What became of the check of one history. */
export interface Judgement {
  readonly verdict: Verdict;
  /** What contradicts, in words; empty when nothing does. */
  readonly findings: readonly string[];
}

/** A loss of the scheduler's past that it announced. */
export interface LostPast {
  /** What was acknowledged later than this, and before the announcement, may be lost as well. */
  readonly from: number;
  /** Of what comes later, nobody can tell what was before. */
  readonly announcedAt: number;
}

/** Counts moments for all histories of one process: a call sent or an answer received is one. */
export class Moments {
  #now = 0;

  next(): number {
    this.#now += 1;
    return this.#now;
  }
}

/** One history. Workloads are told apart by names that nobody else gives. */
export class History {
  readonly #moments: Moments;
  readonly #calls = new Map<string, Operation[]>();
  readonly #lostPasts: LostPast[] = [];
  #answered = 0;

  constructor(moments: Moments) {
    this.#moments = moments;
  }

  /** Calls that were answered; a listing is one. */
  get answered(): number {
    return this.#answered;
  }

  /** The names of workloads of which a submission was sent. */
  get names(): readonly string[] {
    return [...this.#calls.keys()];
  }

  /** Call this right before a call on one workload is sent. */
  sent(name: string, request: Request): OpenCall {
    const note = this.#note(name, request, this.#moments.next());
    return {
      answered: (answer) => {
        if (answer.kind !== 'unknown') this.#answered += 1;
        note(request, answer);
      },
      refused: () => note({ kind: 'read' }, { kind: 'unknown' }),
    };
  }

  /** Call this right before a listing is sent: it shows, or does not show, each workload that was submitted before. */
  sentList(): OpenList {
    const invokedAt = this.#moments.next();
    const open = this.names.map((name) => ({ name, note: this.#note(name, { kind: 'read' }, invokedAt) }));
    return {
      answered: (shown) => {
        this.#answered += 1;
        for (const { name, note } of open) note({ kind: 'read' }, asAnswer(shown.get(name) ?? []));
      },
    };
  }

  /** The scheduler said that its past was lost. */
  pastLost(past: LostPast): void {
    this.#lostPasts.push(past);
  }

  /** Holds every workload against the law. A search that takes too long is undecided, which is no success. */
  check(budgetSteps = SEARCH_BUDGET_STEPS): Judgement {
    let verdict: Verdict = 'linearizable';
    const findings: string[] = [];
    for (const [name, calls] of this.#calls) {
      for (let past = 0; past <= this.#lostPasts.length; past += 1) {
        const operations = this.#ofPast(calls, past);
        const initial: Known = past === 0 ? NOTHING : ANYTHING;
        const { verdict: one, steps } = search(operations, initial, budgetSteps);
        if (one === 'linearizable') continue;
        if (verdict !== 'not linearizable') verdict = one;
        const lines = operations.slice(-CALLS_SHOWN).map((operation) => `    ${describeOperation(operation)}`);
        findings.push([`${name} is ${one} (${steps} steps):`, ...lines].join('\n'));
      }
    }
    return { verdict, findings };
  }

  #note(name: string, request: Request, invokedAt: number): (request: Request, answer: Answer) => void {
    const calls = this.#calls.get(name) ?? [];
    this.#calls.set(name, calls);
    const at = calls.push({ request, answer: { kind: 'unknown' }, invokedAt, returnedAt: Infinity }) - 1;
    return (asked, answer) => {
      const moment = this.#moments.next();
      calls[at] = { request: asked, answer, invokedAt, returnedAt: answer.kind === 'unknown' ? Infinity : moment };
    };
  }

  /** The calls between two losses. One that was under way at a loss may have been carried out before it, after it, or never. */
  #ofPast(calls: readonly Operation[], past: number): readonly Operation[] {
    const beginsAt = past === 0 ? 0 : (this.#lostPasts[past - 1]?.announcedAt ?? 0);
    const endsAt = this.#lostPasts[past]?.from ?? Infinity;
    return calls.flatMap((call) => {
      if (call.invokedAt > endsAt || call.returnedAt < beginsAt) return [];
      const isWithin = call.invokedAt >= beginsAt && call.returnedAt <= endsAt;
      return [isWithin ? call : { ...call, answer: { kind: 'unknown' }, returnedAt: Infinity }];
    });
  }
}

function asAnswer(seen: readonly Seen[]): Answer {
  const [one, ...others] = seen;
  if (one === undefined) return { kind: 'absent' };
  return others.length === 0
    ? { kind: 'seen', seen: one }
    : { kind: 'several', numbers: seen.map(({ number }) => number) };
}

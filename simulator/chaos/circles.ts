// Circles of people who work on the same few workloads at the same time, reading and changing them from all sides while
// everything breaks. What they asked and were told is kept as histories, to be held against the law at the end of a life.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueSpec } from '../../proto/gen/sluice/v1/QueueSpec.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { History, Moments, type LostPast } from '../history/history.js';
import type { Request } from '../history/operation.js';
import type { Random } from '../random.js';
import { RecordedClient, type Entrance, type Outcome } from './recorded-client.js';
import type { Marks } from './task-program.js';

const MEMBERS = 3;
/** A history ends with so many answered calls, of so many workloads at most. */
const CALLS_PER_HISTORY = 300;
const WORKLOADS_PER_HISTORY = 10;
/** The longest pause between two calls of one person, and after one that was not answered. */
const PAUSE_MS = 30;
const PAUSE_AFTER_SILENCE_MS = 600;
/** After the last fault circles may go on with the history that they are at, for so long. */
const FINISH_LIMIT_MS = 30_000;
/** A circle has so much at once: what runs long keeps the others waiting, so that there is time to change them. */
const CIRCLE_LIMIT_GPUS = 1;
const LONGEST_S = 15;

/** Figures of the histories of one life. */
export interface HistoryFigures {
  /** Histories of at least {@link CALLS_PER_HISTORY} answered calls each. */
  readonly histories: number;
  /** Answered calls of all histories, also of those that were cut short. */
  readonly historyCalls: number;
  readonly notLinearizable: number;
  readonly undecided: number;
}

interface Submission {
  readonly name: string;
  readonly requestId: string;
  readonly spec: WorkloadSpec;
  readonly priority: number;
}

/** All circles of one life. */
export class Circles {
  readonly #entrance: Entrance;
  readonly #random: Random;
  readonly #marks: Marks;
  readonly #moments = new Moments();
  readonly #histories: History[] = [];
  readonly #findings: string[] = [];
  #isOver = false;
  #isPastDoubtful = false;
  /** Histories that are not gone on with. */
  readonly #closed = new Set<History>();
  readonly #namesOfLostPasts = new Set<string>();

  readonly #count: number;
  readonly #acknowledged: () => void;
  /** By `performance.now()`: what is not at its end by then is cut short. */
  #finishUntilMs = Infinity;

  /**
   * @param count how many circles
   * @param acknowledged called whenever a change was acknowledged
   */
  constructor(entrance: Entrance, count: number, random: Random, marks: Marks, acknowledged = (): void => undefined) {
    this.#entrance = entrance;
    this.#count = count;
    this.#random = random;
    this.#marks = marks;
    this.#acknowledged = acknowledged;
  }

  /** The queues that must be there before {@link work}. */
  get queues(): readonly QueueSpec[] {
    return Array.from({ length: this.#count }, (_, at) => ({
      name: queueOf(at),
      guaranteeGpus: 0,
      limitGpus: CIRCLE_LIMIT_GPUS,
    }));
  }

  /** Works until {@link leave}. */
  async work(): Promise<void> {
    await Promise.all(Array.from({ length: this.#count }, (_, at) => this.#circle(at)));
  }

  /** Begins no history any more. Those that were begun under fire are gone on with to their end, as far as time allows. */
  leave(): void {
    this.#isOver = true;
    this.#finishUntilMs = performance.now() + FINISH_LIMIT_MS;
  }

  /** Now, as histories count. */
  moment(): number {
    return this.#moments.next();
  }

  /**
   * From now on what was acknowledged may be gone. Circles begin nothing anew until {@link pastLost} or {@link pastKept}: a request
   * that is sent again in another past may rightly make its workload a second time.
   */
  pastMayBeLost(): void {
    this.#isPastDoubtful = true;
    for (const history of this.#histories) this.#closed.add(history);
  }

  /** The scheduler announced that its past was lost. */
  pastLost(past: LostPast): void {
    for (const history of this.#histories) {
      history.pastLost(past);
      for (const name of history.names) this.#namesOfLostPasts.add(name);
    }
    this.#isPastDoubtful = false;
  }

  pastKept(): void {
    this.#isPastDoubtful = false;
  }

  /** Whether a name was given before a loss that was announced. */
  isOfLostPast(name: string): boolean {
    return this.#namesOfLostPasts.has(name);
  }

  /** Answers that no scheduler should give. */
  get findings(): readonly string[] {
    return this.#findings;
  }

  /**
   * Reads everything once more, and holds all histories against the law.
   * @param broken where histories go that break it, with their calls
   */
  async judge(broken: string[]): Promise<HistoryFigures> {
    const client = this.#client(0);
    for (const history of this.#histories) {
      for (const name of history.names) {
        while ((await client.ask(history, name, { kind: 'read' })) !== 'answered') client.turn();
      }
    }
    client.close();
    const figures = { histories: 0, historyCalls: 0, notLinearizable: 0, undecided: 0 };
    for (const history of this.#histories) {
      const { verdict, findings: found } = history.check();
      figures.historyCalls += history.answered;
      if (history.answered >= CALLS_PER_HISTORY) figures.histories += 1;
      if (verdict === 'not linearizable') figures.notLinearizable += 1;
      if (verdict === 'undecided') figures.undecided += 1;
      broken.push(...found);
    }
    return figures;
  }

  #client(first: number): RecordedClient {
    const odd = (what: string): void => {
      // Without its past a scheduler does not even know the queues.
      if (!this.#isPastDoubtful) this.#findings.push(what);
    };
    return new RecordedClient(this.#entrance, first, odd, this.#acknowledged);
  }

  async #circle(circle: number): Promise<void> {
    const clients = Array.from({ length: MEMBERS }, (_, at) => this.#client(circle + at));
    for (let count = 1; !this.#isOver; count += 1) {
      while (this.#isPastDoubtful && !this.#isOver) await sleep(PAUSE_AFTER_SILENCE_MS);
      if (this.#isOver) break;
      const history = new History(this.#moments);
      this.#histories.push(history);
      const submissions: Submission[] = [];
      const prefix = `${queueOf(circle)}-${count}`;
      await Promise.all(clients.map((client) => this.#takePart(client, history, submissions, queueOf(circle), prefix)));
      // What still waits would wait for ever.
      for (const { name } of submissions) await this.#insistOnEnd(clients[0], history, name);
    }
    for (const client of clients) client.close();
  }

  async #takePart(
    client: RecordedClient,
    history: History,
    submissions: Submission[],
    queue: string,
    prefix: string,
  ): Promise<void> {
    while (
      !this.#closed.has(history) &&
      history.answered < CALLS_PER_HISTORY &&
      performance.now() < this.#finishUntilMs
    ) {
      const outcome = await this.#once(client, history, submissions, queue, prefix);
      if (outcome !== 'answered' && this.#random.oneIn(2)) client.turn();
      await sleep(this.#random.below(outcome === 'answered' ? PAUSE_MS : PAUSE_AFTER_SILENCE_MS));
    }
  }

  #once(
    client: RecordedClient,
    history: History,
    submissions: Submission[],
    queue: string,
    prefix: string,
  ): Promise<Outcome> {
    const random = this.#random;
    // Mostly the latest, so that people meet.
    const reach = random.oneIn(3) ? submissions.length : Math.min(3, submissions.length);
    const known = submissions[submissions.length - 1 - random.below(Math.max(1, reach))];
    const wanted = 1 + (history.answered / CALLS_PER_HISTORY) * WORKLOADS_PER_HISTORY;
    const isNew = known === undefined || (submissions.length < wanted && random.oneIn(4));
    if (isNew || random.oneIn(15)) {
      const submission = isNew ? this.#submission(queue, `${prefix}-${submissions.length + 1}`) : known;
      if (isNew) submissions.push(submission);
      const { requestId, spec, name, priority } = submission;
      return client.submit(history, requestId, spec, name, priority);
    }
    if (random.oneIn(12)) return client.list(history, queue);
    const unique = this.#moments.next();
    const request = random.weighted<Exclude<Request, { kind: 'submit' }>>([
      [10, () => ({ kind: 'read' })],
      [6, () => ({ kind: 'prioritize', priority: unique % 1_000_000 })],
      [3, () => ({ kind: 'hold', reason: `reason ${unique}` })],
      [4, () => ({ kind: 'release' })],
      [1, () => ({ kind: random.oneIn(3) ? 'cancel' : 'read' })],
    ]);
    return client.ask(history, known.name, request);
  }

  #submission(queue: string, name: string): Submission {
    const random = this.#random;
    const priority = this.#moments.next() % 1_000_000;
    const isShort = random.oneIn(4);
    const seconds = String(isShort ? random.below(15) / 10 : random.from(2, LONGEST_S));
    const spec: WorkloadSpec = {
      name,
      queue,
      priority,
      tasks: 1,
      resources: isShort ? { gpus: 1, gpuMilli: 250 } : { gpus: 1 },
      command: { argv: [this.#marks.program, this.#marks.folder, seconds, 'plain', random.oneIn(8) ? '3' : '0'] },
      checkpoint: { grace: { seconds: 1 } },
    };
    return { name, requestId: randomUUID(), spec, priority };
  }

  /** A workload that was never acknowledged may be there all the same. */
  async #insistOnEnd(client: RecordedClient | undefined, history: History, name: string): Promise<void> {
    while (client !== undefined && (await client.ask(history, name, { kind: 'cancel' })) !== 'answered') {
      client.turn();
      await sleep(this.#random.below(PAUSE_AFTER_SILENCE_MS));
    }
  }
}

function queueOf(circle: number): string {
  return `circle-${circle + 1}`;
}

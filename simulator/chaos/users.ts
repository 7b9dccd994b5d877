// People who submit, cancel and look while everything breaks, and who remember every answer that they were given.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SluiceClient } from '../../cli/client.js';
import { ApiError } from '../../common/errors.js';
import { toDuration } from '../../common/units.js';
import type { QueueSpec } from '../../proto/gen/sluice/v1/QueueSpec.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { Random } from '../random.js';
import type { Manner, Marks } from './task-program.js';

/** Users who submit at the same time. */
const USERS = 4;
/** The longest pause between two submissions of one user, in ms. */
const PAUSE_MS = 400;
/** With so many unfinished workloads users wait, so that a life ends in time. */
const MAX_OPEN = 60;
const RETRY_MS = 100;
/** Looking costs more the longer a life lasts: everything is looked at. */
const LOOK_PAUSE_MS = 3_000;
/** Of gRPC's codes: the call may have been carried out or not, and may be repeated; the disk has no room. */
const AGAIN = new Set([1, 4, 8, 14]);

export const QUEUES = ['research', 'product'] as const;

/** What a scheduler promised. */
export interface Promised {
  readonly number: number;
  readonly name: string;
  readonly tasks: number;
}

/** The users of one life of a cluster. */
export class Users {
  readonly #client: SluiceClient;
  readonly #random: Random;
  readonly #marks: Marks;
  readonly #promised: Promised[] = [];
  readonly #ends = new Map<number, string>();
  readonly #findings: string[] = [];
  #requests = 0;
  #open = 0;
  #brokenCalls = 0;
  #isOver = false;
  readonly #acknowledged: () => void;
  /** Acknowledged before a loss of the past that was announced. */
  #announcedLost = 0;
  readonly #namesOfLostPasts = new Set<string>();
  #isPastDoubtful = false;

  /** @param acknowledged called whenever a submission was acknowledged */
  constructor(client: SluiceClient, random: Random, marks: Marks, acknowledged = (): void => undefined) {
    this.#client = client;
    this.#random = random;
    this.#marks = marks;
    this.#acknowledged = acknowledged;
  }

  /** Every workload whose submission was acknowledged. */
  get promised(): readonly Promised[] {
    return this.#promised;
  }

  /** So many were acknowledged before a loss that was announced: they may be gone. */
  get announcedLost(): number {
    return this.#announcedLost;
  }

  /** Whether a name was given before a loss that was announced: a repeated request may have made it anew. */
  isOfLostPast(name: string): boolean {
    return this.#namesOfLostPasts.has(name);
  }

  /** From now on what was acknowledged may be gone, until {@link pastLost} or {@link pastKept}. */
  pastMayBeLost(): void {
    this.#isPastDoubtful = true;
  }

  /** The loss was announced: nothing of the past is held against anybody. */
  pastLost(): void {
    this.#isPastDoubtful = false;
    this.#announcedLost += this.#promised.length;
    for (let request = 1; request <= this.#requests; request += 1) this.#namesOfLostPasts.add(nameOf(request));
    this.#promised.length = 0;
    this.#ends.clear();
  }

  pastKept(): void {
    this.#isPastDoubtful = false;
  }

  /** Calls that broke, and were repeated. */
  get brokenCalls(): number {
    return this.#brokenCalls;
  }

  /** What users saw that must not be. */
  get findings(): readonly string[] {
    return this.#findings;
  }

  /** Makes the queues, and more, once, however often the call breaks. */
  async prepare(gpus: number, more: readonly QueueSpec[]): Promise<void> {
    const ours = QUEUES.map((name) => ({ name, guaranteeGpus: Math.floor(gpus / QUEUES.length) }));
    for (const queue of [...ours, ...more]) {
      await this.#insist(() => this.#client.createQueue({ queue }), [6]);
    }
  }

  /** Submits, cancels and looks until {@link leave}. */
  async work(): Promise<void> {
    const users = Array.from({ length: USERS }, () => this.#submitOnAndOn());
    await Promise.all([...users, this.#lookOnAndOn()]);
  }

  leave(): void {
    this.#isOver = true;
  }

  /** Everything that the scheduler knows, once it answers. */
  async everything(): Promise<readonly Workload__Output[]> {
    return this.#insist(() => this.#client.allWorkloads({ pageSize: 1_000 }));
  }

  /** What is shown at the end must fit what was shown before. */
  lookOnce(all: readonly Workload__Output[]): void {
    this.#noteEnds(all);
  }

  async explain(number: number): Promise<string> {
    const { summary } = await this.#insist(() => this.#client.explainWorkload(String(number)));
    return summary;
  }

  async #submitOnAndOn(): Promise<void> {
    while (!this.#isOver) {
      await sleep(this.#random.below(PAUSE_MS));
      if (this.#open < MAX_OPEN) await this.#submitOnce();
    }
  }

  async #submitOnce(): Promise<void> {
    this.#requests += 1;
    const spec = this.#spec(nameOf(this.#requests));
    const request = { requestId: randomUUID(), specs: [spec] };
    const submitted = await this.#insist(() => this.#client.submitWorkloads(request));
    this.#acknowledged();
    const numbers = submitted.workloads.map(({ number }) => number);
    for (const number of numbers) {
      this.#promised.push({ number, name: spec.name ?? '', tasks: spec.tasks ?? 1 });
      this.#open += 1;
    }
    if (this.#random.oneIn(5)) {
      const again = await this.#insist(() => this.#client.submitWorkloads(request));
      const repeated = again.workloads.map(({ number }) => number);
      if (String(repeated) !== String(numbers) && !this.#isPastDoubtful && !this.isOfLostPast(spec.name)) {
        this.#findings.push(
          `request ${request.requestId} got ${numbers.join(', ')} and, repeated, ${repeated.join(', ')}`,
        );
      }
    }
    if (this.#random.oneIn(10)) {
      // In another past its numbers may be gone.
      await this.#insist(() => this.#client.cancelWorkloads({ workloads: numbers.map(String) }), [5]);
    }
  }

  #spec(name: string): WorkloadSpec & { readonly name: string } {
    const random = this.#random;
    const manner = random.weighted<Manner>([
      [8, () => 'plain'],
      [2, () => 'deaf'],
      [2, () => 'forking'],
      [1, () => 'crashing'],
    ]);
    const seconds = random.weighted([
      [6, () => random.below(20) / 10],
      [3, () => random.from(2, 6)],
      [1, () => random.from(6, 20)],
    ]);
    const tasks = random.weighted([
      [6, () => 1],
      [2, () => 2],
      [1, () => 3],
    ]);
    const isShared = tasks === 1 && random.oneIn(4);
    const code = random.oneIn(8) ? '3' : '0';
    return {
      name,
      queue: random.pick(QUEUES),
      priority: random.pick([40, 50, 60]),
      tasks,
      maxTasks: random.oneIn(6) ? tasks + 2 : tasks,
      resources: isShared ? { gpus: 1, gpuMilli: random.pick([250, 500]) } : { gpus: random.pick([1, 1, 2, 4]) },
      command: { argv: [this.#marks.program, this.#marks.folder, String(seconds), manner, code] },
      checkpoint: { grace: toDuration(random.pick([200, 1_000, 2_000])) },
    };
  }

  async #lookOnAndOn(): Promise<void> {
    while (!this.#isOver) {
      const shown: Workload__Output[] = [];
      for (const queue of QUEUES) {
        shown.push(...(await this.#insist(() => this.#client.allWorkloads({ pageSize: 1_000, queue }))));
      }
      this.#noteEnds(shown);
      await sleep(LOOK_PAUSE_MS);
    }
  }

  /** An end that was seen is for ever. */
  #noteEnds(all: readonly Workload__Output[]): void {
    this.#open = 0;
    if (this.#isPastDoubtful) return;
    const seen = new Set<number>();
    for (const { number, state } of all) {
      seen.add(number);
      const end = this.#ends.get(number);
      if (end !== undefined && end !== state) this.#findings.push(`workload ${number} was ${end} and is ${state}`);
      if (hasEnded(state)) this.#ends.set(number, state);
      else this.#open += 1;
    }
    for (const [number, end] of this.#ends) {
      if (!seen.has(number)) this.#findings.push(`workload ${number} was ${end} and is gone`);
    }
  }

  /** A scheduler without its past knows neither queues nor workloads, until somebody has made them anew. */
  #isMissingItsPast({ code }: ApiError): boolean {
    return this.#isPastDoubtful && (code === 5 || code === 9);
  }

  /** Repeats a call until it is answered. */
  async #insist<T>(call: () => Promise<T>, alsoDone: readonly number[] = []): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (alsoDone.includes(error.code)) return undefined as T;
        if (!AGAIN.has(error.code) && !this.#isMissingItsPast(error)) throw error;
        this.#brokenCalls += 1;
        await sleep(RETRY_MS);
      }
    }
  }
}

function nameOf(request: number): string {
  return `r${request}`;
}

/** Whether a state of the API is final. */
export function hasEnded(state: string): boolean {
  return ['WORKLOAD_STATE_SUCCEEDED', 'WORKLOAD_STATE_FAILED', 'WORKLOAD_STATE_CANCELLED'].includes(state);
}

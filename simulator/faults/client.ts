// A user's program: asks the scheduler for things over a network that loses calls and answers, asks again with the same request id, and
// remembers what it was promised.
import { ApiError } from '../../common/errors.js';
import type { QueueName, WorkloadNumber } from '../../common/ids.js';
import type { Command } from '../../scheduler/control/command.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { createMaintenance } from '../../scheduler/control/commands/maintenance.js';
import { cordonNode } from '../../scheduler/control/commands/nodes.js';
import { createQueue, updateQueue } from '../../scheduler/control/commands/queues.js';
import { hold, prioritize, release, requeue } from '../../scheduler/control/commands/steering.js';
import { submit, type AskedSpec } from '../../scheduler/control/commands/submit.js';
import type { Workload } from '../../scheduler/model/records.js';
import { ANYWHERE, NO_RETRY, ONLY_GPUS_COUNT, wholeGpus } from '../../scheduler/model/requests.js';
import type { Random } from '../random.js';
import type { Door } from './control-plane.js';
import type { Link } from './network.js';
import type { Ask, AskedWork } from './plan.js';
import type { Timeline } from './timeline.js';

/** How long an answer is waited for, and how often it is asked again with the same request id. */
const ANSWER_MS = [300, 8_000] as const;
const MAX_TRIES = 6;

/** What a client was promised of one submission. */
export interface Acknowledged {
  readonly requestKey: string;
  readonly workloads: readonly { readonly number: WorkloadNumber; readonly uid: string }[];
  /** In which history that was, counted from 1. */
  readonly history: number;
}

/** What left the daemon for a client. */
export interface ClientWitness {
  /** An answer leaves; it rests on these workloads, as they are told. */
  answering(workloads: readonly Workload[], door: Door): void;
  submitted(acknowledged: Acknowledged): void;
  cancelled(number: WorkloadNumber, history: number): void;
  /** A client asked for this, whether or not it was heard. */
  asked(what: Ask['do'], number: WorkloadNumber | null): void;
}

/** A daemon, and the ways to it. */
export interface ClientWay {
  readonly door: Door;
  readonly link: Link;
}

interface Call {
  readonly command: Command<readonly Workload[]> | null;
  readonly answered: (workloads: readonly Workload[], history: number) => void;
}

export class SimClient {
  readonly #name: string;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #ways: readonly ClientWay[];
  readonly #witness: ClientWitness;
  readonly #nodes: readonly string[];
  /** Numbers it knows of. */
  readonly #known: WorkloadNumber[] = [];
  #requests = 0;
  /** Which of its daemons it asks. */
  #at = 0;

  constructor(
    name: string,
    surroundings: {
      readonly timeline: Timeline;
      readonly random: Random;
      readonly ways: readonly ClientWay[];
      readonly witness: ClientWitness;
      readonly nodes: readonly string[];
    },
  ) {
    this.#name = name;
    this.#timeline = surroundings.timeline;
    this.#random = surroundings.random;
    this.#ways = surroundings.ways;
    this.#witness = surroundings.witness;
    this.#nodes = surroundings.nodes;
  }

  /** Asks for one thing, as often as it takes or as its patience lasts. */
  ask(ask: Ask): void {
    const call = this.#callFor(ask);
    if (call !== null) this.#try(call, 1);
  }

  #callFor(ask: Ask): Call | null {
    switch (ask.do) {
      case 'submit':
        return this.#submission(ask.works);
      case 'read': {
        const number = this.#pick(ask.which);
        this.#witness.asked('read', number);
        return { command: null, answered: () => undefined };
      }
      case 'cordon':
      case 'uncordon':
        return effect(cordonNode(this.#node(ask.node), ask.do === 'cordon', ''));
      case 'maintain': {
        const window = { startMs: null, durationMs: 15_000, everyMs: null, reason: '' };
        return effect(createMaintenance({ nodes: [this.#node(ask.node)], ...window }));
      }
      case 'queue':
        return effect(updateQueue('org/a', { guaranteeGpus: ask.guaranteeGpus }, false));
      default: {
        const number = this.#pick(ask.which);
        if (number === null) return null;
        this.#witness.asked(ask.do, number);
        const answered = (_: readonly Workload[], history: number): void => {
          if (ask.do === 'cancel') this.#witness.cancelled(number, history);
        };
        return { command: steering(ask.do, number), answered };
      }
    }
  }

  #submission(works: readonly AskedWork[]): Call {
    this.#requests += 1;
    const requestKey = `${this.#name}/${this.#requests}`;
    const last = this.#known.at(-1) ?? null;
    const specs = works.map((work, at) => specOf(work, `${this.#name}-${this.#requests}-${at}`, last));
    const submission = { requestKey, digest: requestKey, owner: this.#name, specs, validateOnly: false };
    this.#witness.asked('submit', null);
    return {
      command: submit(submission),
      answered: (workloads, history) => {
        this.#known.push(...workloads.map(({ number }) => number));
        const promised = workloads.map(({ number, uid }) => ({ number, uid }));
        this.#witness.submitted({ requestKey, workloads: promised, history });
      },
    };
  }

  #try(call: Call, tries: number): void {
    let isOver = false;
    const again = (): void => {
      if (isOver) return;
      isOver = true;
      if (tries < MAX_TRIES * this.#ways.length ** 2) this.#try(call, tries + 1);
    };
    // It asks again while the last call may still be on its way, or be carried out.
    this.#timeline.after(this.#random.between(...ANSWER_MS), 'client asks again', () => {
      if (!isOver) this.#tryNext();
      again();
    });
    const way = this.#ways[this.#at];
    if (way === undefined) return;
    const { link, door } = way;
    link.up.sendAlone('call', () => {
      const { control, process } = door;
      const refuse = (): void => {
        link.down.sendAlone('no daemon', () => {
          // Another one may lead.
          this.#tryNext();
          this.#timeline.after(200, 'client asks again', again);
        });
      };
      if (control === null || process === null) {
        refuse();
        return;
      }
      process.take(() => {
        const answer = (told: () => void): void => {
          if (process.alive) link.down.sendAlone('answer', told);
        };
        if (!door.isFresh()) {
          refuse();
          return;
        }
        const { loop } = control;
        const outcome =
          call.command === null ? loop.read((state) => [...state.workloads.values()]) : loop.execute(call.command);
        outcome.then(
          (workloads) => {
            if (!process.alive) return;
            if (!door.isFresh()) {
              refuse();
              return;
            }
            const { history } = door;
            this.#witness.answering(workloads, door);
            answer(() => {
              // Every answer that is heard counts, also the one to an earlier try.
              isOver = true;
              call.answered(workloads, history);
            });
          },
          (error: unknown) => {
            if (!(error instanceof ApiError)) throw error;
            // What is refused is refused; what could not be taken is asked for again.
            const isFinal = error.code !== UNAVAILABLE && error.code !== RESOURCE_EXHAUSTED;
            answer(() => {
              if (isFinal) isOver = true;
            });
          },
        );
      });
    });
  }

  #tryNext(): void {
    this.#at = (this.#at + 1) % this.#ways.length;
  }

  #pick(which: number): WorkloadNumber | null {
    return this.#known[which % Math.max(1, this.#known.length)] ?? null;
  }

  #node(at: number): string {
    return this.#nodes[at % this.#nodes.length] ?? '';
  }
}

const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;

/** A command whose answer holds no workloads. */
function effect(command: Command<unknown>): Call {
  return { command: { ...command, run: (...given) => (command.run(...given), []) }, answered: () => undefined };
}

function steering(
  what: 'cancel' | 'hold' | 'release' | 'requeue' | 'prioritize',
  number: WorkloadNumber,
): Command<readonly Workload[]> {
  const words = [`${number}`];
  switch (what) {
    case 'cancel':
      return cancel(words, '', 'user');
    case 'hold':
      return hold(words, '', 'user');
    case 'release':
      return release(words, 'user');
    case 'requeue':
      return requeue(words, '', 'user', false);
    case 'prioritize':
      return prioritize(words, 70, 'user');
  }
}

function specOf(work: AskedWork, name: string, last: WorkloadNumber | null): AskedSpec {
  const { kind, priority, preemptible, minTasks, maxTasks, gpus, gpuMilli, graceMs, timeLimitMs, retries } = work;
  const spec: AskedSpec = {
    name,
    kind,
    queue: work.queue as QueueName,
    priority,
    preemptible,
    roles: [
      {
        name: '',
        minTasks,
        maxTasks,
        request: { ...wholeGpus(gpus), gpuMilli },
        rules: ANYWHERE,
        topology: null,
        program: null,
      },
    ],
    topology: null,
    timeLimitMs,
    retry: retries === 0 ? NO_RETRY : { ...NO_RETRY, max: retries, backoffMs: 1_000, maxBackoffMs: 8_000 },
    dependencies: work.dependsOnLast && last !== null ? [{ workload: last, condition: 'ended' }] : [],
    array: null,
    program: { type: 'command', argv: work.argv },
    environment: [],
    workingDirectory: '',
    graceMs,
    checkpointDirectory: '',
    ...(work.noticeMs === undefined ? {} : { earlySignal: { signal: 'SIGUSR1', aheadMs: work.noticeMs } }),
  };
  if (work.arraySize === 0) return spec;
  const asArray = { size: work.arraySize, concurrency: work.arrayConcurrency, firstIndex: 0 };
  return { ...spec, asArray };
}

/** The tenant tree of every world. */
export function queueCommands(gpus: number): readonly Command<unknown>[] {
  const queue = (name: string, parent: string | null, guaranteeGpus: number): Command<unknown> =>
    createQueue(
      {
        name: name as QueueName,
        parent: parent as QueueName | null,
        guaranteeGpus,
        limitGpus: null,
        weight: 1,
        priority: 100,
        ...ONLY_GPUS_COUNT,
      },
      false,
    );
  return [queue('org', null, gpus), queue('org/a', 'org', Math.ceil(gpus / 2)), queue('org/b', 'org', 0)];
}

// A session that a test talks to in a few lines: it keeps the state, the clock, and what came out.
import { GPU_PARTS } from '../../common/gpu-parts.js';
import type { AllocationId } from '../../common/ids.js';
import type { Cleanliness } from '../../node-agent/gpu/provider.js';
import type { DesiredAllocation } from '../../node-agent/session/allocation.js';
import {
  type JournalContent,
  journalOf,
  type Restored,
  restoreSession,
  type SessionInput,
  type SessionOutput,
  type SessionState,
  step,
} from '../../node-agent/session/session.js';

export const HEARTBEAT_MS = 5_000;
export const LEASE_MS = 20_000;

export const EMPTY_JOURNAL: JournalContent = {
  clusterId: '',
  lineage: '',
  maxEpoch: 0,
  leaderId: '',
  collidedEpoch: 0,
  pastLineages: [],
  maxRevision: 0,
  generations: {},
  wholeGenerations: {},
  allocations: [],
};

/**
 * An order; `gpus` are written `GPU@generation`, with `*parts` for a share and `/instance` for a MIG instance:
 * `g@3*3500`, `g@3/i*1000`.
 */
export function wants(
  id: string,
  gpus: readonly string[] = [],
  rest: Partial<DesiredAllocation> = {},
): DesiredAllocation {
  return {
    id: id as AllocationId,
    workload: 7,
    workloadName: 'w',
    queue: 'q',
    pool: 'default',
    owner: 'ada',
    attempt: 1,
    task: 0,
    tasks: 1,
    role: '',
    roleRank: 0,
    roleTasks: 1,
    array: null,
    cpuMilli: 0,
    memoryMib: 0,
    restartCount: 0,
    gpus: gpus.map((text, index) => {
      const [, uuid = '', generation = '1', instance = '', parts] =
        /^([^@/*]*)(?:@(\d+))?(?:\/(\w+))?(?:\*(-?[\d.]+))?$/.exec(text) ?? [];
      const amount = parts === undefined ? GPU_PARTS : Number(parts);
      return { uuid, index, model: 'H100', simulated: true, generation: Number(generation), parts: amount, instance };
    }),
    program: { type: 'command', argv: ['true'] },
    environment: [],
    workingDirectory: '',
    checkpointDirectory: '',
    resume: null,
    origin: '',
    stop: null,
    lingerMs: 60_000,
    graceMs: 1_000,
    ...rest,
  };
}

export class SessionDriver {
  state: SessionState;
  nowMs = 1_000_000;
  outputs: SessionOutput[] = [];
  #revision = 0;

  constructor(journal: JournalContent = EMPTY_JOURNAL, restored: ReadonlyMap<AllocationId, Restored> = new Map()) {
    this.state = restoreSession(journal, restored, 0, this.nowMs);
  }

  /** Takes an input. @returns what came out of this step, in words: `start a`, `stop a RECLAIMED 1000` */
  take(input: SessionInput): string[] {
    const { state, outputs } = step(this.state, input, this.nowMs);
    this.state = state;
    this.outputs.push(...outputs);
    return outputs.map(inWords).filter((words) => words !== null);
  }

  /** Connects and gets a lease. */
  join(welcome: Partial<Extract<SessionInput, { type: 'welcomed' }>> = {}): string[] {
    return [...this.take({ type: 'connected' }), ...this.welcome(welcome), ...this.beat()];
  }

  welcome(welcome: Partial<Extract<SessionInput, { type: 'welcomed' }>> = {}): string[] {
    return this.take({
      type: 'welcomed',
      clusterId: 'c',
      lineage: 'l',
      epoch: 1,
      leaderId: '',
      heartbeatMs: HEARTBEAT_MS,
      leaseMs: LEASE_MS,
      ...welcome,
    });
  }

  /** Answers the last heartbeat. */
  beat(revision = 0): string[] {
    return this.take({ type: 'heartbeat answered', sequence: this.state.heartbeat.lastSequence, revision });
  }

  order(...allocations: readonly DesiredAllocation[]): string[] {
    this.#revision += 1;
    return this.orderAt(1, this.#revision, ...allocations);
  }

  orderAt(epoch: number, revision: number, ...allocations: readonly DesiredAllocation[]): string[] {
    this.#revision = revision;
    return this.take({ type: 'desired', epoch, leaderId: '', revision, allocations, spared: [] });
  }

  /** Orders that ask for resets, too: `id:gpu,gpu`. */
  orderResets(resets: readonly string[], ...allocations: readonly DesiredAllocation[]): string[] {
    this.#revision += 1;
    const asked = resets.map((text) => {
      const [id = '', gpus = ''] = text.split(':');
      return { id, gpus: gpus.split(',') };
    });
    const order = { epoch: 1, leaderId: '', revision: this.#revision, allocations, spared: [], resets: asked };
    return this.take({ type: 'desired', ...order });
  }

  ready(id: string): string[] {
    return this.take({ type: 'ready', id: id as AllocationId });
  }

  started(id: string): string[] {
    return this.take({ type: 'started', id: id as AllocationId, startedMs: 5 });
  }

  ended(id: string, code: number | null = 0, signal = ''): string[] {
    return this.take({
      type: 'ended',
      id: id as AllocationId,
      end: { neverStarted: false, code, signal, message: '', startedMs: 5, endedMs: 9, stopSignalled: false },
    });
  }

  clean(id: string): string[] {
    return this.take({ type: 'cleaned', id: id as AllocationId, clean: true, dirtyGpus: [] });
  }

  /** Answers a look at a GPU in doubt that was asked for now, or at another time. */
  looked(gpu: string, state: 'clean' | 'dirty' | 'unknown', askedMs = this.nowMs): string[] {
    const answer: Cleanliness =
      state === 'clean' ? { state } : { state, gpus: state === 'dirty' ? [gpu] : [], message: `${gpu} is ${state}` };
    return this.take({ type: 'looked', gpu, askedMs, answer });
  }

  dirty(id: string, ...gpus: string[]): string[] {
    return this.take({ type: 'cleaned', id: id as AllocationId, clean: false, dirtyGpus: gpus });
  }

  /** Lets time pass, with a tick at the end of it. */
  pass(ms: number): string[] {
    this.nowMs += ms;
    return this.take({ type: 'tick' });
  }

  phase(id: string): string | undefined {
    return this.state.allocations.get(id as AllocationId)?.phase;
  }

  /** A new agent on what the old one wrote down. */
  restart(restored: Readonly<Record<string, Restored>>): SessionDriver {
    const next = new SessionDriver(
      journalOf(this.state),
      new Map(Object.entries(restored).map(([id, one]) => [id as AllocationId, one])),
    );
    next.#revision = this.#revision;
    return next;
  }
}

function inWords(output: SessionOutput): string | null {
  switch (output.type) {
    case 'start':
      return `start ${output.allocation.id}`;
    case 'go':
      return `go ${output.allocation.id}`;
    case 'stop':
      return `stop ${output.id} ${output.reason} ${output.graceMs}`;
    case 'deadline':
      return `deadline ${output.id} ${output.deadlineMs}`;
    case 'kill':
      return `kill ${output.id}`;
    case 'check clean':
      return `check ${output.id} ${output.baselineOf.join()}`.trim();
    case 'forget':
      return `forget ${output.id}`;
    case 'close connection':
      return 'close connection';
    case 'look':
      return `look ${output.gpu}`;
    case 'reset':
      return `reset ${output.gpus.join()}`;
    case 'send hello':
    case 'send inventory':
    case 'send observed':
    case 'persist':
      return output.type;
    case 'send heartbeat':
    case 'write lease':
    case 'note':
      return null;
  }
}

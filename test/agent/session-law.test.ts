// The laws of the session, under any order, repetition and loss of inputs and any crash of the agent:
//   1. a program is executed at most once under an allocation id, and asked for at most once while it is remembered;
//   2. no live tasks together have more than a GPU of any GPU, a whole one and a MIG instance have one owner at most,
//      and a GPU in MIG mode is not shared otherwise;
//   3. nothing starts without a lease;
//   4. a GPU that nobody holds any more was looked at after the last start on it, or is in doubt;
//   5. nothing starts on a GPU that nobody holds and that was not seen clean after the last start on it, whatever was forgotten;
//   6. once the faults are over and nothing is desired, nothing is left.
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { GPU_PARTS } from '../../common/gpu-parts.js';
import type { AllocationId } from '../../common/ids.js';
import type { GrantedGpu } from '../../node-agent/session/allocation.js';
import { CLEAN_LIMIT_MS } from '../../node-agent/session/doubts.js';
import {
  heldGpus,
  type JournalContent,
  journalOf,
  type Restored,
  restoreSession,
  type SessionInput,
  type SessionOutput,
  type SessionState,
  step,
  type TaskEnd,
} from '../../node-agent/session/session.js';
import { EMPTY_JOURNAL, HEARTBEAT_MS, LEASE_MS, wants } from './session-builder.js';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const GPUS = ['g', 'h'];
/** Ends of `wants`' words for a whole GPU, shares and instances; the sums of some pairs are too much. */
const AMOUNTS = ['', '', '*3500', '*3500', '*2000', '*5000', '/i*3000', '/j*4000', '/j*5000'];

type Action =
  | {
      readonly type: 'order';
      readonly revisionStep: number;
      readonly epoch: number;
      readonly listed: readonly Listed[];
    }
  | { readonly type: 'connect' | 'disconnect' | 'answer' | 'restart' | 'tell' | 'clean' | 'dirty' }
  | { readonly type: 'welcome'; readonly epoch: number; readonly lineage: string; readonly cluster: string }
  | { readonly type: 'exit'; readonly id: string }
  /** All goes well for once: a scheduler that is obeyed, a lease, and an order for a whole GPU that nobody had before. */
  | { readonly type: 'good order'; readonly id: string; readonly gpu: string }
  /** What runs there ends, and memory does not come back in time. */
  | { readonly type: 'left dirty' }
  | { readonly type: 'pass'; readonly ms: number }
  /** The agent dies after it decided, before anything of it was written down or done. */
  | { readonly type: 'crash at next step' };

interface Listed {
  readonly id: string;
  readonly gpus: readonly string[];
  readonly amounts: readonly string[];
  readonly generation: number;
  readonly stop: boolean;
}

const listed: fc.Arbitrary<Listed> = fc.record({
  id: fc.constantFrom(...IDS),
  gpus: fc.subarray(GPUS),
  amounts: fc.array(fc.constantFrom(...AMOUNTS), { minLength: GPUS.length, maxLength: GPUS.length }),
  generation: fc.integer({ min: 1, max: 6 }),
  stop: fc.boolean(),
});

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('order' as const),
      revisionStep: fc.integer({ min: -1, max: 2 }),
      epoch: fc.integer({ min: 1, max: 2 }),
      listed: fc.uniqueArray(listed, { selector: ({ id }) => id, maxLength: 4 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constantFrom('connect', 'disconnect', 'answer', 'restart', 'tell', 'clean', 'dirty', 'tell', 'clean'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('welcome' as const),
      epoch: fc.integer({ min: 1, max: 2 }),
      lineage: fc.constantFrom('l1', 'l1', 'l1', 'l2'),
      cluster: fc.constantFrom('c1', 'c1', 'c1', 'c2'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('exit' as const), id: fc.constantFrom(...IDS) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('good order' as const),
      id: fc.constantFrom(...IDS),
      gpu: fc.constantFrom(...GPUS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('left dirty' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 1_000, HEARTBEAT_MS, LEASE_MS, 90_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash at next step' as const) }) },
);

interface Check {
  readonly id: AllocationId;
  readonly gpus: readonly string[];
  /** The GPUs whose memory is looked at, with how often something was started on them before. */
  readonly looks: readonly (readonly [string, number])[];
}

/** A look at a GPU in doubt. */
interface Look {
  readonly gpu: string;
  readonly askedMs: number;
  readonly starts: number;
}

/** A node: an agent, the processes it starts, and the disk that outlives both. */
class World {
  nowMs = 1_000;
  revision = 0;
  /** On disk: who was ever executed or fenced, what ended how, the journal, the lease. */
  readonly claimed = new Set<string>();
  readonly ends = new Map<string, TaskEnd>();
  journal: JournalContent = EMPTY_JOURNAL;
  leaseMs = 0;
  readonly alive = new Map<string, readonly GrantedGpu[]>();
  readonly executed = new Set<string>();
  /** Asked to start, and not forgotten since. */
  readonly asked = new Set<string>();
  /** News of the runtime that the agent has not heard yet. */
  news: SessionInput[] = [];
  checks: Check[] = [];
  looks: Look[] = [];
  /** GPUs on which something was started since they were last found clean with nobody on them. */
  readonly unproven = new Set<string>();
  readonly starts = new Map<string, number>();
  state: SessionState = restoreSession(EMPTY_JOURNAL, new Map(), 0, 0);
  crashNext = false;

  take(input: SessionInput): void {
    const { state, outputs } = step(this.state, input, this.nowMs);
    if (this.crashNext) {
      this.crashNext = false;
      this.restart();
      return;
    }
    this.state = state;
    for (const output of outputs) this.carryOut(output);
    this.checkProof();
  }

  /** Law 4. */
  checkProof(): void {
    const held = heldGpus(this.state);
    for (const gpu of this.unproven) {
      if (!held.has(gpu) && !this.state.doubts.has(gpu)) throw new Error(`${gpu} is free, and nobody looked at it`);
    }
  }

  /** What a look shows is how it was when it was asked for. */
  answerLook(state: 'clean' | 'dirty'): void {
    const look = this.looks.shift();
    if (look === undefined) return;
    const { gpu, askedMs, starts } = look;
    if (state === 'clean' && this.starts.get(gpu) === starts) this.unproven.delete(gpu);
    const answer = state === 'clean' ? { state } : { state, gpus: [gpu], message: 'memory is in use' };
    this.take({ type: 'looked', gpu, askedMs, answer });
  }

  answerCheck(clean: boolean): void {
    const check = this.checks.shift();
    if (check === undefined) return;
    const proven = check.looks.filter(([gpu, starts]) => this.starts.get(gpu) === starts).map(([gpu]) => gpu);
    if (clean) for (const gpu of proven) this.unproven.delete(gpu);
    this.take({ type: 'cleaned', id: check.id, clean, dirtyGpus: clean ? [] : check.gpus });
  }

  carryOut(output: SessionOutput): void {
    switch (output.type) {
      case 'persist':
        this.journal = journalOf(this.state);
        return;
      case 'write lease':
        this.leaseMs = output.deadlineMs;
        return;
      case 'start':
        this.start(output.allocation.id, output.allocation.gpus);
        return;
      case 'stop':
        // A task may ignore its stop signal; only the kill is sure.
        return;
      case 'kill':
        this.exit(output.id);
        return;
      case 'check clean':
        this.checks.push({
          id: output.id,
          gpus: output.gpus,
          looks: output.baselineOf.map((gpu) => [gpu, this.starts.get(gpu) ?? 0]),
        });
        return;
      case 'look':
        this.looks.push({ gpu: output.gpu, askedMs: output.askedMs, starts: this.starts.get(output.gpu) ?? 0 });
        return;
      case 'forget':
        this.asked.delete(output.id);
        return;
      default:
    }
  }

  start(id: AllocationId, gpus: readonly GrantedGpu[]): void {
    if (this.nowMs >= this.leaseMs) throw new Error(`${id} was started without a lease`);
    if (this.asked.has(id)) throw new Error(`${id} was asked for twice`);
    if (!this.journal.allocations.some(({ grant }) => grant.id === id)) throw new Error(`${id} is not in the journal`);
    this.asked.add(id);
    if (this.claimed.has(id)) {
      // Its folder still tells: what was executed before is not executed again.
      const end = this.ends.get(id) ?? ended(true);
      this.news.push({ type: 'ended', id, end });
      return;
    }
    this.checkDoubts(id, gpus);
    checkOwners([...this.alive.values()].flat().concat(gpus), id);
    if (this.executed.has(id)) throw new Error(`${id} was executed twice`);
    this.claimed.add(id);
    this.executed.add(id);
    this.alive.set(id, gpus);
    for (const { uuid } of gpus) {
      this.unproven.add(uuid);
      this.starts.set(uuid, (this.starts.get(uuid) ?? 0) + 1);
    }
    this.news.push({ type: 'started', id, startedMs: this.nowMs });
  }

  /** Law 5. */
  checkDoubts(id: AllocationId, gpus: readonly GrantedGpu[]): void {
    const others = [...this.state.allocations.values()].filter(
      ({ grant, phase }) => grant.id !== id && phase !== 'released',
    );
    const held = new Set(others.flatMap(({ grant }) => grant.gpus.map(({ uuid }) => uuid)));
    for (const { uuid } of gpus) {
      if (this.unproven.has(uuid) && !held.has(uuid))
        throw new Error(`${id} was started on ${uuid}, which is not clean`);
    }
  }

  exit(id: string): void {
    if (!this.alive.delete(id)) return;
    this.ends.set(id, ended(false));
    this.news.push({ type: 'ended', id: id as AllocationId, end: ended(false) });
  }

  /** The agent is gone, with all it had only in memory; another one reads the disk. */
  restart(): void {
    this.news = [];
    this.checks = [];
    this.looks = [];
    const restored = new Map<AllocationId, Restored>();
    for (const { grant, refusal } of this.journal.allocations) {
      const { id } = grant;
      if (refusal !== null) continue;
      if (this.alive.has(id)) {
        restored.set(id, { state: 'running', startedMs: 0 });
      } else {
        const neverStarted = !this.claimed.has(id);
        this.claimed.add(id);
        restored.set(id, { state: 'ended', end: this.ends.get(id) ?? ended(neverStarted) });
      }
    }
    this.state = restoreSession(this.journal, restored, this.leaseMs, this.nowMs);
    const remembered = new Set<string>(this.journal.allocations.map(({ grant }) => grant.id));
    for (const id of this.asked) if (!remembered.has(id)) this.asked.delete(id);
    this.take({ type: 'doubted', gpus: GPUS });
  }

  act(one: Action): void {
    switch (one.type) {
      case 'order': {
        this.revision = Math.max(0, this.revision + one.revisionStep);
        const allocations = one.listed.map(({ id, gpus, amounts, generation, stop }) =>
          wants(
            id,
            gpus.map((gpu, place) => `${gpu}@${generation}${amounts[place]}`),
            { lingerMs: 30_000, stop: stop ? { reason: 'RECLAIMED', graceMs: 1_000 } : null },
          ),
        );
        const { epoch } = one;
        this.take({ type: 'desired', epoch, leaderId: '', revision: this.revision, allocations, spared: [] });
        return;
      }
      case 'connect':
        this.take({ type: 'connected' });
        return;
      case 'disconnect':
        this.take({ type: 'disconnected' });
        return;
      case 'welcome':
        this.welcome(one.epoch, one.lineage, one.cluster);
        return;
      case 'answer':
        this.take({ type: 'heartbeat answered', sequence: this.state.heartbeat.lastSequence, revision: 0 });
        return;
      case 'tell': {
        const [first] = this.news;
        // Told twice now and then: the runtime may repeat itself.
        if (first !== undefined) this.take(first);
        if (this.revision % 2 === 0) this.news.shift();
        return;
      }
      case 'clean':
      case 'dirty':
        this.answerLook(one.type);
        this.answerCheck(one.type === 'clean');
        return;
      case 'exit':
        this.exit(one.id);
        return;
      case 'good order':
        this.goodOrder(one.id, one.gpu);
        return;
      case 'left dirty':
        this.leaveDirty();
        return;
      case 'pass':
        this.nowMs += one.ms;
        this.take({ type: 'tick' });
        return;
      case 'restart':
        this.restart();
        return;
      case 'crash at next step':
        this.crashNext = true;
        return;
    }
  }

  welcome(epoch: number, lineage: string, clusterId: string): void {
    this.take({
      type: 'welcomed',
      clusterId,
      lineage,
      epoch,
      leaderId: '',
      heartbeatMs: HEARTBEAT_MS,
      leaseMs: LEASE_MS,
    });
  }

  goodOrder(id: string, gpu: string): void {
    const { maxEpoch, lineage, clusterId, maxRevision, generations } = this.state.journal;
    const epoch = Math.max(1, maxEpoch);
    this.take({ type: 'connected' });
    this.welcome(epoch, lineage || 'l1', clusterId || 'c1');
    this.take({ type: 'heartbeat answered', sequence: this.state.heartbeat.lastSequence, revision: 0 });
    this.revision = maxRevision + 1;
    const order = wants(id, [`${gpu}@${(generations[gpu] ?? 0) + 1}`], { lingerMs: 30_000 });
    this.take({ type: 'desired', epoch, leaderId: '', revision: this.revision, allocations: [order], spared: [] });
  }

  leaveDirty(): void {
    for (const id of this.alive.keys()) this.exit(id);
    for (const one of this.news.splice(0)) this.take(one);
    for (const ms of [1, CLEAN_LIMIT_MS]) {
      for (let left = this.checks.length; left > 0; left -= 1) this.answerCheck(false);
      this.nowMs += ms;
      this.take({ type: 'tick' });
    }
    for (let left = this.checks.length; left > 0; left -= 1) this.answerCheck(false);
  }

  /** No more faults; nothing is desired. */
  heal(): void {
    this.crashNext = false;
    this.take({ type: 'disconnected' });
    this.take({ type: 'connected' });
    this.welcome(99, 'healed', this.state.journal.clusterId || 'c1');
    this.take({ type: 'heartbeat answered', sequence: this.state.heartbeat.lastSequence, revision: 0 });
    this.take({ type: 'desired', epoch: 99, leaderId: '', revision: 10_000, allocations: [], spared: [] });
    for (let turns = 0; turns < 100; turns += 1) {
      for (const one of this.news.splice(0)) this.take(one);
      for (let left = this.checks.length; left > 0; left -= 1) this.answerCheck(true);
      for (let left = this.looks.length; left > 0; left -= 1) this.answerLook('clean');
      this.nowMs += 1_000;
      this.take({ type: 'tick' });
      this.take({ type: 'heartbeat answered', sequence: this.state.heartbeat.lastSequence, revision: 0 });
    }
    if (this.alive.size > 0) throw new Error(`still running after everything healed: ${[...this.alive.keys()].join()}`);
    if (this.state.doubts.size > 0) throw new Error(`still in doubt: ${[...this.state.doubts.keys()].join()}`);
    if (this.state.allocations.size > 0) {
      throw new Error(`still remembered after everything healed: ${[...this.state.allocations.keys()].join()}`);
    }
  }
}

/** Law 2, said plainly. */
function checkOwners(all: readonly GrantedGpu[], id: string): void {
  for (const { uuid } of all) {
    const owners = all.filter((gpu) => gpu.uuid === uuid);
    const parts = owners.reduce((sum, gpu) => sum + gpu.parts, 0);
    if (parts > GPU_PARTS) throw new Error(`with ${id}, ${parts} parts of ${uuid} are used`);
    const instances = owners.map(({ instance }) => instance);
    const modes = new Set(instances.map((instance) => instance === ''));
    if (modes.size > 1) throw new Error(`with ${id}, ${uuid} is used whole and in instances`);
    if (modes.has(false) && new Set(instances).size < instances.length) {
      throw new Error(`with ${id}, an instance of ${uuid} has two owners`);
    }
  }
}

function ended(neverStarted: boolean): TaskEnd {
  return { neverStarted, code: 0, signal: '', message: '', startedMs: 1, endedMs: 2, stopSignalled: false };
}

describe('under any order, repetition and loss of inputs', () => {
  test('at most one execution an allocation, one holder a GPU, no start without a lease, and it settles', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const world = new World();
        world.take({ type: 'connected' });
        world.welcome(1, 'l1', 'c1');
        world.take({ type: 'heartbeat answered', sequence: world.state.heartbeat.lastSequence, revision: 0 });
        for (const one of actions) world.act(one);
        world.heal();
      }),
      { numRuns: 2_000 },
    );
  });
});

// Watches what is written: which step each record takes, whether what must rise does, whether what is said to be free is.
import { GPU_PARTS } from '../../common/gpu-parts.js';
import { isTerminal } from '../../scheduler/model/cluster-state.js';
import type { WorkloadNumber } from '../../common/ids.js';
import {
  META_KEY,
  workloadKey,
  type Allocation,
  type ClusterMeta,
  type ClusterNode,
  type Workload,
} from '../../scheduler/model/records.js';
import { minTasks } from '../../scheduler/model/requests.js';
import type { Commit } from '../../scheduler/store/state-store.js';
import type { Image } from './store.js';
import type { LawName } from './violation.js';

const ALLOCATION_RANK: Readonly<Record<Allocation['state'], number>> = {
  placed: 0,
  running: 1,
  stopping: 2,
  exited: 3,
  released: 4,
};

/** What a checker of records asks of the world outside the records. */
export interface PhysicalFacts {
  /** Whether a process of an allocation lives. */
  isAlive(allocation: string): boolean;
  /** Whether nobody is to blame for that: nothing on its machine could end it. */
  isExcused(allocation: string): boolean;
  /** Whether the kernel does not end it, and there is nothing that could be kept from others for it. */
  isStuckWithoutGpus(allocation: string): boolean;
  /** Whether a process lives that its agent knows of, so that it can be asked what became of it. */
  isAnsweredFor(allocation: string): boolean;
  /** When the program of an allocation began, in true time; null = it never did. */
  executedMs(allocation: string): number | null;
  /** How far the last checkpoint is that an allocation declared complete; null = it declared none. */
  savedBy(allocation: string): number | null;
  /** Whether memory of a GPU is in use. */
  isDirty(gpu: string): boolean;
}

/** What it asks of those who use the cluster, and of the daemon. */
export interface AskedFacts {
  /** True time, in ms. */
  nowMs(): number;
  /** Whether anybody asked for the end of a workload. */
  wasCancelAsked(number: WorkloadNumber): boolean;
  /** Whether its user was told that it is cancelled. */
  wasCancelled(number: WorkloadNumber): boolean;
}

/** A time limit may be so much shorter, in parts of it and in ms: jumps of the clock are made up for slowly, small ones are followed. */
const LIMIT_SLACK = 0.06;
const LIMIT_SLACK_MS = 2_500;

export class RecordChecker {
  readonly #facts: PhysicalFacts & AskedFacts;
  readonly #report: (law: LawName, message: string) => void;
  readonly #visited: (kind: 'workload' | 'allocation', state: string, event: string) => void;
  readonly #workloads = new Map<string, Workload>();
  readonly #allocations = new Map<string, Allocation>();
  readonly #generations = new Map<string, number>();
  /** Since when workloads run that this daemon found to, in true time, by their keys. */
  readonly #runningSinceMs = new Map<string, number>();
  /** Whether tasks of a lost history are awaited: gangs come together one by one. */
  #isRecovering = false;

  constructor(
    facts: PhysicalFacts & AskedFacts,
    report: (law: LawName, message: string) => void,
    visited: (kind: 'workload' | 'allocation', state: string, event: string) => void,
  ) {
    this.#facts = facts;
    this.#report = report;
    this.#visited = visited;
  }

  /** A daemon begins on what is durable: what it is compared with from now on. */
  begin({ tables }: Image): void {
    this.#workloads.clear();
    this.#allocations.clear();
    this.#generations.clear();
    this.#runningSinceMs.clear();
    this.#isRecovering = isRecovering(tables.get('meta')?.get(META_KEY) as ClusterMeta | undefined);
    for (const [key, value] of tables.get('workloads') ?? []) this.#workloads.set(key, value as Workload);
    for (const [key, value] of tables.get('allocations') ?? []) this.#allocations.set(key, value as Allocation);
    for (const value of tables.get('nodes')?.values() ?? []) {
      for (const gpu of (value as ClusterNode).gpus) this.#generations.set(gpu.uuid, gpu.generation);
    }
  }

  /** One commit is taken. */
  commit({ puts, deletes }: Commit): void {
    const quarantined = new Set<string>();
    for (const put of puts) {
      if (put.collection === 'meta') this.#isRecovering = isRecovering(put.value);
      if (put.collection !== 'nodes') continue;
      for (const gpu of put.value.gpus) if (gpu.quarantine !== undefined) quarantined.add(gpu.uuid);
    }
    const touched = new Set<string>();
    for (const put of puts) {
      if (put.collection !== 'allocations') continue;
      this.#allocation(put.key, put.value, quarantined);
      touched.add(workloadKey(put.value.workload));
    }
    for (const put of puts) {
      if (put.collection !== 'workloads') continue;
      this.#workload(put.key, put.value);
      touched.add(put.key);
    }
    for (const key of touched) this.#gang(this.#workloads.get(key));
    for (const put of puts) if (put.collection === 'allocations') this.#saved(put.value);
    for (const { collection, key } of deletes) {
      if (collection === 'workloads') this.#workloads.delete(key);
      else if (collection === 'allocations') this.#allocations.delete(key);
    }
  }

  #workload(key: string, after: Workload): void {
    const before = this.#workloads.get(key);
    this.#workloads.set(key, after);
    if (before === undefined) return;
    if (after.state !== 'running') this.#runningSinceMs.delete(key);
    if (before.state !== after.state) {
      if (after.state === 'running') this.#runningSinceMs.set(key, this.#beganMs(after));
      if (after.state === 'cancelled' && !this.#facts.wasCancelAsked(after.number)) {
        const message = `workload ${after.number} was ${before.state} and is cancelled, and nobody asked for that`;
        this.#report('I19 work ends as it was asked to', message);
      }
      this.#visited('workload', before.state, `to ${after.state}`);
      const step = `workload ${after.number}: ${before.state} to ${after.state}`;
      if (isTerminal(before.state)) this.#report('I10 terminal is final', step);
      // One commit may hold several steps; only through pending, and with another attempt, does it begin again.
      const isAgain = after.state === 'starting' || (before.state === 'stopping' && after.state === 'running');
      if (isAgain && after.attempt === before.attempt) this.#report('I11 legal steps', step);
    } else if (isTerminal(before.state) && before.endedMs !== after.endedMs) {
      this.#report('I10 terminal is final', `workload ${after.number} ended again`);
    }
    if (after.attempt > before.attempt && this.#facts.wasCancelled(after.number)) {
      const message = `workload ${after.number} begins attempt ${after.attempt}, and its user was told that it is cancelled`;
      this.#report('I19 work ends as it was asked to', message);
    }
    const isNext = after.attempt === before.attempt || after.attempt === before.attempt + 1;
    // In a history that was lost there were more.
    const isAdopted = after.allocations.some((id) => this.#allocations.get(id)?.adopted === true);
    if (!isNext && !isAdopted) {
      this.#report('I8 attempts follow each other', `workload ${after.number}: ${before.attempt} to ${after.attempt}`);
    }
  }

  /** The agent of what ended was there to see it, so what was saved last is where its workload goes on. */
  #saved({ id, workload, state, attempt, release }: Allocation): void {
    if (state !== 'released' || release?.proof !== 'clean' || this.#isRecovering) return;
    const saved = this.#facts.savedBy(id);
    const record = this.#workloads.get(workloadKey(workload));
    if (saved === null || record?.attempt !== attempt || (record.checkpoint?.step ?? -1) >= saved) return;
    const known = record.checkpoint === null ? 'none is known' : `${record.checkpoint.step} is known`;
    const what = `allocation ${id} of workload ${workload} is over`;
    this.#report('I27 what was saved is known', `${what} and had saved step ${saved}, of which ${known}`);
  }

  /** A gang that is up has all of its tasks, and none of them has ended otherwise than well. */
  #gang(workload: Workload | undefined): void {
    if (workload === undefined || this.#isRecovering || workload.afterStop !== null) return;
    const { number, state, spec, allocations } = workload;
    if (state !== 'starting' && state !== 'running') return;
    const what = `workload ${number} is ${state}`;
    if (allocations.length < minTasks(spec)) {
      this.#report('I20 gangs are whole', `${what} with ${allocations.length} of ${minTasks(spec)} tasks`);
    }
    for (const id of allocations) {
      const one = this.#allocations.get(id);
      const isOver = one?.state === 'exited' || one?.state === 'released';
      if (isOver && one.exit?.code !== 0) this.#report('I20 gangs are whole', `${what}, and task ${one.task} failed`);
    }
  }

  #allocation(key: string, after: Allocation, quarantined: ReadonlySet<string>): void {
    const before = this.#allocations.get(key);
    this.#allocations.set(key, after);
    const what = `allocation ${after.id} of workload ${after.workload}`;
    if (before === undefined) {
      this.#granted(after, what);
      return;
    }
    if (before.stop === null && after.stop?.reason === 'time_limit') this.#timeLimit(after);
    if (before.state === after.state) return;
    this.#visited('allocation', before.state, `to ${after.state}`);
    if (ALLOCATION_RANK[after.state] < ALLOCATION_RANK[before.state]) {
      const law: LawName = before.state === 'released' ? 'I10 terminal is final' : 'I11 legal steps';
      this.#report(law, `${what}: ${before.state} to ${after.state}`);
    }
    if (after.state === 'released') this.#released(after, what, quarantined);
  }

  #granted(after: Allocation, what: string): void {
    // What is taken over keeps the numbers that its agent knows.
    if (after.state !== 'placed' || after.adopted === true) return;
    for (const { uuid, generation } of after.gpus) {
      const last = this.#generations.get(uuid) ?? 0;
      if (generation <= last) {
        this.#report('I5 generations rise', `${what}: generation ${generation} of ${uuid} after ${last}`);
      }
      this.#generations.set(uuid, generation);
    }
  }

  /** When the last of its tasks began: a commit that is in doubt may be long in coming, and the limit counts meanwhile. */
  #beganMs({ allocations }: Workload): number {
    const nowMs = this.#facts.nowMs();
    const began = allocations.map((id) => this.#facts.executedMs(id) ?? nowMs);
    return began.length === 0 ? nowMs : Math.min(nowMs, Math.max(...began));
  }

  #timeLimit({ workload: number }: Allocation): void {
    const key = workloadKey(number);
    const sinceMs = this.#runningSinceMs.get(key);
    const spec = this.#workloads.get(key)?.spec;
    const limitMs = spec?.timeLimitMs ?? null;
    // Of a limit that began under another daemon the time of day is all that is known.
    if (sinceMs === undefined || limitMs === null) return;
    const ranMs = this.#facts.nowMs() - sinceMs;
    // What is told ahead is told so long before its limit.
    const dueMs = limitMs - (spec?.earlySignal?.aheadMs ?? 0);
    if (ranMs >= dueMs * (1 - LIMIT_SLACK) - LIMIT_SLACK_MS) return;
    const message = `workload ${number} may run for ${limitMs} ms and was stopped after ${Math.round(ranMs)} ms`;
    this.#report('I21 time limits are kept', message);
  }

  #released(after: Allocation, what: string, quarantined: ReadonlySet<string>): void {
    const proof = after.release?.proof ?? 'none';
    this.#visited('allocation', 'released', `by ${proof}`);
    if (proof !== 'quarantined' && this.#facts.isAlive(after.id)) {
      const isHeldBack = after.gpus.length > 0 && after.gpus.every(({ uuid }) => quarantined.has(uuid));
      // Who says that it is clean has looked; a fence counts on somebody who could end it.
      const isExcused =
        this.#facts.isStuckWithoutGpus(after.id) || (proof === 'fenced' && this.#facts.isExcused(after.id));
      if (!isHeldBack && !isExcused)
        this.#report('I12 released means gone', `${what} was released (${proof}) while it ran`);
    }
    if (proof === 'quarantined' && this.#facts.isAnsweredFor(after.id)) {
      this.#report('I12 released means gone', `${what} was released for want of a trace, and its agent has it`);
    }
    // What was taken over meanwhile may use what another one left in the part of the history that is gone.
    if (proof !== 'clean' || this.#isRecovering) return;
    for (const { uuid, parts } of after.gpus) {
      // What shares leave behind is looked at when the last of them leaves.
      if (parts === GPU_PARTS && !quarantined.has(uuid) && this.#facts.isDirty(uuid)) {
        this.#report('I14 released means clean', `${what} was released, and memory of ${uuid} is in use`);
      }
    }
  }
}

/** While it is only asked whether something was lost, all must be as ever. */
function isRecovering(meta: ClusterMeta | undefined): boolean {
  return (meta?.recovery?.why ?? 'copy_changed') !== 'copy_changed';
}

// Watches what is written: which step each record takes, whether what must rise does, whether what is said to be free is.
import { GPU_PARTS } from '../../common/gpu-parts.js';
import { isTerminal } from '../../scheduler/model/cluster-state.js';
import type { Allocation, ClusterNode, Workload } from '../../scheduler/model/records.js';
import { minTasks } from '../../scheduler/model/requests.js';
import type { Commit } from '../../scheduler/store/state-store.js';
import type { SimDisk } from './store.js';
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
  /** Whether memory of a GPU is in use. */
  isDirty(gpu: string): boolean;
}

export class RecordChecker {
  readonly #disk: SimDisk;
  readonly #facts: PhysicalFacts;
  readonly #report: (law: LawName, message: string) => void;
  readonly #visited: (kind: 'workload' | 'allocation', state: string, event: string) => void;
  readonly #workloads = new Map<string, Workload>();
  readonly #allocations = new Map<string, Allocation>();
  readonly #generations = new Map<string, number>();

  constructor(
    disk: SimDisk,
    facts: PhysicalFacts,
    report: (law: LawName, message: string) => void,
    visited: (kind: 'workload' | 'allocation', state: string, event: string) => void,
  ) {
    this.#disk = disk;
    this.#facts = facts;
    this.#report = report;
    this.#visited = visited;
  }

  /** A daemon begins on what is durable: what it is compared with from now on. */
  begin(): void {
    const { tables } = this.#disk.image;
    this.#workloads.clear();
    this.#allocations.clear();
    this.#generations.clear();
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
      if (put.collection !== 'nodes') continue;
      for (const gpu of put.value.gpus) if (gpu.quarantine !== undefined) quarantined.add(gpu.uuid);
    }
    for (const put of puts) {
      if (put.collection === 'workloads') this.#workload(put.key, put.value);
      else if (put.collection === 'allocations') this.#allocation(put.key, put.value, quarantined);
    }
    for (const { collection, key } of deletes) {
      if (collection === 'workloads') this.#workloads.delete(key);
      else if (collection === 'allocations') this.#allocations.delete(key);
    }
  }

  #workload(key: string, after: Workload): void {
    const before = this.#workloads.get(key);
    this.#workloads.set(key, after);
    if (before === undefined) return;
    if (before.state !== after.state) {
      this.#visited('workload', before.state, `to ${after.state}`);
      const step = `workload ${after.number}: ${before.state} to ${after.state}`;
      if (isTerminal(before.state)) this.#report('I10 terminal is final', step);
      // One commit may hold several steps; only through pending, and with another attempt, does it begin again.
      const isAgain = after.state === 'starting' || (before.state === 'stopping' && after.state === 'running');
      if (isAgain && after.attempt === before.attempt) this.#report('I11 legal steps', step);
    } else if (isTerminal(before.state) && before.endedMs !== after.endedMs) {
      this.#report('I10 terminal is final', `workload ${after.number} ended again`);
    }
    const isNext = after.attempt === before.attempt || after.attempt === before.attempt + 1;
    if (!isNext) {
      this.#report('I8 attempts follow each other', `workload ${after.number}: ${before.attempt} to ${after.attempt}`);
    }
    const isUp = after.state === 'starting' || after.state === 'running';
    if (isUp && after.afterStop === null && after.allocations.length < minTasks(after.spec)) {
      const has = `${after.allocations.length} of ${minTasks(after.spec)} tasks`;
      this.#report('I20 gangs are whole', `workload ${after.number} is ${after.state} with ${has}`);
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
    if (before.state === after.state) return;
    this.#visited('allocation', before.state, `to ${after.state}`);
    if (ALLOCATION_RANK[after.state] < ALLOCATION_RANK[before.state]) {
      const law: LawName = before.state === 'released' ? 'I10 terminal is final' : 'I11 legal steps';
      this.#report(law, `${what}: ${before.state} to ${after.state}`);
    }
    if (after.state === 'released') this.#released(after, what, quarantined);
  }

  #granted(after: Allocation, what: string): void {
    if (after.state !== 'placed') return;
    for (const { uuid, generation } of after.gpus) {
      const last = this.#generations.get(uuid) ?? 0;
      if (generation <= last) {
        this.#report('I5 generations rise', `${what}: generation ${generation} of ${uuid} after ${last}`);
      }
      this.#generations.set(uuid, generation);
    }
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
    if (proof !== 'clean') return;
    for (const { uuid, parts } of after.gpus) {
      // What shares leave behind is looked at when the last of them leaves.
      if (parts === GPU_PARTS && !quarantined.has(uuid) && this.#facts.isDirty(uuid)) {
        this.#report('I14 released means clean', `${what} was released, and memory of ${uuid} is in use`);
      }
    }
  }
}

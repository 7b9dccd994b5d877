// Looks at what running workloads use, once a minute and a piece at a time: what is to be said of them is counted for metrics, in memory
// only, since it follows from what agents tell; and what their queues ask to be done about idle GPUs is done.
import type { Clock, Timer } from '../../common/clock.js';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import type { Logger } from '../../common/log.js';
import { FINDING_KINDS, type FindingKind, findingsOf } from '../model/advice.js';
import type { ReadableState } from '../model/cluster-state.js';
import { type LiveMeasures, measuredTasks, measuredWorkload } from '../model/measured-workload.js';
import { findIdleGpus, RECLAIMED_AT_ONCE, reclaimIdleGpus } from './commands/idle-gpus.js';
import type { ControlLoop } from './loop.js';

/** How often it looks: as often as agents tell. */
export const ADVICE_EVERY_MS = 60_000;
/** Tasks looked at in one piece, so that nobody waits for it: some 2 µs each. */
const TASKS_AT_ONCE = 1_000;

export interface AdviceWatchDependencies {
  readonly loop: Pick<ControlLoop, 'read' | 'execute'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What was told last of a running task. */
  readonly live: LiveMeasures;
  /** Running tasks of which anything was told. */
  readonly measured: () => readonly AllocationId[];
}

/** What is to be said of running workloads, as of the last look. */
export class AdviceWatch {
  readonly #deps: AdviceWatchDependencies;
  #kinds: ReadonlyMap<WorkloadNumber, readonly FindingKind[]> = new Map();
  #timer: Timer | null = null;
  #isOn = false;

  constructor(deps: AdviceWatchDependencies) {
    this.#deps = deps;
  }

  start(): void {
    this.#isOn = true;
    this.#next();
  }

  stop(): void {
    this.#isOn = false;
    this.#timer?.cancel();
  }

  /** How many running workloads something of a kind is to be said of. */
  counts(): ReadonlyMap<FindingKind, number> {
    const counts = new Map(FINDING_KINDS.map((kind) => [kind, 0]));
    for (const kinds of this.#kinds.values()) for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return counts;
  }

  /** What is to be said of one. */
  kindsOf(number: WorkloadNumber): readonly FindingKind[] {
    return this.#kinds.get(number) ?? [];
  }

  /** Looks at everything once. */
  async look(): Promise<void> {
    const { loop } = this.#deps;
    const ids = this.#deps.measured();
    const numbers = new Set<WorkloadNumber>();
    for (let at = 0; at < ids.length; at += TASKS_AT_ONCE) {
      await loop.read((state) => {
        for (const id of ids.slice(at, at + TASKS_AT_ONCE)) {
          const allocation = state.allocation(id);
          if (allocation !== undefined) numbers.add(allocation.workload);
        }
      });
    }
    const kinds = new Map<WorkloadNumber, readonly FindingKind[]>();
    const left = [...numbers];
    const idle: WorkloadNumber[] = [];
    while (left.length > 0) await loop.read((state) => this.#lookAtSome(state, left, kinds, idle));
    this.#kinds = kinds;
    for (let at = 0; at < idle.length; at += RECLAIMED_AT_ONCE) {
      await loop.execute(reclaimIdleGpus(idle.slice(at, at + RECLAIMED_AT_ONCE), this.#deps.live));
    }
  }

  /** @param idle those whose queue asks that something be done are added */
  #lookAtSome(
    state: ReadableState,
    left: WorkloadNumber[],
    kinds: Map<WorkloadNumber, readonly FindingKind[]>,
    idle: WorkloadNumber[],
  ): void {
    const nowMs = this.#deps.clock.wallMs();
    for (let seen = 0; seen < TASKS_AT_ONCE;) {
      const number = left.pop();
      if (number === undefined) return;
      const workload = state.workload(number);
      if (workload?.state !== 'running') continue;
      const found = measuredTasks(state, workload, this.#deps.live, nowMs);
      seen += found.length + 1;
      if (findIdleGpus(state, workload, this.#deps.live, nowMs) !== null) idle.push(number);
      const findings = findingsOf(measuredWorkload(workload, found, nowMs));
      if (findings.length > 0) kinds.set(number, [...new Set(findings.map(({ kind }) => kind))]);
    }
  }

  #next(): void {
    if (!this.#isOn) return;
    this.#timer = this.#deps.clock.after(ADVICE_EVERY_MS, () => void this.#work());
  }

  async #work(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      this.#deps.log.error({ err: error }, 'what workloads use could not be looked at');
    }
    this.#next();
  }
}

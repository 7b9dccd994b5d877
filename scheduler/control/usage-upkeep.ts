// What usage needs from time to time: what agents measured of idle GPUs is written down, old days are folded.
import type { Clock, Timer } from '../../common/clock.js';
import type { AllocationId, NodeId } from '../../common/ids.js';
import type { Logger } from '../../common/log.js';
import { addGpuTime, gpuTimeOf, NO_GPU_TIME, type GpuTime } from '../model/gpu-time.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Allocation } from '../model/records.js';
import { foldable, type UsageRetention } from '../model/usage-history.js';
import { foldUsage, NOTES_AT_ONCE, noteIdle } from './commands/usage-notes.js';
import type { ControlLoop } from './loop.js';

/** A GPU that did nothing for so long, in the hands of a task, is idle: loading data and saving a checkpoint take less. */
export const IDLE_AFTER_MS = 15 * 60_000;
/** How often, at least, idle GPUs are written down: what a crash may leave uncounted. Sooner where less than 15 minutes is idle. */
const IDLE_NOTED_EVERY_MS = 5 * 60_000;
/** How often old days are looked for. */
const FOLDED_EVERY_MS = 3_600_000;

/** What agents measured. */
export interface Measurements {
  /** How long a GPU has done nothing, in ms; 0 = it works, or nothing is known of it. */
  idleMs(uuid: string): number;
  /** Whether what is known of a node is of now. */
  isHeard(node: NodeId): boolean;
}

export interface UsageUpkeepDependencies {
  readonly loop: Pick<ControlLoop, 'read' | 'execute'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly measurements: Measurements;
  readonly retention: UsageRetention;
  /** GPUs idle for less are not idle. */
  readonly idleAfterMs: number;
}

/**
 * Until when idleness of each GPU in the hands of each task is written down. In memory only: after a restart a GPU counts as
 * idle once it was seen so for long enough again, from the restart on, so nothing is counted twice.
 */
export class IdleNotes {
  #notedMs = new Map<string, number>();

  /**
   * What is to be written down now.
   * @param afterMs GPUs idle for less are not idle
   */
  take(
    state: ReadableState,
    measurements: Measurements,
    nowMs: number,
    afterMs: number,
  ): readonly (readonly [AllocationId, GpuTime])[] {
    const found: (readonly [AllocationId, GpuTime])[] = [];
    const noted = new Map<string, number>();
    for (const { id } of state.nodes.values()) {
      if (!measurements.isHeard(id)) continue;
      for (const allocation of state.heldOn(id)) {
        const more = this.#of(allocation, measurements, nowMs, afterMs, noted);
        if (more.ms > 0 || more.parts > 0) found.push([allocation.id, more]);
      }
    }
    this.#notedMs = noted;
    return found;
  }

  #of(
    { id, state, startedMs, gpus }: Allocation,
    measurements: Measurements,
    nowMs: number,
    afterMs: number,
    noted: Map<string, number>,
  ): GpuTime {
    let sum = NO_GPU_TIME;
    if (state !== 'running' || startedMs === null) return sum;
    for (const { uuid, parts, instance } of gpus) {
      const idleMs = instance === '' ? Math.min(measurements.idleMs(uuid), nowMs - startedMs) : 0;
      if (idleMs < afterMs) continue;
      const name = `${id}/${uuid}`;
      const fromMs = Math.max(nowMs - idleMs, this.#notedMs.get(name) ?? 0);
      noted.set(name, Math.max(fromMs, nowMs));
      if (fromMs < nowMs) sum = addGpuTime(sum, gpuTimeOf(parts, Math.round(nowMs - fromMs)));
    }
    return sum;
  }
}

/** Does both by the clock. */
export class UsageUpkeep {
  readonly #deps: UsageUpkeepDependencies;
  readonly #notes = new IdleNotes();
  #timers: Timer[] = [];
  #foldedMs = -Infinity;
  #isOn = false;

  constructor(deps: UsageUpkeepDependencies) {
    this.#deps = deps;
  }

  start(): void {
    this.#isOn = true;
    this.#next();
  }

  stop(): void {
    this.#isOn = false;
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  #next(): void {
    if (!this.#isOn) return;
    this.#timers = [
      this.#deps.clock.after(Math.min(IDLE_NOTED_EVERY_MS, this.#deps.idleAfterMs), () => void this.#work()),
    ];
  }

  async #work(): Promise<void> {
    const { log } = this.#deps;
    try {
      await this.#noteIdle();
      await this.#fold();
    } catch (error) {
      log.error({ err: error }, 'usage could not be kept up');
    }
    this.#next();
  }

  async #noteIdle(): Promise<void> {
    const { loop, clock, measurements } = this.#deps;
    const found = await loop.read((state) =>
      this.#notes.take(state, measurements, clock.wallMs(), this.#deps.idleAfterMs),
    );
    for (let at = 0; at < found.length; at += NOTES_AT_ONCE) {
      await loop.execute(noteIdle(found.slice(at, at + NOTES_AT_ONCE)));
    }
  }

  async #fold(): Promise<void> {
    const { loop, clock, retention, log } = this.#deps;
    if (clock.monotonicMs() - this.#foldedMs < FOLDED_EVERY_MS) return;
    this.#foldedMs = clock.monotonicMs();
    const keys = await loop.read((state) => foldable(state, retention, clock.wallMs()));
    for (let at = 0; at < keys.length; at += NOTES_AT_ONCE) {
      await loop.execute(foldUsage(keys.slice(at, at + NOTES_AT_ONCE)));
    }
    if (keys.length > 0) log.info({ records: keys.length }, 'folded old records of usage');
  }
}

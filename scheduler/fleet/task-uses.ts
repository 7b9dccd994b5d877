// What the agents of running tasks last told of their use. In memory: after a restart every agent tells it with its first report.
import type { AllocationId, NodeId } from '../../common/ids.js';
import type { Allocation, RecordChange } from '../model/records.js';
import type { LiveUse } from '../model/measured-use.js';
import type { LiveMeasure } from '../model/measured-workload.js';

/** Agents tell it once a minute; what is older than two missed reports says nothing of now. */
export const STALE_AFTER_MS = 150_000;

/** One report. */
interface ToldUse {
  readonly use: LiveUse;
  /** When it came, by the clock that does not jump. */
  readonly toldMs: number;
}

/** One entry a running task. */
export class TaskUses {
  readonly #told = new Map<AllocationId, ToldUse>();

  /**
   * Takes what a node tells of a task, if the task runs there.
   * @param allocation as the state has it; undefined = it knows none
   */
  note(node: NodeId, allocation: Allocation | undefined, use: LiveUse, nowMs: number): void {
    if (allocation?.node !== node || !isRunning(allocation) || use.gpus.length > allocation.gpus.length) return;
    this.#told.set(allocation.id, { use, toldMs: nowMs });
  }

  /** Drops what has ended. */
  follow(change: RecordChange): void {
    if (change.collection !== 'allocations' || change.before === null) return;
    if (change.after === null || !isRunning(change.after)) this.#told.delete(change.before.id);
  }

  /** What was told last of a task; of old news it is not known whether its GPUs are idle still. */
  get(id: AllocationId, nowMs: number): LiveMeasure | null {
    const told = this.#told.get(id);
    if (told === undefined) return null;
    const ageMs = nowMs - told.toldMs;
    return { use: told.use, idleMs: ageMs > STALE_AFTER_MS ? [] : told.use.idleMs, ageMs };
  }

  /** Tasks of which anything was told. */
  get ids(): readonly AllocationId[] {
    return [...this.#told.keys()];
  }
}

function isRunning({ state }: Allocation): boolean {
  return state === 'running' || state === 'stopping';
}

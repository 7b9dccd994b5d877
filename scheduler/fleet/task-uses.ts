// What the agents of running tasks last told of their use. In memory: after a restart every agent tells it with its first report.
import type { AllocationId, NodeId } from '../../common/ids.js';
import type { Allocation, RecordChange } from '../model/records.js';
import type { LiveUse } from '../model/measured-use.js';

/** One report. */
export interface ToldUse {
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

  get(id: AllocationId): ToldUse | null {
    return this.#told.get(id) ?? null;
  }

  /** How many there are. */
  get size(): number {
    return this.#told.size;
  }
}

function isRunning({ state }: Allocation): boolean {
  return state === 'running' || state === 'stopping';
}

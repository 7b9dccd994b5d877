// What simulated programs save: a store that every node sees, as a network file system is, and who said what was complete.
import type { Checkpoint } from '../../node-agent/session/allocation.js';

/** What a program that saves does. */
export interface Saving {
  /** It declares a checkpoint after so much work, in ms. */
  readonly everyMs: number;
  /** How long it takes to save when it is told ahead of its stop signal. */
  readonly saveMs: number;
}

/** The checkpoints of a world. */
export class SharedCheckpoints {
  readonly #byName = new Map<string, Checkpoint>();
  readonly #byAllocation = new Map<string, Checkpoint>();

  /** A program declared a checkpoint complete. @param name of its work, whatever number that has */
  declare(name: string, allocation: string, checkpoint: Checkpoint): void {
    this.#byAllocation.set(allocation, checkpoint);
    const known = this.#byName.get(name);
    if (known === undefined || checkpoint.step > known.step) this.#byName.set(name, checkpoint);
  }

  /** The newest one of a work: what a node finds by itself. */
  newestOf(name: string): Checkpoint | null {
    return this.#byName.get(name) ?? null;
  }

  /** The last one that an execution declared. */
  declaredBy(allocation: string): Checkpoint | null {
    return this.#byAllocation.get(allocation) ?? null;
  }
}

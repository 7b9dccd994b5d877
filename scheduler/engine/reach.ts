// Where requests may go: sets of bank classes and tiers, each set one object, so that what holds for everybody with the same
// reach is worked out once.
import type { BankClass, TaskTier } from './nodes.js';

/** Classes and tiers of nodes, each once. */
export class Reach {
  readonly classes: readonly BankClass[];
  readonly tiers: readonly TaskTier[];

  constructor(classes: readonly BankClass[], tiers: readonly TaskTier[]) {
    this.classes = classes;
    this.tiers = tiers;
  }

  /** When, by the table's clock, there last came to be more room in it. */
  get gainedAt(): number {
    let latest = 0;
    for (const { gainedAt } of this.classes) latest = Math.max(latest, gainedAt);
    for (const { gainedAt } of this.tiers) latest = Math.max(latest, gainedAt);
    return latest;
  }

  /** GPU parts that are or will be free in it, on whole slots and on shared ones. */
  get potentialParts(): number {
    let parts = 0;
    for (const { potentialSlots, partsPerSlot, openPotentialParts } of this.classes) {
      parts += potentialSlots * partsPerSlot + openPotentialParts;
    }
    return parts;
  }
}

/** All reaches in use. */
export class ReachTable {
  readonly #all = new Map<string, Reach>();

  /** The GPU parts of each reach that are or will be free, where there are any. */
  potentialParts(): Map<Reach, number> {
    const parts = new Map<Reach, number>();
    for (const reach of this.#all.values()) if (reach.potentialParts > 0) parts.set(reach, reach.potentialParts);
    return parts;
  }

  /** The one object for these classes and tiers, in whatever order and however often they are named. */
  of(classes: Iterable<BankClass>, tiers: Iterable<TaskTier>): Reach {
    const classSet = [...new Set(classes)].sort((a, b) => a.number - b.number);
    const tierSet = [...new Set(tiers)].sort((a, b) => a.number - b.number);
    const key = `${classSet.map(({ number }) => number).join()} ${tierSet.map(({ number }) => number).join()}`;
    let reach = this.#all.get(key);
    if (!reach) this.#all.set(key, (reach = new Reach(classSet, tierSet)));
    return reach;
  }
}

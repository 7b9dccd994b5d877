// What-if: decisions tried out on the view itself, with an undo log, so that each decision of a step is made on what the
// ones before it leave. A search marks, tries, and goes back to the mark; a step goes back to the beginning when it ends,
// since decisions count only when they return as record changes.
import { invariant } from '../../common/assert.js';
import type { Amounts } from './amounts.js';
import type { Secured } from './cell-holdings.js';
import { claimKey } from './cell-ledger.js';
import type { Slot } from './nodes.js';
import { addClaimed, addHeld, addLeaving } from './queues.js';
import { positionOf, type RunningBucket, type VictimUnit } from './running.js';
import type { Group } from './shapes.js';
import type { ClusterView } from './view.js';
import { type AllocationEntry, type HeldClaim, isElastic, type TaskPlace, type WorkloadEntry } from './workloads.js';

type Undo =
  | { readonly type: 'take'; readonly place: TaskPlace }
  | { readonly type: 'bind'; readonly workload: WorkloadEntry; readonly charge: Amounts }
  | ({ readonly type: 'evict' | 'spare' } & Leaving)
  | { readonly type: 'promise'; readonly place: TaskPlace }
  | { readonly type: 'claim'; readonly workload: WorkloadEntry; readonly charge: Amounts }
  | { readonly type: 'unclaim'; readonly workload: WorkloadEntry; readonly claim: HeldClaim }
  | { readonly type: 'turn'; readonly group: Group }
  /** What was secured or lent in cells, where there are any. */
  | { readonly type: 'cells'; readonly undo: () => void };

/** What was told to leave, or stays after all; and the cursor of its bucket before that. */
interface Leaving {
  readonly unit: VictimUnit;
  readonly allocations: readonly AllocationEntry[];
  readonly cursor: number;
}

const NO_PLACES: readonly TaskPlace[] = [];

/** Whether more tasks of it must go where its first ones are. */
function growsTogether({ record, core }: WorkloadEntry): boolean {
  if (record === null || core === null) return false;
  return (core.topology !== null || core.parts.some(({ topology }) => topology !== null)) && isElastic(record);
}

/** Whether it waits for the place of its first tasks, and wants more when it has begun. */
function isToGrow({ record, isElastic: mayGrow }: WorkloadEntry): boolean {
  return mayGrow && (record?.state === 'pending' || record?.state === 'stopping');
}

/** One step's trial of its decisions. */
export class Trial {
  readonly view: ClusterView;
  readonly #log: Undo[] = [];
  readonly #buckets = new Set<RunningBucket>();
  readonly #groups = new Set<Group>();
  /** What running or elastic workloads were given or promised in this step. */
  readonly #given = new Map<WorkloadEntry, TaskPlace[]>();
  /** Elastic workloads whose first tasks were given or promised a place in this step, and those that had a promise before. */
  readonly #placedInStep: WorkloadEntry[] = [];
  #promisedBefore: readonly WorkloadEntry[] | null = null;

  constructor(view: ClusterView) {
    this.view = view;
    view.nodes.trying = true;
  }

  /** Ends the trial and leaves the view as it was. */
  end(): void {
    this.rollback(0);
    for (const bucket of this.#buckets) bucket.cursor = bucket.items.length;
    for (const group of this.#groups) group.cursor = group.head;
    this.view.nodes.trying = false;
  }

  /** A place in the log to go back to. */
  mark(): number {
    return this.#log.length;
  }

  /** Undoes everything since the mark, last first. */
  rollback(mark: number): void {
    while (this.#log.length > mark) {
      const undo = this.#log.pop();
      if (undo) this.#undo(undo);
    }
  }

  /** Gives a task its place; `bind` charges it. */
  take(place: TaskPlace): void {
    this.#note(place);
    for (const slot of place.slots) {
      invariant(slot.free >= place.parts, 'no GPU is given twice', `GPU ${slot.index} of node ${place.node.name}`);
    }
    this.#hold(place, 1);
    this.#log.push({ type: 'take', place });
    this.#enterCells(place);
  }

  /** The same for a place that was promised and whose cells are kept: see `unclaim`. */
  takePromised(place: TaskPlace): void {
    this.#note(place);
    this.#hold(place, 1);
    this.#log.push({ type: 'take', place });
  }

  /** Charges a workload, for all of whose tasks a place was taken, to its queue. */
  bind(workload: WorkloadEntry, charge: Amounts): void {
    addHeld(workload.account, charge, 1);
    if (isToGrow(workload)) this.#placedInStep.push(workload);
    this.#log.push({ type: 'bind', workload, charge });
  }

  /** The group's next member has its turn. */
  takeTurn(group: Group): void {
    this.#groups.add(group);
    group.cursor++;
    this.#log.push({ type: 'turn', group });
  }

  /** Tells what is left of a unit to leave. */
  evict(unit: VictimUnit): void {
    const { workload } = unit;
    // Who loses all loses what it was promised for more.
    if (!unit.isSurplus && workload.claim !== null) this.unclaim(workload, workload.claim);
    const allocations = unit.allocations.filter((allocation) => !allocation.leaving);
    const { bucket } = unit;
    const { cursor } = bucket;
    this.#setEvicting(unit, allocations, true);
    while (bucket.cursor > 0 && bucket.items[bucket.cursor - 1]?.evicting) bucket.cursor--;
    this.#log.push({ type: 'evict', unit, allocations, cursor });
    const { cells } = this.view;
    if (cells !== null) for (const { id } of allocations) this.#logCells(cells.exit(id));
  }

  /**
   * Takes an eviction of this step back that turned out not to be needed.
   * @returns false when somebody else has its cells now; nothing has changed then
   */
  spare(unit: VictimUnit, allocations: readonly AllocationEntry[]): boolean {
    const mark = this.mark();
    const { bucket } = unit;
    const { cursor } = bucket;
    this.#setEvicting(unit, allocations, false);
    bucket.cursor = Math.max(cursor, positionOf(bucket, unit) + 1);
    this.#log.push({ type: 'spare', unit, allocations, cursor });
    const { cells } = this.view;
    if (cells === null) return true;
    for (const { id } of allocations) {
      const undo = cells.reenter(id);
      if (undo === null) {
        this.rollback(mark);
        return false;
      }
      this.#logCells(undo);
    }
    return true;
  }

  /** Promises a task its place; `claim` charges it. */
  promise(place: TaskPlace): void {
    this.#note(place);
    for (const slot of place.slots) {
      invariant(
        slot.potential >= place.parts,
        'no GPU is promised twice',
        `GPU ${slot.index} of node ${place.node.name}`,
      );
    }
    this.#promise(place, 1);
    this.#log.push({ type: 'promise', place });
    this.#enterCells(place);
  }

  /** Secures or lends GPUs in cells without giving them to anybody, to see where else there is a right to some. */
  enterCells(slots: readonly Slot[], secured: Secured | null): boolean {
    const undo = this.view.cells?.tryEnter(slots, secured);
    if (undo === null) return false;
    if (undo) this.#logCells(undo);
    return true;
  }

  /** The same for a place whose cells are kept: see `unclaim`. */
  promiseAgain(place: TaskPlace): void {
    this.#note(place);
    this.#promise(place, 1);
    this.#log.push({ type: 'promise', place });
  }

  /** Charges a workload, all of whose tasks were promised a place, to its queue. */
  claim(workload: WorkloadEntry, charge: Amounts): void {
    addClaimed(workload.account, charge, 1);
    if (isToGrow(workload)) this.#placedInStep.push(workload);
    this.#log.push({ type: 'claim', workload, charge });
  }

  /**
   * Takes a workload's claim off, as dropping it does, and as binding it does first.
   * @param keepsCells what it has in cells it keeps for now, since it may be about to start there
   */
  unclaim(workload: WorkloadEntry, claim: HeldClaim, keepsCells = false): void {
    for (const place of claim.places) this.#promise(place, -1);
    addClaimed(workload.account, claim.charge, -1);
    workload.claim = null;
    this.#log.push({ type: 'unclaim', workload, claim });
    if (!keepsCells) this.leaveCells(claim);
  }

  /** What a claim that was taken off kept in cells is given back. */
  leaveCells(claim: HeldClaim): void {
    const { cells } = this.view;
    if (cells !== null) for (const place of claim.places) this.#logCells(cells.exit(claimKey(place)));
  }

  #enterCells({ slots, secured }: TaskPlace): void {
    const { cells } = this.view;
    if (cells !== null) this.#logCells(cells.enter(slots, secured));
  }

  #logCells(undo: () => void): void {
    this.#log.push({ type: 'cells', undo });
  }

  /** What a workload that runs, or grows, was given or promised in this step. */
  placesOf(workload: WorkloadEntry): readonly TaskPlace[] {
    return this.#given.size === 0 ? NO_PLACES : (this.#given.get(workload) ?? NO_PLACES);
  }

  /** Elastic workloads with a place for their first tasks, whose turn for more has yet to come. Cost: once a step, the claims. */
  aboutToBegin(): readonly WorkloadEntry[] {
    this.#promisedBefore ??= [...this.view.claimers].filter((each) => each.claim !== null && isToGrow(each));
    const promised = this.#promisedBefore.filter(({ claim }) => claim !== null);
    return promised.length === 0 ? this.#placedInStep : [...promised, ...this.#placedInStep];
  }

  /** Only of workloads for which somebody will ask. */
  #note(place: TaskPlace): void {
    const { workload } = place;
    if (workload.units.length === 0 && !growsTogether(workload)) return;
    const places = this.#given.get(workload);
    if (places) places.push(place);
    else this.#given.set(workload, [place]);
  }

  #forget({ workload }: TaskPlace): void {
    const places = this.#given.get(workload);
    places?.pop();
    if (places?.length === 0) this.#given.delete(workload);
  }

  #hold(place: TaskPlace, sign: 1 | -1): void {
    const { nodes, scopes } = this.view;
    scopes.count(place.workload.account, place, 'held', sign);
    for (const slot of place.slots) nodes.hold(slot, place, sign);
    nodes.count(place.node, 'used', place.cpuMilli, place.memoryMib, sign);
  }

  #promise(place: TaskPlace, sign: 1 | -1): void {
    const { nodes, scopes } = this.view;
    scopes.count(place.workload.account, place, 'claimed', sign);
    for (const slot of place.slots) nodes.claim(slot, place, sign);
    nodes.count(place.node, 'claimed', place.cpuMilli, place.memoryMib, sign);
  }

  #setEvicting(unit: VictimUnit, allocations: readonly AllocationEntry[], evicting: boolean): void {
    const { bucket, workload } = unit;
    const { nodes, scopes } = this.view;
    invariant(unit.evicting !== evicting, 'only running work is evicted', `${workload.number}`);
    unit.evicting = evicting;
    const sign = evicting ? 1 : -1;
    for (const allocation of allocations) {
      allocation.leaving = evicting;
      addLeaving(workload.account, allocation.charge, sign);
      scopes.count(workload.account, allocation, 'leaving', sign);
      for (const slot of allocation.slots) nodes.leave(slot, allocation, sign);
      nodes.count(allocation.node, 'leaving', allocation.cpuMilli, allocation.memoryMib, sign);
    }
    this.#buckets.add(bucket);
  }

  #undo(undo: Undo): void {
    switch (undo.type) {
      case 'take':
        this.#forget(undo.place);
        return this.#hold(undo.place, -1);
      case 'bind':
        if (isToGrow(undo.workload)) this.#placedInStep.pop();
        return addHeld(undo.workload.account, undo.charge, -1);
      case 'evict':
      case 'spare':
        this.#setEvicting(undo.unit, undo.allocations, undo.type === 'spare');
        undo.unit.bucket.cursor = undo.cursor;
        return;
      case 'promise':
        this.#forget(undo.place);
        return this.#promise(undo.place, -1);
      case 'claim':
        if (isToGrow(undo.workload)) this.#placedInStep.pop();
        return addClaimed(undo.workload.account, undo.charge, -1);
      case 'unclaim':
        undo.workload.claim = undo.claim;
        for (const place of undo.claim.places) this.#promise(place, 1);
        return addClaimed(undo.workload.account, undo.claim.charge, 1);
      case 'turn':
        undo.group.cursor--;
        return;
      case 'cells':
        return undo.undo();
    }
  }
}

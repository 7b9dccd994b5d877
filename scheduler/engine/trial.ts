// What-if: decisions tried out on the view itself, with an undo log, so that each decision of a step is made on what the
// ones before it leave. A search marks, tries, and goes back to the mark; a step goes back to the beginning when it ends,
// since decisions count only when they return as record changes.
import { invariant } from '../../common/assert.js';
import type { Slot } from './nodes.js';
import { addClaimed, addHeld, addLeaving, type QueueNode } from './queues.js';
import { positionOf, type RunningBucket } from './running.js';
import type { Group } from './shapes.js';
import type { ClusterView } from './view.js';
import { type HeldClaim, requestOf, type TaskPlace, type WorkloadEntry } from './workloads.js';

type Undo =
  | { readonly type: 'take'; readonly place: TaskPlace }
  | { readonly type: 'bind'; readonly workload: WorkloadEntry; readonly gpus: number }
  | { readonly type: 'evict'; readonly workload: WorkloadEntry }
  | { readonly type: 'spare'; readonly workload: WorkloadEntry }
  | { readonly type: 'promise'; readonly slots: readonly Slot[] }
  | { readonly type: 'claim'; readonly workload: WorkloadEntry; readonly gpus: number }
  | { readonly type: 'unclaim'; readonly workload: WorkloadEntry; readonly claim: HeldClaim; readonly gpus: number }
  | { readonly type: 'turn'; readonly group: Group; readonly cursor: number };

/** One step's trial of its decisions. */
export class Trial {
  readonly view: ClusterView;
  readonly #log: Undo[] = [];
  readonly #buckets = new Set<RunningBucket>();
  readonly #groups = new Set<Group>();

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

  /** Gives a task's slots to a workload; `bind` charges them. */
  take(workload: WorkloadEntry, place: TaskPlace): void {
    for (const slot of place.slots) {
      invariant(slot.holder === null && slot.claimer === null, 'no GPU is given twice', slotName(slot));
      this.view.nodes.setSlot(slot, workload, false, null);
    }
    this.view.nodes.addTasks(place.node, 1);
    this.#log.push({ type: 'take', place });
  }

  /** Charges a workload, all of whose tasks were taken a place for, to its queue. */
  bind(workload: WorkloadEntry): void {
    const { queue, gpus, preemptible } = chargeOf(workload);
    addHeld(queue, gpus, preemptible);
    this.#log.push({ type: 'bind', workload, gpus });
    this.#takeTurn(workload);
  }

  /** Tells a running workload to leave. */
  evict(workload: WorkloadEntry): void {
    this.#setEvicting(workload, true);
    this.#log.push({ type: 'evict', workload });
  }

  /** Takes an eviction back that turned out not to be needed. */
  spare(workload: WorkloadEntry): void {
    this.#setEvicting(workload, false);
    this.#log.push({ type: 'spare', workload });
  }

  /** Promises a task's slots to a workload; `claim` charges them. */
  promise(workload: WorkloadEntry, slots: readonly Slot[]): void {
    for (const slot of slots) {
      invariant(slot.claimer === null, 'no GPU is promised twice', slotName(slot));
      this.view.nodes.setSlot(slot, slot.holder, slot.leaving, workload);
    }
    this.#log.push({ type: 'promise', slots });
  }

  /** Charges a workload, all of whose tasks were promised slots, to its queue. */
  claim(workload: WorkloadEntry): void {
    const { queue, gpus, preemptible } = chargeOf(workload);
    addClaimed(queue, gpus, preemptible);
    this.#log.push({ type: 'claim', workload, gpus });
    this.#takeTurn(workload);
  }

  /** Takes a workload's claim off, as dropping it does, and as binding it does first. */
  unclaim(workload: WorkloadEntry, claim: HeldClaim): void {
    const { queue, gpus, preemptible } = chargeOf(workload);
    for (const { slots } of claim.places) {
      for (const slot of slots) this.view.nodes.setSlot(slot, slot.holder, slot.leaving, null);
    }
    addClaimed(queue, -gpus, preemptible);
    workload.claim = null;
    this.#log.push({ type: 'unclaim', workload, claim, gpus });
  }

  #takeTurn({ group }: WorkloadEntry): void {
    if (!group) return;
    this.#groups.add(group);
    this.#log.push({ type: 'turn', group, cursor: group.cursor });
    group.cursor++;
  }

  #setEvicting(workload: WorkloadEntry, evicting: boolean): void {
    const { bucket, queue } = workload;
    invariant(bucket !== null && workload.evicting !== evicting, 'only running work is evicted', `${workload.number}`);
    workload.evicting = evicting;
    addLeaving(queue, evicting ? bucket.gpus : -bucket.gpus, true);
    for (const { slots } of workload.allocations) {
      for (const slot of slots) this.view.nodes.setSlot(slot, slot.holder, evicting, slot.claimer);
    }
    this.#buckets.add(bucket);
    if (evicting) while (bucket.cursor > 0 && bucket.items[bucket.cursor - 1]?.evicting) bucket.cursor--;
    else bucket.cursor = Math.max(bucket.cursor, positionOf(bucket, workload) + 1);
  }

  #undo(undo: Undo): void {
    const { nodes } = this.view;
    switch (undo.type) {
      case 'take':
        for (const slot of undo.place.slots) nodes.setSlot(slot, null, false, null);
        return nodes.addTasks(undo.place.node, -1);
      case 'bind':
        return addHeld(undo.workload.queue, -undo.gpus, chargeOf(undo.workload).preemptible);
      case 'evict':
        return this.#setEvicting(undo.workload, false);
      case 'spare':
        return this.#setEvicting(undo.workload, true);
      case 'promise':
        for (const slot of undo.slots) nodes.setSlot(slot, slot.holder, slot.leaving, null);
        return;
      case 'claim':
        return addClaimed(undo.workload.queue, -undo.gpus, chargeOf(undo.workload).preemptible);
      case 'unclaim':
        undo.workload.claim = undo.claim;
        for (const { slots } of undo.claim.places) {
          for (const slot of slots) nodes.setSlot(slot, slot.holder, slot.leaving, undo.workload);
        }
        return addClaimed(undo.workload.queue, undo.gpus, chargeOf(undo.workload).preemptible);
      case 'turn':
        undo.group.cursor = undo.cursor;
        return;
    }
  }
}

function chargeOf(workload: WorkloadEntry): { queue: QueueNode | null; gpus: number; preemptible: boolean } {
  const spec = workload.record?.spec;
  return {
    queue: workload.queue,
    gpus: workload.record ? requestOf(workload.record) : 0,
    preemptible: spec?.preemptible ?? true,
  };
}

function slotName(slot: Slot): string {
  return `GPU ${slot.index} of node ${slot.bank.node.name}`;
}

// Who must give GPUs back so that a pending workload can run: the search for victims, for reclaim (between queues) and
// preempt (inside one queue). Finds a set such that every eviction is legal at its turn and none can be left out.
// Approximate negatives, never wrong positives: what it finds is checked again from the start before it is decided.
// Source of the rules: KAI Scheduler, actions/reclaim and plugins/proportion/reclaimable; stricter in that a queue at
// or below its guarantee gives nothing at any level.
import { invariant } from '../../common/assert.js';
import { plural } from '../../common/units.js';
import type { Bank } from './nodes.js';
import { compareForGiving } from './order.js';
import { placeGang } from './place.js';
import { charged, findStop, type QueueNode } from './queues.js';
import { compareVictims, lossGpuMs, type RunningBucket } from './running.js';
import { fits, type Group, type Shape, usablePortions } from './shapes.js';
import type { Trial } from './trial.js';
import type { WorkBudget } from './work-budget.js';
import type { TaskPlace, WorkloadEntry } from './workloads.js';

export type TakingMode = 'reclaim' | 'preempt';

/** What a search found; the trial has the evictions and the claim applied. */
export interface Takeover {
  readonly victims: readonly { readonly workload: WorkloadEntry; readonly message: string }[];
  readonly places: readonly TaskPlace[];
}

/** Whether the workloads of a queue may reclaim at all with such a request: they must stay within its fair share. */
export function withinFairShare(queue: QueueNode, requestGpus: number): boolean {
  return charged(queue) + requestGpus <= queue.fairShare;
}

/**
 * Finds victims for a pending workload and tries the takeover out.
 * @returns null when none was found; the trial is then as before
 */
export function takeOver(
  trial: Trial,
  work: WorkBudget,
  group: Group,
  workload: WorkloadEntry,
  mode: TakingMode,
  nowMs: number,
): Takeover | null {
  const search = new VictimSearch(trial, work, group, mode, nowMs);
  return search.run(workload);
}

class VictimSearch {
  readonly #trial: Trial;
  readonly #work: WorkBudget;
  readonly #group: Group;
  readonly #shape: Shape;
  readonly #queue: QueueNode;
  readonly #mode: TakingMode;
  readonly #nowMs: number;
  readonly #id: number;
  readonly #victims: WorkloadEntry[] = [];
  /** How far each bucket was looked through. */
  readonly #positions = new Map<RunningBucket, number>();

  constructor(trial: Trial, work: WorkBudget, group: Group, mode: TakingMode, nowMs: number) {
    this.#trial = trial;
    this.#work = work;
    this.#group = group;
    this.#shape = group.shape;
    this.#queue = group.queue;
    this.#mode = mode;
    this.#nowMs = nowMs;
    this.#id = ++trial.view.searches;
    for (let at: QueueNode | null = this.#queue; at !== null; at = at.parent) at.onPathOf = this.#id;
  }

  /** Victims in order of fairness, and where that finds none, node by node. */
  run(workload: WorkloadEntry): Takeover | null {
    if (!this.#mightFind()) return null;
    const victims = this.#find(() => this.#takeInOrder()) ?? this.#find(() => this.#takeNodeByNode());
    if (!victims) return null;
    const places = placeGang(this.#shape, 'potential', this.#work, (place) =>
      this.#trial.promise(workload, place.slots),
    );
    this.#trial.claim(workload);
    return { victims, places };
  }

  /** One way of finding: limits first; then all that is not needed is left out, and what is left is checked again. */
  #find(takeUntilMet: () => boolean): Takeover['victims'] | null {
    const start = this.#trial.mark();
    this.#victims.length = 0;
    const needed = this.#makeRoomInLimits() && takeUntilMet() ? this.#leaveOut() : null;
    this.#trial.rollback(start);
    const victims = needed && this.#carryOut(needed);
    if (!victims) this.#trial.rollback(start);
    return victims;
  }

  // --- quick answers ---

  /** False when no choice of victims can do: the cluster is too small, or too little may be taken at all. */
  #mightFind(): boolean {
    const { tasks, requestGpus, classes } = this.#shape;
    if (usablePortions(this.#shape, tasks) < tasks) return false;
    if (this.#isMet()) return true;
    let gpus = 0;
    for (const bankClass of classes) gpus += bankClass.potentialGpus;
    if (this.#mode === 'preempt') return gpus + this.#runningGpus(this.#queue, this.#group.priority) >= requestGpus;
    let mayGive = false;
    for (let at = this.#queue; at.parent !== null; at = at.parent) {
      for (const side of at.parent.children) {
        if (side === at || side.victims === 0 || !this.#sideMayGive(side)) continue;
        mayGive = true;
        gpus += this.#mostFrom(side).gpus;
      }
    }
    return mayGive && gpus >= requestGpus;
  }

  /** The most a side could give: down to its share, and from there the rest of its largest victim. */
  #mostFrom(side: QueueNode): { gpus: number; largest: number } {
    let gpus = this.#runningGpus(side, Infinity);
    let largest = side.running.reduce((most, bucket) => Math.max(most, bucket.gpus), 0);
    for (const child of side.children) {
      if (child.victims === 0) continue;
      const below = this.#mostFrom(child);
      gpus += below.gpus;
      largest = Math.max(largest, below.largest);
    }
    const taker = this.#takerBeside(side);
    const keeps = taker === null || this.#isWithinGuarantee(taker) ? side.guarantee : side.allocatableShare;
    return {
      gpus: Math.min(gpus, Math.max(0, charged(side) - Math.max(keeps, side.guarantee) + largest - 1)),
      largest,
    };
  }

  /** GPUs of a queue's own running work below a priority, where the shape could go. */
  #runningGpus(queue: QueueNode, belowPriority: number): number {
    let gpus = 0;
    for (const { priority, gpus: each, bankClass, items, cursor } of queue.running) {
      if (priority >= belowPriority) break;
      if (bankClass === null || this.#shape.classes.includes(bankClass)) gpus += each * Math.min(items.length, cursor);
    }
    return gpus;
  }

  // --- finding ---

  /** Victims below each queue whose limit is in the way. */
  #makeRoomInLimits(): boolean {
    for (;;) {
      const stop = this.#stop();
      if (!stop) return true;
      const victim = stop.kind === 'limit' ? this.#nextVictim(stop.at) : null;
      if (!victim) return false;
      this.#take(victim);
    }
  }

  /** Victims in order until the gang fits. */
  #takeInOrder(): boolean {
    const start = this.#trial.mark();
    const taken = this.#victims.length;
    while (!this.#isMet()) {
      const victim = this.#nextVictim(this.#trial.view.root);
      if (!victim) {
        this.#trial.rollback(start);
        this.#victims.length = taken;
        return false;
      }
      this.#take(victim);
    }
    return true;
  }

  /** Frees whole places, those first where the fewest GPUs are disturbed and the least work is lost. */
  #takeNodeByNode(): boolean {
    // Where a single GPU was not found in order, none is to be found.
    if (this.#shape.requestGpus === 1) return false;
    const options: { bank: Bank; disturbedGpus: number; lossGpuMs: number }[] = [];
    for (const bankClass of this.#shape.classes) {
      for (const bank of bankClass.banks) {
        if (bank.usable < this.#shape.gpusPerTask) continue;
        const mark = this.#trial.mark();
        const taken = this.#victims.length;
        if (this.#freeOneTask(bank)) {
          const chosen = this.#victims.slice(taken);
          options.push({
            bank,
            disturbedGpus: chosen.reduce((sum, victim) => sum + (victim.bucket?.gpus ?? 0), 0),
            lossGpuMs: chosen.reduce((sum, victim) => sum + lossGpuMs(victim, this.#nowMs), 0),
          });
        }
        this.#trial.rollback(mark);
        this.#victims.length = taken;
      }
    }
    options.sort((a, b) => a.disturbedGpus - b.disturbedGpus || a.lossGpuMs - b.lossGpuMs || a.bank.rank - b.bank.rank);
    for (const { bank } of options) {
      for (;;) {
        if (this.#isMet()) return true;
        const mark = this.#trial.mark();
        const taken = this.#victims.length;
        if (this.#freeOneTask(bank)) {
          if (this.#victims.length > taken) continue;
        }
        this.#trial.rollback(mark);
        this.#victims.length = taken;
        break;
      }
    }
    return this.#isMet();
  }

  /**
   * Evicts on one bank until one more task fits there: in order; failing that the largest first; failing that keeping
   * each queue's largest for the last, which frees the most, since the last may carry its queue below its share.
   */
  #freeOneTask(bank: Bank): boolean {
    const size = this.#shape.gpusPerTask;
    const want = (Math.floor(bank.potential / size) + 1) * size;
    if (bank.usable < want) return false;
    const candidates = this.#candidatesOn(bank, want);
    if (candidates.length === 0) return false;
    if (
      this.#freeUpTo(
        bank,
        want,
        candidates.toSorted((a, b) => this.#compare(a, b)),
      )
    )
      return true;
    if (candidates.length === 1) return false;
    const bySize = candidates.toSorted((a, b) => (a.bucket?.gpus ?? 0) - (b.bucket?.gpus ?? 0));
    return this.#freeUpTo(bank, want, bySize.toReversed()) || this.#freeLargestLast(bank, want, bySize);
  }

  #freeLargestLast(bank: Bank, want: number, bySize: readonly WorkloadEntry[]): boolean {
    const start = this.#trial.mark();
    const taken = this.#victims.length;
    const largest = new Map(bySize.map((victim) => [victim.queue, victim]));
    for (const victim of bySize) {
      const last = largest.get(victim.queue);
      if (last === undefined || last === victim || !this.#mayTake(victim)) continue;
      const mark = this.#trial.mark();
      this.#take(victim);
      if (this.#mayTake(last)) continue;
      this.#trial.rollback(mark);
      this.#victims.pop();
    }
    if (this.#freeUpTo(bank, want, [...largest.values()])) return true;
    this.#trial.rollback(start);
    this.#victims.length = taken;
    return false;
  }

  #freeUpTo(bank: Bank, want: number, candidates: readonly WorkloadEntry[]): boolean {
    const mark = this.#trial.mark();
    const taken = this.#victims.length;
    for (const victim of candidates) {
      if (bank.potential >= want) break;
      if (this.#mayTake(victim)) this.#take(victim);
    }
    if (bank.potential >= want) return true;
    this.#trial.rollback(mark);
    this.#victims.length = taken;
    return false;
  }

  /** Who may be evicted there now; nobody, when all of them together would not do. */
  #candidatesOn(bank: Bank, want: number): WorkloadEntry[] {
    const found: WorkloadEntry[] = [];
    let gpus = bank.potential;
    for (const { holder, claimer } of bank.slots) {
      if (holder === null || claimer !== null || holder.bucket === null || holder.evicting) continue;
      const known = found.includes(holder);
      if (!known && (!this.#isOpen(holder.queue) || !this.#mayTake(holder))) continue;
      gpus++;
      if (!known) found.push(holder);
    }
    return gpus >= want ? found : [];
  }

  // --- leaving out, and carrying out ---

  /** Drops every victim that is not needed, the last to give first. */
  #leaveOut(): WorkloadEntry[] {
    if (this.#victims.length === 1) return this.#victims;
    const needed: WorkloadEntry[] = [];
    for (const victim of this.#victims.toReversed()) {
      this.#trial.spare(victim);
      this.#work.spend(1);
      if (this.#isMet()) continue;
      this.#trial.evict(victim);
      needed.push(victim);
    }
    return needed.reverse();
  }

  /** Evicts from the start, each checked again at its turn, and says what made it legal. */
  #carryOut(victims: readonly WorkloadEntry[]): Takeover['victims'] | null {
    const done: { workload: WorkloadEntry; message: string }[] = [];
    for (const workload of victims) {
      const ground = this.#ground(workload);
      if (ground === null) return null;
      this.#trial.evict(workload);
      done.push({ workload, message: ground });
    }
    if (!this.#isMet() || !victims.every((victim) => this.#staysFairer(victim))) return null;
    if (this.#mode === 'preempt' && this.#outgrowsShare(victims)) return null;
    return done;
  }

  // --- legality ---

  #isMet(): boolean {
    return fits(this.#shape, 'potential') && this.#stop() === null;
  }

  #stop() {
    return findStop(this.#queue, this.#shape.requestGpus, this.#group.preemptible, 'promise');
  }

  #take(victim: WorkloadEntry): void {
    this.#trial.evict(victim);
    this.#victims.push(victim);
    this.#work.spend(1);
  }

  /** Legal now, of use or not. */
  #mayTake(victim: WorkloadEntry): boolean {
    if (this.#mode === 'preempt') return isPreemptable(victim, this.#group);
    const { queue } = victim;
    if (queue === null || queue.onPathOf === this.#id) return false;
    const sides = this.#sidesOf(victim);
    return sides !== null && this.#mayGive(queue) && this.#isFairer(sides.taker, sides.giver, victim.bucket?.gpus ?? 0);
  }

  /** A quick no for queues that may give nothing: what they may not give now they may not later in the search. */
  #isOpen(queue: QueueNode | null): boolean {
    if (queue === null || queue.refusedBy === this.#id) return false;
    const open = this.#mode === 'preempt' ? queue === this.#queue : queue.onPathOf !== this.#id && this.#mayGive(queue);
    if (!open) queue.refusedBy = this.#id;
    return open;
  }

  /** Whether a queue, and all above it up to the common ancestor, may give one more victim. */
  #mayGive(queue: QueueNode): boolean {
    for (let at: QueueNode | null = queue; at !== null && at.onPathOf !== this.#id; at = at.parent) {
      if (!this.#sideMayGive(at)) return false;
    }
    return true;
  }

  /** One level of it. Tested before each victim, so the last may carry the queue below: a gang cannot be cut. */
  #sideMayGive(side: QueueNode): boolean {
    const use = charged(side);
    if (use <= side.guarantee) return false;
    const taker = this.#takerBeside(side);
    return taker === null || use > side.allocatableShare || this.#isWithinGuarantee(taker);
  }

  /** The queue on the reclaimer's path that has the same parent; null when the parent is not common. */
  #takerBeside(side: QueueNode): QueueNode | null {
    if (side.parent?.onPathOf !== this.#id) return null;
    let at = this.#queue;
    while (at.parent !== null && at.parent !== side.parent) at = at.parent;
    return at;
  }

  #isWithinGuarantee(taker: QueueNode): boolean {
    return charged(taker) + this.#shape.requestGpus <= taker.guarantee;
  }

  /**
   * After all: the taking side must not stand above its share by as much as the giving side, or more; and unless it
   * stays within its guarantee it must not have taken what the giving side could take back within its own. Else the two
   * would evict each other for ever.
   */
  #staysFairer(victim: WorkloadEntry): boolean {
    if (this.#mode === 'preempt') return true;
    const sides = this.#sidesOf(victim);
    if (!sides || !this.#isFairer(sides.taker, sides.giver, 0)) return false;
    const returns = charged(sides.giver) + (victim.bucket?.gpus ?? 0) <= sides.giver.guarantee;
    return !returns || this.#isWithinGuarantee(sides.taker);
  }

  #isFairer(taker: QueueNode, giver: QueueNode, givenGpus: number): boolean {
    const takerUse = charged(taker) + this.#shape.requestGpus;
    if (takerUse <= taker.fairShare || giver.fairShare === 0) return true;
    return saturation(takerUse, taker.fairShare) < saturation(charged(giver) - givenGpus, giver.fairShare);
  }

  /** The two queues just below the common ancestor. */
  #sidesOf(victim: WorkloadEntry): { giver: QueueNode; taker: QueueNode } | null {
    let giver = victim.queue;
    while (giver?.parent && giver.parent.onPathOf !== this.#id) giver = giver.parent;
    const taker = giver && this.#takerBeside(giver);
    return giver && taker && giver !== taker ? { giver, taker } : null;
  }

  /** Whether preempting would grow the queue beyond its fair share while another one waits for its own. */
  #outgrowsShare(victims: readonly WorkloadEntry[]): boolean {
    const given = victims.reduce((sum, victim) => sum + (victim.bucket?.gpus ?? 0), 0);
    const { requestGpus } = this.#shape;
    if (requestGpus <= given || charged(this.#queue) + requestGpus <= this.#queue.fairShare) return false;
    for (const queue of this.#trial.view.queues.values()) {
      if (queue.children.length === 0 && queue !== this.#queue && charged(queue) < queue.fairShare) return true;
    }
    return false;
  }

  // --- order of victims ---

  /** The next victim in a part of the tree, in order, that is legal now and frees something of use. */
  #nextVictim(within: QueueNode): WorkloadEntry | null {
    if (this.#mode === 'preempt') return this.#nextInQueue(this.#queue);
    return this.#nextBelow(within);
  }

  #nextBelow(queue: QueueNode): WorkloadEntry | null {
    for (;;) {
      const side = this.#firstToGive(queue);
      if (!side) return queue === this.#queue ? null : this.#nextOwn(queue);
      const victim = this.#nextBelow(side);
      if (victim) return victim;
      side.exhaustedBy = this.#id;
    }
  }

  #firstToGive(queue: QueueNode): QueueNode | null {
    let first: QueueNode | null = null;
    for (const child of queue.children) {
      if (child.victims === 0 || child.exhaustedBy === this.#id || child === this.#queue) continue;
      if (child.onPathOf !== this.#id && !this.#sideMayGive(child)) continue;
      if (first === null || compareForGiving(child, first) < 0) first = child;
    }
    return first;
  }

  #nextOwn(queue: QueueNode): WorkloadEntry | null {
    return queue.onPathOf === this.#id ? null : this.#nextInQueue(queue);
  }

  /** Lower priority, then less lost, then younger; passes over what is of no use here. */
  #nextInQueue(queue: QueueNode): WorkloadEntry | null {
    let best: WorkloadEntry | null = null;
    for (const bucket of queue.running) {
      if (this.#mode === 'preempt' && bucket.priority >= this.#group.priority) break;
      if (best !== null && bucket.priority > (best.bucket?.priority ?? 0)) break;
      const head = this.#headOf(bucket);
      if (head !== null && (best === null || compareVictims(head, best, this.#nowMs) < 0)) best = head;
    }
    return best;
  }

  #headOf(bucket: RunningBucket): WorkloadEntry | null {
    const anyClass = bucket.bankClass === null || this.#stop()?.kind === 'limit';
    if (!anyClass && bucket.bankClass && !this.#shape.classes.includes(bucket.bankClass)) return null;
    let at = Math.min(this.#positions.get(bucket) ?? Infinity, bucket.cursor);
    let head: WorkloadEntry | null = null;
    for (; at > 0 && head === null; at--) {
      const item = bucket.items[at - 1];
      if (item !== undefined && !item.evicting && this.#isOfUse(item)) head = item;
    }
    this.#positions.set(bucket, head === null ? 0 : at + 1);
    // All of a bucket have one queue and size, so what is legal for one is for all.
    return head !== null && this.#mayTake(head) ? head : null;
  }

  /** Whether its leaving makes GPUs usable that the shape could go to, or makes room in a limit. */
  #isOfUse(victim: WorkloadEntry): boolean {
    if (this.#stop()?.kind === 'limit') return true;
    return victim.allocations.some(({ slots }) =>
      slots.some(({ bank }) => bank.usable >= this.#shape.gpusPerTask && this.#shape.classes.includes(bank.bankClass)),
    );
  }

  #compare(a: WorkloadEntry, b: WorkloadEntry): number {
    if (a.queue === b.queue || !a.queue || !b.queue) return compareVictims(a, b, this.#nowMs);
    const [sideA, sideB] = siblings(a.queue, b.queue);
    return compareForGiving(sideA, sideB) || compareVictims(a, b, this.#nowMs);
  }

  // --- words ---

  /** Why this victim is legal now, in one sentence; null when it is not. */
  #ground(victim: WorkloadEntry): string | null {
    if (!this.#mayTake(victim)) return null;
    if (this.#mode === 'preempt') {
      const priority = victim.record?.spec.priority ?? 0;
      return `in queue ${this.#queue.name} the waiting workload has priority ${this.#group.priority}, this one ${priority}`;
    }
    const sides = this.#sidesOf(victim);
    invariant(sides !== null, 'two queues have a common ancestor', `${victim.number}`);
    const { taker, giver: side } = sides;
    const use = charged(side);
    if (this.#isWithinGuarantee(taker)) {
      return (
        `${taker.name} is guaranteed ${plural(taker.guarantee, 'GPU')} and holds ${charged(taker)}; ` +
        `${side.name} holds ${use}, ${use - side.guarantee} above its guarantee of ${side.guarantee}`
      );
    }
    return (
      `${taker.name} has a fair share of ${plural(taker.fairShare, 'GPU')} and holds ${charged(taker)}; ` +
      `${side.name} holds ${use}, ${use - side.allocatableShare} above its share of ${side.allocatableShare}`
    );
  }
}

/** Inside one queue, preemptible work of strictly lower priority gives. */
function isPreemptable(victim: WorkloadEntry, group: Group): boolean {
  return victim.queue === group.queue && victim.bucket !== null && victim.bucket.priority < group.priority;
}

function saturation(use: number, share: number): number {
  if (use === 0) return 0;
  return share === 0 ? Infinity : use / share;
}

/** The two ancestors, or selves, that have the same parent; the queues themselves where one is above the other. */
function siblings(a: QueueNode, b: QueueNode): [QueueNode, QueueNode] {
  const above = new Map<QueueNode | null, QueueNode>();
  for (let at: QueueNode | null = a; at !== null; at = at.parent) above.set(at.parent, at);
  for (let at: QueueNode | null = b; at !== null; at = at.parent) {
    const side = above.get(at.parent);
    if (side !== undefined && side !== at) return [side, at];
  }
  return [a, b];
}

// Who must give GPUs back so that a pending workload can run: the search for victims, for reclaim (between queues), preempt
// (inside one queue) and consolidate (everybody finds another place). Finds a set such that every eviction is legal at its
// turn and none can be left out. Approximate negatives, never wrong positives: what it finds is checked again from the
// start before it is decided. Source of the rules: KAI Scheduler, actions/{reclaim,preempt,consolidation} and
// plugins/proportion/reclaimable; stricter in that a queue at or below its guarantee gives nothing at any level.
import { invariant } from '../../common/assert.js';
import type { QueueName } from '../../common/ids.js';
import { plural } from '../../common/units.js';
import { GPU_PARTS, toGpus } from '../model/requests.js';
import { type Amounts, addTo, amounts, at, CPU, GPU, NOTHING, RESOURCES } from './amounts.js';
import { type Ask, partsIn } from './asks.js';
import { type Right, SURPLUS_ACCOUNT } from './cell-ledger.js';
import { planInCells, planOnSurplus } from './cell-plan.js';
import { type Bank, type BankClass, compareNames, type Hold, isUsableSlot, potentialOf, type Slot } from './nodes.js';
import {
  type Entitlement,
  type Figure,
  figureOf,
  isGuaranteedPart,
  isWithinOf,
  ofWhole,
  resourceAbove,
} from './entitlements.js';
import { isWantedForGrowth } from './growing.js';
import { lenderOf, lendingCapMs } from './lending.js';
import { compareForGiving, compareForService, rateForService } from './order.js';
import { cellQuestionOf, type Placing, placeShape, rightOf } from './place.js';
import { type Account, findStop, isWithin, type QueueNode, type Stop } from './queues.js';
import { Reach } from './reach.js';
import { compareVictims, lossOf, type RunningBucket, type VictimUnit } from './running.js';
import { NO_SHAPE_WANTS, sayScope, type Scope, type Scopes, type ShapeWant } from './scopes.js';
import { type Group, isUsable, mayFit, type Shape } from './shapes.js';
import { banksIn, isIn, type Region, regionsOf } from './victim-regions.js';
import type { SearchBudget } from './work-budget.js';
import { type AllocationEntry, isRunningOut, sumOfCharges, type TaskPlace, type WorkloadEntry } from './workloads.js';

export type TakingMode = 'consolidate' | 'reclaim' | 'preempt';

/** One eviction of a takeover. */
export interface Eviction {
  readonly workload: WorkloadEntry;
  readonly allocations: readonly AllocationEntry[];
  readonly message: string;
  /** The queue that had lent what it gives; null = nobody's guarantee is taken back. */
  readonly lender: QueueName | null;
  /** Where it goes on; null = it waits; `later` = where others, who are due more than its queue, leave room. */
  readonly movesTo: readonly TaskPlace[] | 'later' | null;
}

/** What a search found; the trial has the evictions and the claims applied. */
export interface Takeover {
  /** Who loses a promise of GPUs that were only lent. */
  readonly dropped: readonly WorkloadEntry[];
  readonly evictions: readonly Eviction[];
  readonly places: readonly TaskPlace[];
}

/** Why an eviction is legal, in one sentence, and whose guarantee it takes back. */
type Ground = Pick<Eviction, 'message' | 'lender'>;

/** An eviction under way: what it told to leave. */
interface Taken {
  readonly unit: VictimUnit;
  readonly allocations: readonly AllocationEntry[];
  readonly charge: Amounts;
  /** It gave up a promise with it, which nobody gives back. */
  readonly hadClaim: boolean;
  /** Why it was legal when it was taken, where that was asked at once; null = it is to be asked again. */
  readonly ground: Ground | null;
}

const NO_GROUND: Ground = { message: '', lender: null };

/** Nodes on which a search looks for a cheap place, those with the most free first, unless a gang needs more. */
const MAX_BANKS_TRIED = 256;

/** Domains in which victims of a gang that must be together are looked for, one at a time, before they are anywhere. */
const MAX_REGIONS_TRIED = 16;

/** Most victims of which each is tried to be left out by placing anew, where counting does not tell. */
const MAX_TRIED_ONE_BY_ONE = 32;

/**
 * Finds victims for a pending workload and tries the takeover out.
 * @param tasks the numbers its tasks get; null = as its shape numbers them
 * @param entitlements by which it may take, tried one after the other
 * @param where `its cells`: only those are looked at who are in the way of what its queue is owed
 * @returns null when none was found; the trial is then as before
 */
export function takeOver(
  placing: Placing,
  group: Group,
  workload: WorkloadEntry,
  tasks: readonly number[] | null,
  mode: TakingMode,
  entitlements: readonly Entitlement[],
  where: 'anywhere' | 'its cells' = 'anywhere',
): Takeover | null {
  const right = rightOf(placing, workload, group.shape);
  const search = (entitlement: Entitlement, by: Right | null, bound: SearchBudget) =>
    new VictimSearch(placing, group, workload, tasks, mode, entitlement, bound, by);
  let takeover: Takeover | null = null;
  group.cutShort[mode] = 0;
  const tryWithin = (find: (bound: SearchBudget) => Takeover | null): void => {
    const bound = placing.work.beginSearch();
    takeover = find(bound);
    group.cutShort[mode] = Math.max(group.cutShort[mode], bound.end(takeover !== null));
  };
  if (right !== null && mode === 'reclaim') {
    tryWithin((bound) => search(ofWhole(group.shape), right, bound).runInItsCells());
  }
  if (where === 'its cells') return takeover;
  // For a place to which it has a right, or else for any.
  const manners = right === null ? [null] : group.preemptible ? [right, null] : [right];
  for (const by of manners) {
    for (const entitlement of entitlements) {
      if (takeover === null) tryWithin((bound) => search(entitlement, by, bound).run());
    }
  }
  return takeover;
}

/**
 * Promises a victim another place.
 * @param waitsForGrowth not where it would be in the way of who is about to begin and grow
 * @returns null where there is none
 */
export function moveVictim(
  placing: Placing,
  workload: WorkloadEntry,
  core: Shape,
  waitsForGrowth: boolean,
): readonly TaskPlace[] | null {
  const { trial } = placing;
  if (!mayFit(core, 'potential') || trial.view.findStop(workload.account, core, 'promise') !== null) return null;
  const mark = trial.mark();
  const places = placeShape(placing, workload, core, 'potential');
  if (places === null) return null;
  if (waitsForGrowth && isWantedForGrowth(trial, workload, places)) {
    trial.rollback(mark);
    return null;
  }
  trial.claim(workload, sumOfCharges(places));
  return places;
}

class VictimSearch {
  readonly #placing: Placing;
  readonly #group: Group;
  readonly #workload: WorkloadEntry;
  readonly #tasks: readonly number[] | null;
  readonly #shape: Shape;
  readonly #queue: QueueNode;
  readonly #account: Account;
  readonly #mode: TakingMode;
  /** Places are looked for where its queue has a right to them; null = anywhere, as borrowed. */
  readonly #right: Right | null;
  /** By what it is due it takes. */
  readonly #entitlement: Entitlement;
  /** No rules for parts of the cluster are to be looked at beside GPUs. */
  readonly #isOpenEverywhere: boolean;
  readonly #bound: SearchBudget;
  readonly #capacity: Amounts;
  #id = 0;
  /** Where victims are looked for; null = anywhere. */
  #region: Region | null = null;
  readonly #taken: Taken[] = [];
  /** How far each bucket was looked through. */
  #positions: Map<RunningBucket, number> | null = null;
  #exhausted: Set<QueueNode> | null = null;
  /** It looks at what its queue has a right to, so that borrowers there have none to stay. */
  #claimsItsOwn = false;
  /** Promises of lent GPUs that are in the way. */
  #dropped: readonly WorkloadEntry[] = [];

  constructor(
    placing: Placing,
    group: Group,
    workload: WorkloadEntry,
    tasks: readonly number[] | null,
    mode: TakingMode,
    entitlement: Entitlement,
    bound: SearchBudget,
    right: Right | null,
  ) {
    this.#right = right;
    const { view } = placing.trial;
    this.#placing = placing;
    this.#group = group;
    this.#workload = workload;
    this.#tasks = tasks;
    this.#shape = group.shape;
    this.#queue = group.queue;
    this.#account = { queue: group.queue, preemptible: group.preemptible, owner: group.owner };
    this.#mode = mode;
    this.#entitlement = entitlement;
    this.#isOpenEverywhere = view.roomOf(this.#account, 'promise')?.isEndless ?? true;
    this.#bound = bound;
    this.#capacity = view.root.fairShare;
    this.#lookIn(null);
  }

  /** Begins to look for victims there; what was found out before counts no more. */
  #lookIn(region: Region | null): void {
    this.#region = region;
    this.#id = ++this.#placing.trial.view.searches;
    for (let each: QueueNode | null = this.#queue; each !== null; each = each.parent) each.onPathOf = this.#id;
  }

  /** In one domain after the other, where all of the gang must be in one; then anywhere. */
  run(): Takeover | null {
    if (!this.#mightFind()) return null;
    for (const region of this.#feasibleRegions().slice(0, MAX_REGIONS_TRIED)) {
      if (this.#bound.isSpent) return null;
      this.#lookIn(region);
      const found = this.#findThere();
      if (found !== null) return found;
    }
    if (this.#region !== null) this.#lookIn(null);
    return this.#findThere();
  }

  /** Victims in order of fairness, and where that finds none, node by node. */
  #findThere(): Takeover | null {
    const inOrder = (): boolean => this.#takeInOrder();
    const byNode = (): boolean => this.#takeNodeByNode();
    // Who gives is a matter of fairness; who moves, of the least disturbance.
    const [first, second] = this.#mode === 'consolidate' ? [byNode, inOrder] : [inOrder, byNode];
    return this.#find(first) ?? this.#find(second);
  }

  /** Only those who borrow what the queue is owed. */
  runInItsCells(): Takeover | null {
    if (!isUsable(this.#shape)) return null;
    this.#claimsItsOwn = true;
    const found = this.#find(() => this.#takeInTheWay());
    this.#claimsItsOwn = false;
    return found;
  }

  /** One way of finding: limits first; then all that is not needed is left out, and what is left is checked again. */
  #find(takeUntilMet: () => boolean): Takeover | null {
    const { trial } = this.#placing;
    const start = trial.mark();
    this.#taken.length = 0;
    this.#positions = null;
    this.#exhausted = null;
    this.#dropped = [];
    const units = this.#makeRoomInLimits() && takeUntilMet() ? this.#leaveOut() : null;
    // Where nobody was left out, each was checked at its turn, so nothing has to be done again.
    const isChecked = units?.length === this.#taken.length && this.#taken.every(({ ground }) => ground !== null);
    if (!isChecked) trial.rollback(start);
    const found = units && (isChecked ? this.#placeWith(this.#taken) : this.#carryOut(units));
    if (!found) trial.rollback(start);
    return found;
  }

  // --- quick answers ---

  /** False when no choice of victims can do: the cluster is too small, or too little may be taken at all. */
  #mightFind(): boolean {
    if (!isUsable(this.#shape)) return false;
    if (this.#mode === 'consolidate') return this.#hasRoomInAll();
    // Where CPU or memory may be what lacks, GPUs tell nothing.
    // What others leave in this step may be enough.
    if (!this.#isCounted || this.#stop() !== null) return this.#anyMayGive() || this.#isMet();
    if (this.#isMet()) return true;
    const reach = this.#reach();
    let parts = reach.potentialParts;
    const asked = at(this.#shape.charge, GPU);
    if (this.#mode === 'preempt') return parts + this.#runningParts(this.#queue, this.#group.priority, reach) >= asked;
    let mayGive = false;
    for (const side of this.#sides()) {
      if (!this.#sideMayGive(side)) continue;
      mayGive = true;
      parts += this.#mostFrom(side, reach).parts;
    }
    // Single GPUs need not come free together, so counting them is enough.
    const isSingles = this.#shape.parts.every(({ ask }) => ask.gpus === 1);
    return mayGive && parts >= asked && (isSingles || this.#banksMightDo());
  }

  /** Where its tasks may go by the right it goes by. */
  #classesOf({ classes }: Ask): readonly BankClass[] {
    const { confinement } = this.#entitlement;
    return confinement === null ? classes : classes.filter(confinement);
  }

  #reach(): Reach {
    const { reach } = this.#shape;
    const { confinement } = this.#entitlement;
    return confinement === null ? reach : new Reach(reach.classes.filter(confinement), reach.tiers);
  }

  #anyMayGive(): boolean {
    if (this.#mode === 'preempt') return (this.#queue.running[0]?.priority ?? Infinity) < this.#group.priority;
    for (const side of this.#sides()) if (this.#sideMayGive(side)) return true;
    return false;
  }

  /** Consolidation needs as much free as it places, everywhere together. */
  #hasRoomInAll(): boolean {
    const { reach, charge } = this.#shape;
    return reach.classes.length > 0 && reach.potentialParts >= at(charge, GPU);
  }

  /** The queues beside those on the path: whoever gives, gives through one of them. */
  *#sides(): Generator<QueueNode> {
    for (let each = this.#queue; each.parent !== null; each = each.parent) {
      for (const side of each.parent.children) if (side !== each && side.victims > 0) yield side;
    }
  }

  /** The most a side could give: down to its share, and from there the rest of its largest victim. */
  #mostFrom(side: QueueNode, reach: Reach): { parts: number; largest: number } {
    let parts = this.#runningParts(side, Infinity, reach);
    let largest = side.running.reduce((most, bucket) => Math.max(most, bucket.parts), 0);
    for (const child of side.children) {
      if (child.victims === 0) continue;
      const below = this.#mostFrom(child, reach);
      parts += below.parts;
      largest = Math.max(largest, below.largest);
    }
    const taker = this.#takerBeside(side);
    const guarantee = this.#figure(side, 'guarantee');
    const keeps = taker === null || this.#isWithinGuarantee(taker) ? guarantee : this.#figure(side, 'allocatableShare');
    const above = this.#figure(side, 'charged') - Math.max(keeps, guarantee);
    return { parts: Math.min(parts, Math.max(0, above + largest - 1)), largest };
  }

  /** GPU parts of a queue's own running work below a priority, where the shape could go. */
  #runningParts(queue: QueueNode, belowPriority: number, { classes }: Reach): number {
    let parts = 0;
    for (const bucket of queue.running) {
      if (bucket.priority >= belowPriority) break;
      if (bucket.bankClass === null || classes.includes(bucket.bankClass)) {
        parts += bucket.parts * Math.min(bucket.items.length, bucket.cursor);
      }
    }
    return parts;
  }

  /** Domains that would hold the gang if everybody there gave who may: where the least has to be taken first, of these the tightest. */
  #feasibleRegions(): readonly Region[] {
    // Further tasks join those that run, wherever these are.
    if (this.#tasks !== null) return [];
    const { nodes } = this.#placing.trial.view;
    const rated = regionsOf(this.#shape, nodes).flatMap((region) => {
      let lacking = 0;
      let usable = 0;
      this.#placing.work.spend(1);
      for (const { ask, count } of this.#shape.parts) {
        if (ask.unit === 'none') continue;
        const banks = this.#classesOf(ask).flatMap((bankClass) => banksIn(region, bankClass));
        const sum = (of: (bank: Bank) => number): number => banks.reduce((all, bank) => all + of(bank), 0);
        // Several shares go on one GPU: whether all do is only to be had by trying.
        const least = ask.unit === 'share' ? 1 : count;
        if (sum((bank) => Math.floor(this.#mostOn(bank, region) / ask.gpus)) < least) return [];
        lacking += Math.max(0, least * ask.gpus - sum((bank) => potentialIn(bank, region)));
        usable += sum((bank) => usableIn(bank, region));
      }
      return [{ region, lacking, usable }];
    });
    rated.sort((a, b) => a.lacking - b.lacking || a.usable - b.usable || compareNames(a.region.name, b.region.name));
    return rated.map(({ region }) => region);
  }

  /** Whether enough places would come free if everybody gave who may give now: more can never be taken. */
  #banksMightDo(): boolean {
    const [part] = this.#shape.parts;
    if (part === undefined) return false;
    const { ask, count } = part;
    let tasks = 0;
    for (const bankClass of this.#classesOf(ask)) {
      for (const bank of bankClass.banks) {
        if (bank.usable < ask.gpus) continue;
        tasks += Math.floor(this.#mostOn(bank) / ask.gpus);
        if (tasks >= count) return true;
      }
    }
    return false;
  }

  #mostOn(bank: Bank, region = this.#region): number {
    let slots = potentialIn(bank, region);
    if (usableIn(bank, region) === slots) return slots;
    for (const slot of bank.slots) {
      if (
        isIn(region, slot) &&
        slot.claims.length === 0 &&
        slot.used > slot.leaving &&
        slot.holds.every((hold) => this.#isOpen(hold.workload))
      )
        slots++;
    }
    return slots;
  }

  // --- finding ---

  /** Victims below each queue whose limit is in the way. */
  #makeRoomInLimits(): boolean {
    for (;;) {
      const stop = this.#stop();
      if (!stop) return true;
      if (this.#bound.isSpent) return false;
      const victim = stop.kind === 'limit' && this.#mode !== 'consolidate' ? this.#nextVictim(stop.at) : null;
      if (!victim) return false;
      this.#take(victim, this.#ground(victim));
    }
  }

  /** All who borrow, or were promised, GPUs of the cells where the gang would go. */
  #takeInTheWay(): boolean {
    const { trial } = this.#placing;
    const right = this.#right;
    if (right === null) return false;
    const question = {
      ...cellQuestionOf(this.#placing, this.#workload, this.#shape, this.#tasks, right),
      isFree: (slot: Slot, parts: number) => slot.potential >= parts,
      isOpen: (slot: Slot, parts: number) => slot.potential >= parts || this.#mayClear(slot),
    };
    const plan = planInCells(this.#placing, question) ?? planOnSurplus(this.#placing, question);
    if (plan === null) return false;
    const inTheWay = new Set<VictimUnit>();
    for (const { slots, part } of plan) {
      for (const slot of slots) {
        if (slot.potential >= partsIn(part.ask, slot.bank.bankClass)) continue;
        for (const { workload } of slot.claims) {
          if (workload.claim === null) continue;
          // Without its claim it is not met with again.
          this.#dropped = [...this.#dropped, workload];
          trial.unclaim(workload, workload.claim);
        }
        for (const hold of slot.holds) {
          const unit = hold.leaving ? null : this.#unitOf(hold.workload, hold);
          if (unit !== null) inTheWay.add(unit);
        }
      }
    }
    for (const unit of [...inTheWay].sort((a, b) => this.#compare(a, b))) {
      if (unit.evicting) continue;
      if (!this.#mayTake(unit)) return false;
      this.#take(unit, this.#ground(unit));
    }
    return this.#isMet();
  }

  /** Whether all that is in the way on a GPU can be made to leave. */
  #mayClear(slot: Slot): boolean {
    const { cells } = this.#placing.trial.view;
    const mayDrop = ({ workload }: Hold): boolean =>
      workload !== this.#workload &&
      // What was promised it in this step is promised with the rest.
      this.#placing.trial.placesOf(workload).length === 0 &&
      workload.claim?.source != null &&
      cells?.isClaimLent(workload.claim) === true;
    const mayEvict = (hold: Hold): boolean => {
      const unit = hold.leaving ? null : this.#unitOf(hold.workload, hold);
      return hold.leaving || (unit !== null && (unit.evicting || this.#mayTake(unit)));
    };
    return slot.claims.every(mayDrop) && slot.holds.every(mayEvict);
  }

  /** Victims in order until the gang fits. Where only trying tells, ever more are taken between two tries. */
  #takeInOrder(): boolean {
    let pause = 1;
    let untried = pause;
    for (;;) {
      if (untried >= pause) {
        if (this.#isMet()) return true;
        if (!this.#isCounted && this.#mayFit() && this.#mode !== 'consolidate') pause *= 2;
        untried = 0;
      }
      const victim = this.#maySearchOn() ? this.#nextVictim(this.#placing.trial.view.root) : null;
      if (!victim) return untried > 0 && this.#isMet();
      this.#take(victim, this.#ground(victim));
      untried++;
    }
  }

  #maySearchOn(): boolean {
    if (this.#bound.isSpent) return false;
    return this.#mode !== 'consolidate' || this.#taken.length < this.#placing.trial.view.policy.maxMoves;
  }

  /** Frees whole places, those first where the fewest GPUs are disturbed and the least work is lost. */
  #takeNodeByNode(): boolean {
    const { trial, nowMs } = this.#placing;
    const [part] = this.#shape.parts;
    // Where a single GPU was not found in order, none is to be found.
    if (part === undefined || (this.#isCounted && this.#shape.tasks * part.ask.gpus === 1)) return false;
    const options: { bank: Bank; disturbed: number; loss: number; first: VictimUnit | undefined }[] = [];
    const enough = Math.max(MAX_BANKS_TRIED, 4 * this.#shape.tasks);
    for (const { ask } of this.#shape.parts) {
      for (const bankClass of this.#classesOf(ask)) {
        for (const bank of this.#banksByPotential(bankClass)) {
          if (this.#bound.isSpent) return false;
          if (options.length >= enough) break;
          this.#placing.work.spend(1);
          if (usableIn(bank, this.#region) < ask.gpus || this.#mostOn(bank) < ask.gpus) continue;
          const mark = trial.mark();
          const taken = this.#taken.length;
          if (this.#freeOneTask(bank, ask.gpus)) {
            const chosen = this.#taken.slice(taken);
            options.push({
              bank,
              disturbed: chosen.reduce((sum, { charge }) => sum + at(charge, GPU), 0),
              loss: chosen.reduce((sum, { unit }) => sum + lossOf(unit, nowMs), 0),
              first: chosen[0]?.unit,
            });
          }
          this.#goBack(mark, taken);
        }
      }
    }
    options.sort(
      (a, b) =>
        a.disturbed - b.disturbed ||
        (a.loss === b.loss ? 0 : a.loss - b.loss) ||
        (a.first && b.first ? this.#compare(a.first, b.first) : 0) ||
        a.bank.rank - b.bank.rank,
    );
    for (const { bank } of options) {
      if (this.#bound.isSpent) break;
      const before = trial.mark();
      const takenBefore = this.#taken.length;
      for (;;) {
        if (this.#isMet()) return true;
        const mark = trial.mark();
        const taken = this.#taken.length;
        const size = this.#shape.parts.find(({ ask }) => this.#goesTo(ask, bank.bankClass))?.ask.gpus ?? 0;
        if (this.#maySearchOn() && size > 0 && this.#freeOneTask(bank, size) && this.#taken.length > taken) {
          if (this.#mode !== 'consolidate' || !this.#isMet()) continue;
          return true;
        }
        this.#goBack(mark, taken);
        break;
      }
      // Moving is worth it for one place only: what did not do there is put back.
      if (this.#mode === 'consolidate' && this.#shape.tasks === 1 && this.#taken.length > 0) {
        this.#goBack(before, takenBefore);
      }
    }
    return this.#isMet();
  }

  #banksByPotential(bankClass: BankClass): Iterable<Bank> {
    if (this.#region === null) return bankClass.byPotential();
    return banksIn(this.#region, bankClass).toSorted((a, b) => b.potential - a.potential || a.rank - b.rank);
  }

  #goBack(mark: number, taken: number): void {
    this.#placing.trial.rollback(mark);
    this.#taken.length = taken;
  }

  /**
   * Evicts on one bank until one more task fits there: in order; failing that the largest first; failing that keeping
   * each queue's largest for the last, which frees the most, since the last may carry its queue below its share.
   */
  #freeOneTask(bank: Bank, size: number): boolean {
    const want = (Math.floor(potentialIn(bank, this.#region) / size) + 1) * size;
    if (usableIn(bank, this.#region) < want) return false;
    const candidates = this.#candidatesOn(bank, want);
    if (candidates.length === 0) return false;
    const inOrder = candidates.toSorted((a, b) => this.#compare(a, b));
    if (this.#freeUpTo(bank, want, inOrder)) return true;
    if (candidates.length === 1) return false;
    // Equals in order, not as they were heard of.
    const largestFirst = inOrder.toSorted((a, b) => b.parts - a.parts);
    const largestLast = inOrder.toSorted((a, b) => a.parts - b.parts);
    return this.#freeUpTo(bank, want, largestFirst) || this.#freeLargestLast(bank, want, largestLast);
  }

  #freeLargestLast(bank: Bank, want: number, bySize: readonly VictimUnit[]): boolean {
    const { trial } = this.#placing;
    const start = trial.mark();
    const taken = this.#taken.length;
    const largest = new Map(bySize.map((victim) => [victim.workload.queue, victim]));
    for (const victim of bySize) {
      const last = largest.get(victim.workload.queue);
      if (last === undefined || last === victim || !this.#mayTake(victim)) continue;
      const mark = trial.mark();
      const count = this.#taken.length;
      this.#take(victim);
      if (this.#mayTake(last)) continue;
      this.#goBack(mark, count);
    }
    if (this.#freeUpTo(bank, want, [...largest.values()])) return true;
    this.#goBack(start, taken);
    return false;
  }

  #freeUpTo(bank: Bank, want: number, candidates: readonly VictimUnit[]): boolean {
    const mark = this.#placing.trial.mark();
    const taken = this.#taken.length;
    for (const victim of candidates) {
      if (potentialIn(bank, this.#region) >= want) break;
      if (this.#mayTake(victim)) this.#take(victim);
    }
    if (potentialIn(bank, this.#region) >= want) return true;
    this.#goBack(mark, taken);
    return false;
  }

  /** Who may be evicted there now; nobody, when all of them together would not do. */
  #candidatesOn(bank: Bank, want: number): VictimUnit[] {
    const found: VictimUnit[] = [];
    let slots = potentialIn(bank, this.#region);
    for (const slot of bank.slots) {
      if (slot.claims.length > 0 || slot.used === slot.leaving || !isIn(this.#region, slot)) continue;
      let opens = true;
      for (const hold of slot.holds) {
        if (hold.leaving) continue;
        const unit = this.#unitOf(hold.workload, hold);
        const known = unit !== null && found.includes(unit);
        if (unit === null || (!known && (!this.#isOpen(hold.workload) || !this.#mayTake(unit)))) opens = false;
        else if (!known) found.push(unit);
      }
      if (opens) slots++;
    }
    return slots >= want ? found : [];
  }

  /** What has to go so that a task goes: the surplus task itself, or all of its workload. */
  #unitOf(workload: WorkloadEntry, hold: unknown): VictimUnit | null {
    const own = workload.units.find(({ isSurplus, allocations }) => isSurplus && allocations[0] === hold);
    return own ?? workload.units.find(({ isSurplus }) => !isSurplus) ?? null;
  }

  // --- leaving out, and carrying out ---

  /** Drops every victim that is not needed, the last to give first. */
  #leaveOut(): VictimUnit[] {
    if (this.#taken.length === 1) return this.#taken.map(({ unit }) => unit);
    const { trial, work } = this.#placing;
    const needed: VictimUnit[] = [];
    const oneByOne = this.#isCounted || this.#taken.length <= MAX_TRIED_ONE_BY_ONE;
    for (const taken of this.#taken.toReversed()) {
      if (oneByOne && !goesWithCore(taken.unit) && !taken.hadClaim) {
        work.spend(1);
        const mark = trial.mark();
        if (trial.spare(taken.unit, taken.allocations)) {
          if (this.#isMet()) continue;
          trial.rollback(mark);
        }
      }
      needed.push(taken.unit);
    }
    return needed.reverse();
  }

  /**
   * Evicts from the start, each checked again at its turn, and says what made it legal; then places the workload, and each
   * victim again where that can be: those whose place is left stay, others move.
   */
  #carryOut(units: readonly VictimUnit[]): Takeover | null {
    this.#taken.length = 0;
    for (const workload of this.#dropped) {
      if (workload.claim !== null) this.#placing.trial.unclaim(workload, workload.claim);
    }
    for (const unit of units) {
      const ground = this.#ground(unit);
      if (ground === null) return null;
      this.#take(unit, ground);
    }
    return this.#placeWith(this.#taken);
  }

  /** With these gone: places the workload, and each of them again where that can be. */
  #placeWith(victims: readonly Taken[]): Takeover | null {
    const { trial } = this.#placing;
    if (this.#stop() !== null) return null;
    const places = this.#place();
    if (places === null) return null;
    trial.claim(this.#workload, sumOfCharges(places));
    const mark = trial.mark();
    let evictions = this.#placeAgain(victims, 'now');
    if (evictions.some((each) => this.#wouldGiveAgain(each))) {
      trial.rollback(mark);
      evictions = this.#placeAgain(victims, 'later');
      if (!evictions.every((each) => this.#staysFairer(each))) {
        trial.rollback(mark);
        evictions = this.#placeAgain(victims, 'now');
      }
    }
    const dropped = this.#dropped.filter((each) => !evictions.some(({ workload }) => workload === each));
    if (this.#mode === 'consolidate') return this.#isWorthMoving(evictions) ? { dropped, evictions, places } : null;
    if (!evictions.every((eviction) => this.#staysFairer(eviction))) return null;
    if (this.#mode === 'preempt' && this.#outgrowsShare(evictions)) return null;
    return { dropped, evictions, places };
  }

  /** Who still has his place stays, the others go on elsewhere where they can: now, or when others had their turn. */
  #placeAgain(victims: readonly Taken[], when: 'now' | 'later'): Eviction[] {
    const evictions: Eviction[] = [];
    // The last to give is the first to be placed again.
    for (let index = victims.length - 1; index >= 0; index--) {
      const taken = victims[index];
      if (taken === undefined || (!goesWithCore(taken.unit) && this.#spare(taken))) continue;
      const { unit, allocations, ground } = taken;
      const { message, lender } = ground ?? NO_GROUND;
      const movesTo = when === 'now' ? this.#move(taken) : this.#mayMove(taken) ? 'later' : null;
      evictions.push({ workload: unit.workload, allocations, message, lender, movesTo });
    }
    return evictions.reverse();
  }

  /** Whether it was moved while its queue is still to give to others who are due GPUs: to what they need. */
  #wouldGiveAgain({ workload, movesTo }: Eviction): boolean {
    if (this.#mode !== 'reclaim' || movesTo === null) return false;
    const sides = workload.queue && this.#sidesOf(workload.queue);
    return sides !== null && this.#exceeds(sides.giver, 'allocatableShare');
  }

  /** Lets a victim stay after all, if nothing of its place was promised to anybody. */
  #spare({ unit, allocations, charge, hadClaim }: Taken): boolean {
    if (!unit.evicting) return true;
    if (hadClaim) return false;
    const { trial } = this.#placing;
    const { workload } = unit;
    if (allocations.some(isPlaceGiven)) return false;
    if (workload.claim !== null || findStop(workload.account, charge, 'promise') !== null) return false;
    if (this.#isBeyondPart(workload.account, allocations)) return false;
    const mark = trial.mark();
    if (!trial.spare(unit, allocations)) return false;
    // All of it together, since several of its tasks may have parts of one GPU.
    const fits = allocations.every(
      ({ node, slots }) =>
        slots.every((slot) => slot.potential >= 0) && potentialOf(node.cpu) >= 0 && potentialOf(node.memory) >= 0,
    );
    if (!fits) trial.rollback(mark);
    return fits;
  }

  /** Promises a whole victim another place, if there is one. */
  #move(taken: Taken): readonly TaskPlace[] | null {
    const { workload } = taken.unit;
    if (workload.core === null || !this.#mayMove(taken)) return null;
    return moveVictim(this.#placing, workload, workload.core, this.#mode !== 'consolidate');
  }

  #mayMove({ unit, allocations, hadClaim }: Taken): boolean {
    const { workload } = unit;
    if (unit.isSurplus || workload.core === null || hadClaim || !mayFit(workload.core, 'potential')) return false;
    // With its surplus gone, or what was promised for it, it would come back and take it from whoever it made room for.
    if (allocations.length !== workload.core.tasks) return false;
    // What has tasks that are over cannot begin anew with as many as are left.
    if (isRunningOut(workload)) return false;
    // Where it went the taker would take from it again, as soon as it runs and wants more tasks.
    return !this.#workload.isElastic || this.#group.surplus !== null || workload.queue === this.#queue;
  }

  /** Whether what a victim would stay with is more than its queue may hold of some part by now. */
  #isBeyondPart(account: Account, allocations: readonly AllocationEntry[]): boolean {
    const { view } = this.#placing.trial;
    const room = view.roomOf(account, 'promise');
    if (room === null) return false;
    return room.findStopOf((scope) => view.scopes.partsOfPlaces(allocations, scope)) !== null;
  }

  /** Everybody has a place again, and not too much is disturbed for what is asked. */
  #isWorthMoving(evictions: readonly Eviction[]): boolean {
    const { policy } = this.#placing.trial.view;
    let disturbed = 0;
    for (const { movesTo, allocations } of evictions) {
      if (movesTo === null) return false;
      for (const { charge } of allocations) disturbed += at(charge, GPU);
    }
    return disturbed <= policy.maxDisturbance * at(this.#shape.charge, GPU) && evictions.length <= policy.maxMoves;
  }

  // --- legality ---

  /** Whether it fits when all that leaves has left; in consolidation, with a place for everybody who was moved. */
  #isMet(): boolean {
    if (!this.#mayFit() || this.#stop() !== null) return false;
    if (this.#isCounted && this.#mode !== 'consolidate') return true;
    const { trial } = this.#placing;
    const mark = trial.mark();
    const places = this.#place();
    const met = places !== null && (this.#mode !== 'consolidate' || this.#allFindPlaces());
    trial.rollback(mark);
    return met;
  }

  #place(): TaskPlace[] | null {
    const manner = this.#right === null ? 'borrowed' : 'entitled';
    const { confinement } = this.#entitlement;
    return placeShape(this.#placing, this.#workload, this.#shape, 'potential', this.#tasks, manner, confinement);
  }

  /** Whether counting slots tells if it fits; with a right to certain ones it does not. */
  get #isCounted(): boolean {
    return this.#shape.isCounted && this.#right === null && this.#isOpenEverywhere;
  }

  #allFindPlaces(): boolean {
    return this.#taken.toReversed().every((taken) => this.#spare(taken) || this.#move(taken) !== null);
  }

  #mayFit(): boolean {
    return mayFit(this.#shape, 'potential', this.#entitlement.confinement);
  }

  #stop(): Stop | null {
    return this.#placing.trial.view.findStop(this.#account, this.#shape, 'promise');
  }

  /** @param ground why it is legal now, where that is likely to be needed: not of one of many that are tried */
  #take(unit: VictimUnit, ground = this.#taken.length === 0 ? this.#ground(unit) : null): void {
    const allocations = unit.allocations.filter((allocation) => !allocation.leaving);
    const charge = sumOfCharges(allocations);
    if (this.#isOwed(unit)) (this.#gaveWhatIsOwed ??= new Set()).add(unit.workload);
    const hadClaim = !unit.isSurplus && unit.workload.claim !== null;
    this.#placing.trial.evict(unit);
    this.#placing.work.spend(1);
    this.#taken.push({ unit, allocations, charge, hadClaim, ground });
  }

  /** Legal now, of use or not. */
  #mayTake(unit: VictimUnit): boolean {
    if (unit.evicting || unit.allocations.every(({ leaving }) => leaving)) return false;
    const { workload } = unit;
    const { queue } = workload;
    if (queue === null || workload === this.#workload || this.#isProtected(unit, queue)) return false;
    // What got something in this step is not what its units say any more.
    if (this.#placing.trial.placesOf(workload).length > 0) return false;
    if (this.#mode === 'preempt') return queue === this.#queue && unit.bucket.priority < this.#group.priority;
    // Inside one queue a move needs no lower priority: nobody loses his place for good.
    if (queue === this.#queue) return this.#mode === 'consolidate';
    if (queue.onPathOf === this.#id || this.#isSecured(unit)) return false;
    if (this.#isOwed(unit)) return true;
    const sides = this.#sidesOf(queue);
    if (sides === null || !this.#mayGive(queue) || this.#isGuaranteedPart(unit, queue)) return false;
    return this.#mode === 'consolidate' || this.#isFairer(sides.taker, sides.giver, partsLeft(unit));
  }

  /** What is within the guarantee of a queue that the taker is not part of stays, however much that queue borrows beside it. */
  #isSecured({ workload, allocations }: VictimUnit): boolean {
    const { cells } = this.#placing.trial.view;
    if (cells === null || workload.queue === this.#queue) return false;
    return allocations.some(({ id }) => {
      const secured = cells.securedAs(id);
      if (!secured || secured.protector.onPathOf === this.#id) return false;
      // Who is guaranteed a part of the cluster goes there before who is guaranteed a number, but not before who is owed cells.
      return this.#entitlement.scope === null || secured.account !== SURPLUS_ACCOUNT;
    });
  }

  /** GPUs that are only lent go back to whoever is owed a place there, whatever else the borrower is guaranteed. */
  #isOwed({ allocations }: VictimUnit): boolean {
    const { cells } = this.#placing.trial.view;
    return cells !== null && this.#claimsItsOwn && allocations.every(({ id }) => cells.securedAs(id) === null);
  }

  /** Of no part of the cluster a queue gives, on any level, what it is guaranteed of that part. */
  #isGuaranteedPart({ allocations }: VictimUnit, queue: QueueNode): boolean {
    const { scopes } = this.#placing.trial.view;
    if (scopes.isNone) return false;
    const parts = scopesOfAllocations(scopes, allocations);
    if (parts.length === 0) return false;
    for (let each: QueueNode | null = queue; each !== null && each.onPathOf !== this.#id; each = each.parent) {
      if (isGuaranteedPart(each, parts)) return true;
    }
    return false;
  }

  /** In its min-runtime a workload gives nothing but its surplus. */
  #isProtected(unit: VictimUnit, queue: QueueNode): boolean {
    if (unit.isSurplus) return false;
    const { view } = this.#placing.trial;
    const minRuntimeMs = view.minRuntimeOf(queue, this.#mode === 'preempt' ? 'preempt' : 'reclaim');
    if (minRuntimeMs === 0) return false;
    const { placedMs } = unit.workload;
    if (placedMs + minRuntimeMs <= this.#placing.nowMs) return false;
    const endsMs = placedMs + Math.min(minRuntimeMs, lendingCapMs(this.#lenderOf(unit, queue), 'lendMaxMinRuntimeMs'));
    if (endsMs <= this.#placing.nowMs) return false;
    view.wakeAt(endsMs);
    return true;
  }

  /** The queue that had lent what a victim would give; null = nobody's guarantee is taken back. */
  #lenderOf(unit: VictimUnit, queue: QueueNode): QueueNode | null {
    if (this.#mode === 'preempt' || queue === this.#queue) return null;
    if (this.#isOwed(unit)) return this.#right?.protector ?? null;
    const taker = this.#sidesOf(queue)?.taker;
    return taker === undefined ? null : lenderOf(this.#queue, taker, (each) => this.#isWithinGuarantee(each));
  }

  /** A quick no for queues that may give nothing: what they may not give now they may not later in the search. */
  #isOpen({ queue, units }: WorkloadEntry): boolean {
    if (queue === null || queue.refusedBy === this.#id || units.length === 0) return false;
    if (queue === this.#queue) return this.#mode !== 'reclaim' && this.#mayTakeOwn(units);
    const open = this.#mode !== 'preempt' && queue.onPathOf !== this.#id && this.#mayGive(queue);
    if (!open) queue.refusedBy = this.#id;
    return open;
  }

  #mayTakeOwn([unit]: readonly VictimUnit[]): boolean {
    return unit !== undefined && (this.#mode === 'consolidate' || unit.bucket.priority < this.#group.priority);
  }

  /** Whether a queue, and all above it up to the common ancestor, may give one more victim. */
  #mayGive(queue: QueueNode): boolean {
    for (let each: QueueNode | null = queue; each !== null && each.onPathOf !== this.#id; each = each.parent) {
      if (!this.#sideMayGive(each)) return false;
    }
    return true;
  }

  /** One level of it. Tested before each victim, so the last may carry the queue below: a gang cannot be cut. */
  #sideMayGive(side: QueueNode): boolean {
    if (!this.#exceeds(side, 'guarantee')) return false;
    const taker = this.#takerBeside(side);
    if (this.#entitlement.scope !== null && !this.#mayGiveOfPart(side)) return false;
    return taker === null || this.#exceeds(side, 'allocatableShare') || this.#isWithinGuarantee(taker);
  }

  /** For what is guaranteed of a part, whatever it has of the whole; beyond, as for the whole: only what is borrowed. */
  #mayGiveOfPart(side: QueueNode): boolean {
    let below = side;
    while (below.parent !== null && below.parent.onPathOf !== this.#id) below = below.parent;
    const taker = this.#takerBeside(below);
    if (taker === null || this.#isWithinGuarantee(taker)) return true;
    const isDue = isWithin(this.#queue, this.#pendingRequest(), this.#queue.fairShare);
    return isDue && resourceAbove(side, 'guarantee', this.#shape.charge, null) !== -1;
  }

  /** Whether a side holds more than that of something that is asked for. */
  #exceeds(side: QueueNode, bound: Figure): boolean {
    return resourceAbove(side, bound, this.#shape.charge, this.#entitlement.scope) !== -1;
  }

  /** GPU parts, of the account by which it goes. */
  #figure(queue: QueueNode, figure: Figure): number {
    return figureOf(queue, figure, GPU, this.#entitlement.scope);
  }

  /** The queue on the reclaimer's path that has the same parent; null when the parent is not common. */
  #takerBeside(side: QueueNode): QueueNode | null {
    if (side.parent?.onPathOf !== this.#id) return null;
    let each = this.#queue;
    while (each.parent !== null && each.parent !== side.parent) each = each.parent;
    return each;
  }

  #isWithinGuarantee(taker: QueueNode): boolean {
    return isWithinOf(taker, this.#pendingRequest(), 'guarantee', this.#entitlement.scope);
  }

  /** What the workload still has to be charged with: nothing, once it has its claim. */
  #pendingRequest(): Amounts {
    return this.#isClaimed ? NOTHING : this.#entitlement.asked;
  }

  #isClaimed = false;
  /** Who had only borrowed, so that they could not take it back either. */
  #gaveWhatIsOwed: Set<WorkloadEntry> | null = null;

  /**
   * After all: the taking side must not stand above its share by as much as the giving side, or more; and unless it
   * stays within its guarantee it must not have taken what the giving side could take back within its own. Else the two
   * would evict each other for ever.
   */
  #staysFairer({ workload, allocations, movesTo }: Eviction): boolean {
    if (this.#mode !== 'reclaim' || this.#gaveWhatIsOwed?.has(workload)) return true;
    const isMoved = movesTo !== null && movesTo !== 'later';
    // Here the claim is charged already.
    this.#isClaimed = true;
    const sides = workload.queue && this.#sidesOf(workload.queue);
    const fair = sides !== null && this.#staysFairerBetween(sides, neededAgain(workload, allocations), isMoved);
    this.#isClaimed = false;
    return fair;
  }

  /** @param allocations what the victim has to have again before anything of it runs */
  #staysFairerBetween(
    { taker, giver }: { taker: QueueNode; giver: QueueNode },
    allocations: readonly AllocationEntry[],
    isMoved: boolean,
  ): boolean {
    if (!this.#isFairer(taker, giver, 0)) return false;
    if (isMoved) return true;
    const isKept = this.#isWithinGuarantee(taker);
    // From who stays within his guarantee nobody takes it back, but what he has by one of the whole by one of a part.
    if (isKept && (this.#entitlement.scope !== null || this.#placing.trial.view.scopes.isNone)) return true;
    const given = this.#givenBy(allocations);
    // Whoever would be served before the taker keeps what he has: else he would take it back.
    if (this.#isServedBefore(giver, given, taker)) return false;
    return isKept || !isWithinOf(giver, given, 'guarantee', this.#entitlement.scope);
  }

  /** What victims give, of the account by which it goes. */
  #givenBy(allocations: readonly AllocationEntry[]): Amounts {
    const given = amounts();
    for (const { charge } of allocations) addTo(given, charge, 1);
    const { scope } = this.#entitlement;
    if (scope !== null) given[GPU] = this.#placing.trial.view.scopes.partsOfPlaces(allocations, scope);
    return given;
  }

  #isServedBefore(giver: QueueNode, given: Amounts, taker: QueueNode): boolean {
    const [giverNext, takerNext] = [giver.nextRequest, taker.nextRequest];
    const [giverWants, takerWants] = [giver.nextWants, taker.nextWants];
    rateForService(giver, given, this.#capacity, this.#wantsOfPart(at(given, GPU)));
    rateForService(taker, NOTHING, this.#capacity, this.#wantsOfPart(0));
    const before = compareForService(giver, taker) < 0;
    // The walk that gives out turns goes on with what it knew.
    rateForService(giver, giverNext, this.#capacity, giverWants);
    rateForService(taker, takerNext, this.#capacity, takerWants);
    return before;
  }

  #wantsOfPart(parts: number): readonly ShapeWant[] {
    const { scope } = this.#entitlement;
    return scope === null ? NO_SHAPE_WANTS : [{ scope, parts, isBound: true }];
  }

  #isFairer(taker: QueueNode, giver: QueueNode, givenParts: number): boolean {
    const { saturationMultiplier } = this.#placing.trial.view.policy;
    const request = this.#pendingRequest();
    for (let resource = 0; resource < RESOURCES; resource++) {
      if (at(this.#shape.charge, resource) === 0) continue;
      const { scope } = this.#entitlement;
      const use = figureOf(taker, 'charged', resource, scope) + at(request, resource);
      const share = figureOf(taker, 'fairShare', resource, scope);
      const giversShare = figureOf(giver, 'fairShare', resource, scope);
      if (use <= share || giversShare === 0) continue;
      const left = figureOf(giver, 'charged', resource, scope) - (resource === GPU ? givenParts : 0);
      if (saturation(use, share) * saturationMultiplier >= saturation(left, giversShare)) return false;
    }
    return true;
  }

  /** The two queues just below the common ancestor. */
  #sidesOf(queue: QueueNode): { giver: QueueNode; taker: QueueNode } | null {
    let giver = queue;
    while (giver.parent && giver.parent.onPathOf !== this.#id) giver = giver.parent;
    const taker = this.#takerBeside(giver);
    return taker && giver !== taker ? { giver, taker } : null;
  }

  /** Whether preempting grew the queue beyond its fair share while another one waits for its own. */
  #outgrowsShare(evictions: readonly Eviction[]): boolean {
    const given = amounts();
    for (const { allocations } of evictions) for (const { charge } of allocations) addTo(given, charge, 1);
    const asked = at(this.#shape.charge, GPU);
    if (asked <= at(given, GPU) || at(this.#queue.charged, GPU) <= at(this.#queue.fairShare, GPU)) return false;
    for (const queue of this.#placing.trial.view.queues.values()) {
      if (queue.children.length > 0 || queue === this.#queue) continue;
      if (at(queue.charged, GPU) < at(queue.fairShare, GPU)) return true;
    }
    return false;
  }

  // --- order of victims ---

  /** The next victim in a part of the tree, in order, that is legal now and frees something of use. */
  #nextVictim(within: QueueNode): VictimUnit | null {
    if (this.#mode === 'preempt') return this.#nextInQueue(this.#queue);
    return this.#nextBelow(within);
  }

  #nextBelow(queue: QueueNode): VictimUnit | null {
    for (;;) {
      const side = this.#firstToGive(queue);
      if (!side) return this.#mayGiveItself(queue) ? this.#nextInQueue(queue) : null;
      const victim = this.#nextBelow(side);
      if (victim) return victim;
      (this.#exhausted ??= new Set()).add(side);
    }
  }

  #mayGiveItself(queue: QueueNode): boolean {
    return queue.onPathOf !== this.#id || (this.#mode === 'consolidate' && queue === this.#queue);
  }

  #firstToGive(queue: QueueNode): QueueNode | null {
    let first: QueueNode | null = null;
    for (const child of queue.children) {
      if (child.victims === 0 || this.#exhausted?.has(child) === true) continue;
      if (
        child === this.#queue ? this.#mode !== 'consolidate' : child.onPathOf !== this.#id && !this.#sideMayGive(child)
      )
        continue;
      if (first === null || compareForGiving(child, first, this.#capacity, this.#entitlement.scope) < 0) first = child;
    }
    return first;
  }

  /** Lower priority, then less lost, then younger; passes over what is of no use here. */
  #nextInQueue(queue: QueueNode): VictimUnit | null {
    let best: VictimUnit | null = null;
    for (const bucket of queue.running) {
      if (this.#mode === 'preempt' && bucket.priority >= this.#group.priority) break;
      if (best && (bucket.priority > best.bucket.priority || (best.isSurplus && !bucket.isSurplus))) break;
      const victim = this.#headOf(bucket);
      if (victim && (best === null || compareVictims(victim, best, this.#placing.nowMs) < 0)) best = victim;
    }
    return best;
  }

  #headOf(bucket: RunningBucket): VictimUnit | null {
    if (bucket.bankClass !== null && !this.#mayUse(bucket.bankClass) && !this.#isLimited()) return null;
    let position = Math.min(this.#positions?.get(bucket) ?? bucket.cursor, bucket.cursor);
    let head: VictimUnit | null = null;
    for (; position > 0; position--) {
      const item = bucket.items[position - 1];
      if (item && !item.evicting && this.#isOfUse(item) && !this.#isSettled(item)) {
        // Not all of them are on GPUs of the same parts of the cluster.
        if (bucket.bankClass === null && !this.#placing.trial.view.scopes.isNone && !this.#mayTake(item)) continue;
        head = item;
        break;
      }
    }
    (this.#positions ??= new Map()).set(bucket, position);
    // All of a bucket have one queue, size and class, so what is legal for one is for all.
    return head !== null && this.#mayTake(head) ? head : null;
  }

  /** What no other of its bucket needs to share: it has gone already, is the taker itself, or is in its min-runtime. */
  #isSettled(unit: VictimUnit): boolean {
    const { workload } = unit;
    if (workload === this.#workload || unit.allocations.every(({ leaving }) => leaving)) return true;
    if (workload.queue === null) return false;
    return this.#isProtected(unit, workload.queue) || (this.#mode !== 'preempt' && this.#isSecured(unit));
  }

  #mayUse(bankClass: BankClass): boolean {
    return this.#shape.parts.some(({ ask }) => ask.unit === 'none' || this.#goesTo(ask, bankClass));
  }

  #goesTo({ classes }: Ask, bankClass: BankClass): boolean {
    const { confinement } = this.#entitlement;
    return classes.includes(bankClass) && (confinement === null || confinement(bankClass));
  }

  #isLimited(): boolean {
    return this.#stop()?.kind === 'limit';
  }

  /** Frees something that the shape could use, or makes room in a limit. */
  #isOfUse(victim: VictimUnit): boolean {
    const stop = this.#stop();
    if (stop?.kind === 'limit') {
      const { scope } = stop;
      return scope === null || this.#placing.trial.view.scopes.partsOfPlaces(victim.allocations, scope) > 0;
    }
    return this.#shape.parts.some(({ ask }) =>
      victim.allocations.some(({ slots }) =>
        slots.length === 0 || ask.unit === 'none'
          ? ask.cpuMilli + ask.memoryMib > 0
          : slots.some(
              (slot) =>
                slot.bank.usable >= ask.gpus && this.#goesTo(ask, slot.bank.bankClass) && isIn(this.#region, slot),
            ),
      ),
    );
  }

  #compare(a: VictimUnit, b: VictimUnit): number {
    const [queueA, queueB] = [a.workload.queue, b.workload.queue];
    if (queueA === queueB || !queueA || !queueB) return compareVictims(a, b, this.#placing.nowMs);
    const [sideA, sideB] = siblings(queueA, queueB);
    return (
      compareForGiving(sideA, sideB, this.#capacity, this.#entitlement.scope) ||
      compareVictims(a, b, this.#placing.nowMs)
    );
  }

  // --- words ---

  /** Why this victim is legal now, in one sentence; null when it is not. */
  #ground(victim: VictimUnit): Ground | null {
    if (!this.#mayTake(victim)) return null;
    const { queue } = victim.workload;
    const lender = queue === null ? null : (this.#lenderOf(victim, queue)?.name ?? null);
    return { lender, message: this.#sayGround(victim) };
  }

  #sayGround(victim: VictimUnit): string {
    const { queue } = victim.workload;
    if (this.#mode === 'preempt') {
      const { priority } = victim.bucket;
      return `in queue ${this.#queue.name} the waiting workload has priority ${this.#group.priority}, this one ${priority}`;
    }
    if (this.#mode === 'consolidate') {
      return `moved to other GPUs, so that ${plural(toGpus(at(this.#shape.charge, GPU)), 'GPU')} can be had together`;
    }
    if (queue !== null && this.#isOwed(victim)) {
      return `${this.#queue.name} is guaranteed these GPUs and ${queue.name} had only borrowed them`;
    }
    const sides = queue && this.#sidesOf(queue);
    invariant(sides !== null, 'two queues have a common ancestor', `${victim.workload.number}`);
    return sayGround(sides, this.#isWithinGuarantee(sides.taker), this.#shape.charge, this.#entitlement.scope);
  }
}

function sayGround(
  { taker, giver }: { readonly taker: QueueNode; readonly giver: QueueNode },
  isWithinGuarantee: boolean,
  asked: Amounts,
  scope: Scope | null,
): string {
  const bound = isWithinGuarantee ? 'guarantee' : 'allocatableShare';
  const resource = Math.max(GPU, resourceAbove(giver, bound, asked, scope));
  const figure = (queue: QueueNode, of: Figure): number => figureOf(queue, of, resource, scope);
  const [holds, all] = [figure(giver, 'charged'), figure(giver, bound)];
  const say = (amount: number): string => sayAmount(amount, resource);
  const where = scope === null || resource !== GPU ? '' : ` ${sayScope(scope)}`;
  const above = `${giver.name} holds ${say(holds)}, ${say(holds - all)} above its`;
  const takes = `and holds ${say(figure(taker, 'charged'))}`;
  if (isWithinGuarantee) {
    return `${taker.name} is guaranteed ${sayUnit(figure(taker, 'guarantee'), resource)}${where} ${takes}; ${above} guarantee of ${say(all)}`;
  }
  return `${taker.name} has a fair share of ${sayUnit(figure(taker, 'fairShare'), resource)}${where} ${takes}; ${above} share of ${say(all)}`;
}

/** The parts of the cluster that the GPUs of allocations are in. */
function scopesOfAllocations(scopes: Scopes, allocations: readonly AllocationEntry[]): readonly Scope[] {
  const found = new Set<Scope>();
  for (const { slots } of allocations) {
    for (const { bank } of slots) for (const scope of scopes.of(bank.bankClass)) found.add(scope);
  }
  return [...found];
}

/** A bare number of GPUs; cores and MiB with their unit. */
function sayAmount(amount: number, resource: number): string {
  if (amount === Infinity) return 'all there is';
  if (resource === GPU) return String(Math.round(toGpus(amount) * 1_000) / 1_000);
  return resource === CPU ? plural(amount / 1_000, 'core') : `${amount} MiB`;
}

function sayUnit(amount: number, resource: number): string {
  const said = sayAmount(amount, resource);
  return resource === GPU && amount !== Infinity ? plural(Number(said), 'GPU') : said;
}

/** Whole slots of a bank, of those in a region, that will be free. */
function potentialIn(bank: Bank, region: Region | null): number {
  if (region === null || region.nvlinkGroup === null) return bank.potential;
  return bank.slots.filter((slot) => isIn(region, slot) && slot.potential === GPU_PARTS).length;
}

/** Slots of a bank, of those in a region, that take work. */
function usableIn(bank: Bank, region: Region | null): number {
  if (region === null || region.nvlinkGroup === null) return bank.usable;
  return bank.slots.filter((slot) => isIn(region, slot) && isUsableSlot(slot)).length;
}

/** A surplus task does not outlive its workload's core. */
function goesWithCore({ isSurplus, workload }: VictimUnit): boolean {
  return isSurplus && workload.units.some((unit) => !unit.isSurplus && unit.evicting);
}

/** With how much of what it gives a workload comes back: one that gives all starts with its core alone. */
function neededAgain({ units }: WorkloadEntry, allocations: readonly AllocationEntry[]): readonly AllocationEntry[] {
  if (units.length === 1 || !units.some(({ isSurplus, evicting }) => !isSurplus && evicting)) return allocations;
  const surplus = new Set(units.flatMap((unit) => (unit.isSurplus ? unit.allocations : [])));
  const core = allocations.filter((each) => !surplus.has(each));
  return core.length > 0 ? core : allocations;
}

/** Whether what a task leaves is promised to somebody already, who would have to share its GPUs with it. */
function isPlaceGiven({ slots, parts }: AllocationEntry): boolean {
  return slots.some((slot) => slot.potential < parts && slot.withheld === 0 && isUsableSlot(slot));
}

/** GPU parts that a unit still holds. */
function partsLeft({ allocations }: VictimUnit): number {
  return allocations.reduce((sum, { leaving, charge }) => (leaving ? sum : sum + at(charge, GPU)), 0);
}

function saturation(use: number, share: number): number {
  if (use === 0) return 0;
  return share === 0 ? Infinity : use / share;
}

/** The two ancestors, or selves, that have the same parent; the queues themselves where one is above the other. */
function siblings(a: QueueNode, b: QueueNode): [QueueNode, QueueNode] {
  const above = new Map<QueueNode | null, QueueNode>();
  for (let each: QueueNode | null = a; each !== null; each = each.parent) above.set(each.parent, each);
  for (let each: QueueNode | null = b; each !== null; each = each.parent) {
    const side = above.get(each.parent);
    if (side !== undefined && side !== each) return [side, each];
  }
  return [a, b];
}

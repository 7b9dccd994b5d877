// Who holds which GPUs by right: the cells of the cluster (cells.ts) kept in step with what runs and what is promised. Work
// within a guarantee is secured: it is in cells that its queue, or one above, was promised, or on the surplus that nobody is
// owed. All other work is lent its GPUs: it may be anywhere, and whoever is owed the place may take it back. What leaves
// holds nothing here. Exists only while some queue is promised shapes. Soft state: a new ledger finds bindings for what
// runs; one made from another takes them over. During a step every change says how it is undone.
import { invariant, present } from '../../common/assert.js';
import type { ShapeGuarantee } from '../model/records.js';
import { amounts, at, CPU, GPU, MEMORY } from './amounts.js';
import { ANY_OWED, type CellNode, type PromisedCells, SURPLUS } from './cell-words.js';
import { Cells } from './cells.js';
import {
  ancestor,
  compareGangs,
  type Gang,
  type HeldTask,
  type Holding,
  isBeyondCore,
  isFixed,
  newHolding,
  type Secured,
} from './cell-holdings.js';
import { kindOf, promisesOf, sameCells } from './cell-promises.js';
import type { ShapeStanding } from './decisions.js';
import { isWithinOf } from './entitlements.js';
import { type Bank, type BankClass, compareNames, type Slot } from './nodes.js';
import { type Account, isWithin, type QueueNode } from './queues.js';
import type { Shape } from './shapes.js';
import type { ClusterView } from './view.js';
import type { TaskPlace, WorkloadEntry } from './workloads.js';

/** What a workload may count on. */
export interface Right {
  readonly protector: QueueNode;
  /** Whose cells it may use: its own queue's first. */
  readonly accounts: readonly string[];
}

/** Guaranteed work outside of promised cells, whosever it is. No queue has such a name. */
export const SURPLUS_ACCOUNT = '(surplus)';

/** Lent workloads of one queue that are looked at for promotion each time. */
const MAX_PROMOTED_AT_ONCE = 256;

type Undo = () => void;

/** Everything that is secured or lent. Made anew when nodes, shapes or guarantees change. */
export class CellLedger {
  readonly #view: ClusterView;
  readonly #cells: Cells;
  readonly #promises = new Map<
    QueueNode,
    readonly { readonly shape: ShapeGuarantee; readonly cells: PromisedCells }[]
  >();
  readonly #kinds = new Map<BankClass, string>();
  readonly #numbers = new Map<Slot, number>();
  readonly #slots: Slot[] = [];
  readonly #isBad: boolean[] = [];
  /** How many secured tasks have parts of each GPU, and on whose account. */
  readonly #users: number[] = [];
  readonly #accountOf: string[] = [];
  readonly #held = new Map<string, Holding>();
  /** GPU parts secured, by queue, those below it included. */
  readonly #secured = new Map<QueueNode, number>();
  readonly #lentIn = new Map<QueueNode, Set<Holding>>();
  readonly #arriving = new Map<string, HeldTask>();
  readonly #departing = new Set<string>();
  /** What the last step decided, until it is seen to have been carried out. */
  readonly #expected = new Map<string, Secured | null>();
  /** Nodes or GPUs may have become bad or sound since the last look. */
  healthChanged = true;
  /** More may be secured than before. */
  #mayPromote = true;
  /** Queues whose work that may not be taken back is more than they are guaranteed: making the ledger anew helps nobody. */
  readonly #overFromStart = new Set<QueueNode>();
  /** More was lent since somebody asked: more that those may take back who are owed the place. */
  #lentMore = false;

  /** Costs about as much as making {@link Cells}. */
  constructor(view: ClusterView, before: CellLedger | null) {
    this.#view = view;
    const promised = promisesOf(view);
    for (const { queue, shape, kinds, count } of promised) {
      const cells = { queue: queue.name, count, gpus: shape.gpus, level: shape.level, kinds: kinds.map(kindOf) };
      this.#promises.set(queue, [...(this.#promises.get(queue) ?? []), { shape, cells }]);
      for (const kind of kinds) this.#kinds.set(kind, kindOf(kind));
    }
    const all = [...this.#promises.values()].flat().map(({ cells }) => cells);
    this.#cells = new Cells(this.#cellNodes(), all);
    this.#followHealth();
    for (const [key, expected] of before === null ? [] : before.expected) this.#expected.set(key, expected);
    this.#admitAll(before);
    // Whoever made it anew has everybody look again anyhow.
    this.#lentMore = false;
    for (const queue of this.#secured.keys()) if (this.#isOver(queue)) this.#overFromStart.add(queue);
  }

  // --- what a step asks ---

  /** Whether any GPU that a shape could take is of a kind that is promised in cells. */
  concerns({ parts }: Shape): boolean {
    return parts.some(({ ask }) => ask.classes.some((bankClass) => this.#kinds.has(bankClass)));
  }

  /** Whether the GPUs of a bank are in cells. */
  has({ bankClass }: Bank): boolean {
    return this.#kinds.has(bankClass);
  }

  /** What a workload may count on with so much more; null = it may only borrow. */
  rightOf({ queue, preemptible }: Account, shape: Shape): Right | null {
    if (queue === null || at(shape.charge, GPU) === 0) return null;
    let protector: QueueNode | null = null;
    const accounts: string[] = [];
    for (let each = queue; each.parent !== null; each = each.parent) {
      if (protector === null && this.#isWithinGuarantee(each, shape)) protector = each;
      if (this.#promises.has(each)) accounts.push(each.name);
    }
    // What may not be taken back has to be where nobody will ask for it.
    protector ??= preemptible ? null : queue;
    return protector && { protector, accounts };
  }

  /** Within what a queue is guaranteed of the whole, or of a part that the work cannot leave. */
  #isWithinGuarantee(queue: QueueNode, shape: Shape): boolean {
    if (isWithin(queue, shape.charge, queue.guarantee)) return true;
    const { scopes } = this.#view;
    return scopes.wantsOfShape(shape).some(({ scope, parts, isBound }) => {
      const asked = amounts(parts, at(shape.charge, CPU), at(shape.charge, MEMORY));
      return isBound && isWithinOf(queue, asked, 'guarantee', scope);
    });
  }

  /** GPU parts that a queue may have secured on GPUs of a kind: what it is guaranteed of all, or of a part that they are in. */
  #mostFor(queue: QueueNode, slots: readonly Slot[]): number {
    const [first] = slots;
    let most = at(queue.guarantee, GPU);
    if (first === undefined) return most;
    for (const { index } of this.#view.scopes.of(first.bank.bankClass)) {
      most = Math.max(most, queue.scopes[index]?.guarantee ?? 0);
    }
    return most;
  }

  /** The cells, to choose from. Change them only through the ledger. */
  get cells(): Pick<Cells, 'rooms' | 'gpusOf' | 'choose'> {
    return this.#cells;
  }

  kindsOf(classes: readonly BankClass[]): string[] {
    return classes.flatMap((bankClass) => this.#kinds.get(bankClass) ?? []);
  }

  slotOf(gpu: number): Slot {
    return present(this.#slots[gpu], 'GPUs in cells are slots', `GPU ${gpu}`);
  }

  /** GPUs of an account on which something is secured already, in order: there shares go first. */
  *usedBy(account: string): Generator<Slot> {
    for (const gpu of this.#cells.gpusOf(account)) if (this.#usersOf(gpu) > 0) yield this.slotOf(gpu);
  }

  /**
   * Those of some slots of one bank, as many as asked for, that guaranteed work outside of promised cells may take together:
   * where least is lost. Null = not so many. Costs slots × levels².
   */
  onSurplus(slots: readonly Slot[], count: number): Slot[] | null {
    const numbers = slots.map((slot) => this.#number(slot));
    const joined = numbers.filter((gpu) => this.#usersOf(gpu) > 0 && this.#accountOf[gpu] === SURPLUS_ACCOUNT);
    const chosen = joined.slice(0, count);
    const taken: number[] = [];
    for (const gpu of this.#cells.fromTheBroken(numbers.filter((each) => this.#usersOf(each) === 0))) {
      if (chosen.length === count) break;
      if (!this.#cells.take(SURPLUS_ACCOUNT, [gpu], SURPLUS)) continue;
      taken.push(gpu);
      chosen.push(gpu);
    }
    for (const gpu of taken.reverse()) this.#cells.release([gpu]);
    return chosen.length < count ? null : chosen.map((gpu) => this.slotOf(gpu)).sort((a, b) => a.index - b.index);
  }

  /** Whether a GPU is in a promised cell in use: borrowed work is the last to go there, and from the far end. */
  isInUse(slot: Slot): boolean {
    const gpu = this.#numbers.get(slot);
    return gpu !== undefined && this.#cells.turnOf(gpu) > 0;
  }

  /** By what right an allocation holds its GPUs; null = they are lent, `undefined` = none of them is in a cell. */
  securedAs(id: string): Secured | null | undefined {
    const holding = this.#held.get(id);
    return holding && holding.secured;
  }

  /** Whether all that a claim is promised is only lent. */
  isClaimLent({ places }: { readonly places: readonly TaskPlace[] }): boolean {
    return places.every((place) => !this.securedAs(claimKey(place)));
  }

  // --- what a step tries ---

  /** Tries to give a task its GPUs. @returns how to undo it; null = it has no right to them, and nothing has changed */
  tryEnter(slots: readonly Slot[], secured: Secured | null): Undo | null {
    const gpus = this.#numbersOf(slots);
    if (gpus.length === 0) return () => undefined;
    return secured === null ? this.#lend(gpus) : this.#secure(gpus, secured);
  }

  /** The same where it was found to be possible before. */
  enter(slots: readonly Slot[], secured: Secured | null): Undo {
    const undo = this.tryEnter(slots, secured);
    return present(undo, 'what is owed is not given away', slots.map(({ index }) => `GPU ${index}`).join());
  }

  /** An allocation, or a claim, gives back what it has. @returns how to undo it */
  exit(key: string): Undo {
    const holding = this.#held.get(key);
    if (!holding) return () => undefined;
    holding.before = this.asBefore(holding);
    return this.#exit(holding.gpus, holding.secured);
  }

  /** One that gave back in this step takes the same again. @returns null when somebody else has it now */
  reenter(key: string): Undo | null {
    const holding = this.#held.get(key);
    if (!holding) return () => undefined;
    const undo = this.tryEnter(holding.slots, holding.before);
    if (undo !== null || holding.before === null) return undo;
    // Beside bad GPUs nobody has a right to anything, but may stay.
    const { gpus, before, slots } = holding;
    const isDamaged = slots.some(({ bank }) => bank.usable < bank.slots.length);
    return isDamaged ? this.#secure(gpus, before, 'anyhow') : null;
  }

  /** What was decided, so that it is known again when it comes back as records. */
  expect(places: readonly TaskPlace[]): void {
    for (const { workload, task, secured } of places) this.#expected.set(`${workload.number} ${task}`, secured);
  }

  /** The next step decides anew. */
  expectNothing(): void {
    this.#expected.clear();
  }

  // --- what comes and goes ---

  arrive(key: string, task: HeldTask): void {
    this.#arriving.set(key, task);
  }

  depart(key: string): void {
    if (!this.#arriving.delete(key)) this.#departing.add(key);
  }

  /** Takes over all that came and went. @returns false when the ledger has to be made anew */
  settle(): boolean {
    if (this.healthChanged) this.#followHealth();
    this.#handOver();
    for (const key of this.#departing) this.#remove(key);
    if (this.#departing.size > 0) {
      this.#departing.clear();
      this.#mayPromote = true;
      this.#cells.settle();
    }
    const unknown = this.#takeExpected();
    if (unknown.length > 0) this.#admit(unknown, null);
    if (this.#mayPromote) this.#promote();
    return ![...this.#secured.keys()].some((queue) => this.#isOver(queue) && !this.#overFromStart.has(queue));
  }

  /** Whether more was lent since this was last asked. */
  hearOfLoans(): boolean {
    const lentMore = this.#lentMore;
    this.#lentMore = false;
    return lentMore;
  }

  // --- how promises stand ---

  /** How the shapes of a queue stand; in use and impossible also of those below it, whose promises come out of its own. */
  standings(queue: QueueNode): readonly ShapeStanding[] {
    return (queue.record?.shapes ?? []).map((shape) => {
      const { inUse, impossible } = this.#standing(queue, shape);
      return { ...shape, inUse: Math.min(shape.count, inUse), impossible: Math.min(shape.count, impossible) };
    });
  }

  #standing(queue: QueueNode, shape: ShapeGuarantee): { inUse: number; impossible: number } {
    let [inUse, impossible] = [0, 0];
    const own = this.#promises.get(queue)?.find((each) => sameCells(each.shape, shape));
    const debts = own === undefined ? [] : this.#cells.owedFor(own.cells);
    for (const debt of debts) {
      inUse += debt.bound;
      impossible += debt.impossible;
    }
    for (const child of queue.children) {
      const below = this.#standing(child, shape);
      inUse += below.inUse;
      impossible += below.impossible;
    }
    return { inUse, impossible };
  }

  /** GPU parts secured by a queue and those below it. */
  securedParts(queue: QueueNode): number {
    return this.#secured.get(queue) ?? 0;
  }

  /** Throws unless all counts are true. For tests. */
  check(): void {
    this.#cells.check();
    for (const { secured, gpus } of this.#held.values()) {
      for (const gpu of gpus) {
        if (secured === null) continue;
        invariant(this.#usersOf(gpu) > 0, 'what is secured is counted', `GPU ${gpu}`);
        invariant(this.#accountOf[gpu] === secured.account, 'a GPU is on one account', `GPU ${gpu}`);
      }
    }
  }

  /** All that is held, and by what right: the same text = the same state. For tests. */
  describe(): string {
    const held = [...this.#held].map(([key, { secured, gpus }]) => {
      const cells = gpus.map((gpu) => JSON.stringify(this.#cells.cellOf(gpu))).join();
      return `${key}: ${gpus.join()} ${secured === null ? 'lent' : `${secured.account} ${secured.protector.name}`} ${cells}`;
    });
    return [...held, JSON.stringify(this.#cells.surplus()), JSON.stringify(this.#cells.owed())].join('\n');
  }

  // --- making it ---

  #cellNodes(): CellNode[] {
    const nodes: CellNode[] = [];
    const banks = [...this.#kinds.keys()].flatMap((bankClass) => bankClass.banks);
    banks.sort((a, b) => compareNames(a.node.name, b.node.name) || compareNames(a.node.id, b.node.id));
    for (const bank of banks) {
      const { rack = '', block = '' } = bank.node.record?.labels ?? {};
      const gpus = bank.slots.map((slot) => ({ gpu: this.#enroll(slot), nvlinkGroup: slot.nvlinkGroup }));
      nodes.push({ name: `${bank.node.name} ${bank.node.id}`, kind: kindOf(bank.bankClass), rack, block, gpus });
    }
    return nodes;
  }

  #enroll(slot: Slot): number {
    const gpu = this.#slots.length;
    this.#numbers.set(slot, gpu);
    this.#slots.push(slot);
    this.#isBad.push(false);
    this.#users.push(0);
    this.#accountOf.push('');
    return gpu;
  }

  #followHealth(): void {
    this.healthChanged = false;
    this.#slots.forEach((slot, gpu) => {
      const isBad = !slot.healthy || !slot.bank.node.available;
      if (isBad === this.#isBad[gpu]) return;
      this.#isBad[gpu] = isBad;
      this.#cells.setBad(gpu, isBad);
      this.#mayPromote = true;
    });
  }

  /** Of all that runs and is promised. What was secured before stays so where it can. */
  #admitAll(before: CellLedger | null): void {
    const view = this.#view;
    const found: (readonly [string, HeldTask])[] = [];
    for (const allocation of view.allocations.values()) {
      if (!allocation.leaving) found.push([allocation.id, allocation]);
    }
    for (const { claim } of view.claimers) {
      for (const place of claim?.places ?? []) found.push([claimKey(place), place]);
    }
    this.#admit(found, before);
    this.#cells.settle();
  }

  /**
   * Finds the right by which tasks hold what they hold: not preemptible work first, then what was secured before, then the
   * older. The lowest queue counts first, so that nobody's own guarantee is used up by what another one protects.
   */
  #admit(tasks: readonly (readonly [string, HeldTask])[], before: CellLedger | null): void {
    const waiting = new Map<string, Gang>();
    for (const [key, task] of tasks) {
      const gpus = this.#numbersOf(task.slots);
      if (gpus.length === 0) continue;
      const { workload } = task;
      const known = before === null ? null : before.holdingOf(key);
      const turn = known !== null && known.secured !== null ? (before?.turnOf(known) ?? 0) : null;
      const holding = newHolding(key, task, gpus);
      const gangKey = `${workload.number} ${isBeyondCore(workload, task.task) ? task.task : ''} ${turn === null ? 'lent' : ''}`;
      const gang = waiting.get(gangKey) ?? { workload, tasks: [], turn, placedMs: holding.placedMs };
      gang.tasks.push({ holding, as: known === null ? null : (before?.asBefore(known) ?? null) });
      waiting.set(gangKey, gang);
    }
    let undecided = [...waiting.values()].sort(compareGangs);
    for (let height = 0; undecided.some(({ workload }) => ancestor(workload.queue, height) !== null); height++) {
      undecided = undecided.filter((gang) => {
        const protector = ancestor(gang.workload.queue, height);
        const parts = gang.tasks.reduce((sum, { holding }) => sum + holding.parts, 0);
        const slots = gang.tasks[0]?.holding.slots ?? [];
        const hasRoom = protector !== null && this.securedParts(protector) + parts <= this.#mostFor(protector, slots);
        return !hasRoom || !this.#secureGang(gang, protector, gang.turn !== null);
      });
    }
    for (const gang of undecided) {
      const { queue } = gang.workload;
      if (queue !== null && isFixed(gang.workload)) this.#secureGang(gang, queue, true);
      else for (const { holding } of gang.tasks) this.#add(holding, null);
    }
  }

  /** All of a gang's tasks or none. @param anyhow even where that breaks what others are owed: then that is shown */
  #secureGang({ workload, tasks }: Gang, protector: QueueNode, anyhow: boolean): boolean {
    // Whatever order they were heard of in.
    tasks.sort((a, b) => a.holding.task - b.holding.task);
    const undos: Undo[] = [];
    const found: Secured[] = [];
    for (const { holding, as } of tasks) {
      const right = this.#rightTo(workload.queue, protector, holding, as);
      if (right !== null) {
        undos.push(right.undo);
        found.push(right.secured);
        continue;
      }
      if (!anyhow) {
        for (const undo of undos.reverse()) undo();
        return false;
      }
      const account = this.#accountsOf(workload.queue)[0] ?? SURPLUS_ACCOUNT;
      const fresh = holding.gpus.filter((gpu) => this.#usersOf(gpu) === 0);
      if (fresh.length > 0) this.#cells.adopt([{ queue: account, gpus: fresh }]);
      this.#use(holding.gpus, account);
      const own = this.#accountOf[holding.gpus[0] ?? 0] ?? account;
      found.push({ account: own, protector, opens: null });
    }
    tasks.forEach(({ holding }, index) => this.#note(holding, found[index] ?? null));
    return true;
  }

  #rightTo(
    queue: QueueNode | null,
    protector: QueueNode,
    { gpus }: Holding,
    as: Secured | null,
  ): { secured: Secured; undo: Undo } | null {
    const ways: Secured[] = as === null ? [] : [{ ...as, protector }];
    for (const account of this.#accountsOf(queue)) ways.push({ account, protector, opens: ANY_OWED });
    ways.push({ account: SURPLUS_ACCOUNT, protector, opens: SURPLUS });
    for (const secured of ways) {
      const undo = this.#secure(gpus, secured);
      if (undo) return { secured, undo };
    }
    return null;
  }

  #accountsOf(queue: QueueNode | null): string[] {
    const accounts: string[] = [];
    for (let each = queue; each !== null && each.parent !== null; each = each.parent) {
      if (this.#promises.has(each)) accounts.push(each.name);
    }
    return accounts;
  }

  holdingOf(key: string): Holding | null {
    return this.#held.get(key) ?? null;
  }

  get expected(): ReadonlyMap<string, Secured | null> {
    return this.#expected;
  }

  /** The age of the cell that a holding is in. */
  turnOf({ gpus: [first] }: Holding): number {
    return first === undefined ? 0 : this.#cells.turnOf(first);
  }

  /** How to hold the same again. */
  asBefore(holding: Holding): Secured | null {
    const [first] = holding.gpus;
    const { secured } = holding;
    if (secured === null || first === undefined) return null;
    return { ...secured, opens: this.#cells.cellOf(first) ?? secured.opens };
  }

  // --- following what comes and goes ---

  /** A claim that became an allocation on the same GPUs: it goes on by the same right. */
  #handOver(): void {
    if (this.#arriving.size === 0 || this.#departing.size === 0) return;
    const leaving = new Map<string, string>();
    for (const key of this.#departing) {
      const holding = this.#held.get(key);
      if (holding) leaving.set(`${holding.workload.number} ${holding.task}`, key);
    }
    for (const [key, task] of this.#arriving) {
      const old = leaving.get(`${task.workload.number} ${task.task}`);
      const holding = old === undefined ? undefined : this.#held.get(old);
      if (old === undefined || !holding || !sameList(holding.gpus, this.#numbersOf(task.slots))) continue;
      leaving.delete(`${task.workload.number} ${task.task}`);
      const renewed = { ...holding, key, slots: task.slots, placedMs: task.placedMs ?? Infinity };
      this.#lentSet(holding)?.delete(holding);
      this.#held.delete(old);
      this.#held.set(key, renewed);
      this.#lentSet(renewed)?.add(renewed);
      this.#arriving.delete(key);
      this.#departing.delete(old);
      this.#expected.delete(`${task.workload.number} ${task.task}`);
    }
  }

  /** What arrives as the last step decided. @returns all others */
  #takeExpected(): (readonly [string, HeldTask])[] {
    const others: (readonly [string, HeldTask])[] = [];
    for (const [key, task] of this.#arriving) {
      const name = `${task.workload.number} ${task.task}`;
      const expected = this.#expected.get(name);
      const gpus = this.#numbersOf(task.slots);
      this.#expected.delete(name);
      if (gpus.length === 0) continue;
      const undo = expected === undefined ? null : this.tryEnter(task.slots, expected);
      if (expected === undefined || undo === null) {
        others.push([key, task]);
        continue;
      }
      this.#note(newHolding(key, task, gpus), expected);
    }
    this.#arriving.clear();
    return others;
  }

  /** Lent work that is within a guarantee by now is secured where that may be: the oldest first. */
  #promote(): void {
    this.#mayPromote = false;
    for (const [queue, lent] of this.#lentIn) {
      if (lent.size === 0 || !this.#hasRoom(queue)) continue;
      const gangs = new Map<string, Gang>();
      for (const holding of lent) {
        const { workload, task, placedMs } = holding;
        const key = `${workload.number} ${isBeyondCore(workload, task) ? task : ''}`;
        const gang = gangs.get(key) ?? { workload, tasks: [], turn: null, placedMs };
        gang.tasks.push({ holding, as: null });
        gangs.set(key, gang);
      }
      const inOrder = [...gangs.values()].sort(compareGangs);
      for (const gang of inOrder.slice(0, MAX_PROMOTED_AT_ONCE)) this.#promoteGang(gang, queue);
    }
  }

  #promoteGang(gang: Gang, queue: QueueNode): void {
    const parts = gang.tasks.reduce((sum, { holding }) => sum + holding.parts, 0);
    const slots = gang.tasks[0]?.holding.slots ?? [];
    for (let each = queue; each.parent !== null; each = each.parent) {
      if (this.securedParts(each) + parts > this.#mostFor(each, slots)) continue;
      const undos = gang.tasks.map(({ holding }) => this.#exit(holding.gpus, null));
      for (const { holding } of gang.tasks) this.#lentSet(holding)?.delete(holding);
      if (this.#secureGang(gang, each, false)) return;
      for (const undo of undos.reverse()) undo();
      for (const { holding } of gang.tasks) this.#lentSet(holding)?.add(holding);
      return;
    }
  }

  #hasRoom(queue: QueueNode): boolean {
    for (let each = queue; each.parent !== null; each = each.parent) {
      if (this.securedParts(each) < each.promised) return true;
    }
    return false;
  }

  /** Not preemptible work came to a queue that had its guarantee secured already: some of it is to be lent. */
  #isOver(queue: QueueNode): boolean {
    if (this.securedParts(queue) <= queue.promised) return false;
    for (const { secured, workload } of this.#held.values()) {
      if (secured?.protector === queue && !isFixed(workload)) return true;
    }
    return false;
  }

  #add(holding: Holding, secured: Secured | null): void {
    this.enter(holding.slots, secured);
    this.#note(holding, secured);
  }

  #note(holding: Holding, secured: Secured | null): void {
    holding.secured = secured;
    this.#held.set(holding.key, holding);
    if (secured !== null) return this.#countSecured(holding, 1);
    this.#lentSet(holding)?.add(holding);
    this.#lentMore = true;
  }

  #remove(key: string): void {
    const holding = this.#held.get(key);
    if (!holding) return;
    this.#exit(holding.gpus, holding.secured);
    this.#held.delete(key);
    if (holding.secured === null) this.#lentSet(holding)?.delete(holding);
    else this.#countSecured(holding, -1);
  }

  #lentSet({ workload: { queue }, secured }: Holding): Set<Holding> | null {
    if (queue === null || secured !== null) return null;
    let set = this.#lentIn.get(queue);
    if (!set) this.#lentIn.set(queue, (set = new Set()));
    return set;
  }

  #countSecured({ workload, parts }: Holding, sign: 1 | -1): void {
    for (let each = workload.queue; each !== null && each.parent !== null; each = each.parent) {
      this.#secured.set(each, this.securedParts(each) + sign * parts);
    }
  }

  // --- the cells themselves ---

  #secure(gpus: readonly number[], { account, opens }: Secured, how: 'safely' | 'anyhow' = 'safely'): Undo | null {
    const fresh: number[] = [];
    for (const gpu of gpus) {
      if (this.#usersOf(gpu) === 0) fresh.push(gpu);
      else if (this.#accountOf[gpu] !== account) return null;
    }
    if (fresh.length > 0 && !this.#cells.take(account, fresh, opens, how)) return null;
    this.#use(gpus, account);
    return () => {
      this.#unuse(gpus);
      if (fresh.length > 0) this.#cells.release(fresh);
    };
  }

  #use(gpus: readonly number[], account: string): void {
    for (const gpu of gpus) {
      if (this.#usersOf(gpu) === 0) this.#accountOf[gpu] = account;
      this.#users[gpu] = this.#usersOf(gpu) + 1;
    }
  }

  #unuse(gpus: readonly number[]): void {
    for (const gpu of gpus) {
      this.#users[gpu] = this.#usersOf(gpu) - 1;
      if (this.#users[gpu] === 0) this.#accountOf[gpu] = '';
    }
  }

  #lend(gpus: readonly number[]): Undo {
    for (const gpu of gpus) this.#cells.lend(gpu, 1);
    return () => {
      for (const gpu of gpus) this.#cells.lend(gpu, -1);
    };
  }

  #exit(gpus: readonly number[], secured: Secured | null): Undo {
    if (secured === null) {
      for (const gpu of gpus) this.#cells.lend(gpu, -1);
      return () => {
        for (const gpu of gpus) this.#cells.lend(gpu, 1);
      };
    }
    const accounts = gpus.map((gpu) => this.#accountOf[gpu] ?? '');
    this.#unuse(gpus);
    const undo = this.#cells.release(gpus.filter((gpu) => this.#usersOf(gpu) === 0));
    return () => {
      undo();
      gpus.forEach((gpu, index) => this.#use([gpu], accounts[index] ?? ''));
    };
  }

  #usersOf(gpu: number): number {
    return this.#users[gpu] ?? 0;
  }

  #number(slot: Slot): number {
    return present(this.#numbers.get(slot), 'slots of promised kinds are in cells', `GPU ${slot.index}`);
  }

  #numbersOf(slots: readonly Slot[]): number[] {
    return slots.flatMap((slot) => this.#numbers.get(slot) ?? []);
  }
}

/** The key under which a place of a claim is held. */
export function claimKey({ workload, task }: { readonly workload: WorkloadEntry; readonly task: number }): string {
  return `claim ${workload.number} ${task}`;
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}

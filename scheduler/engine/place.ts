// Where the tasks of a gang go: first the domain (node, rack, block) if they belong together, the tightest that fits; in it
// node by node. Each task takes its slots from one bank. What is chosen is taken at once, so that the next task sees it.
import { present } from '../../common/assert.js';
import type { PlacementPolicy } from './policy.js';
import type { TopologyRule } from '../model/records.js';
import { GPU_PARTS, PARTS_PER_MILLI } from '../model/requests.js';
import { at, GPU } from './amounts.js';
import { admits, type Ask, partsIn } from './asks.js';
import type { Secured } from './cell-holdings.js';
import { type CellLedger, type Right, SURPLUS_ACCOUNT } from './cell-ledger.js';
import { type CellQuestion, planInCells } from './cell-plan.js';
import { SURPLUS } from './cell-words.js';
import {
  type Bank,
  type BankClass,
  compareNames,
  type Confinement,
  type Domain,
  freeOf,
  MAX_TASKS_PER_NODE,
  type NodeEntry,
  potentialOf,
  type Slot,
  type TaskTier,
} from './nodes.js';
import type { ScoreIndex, UsefulLevel } from './bank-scores.js';
import { kindOf } from './request-mixes.js';
import type { ScopeRoom } from './scope-room.js';
import type { Shape, ShapePart } from './shapes.js';
import type { Trial } from './trial.js';
import type { WorkBudget } from './work-budget.js';
import { newPlace, sumOfCharges, type TaskPlace, type WorkloadEntry } from './workloads.js';

/** `free`: what nobody holds or was promised; `potential`: also what leaves. */
export type On = 'free' | 'potential';

/** What choosing needs to know beside the request. */
export interface Placing {
  readonly trial: Trial;
  readonly work: WorkBudget;
  readonly nowMs: number;
}

/** Where a choice is confined to. */
interface Room {
  readonly domain: Domain | null;
  readonly node: NodeEntry | null;
  readonly nvlinkGroup: number | null;
}

const ANYWHERE: Room = { domain: null, node: null, nvlinkGroup: null };

/**
 * By what right a place is looked for, where GPUs are promised in cells. `entitled`: where its queue has a right to one, in
 * cells promised to it if it has any left. `surplus`: on GPUs that nobody is owed. `borrowed`: anywhere. `best`: the first of
 * these that gives one.
 */
export type Manner = 'entitled' | 'surplus' | 'borrowed' | 'best';

/**
 * Chooses and takes (on `free`) or promises (on `potential`) a place for each task of a shape.
 * @param tasks their numbers in the order of the shape's parts; null = as the shape numbers them
 * @param confinement to which GPUs, beside what the request says and what its queue may hold of parts of the cluster
 * @returns null when they do not fit; the trial is then as before
 */
export function placeShape(
  placing: Placing,
  workload: WorkloadEntry,
  shape: Shape,
  on: On,
  tasks: readonly number[] | null = null,
  manner: Manner = 'best',
  confinement: Confinement = null,
): TaskPlace[] | null {
  const right = manner === 'borrowed' ? null : rightOf(placing, workload, shape);
  const gang = new Gang(placing, workload, shape, on, tasks, right, confinement);
  if (right === null || manner === 'surplus') return gang.place();
  const places = gang.placeByRight();
  if (places !== null || manner === 'entitled') return places;
  const onSurplus = gang.place();
  if (onSurplus !== null || !workload.account.preemptible) return onSurplus;
  return new Gang(placing, workload, shape, on, tasks, null, confinement).place();
}

/** What a workload may count on, where that makes a difference; null = it places as everybody may. */
export function rightOf({ trial }: Placing, { account }: WorkloadEntry, shape: Shape): Right | null {
  const { cells } = trial.view;
  return cells !== null && cells.concerns(shape) ? cells.rightOf(account, shape) : null;
}

/** What to ask for a gang's places in promised cells. */
export function cellQuestionOf(
  placing: Placing,
  workload: WorkloadEntry,
  shape: Shape,
  tasks: readonly number[] | null,
  right: Right,
): Omit<CellQuestion, 'isFree' | 'isOpen'> {
  return new Gang(placing, workload, shape, 'potential', tasks, right, null).question();
}

class Gang {
  readonly #placing: Placing;
  readonly #workload: WorkloadEntry;
  readonly #shape: Shape;
  readonly #on: On;
  readonly #tasks: readonly number[] | null;
  /** It may only go where nobody is owed anything; null = anywhere. */
  readonly #right: Right | null;
  readonly #confinement: Confinement;
  /** What its queue may hold of parts of the cluster; null = nobody rules any. */
  readonly #scopeRoom: ScopeRoom | null;
  readonly #places: TaskPlace[] = [];

  constructor(
    placing: Placing,
    workload: WorkloadEntry,
    shape: Shape,
    on: On,
    tasks: readonly number[] | null,
    right: Right | null,
    confinement: Confinement,
  ) {
    this.#right = right;
    this.#placing = placing;
    this.#workload = workload;
    this.#shape = shape;
    this.#on = on;
    this.#tasks = tasks;
    this.#confinement = confinement;
    this.#scopeRoom = placing.trial.view.roomOf(workload.account, on === 'free' ? 'bind' : 'promise');
  }

  place(): TaskPlace[] | null {
    const rule = this.#shape.topology ?? this.#anchorRule();
    const { parts } = this.#shape;
    const [only] = parts;
    if (rule === null && parts.length === 1 && only && this.#ruleOf(only) === null) return this.#placeAnywhere(only);
    const isPlaced = this.#together(rule, null, parts, ANYWHERE, (room) => this.#placeParts(room));
    return isPlaced ? this.#places.toSorted((a, b) => a.task - b.task) : null;
  }

  /** In promised cells, if there is any left for it, and nowhere else then; else where nobody is owed anything. */
  placeByRight(): TaskPlace[] | null {
    const on = this.#on;
    const question = this.question();
    if (question.right.accounts.length === 0) return this.place();
    const plan = planInCells(this.#placing, {
      ...question,
      isFree: (slot, parts) => slot[on] >= parts,
      isOpen: () => true,
    });
    if (plan === null) return this.place();
    const { trial } = this.#placing;
    const mark = trial.mark();
    for (const { part, number, slots, secured } of plan) {
      const [first] = slots;
      const parts = first === undefined ? 0 : partsIn(part.ask, first.bank.bankClass);
      const fits =
        first !== undefined &&
        slots.every((slot) => slot[on] >= parts) &&
        this.#mayUse(first.bank.bankClass, part.ask) &&
        tasksThatFit(first.bank.node, part.ask, on, 1) > 0;
      if (!fits) return this.#giveUp(mark);
      this.#enter(
        newPlace(this.#workload, this.#taskOf(part, number), first.bank.node, slots, parts, part.ask, secured),
      );
    }
    const others = this.#shape.parts.filter((part) => !question.parts.includes(part));
    if (!others.every((part) => this.#placePart(part, ANYWHERE))) return this.#giveUp(mark);
    return this.#places.toSorted((a, b) => a.task - b.task);
  }

  #giveUp(mark: number): null {
    this.#placing.trial.rollback(mark);
    this.#places.length = 0;
    return null;
  }

  /** What to ask for places in cells. */
  question(): Omit<CellQuestion, 'isFree' | 'isOpen'> {
    const { cells } = this.#placing.trial.view;
    const right = present(this.#right, 'who asks for cells has a right to some', this.#shape.key);
    const isInCells = ({ ask }: ShapePart): boolean =>
      ask.unit !== 'none' && cells !== null && cells.kindsOf(ask.classes).length > 0;
    const parts = this.#hardestFirst().filter(isInCells);
    const nodes = (role: number | null): NodeEntry[] => this.#anchors(role).map(({ node }) => node);
    return {
      right,
      parts,
      rule: this.#shape.topology ?? this.#anchorRule(),
      ruleOf: (part) => this.#ruleOf(part),
      anchors: nodes(null),
      anchorsOf: (part) => nodes(part.role),
    };
  }

  #taskOf(part: ShapePart, number: number): number {
    return this.#tasks === null ? part.firstTask + number : (this.#tasks[number] ?? 0);
  }

  /** The common case: equal tasks, wherever they fit. */
  #placeAnywhere(part: ShapePart): TaskPlace[] | null {
    const { trial } = this.#placing;
    const mark = trial.mark();
    if (this.#placePart(part, ANYWHERE)) return this.#places;
    trial.rollback(mark);
    return null;
  }

  /** Further tasks of a workload whose tasks must be together join those that it has. */
  #anchorRule(): TopologyRule | null {
    return this.#tasks === null ? null : (this.#workload.record?.spec.topology ?? null);
  }

  /** The same of a role, whose rule a gang's shape carries with its part. */
  #ruleOf(part: ShapePart): TopologyRule | null {
    if (this.#tasks === null) return part.topology;
    return this.#workload.record?.spec.roles[part.role]?.topology ?? null;
  }

  /** Where the workload's tasks are, of one role or of all, with those of this step; none for a gang that starts. */
  #anchors(role: number | null): readonly { readonly node: NodeEntry; readonly slots: readonly Slot[] }[] {
    if (this.#tasks === null) return [];
    const { allocations, claim, record } = this.#workload;
    const staying = allocations.filter(({ leaving }) => !leaving);
    const places = [...staying, ...(claim?.places ?? []), ...this.#placing.trial.placesOf(this.#workload)];
    if (role === null || record === null) return places;
    return places.filter(({ task }) => roleOfTask(record.spec.roles, task) === role);
  }

  #placeParts(room: Room): boolean {
    let order = this.#hardestFirst();
    const { trial } = this.#placing;
    const mark = trial.mark();
    const count = this.#places.length;
    for (const _ of order) {
      const failed = order.find((part) => !this.#placeTogether(part, room));
      if (failed === undefined) return true;
      trial.rollback(mark);
      this.#places.length = count;
      if (failed === order[0]) return false;
      // Others took what only it can use: once more, with it before them.
      order = [failed, ...order.filter((part) => part !== failed)];
    }
    return false;
  }

  #placeTogether(part: ShapePart, room: Room): boolean {
    return this.#together(this.#ruleOf(part), part.role, [part], room, (inner) => this.#placePart(part, inner));
  }

  /** Those that fit on the fewest nodes first: work without GPUs finds a place beside them, not the other way round. */
  #hardestFirst(): ShapePart[] {
    return this.#shape.parts.toSorted(
      (a, b) => b.ask.gpus - a.ask.gpus || this.#compareChoice(a, b) || a.role - b.role,
    );
  }

  /** Where parts of the cluster are ruled, what can go to one of them only before what can also go elsewhere. */
  #compareChoice(a: ShapePart, b: ShapePart): number {
    return this.#scopeRoom === null ? 0 : this.#classesOf(a.ask).length - this.#classesOf(b.ask).length;
  }

  /** Where it may go now, the best model first. */
  #classesOf({ classes }: Ask): readonly BankClass[] {
    return this.#confinement === null ? classes : classes.filter(this.#confinement);
  }

  /** Whether one more task may go onto a class. */
  #mayUse(bankClass: BankClass, ask: Ask): boolean {
    const isOpen = this.#confinement === null || this.#confinement(bankClass);
    return isOpen && this.#allowedOn(bankClass, ask, 1) === 1;
  }

  /** How many of so many tasks its queue may have on a class. */
  #allowedOn(bankClass: BankClass, ask: Ask, most: number): number {
    if (this.#scopeRoom === null) return most;
    return Math.min(most, this.#scopeRoom.tasks(ask, bankClass, at(sumOfCharges(this.#places), GPU)));
  }

  /** Tries the rooms that a rule allows, the tightest that may fit first; without a rule, or as a last wish, the outer one. */
  #together(
    rule: TopologyRule | null,
    role: number | null,
    parts: readonly ShapePart[],
    outer: Room,
    attempt: (room: Room) => boolean,
  ): boolean {
    const { trial } = this.#placing;
    const mark = trial.mark();
    const count = this.#places.length;
    const undo = (): void => {
      trial.rollback(mark);
      this.#places.length = count;
    };
    if (rule !== null) {
      for (const room of this.#rooms(rule, this.#anchors(role), parts, outer)) {
        if (attempt(room)) return true;
        undo();
      }
      if (rule.required) return false;
    }
    if (attempt(outer)) return true;
    undo();
    return false;
  }

  #rooms(
    rule: TopologyRule,
    anchors: readonly { readonly node: NodeEntry; readonly slots: readonly Slot[] }[],
    parts: readonly ShapePart[],
    outer: Room,
  ): Room[] {
    const isAnchored = anchors.length > 0;
    if (rule.level === 'rack' || rule.level === 'block') {
      const domains = [...this.#placing.trial.view.nodes.domains.values()].filter(
        (domain) =>
          domain.level === rule.level &&
          (outer.node === null || domain.nodes.has(outer.node)) &&
          (outer.domain === null || [...domain.nodes].some((node) => outer.domain?.nodes.has(node))) &&
          (!isAnchored || anchors.some(({ node }) => domain.nodes.has(node))),
      );
      const rooms = domains.map((domain) => ({ ...outer, domain: narrower(outer.domain, domain) }));
      return this.#tightest(rooms, parts);
    }
    const held = isAnchored ? [...new Set(anchors.map(({ node }) => node))] : null;
    const candidates = (held ?? (outer.node ? [outer.node] : this.#nodesFor(parts, outer))).filter((node) =>
      isInside(node, outer),
    );
    const rooms = candidates.flatMap((node): Room[] => {
      if (rule.level === 'node') return [{ ...outer, node }];
      const slots = isAnchored ? anchors.flatMap((anchor) => anchor.slots) : node.banks.flatMap((bank) => bank.slots);
      const groups = new Set(slots.filter((slot) => slot.bank.node === node).map(({ nvlinkGroup }) => nvlinkGroup));
      return [...groups].flatMap((nvlinkGroup) => (nvlinkGroup === null ? [] : [{ ...outer, node, nvlinkGroup }]));
    });
    return this.#tightest(rooms, parts);
  }

  /** Those in which all parts may fit by count, the ones with the least room first. */
  #tightest(rooms: readonly Room[], parts: readonly ShapePart[]): Room[] {
    const rated: { room: Room; slots: number; name: string }[] = [];
    for (const room of rooms) {
      this.#placing.work.spend(1);
      if (!parts.every(({ ask, count }) => this.#portionsIn(room, ask, count) >= count)) continue;
      rated.push({ room, slots: this.#slotsIn(room, parts), name: room.node?.name ?? room.domain?.name ?? '' });
    }
    return rated.sort((a, b) => a.slots - b.slots || (a.name < b.name ? -1 : 1)).map(({ room }) => room);
  }

  #nodesFor(parts: readonly ShapePart[], outer: Room): NodeEntry[] {
    const [first] = parts;
    if (first === undefined) return [];
    const found = new Set<NodeEntry>();
    for (const bankClass of this.#classesOf(first.ask)) {
      for (const { node } of bankClass.banks) if (isInside(node, outer)) found.add(node);
    }
    for (const tier of first.ask.tiers) for (const node of tier.nodes) if (isInside(node, outer)) found.add(node);
    return [...found];
  }

  #placePart(part: ShapePart, room: Room): boolean {
    const { trial } = this.#placing;
    for (const classes of this.#chooseClasses(part, room)) {
      const mark = trial.mark();
      const count = this.#places.length;
      if (this.#placePartIn(part, classes, room)) return true;
      trial.rollback(mark);
      this.#places.length = count;
    }
    return false;
  }

  #placePartIn(part: ShapePart, classes: readonly BankClass[], room: Room): boolean {
    const { ask } = part;
    let left = part.count;
    while (left > 0) {
      const here = ask.unit === 'none' ? this.#chooseNode(ask, room) : this.#chooseAllowed(ask, classes, left, room);
      if (here === null) return false;
      this.#placing.work.spend(1);
      const allowed = here.bank === null ? here.count : this.#allowedOn(here.bank.bankClass, ask, here.count);
      for (let count = 0; count < allowed; count++) {
        this.#take(this.#taskOf(part, part.count - left), ask, here, room);
        left--;
      }
    }
    return true;
  }

  /** On classes of which the queue may have one more task. */
  #chooseAllowed(ask: Ask, classes: readonly BankClass[], left: number, room: Room): Choice | null {
    if (this.#scopeRoom === null) return this.#chooseBank(ask, classes, left, room);
    const allowed = classes.filter((bankClass) => this.#allowedOn(bankClass, ask, 1) === 1);
    return allowed.length === 0 ? null : this.#chooseBank(ask, allowed, left, room);
  }

  #take(task: number, ask: Ask, { node, bank, slot, on }: Choice, room: Room): void {
    const parts = bank === null ? 0 : partsIn(ask, bank.bankClass);
    const slots = slot !== null ? [slot] : bank === null ? [] : this.#slotsOf(bank, on, ask, parts, room);
    this.#enter(newPlace(this.#workload, task, node, slots, parts, ask, this.#securedOn(bank)));
  }

  #enter(place: TaskPlace): void {
    if (this.#on === 'free') this.#placing.trial.take(place);
    else this.#placing.trial.promise(place);
    this.#places.push(place);
  }

  // --- GPUs that are promised in cells ---

  /** The ledger, for a bank whose GPUs it may only take where nobody is owed them. */
  #guarded(bank: Bank | null): CellLedger | null {
    const { cells } = this.#placing.trial.view;
    return cells !== null && this.#right !== null && bank !== null && cells.has(bank) ? cells : null;
  }

  #securedOn(bank: Bank | null): Secured | null {
    if (this.#right === null || this.#guarded(bank) === null) return null;
    return { account: SURPLUS_ACCOUNT, protector: this.#right.protector, opens: SURPLUS };
  }

  #slotsOf(bank: Bank, on: On, ask: Ask, parts: number, room: Room): readonly Slot[] {
    const guarded = this.#guarded(bank);
    if (guarded !== null) return guarded.onSurplus(openSlots(bank, on, parts, room), ask.gpus) ?? [];
    return chooseSlots(bank, on, ask.gpus, parts, room, this.#placing.trial.view.cells);
  }

  #takesOn(bank: Bank, ask: Ask, on: On, room: Room): boolean {
    if (!this.#takes(bank.node, ask)) return false;
    const guarded = this.#guarded(bank);
    return guarded?.onSurplus(openSlots(bank, on, partsIn(ask, bank.bankClass), room), ask.gpus) !== null;
  }

  /** A gang stays among equal GPUs of one pool where they suffice: of the best model, and there where least is left. */
  #chooseClasses({ ask, count }: ShapePart, room: Room): readonly (readonly BankClass[])[] {
    const classes = this.#classesOf(ask);
    if (classes.length <= 1 || room.node !== null) return [classes];
    if (count === 1 && ask.rules.models.length <= 1) return [classes];
    const suffice = classes.filter(
      (bankClass) =>
        portionsOfClass(room, bankClass, ask, this.#on, count) >= count &&
        this.#allowedOn(bankClass, ask, count) >= count,
    );
    const rank = (bankClass: BankClass): number => classes.indexOf(bankClass);
    suffice.sort((a, b) =>
      ask.rules.models.length > 1
        ? rank(a) - rank(b)
        : slotCount(a, this.#on) - slotCount(b, this.#on) || rank(a) - rank(b),
    );
    // By count: whether CPU, memory and the rules allow it, too, only trying tells.
    return [...suffice.map((each) => [each]), classes];
  }

  /** How many tasks may fit in a room, counted no further than `enough`. */
  #portionsIn(room: Room, ask: Ask, enough: number): number {
    if (ask.unit === 'none') return enough;
    const count = (sum: number, bankClass: BankClass): number =>
      sum + portionsOfClass(room, bankClass, ask, this.#on, enough);
    return this.#classesOf(ask).reduce(count, 0);
  }

  /** How much there is in a room, to tell the tightest. */
  #slotsIn(room: Room, parts: readonly ShapePart[]): number {
    const classes = new Set(parts.flatMap(({ ask }) => this.#classesOf(ask)));
    let sum = 0;
    for (const bankClass of classes) for (const bank of banksIn(room, bankClass)) sum += countOf(bank, this.#on, room);
    return sum;
  }

  #policyOf(pool: string): PlacementPolicy {
    const { policy } = this.#placing.trial.view;
    return policy.placementOf[pool] ?? policy.placement;
  }

  #takes(node: NodeEntry, ask: Ask): boolean {
    return node.available && tasksThatFit(node, ask, this.#on, 1) > 0 && admits(node, ask, this.#placing.nowMs);
  }

  // --- tasks without GPUs ---

  /** Nodes without GPUs first; there where CPU is tightest, or, for tasks that ask for none, where least runs. */
  #chooseNode(ask: Ask, room: Room): Choice | null {
    for (const tier of ask.tiers) {
      const policy = this.#policyOf(tier.pool);
      const useful = policy === 'fragmentation' && tier.withGpus ? this.#leastHarm(ask, tier, room) : null;
      if (useful) return useful;
      const cores = this.#on === 'potential' ? 0 : Math.floor(ask.cpuMilli / 1_000);
      const nodes =
        ask.cpuMilli === 0 ? tier.leastBusy() : tier.byFreeCpu(cores, policy === 'spread' ? 'most' : 'fewest');
      for (const node of nodes) {
        if (isInside(node, room) && this.#takes(node, ask))
          return { node, bank: null, slot: null, on: this.#on, count: 1 };
        this.#placing.work.spend(1);
      }
    }
    return null;
  }

  /** Beside GPUs, where the CPU and memory it takes are missed the least. */
  #leastHarm(ask: Ask, { pool }: TaskTier, room: Room): Choice | null {
    if (this.#on !== 'free' || ask.cpuMilli + ask.memoryMib === 0) return null;
    const classes = this.#placing.trial.view.nodes.classes.filter((bankClass) => bankClass.pool === pool);
    const best = this.#best(ask, classes, (bankClass) => {
      const index = scoresFor(ask, bankClass, room);
      return index && this.#bestOf(index, 'whole', ask);
    });
    return best && { node: best.bank.node, bank: null, slot: null, on: this.#on, count: 1 };
  }

  // --- tasks with GPUs ---

  /** Pools differ in policy: those with that of the first go first, as long as they have room, and are chosen from by it. */
  #chooseBank(ask: Ask, classes: readonly BankClass[], left: number, room: Room): Choice | null {
    if (ask.unit === 'share' && ask.gpus > 1) return this.#chooseForShares(ask, classes, room);
    const policy = this.#policyOf(classes[0]?.pool ?? '');
    const hasPolicy = ({ pool }: BankClass): boolean => this.#policyOf(pool) === policy;
    if (classes.every(hasPolicy)) return this.#chooseByOnePolicy(ask, classes, left, room);
    // A GPU that is shared already is the better one in whatever pool.
    const open = ask.unit === 'share' ? this.#openSlotIn(ask, classes, room) : null;
    if (open) return this.#shareOf(open);
    const others = classes.filter((bankClass) => !hasPolicy(bankClass));
    return (
      this.#chooseByOnePolicy(ask, classes.filter(hasPolicy), left, room) ?? this.#chooseBank(ask, others, left, room)
    );
  }

  #chooseByOnePolicy(ask: Ask, classes: readonly BankClass[], left: number, room: Room): Choice | null {
    if (ask.unit === 'share') return this.#chooseForShare(ask, classes, room);
    const policy = this.#policyOf(classes[0]?.pool ?? '');
    if (this.#on === 'potential' && policy === 'pack') {
      // What is free now goes first: less has to leave.
      return (
        this.#search(ask, classes, 'free', left, room, policy) ??
        this.#search(ask, classes, 'potential', left, room, policy)
      );
    }
    return this.#search(ask, classes, this.#on, left, room, policy);
  }

  /**
   * `pack`: the fullest bank that holds one task. `spread`: the emptiest. `fragmentation`: one that holds all that is
   * left, else one that holds the most of it, there where what stays free is of the most use.
   */
  #search(
    ask: Ask,
    classes: readonly BankClass[],
    on: On,
    left: number,
    room: Room,
    policy: PlacementPolicy,
  ): Choice | null {
    const size = ask.gpus;
    const most = this.#largest(classes, on, room);
    if (most < size) return null;
    if (policy === 'pack') return this.#lowest(ask, classes, on, size, most, left, room);
    if (policy === 'spread') return this.#highest(ask, classes, on, size, most, room);
    const whole = left * size;
    if (whole <= most) {
      const found = this.#useful(ask, classes, on, whole, most, left, room);
      if (found) return found;
    }
    for (let tasks = Math.min(left, Math.floor(most / size)); tasks >= 1; tasks--) {
      const top = tasks === left ? most : Math.min(most, (tasks + 1) * size - 1);
      const found = this.#lowest(ask, classes, on, tasks * size, top, left, room);
      if (found) return found;
    }
    return null;
  }

  #largest(classes: readonly BankClass[], on: On, room: Room): number {
    let most = 0;
    for (const bankClass of classes) {
      if (room.node === null && room.domain === null) most = Math.max(most, bankClass.largest);
      else for (const bank of banksIn(room, bankClass)) most = Math.max(most, countOf(bank, on, room));
    }
    return most;
  }

  /** The bank with the fewest slots from `least` to `most`; ties by the better model, then by name. */
  #lowest(
    ask: Ask,
    classes: readonly BankClass[],
    on: On,
    least: number,
    most: number,
    left: number,
    room: Room,
  ): Choice | null {
    for (let level = least; level <= most; level++) {
      const bank = this.#bankAt(ask, classes, on, level, room);
      if (bank) return this.#choice(bank, ask, on, left, room);
    }
    return null;
  }

  #highest(ask: Ask, classes: readonly BankClass[], on: On, least: number, most: number, room: Room): Choice | null {
    for (let level = most; level >= least; level--) {
      const bank = this.#bankAt(ask, classes, on, level, room);
      if (bank) return this.#choice(bank, ask, on, 1, room);
    }
    return null;
  }

  /** Of the banks that hold all of it: the one after which the free GPUs are of the most use for what is asked for. */
  #useful(
    ask: Ask,
    classes: readonly BankClass[],
    on: On,
    need: number,
    most: number,
    left: number,
    room: Room,
  ): Choice | null {
    const best = this.#best(ask, classes, (bankClass) => {
      const index = on === 'free' && left === 1 && this.#right === null ? scoresFor(ask, bankClass, room) : null;
      return index ? this.#bestOf(index, 'whole', ask) : this.#bestByLevel(ask, bankClass, on, need, most, room);
    });
    return best && this.#choice(best.bank, ask, on, left, room);
  }

  /** The best of the best of each class: of the first that has any, where models were named in order; else by score, then name. */
  #best(ask: Ask, classes: readonly BankClass[], bestOf: (bankClass: BankClass) => Rated | null): Rated | null {
    let best: Rated | null = null;
    for (const bankClass of classes) {
      const found = bestOf(bankClass);
      if (found === null) continue;
      if (ask.rules.models.length > 1) return found;
      if (best === null || isMoreUseful(found, best)) best = found;
    }
    return best;
  }

  #bestOf(index: ScoreIndex, where: 'whole' | 'open', ask: Ask): Rated | null {
    for (const rated of index.best(where)) {
      if (this.#takes(rated.bank.node, ask)) return rated;
      this.#placing.work.spend(1);
    }
    return null;
  }

  #bestByLevel(ask: Ask, bankClass: BankClass, on: On, need: number, most: number, room: Room): Rated | null {
    for (const { level, score } of bankClass.scores?.levels(need, most) ?? ascending(need, most)) {
      const bank = this.#bankOfClass(ask, bankClass, on, level, room);
      if (bank) return { bank, score };
    }
    return null;
  }

  #choice(bank: Bank, ask: Ask, on: On, left: number, room: Room): Choice {
    const most = this.#guarded(bank) === null ? left : 1;
    const fit = Math.min(most, Math.floor(countOf(bank, on, room) / ask.gpus));
    return { node: bank.node, bank, slot: null, on, count: tasksThatFit(bank.node, ask, this.#on, fit) };
  }

  /** The first bank by name, of the best class, with so many slots, that takes the task. */
  #bankAt(ask: Ask, classes: readonly BankClass[], on: On, level: number, room: Room): Bank | null {
    let best: Bank | null = null;
    for (const bankClass of classes) {
      const bank = this.#bankOfClass(ask, bankClass, on, level, room);
      if (bank === null) continue;
      if (ask.rules.models.length > 1) return bank;
      if (best === null || bank.node.name < best.node.name) best = bank;
    }
    return best;
  }

  #bankOfClass(ask: Ask, bankClass: BankClass, on: On, level: number, room: Room): Bank | null {
    if (room.node !== null || room.domain !== null) {
      for (const bank of banksIn(room, bankClass)) {
        if (countOf(bank, on, room) === level && this.#takesOn(bank, ask, on, room)) return bank;
      }
      return null;
    }
    const index = bankClass[on];
    for (let rank = index.next(level); rank !== -1; rank = index.next(level, rank + 1)) {
      const bank = bankClass.banks[rank];
      if (bank && this.#takesOn(bank, ask, on, room)) return bank;
      this.#placing.work.spend(1);
    }
    return null;
  }

  // --- shares ---

  /** A GPU that is shared already, the fullest that fits, else one of its own. */
  #chooseForShare(ask: Ask, classes: readonly BankClass[], room: Room): Choice | null {
    const useful = this.#usefulShare(ask, classes, room);
    if (useful) return useful;
    for (const bankClass of classes) {
      const open = this.#openSlot(ask, bankClass, this.#on, room);
      if (open) return this.#shareOf(open);
      // Packed work rather waits for its part of a shared GPU than open another one.
      const waits = this.#on === 'free' && this.#policyOf(bankClass.pool) === 'pack';
      if (waits && this.#openSlot(ask, bankClass, 'potential', room)) return null;
    }
    const policy = this.#policyOf(classes[0]?.pool ?? '');
    const whole =
      this.#search(ask, classes, 'free', 1, room, policy === 'spread' ? 'spread' : 'pack') ??
      (this.#on === 'potential' ? this.#search(ask, classes, 'potential', 1, room, 'pack') : null);
    return whole;
  }

  /** On a GPU that is shared already where one has room: that after which what stays free is of the most use. */
  #usefulShare(ask: Ask, classes: readonly BankClass[], room: Room): Choice | null {
    if (this.#on !== 'free' || this.#policyOf(classes[0]?.pool ?? '') !== 'fragmentation') return null;
    if (this.#right !== null) return null;
    for (const where of ['open', 'whole'] as const) {
      const best = this.#best(ask, classes, (bankClass) => {
        const index = scoresFor(ask, bankClass, room);
        return index && this.#bestOf(index, where, ask);
      });
      if (best === null) continue;
      const slot = where === 'open' ? (scoresFor(ask, best.bank.bankClass, room)?.bestSlot(best.bank) ?? null) : null;
      return { node: best.bank.node, bank: best.bank, slot, on: 'free', count: 1 };
    }
    return null;
  }

  #shareOf(slot: Slot): Choice {
    return { node: slot.bank.node, bank: slot.bank, slot, on: this.#on, count: 1 };
  }

  #openSlotIn(ask: Ask, classes: readonly BankClass[], room: Room): Slot | null {
    for (const bankClass of classes) {
      const open = this.#openSlot(ask, bankClass, this.#on, room);
      if (open) return open;
    }
    return null;
  }

  #openSlot(ask: Ask, bankClass: BankClass, on: On, room: Room): Slot | null {
    const index = on === 'free' ? bankClass.openFree : bankClass.openPotential;
    if (index === null) return null;
    const least = Math.ceil(partsIn(ask, bankClass) / PARTS_PER_MILLI);
    for (let level = index.counts.levelFrom(least); level !== -1; level = index.counts.levelFrom(level + 1)) {
      for (let rank = index.next(level); rank !== -1; rank = index.next(level, rank + 1)) {
        const slot = bankClass.slotAt(rank);
        const isThere = isInside(slot.bank.node, room) && isInGroup(slot, room) && this.#takes(slot.bank.node, ask);
        if (isThere && this.#guarded(slot.bank)?.onSurplus([slot], 1) !== null) return slot;
        this.#placing.work.spend(1);
      }
    }
    return null;
  }

  /** The same share of several GPUs of one node: where the most of them are shared already. */
  #chooseForShares(ask: Ask, classes: readonly BankClass[], room: Room): Choice | null {
    let best: { bank: Bank; opened: number; left: number } | null = null;
    for (const bankClass of classes) {
      const parts = partsIn(ask, bankClass);
      for (const bank of banksIn(room, bankClass)) {
        const fitting = bank.slots.filter((slot) => slot[this.#on] >= parts && isInGroup(slot, room));
        if (fitting.length < ask.gpus || !this.#takesOn(bank, ask, this.#on, room)) continue;
        this.#placing.work.spend(1);
        const shared = fitting.filter((slot) => slot.potential < GPU_PARTS).length;
        const option = { bank, opened: Math.max(0, ask.gpus - shared), left: countOf(bank, this.#on, room) };
        if (best === null || compareOptions(option, best) < 0) best = option;
      }
    }
    return best && { node: best.bank.node, bank: best.bank, slot: null, on: this.#on, count: 1 };
  }
}

/** Fewer GPUs opened, then fewer left, then the lower name. */
function compareOptions(
  a: { readonly bank: Bank; readonly opened: number; readonly left: number },
  b: { readonly bank: Bank; readonly opened: number; readonly left: number },
): number {
  return a.opened - b.opened || a.left - b.left || compareNames(a.bank.node.name, b.bank.node.name);
}

/** A bank, and how useful what stays free of it would be. */
interface Rated {
  readonly bank: Bank;
  readonly score: number;
}

/** Equals go to the first by name: that fills one node after the other, which matters more than small differences. */
function isMoreUseful(a: Rated, b: Rated): boolean {
  return a.score !== b.score ? a.score > b.score : a.bank.node.name < b.bank.node.name;
}

/** The banks by score, where one may go anywhere and more than whole GPUs counts; null = numbers of free slots tell enough. */
function scoresFor(ask: Ask, bankClass: BankClass, room: Room): ScoreIndex | null {
  return room === ANYWHERE && bankClass.scores !== null ? bankClass.scores.index(kindOf(ask, bankClass)) : null;
}

function ascending(least: number, most: number): UsefulLevel[] {
  return Array.from({ length: most - least + 1 }, (_, offset) => ({ level: least + offset, score: 0 }));
}

/** One chosen bank (or node), and how many tasks go there. */
interface Choice {
  readonly node: NodeEntry;
  readonly bank: Bank | null;
  /** The GPU, when a share was looked for. */
  readonly slot: Slot | null;
  /** Whether what is free suffices. */
  readonly on: On;
  readonly count: number;
}

function narrower(outer: Domain | null, inner: Domain): Domain {
  return outer !== null && outer.nodes.size < inner.nodes.size ? outer : inner;
}

function isInside(node: NodeEntry, room: Room): boolean {
  if (room.node !== null) return node === room.node;
  return room.domain === null || room.domain.nodes.has(node);
}

function isInGroup(slot: Slot, room: Room): boolean {
  return room.nvlinkGroup === null || slot.nvlinkGroup === room.nvlinkGroup;
}

function banksIn(room: Room, bankClass: BankClass): readonly Bank[] {
  if (room.node !== null) return room.node.banks.filter((bank) => bank.bankClass === bankClass);
  if (room.domain !== null) return room.domain.classes.get(bankClass)?.banks ?? [];
  return bankClass.banks;
}

/** Whole slots of a bank, of one NVLink group if that is asked for. */
function countOf(bank: Bank, on: On, room: Room): number {
  if (room.nvlinkGroup === null) return bank[on];
  return bank.slots.filter((slot) => isInGroup(slot, room) && slot[on] === GPU_PARTS).length;
}

function slotCount(bankClass: BankClass, on: On): number {
  return on === 'free' ? bankClass.freeSlots : bankClass.potentialSlots;
}

/** How many of `most` tasks a node's CPU, memory and number of tasks allow. */
function tasksThatFit(node: NodeEntry, { cpuMilli, memoryMib }: Ask, on: On, most: number): number {
  const left = on === 'free' ? freeOf : potentialOf;
  let fit = Math.min(most, MAX_TASKS_PER_NODE - node.tasks);
  if (cpuMilli > 0) fit = Math.min(fit, Math.floor(left(node.cpu) / cpuMilli));
  if (memoryMib > 0) fit = Math.min(fit, Math.floor(left(node.memory) / memoryMib));
  return Math.max(0, fit);
}

function portionsOfClass(room: Room, bankClass: BankClass, ask: Ask, on: On, enough: number): number {
  // Several shares go on one GPU: whether all do is only to be had by trying.
  if (ask.unit === 'share') return mayTakeShare(bankClass, ask, on) ? enough : 0;
  if (room.node === null && room.domain === null) return bankClass[on].counts.portions(ask.gpus, enough);
  if (room.node === null) return room.domain?.classes.get(bankClass)?.[on].portions(ask.gpus, enough) ?? 0;
  return banksIn(room, bankClass).reduce((sum, bank) => sum + Math.floor(countOf(bank, on, room) / ask.gpus), 0);
}

function mayTakeShare(bankClass: BankClass, ask: Ask, on: On): boolean {
  if (bankClass[on].counts.levelFrom(1) !== -1) return true;
  const open = on === 'free' ? bankClass.openFree : bankClass.openPotential;
  const least = Math.ceil(partsIn(ask, bankClass) / PARTS_PER_MILLI);
  return open !== null && open.counts.levelFrom(least) !== -1;
}

function roleOfTask(roles: readonly { readonly maxTasks: number }[], task: number): number {
  let end = 0;
  return roles.findIndex(({ maxTasks }) => task < (end += maxTasks));
}

function openSlots(bank: Bank, on: On, parts: number, room: Room): Slot[] {
  const open: Slot[] = [];
  for (const slot of bank.slots) if (slot[on] >= parts && isInGroup(slot, room)) open.push(slot);
  return open;
}

/** Of shared ones the fullest, of others the free before the leaving; of one NVLink group if one has enough; the lowest. */
function chooseSlots(bank: Bank, on: On, count: number, parts: number, room: Room, cells: CellLedger | null): Slot[] {
  const open = openSlots(bank, on, parts, room);
  if (open.length === count) return open;
  if (cells?.has(bank) && open.some((slot) => cells.isInUse(slot))) {
    // Where a queue has a promised cell in use, it goes on from the near end.
    open.sort((a, b) => Number(cells.isInUse(a)) - Number(cells.isInUse(b)) || b.index - a.index);
    return open.slice(0, count).sort((a, b) => a.index - b.index);
  }
  const isShared = open.some((slot) => slot.potential !== slot.free || slot.used + slot.claimed > 0);
  if (isShared) {
    open.sort((a, b) => a.potential - b.potential || b.free - a.free || a.index - b.index);
  }
  const together = count > 1 ? oneGroup(open, count) : null;
  return (together ?? open).slice(0, count).sort((a, b) => a.index - b.index);
}

/** The slots of the NVLink group that has the fewest, and enough. */
function oneGroup(open: readonly Slot[], count: number): Slot[] | null {
  const groups = new Map<number, Slot[]>();
  for (const slot of open) {
    if (slot.nvlinkGroup === null) return null;
    const group = groups.get(slot.nvlinkGroup);
    if (group) group.push(slot);
    else groups.set(slot.nvlinkGroup, [slot]);
  }
  let best: Slot[] | null = null;
  for (const group of groups.values()) {
    if (group.length >= count && (best === null || group.length < best.length)) best = group;
  }
  return best;
}

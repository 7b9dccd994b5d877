// The machines as the engine sees them: slots (GPUs, or MIG instances) in banks (the equal slots of one node), banks in
// bank classes (same pool, model, memory, profile), each class indexed by how many slots are free. May assume that every
// change of a slot or of a node's CPU and memory passes through `NodeTable`; leaves all counts true after each call.
import { invariant } from '../../common/assert.js';
import type { NodeId } from '../../common/ids.js';
import type { ClusterNode, Gpu } from '../model/records.js';
import { GPU_PARTS, migParts, PARTS_PER_MILLI } from '../model/requests.js';
import type { BankScores } from './bank-scores.js';
import type { NodeLiveness } from './decisions.js';
import type { BankEnds, ClassEnds } from './endings.js';
import { isInside, nextStart } from './maintenance.js';
import { LevelCounts, LevelIndex } from './rank-index.js';
import { ReachTable } from './reach.js';
import type { Scope } from './scopes.js';
import type { Shape } from './shapes.js';
import type { WorkloadEntry } from './workloads.js';

/** The most tasks, of all kinds, that the engine puts on one node. */
export const MAX_TASKS_PER_NODE = 256;

/** Cores above which the index of free CPU tells nodes no longer apart. */
const MAX_CPU_LEVEL = 1_023;

/** What one task has of each of its slots. */
export interface Hold {
  readonly workload: WorkloadEntry;
  /** Of the slot's GPU_PARTS. */
  readonly parts: number;
  leaving: boolean;
  /** The list with nothing but this. */
  readonly alone: readonly Hold[];
}

/** One GPU, or one MIG instance. Its parts are GPU_PARTS, whatever it is. */
export interface Slot {
  readonly bank: Bank;
  /** The GPU's index on its node. */
  readonly index: number;
  readonly uuid: string;
  /** The UUID of the MIG instance; empty = the whole GPU. */
  readonly instance: string;
  readonly nvlinkGroup: number | null;
  healthy: boolean;
  /** Parts held, the part of them that leaves, and parts promised. */
  used: number;
  leaving: number;
  claimed: number;
  /** During a step: parts kept for a workload that reserved them. */
  withheld: number;
  /** Parts that can be given now, and when all that leaves has left; 0 while the slot takes no work. */
  free: number;
  potential: number;
  holds: readonly Hold[];
  claims: readonly Hold[];
}

const NO_HOLDS: readonly Hold[] = [];

/** A list with one more. Most slots have one holder, and all slots of a task share the list that names it. */
function withHold(holds: readonly Hold[], hold: Hold): readonly Hold[] {
  return holds.length === 0 ? hold.alone : [...holds, hold];
}

function withoutHold(holds: readonly Hold[], hold: Hold): readonly Hold[] {
  return holds.length === 1 ? NO_HOLDS : holds.filter((other) => other !== hold);
}

/** The equal slots of one node. A task takes its slots from one bank. */
export interface Bank {
  readonly node: NodeEntry;
  readonly bankClass: BankClass;
  readonly slots: Slot[];
  /** Its place among the banks of its class by the node's name; -1 until the class was sorted. */
  rank: number;
  /** Where its domains count it. */
  readonly domains: DomainClass[];
  /** Slots that are free as a whole, and that will be. */
  free: number;
  potential: number;
  /** Healthy slots of a node that takes work. */
  usable: number;
  /** Parts that will be free, over all slots; and how many when the view last settled. */
  potentialParts: number;
  settledParts: number;
  /** The table's version when something outside last changed on its slots or in who holds them. */
  stamp: number;
  /** Slots of which something is withheld. */
  withheld: number;
  /** When its slots come free, as far as it was asked for. */
  ends: BankEnds | null;
  /** To be told of each such change. */
  watchers: readonly BankWatcher[];
}

/** Who keeps something worked out of banks. */
export interface BankWatcher {
  isStale: boolean;
}

/** The banks of one class in one rack or block. */
export class DomainClass {
  readonly domain: Domain;
  readonly bankClass: BankClass;
  readonly banks: Bank[] = [];
  free = new LevelCounts(0);
  potential = new LevelCounts(0);

  constructor(domain: Domain, bankClass: BankClass) {
    this.domain = domain;
    this.bankClass = bankClass;
  }

  recount(maxLevel: number): void {
    this.free = new LevelCounts(maxLevel);
    this.potential = new LevelCounts(maxLevel);
    for (const bank of this.banks) {
      this.free.change(bank.free, 1);
      this.potential.change(bank.potential, 1);
    }
    this.banks.sort((a, b) => a.rank - b.rank);
  }
}

/** A rack or a block: nodes close to each other. */
export interface Domain {
  readonly level: 'rack' | 'block';
  readonly name: string;
  readonly classes: Map<BankClass, DomainClass>;
  readonly nodes: Set<NodeEntry>;
}

/** Free and promised slots of banks that are alike for every request. */
export class BankClass {
  /** Its place among all classes. */
  readonly number: number;
  readonly pool: string;
  readonly model: string;
  /** Of each GPU, or of each instance. */
  readonly memoryMib: number;
  /** The MIG profile; empty = whole GPUs. */
  readonly profile: string;
  /** GPU parts that one slot counts for. */
  readonly partsPerSlot: number;
  readonly banks: Bank[] = [];
  readonly domains = new Set<DomainClass>();
  free = new LevelIndex(0, 0);
  potential = new LevelIndex(0, 0);
  /** Slots of which some parts are taken, by the thousandths that are left; null until somebody asks for a share. */
  openFree: LevelIndex | null = null;
  openPotential: LevelIndex | null = null;
  /** At most so many parts of the slots in `openPotential` will be free. */
  openPotentialParts = 0;
  /** Sums over the banks, in slots. */
  freeSlots = 0;
  potentialSlots = 0;
  totalSlots = 0;
  /** Shapes to look at when a bank comes to have more room. */
  readonly watchers = new Set<Shape>();
  /** When, by the table's clock, a bank last came to have more that will be free. */
  gainedAt = 0;
  /** The most slots of one bank. */
  largest = 0;
  /** How useful its slots are for what is usually asked for; null while that does not count. */
  scores: BankScores | null = null;
  /** The parts of the cluster that its GPUs are in, and of which state of these (see `Scopes.of`). */
  scopes: readonly Scope[] = [];
  scopesStamp = -1;
  /** GPU parts of it that can be used or are in use. */
  capacityParts = 0;
  /** When slots of its banks come free, as far as somebody asked; null until then. */
  ends: ClassEnds | null = null;
  #sorted = true;
  #usable = new LevelCounts(0);
  #usableKnown = true;

  constructor(number: number, pool: string, model: string, memoryMib: number, profile: string) {
    this.number = number;
    this.pool = pool;
    this.model = model;
    this.memoryMib = memoryMib;
    this.profile = profile;
    this.partsPerSlot = profile === '' ? GPU_PARTS : migParts(profile);
  }

  /** Call after a bank came or went. */
  membersChanged(): void {
    this.#sorted = false;
    this.#usableKnown = false;
  }

  /** Call after the usable slots of a bank changed. */
  usableChanged(): void {
    this.#usableKnown = false;
  }

  /** Brings the indexes up to date; cheap unless banks came or went. */
  settle(): void {
    if (this.#sorted) return;
    this.#sorted = true;
    this.banks.sort((a, b) => compareNames(a.node.name, b.node.name) || compareNames(a.node.id, b.node.id));
    this.largest = this.banks.reduce((most, bank) => Math.max(most, bank.slots.length), 0);
    this.free = new LevelIndex(this.largest, this.banks.length);
    this.potential = new LevelIndex(this.largest, this.banks.length);
    this.banks.forEach((bank, rank) => {
      bank.rank = rank;
      this.free.add(rank, bank.free);
      this.potential.add(rank, bank.potential);
    });
    for (const domain of this.domains) domain.recount(this.largest);
    if (this.openFree !== null) this.#indexShares();
    this.scores?.reset();
    this.ends = null;
  }

  /** Has partly taken slots indexed from now on. */
  indexShares(): void {
    if (this.openFree === null) this.#indexShares();
  }

  #indexShares(): void {
    this.openFree = new LevelIndex(1_000, this.banks.length * this.largest);
    this.openPotential = new LevelIndex(1_000, this.banks.length * this.largest);
    this.openPotentialParts = 0;
    for (const bank of this.banks) {
      for (const slot of bank.slots) {
        const rank = this.rankOf(slot);
        if (isOpen(slot.free)) this.openFree.add(rank, shareLevel(slot.free));
        if (isOpen(slot.potential)) this.openPotential.add(rank, shareLevel(slot.potential));
        this.openPotentialParts += openParts(slot.potential);
      }
    }
  }

  /** The rank of a slot in the indexes of partly taken slots. */
  rankOf(slot: Slot): number {
    return slot.bank.rank * this.largest + slot.bank.slots.indexOf(slot);
  }

  /** The slot of such a rank. */
  slotAt(rank: number): Slot {
    const slot = this.banks[Math.floor(rank / this.largest)]?.slots[rank % this.largest];
    invariant(slot !== undefined, 'ranks of slots name slots', `${rank}`);
    return slot;
  }

  /** Follows a slot whose parts changed. */
  slotMoved(slot: Slot, freeBefore: number, potentialBefore: number): void {
    if (!this.#sorted || this.openFree === null || this.openPotential === null) return;
    const rank = this.rankOf(slot);
    reindex(this.openFree, rank, freeBefore, slot.free);
    reindex(this.openPotential, rank, potentialBefore, slot.potential);
    this.openPotentialParts += openParts(slot.potential) - openParts(potentialBefore);
  }

  /** Follows a bank whose counts changed. */
  moved(bank: Bank, freeBefore: number, potentialBefore: number): void {
    this.freeSlots += bank.free - freeBefore;
    this.potentialSlots += bank.potential - potentialBefore;
    if (!this.#sorted) return;
    if (bank.free !== freeBefore) {
      this.free.move(bank.rank, freeBefore, bank.free);
      for (const { free } of bank.domains) {
        free.change(freeBefore, -1);
        free.change(bank.free, 1);
      }
    }
    if (bank.potential !== potentialBefore) {
      this.potential.move(bank.rank, potentialBefore, bank.potential);
      for (const { potential } of bank.domains) {
        potential.change(potentialBefore, -1);
        potential.change(bank.potential, 1);
      }
    }
  }

  /** Its banks, those with the most that will be free first, then by name. */
  *byPotential(): Generator<Bank> {
    for (let level = this.largest; level >= 0; level--) {
      for (let rank = this.potential.next(level); rank !== -1; rank = this.potential.next(level, rank + 1)) {
        const bank = this.banks[rank];
        if (bank) yield bank;
      }
    }
  }

  /** How many portions of `size` slots the class would have if nothing ran, counted no further than `enough`. */
  usablePortions(size: number, enough: number): number {
    if (!this.#usableKnown) {
      this.#usableKnown = true;
      const largest = this.banks.reduce((most, bank) => Math.max(most, bank.slots.length), 0);
      this.#usable = new LevelCounts(largest);
      for (const bank of this.banks) this.#usable.change(bank.usable, 1);
    }
    return this.#usable.portions(size, enough);
  }

  /** The same over all registered slots, whatever their state. */
  registeredPortions(size: number, enough: number): number {
    let sum = 0;
    for (const bank of this.banks) {
      sum += Math.floor(bank.slots.length / size);
      if (sum >= enough) break;
    }
    return sum;
  }
}

function isOpen(parts: number): boolean {
  return parts > 0 && parts < GPU_PARTS;
}

function shareLevel(parts: number): number {
  return Math.floor(parts / PARTS_PER_MILLI);
}

/** The most parts that a partly taken slot of its level may have left; 0 for others. */
function openParts(parts: number): number {
  return isOpen(parts) ? (shareLevel(parts) + 1) * PARTS_PER_MILLI : 0;
}

function reindex(index: LevelIndex, rank: number, before: number, after: number): void {
  if (before === after) return;
  if (isOpen(before)) index.remove(rank, shareLevel(before));
  if (isOpen(after)) index.add(rank, shareLevel(after));
}

/** Of the classes that a request may go to, those that it may use now; null = all. */
export type Confinement = ((bankClass: BankClass) => boolean) | null;

/** The nodes of one pool, with or without GPUs: where work without GPUs goes. */
export class TaskTier {
  /** Its place among all tiers. */
  readonly number: number;
  readonly pool: string;
  readonly withGpus: boolean;
  readonly nodes: NodeEntry[] = [];
  /** Shapes to look at when a node comes to have room for more tasks. */
  readonly watchers = new Set<Shape>();
  /** When, by the table's clock, a node last came to have more room. */
  gainedAt = 0;
  #byTasks = new LevelIndex(MAX_TASKS_PER_NODE, 0);
  #byCpu = new LevelIndex(MAX_CPU_LEVEL, 0);
  #sorted = false;

  constructor(number: number, pool: string, withGpus: boolean) {
    this.number = number;
    this.pool = pool;
    this.withGpus = withGpus;
  }

  membersChanged(): void {
    this.#sorted = false;
  }

  /** Whether somebody has asked for nodes in order, so that each change has to be followed. */
  get isIndexed(): boolean {
    return this.#sorted;
  }

  /** Follows a node; levels of -1 = it takes no work. */
  moved(node: NodeEntry, tasksBefore: number, cpuBefore: number): void {
    if (!this.#sorted) return;
    const tasks = taskLevel(node);
    const cpu = cpuLevel(node);
    if (tasks !== tasksBefore) {
      if (tasksBefore >= 0) this.#byTasks.remove(node.tierRank, tasksBefore);
      if (tasks >= 0) this.#byTasks.add(node.tierRank, tasks);
    }
    if (cpu !== cpuBefore) {
      if (cpuBefore >= 0) this.#byCpu.remove(node.tierRank, cpuBefore);
      if (cpu >= 0) this.#byCpu.add(node.tierRank, cpu);
    }
  }

  /** Nodes that take work, those with the fewest tasks first, then by name. */
  *leastBusy(): Generator<NodeEntry> {
    this.#settle();
    for (let level = 0; level < MAX_TASKS_PER_NODE; level++) yield* this.#at(this.#byTasks, level);
  }

  /** Nodes that take work and have so many cores free, those with the fewest first (or the most), then by name. */
  *byFreeCpu(cores: number, order: 'fewest' | 'most'): Generator<NodeEntry> {
    this.#settle();
    const least = Math.min(cores, MAX_CPU_LEVEL);
    if (order === 'fewest') {
      for (let level = least; level <= MAX_CPU_LEVEL; level++) yield* this.#at(this.#byCpu, level);
    } else {
      for (let level = MAX_CPU_LEVEL; level >= least; level--) yield* this.#at(this.#byCpu, level);
    }
  }

  *#at(index: LevelIndex, level: number): Generator<NodeEntry> {
    for (let rank = index.next(level); rank !== -1; rank = index.next(level, rank + 1)) {
      const node = this.nodes[rank];
      if (node) yield node;
    }
  }

  #settle(): void {
    if (this.#sorted) return;
    this.#sorted = true;
    this.nodes.sort((a, b) => compareNames(a.name, b.name) || compareNames(a.id, b.id));
    this.#byTasks = new LevelIndex(MAX_TASKS_PER_NODE, this.nodes.length);
    this.#byCpu = new LevelIndex(MAX_CPU_LEVEL, this.nodes.length);
    this.nodes.forEach((node, rank) => {
      node.tierRank = rank;
      if (taskLevel(node) >= 0) this.#byTasks.add(rank, taskLevel(node));
      if (cpuLevel(node) >= 0) this.#byCpu.add(rank, cpuLevel(node));
    });
  }
}

/** Where a node stands in its tier: its tasks, or -1 when it takes no work. */
function taskLevel(node: NodeEntry): number {
  return node.available ? Math.min(node.tasks, MAX_TASKS_PER_NODE) : -1;
}

/** Its whole free cores, or -1 when it takes no work. */
function cpuLevel(node: NodeEntry): number {
  if (!node.available) return -1;
  return Math.max(0, Math.min(MAX_CPU_LEVEL, Math.floor(freeOf(node.cpu) / 1_000)));
}

/** One resource of a node that tasks set parts of aside: CPU in thousandths of a core, memory in MiB. */
export interface Store {
  /** Infinity = not known, so that it decides nothing. */
  capacity: number;
  used: number;
  leaving: number;
  claimed: number;
}

/** What can be given now. */
export function freeOf({ capacity, used, leaving, claimed }: Store): number {
  return capacity - Math.max(used, used - leaving + claimed);
}

/** What can be given when all that leaves has left. */
export function potentialOf({ capacity, used, leaving, claimed }: Store): number {
  return capacity - (used - leaving + claimed);
}

/** One machine. */
export interface NodeEntry {
  readonly id: NodeId;
  name: string;
  /** Null while only allocations or the fleet have named it. */
  record: ClusterNode | null;
  liveness: NodeLiveness;
  /** Ready, not cordoned, not in maintenance, and its own health check has nothing against it: takes new work. */
  available: boolean;
  /** In an announced maintenance now. */
  inMaintenance: boolean;
  /** When the next maintenance begins; Infinity = none is announced. */
  maintenanceMs: number;
  /** Tasks that hold the node in any state but released. */
  tasks: number;
  readonly cpu: Store;
  readonly memory: Store;
  banks: Bank[];
  domains: Domain[];
  tier: TaskTier | null;
  tierRank: number;
}

/** What nobody has looked at yet, and the clock of changes. */
export interface UnsettledChanges {
  readonly freed: readonly (BankClass | TaskTier)[];
  readonly touched: readonly (readonly [bank: Bank, settledParts: number])[];
  readonly clock: number;
}

/** All machines, their classes, tiers and domains, and what fair shares divide. */
export class NodeTable {
  readonly entries = new Map<NodeId, NodeEntry>();
  readonly classes: BankClass[] = [];
  readonly tiers: TaskTier[] = [];
  readonly reaches = new ReachTable();
  readonly domains = new Map<string, Domain>();
  /** GPU parts that can be used or are in use: what fair shares divide. */
  capacityParts = 0;
  /** The same of CPU and memory. */
  capacityCpuMilli = 0;
  capacityMemoryMib = 0;
  /** Goes up when a class or a tier was added, or came to be empty or not: requests must look for theirs again. */
  classesStamp = 0;
  /** Where something came free by a change from outside, until somebody has looked. */
  readonly freed = new Set<BankClass | TaskTier>();
  /** True while a step tries things out: nothing it frees counts as freed. */
  trying = false;
  /** Counts what may let somebody take more than before. */
  clock = 0;
  /** Banks with changes since the view last settled. */
  readonly #touched = new Set<Bank>();
  /** Tasks that leave: without any, nothing will be free that is not. */
  leavingTasks = 0;
  /** GPU parts that will be free, everywhere together. */
  potentialParts = 0;
  /** Goes up with every change from outside, so that what was worked out can be kept until then. */
  version = 0;
  /** Nodes for which a maintenance is announced. */
  readonly toMaintain = new Set<NodeEntry>();
  readonly #classByKey = new Map<string, BankClass>();
  readonly #tierByKey = new Map<string, TaskTier>();

  /** The entry of a node, made when it is not yet known. */
  entry(id: NodeId): NodeEntry {
    let node = this.entries.get(id);
    if (!node) {
      node = {
        id,
        name: id,
        record: null,
        liveness: 'unknown',
        available: false,
        inMaintenance: false,
        maintenanceMs: Infinity,
        tasks: 0,
        cpu: { capacity: 0, used: 0, leaving: 0, claimed: 0 },
        memory: { capacity: 0, used: 0, leaving: 0, claimed: 0 },
        banks: [],
        domains: [],
        tier: null,
        tierRank: -1,
      };
      this.entries.set(id, node);
    }
    return node;
  }

  /**
   * Takes a node's new record. When its hardware is another one than before (see `sameHardware`) the banks are made
   * anew: the caller must have taken holds and claims off the slots, and puts them on again.
   * @returns whether anything changed that decides about placement
   */
  setRecord(node: NodeEntry, record: ClusterNode | null): boolean {
    const rebuilt = !sameHardware(node.record, record);
    const suitsOthers = !sameRules(node.record, record);
    this.version++;
    this.#countStores(node, -1);
    if (rebuilt) this.#detach(node);
    const before = [node.cpu.capacity, node.memory.capacity];
    const [tasks, cpu] = [taskLevel(node), cpuLevel(node)];
    node.record = record;
    node.name = record?.name ?? node.id;
    // A node that does not say what it has sets no bound.
    node.cpu.capacity = (record?.cpuCount ?? 0) * 1_000 || Infinity;
    node.memory.capacity = (record?.memoryMib ?? 0) || Infinity;
    if (rebuilt && record) this.#attach(node, record);
    else node.tier?.moved(node, tasks, cpu);
    if (suitsOthers) this.#allFreed(node);
    let changed = rebuilt || suitsOthers || before[0] !== node.cpu.capacity || before[1] !== node.memory.capacity;
    if (record) {
      for (const { slots } of node.banks) {
        for (const slot of slots) {
          const healthy = gpuAt(record, slot.index)?.health === 'healthy';
          if (healthy === slot.healthy) continue;
          this.#setHealthy(slot, healthy);
          changed = true;
        }
      }
    }
    if (record && record.maintenance.length > 0) this.toMaintain.add(node);
    else this.toMaintain.delete(node);
    if (record === null || record.maintenance.length === 0) {
      node.maintenanceMs = Infinity;
      node.inMaintenance = false;
    }
    this.#countStores(node, 1);
    noteChanged(node);
    return this.#updateAvailability(node) || changed;
  }

  /** @returns whether that decides about placement */
  setLiveness(node: NodeEntry, liveness: NodeLiveness): boolean {
    const changed = liveness !== node.liveness;
    node.liveness = liveness;
    if (changed) this.version++;
    return this.#updateAvailability(node) || changed;
  }

  /** Follows the calendar of announced maintenances. @returns whether that decides about placement */
  setTime(nowMs: number): boolean {
    let changed = false;
    for (const node of this.toMaintain) {
      const windows = node.record?.maintenance ?? [];
      const nextMs = nextStart(windows, nowMs) ?? Infinity;
      if (nextMs !== node.maintenanceMs) {
        node.maintenanceMs = nextMs;
        this.#allFreed(node);
        changed = true;
      }
      const inMaintenance = isInside(windows, nowMs);
      if (inMaintenance !== node.inMaintenance) this.version++;
      node.inMaintenance = inMaintenance;
      changed = this.#updateAvailability(node) || changed;
    }
    return changed;
  }

  /** Notes where more will be free than when this was last called: what was taken and promised at once does not count. */
  settle(): void {
    for (const bankClass of this.classes) bankClass.settle();
    for (const bank of this.#touched) {
      if (bank.potentialParts > bank.settledParts) this.gained(bank.bankClass);
      bank.settledParts = bank.potentialParts;
    }
    this.#touched.clear();
  }

  /** What changed since `settle` was last called. */
  unsettled(): UnsettledChanges {
    const touched = [...this.#touched].map((bank) => [bank, bank.settledParts] as const);
    return { freed: [...this.freed], touched, clock: this.clock };
  }

  /** Makes it that again; may assume that all slots are as they were. */
  unsettle({ freed, touched, clock }: UnsettledChanges): void {
    for (const bank of this.#touched) bank.settledParts = bank.potentialParts;
    this.#touched.clear();
    for (const [bank, settledParts] of touched) {
      bank.settledParts = settledParts;
      this.#touched.add(bank);
    }
    this.freed.clear();
    for (const room of freed) this.freed.add(room);
    this.clock = clock;
  }

  /** More is free there, or will be, than when somebody last looked. */
  gained(bankClass: BankClass): void {
    bankClass.gainedAt = ++this.clock;
    this.freed.add(bankClass);
  }

  /** A task takes (or, with -1, gives back) its parts of a slot. Cost: constant. */
  hold(slot: Slot, hold: Hold, sign: 1 | -1): void {
    const wasHeld = slot.used > 0;
    slot.holds = sign === 1 ? withHold(slot.holds, hold) : withoutHold(slot.holds, hold);
    this.#change(slot, sign * hold.parts, hold.leaving ? sign * hold.parts : 0, 0);
    const isHeld = slot.used > 0;
    if (wasHeld !== isHeld && !isUsableSlot(slot)) {
      this.#addCapacity(slot.bank.bankClass, isHeld ? 1 : -1);
    }
  }

  /** What a task holds of a slot begins to leave (or, with -1, stays after all); `hold.leaving` is the caller's. */
  leave(slot: Slot, hold: Hold, sign: 1 | -1): void {
    this.#change(slot, 0, sign * hold.parts, 0);
  }

  /** Parts of a slot are promised to a task (or, with -1, no longer). */
  claim(slot: Slot, claim: Hold, sign: 1 | -1): void {
    slot.claims = sign === 1 ? withHold(slot.claims, claim) : withoutHold(slot.claims, claim);
    this.#change(slot, 0, 0, sign * claim.parts);
  }

  /** During a step: parts of a slot count as taken (or, with -1, no longer), whoever holds them. */
  withhold(slot: Slot, parts: number, sign: 1 | -1): void {
    const { bank } = slot;
    bank.withheld += sign;
    bank.bankClass.ends?.withhold(bank.rank, bank.withheld);
    slot.withheld += sign * parts;
    this.#recount(slot);
  }

  /** A task comes to a node, goes, begins to leave, or is promised a place: its CPU and memory. */
  count(
    node: NodeEntry,
    what: 'used' | 'leaving' | 'claimed',
    cpuMilli: number,
    memoryMib: number,
    sign: 1 | -1,
  ): void {
    const isIndexed = node.tier?.isIndexed ?? false;
    const tasks = isIndexed ? taskLevel(node) : 0;
    const cpu = isIndexed ? cpuLevel(node) : 0;
    if (cpuMilli > 0) node.cpu[what] += sign * cpuMilli;
    if (memoryMib > 0) node.memory[what] += sign * memoryMib;
    if (what === 'used') node.tasks += sign;
    if (what === 'leaving') this.leavingTasks += sign;
    if (isIndexed) node.tier?.moved(node, tasks, cpu);
    if (!this.trying) this.version++;
    if (cpuMilli + memoryMib > 0) noteChanged(node);
    if (this.trying || (what === 'leaving') === (sign === -1)) return;
    if (node.tier) node.tier.gainedAt = ++this.clock;
    // More room for tasks without GPUs, and for those whose GPUs are free while CPU or memory was not.
    this.#freed(node.tier);
    if (cpuMilli + memoryMib > 0) for (const bank of node.banks) this.#freed(bank.bankClass);
  }

  #change(slot: Slot, used: number, leaving: number, claimed: number): void {
    slot.used += used;
    slot.leaving += leaving;
    slot.claimed += claimed;
    if (!this.trying) this.touch(slot.bank);
    this.#recount(slot);
  }

  /** Something about those who hold a bank's slots is another: when they end, for one. */
  touch(bank: Bank): void {
    bank.stamp = ++this.version;
    bank.bankClass.ends?.changed(bank.rank);
    for (const watcher of bank.watchers) watcher.isStale = true;
  }

  #recount(slot: Slot): void {
    const { bank, free, potential } = slot;
    const usable = isUsableSlot(slot);
    const stays = slot.used - slot.leaving + slot.claimed;
    slot.potential = usable ? GPU_PARTS - stays : 0;
    slot.free = usable ? GPU_PARTS - Math.max(slot.used, stays) : 0;
    if (slot.withheld > 0) {
      slot.potential = Math.max(0, slot.potential - slot.withheld);
      slot.free = Math.max(0, slot.free - slot.withheld);
    }
    if (slot.free === free && slot.potential === potential) return;
    const { bankClass, free: bankFree, potential: bankPotential } = bank;
    bankClass.slotMoved(slot, free, potential);
    bank.potentialParts += slot.potential - potential;
    this.potentialParts += ((slot.potential - potential) * bankClass.partsPerSlot) / GPU_PARTS;
    if (!this.trying) {
      this.version++;
      this.#touched.add(bank);
    }
    bank.free += Number(slot.free === GPU_PARTS) - Number(free === GPU_PARTS);
    bank.potential += Number(slot.potential === GPU_PARTS) - Number(potential === GPU_PARTS);
    if (bank.free !== bankFree || bank.potential !== bankPotential) bankClass.moved(bank, bankFree, bankPotential);
    if (slot.free !== free) bankClass.scores?.changed(bank.rank);
    // A GPU of which a share is taken is one that others may go onto, who would open no other.
    const isOpened = free === GPU_PARTS && slot.free > 0;
    if (slot.free > free || isOpened) this.#freed(bankClass);
  }

  #setHealthy(slot: Slot, healthy: boolean): void {
    const counted = isCounted(slot);
    const usable = isUsableSlot(slot);
    slot.healthy = healthy;
    this.#addCapacity(slot.bank.bankClass, Number(isCounted(slot)) - Number(counted));
    slot.bank.usable += Number(isUsableSlot(slot)) - Number(usable);
    slot.bank.bankClass.usableChanged();
    this.touch(slot.bank);
    this.#recount(slot);
  }

  #addCapacity(bankClass: BankClass, slots: number): void {
    const parts = slots * bankClass.partsPerSlot;
    this.capacityParts += parts;
    bankClass.capacityParts += parts;
  }

  #freed(where: BankClass | TaskTier | null): void {
    if (!this.trying && where !== null) this.freed.add(where);
  }

  /** Something that is no count changed: whoever waits for this node is looked at again. */
  #allFreed(node: NodeEntry): void {
    this.#freed(node.tier);
    for (const { bankClass } of node.banks) this.#freed(bankClass);
  }

  #updateAvailability(node: NodeEntry): boolean {
    const { record, liveness, inMaintenance } = node;
    const isFit = record !== null && !record.cordoned && record.nodeProblem === undefined;
    const available = isFit && liveness === 'ready' && !inMaintenance;
    if (available === node.available) return false;
    const tasks = taskLevel(node);
    const cpu = cpuLevel(node);
    this.#countStores(node, -1);
    for (const slot of slotsOf(node)) this.#addCapacity(slot.bank.bankClass, -Number(isCounted(slot)));
    node.available = available;
    for (const slot of slotsOf(node)) this.#addCapacity(slot.bank.bankClass, Number(isCounted(slot)));
    this.#countStores(node, 1);
    for (const bank of node.banks) {
      bank.usable = bank.slots.filter(isUsableSlot).length;
      bank.bankClass.usableChanged();
      this.touch(bank);
      for (const slot of bank.slots) this.#recount(slot);
    }
    noteChanged(node);
    node.tier?.moved(node, tasks, cpu);
    if (available) this.#freed(node.tier);
    return true;
  }

  /** CPU and memory that fair shares divide: of nodes that take work, all; of others, what is in use. */
  #countStores(node: NodeEntry, sign: 1 | -1): void {
    const { cpu, memory, available } = node;
    if (cpu.capacity !== Infinity) this.capacityCpuMilli += sign * (available ? cpu.capacity : 0);
    if (memory.capacity !== Infinity) this.capacityMemoryMib += sign * (available ? memory.capacity : 0);
  }

  #attach(node: NodeEntry, record: ClusterNode): void {
    const banks = new Map<BankClass, Bank>();
    node.domains = this.#domainsOf(record);
    for (const domain of node.domains) domain.nodes.add(node);
    const add = (gpu: Gpu, profile: string, memoryMib: number, instance: string): void => {
      const bankClass = this.#bankClass(record.pool, gpu.model, memoryMib, profile);
      let bank = banks.get(bankClass);
      if (!bank) {
        const domains = node.domains.map((domain) => domainClass(domain, bankClass));
        bank = { node, bankClass, slots: [], rank: -1, domains, ...EMPTY_BANK };
        banks.set(bankClass, bank);
        node.banks.push(bank);
        if (bankClass.banks.length === 0) this.classesStamp++;
        bankClass.banks.push(bank);
        for (const each of domains) each.banks.push(bank);
        bankClass.membersChanged();
      }
      bank.slots.push(newSlot(bank, gpu, instance));
      bankClass.totalSlots++;
    };
    for (const gpu of record.gpus) {
      if (gpu.mig === null) add(gpu, '', gpu.memoryMib, '');
      else for (const { profile, memoryMib, uuid } of gpu.mig) add(gpu, profile, memoryMib, uuid);
    }
    for (const bank of node.banks) {
      bank.slots.sort((a, b) => a.index - b.index || compareNames(a.instance, b.instance));
    }
    node.tier = this.#taskTier(record.pool, record.gpus.length > 0);
    node.tier.nodes.push(node);
    node.tier.membersChanged();
    if (node.available) this.#freed(node.tier);
  }

  #detach(node: NodeEntry): void {
    for (const slot of slotsOf(node)) this.#addCapacity(slot.bank.bankClass, -Number(isCounted(slot)));
    for (const bank of node.banks) {
      const { bankClass } = bank;
      this.touch(bank);
      this.potentialParts -= (bank.potentialParts * bankClass.partsPerSlot) / GPU_PARTS;
      bankClass.freeSlots -= bank.free;
      bankClass.potentialSlots -= bank.potential;
      bankClass.totalSlots -= bank.slots.length;
      bankClass.banks.splice(bankClass.banks.indexOf(bank), 1);
      if (bankClass.banks.length === 0) this.classesStamp++;
      for (const each of bank.domains) each.banks.splice(each.banks.indexOf(bank), 1);
      bankClass.membersChanged();
    }
    node.banks = [];
    for (const domain of node.domains) domain.nodes.delete(node);
    node.domains = [];
    if (node.tier) {
      node.tier.nodes.splice(node.tier.nodes.indexOf(node), 1);
      node.tier.membersChanged();
      node.tier = null;
    }
  }

  #domainsOf({ labels }: ClusterNode): Domain[] {
    const { block, rack } = labels;
    const found: Domain[] = [];
    if (rack !== undefined) found.push(this.#domain('rack', block === undefined ? rack : `${block}/${rack}`));
    if (block !== undefined) found.push(this.#domain('block', block));
    return found;
  }

  #domain(level: 'rack' | 'block', name: string): Domain {
    const key = `${level}\n${name}`;
    let found = this.domains.get(key);
    if (!found) {
      found = { level, name, classes: new Map(), nodes: new Set() };
      this.domains.set(key, found);
    }
    return found;
  }

  #bankClass(pool: string, model: string, memoryMib: number, profile: string): BankClass {
    const key = `${pool}\n${model}\n${memoryMib}\n${profile}`;
    let found = this.#classByKey.get(key);
    if (!found) {
      found = new BankClass(this.classes.length, pool, model, memoryMib, profile);
      this.#classByKey.set(key, found);
      this.classes.push(found);
      this.classesStamp++;
    }
    return found;
  }

  #taskTier(pool: string, withGpus: boolean): TaskTier {
    const key = `${pool}\n${withGpus}`;
    let found = this.#tierByKey.get(key);
    if (!found) {
      found = new TaskTier(this.tiers.length, pool, withGpus);
      this.#tierByKey.set(key, found);
      this.tiers.push(found);
      this.classesStamp++;
    }
    return found;
  }
}

const NO_WATCHERS: readonly BankWatcher[] = [];

const EMPTY_BANK = {
  free: 0,
  potential: 0,
  usable: 0,
  potentialParts: 0,
  settledParts: 0,
  stamp: 0,
  withheld: 0,
  ends: null,
  watchers: NO_WATCHERS,
};

function domainClass(domain: Domain, bankClass: BankClass): DomainClass {
  let found = domain.classes.get(bankClass);
  if (!found) {
    found = new DomainClass(domain, bankClass);
    domain.classes.set(bankClass, found);
    bankClass.domains.add(found);
  }
  return found;
}

function newSlot(bank: Bank, gpu: Gpu, instance: string): Slot {
  return {
    bank,
    index: gpu.index,
    uuid: gpu.uuid,
    instance,
    nvlinkGroup: gpu.nvlinkGroup,
    healthy: false,
    used: 0,
    leaving: 0,
    claimed: 0,
    withheld: 0,
    free: 0,
    potential: 0,
    holds: NO_HOLDS,
    claims: NO_HOLDS,
  };
}

/** All slots of a node. */
export function* slotsOf(node: NodeEntry): Generator<Slot> {
  for (const bank of node.banks) yield* bank.slots;
}

/** What is free on a node is another: its scores are to be looked at again. */
function noteChanged(node: NodeEntry): void {
  for (const { bankClass, rank } of node.banks) bankClass.scores?.changed(rank);
}

/** Plain order of code units: the same on every machine. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether a slot takes work. */
export function isUsableSlot(slot: Slot): boolean {
  return slot.healthy && slot.bank.node.available;
}

/** Whether fair shares divide it: it can be used or is in use. */
function isCounted(slot: Slot): boolean {
  return slot.used > 0 || isUsableSlot(slot);
}

/** A node's GPU; most records name them in order, without gaps. */
export function gpuAt({ gpus }: ClusterNode, index: number): Gpu | undefined {
  const at = gpus[index];
  return at?.index === index ? at : gpus.findLast((each) => each.index === index);
}

/** Whether two records of a node describe the same slots at the same places, under the same name and pool. */
export function sameHardware(before: ClusterNode | null, after: ClusterNode | null): boolean {
  if (before === null || after === null) return before === after;
  if (before.pool !== after.pool || before.name !== after.name || before.gpus.length !== after.gpus.length)
    return false;
  if (before.labels.rack !== after.labels.rack || before.labels.block !== after.labels.block) return false;
  return before.gpus.every((gpu, at) => {
    const other = after.gpus[at];
    return other !== undefined && sameGpu(gpu, other);
  });
}

/** Whether two records of a node say the same of what work may go there. */
function sameRules(before: ClusterNode | null, after: ClusterNode | null): boolean {
  if (before === null || after === null) return before === after;
  return (
    before.driverVersion === after.driverVersion &&
    same(before.labels, after.labels) &&
    same(before.maintenance, after.maintenance)
  );
}

/** A record that changed elsewhere shares what did not change, so most of the time one look is enough. */
function same(a: object, b: object): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function sameGpu(a: Gpu, b: Gpu): boolean {
  if (a === b) return true;
  return (
    a.uuid === b.uuid &&
    a.index === b.index &&
    a.model === b.model &&
    a.memoryMib === b.memoryMib &&
    a.nvlinkGroup === b.nvlinkGroup &&
    sameInstances(a, b)
  );
}

function sameInstances({ mig: a }: Gpu, { mig: b }: Gpu): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.length === b.length &&
    a.every((one, at) => {
      const other = b[at];
      return other !== undefined && one.uuid === other.uuid && one.profile === other.profile;
    })
  );
}

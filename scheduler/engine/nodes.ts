// The machines as the engine sees them: slots (GPUs) in banks (the GPUs of one model on one node), banks in bank classes
// (same pool, same model), each class indexed by how many GPUs are free. May assume that every change of a slot passes
// through `NodeTable.setSlot`; leaves all counts true after each call.
import type { NodeId } from '../../common/ids.js';
import type { ClusterNode } from '../model/records.js';
import type { NodeLiveness } from './decisions.js';
import { LevelIndex } from './rank-index.js';
import type { Shape } from './shapes.js';
import type { WorkloadEntry } from './workloads.js';

/** The most tasks, of all kinds, that the engine puts on one node. */
export const MAX_TASKS_PER_NODE = 256;

/** One GPU. */
export interface Slot {
  readonly bank: Bank;
  /** The GPU's index on its node. */
  readonly index: number;
  readonly uuid: string;
  healthy: boolean;
  /** The workload that holds it, until its allocation is released. */
  holder: WorkloadEntry | null;
  /** The holder was told to stop, or its process is over. */
  leaving: boolean;
  /** The pending workload it is promised to. */
  claimer: WorkloadEntry | null;
}

/** The GPUs of one model on one node. A task takes its GPUs from one bank. */
export interface Bank {
  readonly node: NodeEntry;
  readonly bankClass: BankClass;
  readonly slots: Slot[];
  /** Its place among the banks of its class by the node's name; -1 until the class was sorted. */
  rank: number;
  /** GPUs nobody holds or has a claim on. */
  free: number;
  /** Those, and the leaving ones that nobody has a claim on. */
  potential: number;
  /** Healthy GPUs of a node that takes work. */
  usable: number;
}

/** Free and promised GPUs of banks that are alike for every request: same pool, same model. */
export class BankClass {
  readonly pool: string;
  readonly model: string;
  readonly banks: Bank[] = [];
  free = new LevelIndex(0, 0);
  potential = new LevelIndex(0, 0);
  /** Sums over the banks, in GPUs. */
  freeGpus = 0;
  potentialGpus = 0;
  usableGpus = 0;
  heldGpus = 0;
  totalGpus = 0;
  /** Shapes to look at when a bank comes to have more free GPUs. */
  readonly watchers = new Set<Shape>();
  #sorted = true;
  #usable = new LevelIndex(0, 0);
  #usableKnown = true;

  constructor(pool: string, model: string) {
    this.pool = pool;
    this.model = model;
  }

  /** Call after a bank came or went. */
  membersChanged(): void {
    this.#sorted = false;
    this.#usableKnown = false;
  }

  /** Call after the usable GPUs of a bank changed. */
  usableChanged(): void {
    this.#usableKnown = false;
  }

  /** Brings the indexes up to date; cheap unless banks came or went. */
  settle(): void {
    if (this.#sorted) return;
    this.#sorted = true;
    this.banks.sort((a, b) => compareNames(a.node.name, b.node.name) || compareNames(a.node.id, b.node.id));
    const largest = this.banks.reduce((most, bank) => Math.max(most, bank.slots.length), 0);
    this.free = new LevelIndex(largest, this.banks.length);
    this.potential = new LevelIndex(largest, this.banks.length);
    this.banks.forEach((bank, rank) => {
      bank.rank = rank;
      this.free.add(rank, bank.free);
      this.potential.add(rank, bank.potential);
    });
  }

  /** Follows a bank whose counts changed. */
  moved(bank: Bank, freeBefore: number, potentialBefore: number): void {
    this.freeGpus += bank.free - freeBefore;
    this.potentialGpus += bank.potential - potentialBefore;
    if (!this.#sorted) return;
    if (bank.free !== freeBefore) this.free.move(bank.rank, freeBefore, bank.free);
    if (bank.potential !== potentialBefore) this.potential.move(bank.rank, potentialBefore, bank.potential);
  }

  /** How many portions of `size` GPUs the class would have if nothing ran, counted no further than `enough`. */
  usablePortions(size: number, enough: number): number {
    if (!this.#usableKnown) {
      this.#usableKnown = true;
      const largest = this.banks.reduce((most, bank) => Math.max(most, bank.slots.length), 0);
      this.#usable = new LevelIndex(largest, this.banks.length);
      this.banks.forEach((bank, at) => this.#usable.add(at, bank.usable));
    }
    return this.#usable.portions(size, enough);
  }

  /** The same over all registered GPUs, whatever their state. */
  registeredPortions(size: number, enough: number): number {
    let sum = 0;
    for (const bank of this.banks) {
      sum += Math.floor(bank.slots.length / size);
      if (sum >= enough) break;
    }
    return sum;
  }
}

/** The nodes of one pool, with or without GPUs, by how many tasks run there: where work without GPUs goes. */
export class TaskTier {
  readonly pool: string;
  readonly withGpus: boolean;
  readonly nodes: NodeEntry[] = [];
  /** Shapes to look at when a node comes to have room for more tasks. */
  readonly watchers = new Set<Shape>();
  #index = new LevelIndex(MAX_TASKS_PER_NODE, 0);
  #sorted = true;

  constructor(pool: string, withGpus: boolean) {
    this.pool = pool;
    this.withGpus = withGpus;
  }

  membersChanged(): void {
    this.#sorted = false;
  }

  moved(node: NodeEntry, before: number, after: number): void {
    if (!this.#sorted || before === after) return;
    if (before >= 0) this.#index.remove(node.tierRank, before);
    if (after >= 0) this.#index.add(node.tierRank, after);
  }

  /** The fewest tasks on any node that takes work, `MAX_TASKS_PER_NODE` when all are full or there is none. */
  lowestLevel(): number {
    this.#settle();
    let level = 0;
    while (level < MAX_TASKS_PER_NODE && this.#index.count(level) === 0) level++;
    return level;
  }

  /** The first node by name with so many tasks. */
  first(level: number): NodeEntry | null {
    return this.nodes[this.#index.first(level)] ?? null;
  }

  #settle(): void {
    if (this.#sorted) return;
    this.#sorted = true;
    this.nodes.sort((a, b) => compareNames(a.name, b.name) || compareNames(a.id, b.id));
    this.#index = new LevelIndex(MAX_TASKS_PER_NODE, this.nodes.length);
    this.nodes.forEach((node, rank) => {
      node.tierRank = rank;
      const level = taskLevel(node);
      if (level >= 0) this.#index.add(rank, level);
    });
  }
}

/** Where a node stands in its tier: its tasks, or -1 when it takes no work. */
function taskLevel(node: NodeEntry): number {
  return node.available ? Math.min(node.tasks, MAX_TASKS_PER_NODE) : -1;
}

/** One machine. */
export interface NodeEntry {
  readonly id: NodeId;
  name: string;
  /** Null while only allocations or the fleet have named it. */
  record: ClusterNode | null;
  liveness: NodeLiveness;
  /** Ready and not cordoned: takes new work. */
  available: boolean;
  /** Tasks that hold the node in any state but released. */
  tasks: number;
  banks: Bank[];
  tier: TaskTier | null;
  tierRank: number;
}

/** All machines, their classes and tiers, and the GPUs that fair shares divide. */
export class NodeTable {
  readonly entries = new Map<NodeId, NodeEntry>();
  readonly classes: BankClass[] = [];
  readonly tiers: TaskTier[] = [];
  /** GPUs that can be used or are in use: what fair shares divide. */
  capacityGpus = 0;
  /** Goes up when a class or tier was added: requests must look for theirs again. */
  classesStamp = 0;
  /** Where something came free by a change from outside, until somebody has looked. */
  readonly freed = new Set<BankClass | TaskTier>();
  /** True while a step tries things out: nothing it frees counts as freed. */
  trying = false;
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
        tasks: 0,
        banks: [],
        tier: null,
        tierRank: -1,
      };
      this.entries.set(id, node);
    }
    return node;
  }

  /**
   * Takes a node's new record. When its hardware is another one than before (see `sameHardware`) the banks are made
   * anew: the caller must have taken holders and claimers off the slots, and puts them on again.
   * @returns whether anything changed that decides about placement
   */
  setRecord(node: NodeEntry, record: ClusterNode | null): boolean {
    const rebuilt = !sameHardware(node.record, record);
    if (rebuilt) this.#detach(node);
    node.record = record;
    node.name = record?.name ?? node.id;
    if (rebuilt && record) this.#attach(node, record);
    let changed = rebuilt;
    if (record) {
      for (const slot of slotsOf(node)) {
        const healthy = record.gpus.find((gpu) => gpu.index === slot.index)?.health === 'healthy';
        if (healthy === slot.healthy) continue;
        this.#setHealthy(slot, healthy);
        changed = true;
      }
    }
    return this.#updateAvailability(node) || changed;
  }

  /** @returns whether that decides about placement */
  setLiveness(node: NodeEntry, liveness: NodeLiveness): boolean {
    const changed = liveness !== node.liveness;
    node.liveness = liveness;
    return this.#updateAvailability(node) || changed;
  }

  /** Sets who holds a slot and who has a claim on it, and follows all counts. Cost: constant. */
  setSlot(slot: Slot, holder: WorkloadEntry | null, leaving: boolean, claimer: WorkloadEntry | null): void {
    const { bank } = slot;
    const { bankClass, free, potential } = bank;
    const usable = isUsable(slot);
    const heldBefore = Number(slot.holder !== null);
    if (usable) {
      bank.free += freePart(holder, claimer) - freePart(slot.holder, slot.claimer);
      bank.potential +=
        potentialPart(holder, leaving, claimer) - potentialPart(slot.holder, slot.leaving, slot.claimer);
    }
    slot.holder = holder;
    slot.leaving = leaving;
    slot.claimer = claimer;
    const held = Number(holder !== null);
    bankClass.heldGpus += held - heldBefore;
    if (!usable) this.capacityGpus += held - heldBefore;
    if (bank.free !== free || bank.potential !== potential) bankClass.moved(bank, free, potential);
    if (bank.free > free) this.#freed(bankClass);
  }

  /** Counts tasks coming to a node (or leaving it, when negative). */
  addTasks(node: NodeEntry, count: number): void {
    const before = taskLevel(node);
    node.tasks += count;
    node.tier?.moved(node, before, taskLevel(node));
    if (count < 0) this.#freed(node.tier);
  }

  #setHealthy(slot: Slot, healthy: boolean): void {
    const counted = slot.holder !== null || isUsable(slot);
    slot.healthy = healthy;
    this.capacityGpus += Number(slot.holder !== null || isUsable(slot)) - Number(counted);
    this.#recount(slot.bank);
  }

  #recount(bank: Bank): void {
    const { free, potential, usable } = bank;
    let nowFree = 0;
    let nowPotential = 0;
    let nowUsable = 0;
    if (bank.node.available) {
      for (const slot of bank.slots) {
        if (!slot.healthy) continue;
        nowUsable++;
        if (slot.claimer !== null) continue;
        if (slot.holder === null) nowFree++;
        if (slot.holder === null || slot.leaving) nowPotential++;
      }
    }
    bank.free = nowFree;
    bank.potential = nowPotential;
    bank.usable = nowUsable;
    const bankClass = bank.bankClass;
    if (free !== nowFree || potential !== nowPotential) bankClass.moved(bank, free, potential);
    if (usable !== nowUsable) {
      bankClass.usableGpus += nowUsable - usable;
      bankClass.usableChanged();
    }
    if (nowFree > free) this.#freed(bankClass);
  }

  #freed(where: BankClass | TaskTier | null): void {
    if (!this.trying && where !== null) this.freed.add(where);
  }

  #updateAvailability(node: NodeEntry): boolean {
    const available = node.record !== null && !node.record.cordoned && node.liveness === 'ready';
    if (available === node.available) return false;
    const level = taskLevel(node);
    for (const slot of slotsOf(node)) this.capacityGpus -= Number(slot.holder !== null || isUsable(slot));
    node.available = available;
    for (const slot of slotsOf(node)) this.capacityGpus += Number(slot.holder !== null || isUsable(slot));
    for (const bank of node.banks) this.#recount(bank);
    node.tier?.moved(node, level, taskLevel(node));
    if (available) this.#freed(node.tier);
    return true;
  }

  #attach(node: NodeEntry, record: ClusterNode): void {
    const byModel = new Map<string, Bank>();
    for (const gpu of record.gpus) {
      let bank = byModel.get(gpu.model);
      if (!bank) {
        const bankClass = this.#bankClass(record.pool, gpu.model);
        bank = { node, bankClass, slots: [], rank: -1, free: 0, potential: 0, usable: 0 };
        byModel.set(gpu.model, bank);
        node.banks.push(bank);
        bankClass.banks.push(bank);
        bankClass.membersChanged();
      }
      bank.slots.push({
        bank,
        index: gpu.index,
        uuid: gpu.uuid,
        healthy: false,
        holder: null,
        leaving: false,
        claimer: null,
      });
      bank.bankClass.totalGpus++;
    }
    for (const bank of node.banks) bank.slots.sort((a, b) => a.index - b.index);
    node.tier = this.#taskTier(record.pool, record.gpus.length > 0);
    node.tier.nodes.push(node);
    node.tier.membersChanged();
    if (node.available) this.#freed(node.tier);
  }

  #detach(node: NodeEntry): void {
    for (const slot of slotsOf(node)) this.capacityGpus -= Number(isUsable(slot));
    for (const bank of node.banks) {
      const bankClass = bank.bankClass;
      bankClass.freeGpus -= bank.free;
      bankClass.potentialGpus -= bank.potential;
      bankClass.usableGpus -= bank.usable;
      bankClass.totalGpus -= bank.slots.length;
      bankClass.banks.splice(bankClass.banks.indexOf(bank), 1);
      bankClass.membersChanged();
    }
    node.banks = [];
    if (node.tier) {
      node.tier.nodes.splice(node.tier.nodes.indexOf(node), 1);
      node.tier.membersChanged();
      node.tier = null;
    }
  }

  #bankClass(pool: string, model: string): BankClass {
    const key = `${pool}\n${model}`;
    let found = this.#classByKey.get(key);
    if (!found) {
      found = new BankClass(pool, model);
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
      found = new TaskTier(pool, withGpus);
      this.#tierByKey.set(key, found);
      this.tiers.push(found);
      this.classesStamp++;
    }
    return found;
  }
}

/** All slots of a node. */
export function* slotsOf(node: NodeEntry): Generator<Slot> {
  for (const bank of node.banks) yield* bank.slots;
}

function freePart(holder: WorkloadEntry | null, claimer: WorkloadEntry | null): number {
  return holder === null && claimer === null ? 1 : 0;
}

function potentialPart(holder: WorkloadEntry | null, leaving: boolean, claimer: WorkloadEntry | null): number {
  return (holder === null || leaving) && claimer === null ? 1 : 0;
}

/** Plain order of code units: the same on every machine. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isUsable(slot: Slot): boolean {
  return slot.healthy && slot.bank.node.available;
}

/** Whether two records of a node describe the same GPUs at the same places, under the same name and pool. */
export function sameHardware(before: ClusterNode | null, after: ClusterNode | null): boolean {
  if (before === null || after === null) return before === after;
  if (before.pool !== after.pool || before.name !== after.name || before.gpus.length !== after.gpus.length)
    return false;
  return before.gpus.every((gpu, at) => {
    const other = after.gpus[at];
    return other !== undefined && other.uuid === gpu.uuid && other.index === gpu.index && other.model === gpu.model;
  });
}

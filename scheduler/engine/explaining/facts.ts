// What there is for one kind of ask, counted: GPUs of its kind by what becomes of them, and the nodes it could go to.
import { PARTS_PER_MILLI } from '../../model/requests.js';
import { type Ask, banksOf, partsIn, suitsRules } from '../asks.js';
import { gpuAt, type NodeEntry, type NodeTable, type Slot } from '../nodes.js';
import type { Shape } from '../shapes.js';

export interface PoolFacts {
  readonly total: number;
  readonly nodes: number;
  readonly held: number;
  readonly leaving: number;
  readonly promised: number;
  readonly free: number;
  readonly shared: number;
  readonly suspect: number;
  readonly quarantined: number;
  readonly lost: number;
  readonly cordoned: number;
  readonly unfit: number;
  readonly maintained: number;
  readonly down: number;
  readonly unknown: number;
  readonly mostFree: number;
  readonly nodesThatFit: number;
}

/** What was found out about an ask, true as long as nodes and classes stay as they were then. */
interface Found<T> {
  readonly version: number;
  readonly classesStamp: number;
  readonly value: T;
}

/**
 * Keeps what is found out about asks until something changes on the nodes: a listing of 100,000 asks the same for every queue of
 * every page (of 110,000 workloads on 1,250 nodes that was three quarters of its cost). What is only tried out is not kept.
 */
export class FoundOut<T> {
  readonly #find: (ask: Ask) => T;
  readonly #found = new WeakMap<Ask, Found<T>>();

  constructor(find: (ask: Ask) => T) {
    this.#find = find;
  }

  /** May assume that the ask's classes are settled. */
  of(ask: Ask, { version, classesStamp, trying }: NodeTable): T {
    if (trying) return this.#find(ask);
    const known = this.#found.get(ask);
    if (known?.version === version && known.classesStamp === classesStamp) return known.value;
    const value = this.#find(ask);
    this.#found.set(ask, { version, classesStamp, value });
    return value;
  }
}

const COUNTED = new FoundOut(countFacts);

/** Counts the GPUs a task could go to; each GPU in one column only, in use before out of service. Cost: a pass when nodes changed. */
export function poolFacts(ask: Ask, nodes: NodeTable): PoolFacts {
  return COUNTED.of(ask, nodes);
}

function countFacts(ask: Ask): PoolFacts {
  const facts = {
    total: 0,
    nodes: 0,
    held: 0,
    leaving: 0,
    promised: 0,
    free: 0,
    shared: 0,
    suspect: 0,
    quarantined: 0,
    lost: 0,
    cordoned: 0,
    unfit: 0,
    maintained: 0,
    down: 0,
    unknown: 0,
    mostFree: 0,
    nodesThatFit: 0,
  };
  for (const bank of banksOf(ask)) {
    facts.nodes++;
    facts.total += bank.slots.length;
    facts.free += bank.free;
    facts.mostFree = Math.max(facts.mostFree, bank.free);
    if (bank.free >= ask.gpus) facts.nodesThatFit++;
    for (const slot of bank.slots) {
      if (slot.used > slot.leaving && slot.free > 0) facts.shared++;
      else if (slot.used > 0) facts[slot.leaving === slot.used ? 'leaving' : 'held']++;
      else if (slot.claimed > 0) facts.promised++;
      else if (!bank.node.available) facts[outage(bank.node)]++;
      else if (!slot.healthy) facts[illness(slot)]++;
    }
  }
  return facts;
}

/** What keeps a GPU that nobody holds from new work. One that drained is as good as quarantined. */
function illness({ bank, index }: Slot): 'suspect' | 'quarantined' | 'lost' {
  const { record } = bank.node;
  const health = record === null ? undefined : gpuAt(record, index)?.health;
  return health === 'suspect' || health === 'lost' ? health : 'quarantined';
}

/** What keeps new work off a node that is not available. */
export function outage(node: NodeEntry): 'cordoned' | 'unfit' | 'maintained' | 'down' | 'unknown' {
  if (node.record?.cordoned) return 'cordoned';
  if (node.record?.nodeProblem !== undefined) return 'unfit';
  if (node.inMaintenance) return 'maintained';
  return node.liveness === 'down' ? 'down' : 'unknown';
}

/** What is free of all GPUs that a share could be of, and the most of one of them. */
export function sharesLeft(ask: Ask, node: NodeEntry | null = null): { readonly all: number; readonly most: number } {
  let all = 0;
  let most = 0;
  for (const bank of banksOf(ask)) {
    if (node !== null && bank.node !== node) continue;
    for (const { free } of bank.slots) {
      all += free;
      most = Math.max(most, free);
    }
  }
  return { all, most };
}

/** The nodes that a task may go to, by all that does not change with time. */
export function nodesOf(ask: Ask): NodeEntry[] {
  const nodes = new Set<NodeEntry>();
  for (const bank of banksOf(ask)) nodes.add(bank.node);
  for (const tier of ask.tiers) {
    for (const node of tier.nodes) if (!ask.isPicky || suitsRules(node, ask.rules)) nodes.add(node);
  }
  return [...nodes];
}

/** What is free, whole GPUs and, for shares, the rests of others. Cost: a pass over classes, or over banks where nodes matter. */
export function freeParts({ parts }: Shape): number {
  let sum = 0;
  if (parts.some(({ ask }) => ask.isPicky)) {
    const isShared = parts.some(({ ask }) => ask.unit === 'share');
    const banks = new Set(parts.flatMap(({ ask }) => [...banksOf(ask)]));
    for (const { free, slots, bankClass } of banks) {
      if (isShared) for (const slot of slots) sum += slot.free;
      else sum += free * bankClass.partsPerSlot;
    }
    return sum;
  }
  for (const { freeSlots, partsPerSlot, openFree } of new Set(parts.flatMap(({ ask }) => ask.classes))) {
    sum += freeSlots * partsPerSlot;
    if (openFree === null || !parts.some(({ ask }) => ask.unit === 'share')) continue;
    const { counts } = openFree;
    for (let level = counts.levelFrom(1); level !== -1; level = counts.levelFrom(level + 1)) {
      sum += counts.count(level) * level * PARTS_PER_MILLI;
    }
  }
  return sum;
}

/** How many slots of one bank of a node are free for a task: as a whole, or as far as its share goes. */
export function freeOn(node: NodeEntry, ask: Ask): number {
  let most = 0;
  for (const bank of node.banks) {
    if (!ask.classes.includes(bank.bankClass)) continue;
    const parts = partsIn(ask, bank.bankClass);
    const free = ask.unit === 'share' ? bank.slots.filter((slot) => slot.free >= parts).length : bank.free;
    most = Math.max(most, free);
  }
  return most;
}

// What one task asks of its node, as the engine sees it: interned, so that equal requests share one answer to the question
// where they may go. May assume that a request never changes.
import type { PlacementRules, TaskRequest } from '../model/records.js';
import { matchesModel } from '../model/gpu-model.js';
import { GPU_PARTS, memoryShareParts, migParts, PARTS_PER_MILLI } from '../model/requests.js';
import { type Amounts, amounts } from './amounts.js';
import { type Bank, type BankClass, compareNames, type NodeEntry, type NodeTable, type TaskTier } from './nodes.js';

/** One request of a task. */
export interface Ask {
  readonly key: string;
  readonly request: TaskRequest;
  readonly rules: PlacementRules;
  /** Slots it needs on one bank: GPUs, or MIG instances. */
  readonly gpus: number;
  /** `whole`: free slots as a whole; `share`: parts of slots that others may use beside it. */
  readonly unit: 'none' | 'whole' | 'share';
  readonly cpuMilli: number;
  readonly memoryMib: number;
  /** Nodes of the right class may still be wrong: by their labels, name or driver. */
  readonly isPicky: boolean;
  /** Its time limit, for nodes with an announced maintenance; null = without end. */
  readonly limitMs: number | null;
  /** What its queue is charged with before it has a place: the most it may turn out to be. */
  charge: Amounts;
  /** Where it may go: the best model first; tasks without GPUs go by tiers. */
  classes: readonly BankClass[];
  tiers: readonly TaskTier[];
  classesStamp: number;
  /** How many such tasks fitted by GPUs, CPU and memory, at a version of the nodes. */
  beside: { version: number; tasks: number };
  /** Whether no node with the GPUs has so much CPU or memory at all, at a version of the nodes. */
  tooLarge: { version: number; is: boolean };
}

/** All requests in use. */
export class AskTable {
  readonly #all = new Map<string, Ask>();

  /** The interned request. */
  find(request: TaskRequest, rules: PlacementRules, limitMs: number | null): Ask {
    const key = keyOf(request, rules, limitMs);
    let ask = this.#all.get(key);
    if (!ask) this.#all.set(key, (ask = newAsk(key, request, rules, limitMs)));
    return ask;
  }

  /** Forgets requests nobody uses, when there are many. */
  prune(inUse: ReadonlySet<Ask>): void {
    for (const ask of this.#all.values()) if (!inUse.has(ask)) this.#all.delete(ask.key);
  }

  get size(): number {
    return this.#all.size;
  }
}

function newAsk(key: string, request: TaskRequest, rules: PlacementRules, limitMs: number | null): Ask {
  const isShare = request.migProfile === '' && (request.gpuMemoryMib > 0 || request.gpuMilli < 1_000);
  return {
    key,
    request,
    rules,
    gpus: request.gpus,
    unit: request.gpus === 0 ? 'none' : isShare ? 'share' : 'whole',
    cpuMilli: request.cpuMilli,
    memoryMib: request.memoryMib,
    isPicky: Object.keys(rules.labels).length > 0 || rules.nodes.length > 0 || rules.minDriver !== '',
    limitMs,
    charge: amounts(request.gpus * slotCharge(request, 0), request.cpuMilli, request.memoryMib),
    classes: [],
    tiers: [],
    classesStamp: -1,
    beside: { version: -1, tasks: 0 },
    tooLarge: { version: -1, is: false },
  };
}

function keyOf(request: TaskRequest, rules: PlacementRules, limitMs: number | null): string {
  const { gpus, gpuMilli, gpuMemoryMib, migProfile, cpuMilli, memoryMib } = request;
  const plain = `${gpus} ${gpuMilli} ${gpuMemoryMib} ${migProfile} ${cpuMilli} ${memoryMib} ${rules.pool}`;
  const { models, minGpuMemoryMib, minDriver, labels, nodes } = rules;
  // The spelling of a model does not matter, its words do; without GPUs no model does.
  const kinds = gpus === 0 ? '' : models.join('|').toLowerCase();
  const pairs = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join();
  return `${plain} ${kinds} ${minGpuMemoryMib} ${minDriver} ${pairs} ${nodes.join()} ${limitMs ?? ''}`;
}

/** Brings the places an ask may go to up to date. Cheap unless a class was added. @returns whether they changed */
export function settleAsk(ask: Ask, nodes: NodeTable): boolean {
  if (ask.classesStamp === nodes.classesStamp) return false;
  ask.classesStamp = nodes.classesStamp;
  const { rules, request } = ask;
  const inPool = (room: { pool: string }): boolean => rules.pool === '' || room.pool === rules.pool;
  if (ask.unit === 'none') {
    // Nodes without GPUs first: those with GPUs are better left to work that needs them.
    const tiers = nodes.tiers.filter(inPool).sort((a, b) => compareNames(a.pool, b.pool));
    ask.tiers = [...tiers.filter((tier) => !tier.withGpus), ...tiers.filter((tier) => tier.withGpus)];
    return true;
  }
  const suits = (bankClass: BankClass): boolean =>
    inPool(bankClass) &&
    bankClass.profile === request.migProfile &&
    bankClass.memoryMib >= Math.max(rules.minGpuMemoryMib, request.gpuMemoryMib) &&
    preferenceOf(rules, bankClass.model) !== -1;
  ask.classes = nodes.classes
    .filter(suits)
    .sort((a, b) => preferenceOf(rules, a.model) - preferenceOf(rules, b.model) || compareClasses(a, b));
  if (request.gpuMemoryMib > 0) {
    const least = ask.classes.reduce(
      (memory, { memoryMib, banks }) => (banks.length > 0 ? Math.min(memory, memoryMib) : memory),
      Infinity,
    );
    ask.charge = amounts(request.gpus * slotCharge(request, least), request.cpuMilli, request.memoryMib);
  }
  if (ask.unit === 'share') for (const bankClass of ask.classes) bankClass.indexShares();
  return true;
}

/** An order that does not depend on which node came first. */
function compareClasses(a: BankClass, b: BankClass): number {
  return compareNames(a.pool, b.pool) || compareNames(a.model, b.model) || a.memoryMib - b.memoryMib;
}

/** Where a model stands in the list of acceptable ones; -1 = it is not in it. */
export function preferenceOf(rules: PlacementRules, model: string): number {
  if (rules.models.length === 0) return 0;
  return rules.models.findIndex((wanted) => matchesModel(model, wanted));
}

/** The parts that a task takes of each slot of a class: of the slot, whose parts are GPU_PARTS whatever it is. */
export function partsIn({ unit, request }: Ask, bankClass: BankClass): number {
  if (unit !== 'share') return GPU_PARTS;
  if (request.gpuMemoryMib === 0) return request.gpuMilli * PARTS_PER_MILLI;
  return memoryShareParts(request.gpuMemoryMib, bankClass.memoryMib) ?? GPU_PARTS;
}

/** GPU parts that one slot is charged with, on GPUs of so much memory (0 or Infinity = not known: as a whole one). */
function slotCharge(request: TaskRequest, memoryMib: number): number {
  if (request.migProfile !== '') return migParts(request.migProfile);
  if (request.gpuMemoryMib === 0) return request.gpuMilli * PARTS_PER_MILLI;
  if (memoryMib === 0 || memoryMib === Infinity) return GPU_PARTS;
  return memoryShareParts(request.gpuMemoryMib, memoryMib) ?? GPU_PARTS;
}

/** Work without a time limit is not started when a maintenance begins so soon. */
export const MAINTENANCE_LEAD_MS = 60 * 60_000;

/** Whether a node may run the task at all, as far as its class does not say: labels, name, driver, maintenance. */
export function admits(node: NodeEntry, ask: Ask, nowMs: number): boolean {
  if (!endsInTime(node, ask.limitMs, nowMs)) return false;
  return !ask.isPicky || suitsRules(node, ask.rules);
}

/** Whether work with such a time limit, begun now, ends before the node's next maintenance. */
export function endsInTime({ maintenanceMs }: NodeEntry, limitMs: number | null, nowMs: number): boolean {
  return maintenanceMs === Infinity || nowMs + (limitMs ?? MAINTENANCE_LEAD_MS) <= maintenanceMs;
}

/** The part of it that does not change with time. */
export function suitsRules(node: NodeEntry, { labels, nodes, minDriver }: PlacementRules): boolean {
  const { record } = node;
  if (record === null) return false;
  if (nodes.length > 0 && !nodes.includes(node.name)) return false;
  for (const name of Object.keys(labels)) if (record.labels[name] !== labels[name]) return false;
  return minDriver === '' || compareVersions(record.driverVersion, minDriver) >= 0;
}

/** Compares "535.104.05" with "535.104" number by number; what is missing counts as 0. */
export function compareVersions(a: string, b: string): number {
  const [partsA, partsB] = [a.split('.'), b.split('.')];
  for (let at = 0; at < Math.max(partsA.length, partsB.length); at++) {
    const difference = (Number.parseInt(partsA[at] ?? '', 10) || 0) - (Number.parseInt(partsB[at] ?? '', 10) || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The banks that a task may go to, by all that does not change with time. */
export function* banksOf({ classes, isPicky, rules }: Ask): Generator<Bank> {
  for (const { banks } of classes) {
    for (const bank of banks) if (!isPicky || suitsRules(bank.node, rules)) yield bank;
  }
}

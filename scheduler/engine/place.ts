// Where the tasks of a gang go, once it is known that they fit. Packs: one task goes where the fewest GPUs stay free;
// a gang goes to as few nodes as it can, whole ones first, and its rest where it fits most tightly.
import { present } from '../../common/assert.js';
import { type Bank, type BankClass, compareNames, MAX_TASKS_PER_NODE, type NodeEntry, type Slot } from './nodes.js';
import type { Shape } from './shapes.js';
import type { WorkBudget } from './work-budget.js';
import type { TaskPlace } from './workloads.js';

/**
 * Chooses GPUs for all tasks. `take` must make the chosen slots no longer available before it returns.
 * May assume `fits(shape, on)`.
 * @param on `free`: GPUs nobody holds; `potential`: also leaving ones, which are preferred, since nobody else can use them
 */
export function placeGang(
  shape: Shape,
  on: 'free' | 'potential',
  work: WorkBudget,
  take: (place: TaskPlace) => void,
): TaskPlace[] {
  return shape.gpusPerTask === 0 ? placeWithoutGpus(shape, work, take) : placeOnBanks(shape, on, work, take);
}

function placeOnBanks(
  shape: Shape,
  on: 'free' | 'potential',
  work: WorkBudget,
  take: (place: TaskPlace) => void,
): TaskPlace[] {
  const places: TaskPlace[] = [];
  const size = shape.gpusPerTask;
  const classes = chooseClasses(shape, on);
  while (places.length < shape.tasks) {
    const left = shape.tasks - places.length;
    const bank = present(
      tightest(classes, on, left * size) ?? roomiest(classes, on, size),
      'a gang that fits by count has a bank for each task',
      `${shape.key} on ${on}, ${places.length} placed`,
    );
    work.spend(1);
    const here = Math.min(left, Math.floor(bank[on] / size));
    for (let count = 0; count < here; count++) {
      const place = { task: places.length, node: bank.node, slots: chooseSlots(bank, on, size) };
      take(place);
      places.push(place);
    }
  }
  return places;
}

/** A gang stays among equal GPUs of one pool where they suffice: there, where least is left. */
function chooseClasses(shape: Shape, on: 'free' | 'potential'): readonly BankClass[] {
  if (shape.tasks === 1 || shape.classes.length === 1) return shape.classes;
  let best: BankClass | null = null;
  for (const bankClass of shape.classes) {
    if (bankClass[on].portions(shape.gpusPerTask, shape.tasks) < shape.tasks) continue;
    if (best === null || gpusOf(bankClass, on) < gpusOf(best, on)) best = bankClass;
  }
  return best ? [best] : shape.classes;
}

function gpusOf(bankClass: BankClass, on: 'free' | 'potential'): number {
  return on === 'free' ? bankClass.freeGpus : bankClass.potentialGpus;
}

/** The bank with the fewest GPUs that still has so many; ties by the node's name. */
function tightest(classes: readonly BankClass[], on: 'free' | 'potential', need: number): Bank | null {
  let best: Bank | null = null;
  let bestLevel = Infinity;
  for (const bankClass of classes) {
    const index = bankClass[on];
    for (let level = need; level <= Math.min(bestLevel, index.maxLevel); level++) {
      if (index.count(level) === 0) continue;
      const bank = bankClass.banks[index.first(level)] ?? null;
      if (bank !== null && (level < bestLevel || best === null || compareNames(bank.node.name, best.node.name) < 0)) {
        best = bank;
        bestLevel = level;
      }
      break;
    }
  }
  return best;
}

/** The bank that takes the most tasks of this size; among these the one with the fewest GPUs. */
function roomiest(classes: readonly BankClass[], on: 'free' | 'potential', size: number): Bank | null {
  let most = 0;
  for (const bankClass of classes) {
    const index = bankClass[on];
    let level = index.maxLevel;
    while (level >= size && index.count(level) === 0) level--;
    most = Math.max(most, Math.floor(level / size));
  }
  return most === 0 ? null : tightest(classes, on, most * size);
}

/** Lowest indices first; of leaving and free ones, the leaving. */
function chooseSlots(bank: Bank, on: 'free' | 'potential', count: number): Slot[] {
  const open = bank.slots.filter((slot) => slot.healthy && slot.claimer === null);
  const free = open.filter((slot) => slot.holder === null);
  if (on === 'free') return free.slice(0, count);
  const leaving = open.filter((slot) => slot.holder !== null && slot.leaving);
  return [...leaving, ...free].slice(0, count).sort((a, b) => a.index - b.index);
}

function placeWithoutGpus(shape: Shape, work: WorkBudget, take: (place: TaskPlace) => void): TaskPlace[] {
  const places: TaskPlace[] = [];
  while (places.length < shape.tasks) {
    const node = present(leastBusy(shape), 'a gang that fits by count has a node for each task', shape.key);
    work.spend(1);
    const place = { task: places.length, node, slots: [] };
    take(place);
    places.push(place);
  }
  return places;
}

function leastBusy(shape: Shape): NodeEntry | null {
  for (const tier of shape.tiers) {
    const level = tier.lowestLevel();
    if (level < MAX_TASKS_PER_NODE) return tier.first(level);
  }
  return null;
}

// The place where work that found no room can start first: running work is supposed to end, by its time limits, until the
// workload fits. A count over banks (timetable.ts) tells when and roughly where; then those who hold that are supposed to
// have left, and the code that places everything else says where exactly, so that topology, CPU, memory and labels count.
// Called with the view at rest, while the places of other reservations are withheld. Cost: one look at every GPU of the
// classes asked for, and a search among the most promising banks.
import { admits, type Ask, partsIn } from './asks.js';
import {
  asAllocation,
  type Endings,
  EndlessRow,
  freeFromMs,
  type Holder,
  mayBeAwaited,
  type Row,
  type SlotEnds,
} from './endings.js';
import type { Bank, Hold, NodeEntry } from './nodes.js';
import { type Placing, placeShape } from './place.js';
import { type Outlook, PlacesOutlook } from './outlook.js';
import { mayFit, type Shape, type ShapePart } from './shapes.js';
import { type Candidate, earliestStart } from './timetable.js';
import type { AllocationEntry, TaskPlace, WorkloadEntry } from './workloads.js';

/** Banks among which the timetable looks, at least: as many as there are tasks, or this many. */
const MIN_CANDIDATES = 512;
/** Domains of a required level that are tried in earnest, the earliest first. */
const MAX_DOMAINS_TRIED = 4;

/** What is asked. */
export interface EarliestQuestion {
  readonly workload: WorkloadEntry;
  readonly shape: Shape;
  readonly mayUsePool: (pool: string) => boolean;
  /** When running work will have given back what it holds. */
  readonly endings: Endings;
}

export interface EarliestPlace {
  readonly places: readonly TaskPlace[];
  readonly outlook: Outlook;
}

/**
 * The place of the earliest known start; if none is known, one where the fewest GPUs have to be waited for.
 * @returns null when it would not fit even if everything ended, or nothing was found that does
 */
export function findEarliestPlace(placing: Placing, question: EarliestQuestion): EarliestPlace | null {
  const { shape } = question;
  const parts = shape.parts.filter(({ ask }) => ask.unit !== 'none').sort((a, b) => b.ask.gpus - a.ask.gpus);
  const supply = parts.map((part) => rowsFor(placing, question, part));
  const guesses = domainsFor(placing, shape)
    .flatMap((isInside) => guess(placing, question, parts, supply, isInside) ?? [])
    .sort((a, b) => (a.startMs === b.startMs ? a.endlessUnits - b.endlessUnits : a.startMs - b.startMs));
  for (const each of guesses.slice(0, MAX_DOMAINS_TRIED)) {
    const places = placeAfter(placing, question, each);
    if (places === null) continue;
    return { places, outlook: new PlacesOutlook(question.workload, places).as(question.endings) };
  }
  return null;
}

// --- what there is ---

/** A bank that may be waited for: until when, and for how many without an end. */
interface Option {
  readonly bank: Bank;
  readonly startMs: number;
  readonly endless: number;
  /** Its row, where that is known already. */
  readonly row: Row | null;
}

function rowsFor({ work, nowMs, trial }: Placing, question: EarliestQuestion, part: ShapePart): Row[] {
  const { ask, count } = part;
  const { topology } = question.shape;
  const { endings } = question;
  const found: Option[] = [];
  const admitsAll = !ask.isPicky && trial.view.nodes.toMaintain.size === 0;
  for (const bankClass of ask.classes) {
    if (!question.mayUsePool(bankClass.pool)) continue;
    const parts = partsIn(ask, bankClass);
    const look = (bank: Bank, option: Option | null): void => {
      if (option !== null && (admitsAll || admits(bank.node, ask, nowMs))) found.push(option);
    };
    work.spend(bankClass.banks.length);
    if (ask.unit === 'whole') {
      endings.ofClass(bankClass).forEach(ask.gpus, endings, (bank, ends) => {
        look(bank, ends === null ? optionBySlots(bank, ask, parts, endings) : optionAt(bank, ask, ends, endings));
      });
      continue;
    }
    for (const bank of bankClass.banks) {
      if (bank.usable >= ask.gpus) look(bank, optionBySlots(bank, ask, parts, endings));
    }
  }
  const isBounded = topology?.required === true || part.topology?.required === true;
  const most = isBounded ? found.length : Math.max(MIN_CANDIDATES, count);
  return firstOf(found, most).flatMap(({ bank, row }) => row ?? rowsOf(bank, part, question.endings));
}

/** When a bank has the slots for one task; null = it has too few that may be waited for. */
function optionAt(bank: Bank, ask: Ask, { endMs, awaited, timed, free }: SlotEnds, endings: Endings): Option | null {
  if (Number.isNaN(endMs)) return null;
  const { gpus, cpuMilli, memoryMib } = ask;
  const row =
    timed === free
      ? new EndlessRow(bank, free, awaited - free, mostTasks(bank.node, cpuMilli, memoryMib), endings.nowMs)
      : null;
  return { bank, startMs: endings.ahead(endMs), endless: Math.max(0, gpus - timed), row };
}

/** The same where more than records has to be asked. */
function optionBySlots(bank: Bank, { gpus }: Ask, parts: number, endings: Endings): Option | null {
  const ends: number[] = [];
  for (const slot of bank.slots) if (mayBeAwaited(slot)) ends.push(freeFromMs(slot, parts, null, endings.of));
  if (ends.length < gpus) return null;
  const first = ends.sort(compareTimes).slice(0, gpus);
  const endless = first.filter((endMs) => endMs === Infinity).length;
  return { bank, startMs: Math.max(...first), endless, row: null };
}

/** Those with the earliest start, then those with the fewest slots without an end, then as they come. Cost: linear, but for the starts that are known. */
function firstOf(options: readonly Option[], most: number): readonly Option[] {
  if (options.length <= most) return options;
  const timed = options.filter(({ startMs }) => startMs !== Infinity);
  const first = timed.sort((a, b) => compareTimes(a.startMs, b.startMs)).slice(0, most);
  const byEndless: Option[][] = [];
  for (const option of options) if (option.startMs === Infinity) (byEndless[option.endless] ??= []).push(option);
  for (const equals of byEndless) {
    if (first.length >= most) break;
    if (equals !== undefined) first.push(...equals.slice(0, most - first.length));
  }
  return first;
}

function rowsOf(bank: Bank, { ask }: ShapePart, endings: Endings): Row[] {
  const parts = partsIn(ask, bank.bankClass);
  const known = ask.unit === 'whole' ? endings.plainEndsOf(bank) : null;
  if (known !== null && ask.cpuMilli + ask.memoryMib === 0) return [known];
  const maxTasks = mostTasks(bank.node, ask.cpuMilli, ask.memoryMib);
  if (known !== null) return [{ bank, free: known.free, held: known.held, endless: known.endless, maxTasks }];
  const slots = bank.slots.filter(mayBeAwaited);
  if (ask.unit === 'share' && ask.gpus === 1) {
    return slots.map((slot) => ({
      bank,
      free: slot.free,
      held: slot.holds.map((hold) => ({ units: hold.parts, endMs: endings.of(hold), holds: [hold] })),
      endless: null,
      maxTasks,
    }));
  }
  const held: Holder[] = [];
  let free = 0;
  for (const slot of slots) {
    const endMs = freeFromMs(slot, parts, null, endings.of);
    if (endMs === -Infinity) free++;
    else held.push({ units: 1, endMs, holds: slot.holds });
  }
  return [{ bank, free, held, endless: null, maxTasks }];
}

function mostTasks({ cpu, memory }: NodeEntry, cpuMilli: number, memoryMib: number): number {
  if (cpuMilli + memoryMib === 0) return Infinity;
  const byCpu = cpuMilli > 0 ? Math.floor(cpu.capacity / cpuMilli) : Infinity;
  return memoryMib > 0 ? Math.min(byCpu, Math.floor(memory.capacity / memoryMib)) : byCpu;
}

/** Infinity is a time like any other. */
function compareTimes(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

// --- when and about where ---

interface Guess {
  readonly startMs: number;
  readonly endlessUnits: number;
  /** Who must have left. */
  readonly leaving: readonly Hold[];
  /** The rows looked at. */
  readonly rows: readonly Row[];
}

type IsInside = (node: NodeEntry) => boolean;

/** Where all tasks must be together; without such a rule, the cluster. */
function domainsFor({ trial }: Placing, { topology, parts }: Shape): IsInside[] {
  const [only] = parts;
  const rule = topology ?? (parts.length === 1 && only ? only.topology : null);
  if (rule?.required !== true) return [() => true];
  const { domains } = trial.view.nodes;
  if (rule.level === 'rack' || rule.level === 'block') {
    return [...domains.values()]
      .filter(({ level }) => level === rule.level)
      .map(
        ({ nodes }) =>
          (node) =>
            nodes.has(node),
      );
  }
  const nodes = new Set(parts.flatMap(({ ask }) => ask.classes.flatMap(({ banks }) => banks.map(({ node }) => node))));
  return [...nodes].map((wanted) => (node) => node === wanted);
}

/** Each part after the other, the largest tasks first; what one takes the next does not. */
function guess(
  placing: Placing,
  { workload }: EarliestQuestion,
  parts: readonly ShapePart[],
  supply: readonly (readonly Row[])[],
  isInside: IsInside,
): Guess | null {
  const taken = new Map<Bank, number>();
  const leaving: Hold[] = [];
  const used: Row[] = [];
  let startMs = placing.nowMs;
  let endlessUnits = 0;
  for (const [index, { ask, count }] of parts.entries()) {
    const rows = (supply[index] ?? []).filter(({ bank }) => isInside(bank.node));
    used.push(...rows);
    const unitsPerTask = ask.unit === 'share' && ask.gpus === 1 ? sharedParts(rows, ask) : ask.gpus;
    if (rows.length === 0) return null;
    const candidates = rows.map((row, node) => new RowAsCandidate(row, node, taken.get(row.bank) ?? 0));
    const found = earliestStart(candidates, { tasks: count, unitsPerTask }, placing.nowMs);
    if (found === null) return null;
    startMs = Math.max(startMs, found.startMs ?? Infinity);
    endlessUnits += found.endlessUnits;
    for (const { node, units, waitsFor } of found.places) {
      const bank = rows[node]?.bank;
      if (bank) taken.set(bank, (taken.get(bank) ?? 0) + units);
      for (const { holds } of waitsFor) leaving.push(...holds);
    }
  }
  return { startMs, endlessUnits, leaving: leaving.filter((hold) => hold.workload !== workload), rows: used };
}

/** A row of which some units are taken. Who holds others is looked up when asked for. */
class RowAsCandidate implements Candidate<Holder> {
  readonly node: number;
  readonly free: number;
  readonly endless: number | null;
  readonly maxTasks: number;
  readonly #row: Row;

  constructor(row: Row, node: number, taken: number) {
    this.node = node;
    this.free = row.free - taken;
    this.endless = row.endless;
    this.maxTasks = row.maxTasks;
    this.#row = row;
  }

  get held(): readonly Holder[] {
    return this.#row.held;
  }
}

function sharedParts(rows: readonly Row[], ask: ShapePart['ask']): number {
  return rows.reduce((most, { bank }) => Math.max(most, partsIn(ask, bank.bankClass)), 1);
}

// --- where exactly ---

/** Supposes ever more of them to have left, until it can be placed. */
function placeAfter(placing: Placing, question: EarliestQuestion, found: Guess): readonly TaskPlace[] | null {
  const endsBy = (startMs: number): Hold[] =>
    found.rows.flatMap(({ held }) => held.flatMap(({ endMs, holds }) => (endMs <= startMs ? holds : [])));
  const attempts = [() => found.leaving, () => endsBy(found.startMs), () => endsBy(Infinity)];
  for (const attempt of attempts) {
    const places = placeIfLeft(placing, question, attempt());
    if (places !== null) return places;
  }
  return null;
}

function placeIfLeft(
  placing: Placing,
  { workload, shape }: EarliestQuestion,
  holds: readonly Hold[],
): readonly TaskPlace[] | null {
  const { trial } = placing;
  const leaving = [...new Set(holds)].flatMap((hold) => (hold.leaving ? [] : (asAllocation(hold) ?? [])));
  for (const allocation of leaving) setLeaving(placing, allocation, true);
  const mark = trial.mark();
  const places = mayFit(shape, 'potential')
    ? placeShape(placing, workload, shape, 'potential', null, 'borrowed')
    : null;
  trial.rollback(mark);
  for (const allocation of leaving) setLeaving(placing, allocation, false);
  return places;
}

function setLeaving({ trial }: Placing, allocation: AllocationEntry, leaving: boolean): void {
  const { nodes } = trial.view;
  const sign = leaving ? 1 : -1;
  allocation.leaving = leaving;
  for (const slot of allocation.slots) nodes.leave(slot, allocation, sign);
  nodes.count(allocation.node, 'leaving', allocation.cpuMilli, allocation.memoryMib, sign);
}

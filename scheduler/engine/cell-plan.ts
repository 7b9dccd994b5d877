// Where a gang goes in cells that its queue was promised: task by task into the fullest cell that is its already, else into one
// that it may open. Looks at rights alone, not at who is there: borrowed work in the way is to go. What is chosen inside a
// queue's cells depends on nothing outside of them; so whatever fits on machines of its own fits here (see cells.ts).
import type { TopologyLevel, TopologyRule } from '../model/records.js';
import { GPU_PARTS } from '../model/requests.js';
import { admits, type Ask, partsIn } from './asks.js';
import type { Secured } from './cell-holdings.js';
import { type Right, SURPLUS_ACCOUNT } from './cell-ledger.js';
import { type CellRoom, type CellUse, SURPLUS } from './cell-words.js';
import { MAX_TASKS_PER_NODE, type NodeEntry, type Slot } from './nodes.js';
import type { Placing } from './place.js';
import type { ShapePart } from './shapes.js';

/** The place of one task. */
export interface PlannedTask {
  readonly part: ShapePart;
  /** Which of the part's tasks it is, from 0. */
  readonly number: number;
  readonly slots: readonly Slot[];
  readonly secured: Secured;
}

/** What is to be placed. */
export interface CellQuestion {
  readonly right: Right;
  /** Those that ask for GPUs in cells, the hardest first. */
  readonly parts: readonly ShapePart[];
  readonly rule: TopologyRule | null;
  readonly ruleOf: (part: ShapePart) => TopologyRule | null;
  /** Where tasks are already that these have to join: they must be in the same domain. */
  readonly anchors: readonly NodeEntry[];
  readonly anchorsOf: (part: ShapePart) => readonly NodeEntry[];
  /** Whether the slots would do as they are, so that nobody has to leave: cells that do are opened first. */
  readonly isFree: (slot: Slot, parts: number) => boolean;
  /** Whether a place may be had at all. */
  readonly isOpen: (slot: Slot, parts: number) => boolean;
}

/**
 * Plans all tasks into promised cells.
 * @returns null when the queue has no right to so much of them; the trial is as before in any case
 */
export function planInCells(placing: Placing, question: CellQuestion): PlannedTask[] | null {
  const { trial } = placing;
  const mark = trial.mark();
  for (const account of question.right.accounts) {
    const plan = new CellPlan(placing, question, account);
    const found = plan.find();
    trial.rollback(mark);
    if (found) return found;
  }
  if (question.right.accounts.length < 2 || question.rule !== null) return null;
  // What does not fit in the cells of one queue may in those of all above it together.
  const found = new CellPlan(placing, question, null).find();
  trial.rollback(mark);
  return found;
}

/**
 * Plans all tasks on GPUs that nobody is owed, where the fewest borrowed ones are in the way.
 * @returns null when there are none; the trial is as before in any case
 */
export function planOnSurplus(placing: Placing, question: CellQuestion): PlannedTask[] | null {
  const { trial } = placing;
  const { cells } = trial.view;
  if (cells === null || question.rule !== null) return null;
  const mark = trial.mark();
  const secured = { account: SURPLUS_ACCOUNT, protector: question.right.protector, opens: SURPLUS };
  const found: PlannedTask[] = [];
  for (const part of question.parts) {
    const { ask, count } = part;
    if (question.ruleOf(part) !== null) break;
    for (let number = 0; number < count; number++) {
      placing.work.spend(1);
      const request = {
        queue: SURPLUS_ACCOUNT,
        gpus: ask.gpus,
        level: 'node',
        kinds: cells.kindsOf(ask.classes),
      } as const;
      const slots = cells.cells.choose(request)?.gpus.map((gpu) => cells.slotOf(gpu));
      if (!slots || !slots.every((slot) => question.isOpen(slot, partsOn(slot, ask)) && mayTake(placing, slot, ask))) {
        trial.rollback(mark);
        return null;
      }
      if (!trial.enterCells(slots, secured)) break;
      found.push({ part, number, slots, secured });
    }
  }
  trial.rollback(mark);
  return found.length === question.parts.reduce((sum, { count }) => sum + count, 0) ? found : null;
}

/** Where a part of a plan is confined to. */
interface Confines {
  readonly allows: (slot: Slot) => boolean;
  /** An unbound cell that the first task opens, with its GPUs in order; null = none. */
  readonly opening: CellRoom | null;
}

const ANYWHERE: Confines = { allows: () => true, opening: null };

class CellPlan {
  readonly #placing: Placing;
  readonly #question: CellQuestion;
  readonly #accounts: readonly string[];
  readonly #found: PlannedTask[] = [];

  constructor(placing: Placing, question: CellQuestion, account: string | null) {
    this.#placing = placing;
    this.#question = question;
    this.#accounts = account === null ? question.right.accounts : [account];
  }

  find(): PlannedTask[] | null {
    const { parts, rule, anchors } = this.#question;
    return this.#together(rule, anchors, parts, ANYWHERE, (confines) => this.#planParts(confines)) ? this.#found : null;
  }

  #planParts(confines: Confines): boolean {
    let inner = confines;
    return this.#question.parts.every((part) => {
      const { ruleOf, anchorsOf } = this.#question;
      const isPlanned = this.#together(ruleOf(part), anchorsOf(part), [part], inner, (each) =>
        this.#planPart(part, each),
      );
      // The first task opened the cell.
      inner = { ...inner, opening: null };
      return isPlanned;
    });
  }

  /** With a topology rule: inside one cell of its level, the fullest first; without one, or as a last wish, anywhere. */
  #together(
    rule: TopologyRule | null,
    anchors: readonly NodeEntry[],
    parts: readonly ShapePart[],
    outer: Confines,
    attempt: (confines: Confines) => boolean,
  ): boolean {
    if (rule === null) return attempt(outer);
    const { trial } = this.#placing;
    const mark = trial.mark();
    const count = this.#found.length;
    const undo = (): void => {
      trial.rollback(mark);
      this.#found.length = count;
    };
    for (const confines of this.#confines(rule, anchors, parts, outer)) {
      if (attempt(confines)) return true;
      undo();
    }
    if (!rule.required && attempt(outer)) return true;
    undo();
    return false;
  }

  *#confines(
    rule: TopologyRule,
    anchors: readonly NodeEntry[],
    parts: readonly ShapePart[],
    outer: Confines,
  ): Generator<Confines> {
    if (anchors.length > 0) {
      const isNear = (slot: Slot): boolean => anchors.some((node) => isInOneDomain(node, slot.bank.node, rule.level));
      yield { ...outer, allows: (slot) => outer.allows(slot) && isNear(slot) };
      return;
    }
    if (outer.opening !== null) {
      yield outer;
      return;
    }
    const gpus = parts.reduce((sum, { ask, count }) => sum + ask.gpus * count, 0);
    const classes = parts[0]?.ask.classes ?? [];
    for (const account of this.#accounts) {
      for (const room of this.#rooms(account, gpus, rule.level, classes)) {
        const { cells } = this.#placing.trial.view;
        const inside = new Set(room.gpus.map((gpu) => cells?.slotOf(gpu)));
        yield {
          allows: (slot) => inside.has(slot) && outer.allows(slot),
          opening: room.opens === null ? null : room,
        };
      }
    }
  }

  #rooms(account: string, gpus: number, level: TopologyLevel, classes: Ask['classes']): Iterable<CellRoom> {
    const { cells } = this.#placing.trial.view;
    return cells === null ? [] : cells.cells.rooms({ queue: account, gpus, level, kinds: cells.kindsOf(classes) });
  }

  #planPart(part: ShapePart, confines: Confines): boolean {
    let inner = confines;
    for (let number = 0; number < part.count; number++) {
      this.#placing.work.spend(1);
      const place = this.#planTask(part.ask, inner);
      if (place === null) return false;
      inner = { ...inner, opening: null };
      this.#found.push({ part, number, ...place });
    }
    return true;
  }

  #planTask(ask: Ask, confines: Confines): { slots: Slot[]; secured: Secured } | null {
    const { protector } = this.#question.right;
    for (const account of this.#accounts) {
      if (confines.opening !== null) {
        const slots = this.#firstTogether(confines.opening.gpus, ask, confines);
        const secured = { account, protector, opens: confines.opening.opens };
        if (slots && this.#placing.trial.enterCells(slots, secured)) return { slots, secured };
        continue;
      }
      const joined = ask.unit === 'share' ? this.#joinable(account, ask, confines) : null;
      const chosen = joined ? { slots: joined, opens: null } : this.#choose(account, ask, confines);
      if (chosen === null) continue;
      const secured = { account, protector, opens: chosen.opens };
      if (this.#placing.trial.enterCells(chosen.slots, secured)) return { slots: chosen.slots, secured };
    }
    return null;
  }

  /** GPUs of one node that shares of the same account are on already, and that have room for another. */
  #joinable(account: string, ask: Ask, confines: Confines): Slot[] | null {
    const byNode = new Map<NodeEntry, Slot[]>();
    for (const slot of this.#placing.trial.view.cells?.usedBy(account) ?? []) {
      const parts = partsOn(slot, ask) + this.#plannedOn(slot);
      if (!this.#isOpen(slot, ask, confines) || !this.#question.isFree(slot, parts)) continue;
      const slots = byNode.get(slot.bank.node) ?? [];
      byNode.set(slot.bank.node, slots);
      if (slots.push(slot) === ask.gpus) return slots;
    }
    return null;
  }

  /** What this plan has put there. */
  #plannedOn(slot: Slot): number {
    return this.#found.reduce((sum, { slots, part }) => sum + (slots.includes(slot) ? partsOn(slot, part.ask) : 0), 0);
  }

  #choose(account: string, ask: Ask, confines: Confines): { slots: Slot[]; opens: CellUse | null } | null {
    let first: { slots: Slot[]; opens: CellUse } | null = null;
    for (const { gpus, opens } of this.#rooms(account, ask.gpus, 'node', ask.classes)) {
      // Of cells of one size any will do.
      if (first !== null && opens?.gpus !== first.opens.gpus) break;
      const slots = this.#firstTogether(gpus, ask, confines);
      if (slots === null) continue;
      if (opens === null || slots.every((slot) => this.#question.isFree(slot, partsOn(slot, ask))))
        return { slots, opens };
      first ??= { slots, opens };
    }
    return first;
  }

  /** The first GPUs of one node that would do. */
  #firstTogether(gpus: readonly number[], ask: Ask, confines: Confines): Slot[] | null {
    const { cells } = this.#placing.trial.view;
    let slots: Slot[] = [];
    for (const gpu of gpus) {
      const slot = cells?.slotOf(gpu);
      if (!slot || !this.#isOpen(slot, ask, confines)) continue;
      if (slots[0]?.bank !== slot.bank) slots = [];
      slots.push(slot);
      if (slots.length === ask.gpus) return slots;
    }
    return null;
  }

  #isOpen(slot: Slot, ask: Ask, { allows }: Confines): boolean {
    return allows(slot) && this.#question.isOpen(slot, partsOn(slot, ask)) && mayTake(this.#placing, slot, ask);
  }
}

function mayTake({ nowMs }: Placing, { bank }: Slot, ask: Ask): boolean {
  const { node, bankClass } = bank;
  return (
    ask.classes.includes(bankClass) && node.available && node.tasks < MAX_TASKS_PER_NODE && admits(node, ask, nowMs)
  );
}

function partsOn({ bank }: Slot, ask: Ask): number {
  return ask.unit === 'share' ? partsIn(ask, bank.bankClass) : GPU_PARTS;
}

function isInOneDomain(a: NodeEntry, b: NodeEntry, level: TopologyLevel): boolean {
  if (level === 'rack' || level === 'block')
    return a.domains.some((domain) => domain.level === level && domain.nodes.has(b));
  return a === b;
}

// A supposition: changes that are not real, fed to the view as the control loop feeds it real ones, decided upon by the
// engine, carried out on a draft nobody takes, and at the end all taken back. State, store and revisions are never touched;
// the view is as it was, down to what it remembers (memo.ts), whether the engine was at rest or not.
import { Draft } from '../model/draft.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Allocation, CollectionName, Collections, RecordChange } from '../model/records.js';
import type { Decision, StepResult } from './decisions.js';
import { step } from './engine.js';
import { Memo } from './memo.js';
import type { ClusterView } from './view.js';

/** Work units of one call of the engine: as many as the control loop gives it, so that a what-if decides as that does. */
export const STEP_WORK_UNITS = 20_000;
/** Steps of one what-if, so that it ends even where steps cost nothing. */
const MAX_STEPS = 10_000;

/** What a what-if needs of the world. */
export interface WhatIfMeans {
  /** The present, milliseconds since 1970. All decisions are made as of now. */
  readonly nowMs: number;
  /** Turns a decision into changes of a draft, as the control loop does. */
  readonly carryOut: (draft: Draft, decision: Decision, nowMs: number) => void;
  /** Work units it may spend in all. */
  readonly workUnits: number;
  /** Asked between steps; false = it has taken long enough. */
  readonly mayGoOn: () => boolean;
}

/** Sees each decision just before it is carried out. */
export type Observer = (decision: Decision, draft: Draft) => void;

export class WhatIf {
  readonly #view: ClusterView;
  readonly #state: ReadableState;
  readonly #means: WhatIfMeans;
  readonly #memo: Memo;
  /** What the view was told, in order. */
  #told: RecordChange[] = [];
  /** Records that are not supposed to be as they are: null = gone. */
  readonly #supposed = new Map<string, Collections[CollectionName] | null>();
  #workUnits = 0;
  #steps = 0;
  /** Puts the ledger of cells back, once anything was supposed. */
  #restoreCells: (() => void) | null = null;

  constructor(view: ClusterView, state: ReadableState, means: WhatIfMeans) {
    this.#view = view;
    this.#state = state;
    this.#means = means;
    view.moveTo(means.nowMs);
    this.#memo = new Memo(view);
    view.supposing = true;
  }

  /** The supposed state, to read from: the real one with the suppositions, and what follows from them, on top. */
  get draft(): Draft {
    return new Draft(this.#state, { get: (collection, key) => this.#get(collection, key) });
  }

  /** Work done so far. */
  get workUnits(): number {
    return this.#workUnits;
  }

  /** False once the budget is spent or the time is over. */
  get mayGoOn(): boolean {
    const { workUnits, mayGoOn } = this.#means;
    return this.#workUnits < workUnits && this.#steps < MAX_STEPS && mayGoOn();
  }

  /** Supposes a change. */
  suppose<T>(change: (draft: Draft) => T): T {
    const { draft } = this;
    const value = change(draft);
    this.#take(draft);
    return value;
  }

  /**
   * Lets the engine decide until it has nothing more to say; nobody leaves meanwhile.
   * @returns false when the budget ended before that
   */
  settle(observe: Observer): boolean {
    const { nowMs, carryOut, workUnits } = this.#means;
    while (this.mayGoOn) {
      const result = this.#step(nowMs, Math.min(STEP_WORK_UNITS, workUnits - this.#workUnits));
      this.#workUnits += result.workUnits;
      this.#steps += 1;
      for (const decision of result.decisions) {
        this.suppose((draft) => {
          observe(decision, draft);
          carryOut(draft, decision, nowMs);
        });
      }
      if (result.complete && result.decisions.length === 0) return true;
    }
    return false;
  }

  /** The supposed record of an allocation that is held in the real state. Cheap where nothing is supposed of it. */
  supposed(allocation: Allocation): Allocation | null {
    const known = this.#supposed.get(`allocations/${allocation.id}`);
    return known === undefined ? allocation : (known as Allocation | null);
  }

  /** Takes everything back. To be called whatever happened, and last. */
  withdraw(): void {
    for (const { collection, key, before, after } of this.#told.toReversed()) {
      this.#view.apply({ collection, key, before: after, after: before } as RecordChange);
    }
    this.#told = [];
    this.#supposed.clear();
    this.#restoreCells?.();
    this.#restoreCells = null;
    this.#memo.restore();
    this.#view.supposing = false;
  }

  /** Reservations hold in a supposition, and stay as they are. */
  #step(nowMs: number, budget: number): StepResult {
    const { reservations } = this.#view;
    reservations.frozen = true;
    const result = step(this.#view, nowMs, budget);
    reservations.frozen = false;
    return result;
  }

  #get<C extends CollectionName>(collection: C, key: string): Collections[C] | undefined {
    const supposed = this.#supposed.get(`${collection}/${key}`);
    if (supposed === undefined) return this.#state.get(collection, key);
    return (supposed ?? undefined) as Collections[C] | undefined;
  }

  #take(draft: Draft): void {
    for (const change of draft.changes()) {
      this.#restoreCells ??= this.#view.supposeCells();
      this.#supposed.set(`${change.collection}/${change.key}`, change.after);
      this.#view.apply(change);
      this.#told.push(change);
    }
  }
}

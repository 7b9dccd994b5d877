// How much one step may do, and one search in it. A unit is one node scored, one shape tried, or one victim taken.

/**
 * Units of one search for victims. A search cannot be left and taken up again, so this bounds how long a step may last
 * beyond its budget. To take back a cluster of 80,000 GPUs for one gang costs three units a victim and one a node: 250,000.
 */
export const SEARCH_UNITS = 300_000;

/** Searches for GPUs to take back. Those not found and not cut short are known to have no answer. */
export interface SearchCounts {
  tried: number;
  found: number;
  /** Given up: "not found within budget". */
  cutShort: number;
}

/** Counts units of work. */
export class WorkBudget {
  used = 0;
  readonly searches: SearchCounts = { tried: 0, found: 0, cutShort: 0 };
  readonly #units: number;
  readonly #searchUnits: number;

  constructor(units: number, searchUnits = SEARCH_UNITS) {
    this.#units = Math.max(1, units);
    this.#searchUnits = Math.max(1, searchUnits);
  }

  spend(units: number): void {
    this.used += units;
  }

  /** True when nothing new should be begun. What has begun is finished. */
  get isSpent(): boolean {
    return this.used >= this.#units;
  }

  /** Begins a search, which asks whether it may go on, and says how it ended. */
  beginSearch(): SearchBudget {
    this.searches.tried++;
    return new SearchBudget(this, this.#searchUnits);
  }
}

/** The bound of one search. */
export class SearchBudget {
  readonly #work: WorkBudget;
  readonly #units: number;
  readonly #endsAt: number;
  #wasSpent = false;

  constructor(work: WorkBudget, units: number) {
    this.#work = work;
    this.#units = units;
    this.#endsAt = work.used + units;
  }

  /** True when the search must look no further. */
  get isSpent(): boolean {
    if (this.#work.used < this.#endsAt) return false;
    this.#wasSpent = true;
    return true;
  }

  /**
   * Ends the search.
   * @returns the units after which it was cut short: nothing was found, and more could have been looked at; 0 = it was not
   */
  end(found: boolean): number {
    if (found) this.#work.searches.found++;
    if (found || !this.#wasSpent) return 0;
    this.#work.searches.cutShort++;
    return this.#units;
  }
}

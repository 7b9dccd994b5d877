// How much one step may do. A unit is one node scored or one shape tried.

/** Counts units of work. */
export class WorkBudget {
  used = 0;
  readonly #units: number;

  constructor(units: number) {
    this.#units = Math.max(1, units);
  }

  spend(units: number): void {
    this.used += units;
  }

  /** True when nothing new should be begun. What has begun is finished. */
  get isSpent(): boolean {
    return this.used >= this.#units;
  }
}

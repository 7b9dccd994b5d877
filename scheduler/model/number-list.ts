// Numbers of workloads in order, from which many go: those that are gone are passed over, and dropped all at once when they are
// the most, since a million workloads may share a list.
import type { WorkloadNumber } from '../../common/ids.js';

/** Whether the record of a workload is there. */
type IsThere = (number: WorkloadNumber) => boolean;

/** Numbers, the lowest first. */
export class NumberList {
  #numbers: WorkloadNumber[] = [];
  #gone = 0;
  readonly #isThere: IsThere;

  constructor(isThere: IsThere) {
    this.#isThere = isThere;
  }

  /** Whether none is left. */
  get isEmpty(): boolean {
    return this.#gone === this.#numbers.length;
  }

  /** Nearly always the highest yet. */
  add(number: WorkloadNumber): void {
    const last = this.#numbers.at(-1);
    if (last === undefined || last < number) this.#numbers.push(number);
    else this.#numbers.splice(this.#firstFrom(number), 0, number);
  }

  /** One of them is gone. */
  forgetOne(): void {
    this.#gone += 1;
    if (this.#gone * 2 <= this.#numbers.length) return;
    this.#numbers = this.#numbers.filter(this.#isThere);
    this.#gone = 0;
  }

  /** Those that are there below a number, the highest first. Passes over what is gone: no more than is there, in all. */
  *newestFirst(below = Infinity): Generator<WorkloadNumber, void> {
    const numbers = this.#numbers;
    for (let at = this.#firstFrom(below) - 1; at >= 0; at -= 1) {
      const number = numbers[at];
      if (number !== undefined && this.#isThere(number)) yield number;
    }
  }

  /** The position of the first number that is not below. */
  #firstFrom(bound: number): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[middle] ?? Infinity) < bound) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

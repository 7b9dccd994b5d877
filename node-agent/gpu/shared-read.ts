// Keeps slow reads from piling up: one runs at a time, and all who ask meanwhile share the next one, which begins after
// they asked and so shows nothing older than their question.

/** @typeParam T what a read gives */
export class SharedRead<T> {
  readonly #read: () => Promise<T>;
  #running: Promise<T> | null = null;
  #next: Promise<T> | null = null;

  /** @param read never rejects */
  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  /** The result of a read that begins now or later. */
  ask(): Promise<T> {
    if (this.#running === null) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<T> {
    const reading = this.#read().then((result) => {
      // When somebody waits, the place is kept for the next read, or a third caller could slip in beside it.
      if (this.#next === null) this.#running = null;
      return result;
    });
    this.#running = reading;
    return reading;
  }
}

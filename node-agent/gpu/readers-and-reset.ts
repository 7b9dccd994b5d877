// Lets many read at once, and one reset alone: it begins when those who read are done, and who comes meanwhile waits for its end.

export class ReadersAndReset {
  readonly #reading = new Set<Promise<unknown>>();
  #reset: Promise<unknown> = Promise.resolve();

  /** @param act never rejects */
  async read<T>(act: () => Promise<T>): Promise<T> {
    for (let last: Promise<unknown> | null = null; last !== this.#reset;) await (last = this.#reset);
    const reading = act();
    this.#reading.add(reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(reading);
    }
  }

  /** @param act never rejects */
  reset<T>(act: () => Promise<T>): Promise<T> {
    const before = this.#reset;
    const doing = before.then(async () => {
      await Promise.all(this.#reading);
      return act();
    });
    this.#reset = doing;
    return doing;
  }
}

// Counts things by their labels, for gauges.

export type Labels = Record<string, string>;

/** Counts things by their labels. Cost: one joined string a thing, since there may be 100,000 GPUs. */
export class Tally {
  readonly #counts = new Map<string, { readonly labels: Labels; count: number }>();

  /** What comes to 0 is not there any more. */
  add(labels: Labels, amount = 1): void {
    this.#addTo(Object.values(labels).join('\n'), labels, amount);
  }

  /** Adds all of another one, or takes it off again. */
  addAll(other: Tally, sign: 1 | -1): void {
    for (const [key, { labels, count }] of other.#counts) this.#addTo(key, labels, sign * count);
  }

  each(set: (labels: Labels, value: number) => void): void {
    for (const { labels, count } of this.#counts.values()) set(labels, count);
  }

  #addTo(key: string, labels: Labels, amount: number): void {
    const found = this.#counts.get(key);
    if (found === undefined) this.#counts.set(key, { labels, count: amount });
    else found.count += amount;
    if (found?.count === 0) this.#counts.delete(key);
  }
}

// Counts things by their labels, for gauges.

export type Labels = Record<string, string>;

/** Counts things by their labels. Cost: one joined string a thing, since there may be 100,000 GPUs. */
export class Tally {
  readonly #counts = new Map<string, { readonly labels: Labels; count: number }>();

  add(labels: Labels, amount = 1): void {
    const key = Object.values(labels).join('\n');
    const found = this.#counts.get(key);
    if (found === undefined) this.#counts.set(key, { labels, count: amount });
    else found.count += amount;
  }

  each(set: (labels: Labels, value: number) => void): void {
    for (const { labels, count } of this.#counts.values()) set(labels, count);
  }
}

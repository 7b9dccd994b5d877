// Which pairs of a state and an event a campaign has seen: what records went through, and in which states faults and wishes met them.

/** How often each pair was seen, by `workload running × daemon crash` and the like. */
export class Coverage {
  readonly counts = new Map<string, number>();

  note(kind: string, state: string, event: string): void {
    const cell = `${kind} ${state} × ${event}`;
    this.counts.set(cell, (this.counts.get(cell) ?? 0) + 1);
  }

  /** What another one has seen as well. */
  add(counts: Iterable<readonly [string, number]>): void {
    for (const [cell, count] of counts) this.counts.set(cell, (this.counts.get(cell) ?? 0) + count);
  }

  get cells(): number {
    return this.counts.size;
  }
}

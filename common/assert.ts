// Assertions that stay on in production: wrong is worse than down.

/** An invariant of the state does not hold. The daemon stops with the invariant's name. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';

  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`invariant "${invariant}" does not hold: ${detail}`);
    this.invariant = invariant;
  }
}

/** Throws {@link InvariantViolation} unless `holds`. */
export function invariant(holds: boolean, name: string, detail: string): asserts holds {
  if (!holds) throw new InvariantViolation(name, detail);
}

/** The value, which must be there. */
export function present<T>(value: T | null | undefined, name: string, detail: string): T {
  invariant(value !== null && value !== undefined, name, detail);
  return value;
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InvariantViolation('exhaustive switch', JSON.stringify(value));
}

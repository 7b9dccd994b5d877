// What is found where an invariant does not hold, and the error with which the daemon stops.
import { InvariantViolation } from '../../../common/assert.js';
import { INVARIANTS, type InvariantName } from './catalog.js';

/** One finding. */
export interface Violation {
  readonly name: InvariantName;
  /** What it is about: a GPU, a workload, a node. */
  readonly where: string;
  readonly expected: string;
  readonly found: string;
}

/** Takes findings; rules call it where something does not hold. */
export type Complain = (name: InvariantName, where: string, expected: string, found: string) => void;

/** In one line. */
export function violationText({ where, expected, found }: Violation): string {
  return `${where}: expected ${expected}, found ${found}`;
}

/** The state is broken, or a commit would break it. Nothing of that commit is written. */
export class BrokenInvariant extends InvariantViolation {
  readonly violation: Violation;

  /** @param written whether the broken state is what the store holds, or what was about to be written */
  constructor(violation: Violation, written: boolean) {
    const { says } = INVARIANTS[violation.name];
    const where = written ? 'The stored state is broken.' : 'Nothing of this change was written.';
    const advice = written
      ? 'Nothing was changed. Keep a copy of the data folder, then restore the last snapshot.'
      : 'What is on disk is sound: start the daemon again. If it stops again, keep its log and a copy of the data folder.';
    super(
      violation.name,
      `${violationText(violation)}\nIt says: ${says}.\n${where} ${advice}\n` +
        'Agents and their tasks go on meanwhile. See docs/administration.md, "When an invariant stops the daemon".',
    );
    this.violation = violation;
  }
}

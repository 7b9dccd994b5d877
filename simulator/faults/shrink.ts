// Makes the list of faults of a failing world as short as it can: delta debugging over the faults, with the same law broken.
import type { Plan } from './plan.js';
import { SILENT_LOG } from './silent-log.js';
import type { Violation } from './violation.js';
import { live } from './world.js';

/** Worlds that are tried at most for one failure. */
const MAX_TRIES = 120;

export interface Shrunk {
  /** The places of the faults that are needed. */
  readonly faults: readonly number[];
  readonly violation: Violation;
}

/** @param violation what the whole list led to */
export async function shrink(plan: Plan, violation: Violation): Promise<Shrunk> {
  let tries = 0;
  let best: Shrunk = { faults: plan.faults.map((_, at) => at), violation };
  const fails = async (faults: readonly number[]): Promise<boolean> => {
    tries += 1;
    const outcome = await live(plan, new Set(faults), SILENT_LOG);
    if (outcome.violation === null || outcome.violation.law !== violation.law) return false;
    best = { faults, violation: outcome.violation };
    return true;
  };
  if (await fails([])) return best;
  for (let parts = 2; best.faults.length > 1 && tries < MAX_TRIES;) {
    const { faults } = best;
    const size = Math.ceil(faults.length / parts);
    let isShorter = false;
    for (let at = 0; at < faults.length && tries < MAX_TRIES; at += size) {
      if (!(await fails([...faults.slice(0, at), ...faults.slice(at + size)]))) continue;
      isShorter = true;
      break;
    }
    if (isShorter) parts = Math.max(2, parts - 1);
    else if (size === 1) break;
    else parts = Math.min(faults.length, parts * 2);
  }
  return best;
}

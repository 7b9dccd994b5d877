// The plainest way to judge a history, to hold the fast one against: every order of the calls, with and without each of those
// that were never answered.
import { step, type Known, type Step } from '../../simulator/history/workload-law.js';

/** For a handful of calls: the work grows with the factorial of their number. */
export function isLinearizableByBruteForce(operations: readonly Step[], known: Known): boolean {
  if (operations.every(({ returnedAt }) => returnedAt === Infinity)) return true;
  const firstAnswer = Math.min(...operations.map(({ returnedAt }) => returnedAt));
  return operations.some((next, at) => {
    if (next.invokedAt > firstAnswer || (next.requires !== null && operations.includes(next.requires as Step)))
      return false;
    const after = step(known, next);
    return after !== null && isLinearizableByBruteForce(operations.toSpliced(at, 1), after);
  });
}

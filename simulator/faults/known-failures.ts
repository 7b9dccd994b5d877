// Seeds that break a law and are not mended yet, with the faults that seem to bring it about. A campaign tells them and does not count them;
// a seed that is not here counts. Whoever changes what happens in a world moves them: then they have to be found anew, or mended,
// which is better.

/** By seed: the law that its world breaks. */
export const KNOWN_FAILURES: ReadonlyMap<number, string> = new Map([
  // Supervisor crashes, frozen nodes and damaged journals; not understood.
  [367, 'I25 it converges'],
  // A disk put back by hand, which nobody can know of before an agent tells.
  [1251, 'I9 a workload has one live attempt'],
  // Damaged journals.
  [1847, 'I9 a workload has one live attempt'],
]);

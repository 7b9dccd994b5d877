// What a checker found: the name of what must hold, and what was seen instead.

/** The laws of a world, by the names that docs/internals/simulator.md lists. */
export type LawName =
  | 'I1 acknowledged is kept'
  | 'I2 a request makes one set of workloads'
  | 'I3 a GPU has one owner'
  | 'I4 invariants of the state'
  | 'I5 generations rise'
  | 'I6 epochs and revisions rise'
  | 'I8 attempts follow each other'
  | 'I9 an allocation is executed once'
  | 'I9 a workload has one live attempt'
  | 'I10 terminal is final'
  | 'I11 legal steps'
  | 'I12 released means gone'
  | 'I13 no lease, no process'
  | 'I14 released means clean'
  | 'I15 no orphans'
  | 'I16 durable before visible'
  | 'I17 the store equals the state'
  | 'I19 work ends as it was asked to'
  | 'I20 gangs are whole'
  | 'I21 time limits are kept'
  | 'I22 a gang starts together'
  | 'I25 it converges'
  | 'I26 who gives way can save'
  | 'I27 what was saved is known'
  | 'I28 a loss is announced'
  | 'the same seed, the same life'
  | 'the daemon goes on'
  | 'the agent goes on';

/** A law was broken. */
export interface Violation {
  readonly law: LawName;
  readonly message: string;
  /** True time, in ms. */
  readonly atMs: number;
}

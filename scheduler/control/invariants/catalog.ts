// The invariants that are checked in production: what each says, and whether a daemon that finds it broken may go on.
// docs/reliability.md lists them in users' words; the names are the label values of the metric.

interface Law {
  /** What always holds, as one sentence without a full stop. */
  readonly says: string;
  /**
   * Whether the daemon stops before the broken state is written: where going on could give a GPU to two owners, lose
   * work or count it wrongly. The others are counted and logged, since the harm is done to nobody's data.
   */
  readonly isFatal: boolean;
}

/** Every invariant, by name. */
export const INVARIANTS = {
  one_owner: { says: 'the parts of a GPU that are held sum up to at most all of it, each held once', isFatal: true },
  known_owner: { says: 'who holds GPUs is a task of the present attempt, or one that has ended', isFatal: true },
  rising_generations: { says: 'every grant of a GPU carries a higher generation than all before', isFatal: true },
  proven_free: { says: 'GPUs come free only with proof that their last holder cannot use them', isFatal: true },
  fit_to_grant: { says: 'only healthy GPUs are granted, on nodes that the workload allows', isFatal: true },
  whole_nodes: { says: 'a node keeps every GPU it had, in its place, and every held GPU is one of it', isFatal: true },
  legal_steps: { says: 'workloads and allocations go from state to state as the tables allow', isFatal: true },
  final_ends: { says: 'what has ended stays as it ended, and ends once', isFatal: true },
  counted_attempts: { says: 'attempts are counted one by one, and each start is one of them', isFatal: true },
  nothing_lost: { says: 'a workload that was accepted is kept until it has ended and holds nothing', isFatal: true },
  one_answer: { says: 'a request id keeps the answer that it got, and a number is given once', isFatal: true },
  exact_usage: { says: 'usage is the sum of what was held, each grant counted once', isFatal: true },
  fitting_fields: {
    says: 'gates, deadlines and claims are only where the state of a workload allows them',
    isFatal: true,
  },
  whole_gangs: { says: 'of a gang that starts or runs no task of its core is missing', isFatal: false },
  one_return: { says: 'work that goes back to pending is counted once and keeps its place', isFatal: false },
  within_limits: { says: 'no grant takes a queue above its limit', isFatal: false },
} as const satisfies Readonly<Record<string, Law>>;

export type InvariantName = keyof typeof INVARIANTS;

export const INVARIANT_NAMES = Object.keys(INVARIANTS) as readonly InvariantName[];

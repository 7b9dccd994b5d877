// Where the daemon that leads answers, and who else could lead: for people and for metrics, as nothing is decided by it.

/** A leader among those that share its store. */
export interface Company {
  /** Where clients and agents reach it: `host:port`. */
  readonly address: string;
  /** Whether several daemons can share its store. */
  readonly isShared: boolean;
  /** Who stands by, some seconds ago; null = that is not known. */
  readonly standbys: () => readonly Standby[] | null;
}

/** A daemon that leads when nobody else does. */
interface Standby {
  /** Where it answers: `host:port`. */
  readonly address: string;
  /** Since when it stands by, by its own wall clock, in ms. */
  readonly sinceMs: number;
}

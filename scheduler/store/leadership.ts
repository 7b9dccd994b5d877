// Who of several daemons on one store leads. Leadership is for liveness only: it keeps two from working against each other.
// Safety is the store's check of the epoch with every commit, and the agents, who obey none but the highest epoch.

/** A daemon that leads, as the others see it. */
export interface LeaderCard {
  /** One life of a daemon; another one after a restart. */
  readonly id: string;
  /** Where clients and agents reach it: `host:port`. */
  readonly address: string;
  /** Since when it leads, by its own wall clock, in ms. */
  readonly sinceMs: number;
  /** The cluster that it serves, so that a standby knows it when the store is found empty. Absent = it reads the store yet. */
  readonly clusterId?: string;
}

/** A daemon that stands by: it leads as soon as nobody else does. */
export interface StandbyCard {
  readonly id: string;
  /** Where it answers: `host:port`. */
  readonly address: string;
  /** Since when it stands by, by its own wall clock, in ms. */
  readonly sinceMs: number;
}

/** One term of leading. It ends by `resign`, or by being lost; both once. */
export interface LeaderTerm {
  /**
   * Whether this process leads for certain: its claim was renewed so lately that nobody else can have taken it. By a clock that
   * counts suspend. To be asked before each heartbeat that is answered, each order, each reply; never remembered.
   */
  isFresh(): boolean;
  /** Called once when the claim is lost or can no longer be renewed in time; at once if it is lost already. `why` is for people. */
  onLost(act: (why: string) => void): void;
  /** Lets the others know which cluster it is that is led. */
  tellCluster(clusterId: string): void;
  /** Gives the claim up, so that another daemon leads at once. Nothing may be written afterwards. Does nothing when it is lost. */
  resign(): Promise<void>;
}

/** What to campaign with. */
export interface Campaign {
  /** Told who leads whenever that changes; null = nobody, as far as can be seen. */
  readonly onLeader: (leader: LeaderCard | null) => void;
  /** Ends the campaign: it rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** The way to lead. */
export interface Leadership {
  /** Resolves when this process leads; waits as long as another one does. A store that cannot be reached is tried again. */
  campaign(campaign: Campaign): Promise<LeaderTerm>;
  /**
   * Who stands by, as the one that leads saw it last, a few seconds ago; null = it does not know.
   * Of a store that only one process can open: nobody.
   */
  standbys(): readonly StandbyCard[] | null;
  /** Gives up what is held, and every connection. */
  close(): Promise<void>;
}

/** Of a store that only one process can open: whoever has opened it leads until it ends. */
export function soleLeadership(): Leadership {
  const term: LeaderTerm = {
    isFresh: () => true,
    onLost: () => undefined,
    tellCluster: () => undefined,
    resign: () => Promise.resolve(),
  };
  return {
    campaign: ({ signal }) => {
      signal.throwIfAborted();
      return Promise.resolve(term);
    },
    standbys: () => [],
    close: () => Promise.resolve(),
  };
}

// What an administrator may choose about scheduling. Plain data; the daemon reads it from its configuration.

/** How nodes are chosen for work that fits on several. */
export type PlacementPolicy =
  /** The node whose free GPUs stay the most useful for the observed mix of requests. */
  | 'fragmentation'
  /** The fullest node that fits. */
  | 'pack'
  /** The emptiest node. */
  | 'spread';

/** The ways in which the engine acts, in the order in which it tries them. */
export type EngineAction = 'allocate' | 'consolidate' | 'reclaim' | 'preempt' | 'repair';

export interface EnginePolicy {
  readonly actions: readonly EngineAction[];
  /** For pools that `placementOf` does not name. */
  readonly placement: PlacementPolicy;
  readonly placementOf: Readonly<Record<string, PlacementPolicy>>;
  /** After so long for want of GPUs a workload reserves its place and ages; null = never. */
  readonly reserveAfterMs: number | null;
  readonly maxReservationsPerPool: number;
  /** Most workloads that one consolidation may move. */
  readonly maxMoves: number;
  /** GPUs disturbed by moves for each GPU asked for, at most; Infinity = no bound. */
  readonly maxDisturbance: number;
  /** A taker must stay this many times less saturated than the giver; 1 = not more saturated. */
  readonly saturationMultiplier: number;
  /** How long a gang may run with fewer tasks than it needs before it is stopped. */
  readonly brokenGangGraceMs: number;
  /** The longest min-runtime and grace that a queue or workload may ask for. */
  readonly maxMinRuntimeMs: number;
  /** Past use counts against a queue in dividing the surplus, decaying by half in this time; null = it does not count. */
  readonly usageHalfLifeMs: number | null;
  /** How strongly it counts. */
  readonly usageWeight: number;
}

export const DEFAULT_POLICY: EnginePolicy = {
  actions: ['allocate', 'consolidate', 'reclaim', 'preempt', 'repair'],
  placement: 'fragmentation',
  placementOf: {},
  reserveAfterMs: 15 * 60_000,
  maxReservationsPerPool: 16,
  maxMoves: 16,
  maxDisturbance: 2,
  saturationMultiplier: 1,
  brokenGangGraceMs: 60_000,
  maxMinRuntimeMs: 60 * 60_000,
  usageHalfLifeMs: null,
  usageWeight: 1,
};

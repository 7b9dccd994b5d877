// Leases of nodes, as a pure table: when a node counts as down, and when what it ran may be given up without proof.
//
// The agent counts its lease from the sending of an answered heartbeat, the scheduler from the answer, which is later;
// clock rates may differ by at most CLOCK_RATE_BOUND, so the scheduler's fence time is never earlier than the agent's.
// No synchronised clocks are needed. (The reasoning: docs/internals/fleet.md.)
import type { NodeId } from '../../common/ids.js';
import type { WorkloadSpec } from '../model/records.js';
import { maxTasks } from '../model/requests.js';

/** How far the rates of two machines' clocks may differ. */
export const CLOCK_RATE_BOUND = 1e-3;
/** Time an agent needs beyond a task's grace to end what ignores its stop signal. */
export const KILL_MARGIN_MS = 5_000;
/** Allowance for what happens between a deadline and its noticing, on either side. */
export const FENCE_MARGIN_MS = 5_000;
/** A scheduler that was itself away for longer than this cannot blame nodes for their silence. */
export const STALL_MS = 2_000;

/** How long a task of class `linger` runs on without a lease. */
export const LINGER_MS = 15 * 60_000;

/** As good as without end: a hundred years. Nothing of it is ever given up without proof. */
export const KEEP_MS = 100 * 365 * 86_400_000;

/** How long a task runs on without a lease. Gangs over several nodes stop at once: they cannot work on in parts. */
export function lingerMs(spec: Pick<WorkloadSpec, 'kind' | 'roles' | 'onDisconnect'>): number {
  switch (spec.onDisconnect ?? (maxTasks(spec) > 1 || spec.kind === 'service' ? 'stop' : 'linger')) {
    case 'stop':
      return 0;
    case 'linger':
      return LINGER_MS;
    case 'keep':
      return KEEP_MS;
  }
}

/** When an allocation of a node silent since `answeredMs` cannot run any more, in the scheduler's monotonic time. */
export function fenceTimeMs(answeredMs: number, leaseMs: number, linger: number, graceMs: number): number {
  return answeredMs + (leaseMs + linger) * (1 + 2 * CLOCK_RATE_BOUND) + graceMs + KILL_MARGIN_MS + FENCE_MARGIN_MS;
}

/** After a stall of our own, or a clock that jumped, nothing expires for at least this long. */
export const LEAST_TILT_MS = 30_000;
/**
 * Beyond a lease it is at most this, however long we were away and however far a clock jumped: every agent that still runs has
 * tried again by then, and a node that is gone must be found to be.
 */
const MOST_TILT_MS = 60_000;
/** After a start silent nodes get this long, whatever their leases: their agents may be between two tries. */
export const FAILOVER_MS = 60_000;

interface Lease {
  readonly answeredMs: number;
  readonly connected: boolean;
}

/** What a look at the clocks brought; 0 = nothing strange. */
export interface ClockLook {
  /** How long we were away. */
  readonly stalledMs: number;
  /** By how much the time of day moved otherwise than the monotonic clock. */
  readonly divergedMs: number;
}

/** The leases of all nodes. Times are the scheduler's monotonic ones unless they say otherwise. */
export class LeaseTable {
  readonly #leases = new Map<NodeId, Lease>();
  readonly #leaseMs: number;
  #last: { readonly nowMs: number; readonly wallMs: number | null };
  #suspendedUntilMs: number;

  /** A node that the store knows and that has not come back gets the benefit of a lease from `startMs` on. */
  constructor(leaseMs: number, known: Iterable<NodeId>, startMs: number, failoverMs = 0) {
    this.#leaseMs = leaseMs;
    this.#last = { nowMs: startMs, wallMs: null };
    this.#suspendedUntilMs = startMs + failoverMs;
    for (const node of known) this.#leases.set(node, { answeredMs: startMs, connected: false });
  }

  /** A heartbeat, or a hello, was answered. */
  answered(node: NodeId, nowMs: number): void {
    this.#leases.set(node, { answeredMs: nowMs, connected: true });
  }

  /** The node's stream ended. Its lease runs on. */
  disconnected(node: NodeId): void {
    const lease = this.#leases.get(node);
    if (lease !== undefined) this.#leases.set(node, { ...lease, connected: false });
  }

  /** The node is no more. */
  forget(node: NodeId): void {
    this.#leases.delete(node);
  }

  /** When the node was last answered; null = never heard of. */
  answeredMs(node: NodeId): number | null {
    return this.#leases.get(node)?.answeredMs ?? null;
  }

  /** How long no lease will expire, because we began, stalled or our clocks jumped; 0 = they expire. */
  suspendedMs(nowMs: number): number {
    return Math.max(0, this.#suspendedUntilMs - nowMs);
  }

  /** `ready` = connected and leased, `unknown` = silent within its lease, `down` = its lease ran out. */
  liveness(node: NodeId, nowMs: number): 'ready' | 'unknown' | 'down' {
    const lease = this.#leases.get(node);
    if (lease === undefined) return 'down';
    const isOver = nowMs - lease.answeredMs > this.#leaseMs;
    if (isOver && this.suspendedMs(nowMs) === 0) return 'down';
    return lease.connected ? 'ready' : 'unknown';
  }

  /**
   * To be called regularly. After a stall of our own nothing expires for a lease and about as long again: the answers that nodes waited for
   * were ours to give. A clock that jumps against the other says that something of the kind happened, or is wrong with both.
   */
  tick(nowMs: number, wallMs: number, intervalMs: number): ClockLook {
    const last = this.#last;
    this.#last = { nowMs, wallMs };
    const stalledMs = Math.max(0, nowMs - last.nowMs - intervalMs);
    const divergedMs = last.wallMs === null ? 0 : Math.abs(wallMs - last.wallMs - (nowMs - last.nowMs));
    const worstMs = Math.max(stalledMs, divergedMs);
    if (worstMs <= STALL_MS) return { stalledMs: 0, divergedMs: 0 };
    const untilMs = nowMs + Math.max(LEAST_TILT_MS, this.#leaseMs + Math.min(worstMs, MOST_TILT_MS));
    this.#suspendedUntilMs = Math.max(this.#suspendedUntilMs, untilMs);
    return {
      stalledMs: stalledMs > STALL_MS ? stalledMs : 0,
      divergedMs: divergedMs > STALL_MS ? divergedMs : 0,
    };
  }
}

// Leases of nodes, as a pure table: when a node counts as down, and when what it ran may be given up without proof.
//
// The agent counts its lease from the sending of an answered heartbeat, the scheduler from the answer, which is later;
// clock rates may differ by at most CLOCK_RATE_BOUND, so the scheduler's fence time is never earlier than the agent's.
// No synchronised clocks are needed. (The reasoning: docs/internals/fleet.md.)
import type { NodeId } from '../../common/ids.js';
import type { WorkloadKind } from '../model/records.js';

/** How far the rates of two machines' clocks may differ. */
export const CLOCK_RATE_BOUND = 1e-3;
/** Time an agent needs beyond a task's grace to end what ignores its stop signal. */
export const KILL_MARGIN_MS = 5_000;
/** Allowance for what happens between a deadline and its noticing, on either side. */
export const FENCE_MARGIN_MS = 5_000;
/** A scheduler that was itself away for longer than this cannot blame nodes for their silence. */
export const STALL_MS = 2_000;

/** How long a task runs on without a lease. Gangs over several nodes stop at once: they cannot work on in parts. */
export function lingerMs(kind: WorkloadKind, tasks: number): number {
  return tasks > 1 || kind === 'service' ? 0 : 15 * 60_000;
}

/** When an allocation of a node silent since `answeredMs` cannot run any more, in the scheduler's monotonic time. */
export function fenceTimeMs(answeredMs: number, leaseMs: number, linger: number, graceMs: number): number {
  return answeredMs + (leaseMs + linger) * (1 + 2 * CLOCK_RATE_BOUND) + graceMs + KILL_MARGIN_MS + FENCE_MARGIN_MS;
}

interface Lease {
  readonly answeredMs: number;
  readonly connected: boolean;
}

/** The leases of all nodes. Times are the scheduler's monotonic ones. */
export class LeaseTable {
  readonly #leases = new Map<NodeId, Lease>();
  readonly #leaseMs: number;
  #lastTickMs: number;

  /** A node that the store knows and that has not come back gets the benefit of a lease from `startMs` on. */
  constructor(leaseMs: number, known: Iterable<NodeId>, startMs: number) {
    this.#leaseMs = leaseMs;
    this.#lastTickMs = startMs;
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

  /** When the node was last answered; null = never heard of. */
  answeredMs(node: NodeId): number | null {
    return this.#leases.get(node)?.answeredMs ?? null;
  }

  /** `ready` = connected and leased, `unknown` = silent within its lease, `down` = its lease ran out. */
  liveness(node: NodeId, nowMs: number): 'ready' | 'unknown' | 'down' {
    const lease = this.#leases.get(node);
    if (lease === undefined) return 'down';
    if (nowMs - lease.answeredMs > this.#leaseMs) return 'down';
    return lease.connected ? 'ready' : 'unknown';
  }

  /**
   * To be called regularly. After a stall of our own, every lease is counted anew: the answers that nodes waited for
   * were ours to give. @returns how long we were away, 0 when all is well
   */
  tick(nowMs: number, intervalMs: number): number {
    const stalledMs = nowMs - this.#lastTickMs - intervalMs;
    this.#lastTickMs = nowMs;
    if (stalledMs < STALL_MS) return 0;
    for (const [node, lease] of this.#leases) this.#leases.set(node, { ...lease, answeredMs: nowMs });
    return stalledMs;
  }
}

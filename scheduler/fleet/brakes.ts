// When many nodes fall silent at once, the likelier cause is a switch, a power feed or ourselves, and what they ran most
// likely runs on. So nothing of them is given up until a person says so or enough of them are back. Pure.
// (Kubernetes stops evictions when 55 % of a zone are unhealthy, NVIDIA's NVSentinel at half of the nodes in 5 minutes.)
import type { NodeId } from '../../common/ids.js';
import type { Brake } from '../model/records.js';

/** When the brake closes. */
export interface BrakeRule {
  /** So many nodes may fall silent within `windowMs`, or this part of all, whichever is more. */
  readonly nodes: number;
  readonly ratio: number;
  readonly windowMs: number;
}

export const BRAKE_RULE: BrakeRule = { nodes: 3, ratio: 0.3, windowMs: 120_000 };

/** How many of so many nodes may fall silent within the window before the brake closes. */
export function tolerated({ nodes: least, ratio }: BrakeRule, nodes: number): number {
  return Math.max(least, Math.floor(ratio * nodes));
}

export type BrakeVerdict =
  | { readonly type: 'close'; readonly silent: readonly NodeId[]; readonly nodes: number }
  /** Enough are back. */
  | { readonly type: 'open' };

/** Counts leases that run out. Times are the scheduler's monotonic ones. */
export class MassLossBrake {
  readonly #rule: BrakeRule;
  readonly #expiredMs = new Map<NodeId, number>();
  #silent: Set<NodeId> | null;
  #nodes: number;

  /** @param closed as it was when the daemon stopped; null = open */
  constructor(rule: BrakeRule, closed: Pick<Brake, 'silent' | 'nodes'> | null) {
    this.#rule = rule;
    this.#silent = closed === null ? null : new Set(closed.silent);
    this.#nodes = closed?.nodes ?? 0;
  }

  /** Whether nothing may be given up. */
  get isClosed(): boolean {
    return this.#silent !== null;
  }

  /** Nodes whose silence holds it closed. */
  get silent(): readonly NodeId[] {
    return [...(this.#silent ?? [])];
  }

  /** A node's lease ran out. */
  expired(node: NodeId, nowMs: number): void {
    this.#expiredMs.set(node, nowMs);
    this.#silent?.add(node);
  }

  /** A node is back, or gone for good on somebody's word. */
  returned(node: NodeId): void {
    this.#expiredMs.delete(node);
    this.#silent?.delete(node);
  }

  /** To be asked after each round of expiries, before anything is given up. @param alive nodes whose lease holds */
  judge(alive: number, nowMs: number): BrakeVerdict | null {
    for (const [node, expiredMs] of this.#expiredMs) {
      if (nowMs - expiredMs > this.#rule.windowMs) this.#expiredMs.delete(node);
    }
    if (this.#silent !== null) {
      if (this.#silent.size > tolerated(this.#rule, this.#nodes)) return null;
      this.release();
      return { type: 'open' };
    }
    const silent = [...this.#expiredMs.keys()];
    const nodes = alive + silent.length;
    if (silent.length <= tolerated(this.#rule, nodes)) return null;
    this.#silent = new Set(silent);
    this.#nodes = nodes;
    return { type: 'close', silent, nodes };
  }

  /** Somebody released it: what is silent now does not close it again. */
  release(): void {
    this.#silent = null;
    this.#expiredMs.clear();
  }
}

// A queue as the division sees it: what it may have, holds and asks for, of the whole and of parts of the cluster.
import type { Amounts } from './amounts.js';

/** What a queue, with all below it, has to do with one part; in GPU parts. */
export interface PartFigures {
  readonly guarantee: number;
  /** Infinity = none. */
  readonly limit: number;
  /** By work that could go there, and by work that can go nowhere else. */
  readonly request: number;
  readonly boundRequest: number;
}

/** A queue whose fair share is wanted, with those below it. */
export interface ShareNode {
  readonly name: string;
  readonly guarantee: Amounts;
  readonly limit: Amounts;
  readonly request: Amounts;
  /** Of the GPUs left over; CPU and memory left over are shared with weight 1 each. */
  readonly weight: number;
  readonly priority: number;
  readonly createdMs: number;
  readonly children: readonly ShareNode[];
  /** What it has to do with parts of the cluster, if queues name any. */
  readonly parts?: readonly PartFigures[];
}

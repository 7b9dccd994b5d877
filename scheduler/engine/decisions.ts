// What the engine answers: decisions for the one writer to carry out, and explanations for people.
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import type { Placement, ShapeGuarantee } from '../model/records.js';

/** Places tasks on what is free: the gang of a pending workload at once, or one more task of an elastic one that runs. */
export interface Bind {
  readonly type: 'bind';
  readonly workload: WorkloadNumber;
  readonly placements: readonly Placement[];
}

/**
 * Tells running tasks to give their GPUs back: surplus tasks of an elastic workload, which goes on without them, or all
 * tasks of a workload, which is requeued.
 */
export interface Evict {
  readonly type: 'evict';
  readonly workload: WorkloadNumber;
  readonly allocations: readonly AllocationId[];
  /**
   * `reclaimed` = between queues, `preempted` = inside one queue, `moved` = to other GPUs, for which a claim follows,
   * `gang_ended` = it runs with fewer tasks than it needs.
   */
  readonly reason: 'reclaimed' | 'preempted' | 'moved' | 'gang_ended';
  /** Null when nobody needs the GPUs. */
  readonly forWorkload: WorkloadNumber | null;
  /**
   * The queue that takes back what it is guaranteed and had lent, so that its cap on graces counts; null or absent = no
   * guarantee is taken back.
   */
  readonly lender?: QueueName | null;
  /** One sentence with the numbers that made it legal. */
  readonly message: string;
}

/**
 * Promises GPUs: those that victims leave, and free ones held until all are free. To a pending workload, to one that is
 * moved and has just been evicted, or to an elastic one for more tasks.
 */
export interface MakeClaim {
  readonly type: 'claim';
  readonly workload: WorkloadNumber;
  readonly placements: readonly Placement[];
}

/** Drops a claim that can no longer be met. */
export interface DropClaim {
  readonly type: 'drop_claim';
  readonly workload: WorkloadNumber;
  readonly message: string;
}

/** In the order in which they must be carried out. Each is valid given those before it. */
export type Decision = Bind | Evict | MakeClaim | DropClaim;

export interface StepResult {
  readonly decisions: readonly Decision[];
  /** False when the budget ran out before everything was looked at: call again. */
  readonly complete: boolean;
  /** Units of work done: nodes scored plus shapes tried. */
  readonly workUnits: number;
  /** Searches for GPUs to take back: all, those that found some, those given up as "not found within budget". */
  readonly searches: { readonly tried: number; readonly found: number; readonly cutShort: number };
  /** When, milliseconds since 1970, something will be otherwise without any event: call again then. Null = never. */
  readonly wakeMs: number | null;
}

/** The binding constraint of a pending workload. */
export type PendingReason =
  /** A user or an administrator holds it back. */
  | 'HELD'
  /** It waits for another workload. */
  | 'DEPENDENCY'
  /** Its program failed; the pause before the next try is not over. */
  | 'BACKOFF'
  /** As many of its array run as may at once. */
  | 'ARRAY_CAP'
  /** It has a claim; victims are leaving. */
  | 'RECLAIMING'
  /** The queue, or one above it, is at its limit. */
  | 'QUEUE_LIMIT'
  /** Its owner holds as much as one user may in the queue. */
  | 'USER_LIMIT'
  /** Not preemptible, and the guarantee of its queue or of one above is used up. */
  | 'GUARANTEE_EXHAUSTED'
  /** No node has that model, pool, profile, label or driver, or so many GPUs. */
  | 'NO_SUCH_GPU'
  /** Nodes that would fit are cordoned, down, in maintenance or not heard of yet. */
  | 'NODES_UNAVAILABLE'
  /** A maintenance begins before it could end. */
  | 'MAINTENANCE'
  /** Enough GPUs are free, but not so many together. */
  | 'FRAGMENTED'
  /** Enough GPUs are free, but not in one domain of the level it requires. */
  | 'TOPOLOGY'
  /** GPUs are free, but no node that has them has the CPU or memory as well. */
  | 'CPU_OR_MEMORY'
  /** GPUs that would do are free, but owed to other queues in guaranteed shapes, and work that is not preemptible cannot borrow. */
  | 'OWED_TO_OTHERS'
  /** GPUs that would do are free, but reserved for work that has waited longer. */
  | 'RESERVED'
  /** All fitting GPUs are in use and it is not entitled to take any back. */
  | 'RESOURCES'
  /** The engine has not looked at it yet. */
  | 'NOT_EVALUATED';

/** Why a workload is pending, for people and programs. */
export interface Explanation {
  readonly reason: PendingReason;
  /** One sentence with numbers. */
  readonly summary: string;
  /**
   * Facts under short titles, in reading order: Needs, Pool, Nearest, Quota, Shapes, Ahead, Blockers, Reserved, Claim, Estimate,
   * Search.
   */
  readonly lines: readonly { readonly title: string; readonly text: string }[];
  /** By when it starts at the latest, in words, or why nobody can tell; empty = it was not asked for. */
  readonly estimate: string;
  /** The same in milliseconds since 1970; null = nobody can tell. */
  readonly startsByMs: number | null;
}

/** What a queue holds and may expect of CPU, in thousandths of a core, or of memory, in MiB. */
export interface ResourceShare {
  readonly allocated: number;
  readonly pending: number;
  /** Infinity where no queue rules it: then everybody may have all of it. */
  readonly fairShare: number;
}

/** What a queue holds and may expect of a part of the cluster that it names, in GPUs. */
export interface ScopeShare {
  readonly pool: string;
  readonly model: string;
  readonly allocatedGpus: number;
  readonly fairShareGpus: number;
  readonly unmetGuaranteeGpus: number;
}

/** How a shape that a queue is guaranteed stands. */
export interface ShapeStanding extends ShapeGuarantee {
  /** In use by work of the queue, or of queues below it. */
  readonly inUse: number;
  /** What cannot be had now, because hardware is bad or was never there. */
  readonly impossible: number;
}

/** What a queue holds and may expect, in GPUs, CPU and memory. */
export interface QueueShare {
  readonly queue: QueueName;
  readonly allocatedGpus: number;
  readonly borrowedGpus: number;
  readonly pendingGpus: number;
  readonly fairShareGpus: number;
  readonly unmetGuaranteeGpus: number;
  readonly scopes: readonly ScopeShare[];
  readonly cpuMilli: ResourceShare;
  readonly memoryMib: ResourceShare;
  readonly shapes: readonly ShapeStanding[];
}

/** Soft state of a node that the engine needs beside its record. */
export type NodeLiveness = 'ready' | 'unknown' | 'down';

/** A node's liveness as the fleet sees it. */
export interface NodeLivenessChange {
  readonly node: NodeId;
  readonly liveness: NodeLiveness;
}

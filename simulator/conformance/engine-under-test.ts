// What the runner asks of a scheduling engine: all decisions of one cycle over records. The engine the daemon runs and the
// slow reference written for reading both answer it, so that one set of scenarios judges both.
import type { Decision } from '../../scheduler/engine/decisions.js';
import type { EnginePolicy } from '../../scheduler/engine/policy.js';
import type { Allocation, ClusterNode, Queue, Workload } from '../../scheduler/model/records.js';

/** A cluster at rest, with all its nodes ready. */
export interface ClusterRecords {
  readonly queues: readonly Queue[];
  readonly nodes: readonly ClusterNode[];
  readonly workloads: readonly Workload[];
  readonly allocations: readonly Allocation[];
}

export interface EngineUnderTest {
  /**
   * Decides one cycle: one pass of the policy's actions.
   * @returns all decisions, in the order in which they are to be carried out
   */
  decide(cluster: ClusterRecords, policy: EnginePolicy, nowMs: number): readonly Decision[];
}

// The engine that the daemon runs, asked for one cycle: a new view of the records, then steps until one is complete.
import { invariant } from '../../common/assert.js';
import type { Decision } from '../../scheduler/engine/decisions.js';
import { step } from '../../scheduler/engine/engine.js';
import type { EnginePolicy } from '../../scheduler/engine/policy.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import { workloadKey } from '../../scheduler/model/records.js';
import { Followed } from './carry-out.js';
import type { ClusterRecords, EngineUnderTest } from './engine-under-test.js';

/** More than any scenario needs, so that one step is one pass of the actions. */
const BUDGET = 1_000_000_000;

/** Steps after which an engine that still is not done is said to be stuck. */
const MAX_STEPS = 1_000;

/** A view without options is a view with options that it ignores. */
const View: new (policy?: EnginePolicy) => ClusterView = ClusterView;

export const realEngine: EngineUnderTest = {
  decide(cluster, policy, nowMs) {
    const view = viewOf(cluster, policy);
    const followed = new Followed(cluster);
    const made: Decision[] = [];
    for (let steps = 1; ; steps++) {
      invariant(steps <= MAX_STEPS, 'a cycle comes to an end', `not complete after ${MAX_STEPS} steps`);
      const { decisions, complete } = step(view, nowMs, BUDGET);
      made.push(...decisions);
      if (complete) return made;
      for (const decision of decisions) {
        for (const change of followed.carryOut(decision, nowMs)) view.apply(change);
      }
    }
  },
};

function viewOf({ queues, nodes, workloads, allocations }: ClusterRecords, policy: EnginePolicy): ClusterView {
  const view = new View(policy);
  for (const after of queues) view.apply({ collection: 'queues', key: after.name, before: null, after });
  for (const after of nodes) view.apply({ collection: 'nodes', key: after.id, before: null, after });
  for (const after of workloads) {
    view.apply({ collection: 'workloads', key: workloadKey(after.number), before: null, after });
  }
  for (const after of allocations) view.apply({ collection: 'allocations', key: after.id, before: null, after });
  for (const { id } of nodes) view.setLiveness(id, 'ready');
  return view;
}

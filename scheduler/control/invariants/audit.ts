// Looks at every record, in slices, so that nobody waits for it: what a commit leaves alone can still be broken by what
// wrote it long ago, by a disk, or by an older version. The state may change between two slices, since every rule here
// holds after each commit, for one record with what it refers to.
import type { ReadableState } from '../../model/cluster-state.js';
import { isTerminal } from '../../model/cluster-state.js';
import { workloadKey } from '../../model/records.js';
import { checkGpusOfNode, checkOwner, checkTimes } from './allocation-rules.js';
import { Holdings } from './holdings.js';
import { checkNode } from './other-rules.js';
import type { Complain } from './violation.js';
import { checkUsageTotal } from './usage-rules.js';
import { checkFields, checkTasks } from './workload-rules.js';

/** Records of one slice: about a millisecond. */
export const AUDIT_SLICE = 1_000;

/** Goes through all records. Yields between slices the number of records looked at since the last one. */
export function* auditRecords(state: ReadableState, complain: Complain): Generator<number, void> {
  let count = 0;
  for (const each of rules(state, complain)) {
    each();
    count += 1;
    if (count < AUDIT_SLICE) continue;
    yield count;
    count = 0;
  }
  yield count;
}

/** What is to be looked at, one record after the other. */
function* rules(state: ReadableState, complain: Complain): Generator<() => void, void> {
  for (const { id } of state.nodes.values()) {
    yield () => {
      const node = state.node(id);
      if (node === undefined) return;
      checkNode(state, node, complain);
      const holdings = new Holdings();
      for (const held of state.heldOn(id)) holdings.take(held, complain);
    };
  }
  for (const allocation of state.allocations.values()) {
    yield () => {
      const now = state.allocation(allocation.id);
      if (now === undefined) return;
      checkTimes(now, complain);
      const workload = state.workload(now.workload);
      if (workload === undefined)
        complain('known_owner', `allocation ${now.id}`, `workload ${now.workload}`, 'no such workload');
      else checkOwner(workload, now, complain);
      const node = state.node(now.node);
      if (now.state === 'released') return;
      if (node === undefined) complain('whole_nodes', `allocation ${now.id}`, `node ${now.node}`, 'no such node');
      else checkGpusOfNode(node, now, complain);
    };
  }
  for (const key of state.workloads.keys()) {
    yield () => {
      const now = state.workloads.get(key);
      if (now === undefined) return;
      const where = `workload ${now.number}`;
      if (workloadKey(now.number) !== key) complain('one_answer', where, 'the number of its record', key);
      if (now.number > state.meta.lastWorkload) {
        complain('one_answer', where, `a number up to ${state.meta.lastWorkload}`, 'a later one');
      }
      if (!isTerminal(now.state) && state.queue(now.spec.queue) === undefined) {
        complain('nothing_lost', where, `queue ${now.spec.queue}`, 'no such queue');
      }
      checkFields(now, complain);
      checkTasks(state, now, complain);
    };
  }
  // Some thousand records, in one piece: they belong together.
  yield () => checkUsageTotal(state, complain);
}

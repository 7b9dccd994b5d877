// What an engine knows that was told of everything at once: what one has to know in the end that was told in any other way.
import { expect } from 'vitest';
import type { Bank } from '../../scheduler/engine/nodes.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import type { ClusterState } from '../../scheduler/model/cluster-state.js';
import type { RecordChange } from '../../scheduler/model/records.js';

/** A view of all records. */
export function toldAtOnce(state: ClusterState): ClusterView {
  const view = new ClusterView();
  for (const collection of ['queues', 'nodes', 'workloads', 'allocations'] as const) {
    for (const [key, after] of state[collection]) view.apply({ collection, key, before: null, after } as RecordChange);
  }
  return view;
}

/** Sees that two views know the same: of every node, queue, workload and allocation, and of what waits and may be taken back. */
export function knowTheSame(known: ClusterView, other: ClusterView, nowMs: number): void {
  expect(known.queueShares()).toEqual(other.queueShares());
  expect(factsOf(known, nowMs)).toEqual(factsOf(other, nowMs));
}

/** What a view knows, without the order in which it came to know it. */
function factsOf(view: ClusterView, nowMs: number): unknown {
  view.moveTo(nowMs);
  view.fileShelves();
  view.settleForReading();
  const { nodes, queues, workloads, allocations } = view;
  const slots = (bank: Bank) =>
    bank.slots.map(({ uuid, instance, healthy, used, leaving, claimed, free, potential }) => {
      return { uuid, instance, healthy, used, leaving, claimed, free, potential };
    });
  return {
    capacity: [nodes.capacityParts, nodes.capacityCpuMilli, nodes.capacityMemoryMib],
    nodes: byKey(nodes.entries, (node) => {
      const { record, liveness, available, inMaintenance, maintenanceMs, tasks, cpu, memory, banks } = node;
      return { record, liveness, available, inMaintenance, maintenanceMs, tasks, cpu, memory, banks: banks.map(slots) };
    }),
    queues: byKey(queues, (queue) => {
      const { record, held, heldFixed, leaving, leavingFixed, claimed, charged, pending, demand, victims } = queue;
      const groups = byKey(queue.groups, ({ waiting }) => waiting).filter(([, waiting]) => waiting !== 0);
      return { record, held, heldFixed, leaving, leavingFixed, claimed, charged, pending, demand, victims, groups };
    }),
    workloads: byKey(workloads, ({ record }) => record),
    allocations: byKey(allocations, ({ workload }) => workload.number),
    claimers: [...view.claimers].map(({ number }) => number).toSorted((a, b) => a - b),
  };
}

function byKey<K extends string | number, V>(map: ReadonlyMap<K, V>, facts: (value: V) => unknown): [K, unknown][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, facts(value)]);
}

// Counts that are kept from change to change are those of a look at everything, at every moment of whole lives of clusters.
import { describe, expect, test } from 'vitest';
import { pendingReason } from '../../scheduler/engine/explain.js';
import { KeptGpuCounts, type GpuCounts } from '../../scheduler/metrics/gpu-counts.js';
import { countReasons } from '../../scheduler/metrics/pending-reasons.js';
import type { ClusterNode } from '../../scheduler/model/records.js';
import { historyOf } from '../../simulator/properties/generate.js';
import { World, type Watcher } from '../../simulator/properties/world.js';

const LIVES = 60;

/** `queue state: 3`, in order. */
function listed(counts: ReadonlyMap<string, ReadonlyMap<string, number>>): readonly string[] {
  return [...counts].flatMap(([queue, of]) => [...of].map(([key, count]) => `${queue} ${key}: ${count}`)).toSorted();
}

function counted(pairs: Iterable<readonly [queue: string, key: string]>): readonly string[] {
  const counts = new Map<string, Map<string, number>>();
  for (const [queue, key] of pairs) {
    const of = counts.get(queue) ?? new Map<string, number>();
    counts.set(queue, of.set(key, (of.get(key) ?? 0) + 1));
  }
  return listed(counts);
}

function gpus(counts: GpuCounts): readonly string[] {
  return Object.entries(counts)
    .flatMap(([name, tally]) => {
      const lines: string[] = [];
      tally.each((labels: object, count: number) => lines.push(`${name} ${Object.values(labels).join(' ')}: ${count}`));
      return lines;
    })
    .toSorted();
}

/** Looks at everything whenever something happens; tells how much it has seen. */
function lookAround() {
  const kept = new KeptGpuCounts();
  const seen = new Set<string>();
  const look = ({ state, view, nowMs }: World): void => {
    const workloads = [...state.workloads.values()];
    const states = workloads.map(({ spec, state: is }) => [spec.queue, is] as const);
    expect(listed(state.workloadCounts.byState)).toEqual(counted(states));
    const pending = workloads.filter(({ state: is }) => is === 'pending');
    const reasons = pending.map(({ spec, number }) => {
      const reason = pendingReason(view, number, nowMs) ?? 'NOT_EVALUATED';
      seen.add(reason);
      return [spec.queue, reason] as const;
    });
    expect(listed(countReasons(state, view, nowMs))).toEqual(counted(reasons));
    const isOpen = ({ id, cordoned }: ClusterNode): boolean =>
      !cordoned && view.nodes.entries.get(id)?.liveness === 'ready';
    const found = gpus(kept.follow(state, isOpen));
    expect(found).toEqual(gpus(new KeptGpuCounts().follow(state, isOpen)));
    for (const line of found) seen.add(line.replace(/ .*:.*$/, ''));
  };
  const watcher: Watcher = { beforeStep: look, afterDecision: look, atRest: look };
  return { watcher, seen };
}

describe('kept counts', () => {
  test(`are those of a full look in ${LIVES} lives`, () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= LIVES; seed++) {
      const around = lookAround();
      new World(historyOf(seed, 'mixed'), { watchers: [around.watcher] }).play();
      for (const one of around.seen) seen.add(one);
    }
    const usual = ['HELD', 'RECLAIMING', 'RESOURCES', 'QUEUE_LIMIT', 'byState', 'byHealth', 'heldParts', 'shared'];
    expect([...seen]).toEqual(expect.arrayContaining(usual));
  });

  test('forget a node that is gone', () => {
    const { state } = new World(historyOf(1, 'mixed'));
    const kept = new KeptGpuCounts();
    expect(gpus(kept.follow(state, () => true))).not.toEqual([]);
    for (const node of state.nodes.values()) {
      state.apply({ collection: 'nodes', key: node.id, before: node, after: null });
    }
    expect(gpus(kept.follow(state, () => true))).toEqual([]);
  });
});

// Metrics of each node: three series a node, so that 1,000 nodes stay far below 5,000 series, and one more for each that flaps, or has
// another time or version than the scheduler.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../../common/clock.js';
import type { NodeId } from '../../common/ids.js';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { CLOCK_SKEW_LIMIT_MS } from '../../common/skew.js';
import type { ControlLoop } from '../control/loop.js';
import { isInside } from '../engine/maintenance.js';
import type { Fleet } from '../fleet/fleet.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { ClusterNode } from '../model/records.js';
import { oneLook } from './one-look.js';

/**
 * Nodes with another time or version than the scheduler that have a series for it, at most, each. When all of 1,000 are odd it is the
 * scheduler that is: it was upgraded first, or its own clock is wrong.
 */
export const MAX_ODD_NODES = 100;

/** In a word, why a node that is heard gets no new work; null = it gets some. */
export function whyUnschedulable(
  { cordoned, maintenance, nodeProblem }: Pick<ClusterNode, 'cordoned' | 'maintenance' | 'nodeProblem'>,
  nowMs: number,
): 'cordoned' | 'maintenance' | 'unhealthy' | null {
  if (cordoned) return 'cordoned';
  if (isInside(maintenance, nowMs)) return 'maintenance';
  return nodeProblem === undefined || nodeProblem === '' ? null : 'unhealthy';
}

interface NodeSources {
  readonly loop: ControlLoop;
  readonly fleet: Fleet;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** What a commit has just made durable. */
  readonly state: ReadableState;
}

/** Puts the metrics of nodes on a registry. */
export function registerNodeMetrics(registry: Registry, { loop, fleet, state, clock }: NodeSources): void {
  const registers = [registry];
  const labelNames = ['node', 'pool'];
  const look = oneLook(() =>
    loop.read(({ nodes }) =>
      [...nodes.values()].map((one) => {
        const { id, name: node, pool } = one;
        const { liveness, lastHeartbeatMs, clockAheadMs } = fleet.softState(id);
        const isUp = liveness === 'ready';
        const schedulable = Number(whyUnschedulable(one, clock.wallMs()) === null);
        const isOdd = one.agentVersion !== '' && one.agentVersion !== PACKAGE_VERSION;
        return { labels: { node, pool }, up: Number(isUp), schedulable, lastHeartbeatMs, clockAheadMs, isOdd };
      }),
    ),
  );
  type Row = Awaited<ReturnType<typeof look>>[number];
  const gauge = (name: string, help: string, read: (row: Row) => number | null, most = Infinity): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      async collect() {
        const rows = await look();
        this.reset();
        let shown = 0;
        for (const row of rows) {
          const value = read(row);
          if (value === null) continue;
          this.set(row.labels, value);
          shown += 1;
          if (shown >= most) return;
        }
      },
    });
  };
  gauge('sluice_node_up', '1 while the agent of the node is heard.', ({ up }) => up);
  gauge(
    'sluice_node_schedulable',
    '0 while the node is cordoned, in maintenance, or kept from work by its own health check.',
    ({ schedulable }) => schedulable,
  );
  gauge(
    'sluice_node_last_heartbeat_timestamp_seconds',
    'When the agent was last heard; absent = not yet.',
    ({ lastHeartbeatMs }) => (lastHeartbeatMs === null ? null : lastHeartbeatMs / 1_000),
  );
  gauge(
    'sluice_node_clock_ahead_seconds',
    "How far the clock of the node is ahead of the scheduler's, negative = behind; absent = by less than it is told of, or not known.",
    ({ clockAheadMs }) =>
      clockAheadMs === null || Math.abs(clockAheadMs) <= CLOCK_SKEW_LIMIT_MS ? null : clockAheadMs / 1_000,
    MAX_ODD_NODES,
  );
  gauge(
    'sluice_node_version_skew',
    '1 while the agent of the node is of another version than the scheduler; absent = of the same.',
    ({ isOdd }) => (isOdd ? 1 : null),
    MAX_ODD_NODES,
  );

  const changes = new Counter({
    name: 'sluice_node_state_changes_total',
    help: 'Times the node became ready, unknown or down, since it was first heard by this daemon; absent = never.',
    labelNames: ['node'],
    registers,
  });
  // To be heard for the first time is no change: a series for each node that never flaps would say nothing.
  const heard = new Set<NodeId>();
  fleet.onLiveness((id) => {
    const node = state.node(id);
    if (node === undefined) heard.delete(id);
    else if (heard.has(id)) changes.inc({ node: node.name });
    else if (fleet.softState(id).liveness === 'ready') heard.add(id);
  });
  loop.onCommitted((committed) => {
    for (const { collection, before, after } of committed.changes) {
      if (collection !== 'nodes' || before === null) continue;
      // The series of a node that is gone, or goes by another name now, would stay for ever.
      if (after?.name !== before.name) changes.remove({ node: before.name });
      if (after === null) heard.delete(before.id);
    }
  });
}

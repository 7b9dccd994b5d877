// Metrics of what the fleet saw: losses of history, strays, brakes, stalls. Each has its line in docs/administration.md.
import { Counter, Gauge, type Registry } from 'prom-client';
import { OTHER_XID, type Fleet, type FleetCounts } from '../fleet/fleet.js';

const COUNTS: readonly (readonly [name: string, help: string, key: keyof FleetCounts])[] = [
  [
    'sluice_history_lost_total',
    'Losses of history that agents told of, or that this daemon found when it began to lead; call a person.',
    'historyLosses',
  ],
  [
    'sluice_store_copy_changes_total',
    'Terms begun on another copy of the store than the one before, which may lack the last commits.',
    'copyChanges',
  ],
  ['sluice_adopted_allocations_total', 'Allocations taken over from agents after a loss of history.', 'adopted'],
  ['sluice_zombie_attempts_total', 'Tasks found running that had ended for the scheduler.', 'zombies'],
  ['sluice_orphans_total', 'Tasks found running that nobody asked for.', 'orphans'],
  [
    'sluice_fence_violations_total',
    'Tasks found running after they were given up without an agent (invariant I13); call a person.',
    'fenceViolations',
  ],
  ['sluice_scheduler_stalls_total', 'Times this daemon stalled, or its clock jumped.', 'stalls'],
];

/** Puts the fleet's metrics on a registry. */
export function registerFleetMetrics(registry: Registry, fleet: Fleet): void {
  const registers = [registry];
  for (const [name, help, key] of COUNTS) {
    let told = 0;
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.inc(fleet.counts[key] - told);
        told = fleet.counts[key];
      },
    });
  }
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  const told = new Map<string, number>();
  new Counter({
    name: 'sluice_gpu_xid_total',
    help: 'Xids that agents told of, by number; those that the table does not know are "other".',
    labelNames: ['xid'],
    registers,
    collect() {
      const counts = new Map<string, number>();
      for (const [xid, count] of fleet.xids) {
        counts.set(xid === OTHER_XID ? 'other' : String(xid), count);
      }
      for (const [xid, count] of counts) {
        this.inc({ xid }, count - (told.get(xid) ?? 0));
        told.set(xid, count);
      }
    },
  });
  gauge('sluice_brake_closed', '1 while nothing of silent nodes is given up; call a person.', () =>
    fleet.waiting().brakeSilent === null ? 0 : 1,
  );
  gauge(
    'sluice_history_recovering',
    '1 while agents are asked what they run after a loss of history, or before one is ruled out.',
    () => (fleet.waiting().recovery === null ? 0 : 1),
  );
  gauge('sluice_nodes_unheard', 'Known nodes not heard of since the daemon, or its present history, began.', () => {
    return fleet.waiting().unheard.length;
  });
  gauge('sluice_lease_expiry_suspended_seconds', 'How long no lease expires, after a start or a stall.', () => {
    return fleet.waiting().suspendedMs / 1000;
  });
}

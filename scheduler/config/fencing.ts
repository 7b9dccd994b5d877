// Settings of `fencing`: when silent nodes are given up, and what becomes of tasks that nobody asked for.
import { z } from 'zod';
import { setting } from '../../common/config.js';
import { count, DAY_MS, duration, numberFrom } from './values.js';

/** The settings of this section. */
export const fencingSettings = z.strictObject({
  failover: setting(duration(0, DAY_MS), {
    description: 'How long after its start the scheduler waits for silent nodes, whatever their leases.',
    value: 'DURATION',
    default: '60s',
  }),
  orphans: setting(duration(0, 7 * DAY_MS), {
    description:
      'How long a task that nobody asked for is left alone, so that a person can look at it; 0s = not at all.',
    value: 'DURATION',
    default: '5m',
  }),
  brake_nodes: setting(count(1, 20_000), {
    description:
      'When more nodes than this, and more than brake_ratio, fall silent within brake_window, nothing is given up.',
    value: 'COUNT',
    default: '3',
  }),
  brake_ratio: setting(numberFrom(0, 1), {
    description: 'The part of all nodes that goes with brake_nodes.',
    value: 'RATIO',
    default: '0.3',
  }),
  brake_window: setting(duration(1_000, DAY_MS), {
    description: 'The time in which they fall silent.',
    value: 'DURATION',
    default: '2m',
  }),
  lost_cluster: setting(clusterId(), {
    description:
      'The id of a cluster whose data is gone without a backup, for an empty data_dir: its agents are obeyed, and what they ' +
      'run is taken over. Their logs and "sluice version" tell it.',
    value: 'UUID',
    default: null,
  }),
});

export interface FencingConfig {
  readonly failoverMs: number;
  readonly orphanTtlMs: number;
  /** When so many fall silent at once, nothing of theirs is given up. */
  readonly brake: { readonly nodes: number; readonly ratio: number; readonly windowMs: number };
  /** The cluster that a new store goes on with, because its data is gone; null = a new store begins a cluster of its own. */
  readonly lostClusterId: string | null;
}

/** What they come to. */
export function toFencing(values: z.output<typeof fencingSettings>): FencingConfig {
  return {
    failoverMs: values.failover,
    orphanTtlMs: values.orphans,
    brake: { nodes: values.brake_nodes, ratio: values.brake_ratio, windowMs: values.brake_window },
    lostClusterId: values.lost_cluster,
  };
}

function clusterId() {
  return z
    .string()
    .nullable()
    .transform((given, context): string | null => {
      if (given === null || given === '') return null;
      if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(given)) return given;
      context.addIssue({ code: 'custom', message: `"${given}" is not the id of a cluster, a UUID` });
      return z.NEVER;
    });
}

// What one change costs on a full cluster of 80,000 GPUs, and what a million pending workloads weigh.
import { changeCosts } from './child.js';
import { type Figure, figure } from './figure.js';
import type { Bench } from './registry.js';
import type { ChangeCost } from './steady-cluster.js';

const LARGE = { nodes: 10_000, queues: 50 };
const SLURM = 'Slurm: 4.5 to 6.1 KB a job, so 4.3 to 5.8 GiB';

/** `engine.one_change_p99_ms` and the figures of a million pending, those that are wanted. */
export const benchChanges: Bench = async ({ wants }) => {
  const figures: Figure[] = [];
  const wantsRatio = wants('engine.million_pending_cycle_ratio');
  const wantsMillion = wantsRatio || wants('engine.million_pending_mib') || wants('engine.million_pending_rss_mib');
  const add = (name: string, unit: string, values: readonly number[], peer?: string) => {
    if (wants(name)) figures.push(figure(name, unit, values, peer));
  };
  const p99s = (costs: readonly ChangeCost[]) => costs.map(({ p99Ms }) => p99Ms);

  const few = wantsRatio || wants('engine.one_change_p99_ms') ? await changeCosts({ ...LARGE, pending: 100_000 }) : [];
  const many = wantsMillion ? await changeCosts({ ...LARGE, pending: 1_000_000 }) : [];
  add('engine.one_change_p99_ms', 'ms', p99s(few), 'KAI 2.4 s a cycle at 4,000 nodes');
  add(
    'engine.million_pending_mib',
    'MiB',
    many.map(({ heldMib }) => heldMib),
    SLURM,
  );
  add(
    'engine.million_pending_rss_mib',
    'MiB',
    many.map(({ rssMib }) => rssMib),
  );
  add(
    'engine.million_pending_cycle_ratio',
    '1',
    many.map(({ p99Ms }, run) => p99Ms / (p99s(few)[run] ?? NaN)),
  );
  return figures;
};

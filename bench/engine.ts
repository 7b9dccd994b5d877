// The scheduling engine alone: what `step` and `apply` cost, without store, network and agents. Scenarios that a peer has
// published figures for are built as the peer builds them.
// Source of those: KAI Scheduler, actions/integration_tests/reclaim (ReclaimManySingleGPUJobsFullCycle_500Node,
// ReclaimLargeJobs_1000Node) and actions/reclaim (ReclaimUnschedulableDistributedJob_500Node).
import { invariant } from '../common/assert.js';
import { benchChanges } from './changes.js';
import { GPUS_PER_NODE } from './engine-records.js';
import { EngineRig } from './engine-rig.js';
import { fillCpu, fillMixed, fillShares, fillSingles } from './engine-fills.js';
import { type Figure, figure, LEAST_RUNS, quantile } from './figure.js';
import type { Bench } from './registry.js';

/** Measures those of the figures that are wanted. */
export const benchEngine: Bench = async (context) => {
  const figures: Figure[] = [];
  const add = (name: string, unit: string, once: () => number, peer?: string) => {
    if (!context.wants(name)) return;
    // A daemon runs for months: the run in which the code is compiled does not count.
    once();
    figures.push(figure(name, unit, Array.from({ length: LEAST_RUNS }, once), peer));
  };
  add('engine.fill_s', 's', () => fillMixed(10_000) / 1_000, 'Slurm fills 8,000 GPUs in 12 to 135 s');
  add('engine.fill_placements_per_s', '1/s', () => 80_000_000 / fillSingles(), 'Armada about 25,000/s on 1,000 nodes');
  add('engine.fill_shares_s', 's', () => fillShares() / 1_000);
  add('engine.fill_cpu_s', 's', () => fillCpu() / 1_000);
  add('engine.reclaim_many_ms', 'ms', reclaimMany, 'KAI 196.8 s; 59.3 s in an open change');
  add('engine.reclaim_gang_ms', 'ms', reclaimGang, 'KAI 76.3 s for a gang five times smaller, with reclaim alone');
  add('engine.say_no_ms', 'ms', sayNo, 'KAI 249.5 s end to end for a 10-pod gang');
  add('engine.equal_pending_submit_us', 'us', equalPending);
  return [...figures, ...(await benchChanges(context))];
};

// --- taking back ---

/** Nodes full of workloads of 1 GPU of a queue that is guaranteed `lent`, and an owner that is guaranteed `owned`. */
function lentOut(nodes: number, lent: number, owned: number, weight: number): EngineRig {
  const rig = new EngineRig().nodes(nodes).queue('borrower', lent, weight).queue('owner', owned, weight);
  for (let gpu = 0; gpu < nodes * GPUS_PER_NODE; gpu++) rig.runOn(gpu, 'borrower');
  rig.settle();
  invariant(rig.leaving.length === 0, 'nobody leaves before somebody asks', `${rig.leaving.length} leave`);
  return rig;
}

/** 500 nodes lent out, 4,000 pending workloads of 1 GPU of the owner: evict all, promise all, and place all. */
function reclaimMany(): number {
  const rig = lentOut(500, 0, 4_000, 0);
  for (let at = 0; at < 4_000; at++) rig.submit('owner', {});
  const decideMs = rig.settle();
  invariant(rig.leaving.length === 4_000, 'everything lent is told to leave', `${rig.leaving.length} leave`);
  invariant(rig.claims() === 4_000, 'everything pending is promised GPUs', `${rig.claims()} are`);
  const placeMs = rig.letAllLeave() + rig.settle();
  invariant(rig.heldGpus('owner') === 4_000, 'the owner gets all back', `${rig.heldGpus('owner')}`);
  return decideMs + placeMs;
}

/** 1,000 nodes lent out, one gang of 500 × 8 GPUs: until its victims are told to leave and it is promised their GPUs. */
function reclaimGang(): number {
  const rig = lentOut(1_000, 0, 8_000, 0);
  rig.submit('owner', { tasks: 500, gpus: 8 });
  const ms = rig.settle();
  invariant(rig.leaving.length === 4_000, 'as many victims as the gang needs', `${rig.leaving.length} leave`);
  invariant(rig.claims() === 1, 'the gang is promised their GPUs', `${rig.claims()} claims`);
  return ms;
}

/** 500 nodes, of which the owner may take back 79 GPUs: a gang of 10 × 8 is one GPU short of legal. */
function sayNo(): number {
  const rig = lentOut(500, 4_000 - 79, 80, 1);
  rig.submit('owner', { tasks: 10, gpus: 8 });
  const ms = rig.settle();
  invariant(rig.leaving.length === 0 && rig.claims() === 0, 'nobody is evicted in vain', `${rig.leaving.length} leave`);
  rig.checkReasons();
  return ms;
}

// --- one more ---

/** 1,000 nodes full, 100,000 equal workloads pending, one more comes: microseconds until the engine is at rest. */
function equalPending(): number {
  const rig = new EngineRig().nodes(1_000).queue('q0', 8_000);
  for (let at = 0; at < 108_000; at++) rig.submit('q0', {});
  rig.settle();
  const spansUs = Array.from({ length: 1_000 }, () => rig.submitAndSettle('q0', {}) * 1_000);
  return quantile(spansUs, 0.5);
}

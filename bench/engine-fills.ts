// An empty cluster and more work than fits, until nothing more fits. Each answers the milliseconds spent in the engine, and
// fails when a task got what it did not ask for, when something waits that would fit, or waits without a reason.
import { type Ask, GPUS_PER_NODE } from './engine-records.js';
import { EngineRig } from './engine-rig.js';

/** GPUs of a hundred gangs: 1:40 2:20 4:15 8:15 16:6 32:3 64:1 (GPUs:how many). */
const MIXED_GPUS: readonly number[] = [
  [1, 40],
  [2, 20],
  [4, 15],
  [8, 15],
  [16, 6],
  [32, 3],
  [64, 1],
].flatMap(([gpus = 0, count = 0]) => Array<number>(count).fill(gpus));

/** The size of the at-th gang of a mix; 37 has no factor in common with 100, so all sizes come early and often. */
export function mixedGpus(at: number): number {
  return MIXED_GPUS[(at * 37) % MIXED_GPUS.length] ?? 1;
}

export function gangOf(gpus: number): { readonly tasks: number; readonly gpus: number } {
  return { tasks: Math.ceil(gpus / GPUS_PER_NODE), gpus: Math.min(gpus, GPUS_PER_NODE) };
}

/** Ten pending gangs of 1 to 64 GPUs a node, in 50 queues. */
export function fillMixed(nodes: number): number {
  return fill(nodes, nodes * 10, (at) => gangOf(mixedGpus(at)));
}

/** 10,000 nodes, 80,000 workloads of 1 GPU. */
export function fillSingles(): number {
  return fill(10_000, 80_000, () => ({}));
}

/** 2,000 nodes, 100,000 workloads of 0.1 to 0.5 GPU, which ask for 27,000 GPUs where there are 16,000. */
export function fillShares(): number {
  const shares = [100, 200, 250, 300, 500];
  return fill(2_000, 100_000, (at) => ({ gpuMilli: shares[at % shares.length] ?? 100 }));
}

/** The mixed gangs with CPU and memory: of every twelve one needs more CPU, and one more memory, than its GPUs' part of a node. */
export function fillCpu(): number {
  return fill(10_000, 100_000, (at) => {
    const gang = gangOf(mixedGpus(at));
    const cpuMilli = Math.min(gang.gpus * (at % 12 === 5 ? 16_000 : 4_000), 64_000);
    const memoryMib = Math.min(gang.gpus * (at % 12 === 11 ? 384 : 64), 960) * 1_024;
    return { ...gang, cpuMilli, memoryMib };
  });
}

function fill(nodes: number, workloads: number, ask: (at: number) => Ask): number {
  const rig = new EngineRig().nodes(nodes).queues(50, (nodes * GPUS_PER_NODE) / 50);
  for (let at = 0; at < workloads; at++) rig.submit(`q${at % 50}`, ask(at));
  const ms = rig.settle();
  rig.checkPlacement();
  rig.checkReasons();
  return ms;
}

// A full cluster with much pending work, to which one thing after the other happens: work ends, work that was told to leave
// leaves, work comes. What one such change costs is what a scheduler's users feel all day.
import { present } from '../common/assert.js';
import type { Ask } from './engine-records.js';
import { GPUS_PER_NODE } from './engine-records.js';
import { EngineRig } from './engine-rig.js';
import { quantile } from './figure.js';

/** How large it is. Ten pools; what runs and what waits is of all queues in every pool. */
export interface SteadySize {
  readonly nodes: number;
  readonly queues: number;
  readonly pending: number;
}

/** What the changes cost. */
export interface ChangeCost {
  readonly p99Ms: number;
  readonly meanUs: number;
  /** What the process holds once garbage is collected, before the changes: on its heap and beside it, and in all. */
  readonly heldMib: number;
  readonly rssMib: number;
}

const POOLS = 10;
/** Different requests among the pending. */
const SHAPES = 1_000;
/** Long enough for queues to drift from their guarantees, so that taking back is part of it. */
const CHANGES = 5_000;
/** A busy cluster: so far apart are changes, in the cluster's time. */
const BETWEEN_CHANGES_MS = 10;
/** The pending came evenly over so long, so that some have waited long enough for a reservation. */
const BACKLOG_MS = 60 * 60_000;
/** Changes before anything is measured, on a cluster of this size, so that the code is compiled. */
const WARM_UP: SteadySize = { nodes: 1_000, queues: 50, pending: 20_000 };
const WARM_UP_CHANGES = 2_000;
const MIB = 2 ** 20;

/**
 * Measures in a process that does nothing else.
 * @param collectGarbage what `--expose-gc` gives
 */
export function measureChanges(size: SteadySize, collectGarbage: () => void): ChangeCost {
  changeSpansMs(new SteadyCluster(WARM_UP), WARM_UP_CHANGES);
  const cluster = new SteadyCluster(size);
  collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  const spansMs = changeSpansMs(cluster, CHANGES);
  return {
    p99Ms: quantile(spansMs, 0.99),
    meanUs: (spansMs.reduce((sum, ms) => sum + ms, 0) / spansMs.length) * 1_000,
    heldMib: (heapUsed + external) / MIB,
    rssMib: rss / MIB,
  };
}

function changeSpansMs(cluster: SteadyCluster, count: number): number[] {
  return Array.from({ length: count }, (_, at) => cluster.change(at));
}

class SteadyCluster {
  readonly #rig = new EngineRig();
  readonly #queues: number;
  #submitted = 0;

  constructor({ nodes, queues, pending }: SteadySize) {
    const rig = this.#rig;
    const gpus = nodes * GPUS_PER_NODE;
    this.#queues = queues;
    rig.nodes(nodes, POOLS).queues(queues, Math.max(1, Math.floor(gpus / queues)));
    for (let gpu = 0; gpu < gpus; gpu++) rig.runOn(gpu, `q${gpu % queues}`);
    for (let at = 0; at < pending; at++) {
      rig.submit(...this.#next());
      rig.nowMs += BACKLOG_MS / pending;
    }
    rig.nowMs = Math.round(rig.nowMs);
    rig.settle();
  }

  /** One thing happens, and what follows is decided: milliseconds in the engine. */
  change(at: number): number {
    const rig = this.#rig;
    rig.startPlaced();
    rig.nowMs += BETWEEN_CHANGES_MS;
    return at % 2 === 0 ? (rig.letOneLeave() ?? rig.finishOldest()) : rig.submitAndSettle(...this.#next());
  }

  /** Up to 25 tasks of 1, 2, 4 or 8 GPUs in one pool; the queue turns on its own, so that each has each shape in time. */
  #next(): readonly [queue: string, ask: Ask] {
    const at = this.#submitted++;
    const shape = at % SHAPES;
    const gpus = present([1, 2, 4, 8][shape % 4], 'four sizes', '');
    const pool = `p${Math.floor(shape / 4) % POOLS}`;
    const tasks = 1 + Math.floor(shape / (4 * POOLS));
    // One on with every round of shapes: else queue and shape would turn together.
    const queue = `q${(at + Math.floor(at / SHAPES)) % this.#queues}`;
    return [queue, { tasks, gpus, pool }];
  }
}

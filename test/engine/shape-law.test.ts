// The law of shape guarantees, through the real engine: any sequence of guaranteed requests that fits a private cluster of the
// guaranteed shapes also fits the shared one, whatever the others do. Both clusters are run by the same engine; the private one
// has nothing but the promised cells, as parts of nodes of the same build.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import type { ShapeGuarantee, TopologyLevel } from '../../scheduler/model/records.js';
import { TestCluster, type WorkloadOptions } from './cluster.js';

const GPUS_PER_NODE = 8;

interface World {
  readonly racks: readonly number[];
  readonly group: number;
  readonly own: readonly ShapeGuarantee[];
  readonly others: readonly { readonly shapes: readonly ShapeGuarantee[]; readonly more: number }[];
}

const cellSizes: readonly (readonly [number, TopologyLevel])[] = [
  [1, 'node'],
  [2, 'node'],
  [4, 'nvlink'],
  [4, 'node'],
  [8, 'node'],
  [16, 'rack'],
];

const shapes = (most: number) =>
  fc
    .array(fc.record({ of: fc.constantFrom(...cellSizes), count: fc.integer({ min: 1, max: 2 }) }), { maxLength: most })
    .map((list) =>
      list
        .filter(({ of }, index) => list.findIndex((each) => each.of === of) === index)
        .map(({ of: [gpus, level], count }): ShapeGuarantee => ({ count, gpus, level, pool: '', model: '' })),
    );

const world: fc.Arbitrary<World> = fc.record({
  racks: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  group: fc.constantFrom(4, 4, 2),
  own: shapes(3).filter((list) => list.length > 0),
  others: fc.array(fc.record({ shapes: shapes(2), more: fc.integer({ min: 0, max: 6 }) }), {
    minLength: 1,
    maxLength: 3,
  }),
});

function gpusOf(list: readonly ShapeGuarantee[]): number {
  return list.reduce((sum, { count, gpus }) => sum + count * gpus, 0);
}

/** NVLink groups of one node. */
function groups(size: number): number[] {
  return Array.from({ length: GPUS_PER_NODE }, (_, index) => Math.floor(index / size));
}

function sharedCluster({ racks, group, own, others }: World): TestCluster {
  const cluster = new TestCluster({ reserveAfterMs: 5_000 });
  racks.forEach((count, rack) => {
    for (let node = 0; node < count; node++) {
      cluster.node(`r${rack}n${node}`, { rack: `r${rack}`, nvlink: groups(group), cpus: 0, memoryMib: 0 });
    }
  });
  cluster.queue('own', { guarantee: gpusOf(own), shapes: own });
  // All that is not promised in shapes is promised as a number, so that nothing is to spare.
  let left = racks.reduce((sum, count) => sum + count * GPUS_PER_NODE, 0) - gpusOf(own);
  for (const other of others) left -= gpusOf(other.shapes);
  others.forEach((other, index) => {
    const more = index === others.length - 1 ? Math.max(0, left) : Math.max(0, Math.min(left, other.more));
    left -= more;
    cluster.queue(`other${index}`, { guarantee: gpusOf(other.shapes) + more, shapes: other.shapes });
  });
  return cluster.queue('greedy', { weight: 100, priority: 200 });
}

/** Each promised cell as the sound part of nodes of its own. */
function privateCluster({ group, own }: World): TestCluster {
  const cluster = new TestCluster({ actions: ['allocate'], reserveAfterMs: null });
  let cells = 0;
  for (const { count, gpus } of own) {
    for (let each = 0; each < count; each++) {
      const rack = `cell${++cells}`;
      for (let node = 0; node * GPUS_PER_NODE < gpus; node++) {
        const sound = Math.min(GPUS_PER_NODE, gpus - node * GPUS_PER_NODE);
        const unhealthy = Array.from({ length: GPUS_PER_NODE - sound }, (_, index) => sound + index);
        cluster.node(`${rack}n${node}`, { rack, nvlink: groups(group), unhealthy, cpus: 0, memoryMib: 0 });
      }
    }
  }
  return cluster.queue('own', { guarantee: gpusOf(own), shapes: own });
}

function isKept(cluster: TestCluster): boolean {
  cluster.settle();
  const { cells } = cluster.view;
  if (cells === null) return false;
  return [...cluster.view.queues.values()].every((queue) =>
    cells.standings(queue).every(({ impossible }) => impossible === 0),
  );
}

function isRunning(cluster: TestCluster, number: WorkloadNumber): boolean {
  return ['starting', 'running'].includes(cluster.workload(number).state);
}

/** A number decides what is asked for, or done. */
function request(choice: number): WorkloadOptions {
  const gpus = [1, 1, 2, 2, 3, 4, 4, 5, 6, 8][choice % 10] ?? 1;
  const tasks = [1, 1, 1, 2, 2, 4][Math.floor(choice / 10) % 6] ?? 1;
  const level = ([null, null, null, 'node', 'rack', 'nvlink'] as const)[Math.floor(choice / 60) % 6] ?? null;
  const topology = level === null ? null : { level, required: true };
  return {
    gpus,
    tasks,
    preemptible: Math.floor(choice / 360) % 4 !== 0,
    ...(topology === null ? {} : { topology }),
  };
}

/** Plays a history in both clusters. Throws when the law does not hold. */
function play(of: World, choices: readonly number[]): number {
  const shared = sharedCluster(of);
  const total = of.racks.reduce((sum, nodes) => sum + nodes * GPUS_PER_NODE, 0);
  const promised = shared.queueRecords().reduce((sum, { guaranteeGpus }) => sum + guaranteeGpus, 0);
  fc.pre(promised <= total && isKept(shared));
  const own = privateCluster(of);
  expect(isKept(own)).toBe(true);
  const running: { readonly here: WorkloadNumber; readonly there: WorkloadNumber }[] = [];
  shared.onDecision = (decision) => {
    if (decision.type !== 'evict') return;
    const isOwn = shared.workload(decision.workload).spec.queue === 'own';
    expect(isOwn, `${decision.message} evicted ${decision.workload} of the owner`).toBe(false);
  };
  let kept = 0;
  const rest = (): void => {
    for (let times = 0; times < 4; times++) {
      shared.cycle();
      shared.view.cells?.check();
    }
  };
  for (const choice of choices) {
    const pick = Math.floor(choice / 8);
    switch (choice % 8) {
      case 0:
      case 1:
      case 2: {
        const options = request(pick);
        const there = own.submit('own', options);
        own.cycle();
        if (!isRunning(own, there)) {
          own.cancel(there);
          break;
        }
        const here = shared.submit('own', options);
        rest();
        const shown = JSON.stringify(shared.explain(here));
        expect(isRunning(shared, here), `${JSON.stringify(options)} does not fit: ${shown}`).toBe(true);
        running.push({ here, there });
        kept++;
        break;
      }
      case 3: {
        const [ended] = running.splice(pick % Math.max(1, running.length), 1);
        if (!ended) break;
        own.finish(ended.there).cycle();
        shared.finish(ended.here);
        rest();
        break;
      }
      case 4: {
        const ends = shared.workloads().filter(({ spec, state }) => spec.queue !== 'own' && state === 'starting');
        const ended = ends[pick % Math.max(1, ends.length)];
        if (ended) shared.finish(ended.number).settle();
        break;
      }
      default: {
        const names = ['greedy', ...of.others.map((_, index) => `other${index}`)];
        const queue = names[pick % names.length] ?? 'greedy';
        const options = request(Math.floor(pick / names.length));
        const count = choice % 8 === 5 ? 1 : 3;
        shared.submitMany(count, queue, { ...options, preemptible: queue === 'greedy' || pick % 3 === 0 });
        if (choice % 8 < 7) shared.cycle();
      }
    }
  }
  return kept;
}

describe('sharing safety through the engine', () => {
  it('whatever fits a private cluster of the guaranteed shapes fits the shared one', () => {
    let kept = 0;
    fc.assert(
      fc.property(world, fc.array(fc.nat(100_000), { minLength: 5, maxLength: 60 }), (of, choices) => {
        kept += play(of, choices);
      }),
      {
        numRuns: Number(process.env['LAW_RUNS'] ?? 60),
        ...(process.env['LAW_SEED'] ? { seed: Number(process.env['LAW_SEED']) } : {}),
      },
    );
    expect(kept).toBeGreaterThan(50);
  }, 600_000);
});

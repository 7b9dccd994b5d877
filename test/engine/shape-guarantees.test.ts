// Guaranteed shapes as users meet them: whole places are kept for what is owed, borrowers make way, bad hardware is shown.
// The law behind it has a test of its own (shape-law.test.ts).
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import { explain } from '../../scheduler/engine/explain.js';
import type { ShapeGuarantee } from '../../scheduler/model/records.js';
import { TestCluster } from './cluster.js';

function shape(
  count: number,
  gpus: number,
  level: ShapeGuarantee['level'] = 'node',
  part: Partial<ShapeGuarantee> = {},
): ShapeGuarantee {
  return { count, gpus, level, pool: '', model: '', ...part };
}

/** Nodes on which a workload runs. */
function nodesOf(cluster: TestCluster, number: WorkloadNumber): string[] {
  return [...new Set(cluster.allocationsOf(number).map(({ node }) => String(node)))];
}

function standing(cluster: TestCluster, queue: string): string {
  const { shapes = [] } = cluster.view.queueShares().find((share) => share.queue === queue) ?? {};
  return shapes.map(({ count, inUse, impossible }) => `${inUse} of ${count}, ${impossible} impossible`).join('; ');
}

function ledger(cluster: TestCluster): string {
  cluster.view.settleForReading();
  cluster.view.cells?.check();
  return cluster.view.cells?.describe() ?? 'none';
}

/** Red is owed one whole node, blue is guaranteed as many GPUs, green only borrows. */
function twoNodes(): TestCluster {
  return new TestCluster()
    .nodes(2)
    .queue('red', { guarantee: 8, shapes: [shape(1, 8)] })
    .queue('blue', { guarantee: 8 })
    .queue('green');
}

const FIXED = { preemptible: false } as const;

describe('what is owed is left whole', () => {
  it('by work that stays: it fills one node before it breaks another', () => {
    const cluster = twoNodes();
    const singles = cluster.submitMany(8, 'blue', { gpus: 1, ...FIXED });
    cluster.settle();
    expect(singles.map((each) => nodesOf(cluster, each).join())).toEqual(new Array(8).fill('n0'));
    const gang = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    expect(cluster.where(gang)).toBe('n1:0,1,2,3,4,5,6,7');
  });

  it('by work within a guarantee that could be taken back, too', () => {
    const cluster = twoNodes();
    cluster.running('green', 'n0', [0, 1, 2, 3, 4, 5]);
    const singles = cluster.submitMany(4, 'blue', { gpus: 2 });
    for (let times = 0; times < 3; times++) cluster.cycle();
    expect(singles.map((each) => nodesOf(cluster, each).length)).toEqual([1, 1, 1, 1]);
    const gang = cluster.submit('red', { gpus: 8 });
    for (let times = 0; times < 3; times++) cluster.cycle();
    expect(nodesOf(cluster, gang)).toHaveLength(1);
    expect(new Set(singles.flatMap((each) => nodesOf(cluster, each))).size).toBe(1);
    expect(cluster.decisions.some(({ type, workload }) => type === 'evict' && singles.includes(workload))).toBe(false);
  });

  it('work that may not be taken back waits rather than breaks it, and says why', () => {
    const cluster = new TestCluster().nodes(1).queue('red', { guarantee: 8, shapes: [shape(1, 8)] });
    cluster.queue('blue', { guarantee: 2 });
    const stays = cluster.submit('blue', { gpus: 1, ...FIXED });
    cluster.settle();
    expect(cluster.reason(stays)).toBe('OWED_TO_OTHERS');
    expect(cluster.explain(stays)?.summary).toMatch(/^8 GPUs are free, but others are guaranteed them in shapes/);
    expect(cluster.explain(stays)?.lines).toContainEqual({
      title: 'Shapes',
      text: 'red is guaranteed 1 × 8 GPUs in one node: 0 in use',
    });
    const borrows = cluster.submit('blue', { gpus: 1 });
    cluster.settle();
    expect(cluster.states(stays, borrows)).toEqual(['pending', 'starting']);
  });

  it('when the promise ends it starts', () => {
    const cluster = new TestCluster().nodes(1).queue('red', { guarantee: 8, shapes: [shape(1, 8)] });
    const stays = cluster.queue('blue', { guarantee: 2 }).submit('blue', { gpus: 1, ...FIXED });
    cluster.settle();
    cluster.queue('red', { guarantee: 8 }).settle();
    expect(cluster.states(stays)).toEqual(['starting']);
    expect(cluster.view.cells).toBeNull();
  });

  it('kinds that no shape names are nobody’s concern', () => {
    const cluster = new TestCluster().node('h', {}).node('l', { model: 'NVIDIA L4' });
    cluster.queue('red', { guarantee: 8, shapes: [shape(1, 8, 'node', { model: 'h100' })] });
    const gang = cluster.queue('blue', { guarantee: 8 }).submit('blue', { gpus: 8, ...FIXED });
    cluster.settle();
    expect(nodesOf(cluster, gang)).toEqual(['l']);
  });

  it('pools are kept apart', () => {
    const cluster = new TestCluster().node('a', { pool: 'big' }).node('b', { pool: 'small' });
    cluster.queue('red', { guarantee: 8, shapes: [shape(1, 8, 'node', { pool: 'big' })] });
    cluster.queue('blue', { guarantee: 8 });
    const first = cluster.submit('blue', { gpus: 1, ...FIXED });
    const gang = cluster.submit('red', { gpus: 8, pool: 'big' });
    cluster.settle();
    expect([nodesOf(cluster, first), nodesOf(cluster, gang)]).toEqual([['b'], ['a']]);
  });
});

describe('borrowers make way', () => {
  it('and are moved where there is another place', () => {
    const cluster = twoNodes();
    const borrowed = cluster.running('green', 'n1', [0, 1]);
    cluster.running('blue', 'n0', [0, 1, 2, 3], FIXED);
    const gang = cluster.submit('red', { gpus: 8 });
    cluster.cycle();
    expect([nodesOf(cluster, gang), nodesOf(cluster, borrowed)]).toEqual([['n1'], ['n0']]);
    expect(cluster.decisions.find(({ type }) => type === 'evict')).toMatchObject({
      reason: 'reclaimed',
      message: 'red is guaranteed these GPUs and green had only borrowed them',
    });
  });

  it('even if they are within a guarantee themselves, where they had no right to be', () => {
    const cluster = new TestCluster().nodes(1).queue('red', { guarantee: 8, shapes: [shape(1, 8)] });
    const lent = cluster.queue('blue', { guarantee: 4 }).submit('blue', { gpus: 4 });
    cluster.settle();
    expect(cluster.states(lent)).toEqual(['starting']);
    const gang = cluster.submit('red', { gpus: 8 });
    cluster.cycle();
    expect(cluster.states(gang, lent)).toEqual(['starting', 'pending']);
    expect(cluster.settle()).toEqual([]);
  });

  it('inside a cell that is in use the owner goes on, and a borrower beside it leaves', () => {
    const cluster = twoNodes();
    const first = cluster.submit('red', { gpus: 4 });
    cluster.settle();
    const [node = ''] = nodesOf(cluster, first);
    const borrowed = cluster.running('green', node, [4, 5, 6, 7]);
    const second = cluster.submit('red', { gpus: 4 });
    cluster.cycle();
    expect(nodesOf(cluster, second)).toEqual([node]);
    expect(nodesOf(cluster, borrowed)).not.toEqual([node]);
  });

  it('and so do promises that borrowers have', () => {
    const cluster = new TestCluster().nodes(1).queue('red', { guarantee: 8, shapes: [shape(1, 8)] });
    cluster.queue('green').queue('grey', { weight: 3 });
    cluster.running('green', 'n0', [0, 1, 2, 3, 4, 5, 6, 7]);
    const claimer = cluster.submit('grey', { gpus: 4 });
    cluster.settle();
    expect(cluster.workload(claimer).claim).not.toBeNull();
    const gang = cluster.submit('red', { gpus: 8 });
    cluster.cycle();
    expect(cluster.states(gang)).toEqual(['starting']);
    expect(cluster.workload(claimer).claim).toBeNull();
  });

  it('not before their min-runtime is over; until then the owner takes what else there is', () => {
    const cluster = twoNodes().queue('green', { reclaimMinRuntimeMs: 60_000 });
    const borrowed = cluster.running('green', 'n1', [0]);
    cluster.running('blue', 'n0', [0, 1], FIXED);
    const gang = cluster.submit('red', { gpus: 4 });
    cluster.settle();
    expect(cluster.states(gang, borrowed)).toEqual(['starting', 'running']);
  });

  it('what is secured is not taken by others, however much its queue borrows beside', () => {
    const cluster = new TestCluster().nodes(2).queue('red', { guarantee: 8, shapes: [shape(1, 8)] });
    cluster.queue('blue', { guarantee: 8 });
    const own = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    const more = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    const gang = cluster.submit('blue', { gpus: 8 });
    cluster.cycle();
    expect(cluster.states(own, more, gang)).toEqual(['starting', 'pending', 'starting']);
  });
});

describe('inside its cells', () => {
  it('what is secured stays though it would be the first victim by priority', () => {
    const cluster = new TestCluster().nodes(2);
    cluster.queue('red', { guarantee: 8, weight: 0, shapes: [shape(1, 8)] }).queue('grey');
    const own = cluster.submit('red', { gpus: 8, priority: 10 });
    cluster.settle();
    const more = cluster.submit('red', { gpus: 8, priority: 90 });
    cluster.settle();
    const gang = cluster.submit('grey', { gpus: 8 });
    const evicted = cluster
      .settle()
      .flatMap((each) => (each.type === 'evict' && each.forWorkload === gang ? [each.workload] : []));
    expect(evicted).toEqual([more]);
    expect(cluster.allocationsOf(own)).toHaveLength(1);
  });

  it('work goes where it would go on machines of its own, though others are free for now', () => {
    const cluster = new TestCluster({ actions: ['allocate', 'reclaim'] }).nodes(3);
    cluster
      .queue('red', { guarantee: 16, shapes: [shape(2, 8)] })
      .queue('blue', { guarantee: 8 })
      .queue('green');
    const run = (queue: string, gpus: number): WorkloadNumber => {
      const number = cluster.submit(queue, { gpus, preemptible: queue !== 'blue' });
      for (let times = 0; times < 3; times++) cluster.cycle();
      expect(cluster.states(number)).toEqual(['starting']);
      return number;
    };
    const [first, second] = [run('red', 6), run('red', 6)];
    for (const each of [first, second]) cluster.running('green', nodesOf(cluster, each)[0] ?? '', [6, 7]);
    const third = run('red', 2);
    run('blue', 6);
    const fourth = run('red', 2);
    expect(nodesOf(cluster, third)).toEqual(nodesOf(cluster, first));
    expect(nodesOf(cluster, fourth)).toEqual(nodesOf(cluster, second));
    cluster.finish(first).finish(third).settle();
    run('red', 8);
  });
});

describe('cells of every level', () => {
  const groups = [0, 0, 0, 0, 1, 1, 1, 1];

  it.each<[string, ShapeGuarantee, number, (cluster: TestCluster) => TestCluster, number]>([
    ['an NVLink group', shape(1, 4, 'nvlink'), 12, (cluster) => cluster.nodes(2, { nvlink: groups }), 4],
    ['half a node', shape(1, 4), 12, (cluster) => cluster.nodes(2), 4],
    ['a node', shape(1, 8), 8, (cluster) => cluster.nodes(2), 8],
    [
      'a rack',
      shape(1, 16, 'rack'),
      16,
      (cluster) =>
        cluster.node('a', { rack: 'x' }).node('b', { rack: 'x' }).node('c', { rack: 'y' }).node('d', { rack: 'y' }),
      8,
    ],
    [
      'a block',
      shape(1, 16, 'block'),
      16,
      (cluster) =>
        cluster
          .node('a', { rack: 'x', block: 'p' })
          .node('b', { rack: 'y', block: 'p' })
          .node('c', { rack: 'z', block: 'q' })
          .node('d', { rack: 'w', block: 'q' }),
      8,
    ],
  ])('%s stays whole beside work that stays', (_, owed, others, make, gpus) => {
    const cluster = make(new TestCluster());
    cluster.queue('red', { guarantee: owed.gpus, shapes: [owed] }).queue('blue', { guarantee: others });
    const singles = cluster.submitMany(others, 'blue', { gpus: 1, ...FIXED });
    cluster.settle();
    expect(cluster.states(...singles)).toEqual(new Array(others).fill('starting'));
    const tasks = owed.gpus / gpus;
    const gang = cluster.submit('red', { gpus, tasks, topology: { level: owed.level, required: true } });
    cluster.settle();
    expect(cluster.states(gang)).toEqual(['starting']);
  });

  it('several sizes of one queue: the smallest that fits is opened', () => {
    const cluster = new TestCluster().nodes(2);
    cluster.queue('red', { guarantee: 12, shapes: [shape(1, 8), shape(1, 4)] });
    const half = cluster.submit('red', { gpus: 3 });
    const whole = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    expect(cluster.states(half, whole)).toEqual(['starting', 'starting']);
    expect(standing(cluster, 'red')).toBe('1 of 1, 0 impossible; 1 of 1, 0 impossible');
  });

  it('shares go together into one cell of their queue', () => {
    const cluster = twoNodes();
    const shares = cluster.submitMany(4, 'red', { gpus: 1, milli: 500 });
    cluster.settle();
    expect(new Set(shares.map((each) => cluster.where(each))).size).toBe(2);
    expect(standing(cluster, 'red')).toBe('1 of 1, 0 impossible');
  });

  it('what a queue above is promised serves those below it, their own first', () => {
    const cluster = new TestCluster().nodes(3).queue('org', { guarantee: 16, shapes: [shape(2, 8)] });
    cluster
      .queue('a', { parent: 'org', guarantee: 8, shapes: [shape(1, 8)] })
      .queue('b', { parent: 'org', guarantee: 8 });
    cluster.queue('blue', { guarantee: 8 });
    cluster.submitMany(8, 'blue', { gpus: 1, ...FIXED });
    cluster.settle();
    const gangs = [cluster.submit('b', { gpus: 8 }), cluster.submit('a', { gpus: 8 })];
    cluster.settle();
    expect(cluster.states(...gangs)).toEqual(['starting', 'starting']);
    expect([standing(cluster, 'org'), standing(cluster, 'a')]).toEqual([
      '2 of 2, 0 impossible',
      '1 of 1, 0 impossible',
    ]);
  });
});

describe('bad hardware', () => {
  it('a promise that was never possible is shown, and kept once there are nodes', () => {
    const cluster = new TestCluster().nodes(1).queue('red', { guarantee: 24, shapes: [shape(3, 8)] });
    cluster.settle();
    expect(standing(cluster, 'red')).toBe('0 of 3, 2 impossible');
    cluster.node('m1').node('m2').settle();
    expect(standing(cluster, 'red')).toBe('0 of 3, 0 impossible');
  });

  it.each<[string, (cluster: TestCluster) => TestCluster, (cluster: TestCluster) => TestCluster]>([
    ['a node is down', (cluster) => cluster.liveness('n1', 'down'), (cluster) => cluster.liveness('n1', 'ready')],
    ['a node is cordoned', (cluster) => cluster.cordon('n1'), (cluster) => cluster.cordon('n1', false)],
    ['a GPU is quarantined', (cluster) => cluster.node('n1', { unhealthy: [3] }), (cluster) => cluster.node('n1')],
    ['a node is gone', (cluster) => cluster.removeNode('n1'), (cluster) => cluster.node('n1')],
    ['a node shrinks', (cluster) => cluster.node('n1', { gpus: 4 }), (cluster) => cluster.node('n1')],
    ['a GPU is another one', (cluster) => cluster.node('n1', { models: { 0: 'L4' } }), (cluster) => cluster.node('n1')],
    ['a GPU is cut up', (cluster) => cluster.node('n1', { mig: { 0: ['3g.40gb'] } }), (cluster) => cluster.node('n1')],
  ])('%s: shown as owed while it lasts', (_, breaks, mends) => {
    const cluster = new TestCluster().nodes(2).queue('red', { guarantee: 16, shapes: [shape(2, 8)] });
    cluster.settle();
    expect(standing(cluster, 'red')).toBe('0 of 2, 0 impossible');
    breaks(cluster).settle();
    expect(standing(cluster, 'red')).toBe('0 of 2, 1 impossible');
    mends(cluster).settle();
    expect(standing(cluster, 'red')).toBe('0 of 2, 0 impossible');
    expect(ledger(cluster)).not.toBe('none');
  });

  it('the explanation of who waits for it says so', () => {
    const cluster = twoNodes();
    cluster.running('blue', 'n0', [0], FIXED);
    cluster.cordon('n1');
    const gang = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    expect(cluster.explain(gang)?.lines).toContainEqual({
      title: 'Shapes',
      text: 'red is guaranteed 1 × 8 GPUs in one node: 0 in use, 1 cannot be had with the hardware there is',
    });
    cluster.cordon('n1', false).settle();
    expect(nodesOf(cluster, gang)).toEqual(['n1']);
  });

  it('a GPU that fails under its owner: the cell is in use and cannot be had, and another is opened afterwards', () => {
    const cluster = twoNodes();
    const gang = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    const [node = ''] = nodesOf(cluster, gang);
    cluster.node(node, { unhealthy: [0] }).settle();
    expect(standing(cluster, 'red')).toBe('1 of 1, 1 impossible');
    cluster.finish(gang).settle();
    expect(standing(cluster, 'red')).toBe('0 of 1, 0 impossible');
    const again = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    expect(nodesOf(cluster, again)).not.toEqual([node]);
  });
});

describe('changes while work runs', () => {
  it('a promise made over borrowed work takes effect at once', () => {
    const cluster = new TestCluster().nodes(1).queue('red').queue('green');
    const borrowed = cluster.submit('green', { gpus: 8 });
    cluster.settle();
    cluster.queue('red', { guarantee: 8, shapes: [shape(1, 8)] });
    const gang = cluster.submit('red', { gpus: 8 });
    cluster.cycle();
    expect(cluster.states(gang, borrowed)).toEqual(['starting', 'pending']);
  });

  it('a lowered guarantee makes a loan of what was secured', () => {
    const cluster = twoNodes().queue('blue', { guarantee: 16 });
    const secured = cluster.submit('blue', { gpus: 8 });
    cluster.settle();
    expect(cluster.view.cells?.securedAs(cluster.allocationsOf(secured)[0]?.id ?? '')).toMatchObject({
      account: '(surplus)',
    });
    cluster.queue('blue').settle();
    expect(cluster.view.cells?.securedAs(cluster.allocationsOf(secured)[0]?.id ?? '')).toBeNull();
  });

  it('borrowed work is secured as soon as its queue has room in its guarantee again', () => {
    const cluster = twoNodes();
    const first = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    const more = cluster.submit('red', { gpus: 4 });
    cluster.settle();
    const allocation = cluster.allocationsOf(more)[0]?.id ?? '';
    expect(cluster.view.cells?.securedAs(allocation)).toBeNull();
    cluster.finish(first).settle();
    expect(cluster.view.cells?.securedAs(allocation)).toMatchObject({ account: 'red' });
    cluster.queue('blue', { guarantee: 8 }).submitMany(8, 'blue', { gpus: 1, ...FIXED });
    cluster.settle();
    expect(standing(cluster, 'red')).toBe('1 of 1, 0 impossible');
  });

  it('what borrows more than one cell holds is not secured in several, which its queue is owed for other work', () => {
    const cluster = new TestCluster().nodes(2);
    cluster
      .queue('red', { guarantee: 10, shapes: [shape(2, 4)] })
      .queue('blue', { guarantee: 8, shapes: [shape(2, 4)] });
    const large = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    expect(cluster.view.cells?.securedAs(cluster.allocationsOf(large)[0]?.id ?? '')).toBeNull();
    const small = cluster.submit('red', { gpus: 1, ...FIXED });
    cluster.settle();
    expect(cluster.states(large, small)).toEqual(['starting', 'starting']);
    expect(standing(cluster, 'red')).toBe('1 of 2, 0 impossible');
  });

  it('a queue whose own work borrowed the place of its cell has an equal one that another queue is owed', () => {
    const groups = { nvlink: [0, 0, 0, 0, 1, 1, 1, 1] };
    const cluster = new TestCluster().node('n0', groups);
    for (const name of ['m0', 'm1']) cluster.node(name, { gpus: 4, nvlink: [0, 0, 0, 0] });
    cluster
      .queue('blue', { guarantee: 8, shapes: [shape(2, 4)] })
      .queue('red', { guarantee: 10, shapes: [shape(2, 4)] });
    const large = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    expect(nodesOf(cluster, large)).toEqual(['n0']);
    const small = cluster.submit('red', { gpus: 1, ...FIXED });
    cluster.settle();
    expect(cluster.states(large, small)).toEqual(['starting', 'starting']);
    expect([standing(cluster, 'red'), standing(cluster, 'blue')]).toEqual([
      '1 of 2, 0 impossible',
      '0 of 2, 0 impossible',
    ]);
    ledger(cluster);
    // Blue has both of its own when it wants them: one is in the place that was borrowed.
    const both = cluster.submitMany(2, 'blue', { gpus: 4, ...FIXED });
    for (let times = 0; times < 3; times++) cluster.cycle();
    expect(cluster.states(...both)).toEqual(['starting', 'starting']);
    expect(standing(cluster, 'blue')).toBe('2 of 2, 0 impossible');
    const fresh = cluster.freshView();
    fresh.settle(cluster.nowMs);
    fresh.cells?.check();
    expect(fresh.queueShares()).toEqual(cluster.view.queueShares());
  });

  it('after a restart bindings are found for what runs', () => {
    const cluster = twoNodes();
    const gang = cluster.submit('red', { gpus: 4 });
    cluster.submitMany(3, 'blue', { gpus: 2, ...FIXED });
    cluster.settle();
    const fresh = cluster.freshView();
    fresh.settle(cluster.nowMs);
    fresh.cells?.check();
    const id = cluster.allocationsOf(gang)[0]?.id ?? '';
    expect(fresh.cells?.securedAs(id)).toMatchObject({ account: 'red' });
    expect(fresh.queueShares()).toEqual(cluster.view.queueShares());
    expect(explain(fresh, gang, cluster.nowMs)).toBeNull();
  });

  it('a node that comes or goes leaves bound cells as they are', () => {
    const cluster = twoNodes();
    const gang = cluster.submit('red', { gpus: 4 });
    cluster.settle();
    const before = standing(cluster, 'red');
    cluster.node('m0').settle();
    expect(standing(cluster, 'red')).toBe(before);
    const second = cluster.submit('red', { gpus: 4 });
    cluster.settle();
    expect(nodesOf(cluster, second)).toEqual(nodesOf(cluster, gang));
  });

  it('a claim keeps its cell until it is bound', () => {
    const cluster = twoNodes();
    cluster.running('green', 'n0', [0, 1, 2, 3, 4, 5, 6, 7]);
    cluster.running('green', 'n1', [0, 1, 2, 3, 4, 5, 6, 7]);
    const gang = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    expect(cluster.workload(gang).claim).not.toBeNull();
    expect(standing(cluster, 'red')).toBe('1 of 1, 0 impossible');
    cluster.release().settle();
    expect(cluster.states(gang)).toEqual(['starting']);
    expect(standing(cluster, 'red')).toBe('1 of 1, 0 impossible');
  });

  it('elastic work takes more inside its cell, and lends the rest', () => {
    const cluster = twoNodes();
    const elastic = cluster.submit('red', { gpus: 1, tasks: 2, maxTasks: 12 });
    cluster.settle();
    const secured = cluster
      .allocationsOf(elastic)
      .map(({ id }) => cluster.view.cells?.securedAs(id)?.account ?? 'lent');
    expect(secured.filter((account) => account === 'red')).toHaveLength(8);
    expect(secured.filter((account) => account === 'lent')).toHaveLength(4);
    const fixed = cluster.submitMany(8, 'blue', { gpus: 1, ...FIXED });
    for (let times = 0; times < 4; times++) cluster.cycle();
    expect(cluster.states(...fixed)).toEqual(new Array(8).fill('starting'));
    expect(cluster.tasks(elastic)).toHaveLength(8);
  });
});

describe('suppositions', () => {
  it('leave no trace in cells', () => {
    const cluster = twoNodes();
    cluster.submit('red', { gpus: 4 });
    cluster.submitMany(3, 'green', { gpus: 4 });
    cluster.settle();
    const before = ledger(cluster);
    const restore = cluster.view.supposeCells();
    const supposed = cluster.submit('red', { gpus: 4 });
    cluster.settle();
    expect(cluster.view.cells?.describe()).not.toBe(before);
    cluster.cancel(supposed);
    restore();
    expect(cluster.view.cells?.describe()).toBe(before);
  });

  it('without shapes there is no ledger at all', () => {
    const cluster = new TestCluster().nodes(2).queue('blue', { guarantee: 8 });
    cluster.submit('blue', { gpus: 8 });
    cluster.settle();
    expect(cluster.view.cells).toBeNull();
  });
});

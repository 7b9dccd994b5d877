import { describe, expect, it } from 'vitest';
import { MAX_TASKS_PER_NODE } from '../../scheduler/engine/nodes.js';
import { TestCluster, type WorkloadOptions } from './cluster.js';

describe('placement packs', () => {
  const cases: readonly {
    readonly title: string;
    /** GPUs already taken on n0, n1, … of 8 each. */
    readonly taken: readonly number[];
    readonly ask: WorkloadOptions;
    readonly where: string;
  }[] = [
    { title: 'the lowest GPUs of the first node by name', taken: [0, 0], ask: { gpus: 4 }, where: 'n0:0,1,2,3' },
    { title: 'where the fewest stay free', taken: [2, 5, 4], ask: { gpus: 3 }, where: 'n1:5,6,7' },
    { title: 'not where it does not fit', taken: [6, 5, 0], ask: { gpus: 4 }, where: 'n2:0,1,2,3' },
    { title: 'a gang on one node where it can', taken: [7, 7, 0], ask: { gpus: 1, tasks: 2 }, where: 'n2:0 n2:1' },
    {
      title: 'a gang on the tightest node that takes all of it',
      taken: [0, 4, 3],
      ask: { gpus: 2, tasks: 2 },
      where: 'n1:4,5 n1:6,7',
    },
    {
      title: 'a large gang on as few nodes as can be, and its rest tightly',
      taken: [0, 6, 4],
      ask: { gpus: 2, tasks: 5 },
      where: 'n0:0,1 n0:2,3 n0:4,5 n0:6,7 n1:6,7',
    },
  ];
  it.each(cases)('$title', ({ taken, ask, where }) => {
    const cluster = new TestCluster().nodes(taken.length).queue('q', { guarantee: 100 });
    taken.forEach((count, at) => {
      if (count > 0)
        cluster.running(
          'q',
          `n${at}`,
          Array.from({ length: count }, (_, index) => index),
        );
    });
    const workload = cluster.submit('q', ask);
    cluster.settle();
    expect(cluster.where(workload)).toBe(where);
  });

  it('or spreads, as each pool has it', () => {
    const cluster = new TestCluster({ placement: 'fragmentation', placementOf: { deep: 'pack', wide: 'spread' } });
    for (const pool of ['deep', 'wide'] as const)
      for (const at of [1, 2, 3]) cluster.node(`${pool}${at}`, { gpus: 4, pool });
    cluster.queue('q', { guarantee: 100 });
    for (const pool of ['deep', 'wide']) cluster.placed('q', `${pool}2:0`);
    const given = (ask: WorkloadOptions) => {
      const number = cluster.submit('q', ask);
      cluster.settle();
      return cluster.where(number);
    };
    expect([given({ pool: 'deep' }), given({ pool: 'wide' })]).toEqual(['deep2:1', 'wide1:0']);
    // A gang that is packed fills nodes, one that is spread has a node for each task.
    const gang = { tasks: 3 };
    expect([given({ pool: 'deep', ...gang }), given({ pool: 'wide', ...gang })]).toEqual([
      'deep2:2 deep2:3 deep1:0',
      'wide3:0 wide1:1 wide2:1',
    ]);
    // What may go to both is placed in each as that pool has it.
    cluster.running('q', 'deep1', [1, 2, 3]);
    for (const gpus of [3, 4]) cluster.running('q', 'deep3', [gpus - 3]);
    cluster.running('q', 'wide3', [1, 2]);
    expect([given({}), given({}), given({})]).toEqual(['deep3:2', 'deep3:3', 'wide1:2']);
  });

  it('shares onto what is shared already, whatever the policy of its pool', () => {
    const cluster = new TestCluster({ placement: 'fragmentation', placementOf: { deep: 'pack', wide: 'spread' } });
    cluster.node('deep1', { pool: 'deep' }).node('wide1', { pool: 'wide' }).node('wide2', { pool: 'wide' });
    cluster.queue('q', { guarantee: 100 });
    const given = (ask: WorkloadOptions) => {
      const number = cluster.submit('q', { milli: 500, ...ask });
      cluster.settle();
      return cluster.where(number);
    };
    expect([given({ pool: 'wide' }), given({}), given({})]).toEqual(['wide1:0', 'wide1:0', 'deep1:0']);
  });

  it('keeps a gang among equal GPUs where they suffice', () => {
    const cluster = new TestCluster()
      .node('a', { gpus: 4, model: 'NVIDIA L4' })
      .node('b', { gpus: 8, model: 'NVIDIA H100' })
      .queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { tasks: 6 });
    cluster.settle();
    expect(cluster.where(gang)).toBe('b:0 b:1 b:2 b:3 b:4 b:5');
  });
});

describe('only fitting GPUs are given', () => {
  it.each([
    ['h100', 'b'],
    ['H100 80gb', 'b'],
    ['nvidia l4', 'a'],
    ['', 'a'],
    ['A100', ''],
    ['h100 l4', ''],
  ])('model "%s" → node "%s"', (model, node) => {
    const cluster = new TestCluster().node('a', { model: 'NVIDIA L4' }).node('b').queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', { model });
    cluster.settle();
    expect(cluster.where(workload)).toBe(node === '' ? '' : `${node}:0`);
  });

  it('of the pool asked for', () => {
    const cluster = new TestCluster().node('a').node('b', { pool: 'lab' }).queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', { pool: 'lab' });
    cluster.settle();
    expect(cluster.where(workload)).toBe('b:0');
  });

  it('that are healthy, of nodes that are ready and not cordoned', () => {
    const cluster = new TestCluster()
      .node('a', { liveness: 'unknown' })
      .node('b', { liveness: 'down' })
      .node('c', { cordoned: true })
      .node('d', { unhealthy: [0, 2] })
      .queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', { gpus: 2 });
    cluster.settle();
    expect(cluster.where(workload)).toBe('d:1,3');
  });

  it('once a node becomes ready', () => {
    const cluster = new TestCluster().node('a', { liveness: 'unknown' }).queue('q', { guarantee: 100 });
    const workload = cluster.submit('q');
    expect(cluster.settle()).toEqual([]);
    cluster.liveness('a', 'ready').settle();
    expect(cluster.where(workload)).toBe('a:0');
  });

  it('not while the last holder is only stopping', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 1 }).queue('q', { guarantee: 100 });
    const first = cluster.submit('q');
    cluster.settle();
    const second = cluster.submit('q');
    cluster.cancel(first);
    expect(cluster.settle().filter(({ type }) => type === 'bind')).toEqual([]);
    cluster.release();
    cluster.settle();
    expect(cluster.where(second)).toBe('n0:0');
  });
});

describe('work without GPUs', () => {
  it('goes to nodes without GPUs first, to the least busy', () => {
    const cluster = new TestCluster().node('a').node('cpu0', { gpus: 0 }).node('cpu1', { gpus: 0 }).queue('q');
    const tasks = cluster.submitMany(3, 'q', { gpus: 0 });
    cluster.settle();
    expect(tasks.map((task) => cluster.where(task))).toEqual(['cpu0:', 'cpu1:', 'cpu0:']);
  });

  it('is bounded on each node', () => {
    const cluster = new TestCluster().node('a').queue('q');
    const tasks = cluster.submitMany(MAX_TASKS_PER_NODE + 1, 'q', { gpus: 0 });
    cluster.settle();
    const last = tasks[MAX_TASKS_PER_NODE];
    expect(tasks.filter((task) => cluster.where(task) === '')).toEqual([last]);
    expect(last && cluster.reason(last)).toBe('RESOURCES');
  });

  it('needs no guarantee and is no victim', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 1 }).queue('q', { limit: 0, weight: 0 });
    const task = cluster.submit('q', { gpus: 0, preemptible: false });
    cluster.settle();
    expect(cluster.states(task)).toEqual(['starting']);
  });
});

describe('gangs', () => {
  it('start whole or not at all', () => {
    const cluster = new TestCluster().nodes(1).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { gpus: 3, tasks: 3 });
    cluster.settle();
    expect(cluster.where(gang)).toBe('');
    cluster.node('n1', { gpus: 3 });
    cluster.settle();
    expect(cluster.where(gang)).toBe('n0:0,1,2 n0:3,4,5 n1:0,1,2');
  });
});

describe('order', () => {
  it('in a queue: higher priority, then older, equal shapes strictly so', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 2 }).queue('q', { guarantee: 100 });
    const late = cluster.submit('q', { submittedMs: 20 });
    const early = cluster.submit('q', { submittedMs: 10 });
    const urgent = cluster.submit('q', { priority: 90, submittedMs: 30 });
    cluster.settle();
    expect(cluster.states(late, early, urgent)).toEqual(['pending', 'starting', 'starting']);
  });

  it('a stuck head holds back only its own shape', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 4 }).queue('q', { guarantee: 100 });
    const large = cluster.submit('q', { gpus: 8, priority: 90 });
    const small = cluster.submit('q', { gpus: 1 });
    cluster.settle();
    expect(cluster.states(large, small)).toEqual(['pending', 'starting']);
  });

  it('between queues: who is within the guarantee comes first', () => {
    const cluster = new TestCluster()
      .nodes(1, { gpus: 2 })
      .queue('old', { priority: 900 })
      .queue('owner', { guarantee: 2 });
    cluster.submitMany(2, 'old');
    cluster.submitMany(2, 'owner');
    cluster.settle();
    expect([cluster.held('old'), cluster.held('owner')]).toEqual([0, 2]);
  });

  it('between queues: higher priority gets the surplus first', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 4 }).queue('low').queue('high', { priority: 200 });
    cluster.submitMany(4, 'low');
    cluster.submitMany(3, 'high');
    cluster.settle();
    expect([cluster.held('low'), cluster.held('high')]).toEqual([1, 3]);
  });

  it('between queues: higher priority first, where more is guaranteed than there is', () => {
    const cluster = new TestCluster().nodes(1);
    cluster.queue('low', { guarantee: 8 }).queue('high', { guarantee: 8, priority: 200 });
    cluster.submitMany(6, 'low');
    cluster.submitMany(6, 'high');
    cluster.settle();
    expect([cluster.held('low'), cluster.held('high')]).toEqual([2, 6]);
  });

  it('between queues: by weight, top-down over the tree', () => {
    const cluster = new TestCluster()
      .nodes(3, { gpus: 4 })
      .queue('a', { weight: 2 })
      .queue('b', { weight: 1 })
      .queue('a1', { parent: 'a', weight: 3 })
      .queue('a2', { parent: 'a', weight: 1 })
      .queue('b1', { parent: 'b' });
    for (const queue of ['a1', 'a2', 'b1']) cluster.submitMany(12, queue);
    cluster.settle();
    expect(['a1', 'a2', 'b1'].map((queue) => cluster.held(queue))).toEqual([6, 2, 4]);
  });
});

describe('limits', () => {
  it('hold at the queue and at every queue above it', () => {
    const cluster = new TestCluster()
      .nodes(2)
      .queue('top', { limit: 5 })
      .queue('a', { parent: 'top', limit: 3 })
      .queue('b', { parent: 'top' });
    cluster.submitMany(8, 'a');
    cluster.submitMany(8, 'b');
    cluster.settle();
    expect(cluster.held('a')).toBeLessThanOrEqual(3);
    expect(cluster.held('a') + cluster.held('b')).toBe(5);
  });

  it('for work that is not preemptible the guarantee is the limit, at every level', () => {
    const cluster = new TestCluster()
      .nodes(1)
      .queue('top', { guarantee: 3 })
      .queue('a', { parent: 'top', guarantee: 2 })
      .queue('b', { parent: 'top', guarantee: 2 });
    const fixed = [
      ...cluster.submitMany(3, 'a', { preemptible: false }),
      ...cluster.submitMany(3, 'b', { preemptible: false }),
    ];
    const loose = cluster.submit('a');
    cluster.settle();
    expect(fixed.filter((number) => cluster.where(number) !== '')).toHaveLength(3);
    expect(cluster.states(loose)).toEqual(['starting']);
  });

  it('lifting one lets its work in', () => {
    const cluster = new TestCluster().nodes(1).queue('q', { limit: 1 });
    const [, second] = cluster.submitMany(2, 'q');
    cluster.settle();
    expect(second && cluster.reason(second)).toBe('QUEUE_LIMIT');
    cluster.queue('q', { limit: 2 }).settle();
    expect(second && cluster.where(second)).toBe('n0:1');
  });
});

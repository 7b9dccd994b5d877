// Elastic work: its core starts as a gang, more tasks come one at a time when nobody else should have the GPUs first, and go
// one at a time, the last first, before anybody loses all of his work.
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import type { Evict } from '../../scheduler/engine/decisions.js';
import type { TestCluster } from './cluster.js';
import { lawfulCluster } from './laws.js';

function evictions(cluster: TestCluster): Evict[] {
  return cluster.decisions.filter((decision) => decision.type === 'evict');
}

/** The tasks that were told to leave, in order. */
function tasksOf(cluster: TestCluster, { workload, allocations }: Evict): number[] {
  return cluster.allocationsOf(workload).flatMap(({ id, task }) => (allocations.includes(id) ? [task] : []));
}

describe('growing', () => {
  it.each([
    // GPUs, tasks that run
    [1, []],
    [2, [0, 1]],
    [3, [0, 1, 2]],
    [4, [0, 1, 2, 3]],
    [8, [0, 1, 2, 3]],
  ])('on %i GPUs, of 2 to 4 tasks those run: %j', (gpus, tasks) => {
    const cluster = lawfulCluster().nodes(1, { gpus }).queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', { tasks: 2, maxTasks: 4 });
    cluster.settle();
    expect(cluster.tasks(workload)).toEqual(tasks);
  });

  it('goes on when more comes free, in the same attempt', () => {
    const cluster = lawfulCluster().node('a', { gpus: 3 }).queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', { tasks: 2, maxTasks: 5 });
    cluster.settle();
    expect(cluster.tasks(workload)).toEqual([0, 1, 2]);
    cluster.node('b', { gpus: 1 }).settle();
    expect(cluster.tasks(workload)).toEqual([0, 1, 2, 3]);
    cluster.node('b', { gpus: 4 }).settle();
    expect(cluster.tasks(workload)).toEqual([0, 1, 2, 3, 4]);
    expect(cluster.allocationsOf(workload).map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
  });

  it.each([
    ['equal queues share evenly', 1, 1, [4, 4]],
    ['by weight', 3, 1, [6, 2]],
  ])('task by task between queues: %s', (_, weightA, weightB, held) => {
    const cluster = lawfulCluster().nodes(1).queue('a', { weight: weightA }).queue('b', { weight: weightB });
    cluster.submit('a', { tasks: 1, maxTasks: 8 });
    cluster.submit('b', { tasks: 1, maxTasks: 8 });
    cluster.settle();
    expect([cluster.held('a'), cluster.held('b')]).toEqual(held);
  });

  it('in a queue comes after gangs that wait, and those with just their core grow first', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 100 });
    const elastic = [cluster.submit('q', { maxTasks: 8 }), cluster.submit('q', { maxTasks: 2 })];
    const gang = cluster.submit('q', { tasks: 4 });
    cluster.settle();
    expect(cluster.states(gang)).toEqual(['starting']);
    expect(elastic.map((number) => cluster.tasks(number).length)).toEqual([2, 2]);
  });

  it('of higher priority comes before the gang of a lower one', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 4 }).queue('q', { guarantee: 100 });
    const elastic = cluster.submit('q', { maxTasks: 4, priority: 90 });
    const gang = cluster.submit('q', { tasks: 2, priority: 50 });
    cluster.settle();
    expect(cluster.tasks(elastic)).toHaveLength(4);
    expect(cluster.states(gang)).toEqual(['pending']);
  });

  it('stops at the limit of its queue', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { limit: 3 });
    const workload = cluster.submit('q', { maxTasks: 8 });
    cluster.settle();
    expect(cluster.tasks(workload)).toEqual([0, 1, 2]);
    cluster.queue('q', { limit: 5 }).settle();
    expect(cluster.tasks(workload)).toEqual([0, 1, 2, 3, 4]);
  });

  it('stops at the guarantee when it is not preemptible', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 3 });
    const workload = cluster.submit('q', { tasks: 2, maxTasks: 8, preemptible: false });
    cluster.settle();
    expect(cluster.tasks(workload)).toEqual([0, 1, 2]);
  });

  it('takes lent GPUs back up to the guarantee, and no further', () => {
    const cluster = lawfulCluster().nodes(1).queue('a', { guarantee: 4 }).queue('b', { guarantee: 4 });
    for (let gpu = 1; gpu < 8; gpu++) cluster.running('b', 'n0', [gpu]);
    const workload = cluster.submit('a', { tasks: 1, maxTasks: 8 });
    for (let cycles = 0; cycles < 6; cycles++) cluster.cycle();
    expect(cluster.tasks(workload)).toHaveLength(4);
    expect(cluster.held('b')).toBe(4);
  });

  it('without GPUs goes as far as cores do', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 0, cpus: 8 }).queue('q');
    const workload = cluster.submit('q', { gpus: 0, maxTasks: 9, request: { cpuMilli: 3_000 } });
    cluster.settle();
    expect(cluster.where(workload)).toBe('n0: n0: n1: n1:');
  });

  it('of two roles takes turns, the one that comes first in the workload first', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 4 }).queue('q', { guarantee: 8 });
    const workload = cluster.submit('q', {
      roles: [
        { name: 'x', tasks: 1, maxTasks: 3 },
        { name: 'y', tasks: 1, maxTasks: 3 },
      ],
    });
    cluster.settle();
    expect(cluster.tasks(workload)).toEqual([0, 1, 3, 4]);
    cluster.node('n0', { gpus: 5 }).settle();
    expect(cluster.tasks(workload)).toEqual([0, 1, 2, 3, 4]);
  });

  it('waits with one promise for all that leaves, and takes what of it is free', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 3 }).queue('q', { guarantee: 8 });
    const others = [cluster.running('q', 'n0', [1]), cluster.running('q', 'n0', [2])];
    const workload = cluster.submit('q', { maxTasks: 3 });
    cluster.settle();
    for (const other of others) cluster.cancel(other);
    cluster.settle();
    expect(cluster.workload(workload).claim?.placements).toMatchObject([{ task: 1 }, { task: 2 }]);
    expect(cluster.states(workload)).toEqual(['starting']);
    cluster.release(others[1]).settle();
    expect(cluster.tasks(workload)).toEqual([0, 2]);
    expect(cluster.workload(workload).claim?.placements).toMatchObject([{ task: 1 }]);
    cluster.release().settle();
    expect(cluster.tasks(workload)).toEqual([0, 1, 2]);
    expect(cluster.workload(workload).claim).toBe(null);
  });

  it('takes back all it has a right to at once, so that nobody is taken from twice', () => {
    const cluster = lawfulCluster({ placement: 'spread' })
      .node('n0', { gpus: 2 })
      .queue('a', { weight: 0 })
      .queue('b', { guarantee: 2 });
    const [large, small] = [cluster.running('a', 'n0', [0]), cluster.placed('a', 'n0:1', { milli: 500 })];
    const elastic = cluster.submit('b', { milli: 500, maxTasks: 4 });
    for (let cycles = 0; cycles < 5; cycles++) cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2, 3]);
    const victims = cluster.decisions.flatMap((one) => (one.type === 'evict' ? [one.workload] : []));
    expect(victims).toHaveLength(2);
    expect(new Set(victims)).toEqual(new Set([large, small]));
  });

  it('is done before others are given what it has a right to, by moving them there or by starting them', () => {
    const cluster = lawfulCluster().node('n0', { gpus: 2 }).node('n1', { gpus: 1, pool: 'other' });
    cluster.queue('a').queue('b', { guarantee: 2 });
    const victim = cluster.placed('a', 'n0:0 n0:1', { gpus: 1 });
    const elastic = cluster.submit('b', { maxTasks: 2, pool: 'default' });
    cluster.settle();
    cluster.release();
    const single = cluster.submit('a', { pool: 'default' });
    cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 1]);
    expect(cluster.states(victim, single)).toEqual(['pending', 'pending']);
    expect(evictions(cluster).map(({ workload }) => workload)).toEqual([victim]);
  });

  it('takes for all its tasks in one step, also those that find room on what the first one frees', () => {
    const cluster = lawfulCluster().node('n0', { gpus: 1 }).node('n1', { gpus: 1 });
    cluster.queue('grows').queue('borrower', { weight: 0 });
    const half = { milli: 500, gpus: 1 };
    const elastic = cluster.placed('grows', 'n0:0', { ...half, tasks: 1, maxTasks: 3 });
    cluster.placed('grows', 'n0:0', half);
    cluster.running('borrower', 'n1', [0]);
    const next = cluster.submit('borrower', half);
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2]);
    expect(cluster.workload(next).attempt).toBe(0);
  });

  it('is waited for by those who give to somebody else: nobody is moved to what it is about to want', () => {
    const cluster = lawfulCluster().node('n0', { gpus: 2, pool: 'west' }).node('n1', { gpus: 1, pool: 'east' });
    cluster.queue('grows', { guarantee: 2, priority: 200 }).queue('single', { guarantee: 1 });
    cluster.queue('borrower').queue('gang');
    cluster.placed('gang', 'n0:0 n0:1', { gpus: 1 });
    const victim = cluster.running('borrower', 'n1', [0]);
    const elastic = cluster.submit('grows', { maxTasks: 2, pool: 'west' });
    const single = cluster.submit('single', { pool: 'east' });
    for (let cycles = 0; cycles < 4; cycles++) cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 1]);
    expect(cluster.where(single)).toBe('n1:0');
    expect(evictions(cluster).filter(({ workload }) => workload === victim)).toHaveLength(1);
  });

  it('leaves those where they are moved to who are not in the way of its growth', () => {
    const cluster = lawfulCluster().node('n0', { gpus: 3, pool: 'west' }).node('n1', { gpus: 1, pool: 'east' });
    cluster.queue('grows', { guarantee: 2, priority: 200 }).queue('single', { guarantee: 1 });
    cluster.queue('borrower').queue('gang');
    cluster.placed('gang', 'n0:0 n0:1 n0:2', { gpus: 1 });
    const victim = cluster.running('borrower', 'n1', [0]);
    cluster.submit('grows', { maxTasks: 2, pool: 'west' });
    cluster.submit('single', { pool: 'east' });
    cluster.settle();
    expect(cluster.workload(victim).claim?.placements).toMatchObject([{ node: 'n0' }]);
  });

  it('ends when its first task is over: the work runs out', () => {
    const cluster = lawfulCluster().node('a', { gpus: 2 }).queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', { tasks: 2, maxTasks: 4 });
    cluster.settle();
    cluster.exit(workload, 1, 0).node('b', { gpus: 2 }).settle();
    expect(cluster.tasks(workload)).toEqual([0, 1]);
  });
});

/** Queue `a` borrows all of 8 GPUs: an elastic workload of 2 to 6 tasks, and a younger one of 2 GPUs. */
function borrowed() {
  const cluster = lawfulCluster().nodes(1).queue('a').queue('b', { guarantee: 8 });
  const elastic = cluster.placed('a', 'n0:0 n0:1 n0:2 n0:3 n0:4 n0:5', { tasks: 2, maxTasks: 6 });
  cluster.nowMs += 60_000;
  const single = cluster.running('a', 'n0', [6, 7]);
  cluster.nowMs += 60_000;
  return { cluster, elastic, single };
}

describe('shrinking', () => {
  it.each([
    // GPUs asked for, tasks that are left of the elastic workload, state of the other one
    [1, [0, 1, 2, 3, 4], 'running'],
    [2, [0, 1, 2, 3], 'running'],
    [4, [0, 1], 'running'],
    // Now somebody has to lose all of it: the youngest.
    [6, [0, 1], 'pending'],
    [8, [], 'pending'],
  ])('for %i GPUs, to %j while the other one is %s', (gpus, tasks, state) => {
    const { cluster, elastic, single } = borrowed();
    const owner = cluster.submit('b', { gpus });
    cluster.cycle();
    expect(cluster.states(owner)).toEqual(['starting']);
    expect(cluster.tasks(elastic)).toEqual(tasks);
    expect(cluster.states(single)).toEqual([state]);
  });

  it('names the tasks that go, the last first, and lets the workload run', () => {
    const { cluster, elastic } = borrowed();
    const owner = cluster.submit('b', { gpus: 2 });
    cluster.onDecision = null;
    const made = cluster.settle().filter((decision) => decision.type === 'evict');
    expect(made.map((one) => tasksOf(cluster, one))).toEqual([[5], [4]]);
    expect(made).toMatchObject([
      { workload: elastic, reason: 'reclaimed', forWorkload: owner },
      { workload: elastic, reason: 'reclaimed', forWorkload: owner },
    ]);
    expect(cluster.states(elastic)).toEqual(['running']);
  });

  it('comes before a whole workload of the same priority, not of a lower one', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 4 }).queue('a').queue('b', { guarantee: 1 });
    const elastic = cluster.placed('a', 'n0:0 n0:1 n0:2', { tasks: 1, maxTasks: 3, priority: 60 });
    const lower = cluster.running('a', 'n0', [3], { priority: 50 });
    cluster.submit('b');
    cluster.settle();
    expect(cluster.states(elastic, lower)).toEqual(['running', 'stopping']);
    expect(evictions(cluster)).toHaveLength(1);
  });

  it('makes room for higher priority in the same queue', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 4 }).queue('q', { guarantee: 4 });
    const low = cluster.placed('q', 'n0:0 n0:1 n0:2 n0:3', { tasks: 1, maxTasks: 4, priority: 10 });
    const high = cluster.submit('q', { gpus: 2, priority: 90 });
    cluster.cycle();
    expect(cluster.tasks(low)).toEqual([0, 1]);
    expect(cluster.where(high)).toBe('n0:2,3');
  });

  it('brings a queue no lower than its guarantee', () => {
    const cluster = lawfulCluster().nodes(1).queue('a', { guarantee: 4 }).queue('b', { guarantee: 4 });
    const elastic = cluster.placed('a', 'n0:0 n0:1 n0:2 n0:3 n0:4 n0:5 n0:6 n0:7', { tasks: 1, maxTasks: 8 });
    cluster.submitMany(8, 'b');
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2, 3]);
    expect(cluster.held('b')).toBe(4);
  });

  it.each([
    // priorities of the older and of the younger one, tasks that each has left of 4
    ['of equals the younger first', 50, 50, [4, 2]],
    ['lower priority first', 40, 50, [2, 4]],
  ])('goes through a queue like any victims: %s', (_, older, younger, left) => {
    const cluster = lawfulCluster().nodes(1).queue('a').queue('b', { guarantee: 8 });
    const first = cluster.placed('a', 'n0:0 n0:1 n0:2 n0:3', { tasks: 1, maxTasks: 4, priority: older });
    cluster.nowMs += 60_000;
    const second = cluster.placed('a', 'n0:4 n0:5 n0:6 n0:7', { tasks: 1, maxTasks: 4, priority: younger });
    cluster.submit('b', { gpus: 2 });
    cluster.cycle();
    expect([first, second].map((number) => cluster.tasks(number).length)).toEqual(left);
  });

  it('takes all surplus of a queue before anybody loses all', () => {
    const cluster = lawfulCluster().nodes(1).queue('a').queue('b', { guarantee: 8 });
    const first = cluster.placed('a', 'n0:0 n0:1 n0:2 n0:3', { tasks: 1, maxTasks: 4 });
    const second = cluster.placed('a', 'n0:4 n0:5 n0:6 n0:7', { tasks: 1, maxTasks: 4 });
    cluster.submitMany(6, 'b');
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect(cluster.states(first, second)).toEqual(['running', 'running']);
    expect([cluster.tasks(first), cluster.tasks(second)]).toEqual([[0], [0]]);
    expect(cluster.held('b')).toBe(6);
  });

  it('takes nothing of what is not preemptible, surplus or not', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 4 }).queue('a', { guarantee: 4 }).queue('b', { guarantee: 4 });
    cluster.placed('a', 'n0:0 n0:1 n0:2 n0:3', { tasks: 1, maxTasks: 4, preemptible: false });
    cluster.queue('a', { guarantee: 1 }).submit('b');
    expect(cluster.settle()).toEqual([]);
  });

  it('to nothing gives up what is promised to it, so that nobody else has to give', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 4 }).queue('a', { guarantee: 2 }).queue('b', { guarantee: 2 });
    const others = [cluster.running('a', 'n0', [2]), cluster.running('a', 'n0', [3])];
    const gone = cluster.running('a', 'n0', [1]);
    cluster.nowMs += 60_000;
    const elastic = cluster.placed('a', 'n0:0', { tasks: 1, maxTasks: 2 });
    cluster.cancel(gone).settle();
    expect(cluster.workload(elastic).claim?.placements).toMatchObject([{ task: 1, gpus: [1] }]);
    const owner = cluster.submit('b', { gpus: 2 });
    cluster.settle();
    expect(cluster.states(elastic, ...others)).toEqual(['stopping', 'running', 'running']);
    cluster.cycle();
    expect(cluster.where(owner)).toBe('n0:0,1');
    expect(cluster.held('a')).toBe(2);
  });

  it('is done in both roles that have more than they need', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 4 }).queue('a').queue('b', { guarantee: 4 });
    const roles = [
      { name: 'x', tasks: 1, maxTasks: 2 },
      { name: 'y', tasks: 1, maxTasks: 2 },
    ];
    const elastic = cluster.placed('a', 'n0:0 n0:1 n0:2 n0:3', { roles });
    cluster.submit('b', { gpus: 2 });
    cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 2]);
  });
});

describe('growing again', () => {
  it('follows when the owner is done, with the numbers that were free', () => {
    const { cluster, elastic } = borrowed();
    const owner = cluster.submit('b', { gpus: 2 });
    cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2, 3]);
    cluster.finish(owner).settle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(cluster.workload(elastic)).toMatchObject({ state: 'running', attempt: 1 });
  });

  it('waits until the task that leaves has left', () => {
    const { cluster, elastic } = borrowed();
    const owner = cluster.submit('b');
    cluster.settle();
    cluster.cancel(owner).settle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2, 3, 4, 5]);
    cluster.release().settle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(cluster.allocationsOf(elastic).filter(({ stop }) => stop)).toEqual([]);
  });
});

describe('elastic work comes to rest', () => {
  function rests(cluster: TestCluster): void {
    for (let cycles = 0; cycles < 4; cycles++) cluster.cycle();
    const before = cluster.decisions.length;
    for (let cycles = 0; cycles < 10; cycles++) cluster.cycle();
    expect(cluster.decisions).toHaveLength(before);
  }

  it('between two queues with an odd GPU', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 7 }).queue('a').queue('b');
    cluster.submit('a', { maxTasks: 8 });
    cluster.settle();
    cluster.submit('b', { maxTasks: 8 });
    rests(cluster);
    expect(new Set([cluster.held('a'), cluster.held('b')])).toEqual(new Set([3, 4]));
  });

  it('beside gangs that want what it has', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 4 }).queue('a', { guarantee: 2 }).queue('b', { guarantee: 2 });
    const elastic: WorkloadNumber[] = [cluster.submit('a', { tasks: 2, maxTasks: 8 })];
    cluster.settle();
    cluster.submit('b', { gpus: 3 });
    elastic.push(cluster.submit('b', { maxTasks: 4 }));
    rests(cluster);
    expect(cluster.held('a') + cluster.held('b')).toBe(8);
  });
});

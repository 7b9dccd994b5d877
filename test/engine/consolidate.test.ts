// Moving running work together, so that what is free comes together: as little as possible, within bounds, and nobody who
// would not have to give loses his place.
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import type { EnginePolicy } from '../../scheduler/engine/policy.js';
import type { TestCluster, WorkloadOptions } from './cluster.js';
import { lawfulCluster } from './laws.js';

/** Nodes of 4 GPUs, on each of which one workload of queue q has as many as it says. */
function scattered(
  counts: readonly number[],
  policy: Partial<EnginePolicy> = {},
  options: WorkloadOptions = {},
): { readonly cluster: TestCluster; readonly running: readonly WorkloadNumber[] } {
  const cluster = lawfulCluster(policy).nodes(counts.length, { gpus: 4 }).queue('q', { guarantee: 100 });
  const running = counts.map((count, at) => {
    const gpus = Array.from({ length: count }, (_, index) => index);
    return cluster.running('q', `n${at}`, gpus, options);
  });
  return { cluster, running };
}

function moved(cluster: TestCluster): WorkloadNumber[] {
  return cluster.decisions.flatMap((one) => (one.type === 'evict' && one.reason === 'moved' ? [one.workload] : []));
}

describe('consolidation', () => {
  it('moves work aside and puts what waits in its place', () => {
    const { cluster, running } = scattered([2, 2]);
    const large = cluster.submit('q', { gpus: 4 });
    expect(cluster.settle()).toMatchObject([
      { type: 'evict', reason: 'moved', forWorkload: large },
      { type: 'claim', placements: [{ gpus: [2, 3] }] },
      { type: 'claim', workload: large, placements: [{ gpus: [0, 1, 2, 3] }] },
    ]);
    cluster.cycle();
    expect(cluster.states(large)).toEqual(['starting']);
    expect(new Set(cluster.states(...running))).toEqual(new Set(['running', 'starting']));
    expect(cluster.held('q')).toBe(8);
  });

  it('says so in words', () => {
    const { cluster } = scattered([2, 2]);
    cluster.submit('q', { gpus: 4 });
    expect(cluster.settle()[0]).toMatchObject({
      message: 'moved to other GPUs, so that 4 GPUs can be had together',
    });
  });

  it.each([
    // GPUs in use on each node, GPUs asked for, who moves (by node)
    ['the one node with the least to move', [3, 1, 2], 4, [1]],
    ['nobody where it fits', [2, 0], 4, []],
    ['nobody where too little is free in all', [3, 2], 4, []],
    ['nobody where those who move would find no place', [3, 3, 3, 3], 4, []],
  ])('moves %s', (_, counts, gpus, expected) => {
    const { cluster, running } = scattered(counts);
    cluster.submit('q', { gpus });
    cluster.settle();
    expect(moved(cluster)).toEqual(expected.map((at) => running[at]));
  });

  it.each([1, 2])('moves what was only just placed, when it was placed in %i steps', (steps) => {
    const cluster = lawfulCluster({ placement: 'spread' }).nodes(2, { gpus: 4 }).queue('q', { guarantee: 100 });
    const [first, second] = cluster.submitMany(2, 'q');
    if (steps === 2) cluster.settle();
    const large = cluster.submit('q', { gpus: 4 });
    cluster.cycle();
    expect(cluster.states(large)).toEqual(['starting']);
    expect(moved(cluster)).toHaveLength(1);
    expect([first, second]).toContain(moved(cluster)[0]);
  });

  it('moves nobody of whose tasks some are over', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 2 }).queue('q', { guarantee: 100 });
    const running = cluster.placed('q', 'n0:0 n1:0', { tasks: 1, maxTasks: 2 });
    const [first] = cluster.allocationsOf(running);
    if (first) cluster.exit(running, 0, 0).forget(first.id);
    cluster.running('q', 'n0', [0], { preemptible: false });
    cluster.submit('q', { gpus: 2 });
    expect(cluster.settle()).toEqual([]);
  });

  it('moves the youngest of those who cost the same', () => {
    const cluster = lawfulCluster().nodes(3, { gpus: 4 }).queue('q', { guarantee: 100 });
    cluster.running('q', 'n0', [0, 1]);
    cluster.nowMs += 120_000;
    cluster.running('q', 'n2', [0, 1]);
    cluster.nowMs -= 60_000;
    cluster.running('q', 'n1', [0, 1]);
    cluster.nowMs += 120_000;
    cluster.submit('q', { gpus: 4 });
    cluster.settle();
    expect(moved(cluster)).toHaveLength(1);
    expect(moved(cluster)).toEqual(
      cluster
        .workloads()
        .slice(1, 2)
        .map(({ number }) => number),
    );
  });

  it('moves one workload rather than two, though those are younger', () => {
    const cluster = lawfulCluster().nodes(3, { gpus: 4 }).queue('q', { guarantee: 100 });
    cluster.running('q', 'n2', [0, 1], { preemptible: false });
    const old = cluster.running('q', 'n0', [0]);
    cluster.nowMs += 60_000;
    cluster.running('q', 'n1', [0]);
    cluster.running('q', 'n1', [1]);
    cluster.submit('q', { gpus: 4 });
    cluster.settle();
    expect(moved(cluster)).toEqual([old]);
  });

  it('makes room for a gang on several nodes', () => {
    const { cluster } = scattered([1, 1, 1, 1]);
    const gang = cluster.submit('q', { gpus: 4, tasks: 2 });
    cluster.cycle();
    expect(cluster.states(gang)).toEqual(['starting']);
    expect(moved(cluster)).toHaveLength(2);
    expect(cluster.held('q')).toBe(12);
  });

  it('moves shares from GPU to GPU', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 2 }).queue('q', { guarantee: 100 });
    cluster.placed('q', 'n0:0', { milli: 500 });
    cluster.placed('q', 'n0:1', { milli: 500 });
    const whole = cluster.submit('q');
    cluster.cycle();
    expect(cluster.states(whole)).toEqual(['starting']);
    expect(moved(cluster)).toHaveLength(1);
    expect(cluster.held('q')).toBe(2);
  });

  it('moves elastic work with all its tasks, or not at all', () => {
    const labels = { net: 'ib' };
    const cluster = lawfulCluster()
      .node('a', { gpus: 1, cpus: 1, labels })
      .node('b', { gpus: 1, cpus: 8, labels })
      .node('c', { gpus: 1, cpus: 1 })
      .queue('q', { guarantee: 100 });
    const elastic = cluster.placed('q', 'a:0 b:0', { tasks: 1, maxTasks: 2, priority: 50, rules: { labels } });
    cluster.submit('q', { priority: 10, request: { cpuMilli: 4_000 } });
    // Were it told to stop and to start again on a alone, its surplus would take b back: for ever.
    for (let cycles = 0; cycles < 4; cycles++) cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 1]);
    expect(cluster.decisions).toEqual([]);
  });

  it('moves nothing that is promised more: it would come back for it', () => {
    const cluster = lawfulCluster().nodes(3, { gpus: 1 }).queue('q', { guarantee: 100 });
    const elastic = cluster.placed('q', 'n0:0 n1:0', {
      tasks: 2,
      maxTasks: 3,
      priority: 70,
      request: { gpuMilli: 600 },
    });
    cluster.running('q', 'n2', [0], { priority: 50 });
    cluster.submit('q', { priority: 50 });
    for (let cycles = 0; cycles < 7; cycles++) cluster.cycle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2]);
    expect(cluster.decisions.filter(({ type }) => type === 'evict')).toHaveLength(1);
  });

  it('comes to rest', () => {
    const { cluster } = scattered([2, 2, 1]);
    cluster.submit('q', { gpus: 4 });
    cluster.submit('q', { gpus: 4 });
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    const before = cluster.decisions.length;
    for (let cycles = 0; cycles < 10; cycles++) cluster.cycle();
    expect(cluster.decisions).toHaveLength(before);
  });
});

describe('consolidation and what queues are due', () => {
  it('comes after those who take what they are due, so that nobody is moved to where he gives again', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 2 }).queue('beyond', { weight: 0 }).queue('due');
    const running = [cluster.running('beyond', 'n0', [0]), cluster.running('beyond', 'n1', [0])];
    const more = cluster.submit('beyond', { gpus: 2 });
    const gang = cluster.submit('due', { tasks: 3 });
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect(cluster.states(gang, more)).toEqual(['starting', 'pending']);
    const victims = cluster.decisions.flatMap((one) => (one.type === 'evict' ? [one.workload] : []));
    expect(victims).toHaveLength(1);
    expect(running).toContain(victims[0]);
  });

  it('leaves it to reclaim to make room where another one is due what those in the way would be moved to', () => {
    const cluster = lawfulCluster().node('n0', { gpus: 2 }).node('n1', { gpus: 2 }).node('n2', { gpus: 1 });
    cluster.queue('beyond', { weight: 0 }).queue('due');
    cluster.running('beyond', 'n2', [0]);
    cluster.nowMs += 1_000;
    cluster.placed('beyond', 'n0:0 n1:0', { gpus: 1 });
    const waiting = [cluster.submit('due', { gpus: 2 }), cluster.submit('due', { tasks: 3 })];
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect(cluster.states(...waiting)).toEqual(['starting', 'starting']);
    const victims = cluster.decisions.flatMap(({ type, workload }) => (type === 'evict' ? [workload] : []));
    expect(new Set(victims).size).toBe(victims.length);
  });

  it('comes again for those who are due it, when others took what they are due', () => {
    const cluster = lawfulCluster({ placement: 'spread' }).node('n0', { gpus: 4 });
    for (const node of ['n1', 'n2', 'n3']) cluster.node(node);
    cluster.queue('taker', { guarantee: 8 }).queue('due', { guarantee: 1, weight: 3, priority: 50 });
    cluster.queue('beyond', { guarantee: 3, weight: 0 });
    cluster.placed('due', 'n1:3,4,5,6 n2:3,4,5,6 n3:2,3,4,5', { gpus: 4 });
    cluster.running('due', 'n0', [0, 1, 2]);
    cluster.running('due', 'n3', [6, 7]);
    cluster.placed('taker', 'n1:1,2 n2:1,2 n3:0,1', { gpus: 2 });
    for (const node of ['n1', 'n2']) cluster.running('beyond', node, [0]);
    const waiting = [cluster.submit('due', { gpus: 3 }), cluster.submit('beyond', { gpus: 3 })];
    const taker = cluster.submit('taker', { tasks: 3, gpus: 3 });
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect(cluster.states(taker, ...waiting)).toEqual(['starting', 'starting', 'starting']);
    expect(new Set(moved(cluster)).size).toBe(moved(cluster).length);
  });

  it('still comes, where nobody else is due anything', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 2 }).queue('beyond', { weight: 0 });
    const running = [cluster.running('beyond', 'n0', [0]), cluster.running('beyond', 'n1', [0])];
    const more = cluster.submit('beyond', { gpus: 2 });
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect(cluster.states(more)).toEqual(['starting']);
    expect(running).toContain(moved(cluster)[0]);
  });
});

describe('the bounds of consolidation', () => {
  /** To free a node two workloads of one GPU have to move. */
  function pairs(policy: Partial<EnginePolicy>): TestCluster {
    const cluster = lawfulCluster(policy).nodes(2, { gpus: 4 }).queue('q', { guarantee: 100 });
    for (const node of ['n0', 'n1']) for (const gpu of [0, 1]) cluster.running('q', node, [gpu]);
    cluster.submit('q', { gpus: 4 });
    cluster.settle();
    return cluster;
  }

  it.each([
    [0, 0],
    [1, 0],
    [2, 2],
    [16, 2],
  ])('with at most %i moves, %i are made', (maxMoves, moves) => {
    expect(moved(pairs({ maxMoves }))).toHaveLength(moves);
  });

  it.each([
    // bound, GPUs that have to move for 2 that are asked for, whether they do
    [2, 4, true],
    [2, 5, false],
    [2.5, 5, true],
    [1, 2, true],
    [0.5, 2, false],
    [Infinity, 8, true],
  ])('with at most %d GPUs disturbed for each that is asked for, %i for 2: %s', (maxDisturbance, size, moves) => {
    const cluster = lawfulCluster({ maxDisturbance }).nodes(2).queue('q', { guarantee: 100 });
    cluster.running(
      'q',
      'n0',
      Array.from({ length: size }, (_, index) => index),
    );
    const rest = Array.from({ length: 8 - size }, (_, index) => size + index);
    if (rest.length > 0) cluster.running('q', 'n0', rest, { preemptible: false });
    const picky = cluster.submit('q', { gpus: 2, rules: { nodes: ['n0'] } });
    cluster.cycle();
    expect(moved(cluster)).toHaveLength(moves ? 1 : 0);
    expect(cluster.states(picky)).toEqual([moves ? 'starting' : 'pending']);
  });

  it('is off when the policy leaves it out', () => {
    expect(moved(pairs({ actions: ['allocate', 'reclaim', 'preempt', 'repair'] }))).toEqual([]);
  });
});

describe('who is moved', () => {
  it.each([
    // guarantee and weight of the queue that holds 2 GPUs on each of two nodes; whether it is moved for another one
    ['above its share', 3, 0, 1],
    ['above its guarantee, within its share', 3, 1, 0],
    ['at its guarantee', 4, 0, 0],
    ['below its guarantee', 5, 0, 0],
  ])('of another queue: one %s (guarantee %i, weight %i): %i moves', (_, guarantee, weight, moves) => {
    const cluster = lawfulCluster().nodes(2, { gpus: 4 }).queue('a', { guarantee, weight }).queue('b');
    cluster.running('a', 'n0', [0, 1]);
    cluster.running('a', 'n1', [0, 1]);
    const other = cluster.submit('b', { gpus: 4 });
    cluster.cycle();
    expect(moved(cluster)).toHaveLength(moves);
    expect(cluster.states(other)).toEqual([moves === 1 ? 'starting' : 'pending']);
    expect(cluster.held('a')).toBe(4);
  });

  it('in the same queue needs no lower priority, nor be above a guarantee', () => {
    const { cluster } = scattered([2, 2], {}, { priority: 90 });
    const large = cluster.submit('q', { gpus: 4, priority: 10 });
    cluster.cycle();
    expect(cluster.states(large)).toEqual(['starting']);
  });

  it('is nobody who is not preemptible', () => {
    const { cluster } = scattered([2, 2], {}, { preemptible: false });
    cluster.submit('q', { gpus: 4 });
    expect(cluster.settle()).toEqual([]);
  });

  it('is nobody for work that is not preemptible', () => {
    const { cluster } = scattered([2, 2]);
    cluster.submit('q', { gpus: 4, preemptible: false });
    expect(cluster.settle()).toEqual([]);
  });

  it('is nobody who could not start again in the limits of his queue', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 4 }).queue('a').queue('b', { guarantee: 4 });
    cluster.running('a', 'n0', [0, 1]);
    cluster.running('a', 'n1', [0, 1]);
    cluster.queue('a', { limit: 2 });
    cluster.submit('b', { gpus: 4 });
    cluster.cycle();
    expect(moved(cluster)).toEqual([]);
  });

  it('keeps his promised place though others wait for it', () => {
    const { cluster, running } = scattered([2, 2]);
    cluster.submit('q', { gpus: 4, priority: 60 });
    cluster.settle();
    const late = cluster.submit('q', { gpus: 2 });
    cluster.cycle();
    expect(cluster.states(late)).toEqual(['pending']);
    expect(running.map((number) => cluster.where(number))).not.toContain('');
  });
});

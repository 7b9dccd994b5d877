// The rules one by one, each on the smallest cluster that shows it.
import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../common/ids.js';
import { SmallCluster } from './small-cluster.js';

const HALF = { gpus: 1, gpuMilli: 500 };

describe('allocate', () => {
  test('the queue that uses less of its share is served first, and is asked again after each success', () => {
    const cluster = new SmallCluster().node('n0', 4).queue('a', { guarantee: 2 }).queue('b', { guarantee: 2 });
    for (const queue of ['a', 'a', 'a', 'b', 'b', 'b']) cluster.submit(queue);
    expect(cluster.cycle(['allocate'])).toEqual(['bind 1: n0[0]', 'bind 4: n0[1]', 'bind 2: n0[2]', 'bind 5: n0[3]']);
  });

  test('inside a queue priority goes before age', () => {
    const cluster = new SmallCluster().node('n0', 1).queue('a');
    cluster.submit('a');
    cluster.submit('a', { priority: 60 });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 2: n0[0]']);
  });

  test('a gang starts whole or not at all', () => {
    const cluster = new SmallCluster().node('n0', 2).queue('a');
    cluster.submit('a', { tasks: 3 });
    cluster.submit('a', { tasks: 2 });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 2: n0[0] n0[1]']);
  });

  test('tasks above the gang come one at a time, after the gangs of others', () => {
    const cluster = new SmallCluster().node('n0', 3).queue('a');
    cluster.submit('a', { tasks: 1, max: 3 });
    cluster.submit('a');
    expect(cluster.cycle(['allocate'])).toEqual(['bind 1: n0[0]', 'bind 2: n0[1]', 'bind 1: n0[2]']);
  });

  test('a gang of which one task must wait for what is being released waits as a whole', () => {
    const cluster = new SmallCluster().node('n0', 2).queue('a');
    cluster.submit('a', { on: ['n0'], leaving: [0] });
    cluster.submit('a', { tasks: 2 });
    expect(cluster.cycle(['allocate'])).toEqual(['claim 2: n0[0] n0[1]']);
  });

  test('nothing is bound onto what is promised', () => {
    const cluster = new SmallCluster().node('n0', 3).queue('a');
    cluster.submit('a', { on: ['n0'], leaving: [0] });
    cluster.submit('a', { tasks: 2, priority: 60, gpus: 1 });
    cluster.submit('a', { gpus: 2, priority: 70 });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 3: n0[1,2]']);
  });

  test('no queue goes beyond its limit, nor beyond that of its parent', () => {
    const cluster = new SmallCluster().node('n0', 4).queue('top', { limit: 2 }).queue('a', { parent: 'top' });
    for (let count = 0; count < 3; count++) cluster.submit('a');
    expect(cluster.cycle(['allocate'])).toHaveLength(2);
  });

  test('work that is not preemptible stays within the guarantee', () => {
    const cluster = new SmallCluster().node('n0', 4).queue('a', { guarantee: 1 });
    cluster.submit('a', { preemptible: false });
    cluster.submit('a', { preemptible: false });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 1: n0[0]']);
  });

  test('the fuller node is taken', () => {
    const cluster = new SmallCluster().node('n0', 4).node('n1', 4).queue('a');
    cluster.submit('a', { on: ['n1'] });
    cluster.submit('a');
    expect(cluster.cycle(['allocate'])).toEqual(['bind 2: n1[1]']);
  });

  test('a share joins a GPU that is shared rather than opening a free one', () => {
    const cluster = new SmallCluster().node('n0', 1).node('n1', 2).queue('a');
    cluster.submit('a', { request: HALF, on: ['n1:1'] });
    cluster.submit('a', { request: HALF });
    cluster.submit('a', { request: HALF });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 2: n1[1]', 'bind 3: n0[0]']);
  });

  test('a share waits for a shared GPU rather than opening a free one', () => {
    const cluster = new SmallCluster().node('n0', 2).queue('a');
    cluster.submit('a', { request: HALF, on: ['n0:0'], leaving: [0] });
    cluster.submit('a', { request: HALF, on: ['n0:0'] });
    cluster.submit('a', { request: HALF });
    expect(cluster.cycle(['allocate'])).toEqual(['claim 3: n0[0]']);
  });

  test('a GPU in MIG mode serves its instances only', () => {
    const cluster = new SmallCluster().node('n0', 1, { mig: ['1g.10gb', '1g.10gb'] }).queue('a');
    cluster.submit('a');
    cluster.submit('a', { request: { gpus: 2, migProfile: '1g.10gb' } });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 2: n0[n0/1g.10gb/0,n0/1g.10gb/1]']);
  });

  test('a cordoned node, an unhealthy GPU and a gated workload take no part', () => {
    const cluster = new SmallCluster()
      .node('n0', 1, { cordoned: true })
      .node('n1', 2, { sick: [0] })
      .queue('a');
    cluster.submit('a', { gate: { kind: 'held', message: '', untilMs: null } });
    cluster.submit('a');
    cluster.submit('a');
    expect(cluster.cycle(['allocate'])).toEqual(['bind 2: n1[1]']);
  });
});

describe('consolidate', () => {
  test('work is moved so that what is free lies together', () => {
    const cluster = new SmallCluster().node('n0', 2).node('n1', 2).queue('a');
    cluster.submit('a', { on: ['n0'] });
    cluster.submit('a', { on: ['n1'] });
    cluster.submit('a', { gpus: 2 });
    expect(cluster.cycle(['consolidate'])).toEqual(['moved 2/0 for 3', 'claim 2: n0[1]', 'claim 3: n1[0,1]']);
  });

  test('not for work that is not preemptible, and not to give anything up', () => {
    const cluster = new SmallCluster().node('n0', 2).node('n1', 2).queue('a', { guarantee: 4 });
    cluster.submit('a', { on: ['n0'] });
    cluster.submit('a', { on: ['n1'] });
    cluster.submit('a', { gpus: 2, preemptible: false });
    expect(cluster.cycle(['consolidate'])).toEqual([]);
    cluster.submit('a', { gpus: 3 });
    expect(cluster.cycle(['consolidate'])).toEqual([]);
  });

  test('a queue at its guarantee is not even moved for another one', () => {
    const cluster = new SmallCluster()
      .node('n0', 2)
      .node('n1', 2)
      .queue('a', { guarantee: 2 })
      .queue('b', { guarantee: 2 });
    cluster.submit('a', { on: ['n0'] });
    cluster.submit('a', { on: ['n1'] });
    cluster.submit('b', { gpus: 2 });
    expect(cluster.cycle(['consolidate', 'reclaim'])).toEqual([]);
  });

  test('a gang of which one task moves begins again as a whole', () => {
    const cluster = new SmallCluster().node('n0', 3).node('n1', 3).queue('a');
    cluster.submit('a', { tasks: 3, on: ['n0', 'n0', 'n1'] });
    cluster.submit('a', { gpus: 3 });
    expect(cluster.cycle(['consolidate'])).toEqual([
      'moved 1/0 1/1 1/2 for 2',
      'claim 1: n0[0] n0[1] n0[2]',
      'claim 2: n1[0,1,2]',
    ]);
  });

  test('moves are bounded by what they disturb', () => {
    const cluster = new SmallCluster().node('n0', 4).node('n1', 4).queue('a');
    cluster.submit('a', { gpus: 2, on: ['n0'] });
    cluster.submit('a', { gpus: 2, on: ['n1'] });
    cluster.submit('a', { gpus: 3 });
    expect(cluster.cycle(['consolidate'], { maxDisturbance: 0.5 })).toEqual([]);
    expect(cluster.cycle(['consolidate'], { maxDisturbance: 1 })).toHaveLength(3);
  });
});

describe('reclaim', () => {
  const lent = (): SmallCluster =>
    new SmallCluster().node('n0', 4).queue('owner', { guarantee: 2 }).queue('guest', { guarantee: 2 });

  test('the owner gets its guarantee back from the one that borrows, from the youngest first', () => {
    const cluster = lent();
    for (let count = 0; count < 4; count++) cluster.submit('guest', { on: ['n0'] });
    cluster.submit('owner');
    expect(cluster.cycle(['reclaim'])).toEqual(['reclaimed 4/0 for 5', 'claim 5: n0[3]']);
  });

  test('a queue at its guarantee gives nothing', () => {
    const cluster = lent();
    cluster.submit('guest', { gpus: 2, on: ['n0'] });
    cluster.submit('owner', { gpus: 2, on: ['n0'] });
    cluster.submit('owner');
    expect(cluster.cycle(['reclaim'])).toEqual([]);
  });

  test('the last victim may carry the giver below its guarantee, for a gang cannot be cut', () => {
    const cluster = lent();
    cluster.submit('guest', { gpus: 4, on: ['n0'] });
    cluster.submit('owner', { gpus: 2 });
    expect(cluster.cycle(['reclaim'])).toEqual(['reclaimed 1/0 for 2', 'claim 2: n0[0,1]']);
  });

  test('tasks above the gang go first, the last one first, and the workload goes on', () => {
    const cluster = lent();
    cluster.submit('guest', { tasks: 1, max: 4, on: ['n0', 'n0', 'n0', 'n0'] });
    cluster.submit('owner', { gpus: 2 });
    expect(cluster.cycle(['reclaim'])).toEqual(['reclaimed 1/2 1/3 for 2', 'claim 2: n0[2,3]']);
  });

  test('what is not preemptible is no victim', () => {
    const cluster = lent();
    cluster.submit('guest', { gpus: 2, on: ['n0'] });
    cluster.submit('guest', { preemptible: false, gpus: 2, on: ['n0'] });
    cluster.submit('owner', { gpus: 2 });
    expect(cluster.cycle(['reclaim'])).toEqual(['reclaimed 1/0 for 3', 'claim 3: n0[0,1]']);
  });

  test('a queue takes nothing beyond its fair share', () => {
    const cluster = lent();
    for (let count = 0; count < 4; count++) cluster.submit('guest', { on: ['n0'] });
    cluster.submit('owner', { gpus: 3 });
    expect(cluster.cycle(['reclaim'])).toEqual([]);
  });

  test('work is left alone for as long as its queue says', () => {
    const protectedGuest = (ms: number): string[] => {
      const cluster = new SmallCluster()
        .node('n0', 1)
        .queue('owner', { guarantee: 1 })
        .queue('guest', { reclaimMinRuntimeMs: ms });
      cluster.submit('guest', { on: ['n0'] });
      cluster.submit('owner');
      return cluster.cycle(['reclaim'], { maxMinRuntimeMs: Infinity });
    };
    expect(protectedGuest(20_000_000)).toEqual([]);
    expect(protectedGuest(1_000)).toHaveLength(2);
  });

  test('what an earlier action promised can be taken too', () => {
    const cluster = lent();
    cluster.submit('guest', { gpus: 2, on: ['n0'] });
    cluster.submit('guest', { gpus: 2, on: ['n0'], leaving: [0] });
    cluster.submit('guest', {
      gpus: 2,
      claim: [{ task: 0, node: 'n0' as NodeId, gpus: [2, 3], parts: 7_000, instances: [] }],
    });
    cluster.submit('owner', { gpus: 2 });
    expect(cluster.cycle(['reclaim'])).toEqual(['drop claim 3', 'claim 4: n0[2,3]']);
  });
});

describe('preempt', () => {
  test('a higher priority displaces a strictly lower one of the same queue', () => {
    const cluster = new SmallCluster().node('n0', 2).queue('a');
    cluster.submit('a', { on: ['n0'], priority: 40 });
    cluster.submit('a', { on: ['n0'], priority: 60 });
    cluster.submit('a', { priority: 60 });
    expect(cluster.cycle(['preempt'])).toEqual(['preempted 1/0 for 3', 'claim 3: n0[0]']);
  });

  test('no more than needed, and what is not needed stays', () => {
    const cluster = new SmallCluster().node('n0', 4).queue('a');
    cluster.submit('a', { on: ['n0'], gpus: 3, priority: 40 });
    cluster.submit('a', { on: ['n0'], gpus: 1, priority: 40 });
    cluster.submit('a', { gpus: 3, priority: 60 });
    expect(cluster.cycle(['preempt'])).toEqual(['preempted 1/0 for 3', 'claim 3: n0[0,1,2]']);
  });
});

describe('repair and claims', () => {
  test('a gang that runs with fewer tasks than it needs is stopped after its grace', () => {
    const cluster = new SmallCluster().node('n0', 1).queue('a');
    cluster.submit('a', { tasks: 2, on: ['n0'] });
    expect(cluster.cycle(['repair'], { brokenGangGraceMs: 1 })).toEqual([]);
    expect(cluster.cycle(['repair'], { brokenGangGraceMs: 0 })).toEqual(['gang_ended 1/0 for nobody']);
  });

  test('a claim is kept when all of it is free, and not before', () => {
    const claim = [{ task: 0, node: 'n0' as NodeId, gpus: [0, 1], parts: 7_000, instances: [] }];
    const waiting = new SmallCluster().node('n0', 2).queue('a');
    waiting.submit('a', { on: ['n0'], leaving: [0] });
    waiting.submit('a', { gpus: 2, claim });
    waiting.submit('a');
    expect(waiting.cycle()).toEqual([]);
    const free = new SmallCluster().node('n0', 2).queue('a');
    free.submit('a');
    free.submit('a', { gpus: 2, claim });
    expect(free.cycle()).toEqual(['bind 2: n0[0,1]']);
  });

  test('a claim on a node that takes no work is dropped, and the workload looks elsewhere', () => {
    const cluster = new SmallCluster().node('n0', 1, { cordoned: true }).node('n1', 1).queue('a');
    cluster.submit('a', { claim: [{ task: 0, node: 'n0' as NodeId, gpus: [0], parts: 7_000, instances: [] }] });
    expect(cluster.cycle()).toEqual(['drop claim 1', 'bind 1: n1[0]']);
  });
});

describe('parts of the cluster', () => {
  const west = (guaranteeGpus: number, limitGpus: number | null = null) => ({
    scopes: [{ pool: 'west', model: '', guaranteeGpus, limitGpus }],
  });
  const pools = () => new SmallCluster().node('e0', 2).node('w0', 2, { pool: 'west' });

  test('a queue holds no more of one than its limit there', () => {
    const cluster = pools().queue('a', west(0, 1));
    for (const pool of ['west', 'west', 'default']) cluster.submit('a', { pool });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 1: w0[0]', 'bind 3: e0[0]']);
  });

  test('nor do those below it', () => {
    const cluster = pools().queue('top', west(0, 1)).queue('a', { parent: 'top' }).queue('b', { parent: 'top' });
    for (const queue of ['a', 'b']) cluster.submit(queue, { pool: 'west' });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 1: w0[0]']);
  });

  test('who is guaranteed GPUs there is served before who is guaranteed a number', () => {
    const cluster = pools().queue('a', { guarantee: 4, priority: 200 }).queue('b', west(1));
    for (const queue of ['a', 'b']) cluster.submit(queue, { gpus: queue === 'a' ? 2 : 1, pool: 'west' });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 2: w0[0]']);
  });

  test('he takes them from who is within his guarantee of the whole', () => {
    const cluster = pools().queue('a', { guarantee: 4 }).queue('b', west(1));
    for (let count = 0; count < 2; count++) cluster.submit('a', { on: ['w0'], pool: 'west' });
    cluster.submit('b', { pool: 'west' });
    expect(cluster.cycle(['reclaim'])).toEqual(['reclaimed 2/0 for 3', 'claim 3: w0[1]']);
  });

  test('but no more than is guaranteed him, and from nobody who has no more there than is guaranteed him', () => {
    const cluster = pools()
      .queue('a', { guarantee: 2, ...west(1) })
      .queue('b', west(1));
    for (let count = 0; count < 2; count++) cluster.submit('a', { on: ['w0'], pool: 'west' });
    for (let count = 0; count < 2; count++) cluster.submit('b', { pool: 'west' });
    expect(cluster.cycle(['reclaim'])).toEqual(['reclaimed 2/0 for 3', 'claim 3: w0[1]']);
  });

  test('what is guaranteed there is not taken by who is due a number', () => {
    const cluster = pools().queue('a', west(2)).queue('b', { guarantee: 2 });
    cluster.submit('a', { gpus: 2, on: ['w0'] });
    cluster.submit('b', { gpus: 2, pool: 'west' });
    expect(cluster.cycle(['reclaim', 'consolidate'])).toEqual([]);
  });

  test('work that is not preemptible leaves others what they are guaranteed there, and has beside its number what it is', () => {
    const cluster = pools().queue('a', { guarantee: 2 }).queue('b', west(1));
    for (let count = 0; count < 2; count++) cluster.submit('a', { pool: 'west', preemptible: false });
    cluster.submit('b', { pool: 'west', preemptible: false });
    cluster.submit('b', { pool: 'default', preemptible: false });
    expect(cluster.cycle(['allocate'])).toEqual(['bind 3: w0[0]', 'bind 1: w0[1]']);
  });

  test('a queue takes no more of one than its fair share of it, though the whole is due to it', () => {
    const cluster = pools().queue('a').queue('b', west(0));
    for (const on of ['w0', 'w0']) cluster.submit('a', { on: [on], pool: 'west' });
    for (let count = 0; count < 2; count++) cluster.submit('b', { pool: 'west' });
    expect(cluster.cycle(['reclaim'])).toEqual(['reclaimed 2/0 for 3', 'claim 3: w0[1]']);
  });
});

import { describe, expect, it } from 'vitest';
import { step } from '../../scheduler/engine/engine.js';
import { TestCluster } from './cluster.js';
import { lawfulCluster } from './laws.js';

/** Eight GPUs: `research` is guaranteed 5, `product` 3. */
function lab(): TestCluster {
  return new TestCluster().nodes(1).queue('research', { guarantee: 5 }).queue('product', { guarantee: 3 });
}

describe('what a victim leaves beyond what is taken', () => {
  it('is promised at once to who found nothing before', () => {
    const cluster = lawfulCluster()
      .node('n0', { gpus: 5 })
      .queue('owner', { guarantee: 3 })
      .queue('lent', { guarantee: 1, weight: 0 });
    cluster.running('lent', 'n0', [0, 1, 2, 3]);
    const small = cluster.submit('lent', { priority: 100 });
    const fixed = cluster.submit('lent', { preemptible: false });
    const owner = cluster.submit('owner', { gpus: 3 });
    cluster.settle();
    expect(cluster.where(small)).toBe('n0:4');
    expect(cluster.workload(owner).claim?.placements).toMatchObject([{ gpus: [0, 1, 2] }]);
    expect(cluster.workload(fixed).claim?.placements).toMatchObject([{ gpus: [3] }]);
  });
});

describe('reclaim', () => {
  it('takes lent GPUs back for their owner, who gets them within one cycle', () => {
    const cluster = lab();
    cluster.submitMany(8, 'research');
    cluster.settle();
    const owners = cluster.submitMany(3, 'product');
    cluster.cycle();
    expect(cluster.states(...owners)).toEqual(['starting', 'starting', 'starting']);
    expect([cluster.held('research'), cluster.held('product')]).toEqual([5, 3]);
  });

  it('says with numbers what made it legal', () => {
    const cluster = lab();
    cluster.running('research', 'n0', [0, 1, 2, 3, 4, 5]);
    const lent = cluster.running('research', 'n0', [6, 7]);
    cluster.nowMs += 1000;
    const owner = cluster.submit('product');
    expect(cluster.settle()).toMatchObject([
      {
        type: 'evict',
        workload: lent,
        reason: 'reclaimed',
        forWorkload: owner,
        message: 'product is guaranteed 3 GPUs and holds 0; research holds 8, 3 above its guarantee of 5',
      },
      { type: 'claim', workload: owner, placements: [{ task: 0, node: 'n0', gpus: [6] }] },
    ]);
  });

  it('takes no whole workload of which a part would take it back, within the guarantee of its queue', () => {
    // The other node counts in shares, but nobody asks for it.
    const cluster = lawfulCluster()
      .node('n0', { gpus: 8, pool: 'west' })
      .node('n1', { gpus: 4, pool: 'east' })
      .queue('elastic', { guarantee: 4, weight: 0 })
      .queue('gangs', { guarantee: 2 });
    const west = { pool: 'west' };
    const five = cluster.placed('elastic', 'n0:0 n0:1 n0:2 n0:3 n0:4', { gpus: 1, tasks: 4, maxTasks: 5, ...west });
    cluster.running('gangs', 'n0', [5, 6, 7], west);
    cluster.submit('gangs', { gpus: 4, ...west });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.held('elastic')).toBe(5);
    expect(cluster.states(five)).toEqual(['running']);
  });

  it('frees a node by the same victims, in whatever order they were heard of', () => {
    // The owner needs all cores of its node, so whoever runs there has to go; two equal shares are on each GPU.
    const cluster = lawfulCluster().node('n0', { gpus: 3, cpus: 2 }).node('n1', { gpus: 4, pool: 'other' });
    cluster.queue('owner', { guarantee: 4 }).queue('borrower', { guarantee: 0.5 });
    const request = { cpuMilli: 500 };
    const elastic = { gpus: 1, milli: 500, tasks: 1, maxTasks: 4, request, pool: 'default' };
    cluster.placed('borrower', 'n0:0 n0:0 n0:1 n0:1', elastic);
    cluster.submit('owner', { gpus: 1, request: { cpuMilli: 2_000 }, pool: 'default' });
    const decided = (['in order', 'backwards'] as const).map((heard) => {
      const { decisions } = step(cluster.freshView(heard), cluster.nowMs, 1_000_000);
      return decisions.map(({ type, workload }) => `${type} ${workload}`);
    });
    expect(decided).toEqual(new Array(2).fill(['evict 1', 'evict 1', 'evict 1', 'claim 2']));
  });

  it.each([
    {
      what: 'waits to move a victim until all who are due its GPUs have theirs, since it would give them again',
      tasks: 3,
    },
    { what: 'moves a victim to what those who are due GPUs leave', tasks: 0 },
  ])('$what', ({ tasks }) => {
    const cluster = lawfulCluster()
      .node('n0', { gpus: 3 })
      .node('n1', { gpus: 2 })
      .node('n2', { gpus: 1 })
      .queue('beyond', { weight: 0 })
      .queue('due');
    cluster.running('beyond', 'n2', [0]);
    cluster.nowMs += 1_000;
    const single = cluster.running('beyond', 'n0', [2]);
    cluster.placed('beyond', 'n0:0 n0:1', { gpus: 1 });
    const whole = cluster.submit('due', { gpus: 3 });
    const more = tasks === 0 ? null : cluster.submit('due', { tasks });
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect(cluster.where(whole)).toBe('n0:0,1,2');
    const evicted = cluster.decisions.flatMap(({ type, workload }) => (type === 'evict' ? [workload] : []));
    expect(new Set(evicted).size).toBe(evicted.length);
    if (more === null) expect(cluster.where(single)).toMatch('n1');
    else expect(cluster.states(more, single)).toEqual(['starting', 'pending']);
  });

  it('takes no gang for what smaller work of its queue would take back, until that waits no more', () => {
    const cluster = lawfulCluster()
      .node('n0', { gpus: 2, pool: 'west' })
      .node('n1', { gpus: 4, pool: 'east' })
      .queue('giver', { guarantee: 3, weight: 0 })
      .queue('taker');
    const gang = cluster.running('giver', 'n0', [0, 1], { pool: 'west' });
    cluster.running('giver', 'n1', [0, 1]);
    const smaller = cluster.submit('giver', { pool: 'west' });
    const larger = cluster.submit('taker', { gpus: 2, pool: 'west' });
    cluster.cycle();
    expect(cluster.decisions).toEqual([]);
    cluster.cancel(smaller);
    cluster.cycle();
    expect(cluster.states(gang, larger)).toEqual(['pending', 'starting']);
  });

  it('takes a gang where smaller work of its queue has another place', () => {
    const cluster = lawfulCluster()
      .node('n0', { gpus: 2, pool: 'west' })
      .node('n1', { gpus: 1, pool: 'west' })
      .node('n2', { gpus: 3, pool: 'east' })
      .queue('giver', { guarantee: 3, weight: 0 })
      .queue('taker')
      .queue('other', { weight: 0 });
    cluster.running('giver', 'n0', [0, 1]);
    cluster.running('giver', 'n2', [0, 1]);
    cluster.running('other', 'n1', [0]);
    const smaller = cluster.submit('giver', { pool: 'west' });
    const larger = cluster.submit('taker', { gpus: 2, pool: 'west' });
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect([cluster.where(smaller), cluster.where(larger)]).toEqual(['n1:0', 'n0:0,1']);
  });

  it('takes nothing from a queue within its guarantee', () => {
    const cluster = lab();
    cluster.submitMany(5, 'research');
    cluster.submitMany(3, 'product', { gpus: 1 });
    cluster.settle();
    cluster.queue('newcomer', { guarantee: 0, weight: 9, priority: 999 });
    const late = cluster.submit('newcomer');
    expect(cluster.settle()).toEqual([]);
    expect(cluster.reason(late)).toBe('RESOURCES');
  });

  it('takes nothing that is not preemptible', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 2 }).queue('a', { guarantee: 2 }).queue('b', { guarantee: 1 });
    cluster.running('a', 'n0', [0, 1], { preemptible: false });
    cluster.submit('b');
    expect(cluster.settle()).toEqual([]);
  });

  it('lets a gang carry the queue below its guarantee, since it cannot be cut', () => {
    const cluster = lab();
    const gang = cluster.running('research', 'n0', [0, 1, 2, 3, 4, 5, 6, 7]);
    const owner = cluster.submit('product', { gpus: 2 });
    cluster.cycle();
    expect(cluster.states(gang, owner)).toEqual(['pending', 'starting']);
  });

  it('shares the surplus by weight', () => {
    const cluster = new TestCluster().nodes(1).queue('a', { weight: 1 }).queue('b', { weight: 3 });
    cluster.submitMany(8, 'a');
    cluster.settle();
    cluster.submitMany(8, 'b');
    cluster.cycle();
    expect([cluster.held('a'), cluster.held('b')]).toEqual([2, 6]);
  });

  it('gives nothing beyond the guarantee to weight 0', () => {
    const cluster = new TestCluster().nodes(1).queue('a').queue('b', { guarantee: 1, weight: 0 });
    cluster.submitMany(8, 'a');
    cluster.settle();
    cluster.submitMany(8, 'b');
    cluster.cycle();
    expect([cluster.held('a'), cluster.held('b')]).toEqual([7, 1]);
  });

  it('works at the level where the two queues part', () => {
    const cluster = new TestCluster()
      .nodes(1)
      .queue('x', { guarantee: 4 })
      .queue('y', { guarantee: 4 })
      .queue('x1', { parent: 'x', guarantee: 2 })
      .queue('x2', { parent: 'x', guarantee: 2 })
      .queue('y1', { parent: 'y', guarantee: 4 });
    cluster.submitMany(4, 'x1');
    cluster.submitMany(4, 'y1');
    cluster.settle();
    cluster.submitMany(2, 'x2');
    cluster.cycle();
    expect(['x1', 'x2', 'y1'].map((queue) => cluster.held(queue))).toEqual([2, 2, 4]);
  });

  it('frees one node for a task that needs it whole, though the cheapest victims are spread', () => {
    const cluster = new TestCluster()
      .nodes(4, { gpus: 4 })
      .queue('borrower', { guarantee: 12 })
      .queue('owner', { guarantee: 4 });
    for (let at = 0; at < 16; at++) {
      cluster.nowMs += 1000;
      cluster.running('borrower', `n${at % 4}`, [Math.floor(at / 4)]);
    }
    const owner = cluster.submit('owner', { gpus: 4 });
    cluster.cycle();
    expect(cluster.states(owner)).toEqual(['starting']);
    expect(cluster.held('borrower')).toBe(12);
  });
});

describe('victims', () => {
  it('of lower priority give first', () => {
    const cluster = lab();
    const low = cluster.running('research', 'n0', [0], { priority: 10 });
    cluster.nowMs += 1000;
    cluster.running('research', 'n0', [1, 2, 3, 4, 5, 6, 7], { priority: 50 });
    cluster.submit('product');
    cluster.settle();
    expect(cluster.states(low)).toEqual(['stopping']);
  });

  it('that lose the least since their last checkpoint give first', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 3 }).queue('a').queue('b', { guarantee: 1 });
    const saved = cluster.running('a', 'n0', [0]);
    cluster.nowMs += 60_000;
    const young = cluster.running('a', 'n0', [1]);
    const other = cluster.running('a', 'n0', [2]);
    cluster.nowMs += 60_000;
    cluster.checkpoint(saved, cluster.nowMs - 1000);
    cluster.submit('b');
    cluster.settle();
    expect(cluster.states(saved, young, other)).toEqual(['stopping', 'running', 'running']);
  });

  it('that are youngest give first where nothing else differs', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 2 }).queue('a').queue('b', { guarantee: 1 });
    const old = cluster.running('a', 'n0', [0]);
    cluster.nowMs += 1000;
    const young = cluster.running('a', 'n0', [1]);
    cluster.submit('b');
    cluster.settle();
    expect(cluster.states(old, young)).toEqual(['running', 'stopping']);
  });

  it('come from the queue that is furthest above its share', () => {
    const cluster = new TestCluster().nodes(1).queue('a').queue('b').queue('c', { guarantee: 2 });
    const near = cluster.running('a', 'n0', [0, 1, 2]);
    const far = [cluster.running('b', 'n0', [3, 4]), cluster.running('b', 'n0', [5, 6, 7])];
    cluster.submit('c', { gpus: 2 });
    cluster.settle();
    expect(cluster.states(near)).toEqual(['running']);
    expect(cluster.states(...far).toSorted()).toEqual(['running', 'stopping']);
  });

  it('come from the queue of lower priority, though another one is further above its share', () => {
    const cluster = new TestCluster()
      .nodes(1, { gpus: 13 })
      .queue('owner', { guarantee: 2 })
      .queue('low', { guarantee: 8, priority: 50 })
      .queue('usual', { priority: 100 });
    // One of 9 is beyond the share of `low`, one of 4 beyond that of `usual`.
    const low = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((gpu) => cluster.running('low', 'n0', [gpu]));
    const usual = [9, 10, 11, 12].map((gpu) => cluster.running('usual', 'n0', [gpu]));
    cluster.submit('owner', { gpus: 2 });
    const given = cluster.settle().flatMap((one) => (one.type === 'evict' ? [one.workload] : []));
    expect(given).toEqual([low.at(-1), usual.at(-1)]);
  });

  it('are no more than needed', () => {
    const cluster = new TestCluster().nodes(2, { gpus: 4 }).queue('a').queue('b', { guarantee: 4 });
    for (let at = 0; at < 8; at++) cluster.running('a', `n${at % 2}`, [Math.floor(at / 2)]);
    cluster.submit('b', { gpus: 4 });
    const evictions = cluster.settle().filter(({ type }) => type === 'evict');
    expect(evictions).toHaveLength(4);
  });
});

describe('preempt', () => {
  it('displaces strictly lower priority in the same queue', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 2 }).queue('q', { guarantee: 2 });
    const low = cluster.running('q', 'n0', [0], { priority: 10 });
    const equal = cluster.running('q', 'n0', [1], { priority: 50 });
    const high = cluster.submit('q', { priority: 50 });
    const [evict] = cluster.settle();
    expect(evict).toMatchObject({ type: 'evict', workload: low, reason: 'preempted', forWorkload: high });
    cluster.cycle();
    expect(cluster.states(low, equal, high)).toEqual(['pending', 'running', 'starting']);
  });

  it('does not reach into another queue', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 1 }).queue('a', { guarantee: 1 }).queue('b');
    cluster.running('a', 'n0', [0], { priority: 10 });
    cluster.submit('b', { priority: 90 });
    expect(cluster.settle()).toEqual([]);
  });

  it('looks again when the priority of what runs was lowered', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 1 }).queue('q', { guarantee: 1 });
    const runs = cluster.running('q', 'n0', [0], { priority: 50 });
    const waits = cluster.submit('q', { priority: 50 });
    expect(cluster.settle()).toEqual([]);
    const { spec } = cluster.workload(runs);
    cluster.replace(runs, { spec: { ...spec, priority: 0 } });
    expect(cluster.settle()).toMatchObject([
      { type: 'evict', workload: runs, reason: 'preempted' },
      { type: 'claim', workload: waits },
    ]);
  });

  it('takes for an owner from a queue that is owed more afterwards than it keeps', () => {
    // The last victim carries d below its guarantee, and d is served before b.
    const cluster = new TestCluster().node('n0', { gpus: 4 }).node('n1', { gpus: 2 });
    cluster.queue('d', { guarantee: 3, priority: 100 }).queue('b', { guarantee: 4, priority: 50 });
    cluster.running('d', 'n0', [0]);
    cluster.running('d', 'n0', [1, 2, 3]);
    cluster.running('d', 'n1', [0, 1]);
    const owner = cluster.submit('b', { gpus: 4 });
    cluster.cycle();
    expect(cluster.where(owner)).toBe('n0:0,1,2,3');
    expect(cluster.cycle()).toEqual([]);
  });

  it('makes room in a limit although GPUs are free', () => {
    const cluster = new TestCluster().nodes(1).queue('q', { limit: 2 });
    const low = cluster.running('q', 'n0', [0, 1], { priority: 10 });
    const high = cluster.submit('q', { priority: 50 });
    cluster.cycle();
    expect(cluster.states(low, high)).toEqual(['pending', 'starting']);
  });
});

describe('claims', () => {
  /** `owner` waits for the GPU that `lent` leaves. */
  function claimed() {
    const cluster = new TestCluster().nodes(2, { gpus: 1 }).queue('a').queue('b', { guarantee: 1 });
    const stays = cluster.running('a', 'n0', [0]);
    cluster.nowMs += 1000;
    const lent = cluster.running('a', 'n1', [0]);
    const owner = cluster.submit('b');
    cluster.settle();
    return { cluster, stays, lent, owner };
  }

  it('keep the GPUs for the claimer and choose no second victim', () => {
    const { cluster, stays, lent, owner } = claimed();
    expect(cluster.settle()).toEqual([]);
    cluster.release();
    cluster.submit('a');
    cluster.settle();
    expect(cluster.where(owner)).toBe('n1:0');
    expect(cluster.states(stays, lent)).toEqual(['running', 'pending']);
  });

  it('give way to other GPUs that come free earlier', () => {
    const { cluster, stays, owner } = claimed();
    cluster.finish(stays).settle();
    expect(cluster.where(owner)).toBe('n0:0');
    expect(cluster.workload(owner).claim).toBeNull();
  });

  it('are made of what comes free while work of the same queue leaves its limit', () => {
    const cluster = new TestCluster().node('n0', { gpus: 1 }).node('n1', { gpus: 1, pool: 'p1' });
    cluster.queue('a', { limit: 1 }).queue('b', { guarantee: 2 });
    // So much that nothing is due to a.
    cluster.submit('b', { gpus: 2 });
    const leaves = cluster.running('a', 'n0', [0]);
    const inTheWay = cluster.running('b', 'n1', [0], { preemptible: false });
    const waits = cluster.submit('a', { pool: 'p1' });
    cluster.cancel(leaves);
    expect(cluster.settle()).toEqual([]);
    cluster.finish(inTheWay);
    expect(cluster.settle()).toMatchObject([{ type: 'claim', workload: waits }]);
  });

  it.each([
    ['its node is cordoned', (cluster: TestCluster) => cluster.cordon('n1'), 'node n1 is cordoned'],
    ['its node is down', (cluster: TestCluster) => cluster.liveness('n1', 'down'), 'node n1 is down'],
    [
      'its GPU is not healthy',
      (cluster: TestCluster) => cluster.node('n1', { gpus: 1, unhealthy: [0] }),
      'GPU 0 of node n1 is not healthy',
    ],
    [
      'its queue may no longer hold so much',
      (cluster: TestCluster) => cluster.queue('b', { guarantee: 0, limit: 0 }),
      'queue b has no room in its limit any more',
    ],
  ])('are dropped when %s', (_, happens, message) => {
    const { cluster, owner } = claimed();
    happens(cluster);
    expect(cluster.settle()).toContainEqual({ type: 'drop_claim', workload: owner, message });
  });

  it('end with their workload', () => {
    const { cluster, lent, owner } = claimed();
    cluster.cancel(owner);
    cluster.release();
    cluster.settle();
    expect(cluster.where(lent)).toBe('n1:0');
  });

  it('stay while the node is not heard of', () => {
    const { cluster, owner } = claimed();
    cluster.liveness('n1', 'unknown');
    expect(cluster.settle()).toEqual([]);
    cluster.liveness('n1', 'ready').release();
    cluster.settle();
    expect(cluster.where(owner)).toBe('n1:0');
  });
});

// Guarantees and limits for parts of the cluster: pools, models, models in pools.
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import type { QueueScope } from '../../scheduler/model/records.js';
import type { QueueOptions, WorkloadOptions } from './cluster.js';
import { TestCluster } from './cluster.js';
import { lawfulCluster } from './laws.js';

const H100 = 'NVIDIA H100 80GB HBM3';
const L4 = 'NVIDIA L4';

/** `big:4` = guaranteed 4 of pool big; `/h100:4..8` = 4 of model h100, at most 8; `big/h100:..2` = at most 2. */
function scope(text: string): QueueScope {
  const [part = '', figures = ''] = text.split(':');
  const [pool = '', model = ''] = part.split('/');
  const [guarantee = '', limit] = figures.split('..');
  return {
    pool,
    model,
    guaranteeGpus: guarantee === '' ? 0 : Number(guarantee),
    limitGpus: limit === undefined ? null : Number(limit),
  };
}

function scoped(scopes: string, options: QueueOptions = {}): QueueOptions {
  return { ...options, scopes: scopes.split(' ').map(scope) };
}

/** Eight H100 in pool big, eight L4 in pool small. */
function twoPools(): TestCluster {
  return lawfulCluster()
    .node('b1', { pool: 'big', gpus: 4, model: H100 })
    .node('b2', { pool: 'big', gpus: 4, model: H100 })
    .node('s1', { pool: 'small', gpus: 4, model: L4 })
    .node('s2', { pool: 'small', gpus: 4, model: L4 });
}

const BIG: WorkloadOptions = { pool: 'big' };
const SMALL: WorkloadOptions = { pool: 'small' };

/** GPUs that a queue's own work holds on nodes whose name begins so, without what leaves. */
function on(cluster: TestCluster, queue: string, node: string): number {
  return cluster
    .allocations()
    .filter((one) => one.stop === null && one.node.startsWith(node))
    .filter(({ workload }) => cluster.workload(workload).spec.queue === queue)
    .reduce((sum, { gpus }) => sum + gpus.length, 0);
}

/** Cycles until nothing changes any more. */
function rest(cluster: TestCluster): void {
  for (let cycles = 0; cluster.cycle().length > 0; cycles++) if (cycles > 20) throw new Error('does not come to rest');
}

function pending(cluster: TestCluster, numbers: readonly WorkloadNumber[]): number {
  return numbers.filter((number) => cluster.workload(number).state === 'pending').length;
}

describe('a limit for a part of the cluster', () => {
  const limits: readonly [string, string, QueueOptions, WorkloadOptions, { b: number; s: number }][] = [
    ['holds in its pool', 'work bound to the pool', scoped('big:..4'), BIG, { b: 4, s: 0 }],
    ['does not count elsewhere', 'work bound to another pool', scoped('big:..4'), SMALL, { b: 0, s: 8 }],
    ['sends work elsewhere', 'work that may go anywhere', scoped('big:..4'), {}, { b: 4, s: 8 }],
    ['of nothing keeps out', 'work that may go anywhere', scoped('big:..0'), {}, { b: 0, s: 8 }],
    ['holds for its model', 'work bound to the model', scoped('/h100:..3'), { model: 'h100' }, { b: 3, s: 0 }],
    ['holds for a model in a pool', 'work bound to the pool', scoped('big/h100:..2'), BIG, { b: 2, s: 0 }],
    ['knows a model by its words', 'work bound to the pool', scoped('/H100_80GB:..2'), BIG, { b: 2, s: 0 }],
    ['of a model that is not in the pool binds nobody', 'work', scoped('big/l4:..0'), BIG, { b: 8, s: 0 }],
    ['holds beside another one', 'work that may go anywhere', scoped('big:..3 small:..5'), {}, { b: 3, s: 5 }],
    ['of the whole holds, too', 'work that may go anywhere', scoped('big:..4', { limit: 6 }), {}, { b: 4, s: 2 }],
    ['of the smaller of two parts binds', 'work', scoped('big:..4 /h100:..2'), BIG, { b: 2, s: 0 }],
  ];
  for (const [name, whose, options, work, { b, s }] of limits) {
    it(`${name} (${whose})`, () => {
      const cluster = twoPools().queue('a', options);
      cluster.submitMany(16, 'a', work);
      rest(cluster);
      expect({ b: on(cluster, 'a', 'b'), s: on(cluster, 'a', 's') }).toEqual({ b, s });
    });
  }

  it('of a queue above counts all below it', () => {
    const cluster = twoPools()
      .queue('top', scoped('big:..5'))
      .queue('a', { parent: 'top' })
      .queue('c', { parent: 'top' });
    cluster.submitMany(4, 'a', BIG);
    cluster.submitMany(4, 'c', BIG);
    rest(cluster);
    expect(on(cluster, 'a', 'b') + on(cluster, 'c', 'b')).toBe(5);
  });

  it('splits a gang that may go anywhere', () => {
    const cluster = twoPools().queue('a', scoped('big:..3'));
    const gang = cluster.submit('a', { tasks: 10 });
    cluster.settle();
    expect(cluster.workload(gang).state).toBe('starting');
    expect([on(cluster, 'a', 'b'), on(cluster, 'a', 's')]).toEqual([3, 7]);
  });

  it('places the role that can go nowhere else first', () => {
    const cluster = twoPools().queue('a', scoped('big:..1'));
    const gang = cluster.submit('a', {
      roles: [
        { name: 'any', tasks: 1 },
        { name: 'bound', tasks: 1, rules: { pool: 'big' } },
      ],
    });
    cluster.settle();
    expect(cluster.where(gang)).toBe('s1:0 b1:0');
  });

  it('stops an elastic workload from growing', () => {
    const cluster = twoPools().queue('a', scoped('big:..3'));
    const elastic = cluster.submit('a', { ...BIG, tasks: 1, maxTasks: 8 });
    rest(cluster);
    expect(cluster.tasks(elastic)).toHaveLength(3);
  });

  it('is counted in thousandths', () => {
    const cluster = twoPools().queue('a', scoped('big:..1.5'));
    cluster.submitMany(8, 'a', { ...BIG, milli: 500 });
    rest(cluster);
    expect(cluster.held('a')).toBe(1.5);
  });

  it('says which part stops a workload, with numbers', () => {
    const cluster = twoPools().queue('a', scoped('big:..4'));
    cluster.submitMany(4, 'a', BIG);
    const last = cluster.submit('a', { ...BIG, gpus: 2 });
    cluster.settle();
    expect(cluster.explain(last)).toMatchObject({
      reason: 'QUEUE_LIMIT',
      summary: 'Queue a holds 4 of at most 4 GPUs in pool big and this asks for 2.',
    });
  });

  it('says so where free GPUs of the part are all there is', () => {
    const cluster = twoPools().queue('a', scoped('/h100:..4'));
    cluster.submitMany(8, 'a', SMALL);
    cluster.submitMany(4, 'a', BIG);
    const last = cluster.submit('a');
    cluster.settle();
    expect(cluster.explain(last)).toMatchObject({
      reason: 'QUEUE_LIMIT',
      summary: 'Queue a holds 4 of at most 4 GPUs of model h100 and this asks for 1.',
    });
  });

  it('says so where free GPUs of two kinds are all there is', () => {
    const cluster = new TestCluster().node('h1', { gpus: 1, pool: 'one' }).node('h2', { gpus: 1, pool: 'two' });
    cluster.node('l1', { gpus: 1, model: L4 }).queue('a', scoped('/H100:..1 one:0')).queue('b', { guarantee: 1 });
    cluster.running('b', 'l1', [0]);
    const both = cluster.submit('a', { tasks: 2 });
    cluster.settle();
    expect(cluster.explain(both)).toMatchObject({ reason: 'QUEUE_LIMIT' });
  });

  it('lets the next one in when one has ended', () => {
    const cluster = twoPools().queue('a', scoped('big:..1'));
    const [first = 0, second = 0] = cluster.submitMany(2, 'a', BIG);
    cluster.settle();
    expect(cluster.states(first as WorkloadNumber, second as WorkloadNumber)).toEqual(['starting', 'pending']);
    cluster.finish(first as WorkloadNumber).settle();
    expect(cluster.states(second as WorkloadNumber)).toEqual(['starting']);
  });

  it('wakes who may go to either of two parts, whichever has room, at whatever queue', () => {
    const free = (part: 'big' | 'small'): string => {
      const cluster = twoPools()
        .queue('all', scoped('small:..2'))
        .queue('a', scoped('big:..1', { parent: 'all' }))
        .queue('b', { parent: 'all' });
      const held = {
        big: cluster.running('a', 'b1', [0], BIG),
        small: cluster.running('b', 's1', [0, 1], SMALL),
      };
      const waits = cluster.submit('a');
      rest(cluster);
      expect(cluster.workload(waits).state).toBe('pending');
      cluster.finish(held[part]);
      rest(cluster);
      return cluster.workload(waits).state;
    };
    expect([free('big'), free('small')]).toEqual(['starting', 'starting']);
  });

  it('makes room for higher priority inside the queue', () => {
    const cluster = twoPools().queue('a', scoped('big:..2'));
    const low = cluster.submitMany(2, 'a', { ...BIG, priority: 10 });
    rest(cluster);
    const high = cluster.submit('a', { ...BIG, priority: 90 });
    rest(cluster);
    expect(cluster.states(high)).toEqual(['starting']);
    expect(pending(cluster, low)).toBe(1);
  });

  it('raised takes effect in the next step', () => {
    const cluster = twoPools().queue('a', scoped('big:..2'));
    cluster.submitMany(8, 'a', BIG);
    rest(cluster);
    cluster.queue('a', scoped('big:..6')).settle();
    expect(on(cluster, 'a', 'b')).toBe(6);
  });

  it('lowered stops nobody, and lets nobody start', () => {
    const cluster = twoPools().queue('a', scoped('big:..6'));
    cluster.submitMany(8, 'a', BIG);
    rest(cluster);
    cluster.queue('a', scoped('big:..2'));
    rest(cluster);
    expect(on(cluster, 'a', 'b')).toBe(6);
  });
});

describe('a guarantee for a part of the cluster', () => {
  it('is taken back there, from whoever borrows there', () => {
    const cluster = twoPools().queue('own', scoped('big:4')).queue('lab');
    cluster.submitMany(16, 'lab');
    rest(cluster);
    cluster.submitMany(6, 'own', BIG);
    rest(cluster);
    expect(on(cluster, 'own', 'b')).toBeGreaterThanOrEqual(4);
    expect(on(cluster, 'own', 's')).toBe(0);
  });

  it('comes before what another queue is guaranteed of the whole', () => {
    const cluster = twoPools().queue('own', scoped('/h100:4')).queue('any', { guarantee: 8 });
    cluster.submitMany(8, 'any', BIG);
    rest(cluster);
    const asked = cluster.submitMany(4, 'own', { model: 'h100' });
    rest(cluster);
    expect([on(cluster, 'own', 'b'), on(cluster, 'any', 'b'), pending(cluster, asked)]).toEqual([4, 4, 0]);
  });

  it('moves those it is taken from to other GPUs where they can go', () => {
    const cluster = twoPools().queue('own', scoped('big:4')).queue('any', { guarantee: 8 });
    const any = cluster.submitMany(8, 'any', { gpus: 1, rules: { nodes: ['b1', 'b2', 's1'] } });
    rest(cluster);
    expect(on(cluster, 'any', 'b') + on(cluster, 'any', 's')).toBe(8);
    cluster.submitMany(8, 'own', BIG);
    rest(cluster);
    expect(on(cluster, 'own', 'b')).toBeGreaterThanOrEqual(4);
    expect(pending(cluster, any)).toBe(0);
  });

  it('says by what it was taken', () => {
    const cluster = twoPools().queue('own', scoped('big:4')).queue('any', { guarantee: 8 });
    cluster.submitMany(8, 'any', BIG);
    rest(cluster);
    cluster.submit('own', { ...BIG, gpus: 4 });
    const [evict] = cluster.settle();
    expect(evict).toMatchObject({
      type: 'evict',
      reason: 'reclaimed',
      message: 'own is guaranteed 4 GPUs in pool big and holds 0; any holds 8, 8 above its guarantee of 0',
    });
  });

  it('is not taken beyond', () => {
    const cluster = twoPools()
      .queue('own', scoped('big:2', { weight: 0 }))
      .queue('any', { guarantee: 16 });
    cluster.submitMany(8, 'any', BIG);
    rest(cluster);
    cluster.submitMany(8, 'own', BIG);
    rest(cluster);
    expect([on(cluster, 'own', 'b'), on(cluster, 'any', 'b')]).toEqual([2, 6]);
  });

  it('entitles to nothing elsewhere', () => {
    const cluster = twoPools()
      .queue('own', scoped('big:4', { weight: 0 }))
      .queue('any', { guarantee: 8 });
    cluster.submitMany(16, 'any');
    rest(cluster);
    const asked = cluster.submitMany(4, 'own', SMALL);
    rest(cluster);
    expect(pending(cluster, asked)).toBe(4);
  });

  it('protects what is held there, from whoever is guaranteed more of the whole', () => {
    const cluster = twoPools().queue('own', scoped('big:4')).queue('any', { guarantee: 16 });
    cluster.submitMany(4, 'own', BIG);
    rest(cluster);
    cluster.submitMany(16, 'any');
    rest(cluster);
    expect([on(cluster, 'own', 'b'), on(cluster, 'any', 'b'), on(cluster, 'any', 's')]).toEqual([4, 4, 8]);
  });

  it('protects nothing elsewhere', () => {
    const cluster = twoPools().queue('own', scoped('big:4')).queue('any', { guarantee: 8 });
    cluster.submitMany(8, 'own', SMALL);
    rest(cluster);
    cluster.submitMany(8, 'any', SMALL);
    rest(cluster);
    expect(on(cluster, 'any', 's')).toBe(8);
  });

  it('is met by taking a flexible workload there, too', () => {
    const cluster = twoPools()
      .queue('own', scoped('big:4', { weight: 0 }))
      .queue('any', { guarantee: 12 });
    cluster.submitMany(16, 'any');
    rest(cluster);
    cluster.submitMany(4, 'own');
    rest(cluster);
    expect([on(cluster, 'own', 'b'), on(cluster, 'own', 's')]).toEqual([4, 0]);
  });

  it('of the queue above is its children’s against others', () => {
    const cluster = twoPools()
      .queue('top', scoped('big:4'))
      .queue('a', { parent: 'top' })
      .queue('c', { parent: 'top' })
      .queue('any', { guarantee: 8 });
    cluster.submitMany(8, 'any', BIG);
    rest(cluster);
    cluster.submitMany(4, 'a', BIG);
    cluster.submitMany(4, 'c', BIG);
    rest(cluster);
    expect(on(cluster, 'a', 'b') + on(cluster, 'c', 'b')).toBe(4);
    expect(on(cluster, 'a', 'b')).toBe(2);
  });

  it('of a child is taken back from its sister, within their parent’s', () => {
    const cluster = twoPools()
      .queue('top', scoped('big:8'))
      .queue('a', scoped('big:4', { parent: 'top' }))
      .queue('c', { parent: 'top' });
    cluster.submitMany(8, 'c', BIG);
    rest(cluster);
    cluster.submitMany(4, 'a', BIG);
    rest(cluster);
    expect([on(cluster, 'a', 'b'), on(cluster, 'c', 'b')]).toEqual([4, 4]);
  });

  it('goes first when GPUs of the part come free', () => {
    const cluster = twoPools().queue('any', { guarantee: 8, priority: 200 }).queue('own', scoped('big:1'));
    const running = cluster.submitMany(8, 'any', { ...BIG, preemptible: false });
    rest(cluster);
    cluster.submitMany(2, 'any', BIG);
    const own = cluster.submit('own', BIG);
    cluster.settle();
    cluster.finish(running[0] as WorkloadNumber).settle();
    expect(cluster.states(own)).toEqual(['starting']);
  });

  it('is given in full although other GPUs were borrowed', () => {
    const cluster = twoPools()
      .queue('own', scoped('big:4'))
      .queue('any', scoped('big:4', { guarantee: 4 }));
    cluster.submitMany(8, 'own', SMALL);
    cluster.submitMany(8, 'any', BIG);
    rest(cluster);
    cluster.submitMany(4, 'own', BIG);
    rest(cluster);
    expect([on(cluster, 'own', 'b'), on(cluster, 'any', 'b')]).toEqual([4, 4]);
  });

  it('is taken although the last victim carries its queue below its own', () => {
    const cluster = lawfulCluster().node('b1', { pool: 'big', gpus: 4 }).node('b2', { pool: 'big', gpus: 2 });
    cluster.queue('own', scoped('big:4', { priority: 50 })).queue('any', scoped('big:3', { priority: 100 }));
    cluster.running('any', 'b1', [0]);
    cluster.running('any', 'b1', [1, 2, 3]);
    cluster.running('any', 'b2', [0, 1]);
    const owner = cluster.submit('own', { ...BIG, gpus: 4 });
    rest(cluster);
    expect(cluster.where(owner)).not.toBe('');
  });

  it('waits for gangs that lie across: a victim is taken whole', () => {
    const cluster = twoPools().queue('own', scoped('big:2')).queue('any', { guarantee: 16 });
    const gang = cluster.submit('any', { tasks: 12 });
    rest(cluster);
    cluster.submitMany(2, 'own', BIG);
    rest(cluster);
    expect(on(cluster, 'own', 'b')).toBe(2);
    expect(cluster.states(gang)).not.toEqual(['pending']);
  });
});

describe('work that is not preemptible', () => {
  const fixed: WorkloadOptions = { preemptible: false };

  it('stays within the guarantee of the part, where the queue has no other', () => {
    const cluster = twoPools().queue('web', scoped('big:3'));
    cluster.submitMany(8, 'web', { ...fixed, ...BIG });
    const elsewhere = cluster.submitMany(2, 'web', { ...fixed, ...SMALL });
    rest(cluster);
    expect(on(cluster, 'web', 'b')).toBe(3);
    expect(pending(cluster, elsewhere)).toBe(2);
  });

  it('goes to the part when it could go anywhere', () => {
    const cluster = twoPools().queue('web', scoped('big:3'));
    cluster.submitMany(8, 'web', fixed);
    rest(cluster);
    expect([on(cluster, 'web', 'b'), on(cluster, 'web', 's')]).toEqual([3, 0]);
  });

  it('leaves others what they are guaranteed of a part', () => {
    const cluster = twoPools().queue('own', scoped('big:6')).queue('web', { guarantee: 10 });
    cluster.submitMany(8, 'web', { ...fixed, ...BIG });
    rest(cluster);
    expect(on(cluster, 'web', 'b')).toBe(2);
    cluster.submitMany(6, 'own', BIG);
    rest(cluster);
    expect(on(cluster, 'own', 'b')).toBe(6);
  });

  it('starts when what kept it from the part is gone, whatever woke it in vain before', () => {
    const cluster = twoPools()
      .queue('own', scoped('big:4'))
      .queue('web', { guarantee: 8 })
      .queue('lab', { guarantee: 8 });
    cluster.running('web', 'b1', [0, 1], fixed);
    const inTheWay = cluster.running('lab', 'b1', [2, 3], fixed);
    const borrower = cluster.running('lab', 'b2', [0]);
    const waits = cluster.submit('web', { ...fixed, ...BIG, gpus: 2 });
    rest(cluster);
    cluster.finish(borrower);
    rest(cluster);
    expect(cluster.workload(waits).state).toBe('pending');
    cluster.finish(inTheWay);
    rest(cluster);
    expect(cluster.workload(waits).state).toBe('starting');
  });

  it('says what it must leave', () => {
    const cluster = twoPools().queue('own', scoped('big:6')).queue('web', { guarantee: 10 });
    const asked = cluster.submit('web', { ...fixed, ...BIG, tasks: 3 });
    cluster.settle();
    expect(cluster.explain(asked)).toMatchObject({
      reason: 'GUARANTEE_EXHAUSTED',
      summary:
        'Work that is not preemptible must leave others what they are guaranteed: of the 8 GPUs in pool big queue web may take 2 more for such work, and this asks for 3.',
    });
  });

  it('leaves a child what its parent was given for it', () => {
    const cluster = twoPools()
      .queue('top', scoped('big:8', { guarantee: 8 }))
      .queue('a', scoped('big:6', { parent: 'top' }))
      .queue('c', { parent: 'top', guarantee: 8 });
    cluster.submitMany(8, 'c', { ...fixed, ...BIG });
    rest(cluster);
    expect(on(cluster, 'c', 'b')).toBe(2);
  });
});

describe('fairness across parts', () => {
  it('gives each queue its part of a part that queues name, though both are within their share of all', () => {
    const cluster = twoPools().queue('a', scoped('big:0..8')).queue('c');
    cluster.submitMany(8, 'a', BIG);
    rest(cluster);
    cluster.submitMany(8, 'c', BIG);
    rest(cluster);
    expect([on(cluster, 'a', 'b'), on(cluster, 'c', 'b')]).toEqual([4, 4]);
  });

  it('divides nothing where nobody names a part', () => {
    const cluster = twoPools().queue('a').queue('c');
    cluster.submitMany(8, 'a', BIG);
    rest(cluster);
    cluster.submitMany(8, 'c', BIG);
    rest(cluster);
    expect([on(cluster, 'a', 'b'), on(cluster, 'c', 'b')]).toEqual([8, 0]);
  });

  it('goes by weight in each part', () => {
    const cluster = twoPools()
      .queue('a', scoped('big:0..8', { weight: 3 }))
      .queue('c');
    cluster.submitMany(8, 'c', BIG);
    rest(cluster);
    cluster.submitMany(8, 'a', BIG);
    rest(cluster);
    expect([on(cluster, 'a', 'b'), on(cluster, 'c', 'b')]).toEqual([6, 2]);
  });

  it('lets nobody take of a part who has more than his share of all', () => {
    const cluster = twoPools().queue('a', scoped('big:0..8')).queue('c');
    cluster.submitMany(8, 'c', SMALL);
    cluster.submitMany(8, 'a', BIG);
    rest(cluster);
    const more = cluster.submitMany(4, 'c', BIG);
    rest(cluster);
    expect(pending(cluster, more)).toBe(4);
  });

  it('takes nothing for a queue by the guarantee of one above that is due to its sibling', () => {
    const cluster = lawfulCluster()
      .node('b1', { pool: 'big', gpus: 4, model: H100 })
      .queue('lends', { guarantee: 2, weight: 0 })
      .queue('other', scoped('/h100:2', { guarantee: 2 }))
      .queue('top', scoped('/h100:2', { guarantee: 3 }))
      .queue('eager', { parent: 'top', priority: 200 })
      .queue('owner', { parent: 'top', guarantee: 3 });
    cluster.running('other', 'b1', [0, 1]);
    cluster.running('lends', 'b1', [2]);
    cluster.running('lends', 'b1', [3]);
    cluster.submit('owner', { gpus: 1, tasks: 1, maxTasks: 3 });
    const eager = cluster.submit('eager', BIG);
    rest(cluster);
    const evicted = cluster.decisions.flatMap((one) => (one.type === 'evict' ? [one.workload] : []));
    expect(evicted.length).toBe(new Set(evicted).size);
    expect(cluster.workload(eager).attempt).toBe(0);
  });

  it('never takes what is guaranteed of the whole for a share of a part', () => {
    const cluster = twoPools()
      .queue('a', scoped('big:0..8', { guarantee: 8 }))
      .queue('c');
    cluster.submitMany(8, 'a', BIG);
    rest(cluster);
    const asked = cluster.submitMany(4, 'c', BIG);
    rest(cluster);
    expect(pending(cluster, asked)).toBe(4);
  });

  it('says which share keeps a queue from taking', () => {
    const cluster = twoPools().queue('a', scoped('big:0..8')).queue('c');
    cluster.submitMany(8, 'a', BIG);
    cluster.submitMany(8, 'c', BIG);
    rest(cluster);
    const waiting = cluster.workloads().find(({ state, spec }) => state === 'pending' && spec.queue === 'c');
    expect(cluster.explain(waiting?.number as WorkloadNumber)?.summary).toBe(
      'It needs 1 GPU and 0 of 8 that fit are free; with them queue c would hold 5 in pool big, above its fair share of 4 there, so it may take none back.',
    );
  });

  it('counts what a queue is guaranteed of parts as its own in dividing the whole', () => {
    const cluster = twoPools()
      .queue('own', scoped('big:8', { weight: 0 }))
      .queue('a')
      .queue('c');
    cluster.submitMany(8, 'own', BIG);
    cluster.submitMany(16, 'a');
    cluster.submitMany(16, 'c');
    cluster.settle();
    expect(cluster.view.queueShares().map(({ fairShareGpus }) => fairShareGpus)).toEqual([4, 4, 8]);
  });

  it('does not ask for what a limit keeps it from', () => {
    const cluster = twoPools().queue('a', scoped('big:..2')).queue('c');
    cluster.submitMany(16, 'a', BIG);
    cluster.submitMany(16, 'c');
    cluster.settle();
    expect(cluster.view.queueShares().map(({ fairShareGpus }) => fairShareGpus)).toEqual([2, 14]);
  });
});

describe('parts that change', () => {
  it('one that does not exist yet promises nothing and stops nobody, until it does', () => {
    const cluster = twoPools().queue('own', scoped('huge:4')).queue('lab');
    const asked = cluster.submitMany(2, 'own', { pool: 'huge' });
    cluster.submitMany(16, 'lab');
    rest(cluster);
    expect(cluster.reason(asked[0] as WorkloadNumber)).toBe('NO_SUCH_GPU');
    cluster.node('h1', { pool: 'huge', gpus: 4 });
    rest(cluster);
    expect(on(cluster, 'own', 'h')).toBe(2);
  });

  it('a new pool is open to what a limit kept from the old one', () => {
    const cluster = lawfulCluster().node('b1', { pool: 'big', gpus: 4 }).queue('a', scoped('big:..1'));
    cluster.submitMany(3, 'a');
    rest(cluster);
    expect(cluster.held('a')).toBe(1);
    cluster.node('s1', { pool: 'small', gpus: 4 });
    rest(cluster);
    expect(cluster.held('a')).toBe(3);
  });

  it('a node that changes its pool takes what runs on it along', () => {
    const cluster = twoPools().queue('a', scoped('big:..4'));
    cluster.submitMany(4, 'a', BIG);
    rest(cluster);
    const node = cluster.nodeRecords().find(({ name }) => name === 'b1');
    if (!node) throw new Error('no node');
    cluster.nodeRecord({ ...node, pool: 'small' });
    cluster.submitMany(8, 'a', BIG);
    rest(cluster);
    expect(on(cluster, 'a', 'b2')).toBe(4);
    expect(cluster.view.queueShares()).toEqual(cluster.freshView().queueShares());
  });

  it('promised more than there is: whoever is served first has it, nobody takes it from him', () => {
    const cluster = twoPools().queue('a', scoped('big:8')).queue('c', scoped('big:8'));
    cluster.submitMany(8, 'a', BIG);
    rest(cluster);
    cluster.submitMany(8, 'c', BIG);
    rest(cluster);
    expect([on(cluster, 'a', 'b'), on(cluster, 'c', 'b')]).toEqual([8, 0]);
    expect(cluster.view.queueShares()).toMatchObject([
      { queue: 'a', scopes: [{ pool: 'big', allocatedGpus: 8, unmetGuaranteeGpus: 0 }] },
      { queue: 'c', scopes: [{ pool: 'big', allocatedGpus: 0, unmetGuaranteeGpus: 8 }] },
    ]);
  });

  it('a guarantee given later takes effect in the next step, on running work', () => {
    const cluster = twoPools().queue('own').queue('any', { guarantee: 16 });
    cluster.submitMany(8, 'any', BIG);
    rest(cluster);
    cluster.submitMany(4, 'own', BIG);
    rest(cluster);
    expect(on(cluster, 'own', 'b')).toBe(0);
    cluster.queue('own', scoped('big:3'));
    rest(cluster);
    expect(on(cluster, 'own', 'b')).toBe(3);
  });

  it('a guarantee taken away leaves what runs, for whoever has a right to it', () => {
    const cluster = twoPools().queue('own', scoped('big:4')).queue('any', { guarantee: 16 });
    cluster.submitMany(4, 'own', BIG);
    cluster.submitMany(12, 'any');
    rest(cluster);
    cluster.queue('own', { scopes: [] });
    rest(cluster);
    expect(on(cluster, 'own', 'b')).toBe(4);
    cluster.submitMany(4, 'any', BIG);
    rest(cluster);
    expect(on(cluster, 'own', 'b')).toBe(0);
  });

  it('counts the same whichever way the view was made', () => {
    const cluster = twoPools()
      .queue('top', scoped('big:6'))
      .queue('a', scoped('big:4 /h100:2..6', { parent: 'top' }));
    cluster.queue('c', scoped('small:..3'));
    cluster.submitMany(8, 'a');
    cluster.submitMany(8, 'c', { maxTasks: 3 });
    rest(cluster);
    expect(cluster.view.queueShares()).toEqual(cluster.freshView().queueShares());
  });

  it('MIG instances of a model count by their slices', () => {
    const cluster = lawfulCluster()
      .node('b1', { gpus: 2, mig: { 0: ['3g.40gb', '3g.40gb'], 1: ['3g.40gb', '3g.40gb'] } })
      .queue('a', scoped('/h100:..1'));
    const slices = cluster.submitMany(4, 'a', { request: { migProfile: '3g.40gb' } });
    rest(cluster);
    expect(pending(cluster, slices)).toBe(2);
  });
});

// Shares of a GPU, given in thousandths or as memory: where they go, what they count for, and that no GPU is ever given out
// beyond itself.
import { describe, expect, it } from 'vitest';
import type { TestCluster, WorkloadOptions } from './cluster.js';
import { lawfulCluster } from './laws.js';

const half: WorkloadOptions = { milli: 500 };

describe('a share goes', () => {
  const cases: readonly {
    readonly title: string;
    /** Thousandths already taken of GPUs, under their place: `n0:1`. */
    readonly taken: Readonly<Record<string, number>>;
    readonly ask: WorkloadOptions;
    readonly where: string;
  }[] = [
    { title: 'onto a GPU that is shared already', taken: { 'n1:2': 500 }, ask: half, where: 'n1:2' },
    {
      title: 'onto the fullest that has room',
      taken: { 'n0:0': 200, 'n1:0': 600 },
      ask: { milli: 300 },
      where: 'n1:0',
    },
    { title: 'exactly into what is left', taken: { 'n0:0': 200, 'n0:1': 500 }, ask: half, where: 'n0:1' },
    { title: 'onto a GPU of its own where none has room', taken: { 'n0:0': 600 }, ask: half, where: 'n0:1' },
    { title: 'on the fuller node then', taken: { 'n1:0': 900 }, ask: half, where: 'n1:1' },
    { title: 'beside the others of its gang', taken: {}, ask: { milli: 250, tasks: 4 }, where: 'n0:0 n0:0 n0:0 n0:0' },
    { title: 'to the next GPU when one is full', taken: {}, ask: { milli: 400, tasks: 3 }, where: 'n0:0 n0:0 n0:1' },
    { title: 'on as many GPUs as it names', taken: {}, ask: { gpus: 3, milli: 500 }, where: 'n0:0,1,2' },
    { title: 'there on shared ones first', taken: { 'n0:3': 500 }, ask: { gpus: 2, milli: 500 }, where: 'n0:0,3' },
    {
      title: 'where most of them are shared',
      taken: { 'n0:0': 500, 'n1:2': 500, 'n1:3': 500 },
      ask: { gpus: 2, milli: 500 },
      where: 'n1:2,3',
    },
  ];
  it.each(cases)('$title', ({ taken, ask, where }) => {
    const cluster = lawfulCluster().nodes(2, { gpus: 4 }).queue('q', { guarantee: 100 });
    for (const [place, milli] of Object.entries(taken)) cluster.placed('q', place, { milli });
    const workload = cluster.submit('q', ask);
    cluster.settle();
    expect(cluster.where(workload)).toBe(where);
  });

  it('on so many GPUs of one node or waits', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 2 }).queue('q', { guarantee: 100 });
    for (const node of ['n0', 'n1']) {
      cluster.running('q', node, [0], { preemptible: false });
      cluster.placed('q', `${node}:1`, { milli: 250, preemptible: false });
    }
    const workload = cluster.submit('q', { gpus: 2, milli: 500 });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.reason(workload)).toBe('FRAGMENTED');
  });

  it('side by side with an equal one on all its GPUs', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 4 }).queue('q', { guarantee: 100 });
    const pair = cluster.submitMany(2, 'q', { gpus: 2, milli: 500 });
    cluster.settle();
    expect(pair.map((number) => cluster.where(number))).toEqual(['n0:0,1', 'n0:0,1']);
  });

  it('only on GPUs that are healthy, of the model asked for', () => {
    const cluster = lawfulCluster()
      .node('a', { gpus: 2, model: 'NVIDIA L4' })
      .node('b', { gpus: 2, unhealthy: [0] })
      .queue('q', { guarantee: 100 });
    cluster.placed('q', 'a:0', half);
    const workload = cluster.submit('q', { ...half, model: 'H100' });
    cluster.settle();
    expect(cluster.where(workload)).toBe('b:1');
  });
});

describe('a GPU of which something is shared', () => {
  it('is not given as a whole', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 2 }).queue('q', { guarantee: 100 });
    cluster.placed('q', 'n0:0', { milli: 1 });
    const [first, second] = cluster.submitMany(2, 'q');
    cluster.settle();
    expect([first && cluster.where(first), second && cluster.where(second)]).toEqual(['n0:1', '']);
    expect(second && cluster.reason(second)).toBe('RESOURCES');
  });

  it('is whole again when the last share is gone', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 1 }).queue('q', { guarantee: 100 });
    const shares = [cluster.placed('q', 'n0:0', half), cluster.placed('q', 'n0:0', half)];
    const whole = cluster.submit('q');
    cluster.settle();
    for (const share of shares) {
      expect(cluster.where(whole)).toBe('');
      cluster.finish(share).settle();
    }
    expect(cluster.where(whole)).toBe('n0:0');
  });

  it.each([
    [334, 2],
    [333, 3],
    [100, 10],
    [1, 12],
  ])('holds %i thousandths at most %i times (of 12)', (milli, most) => {
    const cluster = lawfulCluster().nodes(1, { gpus: 1 }).queue('q', { guarantee: 100 });
    cluster.submitMany(12, 'q', { milli });
    cluster.settle();
    expect(cluster.allocations()).toHaveLength(most);
  });
});

describe('what leaves and what is promised', () => {
  /** One GPU: 0.6 of it leave, for a claim of 0.6. */
  function claimed() {
    const cluster = lawfulCluster().nodes(1, { gpus: 1 }).queue('q', { guarantee: 100 });
    const low = cluster.placed('q', 'n0:0', { milli: 600, priority: 10 });
    const high = cluster.submit('q', { milli: 600, priority: 90 });
    cluster.settle();
    expect(cluster.states(low, high)).toEqual(['stopping', 'pending']);
    expect(cluster.reason(high)).toBe('RECLAIMING');
    return { cluster, high };
  }

  it('leave the rest of the GPU to others', () => {
    const { cluster, high } = claimed();
    const fits = cluster.submit('q', { milli: 400 });
    cluster.settle();
    expect(cluster.where(fits)).toBe('n0:0');
    cluster.release().settle();
    expect(cluster.where(high)).toBe('n0:0');
  });

  it('never sum to more than one GPU with the rest', () => {
    const { cluster, high } = claimed();
    const tooLarge = cluster.submit('q', { milli: 401 });
    cluster.cycle();
    expect(cluster.where(high)).toBe('n0:0');
    expect(cluster.where(tooLarge)).toBe('');
  });

  it('keep a whole GPU for whoever takes all of it, until the last share has left', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 1 }).queue('a').queue('b', { guarantee: 1 });
    const shares = [cluster.placed('a', 'n0:0', { milli: 600 }), cluster.placed('a', 'n0:0', { milli: 400 })];
    const owner = cluster.submit('b');
    cluster.settle();
    expect(cluster.states(...shares)).toEqual(['stopping', 'stopping']);
    cluster.release(shares[0]);
    const late = cluster.submit('a', { milli: 100 });
    cluster.settle();
    expect(cluster.where(late)).toBe('');
    cluster.release(shares[1]).settle();
    expect(cluster.where(owner)).toBe('n0:0');
  });
});

describe('a share given as memory', () => {
  const gib = 1_024;
  it.each([
    // GiB of the GPU, GiB asked for, thousandths that it takes: rounded up to a hundredth
    [80, 20, 250],
    [40, 20, 500],
    [24, 20, 840],
    [20, 20, 1_000],
    [80, 1, 20],
  ])('on a GPU of %i GiB, of %i GiB, takes %i thousandths', (ofGib, askGib, milli) => {
    const cluster = lawfulCluster()
      .nodes(1, { gpus: 1, gpuMemoryMib: ofGib * gib })
      .queue('q', { guarantee: 100 });
    const share = cluster.submit('q', { request: { gpuMemoryMib: askGib * gib } });
    cluster.settle();
    expect(cluster.where(share)).toBe('n0:0');
    expect(cluster.held('q') * 1_000).toBeCloseTo(milli);
  });

  it('goes only where so much memory is', () => {
    const cluster = lawfulCluster()
      .node('a', { gpus: 4, gpuMemoryMib: 24 * gib })
      .node('b', { gpus: 4, gpuMemoryMib: 80 * gib })
      .queue('q', { guarantee: 100 });
    const shares = cluster.submitMany(8, 'q', { request: { gpuMemoryMib: 40 * gib } });
    cluster.settle();
    expect(shares.map((share) => cluster.where(share))).toEqual([
      'b:0',
      'b:0',
      'b:1',
      'b:1',
      'b:2',
      'b:2',
      'b:3',
      'b:3',
    ]);
  });

  it('stays pending where no GPU has so much, and says so', () => {
    const cluster = lawfulCluster()
      .nodes(2, { gpuMemoryMib: 24 * gib })
      .queue('q', { guarantee: 100 });
    const share = cluster.submit('q', { request: { gpuMemoryMib: 40 * gib } });
    cluster.settle();
    expect(cluster.reason(share)).toBe('NO_SUCH_GPU');
  });

  it('counts for its queue as the part it takes', () => {
    const cluster = lawfulCluster()
      .nodes(1, { gpuMemoryMib: 80 * gib })
      .queue('q', { limit: 0.5 });
    const shares = cluster.submitMany(3, 'q', { request: { gpuMemoryMib: 20 * gib } });
    cluster.settle();
    expect(cluster.states(...shares)).toEqual(['starting', 'starting', 'pending']);
    expect(cluster.held('q')).toBe(0.5);
  });
});

describe('what a share given as memory counts for before it has a place', () => {
  const ask: WorkloadOptions = { request: { gpuMemoryMib: 10_240 } };
  const small = { gpus: 1, gpuMemoryMib: 20_480, cordoned: true } as const;
  const large = { gpus: 1, gpuMemoryMib: 81_920, cordoned: true } as const;
  const cases: readonly {
    readonly title: string;
    readonly happens: (cluster: TestCluster) => unknown;
    readonly gpus: number;
  }[] = [
    { title: 'is a whole GPU where none is known', happens: () => null, gpus: 1 },
    { title: 'is its part of the only ones there are', happens: (cluster) => cluster.node('n0', large), gpus: 0.13 },
    {
      title: 'is its part of the smallest',
      happens: (cluster) => cluster.node('n0', large).node('n1', small),
      gpus: 0.5,
    },
    {
      title: 'is that of those that are left',
      happens: (cluster) => cluster.node('n0', large).node('n1', small).removeNode('n1'),
      gpus: 0.13,
    },
  ];
  it.each(cases)('$title', ({ happens, gpus }) => {
    const cluster = lawfulCluster().queue('q');
    cluster.submit('q', ask);
    cluster.settle();
    happens(cluster);
    expect(cluster.view.queueShares()[0]?.pendingGpus).toBeCloseTo(gpus);
    cluster.settle();
    expect(cluster.view.queueShares()).toEqual(cluster.freshView().queueShares());
  });

  it('is no longer in the way of a limit when smaller GPUs have gone', () => {
    const cluster = lawfulCluster()
      .node('n0', { ...large, cordoned: false })
      .node('n1', small)
      .queue('q', { limit: 0.25 });
    const share = cluster.submit('q', ask);
    cluster.settle();
    expect(cluster.reason(share)).toBe('QUEUE_LIMIT');
    cluster.removeNode('n1');
    cluster.settle();
    expect(cluster.where(share)).toBe('n0:0');
  });
});

describe('shares count in thousandths', () => {
  it('in limits', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { limit: 1 });
    cluster.submitMany(2, 'q', half);
    const more = cluster.submit('q', { milli: 100 });
    cluster.settle();
    expect(cluster.explain(more)).toMatchObject({
      reason: 'QUEUE_LIMIT',
      summary: 'Queue q holds 1 of at most 1 GPU and this asks for 0.1.',
    });
  });

  it('in guarantees of work that is not preemptible', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 0.75 });
    const fixed = cluster.submitMany(2, 'q', { ...half, preemptible: false });
    cluster.settle();
    expect(cluster.states(...fixed)).toEqual(['starting', 'pending']);
    expect(fixed[1] && cluster.reason(fixed[1])).toBe('GUARANTEE_EXHAUSTED');
  });

  it('in what is taken back: no more than is owed', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 1 }).queue('a', { guarantee: 0.5 }).queue('b', { guarantee: 0.5 });
    const borrowed = Array.from({ length: 4 }, () => cluster.placed('a', 'n0:0', { milli: 250 }));
    const owner = cluster.submit('b', half);
    cluster.cycle();
    expect(cluster.where(owner)).toBe('n0:0');
    expect(cluster.held('a')).toBe(0.5);
    expect(borrowed.filter((number) => cluster.states(number)[0] === 'running')).toHaveLength(2);
  });

  it('and take nothing back from whoever is within his guarantee by a thousandth', () => {
    const cluster = lawfulCluster()
      .nodes(1, { gpus: 1 })
      .queue('a', { guarantee: 0.75 })
      .queue('b', { guarantee: 0.5 });
    const within = [cluster.placed('a', 'n0:0', half), cluster.placed('a', 'n0:0', { milli: 250 })];
    cluster.submit('b', half);
    cluster.cycle();
    expect(cluster.states(...within)).toEqual(['running', 'running']);
  });
});

describe('why a share waits', () => {
  it('on more GPUs than any node has', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 2 }).queue('q', { guarantee: 100 });
    const share = cluster.submit('q', { gpus: 3, milli: 300 });
    cluster.settle();
    expect(cluster.reason(share)).toBe('NO_SUCH_GPU');
  });

  it('for a larger rest than any GPU has: with the most that one has', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 2 }).queue('q', { guarantee: 100 });
    cluster.placed('q', 'n0:0', { milli: 600 });
    cluster.placed('q', 'n0:1', { milli: 700 });
    const share = cluster.submit('q', half);
    cluster.settle();
    const explanation = cluster.explain(share);
    expect(explanation?.reason).toBe('FRAGMENTED');
    expect(explanation?.summary).toMatch(/0\.4/);
    expect(explanation?.lines.find(({ title }) => title === 'Nearest')?.text).toMatch(/^n0 .*0\.4 of 0\.5/);
  });

  it('for shares that are all taken', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 1 }).queue('q', { guarantee: 100 });
    cluster.placed('q', 'n0:0', { milli: 600 });
    const share = cluster.submit('q', half);
    cluster.settle();
    expect(cluster.reason(share)).toBe('RESOURCES');
  });
});

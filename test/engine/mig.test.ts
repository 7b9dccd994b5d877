// MIG: instances are given by profile, one holder each, and count for as many sevenths of a GPU as they have slices.
import { describe, expect, it } from 'vitest';
import { TestCluster, type NodeOptions, type WorkloadOptions } from './cluster.js';
import { lawfulCluster } from './laws.js';

const split = ['3g.40gb', '2g.20gb', '1g.10gb', '1g.10gb'];

function ask(migProfile: string, more: WorkloadOptions = {}): WorkloadOptions {
  return { ...more, request: { migProfile } };
}

/** One node with two GPUs, both in MIG mode, and one that is not. */
function cluster(options: NodeOptions = {}): TestCluster {
  return lawfulCluster()
    .nodes(1, { gpus: 3, mig: { 0: split, 1: split }, ...options })
    .queue('q', { guarantee: 100 });
}

describe('an instance', () => {
  it.each([
    ['3g.40gb', 'n0-0-0'],
    ['2g.20gb', 'n0-0-1'],
    ['1g.10gb', 'n0-0-2'],
  ])('of profile %s is given by its profile', (profile, instance) => {
    const mig = cluster();
    const workload = mig.submit('q', ask(profile));
    mig.settle();
    expect(mig.instances(workload)).toEqual([instance]);
  });

  it('has one holder', () => {
    const mig = cluster();
    const all = mig.submitMany(3, 'q', ask('3g.40gb'));
    mig.settle();
    expect(all.map((number) => mig.instances(number))).toEqual([['n0-0-0'], ['n0-1-0'], []]);
    expect(all[2] && mig.reason(all[2])).toBe('RESOURCES');
  });

  it('may be asked for several times by one task', () => {
    const mig = cluster();
    const workload = mig.submit('q', { ...ask('1g.10gb'), gpus: 3 });
    mig.settle();
    expect(new Set(mig.instances(workload)).size).toBe(3);
  });

  it('is promised as such to whoever waits for it', () => {
    const mig = cluster();
    const low = mig.placed('q', 'n0:0/0', ask('3g.40gb', { priority: 10 }));
    mig.placed('q', 'n0:1/0', ask('3g.40gb', { priority: 90 }));
    const high = mig.submit('q', ask('3g.40gb', { priority: 90 }));
    mig.settle();
    expect(mig.states(low, high)).toEqual(['stopping', 'pending']);
    expect(mig.workload(high).claim?.placements).toMatchObject([{ gpus: [0], instances: ['n0-0-0'], parts: 3_000 }]);
    mig.release().settle();
    expect(mig.instances(high)).toEqual(['n0-0-0']);
  });
});

describe('sevenths of a GPU', () => {
  it.each([
    ['1g.10gb', 1],
    ['2g.20gb', 2],
    ['3g.40gb', 3],
  ])('are what %s counts for: %i', (profile, sevenths) => {
    const mig = cluster();
    mig.submit('q', ask(profile));
    mig.settle();
    expect(mig.held('q')).toBe(sevenths / 7);
  });

  it('are bound by a limit', () => {
    const mig = cluster().queue('q', { limit: 0.5 });
    const [large, second, small] = [
      mig.submit('q', ask('3g.40gb')),
      mig.submit('q', ask('3g.40gb')),
      // 0.4286 + 0.1429 of at most 0.5 as well.
      mig.submit('q', ask('1g.10gb')),
    ];
    mig.settle();
    expect(mig.states(large, second, small)).toEqual(['starting', 'pending', 'pending']);
    expect(mig.explain(second)).toMatchObject({
      reason: 'QUEUE_LIMIT',
      summary: 'Queue q holds 0.429 of at most 0.5 GPUs and this asks for 0.429.',
    });
  });

  it('are guaranteed, and taken back instance by instance', () => {
    const mig = lawfulCluster()
      .nodes(1, { gpus: 1, mig: { 0: ['1g.10gb', '1g.10gb', '1g.10gb', '1g.10gb', '1g.10gb', '1g.10gb', '1g.10gb'] } })
      .queue('a')
      .queue('b', { guarantee: 0.3 });
    mig.submitMany(7, 'a', ask('1g.10gb'));
    mig.settle();
    expect(mig.held('a')).toBeCloseTo(1);
    // Two sevenths are within 0.3, three are not; nor are they within a fair share.
    mig.submitMany(2, 'b', ask('1g.10gb'));
    mig.cycle();
    expect([mig.held('a') * 7, mig.held('b') * 7].map(Math.round)).toEqual([5, 2]);
  });

  it('of instances that nothing but them could be are what there is to share', () => {
    const mig = cluster();
    const shares = mig.view.queueShares();
    expect(shares).toMatchObject([{ queue: 'q', fairShareGpus: 0 }]);
    mig.submitMany(20, 'q', ask('1g.10gb'));
    mig.settle();
    expect(mig.held('q') * 7).toBeCloseTo(4);
  });
});

describe('what is not there never fits', () => {
  it.each([
    ['another profile', ask('4g.40gb')],
    ['the same slices with other memory', ask('3g.20gb')],
    ['more instances than a node has', { ...ask('3g.40gb'), gpus: 3 }],
    ['more whole GPUs than are not in MIG mode', { gpus: 2 }],
    ['a share of more GPUs than are not in MIG mode', { gpus: 2, milli: 100 }],
  ])('%s', (_, options) => {
    const mig = cluster();
    const workload = mig.submit('q', options);
    mig.settle();
    expect(mig.where(workload)).toBe('');
    expect(mig.reason(workload)).toBe('NO_SUCH_GPU');
  });

  it('says which profile', () => {
    const mig = cluster();
    expect(mig.explain(mig.submit('q', ask('7g.80gb')))?.summary).toBe(
      'No node in the cluster has MIG 7g.80gb instances.',
    );
  });
});

describe('a GPU in MIG mode', () => {
  it.each([
    ['a whole GPU', {}],
    ['a share of one', { milli: 100 }],
    ['so much of its memory', { request: { gpuMemoryMib: 1_024 } }],
  ])('never serves work that asks for %s', (_, options) => {
    const mig = cluster();
    const workload = mig.submit('q', options);
    mig.settle();
    expect(mig.where(workload)).toBe('n0:2');
  });

  it('that is not healthy serves no instance', () => {
    const mig = cluster({ unhealthy: [0] });
    const workload = mig.submit('q', ask('3g.40gb'));
    mig.settle();
    expect(mig.instances(workload)).toEqual(['n0-1-0']);
  });

  it('serves work that asks for no GPU like any other', () => {
    const mig = lawfulCluster()
      .nodes(1, { gpus: 1, mig: { 0: split } })
      .queue('q');
    const workload = mig.submit('q', { gpus: 0 });
    mig.settle();
    expect(mig.states(workload)).toEqual(['starting']);
  });
});

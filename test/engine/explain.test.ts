import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import type { PendingReason } from '../../scheduler/engine/decisions.js';
import { pendingReason } from '../../scheduler/engine/explain.js';
import { TestCluster } from './cluster.js';

interface Case {
  readonly title: string;
  readonly reason: PendingReason;
  readonly summary: string;
  /** Makes the situation; returns the workload to explain. */
  readonly make: (cluster: TestCluster) => WorkloadNumber;
}

const cases: readonly Case[] = [
  {
    title: 'no node has the model',
    reason: 'NO_SUCH_GPU',
    summary: 'No node in the cluster has B200 GPUs.',
    make: (cluster) => cluster.nodes(1).queue('q').submit('q', { model: 'B200' }),
  },
  {
    title: 'no node is in the pool',
    reason: 'NO_SUCH_GPU',
    summary: 'No node in pool lab has GPUs.',
    make: (cluster) => cluster.nodes(1).queue('q').submit('q', { pool: 'lab' }),
  },
  {
    title: 'no node is so large',
    reason: 'NO_SUCH_GPU',
    summary: 'A task needs 16 GPUs on one node, and no node in the cluster has more than 8 GPUs.',
    make: (cluster) => cluster.nodes(3).queue('q').submit('q', { gpus: 16 }),
  },
  {
    title: 'the cluster is too small for the gang',
    reason: 'NO_SUCH_GPU',
    summary: 'All 3 tasks of 6 GPUs do not fit on the H100 GPUs of the cluster, even when nothing else runs.',
    make: (cluster) => cluster.nodes(2).queue('q').submit('q', { gpus: 6, tasks: 3, model: 'H100' }),
  },
  {
    title: 'the queue is at its limit',
    reason: 'QUEUE_LIMIT',
    summary: 'Queue q holds 2 of at most 3 GPUs and this asks for 2.',
    make: (cluster) => {
      cluster.nodes(1).queue('q', { limit: 3 }).running('q', 'n0', [0, 1]);
      return cluster.submit('q', { gpus: 2 });
    },
  },
  {
    title: 'a queue above is at its limit',
    reason: 'QUEUE_LIMIT',
    summary: 'Queue top holds 1 of at most 1 GPU and this asks for 1.',
    make: (cluster) => {
      cluster.nodes(1).queue('top', { limit: 1 }).queue('a', { parent: 'top' }).queue('b', { parent: 'top' });
      cluster.running('a', 'n0', [0]);
      return cluster.submit('b');
    },
  },
  {
    title: 'it can never run in its queue',
    reason: 'QUEUE_LIMIT',
    summary: 'Queue q holds 0 of at most 3 GPUs and this asks for 4; it can never run there.',
    make: (cluster) => cluster.nodes(1).queue('q', { limit: 3 }).submit('q', { gpus: 4 }),
  },
  {
    title: 'the guarantee is used up',
    reason: 'GUARANTEE_EXHAUSTED',
    summary:
      'Work that is not preemptible must stay within the guarantee: queue q is guaranteed 2 GPUs, holds 2 for such work, and this asks for 1.',
    make: (cluster) => {
      cluster.nodes(1).queue('q', { guarantee: 2 }).running('q', 'n0', [0, 1], { preemptible: false });
      return cluster.submit('q', { preemptible: false });
    },
  },
  {
    title: 'what would fit takes no work',
    reason: 'NODES_UNAVAILABLE',
    summary:
      'The nodes that would fit take no work now: 8 on cordoned nodes, 4 on nodes that are down, 2 on nodes not heard of yet, 1 quarantined.',
    make: (cluster) =>
      cluster
        .node('a', { cordoned: true })
        .node('b', { gpus: 4, liveness: 'down' })
        .node('c', { gpus: 2, liveness: 'unknown' })
        .node('d', { gpus: 1, unhealthy: [0] })
        .queue('q')
        .submit('q'),
  },
  {
    title: 'what would fit takes no work, and no GPU is asked for',
    reason: 'NODES_UNAVAILABLE',
    summary: 'The nodes that would fit take no work now: 2 nodes cordoned, 1 node down.',
    make: (cluster) =>
      cluster
        .node('a', { cordoned: true })
        .node('b', { gpus: 0, cordoned: true })
        .node('c', { liveness: 'down' })
        .queue('q')
        .submit('q', { gpus: 0 }),
  },
  {
    title: 'what would fit takes no work, and others hold all of it',
    reason: 'NODES_UNAVAILABLE',
    summary: 'The nodes that would fit take no work now: 1 node cordoned.',
    make: (cluster) => {
      cluster.node('a', { gpus: 1, cordoned: true }).queue('q').queue('r', { guarantee: 1 });
      cluster.running('r', 'a', [0]);
      return cluster.submit('q');
    },
  },
  {
    title: 'free GPUs are too scattered',
    reason: 'FRAGMENTED',
    summary: '4 GPUs are free, enough in number, but not 4 on one node: the most on one node is 2.',
    make: (cluster) => {
      cluster.nodes(2, { gpus: 4 }).queue('q', { guarantee: 8 });
      cluster.running('q', 'n0', [0, 1], { preemptible: false });
      cluster.running('q', 'n1', [2, 3], { preemptible: false });
      return cluster.submit('q', { gpus: 4 });
    },
  },
  {
    title: 'all are in use and it may not take any back',
    reason: 'RESOURCES',
    summary:
      'It needs 1 GPU and 0 of 4 that fit are free; with them queue q would hold 3, above its fair share of 2, so it may take none back.',
    make: (cluster) => {
      cluster.nodes(1, { gpus: 4 }).queue('q', { guarantee: 2, weight: 0 }).queue('other', { guarantee: 2 });
      cluster.running('q', 'n0', [0, 1]);
      cluster.running('other', 'n0', [2, 3]);
      return cluster.submit('q');
    },
  },
  {
    title: 'all are in use and nobody has to give',
    reason: 'RESOURCES',
    summary:
      'It needs 1 GPU and 0 of 2 that fit are free; what runs on them is not preemptible or within the guarantee of its queue.',
    make: (cluster) => {
      cluster.nodes(1, { gpus: 2 }).queue('q', { guarantee: 1 }).queue('other', { guarantee: 2 });
      cluster.running('other', 'n0', [0, 1], { preemptible: false });
      return cluster.submit('q');
    },
  },
  {
    title: 'nodes beside the ones it may go to are free',
    reason: 'RESOURCES',
    summary:
      'It needs 1 GPU and 0 of 2 that fit are free; what runs on them is not preemptible or within the guarantee of its queue.',
    make: (cluster) => {
      cluster.nodes(2, { gpus: 2 }).queue('q', { guarantee: 4 });
      cluster.running('q', 'n0', [0, 1], { preemptible: false });
      const workload = cluster.submit('q');
      const { spec } = cluster.workload(workload);
      const roles = spec.roles.map((role) => ({ ...role, rules: { ...role.rules, nodes: ['n0'] } }));
      cluster.replace(workload, { spec: { ...spec, roles } });
      return workload;
    },
  },
];

describe('explain', () => {
  it.each(cases)('$title: $reason', ({ reason, summary, make }) => {
    const cluster = new TestCluster();
    const workload = make(cluster);
    cluster.settle();
    expect(cluster.explain(workload)).toMatchObject({ reason, summary });
    expect(pendingReason(cluster.view, workload)).toBe(reason);
  });

  it('names those who leave for it, and until when', () => {
    const cluster = new TestCluster().nodes(1, { gpus: 3 }).queue('vision').queue('platform', { guarantee: 3 });
    cluster.running('vision', 'n0', [0, 1]);
    const owner = cluster.submit('platform', { gpus: 3 });
    cluster.settle();
    cluster.nowMs += 14_000;
    expect(cluster.explain(owner)).toMatchObject({
      reason: 'RECLAIMING',
      summary:
        '1 GPU held for it already; 1 (queue vision) gives back 2 GPUs, told to stop 14s ago, grace ends in 16s.',
    });
  });

  it('says what it needs, what there is, what its queue may have, who is ahead and who is in the way', () => {
    const cluster = new TestCluster().nodes(2, { gpus: 4, pool: 'h100' }).queue('nlp', { guarantee: 8 });
    cluster.running('nlp', 'n0', [0, 1, 2], { priority: 90 });
    cluster.running('nlp', 'n1', [0, 1, 2, 3], { priority: 90 });
    cluster.submit('nlp', { gpus: 4, priority: 90 });
    const workload = cluster.submit('nlp', { gpus: 2, pool: 'h100', model: 'H100', preemptible: false });
    cluster.settle();
    expect(cluster.explain(workload)?.lines).toEqual([
      { title: 'Needs', text: '2 H100 GPUs on one node, pool h100; priority 50, not preemptible' },
      { title: 'Pool', text: '8 GPUs on 2 nodes: 7 in use, 1 free; 0 of 2 nodes have 2 free' },
      { title: 'Nearest', text: 'n0 has 1 of 2 GPUs free' },
      {
        title: 'Quota',
        text: 'nlp holds 7, guaranteed 8, fair share 8, no limit; with this 9: beyond its fair share, so nlp may only borrow what is free',
      },
      { title: 'Ahead', text: '1 workload in queue nlp: 3 (priority 90, 4 GPUs)' },
      {
        title: 'Blockers',
        text: 'n0 has 1 of 4 free, held by 1 (queue nlp, 3 GPUs); n1 has 0 of 4 free, held by 2 (queue nlp, 4 GPUs)',
      },
      { title: 'Estimate', text: 'unknown: 1 GPU it waits for is used by work without a time limit' },
    ]);
  });

  it('says that a maintenance is in the way when the only free nodes are about to have one', () => {
    const soon = { id: 'm', startMs: 1_000_000 + 60_000, endMs: 1_000_000 + 120_000, everyMs: null, reason: 'fans' };
    const cluster = new TestCluster()
      .node('n0', { gpus: 2, maintenance: [soon] })
      .node('n1', { gpus: 2 })
      .queue('q');
    cluster.running('q', 'n1', [0, 1], { preemptible: false });
    const workload = cluster.submit('q');
    cluster.settle();
    expect(cluster.explain(workload)).toMatchObject({ reason: 'MAINTENANCE' });
    cluster.nowMs = soon.startMs;
    cluster.settle();
    expect(cluster.explain(workload)).toMatchObject({ reason: 'RESOURCES' });
    cluster.nowMs = soon.endMs;
    cluster.settle();
    expect(cluster.where(workload)).toBe('n0:0');
  });

  it.each([
    ['held', 'HELD'],
    ['dependency', 'DEPENDENCY'],
    ['backoff', 'BACKOFF'],
    ['array', 'ARRAY_CAP'],
  ] as const)('says of work that may not be placed yet why that is: %s', (kind, reason) => {
    const cluster = new TestCluster().nodes(1).queue('q', { guarantee: 8 });
    const workload = cluster.submit('q');
    cluster.replace(workload, { gate: { kind, message: 'It may not yet.', untilMs: null } });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.explain(workload)).toMatchObject({ reason, summary: 'It may not yet.' });
    expect(cluster.explain(workload)?.lines.map(({ title }) => title)).toEqual(['Needs', 'Pool', 'Quota', 'Estimate']);
    expect(cluster.view.queueShares()).toMatchObject([{ pendingGpus: 0, fairShareGpus: 0 }]);
    cluster.replace(workload, { gate: null }).settle();
    expect(cluster.where(workload)).toBe('n0:0');
  });

  it('says so before the engine has looked', () => {
    const cluster = new TestCluster().nodes(1).queue('q');
    expect(cluster.reason(cluster.submit('q'))).toBe('NOT_EVALUATED');
  });

  it('follows what becomes of nodes', () => {
    const cluster = new TestCluster().nodes(2, { liveness: 'unknown' }).queue('q');
    const workload = cluster.submit('q');
    const idle = cluster.submit('q', { gpus: 0 });
    const told = () => [cluster.explain(workload)?.summary, cluster.explain(idle)?.summary];
    expect(told()[0]).toMatch(/: 16 on nodes not heard of yet\.$/);
    expect(told()[1]).toMatch(/: 2 nodes not heard of yet\.$/);
    cluster.liveness('n0', 'down');
    expect(told()[0]).toMatch(/: 8 on nodes that are down, 8 on nodes not heard of yet\.$/);
    expect(told()[1]).toMatch(/: 1 node down, 1 node not heard of yet\.$/);
    cluster.cordon('n1');
    expect(told()[0]).toMatch(/: 8 on cordoned nodes, 8 on nodes that are down\.$/);
    cluster.liveness('n0', 'ready').settle();
    expect(cluster.where(workload)).toBe('n0:0');
  });

  it('says nothing of what is not pending', () => {
    const cluster = new TestCluster().nodes(1).queue('q');
    const workload = cluster.submit('q');
    cluster.settle();
    expect(cluster.explain(workload)).toBeNull();
    expect(cluster.explain(99 as WorkloadNumber)).toBeNull();
  });
});

describe('queue shares', () => {
  it('tell what is held, borrowed, pending, fair and owed', () => {
    const cluster = new TestCluster().nodes(1).queue('a', { guarantee: 2 }).queue('b', { guarantee: 4 });
    cluster.running('a', 'n0', [0, 1, 2, 3, 4, 5, 6, 7]);
    cluster.submit('b', { gpus: 3 });
    expect(cluster.view.queueShares()).toMatchObject([
      { queue: 'a', allocatedGpus: 8, borrowedGpus: 6, pendingGpus: 0, fairShareGpus: 5, unmetGuaranteeGpus: 0 },
      { queue: 'b', allocatedGpus: 0, borrowedGpus: 0, pendingGpus: 3, fairShareGpus: 3, unmetGuaranteeGpus: 3 },
    ]);
  });

  it('owe nothing of what limits forbid, here or below', () => {
    const cluster = new TestCluster().nodes(1).queue('org', { guarantee: 6 });
    cluster.queue('team', { parent: 'org', guarantee: 2, limit: 4 });
    cluster.running('team', 'n0', [0, 1, 2, 3]);
    cluster.submit('team', { gpus: 2 });
    expect(cluster.view.queueShares()).toMatchObject([
      { queue: 'org', allocatedGpus: 4, pendingGpus: 2, unmetGuaranteeGpus: 0 },
      { queue: 'team', allocatedGpus: 4, unmetGuaranteeGpus: 0 },
    ]);
    cluster.queue('team', { parent: 'org', guarantee: 2, limit: 5 });
    expect(cluster.view.queueShares()).toMatchObject([{ unmetGuaranteeGpus: 1 }, { unmetGuaranteeGpus: 0 }]);
  });
});

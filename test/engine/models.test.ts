// Where a task may go: the models it accepts in the order in which it wants them, memory, driver, labels, names of nodes.
import { describe, expect, it } from 'vitest';
import type { NodeOptions, WorkloadOptions } from './cluster.js';
import { lawfulCluster } from './laws.js';

const H100: NodeOptions = { gpus: 4, model: 'NVIDIA H100 80GB HBM3' };
const A100: NodeOptions = { gpus: 4, model: 'NVIDIA A100-SXM4-40GB', gpuMemoryMib: 40_960 };
const L4: NodeOptions = { gpus: 4, model: 'NVIDIA L4', gpuMemoryMib: 24_576 };

const wants = (...models: string[]): WorkloadOptions => ({ rules: { models } });

describe('an ordered list of models', () => {
  const cases: readonly {
    readonly title: string;
    /** GPUs in use on a (A100), h (H100) and l (L4), of 4 each. */
    readonly taken: Readonly<Record<string, number>>;
    readonly ask: WorkloadOptions;
    /** The node of each task; empty = it waits. */
    readonly nodes: string;
  }[] = [
    { title: 'prefers the first', taken: {}, ask: wants('H100', 'A100'), nodes: 'h' },
    { title: 'whatever stands first by name', taken: {}, ask: wants('L4', 'A100'), nodes: 'l' },
    { title: 'though another would pack better', taken: { a: 3 }, ask: wants('H100', 'A100'), nodes: 'h' },
    { title: 'takes the next where none is left', taken: { h: 4 }, ask: wants('H100', 'A100'), nodes: 'a' },
    { title: 'and the one after that', taken: { h: 4, a: 4 }, ask: wants('H100', 'A100', 'L4'), nodes: 'l' },
    { title: 'and none that is not on it', taken: { h: 4 }, ask: wants('H100'), nodes: '' },
    {
      title: 'keeps a gang on one model',
      taken: { h: 2 },
      ask: { ...wants('H100', 'A100'), tasks: 3 },
      nodes: 'a a a',
    },
    { title: 'reads every word of a model', taken: {}, ask: wants('A100 80GB', 'A100 40GB'), nodes: 'a' },
    { title: 'in any spelling', taken: {}, ask: wants('hbm3 h100'), nodes: 'h' },
    { title: 'is for shares too', taken: {}, ask: { ...wants('L4', 'H100'), milli: 500 }, nodes: 'l' },
    {
      title: 'and for shares takes the next where none is left',
      taken: { h: 4 },
      ask: { ...wants('H100', 'L4'), milli: 500 },
      nodes: 'l',
    },
  ];
  it.each(cases)('$title', ({ taken, ask, nodes }) => {
    const cluster = lawfulCluster().node('a', A100).node('h', H100).node('l', L4).queue('q', { guarantee: 100 });
    for (const [node, count] of Object.entries(taken)) {
      cluster.running(
        'q',
        node,
        Array.from({ length: count }, (_, index) => index),
      );
    }
    const workload = cluster.submit('q', ask);
    cluster.settle();
    expect(
      cluster
        .allocationsOf(workload)
        .map(({ node }) => node)
        .join(' '),
    ).toBe(nodes);
  });

  it('rather takes the second that is free than evicts for the first', () => {
    const cluster = lawfulCluster().node('a', A100).node('h', H100).queue('b').queue('q', { guarantee: 4 });
    cluster.running('b', 'h', [0, 1, 2, 3]);
    const workload = cluster.submit('q', wants('H100', 'A100'));
    cluster.settle();
    expect(cluster.where(workload)).toBe('a:0');
    expect(cluster.decisions).toHaveLength(1);
  });
});

describe('only GPUs and nodes that meet the rules', () => {
  it.each<[string, NodeOptions, WorkloadOptions, string]>([
    ['with the least memory', { gpuMemoryMib: 65_536 }, { rules: { minGpuMemoryMib: 65_536 } }, 'b:0'],
    ['with the least memory, a MiB less', { gpuMemoryMib: 65_535 }, { rules: { minGpuMemoryMib: 65_536 } }, ''],
    ['with the driver', { driver: '535.104.05' }, { rules: { minDriver: '535.104.05' } }, 'b:0'],
    ['with a driver number by number', { driver: '535.104' }, { rules: { minDriver: '535.54.03' } }, 'b:0'],
    ['not by letters', { driver: '99.1' }, { rules: { minDriver: '535.54' } }, ''],
    ['with a longer number', { driver: '535.104.1' }, { rules: { minDriver: '535.104' } }, 'b:0'],
    ['with a shorter number', { driver: '535' }, { rules: { minDriver: '535.0.1' } }, ''],
    ['of a node that says its driver', {}, { rules: { minDriver: '1' } }, ''],
    ['with the label', { labels: { net: 'ib' } }, { rules: { labels: { net: 'ib' } } }, 'b:0'],
    ['with the value of the label', { labels: { net: 'eth' } }, { rules: { labels: { net: 'ib' } } }, ''],
    [
      'with all labels',
      { labels: { net: 'ib', disk: 'nvme' } },
      { rules: { labels: { net: 'ib', disk: 'nvme' } } },
      'b:0',
    ],
    ['with one label of two', { labels: { net: 'ib' } }, { rules: { labels: { net: 'ib', disk: 'nvme' } } }, ''],
    ['of the names', {}, { rules: { nodes: ['x', 'b'] } }, 'b:0'],
    ['of no such name', {}, { rules: { nodes: ['x', 'y'] } }, ''],
  ])('%s', (_, node, ask, where) => {
    // On a nothing is told of the driver, no label set, and too little memory.
    const cluster = lawfulCluster().node('a', L4).node('b', node).queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', ask);
    cluster.settle();
    expect(cluster.where(workload)).toBe(where);
    if (where === '') expect(cluster.reason(workload)).toBe('NO_SUCH_GPU');
  });

  it('hold for work without GPUs as well', () => {
    const cluster = lawfulCluster()
      .node('a', { gpus: 0 })
      .node('b', { labels: { net: 'ib' } })
      .queue('q');
    const workload = cluster.submit('q', { gpus: 0, rules: { labels: { net: 'ib' } } });
    cluster.settle();
    expect(cluster.where(workload)).toBe('b:');
  });

  it.each<[string, NodeOptions, WorkloadOptions]>([
    ['a label', { labels: { net: 'ib' } }, { rules: { labels: { net: 'ib' } } }],
    ['a newer driver', { driver: '550.1' }, { rules: { minDriver: '550' } }],
    ['a larger GPU', { gpuMemoryMib: 141_000 }, { rules: { minGpuMemoryMib: 140_000 } }],
    ['another pool', { pool: 'lab' }, { pool: 'lab' }],
  ])('are looked at again when a node comes to have %s', (_, node, ask) => {
    const cluster = lawfulCluster().node('b').queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', ask);
    cluster.settle();
    expect(cluster.where(workload)).toBe('');
    cluster.node('b', node).settle();
    expect(cluster.where(workload)).toBe('b:0');
  });
});

describe('why nothing meets them', () => {
  it.each<[string, WorkloadOptions, string]>([
    ['models', wants('B200', 'H200'), 'No node in the cluster has B200 or H200 GPUs.'],
    ['a label', { rules: { labels: { net: 'ib' } } }, 'No node in the cluster meets label net=ib.'],
    ['names', { rules: { nodes: ['x', 'y'] } }, 'No node in the cluster meets the name x or y.'],
    ['a driver', { rules: { minDriver: '535.104' } }, 'No node in the cluster meets driver 535.104 or newer.'],
    [
      'several of them in a pool',
      { pool: 'default', rules: { nodes: ['x'], labels: { net: 'ib' } } },
      'No node in pool default meets label net=ib, the name x.',
    ],
    [
      'memory',
      { rules: { minGpuMemoryMib: 100_000 } },
      'No node in the cluster has GPUs with 100000 MiB of memory or more.',
    ],
  ])('%s', (_, ask, summary) => {
    const cluster = lawfulCluster().nodes(2).queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', ask);
    cluster.settle();
    expect(cluster.explain(workload)).toMatchObject({ reason: 'NO_SUCH_GPU', summary });
  });

  it.each<[string, WorkloadOptions]>([
    ['label', { rules: { labels: { net: 'ib' } } }],
    ['name', { rules: { nodes: ['n1'] } }],
  ])('names the node that comes nearest of those with the %s', (_, ask) => {
    const cluster = lawfulCluster()
      .node('n0')
      .node('n1', { labels: { net: 'ib' } })
      .queue('q', { guarantee: 100 });
    cluster.running('q', 'n1', [0, 1, 2, 3, 4], { preemptible: false });
    const workload = cluster.submit('q', { gpus: 4, ...ask });
    cluster.settle();
    const explanation = cluster.explain(workload);
    // The free GPUs of n0 are of no use to it.
    expect(explanation?.reason).toBe('RESOURCES');
    expect(explanation?.summary).toContain('It needs 4 GPUs and 3 of 8 that fit are free');
    expect(explanation?.lines).toContainEqual({ title: 'Nearest', text: 'n1 has 3 of 4 GPUs free' });
  });
});

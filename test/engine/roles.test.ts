// Gangs of several roles: all tasks of all roles start together or none, each where its own request fits.
import { describe, expect, it } from 'vitest';
import type { RoleOptions } from './cluster.js';
import { lawfulCluster } from './laws.js';

const launcher: RoleOptions = { name: 'launcher', gpus: 0, request: { cpuMilli: 2_000 } };
const worker: RoleOptions = { name: 'worker', gpus: 8, tasks: 2 };

describe('a gang of roles', () => {
  it('starts together, each task where its role fits', () => {
    const cluster = lawfulCluster().nodes(2).node('cpu', { gpus: 0 }).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { roles: [launcher, worker] });
    cluster.settle();
    expect(cluster.where(gang)).toBe('cpu: n0:0,1,2,3,4,5,6,7 n1:0,1,2,3,4,5,6,7');
  });

  it.each([
    ['its workers lack a GPU', { gpus: 7 }, {}],
    ['its launcher lacks a core', {}, { cpus: 1 }],
  ])('starts not at all when %s', (_, second, cpu) => {
    const cluster = lawfulCluster()
      .node('n0', { cpus: 1 })
      .node('n1', { cpus: 1, ...second })
      .node('cpu', { gpus: 0, ...cpu })
      .queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { roles: [launcher, worker] });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.states(gang)).toEqual(['pending']);
    cluster.node('n1', { cpus: 1 }).node('cpu', { gpus: 0 }).settle();
    expect(cluster.states(gang)).toEqual(['starting']);
  });

  it('takes of each kind what its role asks for', () => {
    const cluster = lawfulCluster()
      .node('a', { gpus: 4, model: 'NVIDIA L4' })
      .node('b', { gpus: 4, model: 'NVIDIA H100' })
      .node('c', { gpus: 2, mig: { 0: ['3g.40gb', '3g.40gb'] } })
      .queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', {
      roles: [
        { name: 'prefill', gpus: 2, rules: { models: ['H100'] } },
        { name: 'decode', tasks: 2, milli: 500, rules: { models: ['L4'] } },
        { name: 'router', request: { migProfile: '3g.40gb' } },
      ],
    });
    cluster.settle();
    expect(cluster.where(gang)).toBe('b:0,1 a:0 a:0 c:0');
  });

  it('leaves to a role what only it can use', () => {
    const cluster = lawfulCluster({ placement: 'pack' })
      .node('east', { gpus: 2 })
      .node('west', { gpus: 1, pool: 'west' })
      .queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { roles: [{ name: 'any' }, { name: 'west', rules: { pool: 'west' } }] });
    cluster.settle();
    expect(cluster.where(gang)).toBe('east:0 west:0');
  });

  it('puts roles on different nodes where one has no room for both', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 6 }).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', {
      roles: [
        { name: 'x', gpus: 4 },
        { name: 'y', gpus: 4 },
      ],
    });
    cluster.settle();
    expect(cluster.where(gang)).toBe('n0:0,1,2,3 n1:0,1,2,3');
  });

  it('numbers its tasks with room for all that a role may have', () => {
    const cluster = lawfulCluster().node('a', { gpus: 3 }).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', {
      roles: [
        { name: 'head', tasks: 1 },
        { name: 'worker', tasks: 1, maxTasks: 3 },
        { name: 'evaluator', tasks: 1 },
      ],
    });
    cluster.settle();
    expect(cluster.tasks(gang)).toEqual([0, 1, 4]);
    cluster.node('b', { gpus: 4 }).settle();
    expect(cluster.tasks(gang)).toEqual([0, 1, 2, 3, 4]);
  });

  it('is charged for all its roles', () => {
    const cluster = lawfulCluster().nodes(3).queue('q', { limit: 16 });
    const gang = cluster.submit('q', { roles: [{ name: 'head', gpus: 1 }, worker] });
    cluster.settle();
    expect(cluster.explain(gang)).toMatchObject({
      reason: 'QUEUE_LIMIT',
      summary: 'Queue q holds 0 of at most 16 GPUs and this asks for 17; it can never run there.',
    });
  });

  it('takes back for all its roles, and leaves as one', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 4 }).queue('a').queue('b', { guarantee: 8 });
    const roles = [
      { name: 'x', gpus: 1 },
      { name: 'y', gpus: 3, tasks: 2 },
    ];
    const borrower = cluster.placed('a', 'n0:0 n0:1,2,3 n1:0,1,2', { roles });
    const owner = cluster.submit('b', { roles });
    cluster.cycle();
    expect(cluster.states(borrower, owner)).toEqual(['pending', 'starting']);
    expect(cluster.decisions.filter(({ type }) => type === 'evict')).toHaveLength(1);
  });
});

describe('the reason why a gang of roles waits', () => {
  it('is that of the role that does not fit, though another asks for more', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', {
      roles: [
        { name: 'large', gpus: 4 },
        { name: 'small', gpus: 1, rules: { models: ['B200'] } },
      ],
    });
    cluster.settle();
    expect(cluster.explain(gang)).toMatchObject({
      reason: 'NO_SUCH_GPU',
      summary: 'No node in the cluster has B200 GPUs.',
    });
  });

  it('is the CPU that only its launcher lacks', () => {
    const cluster = lawfulCluster().nodes(2, { cpus: 1 }).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { roles: [launcher, worker] });
    cluster.settle();
    const explanation = cluster.explain(gang);
    expect(explanation?.reason).toBe('CPU_OR_MEMORY');
    expect(explanation?.summary).toContain('2 cores');
  });

  it('comes with the needs of each role', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { roles: [launcher, worker] });
    cluster.settle();
    expect(cluster.explain(gang)?.lines[0]).toEqual({
      title: 'Needs',
      text: '16 GPUs: launcher: 1 task with 2 cores and worker: 2 tasks of 8 GPUs, all at once; priority 50, preemptible',
    });
  });
});

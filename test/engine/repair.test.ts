// Gangs that lost a task while the others run on: they get what they lack, or after a grace they end as a whole.
import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY } from '../../scheduler/engine/policy.js';
import type { WorkloadOptions } from './cluster.js';
import { lawfulCluster } from './laws.js';

const graceMs = DEFAULT_POLICY.brokenGangGraceMs;

/** A gang on n0 and n1 whose second task is gone, and its GPU with it. */
function broken(options: WorkloadOptions = {}) {
  const cluster = lawfulCluster().nodes(2, { gpus: 1 }).queue('q', { guarantee: 100 });
  const gang = cluster.placed('q', 'n0:0 n1:0', options);
  cluster.lose(gang, 1).cordon('n1').settle();
  return { cluster, gang };
}

describe('a broken gang', () => {
  it.each<[string, WorkloadOptions]>([
    ['is stopped when its grace is over', {}],
    ['though it is not preemptible', { preemptible: false }],
    ['and of high priority', { priority: 1_000 }],
  ])('%s', (_, options) => {
    const { cluster, gang } = broken(options);
    expect(cluster.states(gang)).toEqual(['running']);
    expect(cluster.wakeMs()).toBe(cluster.nowMs + graceMs);
    cluster.nowMs += graceMs - 1;
    expect(cluster.settle()).toEqual([]);
    cluster.nowMs++;
    expect(cluster.settle()).toMatchObject([
      {
        type: 'evict',
        workload: gang,
        reason: 'gang_ended',
        forWorkload: null,
        message: 'the gang runs with 1 tasks and needs 2',
      },
    ]);
    expect(cluster.states(gang)).toEqual(['stopping']);
  });

  it('is told so once', () => {
    const { cluster } = broken();
    cluster.nowMs += graceMs;
    cluster.settle();
    expect(cluster.settle()).toEqual([]);
    expect(cluster.wakeMs()).toBe(null);
  });

  it('waits to start again as a whole', () => {
    const { cluster, gang } = broken();
    cluster.nowMs += graceMs;
    cluster.cycle();
    expect(cluster.states(gang)).toEqual(['pending']);
    cluster.cordon('n1', false).settle();
    expect(cluster.where(gang)).toBe('n0:0 n1:0');
  });

  it('gets the task it lacks when there is room in time, in the same attempt', () => {
    const { cluster, gang } = broken();
    cluster.node('n2', { gpus: 1 }).settle();
    expect(cluster.where(gang)).toBe('n0:0 n2:0');
    expect(cluster.workload(gang)).toMatchObject({ state: 'running', attempt: 1 });
    cluster.nowMs += 2 * graceMs;
    expect(cluster.settle()).toEqual([]);
    expect(cluster.wakeMs()).toBe(null);
  });

  it('gets it before a gang of its priority that came later', () => {
    const { cluster, gang } = broken();
    const other = cluster.submit('q');
    cluster.node('n2', { gpus: 1 }).settle();
    expect(cluster.where(gang)).toBe('n0:0 n2:0');
    expect(cluster.states(other)).toEqual(['pending']);
  });

  it('gets all that it lacks, or nothing', () => {
    const cluster = lawfulCluster().node('a', { gpus: 3 }).node('b', { gpus: 1 }).queue('q', { guarantee: 100 });
    const gang = cluster.placed('q', 'a:0 a:1 a:2');
    cluster
      .lose(gang, 1)
      .lose(gang, 2)
      .node('a', { gpus: 3, unhealthy: [1, 2] })
      .settle();
    expect(cluster.tasks(gang)).toEqual([0]);
    cluster.node('b', { gpus: 2 }).settle();
    expect(cluster.where(gang)).toBe('a:0 b:0 b:1');
  });

  it('takes back what it lacks, within its guarantee, and is spared while that leaves', () => {
    const cluster = lawfulCluster().nodes(3, { gpus: 1 }).queue('a').queue('q', { guarantee: 2 });
    const gang = cluster.placed('q', 'n0:0 n1:0');
    const borrower = cluster.running('a', 'n2', [0], { graceMs: 10 * graceMs });
    cluster.lose(gang, 1).cordon('n1').settle();
    expect(cluster.states(gang, borrower)).toEqual(['running', 'stopping']);
    expect(cluster.workload(gang).claim?.placements).toMatchObject([{ task: 1, node: 'n2' }]);
    cluster.nowMs += 2 * graceMs;
    expect(cluster.settle()).toEqual([]);
    cluster.release().settle();
    expect(cluster.where(gang)).toBe('n0:0 n2:0');
  });

  it('of a required domain gets what it lacks there, or not at all', () => {
    const cluster = lawfulCluster().queue('q', { guarantee: 8 });
    cluster.node('a1', { gpus: 1, rack: 'a' }).node('a2', { gpus: 1, rack: 'a' }).node('b1', { gpus: 1, rack: 'b' });
    const gang = cluster.placed('q', 'a1:0 a2:0', { topology: { level: 'rack', required: true } });
    cluster.lose(gang, 1).cordon('a2').settle();
    expect(cluster.where(gang)).toBe('a1:0');
    cluster.node('a3', { gpus: 1, rack: 'a' }).settle();
    expect(cluster.where(gang)).toBe('a1:0 a3:0');
  });

  it('that lost only surplus is none', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 1 }).queue('q', { guarantee: 100 });
    const elastic = cluster.placed('q', 'n0:0 n1:0', { tasks: 1, maxTasks: 2 });
    cluster.lose(elastic, 1).cordon('n1').settle();
    expect(cluster.wakeMs()).toBe(null);
    cluster.nowMs += 2 * graceMs;
    expect(cluster.settle()).toEqual([]);
  });

  it('of roles is broken when one role lacks a task, however many another has', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 4 }).queue('q', { guarantee: 100 });
    const roles = [
      { name: 'head', tasks: 1 },
      { name: 'worker', tasks: 1, maxTasks: 3 },
    ];
    const gang = cluster.placed('q', 'n0:0 n0:1 n0:2 n0:3', { roles });
    cluster
      .lose(gang, 0)
      .node('n0', { gpus: 4, unhealthy: [0] })
      .settle();
    cluster.nowMs += graceMs;
    cluster.settle();
    expect(cluster.states(gang)).toEqual(['stopping']);
  });

  it.each([
    [0, true],
    [5_000, true],
    [graceMs * 2, false],
  ])('has as much grace as the policy says: with %i ms it is stopped in a minute: %s', (brokenGangGraceMs, stops) => {
    const cluster = lawfulCluster({ brokenGangGraceMs }).nodes(1, { gpus: 2 }).queue('q', { guarantee: 100 });
    const gang = cluster.placed('q', 'n0:0 n0:1');
    cluster
      .lose(gang, 1)
      .node('n0', { gpus: 2, unhealthy: [1] })
      .settle();
    cluster.nowMs += 60_000;
    cluster.settle();
    expect(cluster.states(gang)).toEqual([stops ? 'stopping' : 'running']);
  });

  it('is left alone when the policy leaves repair out', () => {
    const cluster = lawfulCluster({ actions: ['allocate', 'reclaim'] })
      .nodes(1, { gpus: 2 })
      .queue('q', { guarantee: 100 });
    const gang = cluster.placed('q', 'n0:0 n0:1');
    cluster
      .lose(gang, 1)
      .node('n0', { gpus: 2, unhealthy: [1] })
      .settle();
    cluster.nowMs += 2 * graceMs;
    expect(cluster.settle()).toEqual([]);
    expect(cluster.states(gang)).toEqual(['running']);
  });
});

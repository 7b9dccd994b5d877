// The most that one user may hold in a queue: counted for each owner, in the queue and in all below it.
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import type { TestCluster } from './cluster.js';
import { lawfulCluster } from './laws.js';

function starting(cluster: TestCluster, numbers: readonly WorkloadNumber[]): number {
  return numbers.filter((number) => cluster.where(number) !== '').length;
}

describe('a limit for each user', () => {
  it('stops one user, not the others', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8, userLimitGpus: 2 });
    const alice = cluster.submitMany(4, 'q', { owner: 'alice' });
    const bob = cluster.submitMany(3, 'q', { owner: 'bob' });
    cluster.settle();
    expect([starting(cluster, alice), starting(cluster, bob)]).toEqual([2, 2]);
  });

  it('is told with numbers', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8, userLimitGpus: 3 });
    cluster.running('q', 'n0', [0, 1], { owner: 'alice' });
    const workload = cluster.submit('q', { owner: 'alice', gpus: 2 });
    cluster.settle();
    expect(cluster.explain(workload)).toMatchObject({
      reason: 'USER_LIMIT',
      summary: 'alice holds 2 GPUs of at most 3 GPUs a user in queue q and this asks for 2.',
    });
  });

  it('is said to be for ever when the request alone is beyond it', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8, userLimitGpus: 3 });
    const workload = cluster.submit('q', { owner: 'alice', gpus: 4 });
    cluster.settle();
    expect(cluster.explain(workload)?.summary).toContain('; it can never run there');
  });

  it('holds over all queues below the one that sets it', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('top', { guarantee: 8, userLimitGpus: 3 })
      .queue('a', { parent: 'top', guarantee: 4 })
      .queue('b', { parent: 'top', guarantee: 4 });
    const own = [...cluster.submitMany(2, 'a', { owner: 'alice' }), ...cluster.submitMany(2, 'b', { owner: 'alice' })];
    cluster.settle();
    expect(starting(cluster, own)).toBe(3);
  });

  it.each([
    ['shares by thousandths', { milli: 400 }, 5, 2],
    ['tasks of a gang together', { tasks: 2 }, 1, 0],
    ['no work without GPUs', { gpus: 0 }, 3, 3],
  ])('counts %s', (_, options, count, starts) => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8, userLimitGpus: 1 });
    const own = cluster.submitMany(count, 'q', { owner: 'alice', ...options });
    cluster.settle();
    expect(starting(cluster, own)).toBe(starts);
  });

  it('stops elastic work from growing', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8, userLimitGpus: 3 });
    const elastic = cluster.submit('q', { owner: 'alice', maxTasks: 8 });
    cluster.settle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2]);
  });

  it('lets the next one start when one of the same user ends', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8, userLimitGpus: 1 });
    const [first = 0 as WorkloadNumber, second = 0 as WorkloadNumber] = cluster.submitMany(2, 'q', { owner: 'alice' });
    const bob = cluster.submit('q', { owner: 'bob' });
    cluster.settle();
    cluster.finish(bob).settle();
    expect(cluster.where(second)).toBe('');
    cluster.finish(first).settle();
    expect(cluster.where(second)).not.toBe('');
  });

  it('evicts nobody: not for whoever is beyond it', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 2 }).queue('a').queue('b', { guarantee: 2, userLimitGpus: 1 });
    for (const gpu of [0, 1]) cluster.running('a', 'n0', [gpu]);
    cluster.submitMany(2, 'b', { owner: 'alice' });
    cluster.cycle();
    expect([cluster.held('a'), cluster.held('b')]).toEqual([1, 1]);
  });

  it('takes effect while work runs: what is held stays, nothing is added', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8 });
    const own = cluster.submitMany(3, 'q', { owner: 'alice' });
    cluster.settle();
    cluster.queue('q', { guarantee: 8, userLimitGpus: 2 });
    const more = cluster.submit('q', { owner: 'alice' });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.explain(more)).toMatchObject({
      reason: 'USER_LIMIT',
      summary: 'alice holds 3 GPUs of at most 2 GPUs a user in queue q and this asks for 1.',
    });
    for (const number of own.slice(0, 2)) cluster.finish(number);
    cluster.settle();
    expect(cluster.where(more)).not.toBe('');
  });

  it('that is lifted lets all in', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8, userLimitGpus: 1 });
    const own = cluster.submitMany(3, 'q', { owner: 'alice' });
    cluster.settle();
    cluster.queue('q', { guarantee: 8 }).settle();
    expect(starting(cluster, own)).toBe(3);
  });
});

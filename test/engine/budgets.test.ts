// A queue whose spent budget keeps it from borrowing: it has what it is guaranteed and nothing above, what runs goes on.
import { describe, expect, it } from 'vitest';
import type { BudgetStanding, QueueBudget } from '../../scheduler/model/records.js';
import { TestCluster } from './cluster.js';
import { lawfulCluster } from './laws.js';

const budget: QueueBudget = {
  amount: 100,
  unit: 'gpu_hours',
  period: 'month',
  warnAt: [0.8, 1],
  whenSpent: 'stop_borrowing',
  notify: [],
};
const spent: BudgetStanding = {
  fromMs: Date.UTC(2026, 10, 1),
  untilMs: Date.UTC(2026, 11, 1),
  toldPart: 1,
  isSpent: true,
  used: 104.52,
};
const stopped = { budget, budgetStanding: spent };

describe('a spent budget', () => {
  it('leaves a queue its guarantee and nothing above, and the reason says so with numbers', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('q', { guarantee: 2, ...stopped });
    const own = cluster.submitMany(4, 'q');
    cluster.settle();
    expect(own.filter((number) => cluster.where(number) !== '')).toHaveLength(2);
    const waits = own.find((number) => cluster.where(number) === '');
    expect(waits === undefined ? null : cluster.explain(waits)).toMatchObject({
      reason: 'QUEUE_LIMIT',
      summary:
        'The budget of queue q is spent: 104.5 of 100 GPU-hours, until 2026-12-01; borrowing stops: it holds 2 of the 2 GPUs ' +
        'it is guaranteed, and this asks for 1.',
    });
  });

  it('keeps a limit that is lower than the guarantee of it would be', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('q', { guarantee: 2, limit: 2, ...stopped });
    cluster.submitMany(4, 'q');
    cluster.settle();
    expect(cluster.view.queueShares()[0]?.allocatedGpus).toBe(2);
  });

  it('stops no work that runs, and lets others take what is borrowed', () => {
    const cluster = new TestCluster().nodes(1).queue('q', { guarantee: 2 }).queue('other', { guarantee: 6 });
    cluster.submitMany(8, 'q');
    cluster.settle();
    cluster.queue('q', { guarantee: 2, ...stopped });
    cluster.settle();
    expect(cluster.held('q')).toBe(8);
    cluster.submitMany(3, 'other');
    expect(cluster.settle().filter(({ type }) => type === 'evict')).toHaveLength(3);
  });

  it('of a queue above holds for all below it together; inside its guarantee they lend to each other', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('top', { guarantee: 4, ...stopped })
      .queue('a', { parent: 'top', guarantee: 1 })
      .queue('b', { parent: 'top', guarantee: 1 });
    const own = cluster.submitMany(6, 'a');
    cluster.settle();
    expect(own.filter((number) => cluster.where(number) !== '')).toHaveLength(4);
    const waits = own.find((number) => cluster.where(number) === '');
    expect(waits === undefined ? '' : cluster.explain(waits)?.summary).toContain('The budget of queue top is spent');
  });

  it('leaves what is guaranteed of parts of the cluster', () => {
    const scopes = [{ pool: '', model: 'h100', guaranteeGpus: 3, limitGpus: null }];
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('q', { guarantee: 0, scopes, ...stopped });
    cluster.submitMany(6, 'q');
    cluster.settle();
    expect(cluster.view.queueShares()[0]?.allocatedGpus).toBe(3);
  });

  it('counts no more once the next period has begun', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('q', { guarantee: 2, ...stopped });
    const own = cluster.submitMany(4, 'q');
    cluster.settle();
    cluster.queue('q', { guarantee: 2, budget });
    cluster.settle();
    expect(own.filter((number) => cluster.where(number) !== '')).toHaveLength(4);
  });

  it('only warns where nothing else was asked for', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('q', { guarantee: 2, budget: { ...budget, whenSpent: 'warn' }, budgetStanding: spent });
    const own = cluster.submitMany(4, 'q');
    cluster.settle();
    expect(own.filter((number) => cluster.where(number) !== '')).toHaveLength(4);
  });

  it('looks at nothing again when only the figure of what is used is another, and shows the new one', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('q', { guarantee: 0, ...stopped });
    const waits = cluster.submit('q');
    cluster.settle();
    const record = cluster.view.queues.get('q' as never)?.record;
    if (record === null || record === undefined) throw new Error('no queue');
    const before = cluster.view.structureAt;
    const after = { ...record, budgetStanding: { ...spent, used: 140 } };
    cluster.view.apply({ collection: 'queues', key: 'q', before: record, after });
    expect(cluster.view.structureAt).toBe(before);
    expect(cluster.explain(waits)?.summary).toContain('140 of 100 GPU-hours');
  });
});

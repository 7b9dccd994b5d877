// How budgets of queues stand. Queues without one have no series.
import { Gauge, type Registry } from 'prom-client';
import { firstWarning, isIn, stopsBorrowing } from '../model/budgets.js';
import type { Queue } from '../model/records.js';
import { oneLook } from './one-look.js';
import type { MetricSources } from './scheduler-metrics.js';

interface Standing {
  readonly queue: Queue;
  /** 0 outside of its days. */
  readonly usedRatio: number;
  readonly warnRatio: number | null;
  readonly untilMs: number;
}

/** Registers the metrics of budgets. One look at a scrape for all of them. Cost: the queues. */
export function registerBudgetMetrics(
  registry: Registry,
  { loop, clock, budgetUses }: Pick<MetricSources, 'loop' | 'clock' | 'budgetUses'>,
): void {
  const look = oneLook(() =>
    loop.read((state) => {
      const nowMs = clock.wallMs();
      const found: Standing[] = [];
      for (const [name, use] of budgetUses?.(nowMs) ?? []) {
        const queue = state.queue(name);
        const budget = queue?.budget;
        if (queue === undefined || budget === undefined || budget === null) continue;
        const usedRatio = isIn(use, nowMs) ? use.used / budget.amount : 0;
        found.push({ queue, usedRatio, warnRatio: firstWarning(budget), untilMs: use.untilMs });
      }
      return found;
    }),
  );
  const gauge = (name: string, help: string, read: (standing: Standing) => number | null): void => {
    new Gauge({
      name: `sluice_queue_budget_${name}`,
      help,
      labelNames: ['queue'],
      registers: [registry],
      async collect() {
        this.reset();
        for (const standing of await look()) {
          const value = read(standing);
          if (value !== null) this.set({ queue: standing.queue.name }, value);
        }
      },
    });
  };
  gauge(
    'used_ratio',
    'How much of its budget a queue has used in the present period; 1 = all of it.',
    (one) => one.usedRatio,
  );
  gauge('warn_ratio', 'The first part of its budget at which people are warned.', (one) => one.warnRatio);
  gauge('spent', '1 = its budget is spent, and people were told.', ({ queue, untilMs }) =>
    queue.budgetStanding?.isSpent === true && queue.budgetStanding.untilMs === untilMs ? 1 : 0,
  );
  gauge('stops_borrowing', '1 = its budget is spent, and keeps it from borrowing.', ({ queue }) =>
    stopsBorrowing(queue) ? 1 : 0,
  );
  gauge('end_timestamp_seconds', 'When the present period of its budget ends.', ({ untilMs }) => untilMs / 1_000);
}

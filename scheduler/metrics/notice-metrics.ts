// Metrics of notices: what was told, what waits. Told of in docs/notifications.md.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../../common/clock.js';
import type { Delivery } from '../notify/delivery.js';

/** Puts them on a registry. */
export function registerNoticeMetrics(
  registry: Registry,
  delivery: Pick<Delivery, 'counts' | 'waiting'>,
  clock: Pick<Clock, 'wallMs'>,
): void {
  const registers = [registry];
  new Counter({
    name: 'sluice_notices_total',
    help: 'Notices by what became of them: delivered, failed (a try that is repeated), dropped.',
    labelNames: ['via', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const [via, counts] of Object.entries(delivery.counts)) {
        for (const [outcome, count] of Object.entries(counts)) this.inc({ via, outcome }, Number(count));
      }
    },
  });
  new Gauge({
    name: 'sluice_notices_waiting',
    help: 'Notices that were not delivered yet.',
    labelNames: ['via'],
    registers,
    collect() {
      for (const [via, count] of Object.entries(delivery.waiting().counts)) this.set({ via }, count);
    },
  });
  new Gauge({
    name: 'sluice_notices_oldest_seconds',
    help: 'How long the oldest of them has waited; 0 = none waits.',
    registers,
    collect() {
      const { oldestMs } = delivery.waiting();
      this.set(oldestMs === null ? 0 : Math.max(0, clock.wallMs() - oldestMs) / 1_000);
    },
  });
}

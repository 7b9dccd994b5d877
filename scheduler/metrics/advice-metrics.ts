// How many running workloads something is to be said of, by what: labels are the kinds of findings, of which there are eight.
import { Gauge, type Registry } from 'prom-client';
import type { AdviceWatch } from '../control/advice-watch.js';

/** Adds them to a registry. */
export function registerAdviceMetrics(registry: Registry, advice: Pick<AdviceWatch, 'counts'>): void {
  new Gauge({
    name: 'sluice_advice_workloads',
    help: 'Running workloads of which something is to be said, by kind of finding; sluice stats says what.',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      for (const [kind, count] of advice.counts()) this.set({ kind }, count);
    },
  });
}

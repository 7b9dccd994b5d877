// What became of spans, as a metric of scheduler and agents.
import { Counter, type Registry } from 'prom-client';
import type { SpanCounts } from './span-queue.js';

/** Puts it on a registry. */
export function registerTraceMetrics(registry: Registry, counts: SpanCounts): void {
  new Counter({
    name: 'sluice_trace_spans_total',
    help: 'Spans by what became of them: exported, failed (the collector did not take them) or dropped (no room to wait).',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(counts)) this.inc({ outcome }, count);
    },
  });
}

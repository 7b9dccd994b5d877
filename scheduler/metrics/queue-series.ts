// Counters by queue, kept from commits: GPU time that came to nothing; and what is counted of a queue goes when the queue does,
// so that queues that come and go (one a course, one a test) do not leave series behind for ever.
import { Counter, Histogram, type Registry } from 'prom-client';
import type { ControlLoop } from '../control/loop.js';
import type { ReadableState } from '../model/cluster-state.js';
import { subtractGpuTime, toGpuMs } from '../model/gpu-time.js';
import type { RecordChange } from '../model/records.js';
import { USAGE_TOTAL } from '../model/usage.js';
import { sumsOf } from '../model/usage-sums.js';

const QUEUE_LABELS = ['queue', 'victim_queue', 'by_queue'] as const;
const WASTED = ['idle', 'lost', 'failed'] as const;

/** Registers what is wasted by queue, and lets go of series of deleted queues on the whole registry. */
export function registerQueueSeries(
  registry: Registry,
  { loop, state }: { readonly loop: Pick<ControlLoop, 'onCommitted'>; readonly state: ReadableState },
): void {
  const wasted = new Counter({
    name: 'sluice_queue_wasted_gpu_seconds_total',
    help: 'GPU time that came to nothing: idle in the hands of a task, lost to interruptions, or of attempts that failed.',
    labelNames: ['queue', 'kind'],
    registers: [registry],
  });
  loop.onCommitted(({ changes }) => {
    for (const change of changes) {
      countWasted(wasted, change);
      if (change.collection === 'queues' && change.after === null) void forget(registry, state, change.key);
    }
  });
}

/** Folding old days moves sums from one record to another: only what is of a day is new. */
function countWasted(wasted: Counter, { collection, key, before, after }: RecordChange): void {
  if (collection !== 'usage' || key === USAGE_TOTAL || after?.period.length !== 'YYYY-MM-DD'.length) return;
  const [was, is] = [sumsOf(before), sumsOf(after)];
  for (const kind of WASTED) {
    const seconds = toGpuMs(subtractGpuTime(is[kind], was[kind])) / 1_000;
    if (seconds > 0) wasted.inc({ queue: after.queue, kind }, seconds);
  }
}

async function forget(registry: Registry, state: ReadableState, queue: string): Promise<void> {
  for (const metric of registry.getMetricsAsArray() as readonly unknown[]) {
    if (!(metric instanceof Counter) && !(metric instanceof Histogram)) continue;
    const { values } = await metric.get();
    // It may have been made again meanwhile: then its counts go on.
    if (state.queue(queue) !== undefined) return;
    const gone = new Map<string, Record<string, string | number>>();
    for (const { labels } of values) {
      const { le: _, ...own } = labels as Record<string, string | number>;
      if (QUEUE_LABELS.some((label) => own[label] === queue)) gone.set(JSON.stringify(own), own);
    }
    for (const labels of gone.values()) metric.remove(labels);
  }
}

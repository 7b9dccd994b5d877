// Metrics of how workloads fare: how long they wait, start, run and take to stop. Labels are queues and fixed words; what
// concerns one workload is told by the API, never here.
import { Gauge, Histogram, type Registry } from 'prom-client';
import type { ControlLoop } from '../control/loop.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Allocation, Workload } from '../model/records.js';

interface WorkloadSources {
  readonly loop: ControlLoop;
  /** What a commit has just made durable. */
  readonly state: ReadableState;
  readonly clock: { wallMs(): number };
}

const START_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300];
const GRACE_SECONDS = [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 900];
const RUN_SECONDS = [1, 10, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800];
const CHECKPOINT_SECONDS = [1, 10, 60, 300, 600, 1_800, 3_600, 14_400, 86_400];

/** The histograms of one daemon's workloads, on its registry. */
export class WorkloadMetrics {
  readonly #state: ReadableState;
  readonly #run: Histogram<'queue' | 'type' | 'outcome'>;
  readonly #start: Histogram<'pool'>;
  readonly #grace: Histogram<'outcome'>;
  readonly #checkpointAge: Histogram<'queue'>;

  constructor(registry: Registry, { loop, state, clock }: WorkloadSources) {
    const registers = [registry];
    this.#state = state;
    this.#run = new Histogram({
      name: 'sluice_workload_run_seconds',
      help: 'Time from the first start of a workload to its end, by how it ended.',
      labelNames: ['queue', 'type', 'outcome'],
      buckets: RUN_SECONDS,
      registers,
    });
    this.#start = new Histogram({
      name: 'sluice_workload_start_latency_seconds',
      help: 'Time from the decision to place a task until its program runs.',
      labelNames: ['pool'],
      buckets: START_SECONDS,
      registers,
    });
    this.#grace = new Histogram({
      name: 'sluice_preemption_grace_seconds',
      help: 'Time from telling a task to stop until it ended: clean, or killed when its grace was over.',
      labelNames: ['outcome'],
      buckets: GRACE_SECONDS,
      registers,
    });
    this.#checkpointAge = new Histogram({
      name: 'sluice_checkpoint_age_seconds',
      help: 'Age of the last complete checkpoint of a workload when it went back to pending.',
      labelNames: ['queue'],
      buckets: CHECKPOINT_SECONDS,
      registers,
    });
    new Gauge({
      name: 'sluice_workloads_oldest_pending_seconds',
      help: 'How long the oldest pending workload of the queue has waited; absent = none is pending.',
      labelNames: ['queue'],
      registers,
      async collect() {
        const nowMs = clock.wallMs();
        const oldest = await loop.read((now) =>
          [...now.queues.values()].map(({ name }) => ({ queue: name, sinceMs: now.oldestPendingMs(name) })),
        );
        this.reset();
        for (const { queue, sinceMs } of oldest) {
          if (sinceMs !== null) this.set({ queue }, Math.max(0, nowMs - sinceMs) / 1_000);
        }
      },
    });
    loop.onCommitted(({ changes }) => {
      for (const change of changes) {
        if (change.collection === 'workloads') this.#workload(change.before, change.after, clock.wallMs());
        else if (change.collection === 'allocations') this.#allocation(change.before, change.after);
      }
    });
  }

  #workload(before: Workload | null, after: Workload | null, nowMs: number): void {
    if (before === null || after === null || before.state === after.state) return;
    const { queue, kind: type } = after.spec;
    if (after.endedMs !== null && before.endedMs === null && after.startedMs !== null) {
      const labels = { queue, type, outcome: after.state };
      this.#run.observe(labels, Math.max(0, after.endedMs - after.startedMs) / 1_000);
    }
    if (after.state === 'pending' && after.checkpoint !== null) {
      this.#checkpointAge.observe({ queue }, Math.max(0, nowMs - after.checkpoint.timeMs) / 1_000);
    }
  }

  #allocation(before: Allocation | null, after: Allocation | null): void {
    if (before === null || after === null) return;
    if (before.startedMs === null && after.startedMs !== null) {
      const pool = after.pool ?? this.#state.node(after.node)?.pool ?? '';
      this.#start.observe({ pool }, Math.max(0, after.startedMs - after.placedMs) / 1_000);
    }
    // Of a task that was given up, or never started, nobody saw the end.
    const isSeen = after.exit !== null && (after.exit.code !== null || after.exit.signal !== '');
    if (before.endedMs === null && after.endedMs !== null && after.stop !== null && isSeen) {
      const outcome = after.exit.signal === 'SIGKILL' ? 'killed' : 'clean';
      this.#grace.observe({ outcome }, Math.max(0, after.endedMs - after.stop.requestedMs) / 1_000);
    }
  }
}

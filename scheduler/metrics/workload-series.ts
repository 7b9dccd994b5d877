// The page /metrics/workloads: series for each workload that runs, and for a while after it has ended. Scraped by choice: it
// grows with the work, which /metrics never does. Pending workloads are not here; there may be a million of them.
import { Gauge, Registry } from 'prom-client';
import type { WorkloadNumber } from '../../common/ids.js';
import type { AdviceWatch } from '../control/advice-watch.js';
import type { ControlLoop } from '../control/loop.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Workload } from '../model/records.js';
import { toGpus } from '../model/requests.js';
import { oneLook } from './one-look.js';
import type { Labels } from './tally.js';

/** How long an ended workload stays, so that the last scrape sees its end. */
export const KEPT_AFTER_END_MS = 10 * 60_000;
/** The most ended workloads that stay; the oldest go first. */
export const MAX_ENDED = 10_000;

interface SeriesSources {
  readonly loop: ControlLoop;
  readonly clock: { wallMs(): number };
  /** What is to be said of running workloads. */
  readonly advice: Pick<AdviceWatch, 'kindsOf'>;
}

/** What one look finds of a workload. */
interface Row {
  readonly workload: Workload;
  readonly gpus: number;
}

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** The registry of that page. */
export class WorkloadSeries {
  readonly registry = new Registry();
  readonly #clock: SeriesSources['clock'];
  /** By number, in the order of their ends; value = when. */
  readonly #ended = new Map<WorkloadNumber, number>();

  constructor({ loop, clock, advice }: SeriesSources) {
    this.#clock = clock;
    loop.onCommitted(({ changes }) => {
      for (const { collection, before, after } of changes) {
        if (collection === 'workloads' && after !== null && after.endedMs !== null && before?.endedMs === null) {
          this.#note(after.number);
        }
      }
    });
    const look = oneLook(() =>
      loop.read((state) => this.#shown(state).map((workload) => ({ workload, gpus: heldGpus(workload, state) }))),
    );
    const gauge = (
      name: string,
      help: string,
      labelNames: readonly string[],
      read: (row: Row) => Sample | readonly Sample[],
    ): void => {
      new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers: [this.registry],
        async collect() {
          const rows = await look();
          this.reset();
          for (const { labels, value } of rows.flatMap(read)) this.set(labels, value);
        },
      });
    };
    gauge(
      'sluice_workload_info',
      'Always 1, with what describes a workload.',
      ['workload', 'name', 'queue', 'user', 'type', 'state'],
      ({ workload: { number, spec, owner: user, state } }) => {
        const { name, queue, kind: type } = spec;
        return { labels: { workload: String(number), name, queue, user, type, state }, value: 1 };
      },
    );
    gauge(
      'sluice_workload_advice',
      'Always 1: something of this kind is to be said of a running workload; sluice stats says what.',
      ['workload', 'kind'],
      ({ workload: { number } }) =>
        advice.kindsOf(number).map((kind) => ({ labels: { workload: String(number), kind }, value: 1 })),
    );
    const figure = (name: string, help: string, read: (row: Row) => number): void => {
      gauge(name, help, ['workload'], (row) => ({
        labels: { workload: String(row.workload.number) },
        value: read(row),
      }));
    };
    figure('sluice_workload_gpus', 'GPUs that the workload holds, parts added up.', ({ gpus }) => gpus);
    figure('sluice_workload_restarts', 'Attempts of the workload beyond its first.', ({ workload: { attempt } }) =>
      Math.max(0, attempt - 1),
    );
    figure(
      'sluice_workload_lost_gpu_seconds',
      'GPU time that the workload lost by interruptions.',
      ({ workload }) => workload.lostGpuMs / 1_000,
    );
  }

  #note(number: WorkloadNumber): void {
    this.#ended.delete(number);
    this.#ended.set(number, this.#clock.wallMs());
    if (this.#ended.size <= MAX_ENDED) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      return;
    }
  }

  /** What holds something, and what ended lately. Cost: the allocations that are held. */
  #shown(state: ReadableState): readonly Workload[] {
    const nowMs = this.#clock.wallMs();
    const numbers = new Set<WorkloadNumber>();
    for (const { id } of state.nodes.values()) for (const { workload } of state.heldOn(id)) numbers.add(workload);
    for (const [number, endedMs] of this.#ended) {
      if (nowMs - endedMs > KEPT_AFTER_END_MS) this.#ended.delete(number);
      else numbers.add(number);
    }
    return [...numbers].map((number) => state.workload(number)).filter((workload) => workload !== undefined);
  }
}

function heldGpus({ allocations }: Workload, state: ReadableState): number {
  const held = allocations
    .map((id) => state.allocation(id))
    .filter((one) => one !== undefined && one.state !== 'released');
  return held.reduce((sum, one) => sum + (one?.gpus ?? []).reduce((all, { parts }) => all + toGpus(parts), 0), 0);
}

// A daemon's loop with its metrics on a store in memory, under a clock of the test's.
import type { NodeId, QueueName } from '../../common/ids.js';
import { BudgetWatch } from '../../scheduler/control/budget-watch.js';
import { createQueue } from '../../scheduler/control/commands/queues.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { AdviceWatch } from '../../scheduler/control/advice-watch.js';
import { WatchHub } from '../../scheduler/control/watch-hub.js';
import { Fleet } from '../../scheduler/fleet/fleet.js';
import { takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import { registerAdviceMetrics } from '../../scheduler/metrics/advice-metrics.js';
import { registerCompanyMetrics } from '../../scheduler/metrics/company-metrics.js';
import { SchedulerMetrics } from '../../scheduler/metrics/scheduler-metrics.js';
import { WorkloadSeries } from '../../scheduler/metrics/workload-series.js';
import { NO_PRICES } from '../../scheduler/model/prices.js';
import { ONLY_GPUS_COUNT } from '../../scheduler/model/requests.js';
import type { Queue } from '../../scheduler/model/records.js';
import { createLogger } from '../../common/log.js';
import { loopOn } from '../control/loop-on.js';
import { MemoryStore } from '../control/memory-store.js';
import { nodeReport, type SpecFields, submission } from '../control/workshop.js';
import { ManualClock } from '../gpu/manual-clock.js';

export const NODE = 'node-n1' as NodeId;
const ROOM = { state: 'low', freeBytes: 700 * 2 ** 20, lowBelowBytes: 2 ** 30, criticalBelowBytes: 2 ** 28 } as const;
const EXITED = { code: null, signal: 'SIGTERM', message: '' };

/** A daemon's loop with its metrics, under a clock of the test's, with one node. */
export async function observed(gpus: number) {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const { loop, state } = await loopOn(store, clock);
  const log = createLogger({ level: 'fatal', name: 'test' });
  const fleet = new Fleet({ heartbeatMs: 5_000, leaseMs: 20_000 }, { loop, clock, log }, []);
  const budgets = new BudgetWatch({ loop, state, clock, log, prices: NO_PRICES });
  budgets.start();
  const hub = new WatchHub(0);
  const budgetUses: BudgetWatch['uses'] = (nowMs) => budgets.uses(nowMs);
  const metrics = new SchedulerMetrics({ loop, hub, fleet, state, clock, room: () => ROOM, budgetUses });
  const advice = new AdviceWatch({
    loop,
    clock,
    log,
    live: (id) => fleet.useOf(id),
    measured: () => fleet.measuredTasks,
  });
  registerAdviceMetrics(metrics.registry, advice);
  registerCompanyMetrics(metrics.registry, { address: 'scheduler:7443', isShared: true, standbys: () => [] });
  await loop.execute(welcomeNode(nodeReport(NODE, 'n1', gpus), []));
  loop.setLiveness({ node: NODE, liveness: 'ready' });
  return {
    clock,
    loop,
    state,
    metrics,
    store,
    fleet,
    advice,
    series: new WorkloadSeries({ loop, clock, advice }),
    queue: (name: string, fields: Partial<Queue> = {}) => {
      const figures = { parent: null, guaranteeGpus: 0, limitGpus: null, weight: 1, priority: 100 };
      return loop.execute(createQueue({ ...figures, ...ONLY_GPUS_COUNT, ...fields, name: name as QueueName }, false));
    },
    submit: (queue: string, ...specs: readonly SpecFields[]) =>
      loop.execute(submit(submission(specs.map((spec) => ({ ...spec, queue: queue as QueueName }))))),
    /** What was told to stop has stopped; all else runs. @param startedMs when its agent says that it started */
    obey: (startedMs = clock.wallMs()) =>
      loop.execute(
        takeObservation(
          NODE,
          state.heldOn(NODE).map(({ id, stop }) => ({
            id,
            state: stop === null ? 'running' : 'released',
            startedMs,
            endedMs: stop === null ? null : clock.wallMs(),
            exit: stop === null ? null : EXITED,
            checkpoint: null,
            endpoints: [],
            neverStarted: false,
            stopSignalled: stop !== null,
            dirtyGpus: [],
          })),
        ),
      ),
    /** The samples of one metric: `name{a="b"} 1` without the name. */
    samples: async (name: string): Promise<readonly string[]> => {
      const text = await metrics.registry.getSingleMetricAsString(name);
      return text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.slice(name.length));
    },
  };
}

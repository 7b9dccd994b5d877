// Every metric of the scheduler daemon, those of the engine (engine-metrics.ts) among them. Labels are bounded: queues, pools,
// models, states, never workloads.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../../common/clock.js';
import type { ControlLoop } from '../control/loop.js';
import type { WatchHub } from '../control/watch-hub.js';
import type { ShapeStanding } from '../engine/decisions.js';
import type { ClusterView } from '../engine/view.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Room } from '../fleet/readiness.js';
import type { QueueName } from '../../common/ids.js';
import type { BudgetUse } from '../model/budgets.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Queue, RecordChange } from '../model/records.js';
import { toGpus } from '../model/requests.js';
import { registerBudgetMetrics } from './budget-metrics.js';
import { EngineMetrics } from './engine-metrics.js';
import { registerFleetMetrics } from './fleet-metrics.js';
import { type GpuCounts, KeptGpuCounts } from './gpu-counts.js';
import { countIdleAllocated } from './idle-allocated.js';
import { registerInvariantMetrics } from './invariant-metrics.js';
import { registerNodeMetrics, whyUnschedulable } from './node-metrics.js';
import { oneLook } from './one-look.js';
import { countOwed, countReasons } from './pending-reasons.js';
import { processMetrics } from './process-metrics.js';
import { type Labels, Tally } from './tally.js';
import { registerQueueSeries } from './queue-series.js';
import { registerQueueTime } from './queue-time.js';
import { WorkloadMetrics } from './workload-metrics.js';

/** What is read when a scrape comes. */
export interface MetricSources {
  readonly loop: ControlLoop;
  readonly hub: WatchHub;
  readonly fleet: Fleet;
  /** The state itself, for what a commit has just made durable. */
  readonly state: ReadableState;
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>;
  /** What is left on the disk that holds the data. */
  readonly room: () => Room;
  /** What queues with a budget have used, for a reader of the loop. Absent = none has one. */
  readonly budgetUses?: (nowMs: number) => ReadonlyMap<QueueName, BudgetUse>;
  /** A held GPU that did nothing for so long counts as idle. Absent = 15 minutes. */
  readonly idleAfterMs?: number;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const WAIT_SECONDS = [0.01, 0.1, 1, 10, 60, 300, 900, 3600, 14_400, 86_400];

/** The metrics of one daemon, on a registry of their own. */
export class SchedulerMetrics {
  readonly registry = new Registry();
  readonly #registers = [this.registry];

  readonly rpcSeconds = new Histogram({
    name: 'sluice_rpc_duration_seconds',
    help: 'Time from the arrival of a call to its end.',
    labelNames: ['method', 'code'],
    buckets: SECONDS,
    registers: this.#registers,
  });
  readonly cycleSeconds = new Histogram({
    name: 'sluice_scheduler_cycle_duration_seconds',
    help: 'Time of one turn of the control loop by phase.',
    labelNames: ['phase'],
    buckets: SECONDS,
    registers: this.#registers,
  });
  readonly lastCycle = new Gauge({
    name: 'sluice_scheduler_last_cycle_timestamp_seconds',
    help: 'When the control loop last finished a turn.',
    registers: this.#registers,
  });
  readonly lastSnapshot = new Gauge({
    name: 'sluice_snapshot_last_success_timestamp_seconds',
    help: 'When a whole snapshot was last handed out; 0 = not since the start.',
    registers: this.#registers,
  });
  readonly commands = new Counter({
    name: 'sluice_scheduler_commands_total',
    help: 'Commands carried out by the control loop.',
    registers: this.#registers,
  });
  readonly submitted = new Counter({
    name: 'sluice_workloads_submitted_total',
    help: 'Workloads accepted.',
    labelNames: ['queue', 'type'],
    registers: this.#registers,
  });
  readonly finished = new Counter({
    name: 'sluice_workloads_finished_total',
    help: 'Workloads that ended.',
    labelNames: ['queue', 'type', 'outcome'],
    registers: this.#registers,
  });
  readonly requeues = new Counter({
    name: 'sluice_requeues_total',
    help: 'Workloads that went back to pending.',
    labelNames: ['queue'],
    registers: this.#registers,
  });
  readonly lostGpuSeconds = new Counter({
    name: 'sluice_preemption_lost_gpu_seconds_total',
    help: 'GPU time since the last complete checkpoint that was lost with a requeue.',
    labelNames: ['victim_queue'],
    registers: this.#registers,
  });
  readonly waitSeconds = new Histogram({
    name: 'sluice_workload_wait_seconds',
    help: 'Time from submission to the first start.',
    labelNames: ['queue', 'type'],
    buckets: WAIT_SECONDS,
    registers: this.#registers,
  });

  constructor(sources: MetricSources) {
    for (const metric of processMetrics()) this.registry.registerMetric(metric);
    this.#gauge('sluice_store_revision', 'The last durable revision.', [], (set) => {
      set({}, sources.loop.position.revision);
    });
    this.#gauge('sluice_store_free_bytes', 'Room left on the disk that holds the data.', [], (set) => {
      set({}, sources.room().freeBytes);
    });
    const states = 'Whether that is ample, low (only what frees room is taken) or critical (nothing is placed).';
    this.#gauge('sluice_store_space', states, ['state'], (set) => {
      const present = sources.room().state;
      for (const state of ['ample', 'low', 'critical']) set({ state }, state === present ? 1 : 0);
    });
    this.#gauge('sluice_scheduler_commands_waiting', 'Commands that wait for the control loop.', [], (set) => {
      set({}, sources.loop.depth);
    });
    this.#gauge('sluice_agents_connected', 'Agents with a session.', [], (set) => set({}, sources.fleet.connected));
    this.#gauge('sluice_watchers', 'Clients that watch.', [], (set) => set({}, sources.hub.watchers));
    this.#clusterGauges(sources);
    this.#queueGauges(sources);
    registerInvariantMetrics(this.registry, sources.loop);
    new EngineMetrics(this.registry, sources.loop, sources.state);
    registerFleetMetrics(this.registry, sources.fleet);
    registerNodeMetrics(this.registry, sources);
    new WorkloadMetrics(this.registry, sources);
    registerQueueSeries(this.registry, sources);
    registerBudgetMetrics(this.registry, sources);
    registerQueueTime(this.registry, sources);
    sources.loop.onTurn((figures) => {
      this.commands.inc(figures.commands);
      this.lastCycle.setToCurrentTime();
      this.cycleSeconds.observe({ phase: 'engine' }, figures.engineMs / 1000);
      if (figures.changes > 0) this.cycleSeconds.observe({ phase: 'commit' }, figures.commitMs / 1000);
    });
    sources.loop.onCommitted(({ changes }) => {
      for (const change of changes) this.#countChange(change);
    });
  }

  #countChange(change: RecordChange): void {
    if (change.collection !== 'workloads' || change.after === null) return;
    const { before, after } = change;
    const { queue, kind } = after.spec;
    if (before === null) this.submitted.inc({ queue, type: kind });
    if (before?.state === after.state) return;
    if (after.endedMs !== null) this.finished.inc({ queue, type: kind, outcome: after.state });
    if (before?.startedMs === null && after.startedMs !== null) {
      this.waitSeconds.observe({ queue, type: kind }, (after.startedMs - after.submittedMs) / 1000);
    }
    if (before !== null && after.state === 'pending') {
      this.requeues.inc({ queue });
      this.lostGpuSeconds.inc({ victim_queue: queue }, (after.lostGpuMs - before.lostGpuMs) / 1000);
    }
  }

  #clusterGauges({ loop, fleet, clock, idleAfterMs }: MetricSources): void {
    const gauge = (name: string, help: string, labels: string[], read: Read): void => {
      this.#gauge(name, help, labels, (set) => loop.read((state, view) => read(state, view, set)));
    };
    gauge('sluice_nodes', 'Nodes by state.', ['pool', 'state'], (state, _view, set) => {
      const counts = new Tally();
      for (const node of state.nodes.values()) {
        const { liveness } = fleet.softState(node.id);
        const kept = liveness === 'ready' ? whyUnschedulable(node, clock.wallMs()) : null;
        counts.add({ pool: node.pool, state: kept ?? liveness });
      }
      counts.each(set);
    });
    // One look for the four of them: they are collected at the same time, and there may be 100,000 GPUs.
    const kept = new KeptGpuCounts();
    // What the engine itself goes by: cordons, maintenance, the node's health check, and whether it is heard.
    const countOnce = oneLook(() =>
      loop.read((state, { nodes }) => kept.follow(state, ({ id }) => nodes.entries.get(id)?.available === true)),
    );
    const gpus = (name: keyof GpuCounts, metric: string, help: string, labels: string[]): void => {
      this.#gauge(metric, help, labels, async (set) =>
        (await countOnce())[name].each((found, count) => set(found, name === 'heldParts' ? toGpus(count) : count)),
      );
    };
    gpus('byState', 'sluice_gpus', 'GPUs by state: allocated (in part or whole), idle or unavailable.', [
      'pool',
      'model',
      'simulated',
      'state',
    ]);
    gpus('byHealth', 'sluice_gpu_state', 'GPUs by health: healthy, suspect, draining, quarantined or lost.', [
      'pool',
      'model',
      'state',
    ]);
    gpus('heldParts', 'sluice_gpus_held', 'GPUs that tasks hold, parts added up.', ['pool', 'model']);
    gpus('shared', 'sluice_gpus_shared', 'GPUs that tasks hold in parts: shares and MIG instances.', [
      'pool',
      'model',
      'kind',
    ]);
    gauge(
      'sluice_gpu_idle_allocated',
      'GPUs that tasks have held and not used for 15 minutes, or as usage.idle_after says.',
      ['queue', 'pool'],
      (state, _view, set) => countIdleAllocated(state, fleet, clock.wallMs(), idleAfterMs).each(set),
    );
    gauge('sluice_workloads', 'Workloads by queue and state.', ['queue', 'state'], (state, _view, set) => {
      for (const [queue, counts] of state.workloadCounts.byState) {
        // Finished work of a deleted queue is kept for a while.
        if (state.queue(queue) === undefined) continue;
        for (const [is, count] of counts) set({ queue, state: is }, count);
      }
    });
    gauge(
      'sluice_workloads_pending',
      'Pending workloads by what they wait for.',
      ['queue', 'reason'],
      (state, view, set) => {
        for (const [queue, counts] of countReasons(state, view, clock.wallMs())) {
          for (const [reason, count] of counts) set({ queue, reason }, count);
        }
      },
    );
    gauge(
      'sluice_reservations',
      'Places kept for work that has waited long for GPUs, in each pool that they touch.',
      ['pool'],
      (_state, view, set) => {
        const counts = new Tally();
        for (const { pools } of view.reservations.all()) for (const pool of pools) counts.add({ pool });
        counts.each(set);
      },
    );
    gauge(
      'sluice_claims',
      'Workloads with a promise of GPUs that are being given back.',
      ['queue'],
      (_state, view, set) => {
        const counts = new Tally();
        for (const { record } of view.claimers) if (record !== null) counts.add({ queue: record.spec.queue });
        counts.each(set);
      },
    );
  }

  #queueGauges({ loop, clock }: MetricSources): void {
    const gauge = (name: string, help: string, read: Read): void => {
      this.#gauge(`sluice_queue_${name}`, help, ['queue'], (set) => loop.read((state, view) => read(state, view, set)));
    };
    this.#gauge('sluice_queue_info', 'Always 1, with the queue above; empty = none.', ['queue', 'parent'], (set) =>
      loop.read((state) => {
        for (const { name, parent } of state.queues.values()) set({ queue: name, parent: parent ?? '' }, 1);
      }),
    );
    for (const [name, [help, read]] of Object.entries(QUEUE_RULES)) {
      gauge(name, help, (state, _view, set) => {
        for (const queue of state.queues.values()) {
          const value = read(queue);
          if (value !== null) set({ queue: queue.name }, value);
        }
      });
    }
    const shares = {
      allocated: ['GPUs the queue holds.', 'allocatedGpus'],
      borrowed: ['GPUs the queue holds above its guarantee.', 'borrowedGpus'],
      requested: ['GPUs that pending workloads of the queue ask for.', 'pendingGpus'],
      fair_share: ['GPUs the queue may expect at present.', 'fairShareGpus'],
      unmet_guarantee: ['GPUs of the guarantee that are wanted but cannot be given now.', 'unmetGuaranteeGpus'],
    } as const;
    for (const [name, [help, key]] of Object.entries(shares)) {
      gauge(`${name}_gpus`, help, (_state, view, set) => {
        for (const share of view.queueShares()) set({ queue: share.queue }, share[key]);
      });
    }
    gauge(
      'owed_workloads',
      'Pending workloads that wait for room, and fit into what the queue is guaranteed and does not hold.',
      (_state, view, set) => {
        for (const [queue, count] of countOwed(view, clock.wallMs())) set({ queue }, count);
      },
    );
    const ofParts = {
      allocated: ['GPUs of a part of the cluster that the queue holds.', 'allocatedGpus'],
      fair_share: ['GPUs of a part of the cluster that the queue may expect at present.', 'fairShareGpus'],
      unmet_guarantee: [
        'GPUs guaranteed of a part of the cluster that are wanted but cannot be given now.',
        'unmetGuaranteeGpus',
      ],
    } as const;
    for (const [name, [help, key]] of Object.entries(ofParts)) {
      this.#gauge(`sluice_queue_scope_${name}_gpus`, help, ['queue', 'pool', 'model'], (set) =>
        loop.read((_state, view) => {
          for (const { queue, scopes } of view.queueShares()) {
            for (const { pool, model, [key]: gpus } of scopes) set({ queue, pool, model }, gpus);
          }
        }),
      );
    }
    const shapes = {
      guaranteed: ['Times a shape is guaranteed to the queue.', 'count'],
      in_use: ['Times a guaranteed shape is in use by the queue.', 'inUse'],
      impossible: ['Times a guaranteed shape cannot be had, since hardware is bad or missing.', 'impossible'],
    } as const;
    for (const [name, [help, key]] of Object.entries(shapes)) {
      this.#gauge(`sluice_queue_shapes_${name}`, help, ['queue', 'shape'], (set) =>
        loop.read((_state, view) => {
          for (const { queue, shapes: all } of view.queueShares()) {
            for (const standing of all) set({ queue, shape: shapeName(standing) }, standing[key]);
          }
        }),
      );
    }
    const resources = [
      { key: 'cpuMilli', unit: 'cpu_cores', what: 'CPU cores', scale: 1 / CORE_MILLI },
      { key: 'memoryMib', unit: 'memory_bytes', what: 'Bytes of memory', scale: MIB_BYTES },
    ] as const;
    const figures = {
      allocated: ['the queue holds', 'allocated'],
      requested: ['pending workloads of the queue ask for', 'pending'],
      fair_share: ['the queue may expect at present', 'fairShare'],
    } as const;
    for (const { key, unit, what, scale } of resources) {
      for (const [name, [help, figure]] of Object.entries(figures)) {
        gauge(`${name}_${unit}`, `${what} ${help}; absent = no queue rules them.`, (_state, view, set) => {
          for (const { queue, [key]: share } of view.queueShares()) {
            if (share.fairShare !== Infinity) set({ queue }, share[figure] * scale);
          }
        });
      }
    }
  }

  #gauge(
    name: string,
    help: string,
    labelNames: string[],
    collect: (set: (labels: Labels, value: number) => void) => void | Promise<void>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: this.#registers,
      collect() {
        this.reset();
        return collect((labels, value) => this.set(labels, value));
      },
    });
  }
}

/** `8 h100 in one node of pool big`, with what was said of it. */
function shapeName({ gpus, level, pool, model }: ShapeStanding): string {
  return `${gpus}${model === '' ? '' : ` ${model}`} in one ${level}${pool === '' ? '' : ` of pool ${pool}`}`;
}

type Read = (state: ReadableState, view: ClusterView, set: (labels: Labels, value: number) => void) => void;

const CORE_MILLI = 1_000;
const MIB_BYTES = 1024 * 1024;

/** What administrators rule of queues; null = not ruled, and absent from the metrics. */
const QUEUE_RULES: Readonly<Record<string, readonly [help: string, read: (queue: Queue) => number | null]>> = {
  guaranteed_gpus: ['GPUs the queue gets back on demand.', (queue) => queue.guaranteeGpus],
  limit_gpus: ['The most GPUs the queue may hold; absent = no limit.', (queue) => queue.limitGpus],
  guaranteed_cpu_cores: [
    'CPU cores the queue gets back on demand.',
    (queue) => scaled(queue.guaranteeCpuMilli, 1 / CORE_MILLI),
  ],
  limit_cpu_cores: ['The most CPU cores the queue may hold.', (queue) => scaled(queue.limitCpuMilli, 1 / CORE_MILLI)],
  guaranteed_memory_bytes: [
    'Memory the queue gets back on demand.',
    (queue) => scaled(queue.guaranteeMemoryMib, MIB_BYTES),
  ],
  limit_memory_bytes: ['The most memory the queue may hold.', (queue) => scaled(queue.limitMemoryMib, MIB_BYTES)],
};

function scaled(value: number | null, scale: number): number | null {
  return value === null ? null : value * scale;
}

// Every benchmark there is: its figures by name, and where it is loaded from once one of them is asked for.
import { CURVE_FIGURES } from './curves.js';
import type { Figure } from './figure.js';

/** What a benchmark may use. */
export interface BenchContext {
  /** A folder on the disk that is measured, removed at the end. */
  readonly scratchFolder: string;
  /** Whether the figure was asked for. A benchmark may give others too, if they fall out of the same runs. */
  readonly wants: (figure: string) => boolean;
}

export type Bench = (context: BenchContext) => Promise<readonly Figure[]>;

export interface RegisteredBench {
  /** Names of its figures; all begin with one word and a dot. */
  readonly figures: readonly string[];
  readonly load: () => Promise<Bench>;
}

/** How fast the machine itself is; measured in every run, since figures of two machines do not compare. */
export const MACHINE_BENCH: RegisteredBench = {
  figures: ['machine.fsync_p50_ms', 'machine.grpc_echo_per_s', 'machine.spawn_per_s'],
  load: async () => (await import('./machine.js')).benchMachine,
};

const SUBMIT_BENCH: RegisteredBench = {
  figures: ['submit.unary_per_s', 'submit.batch_per_s'],
  load: async () => (await import('./submit.js')).benchSubmit,
};

const FAILOVER_BENCH: RegisteredBench = {
  figures: ['failover.kill_s', 'failover.step_down_s'],
  load: async () => (await import('./failover.js')).benchFailover,
};

const DURING_FILL_BENCH: RegisteredBench = {
  figures: ['submit.during_fill_p99_ms', 'submit.during_fill_per_s', 'submit.during_fill_s'],
  load: async () => (await import('./during-fill.js')).benchDuringFill,
};

const LATENCY_BENCH: RegisteredBench = {
  figures: ['latency.start_p50_ms', 'latency.start_p99_ms'],
  load: async () => (await import('./latency.js')).benchLatency,
};

const DISPATCH_BENCH: RegisteredBench = {
  figures: ['dispatch.real_per_s'],
  load: async () => (await import('./dispatch.js')).benchDispatch,
};

const LAUNCH_BENCH: RegisteredBench = {
  figures: ['launch.parallel_200_ms', 'launch.parallel_200_p50_ms', 'launch.plain_200_ms', 'launch.plain_200_p50_ms'],
  load: async () => (await import('./dispatch.js')).benchLaunch,
};

const NODE_COST_BENCH: RegisteredBench = {
  figures: [
    'telemetry.agent_cpu_percent',
    'telemetry.agent_rss_mib',
    'telemetry.supervisor_cpu_percent',
    'telemetry.supervisor_rss_mib',
  ],
  load: async () => (await import('./node-cost.js')).benchNodeCost,
};

const ENGINE_BENCH: RegisteredBench = {
  figures: [
    'engine.fill_s',
    'engine.fill_placements_per_s',
    'engine.fill_shares_s',
    'engine.fill_cpu_s',
    'engine.reclaim_many_ms',
    'engine.reclaim_gang_ms',
    'engine.say_no_ms',
    'engine.equal_pending_submit_us',
    'engine.one_change_p99_ms',
    'engine.million_pending_mib',
    'engine.million_pending_rss_mib',
    'engine.million_pending_cycle_ratio',
  ],
  load: async () => (await import('./engine.js')).benchEngine,
};

const PREEMPT_BENCH: RegisteredBench = {
  figures: ['latency.preempt_p50_ms'],
  load: async () => (await import('./preempt.js')).benchPreempt,
};

const RESTART_BENCH: RegisteredBench = {
  figures: ['restart.serving_s', 'restart.listed_s', 'restart.serving_cpu_s'],
  load: async () => (await import('./restart.js')).benchRestart,
};

const STORE_BENCH: RegisteredBench = {
  figures: [
    'store.commit_p50_ms',
    'store.commit_p99_ms',
    'store.commits_in_flight_per_s',
    'store.records_per_s',
    'store.load_records_per_s',
    'store.snapshot_million_s',
    'store.snapshot_stall_p99_ms',
  ],
  load: async () => (await import('./store.js')).benchStore,
};

const REDIS_BENCH: RegisteredBench = {
  figures: [
    'redis.commit_p50_ms',
    'redis.embedded_commit_p50_ms',
    'redis.commits_in_flight_per_s',
    'redis.embedded_commits_in_flight_per_s',
    'redis.submit_batch_per_s',
    'redis.embedded_submit_batch_per_s',
  ],
  load: async () => (await import('./redis.js')).benchRedis,
};

const CURVE_BENCH: RegisteredBench = {
  figures: CURVE_FIGURES,
  load: async () => (await import('./curves.js')).benchCurves,
};

const LOG_BENCH: RegisteredBench = {
  figures: ['logs.read_mib_per_s', 'logs.agent_cost_mib', 'logs.agent_cpu_s'],
  load: async () => (await import('./logs.js')).benchLogs,
};

const METRICS_BENCH: RegisteredBench = {
  figures: ['metrics.scrape_ms', 'metrics.series', 'metrics.loop_delay_max_ms', 'metrics.healthz_ms'],
  load: async () => (await import('./metrics.js')).benchMetrics,
};

export const BENCHES: readonly RegisteredBench[] = [
  MACHINE_BENCH,
  ENGINE_BENCH,
  CURVE_BENCH,
  SUBMIT_BENCH,
  DURING_FILL_BENCH,
  LATENCY_BENCH,
  PREEMPT_BENCH,
  FAILOVER_BENCH,
  DISPATCH_BENCH,
  LAUNCH_BENCH,
  NODE_COST_BENCH,
  RESTART_BENCH,
  STORE_BENCH,
  REDIS_BENCH,
  LOG_BENCH,
  METRICS_BENCH,
];

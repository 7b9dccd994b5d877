// Everything that exists in one term of leading: the state, the one writer, the agents' sessions, the API. All of it is made anew for
// each term and dropped with it, so that nothing a daemon believed in one term can reach the next.
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import type * as grpc from '@grpc/grpc-js';
import { systemClock, type Clock } from '../common/clock.js';
import { createUlidMaker } from '../common/ids.js';
import type { Logger } from '../common/log.js';
import { PACKAGE_VERSION } from '../common/package-root.js';
import type { openTracer } from '../common/tracing/tracer.js';
import { registerTraceMetrics } from '../common/tracing/trace-metrics.js';
import { createApiServer } from './api/server.js';
import { Handlers } from './api/handlers.js';
import { createAuthenticator } from './auth/authenticator.js';
import { generateTaskKey, taskToken } from './auth/task-token.js';
import type { DaemonStore } from './backend.js';
import type { ServerConfig } from './config.js';
import { SchedulerMetrics } from './metrics/scheduler-metrics.js';
import { WorkloadSeries } from './metrics/workload-series.js';
import type { Company } from './control/company.js';
import { registerAdviceMetrics } from './metrics/advice-metrics.js';
import { registerCompanyMetrics } from './metrics/company-metrics.js';
import { registerNoticeMetrics } from './metrics/notice-metrics.js';
import { Notifier } from './notify/notifier.js';
import { CURRENT_SCHEMA } from './store/schema.js';
import type { StorePosition } from './store/state-store.js';
import type { SpaceReport } from './store/space.js';
import { tellOfRoom } from './store/space-log.js';
import { snapshotBytes } from './store/snapshot/write.js';
import { followCommits } from './tracing/follow.js';
import { type Control, wireControl } from './wire-control.js';

/** What a term is begun with. */
export interface TermSurroundings {
  readonly config: ServerConfig;
  readonly log: Logger;
  readonly tracer: Awaited<ReturnType<typeof openTracer>>;
  readonly store: DaemonStore;
  /** Whether the store keeps itself on several machines. */
  readonly isStoreShared: boolean;
  /** What is filling up, as people call it. */
  readonly place: string;
  /** Whether this daemon leads for certain. Asked before anything leaves it. */
  readonly isFresh: () => boolean;
  /** Called with what makes going on impossible: the term is over. */
  readonly onFatal: (error: unknown) => void;
  /** A cluster that this daemon has served: a store without one has lost it. */
  readonly lostClusterId: string | null;
  /** Where the history stood when this daemon last led. */
  readonly lastKnown: StorePosition | null;
  /** Where /metrics answers; empty = switched off. */
  readonly metricsUrl: () => string;
  /** Gives leading up to another daemon. @throws ApiError when there cannot be another one */
  readonly stepDown: (by: string) => void;
  /** Where this daemon answers, and who else could lead. */
  readonly company: Company;
}

/** A state that was read, with all that decides on it. It tells nobody anything before it listens. */
export interface Term {
  readonly control: Control;
  readonly metrics: SchedulerMetrics;
  readonly series: WorkloadSeries;
  readonly room: () => SpaceReport;
  readonly api: grpc.Server;
  /** Answers calls from now on, and decides. */
  open(): void;
  /** Takes nothing new and finishes what waits; nothing is written any more once it resolved. */
  drain(): Promise<void>;
  /** Ends at once: connections are cut before anything else happens, and what is under way is told to nobody. */
  cut(): void;
}

/** Reads the state, and wires everything around it. @throws what the store and its recovery throw */
export async function beginTerm(surroundings: TermSurroundings): Promise<Term> {
  const {
    config,
    log,
    tracer,
    store,
    place,
    isFresh,
    isStoreShared,
    onFatal,
    lostClusterId,
    lastKnown,
    metricsUrl,
    stepDown,
    company,
  } = surroundings;
  const begunMs = systemClock.monotonicMs();
  const control = await wireControl(
    lostClusterId === null ? config : { ...config, fencing: { ...config.fencing, lostClusterId } },
    {
      store,
      clock: { ...systemClock, bootMs: () => os.uptime() * 1_000 },
      log,
      newUlid: createUlidMaker(),
      newClusterId: randomUUID,
      newTaskKey: generateTaskKey,
      defer: setImmediate,
      onFatal,
      isFresh,
      isStoreShared,
      lastKnown,
    },
  );
  const { state, position, records, loop, hub, fleet, clock, advice } = control;
  log.info({ ...position, records, tookMs: Math.round(clock.monotonicMs() - begunMs) }, 'state recovered');
  // Whoever asks first finds out that the store has failed; from then on nobody is told anything.
  const room = (): SpaceReport => {
    try {
      return store.spaceReport();
    } catch (error) {
      onFatal(error);
      throw error;
    }
  };
  const metrics = new SchedulerMetrics({
    loop,
    hub,
    fleet,
    state,
    clock,
    room,
    idleAfterMs: config.idleAfterMs,
    budgetUses: (nowMs) => control.budgets.uses(nowMs),
  });
  const notifier = new Notifier(config.notify, {
    loop,
    state,
    clock,
    log: log.child({ component: 'notify' }),
    isFresh,
    random: Math.random,
    newUlid: createUlidMaker(),
  });
  registerAdviceMetrics(metrics.registry, advice);
  registerCompanyMetrics(metrics.registry, company);
  registerNoticeMetrics(metrics.registry, notifier.delivery, clock);
  if (tracer !== null) registerTraceMetrics(metrics.registry, tracer.counts);
  const { taskKey } = state.meta;
  const orderExtras = {
    ...(tracer === null ? {} : { traceParentOf: followCommits(tracer, { loop, state, clock }) }),
    ...(taskKey === undefined ? {} : { taskTokenOf: (allocation: string) => taskToken(taskKey, allocation) }),
  };
  const roomWatch = tellOfRoom({ clock, place, report: room, log, onFatal });

  const handlers = new Handlers({
    authenticator: createAuthenticator({ ...config, taskKey: taskKey ?? null }, log.child({ component: 'auth' })),
    clock,
    log: log.child({ component: 'api' }),
    observe: (method, code, seconds) => metrics.rpcSeconds.observe({ method, code }, seconds),
    isFresh,
  });
  const api = createApiServer(handlers, {
    loop,
    hub,
    fleet,
    clock,
    log: log.child({ component: 'api' }),
    maxGraceMs: config.maxGraceMs,
    maxRequests: config.retention.requestCount,
    prices: config.prices,
    budgetUses: (nowMs) => control.budgets.uses(nowMs),
    room,
    takeSnapshot: async (clusterId) => {
      const { position: at, records: all, release } = await store.snapshot();
      const about = { schema: CURRENT_SCHEMA.version, writtenBy: PACKAGE_VERSION, clusterId, savedMs: clock.wallMs() };
      return { position: at, bytes: snapshotBytes({ ...about, ...at }, all, clock), release };
    },
    onSnapshot: () => metrics.lastSnapshot.setToCurrentTime(),
    metricsUrl,
    stepDown,
    company,
    orderExtras,
    notices: notifier,
  });
  return {
    control,
    metrics,
    series: new WorkloadSeries({ loop, clock, advice }),
    room,
    api: api.server,
    open: () => {
      api.setServing(true);
      control.start();
      notifier.delivery.start();
    },
    drain: async () => {
      api.setServing(false);
      roomWatch.stop();
      notifier.delivery.stop();
      await control.stop();
    },
    cut: () => {
      api.server.forceShutdown();
      roomWatch.stop();
      notifier.delivery.stop();
      control.abandon();
    },
  };
}

/** Lets calls that run finish; cuts what is left after the grace. */
export function closeServer(server: grpc.Server, graceMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cut = clock.after(graceMs, () => {
      server.forceShutdown();
      // A connection that is still at its TLS handshake, such as that of a machine that was cut off in the middle of it, is none
      // yet for gRPC: it is not cut, and would hold the shutdown for minutes. It is not listened to any more in any case.
      resolve();
    });
    server.tryShutdown(() => {
      cut.cancel();
      resolve();
    });
  });
}

// The scheduler daemon: reads the configuration, wires every part, serves until it is told to stop. The only place
// where the scheduler meets the machine's clock, randomness, disk and network.
import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import type * as grpc from '@grpc/grpc-js';
import { InvariantViolation } from '../common/assert.js';
import { systemClock } from '../common/clock.js';
import { exitAtOnce } from '../common/exit-at-once.js';
import { cannotListen } from '../common/http-pages.js';
import { createUlidMaker } from '../common/ids.js';
import { createLogger, type Logger } from '../common/log.js';
import { PACKAGE_VERSION } from '../common/package-root.js';
import { openTracer } from '../common/tracing/tracer.js';
import { registerTraceMetrics } from '../common/tracing/trace-metrics.js';
import { createApiServer } from './api/server.js';
import { Handlers } from './api/handlers.js';
import { createAuthenticator } from './auth/authenticator.js';
import { serverCredentials } from './auth/credentials.js';
import { loadServerConfig, type ServerConfig } from './config.js';
import { serveHttp } from './metrics/http-server.js';
import { SchedulerMetrics } from './metrics/scheduler-metrics.js';
import { WorkloadSeries } from './metrics/workload-series.js';
import { openEmbeddedStore } from './store/embedded.js';
import { CURRENT_SCHEMA } from './store/schema.js';
import type { SpaceReport } from './store/space.js';
import { tellOfRoom } from './store/space-log.js';
import { snapshotBytes } from './store/snapshot/write.js';
import { STORE_FIRST, waitingFor } from './fleet/readiness.js';
import { followCommits } from './tracing/follow.js';
import { type Control, wireControl } from './wire-control.js';

/** Exit code after a failed write or a broken invariant: what is on disk is right, going on would not be. */
const EXIT_FATAL = 70;
/** How long a graceful stop may take before connections are cut. */
const STOP_GRACE_MS = 10_000;

/** A daemon that serves. */
export interface Daemon {
  /** Where gRPC answers. */
  readonly grpcAddress: string;
  /** Where /metrics, /healthz and /readyz answer; null = switched off. */
  readonly httpAddress: string | null;
  /** Stops taking work, finishes what waits, closes everything. Agents and tasks go on. */
  stop(): Promise<void>;
}

/** Starts a daemon. `onFatal` is called once when it cannot go on; it must end the process. */
export async function startDaemon(
  config: ServerConfig,
  log: Logger,
  onFatal: (error: unknown) => void,
): Promise<Daemon> {
  let isServing = false;
  // First of all: whoever asks while the store is read is told that.
  const known: {
    daemon: {
      readonly control: Control;
      readonly metrics: SchedulerMetrics;
      readonly series: WorkloadSeries;
      readonly room: () => SpaceReport;
    } | null;
  } = { daemon: null };
  const http =
    config.http === null
      ? null
      : await serveHttp(config.http, {
          registry: () => known.daemon?.metrics.registry ?? null,
          workloads: () => known.daemon?.series.registry ?? null,
          waitingFor: () => {
            if (known.daemon === null) return [STORE_FIRST];
            const { state, fleet } = known.daemon.control;
            return waitingFor(fleet.waiting(), isServing, (id) => state.node(id)?.name ?? id, known.daemon.room());
          },
        });
  const store = await openEmbeddedStore({ dataDir: config.dataDir }).catch(async (error: unknown) => {
    await http?.close();
    throw error;
  });
  const begunMs = systemClock.monotonicMs();
  const control = await wireControl(config, {
    store,
    clock: { ...systemClock, bootMs: () => os.uptime() * 1_000 },
    log,
    newUlid: createUlidMaker(),
    newClusterId: randomUUID,
    defer: setImmediate,
    onFatal,
  });
  const { state, position, records, loop, hub, fleet, clock } = control;
  log.info(
    { ...position, records, tookMs: Math.round(clock.monotonicMs() - begunMs), dataDir: config.dataDir },
    'state recovered',
  );
  const room = (): SpaceReport => store.spaceReport();
  const metrics = new SchedulerMetrics({ loop, hub, fleet, state, clock, room });
  const tracer = await openTracer('sluice-server', process.env, log.child({ component: 'traces' }));
  if (tracer !== null) registerTraceMetrics(metrics.registry, tracer.counts);
  const traced = tracer === null ? {} : { traceParentOf: followCommits(tracer, { loop, state, clock }) };
  const roomWatch = tellOfRoom({ clock, place: 'the disk', report: room, log, onFatal });
  known.daemon = { control, metrics, series: new WorkloadSeries({ loop, clock }), room };

  const handlers = new Handlers({
    authenticator: createAuthenticator(config, log.child({ component: 'auth' })),
    clock,
    log: log.child({ component: 'api' }),
    observe: (method, code, seconds) => metrics.rpcSeconds.observe({ method, code }, seconds),
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
    room,
    takeSnapshot: (clusterId) => {
      const { position: at, records: all, release } = store.snapshot();
      const about = { schema: CURRENT_SCHEMA.version, writtenBy: PACKAGE_VERSION, clusterId, savedMs: clock.wallMs() };
      return { position: at, bytes: snapshotBytes({ ...about, ...at }, all, clock), release };
    },
    onSnapshot: () => metrics.lastSnapshot.setToCurrentTime(),
    metricsUrl: () => (http === null ? '' : `http://${http.address}/metrics`),
    ...traced,
  });
  const grpcAddress = await bind(api.server, config.listen, await serverCredentials(config));
  api.setServing(true);
  isServing = true;
  control.start();

  return {
    grpcAddress,
    httpAddress: http?.address ?? null,
    stop: async () => {
      isServing = false;
      api.setServing(false);
      roomWatch.stop();
      await control.stop();
      await closeServer(api.server);
      await store.close();
      await tracer?.close();
      await http?.close();
    },
  };
}

function bind(
  server: grpc.Server,
  { host, port }: { readonly host: string; readonly port: number },
  credentials: grpc.ServerCredentials,
): Promise<string> {
  const shown = host.includes(':') ? `[${host}]` : host;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${shown}:${port}`, credentials, (error, bound) => {
      if (error === null) resolve(`${shown}:${bound}`);
      else reject(cannotListen(`${shown}:${port}`, '--listen', error));
    });
  });
}

/** Lets calls that run finish; cuts what is left after the grace. */
function closeServer(server: grpc.Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = systemClock.after(STOP_GRACE_MS, () => server.forceShutdown());
    server.tryShutdown(() => {
      cut.cancel();
      resolve();
    });
  });
}

/** `sluice server`: runs until SIGTERM or SIGINT. */
export async function runServer(argv: readonly string[]): Promise<void> {
  const loaded = loadServerConfig(argv, process.env);
  if (loaded.type === 'print') {
    process[loaded.stream].write(loaded.text);
    process.exitCode = loaded.exitCode;
    return;
  }
  const { config } = loaded;
  const log = createLogger({ level: config.logLevel, name: 'sluice-server' });
  const fail = (error: unknown): never => {
    log.fatal({ err: error }, 'the daemon cannot go on');
    process.stderr.write(`sluice server: ${error instanceof Error ? error.message : String(error)}\n`);
    exitAtOnce(EXIT_FATAL);
  };
  process.on('unhandledRejection', fail);
  process.on('uncaughtException', fail);

  const daemon = await startDaemon(config, log, fail).catch((error: unknown) => {
    // What is stored must not be served, and nobody should try again before a person has looked at it.
    if (error instanceof InvariantViolation) fail(error);
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    exitAtOnce(1);
  });
  const { grpcAddress, httpAddress } = daemon;
  log.info({ grpc: grpcAddress, http: httpAddress, version: PACKAGE_VERSION }, 'serving');
  if (config.readyFile !== null) announce(config.readyFile, { grpc: grpcAddress, http: httpAddress, pid: process.pid });

  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) exitAtOnce(1);
    stopping = true;
    log.info({ signal }, 'stopping; agents and their tasks go on');
    daemon
      .stop()
      .then(() => log.info('stopped'))
      .then(() => exitAtOnce(0))
      .catch(fail);
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
}

/** Tells where the daemon answers, in a file that appears whole. */
function announce(file: string, addresses: object): void {
  writeFileSync(`${file}.tmp`, `${JSON.stringify(addresses)}\n`);
  renameSync(`${file}.tmp`, file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runServer(process.argv.slice(2));

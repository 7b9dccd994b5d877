// One scheduler process: what it answers with while it stands by (leading.ts says when) and while it leads. A store of one machine is led
// from the start to the end; of one that several daemons share, one leads. docs/internals/leadership.md tells why a term is ended the way it is.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { status, type Server } from '@grpc/grpc-js';
import { systemClock } from '../common/clock.js';
import { ApiError } from '../common/errors.js';
import type { NodeId } from '../common/ids.js';
import type { PageServer } from '../common/http-pages.js';
import type { Logger } from '../common/log.js';
import { makeFolderSync } from '../common/make-folder.js';
import { openTracer } from '../common/tracing/tracer.js';
import { Door } from './api/door.js';
import { createStandbyServer, leaderText, type LeaderView } from './api/standby-server.js';
import { serverCredentials } from './auth/credentials.js';
import type { Backend, DaemonStore } from './backend.js';
import type { ServerConfig } from './config.js';
import { STORE_FIRST, waitingFor } from './fleet/readiness.js';
import { Leading, type LivingTerm, type TermEnd, type TermStart } from './leading.js';
import { serveHttp } from './metrics/http-server.js';
import { roleMetrics } from './metrics/process-metrics.js';
import type { Leadership } from './store/leadership.js';
import { beginTerm, closeServer, type Term } from './term.js';

/** How long a graceful stop of the only daemon may take before connections are cut. */
const STOP_GRACE_MS = 10_000;
/** How long answers may take to leave after a hand-over, when the next leader already answers. */
const LAST_ANSWERS_MS = 200;
/** Where a daemon of a shared store remembers which cluster it serves. */
const CLUSTER_FILE = 'cluster-id';

/** Where a daemon answers. */
export interface Addresses {
  readonly grpc: string;
  readonly http: string | null;
  readonly role: 'leader' | 'standby';
}

export interface DaemonSurroundings {
  readonly config: ServerConfig;
  readonly log: Logger;
  readonly backend: Backend;
  /** Called each time it begins to answer, or to answer otherwise. */
  readonly onAnswering: (addresses: Addresses) => void;
  /** Called once when a daemon that served cannot go on: it must end the process at once. */
  readonly onFatal: (error: unknown) => void;
}

/** One scheduler process. */
export class Daemon {
  readonly #config: ServerConfig;
  readonly #log: Logger;
  readonly #backend: Backend;
  readonly #onAnswering: DaemonSurroundings['onAnswering'];
  readonly #onFatal: DaemonSurroundings['onFatal'];
  #isStopping = false;
  #leading: Leading | null = null;
  #view: LeaderView = { leader: null, isTakingOver: false };
  #http: PageServer | null = null;
  #tracer: Awaited<ReturnType<typeof openTracer>> = null;
  #standby: Server | null = null;
  #leadership: Leadership | null = null;
  #term: Term | null = null;
  #isServing = false;
  /** Where it answers, once it does; kept from then on. */
  #door: Door | null = null;

  constructor({ config, log, backend, onAnswering, onFatal }: DaemonSurroundings) {
    this.#config = config;
    this.#log = log;
    this.#backend = backend;
    this.#onAnswering = onAnswering;
    this.#onFatal = onFatal;
  }

  /**
   * Runs until it is stopped.
   * @throws InvariantViolation, StoreFailure when what is stored must not be served, or nobody can tell what is: exit 70; others when
   * it cannot begin: exit 1
   */
  async run(): Promise<void> {
    const config = this.#config;
    // First of all: whoever asks while the store is read is told that.
    if (config.http !== null) this.#http = await this.#serveHttp(config.http);
    try {
      this.#tracer = await openTracer('sluice-server', process.env, this.#log.child({ component: 'traces' }));
      await this.#live();
    } finally {
      this.#standby?.forceShutdown();
      this.#door?.close();
      await this.#leadership?.close();
      await this.#tracer?.close();
      await this.#http?.close();
    }
  }

  /** Finishes what waits and hands over. Agents and tasks go on. */
  stop(): void {
    this.#isStopping = true;
    this.#leading?.stop();
  }

  #live(): Promise<void> {
    const { isShared } = this.#backend;
    this.#leading = new Leading({
      openLeadership: async () => {
        this.#leadership = await this.#backend.openLeadership(this.#advertised());
        return this.#leadership;
      },
      isShared,
      clock: systemClock,
      random: Math.random,
      ...(isShared ? {} : { drainLimitMs: STOP_GRACE_MS }),
      begin: (start) => this.#begin(start),
      standBy: async () => {
        if (this.#standby === null) await this.#standBy();
      },
      onLeader: (leader) => {
        this.#view = { ...this.#view, leader };
        // Should it lead one day and find the store empty, it has to know that there was a cluster.
        if (leader?.clusterId !== undefined && this.#rememberedCluster() === null)
          this.#rememberCluster(leader.clusterId);
        this.#log.info({ leader }, leader === null ? 'nobody leads' : 'another daemon leads');
      },
      onTakingOver: () => {
        this.#view = { ...this.#view, isTakingOver: true };
        if (isShared) this.#log.info('this daemon leads from now on: it reads the state');
      },
      onEnd: (end, isDrained) => this.#noteEnd(end, isDrained),
      onUnusable: (error) => this.#log.warn({ err: error }, 'the store cannot be used just now; trying again'),
      onNotResigned: (error) => this.#log.warn({ err: error }, 'leading could not be given up'),
      onFatal: this.#onFatal,
    });
    if (this.#isStopping) this.#leading.stop();
    return this.#leading.run();
  }

  /** Reads the state, and makes everything that exists in one term. */
  async #begin({ isFresh, onFatal, lastKnown, stepDown }: TermStart): Promise<LivingTerm> {
    const store = await this.#backend.openStore();
    let term: Term;
    try {
      term = await beginTerm({
        config: this.#config,
        log: this.#log,
        tracer: this.#tracer,
        store,
        isStoreShared: this.#backend.isShared,
        place: this.#backend.place,
        isFresh,
        onFatal,
        lostClusterId: this.#rememberedCluster() ?? this.#config.fencing.lostClusterId,
        lastKnown,
        metricsUrl: () => (this.#http === null ? '' : `http://${this.#http.address}/metrics`),
        stepDown: (by) => this.#stepDown(by, stepDown),
        company: {
          address: this.#advertised(),
          isShared: this.#backend.isShared,
          standbys: () => this.#leadership?.standbys() ?? null,
        },
      });
      this.#rememberCluster(term.control.state.meta.clusterId);
    } catch (error) {
      await this.#closeStore(store);
      throw error;
    }
    return {
      get position() {
        return term.control.loop.position;
      },
      clusterId: term.control.state.meta.clusterId,
      open: () => this.#open(term),
      drain: async () => {
        this.#isServing = false;
        await term.drain();
        // Answers of the last commit are handed to their connections in turns of the event loop after it.
        await nextTurn();
        await nextTurn();
      },
      cut: () => {
        term.cut();
        this.#door?.cut();
      },
      close: async (isOrderly) => {
        if (isOrderly) {
          this.#door?.shut();
          await closeServer(term.api, this.#backend.isShared ? LAST_ANSWERS_MS : STOP_GRACE_MS, systemClock);
          term.control.abandon();
        }
        await this.#closeStore(store);
      },
    };
  }

  async #closeStore(store: DaemonStore): Promise<void> {
    await store.close().catch((error: unknown) => this.#log.warn({ err: error }, 'the store could not be closed'));
  }

  #noteEnd(end: TermEnd, isDrained: boolean): void {
    this.#term = null;
    this.#isServing = false;
    this.#view = { leader: null, isTakingOver: false };
    roleMetrics().leader.set(0);
    if (!isDrained) this.#log.warn('what was under way could not be finished in time; its callers ask again');
    if (end.type === 'lost') {
      roleMetrics().losses.inc();
      this.#log.warn({ why: end.why }, 'leading is over; this daemon stands by again');
    } else if (end.type === 'asked') this.#log.info({ by: end.by }, 'stepping down; another daemon may lead');
  }

  async #open(term: Term): Promise<void> {
    const { address } = await this.#serve(term.api);
    this.#standby?.forceShutdown();
    this.#standby = null;
    this.#term = term;
    this.#isServing = true;
    this.#view = { leader: null, isTakingOver: false };
    roleMetrics().leader.set(1);
    roleMetrics().terms.inc();
    term.open();
    this.#onAnswering({ grpc: address, http: this.#http?.address ?? null, role: 'leader' });
  }

  async #standBy(): Promise<void> {
    const standby = createStandbyServer(() => this.#view);
    this.#standby = standby;
    const { address } = await this.#serve(standby);
    roleMetrics().leader.set(0);
    this.#onAnswering({ grpc: address, http: this.#http?.address ?? null, role: 'standby' });
  }

  /** Answers with another server from now on. @throws Error in words */
  async #serve(server: Server): Promise<Door> {
    const credentials = await serverCredentials(this.#config);
    const onProblem = (error: Error): void => this.#log.warn({ err: error }, 'a connection could not be taken');
    this.#door ??= await Door.open({ ...this.#config.listen, onProblem });
    this.#door.serve(server, credentials);
    return this.#door;
  }

  /** Where others reach this daemon. An address that stands for all of a machine is none that another one could call. */
  #advertised(): string {
    const { advertise, listen: at } = this.#config;
    const { host, port } = advertise ?? {
      host: at.host === '0.0.0.0' || at.host === '::' ? os.hostname() : at.host,
      port: this.#door?.port ?? at.port,
    };
    return `${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /** @throws ApiError */
  #stepDown(by: string, stepDown: TermStart['stepDown']): void {
    if (!this.#backend.isShared) {
      throw new ApiError({
        code: status.FAILED_PRECONDITION,
        reason: 'NO_STANDBY',
        message:
          'this scheduler keeps its state on its own disk, so no other can take over\n' +
          'To stop it, end its process with SIGTERM. Two schedulers need a store of several: docs/high-availability.md.',
      });
    }
    this.#log.warn({ by }, 'asked to step down');
    // The answer has to be on its way first.
    setImmediate(() => stepDown(by));
  }

  #serveHttp(address: NonNullable<ServerConfig['http']>): Promise<PageServer> {
    return serveHttp(address, {
      registry: () => this.#term?.metrics.registry ?? (this.#backend.isShared ? roleMetrics().registry : null),
      workloads: () => this.#term?.series.registry ?? null,
      standby: () => (this.#standby === null ? null : leaderText(this.#view)),
      waitingFor: () => {
        if (this.#term === null) return [STORE_FIRST];
        const { control, room } = this.#term;
        const { fleet, state, loop } = control;
        const nameOf = (id: NodeId): string => state.node(id)?.name ?? id;
        return waitingFor(fleet.waiting(), this.#isServing, nameOf, room(), loop.isFeeding);
      },
    });
  }

  /** A shared store is not on this machine: when it was emptied, somebody has to know that there was a cluster. */
  #rememberedCluster(): string | null {
    const file = path.join(this.#config.dataDir, CLUSTER_FILE);
    return this.#backend.isShared && existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
  }

  /** @throws Error in words when the store holds another cluster than the one that was served before */
  #rememberCluster(clusterId: string): void {
    if (!this.#backend.isShared) return;
    const { dataDir } = this.#config;
    const known = this.#rememberedCluster();
    if (known === clusterId) return;
    if (known !== null) {
      throw new Error(
        `the store holds cluster ${clusterId}; this daemon has served cluster ${known} (${path.join(dataDir, CLUSTER_FILE)})\n` +
          'Give it the store of its own cluster. If it is to serve the other one from now on, remove that file.',
      );
    }
    makeFolderSync(dataDir, 0o700);
    const file = path.join(dataDir, CLUSTER_FILE);
    writeFileSync(`${file}.tmp`, `${clusterId}\n`);
    renameSync(`${file}.tmp`, file);
  }
}

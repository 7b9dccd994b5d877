// The life of a daemon: it stands by, leads, and stands by again. A store of one machine is led from the start to the end; of one that
// several daemons share, one leads. docs/internals/leadership.md tells why a term is ended the way it is.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { status, type Server } from '@grpc/grpc-js';
import { InvariantViolation } from '../common/assert.js';
import { systemClock } from '../common/clock.js';
import { deferred } from '../common/deferred.js';
import { ApiError } from '../common/errors.js';
import type { PageServer } from '../common/http-pages.js';
import type { Logger } from '../common/log.js';
import { makeFolderSync } from '../common/make-folder.js';
import { openTracer } from '../common/tracing/tracer.js';
import { createStandbyServer, leaderText, type LeaderView } from './api/standby-server.js';
import type { Backend, DaemonStore } from './backend.js';
import type { ServerConfig } from './config.js';
import { LeadershipLost } from './control/loop.js';
import { STORE_FIRST, waitingFor } from './fleet/readiness.js';
import { serveHttp } from './metrics/http-server.js';
import { roleMetrics } from './metrics/process-metrics.js';
import { StoreUnusable } from './store/data-folder.js';
import { RedisUnreachable } from './store/redis/port.js';
import type { Leadership, LeaderTerm } from './store/leadership.js';
import { CommitRefused, StoreFailure, type StorePosition } from './store/state-store.js';
import { beginTerm, closeServer, listen, type Term } from './term.js';

/** How long a graceful stop of the only daemon may take before connections are cut. */
const STOP_GRACE_MS = 10_000;
/** How long a hand-over waits for what is being written; then the term is cut. */
const HAND_OVER_LIMIT_MS = 1_500;
/** How long answers may take to leave after a hand-over, when the next leader already answers. */
const LAST_ANSWERS_MS = 200;
/** After a step-down the others get this long to lead before this daemon tries again: they hear of it at once, or look within half of it. */
const STEPPED_DOWN_REST_MS = 1_000;
/** After a term that was lost, so that a store in trouble is not asked without end; shortened at random by up to half. */
const LOST_REST_MS = 1_000;
/** Where a daemon of a shared store remembers which cluster it serves. */
const CLUSTER_FILE = 'cluster-id';

/** What may be put right by reading the store anew, perhaps by another daemon. */
const DOUBTS = [LeadershipLost, CommitRefused, StoreFailure, RedisUnreachable];

/** How a term ends. */
type End =
  | { readonly type: 'lost'; readonly why: string }
  | { readonly type: 'asked'; readonly by: string }
  | { readonly type: 'stop' }
  | { readonly type: 'fatal'; readonly error: unknown };

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
  readonly #stopping = new AbortController();
  #view: LeaderView = { leader: null, isTakingOver: false };
  #http: PageServer | null = null;
  #tracer: Awaited<ReturnType<typeof openTracer>> = null;
  #standby: Server | null = null;
  #leadership: Leadership | null = null;
  #term: Term | null = null;
  #isServing = false;
  /** The port that gRPC was given first; it is kept. */
  #port: number;
  #lastKnown: StorePosition | null = null;
  /** Whether this daemon has led, or has seen another one lead: the store was right once. */
  #hasCompany = false;
  /** Ends the present term. */
  #end: ((end: End) => void) | null = null;

  constructor({ config, log, backend, onAnswering, onFatal }: DaemonSurroundings) {
    this.#config = config;
    this.#log = log;
    this.#backend = backend;
    this.#onAnswering = onAnswering;
    this.#onFatal = onFatal;
    this.#port = config.listen.port;
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
      while (!this.#isStopping) await this.#live();
    } finally {
      this.#standby?.forceShutdown();
      await this.#leadership?.close();
      await this.#tracer?.close();
      await this.#http?.close();
    }
  }

  /** Finishes what waits and hands over. Agents and tasks go on. */
  stop(): void {
    this.#stopping.abort(new Error('the daemon is stopped'));
    this.#end?.({ type: 'stop' });
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** From standing by to the end of a term. */
  async #live(): Promise<void> {
    const { isShared } = this.#backend;
    const { signal } = this.#stopping;
    if (isShared && this.#standby === null) await this.#standBy();
    this.#leadership ??= await this.#backend.openLeadership(this.#advertised());
    const leadership = this.#leadership;
    let leading: LeaderTerm;
    try {
      leading = await leadership.campaign({
        signal,
        onLeader: (leader) => {
          this.#hasCompany ||= leader !== null;
          this.#view = { ...this.#view, leader };
          this.#log.info({ leader }, leader === null ? 'nobody leads' : 'another daemon leads');
        },
      });
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    if (isShared) this.#log.info('this daemon leads from now on: it reads the state');
    const end = await this.#lead(leading);
    if (end.type === 'fatal') throw end.error;
    if (end.type === 'lost') {
      roleMetrics().losses.inc();
      this.#log.warn({ why: end.why }, 'leading is over; this daemon stands by again');
      await this.#rest(LOST_REST_MS * (0.5 + Math.random() / 2));
    } else if (end.type === 'asked') {
      this.#log.info({ by: end.by }, 'stepped down; another daemon may lead');
      await this.#rest(STEPPED_DOWN_REST_MS);
    }
  }

  /** One term, from reading the state to the end of everything that was made for it. */
  async #lead(leading: LeaderTerm): Promise<End> {
    const over = deferred<End>();
    let isOver = false;
    let isDecided = false;
    const end = (how: End): void => {
      if (isDecided) return;
      isDecided = true;
      // Nothing may leave any more from the very moment on at which leading is in doubt.
      if (how.type === 'lost' || how.type === 'fatal') isOver = true;
      over.resolve(how);
    };
    this.#end = end;
    leading.onLost((why) => end({ type: 'lost', why }));
    if (this.#isStopping) end({ type: 'stop' });
    const isFresh = (): boolean => !isOver && leading.isFresh();
    const onFatal = (error: unknown): void => {
      const how = this.#endOf(error);
      if (how.type === 'fatal') this.#onFatal(error);
      end(how);
    };
    let store: DaemonStore | null = null;
    let term: Term | null = null;
    let how: End;
    try {
      this.#view = { ...this.#view, isTakingOver: true };
      store = await this.#backend.openStore();
      term = await beginTerm({
        config: this.#config,
        log: this.#log,
        tracer: this.#tracer,
        store,
        place: this.#backend.place,
        isFresh,
        onFatal,
        lostClusterId: this.#rememberedCluster() ?? this.#config.fencing.lostClusterId,
        lastKnown: this.#lastKnown,
        metricsUrl: () => (this.#http === null ? '' : `http://${this.#http.address}/metrics`),
        stepDown: (by) => this.#stepDown(by, end),
      });
      this.#rememberCluster(term.control.state.meta.clusterId);
      if (!isDecided) await this.#open(term);
      how = await over.promise;
      if (how.type === 'stop' || how.type === 'asked') await this.#drain(term);
    } catch (error) {
      end(this.#endOf(error));
      how = await over.promise;
      // What prevents the only daemon from beginning is for its operator, not for another try.
      if (!this.#backend.isShared && how.type === 'lost') how = { type: 'fatal', error };
    }
    isOver = true;
    this.#end = null;
    this.#term = null;
    this.#isServing = false;
    roleMetrics().leader.set(0);
    this.#view = { leader: null, isTakingOver: false };
    if (term !== null) this.#lastKnown = term.control.loop.position;
    await this.#close(leading, term, store, how);
    return how;
  }

  /** What is under way is written and answered; a store that does not answer must not hold the hand-over up. */
  async #drain(term: Term): Promise<void> {
    this.#isServing = false;
    const limitMs = this.#backend.isShared ? HAND_OVER_LIMIT_MS : STOP_GRACE_MS;
    const limit = deferred<null>();
    const timer = systemClock.after(limitMs, () => limit.resolve(null));
    const isDrained = await Promise.race([term.drain().then(() => true), limit.promise.then(() => false)]);
    timer.cancel();
    if (!isDrained)
      this.#log.warn({ limitMs }, 'what was under way could not be finished in time; its callers ask again');
    if (!isDrained) term.cut();
    // Answers of the last commit are handed to their connections in turns of the event loop after it.
    await nextTurn();
    await nextTurn();
  }

  async #close(leading: LeaderTerm, term: Term | null, store: DaemonStore | null, how: End): Promise<void> {
    const isOrderly = how.type === 'stop' || how.type === 'asked';
    if (!isOrderly) term?.cut();
    // The next leader need not wait until everything here is closed.
    await leading.resign().catch((error: unknown) => this.#log.warn({ err: error }, 'leading could not be given up'));
    if (term !== null && isOrderly) {
      await closeServer(term.api, this.#backend.isShared ? LAST_ANSWERS_MS : STOP_GRACE_MS, systemClock);
      term.control.abandon();
    }
    // A store that failed is left as it is: nothing of it can be relied on.
    if (how.type === 'fatal') return;
    await store?.close().catch((error: unknown) => this.#log.warn({ err: error }, 'the store could not be closed'));
  }

  async #open(term: Term): Promise<void> {
    this.#standby?.forceShutdown();
    this.#standby = null;
    const { address, port } = await listen(
      term.api,
      { host: this.#config.listen.host, port: this.#port },
      this.#config,
    );
    this.#port = port;
    this.#term = term;
    this.#hasCompany = true;
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
    const { address, port } = await listen(standby, { host: this.#config.listen.host, port: this.#port }, this.#config);
    this.#port = port;
    roleMetrics().leader.set(0);
    this.#onAnswering({ grpc: address, http: this.#http?.address ?? null, role: 'standby' });
  }

  /** Where others reach this daemon. An address that stands for all of a machine is none that another one could call. */
  #advertised(): string {
    const { advertise, listen: at } = this.#config;
    const { host, port } = advertise ?? {
      host: at.host === '0.0.0.0' || at.host === '::' ? os.hostname() : at.host,
      port: this.#port,
    };
    return `${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /** @throws ApiError */
  #stepDown(by: string, end: (end: End) => void): void {
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
    setImmediate(() => end({ type: 'asked', by }));
  }

  /** What of a shared store can be put right by reading it anew, perhaps by another daemon, is no reason to end the process. */
  #endOf(error: unknown): End {
    const why = error instanceof Error ? error.message : String(error);
    // A store that is refused from the beginning is for the operator; later, after a fail-over, it may be whole again soon.
    const isRefused = error instanceof StoreUnusable && this.#hasCompany;
    const isDoubt = isRefused || DOUBTS.some((kind) => error instanceof kind);
    const isOurs = error instanceof InvariantViolation || !isDoubt;
    return this.#backend.isShared && !isOurs ? { type: 'lost', why } : { type: 'fatal', error };
  }

  /** Answers as a standby, and does not try to lead. */
  async #rest(ms: number): Promise<void> {
    if (this.#isStopping) return;
    const rested = deferred<void>();
    const timer = systemClock.after(ms, () => rested.resolve());
    const wake = (): void => rested.resolve();
    this.#stopping.signal.addEventListener('abort', wake, { once: true });
    if (this.#standby === null) await this.#standBy();
    await rested.promise;
    timer.cancel();
    this.#stopping.signal.removeEventListener('abort', wake);
  }

  #serveHttp(address: NonNullable<ServerConfig['http']>): Promise<PageServer> {
    return serveHttp(address, {
      registry: () => this.#term?.metrics.registry ?? (this.#backend.isShared ? roleMetrics().registry : null),
      workloads: () => this.#term?.series.registry ?? null,
      standby: () => (this.#standby === null ? null : leaderText(this.#view)),
      waitingFor: () => {
        if (this.#term === null) return [STORE_FIRST];
        const { control, room } = this.#term;
        return waitingFor(control.fleet.waiting(), this.#isServing, (id) => control.state.node(id)?.name ?? id, room());
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

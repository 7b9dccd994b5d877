// The demo's cluster: a scheduler on the embedded store and node agents, as separate processes, and the ways in which
// the story talks to them.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connect, type SluiceClient } from '../../cli/client.js';
import { DevProcess, endTogether, killLeftovers } from '../../cli/dev-processes.js';
import { systemClock } from '../../common/clock.js';
import { freePort } from '../../common/free-port.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { type Watched, watch } from './grafana.js';
import type { Node__Output } from '../../proto/gen/sluice/v1/Node.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';

/** How long one wait of the story may take. */
const WAIT_LIMIT_MS = 60_000;
const POLL_MS = 50;
/** How long agents may take to end with their tasks, and then the scheduler. */
const STOP_LIMIT_MS = 20_000;
const WORKER = path.join(PACKAGE_ROOT, 'dist/node-agent/workers/main.js');
/** Lines of a log that a failure shows. */
const SHOWN_LINES = 25;

/** Scheduler, agents, and a client. */
export class DemoCluster {
  readonly folder: string;
  readonly isReal: boolean;
  readonly #isWatched: boolean;
  #watched: Watched | null = null;
  readonly #agentPages: string[] = [];
  #scheduler: DevProcess | null = null;
  readonly #agents: DevProcess[] = [];
  #client: SluiceClient | null = null;
  #stopping = false;
  grpc = '';
  metricsUrl = '';

  /** @param isWatched whether agents serve their metrics and a Prometheus looks at all of it */
  constructor(folder: string, isReal: boolean, isWatched: boolean) {
    this.folder = folder;
    this.isReal = isReal;
    this.#isWatched = isWatched;
  }

  get client(): SluiceClient {
    if (this.#client === null) throw new Error('the scheduler is not started yet');
    return this.#client;
  }

  /** The ends of the daemons' logs. */
  get logs(): readonly { readonly name: string; readonly tail: string }[] {
    return [this.#scheduler, ...this.#agents]
      .filter((daemon) => daemon !== null)
      .map(({ name, logFile }) => ({ name: `${name}.log`, tail: lastLines(readFileSync(logFile, 'utf8')) }));
  }

  /** Starts the scheduler and waits until it serves. */
  async startScheduler(): Promise<void> {
    const readyFile = path.join(this.folder, 'scheduler.json');
    const flags = ['--data-dir', path.join(this.folder, 'server'), '--ready-file', readyFile];
    const ports = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    const scheduler = new DevProcess('scheduler', ['server', ...ports, ...flags], this.folder);
    this.#scheduler = scheduler;
    await this.until('the scheduler serves', () => {
      if (!scheduler.isRunning) throw new Error('the scheduler ended while it started');
      return existsSync(readyFile) ? true : null;
    });
    const { grpc, http } = JSON.parse(readFileSync(readyFile, 'utf8')) as { grpc: string; http: string };
    this.grpc = grpc;
    this.metricsUrl = `http://${http}/metrics`;
    this.#client = connect({ server: grpc });
  }

  /** Starts the agents and waits until their nodes are ready. @returns the nodes */
  async startAgents(): Promise<readonly Node__Output[]> {
    const names = this.isReal ? ['node-1'] : ['node-1', 'node-2'];
    const gpus = this.isReal ? ['--real'] : ['--simulate', '4xh100'];
    if (this.#isWatched) for (const _ of names) this.#agentPages.push(`127.0.0.1:${await freePort()}`);
    const agents = names.map((name, at) => {
      const pages = this.#isWatched ? ['--http', this.#agentPages[at] ?? 'off'] : [];
      const where = ['--server', this.grpc, '--name', name, '--state-dir', path.join(this.folder, name)];
      const how = ['--shared-dir', path.join(this.folder, 'shared'), '--stop-tasks-on-exit', ...gpus];
      return new DevProcess(name, ['agent', ...where, ...how, ...pages], this.folder);
    });
    this.#agents.push(...agents);
    const ready = await this.until('the agents join', async () => {
      const gone = agents.find((agent) => !agent.isRunning);
      if (gone !== undefined) throw new Error(`the agent ${gone.name} ended while it started`);
      const nodes = await this.client.allNodes();
      const joined = nodes.filter(({ state }) => state === 'NODE_STATE_READY');
      return joined.length === names.length ? joined : null;
    });
    if (this.#isWatched) {
      const scheduler = new URL(this.metricsUrl).host;
      this.#watched = await watch(path.join(this.folder, 'grafana'), { scheduler, agents: this.#agentPages });
    }
    return ready;
  }

  /** Where it can be looked at; null = nobody asked for that. */
  get watched(): Watched | null {
    return this.#watched;
  }

  /** Runs a built-in program by hand, as preparation. */
  async runWorker(args: readonly string[]): Promise<void> {
    await promisify(execFile)(process.execPath, [WORKER, ...args]);
  }

  /** Asks again and again until there is an answer. */
  async until<T>(what: string, ask: () => T | null | Promise<T | null>): Promise<T> {
    const deadlineMs = performance.now() + WAIT_LIMIT_MS;
    for (;;) {
      if (this.#stopping) throw new Error('the demo is stopping');
      const answer = await ask();
      if (answer !== null) return answer;
      if (performance.now() > deadlineMs) throw new Error(`gave up after ${WAIT_LIMIT_MS / 1000} s: ${what}`);
      await sleep(POLL_MS);
    }
  }

  /** Waits until a workload is as wanted; one that failed is an error. */
  async untilWorkload(
    name: string,
    what: string,
    wanted: (workload: Workload__Output) => boolean,
  ): Promise<Workload__Output> {
    return this.until(`${name}: ${what}`, async () => {
      const workload = await this.client.getWorkload(name);
      if (wanted(workload)) return workload;
      if (workload.state === 'WORKLOAD_STATE_FAILED') throw new Error(`workload ${name} failed: ${workload.message}`);
      return null;
    });
  }

  /** The whole log of a workload's last attempt. */
  async logOf(name: string): Promise<string> {
    const pieces: Buffer[] = [];
    for await (const { data } of this.client.readLogs({ workload: name })) pieces.push(data);
    return Buffer.concat(pieces).toString('utf8');
  }

  /** What to try while the cluster is kept running. */
  hints(): string {
    const sluice = `node bin/sluice.js --server ${this.grpc}`;
    return [
      `export SLUICE_SERVER=${this.grpc}`,
      'npx sluice get nodes',
      'npx sluice get queues',
      'npx sluice get workloads',
      "npx sluice run -G 2 -A product -- sh -c 'echo on $CUDA_VISIBLE_DEVICES; sleep 5'",
      `curl -s ${this.metricsUrl} | grep sluice_queue`,
      `(or, without npx: ${sluice} get nodes)`,
    ].join('\n');
  }

  /** Ends the agents with their tasks, then the scheduler, then whatever would be left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#client?.close();
    await this.#watched?.stop();
    const options = { limitMs: STOP_LIMIT_MS, hurry: new AbortController().signal, clock: systemClock };
    await endTogether(this.#agents, options);
    if (this.#scheduler !== null) await endTogether([this.#scheduler], options);
    const left = await killLeftovers(
      this.#agents.map(({ name }) => path.join(this.folder, name)),
      systemClock,
    );
    if (left.length > 0) process.stderr.write(`These processes would not end: ${left.join(', ')}\n`);
  }
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
}

// A cluster of real processes for end-to-end tests: the built scheduler and agents on loopback, in a folder of their
// own. Waits are for conditions, never for time.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../../common/errors.js';
import { connect, type SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const WAIT_LIMIT_MS = 60_000;
const POLL_MS = 20;
/** Clusters of this test file that stand: what their processes said explains a wait that was given up. */
const standing = new Set<RealCluster>();

export interface ClusterOptions {
  /** Flags of the scheduler beyond the usual ones. */
  readonly serverFlags?: readonly string[];
  /** Variables of scheduler and agents beside those of the test. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The user's token for the client. */
  readonly token?: string;
  /** The authority's certificate, PEM, for a scheduler with TLS. */
  readonly tlsCa?: string;
  /** The client's own certificate and key, PEM. */
  readonly tlsClient?: { readonly certificate: string; readonly key: string };
}

/** One scheduler, some agents, a client. */
export class RealCluster {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'sluice-e2e-'));
  readonly #options: ClusterOptions;
  #scheduler: ChildProcess | null = null;
  readonly #agents = new Map<string, ChildProcess>();
  readonly #clients: SluiceClient[] = [];
  grpc = '';
  http = '';

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    standing.add(this);
  }

  at(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  /** Starts the scheduler; a restart comes back on the same port and data. */
  async startScheduler(): Promise<void> {
    const ready = this.at('ready.json');
    rmSync(ready, { force: true });
    const listen = this.grpc === '' ? '127.0.0.1:0' : this.grpc;
    const http = this.http === '' ? '127.0.0.1:0' : this.http;
    const flags = ['--listen', listen, '--http', http, '--data-dir', this.at('server'), '--ready-file', ready];
    const child = this.#spawn('scheduler', [SLUICE, 'server', ...flags, ...(this.#options.serverFlags ?? [])]);
    this.#scheduler = child;
    await until('the scheduler serves', () => {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`the scheduler ended: ${this.log('scheduler')}`);
      }
      return existsSync(ready) ? true : null;
    });
    const addresses = JSON.parse(readFileSync(ready, 'utf8')) as { grpc: string; http: string };
    this.grpc = addresses.grpc;
    this.http = addresses.http;
  }

  /** Ends the scheduler by a signal and waits until it is gone. @returns its exit code */
  async endScheduler(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#scheduler;
    this.#scheduler = null;
    return child === null ? null : end(child, signal);
  }

  /** Starts an agent, of another build if `program` says so, and waits until its node is ready. */
  async startAgent(
    name: string,
    flags: readonly string[] = ['--simulate', '4xh100'],
    program: string = SLUICE,
  ): Promise<void> {
    const common = [
      '--server',
      this.grpc,
      '--name',
      name,
      '--state-dir',
      this.at(name),
      '--shared-dir',
      this.at('shared'),
    ];
    const child = this.#spawn(name, [program, 'agent', ...common, ...flags]);
    this.#agents.set(name, child);
    const client = this.client();
    await until(`${name} is ready`, async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} ended: ${this.log(name)}`);
      const nodes = await client.allNodes();
      return nodes.some((node) => node.name === name && node.state === 'NODE_STATE_READY') ? true : null;
    });
  }

  async endAgent(name: string, signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#agents.get(name);
    this.#agents.delete(name);
    return child === undefined ? null : end(child, signal);
  }

  client(token = this.#options.token): SluiceClient {
    const { tlsCa = null, tlsClient = null } = this.#options;
    const client = connect({ server: this.grpc, token: token ?? null, tlsCa, tlsClient });
    this.#clients.push(client);
    return client;
  }

  async untilWorkload(
    client: SluiceClient,
    word: string | number,
    wanted: (workload: Workload__Output) => boolean,
  ): Promise<Workload__Output> {
    let last: Workload__Output | null = null;
    return until(
      `workload ${word}`,
      async () => {
        last = await client.getWorkload(String(word));
        return wanted(last) ? last : null;
      },
      () => JSON.stringify(last),
    );
  }

  /** The last lines of a process's output. */
  log(name: string): string {
    return readFileSync(this.at(`${name}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-20)
      .join('\n');
  }

  /** The last words of every process that was started, each under its name. */
  lastWords(): string {
    const names = readdirSync(this.folder).filter((file) => file.endsWith('.log'));
    return names.map((file) => `--- ${file}\n${this.log(file.slice(0, -'.log'.length))}`).join('\n');
  }

  /** Ends everything that was started, tasks included, and removes the folder. */
  async stop(): Promise<void> {
    standing.delete(this);
    for (const client of this.#clients) client.close();
    for (const name of this.#agents.keys()) await this.endAgent(name, 'SIGTERM');
    await this.endScheduler('SIGTERM');
    for (const pid of processesOf(this.folder)) killIfThere(pid);
    await until('every process is gone', () => (processesOf(this.folder).length === 0 ? true : null));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(name: string, args: readonly string[]): ChildProcess {
    const log = openSync(this.at(`${name}.log`), 'a');
    const env = { ...process.env, ...this.#options.environment };
    return spawn(process.execPath, args, { stdio: ['ignore', log, log], env });
  }
}

/** Asks until there is an answer; a refused connection counts as none yet. */
export async function until<T>(
  what: string,
  ask: () => T | null | Promise<T | null>,
  lastSeen: () => string = () => '',
  limitMs = WAIT_LIMIT_MS,
): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const answer = await Promise.resolve().then(ask).catch(noneYet);
    if (answer !== null) return answer;
    if (performance.now() > deadlineMs) throw new Error(gaveUp(what, lastSeen()));
    await sleep(POLL_MS);
  }
}

/** A scheduler that is not there yet gives no answer. Anything else is an error. */
function noneYet(error: unknown): null {
  if (error instanceof ApiError && error.reason === 'UNREACHABLE') return null;
  throw error;
}

function gaveUp(what: string, lastSeen: string): string {
  const said = [...standing].map((cluster) => cluster.lastWords());
  return [`gave up waiting: ${what} ${lastSeen}`, ...said].join('\n');
}

/** Live processes that were started with this folder in their command line or environment. */
export function processesOf(folder: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && mentions(pid, folder));
}

function mentions(pid: number, folder: string): boolean {
  const read = (file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      // It ended meanwhile, or is not ours to read: then it is none of ours.
      return '';
    }
  };
  const isZombie = /^\d+ \(.*\) [ZX] /s.test(read('stat'));
  return !isZombie && (read('cmdline').includes(folder) || read('environ').includes(folder));
}

/** A process that was found may have ended by itself since. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.kill(signal);
  });
}

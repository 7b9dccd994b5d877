// Several real daemons on a real Redis, with agents and clients that know all of them, for end-to-end tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect, type SluiceClient } from '../../cli/client.js';
import { freePort } from '../../common/free-port.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { RealRedis, type RedisServer } from '../store/real-redis.js';
import { processesOf, until } from './real-cluster.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');

/** One daemon and where it answers. */
interface RunningDaemon {
  readonly process: ChildProcess;
  readonly grpc: string;
  readonly http: string;
}

export class SeveralDaemons {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-ha-'));
  readonly redis = new RealRedis();
  readonly #flags: readonly string[];
  readonly #daemons = new Map<string, RunningDaemon>();
  readonly #addresses = new Map<string, { readonly grpc: string; readonly http: string }>();
  readonly #agents = new Map<string, ChildProcess>();
  readonly #clients: SluiceClient[] = [];
  #primary: RedisServer | null = null;

  /** @param flags of every daemon on the Redis, beyond the usual ones */
  constructor(flags: readonly string[] = []) {
    this.#flags = flags;
  }

  at(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  /** `a:1,b:2`. */
  get servers(): string {
    return [...this.#addresses.values()].map(({ grpc }) => grpc).join(',');
  }

  get primary(): RedisServer {
    if (this.#primary === null) throw new Error('no Redis was started');
    return this.#primary;
  }

  async startRedis(name: string, settings: readonly string[] = [], port?: number): Promise<RedisServer> {
    this.#primary = await this.redis.start(name, settings, port);
    return this.#primary;
  }

  /** Where a daemon will answer, so that agents and clients may know it before it is there. */
  async chooseAddresses(name: string): Promise<{ readonly grpc: string; readonly http: string }> {
    const known = this.#addresses.get(name);
    const addresses = known ?? { grpc: `127.0.0.1:${await freePort()}`, http: `127.0.0.1:${await freePort()}` };
    this.#addresses.set(name, addresses);
    return addresses;
  }

  /**
   * Starts a daemon, or starts it anew at its address and data, and waits until it answers: as a leader or a standby.
   * @param storeFlags of its store; none = on its own disk
   */
  async startDaemon(name: string, storeFlags?: readonly string[]): Promise<void> {
    mkdirSync(this.at(name), { recursive: true });
    const { grpc, http } = await this.chooseAddresses(name);
    const ready = this.at(name, 'ready.json');
    rmSync(ready, { force: true });
    const store = storeFlags ?? ['--store', `redis://127.0.0.1:${this.primary.port}`, ...this.#flags];
    const flags = ['--listen', grpc, '--http', http, '--data-dir', this.at(name), '--ready-file', ready];
    const log = openSync(this.at(`${name}.log`), 'a');
    const process_ = spawn(process.execPath, [SLUICE, 'server', ...flags, ...store], {
      stdio: ['ignore', log, log],
    });
    this.#daemons.set(name, { process: process_, grpc, http });
    await until(`${name} answers`, () => {
      if (process_.exitCode !== null) throw new Error(`${name} ended: ${this.log(name)}`);
      return existsSync(ready) ? true : null;
    });
  }

  /** An agent that knows every daemon. */
  async startAgent(name: string, gpus: string): Promise<void> {
    const log = openSync(this.at(`${name}.log`), 'a');
    const flags = ['--server', this.servers, '--name', name, '--state-dir', this.at(name), '--simulate', gpus];
    const agent = spawn(process.execPath, [SLUICE, 'agent', ...flags], { stdio: ['ignore', log, log] });
    this.#agents.set(name, agent);
    const client = this.client();
    await until(`${name} is ready`, async () => {
      const nodes = await client.allNodes();
      return nodes.some((node) => node.name === name && node.state === 'NODE_STATE_READY') || null;
    });
  }

  client(servers = this.servers): SluiceClient {
    const client = connect({ server: servers });
    this.#clients.push(client);
    return client;
  }

  daemon(name: string): RunningDaemon {
    const daemon = this.#daemons.get(name);
    if (daemon === undefined) throw new Error(`there is no daemon ${name}`);
    return daemon;
  }

  /** What /readyz of a daemon says; empty = nothing. */
  async readiness(name: string): Promise<string> {
    const limit = AbortSignal.timeout(1_000);
    return fetch(`http://${this.daemon(name).http}/readyz`, { signal: limit }).then(
      (answer) => answer.text(),
      () => '',
    );
  }

  async metric(name: string, metric: string): Promise<number> {
    const page = await (await fetch(`http://${this.daemon(name).http}/metrics`)).text();
    return Number(new RegExp(`^${metric} (.*)$`, 'm').exec(page)?.[1] ?? Number.NaN);
  }

  /** Which of the daemons leads; waits until one does. @param others not this one */
  leader(others: string | null = null): Promise<string> {
    const names = [...this.#daemons.keys()].filter((name) => name !== others);
    return until('one leads', async () => {
      for (const name of names) {
        const readiness = await this.readiness(name);
        if (readiness !== '' && !readiness.startsWith('standby') && !readiness.includes('store')) return name;
      }
      return null;
    });
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.daemon(name).process.kill(signal);
  }

  signalAgent(name: string, signal: NodeJS.Signals): void {
    this.#agents.get(name)?.kill(signal);
  }

  /** @returns its exit code */
  async gone(name: string): Promise<number | null> {
    const { process: child } = this.daemon(name);
    if (child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => child.once('exit', resolve));
    }
    this.#daemons.delete(name);
    return child.exitCode;
  }

  log(name: string): string {
    return readFileSync(this.at(`${name}.log`), 'utf8');
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    // Whatever holds the folder is one of ours; one that was stopped takes no other signal.
    for (const pid of processesOf(this.folder)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    await until('every process is gone', () => (processesOf(this.folder).length === 0 ? true : null));
    await this.redis.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// Real Redis servers for tests: a primary with replicas on loopback, in a folder of their own.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../common/free-port.js';
import { askRedis } from '../../simulator/chaos/redis/ask-redis.js';

const WAIT_LIMIT_MS = 20_000;

export interface RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly process: ChildProcess;
}

/** Redis servers of one test. */
export class RealRedis {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-redis-'));
  readonly #running = new Set<ChildProcess>();

  /**
   * Starts a server, and waits until it answers.
   * @param name of its folder; one that was there goes on with what it wrote
   */
  async start(name: string, settings: readonly string[] = [], port?: number): Promise<RedisServer> {
    const folder = path.join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    const on = port ?? (await freePort());
    const log = openSync(path.join(folder, 'log'), 'a');
    const usual = ['--port', String(on), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', ''];
    const quick = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
    const child = spawn('redis-server', [...usual, ...quick, ...settings], { stdio: ['ignore', log, log] });
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    const server = { port: on, folder, process: child };
    await this.until(`${name} answers`, async () => {
      if (child.exitCode !== null) throw new Error(readFileSync(path.join(folder, 'log'), 'utf8'));
      return (await this.ask(on, 'PING')) === 'PONG';
    });
    return server;
  }

  /** Starts a replica, and waits until it has what the primary has. */
  async startReplica(name: string, primary: number, settings: readonly string[] = []): Promise<RedisServer> {
    const server = await this.start(name, ['--replicaof', '127.0.0.1', String(primary), ...settings]);
    await this.until(`${name} follows`, async () =>
      String(await this.ask(server.port, 'INFO', 'replication')).includes('master_link_status:up'),
    );
    return server;
  }

  /** One command over a connection of its own. @returns null when nobody answers */
  ask(port: number, command: string, ...args: string[]): Promise<unknown> {
    return askRedis({ host: '127.0.0.1', port }, command, ...args);
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadlineMs = performance.now() + WAIT_LIMIT_MS;
    while (!(await holds())) {
      if (performance.now() > deadlineMs) throw new Error(`gave up waiting: ${what}`);
      await sleep(20);
    }
  }

  async end(server: RedisServer, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (server.process.exitCode !== null || server.process.signalCode !== null) return;
    const gone = new Promise((resolve) => server.process.once('exit', resolve));
    server.process.kill(signal);
    await gone;
  }

  async stop(): Promise<void> {
    const gone = [...this.#running].map((child) => {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      // One that was stopped takes no other signal.
      child.kill('SIGKILL');
      return exited;
    });
    await Promise.all(gone);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

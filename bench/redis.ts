// The Redis store with one copy awaited, and the embedded store in the same run: commits by themselves, and batches submitted
// to a daemon. Redis is real: a primary and a replica on loopback, with the disk that is measured.
import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../common/free-port.js';
import { systemClock } from '../common/clock.js';
import { openEmbeddedStore } from '../scheduler/store/embedded.js';
import { ioredisPort } from '../scheduler/store/redis/ioredis-port.js';
import { openRedisStore } from '../scheduler/store/redis/redis-store.js';
import { type BenchCluster, startCluster } from './cluster.js';
import { type Figure, figure, LEAST_RUNS, quantile } from './figure.js';
import type { BenchContext } from './registry.js';
import { inFlight, oneByOne, Writer } from './store.js';
import { BATCHES, fill, perSecond } from './submit.js';

const READY_LIMIT_MS = 20_000;
const GPUS = 8;

/** The `redis.*` figures. */
export async function benchRedis({ scratchFolder, wants }: BenchContext): Promise<readonly Figure[]> {
  const folder = mkdtempSync(path.join(scratchFolder, 'redis-'));
  const servers = new RedisPair(folder);
  try {
    const port = await servers.start();
    const figures: Figure[] = [];
    const isAboutCommits = [...COMMIT_FIGURES].some(wants);
    if (isAboutCommits) figures.push(...(await commits(folder, port)));
    if (['redis.submit_batch_per_s', 'redis.embedded_submit_batch_per_s'].some(wants)) {
      figures.push(...(await batches(folder, port)));
    }
    return figures;
  } finally {
    servers.stop();
  }
}

export const COMMIT_FIGURES = [
  'redis.commit_p50_ms',
  'redis.embedded_commit_p50_ms',
  'redis.commits_in_flight_per_s',
  'redis.embedded_commits_in_flight_per_s',
];

/** Both stores in turn, so that a machine that is busy for a while is busy for both. */
async function commits(folder: string, port: number): Promise<readonly Figure[]> {
  const redis = await openRedisStore({
    port: ioredisPort({ host: '127.0.0.1', port }, 'commits', say),
    clock: systemClock,
    copies: 1,
    newLineage: randomUUID,
  });
  const embedded = await openEmbeddedStore({ dataDir: path.join(folder, 'embedded') });
  try {
    const writers = [new Writer(redis, await redis.beginEpoch()), new Writer(embedded, await embedded.beginEpoch())];
    const spansMs: number[][] = [[], []];
    const rates: number[][] = [[], []];
    for (let run = 0; run < LEAST_RUNS; run += 1) {
      for (const [at, writer] of writers.entries()) {
        spansMs[at]?.push(quantile(await oneByOne(writer), 0.5));
        rates[at]?.push(await inFlight(writer));
      }
    }
    return COMMIT_FIGURES.map((name, at) =>
      figure(name, at < 2 ? 'ms' : '1/s', (at < 2 ? spansMs : rates)[at % 2] ?? []),
    );
  } finally {
    await redis.close();
    await embedded.close();
  }
}

async function batches(folder: string, port: number): Promise<readonly Figure[]> {
  const store = ['--store', `redis://127.0.0.1:${port}`, '--redis-prefix', 'submits', '--redis-accept-weak', 'yes'];
  const clusters: BenchCluster[] = [];
  try {
    clusters.push(await startCluster(folder, { gpusPerNode: GPUS, serverFlags: store }));
    clusters.push(await startCluster(folder, { gpusPerNode: GPUS }));
    const rates: number[][] = [[], []];
    for (const cluster of clusters) {
      await fill(cluster);
      await perSecond(cluster, BATCHES);
    }
    for (let run = 0; run < LEAST_RUNS; run += 1) {
      for (const [at, cluster] of clusters.entries()) rates[at]?.push(await perSecond(cluster, BATCHES));
    }
    return [
      figure('redis.submit_batch_per_s', '1/s', rates[0] ?? []),
      figure('redis.embedded_submit_batch_per_s', '1/s', rates[1] ?? []),
    ];
  } finally {
    for (const cluster of clusters) await cluster.stop();
  }
}

/** A primary and its replica. */
class RedisPair {
  readonly #folder: string;
  readonly #processes: { kill(signal: NodeJS.Signals): boolean }[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns the port of the primary, once its replica follows */
  async start(): Promise<number> {
    const [primary, replica] = [await freePort(), await freePort()];
    this.#spawn(primary, []);
    this.#spawn(replica, ['--replicaof', `127.0.0.1 ${primary}`]);
    const port = ioredisPort({ host: '127.0.0.1', port: primary }, 'start', () => undefined);
    const limitMs = performance.now() + READY_LIMIT_MS;
    for (;;) {
      const facts = await port.facts().catch(() => null);
      if (facts?.connectedReplicas === 1) break;
      if (performance.now() > limitMs) throw new Error('the Redis servers are not ready: is redis-server installed?');
      await sleep(50);
    }
    await port.close();
    return primary;
  }

  stop(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
  }

  #spawn(port: number, flags: readonly string[]): void {
    const dir = mkdtempSync(path.join(this.#folder, 'redis-'));
    const log = openSync(path.join(dir, 'log'), 'a');
    const usual = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''];
    const safe = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--repl-diskless-sync-delay', '0'];
    this.#processes.push(spawn('redis-server', [...usual, ...safe, ...flags], { stdio: ['ignore', log, log] }));
  }
}

function say(error: Error): void {
  process.stderr.write(`redis: ${error.message}\n`);
}

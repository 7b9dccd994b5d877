// What a scrape of the scheduler costs with 1,000 nodes of 8 GPUs, 50 queues, all GPUs held and 20,000 workloads pending: the time of
// one, the series in it, and how late it makes the process, which is the scheduler's pulse.
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type SluiceClient } from '../cli/client.js';
import { invariant } from '../common/assert.js';
import { startScheduler } from './cluster.js';
import { type Figure, figure } from './figure.js';
import { says, SLOW_HEARTBEATS, startLightAgents } from './light-agents-process.js';
import type { BenchContext } from './registry.js';

const NODES = 1_000;
const GPUS_PER_NODE = 8;
const QUEUES = 50;
const PENDING = 20_000;
const BATCH = 500;
const SCRAPES = 20;
const BETWEEN_MS = 250;
/** The most series a daemon may have at this size. */
const MAX_SERIES = 5_000;

interface Scrape {
  readonly ms: number;
  readonly text: string;
}

/** `metrics.*`. */
export async function benchMetrics({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  const folder = mkdtempSync(path.join(scratchFolder, 'metrics-'));
  const scheduler = await startScheduler(folder, SLOW_HEARTBEATS, '127.0.0.1:0');
  const client = connect({ server: scheduler.address, deadlineMs: 120_000 });
  let agents: ChildProcess | null = null;
  try {
    agents = startLightAgents({ server: scheduler.address, count: NODES, gpusEach: GPUS_PER_NODE });
    const ready = says(agents, 'ready');
    const full = says(agents, 'full');
    await ready;
    await fill(client);
    await full;
    const url = `http://${scheduler.http}/metrics`;
    // The first pays for code that is not compiled yet.
    await scrape(url);
    const scrapes: Scrape[] = [];
    const quiet: number[] = [];
    for (let at = 0; at < SCRAPES; at += 1) {
      await sleep(BETWEEN_MS);
      scrapes.push(await scrape(url));
      // What the process shows for the time since the last scrape: it, and what came after it.
      quiet.push((await time(() => fetch(`http://${scheduler.http}/healthz`))).ms);
    }
    const series = scrapes.map(
      ({ text }) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
    );
    invariant(Math.max(...series) < MAX_SERIES, 'a scrape stays small', `${Math.max(...series)} series`);
    const lag = scrapes.map(
      ({ text }) => Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1] ?? 'NaN') * 1_000,
    );
    return [
      figure(
        'metrics.scrape_ms',
        'ms',
        scrapes.map(({ ms }) => ms),
      ),
      figure('metrics.series', 'series', series),
      figure('metrics.loop_delay_max_ms', 'ms', lag),
      figure('metrics.healthz_ms', 'ms', quiet),
    ];
  } finally {
    client.close();
    if (agents?.connected === true) agents.disconnect();
    await scheduler.stop();
  }
}

async function fill(client: SluiceClient): Promise<void> {
  const each = (NODES * GPUS_PER_NODE) / QUEUES;
  for (let at = 0; at < QUEUES; at += 1) {
    await client.createQueue({ queue: { name: `team-${at}`, guaranteeGpus: each } });
  }
  for (let first = 0; first < NODES * GPUS_PER_NODE + PENDING; first += BATCH) {
    const specs = Array.from({ length: BATCH }, (_, at) => ({
      queue: `team-${(first + at) % QUEUES}`,
      resources: { gpus: 1 },
      command: { argv: ['true'] },
    }));
    await client.submitWorkloads({ requestId: randomUUID(), specs });
  }
}

async function scrape(url: string): Promise<Scrape> {
  const { ms, value } = await time(async () => (await fetch(url)).text());
  return { ms, text: value };
}

async function time<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const beganMs = performance.now();
  const value = await work();
  return { ms: performance.now() - beganMs, value };
}

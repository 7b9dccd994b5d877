// The real daemon and a real agent on loopback for benchmarks, with their data on the disk that is measured.
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type SluiceClient } from '../cli/client.js';
import { DevProcess, endTogether, killLeftovers } from '../cli/dev-processes.js';
import { systemClock } from '../common/clock.js';

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;
const POLL_MS = 20;

/** One scheduler, agents with simulated GPUs, one client. */
export interface BenchCluster {
  readonly client: SluiceClient;
  /** Process ids of the agents, in the order of their nodes. */
  readonly agentPids: readonly number[];
  stop(): Promise<void>;
}

/** How large a cluster is to be. */
export interface ClusterSize {
  /** Default 1. */
  readonly nodes?: number;
  readonly gpusPerNode: number;
  /** Flags of the scheduler beyond the usual ones. */
  readonly serverFlags?: readonly string[];
}

/** Starts a cluster with one queue, `research`, that is guaranteed all its GPUs. */
export async function startCluster(scratchFolder: string, size: ClusterSize): Promise<BenchCluster> {
  const { nodes = 1, gpusPerNode, serverFlags = [] } = size;
  const folder = mkdtempSync(path.join(scratchFolder, 'cluster-'));
  const scheduler = await startScheduler(folder, serverFlags);
  const client = connect({ server: scheduler.address, deadlineMs: 60_000 });
  const stateDirs = Array.from({ length: nodes }, (_, at) => path.join(folder, `agent-${at + 1}`));
  const agents = stateDirs.map((stateDir, at) => {
    const node = ['--server', scheduler.address, '--name', `n${at + 1}`, '--state-dir', stateDir];
    const kind = ['--simulate', `${gpusPerNode}xh100`, '--stop-tasks-on-exit'];
    return new DevProcess(`agent-${at + 1}`, ['agent', ...node, ...kind], folder);
  });
  const isReady = async () =>
    (await client.allNodes()).filter(({ state }) => state === 'NODE_STATE_READY').length === nodes;
  for (const agent of agents) await until(agent, isReady);
  await client.createQueue({ queue: { name: 'research', guaranteeGpus: nodes * gpusPerNode } });
  return {
    client,
    agentPids: agents.map(({ pid }) => pid),
    stop: async () => {
      client.close();
      await end(agents);
      await scheduler.stop();
      await killLeftovers(stateDirs, systemClock);
    },
  };
}

/** A scheduler without nodes. */
export interface BenchScheduler {
  /** `HOST:PORT` of its gRPC. */
  readonly address: string;
  /** `HOST:PORT` of its metrics; null = off. */
  readonly http: string | null;
  stop(): Promise<void>;
}

/** Starts a scheduler on free ports, with its data below the folder. */
export async function startScheduler(
  folder: string,
  flags: readonly string[] = [],
  http = 'off',
): Promise<BenchScheduler> {
  const readyFile = path.join(folder, 'ready.json');
  const ports = ['--listen', '127.0.0.1:0', '--http', http];
  const data = ['--data-dir', path.join(folder, 'server'), '--ready-file', readyFile];
  const scheduler = new DevProcess('scheduler', ['server', ...ports, ...data, ...flags], folder);
  await until(scheduler, () => Promise.resolve(existsSync(readyFile)));
  const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as { grpc: string; http: string | null };
  return { address: ready.grpc, http: ready.http, stop: () => end([scheduler]) };
}

async function end(processes: readonly DevProcess[]): Promise<void> {
  await endTogether(processes, { limitMs: STOP_LIMIT_MS, hurry: new AbortController().signal, clock: systemClock });
}

async function until(needed: DevProcess, ask: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + START_LIMIT_MS;
  while (!(await ask())) {
    if (!needed.isRunning) throw new Error(`${needed.name} ended: ${needed.lastWords()}`);
    if (performance.now() > deadlineMs) throw new Error(`gave up waiting for ${needed.name}: ${needed.lastWords()}`);
    await sleep(POLL_MS);
  }
}

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

/** One scheduler, one agent with simulated GPUs, one client. */
export interface BenchCluster {
  readonly client: SluiceClient;
  stop(): Promise<void>;
}

/** Starts a cluster with one queue, `research`, that is guaranteed all its GPUs. */
export async function startCluster(scratchFolder: string, gpus: number): Promise<BenchCluster> {
  const folder = mkdtempSync(path.join(scratchFolder, 'cluster-'));
  const readyFile = path.join(folder, 'ready.json');
  const ports = ['--listen', '127.0.0.1:0', '--http', 'off'];
  const data = ['--data-dir', path.join(folder, 'server'), '--ready-file', readyFile];
  const scheduler = new DevProcess('scheduler', ['server', ...ports, ...data], folder);
  await until(scheduler, () => Promise.resolve(existsSync(readyFile)));
  const { grpc } = JSON.parse(readFileSync(readyFile, 'utf8')) as { grpc: string };
  const stateDir = path.join(folder, 'agent');
  const node = ['--server', grpc, '--name', 'n1', '--state-dir', stateDir, '--simulate', `${gpus}xh100`];
  const agent = new DevProcess('agent', ['agent', ...node, '--stop-tasks-on-exit'], folder);
  const client = connect({ server: grpc, deadlineMs: 60_000 });
  await until(agent, async () => (await client.allNodes()).some(({ state }) => state === 'NODE_STATE_READY'));
  await client.createQueue({ queue: { name: 'research', guaranteeGpus: gpus } });
  return {
    client,
    stop: async () => {
      client.close();
      const options = { limitMs: STOP_LIMIT_MS, hurry: new AbortController().signal, clock: systemClock };
      await endTogether([agent], options);
      await endTogether([scheduler], options);
      await killLeftovers([stateDir], systemClock);
    },
  };
}

async function until(needed: DevProcess, ask: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + START_LIMIT_MS;
  while (!(await ask())) {
    if (!needed.isRunning) throw new Error(`${needed.name} ended: ${needed.lastWords()}`);
    if (performance.now() > deadlineMs) throw new Error(`gave up waiting for ${needed.name}: ${needed.lastWords()}`);
    await sleep(POLL_MS);
  }
}

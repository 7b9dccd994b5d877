// Whether a long cycle of the engine blocks the API: durable submissions, one workload a call, 64 in flight, from the moment
// at which 100,000 pending gangs may start on 10,000 empty nodes until all 80,000 GPUs are held. The daemon is real and so is
// the protocol; the agents are light (see light-agents.ts) and share this machine, so their heartbeats are slow ones.
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type SluiceClient } from '../cli/client.js';
import type { WorkloadSpec } from '../proto/gen/sluice/v1/WorkloadSpec.js';
import { startScheduler } from './cluster.js';
import { gangOf, mixedGpus } from './engine-fills.js';
import { type Figure, figure, LEAST_RUNS, quantile } from './figure.js';
import { says, SLOW_HEARTBEATS, startLightAgents } from './light-agents-process.js';
import type { BenchContext } from './registry.js';

const NODES = 10_000;
const GPUS_PER_NODE = 8;
const GPUS = NODES * GPUS_PER_NODE;
const QUEUES = 50;
const PENDING = 100_000;
const BATCH = 500;
const IN_FLIGHT = 64;
/** Submissions go on for so long before the fill begins, so that the daemon's code is compiled. */
const LEAD_MS = 3_000;
/** While the pending come, all queues together may hold no more: as much as the largest gang, so that none is refused. */
const GATE_GPUS = 64;
const PEER = 'Slurm 22.05: submissions waited 7.5 s on average during a deep backfill at 8,000 GPUs';

/** `submit.during_fill_p99_ms`, with `submit.during_fill_per_s` and `submit.during_fill_s` of the same runs. */
export async function benchDuringFill({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  const runs: Run[] = [];
  while (runs.length < LEAST_RUNS) runs.push(await fillOnce(scratchFolder));
  return [
    figure(
      'submit.during_fill_p99_ms',
      'ms',
      runs.map(({ spansMs }) => quantile(spansMs, 0.99)),
      PEER,
    ),
    figure(
      'submit.during_fill_per_s',
      '1/s',
      runs.map(({ spansMs, fillMs }) => (spansMs.length * 1_000) / fillMs),
    ),
    figure(
      'submit.during_fill_s',
      's',
      runs.map(({ fillMs }) => fillMs / 1_000),
    ),
  ];
}

interface Run {
  /** What each submission took that was under way during the fill. */
  readonly spansMs: readonly number[];
  readonly fillMs: number;
}

async function fillOnce(scratchFolder: string): Promise<Run> {
  const folder = mkdtempSync(path.join(scratchFolder, 'fill-'));
  const scheduler = await startScheduler(folder, SLOW_HEARTBEATS);
  const client = connect({ server: scheduler.address, deadlineMs: 120_000 });
  let agents: ChildProcess | null = null;
  try {
    await makeQueues(client);
    await submitPending(client);
    agents = startLightAgents({ server: scheduler.address, count: NODES, gpusEach: GPUS_PER_NODE });
    await says(agents, 'ready');
    return await measure(client, agents);
  } finally {
    client.close();
    if (agents?.connected === true) agents.disconnect();
    await scheduler.stop();
  }
}

async function makeQueues(client: SluiceClient): Promise<void> {
  await client.createQueue({ queue: { name: 'fill', guaranteeGpus: GATE_GPUS, limitGpus: GATE_GPUS } });
  for (let at = 0; at < QUEUES; at++) await client.createQueue({ queue: { name: `fill-${at}`, parent: 'fill' } });
  await client.createQueue({ queue: { name: 'users' } });
}

/** Before there is a node: what the cluster could run is not known yet, so the gate alone holds it. */
async function submitPending(client: SluiceClient): Promise<void> {
  for (let first = 0; first < PENDING; first += BATCH) {
    const specs = Array.from({ length: BATCH }, (_, at): WorkloadSpec => {
      const { tasks, gpus } = gangOf(mixedGpus(first + at));
      return { queue: `fill-${(first + at) % QUEUES}`, tasks, resources: { gpus }, command: { argv: ['true'] } };
    });
    await client.submitWorkloads({ requestId: randomUUID(), specs });
  }
}

async function measure(client: SluiceClient, agents: ChildProcess): Promise<Run> {
  const spansMs: number[] = [];
  let state: 'before' | 'filling' | 'full' = 'before';
  const submitOnAndOn = async (): Promise<void> => {
    while (state !== 'full') {
      const beganMs = performance.now();
      const specs = [{ queue: 'users', resources: { gpus: 1 }, command: { argv: ['true'] } }];
      await client.submitWorkloads({ requestId: randomUUID(), specs });
      if (state !== 'before') spansMs.push(performance.now() - beganMs);
    }
  };
  const submitters = Array.from({ length: IN_FLIGHT }, submitOnAndOn);
  await sleep(LEAD_MS);
  const filled = says(agents, 'full').finally(() => (state = 'full'));
  const beganMs = performance.now();
  state = 'filling';
  await client.updateQueue({
    queue: { name: 'fill', guaranteeGpus: GPUS },
    updateMask: { paths: ['limit_gpus', 'guarantee_gpus'] },
  });
  await filled;
  const fillMs = performance.now() - beganMs;
  await Promise.all(submitters);
  return { spansMs, fillMs };
}

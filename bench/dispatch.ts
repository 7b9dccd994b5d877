// Real tasks through daemon, agent, supervisor and kernel: how many short ones a second, from the client's call to the end of
// the last one, and how long it takes until 200 that are submitted at once run on one node. Tasks are processes in control
// groups with limits, as on any node.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SluiceClient } from '../cli/client.js';
import type { WorkloadSpec } from '../proto/gen/sluice/v1/WorkloadSpec.js';
import { type BenchCluster, startCluster } from './cluster.js';
import { type Figure, figure, LEAST_RUNS, quantile, repeat } from './figure.js';
import { nowNs, readStamp, STAMP } from './latency.js';
import type { BenchContext } from './registry.js';

const SHORT_TASKS_A_RUN = 600;
/** What one call takes. */
const BATCH = 200;
const STARTS_AT_ONCE = 200;
/** The most that a simulated node has; shares of which seven fit on one leave room for all starts at once. */
const GPUS = 64;
const SHARE_MILLI = 140;
const POLL_MS = 5;
const PEER = 'Slurm 22.05: 50 to 55/s';

/** `dispatch.real_per_s`. */
export async function benchDispatch({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  return withCluster(scratchFolder, async (cluster) => {
    await shortTasksPerS(cluster.client, SHORT_TASKS_A_RUN / 2);
    const runs = await repeat(LEAST_RUNS, () => shortTasksPerS(cluster.client, SHORT_TASKS_A_RUN));
    return [figure('dispatch.real_per_s', '1/s', runs, PEER)];
  });
}

/**
 * `launch.parallel_200_ms`, until the last of them runs, and `launch.parallel_200_p50_ms`; and between those runs, so that both have the same
 * machine, `launch.plain_*`: the same programs without any scheduler, started one after the other by one process that waits for none.
 */
export async function benchLaunch({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  return withCluster(scratchFolder, async ({ client }) => {
    await startsAtOnceMs(client);
    const runs: (readonly number[])[] = [];
    const plain: (readonly number[])[] = [];
    while (runs.length < LEAST_RUNS) {
      runs.push(await startsAtOnceMs(client));
      plain.push(await plainStartsAtOnceMs(scratchFolder));
    }
    const at = (spans: readonly (readonly number[])[], share: number) => spans.map((one) => quantile(one, share));
    return [
      figure('launch.parallel_200_ms', 'ms', at(runs, 1)),
      figure('launch.parallel_200_p50_ms', 'ms', at(runs, 0.5)),
      figure('launch.plain_200_ms', 'ms', at(plain, 1)),
      figure('launch.plain_200_p50_ms', 'ms', at(plain, 0.5)),
    ];
  });
}

async function withCluster<T>(scratchFolder: string, measure: (cluster: BenchCluster) => Promise<T>): Promise<T> {
  const cluster = await startCluster(scratchFolder, { gpusPerNode: GPUS });
  try {
    return await measure(cluster);
  } finally {
    await cluster.stop();
  }
}

/** Submits tasks that end at once, and waits until all have. */
async function shortTasksPerS(client: SluiceClient, count: number): Promise<number> {
  const startMs = performance.now();
  for (let submitted = 0; submitted < count; submitted += BATCH) {
    const specs = Array.from({ length: Math.min(BATCH, count - submitted) }, () => taskOf('short', ['true']));
    await client.submitWorkloads({ requestId: randomUUID(), specs });
  }
  for (;;) {
    const { use } = await client.getQueue('research');
    if ((use?.runningWorkloads ?? 0) + (use?.pendingWorkloads ?? 0) === 0) break;
    await sleep(POLL_MS);
  }
  return (count * 1_000) / (performance.now() - startMs);
}

/** Submits so many in one call; each prints the time as the first thing it does. */
async function startsAtOnceMs(client: SluiceClient): Promise<readonly number[]> {
  const specs = Array.from({ length: STARTS_AT_ONCE }, () => taskOf('stamp', STAMP.argv, SHARE_MILLI));
  const calledNs = nowNs();
  const { workloads } = await client.submitWorkloads({ requestId: randomUUID(), specs });
  const stamps: bigint[] = [];
  for (const { number } of workloads) stamps.push(await readStamp(client, String(number), 0));
  return stamps.map((stampNs) => Number(stampNs - calledNs) / 1e6);
}

/** What the machine itself takes for as many starts: each program in a session of its own, its output to a file, as tasks have it. */
async function plainStartsAtOnceMs(scratchFolder: string): Promise<readonly number[]> {
  const [program = '', ...args] = STAMP.argv;
  const files = Array.from({ length: STARTS_AT_ONCE }, (_, at) => path.join(scratchFolder, `plain-${at}`));
  const calledNs = nowNs();
  const ends = files.map(async (file) => {
    const output = openSync(file, 'w');
    const child = spawn(program, args, { detached: true, stdio: ['ignore', output, output] });
    closeSync(output);
    await once(child, 'exit');
  });
  await Promise.all(ends);
  return files.map((file) => Number(BigInt(readFileSync(file, 'utf8').trim()) - calledNs) / 1e6);
}

function taskOf(name: string, argv: readonly string[], gpuMilli = 1_000): WorkloadSpec {
  return { name, queue: 'research', resources: { gpus: 1, gpuMilli }, command: { argv: [...argv] } };
}

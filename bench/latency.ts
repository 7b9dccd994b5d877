// How long from a client's call to the first time stamp that the task itself takes, on an idle GPU with real processes.
// preempt.ts has the same for a full cluster.
import { randomUUID } from 'node:crypto';
import type { SluiceClient } from '../cli/client.js';
import { startCluster, type BenchCluster } from './cluster.js';
import { type Figure, figure, LEAST_RUNS, quantile } from './figure.js';
import type { BenchContext } from './registry.js';

const STARTS_A_RUN = 60;
const PEER_P50 = 'Slurm 22.05: srun p50 29 ms on a quiet machine, 48 ms on a busy one; sbatch p50 513 ms';
const PEER_P99 = 'Slurm 22.05: srun p99 39 ms on a quiet machine, 195 ms on a busy one';

/** `latency.start_p50_ms` and `latency.start_p99_ms`. */
export async function benchLatency({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  const cluster = await startCluster(scratchFolder, { gpusPerNode: 4 });
  try {
    await startsMs(cluster, 10);
    const runs: (readonly number[])[] = [];
    for (let run = 0; run < LEAST_RUNS; run += 1) runs.push(await startsMs(cluster, STARTS_A_RUN));
    const at = (share: number) => runs.map((spans) => quantile(spans, share));
    return [
      figure('latency.start_p50_ms', 'ms', at(0.5), PEER_P50),
      figure('latency.start_p99_ms', 'ms', at(0.99), PEER_P99),
    ];
  } finally {
    await cluster.stop();
  }
}

/** Starts one task after the other; each prints the time as the first thing it does. */
async function startsMs({ client }: BenchCluster, count: number): Promise<readonly number[]> {
  const spans: number[] = [];
  for (let start = 0; start < count; start += 1) {
    const calledNs = nowNs();
    const { workloads } = await client.submitWorkloads({
      requestId: randomUUID(),
      specs: [{ name: 'stamp', queue: 'research', resources: { gpus: 1 }, command: STAMP }],
    });
    spans.push(Number((await readStamp(client, String(workloads[0]?.number), 0)) - calledNs) / 1e6);
  }
  return spans;
}

/** A program that prints the time as the first thing it does. */
export const STAMP = { argv: ['date', '+%s%N'] };

/** What `STAMP` printed in one task, in ns since 1970; waits for it. */
export async function readStamp(client: SluiceClient, workload: string, task: number): Promise<bigint> {
  const pieces: Buffer[] = [];
  for await (const { data } of client.readLogs({ workload, task, follow: true })) pieces.push(data);
  return BigInt(Buffer.concat(pieces).toString().trim());
}

/** The present by the clock that `STAMP` reads. */
export function nowNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
}

// How long from the submission of an urgent gang on a full cluster to the first time stamp that its last task takes. The
// victims are real processes that stop at once; they come back when the gang is done, which fills the cluster again.
// As the peer is measured (32 GPUs on 4 nodes, victims of 1 GPU, requeued), but that our gang is 8 tasks and not one.
import { randomUUID } from 'node:crypto';
import type { SluiceClient } from '../cli/client.js';
import { startCluster } from './cluster.js';
import { type Figure, figure, LEAST_RUNS, quantile } from './figure.js';
import { nowNs, readStamp, STAMP } from './latency.js';
import type { BenchContext } from './registry.js';

const NODES = 4;
const GPUS_PER_NODE = 8;
const GANG_TASKS = 8;
const SAMPLES_A_RUN = 12;
const WARM_UP_SAMPLES = 3;
const PEER = 'Slurm 22.05: p50 1.5 s, p90 2.0 s (srun, 32 GPUs)';

/** `latency.preempt_p50_ms`. */
export async function benchPreempt({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  const cluster = await startCluster(scratchFolder, { nodes: NODES, gpusPerNode: GPUS_PER_NODE });
  try {
    const fillers = await fill(cluster.client);
    await preemptSpansMs(cluster.client, fillers, WARM_UP_SAMPLES);
    const runs: (readonly number[])[] = [];
    while (runs.length < LEAST_RUNS) runs.push(await preemptSpansMs(cluster.client, fillers, SAMPLES_A_RUN));
    const p50s = runs.map((spans) => quantile(spans, 0.5));
    return [figure('latency.preempt_p50_ms', 'ms', p50s, PEER)];
  } finally {
    await cluster.stop();
  }
}

/** Work of 1 GPU on every GPU. */
async function fill(client: SluiceClient): Promise<readonly string[]> {
  const specs = Array.from({ length: NODES * GPUS_PER_NODE }, (_, at) => ({
    name: `filler-${at}`,
    queue: 'research',
    resources: { gpus: 1 },
    command: { argv: ['/bin/sh', '-c', 'exec sleep 100000'] },
  }));
  const { workloads } = await client.submitWorkloads({ requestId: randomUUID(), specs });
  return workloads.map(({ number }) => String(number));
}

async function preemptSpansMs(client: SluiceClient, fillers: readonly string[], count: number): Promise<number[]> {
  const spans: number[] = [];
  while (spans.length < count) {
    await allRun(client, fillers);
    const calledNs = nowNs();
    const urgent = { name: 'urgent', queue: 'research', priority: 90, tasks: GANG_TASKS, resources: { gpus: 1 } };
    const specs = [{ ...urgent, command: STAMP }];
    const { workloads } = await client.submitWorkloads({ requestId: randomUUID(), specs });
    const workload = String(workloads[0]?.number);
    const reads = Array.from({ length: GANG_TASKS }, (_, task) => readStamp(client, workload, task));
    const stamps = await Promise.all(reads);
    const lastNs = stamps.reduce((last, stamp) => (stamp > last ? stamp : last));
    spans.push(Number(lastNs - calledNs) / 1e6);
  }
  return spans;
}

/** Resolves once all of them run. */
async function allRun(client: SluiceClient, numbers: readonly string[]): Promise<void> {
  const missing = new Set(numbers);
  for await (const { workload } of client.watchWorkloads({ workloads: [...numbers] })) {
    if (!workload) continue;
    const number = String(workload.number);
    if (workload.state === 'WORKLOAD_STATE_RUNNING') missing.delete(number);
    else missing.add(number);
    if (missing.size === 0) return;
  }
}

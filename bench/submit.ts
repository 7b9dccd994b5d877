// How many durable submissions a second are acknowledged over gRPC, one workload a call and in batches. The cluster is
// full, so what is accepted waits: the usual state of a busy cluster, with the engine looking at each.
import { randomUUID } from 'node:crypto';
import type { WorkloadSpec } from '../proto/gen/sluice/v1/WorkloadSpec.js';
import { startCluster, type BenchCluster } from './cluster.js';
import { type Figure, figure, LEAST_RUNS, repeat } from './figure.js';
import type { BenchContext } from './registry.js';

const GPUS = 8;
const UNARY_A_RUN = 6_000;
const UNARY_IN_FLIGHT = 64;
const BATCHES_A_RUN = 60;
const BATCH = 500;
const BATCHES_IN_FLIGHT = 4;
const PEER = 'Slurm 22.05: 177 to 417/s at 100 nodes, about 1,000/s at 16, not durable when acknowledged';

/** How batches are submitted when a figure is about batches. */
export const BATCHES = { calls: BATCHES_A_RUN, inFlight: BATCHES_IN_FLIGHT, batch: BATCH };

const spec = (index: number): WorkloadSpec => ({
  name: `work-${index % 100}`,
  queue: 'research',
  resources: { gpus: 1 },
  command: { argv: ['/bin/sh', '-c', 'exit 0'] },
});

/** `submit.unary_per_s` and `submit.batch_per_s`. */
export async function benchSubmit({ scratchFolder, wants }: BenchContext): Promise<readonly Figure[]> {
  const cluster = await startCluster(scratchFolder, { gpusPerNode: GPUS });
  try {
    await fill(cluster);
    const figures: Figure[] = [];
    if (wants('submit.unary_per_s')) {
      const unary = () => perSecond(cluster, { calls: UNARY_A_RUN, inFlight: UNARY_IN_FLIGHT, batch: 1 });
      await unary();
      figures.push(figure('submit.unary_per_s', '1/s', await repeat(LEAST_RUNS, unary), PEER));
    }
    if (wants('submit.batch_per_s')) {
      const batches = () => perSecond(cluster, BATCHES);
      await batches();
      figures.push(figure('submit.batch_per_s', '1/s', await repeat(LEAST_RUNS, batches), PEER));
    }
    return figures;
  } finally {
    await cluster.stop();
  }
}

/** Takes every GPU for as long as the benchmark runs. */
export async function fill({ client }: BenchCluster): Promise<void> {
  const specs = [{ ...spec(0), name: 'filler', tasks: GPUS, command: { argv: ['/bin/sh', '-c', 'sleep 100000'] } }];
  await client.submitWorkloads({ requestId: randomUUID(), specs });
  for await (const { workload } of client.watchWorkloads({ workloads: ['filler'] })) {
    if (workload?.state === 'WORKLOAD_STATE_RUNNING') return;
  }
}

/** Submits as often as told, so many calls at once. @returns workloads acknowledged a second */
export async function perSecond(
  { client }: BenchCluster,
  { calls, inFlight, batch }: { readonly calls: number; readonly inFlight: number; readonly batch: number },
): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < calls) {
      const call = next++;
      const specs = Array.from({ length: batch }, (_, index) => spec(call + index));
      await client.submitWorkloads({ requestId: randomUUID(), specs });
    }
  };
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (calls * batch * 1000) / (performance.now() - beganMs);
}

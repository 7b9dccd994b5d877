// What a gigabyte of log costs: a task prints 1 GiB as fast as it can while one reader follows it to its end.
import { type BenchCluster, startCluster } from './cluster.js';
import { type Figure, figure, LEAST_RUNS } from './figure.js';
import { cpuMsOf, memoryMibOf } from './process-cost.js';
import type { BenchContext } from './registry.js';

const MIB = 1024 * 1024;
const LOG_MIB = 1024;

/** `logs.read_mib_per_s`, `logs.agent_cost_mib` and `logs.agent_cpu_s`: what the agent took beyond what it had. */
export async function benchLogs({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  const cluster = await startCluster(scratchFolder, { gpusPerNode: 4 });
  try {
    // A first small one, so that nothing of the start counts.
    await followed(cluster, 1);
    const [pid = 0] = cluster.agentPids;
    const restMib = memoryMibOf(pid, 'VmRSS');
    const speeds: number[] = [];
    const peaks: number[] = [];
    const cpus: number[] = [];
    for (let run = 0; run < LEAST_RUNS; run += 1) {
      const cpuBeforeMs = cpuMsOf(pid);
      const beganMs = performance.now();
      const readBytes = await followed(cluster, LOG_MIB);
      speeds.push(readBytes / MIB / ((performance.now() - beganMs) / 1_000));
      peaks.push(memoryMibOf(pid, 'VmHWM') - restMib);
      cpus.push((cpuMsOf(pid) - cpuBeforeMs) / 1_000);
    }
    return [
      figure('logs.read_mib_per_s', 'MiB/s', speeds),
      figure('logs.agent_cost_mib', 'MiB', peaks),
      figure('logs.agent_cpu_s', 's', cpus),
    ];
  } finally {
    await cluster.stop();
  }
}

/** Has a task print so much and follows it to the end. @returns the bytes that came; what was dropped above the cap does not */
async function followed({ client }: BenchCluster, mib: number): Promise<number> {
  const line = 'x'.repeat(127);
  const { workloads } = await client.submitWorkloads({
    specs: [
      {
        name: 'chatter',
        queue: 'research',
        resources: { gpus: 1 },
        command: { argv: ['sh', '-c', `yes ${line} | head -c ${mib * MIB}`] },
      },
    ],
  });
  let count = 0;
  const request = { workload: String(workloads[0]?.number), follow: true };
  for await (const { data } of client.readLogs(request)) count += data.length;
  return count;
}

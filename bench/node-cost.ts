// What a node's own programs cost while tasks run: CPU and memory of the agent and of the supervisor that holds the tasks, with
// 8 GPUs and 50 tasks on them. The GPUs are simulated: a real node also pays for nvidia-smi, once in ten seconds.
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { invariant } from '../common/assert.js';
import { startCluster } from './cluster.js';
import { type Figure, figure, LEAST_RUNS } from './figure.js';
import { cpuMsOf, memoryMibOf } from './process-cost.js';
import type { BenchContext } from './registry.js';

const GPUS = 8;
const TASKS = 50;
/** Seven shares fit on a GPU. */
const SHARE_MILLI = 140;
/** One run: some heartbeats, a telemetry report, and many looks at every task. */
const RUN_MS = 10_000;
const POLL_MS = 50;

/** `telemetry.agent_cpu_percent`, `telemetry.agent_rss_mib`, and the same of the supervisor; percent of one core. */
export async function benchNodeCost({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  const cluster = await startCluster(scratchFolder, { gpusPerNode: GPUS });
  try {
    const { client } = cluster;
    const spec = {
      name: 'sleeper',
      queue: 'research',
      resources: { gpus: 1, gpuMilli: SHARE_MILLI },
      command: { argv: ['sleep', '3600'] },
    };
    await client.submitWorkloads({ requestId: randomUUID(), specs: Array.from({ length: TASKS }, () => spec) });
    while ((await client.getQueue('research')).use?.runningWorkloads !== TASKS) await sleep(POLL_MS);
    const programs = { agent: pidOf('agent', scratchFolder), supervisor: pidOf('supervisor', scratchFolder) };
    const figures: Figure[] = [];
    const cpu = new Map<string, number[]>();
    const memory = new Map<string, number[]>();
    for (let run = 0; run < LEAST_RUNS; run += 1) {
      const before = Object.entries(programs).map(([name, pid]) => [name, pid, cpuMsOf(pid)] as const);
      const startMs = performance.now();
      await sleep(RUN_MS);
      for (const [name, pid, beforeMs] of before) {
        const percent = ((cpuMsOf(pid) - beforeMs) * 100) / (performance.now() - startMs);
        cpu.set(name, [...(cpu.get(name) ?? []), percent]);
        memory.set(name, [...(memory.get(name) ?? []), memoryMibOf(pid, 'VmRSS')]);
      }
    }
    for (const name of Object.keys(programs)) {
      figures.push(figure(`telemetry.${name}_cpu_percent`, '%', cpu.get(name) ?? []));
      figures.push(figure(`telemetry.${name}_rss_mib`, 'MiB', memory.get(name) ?? []));
    }
    return figures;
  } finally {
    await cluster.stop();
  }
}

/** The process of a program whose state lies below a folder. */
function pidOf(program: 'agent' | 'supervisor', folder: string): number {
  const word = program === 'agent' ? /\0agent\0/ : /\/supervisor\.js\0/;
  const found = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name)) return false;
    const command = readIfThere(`/proc/${name}/cmdline`);
    return command.includes(folder) && word.test(command);
  });
  invariant(found !== undefined, 'a node has both programs', program);
  return Number(found);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // It ended since the folder was listed.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}

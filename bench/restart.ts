// How long users wait when the scheduler is started again with 100,000 workloads that wait and 10,000 that run: a process from
// nothing until it has answered a Get and accepted a Submit, and until a client has the whole list. No node is connected then, as
// after a failure of the machine.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../cli/client.js';
import { DevProcess, endTogether } from '../cli/dev-processes.js';
import { invariant } from '../common/assert.js';
import { systemClock } from '../common/clock.js';
import { type Figure, figure, LEAST_RUNS } from './figure.js';
import type { BenchContext } from './registry.js';
import { writeCluster } from './stored-cluster.js';

const PENDING = 100_000;
const RUNNING = 10_000;
const POLL_MS = 2;
const LIMIT_MS = 60_000;
/** What the kernel counts process times in: USER_HZ, 100 a second on every Linux that Node runs on. */
const TICKS_PER_S = 100;
const PEER = 'Slurm 22.05: 0.7 s to serve, list 1.4 to 2.3 s';

interface Run {
  readonly servingS: number;
  readonly listedS: number;
  /** Of the daemon, until it served. */
  readonly servingCpuS: number;
}

/** `restart.serving_s` and `restart.listed_s`. */
export async function benchRestart({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  const folder = mkdtempSync(path.join(scratchFolder, 'restart-'));
  await writeCluster(path.join(folder, 'server'), { pending: PENDING, running: RUNNING });
  const runs: Run[] = [];
  while (runs.length < LEAST_RUNS) runs.push(await restartOnce(folder));
  const of = (pick: (run: Run) => number) => runs.map(pick);
  return [
    figure(
      'restart.serving_s',
      's',
      of(({ servingS }) => servingS),
      PEER,
    ),
    figure(
      'restart.listed_s',
      's',
      of(({ listedS }) => listedS),
      PEER,
    ),
    figure(
      'restart.serving_cpu_s',
      's',
      of(({ servingCpuS }) => servingCpuS),
    ),
  ];
}

async function restartOnce(folder: string): Promise<Run> {
  const readyFile = path.join(folder, 'ready.json');
  rmSync(readyFile, { force: true });
  const files = ['--data-dir', path.join(folder, 'server'), '--ready-file', readyFile];
  const beganMs = performance.now();
  const flags = ['--listen', '127.0.0.1:0', '--http', 'off', '--log-level', 'error'];
  const scheduler = new DevProcess('scheduler', ['server', ...flags, ...files], folder);
  try {
    while (!existsSync(readyFile)) {
      invariant(scheduler.isRunning, 'the scheduler runs', scheduler.isRunning ? '' : scheduler.lastWords());
      invariant(performance.now() - beganMs < LIMIT_MS, 'a restart ends', scheduler.lastWords());
      await sleep(POLL_MS);
    }
    const { grpc, pid } = JSON.parse(readFileSync(readyFile, 'utf8')) as { grpc: string; pid: number };
    const client = connect({ server: grpc, deadlineMs: LIMIT_MS });
    await client.getWorkload(String(RUNNING));
    const specs = [{ queue: 'q00', resources: { gpus: 1 }, command: { argv: ['true'] } }];
    await client.submitWorkloads({ requestId: randomUUID(), specs });
    const servingS = (performance.now() - beganMs) / 1_000;
    const servingCpuS = cpuSecondsOf(pid);
    const listed = await client.allWorkloads({});
    const listedS = (performance.now() - beganMs) / 1_000;
    invariant(listed.length > PENDING + RUNNING, 'the list is whole', String(listed.length));
    client.close();
    return { servingS, listedS, servingCpuS };
  } finally {
    const hurry = new AbortController();
    hurry.abort();
    await endTogether([scheduler], { limitMs: LIMIT_MS, hurry: hurry.signal, clock: systemClock });
  }
}

/** User and system time of a process, from the fields after its name in /proc/PID/stat. Source: proc(5). */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

// Compares how tasks stand with what a scenario expects, and says every difference in one line.
import type { CycleOutcome, PlayedJob, TaskStanding } from './standing.js';
import { type Expectation, type Scenario, taskName } from './scenario.js';

/**
 * What differs, in the order of the scenario's jobs.
 * @returns lines such as `job-0 expected running on node0 got pending`; none = all as expected
 */
export function differences(expect: Scenario['expect'], jobs: readonly PlayedJob[]): string[] {
  const found: string[] = [];
  const gpuOfGroup = new Map<string, number>();
  for (const { job, tasks } of jobs) {
    const ofJob = expect.jobs[job.name];
    if (ofJob?.gpus !== undefined) {
      const asked = job.tasks.reduce((sum, _, index) => sum + gpusAsked({ job, index }), 0);
      if (!sameGpus(asked, ofJob.gpus)) found.push(`${job.name} expected ${ofJob.gpus} GPUs asked for got ${asked}`);
    }
    tasks.forEach((standing, index) => {
      const name = taskName(job.name, index);
      const ofTask = expect.tasks[name];
      for (const expected of [ofJob, ofTask]) {
        if (expected && !stands(expected, standing, gpuOfGroup)) {
          found.push(`${name} expected ${inWords(expected)} got ${standingInWords(standing)}`);
        }
      }
      const asked = gpusAsked({ job, index });
      if (ofTask?.gpus !== undefined && !sameGpus(asked, ofTask.gpus)) {
        found.push(`${name} expected ${ofTask.gpus} GPUs asked for got ${asked}`);
      }
    });
  }
  return found;
}

/** What a cycle did more of than a scenario allows in one. */
export function excesses(
  { max_evictions: maxEvictions, max_binds: maxBinds }: Scenario['expect'],
  cycle: CycleOutcome,
) {
  const found: string[] = [];
  if (cycle.evictions > (maxEvictions ?? Infinity)) {
    found.push(`all tasks expected at most ${maxEvictions} evictions in one cycle got ${cycle.evictions}`);
  }
  if (cycle.binds > (maxBinds ?? Infinity)) {
    found.push(`all tasks expected at most ${maxBinds} binds in one cycle got ${cycle.binds}`);
  }
  return found;
}

/** How a task stands, in words: `running on node0 GPU 1`. */
export function standingInWords({ status, placement }: TaskStanding): string {
  if (placement === null) return status;
  const gpus = placement.gpus.length === 0 ? '' : ` GPU ${placement.gpus.join(',')}`;
  return `${status} on ${placement.node}${gpus}`;
}

function inWords({ status, node, gpu_groups: groups }: Expectation): string {
  const where = node === undefined ? '' : ` on ${node}`;
  return `${status}${where}${groups === undefined ? '' : ` GPU group ${groups.join(',')}`}`;
}

/** Whether a task stands as expected. Tasks with equal groups on one node must share the GPU; labels mean nothing else. */
function stands(expected: Expectation, { status, placement }: TaskStanding, gpuOfGroup: Map<string, number>): boolean {
  if (status !== expected.status) return false;
  if (expected.node !== undefined && placement?.node !== expected.node) return false;
  if (expected.gpu_groups === undefined) return true;
  if (placement === null || placement.gpus.length !== expected.gpu_groups.length) return false;
  return expected.gpu_groups.every((label, at) => {
    const key = `${placement.node}/${label}`;
    const gpu = placement.gpus[at];
    if (gpu === undefined) return false;
    const known = gpuOfGroup.get(key);
    gpuOfGroup.set(key, known ?? gpu);
    return known === undefined || known === gpu;
  });
}

/** GPUs that one task of the scenario asks for, shares summed; memory and MIG are not counted in GPUs. */
function gpusAsked({ job, index }: { job: PlayedJob['job']; index: number }): number {
  const gpus = job.tasks[index]?.gpus ?? job.gpus_per_task;
  return gpus < 1 ? gpus * job.fraction_devices_per_task : gpus;
}

function sameGpus(a: number, b: number): boolean {
  return Math.abs(a - b) < 0.0005;
}

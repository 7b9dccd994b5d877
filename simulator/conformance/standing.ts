// How the tasks of a scenario stand: at the start, at the end of a cycle, and when the cycle has taken effect.
import { present, unreachable } from '../../common/assert.js';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import type { Decision } from '../../scheduler/engine/decisions.js';
import type { Placement } from '../../scheduler/model/records.js';
import { allocationId } from './carry-out.js';
import type { ScenarioJob, Status } from './scenario.js';

/** How one task stands. */
export interface TaskStanding {
  readonly status: Status;
  /** What it holds or is promised; null while it is pending. */
  readonly placement: Placement | null;
  /** Since when it holds it; 0 = it holds nothing. */
  readonly sinceMs: number;
}

/** One job of a scenario and the workload it became. */
export interface PlayedJob {
  readonly job: ScenarioJob;
  readonly workload: WorkloadNumber;
  /** The number in the workload of each task of the job. */
  readonly taskNumbers: readonly number[];
  /** In the order of the job's own list. */
  readonly tasks: readonly TaskStanding[];
}

/** What a cycle did. */
export interface CycleOutcome {
  /** As they stand at its end, before anything takes effect. */
  readonly jobs: readonly PlayedJob[];
  readonly evictions: number;
  readonly binds: number;
}

export const PENDING: TaskStanding = { status: 'pending', placement: null, sinceMs: 0 };

/** How all tasks stand after the decisions of a cycle. */
export function afterDecisions(
  jobs: readonly PlayedJob[],
  decisions: readonly Decision[],
  nowMs: number,
): CycleOutcome {
  const standings = new Map<AllocationId, TaskStanding>();
  for (const { workload, taskNumbers, tasks } of jobs) {
    taskNumbers.forEach((task, at) => standings.set(allocationId(workload, task), tasks[at] ?? PENDING));
  }
  const standingOf = (id: AllocationId) => present(standings.get(id), 'decisions name tasks of the scenario', id);
  const evicted = new Map<AllocationId, TaskStanding>();
  let binds = 0;
  for (const decision of decisions) {
    switch (decision.type) {
      case 'bind':
        for (const placement of decision.placements) {
          const id = allocationId(decision.workload, placement.task);
          standingOf(id);
          standings.set(id, { status: 'binding', placement, sinceMs: nowMs });
          binds++;
        }
        break;
      case 'evict':
        for (const id of decision.allocations) {
          const releasing: TaskStanding = { ...standingOf(id), status: 'releasing' };
          standings.set(id, releasing);
          evicted.set(id, releasing);
        }
        break;
      case 'claim':
        for (const placement of decision.placements) {
          const id = allocationId(decision.workload, placement.task);
          standings.set(id, { ...standingOf(id), status: 'pipelined', placement });
        }
        break;
      case 'drop_claim':
        for (const { workload, taskNumbers } of jobs) {
          if (workload !== decision.workload) continue;
          for (const id of taskNumbers.map((task) => allocationId(workload, task))) {
            if (standingOf(id).status === 'pipelined') standings.set(id, evicted.get(id) ?? PENDING);
          }
        }
        break;
      default:
        unreachable(decision);
    }
  }
  return {
    evictions: evicted.size,
    binds,
    jobs: jobs.map((played) => ({
      ...played,
      tasks: played.taskNumbers.map((task) => standingOf(allocationId(played.workload, task))),
    })),
  };
}

/** How all tasks stand when a cycle has taken effect: what was bound runs, what was told to stop is pending again. */
export function takenEffect(jobs: readonly PlayedJob[]): readonly PlayedJob[] {
  return jobs.map((played) => ({
    ...played,
    tasks: played.tasks.map((standing) => settled(standing, played.job.deleted_when_evicted)),
  }));
}

function settled(standing: TaskStanding, deletedWhenEvicted: boolean): TaskStanding {
  switch (standing.status) {
    case 'binding':
      return { ...standing, status: 'running' };
    case 'releasing':
      return deletedWhenEvicted ? standing : PENDING;
    case 'pipelined':
      return PENDING;
    case 'pending':
    case 'running':
      return standing;
    default:
      return unreachable(standing.status);
  }
}

// What the workloads of each user asked for and used together, and what that cost.
import { fromDuration } from '../common/units.js';
import type { WorkloadStats__Output } from '../proto/gen/sluice/v1/WorkloadStats.js';

/** The sums of one user. What was not measured counts with what was asked for only. */
export interface UserStats {
  readonly user: string;
  readonly workloads: number;
  /** Of them, those that something is to be said of. */
  readonly advisedWorkloads: number;
  readonly grantedGpus: number;
  readonly measuredGpus: number;
  readonly usedGpus: number;
  /** Mean utilization of what was measured, by GPU and time, 0 to 1; null = nothing was. */
  readonly gpuUtilizationRatio: number | null;
  readonly gpuHours: number;
  /** Null = a part of it has no price. */
  readonly cost: number | null;
}

const HOUR_MS = 3_600_000;

/** In order of name. */
export function userStats(all: readonly WorkloadStats__Output[]): readonly UserStats[] {
  const byUser = new Map<string, WorkloadStats__Output[]>();
  for (const one of all) {
    const own = byUser.get(one.owner);
    if (own === undefined) byUser.set(one.owner, [one]);
    else own.push(one);
  }
  return [...byUser].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([user, own]) => sumOf(user, own));
}

function sumOf(user: string, own: readonly WorkloadStats__Output[]): UserStats {
  const sum = (of: (one: WorkloadStats__Output) => number): number => own.reduce((all, one) => all + of(one), 0);
  const measuredMs = ({ summary, runTime }: WorkloadStats__Output): number =>
    summary?.gpuUtilizationRatio === undefined ? 0 : summary.measuredGpus * (fromDuration(runTime) ?? 0);
  const allMs = sum(measuredMs);
  return {
    user,
    workloads: own.length,
    advisedWorkloads: own.filter(({ findings }) => findings.length > 0).length,
    grantedGpus: sum(({ summary }) => summary?.grantedGpus ?? 0),
    measuredGpus: sum(({ summary }) => summary?.measuredGpus ?? 0),
    usedGpus: sum(({ summary }) => summary?.usedGpus ?? 0),
    gpuUtilizationRatio:
      allMs === 0 ? null : sum((one) => measuredMs(one) * (one.summary?.gpuUtilizationRatio ?? 0)) / allMs,
    gpuHours: sum(({ gpuTime }) => fromDuration(gpuTime) ?? 0) / HOUR_MS,
    cost: own.some(({ cost }) => cost === undefined) ? null : sum(({ cost }) => cost ?? 0),
  };
}

// What an eviction costs its victim, told before it happens.
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import type { Draft } from '../model/draft.js';
import { stopSpanMs } from '../model/grace.js';
import { hasEnded, lostGpuMs } from '../model/lifecycle.js';
import type { Placement, Workload } from '../model/records.js';
import { toGpus } from '../model/requests.js';
import type { Evict } from './decisions.js';

/** A workload that loses GPUs. */
export interface Displaced {
  /** As it was just before. */
  readonly workload: Workload;
  /** Those of its tasks that stop. */
  readonly allocations: readonly AllocationId[];
  readonly reason: Evict['reason'];
  readonly message: string;
  readonly forWorkload: WorkloadNumber | null;
  /** GPUs it gives back; a fraction for shares. */
  readonly gpus: number;
  readonly graceMs: number;
  readonly ranMs: number;
  /** How much of its run it has to do again, and the same as GPU time over all tasks that stop. */
  readonly lostMs: number;
  readonly lostGpuMs: number;
  /** A checkpoint of this run, from which it goes on. */
  readonly hasCheckpoint: boolean;
  /** It gives back surplus tasks only and goes on with the others. */
  readonly goesOn: boolean;
  /** Not at once: others have to leave first. */
  readonly later: boolean;
  /** Where it goes on afterwards, as far as was looked; empty = it is pending. */
  readonly restarts: readonly Placement[];
}

/** What an eviction means that is about to be carried out on the draft. */
export function displacement(evict: Evict, draft: Draft, nowMs: number): Displaced {
  const workload = draft.workload(evict.workload);
  const tasks = evict.allocations.map((id) => draft.allocation(id));
  const live = workload.allocations.filter((id) => !hasEnded(draft.allocation(id)));
  const firstStartMs = tasks.reduce((first, { startedMs }) => Math.min(first, startedMs ?? nowMs), nowMs);
  const savedMs = workload.checkpoint?.timeMs ?? -Infinity;
  const parts = tasks.reduce((sum, { gpus }) => sum + gpus.reduce((all, gpu) => all + gpu.parts, 0), 0);
  return {
    workload,
    allocations: evict.allocations,
    reason: evict.reason,
    message: evict.message,
    forWorkload: evict.forWorkload,
    gpus: toGpus(parts),
    graceMs: stopSpanMs(workload.spec),
    ranMs: nowMs - firstStartMs,
    lostMs: Math.max(0, nowMs - Math.max(firstStartMs, savedMs)),
    lostGpuMs: tasks.reduce((sum, task) => sum + lostGpuMs({ ...task, endedMs: nowMs }, workload.checkpoint), 0),
    hasCheckpoint: savedMs > firstStartMs,
    goesOn: tasks.length < live.length,
    later: false,
    restarts: [],
  };
}

/** With the grace that it got, once the eviction was carried out: queues and the cluster may cap what it asked for. */
export function withGrace(victim: Displaced, draft: Draft): Displaced {
  const stops = victim.allocations.flatMap((id) => draft.get('allocations', id)?.stop ?? []);
  if (stops.length === 0) return victim;
  return { ...victim, graceMs: Math.max(...stops.map(({ graceMs }) => graceMs)) };
}

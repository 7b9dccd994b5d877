// What each task used of what it was granted: a summary that every look adds to, so that its size does not grow with the time. Pure.
import { IDLE_BELOW_RATIO } from '../../common/idle-ratio.js';
import type { Telemetry } from '../gpu/provider.js';

/** A gap longer than this between two looks is not counted: nobody knows what happened meanwhile. */
const LONGEST_GAP_MS = 60_000;

/** What was measured of one GPU while a task held it. */
export interface GpuUse {
  readonly measuredMs: number;
  /** Of that, the time in which it did not count as idle. */
  readonly busyMs: number;
  /** Time times utilization. */
  readonly workMs: number;
  readonly memoryPeakMib: number;
  /** How long it has been idle without a break until the last look. */
  readonly idleMs: number;
}

/** What a task used, from its start on. */
export interface TaskUse {
  /** CPU time of all its processes; null = not measured. */
  readonly cpuMs: number | null;
  /** The most memory at a look; null = not measured. */
  readonly memoryPeakMib: number | null;
  /** Of the GPUs that it was granted, in their order. */
  readonly gpus: readonly GpuUse[];
}

/** What its processes use at this moment. */
export interface ProcessUse {
  readonly cpuMs: number | null;
  readonly memoryMib: number | null;
}

/** Of a task that nobody looked at. */
export const NOTHING_USED: TaskUse = { cpuMs: null, memoryPeakMib: null, gpus: [] };

const UNMEASURED: GpuUse = { measuredMs: 0, busyMs: 0, workMs: 0, memoryPeakMib: 0, idleMs: 0 };

/** A GPU of a task as its grant names it. */
type HeldGpu = { readonly uuid: string; readonly instance: string };

/** The summaries of all tasks here. Times are of a clock that does not jump. */
export class TaskUses {
  readonly #tasks = new Map<string, { readonly use: TaskUse; readonly lookedMs: number | null }>();

  /** Goes on with what an earlier agent had measured. Nobody knows what happened until now: idleness begins anew. */
  restore(id: string, use: TaskUse): void {
    const gpus = use.gpus.map((gpu) => ({ ...gpu, idleMs: 0 }));
    this.#tasks.set(id, { use: { ...use, gpus }, lookedMs: null });
  }

  /** Takes one look at a task that runs. @param processes null = nobody looked at them this time */
  look(
    id: string,
    gpus: readonly HeldGpu[],
    telemetry: ReadonlyMap<string, Telemetry>,
    processes: ProcessUse | null,
    nowMs: number,
  ): void {
    const known = this.#tasks.get(id);
    const gapMs = nowMs - (known?.lookedMs ?? nowMs);
    const use = {
      cpuMs: most(known?.use.cpuMs ?? null, processes?.cpuMs ?? null),
      memoryPeakMib: most(known?.use.memoryPeakMib ?? null, processes?.memoryMib ?? null),
      gpus: gpus.map(({ uuid, instance }, at) => {
        const before = known?.use.gpus[at] ?? UNMEASURED;
        return lookAt(before, instance === '' ? telemetry.get(uuid) : undefined, gapMs);
      }),
    };
    this.#tasks.set(id, { use, lookedMs: nowMs });
  }

  /** @returns null = nothing was measured */
  of(id: string): TaskUse | null {
    return this.#tasks.get(id)?.use ?? null;
  }

  forget(id: string): void {
    this.#tasks.delete(id);
  }
}

/** What is not known is no idleness: it breaks off. */
function lookAt(before: GpuUse, now: Telemetry | undefined, gapMs: number): GpuUse {
  const ratio = now?.utilizationRatio ?? null;
  if (now === undefined || ratio === null || gapMs > LONGEST_GAP_MS) return { ...before, idleMs: 0 };
  const isIdle = ratio < IDLE_BELOW_RATIO;
  return {
    measuredMs: before.measuredMs + gapMs,
    busyMs: before.busyMs + (isIdle ? 0 : gapMs),
    workMs: before.workMs + ratio * gapMs,
    memoryPeakMib: Math.max(before.memoryPeakMib, now.memoryUsedMib ?? 0),
    idleMs: isIdle ? before.idleMs + gapMs : 0,
  };
}

/** Sums of processes may fall when one ends that nobody waited for. */
function most(before: number | null, now: number | null): number | null {
  return before === null || now === null ? (before ?? now) : Math.max(before, now);
}

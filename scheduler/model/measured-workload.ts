// Puts together what was measured of a workload: from the records of tasks that ended, and from what agents told last of those that run.
import type { AllocationId, NodeId } from '../../common/ids.js';
import type { MeasuredGpu, MeasuredTask, MeasuredWorkload } from './advice.js';
import type { ReadableState } from './cluster-state.js';
import type { GpuUse, MeasuredUse } from './measured-use.js';
import type { Allocation, GrantedGpu, Workload } from './records.js';

/** What was told last of a running task. */
export interface LiveMeasure {
  readonly use: MeasuredUse;
  /** How long each of its GPUs has been idle without a break, in ms; what was told long ago is none. */
  readonly idleMs: readonly number[];
  /** How long ago it was told, in ms. */
  readonly ageMs: number;
}

/** Null = nothing was told of it since this daemon began. */
export type LiveMeasures = (id: AllocationId) => LiveMeasure | null;

type Readable = Pick<ReadableState, 'allocation' | 'node'>;

/** One task of the present or last attempt, with its allocation. */
export interface MeasuredAllocation {
  readonly allocation: Allocation;
  readonly task: MeasuredTask;
  /** Null = nothing was measured. */
  readonly use: MeasuredUse | null;
}

/** The tasks of the present or last attempt that began. */
export function measuredTasks(
  state: Readable,
  { allocations }: Workload,
  live: LiveMeasures,
  nowMs: number,
): readonly MeasuredAllocation[] {
  return allocations.flatMap((id) => {
    const allocation = state.allocation(id);
    return allocation === undefined || allocation.startedMs === null ? [] : [measured(state, allocation, live, nowMs)];
  });
}

/** What the rules of advice want to know. */
export function measuredWorkload(
  { spec, state }: Workload,
  found: readonly MeasuredAllocation[],
  nowMs: number,
): MeasuredWorkload {
  const began = Math.min(nowMs, ...found.map(({ allocation }) => allocation.startedMs ?? nowMs));
  const ended = Math.max(0, ...found.map(({ allocation }) => allocation.endedMs ?? nowMs));
  return {
    kind: spec.kind,
    state,
    runMs: Math.max(0, ended - began),
    timeLimitMs: spec.timeLimitMs,
    tasks: found.map(({ task }) => task),
  };
}

const UNMEASURED: GpuUse = { measuredMs: 0, busyMs: 0, workMs: 0, memoryPeakMib: 0 };

function measured(state: Readable, allocation: Allocation, live: LiveMeasures, nowMs: number): MeasuredAllocation {
  const { id, node, gpus, startedMs, endedMs, cpuMilli, memoryMib } = allocation;
  const told = endedMs === null ? live(id) : null;
  const use = allocation.use ?? told?.use ?? null;
  const task = {
    runMs: Math.max(0, (endedMs ?? nowMs) - (startedMs ?? nowMs)),
    cpuMilli,
    memoryMib,
    cpuMs: use?.cpuMs ?? null,
    memoryPeakMib: use?.memoryPeakMib ?? null,
    gpus: gpus.map((granted, at): MeasuredGpu => ({
      parts: granted.parts,
      isInstance: granted.instance !== '',
      memoryMib: memoryOf(state, node, granted),
      use: use?.gpus[at] ?? UNMEASURED,
      idleMs: told?.idleMs[at] ?? 0,
    })),
  };
  return { allocation, task, use };
}

function memoryOf(state: Readable, node: NodeId, { index, uuid }: GrantedGpu): number {
  const gpu = state.node(node)?.gpus[index];
  return gpu?.uuid === uuid ? gpu.memoryMib : 0;
}

// What a task used of what it was granted, as its agent measured it. Plain data; what follows from it says advice.ts.

/** What was measured of one GPU while a task held it. Of a GPU that is shared it is what all who share it did. */
export interface GpuUse {
  /** 0 = nothing is known: a MIG instance, or a driver that does not say. */
  readonly measuredMs: number;
  /** Of that, the time in which it did not count as idle. */
  readonly busyMs: number;
  /** Time times utilization: divided by the measured time it is the mean. */
  readonly workMs: number;
  /** In use on it, by anybody. */
  readonly memoryPeakMib: number;
}

/** From the start of a task on. In the record of an ended task: some 60 bytes and 85 for each GPU. */
export interface MeasuredUse {
  /** CPU time of all its processes; null = not measured. */
  readonly cpuMs: number | null;
  /** The most memory at a look; null = not measured. */
  readonly memoryPeakMib: number | null;
  /** Of the GPUs that it was granted, in their order. */
  readonly gpus: readonly GpuUse[];
}

/** The use of a task that runs, and how long each of its GPUs has been idle without a break, in ms. */
export interface LiveUse extends MeasuredUse {
  readonly idleMs: readonly number[];
}

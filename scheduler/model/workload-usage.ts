// Usage by workload, from the allocations that are kept. The sums of days know no workloads: there may be millions. Pure.
import type { WorkloadNumber } from '../../common/ids.js';
import type { ReadableState } from './cluster-state.js';
import { addGpuTime, gpuTimeOf, NO_GPU_TIME, type GpuTime } from './gpu-time.js';
import type { Allocation } from './records.js';
import { dayText } from './days.js';
import { usageOf } from './usage.js';
import { NO_USAGE, type UsageKey, type UsageSums } from './usage-sums.js';
import { oneWait } from './waits.js';

/** What each workload that is kept used, by day and model. Cost: all allocations. */
export function* workloadUsage(
  state: ReadableState,
  nowMs: number,
): Generator<readonly [UsageKey, WorkloadNumber, UsageSums]> {
  for (const allocation of state.allocations.values()) {
    const workload = state.workload(allocation.workload);
    if (workload === undefined || allocation.gpus.length === 0) continue;
    for (const [key, sums] of withNotes([...usageOf(state, allocation, workload, nowMs)], allocation, nowMs)) {
      yield [key, workload.number, sums];
    }
  }
  for (const { number, spec, owner: user, startedMs, submittedMs, allocations } of state.workloads.values()) {
    if (startedMs === null) continue;
    const first = allocations[0] === undefined ? undefined : state.allocation(allocations[0]);
    const [pool, model] = [first?.pool ?? '', first?.gpus[0]?.model ?? ''];
    const key = { period: dayText(startedMs), queue: spec.queue, user, pool, model };
    yield [key, number, { ...NO_USAGE, waits: oneWait(startedMs - submittedMs) }];
  }
}

/**
 * Adds what the allocation's record says: what was done in vain counts on the last day, what was borrowed or idle on all days
 * by what was held, since the record does not say when.
 */
function withNotes(
  days: readonly (readonly [UsageKey, UsageSums])[],
  allocation: Allocation,
  nowMs: number,
): readonly (readonly [UsageKey, UsageSums])[] {
  const { lost = NO_GPU_TIME, failed = NO_GPU_TIME, idle = NO_GPU_TIME } = allocation;
  const borrowed = borrowedUntil(allocation, nowMs);
  const heldMs = days.reduce((sum, [, { held }]) => sum + held.ms, 0);
  return days.map(([key, sums], at) => {
    const isLast = at === days.length - 1;
    const share = (time: GpuTime): GpuTime =>
      days.length === 1 ? time : { ms: Math.round((time.ms * sums.held.ms) / Math.max(1, heldMs)), parts: 0 };
    const vain = isLast ? { lost, failed } : {};
    return [key, { ...sums, ...vain, borrowed: share(borrowed), idle: share(idle) }] as const;
  });
}

function borrowedUntil({ lent, state }: Allocation, nowMs: number): GpuTime {
  if (lent === undefined) return NO_GPU_TIME;
  if (state === 'released') return lent.time;
  return addGpuTime(lent.time, gpuTimeOf(lent.parts, Math.max(0, nowMs - lent.sinceMs)));
}

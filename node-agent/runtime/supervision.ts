// What the supervisor decides about the tasks it holds: when one has no lease any more, and when one is killed. Pure, so that
// the simulator's supervisor decides the same.

/** How often leases are looked at, in ms. */
export const WATCH_MS = 500;

/** Whether a task has to stop because its node's lease, and the time it may run on without one, are over. Times are ms since boot. */
export function isOverdue(task: { readonly lingerMs: number }, leaseMs: number, nowMs: number): boolean {
  return nowMs > leaseMs + task.lingerMs;
}

/**
 * Until when a task may be started by a decision that was made under this lease, in ms since boot. The order carries it: an agent that stood
 * still may have a new lease before its order is looked at, and the task may have been given up in between.
 * @param leaseMs null = there never was one
 */
export function lastStartMs({ lingerMs }: { readonly lingerMs: number }, leaseMs: number | null): number {
  return leaseMs === null ? Infinity : leaseMs + lingerMs;
}

/** A task learns this much later than it should that it has no lease, and still has all of its grace. The scheduler allows for more. */
const LATE_MS = 1_000;

/**
 * The grace of a task that has to stop for want of a lease. It ends at a fixed time, whenever that is noticed: a machine that
 * slept through it must not let a task go on that the scheduler has given up and may have started elsewhere.
 */
export function graceWithoutLease(
  { lingerMs, graceMs }: { readonly lingerMs: number; readonly graceMs: number },
  leaseMs: number,
  nowMs: number,
): number {
  return Math.max(0, Math.min(graceMs, leaseMs + lingerMs + graceMs + LATE_MS - nowMs));
}

/**
 * How long after a stop order the stop signal comes, in ms: until then the early signal has its time. Where the stop leaves less than both
 * ask for, the grace goes before the notice. 0 = at once, and nothing goes ahead of it.
 * @param spanMs from the order to the kill
 */
export function noticeMs(
  { graceMs, earlySignal }: { readonly graceMs: number; readonly earlySignal?: { readonly aheadMs: number } },
  spanMs: number,
): number {
  return earlySignal === undefined ? 0 : Math.max(0, Math.min(earlySignal.aheadMs, spanMs - graceMs));
}

/**
 * When a task is killed that has to stop now, in ms since boot; null = a stop under way ends it no later, and nothing changes.
 * @param before when the stop under way kills; null = there is none
 */
export function killTime(before: number | null, graceMs: number, nowMs: number): number | null {
  const killAtMs = nowMs + graceMs;
  return before !== null && before <= killAtMs ? null : killAtMs;
}

// What the supervisor decides about the tasks it holds: when one has no lease any more, and when one is killed. Pure, so that
// the simulator's supervisor decides the same.

/** How often leases are looked at, in ms. */
export const WATCH_MS = 500;

/** Whether a task has to stop because its node's lease, and the time it may run on without one, are over. Times are ms since boot. */
export function isOverdue(task: { readonly lingerMs: number }, leaseMs: number, nowMs: number): boolean {
  return nowMs > leaseMs + task.lingerMs;
}

/**
 * When a task is killed that has to stop now, in ms since boot; null = a stop under way ends it no later, and nothing changes.
 * @param before when the stop under way kills; null = there is none
 */
export function killTime(before: number | null, graceMs: number, nowMs: number): number | null {
  const killAtMs = nowMs + graceMs;
  return before !== null && before <= killAtMs ? null : killAtMs;
}

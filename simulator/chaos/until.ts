// Waiting for conditions, never for time.
import { setTimeout as sleep } from 'node:timers/promises';

const DEFAULT_LIMIT_MS = 60_000;
const POLL_MS = 50;

/** Waits for a condition. @throws Error when it does not come within the limit */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = DEFAULT_LIMIT_MS,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`gave up waiting: ${what}`);
    await sleep(POLL_MS);
  }
}

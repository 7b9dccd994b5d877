// What a person at a terminal sees of something that takes longer than a second: what is done, and for how long by now, on one line
// that goes when it is over. Programs, pipes and files get nothing of it.
import type { Clock } from '../common/clock.js';
import type { Output } from './invocation.js';

/** What is over sooner needs no word. */
const PATIENCE_MS = 1_000;
const STEP_MS = 1_000;
/** To the beginning of the line, and everything behind it away. */
const CLEAR_LINE = '\r\u001b[K';

/**
 * Tells of a wait until it is over.
 * @param now what is to be seen at this moment: "saving the snapshot: 12 MiB"
 */
export async function working<T>(stderr: Output, clock: Clock, now: () => string, wait: Promise<T>): Promise<T> {
  if (stderr.isTTY !== true) return wait;
  const begunMs = clock.monotonicMs();
  let isShown = false;
  const show = (): void => {
    const seconds = Math.floor((clock.monotonicMs() - begunMs) / 1_000);
    stderr.write(`${CLEAR_LINE}${now()} (${seconds} s)`);
    isShown = true;
    timer = clock.after(STEP_MS, show);
  };
  let timer = clock.after(PATIENCE_MS, show);
  try {
    return await wait;
  } finally {
    timer.cancel();
    if (isShown) stderr.write(CLEAR_LINE);
  }
}

// Waiting for what another process does: looks again and again, with a deadline, never for a fixed time.
import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `look` gives something. @throws Error that says what did not happen */
export async function eventually<T>(what: string, look: () => T | null | undefined, limitMs = 20_000): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const found = look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`did not happen in ${limitMs} ms: ${what}`);
    await delay(5);
  }
}

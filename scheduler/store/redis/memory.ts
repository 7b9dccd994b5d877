// Judges how much room is left in a Redis, before a commit needs it: with nothing evicted, a full one refuses every write.
import type { SpaceReport } from '../space.js';
import type { RedisFacts } from './port.js';

/** Below this share of the memory only what frees room is taken. */
export const LOW_SHARE = 0.1;
/** Below this nothing is placed either. */
export const CRITICAL_SHARE = 0.03;

/** As the space guard of a disk reports it. The limit is Redis' own, or without one the memory of its machine. */
export function judgeMemory({ usedBytes, maxBytes }: Pick<RedisFacts, 'usedBytes' | 'maxBytes'>): SpaceReport {
  const freeBytes = Math.max(0, maxBytes - usedBytes);
  const [lowBelowBytes, criticalBelowBytes] = [maxBytes * LOW_SHARE, maxBytes * CRITICAL_SHARE];
  const state = freeBytes < criticalBelowBytes ? 'critical' : freeBytes < lowBelowBytes ? 'low' : 'ample';
  return { freeBytes, totalBytes: maxBytes, state, lowBelowBytes, criticalBelowBytes };
}

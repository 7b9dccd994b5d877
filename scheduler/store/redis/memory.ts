// Judges how much room is left in a Redis, before a commit needs it: with nothing evicted, a full one refuses every write.
import type { SpaceState } from '../state-store.js';
import type { RedisFacts } from './port.js';

/** What was last seen of the memory, with the limits it is judged by. */
export interface MemoryReport {
  readonly state: SpaceState;
  readonly usedBytes: number;
  /** 0 = Redis has no limit of its own. */
  readonly maxBytes: number;
}

/** Above this share of its limit only what frees room is taken. */
export const LOW_ABOVE = 0.9;
/** Above this nothing is placed either. */
export const CRITICAL_ABOVE = 0.97;

export function judgeMemory({ usedBytes, maxBytes }: Pick<RedisFacts, 'usedBytes' | 'maxBytes'>): MemoryReport {
  const share = maxBytes === 0 ? 0 : usedBytes / maxBytes;
  return { state: share > CRITICAL_ABOVE ? 'critical' : share > LOW_ABOVE ? 'low' : 'ample', usedBytes, maxBytes };
}

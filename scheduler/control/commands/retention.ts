// Lets go of finished work and old request ids after their time, a bounded number of records at once.
import { workloadKey } from '../../model/records.js';
import type { Command } from '../command.js';
import type { Keeping } from '../keeping.js';

/**
 * Records one sweep removes, about: a workload goes with its allocations, however many. Each costs the turn about 20 us, and
 * nobody is to wait for a sweep.
 */
export const RECORDS_A_SWEEP = 250;
/** The shortest time for which a request id is remembered, so that who repeats a request after a week is not served twice. */
export const MIN_REQUEST_MS = 7 * 24 * 3_600_000;
/** The least number of request ids for which there is room. Each takes about 400 bytes of memory. */
export const MIN_REQUEST_COUNT = 2_000_000;
/** From this part of the room on, ids go as soon as they may, so that there is room when a burst comes. */
const NEARLY_FULL = 0.9;

export interface Retention {
  /** How long a finished workload is kept. */
  readonly finishedMs: number;
  /** How many finished workloads are kept at most; the oldest go first. */
  readonly finishedCount: number;
  /** How long a request id is remembered; never shorter than a workload it made is kept. */
  readonly requestMs: number;
  /** How many request ids are remembered at most. Near it they go after {@link MIN_REQUEST_MS}; at it new ones are refused. */
  readonly requestCount: number;
}

/** Whether the room for request ids is nearly used up, so that a sweep should not wait. */
export function isNearlyFull(requests: number, { requestCount }: Pick<Retention, 'requestCount'>): boolean {
  return requests >= NEARLY_FULL * requestCount;
}

/** Removes what is past its time. Answers with how many records went; at least {@link RECORDS_A_SWEEP} = there may be more. */
export function sweep(retention: Retention, keeping: Keeping): Command<number> {
  return {
    name: 'sweep',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, { nowMs }) => {
      let removed = 0;
      let finished = keeping.finishedCount;
      while (removed < RECORDS_A_SWEEP) {
        const isSurplus = finished > retention.finishedCount;
        const workload = keeping.takeFinished(isSurplus ? Infinity : nowMs - retention.finishedMs);
        if (workload === null) break;
        const ids = [...workload.allocations, ...workload.pastAllocations];
        for (const id of ids) draft.delete('allocations', id);
        draft.delete('workloads', workloadKey(workload.number));
        removed += 1 + ids.length;
        finished -= 1;
      }
      const { requests } = draft.base;
      let remembered = requests.size;
      while (removed < RECORDS_A_SWEEP) {
        const isShort = isNearlyFull(remembered, retention);
        const keepMs = isShort ? Math.min(retention.requestMs, MIN_REQUEST_MS) : retention.requestMs;
        const key = keeping.takeRequest(
          nowMs - keepMs,
          (number) => draft.get('workloads', workloadKey(number)) !== undefined,
        );
        if (key === null) break;
        draft.delete('requests', key);
        removed += 1;
        remembered -= 1;
      }
      return removed;
    },
  };
}

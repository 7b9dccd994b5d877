// Lets go of finished work and old request ids after their time, a bounded number at once.
import { isTerminal } from '../../model/cluster-state.js';
import { workloadKey, type Workload } from '../../model/records.js';
import type { Command } from '../command.js';

/** Records one sweep removes at most, so that no commit grows without bound. */
export const MAX_PER_SWEEP = 1_000;

export interface Retention {
  /** How long a finished workload is kept. */
  readonly finishedMs: number;
  /** How many finished workloads are kept at most; the oldest go first. */
  readonly finishedCount: number;
  /** How long a request id is remembered; never shorter than a workload it made is kept. */
  readonly requestMs: number;
}

/** Removes what is past its time. Answers with how many records went. */
export function sweep(retention: Retention): Command<number> {
  return {
    name: 'sweep',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, { nowMs }) => {
      const all = [...draft.base.workloads.values()];
      const finished = all.filter(({ state }) => isTerminal(state));
      // How it ended decides what becomes of those that wait for it.
      const awaited = new Set(
        all
          .filter(({ state, attempt }) => state === 'pending' && attempt === 0)
          .flatMap(({ spec }) => spec.dependencies.map(({ workload }) => workload)),
      );
      const surplus = Math.max(0, finished.length - retention.finishedCount);
      const released = (workload: Workload): boolean =>
        [...workload.allocations, ...workload.pastAllocations].every(
          (id) => (draft.base.allocation(id)?.state ?? 'released') === 'released',
        );
      const going = finished
        .filter((workload, rank) => rank < surplus || nowMs - (workload.endedMs ?? nowMs) > retention.finishedMs)
        .filter((workload) => released(workload) && !awaited.has(workload.number))
        .slice(0, MAX_PER_SWEEP);
      for (const workload of going) {
        for (const id of [...workload.allocations, ...workload.pastAllocations]) draft.delete('allocations', id);
        draft.delete('workloads', workloadKey(workload.number));
      }
      const forgotten = [...draft.base.requests.values()]
        .filter(({ timeMs, workloads }) => {
          if (nowMs - timeMs <= retention.requestMs) return false;
          return workloads.every((number) => draft.get('workloads', workloadKey(number)) === undefined);
        })
        .slice(0, MAX_PER_SWEEP);
      for (const { key } of forgotten) draft.delete('requests', key);
      return going.length + forgotten.length;
    },
  };
}

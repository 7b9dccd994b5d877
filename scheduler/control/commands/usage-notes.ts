// What is written into the sums of usage beside what follows from grants: idle GPUs, and the folding of old days.
import type { AllocationId } from '../../../common/ids.js';
import { addGpuTime, NO_GPU_TIME, type GpuTime } from '../../model/gpu-time.js';
import { fold } from '../../model/usage-history.js';
import type { Command } from '../command.js';

/** Records that one of these commands changes at most, so that nobody waits for it. */
export const NOTES_AT_ONCE = 200;

/** GPUs of running tasks did nothing for so long more. Of tasks that have ended meanwhile nothing is counted. */
export function noteIdle(more: readonly (readonly [AllocationId, GpuTime])[]): Command<void> {
  return {
    name: 'note_idle',
    whenSpace: 'low',
    isReport: true,
    run: (draft) => {
      for (const [id, time] of more) {
        const allocation = draft.get('allocations', id);
        if (allocation?.state !== 'running') continue;
        draft.putAllocation({ ...allocation, idle: addGpuTime(allocation.idle ?? NO_GPU_TIME, time) });
      }
    },
  };
}

/** Folds old records of usage into later ones. */
export function foldUsage(keys: readonly string[]): Command<void> {
  return { name: 'fold_usage', whenSpace: 'critical', isReport: true, run: (draft) => fold(draft, keys) };
}

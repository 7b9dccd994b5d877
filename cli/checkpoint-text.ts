// What a workload saved, and what it would have to do again if it were stopped now, in words.
import { GPU_PARTS } from '../common/gpu-parts.js';
import { formatDuration, fromDuration, fromTimestamp } from '../common/units.js';
import type { Workload__Output } from '../proto/gen/sluice/v1/Workload.js';
import type { WorkloadSpec__Output } from '../proto/gen/sluice/v1/WorkloadSpec.js';
import { age, gpuTimeText } from './presentation.js';

/** `30s`, `30s, after SIGUSR1 2m00s ahead of the stop signal` */
export function graceText(spec: WorkloadSpec__Output | null): string {
  const early = spec?.checkpoint?.earlySignal ?? null;
  const grace = formatDuration(fromDuration(spec?.checkpoint?.grace) ?? 0);
  if (early === null) return grace;
  return `${grace}, and ${early.signal} ${formatDuration(fromDuration(early.ahead) ?? 0)} ahead of the stop signal`;
}

/** `step 1200, 12m ago, /ckpt/1041/step-1200` */
export function checkpointText({ checkpoint }: Workload__Output, nowMs: number): string {
  return checkpoint === null
    ? 'none'
    : `step ${checkpoint.step}, ${age(checkpoint.time, nowMs)} ago, ${checkpoint.path}`;
}

/** What it would lose by a stop now: GPU time of what runs since its last checkpoint, or since its start. Empty = nothing runs. */
export function atRiskText({ allocations, checkpoint }: Workload__Output, nowMs: number): string {
  const running = allocations.filter(({ state, gpus }) => state === 'ALLOCATION_STATE_RUNNING' && gpus.length > 0);
  if (running.length === 0) return '';
  const savedMs = fromTimestamp(checkpoint?.time ?? null) ?? 0;
  let [lostMs, isSaved] = [0, false];
  for (const { startTime, gpus } of running) {
    const startedMs = fromTimestamp(startTime) ?? nowMs;
    const parts = gpus.reduce((sum, one) => sum + (one.parts === 0 ? GPU_PARTS : one.parts), 0);
    isSaved ||= savedMs > startedMs;
    lostMs += (Math.max(0, nowMs - Math.max(startedMs, savedMs)) * parts) / GPU_PARTS;
  }
  return `${gpuTimeText(lostMs)} since ${isSaved ? 'that checkpoint' : 'its start'}`;
}

// What work was done in vain: an attempt that was interrupted has to do again what came after its last checkpoint, or all of
// it; an attempt that failed led to nothing beyond its last checkpoint. Written into the records of its allocations in the
// commit in which the workload leaves the attempt, so each is counted once. What a user cancelled is nobody's waste. Pure.
import type { ChangedRecords } from './changed-records.js';
import { gpuTimeOf, type GpuTime } from './gpu-time.js';
import { heldParts } from './quota-use.js';
import type { Allocation, Checkpoint, RecordChange, Workload } from './records.js';

/** GPU time that was done in vain, of one allocation. */
export interface WastedSpan {
  readonly allocation: Allocation;
  readonly kind: 'lost' | 'failed';
  readonly fromMs: number;
  readonly toMs: number;
}

/** How the workload left its attempt, if that was in vain. */
export function vainEnd(
  change: RecordChange,
): { readonly workload: Workload; readonly kind: WastedSpan['kind'] } | null {
  if (change.collection !== 'workloads' || change.after === null || change.before === null) return null;
  const { before, after } = change;
  if (before.state === after.state || before.state === 'pending' || before.endedMs !== null) return null;
  if (after.state === 'failed') return { workload: after, kind: 'failed' };
  if (after.state !== 'pending') return null;
  return { workload: after, kind: after.retries > before.retries ? 'failed' : 'lost' };
}

/** Writes into the allocations of a workload what its attempt did in vain. */
export function waste(
  records: ChangedRecords,
  { workload, kind }: { readonly workload: Workload; readonly kind: WastedSpan['kind'] },
): readonly WastedSpan[] {
  const spans: WastedSpan[] = [];
  for (const id of workload.allocations) {
    const allocation = records.get('allocations', id);
    if (allocation === undefined || allocation.gpus.length === 0) continue;
    const span = vainSpan(allocation, workload.checkpoint, kind);
    if (span === null) continue;
    spans.push({ allocation, kind, ...span });
    const time: GpuTime = gpuTimeOf(heldParts(allocation.gpus), span.toMs - span.fromMs);
    records.putAllocation({ ...allocation, [kind]: time });
  }
  return spans;
}

/** Lost is what its program did; failed is all that was charged, since a program that never came up held GPUs as well. */
function vainSpan(
  { placedMs, startedMs, endedMs }: Allocation,
  checkpoint: Checkpoint | null,
  kind: WastedSpan['kind'],
): { readonly fromMs: number; readonly toMs: number } | null {
  const beganMs = kind === 'lost' ? startedMs : placedMs;
  if (beganMs === null || endedMs === null) return null;
  const fromMs = Math.max(beganMs, checkpoint?.timeMs ?? 0);
  return fromMs < endedMs ? { fromMs, toMs: endedMs } : null;
}

// What must hold of the sums of usage: a commit adds to them exactly what the grants come to that it ends, and to the sum
// over all the same; nothing is counted twice, nothing left out. Counted here from times and parts alone, without days.
import {
  addGpuTime,
  gpuTimeOf,
  isSameGpuTime,
  NO_GPU_TIME,
  subtractGpuTime,
  type GpuTime,
} from '../../model/gpu-time.js';
import type { Allocation, RecordChange } from '../../model/records.js';
import type { ReadableState } from '../../model/cluster-state.js';
import { addUsage, NO_USAGE, USAGE_TOTAL, type UsageSums } from '../../model/usage.js';
import type { Complain } from './violation.js';

/** The sums move by what was released, and by nothing else. */
export function checkUsage(changes: readonly RecordChange[], complain: Complain): void {
  let owed = NO_USAGE;
  let days = NO_USAGE;
  let total = NO_USAGE;
  let isTouched = false;
  for (const change of changes) {
    if (change.collection === 'allocations') {
      const { before, after } = change;
      if (after?.state !== 'released' || before?.state === 'released' || after.gpus.length === 0) continue;
      owed = addUsage(owed, owedFor(after));
      isTouched = true;
    } else if (change.collection === 'usage') {
      const moved = movement(change.before ?? NO_USAGE, change.after ?? NO_USAGE);
      if (change.key === USAGE_TOTAL) total = addUsage(total, moved);
      else days = addUsage(days, moved);
      isTouched = true;
    }
  }
  if (!isTouched) return;
  for (const [name, found] of [
    ['the sums of days', days],
    ['the sum of all', total],
  ] as const) {
    if (!isSame(found, owed)) complain('exact_usage', name, `to move by ${text(owed)}`, text(found));
  }
}

/** The sum over all records is the one kept beside them. For audits. */
export function checkUsageTotal(state: ReadableState, complain: Complain): void {
  let sum: UsageSums = NO_USAGE;
  for (const [key, record] of state.usage) if (key !== USAGE_TOTAL) sum = addUsage(sum, record);
  const total = state.usage.get(USAGE_TOTAL) ?? NO_USAGE;
  if (!isSame(sum, total)) complain('exact_usage', 'the sum of all records', text(total), text(sum));
}

function owedFor({ gpus, placedMs, startedMs, endedMs, release }: Allocation): UsageSums {
  const time = (fromMs: number | null, toMs: number | null): GpuTime =>
    gpus.reduce(
      (sum, { parts }) => addGpuTime(sum, gpuTimeOf(parts, fromMs === null || toMs === null ? 0 : toMs - fromMs)),
      NO_GPU_TIME,
    );
  const held = time(placedMs, release?.timeMs ?? null);
  return { grants: 1, held, charged: time(placedMs, endedMs), ran: time(startedMs, endedMs) };
}

function movement(before: UsageSums, after: UsageSums): UsageSums {
  return {
    grants: after.grants - before.grants,
    held: subtractGpuTime(after.held, before.held),
    charged: subtractGpuTime(after.charged, before.charged),
    ran: subtractGpuTime(after.ran, before.ran),
  };
}

function isSame(a: UsageSums, b: UsageSums): boolean {
  return (
    a.grants === b.grants &&
    isSameGpuTime(a.held, b.held) &&
    isSameGpuTime(a.charged, b.charged) &&
    isSameGpuTime(a.ran, b.ran)
  );
}

function text({ grants, held, charged, ran }: UsageSums): string {
  const one = ({ ms, parts }: GpuTime): string => `${ms} ms and ${parts} parts`;
  return `${grants} grants, held ${one(held)}, charged ${one(charged)}, ran ${one(ran)}`;
}

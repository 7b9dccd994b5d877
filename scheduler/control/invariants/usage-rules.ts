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
import { USAGE_TOTAL } from '../../model/usage.js';
import { addUsage, NO_USAGE, sumsOf, TIMES, type UsageSums } from '../../model/usage-sums.js';
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
      const noted = notedOn(before, after);
      if (noted !== null) {
        owed = addUsage(owed, noted);
        isTouched = true;
      }
      if (after?.state !== 'released' || before?.state === 'released' || after.gpus.length === 0) continue;
      owed = addUsage(owed, owedFor(after));
      isTouched = true;
    } else if (change.collection === 'usage') {
      const moved = movement(sumsOf(change.before), sumsOf(change.after));
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
  for (const [key, record] of state.usage) if (key !== USAGE_TOTAL) sum = addUsage(sum, sumsOf(record));
  const total = sumsOf(state.usage.get(USAGE_TOTAL));
  if (!isSame(sum, total)) complain('exact_usage', 'the sum of all records', text(total), text(sum));
}

function owedFor({ gpus, placedMs, startedMs, endedMs, release }: Allocation): UsageSums {
  const time = (fromMs: number | null, toMs: number | null): GpuTime =>
    gpus.reduce(
      (sum, { parts }) => addGpuTime(sum, gpuTimeOf(parts, fromMs === null || toMs === null ? 0 : toMs - fromMs)),
      NO_GPU_TIME,
    );
  const held = time(placedMs, release?.timeMs ?? null);
  return { ...NO_USAGE, grants: 1, held, charged: time(placedMs, endedMs), ran: time(startedMs, endedMs) };
}

/** What an allocation's own record says beyond its times: by how much that moved. */
function notedOn(before: Allocation | null, after: Allocation | null): UsageSums | null {
  if (after === null) return null;
  const isNew = after.lent !== before?.lent || after.idle !== before?.idle;
  if (!isNew && after.lost === before?.lost && after.failed === before?.failed) return null;
  const moved = (now: GpuTime = NO_GPU_TIME, was: GpuTime = NO_GPU_TIME): GpuTime => subtractGpuTime(now, was);
  return {
    ...NO_USAGE,
    borrowed: moved(after.lent?.time, before?.lent?.time),
    idle: moved(after.idle, before?.idle),
    lost: moved(after.lost, before?.lost),
    failed: moved(after.failed, before?.failed),
  };
}

function movement(before: UsageSums, after: UsageSums): UsageSums {
  const times = TIMES.map((name) => [name, subtractGpuTime(after[name], before[name])] as const);
  return { ...NO_USAGE, ...Object.fromEntries(times), grants: after.grants - before.grants };
}

function isSame(a: UsageSums, b: UsageSums): boolean {
  return a.grants === b.grants && TIMES.every((name) => isSameGpuTime(a[name], b[name]));
}

function text(sums: UsageSums): string {
  const times = TIMES.map((name) => `${name} ${sums[name].ms} ms and ${sums[name].parts} parts`);
  return `${sums.grants} grants, ${times.join(', ')}`;
}

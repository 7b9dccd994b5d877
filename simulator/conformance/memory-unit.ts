// Memory in the unit that makes every amount of a scenario a whole number. Records count whole MiB, scenarios count bytes in
// round millions or a few hundred: rounded to MiB, twenty tasks of a gigabyte would not fit on a node of twenty.
import type { Scenario } from './scenario.js';

/** The peer divides memory in megabytes, so the unit is never larger. */
const MEGABYTE = 1_000_000;

/** The largest amount in units: what a 32-bit integer holds. */
const MAX_UNITS = 2 ** 31 - 1;

/** Bytes to units: what is there is rounded down, what is asked for or ruled is rounded up. */
export interface MemoryUnits {
  readonly have: (bytes: number) => number;
  readonly need: (bytes: number) => number;
}

/** The unit of a scenario: the largest, up to a megabyte, that divides all its amounts of memory. */
export function memoryUnits({ nodes, queues, jobs }: Scenario): MemoryUnits {
  const amounts = [
    ...nodes.map(({ memory_bytes: bytes }) => bytes),
    ...queues.flatMap(({ quota_memory_bytes: quota, limit_memory_bytes: limit }) => [quota, limit]),
    ...jobs.map(({ memory_bytes_per_task: bytes }) => bytes),
  ].filter((bytes) => bytes > 0);
  const common = amounts.reduce((unit, bytes) => greatestCommonDivisor(unit, Math.round(bytes)), MEGABYTE);
  const unit = Math.max(common, Math.ceil(Math.max(0, ...amounts) / MAX_UNITS));
  return { have: (bytes) => Math.floor(bytes / unit), need: (bytes) => Math.ceil(bytes / unit) };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

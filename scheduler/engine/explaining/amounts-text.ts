// Amounts in words, and how much is told at most.
import { plural } from '../../../common/units.js';
import { toGpus } from '../../model/requests.js';
import { CPU, GPU } from '../amounts.js';

/** How many workloads, or nodes, an explanation names before it only counts. */
export const NAMED_AT_MOST = 3;

/** "3 GPUs", "0.5 GPUs". */
export function sayParts(parts: number): string {
  return plural(round(toGpus(parts)), 'GPU');
}

/** A bare number of GPUs; cores and MiB with their unit. */
export function sayAmount(amount: number, resource: number): string {
  if (amount === Infinity) return 'without bound';
  if (resource === GPU) return String(round(toGpus(amount)));
  return resource === CPU ? plural(round(amount / 1_000), 'core') : `${amount} MiB`;
}

/** How amounts of a resource are said with their unit. */
export function sayUnit(resource: number): (amount: number) => string {
  return resource === GPU ? sayParts : (amount) => sayAmount(amount, resource);
}

/** To the thousandth. */
export function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

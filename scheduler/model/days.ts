// Days of UTC, by which usage is counted and budgets begin and end. Pure.

export const DAY_MS = 24 * 3_600_000;

export function startOfDay(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS;
}

/** "2026-11-22" */
export function dayText(ms: number): string {
  // A time that is given has one date; no clock is read.
  // oxlint-disable-next-line no-restricted-globals
  return new Date(ms).toISOString().slice(0, 'YYYY-MM-DD'.length);
}

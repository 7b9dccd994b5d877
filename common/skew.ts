// What differs between an agent and its scheduler, in words: clocks and versions. Nothing is decided by clocks of two machines
// (leases are measured on each by itself), but times in logs, events and bills are then off, and tokens may look expired.
import { formatDuration } from './units.js';

/** Clocks that are further apart than this are told of, in ms. Where time is kept by NTP they differ by less than a tenth of it. */
export const CLOCK_SKEW_LIMIT_MS = 2_000;

/** One side: what it runs and what its clock shows. Empty and null = not told, as by a scheduler of before. */
export interface Side {
  readonly version: string;
  readonly wallMs: number | null;
}

/** @returns one sentence each, with what to do; empty = nothing worth a word */
export function skewsBetween(ours: Side, theirs: Side): readonly string[] {
  return [clockSkew(ours, theirs), versionSkew(ours, theirs)].filter((one) => one !== null);
}

/** How far this clock is from the scheduler's, in words; null = close enough, or not known. */
export function clockSkew(ours: Side, theirs: Side): string | null {
  if (ours.wallMs === null || theirs.wallMs === null) return null;
  const aheadMs = ours.wallMs - theirs.wallMs;
  if (Math.abs(aheadMs) <= CLOCK_SKEW_LIMIT_MS) return null;
  const direction = aheadMs > 0 ? 'ahead of' : 'behind';
  const far = formatDuration(Math.round(Math.abs(aheadMs) / 1_000) * 1_000);
  return `the clock of this node is ${far} ${direction} the scheduler's: times in logs and events are off; is NTP running?`;
}

/** How the versions differ, in words; null = they do not, or it is not known. A newer agent is told of, too: that order is wrong. */
export function versionSkew(ours: Side, theirs: Side): string | null {
  if (ours.version === '' || theirs.version === '' || theirs.version === ours.version) return null;
  const order = compareVersions(ours.version, theirs.version);
  if (order > 0)
    return `this agent is ${ours.version}, the scheduler ${theirs.version}: upgrade the scheduler before its agents`;
  return `this agent is ${ours.version}, the scheduler ${theirs.version}: upgrade the agent; its tasks go on meanwhile`;
}

/** By number: 0.10.0 is later than 0.9.0. What follows a hyphen does not count. */
function compareVersions(one: string, other: string): number {
  const numbers = (version: string) => (version.split('-')[0] ?? '').split('.').map(Number);
  const theirs = numbers(other);
  return (
    numbers(one)
      .map((number, index) => number - (theirs[index] ?? 0))
      .find((difference) => difference !== 0) ?? 0
  );
}

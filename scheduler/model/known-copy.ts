// On which copy of the store the history goes on, and what follows when it is another one: with copies that are not all awaited, the one
// that takes over may lack the last commits although it says nothing of it. Pure.
import { plural } from '../../common/units.js';
import type { KnownCopy } from './records.js';

/** A copy as the store tells of it; see CopyInForce of the store. */
interface FoundCopy {
  readonly id: string;
  readonly replicas: number;
  readonly awaited: number;
  readonly ranMs: number;
}

/** By how much the times of day of two daemons, and a server's own count of its life, may differ. */
const CLOCKS_MS = 60_000;

/** What is noted of the copy in force. Who could take its place is never forgotten: it may be away, and come back. */
export function copyOf(known: KnownCopy | undefined, found: FoundCopy, nowMs: number): KnownCopy {
  const { id, awaited } = found;
  const replicas = Math.max(known?.replicas ?? 0, found.replicas);
  if (known?.id !== id) return { id, replicas, awaited, sinceMs: nowMs };
  return { id, replicas, awaited: Math.min(known.awaited, awaited), sinceMs: known.sinceMs };
}

/**
 * Why the copy in force may lack commits that were acknowledged, in words; null = it has them all. It has, when it is the same one as before;
 * or when each one that could take over had to have every commit, and this one has lived since then: a server that began again
 * may have lost what was not on its disk.
 */
export function doubtOf(known: KnownCopy | undefined, found: FoundCopy, nowMs: number): string | null {
  if (known === undefined)
    return 'nobody noted on which copy of the store the history went on, so the last commits may be missing';
  if (known.id === found.id) return null;
  const hasLivedSince = nowMs - found.ranMs + CLOCKS_MS < known.sinceMs;
  if (known.replicas <= known.awaited && hasLivedSince) return null;
  const lack = `another copy of the store leads (${short(found.id)} after ${short(known.id)}), and may lack the last commits`;
  if (hasLivedSince) return `${lack}: ${known.awaited} of ${plural(known.replicas, 'replica')} had to have them`;
  return `${lack}: it began again since`;
}

function short(id: string): string {
  return id.length > 16 ? id.slice(0, 8) : id;
}

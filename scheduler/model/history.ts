// One unbroken history of the store after another: what the cluster's record says of it.
import type { ClusterMeta, LossOfHistory, PastLineage, TermBeginning } from './records.js';

/** Histories that are remembered. */
const MAX_PAST_LINEAGES = 64;
/** Beginnings of epochs that are remembered. They are written with every submission, so there are few. */
export const MAX_TERMS = 16;

/**
 * Numbers of workloads go on at the next multiple: people, scripts and folders may know workloads that were accepted in the part
 * that is gone, and their numbers must not mean others.
 */
export const NUMBER_STEP = 100_000;

/**
 * The cluster's record at the beginning of another history. Nothing is placed until agents were heard.
 * @param lastGiven the highest number of a workload that is known to have been given, if the record may not know it
 */
export function inNewHistory(
  meta: ClusterMeta,
  lineage: string,
  left: Omit<PastLineage, 'leftMs' | 'why'>,
  why: LossOfHistory,
  nowMs: number,
  lastGiven = 0,
): ClusterMeta {
  const pastLineages = [...(meta.pastLineages ?? []), { ...left, leftMs: nowMs, why }].slice(-MAX_PAST_LINEAGES);
  const lastWorkload = aboveGiven(Math.max(meta.lastWorkload, lastGiven));
  return { ...meta, lineage, lastWorkload, pastLineages, recovery: { why, sinceMs: nowMs, adopted: 0 } };
}

/** Where numbers of workloads go on when some above the last one that is known may have been given. */
export function aboveGiven(lastWorkload: number): number {
  return (Math.floor(lastWorkload / NUMBER_STEP) + 1) * NUMBER_STEP;
}

/** How many steps {@link aboveForgotten} chooses among, and how long each is the one to choose, in ms. */
const TURNS = 100;
const TURN_MS = 5_000;

/**
 * The same when it may be forgotten as well that numbers went on so before: two servers that lag may be promoted one after the other. The
 * time of day then says by how many steps, so that within minutes nobody goes on where another one did.
 */
export function aboveForgotten(lastWorkload: number, nowMs: number): number {
  const next = aboveGiven(lastWorkload) / NUMBER_STEP;
  const turn = Math.floor(nowMs / TURN_MS) % TURNS;
  return (next + ((((turn - next) % TURNS) + TURNS) % TURNS)) * NUMBER_STEP;
}

/** The cluster's record once an epoch has begun. */
export function withTerm(meta: ClusterMeta, term: TermBeginning): ClusterMeta {
  const terms = [...(meta.terms ?? []), term].toSorted((a, b) => a.epoch - b.epoch);
  return { ...meta, terms: terms.slice(-MAX_TERMS) };
}

// Agents as witnesses of the past: what an agent's hello says of the orders it obeyed, compared with what the store knows.
// Pure. Every agent remembers cluster, history, epoch and revision, so a store that lost a part of its past (a restored
// backup, a failover to a copy that lagged) meets somebody who knows better before it hands out a GPU of his.
//
//   the agent obeyed                                 then
//   nobody yet                                       it follows
//   another cluster                                  it is refused
//   a history that left ours                         it is refused: a copy of this store leads the cluster elsewhere;
//                                                    of a store that daemons share, a part of it was lost: a new one begins
//   ours, an epoch that two leaders claimed          a term above that epoch has to begin
//   ours, and was told of more than the store knows  history was lost: a new one begins
//   ours, of one leader more than there was when     the same: the store was put back to before, and has gone on since
//   the next one began
//   ours, what the store knows                       it follows
//   another one, an epoch not below ours             a term above that epoch has to begin
//   one before ours, no more than ours took over     it follows
//   another one, more than that                      it follows, and what it runs is taken over
import type { PastLineage, TermBeginning } from '../model/records.js';

/** What an agent remembers of those it obeyed. Empty texts and 0 = nobody yet. */
export interface Witness {
  readonly clusterId: string;
  readonly lineage: string;
  readonly maxEpoch: number;
  readonly maxRevision: number;
  /** The leader of `maxEpoch`; empty = it did not say. */
  readonly leaderId: string;
  readonly collidedEpoch: number;
  readonly pastLineages: readonly string[];
}

/** What the store has of its own past. */
export interface KnownPast {
  readonly clusterId: string;
  readonly pastLineages: readonly PastLineage[];
  /** Where the latest epochs began, the latest last. */
  readonly terms: readonly TermBeginning[];
  /** Whether the store keeps itself on several machines; absent = it does not. */
  readonly isStoreShared?: boolean;
}

export type Testimony =
  /** `knowsMore`: of a history that was lost; what it has and the store does not know is taken over. */
  | { readonly type: 'follows'; readonly knowsMore: boolean }
  | { readonly type: 'refuse'; readonly reason: 'OTHER_CLUSTER' | 'HISTORY_LEFT'; readonly why: string }
  | { readonly type: 'epoch too low'; readonly aboveEpoch: number; readonly why: string }
  | { readonly type: 'history lost'; readonly aboveEpoch: number; readonly why: string };

/** Compares what an agent obeyed with where the store stands. */
export function hear(
  witness: Witness,
  cluster: KnownPast,
  { lineage, epoch, revision }: { readonly lineage: string; readonly epoch: number; readonly revision: number },
): Testimony {
  const { maxEpoch, maxRevision, collidedEpoch } = witness;
  const aboveEpoch = Math.max(maxEpoch, collidedEpoch);
  if (witness.clusterId === '' || witness.lineage === '') return { type: 'follows', knowsMore: false };
  if (witness.clusterId !== cluster.clusterId) {
    const why =
      `this node belongs to cluster ${witness.clusterId}, this is cluster ${cluster.clusterId}\n` +
      'Give the agent the address of its own scheduler. To move the node, empty it and remove its --state-dir.';
    return { type: 'refuse', reason: 'OTHER_CLUSTER', why };
  }
  if (witness.lineage !== lineage && witness.pastLineages.includes(lineage)) {
    // Of a store that several daemons share an earlier state comes back by itself, when a replica that lagged is promoted. No other
    // store leads this cluster then, so nobody need be asked.
    if (cluster.isStoreShared) {
      const why = `it left history ${lineage}, with which the store goes on, for ${witness.lineage} in epoch ${maxEpoch}`;
      return { type: 'history lost', aboveEpoch, why };
    }
    const why =
      `this node left history ${lineage}, with which this scheduler goes on, for ${witness.lineage}\n` +
      'Another scheduler leads this cluster, from a restored backup or a copy of this data. Stop one of the two.';
    return { type: 'refuse', reason: 'HISTORY_LEFT', why };
  }
  if (collidedEpoch >= epoch) {
    return { type: 'epoch too low', aboveEpoch, why: `epoch ${collidedEpoch} was claimed by two leaders` };
  }
  const next = nextTerm(witness, cluster.terms);
  const isBeyondNext = next !== null && maxRevision > next.revision;
  if (witness.lineage === lineage) {
    // Revisions go on from term to term: an earlier term's that is later than the store was never on this disk.
    const isBeyondUs = maxEpoch > epoch || maxRevision > revision;
    if (!isBeyondUs && !isBeyondNext) return { type: 'follows', knowsMore: false };
    const ours = isBeyondUs
      ? `the store ends at epoch ${epoch} revision ${revision}`
      : `the store knows of epoch ${next?.epoch} that began at revision ${next?.revision}`;
    return { type: 'history lost', aboveEpoch, why: `it knows of epoch ${maxEpoch} revision ${maxRevision}, ${ours}` };
  }
  if (maxEpoch >= epoch) {
    return { type: 'epoch too low', aboveEpoch, why: `epoch ${maxEpoch} was obeyed in history ${witness.lineage}` };
  }
  const past = cluster.pastLineages.find((one) => one.lineage === witness.lineage);
  const isWithinPast = past !== undefined && maxEpoch <= past.epoch && maxRevision <= past.revision;
  const knowsNoMore = isWithinPast && !isBeyondNext;
  return { type: 'follows', knowsMore: !knowsNoMore };
}

/**
 * The first term that followed the one obeyed, in the same history. What was ordered in a term is on disk when the next one begins, so
 * nobody can have obeyed more of it, unless the disk was put back to an older state.
 */
function nextTerm({ lineage, maxEpoch, leaderId }: Witness, terms: readonly TermBeginning[]): TermBeginning | null {
  const isNext = (term: TermBeginning): boolean => {
    const isOtherLeader = term.leaderId !== '' && leaderId !== '' && term.leaderId !== leaderId;
    return term.lineage === lineage && (term.epoch > maxEpoch || (term.epoch === maxEpoch && isOtherLeader));
  };
  return terms.find(isNext) ?? null;
}

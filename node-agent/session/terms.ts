// Whose orders an agent obeys: the pure judgement of a scheduler that presents itself. The agent is the resource that all
// leases and locks are about, so it is the place where a deposed leader, a copy of one, or a restored past is refused.
//
//   presents itself as                              then
//   another cluster                                 refused
//   a history that was left for a later one         refused
//   an epoch that two leaders claimed, or below it  refused
//   the same history, a lower epoch                 refused
//   the same history, the same epoch and leader     obeyed
//   the same epoch with another leader              both are refused from now on: a collision
//   the same history, a higher epoch                obeyed
//   another history, an epoch not above ours        refused: it has to learn what was obeyed here, and begin above it
//   another history, a higher epoch                 obeyed; the history before it is left for good

/** What an agent remembers of those it obeyed. */
export interface ObeyedTerm {
  /** Empty = it has obeyed nobody yet, as are the other texts then. */
  readonly clusterId: string;
  readonly lineage: string;
  readonly maxEpoch: number;
  /** The one leader of `maxEpoch`; empty = it did not say. */
  readonly leaderId: string;
  /** The highest epoch that two leaders claimed; 0 = none. */
  readonly collidedEpoch: number;
  /** Histories left for later ones, the latest last. */
  readonly pastLineages: readonly string[];
}

/** How a scheduler presents itself. */
export interface PresentedTerm {
  readonly clusterId: string;
  readonly lineage: string;
  readonly epoch: number;
  /** Empty = it does not say. */
  readonly leaderId: string;
}

export type TermVerdict =
  | { readonly type: 'obey' }
  /** `isCollision`: its epoch has two leaders. */
  | { readonly type: 'refuse'; readonly why: string; readonly isCollision: boolean };

/** Histories a node remembers to have left; each is one loss of history, or one restored backup. */
export const MAX_PAST_LINEAGES = 64;

/** Judges who asks to be obeyed. */
export function judgeTerm(obeyed: ObeyedTerm, presented: PresentedTerm): TermVerdict {
  if (obeyed.clusterId === '') return { type: 'obey' };
  const { epoch, lineage } = presented;
  if (presented.clusterId !== obeyed.clusterId) {
    return refuse(
      `it leads cluster ${presented.clusterId}, this node belongs to cluster ${obeyed.clusterId}; ` +
        'to move the node, empty it and remove its --state-dir',
    );
  }
  if (obeyed.pastLineages.includes(lineage)) {
    return refuse(`it goes on with history ${lineage}, which this node left for ${obeyed.lineage}`);
  }
  if (epoch <= obeyed.collidedEpoch)
    return refuse(`two leaders claimed epoch ${obeyed.collidedEpoch}; a later one is waited for`);
  if (lineage !== obeyed.lineage) {
    if (epoch > obeyed.maxEpoch) return { type: 'obey' };
    return refuse(`its history ${lineage} is another one, and its epoch ${epoch} is not above ${obeyed.maxEpoch}`);
  }
  if (epoch < obeyed.maxEpoch) return refuse(`its epoch ${epoch} is over: this node obeyed epoch ${obeyed.maxEpoch}`);
  if (epoch === obeyed.maxEpoch && isAnother(presented.leaderId, obeyed.leaderId)) {
    const why = `EPOCH_COLLISION: epoch ${epoch} is claimed by ${presented.leaderId} and was by ${obeyed.leaderId}`;
    return { type: 'refuse', why, isCollision: true };
  }
  return { type: 'obey' };
}

/** The memory after obeying: an epoch is bound to its leader, a history that was left stays left. */
export function withTerm<T extends ObeyedTerm>(obeyed: T, { clusterId, lineage, epoch, leaderId }: PresentedTerm): T {
  const isLeft = obeyed.lineage !== '' && obeyed.lineage !== lineage;
  const pastLineages = isLeft
    ? [...obeyed.pastLineages, obeyed.lineage].slice(-MAX_PAST_LINEAGES)
    : obeyed.pastLineages;
  const keepsLeader = !isLeft && epoch === obeyed.maxEpoch && leaderId === '';
  return {
    ...obeyed,
    clusterId,
    lineage,
    maxEpoch: epoch,
    leaderId: keepsLeader ? obeyed.leaderId : leaderId,
    pastLineages,
  };
}

function refuse(why: string): TermVerdict {
  return { type: 'refuse', why, isCollision: false };
}

function isAnother(one: string, other: string): boolean {
  return one !== '' && other !== '' && one !== other;
}

// How a daemon begins: a new term, every record from the store, and the checks that must hold before anything is served.
import type { ClusterView } from '../engine/view.js';
import { ClusterState, type ReadableState } from '../model/cluster-state.js';
import { aboveForgotten, inNewHistory, withTerm } from '../model/history.js';
import { copyOf, doubtOf } from '../model/known-copy.js';
import { META_KEY, type ClusterMeta, type Incident, type RecordChange } from '../model/records.js';
import { SharedParts } from '../model/shared-parts.js';
import type { StateStore, StoredRecord, StorePosition } from '../store/state-store.js';
import { auditRecords } from './invariants/audit.js';
import { INVARIANTS } from './invariants/catalog.js';
import { Holdings } from './invariants/holdings.js';
import { BrokenInvariant, type Complain, type Violation } from './invariants/violation.js';

export interface Recovered {
  readonly state: ClusterState;
  readonly position: StorePosition;
  readonly records: number;
  /** What shows that a part of the history was lost, in words, when that was found out by beginning; null = nothing did. */
  readonly loss: string | null;
  /** Why the last commits before this term may be missing, in words; null = they are there, or a loss is certain. */
  readonly doubt: string | null;
  /** What does not hold in what the store has, and is no reason not to serve it. */
  readonly violations: readonly Violation[];
}

/** What a daemon remembers beside the store, so that a store that was emptied or put back is told from a new one. */
export interface Remembered {
  /** A cluster whose data is gone: a store without one goes on with it, and asks its agents what they run. */
  readonly lostClusterId?: string | null;
  /** Where the history stood when this daemon last led. */
  readonly lastKnown?: StorePosition | null;
  /** Names a history that has to begin. */
  readonly newLineage?: () => string;
  /** Makes the key of tokens of tasks for a cluster that has none yet; absent = it gets none. */
  readonly newTaskKey?: () => string;
}

/**
 * Opens a new term and reads the whole state. A store without a cluster gets one with the id given.
 * @param view is told of every record; null = somebody does so later
 * @param leaderId who leads in the new term; empty = nobody will ask
 */
export async function recover(
  store: StateStore,
  view: ClusterView | null,
  newClusterId: () => string,
  nowMs: number,
  { lostClusterId = null, lastKnown = null, newLineage, newTaskKey }: Remembered = {},
  leaderId = '',
): Promise<Recovered> {
  let position = await store.beginEpoch();
  const left = position.lineage === lastKnown?.lineage && position.revision < lastKnown.revision ? lastKnown : null;
  if (left !== null && newLineage !== undefined) {
    position = await store.beginEpoch({ aboveEpoch: left.epoch, lineage: newLineage() });
  }
  const state = new ClusterState();
  const shared = new SharedParts();
  let records = 0;
  for await (const record of store.load()) {
    const { collection, key } = record;
    const after = record.collection === 'workloads' ? shared.workload(record.value) : record.value;
    const change = { collection, key, before: null, after } as RecordChange;
    state.apply(change);
    view?.apply(change);
    records += 1;
  }
  const before = state.get('meta', META_KEY) ?? null;
  // Where it began has to be in the first commit of a term: by what comes after it, a store that was put back is told from one that was not.
  const loss = lossOf(position, left, before, lostClusterId);
  const meta =
    before !== null && left !== null
      ? // Of what this daemon had committed the records have no more than the store does: who obeyed the rest knows more than they.
        inNewHistory(before, position.lineage, { ...left, revision: position.revision }, 'lost', nowMs)
      : metaIn(position, before, newClusterId, nowMs, lostClusterId);
  const copy = store.copyInForce?.() ?? null;
  // Where a part of the history is known to be lost, or was not given up for found yet, agents are asked anyway.
  const doubt = before === null || copy === null || meta.recovery ? null : doubtOf(before.copy, copy, nowMs);
  const known = copy === null ? meta : { ...meta, copy: copyOf(meta.copy, copy, nowMs) };
  // Where no copy had to have them, numbers were given in every such moment that nobody may know of any more.
  const lastWorkload = before?.copy?.awaited === 0 ? aboveForgotten(known.lastWorkload, nowMs) : known.lastWorkload;
  const held =
    doubt === null
      ? known
      : { ...known, lastWorkload, recovery: { why: 'copy_changed' as const, sinceMs: nowMs, adopted: 0 } };
  const keyed = held.taskKey !== undefined || newTaskKey === undefined ? held : { ...held, taskKey: newTaskKey() };
  const value = withTerm(keyed, { ...position, leaderId });
  const revision = position.revision + 1;
  const puts: StoredRecord[] = [{ collection: 'meta', key: META_KEY, value }];
  if ((loss !== null || doubt !== null) && leaderId !== '') {
    // Every term has an id of its own, and at most one of the two is found by beginning it.
    const about = { id: leaderId, timeMs: nowMs, actor: '' };
    const incident: Incident =
      loss === null
        ? { ...about, kind: 'copy_changed', message: `${doubt}; nothing is placed until agents were asked` }
        : {
            ...about,
            kind: 'history_lost',
            message: `part of the history was lost (${loss}); what agents run is taken over in history ${position.lineage}`,
          };
    puts.push({ collection: 'incidents', key: leaderId, value: incident });
    state.apply({ collection: 'incidents', key: leaderId, before: null, after: incident });
  }
  await store.commit({ ...position, revision, puts, deletes: [] });
  state.apply({ collection: 'meta', key: META_KEY, before, after: value });
  position = { ...position, revision };
  const violations = checkInvariants(state);
  return { state, position, records, loss, doubt, violations };
}

function lossOf(
  { revision, lineage }: StorePosition,
  left: StorePosition | null,
  before: ClusterMeta | null,
  lostClusterId: string | null,
): string | null {
  if (left !== null) {
    return `this daemon had committed revision ${left.revision} of history ${left.lineage}, the store ends at revision ${revision}`;
  }
  if (before !== null)
    return isUntold(before, lineage) ? `history ${lineage} was begun, and not told of, over ${before.lineage}` : null;
  if (lostClusterId === null) return null;
  return `the store of cluster ${lostClusterId} is empty; history ${lineage} begins`;
}

/** Whether a history was begun because a part of another one was lost, by a daemon that died before its first commit, which tells of it. */
function isUntold(before: ClusterMeta, lineage: string): boolean {
  return before.lineage !== undefined && before.lineage !== lineage;
}

/**
 * The cluster's record as it has to be in this history. In another history than the one it was written in agents may know more than the
 * store does. (A restored backup says so itself.)
 */
function metaIn(
  { lineage }: StorePosition,
  before: ClusterMeta | null,
  newClusterId: () => string,
  nowMs: number,
  lostClusterId: string | null,
): ClusterMeta {
  if (before === null && lostClusterId !== null) {
    const left = { lineage: '', epoch: 0, revision: 0 };
    return inNewHistory({ clusterId: lostClusterId, lastWorkload: 0 }, lineage, left, 'lost', nowMs);
  }
  if (before === null) return { clusterId: newClusterId(), lastWorkload: 0, lineage };
  if (!isUntold(before, lineage)) return { ...before, lineage };
  // How far the other one came is not known here: whoever obeyed it may know more.
  return inNewHistory(before, lineage, { lineage: before.lineage ?? '', epoch: 0, revision: 0 }, 'lost', nowMs);
}

/**
 * What must hold in every state; a store that breaks it is not served.
 * @returns what does not hold and is no reason to stop
 * @throws BrokenInvariant
 */
export function checkInvariants(state: ReadableState): readonly Violation[] {
  const findings: Violation[] = [];
  const complain: Complain = (name, where, expected, found) => findings.push({ name, where, expected, found });
  for (const _ of auditRecords(state, complain));
  Holdings.of(state, complain);
  const fatal = findings.find(({ name }) => INVARIANTS[name].isFatal);
  if (fatal !== undefined) throw new BrokenInvariant(fatal, true);
  return findings;
}

// Why a workload is pending: the one constraint that binds, with its numbers, in words. Reads the view as it stands;
// changes nothing but the view's memo. Cost: one pass over the nodes that the workload's shape could go to.
import type { WorkloadNumber } from '../../common/ids.js';
import type { Explanation, PendingReason } from './decisions.js';
import { estimate } from './estimate.js';
import { findCause, type Subject, subjectOf } from './explaining/cause.js';
import {
  sayAhead,
  sayBlockers,
  sayNearest,
  sayNeeds,
  sayPool,
  sayQuota,
  saySearch,
  sayShapes,
} from './explaining/lines.js';
import { sayClaim, sayReserved } from './explaining/promises.js';
import { summarise } from './explaining/summary.js';
import type { Shape } from './shapes.js';
import type { ClusterView } from './view.js';
import type { WorkloadEntry } from './workloads.js';

/**
 * Why a workload is pending.
 * @param nowMs the present, milliseconds since 1970
 * @returns null when it is not pending
 */
export function explain(view: ClusterView, workload: WorkloadNumber, nowMs: number): Explanation | null {
  const subject = subjectOf(view, workload, nowMs);
  if (!subject) return null;
  const cause = findCause(subject);
  const reserved = sayReserved(subject);
  const starts = nowMs === 0 ? null : estimate(subject, cause.reason);
  const lines = [
    { title: 'Needs', text: sayNeeds(subject) },
    { title: 'Pool', text: sayPool(subject) },
    { title: 'Nearest', text: HAS_NO_BLOCKERS.has(cause.reason) ? '' : sayNearest(subject) },
    { title: 'Quota', text: sayQuota(subject) },
    { title: 'Shapes', text: sayShapes(subject, cause.reason) },
    { title: 'Ahead', text: sayAhead(subject) },
    { title: 'Blockers', text: HAS_NO_BLOCKERS.has(cause.reason) ? '' : sayBlockers(subject) },
    { title: 'Reserved', text: reserved },
    { title: 'Claim', text: cause.reason === 'RECLAIMING' ? sayClaim(subject, cause.claim) : '' },
    { title: 'Estimate', text: starts?.text ?? '' },
    { title: 'Search', text: HAS_NO_BLOCKERS.has(cause.reason) ? '' : saySearch(subject) },
  ];
  const summary = withReserved(summarise(subject, cause), reserved);
  const told = lines.filter(({ text }) => text !== '');
  return { reason: cause.reason, summary, lines: told, estimate: starts?.text ?? '', startsByMs: starts?.byMs ?? null };
}

/** Reason and summary alone, as listings show them. */
export type Brief = Pick<Explanation, 'reason' | 'summary'>;

/**
 * Summaries that hold for all equal workloads: a listing of 100,000 says the same of most of them. For one look at the view: whoever
 * keeps it while the view changes tells old news.
 */
export class Briefs {
  readonly #told = new Map<Shape, Map<Account, Map<string, string>>>();

  /** The summary for these, made when it is new. */
  tell({ shape, workload, queue, preemptible }: Subject, reason: PendingReason, make: () => string): string {
    let byAccount = this.#told.get(shape);
    if (!byAccount) this.#told.set(shape, (byAccount = new Map()));
    let byReason = byAccount.get(workload.account);
    if (!byReason) byAccount.set(workload.account, (byReason = new Map()));
    const key = `${reason} ${preemptible} ${queue.name}`;
    let summary = byReason.get(key);
    if (summary === undefined) byReason.set(key, (summary = make()));
    return summary;
  }
}

type Account = WorkloadEntry['account'];

/** Causes of which the summary names the one workload that it is of. */
const OF_ITS_OWN: ReadonlySet<PendingReason> = new Set([
  'HELD',
  'DEPENDENCY',
  'BACKOFF',
  'ARRAY_CAP',
  'RECLAIMING',
  'QUEUE_LIMIT',
  'GUARANTEE_EXHAUSTED',
  'USER_LIMIT',
  'RESERVED',
]);

/** As {@link explain}, without the lines. Cost: constant for all but the first of equal workloads. */
export function explainBriefly(
  view: ClusterView,
  workload: WorkloadNumber,
  nowMs: number,
  briefs: Briefs,
): Brief | null {
  const subject = subjectOf(view, workload, nowMs);
  if (!subject) return null;
  const cause = findCause(subject);
  const make = (): string => summarise(subject, cause);
  const summary = OF_ITS_OWN.has(cause.reason) ? make() : briefs.tell(subject, cause.reason, make);
  return { reason: cause.reason, summary: withReserved(summary, sayReserved(subject)) };
}

function withReserved(summary: string, reserved: string): string {
  return reserved === '' ? summary : `${summary} It has reserved ${reserved}.`;
}

/** Reasons for which it does not matter who holds what: its victims leave already, or it could not run on empty nodes. */
const HAS_NO_BLOCKERS: ReadonlySet<PendingReason> = new Set([
  'RECLAIMING',
  'NO_SUCH_GPU',
  'HELD',
  'DEPENDENCY',
  'BACKOFF',
  'ARRAY_CAP',
]);

/**
 * The reason alone, for listings. Cost: a look at each class it may go to, and at its nodes where CPU, memory, labels or a
 * maintenance count: up to tens of microseconds. Equal workloads of one group have one answer, so ask once a group.
 */
export function pendingReason(view: ClusterView, workload: WorkloadNumber, nowMs = 0): PendingReason | null {
  const subject = subjectOf(view, workload, nowMs);
  return subject && findCause(subject).reason;
}

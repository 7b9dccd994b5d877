// What users are to be told of their workloads, from what changed: pure. A notice is a record of the same commit as the change
// that it tells of, so that nothing is told that is not durable, and nothing durable is left untold by a daemon that dies.
import { isTerminal, type ReadableState } from './cluster-state.js';
import type { Notice, NoticeType, NotifyOn, RecordChange, Workload, WorkloadNotice } from './records.js';

/** So many notices wait at most; what comes then is told nobody, and counted. */
export const MAX_NOTICES = 100_000;

const TIME_DIGITS = 15;

/** The key of a notice: its time first, so that records sort by age. */
export function noticeKey({ id, timeMs }: Pick<Notice, 'id' | 'timeMs'>): string {
  return `${String(timeMs).padStart(TIME_DIGITS, '0')}/${id}`;
}

/** What is to be told of one change. */
export function noticesOf(change: RecordChange): readonly WorkloadNotice[] {
  if (change.collection !== 'workloads' || change.after === null) return [];
  const { before, after } = change;
  const { notify } = after.spec;
  if (notify === undefined) return [];
  return happened(before, after).flatMap(({ type, timeMs }) =>
    notify.flatMap(({ on, to }, rule): readonly WorkloadNotice[] => {
      if (!on.some((one) => TOLD_OF[one].includes(type))) return [];
      // It may be warned several times in one attempt.
      const what = type === 'idle' ? `${type}-${timeMs}` : type;
      const id = `${after.uid}-${after.attempt}-${what}-${rule}`;
      return [{ id, to, type, timeMs, workload: shownOf(after) }];
    }),
  );
}

const TOLD_OF: Readonly<Record<NotifyOn, readonly NoticeType[]>> = {
  start: ['started'],
  end: ['succeeded', 'failed', 'cancelled'],
  fail: ['failed'],
  requeue: ['requeued'],
  idle: ['idle'],
};

/** The changes, and the notices of what they did to workloads. @param state as it is before them */
export function noticed(
  state: Pick<ReadableState, 'notices'>,
  changes: readonly RecordChange[],
): readonly RecordChange[] {
  const notices = changes.flatMap(noticesOf);
  if (notices.length === 0) return changes;
  const room = Math.max(0, MAX_NOTICES - state.notices.size);
  return [
    ...changes,
    ...notices.slice(0, room).map((after): RecordChange => ({
      collection: 'notices',
      key: noticeKey(after),
      before: null,
      after,
    })),
  ];
}

function happened(
  before: Workload | null,
  after: Workload,
): readonly { readonly type: NoticeType; readonly timeMs: number }[] {
  const { idleWarnedMs } = after;
  if (idleWarnedMs !== undefined && idleWarnedMs !== before?.idleWarnedMs)
    return [{ type: 'idle', timeMs: idleWarnedMs }];
  const was = before?.state ?? 'pending';
  if (was === after.state) return [];
  const found: { type: NoticeType; timeMs: number }[] = [];
  const wasWaiting = was === 'pending' || was === 'starting';
  // What ends as soon as it starts was never seen to run.
  const isShort = isTerminal(after.state) && after.startedMs !== null && after.startedMs !== before?.startedMs;
  if (wasWaiting && (after.state === 'running' || isShort)) found.push({ type: 'started', timeMs: lastMs(after) });
  if (after.state === 'pending') found.push({ type: 'requeued', timeMs: lastMs(after) });
  const { state } = after;
  if (state === 'succeeded' || state === 'failed' || state === 'cancelled') {
    found.push({ type: state, timeMs: after.endedMs ?? lastMs(after) });
  }
  return found;
}

function lastMs({ events, submittedMs }: Workload): number {
  return events.at(-1)?.timeMs ?? submittedMs;
}

function shownOf(workload: Workload): WorkloadNotice['workload'] {
  const { number, uid, owner, state, attempt, submittedMs, startedMs, endedMs, spec, events } = workload;
  const { name, kind, queue } = spec;
  const message = workload.message === '' ? (events.at(-1)?.message ?? '') : workload.message;
  return { number, uid, owner, state, message, attempt, submittedMs, startedMs, endedMs, name, kind, queue };
}

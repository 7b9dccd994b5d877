// The spans of a workload's life, from what a commit changed: pure. A span is made when it is over, with ids that follow from the
// workload and from the allocation, and with times that the records hold; so a daemon that begins anew goes on with the same trace.
//
//   workload ── submit
//            ├─ queue (each attempt) ── decide, commit      (those two: follow.ts, from the turn that placed it)
//            └─ attempt ── task ── dispatch, stop; and of the agent: start, run, clean
import {
  formatTraceParent,
  parseTraceParent,
  spanIdOf,
  type TraceContext,
  traceIdOf,
} from '../../common/tracing/trace-context.js';
import type { FinishedSpan } from '../../common/tracing/tracer.js';
import { isTerminal, type ReadableState } from '../model/cluster-state.js';
import type { Allocation, RecordChange, Workload } from '../model/records.js';
import { workloadKey } from '../model/records.js';

/** The name of the first span of a workload's trace. */
export const FIRST_SPAN = 'workload';

/** Whether the trace of a workload is kept: the sampler's word on its first span. */
export type Samples = (traceId: string, parent: TraceContext | null) => boolean;

/** The trace of one workload. */
export interface WorkloadTrace {
  readonly traceId: string;
  /** The client's span; null = the trace begins with the workload. */
  readonly parent: TraceContext | null;
  readonly isSampled: boolean;
}

/** Which trace it is: that of the client who submitted it, or one of its own. */
export function traceOf({ uid, traceParent }: Pick<Workload, 'uid' | 'traceParent'>, samples: Samples): WorkloadTrace {
  const parent = traceParent === undefined ? null : parseTraceParent(traceParent);
  const traceId = parent?.traceId ?? traceIdOf(uid);
  return { traceId, parent, isSampled: samples(traceId, parent) };
}

/** What a task's agent, and the task itself, are told: the task's span. */
export function traceParentOfTask(workload: Workload, { id }: Pick<Allocation, 'id'>, samples: Samples): string {
  const { traceId, isSampled } = traceOf(workload, samples);
  return formatTraceParent({ traceId, isSampled, spanId: spanIdOf(id, 'task') });
}

/** The spans that end with this change. @param nowMs when it became durable, since 1970 */
export function spansOf(
  change: RecordChange,
  state: Pick<ReadableState, 'workloads' | 'allocations'>,
  samples: Samples,
  nowMs: number,
): readonly FinishedSpan[] {
  if (change.collection === 'workloads' && change.after !== null) {
    const spans = new Spans(change.after, samples);
    return spans.isKept ? ofWorkload(spans, change.before, change.after, state, nowMs) : [];
  }
  if (change.collection === 'allocations' && change.after !== null) {
    const workload = state.workloads.get(workloadKey(change.after.workload));
    if (workload === undefined) return [];
    const spans = new Spans(workload, samples);
    return spans.isKept ? ofAllocation(spans, change.before, change.after, nowMs) : [];
  }
  return [];
}

/** The spans of the turn that placed an attempt: the engine's search and the commit. */
export function spansOfTurn(
  workload: Workload,
  samples: Samples,
  { engineMs, commitMs, endMs }: { readonly engineMs: number; readonly commitMs: number; readonly endMs: number },
): readonly FinishedSpan[] {
  const spans = new Spans(workload, samples);
  if (!spans.isKept) return [];
  const above = queueSpan(workload.attempt);
  const decidedMs = endMs - commitMs;
  return [
    spans.make(`decide ${workload.attempt}`, above, decidedMs - engineMs, decidedMs, {}),
    spans.make(`commit ${workload.attempt}`, above, decidedMs, endMs, {}),
  ];
}

/** Makes spans of one workload. */
class Spans {
  readonly #workload: Workload;
  readonly #trace: WorkloadTrace;
  readonly #common: Readonly<Record<string, string | number>>;

  constructor(workload: Workload, samples: Samples) {
    this.#workload = workload;
    this.#trace = traceOf(workload, samples);
    const { number, spec, owner } = workload;
    this.#common = {
      'sluice.workload': number,
      'sluice.workload.name': spec.name,
      'sluice.workload.kind': spec.kind,
      'sluice.queue': spec.queue,
      'sluice.user': owner,
    };
  }

  get isKept(): boolean {
    return this.#trace.isSampled;
  }

  /** The first one, below the client's if there is one. */
  first(endMs: number): FinishedSpan {
    const { uid, submittedMs, state, message, attempt, requeues, retries } = this.#workload;
    return {
      name: FIRST_SPAN,
      traceId: this.#trace.traceId,
      spanId: spanIdOf(uid, FIRST_SPAN),
      parent: this.#trace.parent,
      startMs: submittedMs,
      endMs,
      attributes: {
        ...this.#common,
        'sluice.state': state,
        'sluice.attempts': attempt,
        'sluice.requeues': requeues,
        'sluice.retries': retries,
      },
      ...(state === 'failed' ? { error: message } : {}),
    };
  }

  /** One of the workload, below another one of it. `key` names it within the workload: the name, and the attempt. */
  make(
    key: string,
    above: string,
    startMs: number,
    endMs: number,
    attributes: Readonly<Record<string, string | number>>,
    error?: string,
  ): FinishedSpan {
    const { uid } = this.#workload;
    return this.#span(key, spanIdOf(uid, key), spanIdOf(uid, above), startMs, endMs, attributes, error);
  }

  /** One of a task: the task's own, or one below it. */
  ofTask(
    name: string,
    allocation: Allocation,
    startMs: number,
    endMs: number,
    attributes: Readonly<Record<string, string | number>>,
    error?: string,
  ): FinishedSpan {
    const { id, attempt, task } = allocation;
    const above = name === 'task' ? spanIdOf(this.#workload.uid, attemptSpan(attempt)) : spanIdOf(id, 'task');
    const all = { 'sluice.attempt': attempt, 'sluice.task': task, 'sluice.allocation': id, ...attributes };
    return this.#span(name, spanIdOf(id, name), above, startMs, endMs, all, error);
  }

  #span(
    key: string,
    spanId: string,
    above: string,
    startMs: number,
    endMs: number,
    attributes: Readonly<Record<string, string | number>>,
    error: string | undefined,
  ): FinishedSpan {
    const [name = key, attempt] = key.split(' ');
    return {
      name,
      traceId: this.#trace.traceId,
      spanId,
      parent: { traceId: this.#trace.traceId, spanId: above, isSampled: true },
      startMs,
      endMs,
      attributes: {
        ...this.#common,
        ...(attempt === undefined ? {} : { 'sluice.attempt': Number(attempt) }),
        ...attributes,
      },
      ...(error === undefined || error === '' ? {} : { error }),
    };
  }
}

function ofWorkload(
  spans: Spans,
  before: Workload | null,
  after: Workload,
  state: Pick<ReadableState, 'allocations'>,
  nowMs: number,
): readonly FinishedSpan[] {
  const made: FinishedSpan[] = [];
  if (before === null) made.push(spans.make('submit', FIRST_SPAN, after.submittedMs, nowMs, {}));
  const was = before?.state ?? 'pending';
  if (was === 'pending' && after.attempt > (before?.attempt ?? 0)) {
    made.push(
      spans.make(
        queueSpan(after.attempt),
        FIRST_SPAN,
        pendingSince(before ?? after),
        placedMs(after, state, nowMs),
        {},
      ),
    );
  }
  const isBack = was !== 'pending' && after.state === 'pending';
  if (isBack || (was !== 'pending' && !isTerminal(was) && isTerminal(after.state))) {
    const { attempt, message, allocations } = after;
    const outcome = isBack ? 'requeued' : after.state;
    const attributes = { 'sluice.outcome': outcome, 'sluice.tasks': allocations.length };
    const error = after.state === 'failed' || isBack ? message || lastEvent(after) : '';
    made.push(
      spans.make(
        attemptSpan(attempt),
        FIRST_SPAN,
        placedMs(before ?? after, state, nowMs),
        endMsOf(after, state, nowMs),
        attributes,
        error,
      ),
    );
  }
  if (!isTerminal(was) && isTerminal(after.state)) made.push(spans.first(after.endedMs ?? nowMs));
  return made;
}

function ofAllocation(
  spans: Spans,
  before: Allocation | null,
  after: Allocation,
  nowMs: number,
): readonly FinishedSpan[] {
  const made: FinishedSpan[] = [];
  if ((before?.startedMs ?? null) === null && after.startedMs !== null) {
    made.push(spans.ofTask('dispatch', after, after.placedMs, nowMs, {}));
  }
  if ((before?.endedMs ?? null) === null && after.endedMs !== null) {
    const { stop, exit, endedMs, fault } = after;
    if (stop !== null) {
      const attributes = { 'sluice.stop.reason': stop.reason, 'sluice.stop.grace_ms': stop.graceMs };
      made.push(spans.ofTask('stop', after, stop.requestedMs, endedMs, attributes));
    }
    const attributes = {
      'sluice.gpus': after.gpus.length,
      ...(exit?.code == null ? {} : { 'process.exit.code': exit.code }),
      ...(exit === null || exit.signal === '' ? {} : { 'sluice.exit.signal': exit.signal }),
    };
    const isBad = fault !== undefined || (exit !== null && exit.code !== 0 && stop === null);
    made.push(spans.ofTask('task', after, after.placedMs, endedMs, attributes, isBad ? (fault ?? endText(exit)) : ''));
  }
  return made;
}

function endText(exit: Allocation['exit']): string {
  if (exit === null) return 'it was lost';
  return exit.message || (exit.code === null ? exit.signal || 'it was lost' : `exit code ${exit.code}`);
}

function queueSpan(attempt: number): string {
  return `queue ${attempt}`;
}

function attemptSpan(attempt: number): string {
  return `attempt ${attempt}`;
}

/** Since when it has waited: from its submission, or from when it came back. */
function pendingSince({ submittedMs, events }: Workload): number {
  return events.findLast(({ type }) => type === 'requeued' || type === 'retried')?.timeMs ?? submittedMs;
}

function lastEvent({ events }: Workload): string {
  return events.at(-1)?.message ?? '';
}

/** When the present attempt was placed. */
function placedMs({ allocations }: Workload, state: Pick<ReadableState, 'allocations'>, nowMs: number): number {
  const times = allocations.map((id) => state.allocations.get(id)?.placedMs ?? nowMs);
  return times.length === 0 ? nowMs : Math.min(...times);
}

/** When the last task of the present attempt ended. */
function endMsOf({ allocations }: Workload, state: Pick<ReadableState, 'allocations'>, nowMs: number): number {
  const times = allocations.map((id) => state.allocations.get(id)?.endedMs ?? null).filter((time) => time !== null);
  return times.length === 0 ? nowMs : Math.max(...times);
}

// Records the spans of what each commit changed, once it is durable. Only where traces are on: otherwise nobody listens.
import type { Clock } from '../../common/clock.js';
import type { Tracer } from '../../common/tracing/tracer.js';
import type { ControlLoop } from '../control/loop.js';
import type { TraceParentOf } from '../fleet/desired.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { WorkloadNumber } from '../../common/ids.js';
import { workloadKey } from '../model/records.js';
import { FIRST_SPAN, type Samples, spansOf, spansOfTurn, traceParentOfTask } from './workload-spans.js';

export interface TracedControl {
  readonly loop: Pick<ControlLoop, 'onCommitted' | 'onTurn'>;
  readonly state: Pick<ReadableState, 'workloads' | 'allocations'>;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** Begins to trace what the one writer commits. */
export function followCommits(tracer: Tracer, { loop, state, clock }: TracedControl): TraceParentOf {
  const samples: Samples = (traceId, parent) => tracer.samples(traceId, FIRST_SPAN, parent);
  /** Placed in the present turn, whose figures come after its commit. */
  let placed: WorkloadNumber[] = [];
  loop.onCommitted(({ changes }) => {
    const nowMs = clock.wallMs();
    for (const change of changes) {
      if (change.collection === 'workloads' && change.after !== null) {
        if (change.after.attempt > (change.before?.attempt ?? 0)) placed.push(change.after.number);
      }
      for (const span of spansOf(change, state, samples, nowMs)) tracer.record(span);
    }
  });
  loop.onTurn(({ engineMs, commitMs }) => {
    if (placed.length === 0) return;
    const endMs = clock.wallMs();
    for (const number of placed) {
      const workload = state.workloads.get(workloadKey(number));
      if (workload === undefined) continue;
      for (const span of spansOfTurn(workload, samples, { engineMs, commitMs, endMs })) tracer.record(span);
    }
    placed = [];
  });
  return (workload, allocation) => traceParentOfTask(workload, allocation, samples);
}

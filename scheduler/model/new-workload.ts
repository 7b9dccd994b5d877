// A workload as it is when it comes into the cluster: pending, with nothing of its past.
import type { WorkloadNumber } from '../../common/ids.js';
import type { Workload } from './records.js';

/** What is its own from the first moment. */
export type Arrival = Pick<Workload, 'uid' | 'spec' | 'owner' | 'gate' | 'submittedMs'> & {
  readonly number: WorkloadNumber;
  /** The request that brought it; null = none is known. */
  readonly requestKey: string | null;
};

/** The record of a workload that was just submitted, or of one that is known of again. It has no events yet. */
export function newWorkload({ requestKey, number, uid, spec, owner, gate, submittedMs }: Arrival): Workload {
  return {
    number,
    uid,
    spec,
    owner,
    ...(requestKey === null ? {} : { requestKey }),
    state: 'pending',
    message: '',
    attempt: 0,
    allocations: [],
    pastAllocations: [],
    claim: null,
    checkpoint: null,
    afterStop: null,
    requeues: 0,
    retries: 0,
    hold: null,
    notBeforeMs: 0,
    gate,
    deadline: null,
    falseStarts: 0,
    lostGpuMs: 0,
    gpuMs: 0,
    submittedMs,
    startedMs: null,
    endedMs: null,
    events: [],
  };
}

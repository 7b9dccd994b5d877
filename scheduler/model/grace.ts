// How long a workload has to leave after its stop signal. Whoever gives back what another queue takes has no longer than his own
// queue allows, nor than the queue does that had lent it, so that no borrower holds the owner off.
import type { QueueName } from '../../common/ids.js';
import { formatDuration } from '../../common/units.js';
import type { Draft } from './draft.js';
import { nearestRule, type SaidRule } from './queue-rules.js';
import { type Queue, type StopOrder, type Workload, workloadKey, type WorkloadSpec } from './records.js';

/** A stop as whoever decides it asks for it. */
export interface StopRequest extends Omit<StopOrder, 'graceMs'> {
  /** The queue that takes back what it is guaranteed and had lent; null or absent = no guarantee is taken back. */
  readonly lender?: QueueName | null;
}

/** A grace, and the queue that cut it; null = it is as asked for. */
export interface Grace {
  readonly graceMs: number;
  readonly cutBy: { readonly queue: QueueName; readonly as: 'borrower' | 'lender' } | null;
}

/** From a stop order to the kill, in ms: what it asks for ahead of its stop signal, and its grace. */
export function stopSpanMs({ graceMs, earlySignal }: Pick<WorkloadSpec, 'graceMs' | 'earlySignal'>): number {
  return graceMs + (earlySignal?.aheadMs ?? 0);
}

/** The grace of a stop. @param lender the queue that takes back what it had lent; null = there is none */
export function graceOf(
  draft: Draft,
  { spec }: Workload,
  { reason, forWorkload }: Omit<StopOrder, 'graceMs'>,
  lender: QueueName | null,
): Grace {
  // What is not to come back, or has lost a task already, has nothing to save ahead of its stop signal.
  const isOver = reason === 'cancelled' || reason === 'gang_ended';
  const asked: Grace = { graceMs: isOver ? spec.graceMs : stopSpanMs(spec), cutBy: null };
  const taker = forWorkload === null ? undefined : draft.get('workloads', workloadKey(forWorkload));
  const isTakenBack = reason === 'reclaimed' || (taker !== undefined && taker.spec.queue !== spec.queue);
  if (!isTakenBack) return asked;
  const queueOf = (name: QueueName): Queue | undefined => draft.get('queues', name);
  const borrowed = cut(asked, nearestRule(queueOf, spec.queue, 'maxGraceMs'), 'borrower');
  return lender === null ? borrowed : cut(borrowed, nearestRule(queueOf, lender, 'lendMaxGraceMs'), 'lender');
}

/** Completes a sentence on a stop, when its grace was cut. */
export function sayGrace(spec: WorkloadSpec, { graceMs, cutBy }: Grace): string {
  if (cutBy === null) return '';
  const askedMs = stopSpanMs(spec);
  const who =
    cutBy.as === 'lender' ? `queue ${cutBy.queue}, which lent the GPUs, allows` : `queue ${cutBy.queue} allows`;
  return `; its grace is ${formatDuration(graceMs)}, as ${who}, and not ${formatDuration(askedMs)}`;
}

function cut(grace: Grace, cap: SaidRule | null, as: 'borrower' | 'lender'): Grace {
  if (cap === null || cap.ms >= grace.graceMs) return grace;
  return { graceMs: cap.ms, cutBy: { queue: cap.queue, as } };
}

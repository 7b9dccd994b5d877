// Ends interactive work that nobody uses, as its queue asks: a warning first, then the end. Agents tell how long the terminals of
// their tasks were not used; what their GPUs did is known here.
import type { AllocationId, QueueName } from '../../../common/ids.js';
import type { ReadableState } from '../../model/cluster-state.js';
import type { Draft } from '../../model/draft.js';
import { requestStop, withEvent } from '../../model/lifecycle.js';
import type { Allocation, Workload } from '../../model/records.js';
import { nearestRule } from '../../model/queue-rules.js';
import { spanText } from '../../model/time-limit.js';
import type { Command } from '../command.js';

/** The longest time before the end at which its user is warned, in ms; half of the limit where that is shorter. */
export const WARNING_MS = 5 * 60_000;

/** What an agent says of one of its tasks. */
export interface IdleReport {
  readonly allocation: AllocationId;
  /** How long nothing was typed and nothing shown, in ms. */
  readonly idleMs: number;
}

/** A line for whoever looks at the terminal. */
export interface TerminalNotice {
  readonly allocation: AllocationId;
  readonly text: string;
}

/** What is to be done about one task. */
interface Finding {
  readonly workload: Workload;
  readonly allocation: Allocation;
  readonly idleMs: number;
  readonly limitMs: number;
  readonly queue: QueueName;
  readonly isOver: boolean;
}

type Readable = Pick<ReadableState, 'allocation' | 'workload' | 'queue'>;

/**
 * What of the reports asks for a warning or an end by now; null = nothing of them does.
 * @param gpuIdleMs how long a GPU did nothing, in ms; 0 = it works, or nothing is known of it
 * @param nowMs null = whether a warning was given already does not count
 */
export function findIdle(
  state: Readable,
  { allocation: id, idleMs: ioIdleMs }: IdleReport,
  gpuIdleMs: (uuid: string) => number,
  nowMs: number | null,
): Finding | null {
  const allocation = state.allocation(id);
  const workload = allocation === undefined ? undefined : state.workload(allocation.workload);
  if (allocation?.state !== 'running' || workload?.state !== 'running' || workload.spec.kind !== 'interactive')
    return null;
  const rule = nearestRule((name) => state.queue(name), workload.spec.queue, 'idleLimitMs');
  if (rule === null) return null;
  const idleMs = Math.min(ioIdleMs, ...allocation.gpus.map(({ uuid }) => gpuIdleMs(uuid)));
  const { queue, ms: limitMs } = rule;
  const found = { workload, allocation, idleMs, limitMs, queue };
  if (idleMs >= limitMs) return { ...found, isOver: true };
  if (idleMs < limitMs - Math.min(WARNING_MS, limitMs / 2)) return null;
  if (nowMs === null) return { ...found, isOver: false };
  // One warning for each time that it is idle.
  const since = nowMs - idleMs;
  const isWarned = workload.events.some(({ type, timeMs, message }) => {
    return type === 'warning' && timeMs >= since && message.startsWith(IDLE);
  });
  return isWarned ? null : { ...found, isOver: false };
}

/** Warns, or ends, what the reports of a node ask for. @returns what is to be told on terminals */
export function reclaimIdle(
  reports: readonly IdleReport[],
  gpuIdleMs: (uuid: string) => number,
): Command<readonly TerminalNotice[]> {
  return {
    name: 'reclaim_idle',
    whenSpace: 'critical',
    isReport: true,
    run: (draft, { nowMs }) => {
      const state: Readable = {
        allocation: (id) => draft.get('allocations', id),
        workload: (number) => draft.base.workload(number),
        queue: (name) => draft.get('queues', name),
      };
      const notices: TerminalNotice[] = [];
      for (const report of reports) {
        const finding = findIdle(state, report, gpuIdleMs, nowMs);
        if (finding !== null) notices.push(act(draft, finding, nowMs));
      }
      return notices;
    },
  };
}

const IDLE = 'idle for ';

function act(
  draft: Draft,
  { workload, allocation, idleMs, limitMs, queue, isOver }: Finding,
  nowMs: number,
): TerminalNotice {
  const nothing = allocation.gpus.length === 0 ? 'nothing typed or shown' : 'nothing typed or shown, no GPU used';
  const rule = `queue ${queue} ends interactive work after ${spanText(limitMs)} of that`;
  const message = `${IDLE}${spanText(idleMs)} (${nothing}); ${rule}`;
  if (isOver) {
    const order = { reason: 'cancelled', requestedMs: nowMs, forWorkload: null, message } as const;
    requestStop(draft, workload.number, 'cancel', order);
    return { allocation: allocation.id, text: `sluice: ${message}. It ends now.` };
  }
  draft.putWorkload(withEvent(workload, nowMs, 'warning', message));
  return {
    allocation: allocation.id,
    text: `sluice: ${message}. It ends in ${spanText(limitMs - idleMs)} unless it is used; a key is enough.`,
  };
}

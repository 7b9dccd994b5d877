// What a notice says: the JSON of a webhook, its signature, and the words of an e-mail. Pure.
import { createHmac } from 'node:crypto';
import { formatDuration } from '../../common/units.js';
import { percent, usedText } from '../model/budgets.js';
import { dayText } from '../model/days.js';
import type { BudgetNotice, WorkloadNotice } from '../model/records.js';

/** A notice, or the test of one. */
export type Message = WorkloadMessage | BudgetMessage;

/** What is told of a workload. */
export type WorkloadMessage = Omit<WorkloadNotice, 'to' | 'type'> & {
  readonly type: WorkloadNotice['type'] | 'test';
  readonly cluster: string;
};

type BudgetMessage = Omit<BudgetNotice, 'to'> & { readonly cluster: string };

/** The headers of a webhook. */
export const HEADERS = {
  event: 'sluice-event-id',
  timestamp: 'sluice-timestamp',
  signature: 'sluice-signature',
} as const;

/** The body of a webhook. */
export function bodyOf(message: Message): string {
  return JSON.stringify('budget' in message ? budgetBody(message) : workloadBody(message));
}

function budgetBody({ id, type, timeMs, cluster, budget }: BudgetMessage): object {
  const { queue, amount, unit, used, fromMs, untilMs, whenSpent, message } = budget;
  return {
    id,
    type: `queue.${type}`,
    time: dateText(timeMs),
    cluster,
    queue: {
      name: queue,
      budget: {
        amount,
        unit,
        used,
        start_time: dateText(fromMs),
        end_time: dateText(untilMs),
        when_spent: whenSpent,
        message,
      },
    },
  };
}

function workloadBody({ id, type, timeMs, cluster, workload }: WorkloadMessage): object {
  const { number, uid, name, kind, queue, owner, state, attempt, message, submittedMs, startedMs, endedMs } = workload;
  return {
    id,
    type: type === 'test' ? type : `workload.${type}`,
    time: dateText(timeMs),
    cluster,
    workload: {
      number,
      uid,
      name,
      kind,
      queue,
      user: owner,
      state,
      attempt,
      message,
      submit_time: dateText(submittedMs),
      start_time: dateText(startedMs),
      end_time: dateText(endedMs),
    },
  };
}

/** HMAC-SHA256 over `TIMESTAMP.BODY`. @param timestampSeconds when it is sent, since 1970: an old post cannot be sent again as new */
export function signatureOf(secret: string, timestampSeconds: number, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestampSeconds}.${body}`).digest('hex')}`;
}

/** An e-mail's subject and text. */
export function mailOf(message: Message): Mail {
  return 'budget' in message ? budgetMail(message) : workloadMail(message);
}

interface Mail {
  readonly subject: string;
  readonly text: string;
}

function budgetMail({ type, timeMs, cluster, budget }: BudgetMessage): Mail {
  const { queue, message, used, fromMs, untilMs } = budget;
  const what = {
    budget_warned: `is used to ${percent(used / budget.amount)}`,
    budget_spent: 'is spent',
    budget_renewed: 'is not spent any more',
  }[type];
  const lines = [
    `${message.charAt(0).toUpperCase()}${message.slice(1)}.`,
    '',
    `Time:     ${dateText(timeMs)}`,
    `Queue:    ${queue}`,
    `Used:     ${usedText(budget, used)}`,
    `Period:   ${dayText(fromMs)} to before ${dayText(untilMs)} (UTC)`,
    `Cluster:  ${cluster}`,
    '',
    `Look at it: sluice describe queue ${queue}`,
    '',
  ];
  return { subject: `Sluice: the budget of queue ${queue} ${what}`, text: lines.join('\n') };
}

function workloadMail({ type, timeMs, cluster, workload }: WorkloadMessage): Mail {
  const { number, name, queue, owner, attempt, message, submittedMs, startedMs, endedMs } = workload;
  if (type === 'test') {
    const text = `This is a test of notices, asked for by ${owner}. Nothing happened to any workload.\n\nCluster ${cluster}\n`;
    return { subject: 'Sluice: a test of notices', text };
  }
  const what = {
    started: 'runs',
    succeeded: 'succeeded',
    failed: 'failed',
    cancelled: 'was cancelled',
    requeued: 'is back in its queue',
    idle: 'has idle GPUs',
  }[type];
  const waitedMs = startedMs === null ? null : startedMs - submittedMs;
  const ranMs = startedMs === null || endedMs === null ? null : endedMs - startedMs;
  const lines = [
    `Workload ${number} (${name}) ${what}.`,
    ...(message === '' ? [] : [message]),
    '',
    `Time:     ${dateText(timeMs)}`,
    `Queue:    ${queue}`,
    `User:     ${owner}`,
    `Attempt:  ${attempt}`,
    ...(waitedMs === null ? [] : [`Waited:   ${formatDuration(waitedMs)}`]),
    ...(ranMs === null ? [] : [`Lasted:   ${formatDuration(ranMs)}`]),
    `Cluster:  ${cluster}`,
    '',
    `Look at it: sluice describe workload ${number}`,
    '',
  ];
  return { subject: `Sluice: ${number} (${name}) ${what}`, text: lines.join('\n') };
}

function dateText(ms: number): string;
function dateText(ms: number | null): string | null;
function dateText(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

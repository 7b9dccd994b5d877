// Writes down how budgets of queues stand, with what is to be told of it in the same commit; and, where a budget says so, lets go of
// what a queue has borrowed once it is spent.
import type { AllocationId, QueueName, WorkloadNumber } from '../../../common/ids.js';
import { findBudget, stopsBorrowing, usedText, type BudgetUse } from '../../model/budgets.js';
import type { ReadableState } from '../../model/cluster-state.js';
import type { Draft } from '../../model/draft.js';
import { noteIncident } from '../../model/incidents.js';
import { requestStop } from '../../model/lifecycle.js';
import { MAX_NOTICES, noticeKey } from '../../model/notices.js';
import { heldParts } from '../../model/quota-use.js';
import type { BudgetNotice, Queue } from '../../model/records.js';
import { toParts } from '../../model/requests.js';
import type { Command, CommandContext } from '../command.js';

/** What was found of one budget, for the log. */
export interface BudgetNews {
  readonly queue: QueueName;
  readonly message: string;
}

/** Whether anything of the budgets is to be written down by now. Cost: the budgets. */
export function hasBudgetNews(
  state: Pick<ReadableState, 'queue'>,
  uses: ReadonlyMap<QueueName, BudgetUse>,
  nowMs: number,
): boolean {
  return [...uses].some(([name, use]) => {
    const queue = state.queue(name);
    return queue !== undefined && findBudget(queue, use, nowMs) !== null;
  });
}

/** Writes down how budgets stand, and tells whom it concerns. @param uses as they are at the time that the command gets, or before */
export function noteBudgets(uses: ReadonlyMap<QueueName, BudgetUse>): Command<readonly BudgetNews[]> {
  return {
    name: 'note_budgets',
    isReport: true,
    whenSpace: 'low',
    run: (draft, context) => {
      const news: BudgetNews[] = [];
      for (const [name, use] of uses) {
        const queue = draft.get('queues', name);
        const finding = queue === undefined ? null : findBudget(queue, use, context.nowMs);
        if (queue === undefined || finding === null) continue;
        const { budgetStanding: _, ...rest } = queue;
        const { standing, tells, message } = finding;
        draft.put('queues', name, standing === undefined ? rest : { ...rest, budgetStanding: standing });
        if (tells === null) continue;
        news.push({ queue: name, message });
        noteIncident(draft, tells, message, '', context);
        tell(draft, queue, { type: tells, message, use }, context);
      }
      return news;
    },
  };
}

function tell(
  draft: Draft,
  { name, budget }: Queue,
  { type, message, use }: { readonly type: BudgetNotice['type']; readonly message: string; readonly use: BudgetUse },
  { nowMs, newUlid }: CommandContext,
): void {
  if (budget === undefined || budget === null) return;
  const { amount, unit, whenSpent } = budget;
  const id = newUlid(nowMs);
  let waiting = draft.base.notices.size;
  for (const [at, to] of budget.notify.entries()) {
    // As with notices of workloads: beyond the bound nobody is told.
    if (waiting >= MAX_NOTICES) return;
    waiting += 1;
    const notice: BudgetNotice = {
      id: `${id}-${type}-${at}`,
      to,
      type,
      timeMs: nowMs,
      budget: { queue: name, amount, unit, whenSpent, message, ...use },
    };
    draft.put('notices', noticeKey(notice), notice);
  }
}

/** Workloads that one command sends back, so that nobody waits for it. */
const SENT_BACK_AT_ONCE = 50;

/** Queues that hold more than their guarantee although their budget is spent and says that this ends. */
export function borrowingOnSpent(state: ReadableState): readonly QueueName[] {
  return [...state.queues.values()]
    .filter((queue) => endsBorrowed(queue) && sendBack(state, queue).length > 0)
    .map(({ name }) => name);
}

function endsBorrowed(queue: Queue): boolean {
  return queue.budget?.whenSpent === 'end_borrowed' && stopsBorrowing(queue);
}

/** Sends back to its queue what a queue has borrowed, who came last first. @returns how many workloads */
export function endBorrowed(name: QueueName): Command<number> {
  return {
    name: 'end_borrowed',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, { nowMs }) => {
      const queue = draft.get('queues', name);
      if (queue === undefined || !endsBorrowed(queue) || queue.budget === undefined || queue.budget === null) return 0;
      const numbers = sendBack(draft.base, queue).slice(0, SENT_BACK_AT_ONCE);
      const used = usedText(queue.budget, queue.budgetStanding?.used ?? 0);
      const message = `the budget of queue ${name} is spent (${used}), and what it has borrowed goes back`;
      for (const number of numbers) {
        if (draft.workload(number).state === 'stopping') continue;
        const order = { reason: 'requeued', requestedMs: nowMs, forWorkload: null, message } as const;
        requestStop(draft, number, 'requeue', order);
      }
      return numbers.length;
    },
  };
}

/** Which workloads leave so that the queue, with all below it, holds no more than its guarantee. Cost: what is held. */
function sendBack(state: ReadableState, queue: Queue): readonly WorkloadNumber[] {
  const below = new Set<QueueName>([queue.name]);
  for (const name of below) for (const child of state.childrenOf(name)) below.add(child.name);
  let surplus = -toParts(queue.guaranteeGpus);
  const borrowing: AllocationId[] = [];
  for (const name of below) {
    const { guaranteedParts, borrowedParts, borrowing: some } = state.quotaOf(name);
    surplus += guaranteedParts + borrowedParts;
    borrowing.push(...some);
  }
  const leaving = new Set<WorkloadNumber>();
  const all = borrowing
    .toSorted()
    .toReversed()
    .flatMap((id) => state.allocation(id) ?? []);
  for (const { state: is, gpus } of all) if (is === 'stopping' || is === 'exited') surplus -= heldParts(gpus);
  for (const { workload: number, state: is } of all) {
    if (surplus <= 0) break;
    const workload = state.workload(number);
    if (workload === undefined || is === 'stopping' || is === 'exited' || leaving.has(number)) continue;
    if (workload.state !== 'starting' && workload.state !== 'running') continue;
    leaving.add(number);
    for (const id of workload.allocations) surplus -= heldParts(state.allocation(id)?.gpus ?? []);
  }
  return [...leaving];
}

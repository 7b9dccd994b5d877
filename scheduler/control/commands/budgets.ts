// Writes down how budgets of queues stand, with what is to be told of it in the same commit; and, where a budget says so, lets go of
// what a queue has borrowed once it is spent.
import type { AllocationId, QueueName, WorkloadNumber } from '../../../common/ids.js';
import { findBudget, stopsBorrowing, usedText, type BudgetUse } from '../../model/budgets.js';
import type { ReadableState } from '../../model/cluster-state.js';
import { matchesModel } from '../../model/gpu-model.js';
import type { Draft } from '../../model/draft.js';
import { noteIncident } from '../../model/incidents.js';
import { requestStop } from '../../model/lifecycle.js';
import { MAX_NOTICES, noticeKey } from '../../model/notices.js';
import { heldParts } from '../../model/quota-use.js';
import type { Allocation, BudgetNotice, Queue, QueueScope } from '../../model/records.js';
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
  {
    type,
    message,
    use: { fromMs, untilMs, used },
  }: { readonly type: BudgetNotice['type']; readonly message: string; readonly use: BudgetUse },
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
      budget: { queue: name, amount, unit, whenSpent, message, fromMs, untilMs, used },
    };
    draft.put('notices', noticeKey(notice), notice);
  }
}

/** Workloads that one command sends back, so that nobody waits for it. */
const SENT_BACK_AT_ONCE = 50;

/**
 * How many parts of a GPU a queue is guaranteed, of the whole cluster or of parts of it: as far as placing lets it hold while it
 * may not borrow. Were more sent back, it would be placed again at once.
 */
export type Promised = (queue: QueueName) => number;

/** Queues that hold more than their guarantee although their budget is spent and says that this ends, with what they keep. */
export function borrowingOnSpent(state: ReadableState, promised: Promised): ReadonlyMap<QueueName, number> {
  const found = new Map<QueueName, number>();
  for (const queue of state.queues.values()) {
    if (!endsBorrowed(queue)) continue;
    const keptParts = promised(queue.name);
    if (sendBack(state, queue, keptParts).length > 0) found.set(queue.name, keptParts);
  }
  return found;
}

function endsBorrowed(queue: Queue): boolean {
  return queue.budget?.whenSpent === 'end_borrowed' && stopsBorrowing(queue);
}

/**
 * Sends back to its queue what a queue has borrowed, who came last first.
 * @param keptParts what it is guaranteed, in parts of a GPU ({@link Promised})
 * @returns how many workloads
 */
export function endBorrowed(name: QueueName, keptParts: number): Command<number> {
  return {
    name: 'end_borrowed',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, { nowMs }) => {
      const queue = draft.get('queues', name);
      if (queue === undefined || !endsBorrowed(queue) || queue.budget === undefined || queue.budget === null) return 0;
      const numbers = sendBack(draft.base, queue, keptParts).slice(0, SENT_BACK_AT_ONCE);
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

/** Which workloads leave so that the queue, with all below it, holds no more than it keeps. Cost: what is held. */
function sendBack(state: ReadableState, queue: Queue, keptParts: number): readonly WorkloadNumber[] {
  const below = new Set<QueueName>([queue.name]);
  for (const name of below) for (const child of state.childrenOf(name)) below.add(child.name);
  let surplus = -keptParts;
  const borrowing: AllocationId[] = [];
  for (const name of below) {
    const { guaranteedParts, borrowedParts, borrowing: some } = state.quotaOf(name);
    surplus += guaranteedParts + borrowedParts;
    borrowing.push(...some);
  }
  if (surplus <= 0) return [];
  const held = [...state.nodes.values()]
    .flatMap(({ id }) => [...state.heldOn(id)])
    .filter((one) => one.queue !== undefined && below.has(one.queue));
  // What leaves already counts whole, be it borrowed or guaranteed.
  for (const { state: is, gpus } of held) if (isLeaving(is)) surplus -= heldParts(gpus);
  const shelter = new Shelter(state, queue, held);
  const leaving = new Set<WorkloadNumber>();
  const latestFirst = borrowing.toSorted().toReversed();
  // First those whose leaving takes nothing from a guarantee of a part of the cluster.
  for (const maySpoil of shelter.isNone ? [true] : [false, true]) {
    for (const id of latestFirst) {
      if (surplus <= 0) return [...leaving];
      const allocation = state.allocation(id);
      const workload = allocation === undefined ? undefined : state.workload(allocation.workload);
      if (allocation === undefined || workload === undefined || isLeaving(allocation.state)) continue;
      if (leaving.has(workload.number)) continue;
      if (workload.state !== 'starting' && workload.state !== 'running') continue;
      const gone = workload.allocations
        .flatMap((one) => state.allocation(one) ?? [])
        .filter((one) => one.state !== 'released' && !isLeaving(one.state));
      if (!shelter.take(gone, maySpoil)) continue;
      leaving.add(workload.number);
      for (const { gpus } of gone) surplus -= heldParts(gpus);
    }
  }
  return [...leaving];
}

function isLeaving(state: Allocation['state']): boolean {
  return state === 'stopping' || state === 'exited';
}

/** What a queue holds of the parts of the cluster that it is guaranteed. */
class Shelter {
  readonly #state: ReadableState;
  /** By how much more is held than guaranteed, in parts of a GPU. */
  readonly #scopes: { readonly scope: QueueScope; above: number }[];

  constructor(state: ReadableState, queue: Queue, held: readonly Allocation[]) {
    this.#state = state;
    const stays = held.filter((one) => !isLeaving(one.state));
    this.#scopes = queue.scopes
      .filter(({ guaranteeGpus }) => guaranteeGpus > 0)
      .map((scope) => ({ scope, above: this.#partsIn(scope, stays) - toParts(scope.guaranteeGpus) }));
  }

  get isNone(): boolean {
    return this.#scopes.length === 0;
  }

  /** Counts these out. @returns whether they may go: not when a guarantee is short of them, unless that may be */
  take(gone: readonly Allocation[], maySpoil: boolean): boolean {
    const taken = this.#scopes.map(({ scope }) => this.#partsIn(scope, gone));
    const spoils = this.#scopes.some(({ above }, at) => (taken[at] ?? 0) > 0 && above < (taken[at] ?? 0));
    if (spoils && !maySpoil) return false;
    for (const [at, scope] of this.#scopes.entries()) scope.above -= taken[at] ?? 0;
    return true;
  }

  #partsIn({ pool, model }: QueueScope, allocations: readonly Allocation[]): number {
    let sum = 0;
    for (const { node, gpus } of allocations) {
      if (pool !== '' && this.#state.node(node)?.pool !== pool) continue;
      sum += heldParts(gpus.filter((gpu) => matchesModel(gpu.model, model)));
    }
    return sum;
  }
}

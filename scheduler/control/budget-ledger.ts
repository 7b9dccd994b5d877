// What queues with a budget have used in its period: the sums of usage, followed from commit to commit, and what is charged
// for that runs now, which grows evenly. Where no queue has a budget a commit costs one look at its queues, and nothing is kept.
import type { QueueName } from '../../common/ids.js';
import type { ReadableState } from '../model/cluster-state.js';
import { type BudgetPeriod, type BudgetUse, countedIn, isIn, periodOf } from '../model/budgets.js';
import { dayText } from '../model/days.js';
import { costOf, type Prices } from '../model/prices.js';
import type { Allocation, Queue, QueueBudget, RecordChange, UsageRecord } from '../model/records.js';
import { GPU_PARTS } from '../model/requests.js';
import { USAGE_TOTAL } from '../model/usage.js';
import { BEFORE } from '../model/usage-history.js';

const HOUR_MS = 3_600_000;

/** One budget, with what counts for it. */
interface Account {
  readonly budget: QueueBudget;
  readonly period: BudgetPeriod;
  /** What is in the sums of usage: parts of a GPU times milliseconds, which are whole numbers; times the price of an hour. */
  counted: number;
  /** What runs, the same: `perMs` for each millisecond since the period began, and `fixed` beside it. */
  perMs: number;
  fixed: number;
}

/** What an hour of a GPU comes to in the sums. */
const GPU_HOUR = GPU_PARTS * HOUR_MS;

/** Follows what budgets are used for. */
export class BudgetLedger {
  readonly #state: ReadableState;
  readonly #prices: Prices;
  #accounts = new Map<QueueName, Account>();
  /** The accounts in which use by a queue counts. */
  #countingIn = new Map<string, Account[]>();
  #isStale = true;

  constructor(state: ReadableState, prices: Prices) {
    this.#state = state;
    this.#prices = prices;
  }

  /** Follows what was committed. @returns whether queues or their budgets are others now */
  note(changes: readonly RecordChange[]): boolean {
    let hasOtherQueues = false;
    for (const change of changes) {
      if (change.collection === 'queues' && isOther(change.before, change.after)) hasOtherQueues = true;
    }
    if (hasOtherQueues) this.#isStale = true;
    if (this.#isStale || this.#accounts.size === 0) return hasOtherQueues;
    for (const change of changes) {
      if (change.collection === 'usage' && change.key !== USAGE_TOTAL) {
        if (change.before !== null) this.#countRecord(change.before, -1);
        if (change.after !== null) this.#countRecord(change.after, 1);
      } else if (change.collection === 'allocations') {
        if (change.before !== null) this.#countAllocation(change.before, -1);
        if (change.after !== null) this.#countAllocation(change.after, 1);
      }
    }
    return hasOtherQueues;
  }

  /** What each queue with a budget has used. Cost: the budgets; after another queue or a new period one pass over all usage. */
  uses(nowMs: number): ReadonlyMap<QueueName, BudgetUse> {
    if (this.#isStale || this.#hasNewPeriod(nowMs)) this.#countAll(nowMs);
    return new Map([...this.#accounts].map(([name, account]) => [name, useOf(account, nowMs)]));
  }

  /** When, if nothing else happens, a budget reaches the next of the parts that count for it, or its period turns; Infinity = never. */
  nextMs(nowMs: number): number {
    let next = Infinity;
    for (const account of this.#accounts.values()) {
      const { budget, period, perMs } = account;
      for (const edge of [period.fromMs, period.untilMs]) if (edge > nowMs) next = Math.min(next, edge);
      const { used } = useOf(account, nowMs);
      const ahead = [...budget.warnAt, 1].map((part) => part * budget.amount).filter((amount) => amount > used);
      if (perMs > 0 && isIn(period, nowMs)) {
        next = Math.min(next, nowMs + ((Math.min(...ahead) - used) * GPU_HOUR) / perMs);
      }
    }
    return next;
  }

  #hasNewPeriod(nowMs: number): boolean {
    return [...this.#accounts.values()].some(({ budget, period }) => periodOf(budget, nowMs).fromMs !== period.fromMs);
  }

  #countAll(nowMs: number): void {
    const state = this.#state;
    this.#isStale = false;
    this.#accounts = new Map();
    this.#countingIn = new Map();
    for (const { name, budget } of state.queues.values()) {
      if (budget === undefined || budget === null) continue;
      const account: Account = { budget, period: periodOf(budget, nowMs), counted: 0, perMs: 0, fixed: 0 };
      this.#accounts.set(name, account);
      const queueOf = (one: QueueName): Queue | undefined => state.queue(one);
      for (const counted of new Set(countedIn(queueOf, (one) => state.childrenOf(one), name))) {
        const known = this.#countingIn.get(counted);
        if (known === undefined) this.#countingIn.set(counted, [account]);
        else known.push(account);
      }
    }
    if (this.#accounts.size === 0) return;
    for (const [key, record] of state.usage) if (key !== USAGE_TOTAL) this.#countRecord(record, 1);
    for (const { id } of state.nodes.values()) {
      for (const allocation of state.heldOn(id)) this.#countAllocation(allocation, 1);
    }
  }

  #countRecord(record: UsageRecord, sign: 1 | -1): void {
    const accounts = this.#countingIn.get(record.queue);
    if (accounts === undefined || record.period === BEFORE) return;
    for (const account of accounts) {
      if (!covers(account.period, record.period)) continue;
      const { ms, parts } = record.charged;
      account.counted += sign * this.#price(account.budget, record.model) * (ms * GPU_PARTS + parts);
    }
  }

  #countAllocation(allocation: Allocation, sign: 1 | -1): void {
    if (allocation.state === 'released' || allocation.gpus.length === 0) return;
    const queue = allocation.queue ?? this.#state.workload(allocation.workload)?.spec.queue ?? '';
    for (const account of this.#countingIn.get(queue) ?? []) {
      const { fromMs, untilMs } = account.period;
      const perMs = this.#perMs(account.budget, allocation);
      const beganMs = Math.max(fromMs, allocation.placedMs) - fromMs;
      if (allocation.endedMs === null) {
        account.perMs += sign * perMs;
        account.fixed -= sign * perMs * beganMs;
      } else {
        const lastedMs = Math.max(0, Math.min(allocation.endedMs, untilMs) - fromMs - beganMs);
        account.fixed += sign * perMs * lastedMs;
      }
    }
  }

  #perMs(budget: QueueBudget, { gpus }: Pick<Allocation, 'gpus'>): number {
    return gpus.reduce((sum, { parts, model }) => sum + parts * this.#price(budget, model), 0);
  }

  /** What an hour of a GPU counts for. What has no price costs nothing. */
  #price({ unit }: QueueBudget, model: string): number {
    return unit === 'gpu_hours' ? 1 : (costOf(this.#prices, model, { ms: HOUR_MS, parts: 0 }) ?? 0);
  }
}

function useOf({ budget, period, counted, perMs, fixed }: Account, nowMs: number): BudgetUse {
  const sinceMs = Math.max(0, Math.min(nowMs, period.untilMs) - period.fromMs);
  // What begins later than now, by a clock that was set back, is not negative.
  return { ...period, budget, used: Math.max(0, counted + Math.max(0, perMs * sinceMs + fixed)) / GPU_HOUR };
}

/** Whether a record of a day or a month lies in the period. */
function covers({ fromMs, untilMs }: BudgetPeriod, period: string): boolean {
  const [first, last] = [dayText(fromMs), dayText(untilMs - 1)];
  return period >= first.slice(0, period.length) && period <= last.slice(0, period.length);
}

/** Other names, budgets or families; how a budget stands is no matter. */
function isOther(before: Queue | null, after: Queue | null): boolean {
  const hasBudget = (queue: Queue | null): boolean => queue?.budget !== undefined && queue.budget !== null;
  if (before === null || after === null) return true;
  if (!hasBudget(before) && !hasBudget(after)) return false;
  return before.budget !== after.budget || before.formerQueues !== after.formerQueues;
}

// Looks at budgets of queues when one may have been used to another part, or its period turns, and has that written down. Nothing
// is looked at where no queue has a budget.
import type { Clock, Timer } from '../../common/clock.js';
import type { QueueName } from '../../common/ids.js';
import type { Logger } from '../../common/log.js';
import type { BudgetUse } from '../model/budgets.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Prices } from '../model/prices.js';
import { BudgetLedger } from './budget-ledger.js';
import { borrowingOnSpent, endBorrowed, hasBudgetNews, noteBudgets } from './commands/budgets.js';
import type { ControlLoop } from './loop.js';

/** Looked at so often at least: what runs, and so when a budget will be spent, changes all the time. */
const LOOK_EVERY_MS = 60_000;
/** And no more often than that, unless queues or budgets change: one is spent so late at most. */
const SOONEST_LOOK_MS = 1_000;

export interface BudgetWatchDependencies {
  readonly loop: Pick<ControlLoop, 'read' | 'execute' | 'onCommitted'>;
  readonly state: ReadableState;
  readonly clock: Clock;
  readonly log: Logger;
  readonly prices: Prices;
}

/** Keeps budgets of queues by the clock. */
export class BudgetWatch {
  readonly #deps: BudgetWatchDependencies;
  readonly #ledger: BudgetLedger;
  #timer: Timer | null = null;
  #isOn = false;
  #hasBudgets = false;
  #isLooking = false;
  /** Something changed while it looked. */
  #looksAgain = false;

  constructor(deps: BudgetWatchDependencies) {
    this.#deps = deps;
    this.#ledger = new BudgetLedger(deps.state, deps.prices);
    deps.loop.onCommitted(({ changes }) => {
      if (this.#ledger.note(changes)) this.#lookIn(0);
    });
  }

  /** What each queue with a budget has used in its present period. Only for a reader of the loop: what is in the making counts later. */
  uses(nowMs: number): ReadonlyMap<QueueName, BudgetUse> {
    return this.#ledger.uses(nowMs);
  }

  start(): void {
    this.#isOn = true;
    this.#lookIn(0);
  }

  stop(): void {
    this.#isOn = false;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #lookIn(delayMs: number): void {
    if (!this.#isOn) return;
    this.#looksAgain = this.#isLooking;
    if (this.#isLooking) return;
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#deps;
    this.#isLooking = true;
    let nextMs = Infinity;
    try {
      const lookedMs = clock.wallMs();
      await this.#note(lookedMs);
      const isBusy = await this.#endBorrowed();
      // From when it was looked at: what was reached since would count as behind us, and be seen only with the next look of its own.
      nextMs = isBusy ? SOONEST_LOOK_MS : this.#ledger.nextMs(lookedMs) - clock.wallMs();
    } catch (error) {
      log.error({ err: error }, 'budgets could not be looked at');
      nextMs = LOOK_EVERY_MS;
    }
    this.#isLooking = false;
    if (this.#looksAgain) this.#lookIn(0);
    else if (this.#hasBudgets) this.#lookIn(Math.max(SOONEST_LOOK_MS, Math.min(LOOK_EVERY_MS, nextMs)));
  }

  async #note(nowMs: number): Promise<void> {
    const { loop, log } = this.#deps;
    const found = await loop.read((state) => {
      const uses = this.uses(nowMs);
      this.#hasBudgets = uses.size > 0;
      return hasBudgetNews(state, uses, nowMs) ? uses : null;
    });
    if (found === null) return;
    for (const { queue, message } of await loop.execute(noteBudgets(found))) log.warn({ queue }, message);
  }

  /** @returns whether there may be more to send back */
  async #endBorrowed(): Promise<boolean> {
    const { loop, log } = this.#deps;
    let isBusy = false;
    const found = await loop.read((state, view) => borrowingOnSpent(state, (name) => view.promisedParts(name)));
    for (const [queue, keptParts] of found) {
      const workloads = await loop.execute(endBorrowed(queue, keptParts));
      if (workloads > 0) {
        isBusy = true;
        log.info({ queue, workloads }, 'sent back what was borrowed, since the budget is spent');
      }
    }
    return isBusy;
  }
}

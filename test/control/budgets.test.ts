// Budgets of queues: what counts, when people are told, what follows when all of it is used, and that all of that survives a restart.
import { describe, expect, test } from 'vitest';
import { invariant } from '../../common/assert.js';
import type { Clock } from '../../common/clock.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { BudgetLedger } from '../../scheduler/control/budget-ledger.js';
import { BudgetWatch, type BudgetWatchDependencies } from '../../scheduler/control/budget-watch.js';
import type { Command } from '../../scheduler/control/command.js';
import { borrowingOnSpent, endBorrowed, hasBudgetNews, noteBudgets } from '../../scheduler/control/commands/budgets.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import { deleteQueue, updateQueue } from '../../scheduler/control/commands/queues.js';
import { foldUsage } from '../../scheduler/control/commands/usage-notes.js';
import { periodOf, startOf, stopsBorrowing } from '../../scheduler/model/budgets.js';
import { markEnded, markReleased, markStarted } from '../../scheduler/model/lifecycle.js';
import { NO_PRICES, type Prices } from '../../scheduler/model/prices.js';
import type { BudgetNotice, QueueBudget } from '../../scheduler/model/records.js';
import { foldable } from '../../scheduler/model/usage-history.js';
import { usageReport } from '../../scheduler/model/usage-report.js';
import { toGpuMs } from '../../scheduler/model/gpu-time.js';
import { mailOf, bodyOf } from '../../scheduler/notify/message.js';
import { SILENT_LOG } from '../../simulator/faults/silent-log.js';
import { Workshop } from './workshop.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MINUTE = HOUR / 60;
const at = (text: string): number => Date.parse(`${text}Z`);
const named = (name: string): QueueName => name as QueueName;
const monthly = (amount: number, more: Partial<QueueBudget> = {}): QueueBudget => ({
  amount,
  unit: 'gpu_hours',
  period: 'month',
  warnAt: [0.8, 1],
  whenSpent: 'stop_borrowing',
  notify: [],
  ...more,
});

/** A cluster whose budgets are looked at when the test says so. */
class Treasury extends Workshop {
  readonly home: NodeId;
  ledger: BudgetLedger;

  readonly prices: Prices;

  constructor(prices: Prices = NO_PRICES) {
    super();
    this.prices = prices;
    this.nowMs = at('2026-11-10T00:00:00');
    this.home = this.node('n1', 256);
    this.ledger = new BudgetLedger(this.state, prices);
    this.onChanges = (changes) => void this.ledger.note(changes);
  }

  budget(name: string, budget: QueueBudget | null): void {
    this.run(updateQueue(name, { budget }, false));
  }

  /** Submits, places and starts. */
  start(queue: string, gpus: number): AllocationId {
    const number = this.submit({ queue: named(queue), gpusPerTask: gpus });
    const [id] = this.place(number, this.home);
    if (id === undefined) throw new Error('nothing was placed');
    this.change((draft) => markStarted(draft, id, this.nowMs, this.nowMs));
    return id;
  }

  /** @param endedMs when it ended, of which is heard now */
  end(id: AllocationId, endedMs = this.nowMs): void {
    const exit = { code: 0, signal: '', message: '' };
    this.change((draft) => markEnded(draft, id, { exit, endedMs, ofItsOwn: true }, this.nowMs));
    this.change((draft) => markReleased(draft, id, 'clean', this.nowMs));
  }

  used(name: string): number | undefined {
    return this.ledger.uses(this.nowMs).get(named(name))?.used;
  }

  /** What would be written down now. @returns what was told */
  look(): readonly string[] {
    const uses = this.ledger.uses(this.nowMs);
    const isNews = hasBudgetNews(this.state, uses, this.nowMs);
    const before = this.state.incidents.size;
    const told = this.run(noteBudgets(uses)).map(({ message }) => message);
    invariant(this.state.incidents.size - before === told.length, 'each thing told is an incident', told.join());
    invariant(isNews || told.length === 0, 'nothing is told where there is no news', told.join());
    return told;
  }

  isStopped(name: string): boolean {
    const queue = this.state.queue(name);
    return queue !== undefined && stopsBorrowing(queue);
  }

  /** What a queue is guaranteed, as placing sees it. */
  promised(name: QueueName): number {
    const view = new ClusterView();
    for (const [key, after] of this.state.nodes) view.apply({ collection: 'nodes', key, before: null, after });
    for (const [key, after] of this.state.queues) view.apply({ collection: 'queues', key, before: null, after });
    return view.promisedParts(name);
  }

  borrowing(): ReadonlyMap<QueueName, number> {
    return borrowingOnSpent(this.state, (name) => this.promised(name));
  }

  endBorrowed(name: string): number {
    return this.run(endBorrowed(named(name), this.promised(named(name))));
  }

  override restart(): void {
    super.restart();
    this.ledger = new BudgetLedger(this.state, this.prices);
  }
}

describe('periods', () => {
  test.each([
    ['month', '2026-11-10T12:00:00', '2026-11-01', '2026-12-01'],
    ['month', '2026-12-31T23:59:59', '2026-12-01', '2027-01-01'],
    ['quarter', '2026-11-10T12:00:00', '2026-10-01', '2027-01-01'],
    ['quarter', '2026-03-31T23:59:59', '2026-01-01', '2026-04-01'],
    ['year', '2028-02-29T00:00:00', '2028-01-01', '2029-01-01'],
    [{ firstDay: '2026-10-15', lastDay: '2027-03-31' }, '2026-11-10T12:00:00', '2026-10-15', '2027-04-01'],
  ] as const)('%s at %s', (period, now, from, until) => {
    const midnight = (day: string): number => at(`${day}T00:00:00`);
    expect(periodOf({ period }, at(now))).toEqual({ fromMs: midnight(from), untilMs: midnight(until) });
  });

  test('days that there are', () => {
    expect(startOf('2026-02-30')).toBeNaN();
    expect(startOf('2028-02-29')).toBe(Date.UTC(2028, 1, 29));
    expect(startOf('nonsense')).toBeNaN();
  });
});

describe('what counts', () => {
  test('what ended and what runs, of the queue and of all below it, in the present period only', () => {
    const shop = new Treasury();
    shop.queue('top');
    shop.queue('a', { parent: named('top') });
    shop.queue('b', { parent: named('top') });
    shop.queue('other');
    shop.nowMs = at('2026-10-31T20:00:00');
    const old = shop.start('a', 2);
    shop.nowMs = at('2026-11-01T01:00:00');
    shop.end(old);
    shop.budget('top', monthly(100));
    shop.budget('b', monthly(100));
    // Two GPUs for one hour of this month.
    expect(shop.used('top')).toBeCloseTo(2, 9);
    const runs = shop.start('b', 4);
    shop.start('other', 8);
    shop.nowMs += HOUR;
    expect(shop.used('top')).toBeCloseTo(6, 9);
    expect(shop.used('b')).toBeCloseTo(4, 9);
    shop.nowMs += HOUR / 2;
    shop.end(runs);
    shop.nowMs += 5 * HOUR;
    expect(shop.used('top')).toBeCloseTo(8, 9);
    expect(shop.used('other')).toBeUndefined();
  });

  test('the same as the report says, whatever happens in between, and after a restart', () => {
    const shop = new Treasury();
    shop.queue('top');
    shop.queue('a', { parent: named('top') });
    shop.budget('top', monthly(1_000_000));
    const ids: AllocationId[] = [];
    for (let step = 0; step < 60; step++) {
      shop.nowMs += (step * 7_919_123) % (9 * HOUR);
      if (step % 3 !== 2 || ids.length === 0) {
        if (ids.length < 8) ids.push(shop.start('a', 1 + (step % 4)));
      } else shop.end(ids.splice((step * 5) % ids.length, 1)[0] as AllocationId);
      if (step === 30) shop.restart();
      const { fromMs, untilMs } = shop.ledger.uses(shop.nowMs).get(named('top')) ?? { fromMs: 0, untilMs: 0 };
      const query = { fromMs, toMs: untilMs - 1, by: ['queue'], queue: 'top', user: '' } as const;
      const { total } = usageReport(shop.state, query, shop.nowMs);
      expect(shop.used('top')).toBeCloseTo(toGpuMs(total.charged) / HOUR, 6);
    }
    expect(shop.nowMs).toBeGreaterThan(at('2026-11-20T00:00:00'));
  });

  test('cost, by the prices of the models', () => {
    const shop = new Treasury({ currency: 'EUR', ofModels: [{ word: 'h100', perGpuHour: 2.5 }] });
    shop.queue('q');
    shop.budget('q', monthly(100, { unit: 'cost' }));
    shop.start('q', 4);
    shop.nowMs += 10 * HOUR;
    expect(shop.used('q')).toBeCloseTo(100, 9);
    expect(shop.look()).toEqual([
      'the budget of queue q is spent: 100.00 of 100 in cost, until 2026-12-01; borrowing stops, what runs goes on',
    ]);
  });

  test('what a queue used that was deleted since, and nothing twice when it is made again', () => {
    const shop = new Treasury();
    shop.queue('top');
    shop.queue('a', { parent: named('top') });
    shop.budget('top', monthly(100));
    const id = shop.start('a', 5);
    shop.nowMs += 10 * HOUR;
    shop.end(id);
    shop.run(deleteQueue('a'));
    expect(shop.used('top')).toBeCloseTo(50, 9);
    shop.restart();
    expect(shop.used('top')).toBeCloseTo(50, 9);
    shop.queue('a', { parent: named('top') });
    expect(shop.used('top')).toBeCloseTo(50, 9);
  });

  test('is kept apart in the history as long as a budget needs it', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.nowMs = at('2026-10-05T00:00:00');
    for (const day of ['2026-10-10', '2026-10-20', '2026-11-05']) {
      shop.nowMs = at(`${day}T00:00:00`);
      const id = shop.start('q', 1);
      shop.nowMs += 10 * HOUR;
      shop.end(id);
    }
    shop.budget('q', monthly(1_000, { period: { firstDay: '2026-10-15', lastDay: '2027-03-31' } }));
    shop.nowMs = at('2027-03-30T00:00:00');
    expect(shop.used('q')).toBeCloseTo(20, 9);
    const retention = { daysMs: 31 * DAY, monthsMs: 62 * DAY };
    for (let round = 0; round < 3; round++) shop.run(foldUsage(foldable(shop.state, retention, shop.nowMs)));
    expect(shop.used('q')).toBeCloseTo(20, 9);
    shop.restart();
    expect(shop.used('q')).toBeCloseTo(20, 9);
    // The first of November needed no days of its own.
    expect([...shop.state.usage.values()].map(({ period }) => period)).toContain('2026-11');
    shop.nowMs = at('2027-04-02T00:00:00');
    for (let round = 0; round < 3; round++) shop.run(foldUsage(foldable(shop.state, retention, shop.nowMs)));
    expect([...shop.state.usage.values()].some(({ period }) => period.startsWith('2026-10'))).toBe(false);
  });
});

describe('who is told what', () => {
  test('each part once, then that it is spent, and at the turn of the period that it is not any more', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.budget('q', monthly(100, { warnAt: [0.5, 0.8, 1], notify: ['ada@example.org'] }));
    shop.start('q', 10);
    expect(shop.look()).toEqual([]);
    shop.nowMs += 5 * HOUR;
    expect(shop.look()).toEqual(['the budget of queue q is used to 50 %: 50 of 100 GPU-hours, until 2026-12-01']);
    expect(shop.look()).toEqual([]);
    shop.restart();
    expect(shop.look()).toEqual([]);
    shop.nowMs += 4 * HOUR;
    expect(shop.look()).toEqual(['the budget of queue q is used to 90 %: 90 of 100 GPU-hours, until 2026-12-01']);
    expect(shop.isStopped('q')).toBe(false);
    shop.nowMs += HOUR;
    expect(shop.look()).toEqual([
      'the budget of queue q is spent: 100 of 100 GPU-hours, until 2026-12-01; borrowing stops, what runs goes on',
    ]);
    expect(shop.isStopped('q')).toBe(true);
    shop.restart();
    expect(shop.look()).toEqual([]);
    expect(shop.isStopped('q')).toBe(true);
    shop.nowMs = at('2026-11-30T23:59:59');
    shop.look();
    expect(shop.isStopped('q')).toBe(true);
    shop.nowMs = at('2026-12-01T00:00:00');
    expect(shop.used('q')).toBe(0);
    expect(shop.look()).toEqual(['the budget of queue q is not spent any more: 0 of 100 GPU-hours, until 2027-01-01']);
    expect(shop.isStopped('q')).toBe(false);
    expect(shop.state.queue('q')?.budgetStanding).toBeUndefined();
    expect([...shop.state.notices.values()].map(({ type, to }) => `${type} ${to}`)).toEqual([
      'budget_warned ada@example.org',
      'budget_warned ada@example.org',
      'budget_spent ada@example.org',
      'budget_renewed ada@example.org',
    ]);
  });

  test('a budget that is raised, lowered, changed or taken away counts at once', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.budget('q', monthly(10));
    shop.start('q', 10);
    shop.nowMs += 2 * HOUR;
    shop.look();
    expect(shop.isStopped('q')).toBe(true);
    shop.budget('q', monthly(100));
    // Until it is looked at it stands as it stood: nothing is borrowed in between.
    expect(shop.isStopped('q')).toBe(true);
    expect(shop.look()).toEqual(['the budget of queue q is not spent any more: 20 of 100 GPU-hours, until 2026-12-01']);
    shop.budget('q', monthly(20));
    expect(shop.look()).toHaveLength(1);
    expect(shop.isStopped('q')).toBe(true);
    shop.budget('q', monthly(20, { whenSpent: 'warn' }));
    expect(shop.isStopped('q')).toBe(false);
    shop.budget('q', null);
    expect(shop.look()).toEqual([]);
    expect(shop.state.queue('q')).not.toHaveProperty('budgetStanding');
  });

  test('nothing twice when a task had ended a little before that is heard', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.budget('q', monthly(100));
    const told: string[] = [];
    // At every part that is told of, the task that ran ended half a GPU hour before.
    for (const hours of [8, 2]) {
      const id = shop.start('q', 10);
      shop.nowMs += hours * HOUR;
      told.push(...shop.look());
      shop.end(id, shop.nowMs - 3 * MINUTE);
      told.push(...shop.look());
      shop.restart();
      const next = shop.start('q', 10);
      shop.nowMs += 3 * MINUTE;
      told.push(...shop.look());
      shop.end(next);
    }
    expect(told).toEqual([
      'the budget of queue q is used to 80 %: 80 of 100 GPU-hours, until 2026-12-01',
      'the budget of queue q is spent: 100 of 100 GPU-hours, until 2026-12-01; borrowing stops, what runs goes on',
    ]);
    expect(shop.isStopped('q')).toBe(true);
  });

  test('a task that had ended long before that is heard gives its hours back', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.budget('q', monthly(100));
    const id = shop.start('q', 10);
    shop.nowMs += 10 * HOUR;
    expect(shop.look()).toHaveLength(1);
    shop.end(id, shop.nowMs - HOUR);
    expect(shop.look()).toEqual(['the budget of queue q is not spent any more: 90 of 100 GPU-hours, until 2026-12-01']);
    expect(shop.isStopped('q')).toBe(false);
    shop.start('q', 10);
    shop.nowMs += HOUR;
    expect(shop.look()).toHaveLength(1);
    expect(shop.isStopped('q')).toBe(true);
  });

  test('a budget that is raised by little is not spent any more, although use alone would be no news', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.budget('q', monthly(100));
    const id = shop.start('q', 10);
    shop.nowMs += 10 * HOUR;
    shop.look();
    shop.end(id);
    shop.budget('q', monthly(100.5));
    expect(shop.look()).toEqual([
      'the budget of queue q is not spent any more: 100 of 100.5 GPU-hours, until 2026-12-01',
    ]);
    expect(shop.isStopped('q')).toBe(false);
  });

  test('nothing of a budget that was changed while it was looked at', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.budget('q', monthly(100));
    shop.start('q', 10);
    shop.nowMs += 5 * HOUR;
    const before = shop.ledger.uses(shop.nowMs);
    shop.budget('q', monthly(10, { period: { firstDay: '2026-11-01', lastDay: '2026-11-30' }, unit: 'cost' }));
    expect(shop.run(noteBudgets(before))).toEqual([]);
    expect(shop.isStopped('q')).toBe(false);
  });

  test('one of certain days counts from its first to its last', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.start('q', 10);
    shop.budget('q', monthly(10, { period: { firstDay: '2026-11-11', lastDay: '2026-11-12' } }));
    shop.nowMs += 12 * HOUR;
    expect(shop.look()).toEqual([]);
    shop.nowMs = at('2026-11-11T01:00:00');
    expect(shop.used('q')).toBeCloseTo(10, 9);
    expect(shop.look()).toHaveLength(1);
    shop.nowMs = at('2026-11-13T00:00:00');
    expect(shop.look()).toEqual(['the budget of queue q is not spent any more: its days are over']);
    expect(shop.isStopped('q')).toBe(false);
    expect(shop.used('q')).toBeCloseTo(480, 9);
  });

  test('while it is spent the figure is kept up, in steps', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.budget('q', monthly(100));
    shop.start('q', 10);
    shop.nowMs += 10 * HOUR;
    shop.look();
    shop.nowMs += HOUR / 20;
    expect(hasBudgetNews(shop.state, shop.ledger.uses(shop.nowMs), shop.nowMs)).toBe(false);
    shop.nowMs += HOUR / 20;
    expect(shop.look()).toEqual([]);
    expect(shop.state.queue('q')?.budgetStanding?.used).toBeCloseTo(101, 9);
  });

  test('a notice says all of it, as a webhook and as an e-mail', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.budget('q', monthly(100, { notify: ['ada@example.org'] }));
    shop.start('q', 10);
    shop.nowMs += 9 * HOUR;
    shop.look();
    const [notice] = [...shop.state.notices.values()] as BudgetNotice[];
    if (notice === undefined) throw new Error('nobody is told');
    const message = { ...notice, cluster: 'c' };
    expect(JSON.parse(bodyOf(message))).toEqual({
      id: notice.id,
      type: 'queue.budget_warned',
      time: '2026-11-10T09:00:00.000Z',
      cluster: 'c',
      queue: {
        name: 'q',
        budget: {
          amount: 100,
          unit: 'gpu_hours',
          used: 90,
          start_time: '2026-11-01T00:00:00.000Z',
          end_time: '2026-12-01T00:00:00.000Z',
          when_spent: 'stop_borrowing',
          message: 'the budget of queue q is used to 90 %: 90 of 100 GPU-hours, until 2026-12-01',
        },
      },
    });
    const mail = mailOf(message);
    expect(mail.subject).toBe('Sluice: the budget of queue q is used to 90 %');
    expect(mail.text).toContain('The budget of queue q is used to 90 %: 90 of 100 GPU-hours, until 2026-12-01.');
  });
});

describe('when it will be spent', () => {
  test('is known from what runs, and so is the turn of the period', () => {
    const shop = new Treasury();
    shop.queue('q');
    shop.budget('q', monthly(100));
    shop.used('q');
    expect(shop.ledger.nextMs(shop.nowMs)).toBe(at('2026-12-01T00:00:00'));
    shop.start('q', 10);
    expect(shop.ledger.nextMs(shop.nowMs)).toBeCloseTo(shop.nowMs + 8 * HOUR, 0);
    shop.nowMs += 8 * HOUR;
    expect(shop.ledger.nextMs(shop.nowMs)).toBeCloseTo(shop.nowMs + 2 * HOUR, 0);
  });
});

test('a budget that is spent while it is looked at is looked at again soon', async () => {
  const shop = new Treasury();
  shop.queue('q');
  shop.budget('q', monthly(1));
  shop.start('q', 1);
  shop.nowMs += HOUR - 1;
  const timers: { readonly delayMs: number; readonly callback: () => void }[] = [];
  const clock: Clock = {
    wallMs: () => shop.nowMs,
    monotonicMs: () => shop.nowMs,
    after: (delayMs, callback) => {
      timers.push({ delayMs, callback });
      return { cancel: () => undefined };
    },
  };
  // Each read of the state takes a second, as on a machine that has much to do.
  const loop = {
    read: (ask: (state: typeof shop.state, view: ClusterView) => unknown) => {
      const answer = ask(shop.state, new ClusterView());
      shop.nowMs += 1_000;
      return Promise.resolve(answer);
    },
    execute: (command: Command<unknown>) => Promise.resolve(shop.run(command)),
    onCommitted: () => undefined,
  } as unknown as BudgetWatchDependencies['loop'];
  const watch = new BudgetWatch({ loop, state: shop.state, clock, log: SILENT_LOG, prices: NO_PRICES });
  watch.start();
  timers.shift()?.callback();
  await expect.poll(() => timers.map(({ delayMs }) => delayMs)).toEqual([1_000]);
});

describe('what is borrowed may end with the budget', () => {
  function borrowing(whenSpent: QueueBudget['whenSpent']): { shop: Treasury; own: readonly WorkloadNumber[] } {
    const shop = new Treasury();
    shop.queue('top', { guaranteeGpus: 4 });
    shop.queue('a', { parent: named('top'), guaranteeGpus: 1 });
    shop.queue('b', { parent: named('top'), guaranteeGpus: 1 });
    shop.budget('top', monthly(10, { whenSpent }));
    const ids = [shop.start('a', 2), shop.start('b', 1), shop.start('a', 2), shop.start('b', 2)];
    shop.nowMs += 2 * HOUR;
    shop.look();
    return { shop, own: ids.map((id) => shop.allocation(id).workload) };
  }

  test('who came last goes first, down to the guarantee, and no further', () => {
    const { shop, own } = borrowing('end_borrowed');
    expect([...shop.borrowing().keys()]).toEqual(['top']);
    expect(shop.endBorrowed('top')).toBe(2);
    expect(own.map((number) => shop.workload(number).state)).toEqual(['running', 'running', 'stopping', 'stopping']);
    expect(shop.workload(own[3] as WorkloadNumber).message).toContain(
      'the budget of queue top is spent (14 of 10 GPU-hours)',
    );
    // What leaves already is enough.
    expect(shop.borrowing().size).toBe(0);
    expect(shop.endBorrowed('top')).toBe(0);
  });

  test('what leaves already counts whole, be it borrowed or guaranteed', () => {
    const shop = new Treasury();
    shop.queue('top', { guaranteeGpus: 4 });
    for (const name of ['a', 'b']) shop.queue(name, { parent: named('top'), guaranteeGpus: 2 });
    shop.budget('top', monthly(10, { whenSpent: 'end_borrowed' }));
    const gang = (queue: string): WorkloadNumber => {
      const number = shop.submit({ queue: named(queue), gpusPerTask: 1, tasks: 4 });
      for (const id of shop.place(number, shop.home)) {
        shop.change((draft) => markStarted(draft, id, shop.nowMs, shop.nowMs));
      }
      return number;
    };
    // Two of the four of each are borrowed: with one of them the queue above is down to its guarantee.
    const [first, second] = [gang('a'), gang('b')];
    shop.nowMs += 2 * HOUR;
    shop.look();
    expect(shop.endBorrowed('top')).toBe(1);
    expect(shop.endBorrowed('top')).toBe(0);
    expect([first, second].map((number) => shop.workload(number).state)).toEqual(['running', 'stopping']);
  });

  test('what is guaranteed of parts of the cluster stays, and what lies elsewhere goes first', () => {
    const shop = new Treasury();
    const other = shop.node('n2', 8, 'NVIDIA A100-SXM4-80GB');
    const scopes = [{ pool: '', model: 'a100', guaranteeGpus: 3, limitGpus: null }];
    shop.queue('q', { guaranteeGpus: 0, scopes, budget: monthly(10, { whenSpent: 'end_borrowed' }) });
    const start = (node: NodeId): WorkloadNumber => {
      const number = shop.submit({ queue: named('q'), gpusPerTask: 2 });
      for (const id of shop.place(number, node)) {
        shop.change((draft) => markStarted(draft, id, shop.nowMs, shop.nowMs));
      }
      return number;
    };
    const elsewhere = start(shop.home);
    const own = start(other);
    shop.nowMs += 3 * HOUR;
    shop.look();
    expect(shop.endBorrowed('q')).toBe(1);
    expect([elsewhere, own].map((number) => shop.workload(number).state)).toEqual(['stopping', 'running']);
    expect(shop.borrowing().size).toBe(0);
  });

  test('and does not otherwise', () => {
    const { shop, own } = borrowing('stop_borrowing');
    expect(shop.borrowing().size).toBe(0);
    expect(shop.endBorrowed('top')).toBe(0);
    expect(own.map((number) => shop.workload(number).state)).toEqual(['running', 'running', 'running', 'running']);
  });
});

test('making a queue with a budget again is no conflict, although the daemon has noted how that stands', () => {
  const shop = new Treasury();
  shop.queue('q', { budget: monthly(10) });
  shop.start('q', 10);
  shop.nowMs += 2 * HOUR;
  shop.look();
  shop.queue('q', { budget: monthly(10) });
  expect(shop.isStopped('q')).toBe(true);
  expect(() => shop.queue('q', { budget: monthly(11) })).toThrow('exists already');
});

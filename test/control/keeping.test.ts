// Retention and idempotency: finished work goes by time and by count, the oldest first, at the cost of what goes; request ids stay
// seven days and as long as their workloads, and at the cap a new one is refused rather than an old one forgotten.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import { ApiError } from '../../common/errors.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import {
  MIN_REQUEST_COUNT,
  MIN_REQUEST_MS,
  RECORDS_A_SWEEP,
  type Retention,
  sweep,
} from '../../scheduler/control/commands/retention.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { Keeping } from '../../scheduler/control/keeping.js';
import { TimeHeap } from '../../scheduler/control/time-heap.js';
import { Draft } from '../../scheduler/model/draft.js';
import { markEnded, markReleased, markStarted } from '../../scheduler/model/lifecycle.js';
import { NumberList } from '../../scheduler/model/number-list.js';
import { submission, type SpecFields, Workshop } from './workshop.js';

const DAY_MS = 24 * 3_600_000;
const RETENTION: Retention = {
  finishedMs: DAY_MS,
  finishedCount: 1_000,
  requestMs: MIN_REQUEST_MS,
  requestCount: 1_000_000,
};

/** A workshop whose changes the keeper hears, as the daemon's does, and that counts how often a record is looked at. */
class KeptShop extends Workshop {
  readonly keeping = new Keeping(this.state);

  constructor() {
    super();
    this.queue('research');
  }

  override change<T>(make: Parameters<Workshop['change']>[0] & ((...args: never[]) => T)): T {
    const heard: Parameters<Keeping['note']>[0][] = [];
    const value = super.change((draft: Draft, context) => {
      const made = make(draft, context) as T;
      heard.push(...draft.changes());
      return made;
    });
    for (const change of heard) this.keeping.note(change);
    return value;
  }

  finish(fields: SpecFields = {}): WorkloadNumber {
    const number = this.submit(fields);
    this.run(cancel([String(number)], '', 'alice'));
    return number;
  }

  sweep(retention: Partial<Retention> = {}): number {
    return this.run(sweep({ ...RETENTION, ...retention }, this.keeping));
  }

  /** Sweeps until there is no more. */
  sweepAll(retention: Partial<Retention> = {}): void {
    while (this.sweep(retention) >= RECORDS_A_SWEEP);
  }

  get numbers(): readonly number[] {
    return [...this.state.workloads.values()].map(({ number }) => number);
  }
}

function refusal(work: () => unknown): ApiError {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('finished work', () => {
  test('goes after its time, the first that ended first, and not a moment before', () => {
    const shop = new KeptShop();
    const first = shop.finish();
    shop.nowMs += 1_000;
    const second = shop.finish();
    const waits = shop.submit();
    shop.nowMs += DAY_MS - 1_000;
    expect(shop.sweep()).toBe(0);
    shop.nowMs += 1;
    expect(shop.sweep()).toBe(1);
    expect(shop.numbers).toEqual([second, waits]);
    shop.nowMs += 365 * DAY_MS;
    shop.sweepAll();
    expect(shop.numbers).toEqual([waits]);
    expect(first).toBeLessThan(second);
  });

  test('goes beyond its count, however young; the newest stay', () => {
    const shop = new KeptShop();
    const numbers = Array.from({ length: 10 }, () => {
      shop.nowMs += 1;
      return shop.finish();
    });
    shop.sweepAll({ finishedCount: 4 });
    expect(shop.numbers).toEqual(numbers.slice(-4));
    shop.sweepAll({ finishedCount: 0 });
    expect(shop.numbers).toEqual([]);
  });

  test('stays while its GPUs are not released, and goes once they are', () => {
    const shop = new KeptShop();
    const node = shop.node('n1', 4);
    const number = shop.submit();
    const [id] = shop.place(number, node);
    if (id === undefined) throw new Error('not placed');
    shop.change((draft) => markStarted(draft, id, shop.nowMs, shop.nowMs));
    const exit = { code: 0, signal: '', message: '' };
    shop.change((draft) => markEnded(draft, id, { exit, endedMs: shop.nowMs, ofItsOwn: true }, shop.nowMs));
    const isOver = shop.workload(number).state === 'succeeded';
    shop.nowMs += 10 * DAY_MS;
    shop.sweepAll();
    expect(shop.numbers).toEqual([number]);
    shop.change((draft) => markReleased(draft, id, 'clean', shop.nowMs));
    if (!isOver) shop.nowMs += 10 * DAY_MS;
    shop.sweepAll();
    expect(shop.numbers).toEqual([]);
    expect(shop.state.allocations.size).toBe(0);
  });

  test('stays while others wait for how it ended, and goes once none does', () => {
    const shop = new KeptShop();
    const prep = shop.submit();
    const waits = [1, 2].map(() =>
      shop.submit({
        dependencies: [
          { workload: prep, condition: 'succeeded' },
          { workload: prep, condition: 'ended' },
        ],
      }),
    );
    const held = shop.submit();
    const after = shop.submit({ dependencies: [{ workload: held, condition: 'ended' }] });
    shop.run(cancel([String(held)], '', 'alice'));
    shop.nowMs += 10 * DAY_MS;
    shop.sweepAll();
    expect(shop.numbers).toContain(held);
    shop.run(cancel([String(after)], '', 'alice'));
    shop.sweepAll();
    expect(shop.numbers).toEqual([prep, ...waits, after]);
  });

  test('a sweep costs what it removes: it looks at no record that stays', () => {
    const shop = new KeptShop();
    const specs = Array.from({ length: 3_000 }, () => ({ name: 'same' }));
    shop.run(submit(submission(specs)));
    shop.run(cancel(shop.numbers.slice(0, 1_000).map(String), '', 'alice'));
    shop.nowMs += 2 * DAY_MS;
    shop.run(cancel(shop.numbers.slice(1_000, 2_000).map(String), '', 'alice'));
    let looks = 0;
    let isSweeping = false;
    const counted = new Proxy(shop.state, {
      get: (target, name) => {
        if (isSweeping && ['workloads', 'allocations'].includes(String(name)))
          throw new Error(`went over all ${String(name)}`);
        if (name === 'workload') looks += 1;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
      },
    });
    const keeping = new Keeping(counted);
    const draft = new Draft(counted);
    isSweeping = true;
    expect(sweep(RETENTION, keeping).run(draft, { nowMs: shop.nowMs, newUlid: () => '' })).toBe(RECORDS_A_SWEEP);
    expect(draft.changes()).toHaveLength(RECORDS_A_SWEEP);
    expect(looks).toBeLessThanOrEqual(RECORDS_A_SWEEP);
  });

  test('a daemon that begins with it owes the same', () => {
    const shop = new KeptShop();
    for (let count = 0; count < 20; count += 1) {
      shop.finish();
      shop.nowMs += 1_000;
    }
    const fresh = new Keeping(shop.state);
    const takeAll = (keeping: Keeping) => {
      const numbers: number[] = [];
      for (let next = keeping.takeFinished(Infinity); next !== null; next = keeping.takeFinished(Infinity))
        numbers.push(next.number);
      return numbers;
    };
    expect(fresh.finishedCount).toBe(20);
    expect(takeAll(fresh)).toEqual(takeAll(shop.keeping));
  });
});

describe('request ids', () => {
  const ask = (shop: Workshop, key: string, fields: SpecFields = {}, maxRequests?: number) =>
    shop.run(submit(submission([fields], `alice/${key}`), maxRequests)).map(({ number }) => number);

  test('give the first answer to the same request, and ALREADY_EXISTS to another one', () => {
    const shop = new KeptShop();
    const first = ask(shop, 'r1', { name: 'a' });
    expect(ask(shop, 'r1', { name: 'a' })).toEqual(first);
    const other = refusal(() => ask(shop, 'r1', { name: 'b' }));
    expect(other).toMatchObject({ code: 6, reason: 'REQUEST_ID_REUSED' });
    expect(shop.numbers).toEqual(first);
  });

  test('stay 7 days and as long as any workload they made, then go', () => {
    const shop = new KeptShop();
    const [number = 0] = ask(shop, 'r1');
    shop.run(cancel([String(number)], '', 'alice'));
    shop.nowMs += DAY_MS + 1;
    shop.sweepAll();
    expect(shop.numbers).toEqual([]);
    // The workload's record is gone; the id is not, and the late repetition is not run again.
    expect(refusal(() => ask(shop, 'r1')).reason).toBe('REQUEST_LONG_DONE');
    shop.nowMs += MIN_REQUEST_MS - DAY_MS - 1;
    shop.sweepAll();
    expect([...shop.state.requests.keys()]).toEqual(['alice/r1']);
    shop.nowMs += 1;
    shop.sweepAll();
    expect(shop.state.requests.size).toBe(0);
    const [waiting = 0] = ask(shop, 'r2');
    shop.nowMs += 100 * DAY_MS;
    shop.sweepAll();
    expect([...shop.state.requests.keys()]).toEqual(['alice/r2']);
    shop.run(cancel([String(waiting)], '', 'alice'));
    shop.nowMs += DAY_MS + 1;
    shop.sweepAll();
    // What was put aside for the workload comes back once that is durably gone, for the next sweep.
    shop.sweepAll();
    expect(shop.state.requests.size).toBe(0);
  });

  test('near the cap go after 7 days although they are kept for longer; the oldest first', () => {
    const shop = new KeptShop();
    const long = { requestMs: 30 * DAY_MS, requestCount: 10, finishedCount: 0 };
    for (let index = 0; index < 9; index += 1) {
      const [number = 0] = ask(shop, `r${index}`);
      shop.run(cancel([String(number)], '', 'alice'));
      shop.nowMs += DAY_MS;
    }
    // Nine of ten: nearly full. Two are older than 7 days, and only one has to go to make room.
    shop.sweepAll(long);
    expect([...shop.state.requests.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((index) => `alice/r${index}`));
    shop.sweepAll({ ...long, requestCount: 1_000 });
    expect(shop.state.requests.size).toBe(8);
  });

  test('at the cap refuse new ones in one clear error, and forget none; known ones and those without an id go on', () => {
    const shop = new KeptShop();
    const first = ask(shop, 'r0', {}, 3);
    ask(shop, 'r1', {}, 3);
    ask(shop, 'r2', {}, 3);
    const full = refusal(() => ask(shop, 'r3', {}, 3));
    expect(full).toMatchObject({ code: 8, reason: 'REQUEST_IDS_FULL', metadata: { remembered: '3', limit: '3' } });
    expect(full.message).toMatch(/^3 request ids are remembered.*7 days.*\n.*retention\.request_count/s);
    expect(ask(shop, 'r0', {}, 3)).toEqual(first);
    expect(shop.run(submit(submission([{}]), 3))).toHaveLength(1);
    expect(shop.run(submit({ ...submission([{}], 'alice/r9'), validateOnly: true }, 3))).toEqual([]);
    expect(shop.state.requests.size).toBe(3);
    shop.sweepAll({ requestCount: 3, finishedCount: 0 });
    expect(shop.state.requests.size).toBe(3);
  });

  test('have room for millions, and a week, at least', () => {
    expect(MIN_REQUEST_COUNT).toBe(2_000_000);
    expect(MIN_REQUEST_MS).toBe(7 * DAY_MS);
  });
});

describe('what they rest on', () => {
  test('a time heap gives things out by time, and by themselves where times are equal', () => {
    const entries = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 1_000 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(entries, (all) => {
        const heap = new TimeHeap<number>();
        for (const [timeMs, item] of all) heap.add(timeMs, item);
        const taken: [number, number][] = [];
        for (let first = heap.take(); first !== null; first = heap.take()) taken.push([first.timeMs, first.item]);
        expect(taken).toEqual(all.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]));
      }),
    );
  });

  test('a list of numbers gives those that are left, the highest first, below any number', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 60 })), { maxLength: 200 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 61 }), (all, below) => {
        const there = new Set<number>();
        const list = new NumberList((number) => there.has(number));
        for (const [isNew, number] of all) {
          if (isNew && !there.has(number)) {
            // A number is given once: what is gone does not come back.
            if (seen(list, number)) continue;
            there.add(number);
            list.add(number as WorkloadNumber);
          } else if (!isNew && there.delete(number)) {
            list.forgetOne();
          }
        }
        expect([...list.newestFirst(below)]).toEqual(
          [...there].filter((number) => number < below).toSorted((a, b) => b - a),
        );
        expect([...list.newestFirst()]).toHaveLength(there.size);
        expect(list.isEmpty).toBe(there.size === 0);
      }),
    );
  });
});

const given = new WeakMap<NumberList, Set<number>>();
function seen(list: NumberList, number: number): boolean {
  const numbers = given.get(list) ?? new Set<number>();
  given.set(list, numbers);
  if (numbers.has(number)) return true;
  numbers.add(number);
  return false;
}

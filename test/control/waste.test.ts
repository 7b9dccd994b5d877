// What came to nothing is told apart, counted once, and keeps its sum however the history is folded.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { noteIdle } from '../../scheduler/control/commands/usage-notes.js';
import { IdleNotes } from '../../scheduler/control/usage-upkeep.js';
import { markEnded, markReleased, markStarted, noteCheckpoint, requestStop } from '../../scheduler/model/lifecycle.js';
import { fold, foldable } from '../../scheduler/model/usage-history.js';
import { usageReport, type UsageQuery, wastedOf } from '../../scheduler/model/usage-report.js';
import type { UsageRecord } from '../../scheduler/model/records.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { USAGE_TOTAL, usageKey } from '../../scheduler/model/usage.js';
import { addUsage, NO_USAGE, sumsOf, usageRecord } from '../../scheduler/model/usage-sums.js';
import { addWaits, LAST_CLASS, oneWait, waitQuantileMs, type Waits } from '../../scheduler/model/waits.js';
import { Workshop, type SpecFields } from './workshop.js';

const MINUTE = 60_000;
const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 10, 22, 12);

class Site extends Workshop {
  readonly n1: NodeId;

  constructor() {
    super();
    this.nowMs = NOON;
    this.queue('a', { guaranteeGpus: 2 });
    this.n1 = this.node('n1', 8);
  }

  runs(spec: SpecFields = {}): { readonly number: WorkloadNumber; readonly ids: readonly AllocationId[] } {
    const number = this.submit({ queue: 'a' as QueueName, gpusPerTask: 2, ...spec });
    const ids = this.place(number, this.n1);
    for (const id of ids) this.change((draft) => markStarted(draft, id, this.nowMs, this.nowMs));
    return { number, ids };
  }

  /** Its tasks end, and their GPUs come free. */
  ends(ids: readonly AllocationId[], code: number | null, ofItsOwn = true): void {
    const exit = { code, signal: code === null ? 'SIGTERM' : '', message: '' };
    for (const id of ids) {
      this.change((draft) => markEnded(draft, id, { exit, endedMs: this.nowMs, ofItsOwn }, this.nowMs));
    }
    for (const id of ids) this.change((draft) => markReleased(draft, id, 'clean', this.nowMs));
  }

  interrupts({ number, ids }: { readonly number: WorkloadNumber; readonly ids: readonly AllocationId[] }): void {
    const order = { reason: 'reclaimed', requestedMs: this.nowMs, forWorkload: null, message: 'reclaimed' } as const;
    this.change((draft) => requestStop(draft, number, 'requeue', order));
    this.ends(ids, null, false);
  }

  total(fields: Partial<UsageQuery> = {}) {
    const query = { fromMs: null, toMs: this.nowMs, by: [], queue: '', user: '', ...fields };
    return usageReport(this.state, query, this.nowMs).total;
  }

  rows(by: UsageQuery['by'], fields: Partial<UsageQuery> = {}) {
    const query = { fromMs: null, toMs: this.nowMs, queue: '', user: '', ...fields, by };
    return usageReport(this.state, query, this.nowMs).rows;
  }
}

describe('waste', () => {
  test('is what an interrupted attempt did since its last checkpoint', () => {
    const site = new Site();
    const work = site.runs();
    site.nowMs += 10 * MINUTE;
    const checkpoint = { step: 1, timeMs: site.nowMs, path: '/c/1' };
    site.change((draft) => noteCheckpoint(draft, work.number, checkpoint, site.nowMs));
    site.nowMs += 3 * MINUTE;
    site.interrupts(work);
    expect(site.workload(work.number)).toMatchObject({ state: 'pending', lostGpuMs: 6 * MINUTE });
    expect(site.total()).toMatchObject({ lost: { ms: 6 * MINUTE, parts: 0 }, failed: { ms: 0, parts: 0 } });
  });

  test('is all that it did where it saved nothing, and all that was charged where it failed', () => {
    const site = new Site();
    const lost = site.runs();
    site.nowMs += 5 * MINUTE;
    site.interrupts(lost);
    expect(site.total().lost.ms).toBe(10 * MINUTE);
    const failed = site.runs({ gpusPerTask: 1 });
    site.nowMs += 4 * MINUTE;
    site.ends(failed.ids, 1);
    expect(site.workload(failed.number).state).toBe('failed');
    expect(site.total()).toMatchObject({ lost: { ms: 10 * MINUTE }, failed: { ms: 4 * MINUTE } });
    site.restart();
    expect(site.total()).toMatchObject({ lost: { ms: 10 * MINUTE }, failed: { ms: 4 * MINUTE } });
  });

  test('is that of tasks of a gang whose GPUs came free before the last of it ended, too', () => {
    const site = new Site();
    const gang = site.runs({ tasks: 2, gpusPerTask: 1 });
    const order = { reason: 'reclaimed', requestedMs: site.nowMs, forWorkload: null, message: 'reclaimed' } as const;
    site.nowMs += MINUTE;
    site.change((draft) => requestStop(draft, gang.number, 'requeue', order));
    site.ends(gang.ids.slice(0, 1), null, false);
    site.nowMs += MINUTE;
    expect(site.total().lost.ms).toBe(0);
    site.ends(gang.ids.slice(1), null, false);
    expect(site.total().lost.ms).toBe(3 * MINUTE);
    expect(site.workload(gang.number).lostGpuMs).toBe(3 * MINUTE);
  });

  test('is each try that failed, and nothing of what ended well or was cancelled', () => {
    const site = new Site();
    const retry = { max: 1, backoffMs: 0, maxBackoffMs: 0, codes: [], neverCodes: [] };
    const work = site.runs({ retry, gpusPerTask: 1 });
    site.nowMs += MINUTE;
    site.ends(work.ids, 1);
    expect(site.workload(work.number)).toMatchObject({ state: 'pending', retries: 1 });
    const again = site.place(work.number, site.n1);
    for (const id of again) site.change((draft) => markStarted(draft, id, site.nowMs, site.nowMs));
    site.nowMs += MINUTE;
    site.ends(again, 0);
    const cancelled = site.runs();
    const order = { reason: 'cancelled', requestedMs: site.nowMs, forWorkload: null, message: '' } as const;
    site.nowMs += MINUTE;
    site.change((draft) => requestStop(draft, cancelled.number, 'cancel', order));
    site.ends(cancelled.ids, null, false);
    expect(site.total()).toMatchObject({ failed: { ms: MINUTE }, lost: { ms: 0 } });
  });

  test('is told by workload as long as it is kept, and the rest as one row', () => {
    const site = new Site();
    const first = site.runs();
    site.nowMs += MINUTE;
    site.interrupts(first);
    const second = site.runs({ gpusPerTask: 4 });
    site.nowMs += MINUTE;
    site.ends(second.ids, 0);
    const open = site.runs();
    site.nowMs += MINUTE;
    const figures = () =>
      site
        .rows(['workload'])
        .map(({ workload, held, borrowed, lost }) => [
          workload,
          held.ms / MINUTE,
          borrowed.ms / MINUTE,
          lost.ms / MINUTE,
        ]);
    expect(figures()).toEqual([
      [String(first.number), 2, 0, 2],
      [String(second.number), 4, 2, 0],
      [String(open.number), 2, 0, 0],
    ]);
    site.change((draft) => {
      for (const id of second.ids) draft.delete('allocations', id);
      draft.delete('workloads', String(second.number).padStart(12, '0'));
    });
    expect(figures()).toEqual([
      ['', 4, 2, 0],
      [String(first.number), 2, 0, 2],
      [String(open.number), 2, 0, 0],
    ]);
    const total = site.rows(['workload']).reduce((sum, row) => addUsage(sum, row), NO_USAGE);
    expect(total).toMatchObject({ held: site.total().held, borrowed: site.total().borrowed });
  });
});

describe('idle GPUs', () => {
  test('count from the beginning of their idleness, once, and only while somebody holds them', () => {
    const site = new Site();
    const { ids } = site.runs();
    const [id] = ids as [AllocationId];
    const gpu = site.allocation(id).gpus[0]?.uuid ?? '';
    let idleSinceMs = site.nowMs;
    const measurements = {
      idleMs: (uuid: string) => (uuid === gpu ? site.nowMs - idleSinceMs : 0),
      isHeard: () => true,
    };
    let notes = new IdleNotes();
    const look = (): void => {
      const found = notes.take(site.state, measurements, site.nowMs, 15 * MINUTE);
      if (found.length > 0) site.run(noteIdle(found));
    };
    const idle = (): number => site.total().idle.ms / MINUTE;
    site.nowMs += 14 * MINUTE;
    look();
    expect(idle()).toBe(0);
    site.nowMs += 2 * MINUTE;
    look();
    expect(idle()).toBe(16);
    look();
    site.nowMs += 5 * MINUTE;
    look();
    expect(idle()).toBe(21);
    // A daemon that begins anew has measured nothing yet.
    site.restart();
    notes = new IdleNotes();
    idleSinceMs = site.nowMs;
    site.nowMs += 5 * MINUTE;
    look();
    expect(idle()).toBe(21);
    site.nowMs += 10 * MINUTE;
    look();
    expect(idle()).toBe(36);
    site.ends(ids, 0);
    site.nowMs += 30 * MINUTE;
    look();
    site.run(noteIdle([[id, { ms: 5, parts: 0 }]]));
    expect(idle()).toBe(36);
    expect(wastedOf(site.total()).ms).toBe(36 * MINUTE);
  });
});

describe('waits', () => {
  test('are counted once, at the first start', () => {
    const site = new Site();
    const number = site.submit({ queue: 'a' as QueueName, gpusPerTask: 1 });
    site.nowMs += 7 * MINUTE;
    const ids = site.place(number, site.n1);
    for (const id of ids) site.change((draft) => markStarted(draft, id, site.nowMs, site.nowMs));
    site.interrupts({ number, ids });
    site.nowMs += 7 * MINUTE;
    for (const id of site.place(number, site.n1)) {
      site.change((draft) => markStarted(draft, id, site.nowMs, site.nowMs));
    }
    const [row] = site.rows(['queue', 'model']);
    expect(row).toMatchObject({ queue: 'a', model: 'NVIDIA H100 80GB HBM3', waits: { count: 1, maxMs: 7 * MINUTE } });
    expect(site.rows(['workload'])[0]?.waits).toMatchObject({ count: 1, maxMs: 7 * MINUTE });
  });

  test('are told to a tenth, whatever they are, from a few classes', () => {
    // 1 ms to 30 days, evenly by order of magnitude.
    const all = Array.from({ length: 4_000 }, (_, at) => Math.round(10 ** ((at / 4_000) * 9.4)));
    const waits = all.map(oneWait).reduce<Waits | null>(addWaits, null) as Waits;
    expect(waits.count).toBe(4_000);
    expect(waits.classes.length).toBeLessThanOrEqual(2 * (LAST_CLASS + 1));
    for (const part of [0.5, 0.9, 0.99, 1]) {
      const exact = all[Math.ceil(part * all.length) - 1] ?? 0;
      expect(Math.abs(waitQuantileMs(waits, part) / exact - 1), `${part}`).toBeLessThan(0.1);
    }
    expect(waitQuantileMs(oneWait(5), 0.5)).toBe(5);
  });
});

describe('the history of usage', () => {
  test('folds days into months and months into what was before, and loses nothing', () => {
    const site = new Site();
    for (let day = 0; day < 100; day += 1) {
      const { ids } = site.runs({ gpusPerTask: 3 });
      site.nowMs += MINUTE;
      site.ends(ids, day % 2);
      site.nowMs += DAY_MS - MINUTE;
    }
    const retention = { daysMs: 20 * DAY_MS, monthsMs: 70 * DAY_MS };
    const before = site.total();
    const byMonth = () => site.rows(['month']).map(({ month, grants, held }) => [month, grants, held.ms]);
    const monthsBefore = byMonth();
    while (foldable(site.state, retention, site.nowMs).length > 0) {
      const keys = foldable(site.state, retention, site.nowMs);
      site.change((draft) => fold(draft, keys));
    }
    // Three weeks by the day, then December to February; of November all is one.
    const periods = [...site.state.usage.values()].map(({ period }) => period).filter((one) => one !== '');
    expect(periods.filter((one) => one.length === 10)).toHaveLength(20);
    expect(periods.filter((one) => one.length !== 10).toSorted()).toEqual(['2026-12', '2027-01', '2027-02', 'before']);
    expect(site.total()).toEqual(before);
    expect(byMonth().slice(0, -1)).toEqual(monthsBefore.slice(1));
    expect(byMonth().at(-1)).toEqual(['before', ...(monthsBefore[0] ?? []).slice(1)]);
    // A range that begins within a folded month has all of it; what was before is only in the whole.
    const from = { fromMs: Date.UTC(2026, 11, 24), toMs: Date.UTC(2026, 11, 25) };
    expect(site.total(from).grants).toBe(31);
    expect(site.total({ fromMs: 0 }).grants).toBe(before.grants - 9);
  });

  test('is folded early when there is too much of it, the oldest first', () => {
    const site = new Site();
    for (let day = 0; day < 10; day += 1) {
      const { ids } = site.runs();
      site.nowMs += MINUTE;
      site.ends(ids, 0);
      site.nowMs += DAY_MS;
    }
    const keeps = { daysMs: Infinity, monthsMs: Infinity };
    const keys = foldable(site.state, keeps, site.nowMs, 4);
    expect(keys.map((key) => key.slice(0, 10)).toSorted()).toEqual(
      [22, 23, 24, 25, 26, 27].map((day) => `2026-11-${day}`),
    );
    site.change((draft) => fold(draft, keys));
    const sum = [...site.state.usage].filter(([key]) => key !== USAGE_TOTAL).map(([, record]) => sumsOf(record));
    expect(sum.reduce(addUsage, NO_USAGE)).toMatchObject({ held: sumsOf(site.state.usage.get(USAGE_TOTAL)).held });
  });
});

describe('a million workloads', () => {
  test('of 200 users in 20 queues over 90 days take what the manual says, by the day and by the month', () => {
    const days = new Map<string, UsageRecord>();
    const months = new Map<string, UsageRecord>();
    const add = (records: Map<string, UsageRecord>, period: string, at: number): void => {
      const user = `user-${at % 200}@example.com`;
      const of = { period, queue: `team-${at % 20}` as QueueName, user, pool: 'h100', model: 'NVIDIA H100 80GB HBM3' };
      const ms = 1_000_003 + at * 17;
      const time = { ms, parts: at % GPU_PARTS };
      // Waits from a tenth of a second to hours.
      const waits = oneWait(Math.round(100 * 10 ** ((at * 0.618_033) % 5)));
      const times = { held: time, charged: time, ran: time, borrowed: time, idle: time, lost: time, failed: time };
      const key = usageKey(of);
      records.set(key, usageRecord(of, addUsage(sumsOf(records.get(key)), { grants: 1, ...times, waits })));
    };
    for (let at = 0; at < 1_000_000; at += 1) {
      const day = new Date(NOON + (Math.floor(at / 200) % 90) * DAY_MS).toISOString().slice(0, 10);
      add(days, day, at);
      add(months, day.slice(0, 7), at);
    }
    const mib = (records: ReadonlyMap<string, UsageRecord>): number =>
      [...records].reduce((sum, entry) => sum + JSON.stringify(entry).length, 0) / 2 ** 20;
    expect(days.size).toBe(18_000);
    const manual = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8').replaceAll(/\s+/g, ' ');
    const [, byDay, byMonth] =
      /over 90 days take ([\d.]+) MiB by the day and ([\d.]+) MiB by the month/.exec(manual) ?? [];
    expect(mib(days).toFixed(0)).toBe(byDay);
    expect(mib(months).toFixed(1)).toBe(byMonth);
  });
});

// What was used is what was owned: whatever happens, wherever the daemon dies, whatever the clock does, the sums of usage and
// what is open now come to the sum over all intervals of ownership, to the last part of a millisecond.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { invariant, present } from '../../common/assert.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { placeOf, Workshop } from './workshop.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { hasEnded, markEnded, markReleased, markStarted, place } from '../../scheduler/model/lifecycle.js';
import type { RecordChange, ReleaseProof, UsageRecord } from '../../scheduler/model/records.js';
import { updateQueue } from '../../scheduler/control/commands/queues.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { MAX_DAYS, openUsage, USAGE_TOTAL } from '../../scheduler/model/usage.js';
import { addUsage, NO_USAGE, sumsOf, type UsageSums } from '../../scheduler/model/usage-sums.js';
import { usageReport, type UsageQuery } from '../../scheduler/model/usage-report.js';
import type { Prices } from '../../scheduler/model/prices.js';
import type { GpuTime } from '../../scheduler/model/gpu-time.js';

const DAY_MS = 86_400_000;

interface Owned {
  readonly held: bigint;
  readonly charged: bigint;
  readonly ran: bigint;
  readonly grants: number;
}

const NOTHING: Owned = { held: 0n, charged: 0n, ran: 0n, grants: 0 };

const parts = ({ ms, parts: rest }: GpuTime): bigint => BigInt(ms) * BigInt(GPU_PARTS) + BigInt(rest);
const plus = (a: Owned, b: Owned): Owned => ({
  held: a.held + b.held,
  charged: a.charged + b.charged,
  ran: a.ran + b.ran,
  grants: a.grants + b.grants,
});
const ownedOf = ({ held, charged, ran, grants }: Pick<UsageRecord, 'held' | 'charged' | 'ran' | 'grants'>): Owned => ({
  held: parts(held),
  charged: parts(charged),
  ran: parts(ran),
  grants,
});

/** Fails when two figures differ. */
function agree(found: Owned | bigint | boolean, owed: Owned | bigint | boolean, what: string): void {
  const text = (one: typeof found): string =>
    JSON.stringify(one, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  invariant(text(found) === text(owed), what, `${text(found)} instead of ${text(owed)}`);
}

/** Follows the commit log and keeps every interval of ownership, GPU by GPU, in its own way. */
class Owners {
  readonly #open = new Map<string, AllocationId>();
  readonly #closed = new Map<AllocationId, Owned>();

  follow(changes: readonly RecordChange[]): void {
    for (const change of changes) {
      if (change.collection !== 'allocations' || change.after === null) continue;
      const { id, gpus, state, placedMs, startedMs, endedMs, release } = change.after;
      if (change.before === null) {
        for (const { uuid, generation } of gpus) {
          const slot = `${uuid}#${generation}`;
          agree(this.#open.has(slot), false, `${slot} is granted once`);
          this.#open.set(slot, id);
        }
      }
      if (state !== 'released' || change.before?.state === 'released') continue;
      agree(this.#closed.has(id), false, `${id} ends once`);
      const toMs = present(release, 'release', id).timeMs;
      const endMs = present(endedMs, 'end', id);
      let owned: Owned = { ...NOTHING, grants: gpus.length > 0 ? 1 : 0 };
      for (const gpu of gpus) {
        const time = (fromMs: number, untilMs: number): bigint => {
          agree(untilMs >= fromMs, true, `${id} takes time`);
          return BigInt(gpu.parts) * BigInt(untilMs - fromMs);
        };
        const ran = startedMs === null ? 0n : time(startedMs, endMs);
        owned = plus(owned, { held: time(placedMs, toMs), charged: time(placedMs, endMs), ran, grants: 0 });
      }
      this.#closed.set(id, owned);
    }
  }

  get closed(): Owned {
    return [...this.#closed.values()].reduce(plus, NOTHING);
  }
}

const PROOFS = ['clean', 'fenced', 'certified'] as const satisfies readonly ReleaseProof[];

class Site extends Workshop {
  readonly owners = new Owners();
  readonly nodes: readonly NodeId[];

  constructor() {
    super();
    for (const name of ['a', 'b']) this.queue(name);
    this.nodes = [this.node('n1', 3), this.node('n2', 3, 'NVIDIA A100-SXM4-40GB')];
    this.onChanges = (changes) => this.owners.follow(changes);
  }

  check(): void {
    const sums = [...this.state.usage].filter(([key]) => key !== USAGE_TOTAL).map(([, record]) => ownedOf(record));
    const { closed } = this.owners;
    agree(sums.reduce(plus, NOTHING), closed, 'the sum of days');
    const total = this.state.usage.get(USAGE_TOTAL);
    agree(total === undefined ? NOTHING : ownedOf(total), closed, 'the sum of all');
    // What each workload was charged, and what is charged but still held, is what users and queues were charged.
    const charged = [...this.state.workloads.values()].reduce(
      (sum, { gpuMs, gpuRestParts }) => sum + parts({ ms: gpuMs, parts: gpuRestParts ?? 0 }),
      this.forgotten,
    );
    let ended = 0n;
    for (const [, sums_, id] of openUsage(this.state, this.nowMs)) {
      if (hasEnded(this.allocation(id))) ended += parts(sums_.charged);
    }
    agree(charged, closed.charged + ended, 'what workloads were charged');
  }

  /** Charges of workloads whose records are gone. */
  forgotten = 0n;

  forget(): void {
    for (const workload of this.state.workloads.values()) {
      const isOver = workload.endedMs !== null;
      const ids = [...workload.allocations, ...workload.pastAllocations];
      if (!isOver || ids.some((id) => this.state.allocation(id)?.state !== 'released')) continue;
      this.forgotten += parts({ ms: workload.gpuMs, parts: workload.gpuRestParts ?? 0 });
      this.change((draft) => {
        for (const id of ids) draft.delete('allocations', id);
        draft.delete('workloads', String(workload.number).padStart(12, '0'));
      });
    }
  }
}

const op = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('start' as const),
      gpus: fc.integer({ min: 0, max: 2 }),
      milli: fc.constantFrom(1_000, 500, 333),
      pick: fc.nat(5),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('run' as const),
      pick: fc.nat(9),
      agoMs: fc.constantFrom(0, 1, 90_000, -5_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      pick: fc.nat(9),
      agoMs: fc.constantFrom(0, 7, 90_000, -5_000),
      code: fc.constantFrom(0, 1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('free' as const), pick: fc.nat(9), proof: fc.constantFrom(...PROOFS) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), pick: fc.nat(9) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 333, 60_000, DAY_MS / 2, 3 * DAY_MS, -3_600_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
);
type Op = typeof op extends fc.Arbitrary<infer T> ? T : never;

function happen(site: Site, one: Op): void {
  const held = [...site.state.allocations.values()].filter(({ state }) => state !== 'released');
  const of = (states: readonly string[]) => {
    const fitting = held.filter(({ state }) => states.includes(state));
    return 'pick' in one ? fitting[one.pick % Math.max(1, fitting.length)] : undefined;
  };
  switch (one.do) {
    case 'start': {
      const node = site.nodes[one.pick % 2] as NodeId;
      const { gpus, milli } = one;
      const placement = placeOf(site.state, node, gpus, milli);
      if (placement === null) return;
      const queue = (one.pick % 3 === 0 ? 'a' : 'b') as QueueName;
      const number = site.submit({ queue, gpusPerTask: gpus });
      site.change((draft, { nowMs, newUlid }) => place(draft, number, [placement], nowMs, newUlid));
      return;
    }
    case 'run': {
      const chosen = of(['placed', 'stopping']);
      if (chosen !== undefined)
        site.change((draft) => markStarted(draft, chosen.id, site.nowMs - one.agoMs, site.nowMs));
      return;
    }
    case 'end': {
      const chosen = of(['placed', 'running', 'stopping']);
      const exit = { code: one.code, signal: '', message: '' };
      if (chosen !== undefined)
        site.change((draft) =>
          markEnded(draft, chosen.id, { exit, endedMs: site.nowMs - one.agoMs, ofItsOwn: true }, site.nowMs),
        );
      return;
    }
    case 'free': {
      const chosen = of(['exited']);
      if (chosen !== undefined) site.change((draft) => markReleased(draft, chosen.id, one.proof, site.nowMs));
      return;
    }
    case 'cancel': {
      const numbers = [...site.state.workloads.values()].map(({ number }) => number);
      const number: WorkloadNumber | undefined = numbers[one.pick % Math.max(1, numbers.length)];
      if (number !== undefined) site.run(cancel([String(number)], '', 'alice'));
      return;
    }
    case 'wait':
      site.nowMs = Math.max(0, site.nowMs + one.ms);
      return;
    case 'crash':
      site.restart();
      return;
    case 'forget':
      site.forget();
  }
}

describe('usage', () => {
  test('is what was owned, whatever happens and wherever the daemon dies', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(op, { minLength: 40, maxLength: 120, size: 'max' }), (ops) => {
        const site = new Site();
        for (const one of ops) {
          happen(site, one);
          seen.add(one.do);
          site.check();
        }
        const { grants, held } = site.owners.closed;
        if (grants > 3) seen.add('several');
        if (held % BigInt(GPU_PARTS) !== 0n) seen.add('fractions');
      }),
      { numRuns: 100, seed: 11 },
    );
    expect([...seen].toSorted()).toEqual([
      'cancel',
      'crash',
      'end',
      'forget',
      'fractions',
      'free',
      'run',
      'several',
      'start',
      'wait',
    ]);
  });

  test('counts on the days of UTC, by queue, user, pool and model', () => {
    const site = new Site();
    site.nowMs = Date.UTC(2026, 10, 21, 23, 0);
    const number = site.submit({ queue: 'a' as QueueName, gpusPerTask: 2 });
    const [id] = site.place(number, site.nodes[0] as NodeId) as [AllocationId];
    site.nowMs += 30 * 60_000;
    site.change((draft) => markStarted(draft, id, site.nowMs, site.nowMs));
    site.nowMs += 60 * 60_000;
    const exit = { code: 0, signal: '', message: '' };
    site.change((draft) => markEnded(draft, id, { exit, endedMs: site.nowMs, ofItsOwn: true }, site.nowMs));
    site.nowMs += 15 * 60_000;
    site.change((draft) => markReleased(draft, id, 'clean', site.nowMs));
    const minutes = (time: GpuTime): number => time.ms / 60_000;
    const rows = [...site.state.usage]
      .filter(([key]) => key !== USAGE_TOTAL)
      .map(([, { period, queue, user, pool, model, grants, held, charged, ran }]) => [
        period,
        queue,
        user,
        pool,
        model,
        grants,
        minutes(held),
        minutes(charged),
        minutes(ran),
      ]);
    const who = ['a', 'alice', 'default', 'NVIDIA H100 80GB HBM3'];
    expect(rows).toEqual([
      ['2026-11-21', ...who, 1, 120, 120, 60],
      ['2026-11-22', ...who, 0, 90, 60, 60],
    ]);
    expect(site.workload(number)).toMatchObject({ gpuMs: 180 * 60_000 });
  });

  test('a clock that is set by years makes no more than so many records', () => {
    const site = new Site();
    site.nowMs = 0;
    const [id] = site.place(site.submit({ queue: 'a' as QueueName }), site.nodes[0] as NodeId) as [AllocationId];
    site.nowMs = Date.UTC(2026, 0, 1);
    const exit = { code: 0, signal: '', message: '' };
    site.change((draft) => markEnded(draft, id, { exit, endedMs: site.nowMs, ofItsOwn: true }, site.nowMs));
    site.change((draft) => markReleased(draft, id, 'clean', site.nowMs));
    expect(site.state.usage.size).toBe(MAX_DAYS + 1);
    site.check();
  });

  test('a report adds what is counted and what is open, of a queue with those below it', () => {
    const site = new Site();
    site.queue('c', { parent: 'a' as QueueName });
    site.nowMs = Date.UTC(2026, 10, 22, 12);
    const done = site.submit({ queue: 'b' as QueueName });
    const [id] = site.place(done, site.nodes[0] as NodeId) as [AllocationId];
    site.place(site.submit({ queue: 'c' as QueueName, gpusPerTask: 2 }), site.nodes[1] as NodeId);
    site.nowMs += 60_000;
    const exit = { code: 0, signal: '', message: '' };
    site.change((draft) => markEnded(draft, id, { exit, endedMs: site.nowMs, ofItsOwn: true }, site.nowMs));
    site.change((draft) => markReleased(draft, id, 'clean', site.nowMs));
    site.nowMs += 60_000;
    const rows = (fields: Partial<UsageQuery>) => {
      const query = { fromMs: null, toMs: site.nowMs, by: ['queue', 'model'], queue: '', user: '', ...fields } as const;
      const report = usageReport(site.state, query, site.nowMs);
      expect(report.rows.reduce<UsageSums>(addUsage, NO_USAGE)).toEqual({
        ...report.total,
        cost: undefined,
        wastedCost: undefined,
      });
      return report.rows.map(({ queue, model, charged, grants }) => [queue, model.slice(7, 11), charged.ms, grants]);
    };
    expect(rows({})).toEqual([
      ['b', 'H100', 60_000, 1],
      ['c', 'A100', 240_000, 1],
    ]);
    expect(rows({ queue: 'a' })).toEqual([['c', 'A100', 240_000, 1]]);
    expect(rows({ by: [] })).toEqual([['', '', 300_000, 2]]);
    expect(rows({ user: 'bob' })).toEqual([]);
    expect(rows({ fromMs: site.nowMs + DAY_MS, toMs: site.nowMs + DAY_MS })).toEqual([]);
    const priced = (by: UsageQuery['by'], ...ofModels: Prices['ofModels']) => {
      const query = { fromMs: null, toMs: site.nowMs, by, queue: '', user: '' };
      const { rows: each, total } = usageReport(site.state, query, site.nowMs, { currency: 'EUR', ofModels });
      return [...each.map(({ queue, month, cost }) => [queue, month, cost]), total.cost];
    };
    const h100 = { word: 'h100', perGpuHour: 3 };
    const others = { word: '*', perGpuHour: 1.5 };
    const month = new Date(site.nowMs).toISOString().slice(0, 7);
    // One minute of an H100, four of an A100.
    expect(priced(['queue'], h100, others)).toEqual([['b', '', 0.05], ['c', '', 0.1], 0.05 + 0.1]);
    expect(priced(['month'], h100, others)).toEqual([['', month, 0.05 + 0.1], 0.05 + 0.1]);
    expect(priced(['queue'], others, h100)).toEqual([['b', '', 0.025], ['c', '', 0.1], 0.025 + 0.1]);
    expect(priced(['queue'], h100)).toEqual([['b', '', 0.05], ['c', '', null], null]);
  });
});

/** Follows the commit log and keeps, of each queue, what it held above its guarantee, in its own way: as one figure of time. */
class Borrowers {
  readonly #queues = new Map<string, { held: number; guarantee: number; sinceMs: number; borrowed: bigint }>();
  readonly #queueOf = new Map<AllocationId, string>();

  follow(changes: readonly RecordChange[], nowMs: number): void {
    for (const change of changes) {
      if (change.collection === 'queues' && change.after !== null) {
        this.#at(change.key, nowMs).guarantee = Math.round(change.after.guaranteeGpus * 1_000) * 7;
      }
      if (change.collection !== 'allocations' || change.after === null) continue;
      const { before, after } = change;
      const size = after.gpus.reduce((sum, gpu) => sum + gpu.parts, 0);
      if (before === null) {
        const queue = present(after.queue, 'queue', after.id);
        this.#queueOf.set(after.id, queue);
        this.#at(queue, nowMs).held += size;
      } else if (before.state !== 'released' && after.state === 'released') {
        this.#at(present(this.#queueOf.get(after.id), 'grant', after.id), nowMs).held -= size;
      }
    }
  }

  borrowed(queue: string, nowMs: number): bigint {
    return this.#at(queue, nowMs).borrowed;
  }

  #at(name: string, nowMs: number) {
    const queue = this.#queues.get(name) ?? { held: 0, guarantee: 0, sinceMs: nowMs, borrowed: 0n };
    queue.borrowed += BigInt(Math.max(0, queue.held - queue.guarantee)) * BigInt(nowMs - queue.sinceMs);
    queue.sinceMs = nowMs;
    this.#queues.set(name, queue);
    return queue;
  }
}

describe('borrowed', () => {
  const guarantee = fc.record({
    do: fc.constant('guarantee' as const),
    queue: fc.constantFrom('a', 'b'),
    gpus: fc.constantFrom(0, 0.333, 1, 2.5, 4),
  });
  const steps = fc.oneof({ weight: 5, arbitrary: op }, { weight: 1, arbitrary: guarantee });

  test('is what a queue held above its guarantee at the time, to the last part, wherever the daemon dies', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(steps, { minLength: 40, maxLength: 120, size: 'max' }), (ops) => {
        const site = new Site();
        const borrowers = new Borrowers();
        const follow = site.onChanges;
        site.onChanges = (changes) => {
          follow(changes);
          borrowers.follow(changes, site.nowMs);
        };
        for (const name of ['a', 'b']) site.run(updateQueue(name, { guaranteeGpus: 1 }, false));
        for (const one of ops) {
          if (one.do === 'guarantee') site.run(updateQueue(one.queue, { guaranteeGpus: one.gpus }, false));
          else if (one.do !== 'wait' || one.ms > 0) happen(site, one);
          site.check();
          for (const queue of ['a', 'b']) {
            const records = [...site.state.usage.values()].filter((record) => record.queue === queue);
            const open = [...openUsage(site.state, site.nowMs)].filter(([key]) => key.queue === queue);
            const found = [...records.map(sumsOf), ...open.map(([, sums]) => sums)].reduce(addUsage, NO_USAGE);
            agree(
              parts(found.borrowed),
              borrowers.borrowed(queue, site.nowMs),
              `what ${queue} borrowed after ${one.do}`,
            );
            if (parts(found.borrowed) > 0n)
              seen.add(parts(found.borrowed) < parts(found.held) ? 'both' : 'all borrowed');
          }
        }
        for (const { lent } of site.state.allocations.values()) if (lent?.parts === 0) seen.add('promoted');
      }),
      { numRuns: 100, seed: 12 },
    );
    expect([...seen].toSorted()).toEqual(['all borrowed', 'both', 'promoted']);
  });
});

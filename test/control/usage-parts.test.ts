// What a queue that is guaranteed GPUs of parts of the cluster has borrowed: what `get queues` says of it, at every moment and to the
// last part of a millisecond; and of whom it has, what lies outside those parts before what lies inside.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AllocationId, NodeId, QueueName } from '../../common/ids.js';
import { registerNode } from '../../scheduler/control/commands/nodes.js';
import { updateQueue } from '../../scheduler/control/commands/queues.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import { markEnded, markReleased, place } from '../../scheduler/model/lifecycle.js';
import { usageReport } from '../../scheduler/model/usage-report.js';
import { openUsage } from '../../scheduler/model/usage.js';
import { addUsage, NO_USAGE, sumsOf } from '../../scheduler/model/usage-sums.js';
import type { Queue, QueueScope } from '../../scheduler/model/records.js';
import { GPU_PARTS, toGpus, toParts } from '../../scheduler/model/requests.js';
import { QueueTime } from '../../scheduler/metrics/queue-time.js';
import { nodeReport, placeOf, Workshop } from './workshop.js';

const H100 = 'NVIDIA H100 80GB HBM3';
const A100 = 'NVIDIA A100-SXM4-40GB';
const TEAM = 'team' as QueueName;

/** The kinds of GPUs there are, eight of each. */
const KINDS = {
  'big-h100': { pool: 'big', model: H100 },
  'big-a100': { pool: 'big', model: A100 },
  'small-h100': { pool: 'small', model: H100 },
} as const;
type Kind = keyof typeof KINDS;
const KIND_NAMES = Object.keys(KINDS) as Kind[];

class Site extends Workshop {
  readonly nodes = new Map<NodeId, Kind>();
  readonly #running: AllocationId[] = [];

  constructor(kinds: readonly Kind[] = KIND_NAMES) {
    super();
    this.queue(TEAM);
    for (const kind of kinds) {
      const id = `node-${kind}` as NodeId;
      const { pool, model } = KINDS[kind];
      this.change((draft) => registerNode(draft, { ...nodeReport(id, kind, 8, model), pool }, this.nowMs));
      this.nodes.set(id, kind);
    }
  }

  get running(): readonly AllocationId[] {
    return this.#running;
  }

  rules(fields: Partial<Pick<Queue, 'guaranteeGpus' | 'scopes'>>): void {
    this.run(updateQueue(TEAM, fields, false));
  }

  start(kind: Kind, gpus: number, milli = 1_000): void {
    const node = `node-${kind}` as NodeId;
    const placement = placeOf(this.state, node, gpus, milli);
    if (placement === null) return;
    const number = this.submit({ queue: TEAM, gpusPerTask: gpus });
    this.change((draft, { nowMs, newUlid }) => place(draft, number, [placement], nowMs, newUlid));
    this.#running.push(...this.workload(number).allocations);
  }

  end(pick: number): void {
    const [id] = this.#running.splice(pick % Math.max(1, this.#running.length), 1);
    if (id === undefined) return;
    const exit = { code: 0, signal: '', message: '' };
    this.change((draft) => {
      markEnded(draft, id, { exit, endedMs: this.nowMs, ofItsOwn: true }, this.nowMs);
      markReleased(draft, id, 'clean', this.nowMs);
    });
  }

  /** What it has borrowed, as `get queues` says it. */
  shown(): number {
    const view = new ClusterView();
    for (const [key, after] of this.state.queues) view.apply({ collection: 'queues', key, before: null, after });
    for (const [key, after] of this.state.nodes) view.apply({ collection: 'nodes', key, before: null, after });
    for (const [id] of this.nodes) view.setLiveness(id, 'ready');
    for (const [key, after] of this.state.workloads) view.apply({ collection: 'workloads', key, before: null, after });
    for (const [key, after] of this.state.allocations) {
      view.apply({ collection: 'allocations', key, before: null, after });
    }
    view.settle(this.nowMs);
    return view.queueShares().find(({ queue }) => queue === TEAM)?.borrowedGpus ?? NaN;
  }

  /** GPUs of each kind within the guarantees. */
  guaranteed(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const id of this.#running) {
      const { node, gpus, lent } = this.allocation(id);
      const kind = this.nodes.get(node) ?? '';
      const parts = gpus.reduce((sum, gpu) => sum + gpu.parts, 0) - (lent?.parts ?? 0);
      if (parts > 0) found[kind] = (found[kind] ?? 0) + toGpus(parts);
    }
    return found;
  }
}

const scope = (pool: string, model: string, guaranteeGpus: number): QueueScope => ({
  pool,
  model,
  guaranteeGpus,
  limitGpus: null,
});

describe('of a queue that is guaranteed GPUs of parts of the cluster', () => {
  test.each<{
    readonly name: string;
    readonly whole: number;
    readonly scopes: readonly QueueScope[];
    readonly starts: readonly (readonly [Kind, number])[];
    readonly guaranteed: Partial<Record<Kind, number>>;
    readonly borrowed: number;
  }>([
    {
      name: 'nothing is borrowed inside a part',
      whole: 0,
      scopes: [scope('big', '', 4)],
      starts: [
        ['big-h100', 2],
        ['big-a100', 2],
      ],
      guaranteed: { 'big-h100': 2, 'big-a100': 2 },
      borrowed: 0,
    },
    {
      name: 'what is more than the part is guaranteed is borrowed',
      whole: 0,
      scopes: [scope('big', '', 3)],
      starts: [
        ['big-h100', 2],
        ['big-a100', 2],
      ],
      guaranteed: { 'big-h100': 2, 'big-a100': 1 },
      borrowed: 1,
    },
    {
      name: 'a guarantee of a part entitles to nothing elsewhere',
      whole: 0,
      scopes: [scope('big', '', 4)],
      starts: [
        ['small-h100', 3],
        ['big-h100', 1],
      ],
      guaranteed: { 'big-h100': 1 },
      borrowed: 3,
    },
    {
      name: 'GPUs of the part count for the whole as well',
      whole: 4,
      scopes: [scope('big', '', 4)],
      starts: [
        ['small-h100', 3],
        ['big-h100', 4],
      ],
      guaranteed: { 'big-h100': 4 },
      borrowed: 3,
    },
    {
      name: 'what the part leaves of the guarantee of the whole is for GPUs anywhere',
      whole: 6,
      scopes: [scope('big', '', 4)],
      starts: [
        ['small-h100', 3],
        ['big-h100', 5],
      ],
      guaranteed: { 'small-h100': 2, 'big-h100': 4 },
      borrowed: 2,
    },
    {
      name: 'parts with no GPU in common add up',
      whole: 0,
      scopes: [scope('big', '', 2), scope('small', '', 2)],
      starts: [
        ['big-h100', 3],
        ['small-h100', 3],
      ],
      guaranteed: { 'big-h100': 2, 'small-h100': 2 },
      borrowed: 2,
    },
    {
      name: 'parts that have GPUs in common are one guarantee, the larger',
      whole: 0,
      scopes: [scope('big', '', 2), scope('', 'h100', 3)],
      starts: [
        ['big-a100', 2],
        ['small-h100', 3],
      ],
      guaranteed: { 'small-h100': 3 },
      borrowed: 2,
    },
    {
      name: 'a model, in any pool, whatever its case',
      whole: 0,
      scopes: [scope('', 'H100', 4)],
      starts: [
        ['big-a100', 1],
        ['small-h100', 2],
        ['big-h100', 2],
      ],
      guaranteed: { 'small-h100': 2, 'big-h100': 2 },
      borrowed: 1,
    },
    {
      name: 'a limit of a part alone guarantees nothing',
      whole: 1,
      scopes: [{ ...scope('big', '', 0), limitGpus: 8 }],
      starts: [['big-h100', 2]],
      guaranteed: { 'big-h100': 1 },
      borrowed: 1,
    },
  ])('$name', ({ whole, scopes, starts, guaranteed, borrowed }) => {
    const site = new Site();
    site.rules({ guaranteeGpus: whole, scopes });
    for (const [kind, gpus] of starts) site.start(kind, gpus);
    expect(site.guaranteed()).toEqual(guaranteed);
    expect(site.shown()).toBe(borrowed);
    // As soon as the rules change, too.
    const later = new Site();
    for (const [kind, gpus] of starts) later.start(kind, gpus);
    later.rules({ guaranteeGpus: whole, scopes });
    expect(toGpus(later.state.quotaOf(TEAM).borrowedParts)).toBe(borrowed);
  });

  test('who has borrowed longest is the first to be guaranteed, and who came last the first not to be', () => {
    const site = new Site();
    site.rules({ guaranteeGpus: 2, scopes: [scope('big', '', 2)] });
    const lent = (): readonly number[] => site.running.map((id) => toGpus(site.allocation(id).lent?.parts ?? 0));
    for (const kind of ['small-h100', 'small-h100', 'small-h100', 'big-h100'] as const) site.start(kind, 1);
    expect(lent()).toEqual([0, 1, 1, 0]);
    site.start('big-a100', 1);
    expect(lent()).toEqual([1, 1, 1, 0, 0]);
    // The third of them came last, and has borrowed longest.
    site.end(3);
    expect(lent()).toEqual([1, 1, 0, 0]);
    site.start('big-h100', 2);
    expect(lent()).toEqual([1, 1, 1, 0, 1]);
    site.rules({ scopes: [] });
    expect(lent()).toEqual([1, 1, 1, 0, 1]);
    site.end(3);
    expect(lent()).toEqual([1, 0, 1, 1]);
  });

  test('a report says so, by pool, and so does the counter', () => {
    const site = new Site();
    const counted = { guaranteed: 0, borrowed: 0 };
    const time = new QueueTime(site.state, site.nowMs, (_, guaranteedGpuMs, borrowedGpuMs) => {
      counted.guaranteed += guaranteedGpuMs;
      counted.borrowed += borrowedGpuMs;
    });
    site.onChanges = (changes) => time.note(changes, site.nowMs);
    site.rules({ scopes: [scope('big', '', 2)] });
    site.start('small-h100', 1);
    site.start('big-h100', 3);
    site.nowMs += 3_600_000;
    site.end(1);
    site.nowMs += 3_600_000;
    const query = { fromMs: null, toMs: site.nowMs, by: ['pool'], queue: '', user: '' } as const;
    const rows = usageReport(site.state, query, site.nowMs).rows;
    expect(rows.map(({ pool, held, borrowed }) => [pool, held.ms / 3_600_000, borrowed.ms / 3_600_000])).toEqual([
      ['big', 3, 1],
      ['small', 2, 2],
    ]);
    time.settle(site.nowMs);
    expect(counted).toEqual({ guaranteed: 2 * 3_600_000, borrowed: 3 * 3_600_000 });
  });

  test('a queue that is not guaranteed any is never asked for kinds', () => {
    const site = new Site();
    let asked = 0;
    const of = site.state.quotaKindsOf.bind(site.state);
    site.state.quotaKindsOf = (queue) => {
      asked += 1;
      return of(queue);
    };
    site.rules({ guaranteeGpus: 2 });
    for (let at = 0; at < 4; at++) site.start('big-h100', 1);
    site.end(0);
    expect(asked).toBe(0);
    site.rules({ scopes: [scope('big', '', 3)] });
    expect(asked).toBe(1);
  });

  const guarantees = fc.constantFrom(0, 0.5, 1, 2, 3, 5);
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('start' as const),
        kind: fc.constantFrom(...KIND_NAMES),
        gpus: fc.integer({ min: 1, max: 3 }),
        milli: fc.constantFrom(1_000, 1_000, 500, 333),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), pick: fc.nat(20) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('rules' as const),
        whole: guarantees,
        big: guarantees,
        h100: guarantees,
        bigH100: guarantees,
        small: guarantees,
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 7_777, 3_600_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  );

  test('sums are the time of what `get queues` says, whatever happens and wherever the daemon dies', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 50, size: 'max' }), (steps) => {
        const site = new Site();
        let owed = 0n;
        let shown = 0;
        for (const one of steps) {
          if (one.do === 'wait') {
            owed += BigInt(toParts(shown)) * BigInt(one.ms);
            site.nowMs += one.ms;
          } else if (one.do === 'start') site.start(one.kind, one.gpus, one.milli);
          else if (one.do === 'end') site.end(one.pick);
          else if (one.do === 'crash') site.restart();
          else {
            const scopes = [
              scope('big', '', one.big),
              scope('', 'h100', one.h100),
              scope('big', 'h100', one.bigH100),
              scope('small', '', one.small),
            ];
            site.rules({ guaranteeGpus: one.whole, scopes: scopes.filter(({ guaranteeGpus }) => guaranteeGpus > 0) });
          }
          shown = site.shown();
          expect(toGpus(site.state.quotaOf(TEAM).borrowedParts), `borrowed after ${JSON.stringify(one)}`).toBe(shown);
          const open = [...openUsage(site.state, site.nowMs)].map(([, sums]) => sums);
          const { borrowed, held } = [...site.state.usage.values()]
            .filter(({ queue }) => queue === TEAM)
            .map(sumsOf)
            .concat(open)
            .reduce(addUsage, NO_USAGE);
          expect(BigInt(borrowed.ms) * BigInt(GPU_PARTS) + BigInt(borrowed.parts)).toBe(owed);
          if (borrowed.ms > 0) seen.add(borrowed.ms < held.ms ? 'both' : 'all borrowed');
          if (site.state.queue(TEAM)?.scopes.length === 4) seen.add('four parts');
        }
        for (const { lent } of site.state.allocations.values()) if (lent?.parts === 0) seen.add('promoted');
      }),
      { numRuns: 40, seed: 21 },
    );
    expect([...seen].toSorted()).toEqual(['all borrowed', 'both', 'four parts', 'promoted']);
  });
});

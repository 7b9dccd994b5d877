// Work that has waited long for GPUs reserves the place where it can start first. Others use that place as long as they do
// not delay it; nobody starves, and nobody loses what is guaranteed to him.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import { explain } from '../../scheduler/engine/explain.js';
import { step } from '../../scheduler/engine/engine.js';
import type { EnginePolicy } from '../../scheduler/engine/policy.js';
import { minTasks } from '../../scheduler/model/requests.js';
import { TestCluster } from './cluster.js';

// One seed, so that a run here says the same as a run there. `SEED=7 npx vitest run test/engine/reservations` takes another
// one: do so after changing the engine.
const SEED = Number(process.env.SEED ?? 20_261_124);

const MINUTE_MS = 60_000;
const RESERVE_AFTER_MS = 15 * MINUTE_MS;
const NO_GRACE = { graceMs: 0 };

/** Two nodes of 8 GPUs, one queue, each GPU held by one workload; those of n0 end after 20, 30, … 90 minutes, n1's never. */
function fullCluster(policy: Partial<EnginePolicy> = {}): { cluster: TestCluster; ending: WorkloadNumber[] } {
  const cluster = new TestCluster(policy).nodes(2).queue('q').queue('other');
  const ending = [20, 30, 40, 50, 60, 70, 80, 90].map((minutes, gpu) =>
    cluster.running('q', 'n0', [gpu], { timeLimitMs: minutes * MINUTE_MS, ...NO_GRACE }),
  );
  for (let gpu = 0; gpu < 8; gpu++) cluster.running('q', 'n1', [gpu]);
  return { cluster, ending };
}

/** Lets so many minutes pass, with nothing happening. */
function pass(cluster: TestCluster, minutes: number): void {
  cluster.nowMs += minutes * MINUTE_MS;
  cluster.settle();
}

/** The reserved places, as `TestCluster.where` names them, by workload. */
function reserved(cluster: TestCluster): Record<number, string> {
  return Object.fromEntries(
    [...cluster.view.reservations.all()].map(({ workload, places }) => [
      workload.number,
      places.map(({ node, slots }) => `${node.name}:${slots.map(({ index }) => index).join()}`).join(' '),
    ]),
  );
}

describe('a reservation is made', () => {
  it('after 15 minutes for want of GPUs, where the start is the earliest, and the engine asks to be called then', () => {
    const { cluster } = fullCluster();
    const gang = cluster.submit('q', { gpus: 4 });
    cluster.settle();
    expect(cluster.wakeMs()).toBe(cluster.nowMs + RESERVE_AFTER_MS);
    pass(cluster, 14);
    expect(cluster.view.reservations.count).toBe(0);
    pass(cluster, 1);
    expect(reserved(cluster)).toEqual({ [gang]: 'n0:0,1,2,3' });
    expect(cluster.explain(gang)?.summary).toContain(
      'It has reserved 4 GPUs of n0 for 0ms by now; 0 of them free now, 17 starts in 35m00s at the latest.',
    );
  });

  it('on nodes of endless work where the fewest GPUs are to be waited for, and they are held as they fall free', () => {
    const cluster = new TestCluster().nodes(2).queue('q');
    const runs = [0, 1, 2, 3].map((gpu) => cluster.running('q', 'n0', [2 * gpu, 2 * gpu + 1]));
    for (let gpu = 0; gpu < 7; gpu++) cluster.running('q', 'n1', [gpu]);
    const gang = cluster.submit('q', { gpus: 8 });
    pass(cluster, 15);
    expect(reserved(cluster)).toEqual({ [gang]: 'n1:0,1,2,3,4,5,6,7' });
    const small = cluster.submit('q');
    cluster.settle();
    expect(cluster.explain(small)).toMatchObject({ reason: 'RESERVED' });
    expect(cluster.explain(small)?.summary).toBe(
      `Free GPUs are reserved for workload ${gang}, which has waited longer: 8 GPUs of n1; 1 of them free now, ` +
        `7 in use without a time limit, so when ${gang} starts is not known.`,
    );
    // On the other node nothing is held.
    cluster.finish(runs[0] ?? gang).settle();
    expect(cluster.where(small)).toBe('n0:0');
  });

  it('anew after a restart, from what the records say', () => {
    const { cluster } = fullCluster();
    const gang = cluster.submit('q', { gpus: 4 });
    pass(cluster, 20);
    const view = cluster.freshView();
    step(view, cluster.nowMs, 1_000_000);
    expect([...view.reservations.all()].map(({ workload }) => workload.number)).toEqual([gang]);
  });

  it('from the time it came back, if it ran before', () => {
    const { cluster } = fullCluster();
    const gang = cluster.submit('q', { gpus: 4 });
    const cameBackMs = cluster.nowMs + 10 * MINUTE_MS;
    cluster.replace(gang, { events: [{ timeMs: cameBackMs, type: 'requeued', message: '' }] });
    pass(cluster, 15);
    expect(cluster.view.reservations.count).toBe(0);
    expect(cluster.wakeMs()).toBe(cameBackMs + RESERVE_AFTER_MS);
    pass(cluster, 10);
    expect(cluster.view.reservations.count).toBe(1);
  });

  it('never for what its quota stops, and not for the time in which it did', () => {
    const { cluster } = fullCluster();
    cluster.queue('q', { limit: 16 });
    const gang = cluster.submit('q', { gpus: 4 });
    pass(cluster, 30);
    expect(cluster.reason(gang)).toBe('QUEUE_LIMIT');
    expect(cluster.view.reservations.count).toBe(0);
    cluster.queue('q');
    cluster.settle();
    pass(cluster, 14);
    expect(cluster.view.reservations.count).toBe(0);
    pass(cluster, 1);
    expect(cluster.view.reservations.count).toBe(1);
  });

  it('never when the policy says so', () => {
    const { cluster } = fullCluster({ reserveAfterMs: null });
    cluster.submit('q', { gpus: 4 });
    pass(cluster, 600);
    expect(cluster.view.reservations.count).toBe(0);
    expect(cluster.wakeMs()).toBeNull();
  });

  it('once a queue, for the first in order of service, and for the next when that has started', () => {
    const { cluster, ending } = fullCluster();
    const first = cluster.submit('q', { gpus: 2, priority: 30 });
    const second = cluster.submit('q', { gpus: 3, priority: 30 });
    const urgent = cluster.submit('q', { gpus: 4, priority: 40 });
    pass(cluster, 15);
    expect(Object.keys(reserved(cluster))).toEqual([`${urgent}`]);
    for (const each of ending.slice(0, 4)) cluster.finish(each);
    cluster.settle();
    expect(cluster.where(urgent)).toBe('n0:0,1,2,3');
    expect(Object.keys(reserved(cluster))).toEqual([`${first}`]);
    expect(cluster.states(first, second)).toEqual(['pending', 'pending']);
  });

  it('so many times a pool, for the queues first in order', () => {
    const cluster = new TestCluster({ maxReservationsPerPool: 2 }).nodes(4).queue('holder');
    for (let node = 0; node < 4; node++) cluster.running('holder', `n${node}`, [0, 1, 2, 3, 4, 5, 6, 7]);
    cluster.node('x0', { pool: 'x' }).running('holder', 'x0', [0, 1, 2, 3, 4, 5, 6, 7]);
    cluster.view.policy.actions.includes('reclaim');
    const gangs = [0, 1, 2, 3].map((at) =>
      cluster.queue(`q${at}`, { weight: 0 }).submit(`q${at}`, { gpus: 8, pool: 'default' }),
    );
    const elsewhere = cluster.queue('qx', { weight: 0 }).submit('qx', { gpus: 8, pool: 'x' });
    pass(cluster, 15);
    expect(Object.keys(reserved(cluster))).toEqual([`${gangs[0]}`, `${gangs[1]}`, `${elsewhere}`]);
    cluster.cancel(gangs[0] ?? elsewhere);
    cluster.settle();
    expect(Object.keys(reserved(cluster)).sort()).toEqual([`${gangs[1]}`, `${gangs[2]}`, `${elsewhere}`].sort());
  });

  it('within the level that the gang requires', () => {
    const cluster = new TestCluster().queue('q');
    for (const [name, rack, minutes] of [
      ['a0', 'a', 10],
      ['b0', 'b', 40],
      ['b1', 'b', 50],
      ['a1', 'a', 90],
    ] as const) {
      cluster.node(name, { rack });
      cluster.running('q', name, [0, 1, 2, 3, 4, 5, 6, 7], { timeLimitMs: (15 + minutes) * MINUTE_MS, ...NO_GRACE });
    }
    const gang = cluster.submit('q', { gpus: 8, tasks: 2, topology: { level: 'rack', required: true } });
    pass(cluster, 15);
    expect(reserved(cluster)).toEqual({ [gang]: 'b0:0,1,2,3,4,5,6,7 b1:0,1,2,3,4,5,6,7' });
    expect(cluster.explain(gang)?.summary).toContain('starts in 50m00s at the latest');
  });

  it('of parts of a GPU, and of CPU with it', () => {
    const cluster = new TestCluster().node('n0', { gpus: 1, cpus: 8 }).queue('q');
    cluster.running('q', 'n0', [0], { milli: 600, timeLimitMs: 60 * MINUTE_MS, ...NO_GRACE });
    const share = cluster.submit('q', { milli: 500, request: { cpuMilli: 6_000 } });
    pass(cluster, 15);
    expect(reserved(cluster)).toEqual({ [share]: 'n0:0' });
    const sliver = cluster.submit('q', { milli: 400 });
    cluster.settle();
    expect(cluster.states(sliver)).toEqual(['pending']);
  });
});

describe('a reservation ends', () => {
  const given = (): { cluster: TestCluster; gang: WorkloadNumber; small: WorkloadNumber; ending: WorkloadNumber[] } => {
    const { cluster, ending } = fullCluster();
    const gang = cluster.submit('q', { gpus: 4 });
    pass(cluster, 15);
    cluster.finish(ending[0] ?? gang);
    const small = cluster.submit('q');
    cluster.settle();
    expect(cluster.reason(small)).toBe('RESERVED');
    return { cluster, gang, small, ending };
  };

  it('when its workload starts there', () => {
    const { cluster, gang, small, ending } = given();
    for (const each of ending.slice(1, 4)) cluster.finish(each);
    cluster.settle();
    expect(cluster.where(gang)).toBe('n0:0,1,2,3');
    expect(cluster.view.reservations.count).toBe(0);
    expect(cluster.reason(small)).toBe('RESOURCES');
  });

  it.each([
    ['is cancelled', (cluster: TestCluster, gang: WorkloadNumber) => cluster.cancel(gang)],
    [
      'is held',
      (cluster: TestCluster, gang: WorkloadNumber) =>
        cluster.replace(gang, { hold: 'why', gate: { kind: 'held', message: 'why', untilMs: null } }),
    ],
    ['is stopped by its quota', (cluster: TestCluster) => cluster.queue('q', { limit: 17 })],
  ])('when its workload %s; who was kept out starts', (_, happens) => {
    const { cluster, gang, small } = given();
    happens(cluster, gang);
    cluster.settle();
    expect(cluster.view.reservations.count).toBe(0);
    expect(cluster.where(small)).toBe('n0:0');
  });

  it('and goes elsewhere when its node is lost', () => {
    const { cluster, gang } = given();
    cluster.cordon('n0').settle();
    expect(reserved(cluster)).toEqual({ [gang]: 'n1:0,1,2,3' });
  });

  it('and goes where the start has become earlier, after a minute', () => {
    const cluster = new TestCluster().nodes(2).queue('q');
    cluster.running('q', 'n0', [0, 1, 2, 3, 4, 5, 6, 7], { timeLimitMs: 60 * MINUTE_MS, ...NO_GRACE });
    const halves = [
      cluster.running('q', 'n1', [0, 1, 2, 3], { timeLimitMs: 30 * MINUTE_MS, ...NO_GRACE }),
      cluster.running('q', 'n1', [4, 5, 6, 7]),
    ];
    const gang = cluster.submit('q', { gpus: 8 });
    pass(cluster, 15);
    expect(reserved(cluster)).toEqual({ [gang]: 'n0:0,1,2,3,4,5,6,7' });
    cluster.finish(halves[1] ?? gang).settle();
    pass(cluster, 1);
    expect(reserved(cluster)).toEqual({ [gang]: 'n1:0,1,2,3,4,5,6,7' });
  });
});

describe('a reserved place may be used', () => {
  /** A gang of 8 waits for n0, where two GPUs are free and the others end within 60 minutes of now. */
  function waitingGang(): { cluster: TestCluster; gang: WorkloadNumber } {
    const cluster = new TestCluster().nodes(2).queue('q').queue('other');
    const runs = [0, 1, 2].map((pair) =>
      cluster.running('q', 'n0', [2 * pair, 2 * pair + 1], { timeLimitMs: 75 * MINUTE_MS, ...NO_GRACE }),
    );
    cluster.running('q', 'n1', [0, 1, 2, 3, 4, 5, 6, 7]);
    const last = cluster.running('q', 'n0', [6, 7]);
    const gang = cluster.submit('q', { gpus: 8 });
    cluster.replace(last, {}).settle();
    expect(runs.length).toBe(3);
    cluster.finish(last).settle();
    pass(cluster, 15);
    expect(reserved(cluster)).toEqual({ [gang]: 'n0:0,1,2,3,4,5,6,7' });
    return { cluster, gang };
  }

  it.each([
    ['whose limit ends in time', { timeLimitMs: 59 * MINUTE_MS, graceMs: MINUTE_MS }, true],
    ['whose limit and grace end too late', { timeLimitMs: 60 * MINUTE_MS, graceMs: 1_000 }, false],
    ['without a limit', {}, false],
    ['of lower priority, which can be preempted', { priority: 40 }, true],
    ['of lower priority, which is not preemptible', { priority: 40, preemptible: false }, false],
    ['of higher priority', { priority: 60 }, false],
  ] as const)('by work of its queue %j %j: %s', (_, options, may) => {
    const { cluster } = waitingGang();
    // No guarantee: work that is not preemptible needs one.
    const number = cluster.submit('q', { gpus: 1, ...options });
    cluster.settle();
    expect(cluster.states(number)).toEqual([may ? 'starting' : 'pending']);
  });

  it('by work that can be preempted, which leaves when the others have', () => {
    const { cluster, gang } = waitingGang();
    const filler = cluster.submit('q', { gpus: 2, priority: 40 });
    cluster.settle();
    expect(cluster.where(filler)).toBe('n0:6,7');
    for (const { number, spec } of cluster.workloads()) if (spec.timeLimitMs !== null) cluster.finish(number);
    cluster.cycle();
    expect(cluster.where(gang)).toBe('n0:0,1,2,3,4,5,6,7');
    expect(cluster.states(filler)).toEqual(['pending']);
  });

  it('by demand within a guarantee, even though that delays it', () => {
    const { cluster } = waitingGang();
    cluster.queue('other', { guarantee: 2 });
    const owed = cluster.submit('other', { gpus: 2 });
    cluster.settle();
    expect(cluster.where(owed)).toBe('n0:6,7');
    const more = cluster.submit('other', { gpus: 1 });
    cluster.settle();
    expect(cluster.states(more)).toEqual(['pending']);
  });

  it('by nobody else: a borrower of another queue waits', () => {
    const { cluster, gang } = waitingGang();
    const number = cluster.queue('other', { weight: 0 }).submit('other', { gpus: 1 });
    cluster.settle();
    expect(cluster.explain(number)).toMatchObject({ reason: 'RESERVED' });
    expect(cluster.explain(number)?.summary).toBe(
      `Free GPUs are reserved for workload ${gang}, which has waited longer: 8 GPUs of n0; 2 of them free now, ` +
        `${gang} starts in 1h00m at the latest; work with a time limit that ends within 1h00m may use them.`,
    );
  });
});

describe('ageing', () => {
  /** One GPU, held; a workload of priority 50 that has waited so long, and one of 75 that has just come. */
  function served(minutes: number, options: { preemptible?: boolean; minRuntimeMs?: number }): string[] {
    const cluster = new TestCluster({ maxReservationsPerPool: 0 }).node('n0', { gpus: 1 });
    const rules = { preemptMinRuntimeMs: options.minRuntimeMs ?? null, guarantee: 1 };
    cluster.queue('q', rules);
    const holder = cluster.running('q', 'n0', [0], { priority: 100 });
    const old = cluster.submit('q', { priority: 50, preemptible: options.preemptible ?? true });
    pass(cluster, minutes);
    const fresh = cluster.submit('q', { priority: 75 });
    cluster.settle();
    cluster.finish(holder);
    cluster.cycle();
    return cluster.states(old, fresh);
  }

  it.each([
    ['two steps of 10 do not reach 75', 44, { preemptible: false }, ['pending', 'starting']],
    ['three do', 45, { preemptible: false }, ['starting', 'pending']],
    ['also for what a min-runtime protects once it runs', 45, { minRuntimeMs: MINUTE_MS }, ['starting', 'pending']],
    ['but not for what would be preempted at once', 600, {}, ['pending', 'starting']],
  ])('moves forward in the own queue: %s', (_, minutes, options, states) => {
    expect(served(minutes, options)).toEqual(states);
  });

  it('goes no further than 50', () => {
    const cluster = new TestCluster({ maxReservationsPerPool: 0 }).node('n0', { gpus: 1 }).queue('q', { guarantee: 1 });
    const holder = cluster.running('q', 'n0', [0], { priority: 200 });
    const old = cluster.submit('q', { priority: 0, preemptible: false });
    pass(cluster, 10_000);
    const fresh = cluster.submit('q', { priority: 51 });
    cluster.settle();
    cluster.finish(holder).settle();
    expect(cluster.states(old, fresh)).toEqual(['pending', 'starting']);
  });

  it('preempts nobody that the priority could not', () => {
    const cluster = new TestCluster().node('n0', { gpus: 1 }).queue('q', { guarantee: 1 });
    const holder = cluster.running('q', 'n0', [0], { priority: 60 });
    cluster.submit('q', { priority: 50, preemptible: false });
    pass(cluster, 600);
    expect(cluster.states(holder)).toEqual(['running']);
  });
});

// --- laws ---

interface Stream {
  /** GPUs and minutes of the small work that never ends coming; minutes 0 = it has no limit but ends after `lasts`. */
  readonly small: readonly { readonly gpus: number; readonly minutes: number; readonly lasts: number }[];
  readonly nodes: number;
  readonly gang: { readonly gpus: number; readonly tasks: number };
}

/**
 * Plays an endless stream of small work against one gang, minute by minute. All of it has the gang's queue and priority.
 * @returns the minute in which the gang started; the latest start that was promised when it first reserved, and the first
 * one promised that was known; null = not
 */
function play(stream: Stream, policy: Partial<EnginePolicy>, minutes: number) {
  const cluster = new TestCluster(policy).nodes(stream.nodes).queue('q');
  const beganMs = cluster.nowMs;
  let next = 0;
  let promised: number | null = null;
  let known: number | null = null;
  /** So many wait: what came before the gang goes before it, so at first only as many as run. */
  const come = (most: number): void => {
    for (
      let waiting = cluster.workloads().filter(({ state }) => state === 'pending').length;
      waiting < most;
      waiting++
    ) {
      const { gpus, minutes: limit } = stream.small[next++ % stream.small.length] ?? { gpus: 1, minutes: 10 };
      cluster.submit('q', { gpus, ...NO_GRACE, ...(limit === 0 ? {} : { timeLimitMs: limit * MINUTE_MS }) });
      if (most === 1) cluster.settle();
    }
    cluster.settle();
  };
  for (let free = stream.nodes * 8; free > 0; free--) come(1);
  for (const { number, state } of cluster.workloads()) if (state === 'pending') cluster.cancel(number);
  const gang = cluster.submit('q', stream.gang);
  for (let minute = 0; minute <= minutes; minute++) {
    cluster.nowMs = beganMs + minute * MINUTE_MS;
    for (const { number, state, spec } of cluster.workloads()) {
      const [allocation] = cluster.allocationsOf(number);
      if (state !== 'starting' || allocation === undefined) continue;
      const { lasts = 1 } = stream.small[(number - 1 - Number(number > gang)) % stream.small.length] ?? {};
      const endMs = allocation.placedMs + Math.min(spec.timeLimitMs ?? Infinity, lasts * MINUTE_MS);
      if (cluster.nowMs >= endMs) cluster.finish(number);
    }
    // What is moved to make room for others has left.
    cluster.release();
    come(8);
    const [reservation] = cluster.view.reservations.all();
    expect(cluster.view.reservations.count).toBeLessThanOrEqual(1);
    if (reservation?.workload.number === gang) {
      const latest = (reservation.promisedMs - beganMs) / MINUTE_MS;
      promised ??= latest;
      if (latest !== Infinity) known ??= latest;
    }
    if (cluster.workload(gang).state !== 'pending') return { started: minute, promised, known };
  }
  return { started: null, promised, known };
}

const arbitraryStream: fc.Arbitrary<Stream> = fc.record({
  nodes: fc.integer({ min: 1, max: 3 }),
  small: fc.array(
    fc.record({
      gpus: fc.integer({ min: 1, max: 4 }),
      minutes: fc.oneof(fc.integer({ min: 2, max: 40 }), fc.constant(0)),
      lasts: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  gang: fc.constant({ gpus: 8, tasks: 1 }),
});

describe('laws', () => {
  it('a large gang facing an endless stream of small work starts, which without reservations it does not', () => {
    // Staggered, so that never all GPUs of a node end at once.
    const stream = {
      nodes: 2,
      small: [3, 5, 7, 11, 13].map((minutes) => ({ gpus: 1, minutes, lasts: minutes })),
      gang: { gpus: 8, tasks: 2 },
    };
    expect(play(stream, { reserveAfterMs: null }, 6 * 60).started).toBeNull();
    expect(play(stream, {}, 6 * 60).started).toBeLessThanOrEqual(15 + 13);
  });

  /**
   * Where it waits for work without a limit it does not know when that ends, and goes elsewhere when by then a start is known
   * there: that start may be later, but within one more run.
   */
  it('whatever the stream: it starts within the time after which it reserves and the longest run, or when was promised by then', () => {
    fc.assert(
      fc.property(arbitraryStream, (stream) => {
        const { started, known } = play(stream, {}, 120);
        expect(started).not.toBeNull();
        expect(started).toBeLessThanOrEqual(Math.max(15 + 40 + 2, known ?? 0));
        expect(known ?? 0).toBeLessThanOrEqual(15 + 40 + 2 + 40);
      }),
      { numRuns: 100, seed: SEED },
    );
  });

  it('what uses the place meanwhile never delays the start that was promised first, as long as limits hold', () => {
    fc.assert(
      fc.property(arbitraryStream, (stream) => {
        const { started, promised } = play(stream, {}, 120);
        if (promised !== null && promised !== Infinity) expect(started).toBeLessThanOrEqual(promised);
      }),
      { numRuns: 100, seed: SEED },
    );
  });

  it('a queue below its guarantee is not held off, and everything comes to rest', () => {
    const step_ = fc.record({
      queue: fc.constantFrom('a', 'b', 'c'),
      gpus: fc.integer({ min: 1, max: 8 }),
      tasks: fc.integer({ min: 1, max: 2 }),
      limit: fc.option(fc.integer({ min: 5, max: 60 }), { nil: null }),
      priority: fc.constantFrom(50, 60),
      minutes: fc.integer({ min: 0, max: 20 }),
      ends: fc.option(fc.nat(), { nil: null }),
    });
    fc.assert(
      fc.property(fc.array(step_, { minLength: 5, maxLength: 40 }), (steps) => {
        const cluster = new TestCluster().nodes(3).queue('a', { guarantee: 4 }).queue('b', { guarantee: 8 }).queue('c');
        for (const { queue, gpus, tasks, limit, priority, minutes, ends } of steps) {
          cluster.submit(queue, {
            gpus,
            tasks,
            priority,
            ...(limit === null ? {} : { timeLimitMs: limit * MINUTE_MS }),
          });
          const running = cluster.workloads().filter(({ state }) => state === 'starting');
          const over = ends === null ? undefined : running[ends % Math.max(1, running.length)];
          if (over) cluster.finish(over.number);
          cluster.nowMs += minutes * MINUTE_MS;
          cluster.cycle();
          cluster.cycle();
          // At rest: nothing more is decided, and looking again changes no reservation.
          const kept = reserved(cluster);
          cluster.nowMs += 1;
          expect(cluster.settle()).toEqual([]);
          expect(reserved(cluster)).toEqual(kept);
          const queues = [...cluster.view.reservations.all()].map(({ queue: { name } }) => name);
          expect(new Set(queues).size).toBe(queues.length);
        }
        // A single GPU within a guarantee is never kept out.
        for (const name of ['a', 'b'] as const) {
          const guarantee = name === 'a' ? 4 : 8;
          if (cluster.held(name) + 1 > guarantee) continue;
          const promisedAway = cluster
            .workloads()
            .some(({ state, claim, spec }) => state === 'pending' && claim !== null && spec.queue === name);
          if (promisedAway) continue;
          const owed = cluster.submit(name, { gpus: 1, priority: 1_000 });
          cluster.cycle();
          cluster.cycle();
          expect(cluster.reason(owed)).toBeNull();
        }
      }),
      { numRuns: 60, seed: SEED },
    );
  });

  it('a what-if changes no reservation', () => {
    const { cluster } = fullCluster();
    const gang = cluster.submit('q', { gpus: 4 });
    pass(cluster, 15);
    const before = reserved(cluster);
    const { reservations } = cluster.view;
    reservations.frozen = true;
    pass(cluster, 60);
    reservations.frozen = false;
    expect(reserved(cluster)).toEqual(before);
    expect(minTasks(cluster.workload(gang).spec)).toBe(1);
    expect(explain(cluster.view, gang, cluster.nowMs)?.reason).toBe('RESOURCES');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import { carryOut } from '../../scheduler/control/commands/carry-out.js';
import type { Decision } from '../../scheduler/engine/decisions.js';
import { Departures } from '../../scheduler/engine/departures.js';
import { planQueueChange, planWorkloads, type QueuePlan, type WorkloadPlan } from '../../scheduler/engine/plan.js';
import type { WhatIfMeans } from '../../scheduler/engine/what-if.js';
import { ClusterState } from '../../scheduler/model/cluster-state.js';
import type { Draft } from '../../scheduler/model/draft.js';
import {
  META_KEY,
  type Placement,
  type Queue,
  type RecordChange,
  type Workload,
  workloadKey,
} from '../../scheduler/model/records.js';
import { step } from '../../scheduler/engine/engine.js';
import { TestCluster, type WorkloadOptions } from './cluster.js';

const MINUTE = 60_000;

/** The state that a cluster's records make up; frozen in the sense that plans must not change it. */
function stateOf(cluster: TestCluster): ClusterState {
  const state = new ClusterState();
  const put = (collection: RecordChange['collection'], key: string, after: unknown) =>
    state.apply({ collection, key, before: null, after } as RecordChange);
  const numbers = cluster.workloads().map(({ number }) => number);
  put('meta', META_KEY, { clusterId: 'test', lastWorkload: Math.max(0, ...numbers) });
  for (const queue of cluster.queueRecords()) put('queues', queue.name, queue);
  for (const node of cluster.nodeRecords()) put('nodes', node.id, node);
  for (const allocation of cluster.allocations()) put('allocations', allocation.id, allocation);
  for (const workload of cluster.workloads()) put('workloads', workloadKey(workload.number), workload);
  return state;
}

function means(cluster: TestCluster, limits: Partial<WhatIfMeans> = {}): WhatIfMeans {
  let ulids = 0;
  const newUlid = () => `supposed-${++ulids}`;
  return {
    nowMs: cluster.nowMs,
    carryOut: (draft, decision, nowMs) => carryOut(draft, decision, { nowMs, newUlid }),
    workUnits: 1e9,
    mayGoOn: () => true,
    ...limits,
  };
}

/** The workload that `cluster.submit` would make, without making it. */
function supposed(cluster: TestCluster, queue: string, options: WorkloadOptions, timeLimitMs: number | null): Workload {
  const elsewhere = new TestCluster();
  elsewhere.nowMs = cluster.nowMs;
  const workload = elsewhere.workload(elsewhere.submit(queue, options));
  const number = (Math.max(0, ...cluster.workloads().map((each) => each.number)) + 1) as WorkloadNumber;
  const spec = { ...workload.spec, name: `w${number}`, timeLimitMs };
  return { ...workload, number, uid: `uid-${number}`, spec };
}

interface Asked extends WorkloadOptions {
  readonly timeLimitMs?: number;
}

function planSubmit(
  cluster: TestCluster,
  queue: string,
  options: Asked = {},
  limits: Partial<WhatIfMeans> = {},
): WorkloadPlan {
  const workload = supposed(cluster, queue, options, options.timeLimitMs ?? null);
  return planWorkloads(cluster.view, stateOf(cluster), means(cluster, limits), (draft) => {
    draft.putWorkload(workload);
    return [workload.number];
  });
}

function planQueue(
  cluster: TestCluster,
  name: string,
  change: Partial<Queue>,
  limits: Partial<WhatIfMeans> = {},
): QueuePlan {
  const queue = cluster.queueRecords().find((each) => each.name === name);
  if (!queue) throw new Error(`no queue ${name}`);
  return planQueueChange(cluster.view, stateOf(cluster), means(cluster, limits), (draft) =>
    draft.put('queues', name, { ...queue, ...change }),
  );
}

/** `n0:0,1 n1:3`. */
function where(placements: readonly Placement[]): string {
  return placements.map(({ node, gpus }) => `${node}:${gpus.join(',')}`).join(' ');
}

/** Gives a workload a time limit, as if it had been submitted with it. */
function limit(cluster: TestCluster, number: WorkloadNumber, timeLimitMs: number): void {
  const before = cluster.workload(number);
  cluster.replace(number, { spec: { ...before.spec, timeLimitMs } });
}

describe('a promise of GPUs', () => {
  it('holds after a plan in which it was kept', () => {
    const cluster = new TestCluster().node('n0', { gpus: 1 }).queue('a', { guarantee: 1 }).queue('b', { weight: 0 });
    cluster.running('b', 'n0', [0]);
    const owners = cluster.submitMany(2, 'a', { milli: 500 });
    const waiting = [...owners, cluster.submit('b', { milli: 250 })];
    cluster.settle();
    const reasons = ['RECLAIMING', 'RECLAIMING', 'RESOURCES'];
    expect(waiting.map((number) => cluster.reason(number))).toEqual(reasons);
    const { workloads } = planSubmit(cluster, 'b');
    expect(workloads[0]?.start.type).toBe('unknown');
    expect(waiting.map((number) => cluster.reason(number))).toEqual(reasons);
    expect(cluster.settle()).toEqual([]);
  });
});

describe('a plan of a submission', () => {
  it('says where work would start at once', () => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).queue('q', { guarantee: 4 });
    cluster.running('q', 'n0', [0, 1]);
    const { workloads, displaced, complete } = planSubmit(cluster, 'q', { gpus: 2 });
    expect(complete).toBe(true);
    expect(displaced).toEqual([]);
    expect(workloads[0]?.start).toEqual({ type: 'now', byMs: cluster.nowMs });
    expect(where(workloads[0]?.placements ?? [])).toBe('n0:2,3');
    expect(workloads[0]?.explanation).toBeNull();
  });

  it('names who would be displaced, by when they have left, and what they would lose', () => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).queue('owner', { guarantee: 4 }).queue('guest');
    const guest = cluster.running('guest', 'n0', [0, 1, 2, 3], { graceMs: 45_000 });
    cluster.begin(guest, cluster.nowMs);
    cluster.nowMs += 10 * MINUTE;
    cluster.checkpoint(guest, cluster.nowMs - 3 * MINUTE);
    cluster.settle();
    const { workloads, displaced } = planSubmit(cluster, 'owner', { gpus: 4 });
    expect(workloads[0]?.start).toEqual({ type: 'after_victims', byMs: cluster.nowMs + 45_000 });
    expect(workloads[0]?.explanation?.reason).toBe('RECLAIMING');
    expect(where(workloads[0]?.placements ?? [])).toBe('n0:0,1,2,3');
    expect(displaced).toMatchObject([
      {
        workload: { number: guest, state: 'running' },
        reason: 'reclaimed',
        forWorkload: guest + 1,
        gpus: 4,
        graceMs: 45_000,
        ranMs: 10 * MINUTE,
        lostMs: 3 * MINUTE,
        lostGpuMs: 4 * 3 * MINUTE,
        hasCheckpoint: true,
        goesOn: false,
      },
    ]);
    expect(displaced[0]?.message).toMatch(/\d.*\.?$/);
  });

  it.each([0, 1])('is not before the grace is over of who leaves for CPU alone, beside %i GPUs', (gpus) => {
    const cluster = new TestCluster().nodes(1, { gpus: 2, cpus: 8 });
    cluster.queue('q', { guaranteeCpuMilli: 0 }).queue('owner', { guarantee: 2, guaranteeCpuMilli: 8_000 });
    const request = { cpuMilli: 8_000 };
    cluster.running('q', 'n0', gpus === 0 ? [] : [0], { gpus, request, graceMs: 25_000 });
    const { workloads } = planSubmit(cluster, 'owner', { gpus, request });
    expect(workloads.map(({ start }) => start)).toEqual([{ type: 'after_victims', byMs: cluster.nowMs + 25_000 }]);
  });

  it('finds a later start from time limits: that of the work which must end, not the first one', () => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).queue('q', { guarantee: 4 });
    const short = cluster.running('q', 'n0', [0]);
    const long = cluster.running('q', 'n0', [1, 2, 3]);
    limit(cluster, short, 10 * MINUTE);
    limit(cluster, long, 60 * MINUTE);
    cluster.nowMs += 4 * MINUTE;
    cluster.settle();
    const graceMs = 30_000;
    const one = planSubmit(cluster, 'q', { gpus: 1 }).workloads[0];
    expect(one?.start).toEqual({ type: 'later', byMs: cluster.nowMs + 6 * MINUTE + graceMs });
    expect(where(one?.placements ?? [])).toBe('n0:0');
    expect(one?.explanation?.reason).toBe('RESOURCES');
    expect(cluster.settle()).toEqual([]);
    const two = planSubmit(cluster, 'q', { gpus: 2 }).workloads[0];
    expect(two?.start).toEqual({ type: 'later', byMs: cluster.nowMs + 56 * MINUTE + graceMs });
  });

  it('counts those who wait before it, and how long they may then run', () => {
    const cluster = new TestCluster().node('n0', { gpus: 1 }).queue('q', { guarantee: 1 });
    limit(cluster, cluster.running('q', 'n0', [0]), 10 * MINUTE);
    limit(cluster, cluster.submit('q', { gpus: 1 }), 20 * MINUTE);
    cluster.settle();
    const graceMs = 30_000;
    const { workloads } = planSubmit(cluster, 'q', { gpus: 1 });
    expect(workloads[0]?.start).toEqual({ type: 'later', byMs: cluster.nowMs + 30 * MINUTE + 2 * graceMs });
  });

  it('marks those who would be displaced later, when they themselves have started', () => {
    const cluster = new TestCluster().node('n0', { gpus: 1 }).queue('q', { guarantee: 1 });
    cluster.cancel(cluster.running('q', 'n0', [0], { preemptible: false }));
    cluster.settle();
    const first = cluster.submit('q', { gpus: 1 });
    cluster.settle();
    const { workloads, displaced } = planSubmit(cluster, 'q', { gpus: 1, priority: 100 });
    expect(workloads[0]?.start.type).toBe('later');
    expect(displaced.map(({ workload, later }) => [workload.number, later])).toEqual([[first, true]]);
    expect(cluster.states(first)).toEqual(['pending']);
  });

  it('does not know when what runs has no time limit', () => {
    const cluster = new TestCluster().node('n0', { gpus: 1 }).queue('q', { guarantee: 1 });
    cluster.running('q', 'n0', [0]);
    cluster.settle();
    const { workloads } = planSubmit(cluster, 'q', { gpus: 1 });
    expect(workloads[0]?.start).toEqual({ type: 'unknown', why: '1 running workload has no time limit' });
  });

  it('explains what no running work can mend', () => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).node('n1', { gpus: 8, cordoned: true }).queue('q');
    const cordoned = planSubmit(cluster, 'q', { gpus: 8 }).workloads[0];
    expect(cordoned?.start.type).toBe('unknown');
    expect(cordoned?.start).toMatchObject({ why: cordoned?.explanation?.summary });
    const impossible = planSubmit(cluster, 'q', { gpus: 9 }).workloads[0];
    expect(impossible?.start).toEqual({ type: 'never' });
    expect(impossible?.explanation?.reason).toBe('NO_SUCH_GPU');
  });

  it('says what it did not find within its budget', () => {
    const cluster = new TestCluster().node('n0', { gpus: 1 }).queue('q', { guarantee: 1 });
    limit(cluster, cluster.running('q', 'n0', [0]), 10 * MINUTE);
    cluster.settle();
    const none = planSubmit(cluster, 'q', { gpus: 1 }, { mayGoOn: () => false });
    expect(none).toMatchObject({ complete: false, workloads: [{ start: { type: 'not_found' }, placements: [] }] });
    let asked = 0;
    const some = planSubmit(cluster, 'q', { gpus: 1 }, { mayGoOn: () => ++asked < 3 });
    expect(some.complete).toBe(false);
    expect(some.workloads[0]?.start.type).toBe('not_found');
    expect(some.workloads[0]?.explanation?.reason).toBe('RESOURCES');
  });

  it('plans several as one submission', () => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).queue('q', { guarantee: 4 });
    const first = supposed(cluster, 'q', { gpus: 3 }, 10 * MINUTE);
    const second = { ...supposed(cluster, 'q', { gpus: 2 }, null), number: (first.number + 1) as WorkloadNumber };
    const { workloads } = planWorkloads(cluster.view, stateOf(cluster), means(cluster), (draft) => {
      for (const each of [first, second]) draft.putWorkload(each);
      return [first.number, second.number];
    });
    expect(workloads.map(({ start }) => start)).toEqual([
      { type: 'now', byMs: cluster.nowMs },
      { type: 'later', byMs: cluster.nowMs + 10 * MINUTE + 30_000 },
    ]);
  });

  it('leaves the view as it was when the submission is refused', () => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).queue('q', { guarantee: 4 });
    const refuse = (draft: Draft): never => {
      draft.putWorkload(supposed(cluster, 'q', { gpus: 4 }, null));
      throw new Error('refused');
    };
    expect(() => planWorkloads(cluster.view, stateOf(cluster), means(cluster), refuse)).toThrow('refused');
    expect(cluster.settle()).toEqual([]);
  });
});

describe('what was tried in vain', () => {
  /** Queue a is owed a GPU, and nobody may be told to give it one. */
  const inVain = (): TestCluster => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).node('n1', { gpus: 1, pool: 'other' });
    cluster.queue('a', { guarantee: 2 }).queue('b', { weight: 3 });
    cluster.running('a', 'n0', [0]);
    cluster.running('b', 'n0', [1], { preemptible: false });
    cluster.running('b', 'n0', [2, 3], { preemptible: false });
    cluster.submit('a', { gpus: 1, pool: 'default' });
    cluster.settle();
    return cluster;
  };
  /** Searches for victims of a step in which somebody else is looked at. */
  const searches = (cluster: TestCluster): number => {
    cluster.submit('b', { gpus: 8 });
    return step(cluster.view, cluster.nowMs, 1e9).searches.tried;
  };

  it('is not tried again because somebody planned a submission', () => {
    expect(searches(inVain())).toBe(0);
    const cluster = inVain();
    expect(planSubmit(cluster, 'b', { gpus: 1, pool: 'other' }).workloads[0]?.start.type).toBe('now');
    expect(searches(cluster)).toBe(0);
  });

  it('is not tried again because somebody planned a change of a queue', () => {
    const cluster = inVain();
    planQueue(cluster, 'a', { guaranteeGpus: 4 });
    expect(searches(cluster)).toBe(0);
  });
});

describe('a plan where parts of the cluster are ruled', () => {
  it('says which limit would keep work waiting', () => {
    const scopes = [{ pool: 'big', model: '', guaranteeGpus: 0, limitGpus: 1 }];
    const cluster = new TestCluster().node('b1', { pool: 'big', gpus: 4 }).queue('a', { scopes });
    cluster.running('a', 'b1', [0]);
    cluster.settle();
    const { workloads } = planSubmit(cluster, 'a', { pool: 'big' });
    expect(workloads[0]?.explanation).toMatchObject({
      reason: 'QUEUE_LIMIT',
      summary: 'Queue a holds 1 of at most 1 GPU in pool big and this asks for 1.',
    });
  });
});

describe('a plan of a change of a queue', () => {
  it('tells shares, victims, and who starts', () => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).queue('a', { guarantee: 4 }).queue('b');
    const victim = cluster.running('a', 'n0', [2, 3]);
    const stays = cluster.running('a', 'n0', [0, 1]);
    const waits = cluster.submit('b', { gpus: 2 });
    cluster.settle();
    const shares = cluster.view.queueShares();
    const plan = planQueue(cluster, 'b', { guaranteeGpus: 2 });
    expect(plan.complete).toBe(true);
    expect(plan.before).toEqual(shares);
    expect(cluster.view.queueShares()).toEqual(shares);
    expect(plan.displaced).toEqual([]);

    const lower = planQueueChange(cluster.view, stateOf(cluster), means(cluster), (draft) => {
      for (const queue of cluster.queueRecords()) draft.put('queues', queue.name, { ...queue, guaranteeGpus: 2 });
    });
    expect(lower.displaced).toHaveLength(1);
    expect(lower.displaced[0]).toMatchObject({ reason: 'reclaimed', forWorkload: waits, gpus: 2, restarts: [] });
    expect([victim, stays]).toContain(lower.displaced[0]?.workload.number);
    expect(lower.started).toMatchObject([{ workload: { number: waits }, afterVictims: true }]);
    expect(lower.pending).toMatchObject([
      { workload: { number: lower.displaced[0]?.workload.number }, before: null, after: { reason: 'RESOURCES' } },
    ]);
    const gained = (name: string) =>
      (lower.after.find(({ queue }) => queue === name)?.fairShareGpus ?? 0) -
      (lower.before.find(({ queue }) => queue === name)?.fairShareGpus ?? 0);
    expect([gained('a'), gained('b')]).toEqual([-2, 2]);
  });

  it('tells what a guarantee of a pool would take, from whoever is within his guarantee of the whole', () => {
    const cluster = new TestCluster()
      .node('b1', { pool: 'big', gpus: 4 })
      .node('s1', { pool: 'small', gpus: 4 })
      .queue('own')
      .queue('any', { guarantee: 8 });
    const victim = cluster.running('any', 'b1', [0, 1, 2, 3], { pool: 'big' });
    const waits = cluster.submit('own', { gpus: 2, pool: 'big' });
    cluster.settle();
    const shares = cluster.view.queueShares();
    const scopes = [{ pool: 'big', model: '', guaranteeGpus: 2, limitGpus: null }];
    const plan = planQueue(cluster, 'own', { scopes });
    expect(plan.displaced).toMatchObject([{ workload: { number: victim }, reason: 'reclaimed', forWorkload: waits }]);
    expect(plan.started).toMatchObject([{ workload: { number: waits }, afterVictims: true }]);
    expect(plan.after.find(({ queue }) => queue === 'own')?.scopes).toMatchObject([{ pool: 'big', allocatedGpus: 2 }]);
    expect(cluster.view.queueShares()).toEqual(shares);
    expect(cluster.settle()).toEqual([]);
  });

  it('tells who would be pending for another reason', () => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).queue('a', { guarantee: 4 });
    cluster.running('a', 'n0', [0, 1, 2, 3]);
    const waits = cluster.submit('a', { gpus: 2 });
    cluster.settle();
    const plan = planQueue(cluster, 'a', { limitGpus: 4 });
    expect(plan.pending).toMatchObject([
      { workload: { number: waits }, before: 'RESOURCES', after: { reason: 'QUEUE_LIMIT' } },
    ]);
  });

  it('starts what a limit held back', () => {
    const cluster = new TestCluster().node('n0', { gpus: 4 }).queue('a', { limit: 1 });
    const waits = cluster.submit('a', { gpus: 2 });
    cluster.settle();
    const { started } = planQueue(cluster, 'a', { limitGpus: null });
    expect(started).toMatchObject([{ workload: { number: waits }, afterVictims: false }]);
    expect(where(started[0]?.placements ?? [])).toBe('n0:0,1');
    expect(cluster.reason(waits)).toBe('QUEUE_LIMIT');
  });
});

describe('departures', () => {
  it('come in order of time, those of one moment together, and many at once later on', () => {
    const departures = new Departures();
    for (let at = 99; at >= 0; at--)
      departures.add({ atMs: Math.floor(at / 2), allocations: [`a${at}` as AllocationId] });
    const times: number[] = [];
    for (let next = departures.next(); next !== null; next = departures.next()) times.push(next.atMs);
    expect(times.slice(0, 3)).toEqual([0, 1, 2]);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBe(49);
    expect(times.length).toBeLessThan(25);
  });

  it('are never so many at once that one look takes long', () => {
    const departures = new Departures();
    const ids = Array.from({ length: 5_000 }, (_, at) => `a${at}` as AllocationId);
    ids.forEach((id, at) => departures.add({ atMs: at < 3_000 ? 7 : at, allocations: [id] }));
    const taken: AllocationId[][] = [];
    for (let next = departures.next(); next !== null; next = departures.next()) taken.push([...next.allocations]);
    expect(Math.max(...taken.map(({ length }) => length))).toBe(512);
    expect(taken.flat().toSorted()).toEqual(ids.toSorted());
    expect(taken.length).toBeLessThan(100);
  });
});

// --- the law ---

interface Story {
  readonly nodes: readonly number[];
  readonly queues: readonly { guarantee: number; limit: number | null; weight: number; parent: boolean }[];
  readonly events: readonly Happening[];
}

interface Submit {
  readonly type: 'submit';
  readonly queue: number;
  readonly options: WorkloadOptions;
  readonly limitMinutes: number | null;
}

type Happening =
  | Submit
  | { readonly type: 'finish' | 'cancel'; readonly which: number }
  | { readonly type: 'settle' | 'cycle' }
  | { readonly type: 'cordon' | 'uncordon'; readonly node: number }
  | { readonly type: 'plan'; readonly submit: Submit }
  | { readonly type: 'plan_queue'; readonly queue: number; readonly guarantee: number; readonly limit: number | null };

const submit: fc.Arbitrary<Submit> = fc.record({
  type: fc.constant('submit' as const),
  queue: fc.nat(9),
  options: fc.record({
    gpus: fc.constantFrom(0, 1, 1, 1, 2, 2, 3, 4),
    tasks: fc.constantFrom(1, 1, 1, 2, 3),
    priority: fc.constantFrom(0, 50, 50, 100),
    preemptible: fc.constantFrom(true, true, true, false),
  }),
  limitMinutes: fc.constantFrom(null, 10, 60),
});

const story: fc.Arbitrary<Story> = fc.record({
  nodes: fc.array(fc.constantFrom(4, 8, 2), { minLength: 1, maxLength: 3 }),
  queues: fc.array(
    fc.record({
      guarantee: fc.constantFrom(0, 1, 2, 4, 8),
      limit: fc.constantFrom(null, null, 8),
      weight: fc.constantFrom(0, 1, 2),
      parent: fc.boolean(),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  events: fc.array(
    fc.oneof(
      { weight: 10, arbitrary: submit },
      { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('finish', 'cancel'), which: fc.nat(40) }) },
      { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('settle', 'cycle') }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('cordon', 'uncordon'), node: fc.nat(2) }) },
      { weight: 4, arbitrary: fc.record({ type: fc.constant('plan' as const), submit }) },
      {
        weight: 2,
        arbitrary: fc.record({
          type: fc.constant('plan_queue' as const),
          queue: fc.nat(9),
          guarantee: fc.constantFrom(0, 2, 4, 8),
          limit: fc.constantFrom(null, null, 4),
        }),
      },
    ) as fc.Arbitrary<Happening>,
    { minLength: 5, maxLength: 40 },
  ),
});

function build({ nodes, queues }: Story): TestCluster {
  const cluster = new TestCluster();
  nodes.forEach((gpus, at) => cluster.node(`n${at}`, { gpus }));
  const below = queues.filter(({ parent }) => parent).reduce((sum, { guarantee }) => sum + guarantee, 0);
  cluster.queue('top', { guarantee: below });
  queues.forEach(({ parent, guarantee, limit: most, weight }, at) => {
    const bound = most === null ? {} : { limit: Math.max(most, guarantee) };
    cluster.queue(`q${at}`, { guarantee, weight, ...bound, ...(parent ? { parent: 'top' } : {}) });
  });
  return cluster;
}

const queueOf = (tale: Story, index: number): string => `q${index % tale.queues.length}`;

function submitFor(cluster: TestCluster, tale: Story, { queue, options, limitMinutes }: Submit): WorkloadNumber {
  const number = cluster.submit(queueOf(tale, queue), options);
  if (limitMinutes !== null) limit(cluster, number, limitMinutes * MINUTE);
  return number;
}

/** Everything that happens in a story but its plans. */
function happen(cluster: TestCluster, tale: Story, event: Happening): void {
  switch (event.type) {
    case 'submit':
      cluster.nowMs += 1000;
      submitFor(cluster, tale, event);
      return;
    case 'finish':
    case 'cancel': {
      const live = cluster.workloads().filter(({ state }) => ['pending', 'starting', 'running'].includes(state));
      const chosen = live[event.which % Math.max(1, live.length)];
      if (!chosen) return;
      if (event.type === 'cancel' || chosen.state === 'pending') cluster.cancel(chosen.number);
      else cluster.finish(chosen.number);
      return;
    }
    case 'settle':
      cluster.settle();
      return;
    case 'cycle':
      cluster.cycle();
      return;
    case 'cordon':
    case 'uncordon':
      cluster.cordon(`n${event.node % tale.nodes.length}`, event.type === 'cordon');
      return;
    case 'plan':
    case 'plan_queue':
  }
}

function planEvent(
  cluster: TestCluster,
  tale: Story,
  { queue, options, limitMinutes }: Submit,
  limits: Partial<WhatIfMeans> = {},
): WorkloadPlan {
  const timeLimit = limitMinutes === null ? {} : { timeLimitMs: limitMinutes * MINUTE };
  return planSubmit(cluster, queueOf(tale, queue), { ...options, ...timeLimit }, limits);
}

function planIn(cluster: TestCluster, tale: Story, event: Happening, limits: Partial<WhatIfMeans> = {}): void {
  if (event.type === 'plan') planEvent(cluster, tale, event.submit, limits);
  if (event.type !== 'plan_queue') return;
  const { guarantee, limit: limitGpus } = event;
  planQueue(cluster, queueOf(tale, event.queue), { guaranteeGpus: guarantee, limitGpus }, limits);
}

/** A decision with its allocations in an order: which one they are named in means nothing. */
function ordered(decision: Decision): Decision {
  return decision.type === 'evict' ? { ...decision, allocations: decision.allocations.toSorted() } : decision;
}

/** What anybody can see of a cluster. */
function sightOf(cluster: TestCluster): unknown {
  const pending = cluster.workloads().filter(({ state }) => state === 'pending');
  return {
    shares: cluster.view.queueShares(),
    reasons: pending.map(({ number }) => cluster.explain(number)),
    workloads: cluster.workloads(),
    allocations: cluster.allocations(),
  };
}

const RUNS = { numRuns: 300, seed: 20_261_124 };

describe('laws of the what-if', () => {
  it('leaves no trace: all decisions, explanations and shares afterwards are as without it', () => {
    fc.assert(
      fc.property(story, (tale) => {
        const [plain, asked] = [build(tale), build(tale)];
        for (const event of tale.events) {
          happen(plain, tale, event);
          happen(asked, tale, event);
          if (event.type !== 'plan' && event.type !== 'plan_queue') continue;
          // Between turns, where the daemon plans, nothing is left to decide.
          plain.settle();
          asked.settle();
          const records = sightOf(asked);
          planIn(asked, tale, event);
          expect(sightOf(asked)).toEqual(records);
          expect(sightOf(asked)).toEqual(sightOf(plain));
          expect(step(asked.view, asked.nowMs, 1e9).decisions).toEqual([]);
        }
        plain.settle();
        asked.settle();
        expect(asked.decisions.map(ordered)).toEqual(plain.decisions.map(ordered));
        expect(sightOf(asked)).toEqual(sightOf(plain));
      }),
      RUNS,
    );
  });

  it('comes true: a submission right afterwards starts where the plan said and displaces whom it said', () => {
    fc.assert(
      fc.property(story, (tale) => {
        const cluster = build(tale);
        for (const event of tale.events) {
          happen(cluster, tale, event);
          if (event.type !== 'plan') continue;
          cluster.settle();
          const { workloads, displaced } = planEvent(cluster, tale, event.submit);
          const number = submitFor(cluster, tale, event.submit);
          const decisions = cluster.settle();
          const victims = displaced.filter(({ later }) => !later).map(({ workload }) => workload.number);
          const evictions = decisions.filter((each) => each.type === 'evict' && each.forWorkload === number);
          expect(victims).toEqual(evictions.map(({ workload }) => workload));
          const placed = decisions.findLast(
            (each) => (each.type === 'bind' || each.type === 'claim') && each.workload === number,
          );
          const [planned] = workloads;
          if (placed?.type === 'bind' || placed?.type === 'claim') {
            expect(planned?.start.type).toBe(placed.type === 'bind' ? 'now' : 'after_victims');
            expect(planned?.placements).toEqual(placed.placements);
          } else {
            expect(['later', 'unknown', 'never']).toContain(planned?.start.type);
          }
          expect(planned?.explanation).toEqual(cluster.explain(number));
        }
      }),
      RUNS,
    );
  });

  it('leaves nothing undone, in whatever the engine is interrupted', () => {
    fc.assert(
      fc.property(story, fc.nat(6), (tale, patience) => {
        const cluster = build(tale);
        let asked = 0;
        const limits = { workUnits: 50, mayGoOn: () => ++asked % 7 !== patience };
        for (const event of tale.events) {
          happen(cluster, tale, event);
          planIn(cluster, tale, event, limits);
        }
        cluster.settle();
        expect(step(cluster.freshView(), cluster.nowMs, 1e9).decisions).toEqual([]);
      }),
      RUNS,
    );
  });
});

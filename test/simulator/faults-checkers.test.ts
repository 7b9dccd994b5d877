// Each checker of the fault simulator, shown to bite: a history that breaks its law, made by hand, and the same one without the fault.
import { describe, expect, test } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import { sluice } from '../../common/proto.js';
import type { AgentRecord } from '../../node-agent/agent-journal.js';
import type { ConnectResponse, ConnectResponse__Output } from '../../proto/gen/sluice/v1/ConnectResponse.js';
import { workloadKey, type Allocation, type ClusterNode, type Workload } from '../../scheduler/model/records.js';
import type { Commit, StoredRecord } from '../../scheduler/store/state-store.js';
import { HearingChecker } from '../../simulator/faults/hearing-checker.js';
import { MachineChecker } from '../../simulator/faults/machine-checker.js';
import { SimMachine, SimProcess } from '../../simulator/faults/machine.js';
import type { SimNode } from '../../simulator/faults/node.js';
import { PromiseChecker } from '../../simulator/faults/promise-checker.js';
import { RecordChecker } from '../../simulator/faults/record-checker.js';
import { missingCells, requiredCells } from '../../simulator/faults/required-cells.js';
import { Coverage } from '../../simulator/faults/coverage.js';
import { SimDisk } from '../../simulator/faults/store.js';
import { SimTask } from '../../simulator/faults/task.js';
import { Timeline } from '../../simulator/faults/timeline.js';
import { Workshop } from '../control/workshop.js';

const ENDLESS = { runMs: null, exitCode: 0, leaveMs: null, leaveCode: null, forks: false, breaks: null, stuckMs: 0 };

describe('what is written', () => {
  function setup(
    facts: {
      alive?: boolean;
      answeredFor?: boolean;
      dirty?: boolean;
      saved?: number;
      nowMs?: number;
      executedMs?: number;
      cancelAsked?: boolean;
      cancelled?: boolean;
    } = {},
  ) {
    const broken: string[] = [];
    const checker = new RecordChecker(
      {
        isAlive: () => facts.alive ?? false,
        isExcused: () => false,
        isAnsweredFor: () => facts.answeredFor ?? false,
        isStuckWithoutGpus: () => false,
        executedMs: () => facts.executedMs ?? null,
        savedBy: () => facts.saved ?? null,
        isDirty: () => facts.dirty ?? false,
        nowMs: () => facts.nowMs ?? 0,
        wasCancelAsked: () => facts.cancelAsked ?? false,
        wasCancelled: () => facts.cancelled ?? false,
      },
      (law) => broken.push(law),
      () => undefined,
    );
    let revision = 0;
    const write = (...puts: StoredRecord[]): void => {
      revision += 1;
      const commit: Commit = { lineage: 'lineage', epoch: 1, revision, puts, deletes: [] };
      checker.commit(commit);
    };
    return { broken, write };
  }

  function records(tasks = 1) {
    const shop = new Workshop();
    shop.queue('research', { guaranteeGpus: 4 });
    const node = shop.node('n', 4);
    const number = shop.submit({ tasks });
    const ids = shop.place(number, node);
    const allocation = shop.allocation(ids[0] as Allocation['id']);
    return { workload: shop.workload(number), allocation, allocations: ids.map((id) => shop.allocation(id)) };
  }

  const work = (value: Workload): StoredRecord => ({
    collection: 'workloads',
    key: workloadKey(value.number),
    value,
  });
  const grant = (value: Allocation): StoredRecord => ({ collection: 'allocations', key: value.id, value });

  test('a legal history breaks nothing', () => {
    const { broken, write } = setup();
    const { workload, allocation } = records();
    write(work({ ...workload, state: 'pending', attempt: 0, allocations: [] }));
    write(work(workload), grant(allocation));
    write(work({ ...workload, state: 'running' }), grant({ ...allocation, state: 'running' }));
    write(work({ ...workload, state: 'succeeded' }), grant({ ...allocation, state: 'exited' }));
    write(grant({ ...allocation, state: 'released', release: { timeMs: 1, proof: 'clean' } }));
    expect(broken).toEqual([]);
  });

  test.each([
    ['nothing of it', null, ['I27 what was saved is known']],
    ['an earlier step', 30, ['I27 what was saved is known']],
    ['that step', 40, []],
  ])('what was saved is known once its task is over cleanly: the record knows %s', (_, known, expected) => {
    const { broken, write } = setup({ saved: 40 });
    const { workload, allocation } = records();
    const checkpoint = known === null ? null : { step: known, timeMs: 1, path: '/c' };
    write(work({ ...workload, state: 'stopping', afterStop: 'requeue', checkpoint }), grant(allocation));
    expect(broken).toEqual([]);
    write(grant({ ...allocation, state: 'released', release: { timeMs: 1, proof: 'clean' } }));
    expect(broken).toEqual(expected);
  });

  test('terminal is final, for workloads and allocations', () => {
    const { broken, write } = setup();
    const { workload, allocation } = records();
    write(work({ ...workload, state: 'failed' }), grant({ ...allocation, state: 'released' }));
    write(work({ ...workload, state: 'pending' }));
    write(grant({ ...allocation, state: 'running' }));
    expect(broken).toEqual(['I10 terminal is final', 'I10 terminal is final']);
  });

  test('no step goes back, and none begins again in the same attempt', () => {
    const { broken, write } = setup();
    const { workload, allocation } = records();
    write(work({ ...workload, state: 'running' }), grant({ ...allocation, state: 'stopping' }));
    write(work({ ...workload, state: 'starting' }));
    write(grant({ ...allocation, state: 'running' }));
    expect(broken).toEqual(['I11 legal steps', 'I11 legal steps']);
  });

  test('attempts follow each other, gangs are whole', () => {
    const { broken, write } = setup();
    const { workload } = records(2);
    write(work(workload));
    write(work({ ...workload, attempt: 3 }));
    write(work({ ...workload, attempt: 3, allocations: workload.allocations.slice(1) }));
    expect(broken).toEqual(['I8 attempts follow each other', 'I20 gangs are whole']);
  });

  test('a gang that is up goes on without none of its tasks', () => {
    const { broken, write } = setup();
    const { workload, allocations } = records(2);
    const [one, other] = allocations as [Allocation, Allocation];
    write(work({ ...workload, state: 'running' }), grant(one), grant(other));
    const failed = { ...one, state: 'exited', exit: { code: 1, signal: '', message: '' } } as const;
    write(grant({ ...failed, exit: { ...failed.exit, code: 0 } }));
    expect(broken).toEqual([]);
    write(work({ ...workload, state: 'running' }));
    expect(broken).toEqual([]);
    write(grant(failed));
    expect(broken).toEqual(['I20 gangs are whole']);
  });

  test('nothing is cancelled that nobody cancelled, and what was cancelled begins no more', () => {
    const asked = setup({ cancelAsked: true });
    const { workload } = records();
    asked.write(work(workload));
    asked.write(work({ ...workload, state: 'cancelled' }));
    expect(asked.broken).toEqual([]);
    const { broken, write } = setup({ cancelled: true });
    write(work({ ...workload, state: 'pending' }));
    write(work({ ...workload, attempt: workload.attempt + 1 }));
    write(work({ ...workload, attempt: workload.attempt + 1, state: 'cancelled' }));
    expect(broken).toEqual(['I19 work ends as it was asked to', 'I19 work ends as it was asked to']);
  });

  test('what is released for want of a trace is not known to its agent', () => {
    const { allocation } = records();
    for (const answeredFor of [false, true]) {
      const { broken, write } = setup({ alive: true, answeredFor });
      write(grant({ ...allocation, state: 'exited' }));
      write(grant({ ...allocation, state: 'released', release: { timeMs: 1, proof: 'quarantined' } }));
      expect(broken).toEqual(answeredFor ? ['I12 released means gone'] : []);
    }
  });

  test('nothing is stopped before its time limit', () => {
    const { workload, allocation } = records();
    const spec = { ...workload.spec, timeLimitMs: 60_000 };
    const order = { reason: 'time_limit', requestedMs: 0, forWorkload: null, message: '', graceMs: 0 } as const;
    for (const [executedMs, nowMs, expected] of [
      [0, 58_000, []],
      [0, 50_000, ['I21 time limits are kept']],
      // Found to run only later.
      [-10_000, 50_000, []],
      [-10_000, 40_000, ['I21 time limits are kept']],
    ] as const) {
      const facts = { nowMs: 0, executedMs };
      const { broken, write } = setup(facts);
      const allocations = [allocation.id];
      write(work({ ...workload, spec, allocations }), grant(allocation));
      write(work({ ...workload, spec, allocations, state: 'running' }));
      facts.nowMs = nowMs;
      write(grant({ ...allocation, state: 'stopping', stop: order }));
      expect(broken).toEqual(expected);
    }
  });

  test('a grant raises the generation of its GPU', () => {
    const { broken, write } = setup();
    const { allocation } = records();
    write(grant(allocation));
    write(grant({ ...allocation, id: 'ANOTHER' as Allocation['id'] }));
    expect(broken).toEqual(['I5 generations rise']);
  });

  test('released means that no process is left, unless its GPUs are kept from others', () => {
    const { broken, write } = setup({ alive: true });
    const { allocation } = records();
    const released = { ...allocation, state: 'released', release: { timeMs: 1, proof: 'fenced' } } as const;
    write(grant(allocation));
    write(grant(released));
    expect(broken).toEqual(['I12 released means gone']);
    const node = { gpus: allocation.gpus.map(({ uuid }) => ({ uuid, quarantine: 'left' })) } as unknown as ClusterNode;
    const kept = setup({ alive: true });
    kept.write(grant(allocation));
    kept.write(grant(released), { collection: 'nodes', key: 'n', value: node });
    expect(kept.broken).toEqual([]);
  });

  test('released as clean means that the memory came back', () => {
    const { broken, write } = setup({ dirty: true });
    const { allocation } = records();
    write(grant(allocation));
    write(grant({ ...allocation, state: 'released', release: { timeMs: 1, proof: 'clean' } }));
    expect(broken).toEqual(['I14 released means clean']);
  });
});

describe('what really happens', () => {
  function setup({
    durable = true,
    released = false,
    journaled = true,
    guardedMs = 1e9,
    answeredMs = 0,
    unwarned = {} as Readonly<Record<string, number>>,
    leaseMs = 1 as number | null,
    gang = [] as readonly string[],
  } = {}) {
    const broken: string[] = [];
    const timeline = new Timeline();
    const machine = new SimMachine(timeline, 'n', 1);
    const tasks: SimTask[] = [];
    const gpus = ['g', 'h'].map((uuid) => ({ uuid, dirtyUntilMs: 0 }));
    const lease = { read: () => (leaseMs === null ? null : machine.bootMs() + leaseMs) };
    const node = {
      name: 'n',
      machine,
      tasks,
      lease,
      driver: { gpus },
      guardedMs: () => guardedMs,
    } as unknown as SimNode;
    const journal = (allocations: readonly string[], obeyed: Partial<AgentRecord> = {}): void =>
      checker.journaled(node, {
        lineage: 'l',
        maxEpoch: 1,
        maxRevision: 1,
        pastLineages: [],
        ...obeyed,
        allocations: allocations.map((id) => ({ grant: { id } })),
      } as unknown as AgentRecord);
    const checker = new MachineChecker(
      {
        nowMs: () => timeline.nowMs,
        wasDurable: () => durable,
        wasReleased: () => released,
        gangOf: () => gang,
        answeredMs: () => answeredMs,
        unwarnedMs: (id) => unwarned[id] ?? null,
      },
      (law) => broken.push(law),
    );
    const execute = (
      allocation: string,
      about: {
        gpu?: string;
        generation?: number;
        parts?: number;
        attempt?: number;
        of?: number;
        graceMs?: number;
        earlySignal?: { readonly signal: string; readonly aheadMs: number };
      },
    ) => {
      const { gpu = 'g', generation = 1, parts = 7_000, attempt = 1, of = tasks.length, graceMs = 0 } = about;
      const early = about.earlySignal === undefined ? {} : { earlySignal: about.earlySignal };
      const granted = [{ uuid: gpu, index: 0, model: '', simulated: true, generation, parts, instance: '' }];
      const asked = { workload: 1, name: 'w', attempt, task: of, gpus: granted, lingerMs: 0, graceMs, ...early };
      if (journaled) journal([allocation]);
      const task = new SimTask(machine, { allocation, ...asked }, ENDLESS, {
        mainExit: () => undefined,
        gone: (one) => checker.gone(one),
      });
      tasks.push(task);
      checker.executed(node, task);
      return task;
    };
    return { broken, checker, execute, timeline, node, gpus, journal };
  }

  test.each([
    ['PREEMPTED', 0, []],
    ['PREEMPTED', 2_000, ['I26 who gives way can save']],
    ['DRAIN', 2_000, ['I26 who gives way can save']],
    // Of these nothing comes back, or the time is over.
    ['CANCELLED', 2_000, []],
    ['NODE_LOST', 2_000, []],
  ] as const)('who gives way has its notice and its grace: %s, cut by %i ms', (reason, cutMs, expected) => {
    const { broken, checker, execute, node } = setup();
    const task = execute('a', { graceMs: 5_000, earlySignal: { signal: 'SIGUSR1', aheadMs: 1_000 } });
    checker.stopping(node, task, reason, 6_000 - cutMs);
    expect(broken).toEqual(expected);
  });

  test('a gang starts once all of it were ready', () => {
    const whole = setup({ gang: ['a', 'b'] });
    whole.checker.readied('a');
    whole.checker.readied('b');
    whole.execute('a', { gpu: 'g' });
    whole.execute('b', { gpu: 'h' });
    expect(whole.broken).toEqual([]);
    const torn = setup({ gang: ['a', 'b'] });
    torn.checker.readied('a');
    torn.execute('a', { gpu: 'g' });
    expect(torn.broken).toEqual(['I22 a gang starts together']);
    const hasty = setup({ gang: ['a', 'b'] });
    hasty.checker.readied('a');
    hasty.checker.letGo(hasty.node, 'a');
    expect(hasty.broken).toEqual(['I22 a gang starts together']);
  });

  test('one owner after the other is well', () => {
    const { broken, execute } = setup();
    execute('a', { generation: 1 }).kill();
    execute('b', { generation: 2, attempt: 2 });
    expect(broken).toEqual([]);
  });

  test('two owners of a GPU at once are not, and shares add up to one GPU at most', () => {
    const whole = setup();
    whole.execute('a', { generation: 1 });
    whole.execute('b', { generation: 2 });
    expect(whole.broken).toEqual(['I3 a GPU has one owner']);
    const shares = setup();
    shares.execute('a', { parts: 3_500 });
    shares.execute('b', { parts: 3_500, generation: 2 });
    expect(shares.broken).toEqual([]);
    shares.execute('c', { parts: 1, generation: 3 });
    expect(shares.broken).toEqual(['I3 a GPU has one owner']);
  });

  test('nothing is executed twice, or by an old generation, or before it is durable', () => {
    const { broken, execute } = setup();
    execute('a', { generation: 5 }).kill();
    execute('a', { generation: 6 }).kill();
    execute('b', { generation: 6 });
    expect(broken).toEqual(['I9 an allocation is executed once', 'I5 generations rise']);
    const early = setup({ durable: false });
    early.execute('a', {});
    expect(early.broken).toEqual(['I16 durable before visible']);
    const hasty = setup({ journaled: false });
    hasty.execute('a', {});
    expect(hasty.broken).toEqual(['I16 durable before visible']);
  });

  test('nothing is started on a GPU that is not clean', () => {
    const { broken, execute, gpus } = setup();
    const [first] = gpus;
    if (first !== undefined) first.dirtyUntilMs = 1;
    execute('a', { gpu: 'h' });
    expect(broken).toEqual([]);
    execute('b', { gpu: 'g' });
    expect(broken).toEqual(['I14 released means clean']);
  });

  test.each([
    ['a lease', 1, []],
    ['one that is over', -1, ['I13 no lease, no process']],
    ['none', null, ['I13 no lease, no process']],
  ])('an agent that decides to start something has %s', (_, leaseMs, expected) => {
    const { broken, checker, node } = setup({ leaseMs });
    checker.accepted(node, 'a');
    expect(broken).toEqual(expected);
  });

  test('an agent that decides to start what was released is late', () => {
    const { broken, checker, node } = setup({ released: true });
    checker.accepted(node, 'a');
    expect(broken).toEqual(['I12 released means gone']);
  });

  test('an agent obeys nothing older than it did, unless its journal was damaged', () => {
    const { broken, checker, journal, node } = setup();
    journal([], { maxEpoch: 2, maxRevision: 7 });
    journal([], { lineage: 'm', maxEpoch: 3, maxRevision: 0, pastLineages: ['l'] });
    expect(broken).toEqual([]);
    journal([], { lineage: 'm', maxEpoch: 2, maxRevision: 9, pastLineages: ['l'] });
    checker.journalDamaged(node);
    journal([], { lineage: 'm', maxEpoch: 2, maxRevision: 8, pastLineages: ['l'] });
    journal([], { lineage: 'm', maxEpoch: 2, maxRevision: 7, pastLineages: ['l'] });
    journal([], { maxEpoch: 4, maxRevision: 9, pastLineages: ['l', 'm'] });
    expect(broken).toEqual(Array.from({ length: 3 }, () => 'I6 epochs and revisions rise'));
  });

  test('a workload has one live attempt, unless nobody could end the older one', () => {
    const { broken, execute } = setup();
    execute('a', { gpu: 'g', attempt: 1 });
    execute('b', { gpu: 'h', attempt: 2 });
    expect(broken).toEqual(['I9 a workload has one live attempt']);
    const frozen = setup({ guardedMs: 100 });
    frozen.execute('a', { gpu: 'g', attempt: 1 });
    frozen.execute('b', { gpu: 'h', attempt: 2 });
    expect(frozen.broken).toEqual([]);
    const gang = setup();
    gang.execute('a', { gpu: 'g', of: 0 });
    gang.execute('b', { gpu: 'h', of: 1 });
    expect(gang.broken).toEqual([]);
    gang.execute('c', { gpu: 'i', of: 1 });
    expect(gang.broken).toEqual(['I9 a workload has one live attempt']);
  });

  test.each([
    ['since when its node was not heard', { b: 6 }, []],
    ['but its node was heard since', { b: 5 }, ['I9 a workload has one live attempt']],
    ['but placed only the older one', { a: 6 }, ['I9 a workload has one live attempt']],
  ])('or nobody could know of it: the scheduler has a disk that was put back by hand, %s', (_, unwarned, expected) => {
    const { broken, execute } = setup({ answeredMs: 5, unwarned });
    execute('a', { gpu: 'g', attempt: 1 });
    execute('b', { gpu: 'h', attempt: 2 });
    expect(broken).toEqual(expected);
  });

  test('without a lease nothing lives for long', async () => {
    const { broken, checker, execute, timeline } = setup();
    execute('a', {});
    await timeline.run(36_000);
    checker.checkLeases();
    expect(broken).toEqual([]);
    await timeline.run(37_000);
    checker.checkLeases();
    expect(broken).toEqual(['I13 no lease, no process']);
  });
});

describe('what users were promised', () => {
  function setup() {
    const broken: string[] = [];
    const shop = new Workshop();
    shop.queue('research');
    shop.node('n', 4);
    const disk = new SimDisk('lineage');
    const checker = new PromiseChecker(
      () => disk,
      (law) => broken.push(law),
    );
    const number = shop.submit({ name: 'one' });
    const { uid } = shop.workload(number);
    return { broken, shop, disk, checker, number, uid };
  }

  test('is kept', () => {
    const { broken, shop, checker, number, uid } = setup();
    checker.submitted({ requestKey: 'r', history: 1, workloads: [{ number, uid }] });
    checker.submitted({ requestKey: 'r', history: 1, workloads: [{ number, uid }] });
    checker.checkKept(shop.state);
    expect(broken).toEqual([]);
  });

  test('is broken when it is gone, or has another identity', () => {
    const { broken, shop, checker, number } = setup();
    checker.submitted({ requestKey: 'r', history: 1, workloads: [{ number, uid: 'ANOTHER' }] });
    checker.submitted({ requestKey: 's', history: 1, workloads: [{ number: 99 as WorkloadNumber, uid: 'U' }] });
    checker.checkKept(shop.state);
    expect(broken).toEqual(['I1 acknowledged is kept', 'I1 acknowledged is kept']);
  });

  test('is broken when one request makes two workloads, told or not', () => {
    const { broken, shop, checker, number, uid } = setup();
    checker.submitted({ requestKey: 'r', history: 1, workloads: [{ number, uid }] });
    checker.submitted({ requestKey: 'r', history: 1, workloads: [{ number, uid: 'ANOTHER' }] });
    shop.submit({ name: 'one' });
    checker.checkKept(shop.state);
    expect(broken).toEqual(['I2 a request makes one set of workloads', 'I2 a request makes one set of workloads']);
  });

  test('is broken when a cancel does not end it', () => {
    const { broken, shop, checker, number } = setup();
    checker.cancelled(number, 1);
    checker.checkCancelled(shop.state);
    expect(broken).toEqual(['I1 acknowledged is kept']);
  });

  test('is a number that nobody else gets, unless a server gave it that had been left, and knew of nobody who went on', () => {
    const given = (requestKey: string, history: number, { number, uid, checker }: ReturnType<typeof setup>): void =>
      checker.submitted({ requestKey, history, workloads: [{ number, uid: `${uid}-${requestKey}` }] });
    const before = setup();
    given('r', 1, before);
    before.checker.forked();
    given('s', 2, before);
    expect(before.broken).toEqual(['I1 acknowledged is kept']);
    const after = setup();
    after.checker.forked();
    given('r', 1, after);
    given('s', 2, after);
    expect(after.broken).toEqual([]);
    given('t', 2, after);
    expect(after.broken).toEqual(['I1 acknowledged is kept']);
  });

  test('is not held against a disk that was put back, except for the numbers that were given', () => {
    const { broken, shop, checker, number, uid } = setup();
    checker.submitted({ requestKey: 'r', history: 1, workloads: [{ number, uid }] });
    checker.cancelled(number, 1);
    checker.lostHistory({ history: 1, isTold: true });
    checker.checkKept(new Workshop().state);
    checker.checkCancelled(shop.state);
    expect(broken).toEqual([]);
    checker.submitted({ requestKey: 's', history: 2, workloads: [{ number, uid: 'ANOTHER' }] });
    expect(broken).toEqual(['I1 acknowledged is kept']);
    // Of what was given after a copy was made, one that is put back for the second time knows nothing.
    const later = setup();
    later.checker.lostHistory({ history: 1, isTold: true });
    later.checker.submitted({ requestKey: 'r', history: 2, workloads: [{ number, uid }] });
    later.checker.lostHistory({ history: 1, isTold: true });
    later.checker.submitted({ requestKey: 's', history: 3, workloads: [{ number, uid: 'ANOTHER' }] });
    expect(later.broken).toEqual([]);
  });

  test('may not be told before it is durable', () => {
    const { broken, shop, disk, checker, number } = setup();
    const told = shop.workload(number);
    checker.answering([told], disk);
    expect(broken).toEqual(['I16 durable before visible']);
    disk.restore({
      position: disk.head,
      tables: new Map([['workloads', new Map([[String(number).padStart(12, '0'), told]])]]),
    });
    checker.answering([told], disk);
    expect(broken).toHaveLength(1);
  });
});

test('a campaign that has not seen a required pair is told so', () => {
  const coverage = new Coverage();
  coverage.add(requiredCells('disk').map((cell) => [cell, 1]));
  expect(missingCells(coverage, 'disk')).toEqual([]);
  const [first = ''] = requiredCells('disk');
  coverage.counts.delete(first);
  expect(missingCells(coverage, 'disk')).toEqual([first]);
});

describe('what agents were told', () => {
  const COPY = { lineage: 'l', epoch: 1, revision: 5 };

  /** An agent that was answered when the scheduler stood at `heard`; then the disk is put back to the copy. */
  function setup({ heard = 9, lineage = 'l', isTold = false, isDelivered = true } = {}) {
    const broken: string[] = [];
    const checker = new HearingChecker((law) => broken.push(law));
    const disk = new SimDisk('l');
    const process = new SimProcess(new SimMachine(new Timeline(), 'n', 1), 'agent');
    const nothing = (): void => undefined;
    const listener = { opened: nothing, received: nothing, closed: nothing, drained: nothing };
    const ear = checker.overhear('n', process, listener);
    checker.sending('n', { heartbeatReply: { sequence: 1 } }, { lineage, revision: heard });
    if (isDelivered) ear.received(fromWire({ heartbeatReply: { sequence: 1 } }));
    disk.restore({ position: COPY, tables: new Map() });
    checker.lostHistory(disk, isTold);
    return {
      broken,
      process,
      meets: () => ear.received(fromWire({ welcome: {} })),
      notes: () => {
        const note = { id: 'i', timeMs: 0, kind: 'history_lost', message: '', actor: '' };
        disk.restore({ position: COPY, tables: new Map([['incidents', new Map([['i', note]])]]) });
      },
      check: () => {
        checker.check(disk);
        return broken;
      },
    };
  }

  test('an agent that knows of more than the disk that was put back has to be found out', () => {
    const silent = setup();
    silent.meets();
    expect(silent.check()).toEqual(['I28 a loss is announced']);
    const told = setup();
    told.meets();
    told.notes();
    expect(told.check()).toEqual([]);
  });

  test('nobody who cannot know of it is asked', () => {
    expect(setup().check()).toEqual([]);
    for (const one of [
      setup({ heard: 5 }),
      setup({ lineage: 'another' }),
      setup({ isTold: true }),
      setup({ isDelivered: false }),
    ]) {
      one.meets();
      expect(one.check()).toEqual([]);
    }
    const dead = setup();
    dead.meets();
    dead.process.kill();
    expect(dead.check()).toEqual([]);
  });
});

/** As it arrives. */
function fromWire(message: ConnectResponse): ConnectResponse__Output {
  const { responseSerialize, responseDeserialize } = sluice.AgentService.service.Connect;
  return responseDeserialize(responseSerialize(message));
}

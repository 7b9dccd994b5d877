// The one writer: nothing leaves before it is durable, many commands share one flush, a failed flush is the end.
import { describe, expect, test } from 'vitest';
import { present } from '../../common/assert.js';
import { systemClock, type Clock } from '../../common/clock.js';
import type { QueueName, WorkloadNumber } from '../../common/ids.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { createMaintenance } from '../../scheduler/control/commands/maintenance.js';
import type { Command } from '../../scheduler/control/command.js';
import {
  ASKING_MS,
  HALVED_COMMANDS,
  MAX_COMMANDED_CHANGES,
  QUICK_COMMIT_MS,
  SHARED_SLICE,
  WHOLE_SLICE,
} from '../../scheduler/control/loop.js';
import { WatchHub } from '../../scheduler/control/watch-hub.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import { takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import type { NodeId } from '../../common/ids.js';
import { StoreFailure } from '../../scheduler/store/state-store.js';
import { ManualClock } from '../gpu/manual-clock.js';
import { loopOn, queue } from './loop-on.js';
import { MemoryStore } from './memory-store.js';
import { nodeReport, submission } from './workshop.js';

const goneCleanly = {
  state: 'released',
  startedMs: null,
  endedMs: 1,
  exit: { code: 0, signal: '', message: '' },
  checkpoint: null,
  endpoints: [],
  neverStarted: false,
  stopSignalled: false,
  dirtyGpus: [],
} as const;

/** Resolves once the store was asked for its n-th commit. */
const committed = async (store: MemoryStore, count: number) => {
  while (store.commits.length < count) await new Promise((resolve) => setImmediate(resolve));
};

describe('the loop', () => {
  test('answers, publishes and reads only after the flush', async () => {
    const { loop, store } = await loopOn();
    const seen: string[] = [];
    loop.onCommitted(({ revision }) => seen.push(`published ${revision}`));
    store.isHeld = true;
    const reply = loop.execute(queue('research')).then(() => seen.push('replied'));
    await committed(store, 2);
    const read = loop.read((state) => seen.push(`read ${state.queues.size}`));
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([]);
    store.held[0]?.resolve();
    await Promise.all([reply, read]);
    expect(seen[0]).toBe('published 2');
    expect(seen.slice(1).toSorted()).toEqual(['read 1', 'replied']);
  });

  test('lets commands that come during a flush share the next one', async () => {
    const { loop, store } = await loopOn();
    store.isHeld = true;
    const first = loop.execute(queue('a'));
    await committed(store, 2);
    const others = ['b', 'c', 'd'].map((name) => loop.execute(queue(name)));
    store.isHeld = false;
    store.held[0]?.resolve();
    await Promise.all([first, ...others]);
    expect(store.commits.map(({ puts }) => puts.length)).toEqual([1, 1, 3]);
    expect(store.commits.map(({ revision }) => revision)).toEqual([1, 2, 3]);
  });

  test('refuses one command without harm to those beside it', async () => {
    const { loop } = await loopOn();
    const outcomes = await Promise.allSettled([
      loop.execute(queue('a')),
      loop.execute(submit(submission([{ queue: 'nowhere' as QueueName }]))),
      loop.execute(queue('b')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await loop.read((state) => state.queues.size)).toBe(2);
  });

  test('makes a failed flush the end: no answer, no publication, nothing taken any more', async () => {
    const { loop, store, fatal } = await loopOn();
    const seen: string[] = [];
    loop.onCommitted(() => seen.push('published'));
    store.isHeld = true;
    loop.execute(queue('a')).then(
      () => seen.push('replied'),
      () => seen.push('refused'),
    );
    await committed(store, 2);
    store.held[0]?.reject(new StoreFailure('EIO'));
    await expect.poll(() => fatal.length).toBe(1);
    expect(fatal[0]).toBeInstanceOf(StoreFailure);
    expect(seen).toEqual([]);
    await expect(loop.execute(queue('b'))).rejects.toMatchObject({ reason: 'STOPPING' });
  });

  test('makes a bug in a command the end, with nothing of its turn written', async () => {
    const { loop, store, fatal } = await loopOn();
    const broken: Command<void> = {
      name: 'broken',
      whenSpace: 'ample',
      run: () => {
        throw new TypeError('a bug');
      },
    };
    void loop.execute(broken);
    await expect.poll(() => fatal.length).toBe(1);
    expect(store.commits).toHaveLength(1);
  });

  test('on a nearly full disk takes cancels but no new work, and on a critically full one places nothing', async () => {
    const { loop, store } = await loopOn();
    await loop.execute(queue('research'));
    const [first] = await loop.execute(submit(submission([{}])));
    store.spaceLeft = 'critical';
    await expect(loop.execute(submit(submission([{}])))).rejects.toMatchObject({ reason: 'DISK_NEARLY_FULL' });
    await loop.execute(cancel([String(first?.number)], '', 'alice'));
    expect(await loop.read((state) => [...state.workloads.values()].map(({ state: is }) => is))).toEqual(['cancelled']);
  });

  test('rests on a critically full disk, places once there is room, and stops in any case', async () => {
    const { loop, store } = await loopOn();
    const id = 'node-n1' as NodeId;
    await loop.execute(welcomeNode(nodeReport(id, 'n1', 1), []));
    loop.setLiveness({ node: id, liveness: 'ready' });
    await loop.execute(queue('research'));
    await loop.execute(submit(submission([{}, {}])));
    store.spaceLeft = 'critical';
    let turns = 0;
    loop.onTurn(() => (turns += 1));
    await loop.execute(cancel(['1'], '', 'alice'));
    for (let ticks = 0; ticks < 100; ticks += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(turns).toBeLessThan(5);
    store.spaceLeft = 'ample';
    const [allocation] = await loop.read((state) => state.heldOn(id));
    await loop.execute(
      takeObservation(id, [
        { ...goneCleanly, id: present(allocation, 'allocation', 'the first workload is placed').id },
      ]),
    );
    await expect.poll(() => loop.read((state) => state.workload(2 as WorkloadNumber)?.state)).toBe('starting');
    store.spaceLeft = 'critical';
    await loop.execute(cancel(['2'], '', 'alice'));
    await loop.stop();
    const commits = store.commits.length;
    loop.setLiveness({ node: id, liveness: 'down' });
    loop.wakeEngine();
    for (let ticks = 0; ticks < 10; ticks += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(store.commits).toHaveLength(commits);
  });

  test('places in the turn that accepts, in the same commit', async () => {
    const { loop, store } = await loopOn();
    const id = 'node-n1' as NodeId;
    await loop.execute(welcomeNode(nodeReport(id, 'n1', 2), []));
    loop.setLiveness({ node: id, liveness: 'ready' });
    await loop.execute(queue('research'));
    const before = store.commits.length;
    await loop.execute(submit(submission([{ gpusPerTask: 2 }])));
    expect(store.commits.length).toBe(before + 1);
    const states = await loop.read((state) =>
      [...state.allocations.values()].map(({ state: is, gpus }) => [is, gpus.length]),
    );
    expect(states).toEqual([['placed', 2]]);
  });

  test('takes up where another daemon stopped', async () => {
    const first = await loopOn();
    await first.loop.execute(queue('research'));
    await first.loop.execute(submit(submission([{}], 'alice/r1')));
    const records = new Map(
      first.store.commits.flatMap(({ puts }) => puts).map((put) => [`${put.collection}/${put.key}`, put]),
    );
    const store = new MemoryStore();
    store.records = [...records.values()];
    const second = await loopOn(store);
    const [again] = await second.loop.execute(submit(submission([{}], 'alice/r1')));
    expect(again?.number).toBe(1);
    const [next] = await second.loop.execute(submit(submission([{}])));
    expect(next?.number).toBe(2);
  });
});

describe('a turn', () => {
  const BIND_RECORDS = 3;

  /** A loop with work that waits for the nodes it fits on. */
  async function withPending(count: number, clock: Clock = systemClock) {
    const { loop, store } = await loopOn(new MemoryStore(), clock);
    await loop.execute(queue('research'));
    await loop.execute(submit(submission(Array.from({ length: count }, () => ({})))));
    for (const name of ['n1', 'n2']) {
      await loop.execute(welcomeNode(nodeReport(`node-${name}` as NodeId, name, 256), []));
    }
    const join = () => {
      for (const name of ['n1', 'n2']) loop.setLiveness({ node: `node-${name}` as NodeId, liveness: 'ready' });
    };
    const running = () =>
      loop.read((state) => [...state.workloads.values()].filter(({ state: is }) => is === 'starting').length);
    return { loop, store, join, running };
  }

  test('takes no more commands than one commit should hold, in order', async () => {
    const { loop, store } = await loopOn();
    await loop.execute(queue('research'));
    const before = store.commits.length;
    const submits = Array.from({ length: 400 }, (_, at) => loop.execute(submit(submission([{}], `alice/r${at}`))));
    const numbers = (await Promise.all(submits)).map(([workload]) => workload?.number);
    expect(numbers).toEqual(Array.from({ length: 400 }, (_, at) => at + 1));
    const sizes = store.commits.slice(before).map(({ puts }) => puts.length);
    // Each makes a workload and a request, and counts on in the cluster's record.
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_COMMANDED_CHANGES);
    expect(sizes.length).toBeLessThanOrEqual(Math.ceil((400 * 3) / MAX_COMMANDED_CHANGES) + 1);
  });

  test('takes half of many commands, so that one half is answered while the other is flushed, unless flushes are slow', async () => {
    const clock = new ManualClock();
    const { loop, store } = await loopOn(new MemoryStore(), clock);
    let flushMs = QUICK_COMMIT_MS;
    const commit = store.commit.bind(store);
    store.commit = async (one) => {
      await clock.advance(flushMs);
      return commit(one);
    };
    const taken = async (commands: number): Promise<readonly number[]> => {
      const before = store.commits.length;
      const names = Array.from({ length: commands }, (_, at) => `q${before}-${at}`);
      await Promise.all(names.map((name) => loop.execute(queue(name))));
      return store.commits.slice(before).map(({ puts }) => puts.length);
    };
    expect(await taken(HALVED_COMMANDS - 1)).toEqual([HALVED_COMMANDS - 1]);
    expect(await taken(HALVED_COMMANDS)).toEqual([HALVED_COMMANDS / 2, HALVED_COMMANDS / 2]);
    flushMs = QUICK_COMMIT_MS + 1;
    await taken(1);
    expect(await taken(HALVED_COMMANDS)).toEqual([HALVED_COMMANDS]);
  });

  test('decides no more than one commit should hold, until all is placed', async () => {
    const clock = new ManualClock();
    const { store, join, running } = await withPending(600, clock);
    await clock.advance(ASKING_MS + 1);
    const before = store.commits.length;
    join();
    await expect.poll(running, { timeout: 20_000 }).toBe(512);
    const sizes = store.commits.slice(before).map(({ puts }) => puts.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(WHOLE_SLICE.changes + WHOLE_SLICE.units * BIND_RECORDS);
    expect(Math.max(...sizes)).toBeGreaterThan(SHARED_SLICE.changes + SHARED_SLICE.units * BIND_RECORDS);
  });

  test('lets the engine take less while commands come, and answers them meanwhile', async () => {
    const { loop, store, join, running } = await withPending(600);
    const before = store.commits.length;
    join();
    let answered = 0;
    const atAnswer: number[] = [];
    while (answered < 8) {
      await loop.execute(submit(submission([{}])));
      answered += 1;
      atAnswer.push(await running());
    }
    expect(atAnswer[0]).toBeLessThan(256);
    expect(atAnswer.at(-1)).toBeLessThan(512);
    const records = 2 + SHARED_SLICE.changes + SHARED_SLICE.units * BIND_RECORDS;
    const shared = store.commits
      .slice(before)
      .filter(({ puts }) => puts.some(({ collection }) => collection === 'meta'));
    expect(shared).toHaveLength(8);
    expect(Math.max(...shared.map(({ puts }) => puts.length))).toBeLessThanOrEqual(records);
    await expect.poll(running, { timeout: 20_000 }).toBe(512);
  });
});

describe('time', () => {
  const id = 'node-n1' as NodeId;

  /** A loop under a clock of the test's, with one ready node. */
  async function underClock() {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const { loop, state, fatal } = await loopOn(store, clock);
    await loop.execute(queue('research'));
    await loop.execute(welcomeNode(nodeReport(id, 'n1', 1), []));
    loop.setLiveness({ node: id, liveness: 'ready' });
    const isPlaced = (number: number): boolean => state.workload(number as WorkloadNumber)?.state === 'starting';
    const report = async (fields: Partial<Observed>) => {
      const [held] = state.heldOn(id);
      const allocation = present(held, 'allocation', 'something is placed').id;
      await loop.execute(takeObservation(id, [{ ...goneCleanly, id: allocation, ...fields }]));
    };
    return { clock, loop, state, store, fatal, isPlaced, report };
  }

  test('passes by itself: a retry starts when its pause is over, though nobody asks', async () => {
    const { clock, loop, isPlaced, report, fatal } = await underClock();
    const retry = { max: 1, backoffMs: 5_000, maxBackoffMs: 5_000, codes: [], neverCodes: [] };
    await loop.execute(submit(submission([{ retry }])));
    await report({ exit: { code: 7, signal: '', message: '' } });
    await clock.advance(4_999);
    expect(isPlaced(1)).toBe(false);
    await clock.advance(1);
    expect(isPlaced(1)).toBe(true);
    await loop.stop();
    expect(clock.waiting).toBe(0);
    expect(fatal).toEqual([]);
  });

  test('limits what runs, warned before, though nobody asks, also beyond the longest timer', async () => {
    const { clock, loop, state, report } = await underClock();
    const dayMs = 86_400_000;
    await loop.execute(submit(submission([{ timeLimitMs: 40 * dayMs }])));
    await report({ state: 'running', startedMs: 0, endedMs: null, exit: null });
    const told = () => state.workload(1 as WorkloadNumber)?.events.map(({ type }) => type);
    // The clock is real for the loop: it looks again every minute, which would be 57,600 turns here.
    await clock.advance(3 * 60_000);
    expect(told()).not.toContain('warning');
    clock.jump(40 * dayMs - 5 * 60_000);
    await clock.advance(60_000);
    expect(told()).toContain('warning');
    expect(state.workload(1 as WorkloadNumber)?.state).toBe('running');
    await clock.advance(5 * 60_000);
    expect(state.workload(1 as WorkloadNumber)?.state).toBe('stopping');
    await loop.stop();
  });

  test('opens a node to work when a maintenance is over, though it comes again', async () => {
    const { clock, loop, isPlaced } = await underClock();
    const hourMs = 3_600_000;
    const weekly = { nodes: ['n1'], startMs: 0, durationMs: hourMs, everyMs: 168 * hourMs, reason: '' };
    await loop.execute(createMaintenance(weekly));
    await loop.execute(submit(submission([{}])));
    await clock.advance(hourMs - 1);
    expect(isPlaced(1)).toBe(false);
    await clock.advance(60_000);
    expect(isPlaced(1)).toBe(true);
    await loop.stop();
  });
});

describe('watching', () => {
  const change = { collection: 'requests', key: 'k', before: null, after: null } as const;
  const commit = (revision: number, count = 1) => ({ revision, changes: Array(count).fill(change), decisions: [] });

  test('goes on after a revision, and says so when that is no longer kept', () => {
    const hub = new WatchHub(10);
    for (const revision of [11, 12, 13]) hub.publish(commit(revision));
    const seen: number[] = [];
    const stop = hub.watch(11, (revision) => seen.push(revision));
    hub.publish(commit(14));
    stop();
    hub.publish(commit(15));
    expect(seen).toEqual([12, 13, 14]);
    expect(() => hub.watch(9, () => undefined)).toThrow(/kept from revision 10 on/);
    hub.publish(commit(16, 200_000));
    expect(() => hub.watch(13, () => undefined)).toThrow(/are not here/);
    expect(() => hub.watch(17, () => undefined)).toThrow(/are not here/);
  });
});

describe('a term that begins while the daemon runs', () => {
  test('is noted in its first commit, before what waited', async () => {
    const { loop, store, state } = await loopOn();
    const { revision } = loop.position;
    const before = loop.leaderId;
    await Promise.all([loop.beginTerm({ aboveEpoch: 7 }), loop.execute(queue('a'))]);
    await loop.stop();
    const first = store.commits.find(({ epoch }) => epoch === 8);
    expect(first?.puts).toContainEqual({ collection: 'meta', key: 'cluster', value: state.meta });
    expect(loop.leaderId).not.toBe(before);
    expect(state.meta.terms?.at(-1)).toEqual({ lineage: 'lineage', epoch: 8, revision, leaderId: loop.leaderId });
  });
});

// One agent's stream as its enemy sees it: half-open streams, twins, liars, agents that do not read.
import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { present } from '../../common/assert.js';
import { type Clock, systemClock } from '../../common/clock.js';
import type { NodeId, WorkloadNumber } from '../../common/ids.js';
import { createLogger } from '../../common/log.js';
import { ApiError } from '../../common/errors.js';
import { removeNode } from '../../scheduler/control/commands/nodes.js';
import { endRecovery } from '../../scheduler/control/commands/recovery.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { Fleet } from '../../scheduler/fleet/fleet.js';
import { AgentSession, type AgentStream, ORIGINS_MS } from '../../scheduler/fleet/session.js';
import { loopOn, queue } from '../control/loop-on.js';
import { submission } from '../control/workshop.js';

type Sent = {
  welcome?: { lineage: string; epoch: number; leaderId: string };
  originRequest?: { allocations: string[] };
  desired?: { allocations: { id: string }[] };
  heartbeatReply?: object;
  logRead?: object;
  logCancel?: object;
};

/** The scheduler's end of a stream; the test plays the agent. */
class Stream extends Duplex {
  readonly sent: Sent[] = [];
  failure: Error | null = null;
  isStuck = false;
  #blocked: (() => void) | null = null;

  constructor() {
    super({ objectMode: true, highWaterMark: 4 });
    this.on('error', (error) => (this.failure ??= error));
  }
  override _read(): void {
    return undefined;
  }
  override _write(message: Sent, _encoding: string, done: () => void): void {
    this.sent.push(message);
    if (this.isStuck) this.#blocked = done;
    else done();
  }
  override _destroy(_error: Error | null, done: () => void): void {
    done();
  }
  say(message: object): void {
    this.push(message);
  }
  flow(): void {
    this.isStuck = false;
    this.#blocked?.();
  }
}

interface HelloFields {
  openedMs?: number;
  readonly name?: string;
  readonly bootId?: string;
  readonly allocations?: object[];
  readonly clusterId?: string;
  readonly lineage?: string;
  readonly maxEpoch?: number;
  readonly maxRevision?: number;
  readonly collidedEpoch?: number;
  readonly pastLineages?: readonly string[];
}

const ID = '00000000-0000-4000-8000-00000000000a';

function hello(fields: HelloFields = {}) {
  const gpu = { uuid: 'GPU-1', model: 'H100', memoryMib: 1, health: 'GPU_HEALTH_HEALTHY', healthMessage: '' };
  const unread = { simulated: true, pciBusId: '', computeMode: '', cpuAffinity: '', symptoms: [] };
  const inventory = { gpus: [{ ...gpu, ...unread }], cpuCount: 1, memoryMib: 1, gpuProblem: '', nodeProblem: '' };
  const agent = { nodeId: ID, name: 'n1', pool: '', labels: {}, bootId: 'boot-1', agentVersion: '1', inventory };
  const leaders = { leaderId: '', collidedEpoch: 0, pastLineages: [], generations: {}, openedMs: 0, healthEvents: [] };
  const past = { clusterId: '', lineage: '', maxEpoch: 0, maxRevision: 0, ...leaders };
  return { message: 'hello', hello: { ...agent, ...past, allocations: [], ...fields } };
}

function running(id: string) {
  const about = { startTime: { seconds: 1, nanos: 0 }, endTime: null, exit: null, checkpoint: null, endpoints: [] };
  return { id, state: 'OBSERVED_STATE_RUNNING', ...about, neverStarted: false, stopSignalled: false, dirtyGpus: [] };
}

async function cluster(clock: Clock = systemClock, isFresh: () => boolean = () => true) {
  const { loop, state, fatal, store } = await loopOn();
  const log = createLogger({ level: 'silent', name: 'test' });
  const fleet = new Fleet({ heartbeatMs: 5_000, leaseMs: 20_000 }, { loop, clock, log, isFresh }, []);
  const connect = (tokenFor: string | null = null) => {
    const stream = new Stream();
    const authorizeNode = (name: string): void => {
      if (tokenFor !== null && tokenFor !== name)
        throw new ApiError({ code: 7, reason: 'WRONG_NODE', message: `the token is for ${tokenFor}` });
    };
    const session = new AgentSession(stream as unknown as AgentStream, { loop, fleet, log, authorizeNode });
    return { stream, session };
  };
  const join = async (fields: Parameters<typeof hello>[0] = {}) => {
    const agent = connect();
    agent.stream.say(hello(fields));
    await expect.poll(() => agent.stream.sent.some(({ desired }) => desired !== undefined)).toBe(true);
    return agent;
  };
  await loop.execute(queue('research'));
  return { loop, state, fleet, connect, join, fatal, store };
}

const workloadState = (state: Awaited<ReturnType<typeof cluster>>['state'], number = 1) =>
  state.workload(number as WorkloadNumber)?.state;

describe('a daemon that cannot be certain any more that it leads', () => {
  test('answers no heartbeat and sends no order: the stream ends, and the agent looks for the leader', async () => {
    const leading = { isFresh: true };
    const { fleet, join } = await cluster(systemClock, () => leading.isFresh);
    const { stream } = await join();
    stream.say({ message: 'heartbeat', heartbeat: { sequence: 1 } });
    await expect.poll(() => stream.sent.at(-1)).toMatchObject({ heartbeatReply: { sequence: 1 } });
    const sent = stream.sent.length;
    const { lastHeartbeatMs } = fleet.softState(ID as NodeId);
    leading.isFresh = false;
    stream.say({ message: 'heartbeat', heartbeat: { sequence: 2 } });
    await expect.poll(() => stream.writableEnded).toBe(true);
    expect(stream.sent).toHaveLength(sent);
    expect(fleet.softState(ID as NodeId).lastHeartbeatMs).toBe(lastHeartbeatMs);
  });
});

describe('an agent', () => {
  test('that came back is not harmed by what its old stream still brings', async () => {
    const { loop, state, join } = await cluster();
    const old = await join();
    await loop.execute(submit(submission([{}])));
    const [held] = state.heldOn(ID as NodeId);
    const { id } = present(held, 'allocation', 'the workload is placed');
    const present2 = await join({ allocations: [running(id)] });
    expect(workloadState(state)).toBe('running');
    // Sent before the order arrived, read only now.
    old.stream.say({ message: 'observed', observed: { allocations: [] } });
    present2.stream.say({ message: 'observed', observed: { allocations: [running(id)] } });
    await new Promise((resolve) => setImmediate(resolve));
    await loop.read(() => undefined);
    expect(workloadState(state)).toBe('running');
    expect(state.node(ID as NodeId)?.gpus[0]?.health).toBe('healthy');
  });

  test('is not harmed by the hello of an earlier stream that arrives after that of a later one', async () => {
    const { loop, state, fleet, connect, join } = await cluster();
    const first = await join({ openedMs: 1_000 });
    await loop.execute(submit(submission([{}])));
    const [held] = state.heldOn(ID as NodeId);
    const { id } = present(held, 'allocation', 'the workload is placed');
    const later = await join({ openedMs: 30_000, allocations: [running(id)] });
    expect(workloadState(state)).toBe('running');
    // Sent when its network was cut, before the task was started.
    const late = connect();
    late.stream.say(hello({ openedMs: 15_000 }));
    await expect.poll(() => late.stream.failure?.message).toContain('has opened a later stream');
    expect(workloadState(state)).toBe('running');
    expect(fleet.session(ID as NodeId)).toBe(later.session);
    expect(first.session).not.toBe(later.session);
    // After a reboot the clock of the boot begins anew.
    later.session.end();
    await join({ openedMs: 10, bootId: 'boot-2' });
  });

  test('on a copy of a machine is refused while the other one is connected', async () => {
    const { join, connect, fleet } = await cluster();
    const first = await join();
    const twin = connect();
    twin.stream.say(hello({ bootId: 'boot-2' }));
    await expect.poll(() => twin.stream.failure?.message).toContain('connected from another machine');
    expect(fleet.session(ID as NodeId)).toBe(first.session);
  });

  test('with a token for another node cannot take a node over by renaming it', async () => {
    const { join, connect, fleet, state } = await cluster();
    const first = await join();
    const liar = connect('n2');
    liar.stream.say(hello({ name: 'n2' }));
    await expect.poll(() => liar.stream.failure?.message).toContain('the token is for n2');
    expect(state.node(ID as NodeId)?.name).toBe('n1');
    expect(fleet.session(ID as NodeId)).toBe(first.session);
  });

  test('whose stream ends during its hello does not count as connected', async () => {
    const { connect, fleet, store, loop } = await cluster();
    const { stream, session } = connect();
    store.isHeld = true;
    stream.say(hello());
    await expect.poll(() => store.held.length).toBe(1);
    store.isHeld = false;
    // Between the commit and the answer.
    loop.onCommitted(() => session.end());
    store.held[0]?.resolve();
    await expect.poll(() => loop.read((state) => state.nodes.size)).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(fleet.connected).toBe(0);
    expect(fleet.softState(ID as NodeId).liveness).toBe('down');
  });

  test.each([
    ['its tasks', { message: 'observed', observed: { allocations: [] } }],
    ['its GPUs', { message: 'inventory', inventory: { inventory: hello().hello.inventory } }],
    ['their health', { message: 'health', health: { events: [] } }],
  ])('whose node is removed has to say hello again, also where its report of %s was on its way', async (_, report) => {
    const { join, loop, state, fleet, fatal } = await cluster();
    const { stream } = await join();
    // Both wait for the same turn, the removal first.
    const removed = loop.execute(removeNode('n1', 'root'));
    stream.say(report);
    await removed;
    await expect.poll(() => stream.writableEnded || stream.failure !== null).toBe(true);
    expect(fleet.session(ID as NodeId)).toBeUndefined();
    await join();
    expect([state.node(ID as NodeId)?.name, fleet.softState(ID as NodeId).liveness, fatal]).toEqual([
      'n1',
      'ready',
      [],
    ]);
  });

  test('whose node is removed during its hello comes back', async () => {
    const { connect, fleet, loop, state, fatal, join } = await cluster();
    const { stream } = connect();
    let removal: Promise<unknown> | undefined;
    loop.onCommitted(({ changes }) => {
      const joins = changes.some(({ collection, before }) => collection === 'nodes' && before === null);
      if (joins) removal ??= loop.execute(removeNode('n1', 'root'));
    });
    stream.say(hello());
    await expect.poll(() => stream.writableEnded || stream.failure !== null).toBe(true);
    await removal;
    expect([state.nodes.size, fleet.connected]).toEqual([0, 0]);
    await join();
    expect([state.nodes.size, fleet.connected, fatal]).toEqual([1, 1, []]);
  });

  test('gets its heartbeats answered while a commit is under way', async () => {
    const { join, store, connect } = await cluster();
    const { stream } = await join();
    store.isHeld = true;
    connect().stream.say({
      ...hello({ name: 'n3' }),
      hello: { ...hello({ name: 'n3' }).hello, nodeId: ID.replace('a', 'b') },
    });
    await expect.poll(() => store.held.length).toBe(1);
    stream.say({ message: 'observed', observed: { allocations: [] } });
    stream.say({ message: 'heartbeat', heartbeat: { sequence: 1 } });
    await expect.poll(() => stream.sent.some(({ heartbeatReply }) => heartbeatReply !== undefined)).toBe(true);
    store.held[0]?.resolve();
  });

  test('that does not read gets the newest orders later, not all of them', async () => {
    const { join, loop, state } = await cluster();
    const { stream } = await join();
    stream.isStuck = true;
    for (let round = 0; round < 50; round += 1) await loop.execute(submit(submission([{ gpusPerTask: 0 }])));
    expect(stream.writableLength).toBeLessThan(10);
    stream.flow();
    const orders = () => stream.sent.findLast(({ desired }) => desired !== undefined)?.desired?.allocations.length;
    await expect.poll(orders).toBe(state.heldOn(ID as NodeId).length);
  });

  test('is asked once for the end of a log that many follow', async () => {
    const { join } = await cluster();
    const { stream, session } = await join();
    const request = { allocation: 'a', offset: 10, maxBytes: 1, wait: true };
    const readers = [session.readLog(request), session.readLog(request)];
    expect(stream.sent.filter(({ logRead }) => logRead !== undefined)).toHaveLength(1);
    session.end();
    const outcomes = await Promise.allSettled(readers);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('is told that nobody waits for a log any more when the last reader left', async () => {
    const { join } = await cluster();
    const { stream, session } = await join();
    const request = { allocation: 'a', offset: 10, maxBytes: 1, wait: true };
    const [one, other] = [new AbortController(), new AbortController()];
    void session.readLog(request, one.signal);
    void session.readLog(request, other.signal);
    const cancels = () => stream.sent.flatMap(({ logCancel }) => (logCancel === undefined ? [] : [logCancel]));
    one.abort();
    expect(cancels()).toEqual([]);
    other.abort();
    const [read] = stream.sent.flatMap(({ logRead }) => (logRead === undefined ? [] : [logRead]));
    expect(cancels()).toEqual([{ id: (read as { id: number }).id }]);
    // The next reader asks anew.
    void session.readLog(request, new AbortController().signal);
    expect(stream.sent.filter(({ logRead }) => logRead !== undefined)).toHaveLength(2);
  });
});

describe('an agent that knows better', () => {
  const welcomeOf = (stream: Stream) => stream.sent.find(({ welcome }) => welcome !== undefined)?.welcome;

  test('makes a new history begin, in which what it runs is taken over and nothing is placed until all were heard', async () => {
    const { loop, state, fleet, connect, join, store } = await cluster();
    const first = await join({ name: 'n1' });
    const { lineage, epoch } = loop.position;
    const knowing = { clusterId: 'cluster', lineage, maxEpoch: epoch, maxRevision: 9_999 };
    const witness = connect();
    const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    const grant = {
      workload: 7,
      attempt: 2,
      task: 0,
      gpus: [{ uuid: 'GPU-1', index: 0, generation: 5, parts: 0, instance: '' }],
    };
    const allocations = [{ ...running(id), ...grant }];
    witness.stream.say(hello({ ...knowing, allocations }));
    await expect.poll(() => witness.stream.failure?.message).toContain('part of the history was lost');
    expect(first.stream.writableEnded).toBe(true);
    const now = loop.position;
    expect(now.lineage).not.toBe(lineage);
    expect(now.epoch).toBeGreaterThan(epoch);
    expect(fleet.counts.historyLosses).toBe(1);
    expect([...state.incidents.values()].map(({ kind }) => kind)).toEqual(['history_lost']);

    const again = connect();
    again.stream.say(hello({ ...knowing, allocations }));
    await expect
      .poll(() => again.stream.sent.find(({ originRequest }) => originRequest)?.originRequest)
      .toEqual({ allocations: [id] });
    const [spec] = submission([{ name: 'found' }]).specs;
    const about = { version: 1, number: 7, uid: 'u', owner: 'alice', submittedMs: 1, request: null };
    again.stream.say({ message: 'origin', origin: { allocation: id, origin: JSON.stringify({ ...about, spec }) } });
    await expect.poll(() => welcomeOf(again.stream)).toMatchObject({ lineage: now.lineage, epoch: now.epoch });
    expect(state.workload(7 as WorkloadNumber)).toMatchObject({
      state: 'running',
      attempt: 2,
      spec: { name: 'found' },
    });
    expect(state.node(ID as NodeId)?.gpus[0]?.generation).toBe(5);
    const orders = () => again.stream.sent.findLast(({ desired }) => desired !== undefined)?.desired?.allocations;
    await expect.poll(orders).toMatchObject([{ id, workload: 7 }]);

    // Whatever is submitted is durable and waits.
    const [later] = await loop.execute(submit(submission([{ gpusPerTask: 0 }])));
    await loop.read(() => undefined);
    expect(later?.number).toBeGreaterThan(7);
    expect(workloadState(state, later?.number)).toBe('pending');
    expect(fleet.waiting().recovery).toMatchObject({ why: 'lost', adopted: 1 });
    await loop.execute(endRecovery('every known node was heard', ''));
    await expect.poll(() => workloadState(state, later?.number)).toBe('starting');
    expect(store.commits.filter((commit) => commit.lineage === lineage).every((commit) => commit.epoch === epoch)).toBe(
      true,
    );
  });

  test('and does not tell of it in time has to say hello again; one that does is not disturbed later', async () => {
    const late = new Set<() => void>();
    const after: Clock['after'] = (delayMs, callback) => {
      if (delayMs !== ORIGINS_MS) return systemClock.after(delayMs, callback);
      late.add(callback);
      return { cancel: () => late.delete(callback) };
    };
    const { connect, loop } = await cluster({ ...systemClock, after });
    const knowing = { clusterId: 'cluster', lineage: loop.position.lineage, maxEpoch: 1, maxRevision: 9_999 };
    const ids = ['01ARZ3NDEKTSV4RRFFQ69G5FAV', '01ARZ3NDEKTSV4RRFFQ69G5FAW'];
    const grant = { workload: 7, attempt: 1, task: 0, gpus: [] };
    const allocations = ids.map((id) => ({ ...running(id), ...grant }));
    const witness = connect();
    witness.stream.say(hello({ ...knowing, allocations }));
    await expect.poll(() => witness.stream.failure?.message).toContain('part of the history was lost');
    const slow = connect();
    slow.stream.say(hello({ ...knowing, allocations }));
    const wasAsked = (stream: Stream) => stream.sent.some(({ originRequest }) => originRequest !== undefined);
    await expect.poll(() => wasAsked(slow.stream)).toBe(true);
    slow.stream.say({ message: 'origin', origin: { allocation: ids[0], origin: '' } });
    for (const callback of late) callback();
    await expect.poll(() => slow.stream.failure?.message).toContain('asked for what it keeps of 2 allocations');
    const again = connect();
    again.stream.say(hello({ ...knowing, allocations }));
    await expect.poll(() => wasAsked(again.stream)).toBe(true);
    for (const id of ids) again.stream.say({ message: 'origin', origin: { allocation: id, origin: '' } });
    await expect.poll(() => welcomeOf(again.stream)).toBeDefined();
    expect([...late]).toEqual([]);
  });

  test('of a later epoch in another history makes a term begin above it', async () => {
    const { loop, connect } = await cluster();
    const { lineage, epoch } = loop.position;
    const { leaderId } = loop;
    const other = { clusterId: 'cluster', lineage: 'restored from', maxEpoch: epoch + 6, maxRevision: 1 };
    const witness = connect();
    witness.stream.say(hello(other));
    await expect.poll(() => witness.stream.failure?.message).toContain('begins a new term');
    expect(loop.position).toMatchObject({ lineage, epoch: epoch + 7 });
    expect(loop.leaderId).not.toBe(leaderId);
    const again = connect();
    again.stream.say(hello(other));
    await expect
      .poll(() => welcomeOf(again.stream))
      .toMatchObject({ lineage, epoch: epoch + 7, leaderId: loop.leaderId });
  });

  test('of two leaders of an epoch makes a term begin above it', async () => {
    const { loop, connect } = await cluster();
    const { lineage, epoch } = loop.position;
    const witness = connect();
    witness.stream.say(hello({ clusterId: 'cluster', lineage, maxEpoch: epoch, collidedEpoch: epoch }));
    await expect.poll(() => witness.stream.failure?.message).toContain('claimed by two leaders');
    expect(loop.position.epoch).toBe(epoch + 1);
  });

  test.each([
    ['another cluster', { clusterId: 'elsewhere', lineage: 'l' }, 'this node belongs to cluster elsewhere'],
    [
      'a history that left ours',
      { clusterId: 'cluster', lineage: 'l2', pastLineages: ['lineage'] },
      'left history lineage',
    ],
  ])('of %s is refused', async (_, past, message) => {
    const { connect, fleet, state } = await cluster();
    const { stream } = connect();
    stream.say(hello(past));
    await expect.poll(() => stream.failure?.message).toContain(message);
    expect(fleet.connected).toBe(0);
    expect(state.nodes.size).toBe(0);
  });
});

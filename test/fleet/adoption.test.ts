// A store that lost a part of its past, and agents that know better: what is taken over, and what is not.
import { describe, expect, test } from 'vitest';
import { present } from '../../common/assert.js';
import { GPU_PARTS } from '../../common/gpu-parts.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { endRecovery } from '../../scheduler/control/commands/recovery.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import type { StrayPolicy } from '../../scheduler/fleet/strays.js';
import { type Past, takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import { inNewHistory } from '../../scheduler/model/history.js';
import { type Origin, readOrigin, writeOrigin } from '../../scheduler/model/origin.js';
import { META_KEY, workloadKey } from '../../scheduler/model/records.js';
import { nodeReport, type SpecFields, submission, Workshop } from '../control/workshop.js';

/** What an agent has of a history that is gone, told from the workshop in which that history happened. */
function tell(past: Workshop, node: NodeId, state: Observed['state'] = 'running') {
  const observed = past.state.heldOn(node).map((allocation): Observed => {
    const { id, workload, attempt, task, gpus } = allocation;
    const isOver = state === 'exited' || state === 'released';
    return {
      id,
      state,
      startedMs: 2_000,
      endedMs: isOver ? 3_000 : null,
      exit: isOver ? { code: 0, signal: '', message: '' } : null,
      checkpoint: null,
      endpoints: [],
      neverStarted: false,
      stopSignalled: false,
      dirtyGpus: [],
      grant: { workload, attempt, task, gpus },
    };
  });
  const origins = new Map<AllocationId, Origin>();
  for (const { id, grant } of observed) {
    const text = writeOrigin(past.state, past.workload(present(grant, 'grant', id).workload));
    origins.set(id, present(readOrigin(text), 'origin', id));
  }
  return { observed, origins };
}

function newHistory(shop: Workshop): void {
  shop.change((draft) => {
    const meta = inNewHistory(draft.meta, 'l2', { lineage: 'l1', epoch: 1, revision: 1 }, 'lost', shop.nowMs);
    draft.put('meta', META_KEY, meta);
  });
}

/** A cluster that lost all since its queue and its nodes came, and one that did not. */
function split(nodes: readonly string[] = ['n1']): { store: Workshop; lost: Workshop; node: NodeId } {
  const [store, lost] = [new Workshop(), new Workshop()];
  for (const shop of [store, lost]) {
    shop.queue('research');
    for (const name of nodes) shop.node(name, 2);
  }
  // Its ULIDs are others than those that the store will give.
  for (let burnt = 0; burnt < 1_000; burnt += 1) lost.newUlid();
  newHistory(store);
  return { store, lost, node: 'node-n1' as NodeId };
}

function hello(
  shop: Workshop,
  name: string,
  told: { observed: readonly Observed[]; origins: Past['origins'] },
  past: Partial<Past> = {},
  policy: StrayPolicy = { orphanTtlMs: 0 },
) {
  const report = nodeReport(`node-${name}` as NodeId, name, 2);
  return shop.run(
    welcomeNode(report, told.observed, { knowsMore: true, generations: {}, origins: told.origins, ...past }, policy),
  );
}

const NOTHING = { observed: [], origins: new Map<AllocationId, Origin>() };

describe('an allocation that only its agent knows', () => {
  test('goes on as the workload it was, under its number, and numbers and generations go on above', () => {
    const { store, lost, node } = split();
    for (let round = 0; round < 4; round += 1) lost.submit({ gpusPerTask: 0 });
    const number = lost.submit({ name: 'mine' });
    const [id] = lost.place(number, node) as [AllocationId];
    const { adopted } = hello(store, 'n1', tell(lost, node), { generations: { 'GPU-n1-1': 41 } });
    expect(adopted).toEqual([id]);
    expect(store.workload(number)).toMatchObject({ state: 'running', attempt: 1, owner: 'alice', allocations: [id] });
    expect(store.workload(number).spec).toEqual(lost.workload(number).spec);
    expect(store.allocation(id)).toMatchObject({ state: 'running', node });
    expect(store.state.node(node)?.gpus.map(({ generation }) => generation)).toEqual([1, 41]);
    expect(store.submit()).toBeGreaterThan(number);
    expect(store.state.meta.recovery).toMatchObject({ why: 'lost', adopted: 1 });
  });

  test('is taken over once, however often its agent comes back', () => {
    const { store, lost, node } = split();
    const number = lost.submit();
    lost.place(number, node);
    hello(store, 'n1', tell(lost, node));
    const before = store.workload(number);
    hello(store, 'n1', tell(lost, node));
    expect(store.workload(number)).toEqual(before);
  });

  test('that was a stray until then is none any more, and its GPU is as good as any', () => {
    const { store, lost, node } = split();
    const number = lost.submit();
    const [id] = lost.place(number, node) as [AllocationId];
    expect(hello(store, 'n1', tell(lost, node), { knowsMore: false }).strays).toMatchObject([{ kind: 'orphan' }]);
    expect(hello(store, 'n1', tell(lost, node)).adopted).toEqual([id]);
    expect(store.state.node(node)?.strays).toBeUndefined();
    expect(store.state.node(node)?.gpus.map((gpu) => gpu.health)).toEqual(['healthy', 'healthy']);
  });

  test('that has ended well makes its workload succeed: it is not started a second time', () => {
    const { store, lost, node } = split();
    const number = lost.submit();
    const [id] = lost.place(number, node) as [AllocationId];
    hello(store, 'n1', tell(lost, node, 'released'));
    expect(store.workload(number).state).toBe('succeeded');
    expect(store.allocation(id).state).toBe('released');
  });

  test('of a queue that is gone brings its queue back, without a guarantee', () => {
    const { store, lost, node } = split();
    lost.queue('late', { guaranteeGpus: 2 });
    lost.place(lost.submit({ queue: 'late' as QueueName }), node);
    hello(store, 'n1', tell(lost, node));
    expect(store.state.queue('late')).toMatchObject({ guaranteeGpus: 0 });
  });

  test('is found by a repeated request, which starts nothing', () => {
    const { store, lost, node } = split();
    const request = submission([{ name: 'once' }], 'alice/r1');
    const [made] = lost.run(submit(request));
    lost.place(present(made, 'workload', 'accepted').number, node);
    hello(store, 'n1', tell(lost, node));
    const [again] = store.run(submit(request));
    expect(again).toMatchObject({ number: made?.number, uid: made?.uid, state: 'running' });
    expect(store.state.workloads.size).toBe(1);
    const other = submission([{ name: 'other' }], 'alice/r1');
    expect(() => store.run(submit(other))).toThrow('request_id was used before with another body');
  });

  test('whose request was repeated before its agent was heard becomes the workload of the repetition', () => {
    const { store, lost, node } = split();
    const request = submission([{ name: 'once' }], 'alice/r1');
    for (let round = 0; round < 4; round += 1) lost.submit({ gpusPerTask: 0 });
    const [made] = lost.run(submit(request));
    const [id] = lost.place(present(made, 'workload', 'accepted').number, node) as [AllocationId];
    const [again] = store.run(submit(request));
    const number = present(again, 'workload', 'accepted').number;
    hello(store, 'n1', tell(lost, node));
    expect(store.workload(number)).toMatchObject({ state: 'running', allocations: [id], uid: made?.uid });
    expect(store.state.workloads.size).toBe(1);
    expect(store.workload(number).events.at(-2)?.message).toContain('it was workload 5 in the history that was lost');
  });

  test('whose request was repeated is one workload, however its tasks come', () => {
    const { store, lost, node } = split();
    const request = submission([{ name: 'gang', tasks: 2, gpusPerTask: 1 }], 'alice/r1');
    for (let round = 0; round < 4; round += 1) lost.submit({ gpusPerTask: 0 });
    const [made] = lost.run(submit(request));
    const ids = lost.place(present(made, 'workload', 'accepted').number, node);
    store.run(submit(request));
    const { observed, origins } = tell(lost, node);
    hello(store, 'n1', { observed: observed.slice(0, 1), origins });
    hello(store, 'n1', { observed, origins });
    expect([...store.state.workloads.values()]).toMatchObject([{ uid: made?.uid, allocations: ids }]);
  });

  test.each([
    ['has begun', (shop: Workshop, number: WorkloadNumber) => void shop.place(number, 'node-n2' as NodeId)],
    ['was cancelled', (shop: Workshop, number: WorkloadNumber) => void shop.run(cancel([`${number}`], '', 'ada'))],
  ])('of which the repetition %s is ended: a request makes one', (_, meanwhile) => {
    const { store, lost, node } = split(['n1', 'n2']);
    const request = submission([{ name: 'once' }], 'alice/r1');
    for (let round = 0; round < 4; round += 1) lost.submit({ gpusPerTask: 0 });
    const [made] = lost.run(submit(request));
    lost.place(present(made, 'workload', 'accepted').number, node);
    const { number } = present(store.run(submit(request))[0], 'workload', 'accepted');
    meanwhile(store, number);
    const before = store.workload(number);
    const { strays } = hello(store, 'n1', tell(lost, node));
    expect([...store.state.workloads.values()]).toEqual([before]);
    expect(strays).toMatchObject([{ spared: false }]);
  });

  test('of a request that made several: the repetition finds those that run and makes the others', () => {
    const { store, lost, node } = split();
    const request = submission([{ name: 'a' }, { name: 'b' }, { name: 'c' }], 'alice/r1');
    const made = lost.run(submit(request)).map(({ number }) => number);
    lost.place(present(made[1], 'b', ''), node);
    hello(store, 'n1', tell(lost, node));
    const again = store.run(submit(request));
    expect(again.map(({ spec, state }) => `${spec.name} ${state}`)).toEqual(['a pending', 'b running', 'c pending']);
    expect(again[1]?.number).toBe(made[1]);
    expect(new Set(again.map(({ number }) => number)).size).toBe(3);
    expect(store.run(submit(request)).map(({ number }) => number)).toEqual(again.map(({ number }) => number));
    expect(store.state.workloads.size).toBe(3);
  });

  test('whose number was given away meanwhile gets another one', () => {
    const { store, lost, node } = split();
    lost.change((draft) => draft.put('meta', META_KEY, { ...draft.meta, lastWorkload: store.state.meta.lastWorkload }));
    const number = lost.submit({ name: 'old' });
    lost.place(number, node);
    const stranger = store.submit({ name: 'new' });
    expect(stranger).toBe(number);
    hello(store, 'n1', tell(lost, node));
    expect(store.workload(number).spec.name).toBe('new');
    expect(store.workload((number + 1) as WorkloadNumber)).toMatchObject({ state: 'running', spec: { name: 'old' } });
  });

  test('whose number was given away is found under its new one after the other has been forgotten, too', () => {
    const { store, lost, node } = split();
    lost.change((draft) => draft.put('meta', META_KEY, { ...draft.meta, lastWorkload: store.state.meta.lastWorkload }));
    const number = lost.submit({ name: 'old', tasks: 2 });
    const ids = lost.place(number, node);
    const stranger = store.submit({ name: 'new' });
    const { observed, origins } = tell(lost, node);
    hello(store, 'n1', { observed: observed.slice(0, 1), origins });
    store.run(cancel([String(stranger)], '', 'ada'));
    store.change((draft) => {
      draft.delete('workloads', workloadKey(stranger));
      draft.put('meta', META_KEY, { ...draft.meta, recovery: null });
    });
    hello(store, 'n1', { observed, origins });
    expect([...store.state.workloads.values()]).toMatchObject([{ number: number + 1, allocations: ids }]);
  });
});

describe('a workload that the store knows', () => {
  /** Submitted before the history split. */
  function known(fields: SpecFields = {}, nodes: readonly string[] = ['n1']) {
    const [store, lost] = [new Workshop(), new Workshop()];
    const numbers = [store, lost].map((shop) => {
      shop.queue('research');
      for (const name of nodes) shop.node(name, 2);
      return shop.submit(fields);
    });
    for (let burnt = 0; burnt < 1_000; burnt += 1) lost.newUlid();
    newHistory(store);
    return { store, lost, number: present(numbers[0], 'number', ''), node: 'node-n1' as NodeId };
  }

  test('as pending runs what its agent runs', () => {
    const { store, lost, number, node } = known();
    const [id] = lost.place(number, node) as [AllocationId];
    hello(store, 'n1', tell(lost, node));
    expect(store.workload(number)).toMatchObject({ state: 'running', attempt: 1, allocations: [id] });
  });

  test('as running an attempt that has ended in the lost part starts over, and its GPUs are free', () => {
    const { store, number, node } = known();
    const [id] = store.place(number, node) as [AllocationId];
    hello(store, 'n1', NOTHING);
    expect(store.workload(number)).toMatchObject({ state: 'pending', requeues: 1, falseStarts: 0 });
    expect(store.allocation(id)).toMatchObject({ state: 'released', release: { proof: 'clean' } });
    expect(store.state.node(node)?.gpus[0]?.health).toBe('healthy');
  });

  test('as running an earlier attempt goes on with the later one', () => {
    const { store, lost, number, node } = known({}, ['n1', 'n2']);
    const n2 = 'node-n2' as NodeId;
    const [early] = store.place(number, node) as [AllocationId];
    const before = lost.workload(number);
    const key = workloadKey(number);
    lost.state.apply({ collection: 'workloads', key, before, after: { ...before, attempt: 1 } });
    const [late] = lost.place(number, n2) as [AllocationId];
    hello(store, 'n2', tell(lost, n2));
    expect(store.workload(number)).toMatchObject({ attempt: 2, allocations: [late] });
    expect(store.allocation(early).state).toBe('exited');
    hello(store, 'n1', NOTHING);
    expect(store.allocation(early)).toMatchObject({ state: 'released' });
    expect(store.workload(number)).toMatchObject({ attempt: 2, allocations: [late] });
  });

  test('as cancelled stays so: what runs is a stray, and its GPU is not given away while it does', () => {
    const { store, lost, number, node } = known();
    store.run(cancel([String(number)], '', 'alice'));
    const [id] = lost.place(number, node) as [AllocationId];
    const told = tell(lost, node);
    const { adopted, strays } = hello(store, 'n1', told);
    expect(adopted).toEqual([]);
    expect(strays).toMatchObject([{ allocation: id, kind: 'orphan', spared: false }]);
    expect(store.workload(number).state).toBe('cancelled');
    expect(store.state.node(node)?.gpus[0]?.health).toBe('quarantined');
    store.run(takeObservation(node, tell(lost, node, 'released').observed));
    expect(store.state.node(node)?.gpus[0]?.health).toBe('healthy');
    expect(store.state.node(node)?.strays).toBeUndefined();
  });

  test.each([
    ['was cancelled meanwhile', true, false],
    ['is not known, and cannot be made', false, true],
  ])('what runs of a workload that %s is spared: %#', (_, isCancelled, spared) => {
    const { store, lost, number, node } = known();
    if (isCancelled) store.run(cancel([String(number)], '', 'alice'));
    const [id] = lost.place(number, node) as [AllocationId];
    const told = tell(lost, node);
    const origins = isCancelled ? told.origins : new Map<AllocationId, Origin>();
    // Spared for a while it would run on beside the next attempt, or after its end.
    const { strays } = hello(store, 'n1', { ...told, origins }, {}, { orphanTtlMs: 300_000 });
    expect(strays).toMatchObject([{ allocation: id, kind: 'orphan', spared }]);
  });

  test('as a gang comes together again; of one that does not, all starts over', () => {
    const { store, lost, number, node } = known({ tasks: 2, gpusPerTask: 2 }, ['n1', 'n2']);
    const n2 = 'node-n2' as NodeId;
    lost.decide({
      type: 'bind',
      workload: number,
      placements: [node, n2].map((on, task) => ({ task, node: on, gpus: [0, 1], parts: GPU_PARTS, instances: [] })),
    });
    // One part has ended: the gang has not, as long as the other is not known.
    hello(store, 'n1', tell(lost, node, 'released'));
    expect(store.workload(number).state).toBe('starting');
    const half = store;
    hello(half, 'n2', tell(lost, n2));
    expect(half.workload(number).state).toBe('running');
    expect(half.run(endRecovery('every known node was heard', ''))).toBe(true);
    expect(half.workload(number).state).toBe('running');

    const torn = known({ tasks: 2, gpusPerTask: 2 }, ['n1', 'n2']);
    hello(torn.store, 'n1', tell(lost, node));
    torn.store.run(endRecovery('the fence time has passed', ''));
    expect(torn.store.workload(number)).toMatchObject({ state: 'stopping', afterStop: 'requeue' });
    expect(torn.store.state.meta.recovery).toBeNull();
  });
});

describe('what an agent kept', () => {
  test('is read as it was written', () => {
    const { lost } = split();
    const [made] = lost.run(submit(submission([{ name: 'x' }, { name: 'y' }], 'alice/r')));
    const workload = present(made, 'workload', '');
    const { number, uid, owner, submittedMs, spec } = workload;
    const { digest } = present(lost.state.requests.get('alice/r'), 'request', '');
    const request = { key: 'alice/r', digest, place: 0, count: 2 };
    expect(readOrigin(writeOrigin(lost.state, workload))).toMatchObject({
      number,
      uid,
      owner,
      submittedMs,
      spec,
      request,
    });
  });

  test.each([
    '',
    'null',
    '7',
    '{',
    '{"version":2}',
    '{"version":1,"number":1,"uid":"u","owner":"o","submittedMs":1,"spec":{}}',
  ])('and is damaged is nothing: %s', (text) => {
    expect(readOrigin(text)).toBeNull();
  });
});

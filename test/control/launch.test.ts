// Tasks that work together: who becomes which rank, when they may start, and what becomes of a gang that does not come together.
import { describe, expect, test } from 'vitest';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import { endRecovery } from '../../scheduler/control/commands/recovery.js';
import { desiredOf } from '../../scheduler/fleet/desired.js';
import { takeObservation } from '../../scheduler/fleet/reconcile.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import { FIRST_PORT, portFor, PORTS, START_LIMIT_MS } from '../../scheduler/model/launch.js';
import { markEnded, markReady, markStarted } from '../../scheduler/model/lifecycle.js';
import type { DesiredAllocation } from '../../proto/gen/sluice/v1/DesiredAllocation.js';
import { META_KEY, type Allocation, type Placement, type Recovery } from '../../scheduler/model/records.js';
import { GPU_PARTS, oneRole, wholeGpus } from '../../scheduler/model/requests.js';
import { Workshop } from './workshop.js';

class Stage extends Workshop {
  constructor() {
    super();
    this.queue('research', { guaranteeGpus: 64 });
  }

  launches(number: WorkloadNumber): readonly string[] {
    return this.workload(number).allocations.map((id) => {
      const { task, launch, node } = this.allocation(id);
      return `${task} on ${this.state.node(node)?.name}: rank ${launch?.rank} ${launch?.stage ?? '-'}`;
    });
  }

  ready(id: AllocationId): void {
    this.change((draft) => markReady(draft, id, this.nowMs));
  }

  order(id: AllocationId): DesiredAllocation | undefined {
    const { node } = this.allocation(id);
    const { allocations } = desiredOf(this.state, node, { epoch: 1, revision: 1, leaderId: '' });
    return (allocations ?? []).find((one) => one.id === id);
  }
}

const at = (task: number, node: NodeId, ...gpus: number[]): Placement => {
  return { task, node, gpus, parts: GPU_PARTS, instances: gpus.map(() => '') };
};

/** Two racks, of which the names sort otherwise than the nodes were made. */
function racks() {
  const stage = new Stage();
  const node = (name: string, rack: string): NodeId => {
    const id = stage.node(name, 4);
    stage.change((draft) => draft.putNode({ ...draft.node(id), labels: { block: 'b', rack } }));
    return id;
  };
  const n10 = node('n10', 'r1');
  const n2 = node('n2', 'r1');
  const a1 = node('a1', 'r2');
  return { stage, n10, n2, a1 };
}

describe('ranks', () => {
  test('follow block, rack, node and GPU, whatever the engine called the tasks', () => {
    const { stage, n10, n2, a1 } = racks();
    const number = stage.submit({ roles: oneRole(4, wholeGpus(1)) });
    stage.decide({
      type: 'bind',
      workload: number,
      placements: [at(0, a1, 0), at(1, n10, 0), at(2, n2, 1), at(3, n2, 0)],
    });
    expect(stage.launches(number)).toEqual([
      '0 on n2: rank 0 waits',
      '1 on n2: rank 1 waits',
      '2 on n10: rank 2 waits',
      '3 on a1: rank 3 waits',
    ]);
    expect(stage.allocation(stage.workload(number).allocations[0] as AllocationId).gpus[0]?.index).toBe(0);
  });

  test('go through the roles in order, and count no task without GPUs where ranks are processes on GPUs', () => {
    const { stage, n10, n2 } = racks();
    const [one] = oneRole(1, wholeGpus(0));
    const [two] = oneRole(2, wholeGpus(2));
    if (one === undefined || two === undefined) throw new Error('no role');
    const roles = [
      { ...one, name: 'driver' },
      { ...two, name: 'worker' },
    ];
    const places = [at(0, n10), at(1, n10, 0, 1), at(2, n2, 0, 1)];
    const plain = stage.submit({ roles });
    stage.decide({ type: 'bind', workload: plain, placements: places });
    expect(stage.launches(plain)).toEqual([
      '0 on n10: rank 0 waits',
      '1 on n2: rank 1 waits',
      '2 on n10: rank 2 waits',
    ]);
    const perGpu = stage.submit({ roles, launcher: 'per_gpu' });
    const others = [at(0, n10), at(1, n10, 2, 3), at(2, n2, 2, 3)];
    stage.decide({ type: 'bind', workload: perGpu, placements: others });
    expect(stage.launches(perGpu)).toEqual([
      '0 on n10: rank null waits',
      '1 on n2: rank 0 waits',
      '2 on n10: rank 1 waits',
    ]);
    const [driver, first, second] = stage.workload(perGpu).allocations as [AllocationId, AllocationId, AllocationId];
    expect(stage.order(driver)?.launch).toMatchObject({
      tasks: 2,
      processes: 4,
      mainAddress: 'n2',
      nodes: ['n2', 'n10'],
    });
    expect(stage.order(first)?.launch).toMatchObject({ rank: 0, firstProcess: 0, hold: true });
    expect(stage.order(second)?.launch).toMatchObject({ rank: 1, firstProcess: 2, hold: true });
  });

  test('a task that is alone is told of nothing, and held by nothing, unless it asks for a launcher', () => {
    const { stage, n2 } = racks();
    const plain = stage.submit({ roles: oneRole(1, wholeGpus(1)) });
    stage.decide({ type: 'bind', workload: plain, placements: [at(0, n2, 0)] });
    expect(stage.allocation(stage.workload(plain).allocations[0] as AllocationId).launch).toBeUndefined();
    const asks = stage.submit({ roles: oneRole(1, wholeGpus(2)), launcher: 'per_gpu' });
    stage.decide({ type: 'bind', workload: asks, placements: [at(0, n2, 1, 2)] });
    const [id] = stage.workload(asks).allocations as [AllocationId];
    expect(stage.order(id)?.launch).toMatchObject({ rank: 0, tasks: 1, processes: 2, hold: false });
  });

  test('two gangs whose first processes are on one node get two ports, and each attempt another one', () => {
    const holder = (port: number) => ({ launch: { rank: 0, port } }) as Allocation;
    const first = portFor({ number: 5, attempt: 1 }, []);
    expect(first).toBeGreaterThanOrEqual(FIRST_PORT);
    expect(first).toBeLessThan(FIRST_PORT + PORTS);
    expect(portFor({ number: 5, attempt: 1 }, [holder(first), holder(first + 1)])).toBe(first + 2);
    expect(portFor({ number: 5, attempt: 2 }, [])).not.toBe(first);
  });
});

describe('a gang', () => {
  function pair(spec: Parameters<Stage['submit']>[0] = {}) {
    const { stage, n2, n10 } = racks();
    const number = stage.submit({ roles: oneRole(2, wholeGpus(1)), ...spec });
    stage.decide({ type: 'bind', workload: number, placements: [at(0, n2, 0), at(1, n10, 0)] });
    const ids = stage.workload(number).allocations as [AllocationId, AllocationId];
    return { stage, number, ids, n2, n10 };
  }

  test('may start once all of it are ready, and stays so over a restart', () => {
    const { stage, number, ids } = pair();
    const [first, second] = ids;
    stage.ready(first);
    expect(stage.order(first)?.launch?.hold).toBe(true);
    stage.restart();
    stage.ready(second);
    stage.restart();
    expect(stage.launches(number)).toEqual(['0 on n2: rank 0 go', '1 on n10: rank 1 go']);
    expect(stage.order(first)?.launch?.hold).toBe(false);
    for (const id of ids) stage.change((draft) => markStarted(draft, id, stage.nowMs, stage.nowMs));
    expect(stage.workload(number)).toMatchObject({ state: 'running' });
    expect(stage.workload(number).startByMs).toBeUndefined();
    // It was told.
    expect(stage.order(first)?.launch).toBeUndefined();
  });

  test('that does not come together is placed anew without a retry, and the missing task is named', () => {
    const { stage, number, ids } = pair();
    stage.ready(ids[0]);
    stage.pass(START_LIMIT_MS - 1);
    expect(stage.workload(number).state).toBe('starting');
    stage.pass(1);
    expect(stage.workload(number)).toMatchObject({
      state: 'stopping',
      afterStop: 'requeue',
      falseStarts: 1,
      retries: 0,
    });
    expect(stage.workload(number).message).toBe('not ready to start within 10m: task 1 on n10; no task was started');
  });

  test('of which one task cannot be made ready is placed anew, and no task was started', () => {
    const { stage, number, ids, n10 } = pair();
    stage.ready(ids[0]);
    stage.run(takeObservation(n10, [neverStarted(ids[1], 'the prolog failed')]));
    expect(stage.workload(number)).toMatchObject({ state: 'stopping', afterStop: 'requeue', retries: 0 });
    expect(stage.workload(number).message).toBe(
      'no task was started, since task 1 could not be made ready on n10: the prolog failed',
    );
  });

  test('names what ended first as the cause, though it was heard of later', () => {
    const { stage, number, ids } = pair();
    for (const id of ids) stage.ready(id);
    for (const id of ids) stage.change((draft) => markStarted(draft, id, stage.nowMs, stage.nowMs));
    stage.nowMs += 60_000;
    const fail = (id: AllocationId, code: number, endedMs: number): void => {
      const exit = { code, signal: '', message: '' };
      stage.change((draft) => markEnded(draft, id, { exit, endedMs, ofItsOwn: true }, stage.nowMs));
    };
    fail(ids[0], 1, stage.nowMs - 1_000);
    fail(ids[1], 42, stage.nowMs - 5_000);
    expect(stage.workload(number)).toMatchObject({
      state: 'failed',
      message: 'task 1 (rank 1 on n10) exited with code 42',
    });
  });

  test('without a surplus task that was lost before it began has ranks without a gap', () => {
    const { stage, n2, n10, a1 } = racks();
    const [role] = oneRole(2, wholeGpus(1));
    if (role === undefined) throw new Error('no role');
    const number = stage.submit({ roles: [{ ...role, maxTasks: 4 }] });
    const placements = [at(0, n2, 0), at(1, n2, 1), at(2, n10, 0), at(3, a1, 0)];
    stage.decide({ type: 'bind', workload: number, placements });
    const [zero, one, two, three] = stage.workload(number).allocations as AllocationId[];
    for (const id of [zero, one, three]) stage.ready(id as AllocationId);
    stage.run(takeObservation(n10, [neverStarted(two as AllocationId, 'no room')]));
    expect(stage.launches(number)).toEqual(['0 on n2: rank 0 go', '1 on n2: rank 1 go', '3 on a1: rank 2 go']);
    expect(stage.order(three as AllocationId)?.launch).toMatchObject({ tasks: 3, leastTasks: 2, mostTasks: 4 });
    // One that comes later starts by itself, with a rank of its own.
    for (const id of [zero, one, three]) {
      stage.change((draft) => markStarted(draft, id as AllocationId, stage.nowMs, stage.nowMs));
    }
    stage.decide({ type: 'bind', workload: number, placements: [at(2, n10, 1)] });
    expect(stage.launches(number)).toContain('2 on n10: rank 3 -');
  });
});

describe('an elastic gang', () => {
  const world = (order: DesiredAllocation | undefined): string => {
    const { tasks, processes, nodes, firstProcess, hold } = order?.launch ?? {};
    return `${tasks} tasks, ${processes} processes on ${nodes?.join(' ')}, mine from ${firstProcess}${hold === true ? ', held' : ''}`;
  };

  /** Two of at most four tasks with two GPUs each, placed and waiting. */
  function growing() {
    const { stage, n2, n10, a1 } = racks();
    const [role] = oneRole(2, wholeGpus(2));
    if (role === undefined) throw new Error('no role');
    const number = stage.submit({ roles: [{ ...role, maxTasks: 4 }], launcher: 'per_gpu' });
    stage.decide({ type: 'bind', workload: number, placements: [at(0, n2, 0, 1), at(1, n10, 0, 1)] });
    const task = (index: number): AllocationId => {
      const found = stage.workload(number).allocations.find((id) => stage.allocation(id).task === index);
      if (found === undefined) throw new Error(`no task ${index}`);
      return found;
    };
    const start = (...tasks: number[]): void => {
      for (const one of tasks) stage.change((draft) => markStarted(draft, task(one), stage.nowMs, stage.nowMs));
    };
    return { stage, number, task, start, n2, n10, a1 };
  }

  test('tells all ranks of one round the same world, though it grows before all of them have heard', () => {
    const { stage, number, task, start, a1 } = growing();
    for (const one of [0, 1]) stage.ready(task(one));
    expect(world(stage.order(task(0)))).toBe('2 tasks, 4 processes on n2 n10, mine from 0');
    start(0);
    stage.decide({ type: 'bind', workload: number, placements: [at(2, a1, 0, 1)] });
    stage.restart();
    expect(world(stage.order(task(1)))).toBe('2 tasks, 4 processes on n2 n10, mine from 2');
    expect(world(stage.order(task(2)))).toBe('3 tasks, 6 processes on n2 n10 a1, mine from 4');
    stage.decide({ type: 'bind', workload: number, placements: [at(3, a1, 2, 3)] });
    expect(world(stage.order(task(2)))).toBe('3 tasks, 6 processes on n2 n10 a1, mine from 4');
    expect(world(stage.order(task(3)))).toBe('4 tasks, 8 processes on n2 n10 a1 a1, mine from 6');
    start(1, 2, 3);
    expect(stage.workload(number).rounds).toBeUndefined();
  });

  test('tells all ranks of one round the same world, though one of them is lost before all have heard', () => {
    const { stage, number, task, start, a1 } = growing();
    stage.decide({ type: 'bind', workload: number, placements: [at(2, a1, 0, 1)] });
    for (const one of [0, 1, 2]) stage.ready(task(one));
    start(0);
    const whole = '3 tasks, 6 processes on n2 n10 a1';
    expect(world(stage.order(task(1)))).toBe(`${whole}, mine from 2`);
    stage.run(takeObservation(a1, [neverStarted(task(2), 'no room')]));
    expect(world(stage.order(task(1)))).toBe(`${whole}, mine from 2`);
    expect(stage.workload(number)).toMatchObject({ state: 'starting', afterStop: null });
  });

  test('begins as one with what comes while it waits, and without it when that is not ready in time', () => {
    const { stage, number, task, a1 } = growing();
    stage.ready(task(0));
    stage.decide({ type: 'bind', workload: number, placements: [at(2, a1, 0, 1)] });
    stage.ready(task(1));
    expect(stage.launches(number)).toEqual([
      '0 on n2: rank 0 ready',
      '1 on n10: rank 1 ready',
      '2 on a1: rank 2 waits',
    ]);
    expect(world(stage.order(task(2)))).toBe('3 tasks, 6 processes on n2 n10 a1, mine from 4, held');
    stage.pass(START_LIMIT_MS);
    expect(stage.launches(number)).toEqual(['0 on n2: rank 0 go', '1 on n10: rank 1 go', '2 on a1: rank 2 waits']);
    expect(world(stage.order(task(0)))).toBe('2 tasks, 4 processes on n2 n10, mine from 0');
    expect(stage.allocation(task(2))).toMatchObject({ state: 'stopping' });
    expect(stage.workload(number)).toMatchObject({ state: 'starting', falseStarts: 0 });
    expect(stage.workload(number).events.at(-1)?.message).toContain(
      'not ready to start within 10m: task 2 on a1; the others start without',
    );
  });
});

function neverStarted(id: AllocationId, message: string): Observed {
  return {
    id,
    state: 'released',
    startedMs: null,
    endedMs: null,
    exit: { code: null, signal: '', message },
    checkpoint: null,
    endpoints: [],
    neverStarted: true,
    stopSignalled: false,
    dirtyGpus: [],
  };
}

describe('a gang that became ready while agents were awaited', () => {
  test.each(['copy_changed', 'lost'] satisfies Recovery['why'][])('is let go when that is over: %s', (why) => {
    const { stage, n10, n2 } = racks();
    const number = stage.submit({ roles: oneRole(2, wholeGpus(1)) });
    stage.decide({ type: 'bind', workload: number, placements: [at(0, n10, 0), at(1, n2, 0)] });
    const recovery: Recovery = { why, sinceMs: stage.nowMs, adopted: 0 };
    stage.change((draft) => draft.put('meta', META_KEY, { ...draft.meta, recovery }));
    for (const id of stage.workload(number).allocations) stage.ready(id);
    expect(stage.launches(number)).toEqual(['0 on n2: rank 0 ready', '1 on n10: rank 1 ready']);
    stage.run(endRecovery('every known node was heard', ''));
    expect(stage.launches(number)).toEqual(['0 on n2: rank 0 go', '1 on n10: rank 1 go']);
  });
});

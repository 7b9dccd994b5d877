// Elastic workloads: the core starts as a gang, surplus tasks come and go one by one within the same attempt.
import { describe, expect, test } from 'vitest';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { hold } from '../../scheduler/control/commands/steering.js';
import type { Evict } from '../../scheduler/engine/decisions.js';
import { desiredOf } from '../../scheduler/fleet/desired.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import { fenceNode, takeObservation } from '../../scheduler/fleet/reconcile.js';
import { isSurplus, mayGrow, MAX_FALSE_STARTS } from '../../scheduler/model/elastic.js';
import type { Placement, Role } from '../../scheduler/model/records.js';
import { ANYWHERE, GPU_PARTS, wholeGpus } from '../../scheduler/model/requests.js';
import { Workshop } from './workshop.js';

const role = (name: string, minTasks: number, maxTasks: number): Role => {
  const request = { ...wholeGpus(1), cpuMilli: 500, memoryMib: 64 };
  return { name, minTasks, maxTasks, request, rules: ANYWHERE, topology: null, program: null };
};

/** Two of at most four tasks run on n1; n2 is empty. */
class Stage extends Workshop {
  readonly n1: NodeId;
  readonly n2: NodeId;
  readonly number: WorkloadNumber;

  constructor(roles: readonly Role[] = [role('', 2, 4)]) {
    super();
    this.queue('research', { guaranteeGpus: 8 });
    [this.n1, this.n2] = [this.node('n1', 8), this.node('n2', 8)];
    this.number = this.submit({ roles });
  }

  bind(tasks: readonly number[], node = this.n1): void {
    const placements = tasks.map((task): Placement => ({ task, node, gpus: [task], parts: GPU_PARTS, instances: [] }));
    this.decide({ type: 'bind', workload: this.number, placements });
  }

  start(...tasks: number[]): void {
    for (const task of tasks) this.see(task, { state: 'running' });
  }

  /** The agent of a task's node reports the task so, and all else as it was ordered. */
  see(task: number, fields: Partial<Observed>): void {
    const one = this.allocation(this.of(task));
    const observed = this.state.heldOn(one.node).map((held): Observed => {
      const known = {
        id: held.id,
        startedMs: held.startedMs,
        endedMs: held.endedMs,
        exit: held.exit,
        checkpoint: null,
      };
      const rest = { endpoints: [], neverStarted: false, stopSignalled: held.stop !== null, dirtyGpus: [] };
      const state = held.state === 'placed' ? 'starting' : held.state;
      const change = held.id === one.id ? { startedMs: held.startedMs ?? this.nowMs, ...fields } : {};
      return { ...known, ...rest, state, ...change };
    });
    this.run(takeObservation(one.node, observed));
  }

  of(task: number): AllocationId {
    const id = this.workload(this.number).allocations.find((one) => this.allocation(one).task === task);
    if (id === undefined) throw new Error(`no task ${task}`);
    return id;
  }

  evict(tasks: readonly number[], fields: Partial<Evict> = {}): void {
    const allocations = tasks.map((task) => this.of(task));
    const why = { reason: 'reclaimed', forWorkload: null, message: 'product takes back 1 GPU' } as const;
    this.decide({ type: 'evict', workload: this.number, allocations, ...why, ...fields });
  }

  /** Its state and the states of its tasks: `running 0:running 1:stopping`. */
  get told(): string {
    const { state, allocations } = this.workload(this.number);
    const tasks = allocations.map((id) => this.allocation(id)).map((one) => `${one.task}:${one.state}`);
    return [state, ...tasks].join(' ');
  }

  /** The reason in the order to a task's agent. */
  stopTold(task: number): string | undefined {
    const { id, node } = this.allocation(this.of(task));
    const { allocations } = desiredOf(this.state, node, { epoch: 1, revision: 1, leaderId: '' });
    return allocations?.find((one) => one.id === id)?.stop?.reason?.toString();
  }

  get lastEvent(): string {
    const event = this.workload(this.number).events.at(-1);
    return `${event?.type}: ${event?.message}`;
  }
}

const over = { state: 'released', exit: { code: 0, signal: '', message: '' }, stopSignalled: true } as const;
const crash = { state: 'exited', exit: { code: 7, signal: '', message: '' }, stopSignalled: false } as const;
const vanished = { state: 'released', exit: null } as const;

/** First the one on n1, then the other on n2. */
function binds(stage: Stage, first: readonly number[], second: readonly number[]): void {
  stage.bind(first);
  stage.bind(second, stage.n2);
}

describe('growing', () => {
  test('starts with its core and takes surplus tasks into the same attempt, each from the newest checkpoint', () => {
    const stage = new Stage();
    stage.bind([0, 1]);
    stage.start(0);
    expect(stage.told).toBe('starting 0:running 1:placed');
    stage.bind([2]);
    stage.start(1);
    expect(stage.told).toBe('running 0:running 1:running 2:placed');
    stage.see(0, { state: 'running', checkpoint: { step: 9, timeMs: stage.nowMs, path: '/c/9' } });
    stage.bind([3], stage.n2);
    expect(stage.lastEvent).toBe('placed: task 3 added on n2 (1 GPU)');
    expect(stage.workload(stage.number)).toMatchObject({ attempt: 1, requeues: 0 });
    expect(stage.allocation(stage.of(3))).toMatchObject({ attempt: 1, resume: { step: 9 }, cpuMilli: 500 });
    expect(stage.allocation(stage.of(2)).resume).toBeNull();
  });

  test.each<[string, string, (stage: Stage) => void]>([
    ['a gang that is not whole', 'gangs start whole', (stage) => stage.bind([0])],
    ['a task that it has', 'a task has one allocation', (stage) => binds(stage, [0, 1], [1])],
    [
      'a task that is being stopped',
      'a task has one allocation',
      (stage) => {
        binds(stage, [0, 1], [2]);
        stage.evict([2]);
        stage.bind([2], stage.n1);
      },
    ],
    [
      'more while it stops',
      'only pending and running work is placed',
      (stage) => {
        stage.bind([0, 1]);
        stage.evict([0, 1]);
        stage.bind([2], stage.n2);
      },
    ],
  ])('is never given %s', (_, law, make) => {
    expect(() => make(new Stage())).toThrow(`invariant "${law}" does not hold`);
  });

  test('tells its agent the role, the rank in it and the role of each task', () => {
    const program = { type: 'command', argv: ['serve'] } as const;
    const stage = new Stage([role('head', 1, 1), { ...role('worker', 1, 3), program }]);
    stage.bind([0, 1]);
    stage.bind([3]);
    const { allocations } = desiredOf(stage.state, stage.n1, { epoch: 1, revision: 1, leaderId: 'leader' });
    expect(
      allocations?.map((one) => [one.task, one.role, one.roleRank, one.roleTasks, one.command?.argv?.[0]]),
    ).toEqual([
      [0, 'head', 0, 1, 'true'],
      [1, 'worker', 0, 3, 'serve'],
      [3, 'worker', 2, 3, 'serve'],
    ]);
  });

  test('counts the core role by role', () => {
    const roles = { roles: [role('head', 1, 2), role('worker', 2, 4)] };
    expect([0, 1, 2, 3, 4, 5].filter((task) => isSurplus(roles, task))).toEqual([1, 4, 5]);
    const stage = new Stage(roles.roles);
    expect(() => stage.bind([0, 1, 2])).toThrow('gangs start whole');
  });
});

describe('shrinking', () => {
  function full(): Stage {
    const stage = new Stage();
    stage.bind([0, 1]);
    stage.bind([2, 3]);
    stage.start(0, 1, 2, 3);
    return stage;
  }

  test('stops only the surplus tasks named, goes on, and may have their numbers again', () => {
    const stage = full();
    const evicted = stage.of(3);
    stage.evict([3]);
    expect(stage.told).toBe('running 0:running 1:running 2:running 3:stopping');
    expect(stage.lastEvent).toBe('stopping: task 3 (1 GPU) stopped: product takes back 1 GPU');
    expect(stage.stopTold(3)).toBe('STOP_REASON_RESIZE');
    stage.nowMs += 10_000;
    stage.see(3, { ...over, exit: { code: 143, signal: '', message: '' } });
    expect(stage.told).toBe('running 0:running 1:running 2:running');
    expect(stage.workload(stage.number)).toMatchObject({ pastAllocations: [evicted], requeues: 0, gpuMs: 10_000 });
    stage.bind([3], stage.n2);
    expect(stage.told).toBe('running 0:running 1:running 2:running 3:placed');
  });

  test('cannot be cut below what the gang needs: it is stopped and requeued as a whole', () => {
    const stage = full();
    stage.evict([1, 2, 3]);
    expect(stage.told).toBe('stopping 0:stopping 1:stopping 2:stopping 3:stopping');
    for (const task of [0, 1, 2, 3]) stage.see(task, over);
    expect(stage.workload(stage.number)).toMatchObject({ state: 'pending', requeues: 1 });
  });

  test('to be repaired it is stopped as a whole', () => {
    const stage = full();
    stage.evict([0, 1, 2, 3], { reason: 'gang_ended', message: 'it runs with 1 task of 2' });
    expect(stage.told).toBe('stopping 0:stopping 1:stopping 2:stopping 3:stopping');
    expect(stage.allocation(stage.of(0)).stop).toMatchObject({ reason: 'gang_ended', forWorkload: null });
    for (const task of [0, 1, 2, 3]) stage.see(task, over);
    expect(stage.workload(stage.number)).toMatchObject({ state: 'pending', requeues: 1, retries: 0 });
  });

  test('goes on without a lost surplus task, which is no requeue', () => {
    const stage = full();
    stage.nowMs += 90_000;
    stage.see(2, vanished);
    expect(stage.told).toBe('running 0:running 1:running 3:running');
    expect(stage.workload(stage.number)).toMatchObject({ requeues: 0, falseStarts: 0, lostGpuMs: 0 });
    stage.run(fenceNode(stage.n1, [stage.of(3)]));
    expect(stage.told).toBe('running 0:running 1:running');
    expect(stage.lastEvent).toMatch(/^stopping: task 3 was lost, the others go on: its node was not heard of/);
    stage.bind([2, 3], stage.n2);
    expect(stage.told).toBe('running 0:running 1:running 2:placed 3:placed');
  });

  test('is requeued when it loses a task of its core', () => {
    const stage = full();
    stage.see(1, vanished);
    expect(stage.told).toBe('stopping 0:stopping 1:released 2:stopping 3:stopping');
  });

  test('lost and evicted tasks at once do not leave it short', () => {
    const stage = new Stage([role('', 2, 4)]);
    stage.bind([0, 1]);
    stage.bind([2]);
    stage.start(0, 1, 2);
    // The engine may take any, as long as enough stay; then the loss of the last surplus one is one too many.
    stage.evict([0]);
    expect(stage.told).toBe('running 0:stopping 1:running 2:running');
    stage.see(2, vanished);
    expect(stage.told).toBe('stopping 0:stopping 1:stopping 2:released');
  });

  test('fails as a whole when a surplus task fails', () => {
    const stage = full();
    stage.see(3, crash);
    expect(stage.told).toBe('stopping 0:stopping 1:stopping 2:stopping 3:exited');
    for (const task of [0, 1, 2]) stage.see(task, over);
    expect(stage.workload(stage.number)).toMatchObject({
      state: 'failed',
      message: 'task 3 (rank 3 on n1) exited with code 7',
    });
  });

  test('ends a task that exits well, adds none after that, and has succeeded when all have', () => {
    const stage = full();
    const grows = () => {
      const workload = stage.workload(stage.number);
      return mayGrow(
        workload,
        workload.allocations.map((id) => stage.allocation(id)),
      );
    };
    expect(grows()).toBe(true);
    stage.see(3, { ...over, stopSignalled: false });
    expect(stage.told).toBe('running 0:running 1:running 2:running 3:released');
    expect(grows()).toBe(false);
    for (const task of [0, 1]) stage.see(task, { ...over, stopSignalled: false });
    // The core has done its work: what is left may be taken, and the workload has succeeded.
    stage.evict([2]);
    expect(stage.told).toBe('running 0:released 1:released 2:stopping 3:released');
    stage.see(2, over);
    expect(stage.workload(stage.number)).toMatchObject({ state: 'succeeded', message: '3 tasks done' });
  });

  test('is given no more tasks after so many that no node could start', () => {
    const stage = full();
    const lost = { state: 'released', neverStarted: true, startedMs: null, exit: null } as const;
    for (let time = 0; time < MAX_FALSE_STARTS; time += 1) {
      const workload = stage.workload(stage.number);
      expect(
        mayGrow(
          workload,
          workload.allocations.map((id) => stage.allocation(id)),
        ),
      ).toBe(true);
      if (time > 0) stage.bind([3]);
      stage.see(3, lost);
    }
    expect(stage.told).toBe('running 0:running 1:running 2:running');
    expect(mayGrow(stage.workload(stage.number), [])).toBe(false);
  });

  test('gives back what another queue takes within the grace that its queue allows', () => {
    const stage = full();
    stage.change((draft) => {
      const queue = stage.state.queue('research');
      if (queue !== undefined) draft.put('queues', 'research', { ...queue, maxGraceMs: 5_000 });
    });
    stage.evict([3], { reason: 'preempted' });
    stage.evict([2]);
    expect([3, 2].map((task) => stage.allocation(stage.of(task)).stop?.graceMs)).toEqual([30_000, 5_000]);
  });

  test('gives back what a queue had lent within the grace that this one allows', () => {
    const stage = full();
    stage.change((draft) => {
      const queue = stage.state.queue('research');
      if (queue === undefined) return;
      draft.put('queues', 'research', { ...queue, maxGraceMs: 5_000, lendMaxGraceMs: 0 });
      const lender = { ...queue, name: 'lender' as QueueName, parent: 'above' as QueueName };
      draft.put('queues', 'lender', lender);
      draft.put('queues', 'above', { ...lender, name: 'above' as QueueName, parent: null, lendMaxGraceMs: 2_000 });
    });
    // Who takes by his fair share has lent nothing; of the rules that count the shortest does.
    stage.evict([3], { lender: null });
    stage.evict([2], { lender: 'lender' as QueueName });
    expect([3, 2].map((task) => stage.allocation(stage.of(task)).stop?.graceMs)).toEqual([5_000, 2_000]);
    expect(stage.allocation(stage.of(2)).stop).not.toHaveProperty('lender');
    expect(stage.workload(stage.number).events.slice(-2)).toMatchObject([
      { message: expect.stringMatching(/; its grace is 5.0s, as queue research allows, and not 30s$/) as string },
      { message: expect.stringMatching(/; its grace is 2.0s, as queue above, which lent the GPUs, allows/) as string },
    ]);
  });

  test('evicts nothing that does not run', () => {
    const stage = full();
    stage.evict([3]);
    expect(() => stage.evict([3])).toThrow('only what runs is evicted');
  });
});

describe('claims', () => {
  const claim = (stage: Stage, tasks: readonly number[]) =>
    stage.decide({
      type: 'claim',
      workload: stage.number,
      placements: tasks.map((task) => ({ task, node: stage.n2, gpus: [task], parts: GPU_PARTS, instances: [] })),
    });

  test('of a workload that is moved last through its stop, and it is bound to them', () => {
    const stage = new Stage();
    stage.bind([0, 1]);
    stage.start(0, 1);
    stage.evict([0, 1], { reason: 'moved', message: 'makes room for 9' });
    claim(stage, [0, 1]);
    expect(stage.lastEvent).toBe('claimed: 2 GPUs are being cleared for it');
    for (const task of [0, 1]) stage.see(task, over);
    expect(stage.workload(stage.number)).toMatchObject({ state: 'pending', claim: { placements: [{}, {}] } });
    stage.bind([0, 1], stage.n2);
    expect(stage.workload(stage.number)).toMatchObject({ state: 'starting', attempt: 2, claim: null });
  });

  test.each<[string, (stage: Stage) => void]>([
    ['is cancelled', (stage) => stage.run(cancel([String(stage.number)], '', 'ada'))],
    ['is held', (stage) => stage.run(hold([String(stage.number)], '', 'ada'))],
  ])('of one that is moved and %s meanwhile are dropped', (_, change) => {
    const stage = new Stage();
    stage.bind([0, 1]);
    stage.evict([0, 1], { reason: 'moved' });
    claim(stage, [0, 1]);
    change(stage);
    for (const task of [0, 1]) stage.see(task, over);
    expect(stage.workload(stage.number).claim).toBeNull();
  });

  test('of a running one are for more tasks: bound one by one, void once it stops', () => {
    const stage = new Stage();
    stage.bind([0, 1]);
    claim(stage, [2, 3]);
    stage.bind([2], stage.n2);
    expect(stage.workload(stage.number).claim?.placements.map(({ task }) => task)).toEqual([3]);
    stage.evict([0, 1, 2]);
    expect(stage.workload(stage.number).claim).toBeNull();
  });

  test('can be dropped, with the reason', () => {
    const stage = new Stage();
    claim(stage, [0, 1]);
    stage.decide({ type: 'drop_claim', workload: stage.number, message: 'node n2 is down' });
    expect(stage.lastEvent).toBe('claimed: the claim was dropped: node n2 is down');
    expect(stage.workload(stage.number).claim).toBeNull();
  });

  test('are not for a gang that has all its tasks, nor for what is held', () => {
    const fixed = new Stage([role('', 2, 2)]);
    fixed.bind([0, 1]);
    expect(() => claim(fixed, [2])).toThrow('only what may be placed has a claim');
    const held = new Stage();
    held.run(hold([String(held.number)], '', 'ada'));
    expect(() => claim(held, [0, 1])).toThrow('only what may be placed has a claim');
    expect(() => held.bind([0, 1])).toThrow('only work with an open gate is placed');
  });
});

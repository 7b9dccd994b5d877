// Work whose GPUs do nothing: warned, then taken back, as its queue or one above it asks; never by what was not measured.
import { describe, expect, test } from 'vitest';
import type { AllocationId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { findIdleGpus, reclaimIdleGpus } from '../../scheduler/control/commands/idle-gpus.js';
import { updateQueue } from '../../scheduler/control/commands/queues.js';
import { requeue } from '../../scheduler/control/commands/steering.js';
import { mayGrow } from '../../scheduler/model/elastic.js';
import { markEnded, markReleased, markStarted, noteCheckpoint } from '../../scheduler/model/lifecycle.js';
import type { LiveMeasure } from '../../scheduler/model/measured-workload.js';
import { noticesOf } from '../../scheduler/model/notices.js';
import type { IdleGpuPolicy, Notice, RecordChange } from '../../scheduler/model/records.js';
import { ANYWHERE, GPU_PARTS, wholeGpus } from '../../scheduler/model/requests.js';
import { type SpecFields, Workshop } from './workshop.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const POLICY: IdleGpuPolicy = { warnAfterMs: HOUR_MS, reclaimAfterMs: 2 * HOUR_MS };
const EXITED = { code: 0, signal: '', message: 'exited with code 0' };

/** A workload that runs, and what its GPUs have done since. */
class Stage extends Workshop {
  readonly number: WorkloadNumber;
  readonly notices: Notice[] = [];
  /** Since when the GPUs of a task are idle; absent = they work. Null = its agent is not heard. */
  readonly idleSinceMs = new Map<AllocationId, number | null>();

  constructor(fields: SpecFields = {}, policy: IdleGpuPolicy | null = POLICY, starts = true) {
    super();
    this.nowMs = 10 * HOUR_MS;
    this.queue('all');
    this.queue('research', { parent: 'all' as QueueName });
    this.run(updateQueue('all' as QueueName, { idleGpus: policy }, false));
    const node = this.node('n1', 8);
    this.onChanges = (changes: readonly RecordChange[]) => this.notices.push(...changes.flatMap(noticesOf));
    const told = { on: ['idle', 'end'], to: 'https://ci.example.org' } as const;
    this.number = this.submit({ notify: [told], ...fields });
    this.place(this.number, node);
    if (starts) this.startAll();
  }

  startAll(): void {
    for (const id of this.workload(this.number).allocations) this.started(id);
  }

  started(id: AllocationId): void {
    this.change((draft) => markStarted(draft, id, this.nowMs, this.nowMs));
  }

  /** Tasks that are added, on GPUs from the seventh on. */
  add(...tasks: readonly number[]): void {
    const node = this.allocation(this.tasks[0] as AllocationId).node;
    const placements = tasks.map((task) => ({ task, node, gpus: [task], parts: GPU_PARTS, instances: [] }));
    this.decide({ type: 'bind', workload: this.number, placements });
    for (const id of this.tasks) if (this.allocation(id).startedMs === null) this.started(id);
  }

  ended(id: AllocationId): void {
    this.change((draft) => {
      markEnded(draft, id, { exit: EXITED, endedMs: this.nowMs, ofItsOwn: false }, this.nowMs);
      markReleased(draft, id, 'clean', this.nowMs);
    });
  }

  get tasks(): readonly AllocationId[] {
    return this.workload(this.number).allocations;
  }

  /** From now on these GPUs do nothing. */
  idle(...tasks: readonly AllocationId[]): void {
    for (const id of tasks) this.idleSinceMs.set(id, this.nowMs);
  }

  live(id: AllocationId): LiveMeasure | null {
    const sinceMs = this.idleSinceMs.get(id);
    if (sinceMs === null) return null;
    // As if told half a minute ago.
    const ageMs = 30_000;
    const idleMs = sinceMs === undefined ? 0 : Math.max(0, this.nowMs - ageMs - sinceMs);
    const gpus = this.allocation(id).gpus.map(() => ({ measuredMs: 0, busyMs: 0, workMs: 0, memoryPeakMib: 0 }));
    return { use: { cpuMs: null, memoryPeakMib: null, gpus }, idleMs: gpus.map(() => idleMs), ageMs };
  }

  /** Looks every minute for so long. */
  look(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs += MINUTE_MS;
      const live = (id: AllocationId): LiveMeasure | null => this.live(id);
      const isDue = findIdleGpus(this.state, this.workload(this.number), live, this.nowMs) !== null;
      const before = this.workload(this.number);
      this.run(reclaimIdleGpus([this.number], live));
      // What is found is done, and nothing else.
      const isDone = this.workload(this.number) !== before;
      if (isDone !== isDue) throw new Error(`found: ${isDue}, done: ${isDone}`);
    }
  }

  get warnings(): readonly string[] {
    return this.workload(this.number).events.flatMap(({ type, message }) => (type === 'warning' ? [message] : []));
  }
}

describe('work whose GPUs are idle', () => {
  test('is warned once, told of by notice, and ended when the time is over', () => {
    const stage = new Stage({ gpusPerTask: 4 });
    stage.idle(...stage.tasks);
    stage.look(60 * MINUTE_MS);
    expect(stage.warnings).toEqual([]);
    stage.look(MINUTE_MS);
    const warning = '4 GPUs idle for 1h; queue all ends work after 2h of that. It ends in 1h unless they are used';
    expect(stage.warnings).toEqual([warning]);
    expect(stage.notices).toMatchObject([{ type: 'idle', timeMs: stage.nowMs, workload: { message: warning } }]);
    stage.look(59 * MINUTE_MS);
    expect(stage.workload(stage.number).state).toBe('running');
    stage.look(MINUTE_MS);
    expect(stage.workload(stage.number)).toMatchObject({
      state: 'stopping',
      afterStop: 'cancel',
      message: '4 GPUs idle for 2h; queue all ends work after 2h of that',
    });
    expect(stage.allocation(stage.tasks[0] as AllocationId).stop).toMatchObject({ reason: 'idle', graceMs: 30_000 });
    stage.look(HOUR_MS);
    stage.ended(stage.tasks[0] as AllocationId);
    expect(stage.workload(stage.number).state).toBe('cancelled');
    expect(stage.warnings).toHaveLength(1);
    expect(stage.notices.map(({ type }) => type)).toEqual(['idle', 'cancelled']);
  });

  test('is warned again when it worked in between, under another id, and has its whole time again', () => {
    const stage = new Stage();
    stage.idle(...stage.tasks);
    stage.look(100 * MINUTE_MS);
    // It worked for a moment.
    stage.idle(...stage.tasks);
    stage.look(119 * MINUTE_MS);
    expect(stage.warnings).toHaveLength(2);
    expect(new Set(stage.notices.map(({ id }) => id)).size).toBe(2);
    expect(stage.workload(stage.number).state).toBe('running');
    stage.look(3 * MINUTE_MS);
    expect(stage.workload(stage.number).state).toBe('stopping');
  });

  test('is warned anew of another time when the clock was set back behind the last warning', () => {
    const stage = new Stage();
    stage.nowMs += 2 * HOUR_MS;
    stage.idle(...stage.tasks);
    stage.look(62 * MINUTE_MS);
    expect(stage.warnings).toHaveLength(1);
    stage.idleSinceMs.clear();
    stage.nowMs -= 90 * MINUTE_MS;
    stage.idle(...stage.tasks);
    stage.look(119 * MINUTE_MS);
    expect(stage.warnings).toHaveLength(2);
    expect(stage.workload(stage.number).state).toBe('running');
    stage.look(3 * MINUTE_MS);
    expect(stage.workload(stage.number).state).toBe('stopping');
  });

  test('has time after the warning when the rule comes later', () => {
    const stage = new Stage({}, null);
    stage.idle(...stage.tasks);
    stage.look(9 * HOUR_MS);
    expect(stage.warnings).toEqual([]);
    stage.run(updateQueue('research' as QueueName, { idleGpus: POLICY }, false));
    stage.look(HOUR_MS);
    expect(stage.warnings).toHaveLength(1);
    expect(stage.workload(stage.number).state).toBe('running');
    stage.look(2 * MINUTE_MS);
    expect(stage.workload(stage.number).state).toBe('stopping');
  });

  test('is only warned where its queue says no more', () => {
    const stage = new Stage({}, { warnAfterMs: HOUR_MS, reclaimAfterMs: null });
    stage.idle(...stage.tasks);
    stage.look(9 * HOUR_MS);
    expect(stage.warnings).toEqual(['1 GPU idle for 1h; queue all asks that they be used or given back']);
    expect(stage.workload(stage.number).state).toBe('running');
  });

  test.each<[string, () => Stage]>([
    [
      'its queue says off',
      () => {
        const stage = new Stage();
        const off = { warnAfterMs: null, reclaimAfterMs: null };
        stage.run(updateQueue('research' as QueueName, { idleGpus: off }, false));
        stage.idle(...stage.tasks);
        return stage;
      },
    ],
    [
      'one task of its gang works',
      () => {
        const stage = new Stage({ tasks: 3 });
        stage.idle(...stage.tasks.slice(1));
        return stage;
      },
    ],
    [
      'one task of its gang is not heard',
      () => {
        const stage = new Stage({ tasks: 3 });
        stage.idle(...stage.tasks);
        stage.idleSinceMs.set(stage.tasks[1] as AllocationId, null);
        return stage;
      },
    ],
    [
      'it is being prepared',
      () => {
        const stage = new Stage({}, POLICY, false);
        stage.idle(...stage.tasks);
        return stage;
      },
    ],
    [
      'it is a service',
      () => {
        const stage = new Stage({ kind: 'service' });
        stage.idle(...stage.tasks);
        return stage;
      },
    ],
    [
      'it is interactive',
      () => {
        const stage = new Stage({ kind: 'interactive' });
        stage.idle(...stage.tasks);
        return stage;
      },
    ],
    [
      'it has no GPUs',
      () => {
        const stage = new Stage({ gpusPerTask: 0 });
        stage.idle(...stage.tasks);
        return stage;
      },
    ],
  ])('is left alone while %s', (_, make) => {
    const stage = make();
    const before = stage.workload(stage.number);
    stage.look(9 * HOUR_MS);
    expect(stage.workload(stage.number)).toBe(before);
  });

  test('did something when it saved a checkpoint', () => {
    const stage = new Stage();
    stage.idle(...stage.tasks);
    for (let step = 1; step <= 8; step += 1) {
      stage.look(50 * MINUTE_MS);
      const checkpoint = { step, timeMs: stage.nowMs, path: `/c/${step}` };
      stage.change((draft) => noteCheckpoint(draft, stage.number, checkpoint, stage.nowMs));
    }
    expect(stage.warnings).toEqual([]);
    stage.look(3 * HOUR_MS);
    expect(stage.workload(stage.number).state).toBe('stopping');
  });
});

describe('elastic work whose GPUs are idle', () => {
  const request = { ...wholeGpus(1), cpuMilli: 0, memoryMib: 0 };
  const role = { name: '', minTasks: 2, maxTasks: 4, request, rules: ANYWHERE, topology: null, program: null };
  const elastic = (): Stage => {
    const stage = new Stage({ roles: [role] });
    stage.add(2, 3);
    return stage;
  };
  const stops = (stage: Stage): readonly (string | null)[] =>
    stage.tasks.map((id) => stage.allocation(id).stop?.reason ?? null);
  const mayGrowNow = (stage: Stage): boolean =>
    mayGrow(
      stage.workload(stage.number),
      stage.tasks.map((id) => stage.allocation(id)),
    );

  test('gives surplus tasks, and gets no more of them in this attempt', () => {
    const stage = elastic();
    expect(mayGrowNow(stage)).toBe(true);
    stage.idle(...stage.tasks.slice(2));
    stage.look(121 * MINUTE_MS);
    expect(stage.warnings).toEqual([
      '2 GPUs of 2 surplus tasks idle for 1h; queue all takes surplus tasks back after 2h of that. They are taken in 1h unless they are used',
    ]);
    expect(stops(stage)).toEqual([null, null, 'idle', 'idle']);
    expect(stage.workload(stage.number).state).toBe('running');
    for (const id of stage.tasks.slice(2)) stage.ended(id);
    stage.look(9 * HOUR_MS);
    expect(stage.workload(stage.number).state).toBe('running');
    expect(mayGrowNow(stage)).toBe(false);
    stage.run(requeue([String(stage.number)], '', 'alice', false));
    for (const id of stage.tasks) stage.ended(id);
    stage.place(stage.number, 'node-n1' as never);
    stage.startAll();
    expect(mayGrowNow(stage)).toBe(true);
  });

  test('gives surplus tasks first, and the rest after a warning of its own', () => {
    const stage = elastic();
    stage.idle(...stage.tasks);
    stage.look(121 * MINUTE_MS);
    expect(stops(stage)).toEqual([null, null, 'idle', 'idle']);
    for (const id of stage.tasks.slice(2)) stage.ended(id);
    stage.look(MINUTE_MS);
    expect(stage.warnings.at(-1)).toBe(
      '2 GPUs idle for 2h01m; queue all ends work after 2h of that. It ends in 1h unless they are used',
    );
    stage.look(59 * MINUTE_MS);
    expect(stage.workload(stage.number).state).toBe('running');
    stage.look(2 * MINUTE_MS);
    expect(stage.workload(stage.number)).toMatchObject({ state: 'stopping', afterStop: 'cancel' });
  });
});

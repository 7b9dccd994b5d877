// Work that asks to be tried again, and what its time limit makes of it.
import { describe, expect, test } from 'vitest';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { markEnded, markStarted, noteCheckpoint } from '../../scheduler/model/lifecycle.js';
import type { WorkloadSpec } from '../../scheduler/model/records.js';
import { LONGEST_REQUEUE_PAUSE_MS, requeuePauseMs, SOUND_RUN_MS } from '../../scheduler/model/asked-requeue.js';
import { Workshop } from './workshop.js';

const done = { code: 0, signal: '', message: '' };
const crash = { code: 1, signal: '', message: '' };
const again = { code: 75, signal: '', message: '' };

class Stage extends Workshop {
  constructor() {
    super();
    this.queue('research', { guaranteeGpus: 8 });
  }

  /** A workload whose tasks run. Nodes are never returned, so that every attempt has a new one. */
  running(spec: Partial<WorkloadSpec> & { tasks?: number } = {}): WorkloadNumber {
    const number = this.submit(spec);
    this.run1(number);
    return number;
  }

  run1(number: WorkloadNumber): readonly AllocationId[] {
    const ids = this.place(number, this.node(`n${this.nodes++}`, 8));
    for (const id of ids) this.change((draft) => markStarted(draft, id, this.nowMs, this.nowMs));
    return ids;
  }

  end(number: WorkloadNumber, task: number, exit: typeof done, ofItsOwn = true): void {
    const id = this.workload(number).allocations[task];
    if (id === undefined) throw new Error(`no task ${task}`);
    this.change((draft) => markEnded(draft, id, { exit, endedMs: this.nowMs, ofItsOwn }, this.nowMs));
  }

  save(number: WorkloadNumber, step: number): void {
    const checkpoint = { step, timeMs: this.nowMs, path: `/c/${step}` };
    this.change((draft) => noteCheckpoint(draft, number, checkpoint, this.nowMs));
  }

  private nodes = 0;
}

describe('exit code 75', () => {
  test('puts work back in its queue, charges no retry, and starts it anew at once after a sound run', () => {
    const stage = new Stage();
    const number = stage.running();
    stage.nowMs += SOUND_RUN_MS;
    stage.end(number, 0, again);
    expect(stage.workload(number)).toMatchObject({ state: 'pending', requeues: 1, retries: 0, gate: null });
    expect(stage.workload(number).events.at(-1)?.message).toBe(
      'task 0 asked to be tried again (exit code 75); lost 1m00s of GPU time; starts over',
    );
  });

  test('soon after the start, and with nothing saved, comes after a pause that doubles', () => {
    const stage = new Stage();
    const number = stage.running();
    const pauses: number[] = [];
    for (let time = 0; time < 3; time += 1) {
      stage.nowMs += 1_000;
      stage.end(number, 0, again);
      const { gate } = stage.workload(number);
      expect(gate).toMatchObject({ kind: 'backoff' });
      pauses.push((gate?.untilMs ?? 0) - stage.nowMs);
      // A daemon that begins anew keeps to it.
      stage.restart();
      stage.pass((pauses.at(-1) ?? 0) - 1);
      expect(stage.workload(number).gate).not.toBeNull();
      stage.pass(1);
      expect(stage.workload(number).gate).toBeNull();
      stage.run1(number);
    }
    expect(pauses).toEqual([10_000, 20_000, 40_000]);
    stage.nowMs += 1_000;
    stage.save(number, 1);
    stage.end(number, 0, again);
    expect(stage.workload(number)).toMatchObject({ gate: null, checkpoint: { step: 1 } });
    expect(stage.workload(number).hastyRequeues).toBeUndefined();
    expect(requeuePauseMs(1_000)).toBe(LONGEST_REQUEUE_PAUSE_MS);
  });

  test('is what a retry policy says that names it', () => {
    const stage = new Stage();
    const policy = { max: 1, backoffMs: 0, maxBackoffMs: 0 };
    const counted = stage.running({ retry: { ...policy, codes: [75], neverCodes: [] } });
    stage.end(counted, 0, again);
    expect(stage.workload(counted)).toMatchObject({ state: 'pending', retries: 1, requeues: 0 });
    const refused = stage.running({ retry: { ...policy, codes: [], neverCodes: [75] } });
    stage.end(refused, 0, again);
    expect(stage.workload(refused).state).toBe('failed');
  });

  test('of one task requeues the gang; a failure beside it fails it', () => {
    const stage = new Stage();
    const number = stage.running({ tasks: 3 });
    stage.end(number, 0, done);
    stage.end(number, 1, again);
    expect(stage.workload(number)).toMatchObject({ state: 'stopping', afterStop: 'requeue' });
    stage.end(number, 2, crash, false);
    expect(stage.workload(number)).toMatchObject({ state: 'pending', requeues: 1 });

    const broken = stage.running({ tasks: 2 });
    stage.end(broken, 0, crash);
    stage.end(broken, 1, again);
    expect(stage.workload(broken)).toMatchObject({
      state: 'failed',
      message: 'task 0 (rank 0 on n1) exited with code 1',
    });
  });

  test('of work that is being cancelled does not bring it back', () => {
    const stage = new Stage();
    const number = stage.running();
    stage.run(cancel([String(number)], '', 'ann'));
    stage.end(number, 0, again);
    expect(stage.workload(number).state).toBe('cancelled');
  });
});

describe('a time limit', () => {
  const limited = { timeLimitMs: 100_000 };

  test('that work leaves well after having saved something lets it go on in another attempt', () => {
    const stage = new Stage();
    const number = stage.running(limited);
    stage.nowMs += 50_000;
    stage.save(number, 10);
    stage.pass(50_000);
    expect(stage.workload(number)).toMatchObject({ state: 'stopping' });
    stage.end(number, 0, done, false);
    expect(stage.workload(number)).toMatchObject({ state: 'pending', requeues: 1, checkpoint: { step: 10 } });
    // The next attempt gets no further: no new checkpoint, so it has failed.
    stage.run1(number);
    stage.pass(100_000);
    stage.end(number, 0, done, false);
    expect(stage.workload(number)).toMatchObject({ state: 'failed', message: 'time limit of 1m40s passed' });
  });

  test('is passed by exit code 75, and by nothing else when nothing was saved', () => {
    const stage = new Stage();
    const asking = stage.running(limited);
    const ending = stage.running(limited);
    stage.pass(100_000);
    stage.end(asking, 0, again, false);
    stage.end(ending, 0, done, false);
    expect(stage.workload(asking).state).toBe('pending');
    expect(stage.workload(ending).state).toBe('failed');
  });

  test('is announced by an early signal so long before that the stop signal comes with the limit', () => {
    const stage = new Stage();
    const early = { signal: 'SIGUSR1', aheadMs: 30_000 } as const;
    const number = stage.running({ ...limited, graceMs: 10_000, earlySignal: early });
    stage.pass(69_999);
    expect(stage.workload(number).state).toBe('running');
    stage.pass(1);
    expect(stage.workload(number)).toMatchObject({ state: 'stopping', message: 'time limit of 1m40s passes in 30s' });
    const [id] = stage.workload(number).allocations as [AllocationId];
    expect(stage.allocation(id).stop).toMatchObject({ reason: 'time_limit', graceMs: 40_000 });
    // It saves upon the signal, and leaves.
    stage.save(number, 7);
    stage.end(number, 0, done, false);
    expect(stage.workload(number)).toMatchObject({ state: 'pending', checkpoint: { step: 7 } });
    // The next attempt comes to its end by itself while only the early signal has come.
    stage.run1(number);
    stage.pass(70_000);
    stage.nowMs += 29_999;
    stage.end(number, 0, done, false);
    expect(stage.workload(number)).toMatchObject({ state: 'succeeded' });
  });
});

// What control owes by itself: retries after a pause, time limits, dependencies, arrays. And that a restart owes the same.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../common/errors.js';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { sweep } from '../../scheduler/control/commands/retention.js';
import { Keeping } from '../../scheduler/control/keeping.js';
import { hold, release, requeue } from '../../scheduler/control/commands/steering.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { MAX_ACTS_PER_TURN, Upkeep } from '../../scheduler/control/upkeep.js';
import { fenceNode } from '../../scheduler/fleet/reconcile.js';
import { markEnded, markReleased, markStarted } from '../../scheduler/model/lifecycle.js';
import { workloadKey, type Dependency, type Exit, type RetryPolicy } from '../../scheduler/model/records.js';
import { NO_RETRY } from '../../scheduler/model/requests.js';
import { codeOf, retryDelayMs } from '../../scheduler/model/retry.js';
import { type SpecFields, submission, Workshop } from './workshop.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ok: Exit = { code: 0, signal: '', message: '' };
const exit = (code: number): Exit => ({ code, signal: '', message: '' });
const killed: Exit = { code: null, signal: 'SIGKILL', message: '' };

/** A workshop in which work starts, ends and is looked at in a word. */
class Stage extends Workshop {
  readonly home: NodeId;

  constructor() {
    super();
    this.queue('research', { guaranteeGpus: 8 });
    this.home = this.node('n1', 64);
  }

  start(number: WorkloadNumber): AllocationId {
    const ids = this.place(number, this.home);
    for (const id of ids) this.change((draft) => markStarted(draft, id, this.nowMs, this.nowMs));
    return ids[0] as AllocationId;
  }

  end(id: AllocationId, how: Exit, ofItsOwn = true): void {
    this.change((draft) => markEnded(draft, id, { exit: how, endedMs: this.nowMs, ofItsOwn }, this.nowMs));
    this.change((draft) => markReleased(draft, id, 'clean', this.nowMs));
    this.pass();
  }

  /** `pending(backoff)`, `running` */
  is(number: WorkloadNumber): string {
    const { state, gate } = this.workload(number);
    return gate === null ? state : `${state}(${gate.kind})`;
  }

  last(number: WorkloadNumber): string {
    const event = this.workload(number).events.at(-1);
    return `${event?.type}: ${event?.message}`;
  }
}

describe('retries', () => {
  const retry: RetryPolicy = { ...NO_RETRY, max: 3, backoffMs: 10_000, maxBackoffMs: 30_000 };

  test('come after pauses that double up to the longest, so often, and are counted', () => {
    const stage = new Stage();
    const number = stage.submit({ retry });
    for (const pauseMs of [10_000, 20_000, 30_000]) {
      stage.end(stage.start(number), exit(7));
      expect(stage.is(number)).toBe('pending(backoff)');
      expect(stage.workload(number).gate?.untilMs).toBe(stage.nowMs + pauseMs);
      stage.pass(pauseMs - 1);
      expect(stage.is(number)).toBe('pending(backoff)');
      stage.pass(1);
      expect(stage.is(number)).toBe('pending');
    }
    stage.end(stage.start(number), exit(7));
    expect(stage.workload(number)).toMatchObject({
      state: 'failed',
      retries: 3,
      requeues: 0,
      attempt: 4,
      lostGpuMs: 0,
    });
    expect(stage.workload(number).message).toBe('task 0 exited with code 7');
  });

  test('say what failed, when the next comes, and why it waits', () => {
    const stage = new Stage();
    const number = stage.submit({ retry });
    stage.end(stage.start(number), exit(7));
    expect(stage.last(number)).toBe('retried: task 0 exited with code 7; tried again in 10s, retry 1 of 3');
    expect(stage.workload(number).gate?.message).toBe('its program failed; retry 1 of 3 comes after a pause');
  });

  test('pause no longer than they were to when a daemon begins on a machine whose clock was set back', () => {
    const stage = new Stage();
    const number = stage.submit({ retry });
    stage.end(stage.start(number), exit(7));
    stage.nowMs -= HOUR;
    stage.upkeep = new Upkeep(stage.state);
    stage.pass();
    expect(stage.workload(number).gate?.untilMs).toBe(stage.nowMs + 10_000);
    stage.pass(9_999);
    expect(stage.is(number)).toBe('pending(backoff)');
    stage.pass(1);
    expect(stage.is(number)).toBe('pending');
  });

  test('are not charged for what the program did not do', () => {
    const stage = new Stage();
    const number = stage.submit({ retry });
    const id = stage.start(number);
    stage.nowMs += 2 * MINUTE;
    stage.run(fenceNode(stage.home, [id]));
    expect(stage.workload(number)).toMatchObject({ state: 'pending', retries: 0, requeues: 1, gate: null });
  });

  test('do not come after a cancel, though the program failed before its stop signal came', () => {
    const stage = new Stage();
    const number = stage.submit({ retry });
    const id = stage.start(number);
    stage.run(cancel([`${number}`], '', 'alice'));
    expect(stage.is(number)).toBe('stopping');
    stage.end(id, exit(7));
    expect(stage.workload(number)).toMatchObject({ state: 'failed', message: 'task 0 exited with code 7', retries: 0 });
  });

  test('of a gang stop the others first and are one retry', () => {
    const stage = new Stage();
    const number = stage.submit({ tasks: 2, retry: { ...retry, backoffMs: 0, maxBackoffMs: 0 } });
    stage.start(number);
    const [first, second] = stage.workload(number).allocations as [AllocationId, AllocationId];
    stage.end(second, exit(7));
    expect(stage.is(number)).toBe('stopping');
    stage.end(first, killed, false);
    expect(stage.is(number)).toBe('pending');
    expect(stage.last(number)).toBe(
      'retried: task 1 (rank 1 on n1) exited with code 7; tried again at once, retry 1 of 3',
    );
  });

  test.each<[string, Partial<RetryPolicy>, number, Exit, number | null]>([
    ['any code', {}, 0, exit(1), 10_000],
    ['a signal', {}, 0, killed, 10_000],
    ['nothing known', {}, 0, { code: null, signal: '', message: '' }, 10_000],
    ['not one of the codes', { codes: [7] }, 0, exit(8), null],
    ['one of the codes', { codes: [7, 8] }, 0, exit(8), 10_000],
    ['a signal by its code', { codes: [137] }, 0, killed, 10_000],
    ['a code never to be tried', { neverCodes: [2] }, 0, exit(2), null],
    ['a code both named and never', { codes: [2], neverCodes: [2] }, 0, exit(2), null],
    ['too often', {}, 3, exit(1), null],
    ['a passed time limit', {}, 0, exit(124), null],
    ['a passed time limit, named', { codes: [124] }, 0, exit(124), 10_000],
    ['a first pause above the longest', { backoffMs: 40_000 }, 0, exit(1), 40_000],
    ['so often that the doubling overflows', { max: 2_000 }, 1_500, exit(1), 30_000],
  ])('after %s', (_, policy, retries, how, expected) => {
    expect(retryDelayMs({ ...retry, ...policy }, retries, codeOf(how))).toBe(expected);
  });
});

describe('a time limit', () => {
  const spec: SpecFields = { timeLimitMs: 2 * HOUR };

  test('warns five minutes before, then stops with the grace, and the workload has failed', () => {
    const stage = new Stage();
    const number = stage.submit(spec);
    const id = stage.start(number);
    const endMs = stage.nowMs + 2 * HOUR;
    expect(stage.workload(number).deadline).toEqual({ warnMs: endMs - 5 * MINUTE, endMs });
    stage.pass(2 * HOUR - 5 * MINUTE);
    expect(stage.last(number)).toBe('warning: its time limit of 2h passes in 5m');
    expect(stage.is(number)).toBe('running');
    stage.pass(5 * MINUTE - 1);
    expect(stage.is(number)).toBe('running');
    stage.pass(1);
    expect(stage.is(number)).toBe('stopping');
    expect(stage.allocation(id).stop).toMatchObject({ reason: 'time_limit', graceMs: 30_000 });
    // It saved its work and left with code 0: that is not success, since it was cut off.
    stage.end(id, ok, false);
    expect(stage.workload(number)).toMatchObject({
      state: 'failed',
      message: 'time limit of 2h passed',
      retries: 0,
      deadline: null,
    });
  });

  test.each([
    [10 * MINUTE, MINUTE],
    [HOUR, 5 * MINUTE],
    [5, 0],
  ])('of %i ms warns %i ms before', (timeLimitMs, beforeMs) => {
    const stage = new Stage();
    const number = stage.submit({ timeLimitMs });
    stage.start(number);
    const { deadline } = stage.workload(number);
    expect((deadline?.endMs ?? 0) - (deadline?.warnMs ?? 0)).toBe(beforeMs);
  });

  test('counts from when all of the gang runs, anew in each attempt', () => {
    const stage = new Stage();
    const number = stage.submit({ ...spec, tasks: 2 });
    const [first, second] = stage.place(number, stage.home) as [AllocationId, AllocationId];
    stage.change((draft) => markStarted(draft, first, stage.nowMs, stage.nowMs));
    stage.pass(HOUR / 12);
    expect(stage.is(number)).toBe('starting');
    stage.change((draft) => markStarted(draft, second, stage.nowMs, stage.nowMs));
    expect(stage.workload(number).deadline?.endMs).toBe(stage.nowMs + 2 * HOUR);
    stage.run(requeue([String(number)], '', 'ada', false));
    expect(stage.workload(number).deadline).toBeNull();
    for (const id of [first, second]) stage.end(id, ok, false);
    stage.pass(HOUR);
    stage.start(number);
    expect(stage.workload(number).deadline?.endMs).toBe(stage.nowMs + 2 * HOUR);
  });

  test('that passes while the daemon is down is enforced when it begins again', () => {
    const stage = new Stage();
    const number = stage.submit(spec);
    stage.start(number);
    stage.nowMs += 5 * HOUR;
    stage.upkeep = new Upkeep(stage.state);
    stage.pass();
    expect(stage.is(number)).toBe('stopping');
  });

  test('is retried when the policy names 124', () => {
    const stage = new Stage();
    const number = stage.submit({ ...spec, retry: { ...NO_RETRY, max: 1, codes: [124] } });
    const id = stage.start(number);
    stage.pass(2 * HOUR);
    stage.end(id, killed, false);
    expect(stage.last(number)).toBe('retried: time limit of 2h passed; tried again at once, retry 1 of 1');
  });

  test('does not touch what ended, or was cancelled, in time', () => {
    const stage = new Stage();
    const [done, cancelled] = [stage.submit({ ...spec, name: 'a' }), stage.submit({ ...spec, name: 'b' })];
    stage.end(stage.start(done), ok);
    const id = stage.start(cancelled);
    stage.run(cancel([String(cancelled)], '', 'ada'));
    stage.pass(3 * HOUR);
    expect(stage.allocation(id).stop?.reason).toBe('cancelled');
    stage.end(id, killed, false);
    expect([stage.is(done), stage.is(cancelled)]).toEqual(['succeeded', 'cancelled']);
  });
});

describe('dependencies', () => {
  const on = (workload: number, condition: Dependency['condition']): SpecFields => ({
    dependencies: [{ workload: workload as WorkloadNumber, condition }],
  });

  test.each<[Dependency['condition'], 'waits' | 'runs', string, string, string]>([
    // What becomes of one that waits once the other: runs, succeeds, fails, is cancelled.
    ['succeeded', 'waits', 'pending', 'cancelled', 'cancelled'],
    ['ended', 'waits', 'pending', 'pending', 'pending'],
    ['failed', 'waits', 'cancelled', 'pending', 'cancelled'],
    ['started', 'runs', 'pending', 'pending', 'cancelled'],
  ])('on what must have %s', (condition, whileRunning, success, failure, cancellation) => {
    const after = (end: (stage: Stage, other: WorkloadNumber) => void): string => {
      const stage = new Stage();
      const other = stage.submit({ name: 'prep' });
      const number = stage.submit(on(other, condition));
      stage.pass();
      expect(stage.is(number)).toBe('pending(dependency)');
      end(stage, other);
      stage.pass();
      return stage.is(number);
    };
    expect(after((stage, other) => stage.start(other))).toBe(
      whileRunning === 'runs' ? 'pending' : 'pending(dependency)',
    );
    expect(after((stage, other) => stage.end(stage.start(other), ok))).toBe(success);
    expect(after((stage, other) => stage.end(stage.start(other), exit(7)))).toBe(failure);
    expect(after((stage, other) => stage.run(cancel([String(other)], '', 'ada')))).toBe(cancellation);
  });

  test('that can never be met cancel with the reason, and so does what waits for the cancelled', () => {
    const stage = new Stage();
    const prep = stage.submit({ name: 'prep' });
    const train = stage.submit({ name: 'train', ...on(prep, 'succeeded') });
    const test1 = stage.submit({ name: 'test', ...on(train, 'succeeded') });
    stage.pass();
    expect(stage.workload(train).gate?.message).toBe(`waits for workload ${prep} (prep) to have succeeded`);
    stage.end(stage.start(prep), exit(7));
    expect(stage.last(train)).toBe(`finished: cancelled: workload ${prep} (prep) failed, but it must have succeeded`);
    expect(stage.workload(test1).message).toBe(`workload ${train} (train) was cancelled, but it must have succeeded`);
  });

  test('must all be met', () => {
    const stage = new Stage();
    const [a, b] = [stage.submit({ name: 'a' }), stage.submit({ name: 'b' })];
    const both = [a, b].map((workload) => ({ workload, condition: 'succeeded' as const }));
    const number = stage.submit({ dependencies: both });
    stage.pass();
    expect(stage.workload(number).gate?.message).toBe(`waits for workload ${a} (a) to have succeeded, and for 1 other`);
    stage.end(stage.start(a), ok);
    expect(stage.workload(number).gate?.message).toBe(`waits for workload ${b} (b) to have succeeded`);
    stage.end(stage.start(b), ok);
    expect(stage.is(number)).toBe('pending');
  });

  test('do not count again for what was placed once', () => {
    const stage = new Stage();
    const other = stage.submit({ name: 'other' });
    const number = stage.submit(on(other, 'started'));
    stage.start(other);
    stage.pass();
    stage.start(number);
    stage.run(requeue([String(number)], '', 'ada', false));
    stage.end(stage.workload(number).allocations[0] as AllocationId, killed, false);
    expect(stage.is(number)).toBe('pending');
  });

  test('on a failure count once its retries are used up', () => {
    const stage = new Stage();
    const other = stage.submit({ name: 'other', retry: { ...NO_RETRY, max: 1 } });
    const number = stage.submit(on(other, 'failed'));
    stage.end(stage.start(other), exit(7));
    expect(stage.is(number)).toBe('pending(dependency)');
    stage.end(stage.start(other), exit(7));
    expect(stage.is(number)).toBe('pending');
  });

  test('keep the record of what they wait for, however old; of what is gone only its end is known', () => {
    const stage = new Stage();
    const [prep, other] = [stage.submit({ name: 'prep' }), stage.submit({ name: 'other' })];
    const ends = { workload: prep, condition: 'succeeded' } as const;
    const number = stage.submit({ dependencies: [ends, { workload: other, condition: 'ended' }] });
    stage.end(stage.start(prep), ok);
    stage.nowMs += HOUR;
    stage.run(sweep({ finishedMs: 1, finishedCount: 0, requestMs: 1, requestCount: 1_000 }, new Keeping(stage.state)));
    expect(stage.workload(prep).state).toBe('succeeded');
    stage.end(stage.start(other), ok);
    expect(stage.is(number)).toBe('pending');
    stage.start(number);
    stage.nowMs += HOUR;
    stage.run(sweep({ finishedMs: 1, finishedCount: 0, requestMs: 1, requestCount: 1_000 }, new Keeping(stage.state)));
    expect(stage.state.workload(prep)).toBeUndefined();
  });

  test.each([
    ['ended', 'pending', ''],
    ['succeeded', 'cancelled', 'workload 1, which must have succeeded, is not known any more'],
  ] as const)('on what was let go before must have %s: %s', (condition, state, message) => {
    const stage = new Stage();
    const prep = stage.submit({ name: 'prep' });
    const number = stage.submit(on(prep, condition));
    // As a store of an older release may have it.
    const before = stage.workload(prep);
    stage.state.apply({ collection: 'workloads', key: workloadKey(prep), before, after: null });
    stage.upkeep = new Upkeep(stage.state);
    stage.pass();
    expect(stage.workload(number)).toMatchObject({ state, message });
  });
});

describe('an array', () => {
  const members = (stage: Stage, size: number, concurrency: number): readonly WorkloadNumber[] => {
    const asked = submission([{ name: 'sweep' }]);
    const specs = asked.specs.map((one) => ({ ...one, asArray: { size, concurrency, firstIndex: 0 } }));
    const accepted = stage.run(submit({ ...asked, specs })).map(({ number }) => number);
    stage.pass();
    return accepted;
  };
  const open = (stage: Stage, numbers: readonly WorkloadNumber[]) =>
    numbers.filter((number) => stage.is(number) !== 'pending(array)').map((number) => numbers.indexOf(number));

  test('offers at most so many at once, the first first, and the next when one ends', () => {
    const stage = new Stage();
    const numbers = members(stage, 5, 2);
    expect(open(stage, numbers)).toEqual([0, 1]);
    expect(stage.workload(numbers[2] as WorkloadNumber).gate?.message).toBe(
      `2 workloads of array ${numbers[0]} may run at once, and as many do`,
    );
    const [first, second] = numbers as [WorkloadNumber, WorkloadNumber];
    const id = stage.start(second);
    stage.end(id, exit(7));
    expect(open(stage, numbers)).toEqual([0, 1, 2]);
    stage.run(cancel([String(first)], '', 'ada'));
    stage.pass();
    expect(open(stage, numbers)).toEqual([0, 1, 2, 3]);
  });

  test('without a cap offers all', () => {
    const stage = new Stage();
    expect(open(stage, members(stage, 5, 0))).toEqual([0, 1, 2, 3, 4]);
  });

  test('gives the place of one that is held, or pauses, to another; one that is requeued keeps its own', () => {
    const stage = new Stage();
    const numbers = members(stage, 4, 1);
    const [first, second] = numbers as [WorkloadNumber, WorkloadNumber];
    const id = stage.start(first);
    stage.run(requeue([String(first)], '', 'ada', false));
    stage.end(id, killed, false);
    expect(open(stage, numbers)).toEqual([0]);
    stage.run(hold([String(first)], '', 'ada'));
    stage.pass();
    expect(numbers.map((number) => stage.is(number))).toEqual([
      'pending(held)',
      'pending',
      'pending(array)',
      'pending(array)',
    ]);
    stage.run(release([String(first)], 'ada'));
    stage.pass();
    expect(stage.is(first)).toBe('pending(array)');
    stage.end(stage.start(second), ok);
    expect(numbers.filter((number) => stage.is(number) === 'pending')).toHaveLength(1);
  });
});

/** Some of what is asked at random is refused. */
function tryTo(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

describe('a restart', () => {
  const op = fc.record({
    do: fc.constantFrom('submit', 'start', 'ok', 'fail', 'hold', 'release', 'cancel', 'pass', 'array'),
    pick: fc.nat(30),
    condition: fc.constantFrom('succeeded', 'ended', 'failed', 'started'),
  });

  function act(stage: Stage, one: typeof op extends fc.Arbitrary<infer T> ? T : never): void {
    const numbers = [...stage.state.workloads.values()].map(({ number }) => number);
    const number = numbers[one.pick % Math.max(1, numbers.length)];
    const retry = { ...NO_RETRY, max: 1, backoffMs: 5_000, maxBackoffMs: 5_000 };
    if (one.do === 'pass') stage.nowMs += one.pick * 1_000;
    else if (one.do === 'array') {
      const asked = submission([{ retry }]);
      const specs = asked.specs.map((spec) => ({
        ...spec,
        asArray: { size: 3, concurrency: 1 + (one.pick % 2), firstIndex: 0 },
      }));
      stage.run(submit({ ...asked, specs }));
    } else if (one.do === 'submit' || number === undefined) {
      const dependencies = number === undefined ? [] : [{ workload: number, condition: one.condition }];
      tryTo(() => stage.run(submit(submission([{ dependencies, retry, timeLimitMs: 8_000 }]))));
    } else if (one.do === 'hold') stage.run(hold([String(number)], '', 'ada'));
    else if (one.do === 'release') stage.run(release([String(number)], 'ada'));
    else if (one.do === 'cancel') stage.run(cancel([String(number)], '', 'ada'));
    else {
      const { state, gate, allocations } = stage.workload(number);
      if (one.do === 'start' && state === 'pending' && gate === null) stage.start(number);
      else if (one.do !== 'start' && (state === 'running' || state === 'stopping')) {
        const how = one.do === 'ok' ? ok : exit(7);
        for (const id of allocations) {
          stage.change((draft) =>
            markEnded(draft, id, { exit: how, endedMs: stage.nowMs, ofItsOwn: false }, stage.nowMs),
          );
          stage.change((draft) => markReleased(draft, id, 'clean', stage.nowMs));
        }
      }
    }
  }

  test('owes what was owed: gates are as if nothing had happened, and the cap of an array holds', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
        const stage = new Stage();
        for (const one of ops) {
          act(stage, one);
          stage.pass();
          for (const { spec, state, gate } of stage.state.workloads.values()) {
            if (spec.array === null) continue;
            const { of, concurrency } = spec.array;
            const using = [...stage.state.workloads.values()].filter(
              (other) =>
                other.spec.array?.of === of &&
                ['pending', 'starting', 'running', 'stopping'].includes(other.state) &&
                other.gate === null,
            );
            expect(using.length).toBeLessThanOrEqual(concurrency);
            // Nobody waits at the gate of an array while there is a place.
            if (state === 'pending' && gate?.kind === 'array') expect(using.length).toBe(concurrency);
          }
          // Read anew, nothing is to be changed.
          const before = [...stage.state.workloads.values()];
          stage.upkeep = new Upkeep(stage.state);
          stage.pass();
          expect([...stage.state.workloads.values()]).toEqual(before);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('does no more at once than fits in a turn', () => {
    const stage = new Stage();
    const prep = stage.submit({ name: 'prep' });
    const specs = Array.from({ length: 1_000 }, () => ({
      dependencies: [{ workload: prep, condition: 'ended' as const }],
    }));
    for (let time = 0; time < 2; time += 1) stage.run(submit(submission(specs)));
    stage.pass();
    stage.run(cancel([String(prep)], '', 'ada'));
    expect([...stage.upkeep.take(stage.nowMs)]).toHaveLength(MAX_ACTS_PER_TURN);
    expect(stage.upkeep.isDue(stage.nowMs)).toBe(true);
  });
});

// A time of day that does not jump with the machine's.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ClockJump, JUMP_MS, MEND_MS, SLEW, SteadyClock, type SteadySource } from '../../common/steady-clock.js';

const HOUR_MS = 3_600_000;

class Machine implements SteadySource {
  day = 1_800_000_000_000;
  boot = 5_000;
  mono = 3_000;
  readonly jumps: ClockJump[] = [];

  wallMs = () => this.day;
  bootMs = () => this.boot;
  monotonicMs = () => this.mono;
  after = () => ({ cancel: () => undefined });
  readonly clock = new SteadyClock(this, (jump) => this.jumps.push(jump));

  pass(ms: number): void {
    this.day += ms;
    this.boot += ms;
    // As precise as the machine's.
    this.mono += ms + 0.000_7;
  }

  suspend(ms: number): void {
    this.day += ms;
    this.boot += ms;
  }
}

test('it is the time of the machine as long as that is sound, small corrections included', () => {
  const machine = new Machine();
  for (let second = 0; second < 100; second += 1) {
    machine.pass(1_000);
    machine.day += 3;
    expect(machine.clock.wallMs()).toBe(machine.day);
  }
  expect(machine.jumps).toEqual([]);
});

test.each([HOUR_MS, -HOUR_MS])('a jump by %d ms is told once and not followed, but made up for', (jumpMs) => {
  const machine = new Machine();
  const before = machine.clock.wallMs();
  machine.day += jumpMs;
  machine.pass(1_000);
  const after = machine.clock.wallMs();
  expect(after - before).toBeGreaterThanOrEqual(1_000 * (1 - SLEW));
  expect(after - before).toBeLessThanOrEqual(1_000 * (1 + SLEW));
  expect(machine.jumps).toEqual([{ aheadMs: expect.closeTo(jumpMs, 1), isFollowed: false }]);
  for (let minute = 0; minute < 21 * 60; minute += 1) {
    machine.pass(60_000);
    machine.clock.wallMs();
  }
  expect(machine.clock.wallMs()).toBe(machine.day);
  expect(machine.clock.aheadMs).toBe(0);
  expect(machine.jumps).toHaveLength(1);
});

test('a jump that is taken back is over at once', () => {
  const machine = new Machine();
  machine.day += HOUR_MS;
  machine.pass(1_000);
  machine.clock.wallMs();
  machine.day -= HOUR_MS;
  machine.pass(1_000);
  machine.clock.wallMs();
  machine.pass(60_000);
  expect(Math.abs(machine.clock.wallMs() - machine.day)).toBeLessThan(100);
});

test('time in which the machine was suspended has passed', () => {
  const machine = new Machine();
  machine.suspend(8 * HOUR_MS);
  machine.pass(1_000);
  expect(machine.clock.wallMs()).toBe(machine.day);
  expect(machine.jumps).toEqual([]);
});

test('a clock that was wrong altogether is followed at once', () => {
  const machine = new Machine();
  machine.day += 2 * MEND_MS;
  machine.pass(1_000);
  expect(machine.clock.wallMs()).toBe(machine.day);
  expect(machine.jumps).toEqual([{ aheadMs: expect.closeTo(2 * MEND_MS, 1), isFollowed: true }]);
});

test('whatever the machine does within a day, spans are at most 5 % off and never go back', () => {
  const jump = fc.integer({ min: -HOUR_MS, max: HOUR_MS });
  const pass = fc.integer({ min: 0, max: 10 * 60_000 });
  fc.assert(
    fc.property(fc.array(fc.tuple(jump, pass, fc.boolean()), { maxLength: 20 }), (moves) => {
      const machine = new Machine();
      for (const [jumpMs, passMs, isJump] of moves) {
        const before = machine.clock.wallMs();
        if (isJump) machine.day += jumpMs;
        machine.pass(passMs);
        const after = machine.clock.wallMs();
        const span = after - before;
        expect(Number.isInteger(after)).toBe(true);
        const slackMs = Math.abs(machine.clock.aheadMs) <= JUMP_MS ? JUMP_MS + 2 : 2;
        expect(span).toBeGreaterThanOrEqual(passMs * (1 - SLEW) - slackMs);
        expect(span).toBeLessThanOrEqual(passMs * (1 + SLEW) + slackMs);
      }
    }),
    { numRuns: 500 },
  );
});

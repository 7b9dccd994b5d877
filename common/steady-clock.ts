// A time of day that does not jump. Time limits, pauses before a retry and min-runtimes are kept as times of day, since only those
// survive a restart; when somebody sets the clock of the machine an hour forward, work must not be stopped an hour too early
// for it, and set back, nothing must wait an hour too long.
//
// So a jump is not followed but made up for: the steady time runs a little faster or slower than the machine's until both
// agree. Time in which the machine was suspended did pass, and is followed at once.
import type { Clock } from './clock.js';

/** The machine's time of day may go so far ahead of or behind what passed before it counts as a jump, in ms. */
export const JUMP_MS = 2_000;
/** A longer jump mends a clock that was wrong (a machine that began in 1970): it is followed at once, in ms. */
export const MEND_MS = 24 * 3_600_000;
/** How much faster or slower time runs until a jump is made up for: an hour takes 20 hours, a time limit is 5 % off. */
export const SLEW = 0.05;

/** What a clock needs to tell a jump from a rest. */
export interface SteadySource extends Clock {
  /** Milliseconds that never go back and go on while the machine is suspended. */
  bootMs(): number;
}

/** Something happened to the machine's clock. */
export interface ClockJump {
  /** How far the machine's time of day is ahead of the steady one, in ms; negative = behind. */
  readonly aheadMs: number;
  /** Whether it was followed at once. */
  readonly isFollowed: boolean;
}

/** A {@link Clock} whose time of day does not jump. */
export class SteadyClock implements Clock {
  readonly #source: SteadySource;
  readonly #onJump: (jump: ClockJump) => void;
  #steadyMs: number;
  #monotonicMs: number;
  /** By how much the clock of the boot is ahead of the monotonic one, which rests with the machine. */
  #restedMs: number;
  /** How far the machine's clock is ahead as long as that is being made up for; 0 = it is followed. */
  #aheadMs = 0;

  /** Begins with the machine's time of day. */
  constructor(source: SteadySource, onJump: (jump: ClockJump) => void) {
    this.#source = source;
    this.#onJump = onJump;
    this.#steadyMs = source.wallMs();
    this.#monotonicMs = source.monotonicMs();
    this.#restedMs = source.bootMs() - this.#monotonicMs;
  }

  /** How far the machine's time of day was ahead at the last look, in ms; 0 = not worth mentioning. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  wallMs(): number {
    const monotonicMs = this.#source.monotonicMs();
    const wallMs = this.#source.wallMs();
    let passedMs = monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
    // Asked only in doubt: the clock of the boot is slow to read.
    if (this.#isJump(wallMs - this.#steadyMs - passedMs)) passedMs += this.#takeRest(monotonicMs);
    this.#steadyMs = this.#toward(wallMs, this.#steadyMs + passedMs, passedMs);
    // Times of day are whole milliseconds, as the machine's are.
    return Math.floor(this.#steadyMs);
  }

  monotonicMs(): number {
    return this.#source.monotonicMs();
  }

  after(delayMs: number, callback: () => void): ReturnType<Clock['after']> {
    return this.#source.after(delayMs, callback);
  }

  #isJump(aheadMs: number): boolean {
    return Math.abs(aheadMs - this.#aheadMs) > JUMP_MS;
  }

  /** How long the machine was suspended since this was last asked. */
  #takeRest(monotonicMs: number): number {
    const restedMs = this.#source.bootMs() - monotonicMs;
    const newMs = restedMs - this.#restedMs;
    // Read in hundredths of a second: what is less than a jump is no rest.
    if (newMs < JUMP_MS / 2) return 0;
    this.#restedMs = restedMs;
    return newMs;
  }

  #toward(wallMs: number, expectedMs: number, passedMs: number): number {
    const aheadMs = wallMs - expectedMs;
    const isFar = Math.abs(aheadMs) > JUMP_MS;
    const isFollowed = Math.abs(aheadMs) > MEND_MS;
    if (isFar && this.#isJump(aheadMs)) this.#onJump({ aheadMs, isFollowed });
    if (isFollowed || (this.#aheadMs === 0 && !isFar)) {
      this.#aheadMs = 0;
      return wallMs;
    }
    const stepMs = Math.min(Math.abs(aheadMs), passedMs * SLEW) * Math.sign(aheadMs);
    this.#aheadMs = aheadMs - stepMs;
    return expectedMs + stepMs;
  }
}

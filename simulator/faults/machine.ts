// Machines and the processes on them. A machine has clocks of its own: their rate is a little off, its time of day may jump, and a
// boot begins them anew. A process takes what comes to it one after the other; one that is paused takes it later, one that is dead never.
import type { Timer } from '../../common/clock.js';
import type { SteadySource } from '../../common/steady-clock.js';
import type { Timeline } from './timeline.js';

/** The time of day at the beginning of every world: 2026-01-01. */
const BEGIN_WALL_MS = 1_767_225_600_000;

/** One machine: hardware that can lose power, with its clocks. */
export class SimMachine {
  readonly name: string;
  readonly timeline: Timeline;
  /** How fast its clocks run; at most 0.1 % off. */
  readonly rate: number;
  bootId: string;
  #boots = 1;
  #bootedMs = 0;
  /** By how much the time of day was set forward, in ms. */
  wallStepMs = 0;

  constructor(timeline: Timeline, name: string, rate: number) {
    this.timeline = timeline;
    this.name = name;
    this.rate = rate;
    this.bootId = bootIdOf(name, 1);
    // It was up for a while already.
    this.#bootedMs = -100_000;
  }

  /** Starts again: no process of before is left, and its clocks begin anew. */
  reboot(): void {
    this.#boots += 1;
    this.bootId = bootIdOf(this.name, this.#boots);
    this.#bootedMs = this.timeline.nowMs;
  }

  /** Milliseconds since boot by its own clock, suspend included. */
  bootMs(): number {
    return (this.timeline.nowMs - this.#bootedMs) * this.rate;
  }

  wallMs(): number {
    return Math.floor(BEGIN_WALL_MS + this.timeline.nowMs * this.rate + this.wallStepMs);
  }
}

function bootIdOf(name: string, boot: number): string {
  return `boot-${name}-${boot}`;
}

/** One process. Everything that it does, it does in callbacks that go through here. */
export class SimProcess {
  readonly machine: SimMachine;
  readonly name: string;
  readonly clock: SteadySource;
  #alive = true;
  #pausedSinceMs: number | null = null;
  #held: (() => void)[] = [];
  #draining = false;
  /** Set when its machine went down under it: nobody hears of its end. */
  hasLostPower = false;
  readonly #atEnd: (() => void)[] = [];
  readonly #atPause = new Set<() => void>();

  constructor(machine: SimMachine, name: string) {
    this.machine = machine;
    this.name = name;
    this.clock = {
      wallMs: () => machine.wallMs(),
      monotonicMs: () => machine.bootMs(),
      bootMs: () => machine.bootMs(),
      // Whole milliseconds, and at least one, as Node has them.
      after: (delayMs, callback) => this.after(Math.max(1, Math.ceil(delayMs)), `${name} timer`, callback),
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#pausedSinceMs !== null;
  }

  /** Whether it takes what comes. */
  get active(): boolean {
    return this.#alive && this.#pausedSinceMs === null;
  }

  /** Calls back after a time by the machine's own clock, unless the process has died by then. */
  after(delayMs: number, label: string, callback: () => void): Timer {
    let cancelled = false;
    const scheduled = this.machine.timeline.after(delayMs / this.machine.rate, label, () =>
      this.take(() => {
        if (!cancelled) callback();
      }),
    );
    return {
      cancel: () => {
        cancelled = true;
        scheduled.cancel();
      },
    };
  }

  /** Resolves after a time, or never if the process dies before. */
  delay(delayMs: number, label: string): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, label, resolve));
  }

  /** Something comes to it: now, or once it is no longer paused. */
  take(callback: () => void): void {
    if (!this.#alive) return;
    if (this.#pausedSinceMs !== null || this.#draining) this.#held.push(callback);
    else callback();
  }

  /** Called when it dies. */
  atEnd(callback: () => void): void {
    if (this.#alive) this.#atEnd.push(callback);
    else callback();
  }

  /** Called whenever it is paused. @returns ends it */
  atPause(callback: () => void): () => void {
    this.#atPause.add(callback);
    return () => this.#atPause.delete(callback);
  }

  /** Since when it is paused, in true time; null = it is not. */
  get pausedSinceMs(): number | null {
    return this.#pausedSinceMs;
  }

  pause(): void {
    if (!this.#alive || this.#pausedSinceMs !== null) return;
    this.#pausedSinceMs = this.machine.timeline.nowMs;
    for (const callback of this.#atPause) callback();
  }

  resume(): void {
    if (this.#pausedSinceMs === null) return;
    this.#pausedSinceMs = null;
    if (!this.#draining) this.#drain();
  }

  /** @param lostPower whether its machine went down under it */
  kill(lostPower = false): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.hasLostPower = lostPower;
    this.#held = [];
    for (const callback of this.#atEnd.splice(0)) callback();
  }

  /** What came during a pause is taken one by one, each in a turn of its own, before anything that comes now. */
  #drain(): void {
    this.#draining = this.#held.length > 0;
    if (!this.#draining) return;
    this.machine.timeline.after(0, `${this.name} goes on`, () => {
      if (!this.#alive) return;
      if (this.#pausedSinceMs === null) this.#held.shift()?.();
      if (this.#pausedSinceMs === null) this.#drain();
      else this.#draining = false;
    });
  }
}

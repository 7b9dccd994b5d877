// Time and timers as an interface, so that everything that decides can run under a virtual clock.

/** A timer that can be cancelled. */
export interface Timer {
  cancel(): void;
}

/** The source of time and timers. Only main.ts files and tests create one. */
export interface Clock {
  /** Milliseconds since 1970, for people and for records. May jump. */
  wallMs(): number;
  /** Milliseconds that never go back, for measuring spans. The origin means nothing. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`. */
  after(delayMs: number, callback: () => void): Timer;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
